package graph_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/peopleinsights/peopleinsights/cache"
	"github.com/peopleinsights/peopleinsights/server/simulator"
)

// roster returns how so many of a tenant's people are named, and all people.
func roster(t *testing.T, client cache.Source, n int, name func(i int, p cache.Person) string) (refs []cache.Ref, all []cache.Person) {
	t.Helper()
	for page, err := range client.People().List(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range page.Items {
			all = append(all, p)
			named := name(len(refs), p)
			if named == "" || len(refs) == n {
				continue
			}
			ref, err := cache.ByID(named)
			if strings.Contains(named, "@") {
				ref, err = cache.ByEmail(named)
			}
			if err != nil {
				continue // nothing that a caller could ask for
			}
			refs = append(refs, ref)
		}
	}
	if len(refs) < n {
		t.Fatalf("only %d people are so named", len(refs))
	}
	return refs, all
}

// asked counts requests and units since the last reset, the sign-in aside.
func asked(sim *simulator.Simulator) (requests, units int) {
	for _, r := range sim.Requests() {
		if strings.Contains(r.URL, "/v1.0/") {
			requests++
			units += r.Units
		}
	}
	return requests, units
}

// TestRosterOfAThousand asks for a thousand people whom nobody holds, in each way in which
// they can be named. The bars are design.md's.
func TestRosterOfAThousand(t *testing.T) {
	const maxRequests, maxUnits = 60, 300
	unknown := func(i int) string { return fmt.Sprintf("nobody.%d@contoso.com", i) }
	for name, named := range map[string]func(i int, p cache.Person) string{
		"ids":           func(_ int, p cache.Person) string { return p.Profile.GetId() },
		"addresses":     func(_ int, p cache.Person) string { return p.Profile.GetEmail() },
		"sign-in names": func(_ int, p cache.Person) string { return p.Profile.GetUserPrincipalName() },
		"aliases": func(_ int, p cache.Person) string {
			if len(p.Proxies) < 2 {
				return ""
			}
			return p.Proxies[1]
		},
		"nobody's": func(i int, _ cache.Person) string { return unknown(i) },
		"all sorts": func(i int, p cache.Person) string {
			switch i % 4 {
			case 0:
				return p.Profile.GetId()
			case 1:
				return unknown(i)
			case 2:
				return p.Profile.GetUserPrincipalName()
			default:
				return p.Profile.GetEmail()
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			client, sim := start(t, simulator.Config{}, simulator.Invent(1500, 1))
			refs, all := roster(t, client, 1000, named)
			leads, there := cache.Leading(all), map[string]cache.Person{}
			for _, p := range all {
				there[p.Profile.GetId()] = p
			}
			sim.ResetRequests()
			found := client.FindAll(t.Context(), refs)
			if requests, units := asked(sim); requests > maxRequests || units > maxUnits {
				t.Errorf("took %d requests and %d units, want at most %d and %d", requests, units, maxRequests, maxUnits)
			} else {
				t.Logf("%d requests, %d units", requests, units)
			}
			for i, f := range found {
				if strings.HasPrefix(refs[i].Email, "nobody.") {
					if !errors.Is(f.Err, cache.ErrNotFound) {
						t.Fatalf("%v: %v, want %v", refs[i], f.Err, cache.ErrNotFound)
					}
					continue
				}
				want, known := there[refs[i].ID], true
				if refs[i].Email != "" {
					want, known = leads(refs[i].Email)
				}
				if f.Err != nil || !known || f.Person.Profile.GetId() != want.Profile.GetId() {
					t.Fatalf("%v: %v, %v", refs[i], f.Person.Profile, f.Err)
				}
				if i%100 != 0 {
					continue
				}
				want, err := client.Find(t.Context(), refs[i])
				if diff := cmp.Diff(want, f.Person, protocmp.Transform()); diff != "" || err != nil {
					t.Errorf("%v: %v, differs (-Find +FindAll):\n%s", refs[i], err, diff)
				}
			}
		})
	}
}
