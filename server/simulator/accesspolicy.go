package simulator

import (
	"fmt"
	"sync"
)

// accessPolicy is an application access policy of Exchange: mailboxes that no app may open.
type accessPolicy struct {
	mu      sync.Mutex
	refused map[string]bool // by the owner's id
}

func (a *accessPolicy) refuses(id string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.refused[id]
}

// RefuseMailbox makes every request for the contacts in a person's mailbox fail with 403 ErrorAccessDenied, as an
// application access policy does, or lets apps in again. user is an id or a user principal name.
func (s *Simulator) RefuseMailbox(user string, refused bool) error {
	s.dir.mu.RLock()
	n, ok := s.dir.lookUp(user)
	var id string
	if ok {
		id = s.dir.slots[n].person.id.String()
	}
	s.dir.mu.RUnlock()
	if !ok {
		return fmt.Errorf("refuse mailbox: %w: %.80q", ErrUnknown, user)
	}
	s.policy.mu.Lock()
	defer s.policy.mu.Unlock()
	if s.policy.refused == nil {
		s.policy.refused = make(map[string]bool)
	}
	s.policy.refused[id] = refused
	return nil
}
