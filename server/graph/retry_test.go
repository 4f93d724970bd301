package graph

import (
	"net/http"
	"testing"
	"time"
)

func TestRetryAfterGoesByTheSendersClock(t *testing.T) {
	sent := time.Date(2031, 5, 1, 12, 0, 0, 0, time.UTC)
	header := http.Header{}
	header.Set("Date", sent.Format(http.TimeFormat))
	header.Set("Retry-After", sent.Add(30*time.Second).Format(http.TimeFormat))
	if got := retryAfter(header, time.Now()); got != 30*time.Second {
		t.Errorf("retryAfter = %v, want 30s", got)
	}
}
