package simulator

import (
	"bytes"
	"slices"
	"strings"
	"testing"
)

func TestBehaviour(t *testing.T) {
	c := start(t, Config{EmptyPages: true}, many(t, 5))
	if b := c.sim.Behaviour(); b != (Behaviour{DeltaPageSize: 200, EmptyPages: true}) {
		t.Errorf("from the Config: %+v", b)
	}
	pages := func(path string, want int) {
		t.Helper()
		value, _, n := c.all(path)
		if len(value) != 5 || n != want {
			t.Errorf("%s: %d people in %d pages, want %d", path, len(value), n, want)
		}
	}
	pages("/users/delta", 1)
	pages("/users?$top=2", 5)
	c.sim.Behave(Behaviour{DeltaPageSize: 2})
	pages("/users/delta", 3)
	pages("/users?$top=2", 3)
	c.sim.Behave(Behaviour{DeltaPageSize: -1, RefuseJoinedFilters: true})
	if b := c.sim.Behaviour(); b != (Behaviour{DeltaPageSize: 200, RefuseJoinedFilters: true}) {
		t.Errorf("as switched: %+v", b)
	}
	joined := "/users?$filter=mail eq 'a' or userPrincipalName eq 'b'"
	if a := c.get(joined); a.StatusCode != 400 {
		t.Errorf("a joined filter: %d", a.StatusCode)
	}
	c.sim.Behave(Behaviour{})
	if a := c.get(joined); a.StatusCode != 200 {
		t.Errorf("a joined filter again: %d", a.StatusCode)
	}
}

// A round in which the habits are switched must not lose anybody.
func TestSwitchingWithinARound(t *testing.T) {
	d := many(t, 9)
	c := start(t, Config{DeltaPageSize: 2, Replay: true}, d)
	for name, later := range map[string]Behaviour{
		"no replay":   {DeltaPageSize: 2},
		"small pages": {DeltaPageSize: 1, Replay: true},
		"large pages": {DeltaPageSize: 5, EmptyPages: true},
		"replay":      {DeltaPageSize: 2, Replay: true},
	} {
		before := c.sim.Behaviour()
		check(t, d.Patch(idOf(9), []byte(`{"jobTitle":"before `+name+`"}`)))
		_, delta, _ := c.all("/users/delta?$select=jobTitle")
		for n := 1; n <= 6; n++ {
			check(t, d.Patch(idOf(n), []byte(`{"jobTitle":"`+name+`"}`)))
		}
		first := c.page(delta)
		c.sim.Behave(later)
		rest, _, _ := c.all(first.Next)
		got := names(append(first.Value, rest...), "id")
		slices.Sort(got)
		got = slices.Compact(got)
		if before.Replay && len(got) == 7 {
			got = got[:6] // with the one before
		}
		if len(got) != 6 || got[0] != idOf(1) || got[5] != idOf(6) {
			t.Errorf("%s: got %v", name, got)
		}
	}
}

func TestNullValues(t *testing.T) {
	c := start(t, Config{}, many(t, 3))
	c.sim.Behave(Behaviour{NullValues: true})
	for _, path := range []string{"/users?$select=id", "/users/delta?$select=id"} {
		a := c.get(path)
		var doc struct{ Value []map[string]any }
		a.decode(t, &doc)
		got := ""
		for _, u := range doc.Value {
			got += map[bool]string{true: "null ", false: "user "}[u == nil]
		}
		if got != "user null user null user " {
			t.Errorf("%s: %s in %s", path, got, a.body)
		}
	}
	if a := c.get("/users?$select=id&$top=1"); bytes.Contains(a.body, []byte("null")) {
		t.Errorf("a single one: %s", a.body)
	}
	c.sim.Behave(Behaviour{})
	if a := c.get("/users?$select=id"); strings.Contains(string(a.body), "null") {
		t.Errorf("switched off: %s", a.body)
	}
}
