package cache

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// flights are the questions to the source that are under way, by what is asked: each is
// asked once, however many wait for its answer.
type flights[T any] struct {
	mu   sync.Mutex
	open map[string]*flight[T]
}

// flight is one question. Its value and error are set once it has landed.
type flight[T any] struct {
	landed chan struct{}
	value  T
	err    error
	asked  atomic.Bool // of one that waits in a line first: it is at the source
}

// join returns the flight of a key, and whether it is new: then the caller has to land it,
// or to have it landed.
func (s *flights[T]) join(key string) (f *flight[T], first bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f = s.open[key]; f != nil {
		return f, false
	}
	if s.open == nil {
		s.open = map[string]*flight[T]{}
	}
	f = &flight[T]{landed: make(chan struct{})}
	s.open[key] = f
	return f, true
}

// land gives those who wait for a flight their answer. Who joins from now on has another.
func (s *flights[T]) land(key string, f *flight[T], value T, err error) {
	s.mu.Lock()
	delete(s.open, key)
	s.mu.Unlock()
	f.value, f.err = value, err
	close(f.landed)
}

// wait returns what a flight lands with, or, if that comes first, why ctx has ended.
func (f *flight[T]) wait(ctx context.Context) (value T, err error) {
	Waits(ctx)
	select {
	case <-f.landed:
		return f.value, f.err
	case <-ctx.Done():
	}
	select {
	case <-f.landed: // a roster's deadline does not take away those who are there
		return f.value, f.err
	default:
		return value, ctx.Err()
	}
}

// question has ask ask the source something, within a bound of its own, so that one
// caller's deadline does not fail the others. It fails with ErrBusy where as many
// questions are under way as may be.
func (d *Directory) question(ctx context.Context, within time.Duration, ask func(context.Context)) error {
	select {
	case d.lookups <- struct{}{}:
		defer func() { <-d.lookups }()
	default:
		return ErrBusy
	}
	d.within(ctx, within, ask)
	return nil
}

// within calls ask with what ctx carries, such as a trace, but not with its end.
func (d *Directory) within(ctx context.Context, within time.Duration, ask func(context.Context)) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), within)
	defer cancel()
	defer context.AfterFunc(d.ctx, cancel)()
	ask(ctx)
}

// unanswered makes of a failure after ctx has ended, which is the question's and not a
// caller's, what it is to callers: the source did not answer within the time. What the
// source did say stays as it said it.
func unanswered(ctx context.Context, err error, within time.Duration) error {
	if err == nil || ctx.Err() == nil {
		return err
	}
	for _, said := range []error{ErrBusy, ErrThrottled, ErrQuota, ErrDenied, ErrNotFound, ErrNoPhoto} {
		if errors.Is(err, said) {
			return err
		}
	}
	return fmt.Errorf("no answer in %v: %w", within, ErrUnavailable)
}
