package cache

import "context"

// Waiter is told when an answer has to wait for the source, before it does. It may be told
// more than once.
type Waiter interface{ Waits() }

type waiterKey struct{}

// WithWaiter returns a context whose waiter is w.
func WithWaiter(ctx context.Context, w Waiter) context.Context {
	return context.WithValue(ctx, waiterKey{}, w)
}

// WaiterOf returns the waiter of a context, or nil.
func WaiterOf(ctx context.Context) Waiter {
	w, _ := ctx.Value(waiterKey{}).(Waiter)
	return w
}

// Waits tells the waiter of a context, if it has one.
func Waits(ctx context.Context) {
	if w := WaiterOf(ctx); w != nil {
		w.Waits()
	}
}
