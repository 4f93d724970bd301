package cache_test

import (
	"context"
	"iter"
	"testing"
	"time"

	"github.com/peopleinsights/peopleinsights/cache"
	"github.com/peopleinsights/peopleinsights/cache/sourcetest"
	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
)

// TestSweepCorrectsWhatNoChangeTold has a source change without telling.
func TestSweepCorrectsWhatNoChangeTold(t *testing.T) {
	run(t, cache.Config{}, people(4), func(f fixture) {
		renamed := sourcetest.Someone(1)
		renamed.Profile.DisplayName = "Zoe Newname"
		f.source.Slip(renamed)
		f.source.Slip(sourcetest.Someone(7))
		f.source.Put(sourcetest.Someone(5)) // a round tells of them: no difference
		f.pass(30 * time.Minute)
		if got := f.suggest("zoe"); got != "" {
			t.Fatalf("Suggest before a sweep = %q", got)
		}
		before := f.Status().Freshness.Revision
		f.pass(31 * time.Minute)
		s := f.Status()
		if s.Sweep.Sweeps != 1 || s.Sweep.Changed != 1 || s.Sweep.Missing != 1 || s.Sweep.Surplus != 0 {
			t.Errorf("after a sweep: %+v", s.Sweep)
		}
		if got := f.suggest("zoe"); got != "Zoe Newname" || s.People != 6 {
			t.Errorf("after a sweep Suggest = %q, %d people", got, s.People)
		}
		if s.Freshness.Revision != before+1 {
			t.Errorf("a sweep made revision %d of %d, want one more", s.Freshness.Revision, before)
		}
		f.pass(24 * time.Hour)
		if s := f.Status(); s.Sweep.Sweeps != 2 || s.Sweep.Changed != 1 || s.Sweep.Missing != 1 {
			t.Errorf("a day later: %+v", s.Sweep)
		}
	})
}

// TestWhatChangesDuringASweepIsNoDifference has somebody come while everybody is listed.
func TestWhatChangesDuringASweepIsNoDifference(t *testing.T) {
	source := people(3)
	run(t, cache.Config{}, source, func(f fixture) {
		source.Before(func(_ context.Context, method string) error {
			if method == "List" {
				source.Put(sourcetest.Someone(7))
			}
			return nil
		})
		if _, err := f.Refresh(f.t.Context(), cache.Refresh{Relist: true}); err != nil {
			t.Fatal(err)
		}
		if s := f.Status(); s.People != 4 || s.Sweep.Missing != 0 || s.Sweep.Sweeps != 1 {
			t.Errorf("after it, %d people and %+v", s.People, s.Sweep)
		}
	})
}

// TestBulkChangeDuringASweep has more people change while everybody is listed than are
// asked for one by one: the listing is older.
func TestBulkChangeDuringASweep(t *testing.T) {
	const n = 1500
	source, old := crowd(n), crowd(n)
	run(t, cache.Config{Source: listed{source, old}}, source, func(f fixture) {
		old.Before(func(_ context.Context, method string) error {
			if method != "List" {
				return nil
			}
			for i := range n - 100 {
				p := member(i)
				p.Profile.Department = "Changed"
				source.Put(p)
			}
			return nil
		})
		if _, err := f.Refresh(f.t.Context(), cache.Refresh{Relist: true}); err != nil {
			t.Fatal(err)
		}
		wrong := 0
		for i := range n - 100 {
			if p, err := f.profile(id(i)); err != nil || p.Department != "Changed" {
				wrong++
			}
		}
		if s := f.Status(); wrong > 0 || s.Sweep.Changed != 0 || s.Sweep.Sweeps != 1 {
			t.Errorf("%d of %d were changed back; sweep %+v", wrong, n-100, s.Sweep)
		}
	})
}

// TestManyDifferencesAreBelieved has more people differ than are asked for one by one.
func TestManyDifferencesAreBelieved(t *testing.T) {
	const n = 1500
	source := crowd(n)
	run(t, cache.Config{}, source, func(f fixture) {
		for i := range n {
			p := member(i)
			p.Profile.Department = "Changed"
			source.Slip(p)
		}
		if _, err := f.Refresh(f.t.Context(), cache.Refresh{Relist: true}); err != nil {
			t.Fatal(err)
		}
		if s := f.Status(); s.Sweep.Changed != n || source.Asked("Find") != 0 {
			t.Errorf("sweep %+v, %d asked for", s.Sweep, source.Asked("Find"))
		}
	})
}

// TestSweepKeepsWhoWasJustMade has somebody new be told of by a round, and be neither
// listed nor found yet.
func TestSweepKeepsWhoWasJustMade(t *testing.T) {
	source, old := people(3), people(3)
	run(t, cache.Config{Source: listed{source, old}}, source, func(f fixture) {
		source.Put(sourcetest.Someone(7))
		f.pass(interval)
		source.Before(func(_ context.Context, method string) error {
			if method == "Find" {
				return cache.ErrNotFound
			}
			return nil
		})
		if _, err := f.Refresh(f.t.Context(), cache.Refresh{Relist: true}); err != nil {
			t.Fatal(err)
		}
		if s := f.Status(); s.People != 4 || s.Sweep.Surplus != 0 {
			t.Errorf("%d people, sweep %+v; want the new one kept", s.People, s.Sweep)
		}
		f.pass(25 * time.Hour) // and still not there
		if s := f.Status(); s.People != 3 || s.Sweep.Surplus != 1 {
			t.Errorf("%d people, sweep %+v; want the new one gone", s.People, s.Sweep)
		}
	})
}

// TestListingsHoldUpNothing has the listings of a sweep and of groups hang: rounds of
// people go on.
func TestListingsHoldUpNothing(t *testing.T) {
	run(t, cache.Config{}, people(3), func(f fixture) {
		f.source.Before(func(ctx context.Context, method string) error {
			if method == "List" || method == "ChangesGroups" {
				<-ctx.Done()
				return ctx.Err()
			}
			return nil
		})
		before := f.Status().PeopleFeed.Rounds
		f.pass(3 * time.Hour)
		if s := f.Status(); s.PeopleFeed.Rounds-before < 175 || s.State != pb.DirectoryState_DIRECTORY_STATE_CURRENT {
			t.Errorf("in three hours %d rounds were well, and the directory is %v", s.PeopleFeed.Rounds-before, s.State)
		}
		f.source.Put(sourcetest.Someone(4))
		ctx, cancel := context.WithTimeout(f.t.Context(), time.Second)
		defer cancel()
		if done, err := f.Refresh(ctx, cache.Refresh{}); err != nil || done.Changes != 1 {
			t.Errorf("Refresh = %+v, %v; want somebody new", done, err)
		}
	})
}

// listed is a source whose listing is that of another.
type listed struct {
	*sourcetest.Memory
	other *sourcetest.Memory
}

func (s listed) People() cache.Feed[cache.Person] {
	return listedFeed{s.Memory.People(), s.other.People()}
}

type listedFeed struct {
	cache.Feed[cache.Person]
	listing cache.Feed[cache.Person]
}

func (f listedFeed) List(ctx context.Context) iter.Seq2[cache.Page[cache.Person], error] {
	return f.listing.List(ctx)
}

// TestSweepDoesNotBelieveAnOldListing has a listing that is older than what changes
// have told.
func TestSweepDoesNotBelieveAnOldListing(t *testing.T) {
	source, old := people(4), people(4)
	run(t, cache.Config{Source: listed{source, old}}, source, func(f fixture) {
		renamed := sourcetest.Someone(1)
		renamed.Profile.DisplayName = "Zoe Newname"
		source.Put(renamed)
		source.Remove(sourcetest.ID(2))
		source.Put(sourcetest.Someone(9))
		f.pass(2 * time.Hour)
		s := f.Status()
		if s.Sweep.Sweeps != 1 || s.Sweep.Changed+s.Sweep.Missing+s.Sweep.Surplus != 0 {
			t.Errorf("a sweep over an old listing: %+v, want no differences", s.Sweep)
		}
		if got := f.suggest("zoe"); got != "Zoe Newname" || s.People != 4 {
			t.Errorf("after it, Suggest = %q and %d people", got, s.People)
		}
	})
}

// TestSweepHasABrake has everybody vanish from a listing, and from look-ups.
func TestSweepHasABrake(t *testing.T) {
	source := crowd(200)
	listing := crowd(200)
	run(t, cache.Config{Source: listed{source, listing}}, source, func(f fixture) {
		for i := range 150 {
			listing.Remove(sourcetest.ID(i))
		}
		source.Before(func(_ context.Context, method string) error {
			if method == "Find" {
				return cache.ErrNotFound
			}
			return nil
		})
		f.pass(61 * time.Minute)
		s := f.Status()
		if back := s.HeldBack(); back == nil || back.HeldBack != 150 || s.People != 200 {
			t.Fatalf("a sweep that finds 150 of 200 gone: held back %+v, %d people", back, s.People)
		}
		if s.Freshness.Stale {
			t.Error("what rounds confirm is stale because a sweep is held back")
		}
		if _, err := f.Refresh(f.t.Context(), cache.Refresh{ConfirmRemovals: true}); err != nil {
			t.Errorf("Refresh that confirms = %v", err)
		}
		f.expectPeople(50)
		if s := f.Status(); s.Sweep.Surplus != 150 {
			t.Errorf("sweep figures %+v, want 150 surplus", s.Sweep)
		}
	})
}

func TestFailedSweepDoesNoHarm(t *testing.T) {
	run(t, cache.Config{}, people(3), func(f fixture) {
		f.source.Before(func(_ context.Context, method string) error {
			if method == "List" {
				return cache.ErrUnavailable
			}
			return nil
		})
		f.pass(61 * time.Minute)
		s := f.Status()
		if s.State != pb.DirectoryState_DIRECTORY_STATE_CURRENT || s.Sweeping.Failure == nil || s.Sweep.Sweeps != 0 {
			t.Errorf("after a sweep failed: %v, %+v", s.State, s.Sweeping)
		}
		f.source.Before(nil)
		f.pass(2 * time.Minute)
		if s := f.Status(); s.Sweep.Sweeps != 1 || s.Sweeping.Failure != nil {
			t.Errorf("a sweep was not tried again: %+v", s.Sweeping)
		}
	})
}
