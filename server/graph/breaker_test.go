package graph

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/peopleinsights/peopleinsights/cache"
)

func TestBreaker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := governed(nil)
		fails := &Error{kind: errUnavailable}
		hear := func(err error) { g.hear(t.Context(), err) }
		for i := range breakAfter {
			if err := g.admit(high); err != nil {
				t.Fatalf("after %d failures: %v", i, err)
			}
			hear(fails)
		}
		err := g.admit(high)
		if wait, ok := cache.RetryAfter(err); !errors.Is(err, cache.ErrUnavailable) || !ok || wait > firstOpen || !g.used().Failing {
			t.Fatalf("an open breaker: %v with %v to wait", err, wait)
		}
		if err := g.admit(normal); err != nil {
			t.Errorf("an open breaker stops the synchronisation: %v", err)
		}
		<-time.After(firstOpen)
		if err := g.admit(high); err != nil {
			t.Errorf("the trial is refused: %v", err)
		}
		if err := g.admit(high); err == nil {
			t.Error("a second question goes beside the trial")
		}
		var longest time.Duration
		for range 20 { // an outage that lasts
			hear(fails)
			began := time.Now()
			for g.admit(high) != nil {
				<-time.After(100 * time.Millisecond)
			}
			longest = max(longest, time.Since(began))
		}
		if longest > lastOpen+100*time.Millisecond || longest < lastOpen {
			t.Errorf("a breaker was open for %v, want %v", longest, lastOpen)
		}
		hear(&Error{kind: errNotFound}) // an answer, whatever it is
		if err := g.admit(high); err != nil || g.used().Failing {
			t.Errorf("after an answer: %v", err)
		}
		// What Graph was not asked, and callers who leave, say nothing of Graph.
		cancelled, cancel := context.WithCancel(t.Context())
		cancel()
		for range 2 * breakAfter {
			hear(&Error{kind: errUnavailable, ours: true})
			g.hear(cancelled, fails)
		}
		if err := g.admit(high); err != nil {
			t.Errorf("a breaker opened although Graph did not fail: %v", err)
		}
	})
}
