package contacts

import (
	"errors"
	"time"

	"github.com/peopleinsights/peopleinsights/cache"
)

// How long a failure is remembered, so that typing does not ask a failing source on each
// keystroke.
const (
	minPause = 2 * time.Second
	maxPause = time.Minute
)

// failure is why contacts could not be read: one of cache's errors, and what that error
// told of itself. Of what the source said no more is kept, neither its words nor what it
// may refer to.
type failure struct {
	kind       error
	wait       time.Duration
	permission string
	request    string
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

// pause is how long to wait before the next reading.
func (f *failure) pause() time.Duration { return min(max(minPause, f.wait), maxPause) }

// failing is a failure, and when it was.
type failing struct {
	failure *failure
	at      time.Time
}

// err returns the failure as it is now: of the time that the source asked to wait, some
// has passed.
func (f failing) err() error {
	if f.failure.wait == 0 {
		return f.failure
	}
	now := *f.failure
	now.wait = max(now.wait, now.pause()) - time.Since(f.at)
	return &now
}
