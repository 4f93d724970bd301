package simulator

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// round follows a delta round to its end and returns each object as JSON with sorted keys.
func (c *client) round(path string, headers ...string) (objects []string, delta string) {
	c.t.Helper()
	value, delta, _ := c.all(path, headers...)
	if delta == "" {
		c.t.Fatalf("%s: the round ends without a delta link", path)
	}
	for _, u := range value {
		b, err := json.Marshal(u)
		if err != nil {
			c.t.Fatal(err)
		}
		objects = append(objects, string(b))
	}
	return objects, delta
}

func wantObjects(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if len(got)+len(want) > 0 && !slices.Equal(got, want) {
		t.Errorf("%s:\n got %s\nwant %s", what, strings.Join(got, "\n     "), strings.Join(want, "\n     "))
	}
}

func gone(n int, reason string) string {
	return fmt.Sprintf(`{"@removed":{"reason":%q},"id":%q}`, reason, idOf(n))
}

func TestInitialRound(t *testing.T) {
	c := start(t, Config{}, many(t, 450))
	first := c.page("/users/delta?$select=displayName&$top=7")
	if len(first.Value) != 200 || first.Next == "" || first.Delta != "" {
		t.Errorf("first page: %d people, next %q, delta %q; $top has no say", len(first.Value), first.Next, first.Delta)
	}
	if u, err := url.Parse(first.Next); err != nil || !strings.HasPrefix(first.Next, c.sim.GraphURL()) || len(u.Query()) != 1 || !u.Query().Has("$skiptoken") {
		t.Errorf("next link %s carries more than its token", first.Next)
	}
	value, delta, pages := c.all("/users/delta?$select=displayName")
	if len(value) != 450 || pages != 3 || delta == "" {
		t.Errorf("%d people in %d pages, delta %q", len(value), pages, delta)
	}
	if len(value[0]) != 2 || value[0]["id"] != idOf(1) {
		t.Errorf("the first is %v, want id and displayName", value[0])
	}
	again := c.page(delta)
	if len(again.Value) != 0 || again.Delta == "" || again.Delta == delta {
		t.Errorf("a round without changes: %d people, delta %q", len(again.Value), again.Delta)
	}
}

func TestDeltaSpellings(t *testing.T) {
	c := start(t, Config{}, many(t, 3))
	for _, path := range []string{
		"/users/delta", "/users/delta()", "/users/microsoft.graph.delta()", "/users/microsoft.graph.delta", "/Users/Delta", "/users/graph.delta",
	} {
		if value, _, _ := c.all(path); len(value) != 3 {
			t.Errorf("%s: %d people", path, len(value))
		}
	}
}

func TestLatest(t *testing.T) {
	d := many(t, 3)
	c := start(t, Config{}, d)
	check(t, d.Patch(idOf(1), []byte(`{"jobTitle":"before"}`)))
	objects, delta := c.round("/users/delta?$deltatoken=latest&$select=jobTitle")
	wantObjects(t, "latest", objects)
	check(t, d.Patch(idOf(2), []byte(`{"jobTitle":"after"}`)))
	objects, _ = c.round(delta)
	wantObjects(t, "after latest", objects, `{"id":"`+idOf(2)+`","jobTitle":"after"}`)
}

func TestChanges(t *testing.T) {
	d := load(t,
		someone(1, "Top"),
		someone(2, "Two", `"jobTitle":"Old","city":"Rome"`, under(1)),
		someone(3, "Three", `"jobTitle":"Same"`, under(1)),
		someone(4, "Four", under(2)),
	)
	c := start(t, Config{}, d)
	_, delta := c.round("/users/delta?$select=jobTitle,city,manager")
	round := func(what string, want ...string) {
		t.Helper()
		var got []string
		got, delta = c.round(delta)
		wantObjects(t, what, got, want...)
	}
	two := func(rest string) string { return `{"city":"Rome","id":"` + idOf(2) + `",` + rest + `}` }
	boss := func(n int) string {
		return `"manager@delta":[{"@odata.type":"#microsoft.graph.user","id":"` + idOf(n) + `"}]`
	}
	noBoss := func(n int) string {
		return `"manager@delta":[{"@odata.type":"#microsoft.graph.user","@removed":{"reason":"deleted"},"id":"` + idOf(n) + `"}]`
	}

	check(t, d.Patch(idOf(2), []byte(`{"jobTitle":"New"}`)))
	round("a changed property comes with all selected ones", two(`"jobTitle":"New"`))
	check(t, d.Patch(idOf(2), []byte(`{"jobTitle":null,"mobilePhone":null}`)))
	round("a cleared one is null", two(`"jobTitle":null`))
	check(t, d.Patch(idOf(3), []byte(`{"department":"Sales"}`)), d.Patch(idOf(3), []byte(`{"jobTitle":"Same"}`)))
	round("neither what is not selected nor what stays the same is told")
	check(t, d.Patch(idOf(2), []byte(`{"managerId":"`+idOf(3)+`"}`)))
	round("another manager", `{"city":"Rome","id":"`+idOf(2)+`","jobTitle":null,`+boss(3)+`}`)
	check(t, d.Patch(idOf(2), []byte(`{"managerId":null}`)))
	round("no manager", `{"city":"Rome","id":"`+idOf(2)+`","jobTitle":null,`+noBoss(3)+`}`)
	check(t, d.Patch(idOf(4), []byte(`{"managerId":"`+idOf(1)+`"}`)), d.Patch(idOf(4), []byte(`{"managerId":null}`)))
	round("the manager who is cleared is the one whom the client knows", `{"id":"`+idOf(4)+`",`+noBoss(2)+`}`)
	check(t, d.Patch(idOf(4), []byte(`{"managerId":"`+idOf(2)+`"}`)))
	round("a manager again", `{"id":"`+idOf(4)+`",`+boss(2)+`}`)
	check(t, d.Delete(idOf(3)))
	round("deleted", gone(3, "changed"))
	check(t, d.Restore(idOf(3)))
	round("restored", `{"id":"`+idOf(3)+`","jobTitle":"Same",`+boss(1)+`}`)
	check(t, d.Delete(idOf(3)), d.Purge(idOf(3)))
	round("deleted for good", gone(3, "deleted"))
	check(t, d.Purge(idOf(2)))
	round("a manager deleted for good", `{"id":"`+idOf(4)+`",`+noBoss(2)+`}`, gone(2, "deleted"))
	check(t, d.Put([]byte(someone(2, "Back", under(1)))))
	round("somebody new with an old id", `{"id":"`+idOf(2)+`",`+boss(1)+`}`)
	check(t, d.Put([]byte(someone(5, "Five", `"city":"Oslo"`))), d.Patch(idOf(5), []byte(`{"city":"Bergen"}`)))
	round("new and changed is sent once", `{"city":"Bergen","id":"`+idOf(5)+`"}`)
	check(t, d.Put([]byte(someone(5, "Five"))))
	round("replaced: what is not given any more is null", `{"city":null,"id":"`+idOf(5)+`"}`)
}

func TestMinimal(t *testing.T) {
	d := load(t, someone(1, "Ana", `"jobTitle":"A","city":"Rome"`))
	c := start(t, Config{}, d)
	_, delta := c.round("/users/delta?$select=jobTitle,city", "Prefer", "return=minimal")
	check(t, d.Patch(idOf(1), []byte(`{"jobTitle":"B"}`)))
	got, _ := c.round(delta, "Prefer", "return=minimal")
	wantObjects(t, "minimal", got, `{"id":"`+idOf(1)+`","jobTitle":"B"}`)
	got, _ = c.round(delta)
	wantObjects(t, "the same round without", got, `{"city":"Rome","id":"`+idOf(1)+`","jobTitle":"B"}`)
}

func TestDeltaOfSome(t *testing.T) {
	d := many(t, 60)
	c := start(t, Config{}, d)
	clause := func(n int) string {
		var parts []string
		for i := 1; i <= n; i++ {
			parts = append(parts, "id eq '"+idOf(i)+"'")
		}
		return "/users/delta?$select=displayName&$filter=" + url.QueryEscape(strings.Join(parts, " or "))
	}
	objects, delta := c.round(clause(50))
	if len(objects) != 50 {
		t.Errorf("%d people, want 50", len(objects))
	}
	check(t, d.Delete(idOf(7)), d.Delete(idOf(57)))
	objects, _ = c.round(delta)
	wantObjects(t, "changes", objects, gone(7, "changed"))
	if a := c.get(clause(51)); a.StatusCode != 400 {
		t.Errorf("51 ids: %d", a.StatusCode)
	}
}

func TestRefusedDeltas(t *testing.T) {
	c := start(t, Config{}, many(t, 300))
	p := c.page("/users/delta")
	for _, query := range []string{
		"$expand=manager", "$orderby=displayName", `$search="displayName:x"`, "$skip=1", "$count=true",
		"$filter=displayName eq 'x'", "$filter=id eq 'x' and id eq 'y'", "$select=nothing",
		"$deltatoken=abc", "$skiptoken=abc", strings.TrimPrefix(p.Next, c.sim.GraphURL()+"/users/delta?") + "&$select=id",
	} {
		if a := c.get("/users/delta?"+query, "ConsistencyLevel", "eventual"); a.StatusCode != 400 {
			t.Errorf("%s: %d %s", query, a.StatusCode, a.body)
		}
	}
	if a := c.get("/users/delta?$select=aboutMe"); a.StatusCode != 501 {
		t.Errorf("aboutMe: %d %s", a.StatusCode, a.body)
	}
	mangled := p.Next[:len(p.Next)-4] + "AAAA"
	skip := strings.Replace(c.page("/users?$top=5").Next, "/users?$top=5&", "/users/delta?", 1)
	for _, link := range []string{mangled, skip} {
		a := c.get(link)
		if _, message := a.refusal(t); a.StatusCode != 400 || message != "Badly formed token" {
			t.Errorf("%s: %d %s", link, a.StatusCode, a.body)
		}
	}
}

func TestExpiredLinks(t *testing.T) {
	c := start(t, Config{}, many(t, 300))
	for as, want := range map[Expiry]string{
		GoneWithLocation:  "410 resyncRequired",
		Gone:              "410 syncStateNotFound",
		SyncStateNotFound: "400 syncStateNotFound",
	} {
		next := c.page("/users/delta?$select=id,mail").Next
		_, delta := c.round("/users/delta?$select=id,mail")
		c.sim.ExpireDeltaTokens(as)
		for _, link := range []string{next, delta} {
			a := c.get(link)
			code, _ := a.refusal(t)
			if got := fmt.Sprintf("%d %s", a.StatusCode, code); got != want {
				t.Errorf("%s, want %s", got, want)
			}
			location := a.Header.Get("Location")
			if (location != "") != (as == GoneWithLocation) {
				t.Errorf("%s: Location %q", want, location)
			}
			if location == "" {
				continue
			}
			value, again, _ := c.all(location)
			if len(value) != 300 || len(value[0]) != 1 || again == "" {
				t.Errorf("from the location: %d people, the first %v", len(value), value[0])
			}
		}
		if _, again := c.round("/users/delta?$select=id"); c.get(again).StatusCode != 200 {
			t.Errorf("%s: a link made afterwards is refused", want)
		}
	}
}

// Changes during a round are either in it or in the next one.
func TestChangesDuringARound(t *testing.T) {
	d := many(t, 30)
	c := start(t, Config{DeltaPageSize: 10}, d)
	first := c.page("/users/delta?$select=displayName,jobTitle")
	check(t, d.Patch(idOf(1), []byte(`{"jobTitle":"x"}`)), d.Delete(idOf(25)), d.Put([]byte(someone(99, "New"))))
	rest, delta, _ := c.all(first.Next)
	if slices.Contains(names(rest, "id"), idOf(25)) {
		t.Error("the deleted is still sent as if there")
	}
	changes, _, _ := c.all(delta)
	if got := names(changes, "id"); !slices.Equal(got, []string{idOf(1), idOf(25), idOf(99)}) {
		t.Errorf("next round %v", got)
	}
}

func TestLongRoundOfChanges(t *testing.T) {
	d := many(t, 30)
	c := start(t, Config{DeltaPageSize: 7, EmptyPages: true}, d)
	_, delta := c.round("/users/delta?$select=jobTitle")
	for i := 1; i <= 30; i++ {
		check(t, d.Patch(idOf(i), []byte(`{"jobTitle":"x"}`)), d.Patch(idOf(i), []byte(`{"jobTitle":"y"}`)))
	}
	value, _, pages := c.all(delta)
	if len(value) != 30 || pages != 9 { // five with people, four without between them
		t.Errorf("%d objects in %d pages, want 30 in 9", len(value), pages)
	}
}

func TestReplay(t *testing.T) {
	d := many(t, 5)
	c := start(t, Config{DeltaPageSize: 3, Replay: true}, d)
	value, delta, _ := c.all("/users/delta?$select=displayName,jobTitle")
	ids := func(list ...int) (out []string) {
		for _, n := range list {
			out = append(out, idOf(n))
		}
		return out
	}
	if got := names(value, "id"); !slices.Equal(got, ids(1, 2, 3, 1, 4, 5, 4)) {
		t.Errorf("first round %v", got)
	}
	check(t, d.Patch(idOf(2), []byte(`{"jobTitle":"x"}`)))
	value, delta, _ = c.all(delta)
	if got := names(value, "id"); !slices.Equal(got, ids(2, 2)) {
		t.Errorf("second round %v", got)
	}
	value, _, _ = c.all(delta)
	if got := names(value, "id"); !slices.Equal(got, ids(2, 2)) {
		t.Errorf("third round %v", got)
	}
}

func TestForgottenChanges(t *testing.T) {
	d := many(t, 1)
	c := start(t, Config{}, d)
	_, delta := c.round("/users/delta")
	d.mu.Lock()
	for range 2*remembered + 1 {
		d.past.add(change{slot: 0, id: d.slots[0].person.id})
	}
	d.mu.Unlock()
	if a := c.get(delta); a.StatusCode != 410 {
		t.Errorf("a link to forgotten changes: %d %s", a.StatusCode, a.body)
	}
}
