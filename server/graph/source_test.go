package graph_test

import (
	"strings"
	"testing"

	"github.com/peopleinsights/peopleinsights/cache"
	"github.com/peopleinsights/peopleinsights/cache/sourcetest"
	"github.com/peopleinsights/peopleinsights/server/simulator"
)

// TestManagersThatFiltersDoNotJoin asks by address a Graph that does not expand what a filter
// finds: it answers without the manager, and is asked in that way from then on.
func TestManagersThatFiltersDoNotJoin(t *testing.T) {
	for _, joined := range []bool{true, false} {
		directory := simulator.NewDirectory()
		for i := range 3 {
			p := sourcetest.Someone(i)
			if i > 0 {
				p.ManagerID = sourcetest.ID(0)
			}
			if err := directory.Put(resource(t, p)); err != nil {
				t.Fatal(err)
			}
		}
		client, sim := start(t, simulator.Config{RefuseJoinedFilters: !joined}, directory)
		sim.Fail(simulator.Fault{Path: "&$filter=", Status: 400, Code: "Request_UnsupportedQuery"}) // what is before it is $expand
		for _, row := range []struct{ person, asked int }{{1, 3}, {2, map[bool]int{true: 1, false: 2}[joined]}} {
			sim.ResetRequests()
			found, err := client.Find(t.Context(), cache.Ref{Email: sourcetest.Someone(row.person).Profile.GetEmail()})
			if err != nil || found.Profile.GetId() != sourcetest.ID(row.person) || found.Said == 0 || found.Said.Has(cache.FieldManager) {
				t.Errorf("Find = %v, says its manager %v, %v", found.Profile, found.Said.Has(cache.FieldManager), err)
			}
			if n := timesAsked(sim, "/users?"); n != row.asked {
				var urls []string
				for _, r := range sim.Requests() {
					urls = append(urls, r.URL)
				}
				t.Errorf("asked %d times, want %d: %s", n, row.asked, strings.Join(urls, "\n"))
			}
		}
		if found, err := client.Find(t.Context(), cache.Ref{ID: sourcetest.ID(1)}); err != nil || found.ManagerID != sourcetest.ID(0) || found.Said != 0 {
			t.Errorf("Find by id = %v, %v", found.ManagerID, err)
		}
	}
}
