package contacts

// Stats are figures of a Store. They name nobody.
type Stats struct {
	Owners   int   // of whom contacts are held
	Contacts int   // that are held of all of them together
	Bytes    int   // that these take, about
	Reads    int64 // of one person's contacts, begun since the start
	Failures int64 // of these and of those that had to wait too long for their turn
	Pending  int64 // calls since the start that were answered with cache.ErrPending
}

// Held is how many contacts of a person are held, of all callers who asked for them together.
func (s *Store) Held(person string) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for owner, kept := range s.books.things {
		if owner.Person == person {
			n += len(kept.value.people)
		}
	}
	return n
}

// Forget forgets the contacts of a person, and tells how many there were. A reading that is
// under way is for those who wait for it alone.
func (s *Store) Forget(person string) (n int) {
	n = s.Held(person)
	s.mu.Lock()
	defer s.mu.Unlock()
	for owner := range s.books.things {
		if owner.Person == person {
			s.books.takeLocked(owner)
		}
	}
	for owner, f := range s.flights {
		if owner.Person == person {
			f.forgotten = true
		}
	}
	return n
}

// Stats returns the figures of this moment.
func (s *Store) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	stats := Stats{
		Owners:   len(s.books.things),
		Bytes:    s.books.weight,
		Reads:    s.reads.Load(),
		Failures: s.failures.Load(),
		Pending:  s.pending.Load(),
	}
	for _, kept := range s.books.things {
		stats.Contacts += len(kept.value.people)
	}
	return stats
}
