package insights

import (
	"context"
	"testing"
	"time"
)

// TestDeadlinesLeaveTimeToSaySo compares what the service gives itself with what its caller
// does: a tenth less, and 50 ms at most, so that the answer that time ran out arrives.
func TestDeadlinesLeaveTimeToSaySo(t *testing.T) {
	s := &Service{config: Config{DefaultDeadline: time.Minute}}
	for _, row := range []struct{ caller, least, most time.Duration }{
		{time.Hour, 50 * time.Millisecond, 50 * time.Millisecond},
		{10 * time.Minute, 50 * time.Millisecond, 50 * time.Millisecond},
		{-time.Second, -time.Second, 0}, // too late already
	} {
		ctx, cancel := context.WithTimeout(t.Context(), row.caller)
		bounded, end := s.bound(ctx)
		theirs, _ := ctx.Deadline()
		ours, ok := bounded.Deadline()
		if kept := theirs.Sub(ours); !ok || kept < row.least || kept > row.most {
			t.Errorf("of %v, %v is kept back, want %v to %v", row.caller, kept, row.least, row.most)
		}
		end()
		cancel()
	}
	bounded, end := s.bound(t.Context())
	defer end()
	if deadline, ok := bounded.Deadline(); !ok || time.Until(deadline) > time.Minute {
		t.Errorf("without a deadline the service gives itself until %v, %v; want a minute", deadline, ok)
	}
}
