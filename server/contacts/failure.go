package contacts

import (
	"errors"
	"time"

	"github.com/peopleinsights/peopleinsights/cache"
)

// How long no reading follows a failed one, so that typing does not ask a failing source
// on each keystroke.
const (
	minPause = 2 * time.Second // after the first failure; twice as long after each further one
	maxPause = time.Minute
)

// inARow is within what time of a pause the next reading has to begin, if it is to follow
// the failed one: for so long it is remembered that it failed.
const inARow = time.Minute

// failure is why contacts could not be read: one of cache's errors, and what that error
// told of itself. Of what the source said no more is kept, neither its words nor what it
// may refer to.
type failure struct {
	kind       error
	wait       time.Duration
	permission string
	request    string
	unread     bool // there was no turn to read: the fault is others'
}

// kinds are the errors that a failure can be. What is none of them is
// cache.ErrUnavailable.
var kinds = []error{cache.ErrNotFound, cache.ErrDenied, cache.ErrThrottled, cache.ErrQuota, cache.ErrBusy}

// failureOf returns the failure that a source's error stands for.
func failureOf(err error) *failure {
	f := &failure{kind: cache.ErrUnavailable, permission: cache.Permission(err), request: cache.RequestID(err)}
	f.wait, _ = cache.RetryAfter(err)
	for _, kind := range kinds {
		if errors.Is(err, kind) {
			f.kind = kind
			break
		}
	}
	return f
}

// Error says what failed. It names nobody.
func (f *failure) Error() string {
	if f.permission != "" {
		return "own contacts: " + f.kind.Error() + " (" + f.permission + ")"
	}
	return "own contacts: " + f.kind.Error()
}

// Unwrap returns the error of package cache that this one is.
func (f *failure) Unwrap() error { return f.kind }

// RetryAfter is how long the source asks to wait; zero where it does not say.
func (f *failure) RetryAfter() time.Duration { return f.wait }

// Permission is the permission that the source misses; empty where it names none.
func (f *failure) Permission() string { return f.permission }

// RequestID is the source's own name for the request; empty where it gave none.
func (f *failure) RequestID() string { return f.request }

// failing is the newest failure of an owner's readings.
type failing struct {
	failure *failure
	at      time.Time
	times   int // how many readings have failed in a row, up to this
}

// pause is how long to wait before the next reading.
func (f failing) pause() time.Duration {
	if errors.Is(f.failure, cache.ErrDenied) {
		return maxPause // a permission is not given while somebody types
	}
	pause := max(minPause, f.failure.wait)
	for doubled, n := minPause, 1; n < f.times && pause < maxPause; n++ {
		doubled *= 2
		pause = max(pause, doubled)
	}
	return min(pause, maxPause)
}

// left is how much of the pause is left.
func (f failing) left() time.Duration { return f.pause() - time.Since(f.at) }

// err returns the failure as it is now: of the time that the source asked to wait, some
// has passed.
func (f failing) err() error {
	if f.failure.wait == 0 {
		return f.failure
	}
	now := *f.failure
	now.wait = max(f.failure.wait, f.pause()) - time.Since(f.at)
	return &now
}
