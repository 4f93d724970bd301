package auth

import (
	"container/list"
	"crypto/sha256"
	"sync"
	"time"
)

// How tokens that have been verified are remembered.
const (
	maxRemembered = 10_000           // of a tenant; some 500 bytes each
	rememberTime  = 15 * time.Minute // then a signature is checked again: its key may be gone
)

// remembered are the callers of tokens that have been verified, by the hash of the token,
// until it expires. Whom it has not heard of the longest is forgotten first, of the same
// tenant: one with many callers costs the others nothing.
type remembered struct {
	mu     sync.Mutex
	byHash map[[sha256.Size]byte]*list.Element
	order  map[string]*list.List // by tenant, of *memory, the newest first
}

type memory struct {
	hash   [sha256.Size]byte
	caller Caller
	until  time.Time
}

func (r *remembered) look(hash [sha256.Size]byte, now time.Time) (Caller, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	element := r.byHash[hash]
	if element == nil {
		return Caller{}, false
	}
	m := element.Value.(*memory)
	if !now.Before(m.until) {
		r.forgetLocked(element)
		return Caller{}, false
	}
	r.order[m.caller.Tenant].MoveToFront(element)
	return m.caller, true
}

// keep remembers a caller until the token expires, or for rememberTime.
func (r *remembered) keep(hash [sha256.Size]byte, caller Caller, now, expires time.Time) {
	if limit := now.Add(rememberTime); limit.Before(expires) {
		expires = limit
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.byHash == nil {
		r.byHash, r.order = make(map[[sha256.Size]byte]*list.Element), make(map[string]*list.List)
	}
	if old := r.byHash[hash]; old != nil {
		r.forgetLocked(old)
	}
	order := r.order[caller.Tenant]
	if order == nil {
		order = list.New()
		r.order[caller.Tenant] = order
	}
	for order.Len() >= maxRemembered {
		r.forgetLocked(order.Back())
	}
	r.byHash[hash] = order.PushFront(&memory{hash, caller, expires})
}

func (r *remembered) forgetLocked(element *list.Element) {
	m := element.Value.(*memory)
	delete(r.byHash, m.hash)
	r.order[m.caller.Tenant].Remove(element)
}
