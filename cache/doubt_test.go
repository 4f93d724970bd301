package cache_test

import (
	"context"
	"errors"
	"iter"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/peopleinsights/peopleinsights/cache"
	"github.com/peopleinsights/peopleinsights/cache/sourcetest"
	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
)

// These tests have a source that is to be doubted: its listings end early, its replicas
// lag, one of its people cannot be asked for.

// cutShort is a source whose listings end after their first page while cut is set.
type cutShort struct {
	*sourcetest.Memory
	cut *atomic.Bool
}

func (s cutShort) People() cache.Feed[cache.Person] { return cutFeed{s.Memory.People(), s.cut} }

type cutFeed struct {
	cache.Feed[cache.Person]
	cut *atomic.Bool
}

func (f cutFeed) List(ctx context.Context) iter.Seq2[cache.Page[cache.Person], error] {
	return func(yield func(cache.Page[cache.Person], error) bool) {
		for page, err := range f.Feed.List(ctx) {
			if !yield(page, err) || f.cut.Load() {
				return
			}
		}
	}
}

// failing has a source's methods fail with an error while down is set.
func failing(source *sourcetest.Memory, down *atomic.Bool, err error, methods ...string) {
	source.Before(func(_ context.Context, method string) error {
		for _, m := range methods {
			if m == method && down.Load() {
				return err
			}
		}
		return nil
	})
}

// TestShortListingAfterAnOutage has failures of another kind come before a listing that
// is cut off: they do not make it any truer.
func TestShortListingAfterAnOutage(t *testing.T) {
	source := crowd(10)
	source.PageSize = 5
	var down, cut atomic.Bool
	down.Store(true)
	cut.Store(true)
	failing(source, &down, cache.ErrUnavailable, "Mark")
	run(t, cache.Config{Source: cutShort{source, &cut}}, source, func(f fixture) {
		f.pass(10 * time.Minute)
		down.Store(false)
		f.pass(15 * time.Second)
		if s := f.Status(); s.State != pb.DirectoryState_DIRECTORY_STATE_FILLING {
			t.Fatalf("half a directory is served as whole: %v, %d people", s.State, s.People)
		}
		cut.Store(false)
		f.pass(interval)
		f.expectPeople(10)
	})
	source = crowd(100)
	source.PageSize = 60
	down.Store(false)
	failing(source, &down, cache.ErrUnavailable, "Changes")
	run(t, cache.Config{Source: cutShort{source, &cut}}, source, func(f fixture) {
		down.Store(true)
		f.pass(5 * interval)
		source.LosePeopleTokens()
		cut.Store(true)
		down.Store(false)
		f.pass(time.Hour) // fewer than fifty would go, and it stays so
		f.expectHeldBack(40, 100)
		cut.Store(false)
		f.pass(15 * time.Minute)
		f.expectPeople(100)
	})
}

// TestConfirmationIsForWhatWasSeen has the number grow between the operator's look and
// their word.
func TestConfirmationIsForWhatWasSeen(t *testing.T) {
	var hold chan struct{}
	var gate atomic.Bool
	newSource := func() *sourcetest.Memory {
		source := crowd(300)
		hold = make(chan struct{})
		source.Before(func(_ context.Context, method string) error {
			if method == "Changes" && gate.CompareAndSwap(true, false) {
				<-hold
			}
			return nil
		})
		return source
	}
	runOver(t, cache.Config{}, newSource, func(f fixture) {
		f.remove(0, 100)
		f.pass(interval)
		f.expectHeldBack(100, 300)
		f.remove(100, 250)
		gate.Store(true)
		f.pass(interval) // a round is under way, and will see 250
		result := make(chan error)
		go func() {
			_, err := f.Refresh(context.Background(), cache.Refresh{ConfirmRemovals: true})
			result <- err
		}()
		synctest.Wait()
		close(hold)
		if err := <-result; !errors.Is(err, cache.ErrHeldBack) {
			t.Errorf("Refresh that has seen 100 of 250 = %v", err)
		}
		f.expectHeldBack(250, 300)
	})
}

func TestConfirmAndRelistTogether(t *testing.T) {
	run(t, cache.Config{}, crowd(300), func(f fixture) {
		f.remove(0, 100)
		f.pass(interval)
		f.source.Before(func(_ context.Context, method string) error {
			if method == "Changes" {
				<-time.After(100 * time.Millisecond)
			}
			return nil
		})
		if _, err := f.Refresh(f.t.Context(), cache.Refresh{ConfirmRemovals: true, Relist: true}); err != nil {
			t.Errorf("Refresh = %v", err)
		}
		f.expectPeople(200)
		if s := f.Status(); s.Sweep.Sweeps != 1 {
			t.Errorf("%d sweeps, want one", s.Sweep.Sweeps)
		}
	})
}

func TestRefreshAfterTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, err := cache.New(cache.Config{Source: people(2)})
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- d.Run(ctx) }()
		synctest.Wait()
		stop()
		<-ended
		if _, err := d.Refresh(t.Context(), cache.Refresh{}); !errors.Is(err, cache.ErrUnavailable) {
			t.Errorf("Refresh after Run ended = %v", err)
		}
		d.Close()
	})
}

// TestGroupsRecoverInTime has groups fail while they are listed anew, and while a sweep
// lists them.
func TestGroupsRecoverInTime(t *testing.T) {
	source := people(2)
	source.PutGroup(sourcetest.SomeGroup(0))
	run(t, cache.Config{}, source, func(f fixture) {
		var down atomic.Bool
		failing(source, &down, cache.ErrUnavailable, "MarkGroups", "ListGroups")
		f.pass(interval)
		source.LoseTokens()
		down.Store(true)
		f.pass(30 * time.Minute)
		down.Store(false)
		source.PutGroup(sourcetest.SomeGroup(1))
		f.pass(interval + 15*time.Second)
		if n := f.Status().Groups; n != 2 {
			t.Errorf("%d groups in time after the source is well, want 2", n)
		}
		down.Store(true)
		if _, err := f.Refresh(f.t.Context(), cache.Refresh{Relist: true}); err != nil {
			t.Fatal(err)
		}
		source.PutGroup(sourcetest.SomeGroup(2))
		f.pass(2 * interval)
		if n := f.Status().Groups; n != 3 {
			t.Errorf("%d groups: changes are not followed, though only the listing fails", n)
		}
	})
}

func TestTokensLostFromTheFirst(t *testing.T) {
	source := people(2)
	run(t, cache.Config{}, source, func(f fixture) {
		var down atomic.Bool
		down.Store(true)
		failing(source, &down, cache.ErrTokenLost, "Changes", "Mark")
		f.pass(20 * time.Minute)
		down.Store(false)
		f.pass(interval + 15*time.Second)
		if s := f.Status(); s.Freshness.Stale || s.PeopleFeed.Fillings != 2 {
			t.Errorf("in time after the source is well: stale %v, %d fillings", s.Freshness.Stale, s.PeopleFeed.Fillings)
		}
	})
}

// TestSweepLeavesWhatRoundsHaveJustTold has the listing, and look-ups, lag behind a
// round: by many people, by one who was removed, and by one who is as they were held.
func TestSweepLeavesWhatRoundsHaveJustTold(t *testing.T) {
	const n = 1500
	source, old := crowd(n), crowd(n)
	run(t, cache.Config{Source: lagging{source, old}}, source, func(f fixture) {
		for i := range n - 100 {
			p := member(i)
			p.Profile.Department = "Changed"
			source.Put(p)
		}
		source.Remove(sourcetest.ID(n - 1))
		f.pass(interval)
		if _, err := f.Refresh(f.t.Context(), cache.Refresh{Relist: true}); err != nil {
			t.Fatal(err)
		}
		wrong := 0
		for i := range n - 100 {
			if p, err := f.profile(id(i)); err != nil || p.Department != "Changed" {
				wrong++
			}
		}
		if s := f.Status(); wrong > 0 || s.People != n-1 {
			t.Errorf("%d were changed back, and %d people are held of %d", wrong, s.People, n-1)
		}
	})
}

// lagging is a source whose listings and look-ups are those of another.
type lagging struct {
	*sourcetest.Memory
	old *sourcetest.Memory
}

func (s lagging) People() cache.Feed[cache.Person] {
	return listedFeed{s.Memory.People(), s.old.People()}
}

func (s lagging) Find(ctx context.Context, ref cache.Ref) (cache.Person, error) {
	return s.old.Find(ctx, ref)
}

// found is a source that calls after once somebody was found.
type found struct {
	*sourcetest.Memory
	after *func()
}

func (s found) Find(ctx context.Context, ref cache.Ref) (cache.Person, error) {
	p, err := s.Memory.Find(ctx, ref)
	if after := *s.after; after != nil {
		*s.after = nil
		after()
	}
	return p, err
}

// TestChangedBackDuringASweep has somebody be as they are held again, after the sweep has
// asked for them.
func TestChangedBackDuringASweep(t *testing.T) {
	source := people(3)
	var after func()
	run(t, cache.Config{Source: found{source, &after}}, source, func(f fixture) {
		renamed := sourcetest.Someone(1)
		renamed.Profile.DisplayName = "Zoe Newname"
		source.Slip(renamed)
		after = func() {
			source.Put(sourcetest.Someone(1))
			if _, err := f.Refresh(context.Background(), cache.Refresh{}); err != nil {
				t.Error(err)
			}
		}
		if _, err := f.Refresh(f.t.Context(), cache.Refresh{Relist: true}); err != nil {
			t.Fatal(err)
		}
		if p, _ := f.profile(id(1)); p.GetDisplayName() != "Person B" {
			t.Errorf("held as %q, want Person B", p.GetDisplayName())
		}
	})
}

// unaskable is a source that cannot be asked for one person.
type unaskable struct {
	*sourcetest.Memory
	id  string
	err error
}

func (s unaskable) Find(ctx context.Context, ref cache.Ref) (cache.Person, error) {
	if ref.ID == s.id {
		return cache.Person{}, s.err
	}
	return s.Memory.Find(ctx, ref)
}

func TestOneWhoCannotBeAskedForStopsNobody(t *testing.T) {
	for _, err := range []error{cache.ErrUnavailable, cache.ErrTokenLost} {
		source := people(4)
		run(t, cache.Config{Source: unaskable{source, sourcetest.ID(9), err}}, source, func(f fixture) {
			renamed := sourcetest.Someone(1)
			renamed.Profile.DisplayName = "Zoe Newname"
			source.Slip(renamed)
			source.Slip(sourcetest.Someone(9))
			f.pass(61 * time.Minute)
			if f.suggest("zoe") == "" {
				t.Errorf("%v: a sweep corrects nobody: %+v", err, f.Status().Sweeping)
			}
			part := cache.Person{Profile: &pb.Profile{Id: sourcetest.ID(9), JobTitle: "Director"}}
			part.Said.Add(8)
			source.Put(part)
			f.pass(3 * interval)
			if s := f.Status(); s.State != pb.DirectoryState_DIRECTORY_STATE_CURRENT || s.PeopleFeed.Fillings != 1 {
				t.Errorf("%v: rounds stopped: %v, %d fillings, %v", err, s.State, s.PeopleFeed.Fillings, s.PeopleFeed.Failure)
			}
		})
	}
}

// TestRefillDuringASweep has everybody be listed anew while a sweep lists them: the new
// listing has its own sweep within the hour.
func TestRefillDuringASweep(t *testing.T) {
	source := people(4)
	run(t, cache.Config{}, source, func(f fixture) {
		f.pass(59 * time.Minute)
		var sweeping atomic.Bool
		source.Before(func(_ context.Context, method string) error {
			if method == "List" && sweeping.CompareAndSwap(false, true) {
				source.LosePeopleTokens()
				<-time.After(2 * time.Minute)
			}
			return nil
		})
		f.pass(5 * time.Minute)
		if s := f.Status(); s.Sweep.Sweeps != 0 || s.PeopleFeed.Fillings != 2 {
			t.Fatalf("%d sweeps and %d fillings, want none and two", s.Sweep.Sweeps, s.PeopleFeed.Fillings)
		}
		f.pass(time.Hour)
		if s := f.Status(); s.Sweep.Sweeps != 1 {
			t.Errorf("%d sweeps an hour after a refill, want one", s.Sweep.Sweeps)
		}
	})
}

func TestGroupsHeldBackAndThenDenied(t *testing.T) {
	source := people(2)
	for i := range 120 {
		source.PutGroup(sourcetest.SomeGroup(i))
	}
	run(t, cache.Config{}, source, func(f fixture) {
		for i := range 100 {
			source.RemoveGroup(sourcetest.SomeGroup(i).ID)
		}
		f.pass(interval)
		if s := f.Status(); s.HeldBack() == nil {
			t.Fatal("100 of 120 groups went")
		}
		var down atomic.Bool
		down.Store(true)
		failing(source, &down, cache.ErrDenied, "MarkGroups", "ListGroups", "ChangesGroups")
		f.pass(time.Hour)
		if s := f.Status(); s.HeldBack() != nil || s.State != pb.DirectoryState_DIRECTORY_STATE_CURRENT {
			t.Errorf("without the permission: %v, held back %+v", s.State, s.HeldBack())
		}
	})
}

// TestRefillHasItsSweep has everybody be listed anew a good while after the first sweep:
// the next comes within the hour, not the next day.
func TestRefillHasItsSweep(t *testing.T) {
	source := people(3)
	source.PutGroup(sourcetest.SomeGroup(0))
	run(t, cache.Config{}, source, func(f fixture) {
		f.pass(2 * time.Hour)
		source.LosePeopleTokens()
		source.SlipGroup(sourcetest.SomeGroup(1))
		f.pass(62 * time.Minute)
		if s := f.Status(); s.Sweep.Sweeps != 2 || s.Groups != 2 {
			t.Errorf("%d sweeps and %d groups an hour after a refill, want two of each", s.Sweep.Sweeps, s.Groups)
		}
		lists := source.Asked("ListGroups")
		f.pass(10 * interval)
		if n := source.Asked("ListGroups") - lists; n != 0 {
			t.Errorf("groups were listed %d times more after a sweep", n)
		}
	})
}

// TestSweepsWaitForPeople has people fail: their failure is theirs, and a listing that is
// cut off is the sweep's.
func TestSweepsWaitForPeople(t *testing.T) {
	source := crowd(100)
	source.PageSize = 60
	var down, cut atomic.Bool
	failing(source, &down, cache.ErrUnavailable, "Changes")
	run(t, cache.Config{Source: cutShort{source, &cut}}, source, func(f fixture) {
		down.Store(true)
		f.pass(3 * time.Hour)
		if s := f.Status(); s.Sweeping.Failures != 0 || s.Sweep.Sweeps != 0 {
			t.Errorf("while people fail: %+v, %d sweeps", s.Sweeping, s.Sweep.Sweeps)
		}
		down.Store(false)
		cut.Store(true)
		f.pass(10 * time.Minute)
		if s := f.Status(); s.Sweeping.Failure == nil || s.People != 100 || source.Asked("Find") != 0 {
			t.Errorf("a listing that is cut off: %v, %d people, %d asked for", s.Sweeping.Failure, s.People, source.Asked("Find"))
		}
	})
}

// countsOnce is a source that says how many people it has for the first listing only.
type countsOnce struct{ *sourcetest.Memory }

func (s countsOnce) People() cache.Feed[cache.Person] {
	if s.Asked("List") == 0 {
		return countedFeed{s.Memory.People(), 100}
	}
	return countedFeed{s.Memory.People(), 0}
}

// TestListingIsMeasuredByItsOwnCount has the source not say again how many people there
// are, who have become fewer since it did.
func TestListingIsMeasuredByItsOwnCount(t *testing.T) {
	source := crowd(100)
	run(t, cache.Config{Source: countsOnce{source}}, source, func(f fixture) {
		f.remove(0, 20)
		f.pass(2 * time.Hour)
		if s := f.Status(); s.Sweep.Sweeps != 1 || s.Sweeping.Failure != nil {
			t.Errorf("%d sweeps, failure %v", s.Sweep.Sweeps, s.Sweeping.Failure)
		}
	})
}

// TestFinishedListingIsAsFreshAsItsRound has a listing be finished long after everybody
// was listed: what has changed since was followed just now.
func TestFinishedListingIsAsFreshAsItsRound(t *testing.T) {
	source := people(3)
	var down atomic.Bool
	down.Store(true)
	failing(source, &down, cache.ErrUnavailable, "Changes")
	run(t, cache.Config{}, source, func(f fixture) {
		f.pass(20 * time.Minute)
		down.Store(false)
		f.pass(6 * time.Second) // a try, and no round yet
		s := f.Status()
		if s.PeopleFeed.Fillings != 1 || s.PeopleFeed.Rounds != 0 || source.Asked("List") != 1 {
			t.Fatalf("%d fillings, %d rounds, %d listings", s.PeopleFeed.Fillings, s.PeopleFeed.Rounds, source.Asked("List"))
		}
		if age := time.Since(s.Freshness.AsOfTime.AsTime()); s.Freshness.Stale || age > 6*time.Second {
			t.Errorf("stale %v, confirmed %v ago", s.Freshness.Stale, age)
		}
	})
}
