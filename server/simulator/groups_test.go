package simulator

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
)

// aGroup returns a group resource; rest is further members of the object.
func aGroup(n int, name string, rest ...string) string {
	members := append([]string{fmt.Sprintf(`"@odata.type":"#microsoft.graph.group","id":%q,"displayName":%q`, idOf(n), name)}, rest...)
	return "{" + strings.Join(members, ",") + "}"
}

// holding returns the memberIds of a group.
func holding(members ...int) string {
	return fmt.Sprintf(`"memberIds":["%s"]`, strings.Join(idsOf(members...), `","`))
}

func idsOf(list ...int) (out []string) {
	for _, n := range list {
		out = append(out, idOf(n))
	}
	return out
}

// The company has a group of each kind.
func TestCompanyGroups(t *testing.T) {
	d := Company()
	if n := d.GroupLen(); n < 12 || n > 16 {
		t.Errorf("the company has %d groups", n)
	}
	kinds := map[string]func(g map[string]any) bool{
		"a team": func(g map[string]any) bool {
			return fmt.Sprint(g["resourceProvisioningOptions"], g["groupTypes"]) == "[Team] [Unified]"
		},
		"a security group": func(g map[string]any) bool { return g["securityEnabled"] == true && g["mailEnabled"] == false },
		"a mail-enabled security group": func(g map[string]any) bool {
			return g["securityEnabled"] == true && g["mailEnabled"] == true && fmt.Sprint(g["groupTypes"]) == "[]"
		},
		"a distribution list": func(g map[string]any) bool {
			return g["securityEnabled"] == false && g["mailEnabled"] == true && fmt.Sprint(g["groupTypes"]) == "[]"
		},
		"hiding its members": func(g map[string]any) bool { return g["visibility"] == "HiddenMembership" },
		"dynamic": func(g map[string]any) bool {
			return fmt.Sprint(g["groupTypes"]) == "[DynamicMembership]" && g["membershipRule"] != nil
		},
		"nested": func(g map[string]any) bool {
			for _, m := range g["memberIds"].([]any) {
				if _, ok := d.Get(m.(string)); !ok {
					return true
				}
			}
			return false
		},
	}
	var all []map[string]any
	for id, raw := range d.Groups() {
		var g map[string]any
		if err := json.Unmarshal(raw, &g); err != nil || g["id"] != id {
			t.Fatalf("%s: %v in %s", id, err, raw)
		}
		all = append(all, g)
	}
	for name, is := range kinds {
		if !slices.ContainsFunc(all, is) {
			t.Errorf("no group is %s", name)
		}
	}
}

func TestLoadGroups(t *testing.T) {
	d := load(t, aGroup(11, "Outer", `"mail":null`, holding(12, 2, 1, 2)), someone(1, "Ana"), aGroup(12, "Inner"),
		`{"displayName":"Late type","id":"`+idOf(13)+`","MemberIDs":null,"@odata.type":"#microsoft.graph.group"}`,
		`{"@odata.type":"#microsoft.graph.user",`+someone(2, "Bea")[1:])
	if d.Len() != 2 || d.GroupLen() != 3 {
		t.Fatalf("%d people and %d groups", d.Len(), d.GroupLen())
	}
	var got []string
	for _, g := range d.Groups() {
		got = append(got, string(g))
	}
	want := []string{
		aGroup(11, "Outer", `"mail":null`, holding(1, 2, 12)), // the people in the order of their lines, then the groups
		aGroup(12, "Inner", `"memberIds":[]`),
		`{"@odata.type":"#microsoft.graph.group","displayName":"Late type","id":"` + idOf(13) + `","memberIds":[]}`,
	}
	wantObjects(t, "groups", got, want...)
	if u, _ := d.Get(idOf(2)); strings.Contains(string(u), "odata") {
		t.Errorf("the type of a person is kept: %s", u)
	}
}

func TestLoadRefusesGroups(t *testing.T) {
	ana := someone(1, "Ana")
	for name, test := range map[string]struct{ lines, want string }{
		"no id":                {`{"@odata.type":"#microsoft.graph.group","displayName":"G"}`, "f:1: id is missing"},
		"no name":              {`{"@odata.type":"#microsoft.graph.group","id":"` + idOf(9) + `"}`, "f:1: displayName is missing or empty"},
		"wrong type":           {aGroup(9, "G", `"mailEnabled":"no"`), `f:1: mailEnabled is "no"; want true or false`},
		"a member twice given": {aGroup(9, "G", `"memberIds":[],"memberids":[]`), "f:1: memberIds is given twice"},
		"no array":             {ana + "\n" + aGroup(9, "G", `"memberIds":"x"`), `f:2: memberIds is "x"; want an array of strings`},
		"numbers":              {aGroup(9, "G", `"memberIds":[1]`), `f:1: memberIds is [1]; want an array of strings`},
		"no GUID":              {aGroup(9, "G", `"memberIds":["`+idOf(1)+`","ana"]`), `f:1: memberIds: "ana" is not a GUID`},
		"nobody":               {ana + "\n" + aGroup(9, "G", holding(1, 2)) + "\n" + ana[:0], "f:2: memberIds " + idOf(2) + " is nobody in the file"},
		"itself":               {aGroup(9, "G", holding(9)), "f:1: a group cannot be its own member"},
		"an id of a person":    {ana + "\n" + aGroup(1, "G"), "f:2: id " + idOf(1) + " is that of line 1 already"},
		"an id of a group":     {aGroup(1, "G") + "\n" + ana, "f:2: id " + idOf(1) + " is that of line 1 already"},
		"another type":         {strings.Replace(aGroup(9, "G"), "graph.group", "graph.printer", 1), `f:1: @odata.type is "#microsoft.graph.printer"; want "#microsoft.graph.user"`},
	} {
		d, err := Load(strings.NewReader(test.lines), "f")
		if d != nil || err == nil || !strings.HasPrefix(err.Error(), test.want) {
			t.Errorf("%s: %v, want %s…", name, err, test.want)
		}
	}
}

func TestGroupChangesRefused(t *testing.T) {
	d := load(t, someone(1, "Ana"), someone(2, "Bea"), aGroup(11, "One", holding(1)), aGroup(12, "Two"))
	check(t, d.DeleteGroup(idOf(12)), d.Delete(idOf(2)))
	before := d.groups.past.last()
	for name, err := range map[string]error{
		"patch nothing":        d.PatchGroup(idOf(9), []byte(`{}`)),
		"patch a person":       d.PatchGroup(idOf(1), []byte(`{}`)),
		"patch the deleted":    d.PatchGroup(idOf(12), []byte(`{"mail":"x"}`)),
		"patch no id":          d.PatchGroup("one", []byte(`{}`)),
		"delete twice":         d.DeleteGroup(idOf(12)),
		"purge nothing":        d.PurgeGroup(idOf(9)),
		"restore nothing":      d.RestoreGroup(idOf(9)),
		"add to the deleted":   d.AddMember(idOf(12), idOf(1)),
		"add the deleted":      d.AddMember(idOf(11), idOf(2)),
		"add a deleted group":  d.AddMember(idOf(11), idOf(12)),
		"add nobody":           d.AddMember(idOf(11), "ana"),
		"remove nobody":        d.RemoveMember(idOf(11), idOf(9)),
		"remove from nothing":  d.RemoveMember(idOf(9), idOf(1)),
		"patch nobody in":      d.PatchGroup(idOf(11), []byte("{"+holding(9)+"}")),
		"put with the deleted": d.PutGroup([]byte(aGroup(13, "New", holding(2)))),
	} {
		if !errors.Is(err, ErrUnknown) {
			t.Errorf("%s: %v, want ErrUnknown", name, err)
		}
	}
	for name, err := range map[string]error{
		"broken":              d.PatchGroup(idOf(11), []byte(`{"mail":`)),
		"wrong type":          d.PatchGroup(idOf(11), []byte(`{"mail":1}`)),
		"another id":          d.PatchGroup(idOf(11), []byte(`{"id":"`+idOf(14)+`"}`)),
		"no name":             d.PatchGroup(idOf(11), []byte(`{"displayName":null}`)),
		"itself":              d.AddMember(idOf(11), idOf(11)),
		"put without name":    d.PutGroup([]byte(`{"id":"` + idOf(15) + `"}`)),
		"put itself":          d.PutGroup([]byte(aGroup(15, "X", holding(15)))),
		"put over a person":   d.PutGroup([]byte(aGroup(1, "X"))),
		"a person over it":    d.Put([]byte(someone(11, "X"))),
		"a user's type":       d.PutGroup([]byte(`{"@odata.type":"#microsoft.graph.user","id":"` + idOf(15) + `","displayName":"X"}`)),
		"a group's type":      d.Put([]byte(aGroup(15, "X", `"userPrincipalName":"x"`))),
		"members of a number": d.PatchGroup(idOf(11), []byte(`{"memberIds":7}`)),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if n := d.groups.past.last() - before; n != 0 || d.GroupLen() != 1 {
		t.Errorf("refused changes left %d entries and %d groups", n, d.GroupLen())
	}
	check(t, d.AddMember(idOf(11), idOf(1)), d.RemoveMember(idOf(11), idOf(11)), d.PatchGroup(idOf(11), []byte(`{"displayName":"One",`+holding(1)+`,"mail":null}`)),
		d.RestoreGroup(idOf(11)))
	if n := d.groups.past.last() - before; n != 0 {
		t.Errorf("what was so already made %d changes", n)
	}
}

func TestMembers(t *testing.T) {
	d := load(t, someone(1, "Ana"), someone(2, "Bea"), someone(3, "Cid"), aGroup(11, "One", holding(2)), aGroup(12, "Two", holding(11, 1)))
	want := func(what string, one, two []string) {
		t.Helper()
		if got := d.Members(idOf(11)); !slices.Equal(got, one) {
			t.Errorf("%s: One has %v, want %v", what, got, one)
		}
		if got := d.Members(idOf(12)); !slices.Equal(got, two) {
			t.Errorf("%s: Two has %v, want %v", what, got, two)
		}
	}
	want("at first", idsOf(2), idsOf(1, 11))
	check(t, d.AddMember(idOf(11), idOf(3)), d.AddMember(idOf(11), idOf(1)), d.AddMember(idOf(11), idOf(12)))
	want("added", idsOf(1, 2, 3, 12), idsOf(1, 11))
	check(t, d.RemoveMember(idOf(11), idOf(2)))
	want("removed", idsOf(1, 3, 12), idsOf(1, 11))
	check(t, d.Delete(idOf(1)), d.DeleteGroup(idOf(12)))
	want("deleted", idsOf(3), nil)
	check(t, d.PutGroup([]byte(aGroup(11, "One", holding(2)))))
	want("replaced", idsOf(2), nil)
	check(t, d.Restore(idOf(1)), d.RestoreGroup(idOf(12)))
	want("restored: the deleted had stayed members", idsOf(1, 2, 12), idsOf(1, 11))
	check(t, d.Purge(idOf(1)), d.PurgeGroup(idOf(11)))
	want("purged", nil, nil)
	check(t, d.PutGroup([]byte(aGroup(12, "Two", holding(3)))), d.PutGroup([]byte(aGroup(12, "Two"))))
	want("replaced without memberIds", nil, nil)
	if d.GroupLen() != 1 || len(d.groups.slots[1].members) != 0 {
		t.Errorf("%d groups, members %v", d.GroupLen(), d.groups.slots[1].members)
	}
}

func TestInventedGroups(t *testing.T) {
	for n, want := range map[int]int{0: 0, 9: 0, 10: 1, 49: 1, 100: 2, 4000: 80} {
		if got := Invent(n, 3).GroupLen(); got != want {
			t.Errorf("Invent(%d) has %d groups, want %d", n, got, want)
		}
	}
	one, same, other := Invent(4000, 42), Invent(4000, 42), Invent(4000, 43)
	text := func(d *Directory) string {
		var b strings.Builder
		for _, u := range d.All() {
			b.Write(append(u, '\n'))
		}
		for _, g := range d.Groups() {
			b.Write(append(g, '\n'))
		}
		return b.String()
	}
	if text(one) != text(same) || text(one) == text(other) {
		t.Error("the groups of a seed are not the same, or those of another are")
	}
	if _, err := Load(strings.NewReader(text(one)), "invented"); err != nil {
		t.Error(err)
	}
	kinds, nested, names := map[string]int{}, 0, map[string]bool{}
	for n, s := range one.groups.slots {
		types, _ := one.groups.words.find("groupTypes")
		mailed, _ := one.groups.words.find("mailEnabled")
		secure, _ := one.groups.words.find("securityEnabled")
		kinds[s.person.value(types)+s.person.value(mailed)+s.person.value(secure)]++
		name, _ := s.person.text(groupProperty(propDisplayName))
		if names[name] || len(s.members) == 0 || n > 0 && len(s.members) > 500 {
			t.Errorf("%s: there already %v, %d members", name, names[name], len(s.members))
		}
		names[name] = true
		for _, m := range s.members {
			if _, ok := m.group(); ok {
				nested++
			}
		}
	}
	for _, kind := range []string{`["Unified"]truefalse`, `[]falsetrue`, `[]truetrue`, `[]truefalse`, `["DynamicMembership"]falsetrue`} {
		if kinds[kind] == 0 {
			t.Errorf("no group is %s", kind)
		}
	}
	if all := len(one.groups.slots[0].members); all < 3000 || nested == 0 {
		t.Errorf("the first has %d members; %d groups are in groups", all, nested)
	}
}

// Everything may happen at once; the race detector looks on.
func TestConcurrentGroupChanges(t *testing.T) {
	d := Invent(300, 7)
	c := start(t, Config{DeltaPageSize: 3, DeltaLinkSize: 20}, d)
	var groups []string
	for id := range d.Groups() {
		groups = append(groups, id)
	}
	var wg sync.WaitGroup
	for seed := range uint64(2) {
		wg.Go(func() {
			if err := d.Churn(300, seed); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Go(func() {
		for i := range 200 {
			id := groups[i%len(groups)]
			_ = d.PatchGroup(id, fmt.Appendf(nil, `{"description":"%d","extension_%d":1}`, i, i))
			for _, m := range d.Members(id) {
				_ = d.RemoveMember(id, m)
				_ = d.AddMember(id, m)
			}
		}
	})
	wg.Go(func() {
		_, delta, _ := c.all("/groups/delta?$select=displayName,members")
		for range 5 {
			c.all("/groups?$top=2&$filter=startsWith(displayName,'a')")
			for _, id := range groups {
				c.get("/groups/" + id + "/transitiveMembers?$top=5")
			}
			_, delta, _ = c.all(delta)
		}
	})
	wg.Wait()
	consistent(t, d)
}
