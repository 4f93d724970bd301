package simulator

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// anObject returns the resource of an orgContact, device or servicePrincipal; rest is further members of the object.
func anObject(kind objectKind, n int, name string, rest ...string) string {
	members := append([]string{fmt.Sprintf(`"@odata.type":"#microsoft.graph.%s","id":%q,"displayName":%q`, kind.name(), idOf(n), name)}, rest...)
	return "{" + strings.Join(members, ",") + "}"
}

func anOrgContact(n int, name string, rest ...string) string {
	return anObject(contactKind, n, name, rest...)
}

func TestOrgContacts(t *testing.T) {
	d := load(t, anOrgContact(1, "Ore", `"mail":"ore@x.com","phones":[{"type":"mobile","number":"1"}],"companyName":"X","extra":1`),
		someone(9, "Ana"), anOrgContact(2, "Tin", `"proxyAddresses":["SMTP:tin@x.com"]`), anOrgContact(3, "Gone"))
	check(t, d.DeleteOrgContact(idOf(3)))
	c := start(t, Config{}, d)
	for path, want := range map[string]string{
		"/contacts": `{"id":"` + idOf(1) + `","displayName":"Ore","mail":"ore@x.com","phones":[{"type":"mobile","number":"1"}],"companyName":"X"},` +
			`{"id":"` + idOf(2) + `","displayName":"Tin","proxyAddresses":["SMTP:tin@x.com"]}`,
		"/Contacts?$select=mail,extra":                                             `{"mail":"ore@x.com","extra":1},{}`,
		"/contacts?$select=id&$filter=startsWith(displayName,'t')":                 `{"id":"` + idOf(2) + `"}`,
		"/contacts?$select=id&$filter=proxyAddresses/any(p:p eq 'smtp:tin@x.com')": `{"id":"` + idOf(2) + `"}`,
		"/contacts?$select=id&$orderby=displayName desc&$top=1":                    `{"id":"` + idOf(2) + `"}`,
	} {
		a := c.get(path)
		_, value, _ := strings.Cut(string(a.body), `"value":[`)
		if a.StatusCode != 200 || strings.TrimSuffix(value, "]}") != want {
			t.Errorf("%s: %d %s, want %s", path, a.StatusCode, a.body, want)
		}
	}
	for _, path := range []string{"/contacts/" + idOf(1), "/contacts('" + idOf(1) + "')"} {
		if a := c.get(path + "?$select=displayName"); !strings.HasSuffix(string(a.body), `/$metadata#contacts(displayName)/$entity","displayName":"Ore"}`) {
			t.Errorf("%s: %d %s", path, a.StatusCode, a.body)
		}
	}
	if a := c.get("/contacts/$count", "ConsistencyLevel", "eventual"); string(a.body) != "2" {
		t.Errorf("counted %d %s", a.StatusCode, a.body)
	}
	for path, want := range map[string]string{
		"/contacts/$count":               "400 Request_BadRequest $count is not currently supported.",
		"/contacts?$top=1000":            "400 Request_BadRequest Invalid page size specified: '1000'. Must be between 1 and 999 inclusive.",
		"/contacts?$select=colour":       "400 BadRequest Could not find a property named 'colour' on type 'microsoft.graph.orgContact'.",
		"/contacts?$filter=extra eq 'x'": "400 Request_UnsupportedQuery Unsupported or invalid query filter clause specified for property 'extra' of resource 'OrgContact'.",
		"/contacts/" + idOf(3):           "404 Request_ResourceNotFound Resource '" + idOf(3) + "' does not exist or one of its queried reference-property objects are not present.",
		"/contacts/" + idOf(9):           "404 Request_ResourceNotFound Resource '" + idOf(9) + "' does not exist or one of its queried reference-property objects are not present.",
		"/contacts/" + idOf(1) + "/x":    "400 BadRequest Resource not found for the segment 'x'.",
	} {
		a := c.get(path)
		code, message := a.refusal(t)
		if got := fmt.Sprintf("%d %s %s", a.StatusCode, code, message); got != want {
			t.Errorf("%s:\n got %s\nwant %s", path, got, want)
		}
	}
	if units := c.get("/contacts").Header.Get("x-ms-resource-unit"); units != "1" {
		t.Errorf("a list costs %q", units)
	}
}

func TestOrgContactPaging(t *testing.T) {
	var lines []string
	for i := 1; i <= 250; i++ {
		lines = append(lines, anOrgContact(i, "C"))
	}
	c := start(t, Config{EmptyPages: true}, load(t, lines...))
	if p := c.page("/contacts"); len(p.Value) != 100 || p.Next == "" {
		t.Errorf("a page without $top has %d contacts", len(p.Value))
	}
	if value, _, pages := c.all("/contacts?$top=60&$select=id"); len(value) != 250 || pages != 9 {
		t.Errorf("%d contacts in %d pages", len(value), pages)
	}
	if value, _, pages := c.all("/contacts/delta?$select=id"); len(value) != 250 || pages != 3 { // an empty one between
		t.Errorf("a round of %d contacts in %d pages", len(value), pages)
	}
	next := c.page("/contacts?$top=5").Next
	if a := c.get(strings.Replace(next, "/contacts?", "/users?", 1)); a.StatusCode != 400 {
		t.Errorf("a token of contacts for people: %d", a.StatusCode)
	}
}

func TestOrgContactPermissions(t *testing.T) {
	tests := map[string]bool{"OrgContact.Read.All": true, "Directory.Read.All": true, "User.Read.All": false, "Contacts.Read": false, "Group.Read.All": false}
	var apps []App
	for role := range tests {
		apps = append(apps, App{ID: role, Secret: "s", Roles: []string{role}})
	}
	c := start(t, Config{Apps: apps}, load(t, anOrgContact(1, "Ore")))
	for _, app := range apps {
		c.token = c.signIn(app)
		for _, path := range []string{"/contacts", "/contacts/" + idOf(1), "/contacts/$count", "/contacts/delta"} {
			a := c.get(path, "ConsistencyLevel", "eventual")
			if ok := a.StatusCode == 200; ok != tests[app.ID] || !ok && a.StatusCode != 403 {
				t.Errorf("%s with %s: %d %s", path, app.ID, a.StatusCode, a.body)
			}
		}
	}
}

func TestOrgContactDelta(t *testing.T) {
	d := load(t, anOrgContact(1, "Ore", `"mail":"a"`), anOrgContact(2, "Tin"), aGroup(11, "G", holding(2)))
	c := start(t, Config{}, d)
	for _, path := range []string{"/contacts/delta", "/contacts/delta()", "/contacts/microsoft.graph.delta()", "/Contacts/Delta"} {
		if value, delta, _ := c.all(path); len(value) != 2 || !strings.HasPrefix(delta, c.sim.GraphURL()+"/contacts/delta?$deltatoken=") {
			t.Errorf("%s: %v, %s", path, value, delta)
		}
	}
	_, latest := c.round("/contacts/delta?$deltatoken=latest&$select=mail")
	got, delta := c.round("/contacts/delta?$select=mail")
	wantObjects(t, "first round", got, `{"id":"`+idOf(1)+`","mail":"a"}`, `{"id":"`+idOf(2)+`"}`)
	round := func(what string, want ...string) {
		t.Helper()
		var got []string
		got, delta = c.round(delta)
		wantObjects(t, what, got, want...)
	}
	round("nothing")
	check(t, d.PatchOrgContact(idOf(1), []byte(`{"companyName":"X"}`)))
	round("what is not selected")
	check(t, d.PatchOrgContact(idOf(1), []byte(`{"mail":"b"}`)))
	round("a property", `{"id":"`+idOf(1)+`","mail":"b"}`)
	check(t, d.PutOrgContact([]byte(anOrgContact(1, "Ore"))), d.PutOrgContact([]byte(anOrgContact(3, "New", `"mail":"n"`))))
	round("a cleared one and a new one", `{"id":"`+idOf(1)+`","mail":null}`, `{"id":"`+idOf(3)+`","mail":"n"}`)
	check(t, d.DeleteOrgContact(idOf(2)))
	round("deleted", gone(2, "changed"))
	check(t, d.RestoreOrgContact(idOf(2)))
	round("restored", `{"id":"`+idOf(2)+`"}`)
	check(t, d.PurgeOrgContact(idOf(2)))
	round("purged", gone(2, "deleted"))
	if got := d.Members(idOf(11)); len(got) != 0 || d.OrgContactLen() != 2 {
		t.Errorf("a purged contact is a member: %v; %d contacts", got, d.OrgContactLen())
	}
	got, _ = c.round(latest)
	wantObjects(t, "all since the start", got, `{"id":"`+idOf(1)+`","mail":null}`, `{"id":"`+idOf(3)+`","mail":"n"}`, gone(2, "deleted"))
	c.sim.ExpireDeltaTokens(GoneWithLocation)
	a := c.get(delta)
	if a.StatusCode != 410 || a.Header.Get("Location") != c.sim.GraphURL()+"/contacts/delta?$deltatoken=&$select=mail" {
		t.Errorf("expired: %d %s", a.StatusCode, a.Header.Get("Location"))
	}
	next := strings.Replace(delta, "/contacts/", "/groups/", 1)
	if a := c.get(next); a.StatusCode != 400 {
		t.Errorf("a link of contacts for groups: %d", a.StatusCode)
	}
	for _, query := range []string{"$expand=manager", "$filter=displayName eq 'x'", "$select=colour"} {
		if a := c.get("/contacts/delta?" + query); a.StatusCode != 400 {
			t.Errorf("%s: %d %s", query, a.StatusCode, a.body)
		}
	}
}

func TestReplayedOrgContacts(t *testing.T) {
	d := load(t, anOrgContact(1, "Ore"), anOrgContact(2, "Tin"))
	c := start(t, Config{Replay: true, DeltaPageSize: 1}, d)
	one, two := `{"id":"`+idOf(1)+`"}`, `{"id":"`+idOf(2)+`"}`
	got, delta := c.round("/contacts/delta?$select=id,mail")
	wantObjects(t, "first round", got, one, one, two, two)
	check(t, d.PatchOrgContact(idOf(1), []byte(`{"mail":"x"}`)))
	_, delta = c.round(delta)
	got, _ = c.round(delta)
	withMail := `{"id":"` + idOf(1) + `","mail":"x"}`
	wantObjects(t, "again", got, withMail, withMail)
}

func TestOrgContactChangesRefused(t *testing.T) {
	d := load(t, someone(1, "Ana"), aGroup(2, "G"), anOrgContact(3, "Ore"))
	for name, err := range map[string]error{
		"no name":           d.PutOrgContact([]byte(`{"id":"` + idOf(4) + `"}`)),
		"over a person":     d.PutOrgContact([]byte(anOrgContact(1, "X"))),
		"over a group":      d.PutOrgContact([]byte(anOrgContact(2, "X"))),
		"a person over it":  d.Put([]byte(someone(3, "X"))),
		"a group over it":   d.PutGroup([]byte(aGroup(3, "X"))),
		"another type":      d.PutOrgContact([]byte(someone(4, "X", `"@odata.type":"#microsoft.graph.user"`))),
		"another id":        d.PatchOrgContact(idOf(3), []byte(`{"id":"`+idOf(4)+`"}`)),
		"a name cleared":    d.PatchOrgContact(idOf(3), []byte(`{"displayName":null}`)),
		"patching nothing":  d.PatchOrgContact(idOf(1), []byte(`{}`)),
		"deleting nothing":  d.DeleteOrgContact(idOf(4)),
		"restoring nothing": d.RestoreOrgContact(idOf(4)),
		"purging nothing":   d.PurgeOrgContact("x"),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if d.shelf(contactKind).past.last() != 0 || d.OrgContactLen() != 1 {
		t.Errorf("%d changes, %d contacts", d.shelf(contactKind).past.last(), d.OrgContactLen())
	}
}

func TestInventedOrgContacts(t *testing.T) {
	one, same := Invent(1000, 3), Invent(1000, 3)
	text := func(d *Directory) (list []string) {
		for _, c := range d.OrgContacts() {
			list = append(list, string(c))
		}
		return list
	}
	if got := text(one); len(got) != 20 || one.OrgContactLen() != 20 || !slices.Equal(got, text(same)) {
		t.Errorf("%d contacts, or not the same for a seed", len(got))
	}
	load(t, text(one)...)
}
