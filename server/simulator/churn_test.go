package simulator

import (
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// follower holds what delta rounds have told it.
type follower struct {
	client *client
	path   string
	held   map[string]map[string]any // by id; members and manager are kept as properties
}

// step takes a page in and reports whether the round has ended with it.
func (f *follower) step() (ended bool) {
	f.client.t.Helper()
	p := f.client.page(f.path)
	for _, o := range p.Value {
		f.take(o)
	}
	f.path = p.Next + p.Delta
	return p.Delta != ""
}

func (f *follower) round() {
	f.client.t.Helper()
	for !f.step() {
	}
}

func (f *follower) take(o map[string]any) {
	id := o["id"].(string)
	if o["@removed"] != nil {
		delete(f.held, id)
		return
	}
	mine := f.held[id]
	if mine == nil {
		mine = map[string]any{"members": map[string]any{}}
		f.held[id] = mine
	}
	for name, value := range o {
		list, _ := value.([]any)
		switch name {
		case "members@delta":
			for _, m := range list {
				m := m.(map[string]any)
				if m["@removed"] == nil {
					mine["members"].(map[string]any)[m["id"].(string)] = true
				} else {
					delete(mine["members"].(map[string]any), m["id"].(string))
				}
			}
		case "manager@delta":
			m := list[0].(map[string]any)
			mine["manager"] = m["id"]
			if m["@removed"] != nil {
				delete(mine, "manager")
			}
		default:
			mine[name] = value
		}
	}
}

func TestChurnIsFollowed(t *testing.T) {
	for name, cfg := range map[string]Config{
		"plain": {},
		"small": {DeltaPageSize: 7, DeltaLinkSize: 5, EmptyPages: true, Replay: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := Invent(400, 9)
			app := DefaultApp()
			app.Roles = append(app.Roles, "Member.Read.Hidden")
			cfg.Apps = []App{app}
			c := start(t, cfg, d)
			people := &follower{c, "/users/delta?$select=displayName,userPrincipalName,mail,proxyAddresses,jobTitle,department,manager", map[string]map[string]any{}}
			groups := &follower{c, "/groups/delta", map[string]map[string]any{}}
			began, groupsBegan := d.Len(), d.GroupLen()
			for seed := range uint64(12) {
				for !people.step() || !groups.step() { // changes in the midst of rounds too
					check(t, d.Churn(1, 1000+seed))
				}
				check(t, d.Churn(300, seed))
				if n := d.Len(); n < began*97/100 || n > began*103/100 {
					t.Errorf("%d people, there were %d", n, began)
				}
				if n := d.GroupLen(); n < groupsBegan-3 || n > groupsBegan+3 {
					t.Errorf("%d groups, there were %d", n, groupsBegan)
				}
			}
			for range 2 { // what is under way, and what came since
				people.round()
				groups.round()
			}
			comparePeople(t, d, people)
			compareGroups(t, d, groups, people)
			consistent(t, d)
		})
	}
}

func comparePeople(t *testing.T, d *Directory, f *follower) {
	t.Helper()
	if len(f.held) != d.Len() {
		t.Errorf("the follower has %d people, the directory %d", len(f.held), d.Len())
	}
	for id, raw := range d.All() {
		var u map[string]any
		if err := json.Unmarshal(raw, &u); err != nil {
			t.Fatal(err)
		}
		got := f.held[id]
		for _, name := range []string{"displayName", "userPrincipalName", "mail", "proxyAddresses", "jobTitle", "department"} {
			if !reflect.DeepEqual(got[name], u[name]) {
				t.Errorf("%s: %s is %v, want %v", id, name, got[name], u[name])
			}
		}
		// A manager who is deleted stays the manager.
		if boss, ok := u[managerProperty]; ok && got["manager"] != boss {
			t.Errorf("%s: manager %v, want %v", id, got["manager"], boss)
		} else if !ok && got["manager"] != nil && f.held[got["manager"].(string)] != nil {
			t.Errorf("%s: manager %v, want none", id, got["manager"])
		}
	}
}

func compareGroups(t *testing.T, d *Directory, f, people *follower) {
	t.Helper()
	if len(f.held) != d.GroupLen() {
		t.Errorf("the follower has %d groups, the directory %d", len(f.held), d.GroupLen())
	}
	for id, raw := range d.Groups() {
		var g map[string]any
		if err := json.Unmarshal(raw, &g); err != nil {
			t.Fatal(err)
		}
		got := maps.Clone(f.held[id])
		var members []string
		for m := range got["members"].(map[string]any) {
			if people.held[m] != nil || f.held[m] != nil { // the deleted stay members
				members = append(members, m)
			}
		}
		slices.Sort(members)
		want := d.Members(id)
		slices.Sort(want)
		if !slices.Equal(members, want) {
			t.Errorf("%s: members %v, want %v", id, members, want)
		}
		delete(got, "members")
		delete(g, membersProperty)
		delete(g, typeProperty)
		if !reflect.DeepEqual(got, g) {
			t.Errorf("%s: got %v, want %v", id, got, g)
		}
	}
}

// consistent checks what must hold of any directory.
func consistent(t *testing.T, d *Directory) {
	t.Helper()
	var text strings.Builder
	addresses := map[string]string{}
	for id, raw := range d.All() {
		text.Write(append(raw, '\n'))
		var u struct {
			Proxies []string `json:"proxyAddresses"`
			Mail    string   `json:"mail"`
		}
		if err := json.Unmarshal(raw, &u); err != nil {
			t.Fatal(err)
		}
		for _, a := range u.Proxies {
			_, a, _ = strings.Cut(strings.ToLower(a), ":")
			if addresses[a] != "" && !strings.HasSuffix(a, "@"+tenantDomain) { // there, invented people may share one
				t.Errorf("%s leads to %s and %s", a, addresses[a], id)
			}
			addresses[a] = id
		}
		if u.Mail != "" && !slices.Contains(u.Proxies, "SMTP:"+u.Mail) {
			t.Errorf("%s has the mail %s and the addresses %v", id, u.Mail, u.Proxies)
		}
	}
	for _, all := range []iter.Seq2[string, json.RawMessage]{d.Groups(), d.OrgContacts(), d.Devices(), d.ServicePrincipals()} {
		for _, raw := range all {
			text.Write(append(raw, '\n'))
		}
	}
	again, err := Load(strings.NewReader(text.String()), "churned")
	if err != nil {
		t.Fatal(err)
	}
	if again.Len() != d.Len() || again.GroupLen() != d.GroupLen() {
		t.Errorf("%d people and %d groups load again, of %d and %d", again.Len(), again.GroupLen(), d.Len(), d.GroupLen())
	}
	for n, s := range d.groups.slots {
		for _, m := range s.members {
			if d.member(m) == nil {
				t.Errorf("group %d has a member who is purged", n)
			}
		}
		if !slices.IsSorted(s.members) {
			t.Errorf("group %d has its members in disorder", n)
		}
	}
}

func TestChurnIsTheSameForASeed(t *testing.T) {
	text := func(seed uint64) string {
		d := Invent(300, 1)
		check(t, d.Churn(500, seed))
		var b strings.Builder
		for _, u := range d.All() {
			b.Write(append(u, '\n'))
		}
		for _, g := range d.Groups() {
			b.Write(append(g, '\n'))
		}
		return b.String()
	}
	one := text(1)
	if one != text(1) || one == text(2) {
		t.Error("the changes of a seed are not the same, or those of another are")
	}
}

// Of each kind of change there is some.
func TestChurnKinds(t *testing.T) {
	d := Invent(500, 4)
	before := map[string]subject{}
	for id, raw := range d.All() {
		var u subject
		check(t, json.Unmarshal(raw, &u))
		before[id] = u
	}
	check(t, d.Churn(3000, 8))
	seen := map[string]int{}
	mails := map[string]string{}
	for id, u := range before {
		mails[u.Mail] = id
	}
	for id, raw := range d.All() {
		var u subject
		check(t, json.Unmarshal(raw, &u))
		old, there := before[id]
		if !there {
			seen["new"]++
			continue
		}
		for what, is := range map[string]bool{
			"title": u.Title != old.Title && u.Title != "", "department": u.Department != old.Department, "office": u.Office != old.Office,
			"name": u.Name != old.Name && u.Surname == old.Surname, "surname": u.Surname != old.Surname,
			"old mail": u.Mail != old.Mail && slices.Contains(u.Proxies, "smtp:"+old.Mail), "principal name": u.UPN != old.UPN,
			"swapped": u.Mail != old.Mail && u.Mail != "" && mails[u.Mail] != "", "manager": u.Manager != old.Manager && u.Manager != "",
			"no manager": old.Manager != "" && u.Manager == "", "cleared": old.Title != "" && u.Title == "",
		} {
			if is {
				seen[what]++
			}
		}
	}
	for _, s := range d.slots {
		switch {
		case s.person == nil:
			seen["purged"]++
		case s.deleted:
			seen["deleted"]++
		}
	}
	for _, ch := range d.past.list {
		if ch.kind == added && before[ch.id.String()].ID != "" {
			seen["restored"]++
		}
	}
	for n, s := range d.groups.slots {
		if s.person == nil || s.deleted {
			seen["group gone"]++
		} else if n >= 10 {
			seen["new group"]++
		}
	}
	for _, ch := range d.groups.past.list {
		switch {
		case ch.relation && d.groups.slots[ch.slot].person != nil && slices.Contains(d.groups.slots[ch.slot].members, ch.member):
			seen["member added"]++
		case ch.relation:
			seen["member removed"]++
		case ch.kind == changed:
			seen["group renamed"]++
		}
	}
	for _, what := range []string{
		"title", "department", "office", "name", "surname", "old mail", "principal name", "swapped", "manager", "no manager", "cleared",
		"new", "deleted", "purged", "restored", "group gone", "new group", "member added", "member removed", "group renamed",
	} {
		if seen[what] == 0 {
			t.Errorf("nothing of: %s", what)
		}
	}
	t.Log(fmt.Sprint(seen))
}

func TestChurnOfLittle(t *testing.T) {
	d := NewDirectory()
	check(t, d.Churn(50, 1))
	if d.Len() > 3 || d.GroupLen() > 3 {
		t.Errorf("%d people and %d groups out of nothing", d.Len(), d.GroupLen())
	}
	d = Company()
	before := d.Len()
	check(t, d.Churn(0, 1), d.Churn(-1, 1))
	if d.past.last()+d.groups.past.last() != 0 {
		t.Error("no changes were asked for")
	}
	check(t, d.Churn(2000, 1))
	if n := d.Len(); n < before-2 || n > before+2 {
		t.Errorf("%d people, there were %d", n, before)
	}
	consistent(t, d)
}
