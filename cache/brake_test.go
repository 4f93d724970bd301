package cache_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"testing"
	"testing/synctest"
	"time"

	"github.com/peopleinsights/peopleinsights/cache"
	"github.com/peopleinsights/peopleinsights/cache/sourcetest"
	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
)

// crowd is a source of n people.
func crowd(n int) *sourcetest.Memory {
	m := &sourcetest.Memory{PageSize: 1000}
	for i := range n {
		m.Put(member(i))
	}
	return m
}

func member(i int) cache.Person {
	p := sourcetest.Someone(0)
	p.Profile.Id, p.Profile.Email, p.Proxies = sourcetest.ID(i), fmt.Sprintf("m%d@contoso.com", i), nil
	p.Profile.UserPrincipalName, p.OtherMails = fmt.Sprintf("m%d@contoso.com", i), nil
	return p
}

func (f fixture) remove(from, to int) {
	for i := from; i < to; i++ {
		f.source.Remove(sourcetest.ID(i))
	}
}

// expectHeldBack expects so many removals to wait, and everybody to be served, as stale.
func (f fixture) expectHeldBack(removals, held int) {
	f.t.Helper()
	s := f.Status()
	if back := s.HeldBack(); back == nil || back.HeldBack != removals || back.HeldOf != held {
		f.t.Fatalf("held back: %+v, want %d of %d", back, removals, held)
	}
	if s.State != pb.DirectoryState_DIRECTORY_STATE_HELD_BACK || s.People != held || !s.Freshness.Stale {
		f.t.Errorf("while removals are held back: %v, %d people, stale %v", s.State, s.People, s.Freshness.Stale)
	}
	if _, err := f.profile(id(0)); err != nil {
		f.t.Errorf("somebody whose removal is held back: %v", err)
	}
}

func (f fixture) expectPeople(n int) {
	f.t.Helper()
	if s := f.Status(); s.State != pb.DirectoryState_DIRECTORY_STATE_CURRENT || s.People != n || s.HeldBack() != nil {
		f.t.Fatalf("%v with %d people, held back %+v; want %d people, current", s.State, s.People, s.HeldBack(), n)
	}
}

func TestBrakeOfRounds(t *testing.T) {
	for _, row := range []struct {
		held, removed int
		stops         bool
	}{
		{200, 50, false},   // more than one in twenty, not more than fifty
		{200, 51, true},    // more than both
		{2000, 100, false}, // one in twenty
		{2000, 101, true},
		{40, 40, false}, // everybody, and yet few
	} {
		t.Run(fmt.Sprintf("%d of %d", row.removed, row.held), func(t *testing.T) {
			run(t, cache.Config{}, crowd(row.held), func(f fixture) {
				f.remove(0, row.removed)
				f.pass(interval)
				if row.stops {
					f.expectHeldBack(row.removed, row.held)
				} else {
					f.expectPeople(row.held - row.removed)
				}
			})
		})
	}
}

func TestConfirmedRemovalsGo(t *testing.T) {
	run(t, cache.Config{}, crowd(300), func(f fixture) {
		f.remove(0, 100)
		f.pass(interval)
		f.expectHeldBack(100, 300)
		if _, err := f.Refresh(f.t.Context(), cache.Refresh{}); !errors.Is(err, cache.ErrHeldBack) {
			t.Errorf("Refresh without a confirmation = %v, want %v", err, cache.ErrHeldBack)
		}
		f.remove(100, 250) // many more than the operator has seen
		if _, err := f.Refresh(f.t.Context(), cache.Refresh{ConfirmRemovals: true}); !errors.Is(err, cache.ErrHeldBack) {
			t.Errorf("Refresh that confirms 100 of 250 = %v, want %v", err, cache.ErrHeldBack)
		}
		f.expectHeldBack(250, 300)
		done, err := f.Refresh(f.t.Context(), cache.Refresh{ConfirmRemovals: true})
		if err != nil || done.Changes != 250 {
			t.Errorf("Refresh that confirms = %+v, %v; want 250 changes", done, err)
		}
		f.expectPeople(50)
		// The confirmation was for those alone.
		for i := 300; i < 400; i++ {
			f.source.Put(member(i))
		}
		f.pass(interval)
		f.remove(300, 400)
		f.pass(interval)
		if s := f.Status(); s.HeldBack() == nil {
			t.Error("a confirmation outlived what it was given for")
		}
	})
}

func TestHeldBackRoundGoesOnWhenPeopleComeBack(t *testing.T) {
	run(t, cache.Config{}, crowd(300), func(f fixture) {
		f.remove(0, 100)
		f.pass(interval)
		f.expectHeldBack(100, 300)
		for i := range 100 {
			f.source.Put(member(i))
		}
		f.pass(interval)
		f.expectPeople(300)
	})
}

// TestBrakeOfRefills has a listing come short, as one that a fault has cut would.
func TestBrakeOfRefills(t *testing.T) {
	run(t, cache.Config{}, crowd(300), func(f fixture) {
		f.remove(0, 300)
		f.source.LoseTokens()
		f.pass(interval)
		f.expectHeldBack(300, 300)
		if got := f.suggest("person"); got == "" {
			t.Error("suggestions are empty while everybody's removal is held back")
		}
		lists := f.source.Asked("List")
		f.pass(2 * time.Hour)
		if n := f.source.Asked("List") - lists; n < 8 || n > 24 {
			t.Errorf("everybody was listed %d times in two hours of being held back, want a few", n)
		}
		for i := range 300 {
			f.source.Put(member(i))
		}
		f.pass(20 * time.Minute)
		f.expectPeople(300)
	})
}

func TestListingOfNobodyIsNotBelieved(t *testing.T) {
	run(t, cache.Config{}, crowd(40), func(f fixture) {
		f.remove(0, 40)
		f.source.LoseTokens()
		f.pass(interval)
		f.expectHeldBack(40, 40)
		if _, err := f.Refresh(f.t.Context(), cache.Refresh{ConfirmRemovals: true}); err != nil {
			t.Error(err)
		}
		f.expectPeople(0)
	})
}

func TestHeldBackOutlivesOtherFailures(t *testing.T) {
	run(t, cache.Config{}, crowd(300), func(f fixture) {
		f.remove(0, 100)
		f.pass(interval)
		f.source.Before(func(context.Context, string) error { return cache.ErrUnavailable })
		f.pass(interval)
		f.expectHeldBack(100, 300)
		f.source.Before(nil)
		if _, err := f.Refresh(f.t.Context(), cache.Refresh{ConfirmRemovals: true}); err != nil {
			t.Error(err)
		}
		f.expectPeople(200)
	})
}

// TestConfirmationIsNotLost has an operator leave before the service could take the
// order.
func TestConfirmationIsNotLost(t *testing.T) {
	var release chan struct{}
	newSource := func() *sourcetest.Memory {
		release = make(chan struct{})
		return crowd(300)
	}
	runOver(t, cache.Config{}, newSource, func(f fixture) {
		f.remove(0, 100)
		f.pass(interval)
		f.expectHeldBack(100, 300)
		f.source.Before(func(context.Context, string) error { <-release; return nil })
		f.pass(interval) // a round is under way
		ctx, cancel := context.WithTimeout(f.t.Context(), time.Second)
		defer cancel()
		if _, err := f.Refresh(ctx, cache.Refresh{ConfirmRemovals: true}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Refresh = %v", err)
		}
		close(release)
		synctest.Wait()
		f.expectPeople(200)
	})
}

func TestBrakeLetsTheRestOfTheShareBeSet(t *testing.T) {
	run(t, cache.Config{MaxRemoved: 1, MaxRemovedShare: 1}, crowd(300), func(f fixture) {
		f.remove(0, 300)
		f.pass(interval)
		f.expectPeople(0)
	})
	run(t, cache.Config{MaxRemoved: 1, MaxRemovedShare: 0.01}, crowd(300), func(f fixture) {
		f.remove(0, 4)
		f.pass(interval)
		f.expectHeldBack(4, 300)
	})
}

func TestRefreshReadsAtOnce(t *testing.T) {
	run(t, cache.Config{}, people(3), func(f fixture) {
		f.source.Put(sourcetest.Someone(3))
		f.source.PutGroup(sourcetest.SomeGroup(0))
		done, err := f.Refresh(f.t.Context(), cache.Refresh{})
		if err != nil || done.Changes != 2 || f.Status().People != 4 || f.Status().Groups != 1 {
			t.Errorf("Refresh = %+v, %v; status %+v", done, err, f.Status())
		}
		f.source.Slip(sourcetest.Someone(4))
		if done, err := f.Refresh(f.t.Context(), cache.Refresh{Relist: true}); err != nil || done.Changes != 1 || f.Status().People != 5 {
			t.Errorf("Refresh that lists = %+v, %v; %d people", done, err, f.Status().People)
		}
		f.source.Before(func(context.Context, string) error { return cache.ErrUnavailable })
		if _, err := f.Refresh(f.t.Context(), cache.Refresh{}); !errors.Is(err, cache.ErrUnavailable) {
			t.Errorf("Refresh in an outage = %v", err)
		}
	})
}

func TestRefreshEndsWithItsCaller(t *testing.T) {
	run(t, cache.Config{}, people(3), func(f fixture) {
		f.source.Before(func(ctx context.Context, _ string) error { <-ctx.Done(); return ctx.Err() })
		for range 2 { // one that Run works at, and one that waits for Run
			ctx, cancel := context.WithTimeout(f.t.Context(), time.Second)
			if _, err := f.Refresh(ctx, cache.Refresh{}); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("Refresh of a source that hangs = %v", err)
			}
			cancel()
		}
		synctest.Wait()
	})
}

// counted is a source that counts people otherwise than it lists them.
type counted struct {
	*sourcetest.Memory
	total int
}

func (s counted) People() cache.Feed[cache.Person] { return countedFeed{s.Memory.People(), s.total} }

type countedFeed struct {
	cache.Feed[cache.Person]
	total int
}

func (f countedFeed) List(ctx context.Context) iter.Seq2[cache.Page[cache.Person], error] {
	return func(yield func(cache.Page[cache.Person], error) bool) {
		for page, err := range f.Feed.List(ctx) {
			page.Total = f.total
			if !yield(page, err) {
				return
			}
		}
	}
}

func TestFirstListingThatIsCutOff(t *testing.T) {
	source := crowd(200)
	run(t, cache.Config{Source: counted{source, 300}}, source, func(f fixture) {
		if s := f.Status(); s.State != pb.DirectoryState_DIRECTORY_STATE_FILLING || s.PeopleFeed.Failure == nil {
			t.Errorf("after a listing of 200 of 300: %v, %v", s.State, s.PeopleFeed.Failure)
		}
		f.pass(interval) // it stays so: the count is wrong
		f.expectPeople(200)
	})
	source = crowd(200)
	run(t, cache.Config{Source: counted{source, 209}}, source, func(f fixture) { f.expectPeople(200) })
	source = crowd(0) // a small tenant
	run(t, cache.Config{Source: counted{source, 45}}, source, func(f fixture) {
		if s := f.Status(); s.State != pb.DirectoryState_DIRECTORY_STATE_FILLING {
			t.Errorf("after a listing of nobody of 45: %v", s.State)
		}
	})
}
