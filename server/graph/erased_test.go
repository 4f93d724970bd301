package graph_test

import (
	"context"
	"testing"
	"time"

	"github.com/peopleinsights/peopleinsights/cache"
	"github.com/peopleinsights/peopleinsights/server/simulator"
)

// TestErasedComeBackWhole erases somebody, who comes back by a change of their job title: Graph
// tells no manager then.
func TestErasedComeBackWhole(t *testing.T) {
	people := simulator.Company()
	client, _ := start(t, simulator.Config{}, people)
	d, err := cache.New(cache.Config{Source: client, SyncInterval: 10 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	ended := make(chan error)
	go func() { ended <- d.Run(ctx) }()
	defer func() { cancel(); <-ended; d.Close() }()
	<-d.Filled()
	r := d.As(cache.Everything)
	for id := range people.All() {
		ref, err := cache.ByID(id)
		if err != nil {
			t.Fatal(err)
		}
		before := r.Profile(ctx, ref, cache.AnyAge).Profile
		if before.GetManager() == nil {
			continue
		}
		if _, err := d.Erase(ctx, ref); err != nil {
			t.Fatal(err)
		}
		if err := people.Patch(id, []byte(`{"jobTitle":"Something new"}`)); err != nil {
			t.Fatal(err)
		}
		ticker := time.NewTicker(time.Millisecond)
		defer ticker.Stop()
		for ; ctx.Err() == nil; <-ticker.C {
			after := r.Profile(ctx, ref, cache.AnyAge).Profile
			if after == nil {
				continue
			}
			if after.GetManager().GetId() != before.GetManager().GetId() || after.GetJobTitle() != "Something new" {
				t.Errorf("they come back as %v, of whom was known %v", after, before)
			}
			return
		}
	}
	t.Error("nobody comes back")
}
