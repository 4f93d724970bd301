package contacts

import (
	"context"
	"time"

	"github.com/peopleinsights/peopleinsights/cache"
)

// noLimit is the patience of those who wait until their context ends.
const noLimit time.Duration = -1

// early is for how long after a flight was made calls for candidates wait for it. They are
// the first letters that somebody types. Where the mailbox is slow, or has to wait for
// slow ones, a call for each further letter would wait as long as the first.
const early = 300 * time.Millisecond

// flight is a reading of one owner's contacts that is under way or waits for its turn.
type flight struct {
	made  time.Time
	times int           // how many readings of the owner's have failed before it, in a row
	done  chan struct{} // closed when there is an outcome
	book  *book         // the outcome; or else
	err   error

	forgotten bool // what comes of it is not kept
}

// patience is how long a call for candidates waits: it leaves some of the caller's time
// for what others found.
func (s *Store) patience(ctx context.Context) time.Duration {
	wait := s.config.Patience
	if deadline, ok := ctx.Deadline(); ok {
		left := time.Until(deadline)
		wait = max(0, min(wait, left-left/10))
	}
	return wait
}

// book returns an owner's contacts, and reads them where they are not held. It waits no
// longer than patience, and not after ctx ends; the reading goes on. With a patience it
// waits only for a flight that was made just now.
func (s *Store) book(ctx context.Context, owner Owner, patience time.Duration) (*book, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	held, f, err := s.find(ctx, owner)
	if f == nil {
		return held, err
	}
	var late <-chan time.Time
	if patience != noLimit {
		if time.Since(f.made) >= early {
			patience = 0
		}
		timer := time.NewTimer(patience)
		defer timer.Stop()
		late = timer.C
	}
	cache.Waits(ctx)
	select {
	case <-f.done:
		return f.book, f.err
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-late:
		s.pending.Add(1)
		return nil, errPending
	}
}

// find returns what is held of an owner, or else the flight that reads it, which it
// begins where there is none.
func (s *Store) find(ctx context.Context, owner Owner) (*book, *flight, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, nil, errClosed
	}
	if held, ok := s.books.getLocked(owner); ok {
		return held, nil, nil
	}
	if f := s.flights[owner]; f != nil {
		return nil, f, nil
	}
	failed, ok := s.failed.getLocked(owner)
	if ok && failed.left() > 0 {
		return nil, nil, failed.err()
	}
	if len(s.flights) >= s.config.MaxOwners {
		return nil, nil, errBusy
	}
	s.failed.takeLocked(owner) // the flight knows it now
	f := &flight{made: time.Now(), times: failed.times, done: make(chan struct{})}
	s.flights[owner] = f
	// What ctx carries, such as a trace, goes with the question; its end does not.
	ctx = context.WithoutCancel(ctx)
	s.reading.Go(func() {
		b, failure := s.read(ctx, owner.Person)
		s.finish(owner, f, b, failure)
	})
	return nil, f, nil
}

// read reads a person's contacts when it is its turn.
func (s *Store) read(ctx context.Context, person string) (*book, *failure) {
	if failure := s.turn(); failure != nil {
		return nil, failure
	}
	// The turn ends when what was read has been turned into what is held, which is
	// smaller: so many of them at most are in memory.
	defer func() { <-s.turns }()

	ctx, cancel := context.WithTimeout(ctx, s.config.ReadTimeout)
	defer cancel()
	defer context.AfterFunc(s.ctx, cancel)()
	s.reads.Add(1)
	began := time.Now()
	read, err := s.config.Source.PersonalContacts(ctx, person, s.config.MaxContacts)
	if err != nil {
		return nil, failureOf(err)
	}
	b, candidates := newBook(read, s.config.MaxContacts)
	b.began, b.candidates = began, cache.NewCandidates(candidates)
	return b, nil
}

// turn waits until fewer are being read than may be.
func (s *Store) turn() *failure {
	timer := time.NewTimer(s.config.ReadTimeout)
	defer timer.Stop()
	select {
	case s.turns <- struct{}{}:
		if s.ctx.Err() == nil {
			return nil
		}
		<-s.turns // those whom Close ends make room: it is no turn to take
		return failureOf(cache.ErrUnavailable)
	case <-timer.C:
		failure := failureOf(cache.ErrBusy)
		failure.unread = true
		return failure
	case <-s.ctx.Done():
		return failureOf(cache.ErrUnavailable)
	}
}

// finish gives a flight its outcome, and keeps that for as long as it may be.
func (s *Store) finish(owner Owner, f *flight, b *book, failure *failure) {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer close(f.done)
	delete(s.flights, owner)
	switch {
	case s.closed:
		f.err = errClosed
	case failure != nil:
		s.failures.Add(1)
		f.err = failure
		failed := failing{failure, time.Now(), f.times}
		if !failure.unread {
			failed.times++
		}
		s.failed.putLocked(owner, failed, 0, failed.at.Add(failed.pause()+inARow))
	case f.forgotten:
		f.book = b
	default:
		f.book = b
		s.books.putLocked(owner, b, b.weight, b.began.Add(s.config.TTL))
	}
}
