package cache_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/peopleinsights/peopleinsights/cache"
	"github.com/peopleinsights/peopleinsights/cache/sourcetest"
	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
)

// expectErased looks for person 4, by every way there is.
func (f fixture) expectErased(when string) {
	f.t.Helper()
	for _, told := range everyRead(f) {
		if _, answer, _ := strings.Cut(told, ":"); strings.Contains(answer, "Person E") || strings.Contains(answer, sourcetest.ID(4)) {
			f.t.Errorf("%s: %s", when, told)
		}
	}
}

// expectBack tells whether person 4 is there.
func (f fixture) expectBack(when string, want bool) {
	f.t.Helper()
	_, err := f.profile(id(4))
	if there := err == nil; there != want || !there && !errors.Is(err, cache.ErrNotFound) {
		f.t.Errorf("%s: %v, want that they are there: %v", when, err, want)
	}
}

func TestErase(t *testing.T) {
	source := townsfolk()
	run(t, cache.Config{}, source, func(f fixture) {
		_ = everyRead(f) // so that all that can be held is
		if err := f.Pick(id(4), sourcetest.ID(5)); err != nil {
			t.Fatal(err)
		}
		w := f.watch(cache.Position{}, id(4), id(5))
		w.news()
		held, err := f.Holding(email("person.e@contoso.com"))
		if err != nil || held.ID != sourcetest.ID(4) || held.Profile.GetDisplayName() != "Person E" || held.Profile.GetAboutMe() != "about 4" || !held.Rich ||
			len(held.Photos) != 1 || held.Photos[0].Bytes != 1 || held.Manager != sourcetest.ID(2) ||
			!slices.Equal(held.Reports, []string{sourcetest.ID(5), sourcetest.ID(6)}) || held.PickedBy == 0 || len(held.Picked) == 0 {
			t.Errorf("Holding = %+v, %v", held, err)
		}
		before := f.Status().Freshness.GetRevision()
		e, err := f.Erase(f.t.Context(), email("person.e@fabrikam.com"))
		if err != nil || e.ID != sourcetest.ID(4) || !e.Profile || !e.RichProfile || e.Photos != 1 || e.Picks != len(held.Picked) || e.PickedBy != held.PickedBy ||
			e.Erased != 1 || e.Freshness.GetRevision() != before+1 || e.Time.IsZero() {
			t.Errorf("Erase = %+v, %v", e, err)
		}
		if some := f.Remembered(sourcetest.ID(4), "rich:"+sourcetest.ID(4), "read:"+sourcetest.ID(4), "group "+groupID(0)); len(some) > 0 {
			t.Errorf("remembered are %v", some)
		}
		synctest.Wait()
		if news := w.news(); !strings.Contains(news, "no such person") {
			t.Errorf("a watch is told %q", news)
		}
		w.end()
		f.expectErased("at once")
		held, err = f.Holding(id(4))
		if err != nil || held.Profile != nil || held.Erased.IsZero() || len(held.Photos)+len(held.Picked)+held.PickedBy > 0 {
			t.Errorf("Holding afterwards = %+v, %v", held, err)
		}
		again, err := f.Erase(f.t.Context(), id(4))
		if err != nil || again.Profile || again.Erased != 1 {
			t.Errorf("erased again: %+v, %v", again, err)
		}
		for _, ref := range []cache.Ref{id(99), email("person.e@contoso.com")} {
			if _, err := f.Erase(f.t.Context(), ref); !errors.Is(err, cache.ErrNotFound) {
				t.Errorf("Erase(%v) = %v, want %v", ref, err, cache.ErrNotFound)
			}
			if _, err := f.Holding(ref); !errors.Is(err, cache.ErrNotFound) {
				t.Errorf("Holding(%v) = %v, want %v", ref, err, cache.ErrNotFound)
			}
		}
		f.pass(2 * interval)
		f.expectErased("after rounds")
		four := sourcetest.Someone(4)
		four.ManagerID = sourcetest.ID(2)
		four.Profile.BusinessPhones = []string{"+41 31 5550204"}
		four.OtherMails = append(four.OtherMails, "shared@fabrikam.com")
		source.Put(four) // a replay
		f.pass(2 * interval)
		f.expectErased("after a replay")
		source.LosePeopleTokens()
		f.pass(2 * interval)
		f.expectErased("after a refill")
		if f.Status().PeopleFeed.Fillings < 2 {
			t.Error("there was no refill")
		}
		asked := source.Asked("Find")
		f.pass(25 * time.Hour)
		if more := source.Asked("Find") - asked; more > 0 {
			t.Errorf("sweeps asked for %d people", more)
		}
		f.expectErased("after a sweep")
		if f.Status().Sweep.Sweeps == 0 {
			t.Error("there was no sweep")
		}
		for _, c := range []string{"person.e@contoso.com", "u4@contoso.com"} {
			if found, err := f.profile(email(c)); !errors.Is(err, cache.ErrNotFound) {
				t.Errorf("read through by %s: %v, %v", c, found, err)
			}
		}
	})
}

// TestErasedComeBack has the source say otherwise.
func TestErasedComeBack(t *testing.T) {
	changed := sourcetest.Someone(4)
	changed.Profile.JobTitle = "Director"
	partly := cache.Person{Profile: &pb.Profile{Id: sourcetest.ID(4), JobTitle: "Director"}}
	partly.Said.Add(jobTitle)
	for what, says := range map[string]func(f fixture, source *sourcetest.Memory){
		"a change": func(f fixture, source *sourcetest.Memory) { source.Put(changed); f.pass(2 * interval) },
		"that they were gone for a while": func(f fixture, source *sourcetest.Memory) {
			source.Remove(sourcetest.ID(4))
			f.pass(2 * interval)
			f.expectBack("gone", false)
			p := townsfolkOf(4)
			source.Put(p)
			f.pass(2 * interval)
		},
		"otherwise in a refill": func(f fixture, source *sourcetest.Memory) {
			source.Slip(changed)
			source.LosePeopleTokens()
			f.pass(2 * interval)
		},
		"otherwise in a sweep": func(f fixture, source *sourcetest.Memory) { source.Slip(changed); f.pass(25 * time.Hour) },
	} {
		source := townsfolk()
		run(t, cache.Config{}, source, func(f fixture) {
			if _, err := f.Erase(f.t.Context(), id(4)); err != nil {
				t.Fatal(err)
			}
			f.pass(2 * interval)
			f.expectBack("erased", false)
			says(f, source)
			f.expectBack(what, true)
			if found := f.suggest("person e"); found != "Person E" {
				t.Errorf("%s: suggested %q", what, found)
			}
			if e, err := f.Erase(f.t.Context(), id(4)); err != nil || !e.Profile || e.Erased != 1 {
				t.Errorf("%s: erased again: %+v, %v", what, e, err)
			}
			f.expectBack("erased again", false)
		})
	}
}

// townsfolkOf is somebody of townsfolk.
func townsfolkOf(i int) cache.Person {
	p := sourcetest.Someone(i)
	p.ManagerID = sourcetest.ID(2)
	p.Profile.BusinessPhones = []string{"+41 31 5550204"}
	p.OtherMails = append(p.OtherMails, "shared@fabrikam.com")
	return p
}

// TestEraseOfSomebodyNew erases somebody whom no round has told of yet.
func TestEraseOfSomebodyNew(t *testing.T) {
	source := townsfolk(4)
	run(t, cache.Config{}, source, func(f fixture) {
		source.Put(townsfolkOf(4))
		if found, err := f.profile(email("person.e@contoso.com")); err != nil || found.GetDisplayName() != "Person E" {
			t.Fatalf("read through: %v, %v", found, err)
		}
		synctest.Wait()
		if e, err := f.Erase(f.t.Context(), email("person.e@contoso.com")); err != nil || e.ID != sourcetest.ID(4) || !e.Profile {
			t.Fatalf("Erase = %+v, %v", e, err)
		}
		f.expectErased("at once")
		f.pass(2 * interval)
		f.expectErased("after the round that tells of them")
	})
}

// TestEraseWhileARoundIsRead erases somebody while the source takes its time, and while it is
// asked about them.
func TestEraseWhileARoundIsRead(t *testing.T) {
	var holding atomic.Bool
	var hold chan struct{}
	runOver(t, cache.Config{}, func() *sourcetest.Memory {
		source := townsfolk()
		hold = make(chan struct{})
		source.Before(func(ctx context.Context, method string) error {
			if holding.Load() && slices.Contains([]string{"Changes", "Rich", "Photo", "Members"}, method) {
				select {
				case <-hold:
				case <-ctx.Done():
				}
			}
			return nil
		})
		return source
	}, func(f fixture) {
		holding.Store(true)
		f.pass(interval + time.Second) // a round is being read now
		go func() { _, _ = f.Rich(f.t.Context(), sourcetest.ID(4)) }()
		go func() { _, _ = f.Photo(f.t.Context(), id(4), 48) }()
		go func() { _, _ = f.ExpandGroup(f.t.Context(), group(0), false) }()
		synctest.Wait()
		done := make(chan error, 1)
		go func() { _, err := f.Erase(f.t.Context(), id(4)); done <- err }()
		synctest.Wait()
		select {
		case err := <-done:
			if err != nil {
				t.Fatal(err)
			}
		default:
			t.Fatal("an erasure waits for the source")
		}
		f.expectBack("during a round", false)
		holding.Store(false)
		close(hold)
		synctest.Wait()
		if held, err := f.Holding(id(4)); err != nil || held.Profile != nil || held.Rich || len(held.Photos) > 0 {
			t.Errorf("when all has been answered, Holding = %+v, %v", held, err)
		}
		if some := f.Remembered(sourcetest.ID(4), "rich:"+sourcetest.ID(4), "group "+groupID(0)); len(some) > 0 {
			t.Errorf("when all has been answered, remembered are %v", some)
		}
		f.pass(2 * interval)
		f.expectErased("rounds later")
	})
}

// TestErasuresUnderLoad erases people while others read and change them.
func TestErasuresUnderLoad(t *testing.T) {
	source := people(20)
	d, err := cache.New(cache.Config{Source: source, SyncInterval: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); _ = d.Run(ctx) }()
	defer func() { stop(); <-ended; d.Close() }()
	<-d.Filled()
	f := fixture{d, d.As(cache.Everything), t, source}
	changing := make(chan struct{})
	go func() {
		defer close(changing)
		for n := range 200 {
			p := sourcetest.Someone(n % 10) // others than those who are erased
			p.Profile.JobTitle = strings.Repeat("x", n%7)
			source.Put(p)
			_, _, _ = f.Suggest(cache.Invite{Query: "person", Limit: 20})
			_, _ = f.profile(id(10 + n%10))
		}
	}()
	for i := 10; i < 20; i++ {
		e, err := f.Erase(t.Context(), id(i))
		if err != nil {
			t.Fatal(err)
		}
		found, freshness, err := f.Suggest(cache.Invite{Query: "person", Limit: 50})
		if err != nil || freshness.GetRevision() < e.Freshness.GetRevision() {
			t.Fatalf("at revision %d after %d: %v", freshness.GetRevision(), e.Freshness.GetRevision(), err)
		}
		for _, s := range found {
			if s.GetId() >= sourcetest.ID(10) && s.GetId() <= sourcetest.ID(i) {
				t.Errorf("%s is suggested after they were erased", s.GetDisplayName())
			}
		}
	}
	<-changing
	if got := len(strings.Split(f.suggest("person"), ", ")); got != 10 {
		t.Errorf("%d people are left, want 10", got)
	}
}

// TestAnExpansionThatIsUnderWay erases somebody after a part of a group was read with them in.
func TestAnExpansionThatIsUnderWay(t *testing.T) {
	var hold chan struct{}
	asked := 0
	source := townsfolk()
	source.Before(func(_ context.Context, method string) error {
		if method == "Members" {
			if asked++; asked == 2 {
				<-hold
			}
		}
		return nil
	})
	run(t, cache.Config{}, source, func(f fixture) {
		hold = make(chan struct{})
		got := make(chan string, 1)
		go func() { got <- spelled(f.ExpandGroup(f.t.Context(), group(0), true)) }()
		synctest.Wait()
		if _, err := f.Erase(f.t.Context(), id(4)); err != nil {
			t.Fatal(err)
		}
		close(hold)
		if text := <-got; strings.Contains(text, "Person E") || !strings.Contains(text, "Person D") {
			t.Errorf("members %s", text)
		}
	})
}

// TestErasedManagersAreNotReadThrough asks for somebody new who reports to whom is erased.
func TestErasedManagersAreNotReadThrough(t *testing.T) {
	source := townsfolk(6)
	run(t, cache.Config{}, source, func(f fixture) {
		if _, err := f.Erase(f.t.Context(), id(4)); err != nil {
			t.Fatal(err)
		}
		p := sourcetest.Someone(6)
		p.ManagerID, p.Manager = sourcetest.ID(4), &pb.ProfileSummary{Id: sourcetest.ID(4), DisplayName: "Person E"}
		source.Put(p)
		if got, err := f.profile(id(6)); err != nil || got.GetManager() != nil {
			t.Errorf("%v, %v", got, err)
		}
	})
}

// TestErasuresThatAreLeft leaves an erasure before it is done: what goes with it is done all the
// same.
func TestErasuresThatAreLeft(t *testing.T) {
	run(t, cache.Config{}, townsfolk(), func(f fixture) {
		ctx, leave := context.WithCancel(f.t.Context())
		leave()
		var also atomic.Value
		_, _ = f.Erase(ctx, id(4), func(id string) { also.Store(id) })
		synctest.Wait()
		if got, _ := also.Load().(string); got != sourcetest.ID(4) {
			t.Errorf("what goes with an erasure is done of %q", got)
		}
		f.expectBack("erased by who has left", false)
	})
}
