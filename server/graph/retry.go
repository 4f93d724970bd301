package graph

import (
	"context"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"

	"github.com/peopleinsights/peopleinsights/cache"
)

// backoff is how long to wait after the given attempt: what Graph asks, else half
// a second, doubled each time, less up to a quarter so that clients do not come
// back together.
func backoff(err error, attempt int) time.Duration {
	if wait, ok := cache.RetryAfter(err); ok {
		return wait
	}
	wait := 500 * time.Millisecond << min(attempt-1, 4) // eight seconds at most
	return wait - rand.N(wait/4)
}

func sleep(ctx context.Context, wait time.Duration) error {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// maxRetryAfter bounds what a Retry-After may ask: a garbled one must not stop
// the service for a year.
const maxRetryAfter = time.Hour

// retryAfter reads a Retry-After header: seconds, with a fraction or without, or
// a date, which is by the clock of whoever sent it. Zero means that there is none to be
// understood.
func retryAfter(header http.Header, now time.Time) time.Duration {
	value := header.Get("Retry-After")
	if seconds, err := strconv.ParseFloat(value, 64); err == nil && seconds > 0 {
		return time.Duration(min(seconds, maxRetryAfter.Seconds()) * float64(time.Second))
	}
	if sent, err := http.ParseTime(header.Get("Date")); err == nil {
		now = sent
	}
	if date, err := http.ParseTime(value); err == nil && date.After(now) {
		return min(date.Sub(now), maxRetryAfter)
	}
	return 0
}
