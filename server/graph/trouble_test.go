package graph_test

import (
	"context"
	"testing"

	"github.com/peopleinsights/peopleinsights/cache"
	"github.com/peopleinsights/peopleinsights/server/graph"
	"github.com/peopleinsights/peopleinsights/server/simulator"
)

// TestTroubleBesideTheDirectory has Outlook or Teams fail for several people, and asks the
// directory for another: nothing is wrong with it. What fails is soon asked no more; what is
// not there is no failure.
func TestTroubleBesideTheDirectory(t *testing.T) {
	for _, asked := range []struct {
		what, path string
		ask        func(ctx context.Context, c *graph.Client, id string) error
	}{
		{"photo", "/photo", func(ctx context.Context, c *graph.Client, id string) error {
			_, err := c.Photo(ctx, id, 240, nil)
			return err
		}},
		{"contacts", "ontact", func(ctx context.Context, c *graph.Client, id string) error {
			_, err := c.PersonalContacts(ctx, id, 100)
			return err
		}},
		{"rich", "aboutMe", func(ctx context.Context, c *graph.Client, id string) error {
			_, err := c.Rich(ctx, id)
			return err
		}},
		{"channel", "/teams/", func(ctx context.Context, c *graph.Client, id string) error {
			_, err := c.Channel(ctx, id, standardID, 100)
			return err
		}},
	} {
		for _, fault := range []simulator.Fault{
			{Status: 500}, {Status: 502, Body: []byte("<html>")}, {Status: 503, RetryAfter: "30"}, {Status: 504, Body: []byte{}},
			{Status: 404, Body: []byte{}}, {Status: 429, RetryAfter: "30"},
		} {
			directory := simulator.Invent(10, 1)
			client, sim := start(t, simulator.Config{}, directory, once)
			fault.Path = asked.path
			sim.Fail(fault)
			var people []string
			for id := range directory.All() {
				people = append(people, id)
			}
			for _, id := range people[:8] {
				if err := asked.ask(t.Context(), client, id); err == nil {
					t.Fatalf("%s by %d: an answer", asked.what, fault.Status)
				}
			}
			used := client.Usage()
			if _, err := client.Find(t.Context(), cache.Ref{ID: people[9]}); err != nil || used.Failing {
				t.Errorf("%s fails with %d, and Find = %v; usage %+v", asked.what, fault.Status, err, used)
			}
			if fault.Status != 429 && (used.Refused > 0) != (fault.Status >= 500) { // what was throttled is refused by itself
				t.Errorf("%s fails with %d, and %d calls were not made", asked.what, fault.Status, used.Refused)
			}
		}
	}
}
