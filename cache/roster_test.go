package cache_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/peopleinsights/peopleinsights/cache"
	"github.com/peopleinsights/peopleinsights/cache/sourcetest"
)

// These tests ask for several people at once of whom memory holds none.

// bulk is a source whose FindAll is answer, of the refs and of what memory says.
type bulk struct {
	*sourcetest.Memory
	answer func(ctx context.Context, refs []cache.Ref, found []cache.Found) []cache.Found
}

func (s bulk) FindAll(ctx context.Context, refs []cache.Ref) []cache.Found {
	return s.answer(ctx, refs, s.Memory.FindAll(ctx, refs))
}

// fresh puts people whom no round has told of yet, and returns their refs.
func (f fixture) fresh(from, to int) (refs []cache.Ref) {
	for i := from; i < to; i++ {
		f.source.Slip(member(i))
		refs = append(refs, id(i))
	}
	return refs
}

// asked is how often the source was asked for one person, and for several.
func (f fixture) asked() string {
	return fmt.Sprintf("%d and %d", f.source.Asked("Find"), f.source.Asked("FindAll"))
}

func TestRosterOfColdPeopleIsOneQuestion(t *testing.T) {
	run(t, cache.Config{}, people(1), func(f fixture) {
		refs := append(f.fresh(1, 900), id(0), id(5), email("nobody@contoso.com"))
		answers := f.Profiles(f.t.Context(), refs)
		for i, ref := range refs[:len(refs)-1] {
			if a := answers[i]; a.Err != nil || a.Profile.Id != ref.ID || a.Freshness.GetAsOfTime() == nil {
				t.Fatalf("item %d = %v, %v, %v; want %s", i, a.Profile.GetId(), a.Freshness, a.Err, ref.ID)
			}
		}
		if err := answers[len(refs)-1].Err; !errors.Is(err, cache.ErrNotFound) {
			t.Errorf("nobody = %v, want %v", err, cache.ErrNotFound)
		}
		if got := f.asked(); got != "0 and 1" {
			t.Errorf("the source was asked for one person and for several %s times, want 0 and 1", got)
		}
		// 899 and one who is absent were asked for; one came twice.
		if l := f.Status().Lookups; l.Held != 1 || l.Asked != 900 || l.Shared != 1 || l.Failed != 0 || l.Remembered != 0 {
			t.Errorf("counted as %+v", l)
		}
		synctest.Wait()
		f.Profiles(f.t.Context(), refs)
		if got, l := f.asked(), f.Status().Lookups; got != "0 and 1" || l.Remembered != 901 || l.Held != 2 {
			t.Errorf("again: asked %s times, counted as %+v; want all remembered, absence too", got, l)
		}
	})
}

func TestRosterIsAskedForByTheThousand(t *testing.T) {
	source := people(1)
	var sizes []int
	var mu sync.Mutex
	counting := bulk{source, func(_ context.Context, refs []cache.Ref, found []cache.Found) []cache.Found {
		mu.Lock()
		defer mu.Unlock()
		sizes = append(sizes, len(refs))
		return found
	}}
	run(t, cache.Config{Source: counting}, source, func(f fixture) {
		for _, a := range f.Profiles(f.t.Context(), f.fresh(1, 2502)) {
			if a.Err != nil {
				t.Fatal(a.Err)
			}
		}
		slices.Sort(sizes)
		if !slices.Equal(sizes, []int{501, 1000, 1000}) {
			t.Errorf("asked for %v people, want [501 1000 1000]", sizes)
		}
		f.Profiles(f.t.Context(), f.fresh(3000, 3001))
		if got := f.asked(); got != "1 and 3" {
			t.Errorf("one person alone: asked %s times, want 1 and 3", got)
		}
	})
}

// TestRostersShareTheirQuestions has two rosters and a single question overlap.
func TestRostersShareTheirQuestions(t *testing.T) {
	run(t, cache.Config{}, people(1), func(f fixture) {
		release := make(chan struct{})
		refs := f.fresh(1, 7)
		f.source.Before(func(ctx context.Context, method string) error {
			if method == "Find" || method == "FindAll" {
				<-release
			}
			return ctx.Err()
		})
		var wait sync.WaitGroup
		ask := func(refs ...cache.Ref) {
			wait.Go(func() {
				for i, a := range f.Profiles(f.t.Context(), refs) {
					if a.Err != nil || a.Profile.Id != refs[i].ID {
						t.Errorf("%v = %v, %v", refs[i], a.Profile, a.Err)
					}
				}
			})
			synctest.Wait()
		}
		ask(refs[0])      // one question
		ask(refs[:4]...)  // for three
		ask(refs[2:6]...) // for two
		ask(refs...)      // none
		ask(refs[5])
		close(release)
		wait.Wait()
		if got := f.asked(); got != "1 and 2" {
			t.Errorf("asked %s times, want 1 and 2", got)
		}
		if l := f.Status().Lookups; l.Asked != 6 || l.Shared != 10 {
			t.Errorf("counted as %+v, want 6 asked for and 10 shared", l)
		}
	})
}

// TestRosterOutlivesItsCaller has the caller who began a question leave: their deadline is
// their own, and the question goes on for who has joined it.
func TestRosterOutlivesItsCaller(t *testing.T) {
	run(t, cache.Config{LookupTimeout: 4 * time.Second}, people(1), func(f fixture) {
		refs := f.fresh(1, 4)
		f.source.Before(func(ctx context.Context, method string) error {
			if method == "FindAll" {
				<-time.After(6 * time.Second) // longer than a question for one may take
			}
			return ctx.Err()
		})
		began := time.Now()
		impatient, cancel := context.WithTimeout(f.t.Context(), time.Second)
		defer cancel()
		joined := make(chan cache.Answer)
		left := make(chan []cache.Answer)
		go func() { left <- f.Profiles(impatient, append(refs, id(0))) }()
		synctest.Wait()
		go func() { joined <- f.Profile(f.t.Context(), refs[1], cache.AnyAge) }()
		answers := <-left
		for i := range refs {
			if took := time.Since(began); !errors.Is(answers[i].Err, context.DeadlineExceeded) || took != time.Second {
				t.Errorf("item %d = %v after %v, want %v after 1s", i, answers[i].Err, took, context.DeadlineExceeded)
			}
		}
		if answers[3].Err != nil {
			t.Errorf("who is held = %v", answers[3].Err)
		}
		if a := <-joined; a.Err != nil || time.Since(began) != 6*time.Second {
			t.Errorf("who joined has %v after %v, want an answer after 6s", a.Err, time.Since(began))
		}
		f.source.Before(func(ctx context.Context, _ string) error { <-ctx.Done(); return ctx.Err() })
		began = time.Now()
		for _, a := range f.Profiles(f.t.Context(), f.fresh(5, 8)) {
			if !errors.Is(a.Err, cache.ErrUnavailable) || time.Since(began) != 8*time.Second {
				t.Errorf("of a source that hangs: %v after %v, want %v after 8s", a.Err, time.Since(began), cache.ErrUnavailable)
			}
		}
	})
}

// TestWhoHasLandedIsAnswered has a roster's deadline pass while some of its people have
// been answered by somebody else's question.
func TestWhoHasLandedIsAnswered(t *testing.T) {
	run(t, cache.Config{LookupTimeout: time.Minute}, people(1), func(f fixture) {
		refs := f.fresh(1, 40)
		f.source.Before(func(ctx context.Context, method string) error {
			wait := map[string]time.Duration{"Find": 2 * time.Second, "FindAll": 9 * time.Second}[method]
			<-time.After(wait)
			return ctx.Err()
		})
		for _, ref := range refs[2:] {
			go f.Profile(f.t.Context(), ref, cache.AnyAge)
		}
		synctest.Wait()
		ctx, cancel := context.WithTimeout(f.t.Context(), 5*time.Second)
		defer cancel()
		answers := f.Profiles(ctx, refs)
		if a := answers[0]; !errors.Is(a.Err, context.DeadlineExceeded) {
			t.Errorf("who has not landed = %v", a.Err)
		}
		for _, a := range answers[2:] {
			if a.Err != nil {
				t.Fatalf("who has landed = %v", a.Err)
			}
		}
	})
}

func TestProblemsOfARosterStayApart(t *testing.T) {
	source := people(1)
	run(t, cache.Config{}, source, func(f fixture) {
		refs := f.fresh(1, 7)
		refs = append(refs, id(9))
		want := []error{nil, cache.ErrThrottled, cache.ErrDenied, cache.ErrUnavailable, cache.ErrQuota, cache.ErrBusy, cache.ErrNotFound}
		for i, err := range want[1:6] {
			f.source.Refuse(refs[i+1].ID, err)
		}
		for i, a := range f.Profiles(f.t.Context(), refs) {
			if !errors.Is(a.Err, want[i]) || (a.Err == nil) != (want[i] == nil) {
				t.Errorf("item %d = %v, want %v", i, a.Err, want[i])
			}
		}
		if l := f.Status().Lookups; l.Asked != 2 || l.Failed != 5 || f.asked() != "0 and 1" {
			t.Errorf("counted as %+v, asked %s times; want two answered, five failed, by one question", l, f.asked())
		}
	})
}

// TestWhatASourceSaidInTime has the time of a question be over after the source has
// answered for some.
func TestWhatASourceSaidInTime(t *testing.T) {
	source := people(1)
	slow := bulk{source, func(ctx context.Context, refs []cache.Ref, found []cache.Found) []cache.Found {
		<-ctx.Done()
		found[1].Err = cache.ErrThrottled
		found[2].Err = ctx.Err()
		return found
	}}
	run(t, cache.Config{Source: slow}, source, func(f fixture) {
		answers := f.Profiles(f.t.Context(), f.fresh(1, 4))
		for i, want := range []error{nil, cache.ErrThrottled, cache.ErrUnavailable} {
			if got := answers[i].Err; !errors.Is(got, want) || (got == nil) != (want == nil) {
				t.Errorf("item %d = %v, want %v", i, got, want)
			}
		}
	})
}

func TestSourceThatAnswersForTooFew(t *testing.T) {
	source := people(1)
	short := bulk{source, func(_ context.Context, refs []cache.Ref, found []cache.Found) []cache.Found { return found[1:] }}
	run(t, cache.Config{Source: short}, source, func(f fixture) {
		for i, a := range f.Profiles(f.t.Context(), f.fresh(1, 4)) {
			if !errors.Is(a.Err, cache.ErrUnavailable) {
				t.Errorf("item %d = %v, %v; want %v", i, a.Profile, a.Err, cache.ErrUnavailable)
			}
		}
	})
}

// TestThrottledRoster has some be throttled: they alone are asked for again, together, when
// the longest wait is over that the time allows.
func TestThrottledRoster(t *testing.T) {
	source := people(1)
	var questions [][]cache.Ref
	began := time.Time{}
	waits := map[string]time.Duration{ // from the beginning
		sourcetest.ID(2): 2 * time.Second, sourcetest.ID(3): time.Second, sourcetest.ID(4): time.Hour,
	}
	throttling := bulk{source, func(_ context.Context, refs []cache.Ref, found []cache.Found) []cache.Found {
		questions = append(questions, refs)
		for i, ref := range refs {
			if wait := waits[ref.ID] - time.Since(began); wait > 0 {
				found[i] = cache.Found{Err: asksFor(wait)}
			}
		}
		return found
	}}
	run(t, cache.Config{Source: throttling}, source, func(f fixture) {
		began = time.Now()
		answers := f.Profiles(f.t.Context(), f.fresh(1, 6))
		if took := time.Since(began); took != 2*time.Second || len(questions) != 2 || !slices.Equal(questions[1], []cache.Ref{id(2), id(3)}) {
			t.Errorf("after %v, asked for %v; want the two again after 2s", took, questions)
		}
		for i, a := range answers {
			if (i == 3) != errors.Is(a.Err, cache.ErrThrottled) || (i == 3) != (a.Profile == nil) {
				t.Errorf("item %d = %v, %v", i, a.Profile, a.Err)
			}
		}
		if l := f.Status().Lookups; l.Asked != 4 || l.Failed != 1 || f.asked() != "0 and 2" {
			t.Errorf("counted as %+v, asked %s times; want four asked for and one failed, by two questions", l, f.asked())
		}
	})
}

// TestQuestionsAreCountedNotPeople has as many questions under way as may be.
func TestQuestionsAreCountedNotPeople(t *testing.T) {
	run(t, cache.Config{MaxLookups: 2}, people(1), func(f fixture) {
		release := make(chan struct{})
		refs := f.fresh(1, 200)
		f.source.Before(func(context.Context, string) error { <-release; return nil })
		var wait sync.WaitGroup
		for _, some := range [][]cache.Ref{refs[:100], refs[100:]} {
			wait.Go(func() {
				for _, a := range f.Profiles(f.t.Context(), some) {
					if a.Err != nil {
						t.Errorf("Profiles = %v", a.Err)
					}
				}
			})
		}
		synctest.Wait()
		for _, a := range f.Profiles(f.t.Context(), []cache.Ref{id(300), id(301)}) {
			if !errors.Is(a.Err, cache.ErrBusy) {
				t.Errorf("a third question = %v, want %v", a.Err, cache.ErrBusy)
			}
		}
		close(release)
		wait.Wait()
		if _, err := f.profile(id(300)); !errors.Is(err, cache.ErrNotFound) { // there is room again
			t.Errorf("afterwards = %v, want %v", err, cache.ErrNotFound)
		}
	})
}

// TestNoRosterIsOfAnEarlierRevision is TestNoAnswerIsOfAnEarlierRevision for several.
func TestNoRosterIsOfAnEarlierRevision(t *testing.T) {
	run(t, cache.Config{LookupTimeout: time.Hour}, people(1), func(f fixture) {
		refs := f.fresh(1, 4)
		release := make(chan struct{})
		var first sync.Once
		f.source.Before(func(_ context.Context, method string) error {
			if method == "FindAll" {
				first.Do(func() { <-release })
			}
			return nil
		})
		go f.Profiles(f.t.Context(), refs)
		synctest.Wait()
		changed := sourcetest.Someone(0)
		changed.Profile.JobTitle = "Director"
		f.source.Put(changed)
		f.pass(interval)
		seen := f.Status().Freshness.GetRevision()
		later := make(chan []cache.Answer)
		go func() { later <- f.Profiles(f.t.Context(), refs) }()
		synctest.Wait()
		close(release)
		for i, a := range <-later {
			if got := a.Freshness.GetRevision(); a.Err != nil || got < seen {
				t.Errorf("item %d: who has seen revision %d is answered of %d, %v", i, seen, got, a.Err)
			}
		}
		if n := f.source.Asked("FindAll"); n != 2 {
			t.Errorf("asked %d times, want twice", n)
		}
	})
}

// TestQuestionThatBeganTooEarly has somebody ask for an answer as of now while a question
// is under way that began before.
func TestQuestionThatBeganTooEarly(t *testing.T) {
	run(t, cache.Config{LookupTimeout: time.Minute}, people(1), func(f fixture) {
		refs := f.fresh(1, 4)
		f.source.Before(func(ctx context.Context, method string) error {
			if method == "FindAll" || method == "Find" {
				<-time.After(10 * time.Second)
			}
			return ctx.Err()
		})
		go f.Profiles(f.t.Context(), refs)
		f.pass(5 * time.Second)
		for _, row := range []struct {
			maxAge time.Duration
			ref    cache.Ref
			took   time.Duration
		}{{cache.AnyAge, refs[0], 5 * time.Second}, {6 * time.Second, refs[1], 5 * time.Second},
			{4 * time.Second, refs[1], 15 * time.Second}, {0, refs[2], 15 * time.Second}} {
			go func() {
				began := time.Now()
				a := f.Profile(f.t.Context(), row.ref, row.maxAge)
				if took := time.Since(began); a.Err != nil || took != row.took {
					t.Errorf("at most %v old: %v after %v, want an answer after %v", row.maxAge, a.Err, took, row.took)
				}
			}()
		}
		f.pass(time.Minute)
		if got := f.asked(); got != "2 and 1" {
			t.Errorf("asked %s times, want 2 and 1", got)
		}
	})
}

// TestCloseEndsQuestions has the directory end while the source hangs.
func TestCloseEndsQuestions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := people(0)
		source.Before(func(ctx context.Context, _ string) error { <-ctx.Done(); return ctx.Err() })
		d, err := cache.New(cache.Config{Source: source, LookupTimeout: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		left := make(chan error)
		for _, ask := range []func() error{
			func() error { return d.As(cache.Everything).Profiles(t.Context(), []cache.Ref{id(1), id(2)})[0].Err },
			func() error { _, err := d.As(cache.Everything).Rich(t.Context(), sourcetest.ID(1)); return err },
		} {
			go func() { left <- ask() }()
		}
		synctest.Wait()
		d.Close()
		for range 2 {
			if err := <-left; !errors.Is(err, cache.ErrUnavailable) || time.Since(began) != 0 {
				t.Errorf("%v after %v, want %v at once", err, time.Since(began), cache.ErrUnavailable)
			}
		}
	})
}
