package graph

import (
	"testing"
	"testing/synctest"
	"time"
)

// TestBatchIsTriedAgain forgets after a while that a batch was refused.
func TestBatchIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &Client{}
		c.refusedBatch()
		time.Sleep(noBatchFor - time.Second)
		synctest.Wait()
		if !c.noBatch.Load() {
			t.Error("forgotten too soon")
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if c.noBatch.Load() {
			t.Error("not forgotten")
		}
		c.refusedBatch()
		c.tookBatch()
		if c.noBatch.Load() || !c.batched.Load() {
			t.Error("a batch that was taken is forgotten")
		}
	})
}
