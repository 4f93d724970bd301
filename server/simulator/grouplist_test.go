package simulator

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
)

func TestListGroups(t *testing.T) {
	d := load(t, someone(1, "Ana"),
		aGroup(11, "One", `"mail":"one@contoso.com","groupTypes":["Unified"],"resourceProvisioningOptions":["Team"],"extra":7`, holding(1)),
		aGroup(12, "Two", `"mail":null,"groupTypes":[],"proxyAddresses":["SMTP:two@contoso.com"],"hideFromAddressLists":true`),
		aGroup(13, "Three", `"description":"third"`))
	check(t, d.DeleteGroup(idOf(13)))
	c := start(t, Config{}, d)
	one := `{"id":"` + idOf(11) + `","displayName":"One","mail":"one@contoso.com","groupTypes":["Unified"],"resourceProvisioningOptions":["Team"]}`
	two := `{"id":"` + idOf(12) + `","displayName":"Two","mail":null,"groupTypes":[],"proxyAddresses":["SMTP:two@contoso.com"]}`
	first, second := `{"id":"`+idOf(11)+`"}`, `{"id":"`+idOf(12)+`"}`
	for query, want := range map[string]string{
		"":                                  one + "," + two,
		"$select=displayname,extra,members": `{"displayName":"One","extra":7},{"displayName":"Two"}`,
		"$select=id&$filter=displayName eq 'one'":                                                                  first,
		"$select=id&$filter=mail eq 'ONE@contoso.com'":                                                             first,
		"$select=id&$filter=id eq '" + idOf(12) + "'":                                                              second,
		"$select=id&$filter=groupTypes/any(c:c eq 'Unified')":                                                      first,
		"$select=id&$filter=resourceProvisioningOptions/Any(x:x eq 'Team')":                                        first,
		"$select=id&$filter=proxyAddresses/any(p:p eq 'smtp:two@contoso.com') or startsWith(displayName,'nobody')": second,
		"$select=id&$filter=mail eq null":                                                                          second,
		"$select=id&$orderby=displayName desc":                                                                     second + "," + first,
	} {
		a := c.get("/groups?" + strings.ReplaceAll(query, " ", "%20"))
		_, value, _ := strings.Cut(string(a.body), `"value":[`)
		if a.StatusCode != 200 || strings.TrimSuffix(value, "]}") != want {
			t.Errorf("%s: %d %s, want %s", query, a.StatusCode, a.body, want)
		}
	}
	p := c.page("/Groups?$count=true&$top=1", "ConsistencyLevel", "eventual")
	if p.Count == nil || *p.Count != 2 || p.Context != c.sim.GraphURL()+"/$metadata#groups" || !strings.Contains(p.Tips, "resources/group") {
		t.Errorf("%+v", p)
	}
	for _, path := range []string{"/groups/" + idOf(12), "/groups('" + idOf(12) + "')", "/GROUPS/" + strings.ToUpper(idOf(12))} {
		a := c.get(path + "?$select=displayName,hideFromAddressLists")
		if !strings.HasSuffix(string(a.body), `,"displayName":"Two","hideFromAddressLists":true}`) {
			t.Errorf("%s: %d %s", path, a.StatusCode, a.body)
		}
	}
}

func TestGroupPaging(t *testing.T) {
	var lines []string
	for i := 1; i <= 250; i++ {
		lines = append(lines, aGroup(i, fmt.Sprintf("Group %03d", i)))
	}
	c := start(t, Config{EmptyPages: true}, load(t, lines...))
	if p := c.page("/groups"); len(p.Value) != 100 || p.Next == "" {
		t.Errorf("a page without $top has %d groups, next %q", len(p.Value), p.Next)
	}
	value, _, pages := c.all("/groups?$top=60&$select=id")
	if len(value) != 250 || pages != 9 { // five with groups, four without between them
		t.Errorf("%d groups in %d pages, want 250 in 9", len(value), pages)
	}
	if value, _, _ := c.all("/groups?$top=999&$select=id"); len(value) != 250 {
		t.Errorf("%d groups", len(value))
	}
}

func TestRefusedGroupLists(t *testing.T) {
	d := Company()
	c := start(t, Config{}, d)
	skip := strings.TrimPrefix(c.page("/users?$top=5").Next, c.sim.GraphURL()+"/users?$top=5&")
	var id string
	for id = range d.Groups() {
		break
	}
	for path, want := range map[string]string{
		"/groups?$top=1000":                          "400 Request_BadRequest Invalid page size specified: '1000'. Must be between 1 and 999 inclusive.",
		"/groups?$select=jobTitle":                   "400 BadRequest Could not find a property named 'jobTitle' on type 'microsoft.graph.group'.",
		"/groups?$select=unseenCount":                "501 NotImplemented This operation target is not yet supported.",
		"/groups?$filter=description eq 'x'":         "400 Request_UnsupportedQuery Unsupported or invalid query filter clause specified for property 'description' of resource 'Group'.",
		"/groups?$filter=visibility eq 'Public'":     "400 Request_UnsupportedQuery Unsupported or invalid query filter clause specified for property 'visibility' of resource 'Group'.",
		"/groups?$filter=nothing eq 'x'":             "400 BadRequest Could not find a property named 'nothing' on type 'microsoft.graph.group'.",
		"/groups?$orderby=mailNickname":              "400 Request_UnsupportedQuery Sorting not supported for current query.",
		"/groups?$" + skip[1:]:                       "400 Request_BadRequest Badly formed token",
		"/groups/" + id + "/members?$" + skip[1:]:    "400 Request_BadRequest Badly formed token",
		"/groups/" + id + "/members?$select=nothing": "400 BadRequest Could not find a property named 'nothing' on type 'microsoft.graph.directoryObject'.",
		"/groups/" + id + "/members?$select=aboutMe": "501 NotImplemented This operation target is not yet supported.",
		"/groups/$count":                             "400 Request_BadRequest $count is not currently supported.",
		"/groups/" + id + "/members/$count":          "400 Request_BadRequest $count is not currently supported.",
		"/groups/" + id + "/photo":                   "400 BadRequest Resource not found for the segment 'photo'.",
		"/groups/" + idOf(77):                        "404 Request_ResourceNotFound Resource '" + idOf(77) + "' does not exist or one of its queried reference-property objects are not present.",
		"/groups/" + idOf(77) + "/members":           "404 Request_ResourceNotFound Resource '" + idOf(77) + "' does not exist or one of its queried reference-property objects are not present.",
	} {
		a := c.get(path)
		code, message := a.refusal(t)
		if got := fmt.Sprintf("%d %s %s", a.StatusCode, code, message); got != want {
			t.Errorf("%s:\n got %s\nwant %s", path, got, want)
		}
	}
	if a := c.get("/groups/"+idOf(77)+"/members/$count", "ConsistencyLevel", "eventual"); a.StatusCode != 404 {
		t.Errorf("members of nothing counted: %d %s", a.StatusCode, a.body)
	}
}

func TestListMembers(t *testing.T) {
	d := load(t, someone(1, "Ana", `"jobTitle":"Boss","department":"D"`), someone(2, "Bea"), someone(3, "Cid"), someone(4, "Gone"),
		aGroup(11, "Outer", holding(1, 4, 12, 13)), aGroup(12, "Inner", `"mail":"i@contoso.com"`, holding(2, 1, 11, 13)), aGroup(13, "Secret", `"visibility":"HiddenMembership"`, holding(3)))
	check(t, d.Delete(idOf(4)))
	app := DefaultApp()
	app.Roles = append(app.Roles, "Member.Read.Hidden")
	plain := DefaultApp()
	plain.ID = "5f1c2a4e-8d0b-4c55-9a39-000000000002"
	c := start(t, Config{Apps: []App{app, plain}}, d)
	person := func(rest string) string { return `{"@odata.type":"#microsoft.graph.user"` + rest + `}` }
	of := func(rest string) string { return `{"@odata.type":"#microsoft.graph.group"` + rest + `}` }
	ana := person(`,"id":"` + idOf(1) + `","displayName":"Ana","userPrincipalName":"u1@contoso.com","jobTitle":"Boss"`)
	ask := func(path string, headers ...string) string {
		a := c.get(path, headers...)
		_, value, ok := strings.Cut(string(a.body), `"value":[`)
		if !ok {
			return fmt.Sprintf("%d %s", a.StatusCode, a.body)
		}
		return strings.TrimSuffix(value, "]}")
	}
	id := func(n int) string { return `,"id":"` + idOf(n) + `"` }
	for path, want := range map[string]string{
		"/members":                             ana + "," + of(id(12)+`,"displayName":"Inner","mail":"i@contoso.com"`) + "," + of(id(13)+`,"displayName":"Secret","visibility":"HiddenMembership"`),
		"/members?$select=id":                  person(id(1)) + "," + of(id(12)) + "," + of(id(13)),
		"/Members?$select=department,mail":     person(`,"department":"D"`) + "," + of(`,"mail":"i@contoso.com"`) + "," + of(``),
		"/members?$select=department":          person(`,"department":"D"`) + "," + of(``) + "," + of(``),
		"/transitiveMembers?$select=id":        person(id(1)) + "," + person(id(2)) + "," + person(id(3)) + "," + of(id(12)) + "," + of(id(13)),
		"/TransitiveMembers?$select=id&$top=1": person(id(1)),
	} {
		if got := ask("/groups/" + idOf(11) + path); got != want {
			t.Errorf("%s:\n got %s\nwant %s", path, got, want)
		}
	}
	for path, want := range map[string]string{"/members/$count": "3", "/transitiveMembers/$count": "5"} {
		if a := c.get("/groups/"+idOf(11)+path, "ConsistencyLevel", "eventual"); string(a.body) != want || !strings.HasPrefix(a.Header.Get("Content-Type"), "text/plain") {
			t.Errorf("%s: %d %s, want %s", path, a.StatusCode, a.body, want)
		}
	}
	if p := c.page("/groups/"+idOf(11)+"/members?$count=true&$top=2", "ConsistencyLevel", "eventual"); p.Count == nil || *p.Count != 3 || len(p.Value) != 2 {
		t.Errorf("counted: %+v", p)
	}
	c.token = c.signIn(plain)
	if got, want := ask("/groups/"+idOf(11)+"/transitiveMembers?$select=id"), person(id(1))+","+person(id(2))+","+of(id(12))+","+of(id(13)); got != want {
		t.Errorf("without Member.Read.Hidden:\n got %s\nwant %s", got, want)
	}
	if a := c.get("/groups/" + idOf(13) + "/members"); a.StatusCode != 403 {
		t.Errorf("hidden members: %d %s", a.StatusCode, a.body)
	}
}

func TestMemberPaging(t *testing.T) {
	lines := []string{}
	var members []int
	for i := 1; i <= 250; i++ {
		lines = append(lines, someone(i, "P"))
		members = append(members, i)
	}
	d := load(t, append(lines, aGroup(999, "All", holding(members...)))...)
	c := start(t, Config{}, d)
	if p := c.page("/groups/" + idOf(999) + "/members"); len(p.Value) != 100 || p.Next == "" {
		t.Errorf("a page without $top has %d members", len(p.Value))
	}
	first := c.page("/groups/" + idOf(999) + "/members?$top=100&$select=id")
	check(t, d.RemoveMember(idOf(999), idOf(5)), d.AddMember(idOf(999), idOf(5)), d.RemoveMember(idOf(999), idOf(6)))
	rest, _, pages := c.all(first.Next)
	if got := append(names(first.Value, "id"), names(rest, "id")...); !slices.Equal(got, idsOf(members...)) || pages != 2 {
		t.Errorf("%d members in %d more pages", len(got), pages)
	}
	if p := c.page("/groups/" + idOf(999) + "/members?$top=999&$select=id"); len(p.Value) != 249 || p.Next != "" {
		t.Errorf("a page of 999 has %d members", len(p.Value))
	}
	next := c.page("/groups/" + idOf(999) + "/members?$top=9").Next
	if a := c.get(strings.Replace(next, "/members", "/transitiveMembers", 1)); a.StatusCode != 400 {
		t.Errorf("a token of members for all of them: %d %s", a.StatusCode, a.body)
	}
}

func TestGroupPermissions(t *testing.T) {
	const list, one, delta, members, transitive, count = 0, 1, 2, 3, 4, 5
	d := load(t, someone(1, "Ana", `"jobTitle":"Boss"`), aGroup(11, "One", holding(1, 12)), aGroup(12, "Two"))
	paths := []string{"/groups", "/groups/" + idOf(11), "/groups/delta", "/groups/" + idOf(11) + "/members", "/groups/" + idOf(11) + "/transitiveMembers", "/groups/$count"}
	groups, all := []int{list, one, delta, count}, []int{list, one, delta, members, transitive, count}
	tests := []struct {
		role string
		open []int
	}{
		{"Group.Read.All", all}, {"Group.ReadWrite.All", all}, {"GroupMember.Read.All", all}, {"GroupMember.ReadWrite.All", all},
		{"Directory.Read.All", all}, {"Directory.ReadWrite.All", all}, {"Group.ReadBasic.All", groups},
		{"GroupMember.ReadBasic.All", []int{members, transitive}}, {"User.Read.All", nil}, {"User.ReadWrite.All", nil}, {"", nil},
	}
	var apps []App
	for i, test := range tests {
		apps = append(apps, App{ID: fmt.Sprintf("app-%d", i), Secret: "s", Roles: []string{test.role}})
	}
	apps = append(apps, App{ID: "basic", Secret: "s", Roles: []string{"GroupMember.ReadBasic.All", "User.ReadBasic.All"}})
	c := start(t, Config{Apps: apps}, d)
	for i, test := range tests {
		c.token = c.signIn(apps[i])
		for k, path := range paths {
			a := c.get(path, "ConsistencyLevel", "eventual")
			if ok := a.StatusCode == 200; ok != slices.Contains(test.open, k) || !ok && a.StatusCode != 403 {
				t.Errorf("%s with %q: %d %s", path, test.role, a.StatusCode, a.body)
			}
		}
	}
	value := func(query string) string {
		_, v, _ := strings.Cut(string(c.get(paths[members]+query).body), `"value":`)
		return v
	}
	c.token = c.signIn(apps[0])
	if got, want := value("?$select=jobTitle"), `[{"@odata.type":"#microsoft.graph.user","id":"`+idOf(1)+`","jobTitle":null},{"@odata.type":"#microsoft.graph.group"}]}`; got != want {
		t.Errorf("members without the right to read people: %s, want %s", got, want)
	}
	if got := value(""); !strings.Contains(got, `"id":"`+idOf(1)+`","displayName":null,"userPrincipalName":null`) {
		t.Errorf("members without the right to read people: %s", got)
	}
	c.token = c.signIn(apps[len(apps)-1])
	if got, want := value("?$select=displayName,jobTitle"), `[{"@odata.type":"#microsoft.graph.user","displayName":"Ana"},{"@odata.type":"#microsoft.graph.group","id":"`+idOf(12)+`","displayName":null}]}`; got != want {
		t.Errorf("members with the right to the basics: %s, want %s", got, want)
	}
}

func TestGroupUnits(t *testing.T) {
	c := start(t, Config{}, load(t, someone(1, "Ana"), aGroup(11, "One", holding(1))))
	for path, want := range map[string]string{
		"/groups": "1", "/groups?$select=id": "1", "/groups?$top=5": "1", "/groups/" + idOf(11): "1", "/groups/delta": "1",
		"/groups/" + idOf(11) + "/members": "3", "/groups/" + idOf(11) + "/members?$select=id": "2",
		"/groups/" + idOf(11) + "/members?$select=id&$top=5": "1", "/groups/" + idOf(11) + "/transitiveMembers": "5",
		"/groups/" + idOf(11) + "/transitiveMembers?$select=id&$top=5": "3", "/groups/$count": "1",
	} {
		if got := c.get(path, "ConsistencyLevel", "eventual").Header.Get("x-ms-resource-unit"); got != want {
			t.Errorf("%s costs %q, want %s", path, got, want)
		}
	}
	if a := c.get("/groups/$count?$filter="+url.QueryEscape("startsWith(displayName,'o')"), "ConsistencyLevel", "eventual"); string(a.body) != "1" {
		t.Errorf("counted %d %s", a.StatusCode, a.body)
	}
}
