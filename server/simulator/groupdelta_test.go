package simulator

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

// present returns a member as delta tells of one who is there, absent as of one removed.
func present(n int) string {
	return `{"@odata.type":"#microsoft.graph.user","id":"` + idOf(n) + `"}`
}

func absent(n int) string {
	return `{"@odata.type":"#microsoft.graph.user","@removed":{"reason":"deleted"},"id":"` + idOf(n) + `"}`
}

func asGroup(member string) string { return strings.Replace(member, "graph.user", "graph.group", 1) }

// told returns a group as a round tells it, with sorted keys: rest is what comes after the id.
func told(n int, rest string, members ...string) string {
	delta := ""
	if len(members) > 0 {
		delta = `,"members@delta":[` + strings.Join(members, ",") + `]`
	}
	return `{` + rest + `"id":"` + idOf(n) + `"` + delta + `}`
}

func TestGroupChanges(t *testing.T) {
	d := load(t, someone(1, "Ana"), someone(2, "Bea"), someone(3, "Cid"), someone(4, "Dan"),
		aGroup(11, "One", `"mail":"a"`, holding(1, 2)), aGroup(12, "Two", holding(11)), aGroup(13, "Three"))
	c := start(t, Config{}, d)
	got, delta := c.round("/groups/delta?$select=mail,members")
	wantObjects(t, "first round", got, `{"id":"`+idOf(11)+`","mail":"a","members@delta":[`+present(1)+`,`+present(2)+`]}`,
		told(12, ``, asGroup(present(11))), told(13, ``))
	one := func(mail string, members ...string) string {
		s := told(11, ``, members...)
		return strings.Replace(s, `"id":"`+idOf(11)+`"`, `"id":"`+idOf(11)+`","mail":`+mail, 1)
	}
	round := func(what string, want ...string) {
		t.Helper()
		var got []string
		got, delta = c.round(delta)
		wantObjects(t, what, got, want...)
	}
	round("nothing")
	check(t, d.PatchGroup(idOf(11), []byte(`{"mail":"b"}`)))
	round("a property: no members", one(`"b"`))
	check(t, d.PatchGroup(idOf(11), []byte(`{"mail":null,"description":"x"}`)))
	round("a cleared one is null", one(`null`))
	check(t, d.PatchGroup(idOf(11), []byte(`{"description":"y"}`)), d.AddMember(idOf(11), idOf(1)))
	round("neither what is not selected nor what stays the same is told")
	check(t, d.AddMember(idOf(11), idOf(3)), d.RemoveMember(idOf(11), idOf(1)))
	round("members", one(`null`, absent(1), present(3)))
	check(t, d.AddMember(idOf(11), idOf(13)), d.RemoveMember(idOf(12), idOf(11)))
	round("groups as members", one(`null`, asGroup(present(13))), told(12, ``, asGroup(absent(11))))
	check(t, d.PatchGroup(idOf(12), []byte("{"+holding(1, 3, 4)+"}")))
	round("all members set", told(12, ``, present(1), present(3), present(4)))
	check(t, d.Delete(idOf(3)))
	round("a deleted person stays a member")
	check(t, d.Restore(idOf(3)), d.Delete(idOf(3)))
	round("restored and deleted again: the same")
	check(t, d.Purge(idOf(3)))
	round("a purged one is removed from every group", one(`null`, absent(3)), told(12, ``, absent(3)))
	check(t, d.Purge(idOf(4)), d.Put([]byte(someone(4, "Dan again"))))
	round("a live one purged, and another with the id", told(12, ``, absent(4)))
	check(t, d.AddMember(idOf(12), idOf(4)))
	round("the other", told(12, ``, present(4)))
	check(t, d.Purge(idOf(4)), d.Put([]byte(someone(4, "Dan a third time"))), d.AddMember(idOf(12), idOf(4)))
	round("yet another, at once a member", told(12, ``, present(4)))
	check(t, d.DeleteGroup(idOf(13)))
	round("a deleted group stays a member", gone(13, "changed"))
	check(t, d.RestoreGroup(idOf(13)))
	round("restored", told(13, ``))
	check(t, d.PurgeGroup(idOf(13)))
	round("a group deleted for good", one(`null`, asGroup(absent(13))), gone(13, "deleted"))
	check(t, d.DeleteGroup(idOf(12)))
	round("deleted", gone(12, "changed"))
	check(t, d.RestoreGroup(idOf(12)))
	round("restored with members", told(12, ``, present(1), present(4)))
	check(t, d.DeleteGroup(idOf(12)), d.Purge(idOf(1)), d.RestoreGroup(idOf(12)))
	round("who was purged meanwhile is removed", told(12, ``, absent(1), present(4)))
	check(t, d.PurgeGroup(idOf(12)), d.PutGroup([]byte(aGroup(12, "Again", holding(2)))))
	round("a new group with an old id", told(12, ``, present(2)))
	check(t, d.PutGroup([]byte(aGroup(14, "New", holding(2)))), d.AddMember(idOf(14), idOf(4)))
	round("new", told(14, ``, present(2), present(4)))
	check(t, d.PutGroup([]byte(aGroup(11, "One"))))
	round("replaced", one(`null`, absent(2)))
}

func TestGroupDeltaQueries(t *testing.T) {
	d := load(t, someone(1, "Ana"), aGroup(11, "One", `"description":"x"`, holding(1)), aGroup(12, "Two"))
	c := start(t, Config{}, d)
	for _, path := range []string{
		"/groups/delta", "/groups/delta()", "/groups/microsoft.graph.delta()", "/groups/microsoft.graph.delta", "/Groups/Delta", "/groups/graph.delta",
	} {
		value, _, _ := c.all(path)
		if len(value) != 2 || value[0]["description"] != "x" || value[0]["members@delta"] == nil || value[1]["members@delta"] != nil {
			t.Errorf("%s: %v", path, value)
		}
	}
	got, delta := c.round("/groups/delta?$select=displayName")
	wantObjects(t, "without members", got, told(11, `"displayName":"One",`), told(12, `"displayName":"Two",`))
	_, latest := c.round("/groups/delta?$deltatoken=latest&$select=members")
	_, all := c.round("/groups/delta")
	_, some := c.round("/groups/delta?$select=members&$filter=id eq '" + idOf(12) + "'")
	_, both := c.round("/groups/delta?$select=displayName,description,members,owners", "Prefer", "return=minimal")
	check(t, d.AddMember(idOf(12), idOf(1)))
	got, _ = c.round(delta)
	wantObjects(t, "members are not tracked", got)
	for what, link := range map[string]string{"after latest": latest, "of some": some} {
		got, _ = c.round(link)
		wantObjects(t, what, got, told(12, ``, present(1)))
	}
	got, _ = c.round(all)
	wantObjects(t, "without $select", got, told(12, `"displayName":"Two",`, present(1)))
	got, _ = c.round(both, "Prefer", "return=minimal")
	wantObjects(t, "minimal", got, told(12, ``, present(1)))
	check(t, d.PatchGroup(idOf(11), []byte(`{"description":"y"}`)), d.RemoveMember(idOf(12), idOf(1)))
	got, _ = c.round(both, "Prefer", "return=minimal")
	wantObjects(t, "minimal", got, told(12, ``, absent(1)), `{"description":"y","id":"`+idOf(11)+`"}`)
	got, _ = c.round(some)
	wantObjects(t, "of some", got, told(12, ``, absent(1)))
	p := c.page("/groups/delta?$select=displayName,members")
	if want := c.sim.GraphURL() + "/$metadata#groups(displayName,members)"; p.Context != want || !strings.HasPrefix(p.Delta, c.sim.GraphURL()+"/groups/delta?$deltatoken=") {
		t.Errorf("context %s, want %s; link %s", p.Context, want, p.Delta)
	}
}

func TestHiddenMembersInDelta(t *testing.T) {
	d := load(t, someone(1, "Ana"), aGroup(11, "Secret", `"visibility":"HiddenMembership"`, holding(1)))
	app := DefaultApp()
	c := start(t, Config{Apps: []App{app, {ID: "all", Secret: "s", Roles: []string{"Group.Read.All", "Member.Read.Hidden"}}}}, d)
	got, _ := c.round("/groups/delta?$select=members")
	wantObjects(t, "hidden", got, told(11, ``))
	c.token = c.signIn(App{ID: "all", Secret: "s"})
	got, _ = c.round("/groups/delta?$select=members")
	wantObjects(t, "with Member.Read.Hidden", got, told(11, ``, present(1)))
}

// groupPages follows a round and returns for each page "group:members group:members …".
func (c *client) groupPages(path string) (shapes []string, members map[string][]string, delta string) {
	c.t.Helper()
	members = make(map[string][]string)
	for path != "" {
		p := c.page(path)
		var shape []string
		for _, g := range p.Value {
			id := g["id"].(string)
			list, _ := g["members@delta"].([]any)
			for _, m := range list {
				members[id] = append(members[id], m.(map[string]any)["id"].(string))
			}
			if g["displayName"] == nil {
				c.t.Errorf("a slice without the properties: %v", g)
			}
			shape = append(shape, fmt.Sprintf("%s:%d", strings.TrimLeft(id[24:], "0"), len(list)))
		}
		shapes = append(shapes, strings.Join(shape, " "))
		path, delta = p.Next, p.Delta
	}
	return shapes, members, delta
}

func TestSplitGroups(t *testing.T) {
	var lines []string
	var everybody []int
	for i := 1; i <= 30; i++ {
		lines = append(lines, someone(i, "P"))
		everybody = append(everybody, i)
	}
	tests := []struct {
		name   string
		groups []int // how many members
		cfg    Config
		want   []string
	}{
		{"fits", []int{3, 4, 3}, Config{DeltaLinkSize: 10}, []string{"101:3 102:4 103:3"}},
		{"just full", []int{3, 7, 4}, Config{DeltaLinkSize: 10}, []string{"101:3 102:7", "103:4"}},
		{"one too many", []int{3, 4, 4}, Config{DeltaLinkSize: 10}, []string{"101:3 102:4 103:3", "103:1"}},
		{"others in between", []int{1, 25, 2, 3, 0, 8, 1}, Config{DeltaLinkSize: 10},
			[]string{"101:1 102:9", "103:2 104:3 105:0 102:5", "102:10", "102:1", "106:8 107:1"}},
		{"two big ones", []int{12, 12, 1}, Config{DeltaLinkSize: 10}, []string{"101:10", "101:2", "102:10", "103:1 102:2"}},
		{"none without members is held up", []int{25, 0, 0}, Config{DeltaLinkSize: 10}, []string{"101:10 102:0 103:0", "101:10", "101:5"}},
		{"small pages", []int{5, 1, 1, 0}, Config{DeltaLinkSize: 4, DeltaPageSize: 2}, []string{"101:4", "102:1 101:1", "103:1 104:0"}},
		{"pages of one", []int{3, 1}, Config{DeltaLinkSize: 2, DeltaPageSize: 1}, []string{"101:2", "101:1", "102:1"}},
		{"one member a page", []int{3, 1}, Config{DeltaLinkSize: 1}, []string{"101:1", "101:1", "101:1", "102:1"}},
		{"empty pages between", []int{3}, Config{DeltaLinkSize: 2, EmptyPages: true}, []string{"101:2", "", "101:1"}},
		{"replayed", []int{3, 0}, Config{DeltaLinkSize: 2, Replay: true}, []string{"101:2 102:0 101:2", "101:1 101:1"}},
		{"as Graph", []int{30, 30, 30}, Config{}, []string{"101:30 102:30 103:30"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			all := slices.Clone(lines)
			for i, n := range test.groups {
				rest := `"memberIds":[]`
				if n > 0 {
					rest = holding(everybody[:n]...)
				}
				all = append(all, aGroup(101+i, "G", rest))
			}
			d := load(t, all...)
			c := start(t, test.cfg, d)
			compare := func(what string, shapes []string, members map[string][]string) {
				if test.cfg.Replay {
					for id := range members {
						slices.Sort(members[id])
						members[id] = slices.Compact(members[id])
					}
				}
				if !slices.Equal(shapes, test.want) {
					t.Errorf("%s:\n got %q\nwant %q", what, shapes, test.want)
				}
				for i, n := range test.groups {
					if got := members[idOf(101+i)]; !slices.Equal(got, idsOf(everybody[:n]...)) {
						t.Errorf("%s: group %d has the members %v", what, 101+i, got)
					}
				}
			}
			shapes, members, delta := c.groupPages("/groups/delta?$select=displayName,members")
			compare("first round", shapes, members)
			if test.cfg.Replay {
				return // the next one begins with the last change of the one before
			}
			for i := range test.groups { // changes are split as well
				g := d.groups.slots[i]
				check(t, d.PatchGroup(g.person.id.String(), []byte(`{"memberIds":[],"displayName":"H"}`)))
			}
			shapes, members, _ = c.groupPages(delta)
			compare("changes", shapes, members)
		})
	}
}

// Members who come and go while a group is sent in slices are in the round or in the next one.
func TestChangesBetweenSlices(t *testing.T) {
	var lines []string
	var everybody []int
	for i := 1; i <= 30; i++ {
		lines = append(lines, someone(i, "P"))
		everybody = append(everybody, i)
	}
	d := load(t, append(lines, aGroup(101, "Big", holding(everybody[2:28]...)), aGroup(102, "Big too", holding(everybody...)), aGroup(103, "Gone", holding(everybody...)))...)
	c := start(t, Config{DeltaLinkSize: 4, EmptyPages: true, Replay: true}, d)
	f := &follower{client: c, path: "/groups/delta?$select=displayName,members", held: map[string]map[string]any{}}
	for i := 0; !f.step(); i++ {
		n := idOf(1 + i%30)
		switch i % 5 {
		case 0:
			check(t, d.RemoveMember(idOf(101), n), d.AddMember(idOf(102), n))
		case 1:
			check(t, d.RemoveMember(idOf(102), n), d.AddMember(idOf(101), n))
		case 2:
			check(t, d.RemoveMember(idOf(101), n), d.RemoveMember(idOf(102), n))
		case 3:
			check(t, d.AddMember(idOf(101), n), d.AddMember(idOf(101), idOf(1)), d.RemoveMember(idOf(101), idOf(1)))
		}
		if i == 25 {
			check(t, d.DeleteGroup(idOf(103)))
		}
		if i == 3 {
			check(t, d.Purge(idOf(30)), d.Put([]byte(someone(30, "P"))))
		}
	}
	for !f.step() {
	}
	for n, id := range idsOf(101, 102) {
		got := slices.Sorted(maps.Keys(f.held[id]["members"].(map[string]any)))
		want := d.Members(id)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("group %d: got %v, want %v", n, got, want)
		}
	}
	if f.held[idOf(103)] != nil {
		t.Error("the deleted group is still there")
	}
}

// A link of groups is no good for people, and the other way round.
func TestCrossedTokens(t *testing.T) {
	d := many(t, 30)
	for i := 101; i <= 130; i++ {
		check(t, d.PutGroup([]byte(aGroup(i, "G"))))
	}
	c := start(t, Config{DeltaPageSize: 20}, d)
	for _, set := range [][2]string{{"users", "groups"}, {"groups", "users"}} {
		next := c.page("/" + set[0] + "/delta").Next
		_, delta := c.round("/" + set[0] + "/delta")
		for _, link := range []string{next, delta, next[:len(next)-4] + "AAAA"} {
			if !strings.HasSuffix(link, "AAAA") {
				link = strings.Replace(link, "/"+set[0]+"/", "/"+set[1]+"/", 1)
			}
			a := c.get(link)
			if _, message := a.refusal(t); a.StatusCode != 400 || message != "Badly formed token" {
				t.Errorf("%s: %d %s", link, a.StatusCode, a.body)
			}
		}
	}
	for _, query := range []string{
		"$expand=members", "$orderby=displayName", "$filter=displayName eq 'x'", "$select=jobTitle", "$select=manager", "$deltatoken=abc",
		strings.TrimPrefix(c.page("/groups/delta").Next, c.sim.GraphURL()+"/groups/delta?") + "&$select=id",
	} {
		if a := c.get("/groups/delta?" + query); a.StatusCode != 400 {
			t.Errorf("%s: %d %s", query, a.StatusCode, a.body)
		}
	}
	if a := c.get("/groups/delta?$select=unseenCount"); a.StatusCode != 501 {
		t.Errorf("unseenCount: %d %s", a.StatusCode, a.body)
	}
}

func TestExpiredGroupLinks(t *testing.T) {
	d := load(t, someone(1, "Ana"), aGroup(11, "One", holding(1)), aGroup(12, "Two"))
	c := start(t, Config{DeltaPageSize: 1}, d)
	for as, want := range map[Expiry]string{
		GoneWithLocation:  "410 resyncRequired",
		Gone:              "410 syncStateNotFound",
		SyncStateNotFound: "400 syncStateNotFound",
	} {
		next := c.page("/groups/delta?$select=members").Next
		_, delta := c.round("/groups/delta?$select=members")
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
			if location != "" {
				got, _ := c.round(location)
				wantObjects(t, "from the location", got, told(11, ``, present(1)), told(12, ``))
			}
		}
	}
	_, delta := c.round("/groups/delta")
	d.mu.Lock()
	for range 2*remembered + 1 {
		d.groups.past.add(change{slot: 0, id: d.groups.slots[0].person.id})
	}
	d.mu.Unlock()
	if a := c.get(delta); a.StatusCode != 410 {
		t.Errorf("a link to forgotten changes: %d %s", a.StatusCode, a.body)
	}
}

func TestReplayedGroups(t *testing.T) {
	d := load(t, someone(1, "Ana"), someone(2, "Bea"), aGroup(11, "One", holding(1)), aGroup(12, "Two"))
	c := start(t, Config{Replay: true}, d)
	got, delta := c.round("/groups/delta?$select=members")
	wantObjects(t, "first round", got, told(11, ``, present(1)), told(12, ``), told(11, ``, present(1)))
	check(t, d.RemoveMember(idOf(11), idOf(1)))
	got, delta = c.round(delta)
	wantObjects(t, "second", got, told(11, ``, absent(1)), told(11, ``, absent(1)))
	check(t, d.AddMember(idOf(12), idOf(2)))
	got, _ = c.round(delta)
	wantObjects(t, "third", got, told(11, ``, absent(1)), told(12, ``, present(2)), told(11, ``, absent(1)))
}

// A group that is deleted between its slices is not sent any more, and the next round says why.
func TestDeletedBetweenSlices(t *testing.T) {
	d := load(t, someone(1, "Ana"), someone(2, "Bea"), aGroup(101, "Big", holding(1, 2)), aGroup(102, "Next", holding(1, 2)))
	c := start(t, Config{DeltaLinkSize: 1}, d)
	first := c.page("/groups/delta?$select=members")
	check(t, d.DeleteGroup(idOf(101)))
	got, delta := c.round(first.Next)
	wantObjects(t, "the rest", got, told(102, ``, present(1)), told(102, ``, present(2)))
	got, delta = c.round(delta)
	wantObjects(t, "the next round", got, gone(101, "changed"))
	check(t, d.RestoreGroup(idOf(101)))
	got, _ = c.round(delta)
	wantObjects(t, "restored", got, told(101, ``, present(1)), told(101, ``, present(2)))
}
