package simulator

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// load makes a directory of the given lines.
func load(t testing.TB, lines ...string) *Directory {
	t.Helper()
	d, err := Load(strings.NewReader(strings.Join(lines, "\n")), "test")
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// someone returns a user resource; rest is further members.
func someone(n int, name string, rest ...string) string {
	members := append([]string{fmt.Sprintf(`"id":%q,"displayName":%q,"userPrincipalName":"u%d@contoso.com"`, idOf(n), name, n)}, rest...)
	return "{" + strings.Join(members, ",") + "}"
}

func idOf(n int) string { return fmt.Sprintf("00000000-0000-4000-8000-%012d", n) }

func under(n int) string { return fmt.Sprintf(`"managerId":%q`, idOf(n)) }

func many(t testing.TB, n int) *Directory {
	t.Helper()
	var lines []string
	for i := 1; i <= n; i++ {
		lines = append(lines, someone(i, fmt.Sprintf("Person %04d", i)))
	}
	return load(t, lines...)
}

func TestDefaultProperties(t *testing.T) {
	c := start(t, Config{}, Company())
	p := c.page("/users?$top=1")
	var got []string
	for name := range p.Value[0] {
		got = append(got, name)
	}
	slices.Sort(got)
	want := []string{
		"businessPhones", "displayName", "givenName", "id", "jobTitle", "mail", "mobilePhone", "officeLocation",
		"preferredLanguage", "surname", "userPrincipalName",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if p.Tips == "" || p.Context != c.sim.GraphURL()+"/$metadata#users" {
		t.Errorf("tips %q, context %q", p.Tips, p.Context)
	}
}

func TestSelect(t *testing.T) {
	d := load(t,
		someone(1, "Ana", `"department":"Sales","mobilePhone":null,"extension_9_badge":"A7"`),
		someone(2, "Bea", `"mobilePhone":"+1"`),
	)
	c := start(t, Config{}, d)
	for query, want := range map[string]string{
		"$select=displayName,department":         `[{"displayName":"Ana","department":"Sales"},{"displayName":"Bea"}]`,
		"$select=mobilePhone,displayname":        `[{"displayName":"Ana","mobilePhone":null},{"displayName":"Bea","mobilePhone":"+1"}]`,
		"%24select=id&$top=1":                    `[{"id":"` + idOf(1) + `"}]`,
		"$select=extension_9_badge":              `[{"extension_9_badge":"A7"},{}]`,
		"$select=department, displayName&$top=1": `[{"displayName":"Ana","department":"Sales"}]`,
	} {
		a := c.get("/users?" + query)
		_, value, _ := strings.Cut(string(a.body), `"value":`)
		if a.StatusCode != 200 || strings.TrimSuffix(value, "}") != want {
			t.Errorf("%s: %d %s, want %s", query, a.StatusCode, a.body, want)
		}
		if strings.Contains(string(a.body), "tips") {
			t.Errorf("%s: tips in spite of $select", query)
		}
	}
}

func TestRefusedLists(t *testing.T) {
	c := start(t, Config{}, Company())
	for query, want := range map[string]string{
		"$select=aboutMe":           "501 NotImplemented This operation target is not yet supported.",
		"$select=displayName,skill": "400 BadRequest Could not find a property named 'skill' on type 'microsoft.graph.user'.",
		"$top=1000":                 "400 Request_BadRequest Invalid page size specified: '1000'. Must be between 1 and 999 inclusive.",
		"$top=0":                    "400 Request_BadRequest Invalid page size specified: '0'. Must be between 1 and 999 inclusive.",
		"$top=ten":                  "400 BadRequest Invalid value 'ten' for $top query option found. The $top query option requires a non-negative integer value.",
		"$skip=10":                  "400 BadRequest The query parameter '$skip' is not supported.",
		"$top=5&$top=6":             "400 BadRequest Query option '$top' was specified more than once, but it must be specified at most once.",
		"$skiptoken=abc":            "400 Request_BadRequest Badly formed token",
		"$expand=photo":             "400 BadRequest Parsing OData Select and Expand failed: Could not find a property named 'photo' on type 'microsoft.graph.user'.",
		"$orderby=jobTitle":         "400 Request_UnsupportedQuery Sorting not supported for current query.",
		"$orderby=nobody":           "400 BadRequest Could not find a property named 'nobody' on type 'microsoft.graph.user'.",
		"$orderby=otherMails":       "400 Request_UnsupportedQuery Unsupported sort property 'otherMails' for 'User'.",
		"$orderby=displayName up":   "400 BadRequest Invalid orderby clause: Syntax error in 'displayName up'.",
		"$filter=startsWith(displayName,'A')&$orderby=displayName": "400 Request_UnsupportedQuery Sorting not supported for current query.",
	} {
		a := c.get("/users?" + query)
		code, message := a.refusal(t)
		if got := fmt.Sprintf("%d %s %s", a.StatusCode, code, message); got != want {
			t.Errorf("%s:\n got %s\nwant %s", query, got, want)
		}
	}
}

func TestPaging(t *testing.T) {
	c := start(t, Config{}, many(t, 250))
	if p := c.page("/users"); len(p.Value) != 100 || p.Next == "" {
		t.Errorf("a page without $top has %d people, next %q", len(p.Value), p.Next)
	}
	value, _, pages := c.all("/users?$top=60&$select=id,displayName&x=y")
	if len(value) != 250 || pages != 5 {
		t.Errorf("got %d people in %d pages, want 250 in 5", len(value), pages)
	}
	for i, u := range value {
		if u["id"] != idOf(i+1) {
			t.Fatalf("place %d is %v", i, u["id"])
		}
	}
	next := c.page("/users?$top=60&$select=id").Next
	if !strings.HasPrefix(next, c.sim.GraphURL()+"/users?$top=60&$select=id&$skiptoken=") {
		t.Errorf("next link %s does not carry the query", next)
	}
	if last := c.page("/users?$top=250"); last.Next != "" {
		t.Errorf("a next link %s after everybody", last.Next)
	}
}

func TestEmptyPages(t *testing.T) {
	c := start(t, Config{EmptyPages: true}, many(t, 25))
	value, _, pages := c.all("/users?$top=10")
	if len(value) != 25 || pages != 5 {
		t.Errorf("got %d people in %d pages, want 25 in 5", len(value), pages)
	}
}

// People who come and go between two pages must not move the others.
func TestPagingWhilePeopleChange(t *testing.T) {
	d := many(t, 20)
	c := start(t, Config{}, d)
	first := c.page("/users?$top=10&$select=id")
	check(t, d.Delete(idOf(3)), d.Purge(idOf(15)), d.Put([]byte(someone(99, "Newcomer"))))
	rest, _, _ := c.all(first.Next)
	got := names(rest, "id")
	want := []string{idOf(11), idOf(12), idOf(13), idOf(14), idOf(16), idOf(17), idOf(18), idOf(19), idOf(20), idOf(99)}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func check(t testing.TB, errs ...error) {
	t.Helper()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestCount(t *testing.T) {
	c := start(t, Config{}, many(t, 30))
	if p := c.page("/users?$count=true&$top=9"); p.Count != nil {
		t.Errorf("@odata.count %d without the header", *p.Count)
	}
	p := c.page("/users?$count=true&$top=9", "ConsistencyLevel", "eventual")
	if p.Count == nil || *p.Count != 30 {
		t.Errorf("@odata.count %v, want 30", p.Count)
	}
	if p := c.page(p.Next, "ConsistencyLevel", "eventual"); p.Count != nil {
		t.Error("@odata.count on the second page")
	}
	a := c.get("/users/$count")
	if code, message := a.refusal(t); a.StatusCode != 400 || code != "Request_BadRequest" || message != "$count is not currently supported." {
		t.Errorf("/$count without the header: %d %s", a.StatusCode, a.body)
	}
	for path, want := range map[string]string{
		"/users/$count": "30",
		"/users/$count?$filter=endsWith(userPrincipalName,'9@contoso.com')": "3",
		`/users/$count?$search="displayName:0007"`:                          "1",
	} {
		a := c.get(path, "ConsistencyLevel", "eventual")
		if string(a.body) != want || a.Header.Get("Content-Type") != "text/plain" {
			t.Errorf("%s: %s %q, want %s", path, a.Header.Get("Content-Type"), a.body, want)
		}
	}
}

func TestOneUser(t *testing.T) {
	d := load(t,
		someone(1, "Ana", `"mail":"ana@contoso.com","aboutMe":"Hello"`),
		`{"id":"`+idOf(2)+`","displayName":"Guest","userPrincipalName":"g_fabrikam.com#EXT#@contoso.com","mail":"g@fabrikam.com","userType":"Guest"}`,
		`{"id":"`+idOf(3)+`","displayName":"Odd","userPrincipalName":"$o'dd@contoso.com"}`,
		someone(4, "Deleted"),
	)
	check(t, d.Delete(idOf(4)))
	c := start(t, Config{}, d)
	for path, want := range map[string]string{
		"/users/" + idOf(1):                          "Ana",
		"/users/" + strings.ToUpper(idOf(1)):         "Ana",
		"/USERS/u1@contoso.com":                      "Ana",
		"/users/U1@Contoso.com/":                     "Ana",
		"/users('" + idOf(1) + "')":                  "Ana",
		"/users/g_fabrikam.com%23EXT%23@contoso.com": "Guest",
		"/users('$o''dd@contoso.com')":               "Odd",
		"/users(%27%24o%27%27dd%40contoso.com%27)":   "Odd",
		"/users/ana@contoso.com":                     "404 ana@contoso.com",
		"/users/" + idOf(4):                          "404 " + idOf(4),
		"/users/" + idOf(9):                          "404 " + idOf(9),
		"/users/$value":                              "404 $value",
	} {
		a := c.get(path)
		if key, missing := strings.CutPrefix(want, "404 "); missing {
			code, message := a.refusal(t)
			say := "Resource '" + key + "' does not exist or one of its queried reference-property objects are not present."
			if a.StatusCode != 404 || code != "Request_ResourceNotFound" || message != say {
				t.Errorf("%s: %d %s", path, a.StatusCode, a.body)
			}
			continue
		}
		var got map[string]any
		a.decode(t, &got)
		if got["displayName"] != want || got["@odata.context"] != c.sim.GraphURL()+"/$metadata#users/$entity" {
			t.Errorf("%s: %d %s, want %s", path, a.StatusCode, a.body, want)
		}
	}
}

func TestProfileProperties(t *testing.T) {
	c := start(t, Config{Apps: []App{{ID: "a", Secret: "s", Roles: []string{"User.Read.All"}}}}, Company())
	var got map[string]any
	c.get("/users/jan.mueller@contoso.com?$select=aboutMe,skills,department").decode(t, &got)
	if got["aboutMe"] == nil || got["skills"] == nil || got["department"] != "Engineering" {
		t.Errorf("got %v", got)
	}
	a := c.get("/users/rosa.lindholm_fabrikam.com%23EXT%23@contoso.onmicrosoft.com?$select=displayName,aboutMe")
	if code, _ := a.refusal(t); a.StatusCode != 404 || code != "MailboxNotEnabledForRESTAPI" {
		t.Errorf("a guest has no mailbox: %d %s", a.StatusCode, a.body)
	}
	if a := c.get("/users/jan.mueller@contoso.com?$select=mailboxSettings"); a.StatusCode != 403 {
		t.Errorf("mailboxSettings without its permission: %d %s", a.StatusCode, a.body)
	}
}

func TestExpandManager(t *testing.T) {
	c := start(t, Config{}, load(t,
		someone(1, "Top"), someone(2, "Middle", under(1)), someone(3, "Low", under(2)), someone(4, "Orphan", under(5)), someone(5, "Gone"),
	))
	check(t, c.sim.dir.Delete(idOf(5)))
	const advanced = "ConsistencyLevel"
	for query, want := range map[string]string{
		"/users?$select=displayName&$expand=manager($select=displayName)": `[{"displayName":"Top"},` +
			`{"displayName":"Middle","manager":{"@odata.type":"#microsoft.graph.user","displayName":"Top"}},` +
			`{"displayName":"Low","manager":{"@odata.type":"#microsoft.graph.user","displayName":"Middle"}},{"displayName":"Orphan"}]`,
		"/users?$count=true&$select=displayName&$expand=manager($levels=max;$select=displayName)": `[{"displayName":"Top"},` +
			`{"displayName":"Middle","manager":{"@odata.type":"#microsoft.graph.user","displayName":"Top"}},` +
			`{"displayName":"Low","manager":{"@odata.type":"#microsoft.graph.user","displayName":"Middle",` +
			`"manager":{"@odata.type":"#microsoft.graph.user","displayName":"Top"}}},{"displayName":"Orphan"}]`,
	} {
		headers := []string(nil)
		if strings.Contains(query, "levels") {
			headers = []string{advanced, "eventual"}
		}
		a := c.get(query, headers...)
		_, value, _ := strings.Cut(string(a.body), `"value":`)
		if strings.TrimSuffix(value, "}") != want {
			t.Errorf("%s:\n got %s\nwant %s", query, a.body, want)
		}
	}
	for _, refused := range []struct{ query, header string }{
		{"$expand=manager($levels=max)", "eventual"},     // $count is missing
		{"$expand=manager($levels=max)&$count=true", ""}, // the header is missing
		{"$expand=manager&$count=true", "eventual"},      // an advanced query without $levels
		{"$expand=manager&$search=\"displayName:t\"", "eventual"},
		{"$expand=manager($levels=0)&$count=true", "eventual"},
		{"$expand=manager($top=1)", ""},
		{"$expand=manager($select=id", ""},
	} {
		if a := c.get("/users?"+refused.query, advanced, refused.header); a.StatusCode != 400 {
			t.Errorf("%s with %q: %d", refused.query, refused.header, a.StatusCode)
		}
	}
}

func TestManagerAndReports(t *testing.T) {
	c := start(t, Config{}, load(t, someone(1, "Top"), someone(2, "A", under(1)), someone(3, "B", under(1)), someone(4, "C", under(1))))
	var boss map[string]any
	c.get("/users/u2@contoso.com/manager?$select=displayName").decode(t, &boss)
	if boss["displayName"] != "Top" || boss["@odata.type"] != "#microsoft.graph.user" {
		t.Errorf("manager %v", boss)
	}
	a := c.get("/users/u1@contoso.com/manager")
	if code, _ := a.refusal(t); a.StatusCode != 404 || code != "Request_ResourceNotFound" {
		t.Errorf("the top's manager: %d %s", a.StatusCode, a.body)
	}
	check(t, c.sim.dir.Delete(idOf(3)))
	reports, _, pages := c.all("/users/" + idOf(1) + "/directReports?$top=1&$select=displayName")
	if got := names(reports, "displayName"); !slices.Equal(got, []string{"A", "C"}) || pages != 2 {
		t.Errorf("reports %v in %d pages, want [A C] in 2", got, pages)
	}
	if a := c.get("/users/" + idOf(9) + "/directReports"); a.StatusCode != 404 {
		t.Errorf("reports of nobody: %d", a.StatusCode)
	}
}

func TestUnknownPaths(t *testing.T) {
	c := start(t, Config{}, Company())
	for path, want := range map[string]string{
		"/planets":                         "400 Resource not found for the segment 'planets'.",
		"":                                 "400 Resource not found for the segment ''.",
		"/users/" + idOf(1) + "/starsign":  "400 Resource not found for the segment 'starsign'.",
		"/me":                              "400 /me request is only valid with delegated authentication flow.",
		c.sim.AuthorityURL() + "/v9/users": "400 Invalid version: v9",
	} {
		a := c.get(path)
		_, message := a.refusal(t)
		if got := fmt.Sprintf("%d %s", a.StatusCode, message); got != want {
			t.Errorf("%s: got %s, want %s", path, got, want)
		}
	}
	r := c.request("/users")
	r.Method = "POST"
	if a := c.do(r); a.StatusCode != 405 {
		t.Errorf("POST: %d", a.StatusCode)
	}
}

func TestHeaders(t *testing.T) {
	c := start(t, Config{}, Company())
	mine := "11111111-2222-4333-8444-555555555555"
	for _, path := range []string{"/users", "/users/nobody"} {
		a := c.get(path, "client-request-id", mine)
		h := a.Header
		if h.Get("client-request-id") != mine || len(h.Get("request-id")) != 36 || h.Get("request-id") == mine {
			t.Errorf("%s: request-id %q, client-request-id %q", path, h.Get("request-id"), h.Get("client-request-id"))
		}
		for name, want := range map[string]string{
			"Content-Type":  "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8",
			"OData-Version": "4.0", "Cache-Control": "no-cache",
		} {
			if h.Get(name) != want {
				t.Errorf("%s: %s %q, want %q", path, name, h.Get(name), want)
			}
		}
		if h.Get("x-ms-ags-diagnostic") == "" || h.Get("Date") == "" {
			t.Errorf("%s: headers %v", path, h)
		}
	}
	shape := regexp.MustCompile(`^\{"error":\{"code":"[^"]+","message":"[^"]+","innerError":\{"date":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d",` +
		`"request-id":"[-0-9a-f]{36}","client-request-id":"` + mine + `"\}\}\}$`)
	if a := c.get("/users/nobody", "client-request-id", mine); !shape.Match(a.body) {
		t.Errorf("error body %s", a.body)
	}
	if a := c.get("/users"); a.Header.Get("client-request-id") != a.Header.Get("request-id") {
		t.Errorf("client-request-id %q is not the request-id", a.Header.Get("client-request-id"))
	}
}

func TestResourceUnits(t *testing.T) {
	c := start(t, Config{}, Company())
	for path, want := range map[string]string{
		"/users":                   "2",
		"/users?$select=id":        "1",
		"/users?$select=id&$top=5": "1",
		"/users?$top=5":            "1",
		"/users?$expand=manager":   "3",
		"/users?$select=id&$expand=manager&$top=999": "2",
		"/users/maja.lindqvist@contoso.com":          "2",
		"/users/ana.kovac@contoso.com/manager":       "1",
		"/users/delta?$select=id":                    "1",
		"/users/nobody":                              "",
	} {
		if got := c.get(path).Header.Get("x-ms-resource-unit"); got != want {
			t.Errorf("%s costs %q, want %q", path, got, want)
		}
	}
}

func TestOrder(t *testing.T) {
	c := start(t, Config{}, load(t,
		someone(1, "bea", `"jobTitle":"B"`), someone(2, "Ana"), someone(3, "Cid", `"jobTitle":"a"`), someone(4, "ana", `"jobTitle":"B"`),
	))
	for order, want := range map[string]string{
		"displayName":               "Ana ana bea Cid",
		"displayName desc":          "Cid bea Ana ana",
		"userPrincipalName desc":    "ana Cid Ana bea",
		"jobTitle,displayName desc": "Ana Cid bea ana",
	} {
		value, _, _ := c.all("/users?$count=true&$top=1&$orderby="+url.QueryEscape(order), "ConsistencyLevel", "eventual")
		if got := strings.Join(names(value, "displayName"), " "); got != want {
			t.Errorf("$orderby=%s: %s, want %s", order, got, want)
		}
	}
	if p := c.page("/users?$orderby=displayName"); p.Value[0]["displayName"] != "Ana" {
		t.Error("displayName needs no advanced query")
	}
}
