package simulator

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// aMixedGroup is a group (11) with a member of each type and an owner, and what is in it.
func aMixedGroup(t *testing.T) *Directory {
	return load(t, someone(1, "Ana"), someone(2, "Bea", `"mail":"bea@x.com"`), aGroup(11, "Mixed", holding(41, 1, 31, 12, 21, 2), `"ownerIds":["`+idOf(2)+`","`+idOf(41)+`"]`),
		aGroup(12, "Inner", holding(22, 1)), anOrgContact(21, "Ore", `"mail":"ore@x.com"`), anOrgContact(22, "Tin"),
		anObject(deviceKind, 31, "PC", `"operatingSystem":"Windows"`), anObject(principalKind, 41, "Job", `"appId":"a"`))
}

// typed returns the members of a list as "type name".
func (c *client) typed(path string, headers ...string) (list []string) {
	c.t.Helper()
	value, _, _ := c.all(path, headers...)
	for _, m := range value {
		kind, _ := m["@odata.type"].(string)
		list = append(list, strings.TrimPrefix(strings.TrimPrefix(kind, "#microsoft.graph.")+" ", " ")+fmt.Sprint(m["displayName"]))
	}
	return list
}

func TestMixedMembers(t *testing.T) {
	d := aMixedGroup(t)
	c := start(t, Config{}, d)
	group := "/groups/" + idOf(11)
	all := []string{"user Ana", "user Bea", "group Inner", "orgContact Ore", "device PC", "servicePrincipal Job"}
	for path, want := range map[string][]string{
		"/members":                  all,
		"/members?$top=1":           all,
		"/transitiveMembers?$top=2": {"user Ana", "user Bea", "group Inner", "orgContact Ore", "orgContact Tin", "device PC", "servicePrincipal Job"},
		"/owners":                   {"user Bea", "servicePrincipal Job"},
		"/members?$select=displayName,operatingSystem": all,
	} {
		if got := c.typed(group + path); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", path, got, want)
		}
	}
	a := c.get(group + "/members?$select=operatingSystem,appId,mail")
	if want := `[{"@odata.type":"#microsoft.graph.user"},{"@odata.type":"#microsoft.graph.user","mail":"bea@x.com"},{"@odata.type":"#microsoft.graph.group"},` +
		`{"@odata.type":"#microsoft.graph.orgContact","mail":"ore@x.com"},{"@odata.type":"#microsoft.graph.device","operatingSystem":"Windows"},` +
		`{"@odata.type":"#microsoft.graph.servicePrincipal","appId":"a"}]}`; !strings.HasSuffix(string(a.body), want) {
		t.Errorf("%s, want %s", a.body, want)
	}
	check(t, d.DeleteOrgContact(idOf(21)), d.Delete(idOf(2)))
	for path, want := range map[string]string{"/members/$count": "4", "/transitiveMembers/$count": "5", "/owners/$count": "1"} {
		if a := c.get(group+path, "ConsistencyLevel", "eventual"); string(a.body) != want {
			t.Errorf("%s: %d %s, want %s", path, a.StatusCode, a.body, want)
		}
	}
	check(t, d.Purge(idOf(2)))
	if got := d.groups.slots[0].owners; len(got) != 1 {
		t.Errorf("who is purged still owns: %v", got)
	}
}

func TestMixedMembersInDelta(t *testing.T) {
	d := aMixedGroup(t)
	c := start(t, Config{}, d)
	as := func(kind objectKind, entry string) string {
		return strings.Replace(entry, "graph.user", "graph."+kind.name(), 1)
	}
	got, delta := c.round("/groups/delta?$select=members")
	wantObjects(t, "first round", got, told(11, "", present(1), present(2), asGroup(present(12)), as(contactKind, present(21)), as(deviceKind, present(31)), as(principalKind, present(41))),
		told(12, "", present(1), as(contactKind, present(22))))
	check(t, d.PurgeOrgContact(idOf(21)), d.RemoveMember(idOf(11), idOf(31)), d.AddMember(idOf(12), idOf(41)))
	got, _ = c.round(delta)
	wantObjects(t, "changes", got, told(11, "", as(contactKind, absent(21)), as(deviceKind, absent(31))), told(12, "", as(principalKind, present(41))))
}

func TestCasts(t *testing.T) {
	c := start(t, Config{Apps: []App{DefaultApp(), {ID: "few", Secret: "s", Roles: []string{"GroupMember.Read.All"}}}}, aMixedGroup(t))
	full := []string{"ConsistencyLevel", "eventual"}
	group := "/groups/" + idOf(11)
	for path, want := range map[string]string{
		"/members/microsoft.graph.user?$count=true&$top=1":                    "Ana Bea",
		"/Members/graph.user?$count=true&$filter=startsWith(displayName,'b')": "Bea",
		"/members/graph.user?$count=true&$orderby=displayName desc":           "Bea Ana",
		"/members/graph.user?$count=true&$search=\"displayName:an\"":          "Ana",
		"/members/graph.group?$count=true":                                    "Inner",
		"/transitiveMembers/microsoft.graph.orgContact?$count=true":           "Ore Tin",
		"/members/graph.device?$count=true":                                   "PC",
		"/members/graph.servicePrincipal?$count=true":                         "Job",
		"/owners/graph.user?$count=true":                                      "Bea",
	} {
		if got := strings.Join(c.typed(group+path, full...), " "); got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
	p := c.page(group+"/members/graph.user?$count=true&$top=1", full...)
	if p.Count == nil || *p.Count != 2 || p.Context != c.sim.GraphURL()+"/$metadata#users" {
		t.Errorf("%+v", p)
	}
	if a := c.get(group+"/transitiveMembers/graph.orgContact/$count", full...); string(a.body) != "2" {
		t.Errorf("counted %d %s", a.StatusCode, a.body)
	}
	for path, want := range map[string]string{
		"/members/graph.user?$select=id": "2", "/transitiveMembers/graph.user": "5", "/owners/graph.user": "1",
	} {
		and := "?"
		if strings.Contains(path, "?") {
			and = "&"
		}
		if a := c.get(group+path+and+"$count=true", full...); a.Header.Get("x-ms-resource-unit") != want {
			t.Errorf("%s costs %s, want %s", path, a.Header.Get("x-ms-resource-unit"), want)
		}
	}
	for _, path := range []string{"/members/graph.user", "/members/graph.user?$count=true", "/members/graph.robot", "/members/graph.user/x", "/members/user"} {
		if a := c.get(group + path); a.StatusCode != 400 {
			t.Errorf("%s: %d %s", path, a.StatusCode, a.body)
		}
	}
	skip := strings.Replace(p.Next, "graph.user", "graph.device", 1)
	if a := c.get(skip, full...); a.StatusCode != 400 {
		t.Errorf("a token of people for devices: %d %s", a.StatusCode, a.body)
	}
	c.token = c.signIn(App{ID: "few", Secret: "s"})
	a := c.get(group+"/members/graph.user?$count=true&$select=displayName", full...)
	if !strings.HasSuffix(string(a.body), `[{"id":"`+idOf(1)+`","displayName":null},{"id":"`+idOf(2)+`","displayName":null}]}`) {
		t.Errorf("limited: %s", a.body)
	}
	if a := c.get(group+"/members/graph.user?$count=true&$filter=displayName eq 'Ana'", full...); a.StatusCode != 403 {
		t.Errorf("filtered by what may not be read: %d %s", a.StatusCode, a.body)
	}
}

// Members of types that the app may not read come with their id, all else is null.
func TestLimitedInformation(t *testing.T) {
	c := start(t, Config{Apps: []App{{ID: "a", Secret: "s", Roles: []string{"GroupMember.Read.All", "User.Read.All", "Device.Read.All"}}}}, aMixedGroup(t))
	a := c.get("/groups/" + idOf(11) + "/members?$select=displayName")
	_, value, _ := strings.Cut(string(a.body), `"value":[`)
	null := func(k objectKind, n int) string {
		return `{` + k.tag() + `,"id":"` + idOf(n) + `","displayName":null}`
	}
	named := func(k objectKind, name string) string { return `{` + k.tag() + `,"displayName":"` + name + `"}` }
	want := strings.Join([]string{named(userKind, "Ana"), named(userKind, "Bea"), named(groupKind, "Inner"), null(contactKind, 21), named(deviceKind, "PC"), null(principalKind, 41)}, ",")
	if a.StatusCode != 200 || strings.TrimSuffix(value, "]}") != want {
		t.Errorf("%d %s, want %s", a.StatusCode, value, want)
	}
	if a := c.get("/groups/" + idOf(11) + "/members"); !strings.Contains(string(a.body), `{"@odata.type":"#microsoft.graph.orgContact","id":"`+idOf(21)+`","displayName":null,"addresses":null,`) {
		t.Errorf("%s", a.body)
	}
}

// A group within a hidden one is out of sight as a member of it, and in sight where another leads to it.
func TestHiddenMembershipInBetween(t *testing.T) {
	d := load(t, someone(1, "Ana"), someone(2, "Bea"), aGroup(11, "Outer", holding(12)), aGroup(12, "Hidden", `"visibility":"HiddenMembership"`, holding(13, 1), `"ownerIds":["`+idOf(1)+`"]`),
		aGroup(13, "Plain", holding(2)), aGroup(14, "Other", holding(12, 13)))
	c := start(t, Config{Apps: []App{DefaultApp(), {ID: "all", Secret: "s", Roles: []string{"Group.Read.All", "User.Read.All", "Member.Read.Hidden"}}}}, d)
	want := func(group int, want ...string) {
		t.Helper()
		if got := c.typed("/groups/" + idOf(group) + "/transitiveMembers"); !slices.Equal(got, want) {
			t.Errorf("%d: %v, want %v", group, got, want)
		}
	}
	want(11, "group Hidden")
	want(13, "user Bea")
	want(14, "user Bea", "group Hidden", "group Plain")
	for _, path := range []string{"/members", "/transitiveMembers", "/members/$count", "/members/graph.user?$count=true"} {
		a := c.get("/groups/"+idOf(12)+path, "ConsistencyLevel", "eventual")
		if code, _ := a.refusal(t); a.StatusCode != 403 || code != "Authorization_RequestDenied" {
			t.Errorf("%s: %d %s", path, a.StatusCode, a.body)
		}
	}
	if got := c.typed("/groups/" + idOf(12) + "/owners"); !slices.Equal(got, []string{"user Ana"}) {
		t.Errorf("owners %v", got)
	}
	c.token = c.signIn(App{ID: "all", Secret: "s"})
	want(11, "user Ana", "user Bea", "group Hidden", "group Plain")
}

func TestCompanyMembers(t *testing.T) {
	d := Company()
	c := start(t, Config{}, d)
	byName := map[string]string{}
	value, _, _ := c.all("/groups?$select=id,displayName")
	for _, g := range value {
		byName[g["displayName"].(string)] = g["id"].(string)
	}
	for group, want := range map[string][]string{
		"/members Print and Backup":        {"user Mike Brandt", "orgContact Northwind Print Service", "device PRN-PRAHA-3", "device NB-0417", "servicePrincipal Backup Job"},
		"/members Jubilee 2031":            nil,
		"/owners Jubilee 2031":             {"user Grace Okafor"},
		"/transitiveMembers On Call North": {"user عمر حسن", "user 김민준", "user נועה לוי", "group On Call South", "group On Call West"},
	} {
		relation, name, _ := strings.Cut(group, " ")
		if got := c.typed("/groups/" + byName[name] + relation); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", group, got, want)
		}
	}
	if a := c.get("/groups/" + byName["Jubilee 2031"] + "?$select=hideFromAddressLists"); !strings.HasSuffix(string(a.body), `"hideFromAddressLists":true}`) {
		t.Errorf("%s", a.body)
	}
	if a := c.get("/groups/" + byName["Research Circle"] + "/members"); a.StatusCode != 403 {
		t.Errorf("hidden members: %d", a.StatusCode)
	}
}

func TestOwners(t *testing.T) {
	d := load(t, someone(1, "Ana"), someone(2, "Bea"), aGroup(11, "One", holding(1), `"OwnerIds":["`+idOf(2)+`"]`))
	text := func() (last string) {
		for _, g := range d.Groups() {
			last = string(g)
		}
		return last
	}
	if want := aGroup(11, "One", holding(1), `"ownerIds":["`+idOf(2)+`"]`); text() != want {
		t.Errorf("%s, want %s", text(), want)
	}
	check(t, d.PatchGroup(idOf(11), []byte(`{"ownerIds":["`+idOf(1)+`"]}`)))
	check(t, d.PatchGroup(idOf(11), []byte(`{"mail":"x"}`)))
	if !strings.HasSuffix(text(), `"ownerIds":["`+idOf(1)+`"]}`) {
		t.Errorf("%s", text())
	}
	check(t, d.PutGroup([]byte(aGroup(11, "One"))))
	if strings.Contains(text(), "ownerIds") {
		t.Errorf("replaced without owners: %s", text())
	}
	if err := d.PatchGroup(idOf(11), []byte(`{"ownerIds":["`+idOf(9)+`"]}`)); err == nil {
		t.Error("owned by nobody")
	}
	if _, err := Load(strings.NewReader(aGroup(11, "One", `"ownerIds":["`+idOf(9)+`"]`)), "f"); err == nil || err.Error() != "f:1: ownerIds "+idOf(9)+" is nobody in the file" {
		t.Errorf("loaded: %v", err)
	}
}
