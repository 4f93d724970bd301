package graph

import (
	"testing"
	"time"
)

// TestSizelessEnds has it be forgotten after an hour that there are no sizes.
func TestSizelessEnds(t *testing.T) {
	var s sizeless
	now := time.Now()
	for _, id := range []string{"A", "a", "b"} {
		s.refused(id, now)
	}
	if s.holds(now) {
		t.Error("two people are enough")
	}
	s.refused("c", now.Add(time.Minute))
	if !s.holds(now.Add(time.Hour)) || s.holds(now.Add(time.Hour+time.Minute)) || s.holds(now) {
		t.Error("it does not hold for an hour, or holds on")
	}
	for _, id := range []string{"a", "b", "c"} {
		s.refused(id, now)
	}
	if s.read(); s.holds(now) || !s.works() {
		t.Error("it holds although a size was read")
	}
	for _, id := range []string{"a", "b", "c"} {
		s.refused(id, now)
	}
	if s.holds(now) {
		t.Error("it holds although a size was ever read")
	}
}
