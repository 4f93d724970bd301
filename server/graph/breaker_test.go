package graph

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/peopleinsights/peopleinsights/cache"
)

func TestBreaker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := governed(nil)
		fails := &Error{kind: errUnavailable}
		hear := func(err error) { g.hear(t.Context(), directory, err) }
		for i := range breakAfter {
			if err := g.admit(high, directory); err != nil {
				t.Fatalf("after %d failures: %v", i, err)
			}
			hear(fails)
		}
		err := g.admit(high, directory)
		if wait, ok := cache.RetryAfter(err); !errors.Is(err, cache.ErrUnavailable) || !ok || wait > firstOpen || !g.used().Failing {
			t.Fatalf("an open breaker: %v with %v to wait", err, wait)
		}
		if err := g.admit(normal, directory); err != nil {
			t.Errorf("an open breaker stops the synchronisation: %v", err)
		}
		<-time.After(firstOpen)
		if err := g.admit(high, directory); err != nil {
			t.Errorf("the trial is refused: %v", err)
		}
		if err := g.admit(high, directory); err == nil {
			t.Error("a second question goes beside the trial")
		}
		var longest time.Duration
		for range 20 { // an outage that lasts
			hear(fails)
			began := time.Now()
			for g.admit(high, directory) != nil {
				<-time.After(100 * time.Millisecond)
			}
			longest = max(longest, time.Since(began))
		}
		if longest > lastOpen+100*time.Millisecond || longest < lastOpen {
			t.Errorf("a breaker was open for %v, want %v", longest, lastOpen)
		}
		hear(&Error{kind: errNotFound}) // an answer, whatever it is
		if err := g.admit(high, directory); err != nil || g.used().Failing {
			t.Errorf("after an answer: %v", err)
		}
		// What Graph was not asked, and callers who leave, say nothing of Graph.
		cancelled, cancel := context.WithCancel(t.Context())
		cancel()
		for range 2 * breakAfter {
			hear(&Error{kind: errUnavailable, ours: true})
			g.hear(cancelled, directory, fails)
		}
		if err := g.admit(high, directory); err != nil {
			t.Errorf("a breaker opened although Graph did not fail: %v", err)
		}
	})
}

// TestBreakersAreApart has each service fail while the others do not.
func TestBreakersAreApart(t *testing.T) {
	for failing := range service(services) {
		g := governed(nil)
		for range breakAfter {
			g.hear(t.Context(), failing, &Error{kind: errUnavailable, status: 503})
		}
		for to := range service(services) {
			err := g.admit(high, to)
			if (err != nil) != (to == failing) || err != nil && !strings.HasPrefix(err.Error(), to.String()) {
				t.Errorf("%v fails, and %v: %v", failing, to, err)
			}
		}
		if g.used().Failing != (failing == directory) {
			t.Errorf("%v fails, and Graph is taken for failing: %t", failing, g.used().Failing)
		}
	}
}

// TestWhatIsNotThereIsNoFailure has services answer 404. Of the directory, one without a
// code is not Graph's.
func TestWhatIsNotThereIsNoFailure(t *testing.T) {
	for _, row := range []struct {
		code  string
		fails [services]bool
	}{
		{"NotFound", [services]bool{}},
		{"", [services]bool{directory: true}},
	} {
		g := governed(nil)
		for to := range service(services) {
			for range breakAfter {
				g.hear(t.Context(), to, &Error{kind: errUnavailable, status: 404, code: row.code})
			}
			if err := g.admit(high, to); (err != nil) != row.fails[to] {
				t.Errorf("404 %q of %v: %v", row.code, to, err)
			}
		}
	}
}
