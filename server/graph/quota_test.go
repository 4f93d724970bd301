package graph_test

import (
	"testing"

	"github.com/peopleinsights/peopleinsights/cache"
	"github.com/peopleinsights/peopleinsights/server/simulator"
)

// TestWhatItCosts spends as a service does, and looks at the bill.
func TestWhatItCosts(t *testing.T) {
	directory := simulator.Invent(3000, 1)
	client, sim := start(t, simulator.Config{Quota: simulator.Quota{Units: -1}}, directory)
	bill := func() (units int) {
		for _, r := range sim.Requests() {
			units += r.Units
		}
		sim.ResetRequests()
		return units
	}
	tokens := map[string]string{}
	follow := func() (changed int) {
		for page, err := range client.People().Changes(t.Context(), tokens["people"]) {
			if err != nil {
				t.Fatal(err)
			}
			changed += len(page.Items)
			tokens["people"] = page.Token
		}
		for page, err := range client.Groups().Changes(t.Context(), tokens["groups"]) {
			if err != nil {
				t.Fatal(err)
			}
			tokens["groups"] = page.Token
		}
		return changed
	}
	var err error
	if tokens["people"], err = client.People().Mark(t.Context()); err != nil {
		t.Fatal(err)
	}
	if tokens["groups"], err = client.Groups().Mark(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := list(t, client); err != nil { // and learn how large the tenant is
		t.Fatal(err)
	}
	bill()
	follow()
	if units := bill(); units != 2 {
		t.Errorf("a round without changes costs %d units, want 2", units)
	}
	var ids, addresses []cache.Ref
	for id := range directory.All() {
		if err := directory.Patch(id, []byte(`{"jobTitle":"Changed"}`)); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, cache.Ref{ID: id})
		addresses = append(addresses, cache.Ref{Email: "nobody." + id + "@contoso.com"})
		if len(ids) == 1000 {
			break
		}
	}
	if changed := follow(); changed != 1000 {
		t.Errorf("a round of 1000 changes tells %d", changed)
	}
	units := bill()
	t.Logf("1,000 changes of people cost %d units, in one round", units)
	if units > 6 {
		t.Errorf("1000 changes cost %d units, want 6: five pages, and the groups' one", units)
	}
	for _, refs := range [][]cache.Ref{ids, addresses} {
		refs = refs[:200] // which is enough to see
		most := 200
		if refs[0].ID != "" {
			most = 400 // whether one person costs as much as a list of them is documented both ways
		}
		for _, ref := range refs {
			_, _ = client.Find(t.Context(), ref)
		}
		units := bill()
		t.Logf("1,000 cold look-ups like %.9v… cost %d units", refs[0], 5*units)
		if units > most {
			t.Errorf("200 cold look-ups cost %d units, want at most %d", units, most)
		}
	}
	if used := client.Usage(); used.Units < 600 || used.Refused != 0 || used.Throttled != 0 {
		t.Errorf("usage %+v", used)
	}
}
