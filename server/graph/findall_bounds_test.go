package graph_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/peopleinsights/peopleinsights/cache"
	"github.com/peopleinsights/peopleinsights/cache/sourcetest"
	"github.com/peopleinsights/peopleinsights/server/simulator"
)

// The ways in which a roster names people.
var named = map[string]func(i int, p cache.Person) string{
	"ids":           func(_ int, p cache.Person) string { return p.Profile.GetId() },
	"addresses":     func(_ int, p cache.Person) string { return p.Profile.GetEmail() },
	"sign-in names": func(_ int, p cache.Person) string { return p.Profile.GetUserPrincipalName() },
	"aliases":       func(_ int, p cache.Person) string { return alias(p) },
	"nobody's":      func(i int, _ cache.Person) string { return fmt.Sprintf("nobody.%d@contoso.com", i) },
	"all sorts": func(i int, p cache.Person) string {
		switch i % 5 {
		case 0:
			return p.Profile.GetId()
		case 1:
			return fmt.Sprintf("nobody.%d@contoso.com", i)
		case 2:
			return p.Profile.GetUserPrincipalName()
		case 3:
			return alias(p)
		default:
			return p.Profile.GetEmail()
		}
	},
}

// alias is an address of somebody that is not their first.
func alias(p cache.Person) string {
	if len(p.Proxies) < 2 {
		return ""
	}
	return p.Proxies[1]
}

// TestBounds asks Graphs that take less than Microsoft's for a thousand people: it takes at
// most 60 requests and 300 units, what is refused included, and nobody is unknown who is
// there.
func TestBounds(t *testing.T) {
	for _, row := range []struct {
		what      string
		behaviour simulator.Behaviour
		fault     simulator.Fault
		want      map[string]string // by how they are named
	}{
		{"pages of five", simulator.Behaviour{ListPageSize: 5}, simulator.Fault{}, map[string]string{"ids": "found:1000", "aliases": "found:400 too dear:600"}},
		{"ten clauses", simulator.Behaviour{FilterClauses: 10}, simulator.Fault{}, map[string]string{"sign-in names": "found:1000", "aliases": "found:900 too dear:100"}},
		{"one clause", simulator.Behaviour{FilterClauses: 1}, simulator.Fault{}, map[string]string{"ids": "found:288 without a manager:712"}},
		{"no batch", simulator.Behaviour{}, simulator.Fault{Path: "$batch", Status: 404}, map[string]string{"ids": "found:870 without a manager:130", "addresses": "found:885 too dear:115"}},
		{"no filter by id", simulator.Behaviour{}, simulator.Fault{Path: "=id%20eq", Status: 400}, map[string]string{"ids": "found:1000"}},
		{"no managers with filters", simulator.Behaviour{RefuseExpandedFilters: true}, simulator.Fault{}, map[string]string{"all sorts": "unknown:200 without a manager:800"}},
		{"letter case that counts", simulator.Behaviour{ExactPrefixes: true}, simulator.Fault{}, map[string]string{"nobody's": "too dear:550 unknown:450"}},
	} {
		for name, want := range row.want {
			t.Run(row.what+"/"+name, func(t *testing.T) {
				t.Parallel()
				client, sim := start(t, simulator.Config{Quota: simulator.Quota{Units: -1}}, simulator.Invent(1200, 1))
				refs, all := roster(t, client, 1000, named[name])
				sim.Behave(row.behaviour)
				if row.fault.Path != "" {
					sim.Fail(row.fault)
				}
				sim.ResetRequests()
				got := tally(t, refs, client.FindAll(t.Context(), refs), all)
				requests, units := dear(sim)
				if requests > 60 || units > 300 || got != want {
					t.Errorf("%d requests and %d units; %s, want %s", requests, units, got, want)
				}
				t.Logf("%d requests, %d units: %s", requests, units, got)
			})
		}
	}
}

// tally counts how people were answered: whoever is found is who all lead to, and only
// nobody's addresses are unknown.
func tally(t *testing.T, refs []cache.Ref, found []cache.Found, all []cache.Person) string {
	t.Helper()
	leads, byID := cache.Leading(all), map[string]cache.Person{}
	for _, p := range all {
		byID[p.Profile.GetId()] = p
	}
	counts := map[string]int{}
	for i, f := range found {
		want := byID[refs[i].ID]
		if refs[i].Email != "" {
			want, _ = leads(refs[i].Email)
		}
		switch {
		case f.Err == nil && f.Person.Profile.GetId() != want.Profile.GetId():
			t.Fatalf("%v is %v", refs[i], f.Person.Profile)
		case f.Err == nil && f.Person.Said != 0:
			counts["without a manager"]++
		case f.Err == nil && f.Person.ManagerID != want.ManagerID:
			t.Fatalf("%v is led by %q", refs[i], f.Person.ManagerID)
		case f.Err == nil:
			counts["found"]++
		case errors.Is(f.Err, cache.ErrNotFound) && want.Profile == nil:
			counts["unknown"]++
		case errors.Is(f.Err, cache.ErrQuota):
			counts["too dear"]++
		default:
			t.Fatalf("%v: %v", refs[i], f.Err)
		}
	}
	return strings.TrimSuffix(strings.TrimPrefix(fmt.Sprint(counts), "map["), "]")
}

// dear counts requests and units since the last reset, those of refusals included.
func dear(sim *simulator.Simulator) (requests, units int) {
	requests, units = asked(sim)
	for _, r := range sim.Requests() {
		if strings.Contains(r.URL, "/v1.0/") && r.Parts == nil && r.Units == 0 && !strings.Contains(r.URL, "$batch") {
			units++
		}
		for _, p := range r.Parts {
			if p.Units == 0 {
				units++
			}
		}
	}
	return requests, units
}

// TestFailuresOfAll has all parts fail alike: it is nobody's own failure, and nobody is asked
// for again.
func TestFailuresOfAll(t *testing.T) {
	client, sim, refs := crowd(t, 100, simulator.Config{})
	sim.Fail(simulator.Fault{Path: "/users?", Status: 403})
	if got := outcome(t, refs, client.FindAll(t.Context(), refs)); got != "denied:100" {
		t.Error(got)
	}
	if got := fmt.Sprint(batchSizes(sim)); got != "[1 6]" {
		t.Errorf("batches of %s parts", got)
	}
}

// TestManagerWhoLags has Graph miss somebody's manager: nobody is said to be unknown for it.
func TestManagerWhoLags(t *testing.T) {
	for _, people := range []int{1, 10, 15, 16, 100} {
		client, sim, refs := crowd(t, people, simulator.Config{})
		sim.Fail(simulator.Fault{Path: refs[people-1].ID, Status: 404})
		want := fmt.Sprintf("found:%d unavailable:1", people-1)
		if people == 1 {
			want = "unavailable:1"
		}
		if got := outcome(t, refs, client.FindAll(t.Context(), refs)); got != want {
			t.Errorf("of %d: %s, want %s", people, got, want)
		}
	}
}

// TestOddOneAmongTheFirst has the first question be refused because of somebody in it: what
// Graph takes is not learned from that.
func TestOddOneAmongTheFirst(t *testing.T) {
	for _, people := range []int{16, 100} {
		client, sim, _ := crowd(t, 20, simulator.Config{})
		var refs []cache.Ref
		for i := range people {
			refs = append(refs, cache.Ref{Email: sourcetest.Someone(i % 20).Profile.GetEmail()})
		}
		refs[7].Email = "odd.one@contoso.com"
		sim.Fail(simulator.Fault{Path: "odd.one", Status: 400})
		want := fmt.Sprintf("found:%d unavailable:1", people-1)
		for range 2 {
			if got := outcome(t, refs, client.FindAll(t.Context(), refs)); got != want {
				t.Errorf("of %d: %s, want %s", people, got, want)
			}
		}
		refs = nil
		for i := range 45 {
			refs = append(refs, cache.Ref{Email: sourcetest.Someone(i % 20).Profile.GetEmail()})
		}
		_ = client.FindAll(t.Context(), refs)
		sim.ResetRequests()
		_ = client.FindAll(t.Context(), refs)
		if got := fmt.Sprint(batchSizes(sim)); got != "[3]" {
			t.Errorf("of %d: batches of %s parts afterwards, want [3]", people, got)
		}
	}
}

// TestClausesThatBecomeFewer goes on with what Graph takes by now.
func TestClausesThatBecomeFewer(t *testing.T) {
	client, sim, refs := crowd(t, 100, simulator.Config{})
	_ = client.FindAll(t.Context(), refs)
	sim.Behave(simulator.Behaviour{FilterClauses: 8})
	for _, want := range []string{"[7 9 13]", "[13]"} {
		sim.ResetRequests()
		if got := outcome(t, refs, client.FindAll(t.Context(), refs)); got != "found:100" {
			t.Error(got)
		}
		if got := fmt.Sprint(batchSizes(sim)); got != want {
			t.Errorf("batches of %s parts, want %s", got, want)
		}
	}
}

// TestFiltersWithoutManagers asks a Graph that refuses $expand with $filter: everybody is
// found, without a manager, whom nothing is said of.
func TestFiltersWithoutManagers(t *testing.T) {
	for _, people := range []int{1, 15, 16, 100} {
		client, sim, refs := crowd(t, people, simulator.Config{})
		for i := range refs {
			refs[i] = cache.Ref{Email: sourcetest.Someone(i).Profile.GetUserPrincipalName()}
		}
		sim.Behave(simulator.Behaviour{RefuseExpandedFilters: true})
		for range 2 {
			found := client.FindAll(t.Context(), refs)
			if got := outcome(t, refs, found); got != fmt.Sprintf("found without a manager:%d", people) {
				t.Errorf("of %d: %s", people, got)
			}
			if last := found[people-1].Person; last.Said.Has(cache.FieldManager) || !last.Said.Has(cache.FieldProxies) || last.ManagerID != "" {
				t.Errorf("of %d: says of the manager %q", people, last.ManagerID)
			}
		}
	}
}

// TestLetterCase leaves out the last way of asking only where it leads to nobody: of a Graph
// for which letter case counts, somebody whose primary address is not their mail is found by
// it.
func TestLetterCase(t *testing.T) {
	for _, exact := range []bool{false, true} {
		directory := simulator.NewDirectory()
		p := sourcetest.Someone(0)
		p.Proxies = []string{"primary@contoso.com"}
		if err := directory.Put(resource(t, p)); err != nil {
			t.Fatal(err)
		}
		client, sim := start(t, simulator.Config{}, directory)
		sim.Behave(simulator.Behaviour{ExactPrefixes: exact})
		refs := []cache.Ref{{Email: "primary@contoso.com"}}
		for i := range 40 {
			refs = append(refs, cache.Ref{Email: fmt.Sprintf("nobody.%d@contoso.com", i)})
		}
		for time := range 2 {
			sim.ResetRequests()
			if got := outcome(t, refs, client.FindAll(t.Context(), refs)); got != "found:1 unknown:40" {
				t.Error(got)
			}
			last, tried := 0, 0
			for _, r := range sim.Requests() {
				for _, p := range r.Parts {
					if strings.Contains(p.URL, "select=id,proxyAddresses") {
						tried++
					}
					if strings.Contains(p.URL, "SMTP%3A") {
						last++
					}
				}
			}
			if want := map[bool]int{true: 3}[exact]; last != want {
				t.Errorf("exact %v: %d parts by the last way, want %d", exact, last, want)
			}
			if want := []int{2, 0}[time]; tried != want {
				t.Errorf("exact %v: letter case is tried by %d parts, want %d: once", exact, tried, want)
			}
		}
	}
}
