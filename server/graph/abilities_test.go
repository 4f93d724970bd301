package graph

import (
	"testing"
	"time"
)

// TestBatchIsTriedAgain forgets after a while that a batch was refused, and at once where
// one was taken.
func TestBatchIsTriedAgain(t *testing.T) {
	var a abilities
	now := time.Unix(0, 0)
	if worth, proven := a.batches(now); !worth || proven {
		t.Errorf("at first a batch is worth it: %v, proven: %v; want it tried", worth, proven)
	}
	a.refusedBatch(now)
	for after, want := range map[time.Duration]bool{0: false, noBatchFor - 1: false, noBatchFor: true} {
		if worth, _ := a.batches(now.Add(after)); worth != want {
			t.Errorf("%v after a refusal a batch is worth it: %v, want %v", after, worth, want)
		}
	}
	a.tookBatch()
	if worth, proven := a.batches(now); !worth || !proven {
		t.Errorf("where one was taken a batch is worth it: %v, proven: %v", worth, proven)
	}
}
