package contacts

import (
	"slices"
	"sync"
	"time"
)

// shelf keeps something of each of so many owners until its time is up, and not a moment
// longer: a timer forgets it then. What must go earlier to make room is what would have
// gone next.
//
// Timers hold on to what they are to do until long after they are stopped, so that there
// is one for all, which knows the shelf alone. All methods need the lock.
type shelf[V any] struct {
	mu        *sync.Mutex // the store's
	maxOwners int
	maxWeight int

	things map[Owner]*thing[V]
	order  []*thing[V] // whose time is up first, first
	weight int         // of all together
	timer  *time.Timer // for the first; nil before there was one
}

type thing[V any] struct {
	owner  Owner
	value  V
	weight int
	until  time.Time
}

func newShelf[V any](mu *sync.Mutex, maxOwners, maxWeight int) *shelf[V] {
	return &shelf[V]{mu: mu, maxOwners: maxOwners, maxWeight: maxWeight, things: map[Owner]*thing[V]{}}
}

// getLocked returns what is kept of an owner.
func (s *shelf[V]) getLocked(owner Owner) (value V, ok bool) {
	s.expireLocked() // the timer may be waiting for the lock
	if kept := s.things[owner]; kept != nil {
		return kept.value, true
	}
	return value, false
}

// takeLocked forgets what is kept of an owner, if anything is.
func (s *shelf[V]) takeLocked(owner Owner) {
	kept := s.things[owner]
	if kept == nil {
		return
	}
	delete(s.things, owner)
	s.weight -= kept.weight
	at := slices.Index(s.order, kept)
	s.order = slices.Delete(s.order, at, at+1)
	s.armLocked()
}

// putLocked keeps something of an owner of whom nothing is kept. What is heavier than
// all together may be is not kept, nor is what has no time left.
func (s *shelf[V]) putLocked(owner Owner, value V, weight int, until time.Time) {
	if weight > s.maxWeight || !time.Now().Before(until) {
		return
	}
	kept := &thing[V]{owner, value, weight, until}
	at := len(s.order)
	for at > 0 && until.Before(s.order[at-1].until) { // it is near the end
		at--
	}
	s.order = slices.Insert(s.order, at, kept)
	s.things[owner] = kept
	s.weight += weight
	for len(s.order) > s.maxOwners || s.weight > s.maxWeight {
		s.dropLocked(1)
	}
	s.armLocked()
}

// expireLocked forgets those whose time is up.
func (s *shelf[V]) expireLocked() {
	now, past := time.Now(), 0
	for past < len(s.order) && !now.Before(s.order[past].until) {
		past++
	}
	if past > 0 {
		s.dropLocked(past)
		s.armLocked()
	}
}

// clearLocked forgets all.
func (s *shelf[V]) clearLocked() {
	s.dropLocked(len(s.order))
	s.armLocked()
}

// dropLocked forgets the first n. No array and no map keeps them: slices.Delete and
// delete clear what they leave free.
func (s *shelf[V]) dropLocked(n int) {
	for _, gone := range s.order[:n] {
		delete(s.things, gone.owner)
		s.weight -= gone.weight
	}
	s.order = slices.Delete(s.order, 0, n)
}

// armLocked sets the timer for the first.
func (s *shelf[V]) armLocked() {
	switch {
	case len(s.order) == 0:
		if s.timer != nil {
			s.timer.Stop()
		}
	case s.timer == nil:
		s.timer = time.AfterFunc(time.Until(s.order[0].until), func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.expireLocked()
		})
	default:
		s.timer.Reset(time.Until(s.order[0].until))
	}
}
