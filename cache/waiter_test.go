package cache_test

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/peopleinsights/peopleinsights/cache"
)

// waiter counts how often it is told that somebody waits.
type waiter struct{ atomic.Int64 }

func (w *waiter) Waits() { w.Add(1) }

// TestWaiter tells who waits for the source from whom memory answers.
func TestWaiter(t *testing.T) {
	run(t, cache.Config{}, people(3), func(f fixture) {
		for what, row := range map[string]struct {
			waits bool
			ask   func(context.Context)
		}{
			"somebody who is held":    {false, func(ctx context.Context) { f.Profile(ctx, id(1), cache.AnyAge) }},
			"somebody who is not":     {true, func(ctx context.Context) { f.Profile(ctx, id(77), cache.AnyAge) }},
			"a roster of those held":  {false, func(ctx context.Context) { f.Profiles(ctx, []cache.Ref{id(1), id(2)}) }},
			"somebody asked for anew": {true, func(ctx context.Context) { f.Profile(ctx, id(1), 0) }},
			"a photo":                 {true, func(ctx context.Context) { _, _ = f.Photo(ctx, id(1), 48) }},
			"a photo of nobody":       {true, func(ctx context.Context) { _, _ = f.Photo(ctx, id(78), 48) }},
			"what somebody wrote":     {true, func(ctx context.Context) { _, _ = f.Rich(ctx, id(1).ID) }},
			"without a waiter":        {false, func(context.Context) { f.Profile(f.t.Context(), id(79), cache.AnyAge) }},
		} {
			var w waiter
			row.ask(cache.WithWaiter(f.t.Context(), &w))
			if (w.Load() > 0) != row.waits {
				t.Errorf("%s: told %d times, want that it waits: %v", what, w.Load(), row.waits)
			}
		}
	})
}
