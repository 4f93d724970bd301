package cache_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/peopleinsights/peopleinsights/cache"
	"github.com/peopleinsights/peopleinsights/cache/sourcetest"
)

const week = 7 * 24 * time.Hour

// pick has an organizer pick each of ids.
func pick(p cache.Picks, organizer string, ids ...string) {
	for _, id := range ids {
		p.Add(organizer, id)
	}
}

func expectPicks(t *testing.T, when string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: %q are remembered, want %q", when, got, want)
	}
}

func expectCount(t *testing.T, when string, p cache.Picks, pickers, picked int) {
	t.Helper()
	if gotPickers, gotPicked := p.Count(); gotPickers != pickers || gotPicked != picked {
		t.Errorf("%s: %d of %d organizers are remembered, want %d of %d", when, gotPicked, gotPickers, picked, pickers)
	}
}

func TestPicksFade(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := cache.NewPicks(10)
		expectPicks(t, "before any pick", p.Of("o"))
		pick(p, "o", "c", "b", "b", "a")
		pick(p, "other", "x")
		expectPicks(t, "at once", p.Of("o"), "b 2", "a 1", "c 1")
		time.Sleep(2 * week)
		expectPicks(t, "after two weeks", p.Of("o"), "b 1", "a 0.5", "c 0.5")
		pick(p, "o", "c")
		expectPicks(t, "when one was picked again", p.Of("o"), "c 1.5", "b 1", "a 0.5")
		time.Sleep(week)
		expectPicks(t, "a week later", p.Of("o"), "c 1.06", "b 0.707", "a 0.354")
		time.Sleep(9 * week)
		expectPicks(t, "when one pick is worth 1/64", p.Of("o"), "c 0.0469", "b 0.0312", "a 0.0156")
		time.Sleep(time.Minute)
		expectPicks(t, "when it is worth less", p.Of("o"), "c 0.0469", "b 0.0312")
		expectCount(t, "before the next pick", p, 2, 4)
		pick(p, "o", "b")
		expectCount(t, "after it", p, 2, 3)
	})
}

func TestFewPicksAreHeldOfAnOrganizer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := cache.NewPicks(10)
		pick(p, "o", "first")
		time.Sleep(time.Hour)
		for i := range 63 {
			pick(p, "o", fmt.Sprintf("p%02d", i), fmt.Sprintf("p%02d", i))
		}
		pick(p, "o", "last") // of less weight than all but the first
		got := p.Of("o")
		if len(got) != 64 || !slices.Contains(got, "last 1") || slices.Contains(got, "first 0.998") {
			t.Errorf("of 65 picks, %d are remembered: %q; want all but the first", len(got), got)
		}
		expectCount(t, "of 65 picks", p, 1, 64)
	})
}

// TestManyPicksOfOneFadeToo has a client report one pick for ever.
func TestManyPicksOfOneFadeToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := cache.NewPicks(10)
		for range 1000 {
			pick(p, "o", "a")
		}
		expectPicks(t, "after a thousand picks", p.Of("o"), "a 64")
		time.Sleep(24 * week)
		expectPicks(t, "after twelve half-lives", p.Of("o"), "a 0.0156")
		time.Sleep(time.Minute)
		expectPicks(t, "and a minute", p.Of("o"))
		expectCount(t, "and a minute", p, 0, 0)
	})
}

func TestFewOrganizersAreRemembered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := cache.NewPicks(2)
		for _, organizer := range []string{"o1", "o2", "o1", "o3"} {
			pick(p, organizer, "a", organizer)
			time.Sleep(time.Minute)
		}
		expectPicks(t, "of who picked again", p.Of("o1"), "a 2", "o1 2")
		expectPicks(t, "of whose last pick is the oldest", p.Of("o2"))
		expectPicks(t, "of who came last", p.Of("o3"), "a 1", "o3 1")
		expectCount(t, "of three organizers", p, 2, 4)
		time.Sleep(25 * week)
		pick(p, "o4", "a")
		if n := p.Held(); n != 1 {
			t.Errorf("%d organizers are held when the picks of all but one no longer count, want one", n)
		}
		expectCount(t, "when the others' picks no longer count", p, 1, 1)
	})
}

func TestPicksAreReadWhileTheyAreMade(t *testing.T) {
	p := cache.NewPicks(3)
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			for n := range 500 {
				organizer := fmt.Sprint("o", n%2)
				if n%50 == 0 { // sometimes one has to make room
					organizer = fmt.Sprint("o", 2+i)
				}
				pick(p, organizer, fmt.Sprint("p", n%70))
				p.Of(organizer)
				p.Count()
			}
		})
	}
	all.Wait()
	remembered := 0
	for i := range 6 {
		remembered += len(p.Of(fmt.Sprint("o", i)))
	}
	expectCount(t, "after picks at once", p, 3, remembered)
}

// TestPicksCostAKeystrokeLittle counts allocations.
func TestPicksCostAKeystrokeLittle(t *testing.T) {
	p := cache.NewPicks(10)
	pick(p, "o", "a", "b", "c")
	for organizer, most := range map[string]float64{"stranger": 0, "o": 1} {
		if n := testing.AllocsPerRun(100, func() { p.Read(organizer) }); n > most {
			t.Errorf("reading the picks of %q allocates %v times, want at most %v", organizer, n, most)
		}
	}
}

func TestPick(t *testing.T) {
	source := people(4)
	source.PutGroup(sourcetest.SomeGroup(1))
	group := sourcetest.SomeGroup(1).ID
	run(t, cache.Config{}, source, func(f fixture) {
		for _, row := range []struct {
			what      string
			organizer cache.Ref
			picked    string
			want      error
		}{
			{"a person", id(0), sourcetest.ID(1), nil},
			{"a group, the organizer by an address", email("person.a@contoso.com"), group, nil},
			{"a person again", id(0), sourcetest.ID(1), nil},
			{"oneself", id(0), sourcetest.ID(0), nil},
			{"by nobody", cache.Ref{}, sourcetest.ID(1), cache.ErrUnknownOrganizer},
			{"by a stranger", id(9), sourcetest.ID(1), cache.ErrUnknownOrganizer},
			{"by a group", cache.Ref{ID: group}, sourcetest.ID(1), cache.ErrUnknownOrganizer},
			{"a stranger", id(0), sourcetest.ID(9), cache.ErrUnknownPick},
			{"nobody", id(0), "", cache.ErrUnknownPick},
			{"an address", id(0), "person.b@contoso.com", cache.ErrUnknownPick},
		} {
			if err := f.Pick(row.organizer, row.picked); !errors.Is(err, row.want) {
				t.Errorf("Pick of %s = %v, want %v", row.what, err, row.want)
			}
		}
		expectPicks(t, "of the organizer", f.Picked(sourcetest.ID(0)), sourcetest.ID(1)+" 2", group+" 1")
		expectPicks(t, "of who was picked", f.Picked(sourcetest.ID(1)))
		if s := f.Status(); s.Pickers != 1 || s.Picked != 2 {
			t.Errorf("status tells of %d picked by %d, want 2 by 1", s.Picked, s.Pickers)
		}

		// Who leaves is no longer to be picked, and is not forgotten at once: they may come back.
		f.source.Remove(sourcetest.ID(1))
		f.pass(interval)
		if err := f.Pick(id(0), sourcetest.ID(1)); !errors.Is(err, cache.ErrUnknownPick) {
			t.Errorf("Pick of who is gone = %v, want %v", err, cache.ErrUnknownPick)
		}
		expectPicks(t, "when one has left", f.Picked(sourcetest.ID(0)), sourcetest.ID(1)+" 2", group+" 1")
	})
}

func TestMaxPickers(t *testing.T) {
	run(t, cache.Config{MaxPickers: 1}, people(3), func(f fixture) {
		for i := range 2 {
			if err := f.Pick(id(i), sourcetest.ID(2)); err != nil {
				t.Fatal(err)
			}
		}
		if s := f.Status(); s.Pickers != 1 || len(f.Picked(sourcetest.ID(1))) != 1 {
			t.Errorf("with MaxPickers 1, %d organizers are remembered; of the last %q", s.Pickers, f.Picked(sourcetest.ID(1)))
		}
	})
}

// TestPickWhileTheSourceRefuses tells a directory that is being read from one that
// cannot be.
func TestPickWhileTheSourceRefuses(t *testing.T) {
	for _, row := range []struct {
		before func(ctx context.Context, method string) error
		want   error
	}{
		{func(context.Context, string) error { return fmt.Errorf("asking: %w", cache.ErrDenied) }, cache.ErrDenied},
		{func(ctx context.Context, _ string) error { <-ctx.Done(); return ctx.Err() }, cache.ErrFilling},
	} {
		newSource := func() *sourcetest.Memory {
			source := people(2)
			source.Before(row.before)
			return source
		}
		runOver(t, cache.Config{}, newSource, func(f fixture) {
			if err := f.Pick(id(0), sourcetest.ID(1)); !errors.Is(err, row.want) {
				t.Errorf("Pick = %v, want %v", err, row.want)
			}
			if got := strings.Join(f.Picked(sourcetest.ID(0)), " "); got != "" {
				t.Errorf("a refused pick is remembered: %q", got)
			}
		})
	}
}
