package simulator

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
)

func filterPeople(t testing.TB) *Directory {
	return load(t,
		someone(1, "Ana O'Brien", `"givenName":"Ana","surname":"O'Brien","mail":"ana@contoso.com","department":"Sales","accountEnabled":true,`+
			`"proxyAddresses":["SMTP:ana@contoso.com","smtp:a.smith@contoso.com"],"createdDateTime":"2020-05-01T10:00:00Z"`),
		someone(2, "Jörg Müller", `"givenName":"Jörg","surname":"Müller","mail":"jm@fabrikam.com","department":"sales","accountEnabled":false,`+
			`"proxyAddresses":["SMTP:jm@fabrikam.com"],"otherMails":["jm@home.example"],"createdDateTime":"2021-05-01T10:00:00Z"`),
		someone(3, "Room 7", `"mail":null,"department":"Facilities","accountEnabled":false,"mobilePhone":"+49 1"`),
		someone(4, `Quote "x" \ y`, `"givenName":"Quote","surname":"Zed","mail":"q@contoso.com","accountEnabled":true`),
	)
}

func TestFilter(t *testing.T) {
	c := start(t, Config{}, filterPeople(t))
	// finds says which of the four a filter finds; advanced ones need the header and $count.
	finds := func(filter string, want ...int) { t.Helper(); findsWith(t, c, filter, false, want) }
	advanced := func(filter string, want ...int) { t.Helper(); findsWith(t, c, filter, true, want) }

	finds("displayName eq 'Room 7'", 3)
	finds("displayName eq 'ROOM 7'", 3)
	finds("DisplayName EQ 'jörg müller'", 2)
	finds("surname eq 'O''Brien'", 1)
	finds(`displayName eq 'Quote "x" \ y'`, 4)
	finds("mail eq null", 3)
	finds("givenName eq null", 3)
	finds("id eq '"+idOf(2)+"'", 2)
	finds("accountEnabled eq true", 1, 4)
	finds("accountEnabled eq true and department eq 'Sales'", 1)
	finds("startsWith(displayName,'ana')", 1)
	finds("startswith(displayName, 'JÖ')", 2)
	finds("startsWith(mail,'q') or startsWith(mail,'jm')", 2, 4)
	finds("mail in ('q@contoso.com', 'ana@contoso.com','nobody')", 1, 4)
	finds("surname ge 'O'", 1, 4)
	finds("surname lt 'O'", 2)
	finds("createdDateTime ge 2021-01-01T00:00:00Z", 2)
	finds("createdDateTime le 2021-01-01", 1)
	finds("proxyAddresses/any(p:p eq 'smtp:A.Smith@contoso.com')", 1)
	finds("proxyAddresses/any(p:startsWith(p,'smtp:jm'))", 2)
	finds("proxyAddresses/any(x:x eq 'smtp:nobody' or x eq 'smtp:jm@fabrikam.com')", 2)
	finds("proxyAddresses/any(x:startsWith(x,'smtp:a') and x eq 'smtp:jm@fabrikam.com')")
	finds("proxyAddresses/any(x:x eq 'a' or x eq 'b' or x eq 'smtp:jm@fabrikam.com')", 2)
	finds("otherMails/any(m:m eq 'jm@home.example')", 2)
	finds("(surname eq 'Zed' or surname eq 'Müller') and accountEnabled eq false", 2)
	finds("surname eq 'Zed' or surname eq 'Müller' and accountEnabled eq true", 4)

	advanced("department ne 'sales'", 3, 4)
	advanced("mail ne null", 1, 2, 4)
	advanced("not startsWith(displayName,'a')", 2, 3, 4)
	advanced("not (accountEnabled eq true)", 2, 3)
	advanced("not accountEnabled eq true", 2, 3)
	advanced("endsWith(mail,'@CONTOSO.com')", 1, 4)
	advanced("proxyAddresses/any(p:endsWith(p,'@fabrikam.com'))", 2)
	advanced("startsWith(mobilePhone,'+49')", 3)
}

func findsWith(t *testing.T, c *client, filter string, advanced bool, want []int) {
	t.Helper()
	path := "/users?$select=id&$filter=" + url.QueryEscape(filter)
	plain := c.get(path)
	if advanced {
		if plain.StatusCode != 400 {
			t.Errorf("%s: %d without the header, want 400", filter, plain.StatusCode)
		}
		plain = c.get(path+"&$count=true", "ConsistencyLevel", "eventual")
	}
	if plain.StatusCode != 200 {
		t.Errorf("%s: %d %s", filter, plain.StatusCode, plain.body)
		return
	}
	var p page
	plain.decode(t, &p)
	var ids []string
	for _, n := range want {
		ids = append(ids, idOf(n))
	}
	if got := names(p.Value, "id"); !slices.Equal(got, ids) && len(got)+len(ids) > 0 {
		t.Errorf("%s finds %v, want %v", filter, got, ids)
	}
	if advanced && (p.Count == nil || *p.Count != len(want)) {
		t.Errorf("%s: @odata.count %v, want %d", filter, p.Count, len(want))
	}
}

func TestRefusedFilters(t *testing.T) {
	c := start(t, Config{}, filterPeople(t))
	missing := func(op string) string {
		return "Request_UnsupportedQuery Operator '" + op + "' is not supported because the required parameters might be missing. " +
			"Try adding $count=true query parameter and ConsistencyLevel:eventual header. Refer to " +
			"https://aka.ms/graph-docs/advanced-queries for more information"
	}
	cannot := func(property string) string {
		return "Request_UnsupportedQuery Unsupported or invalid query filter clause specified for property '" + property +
			"' of resource 'User'."
	}
	syntax := func(at int, filter string) string {
		return fmt.Sprintf("BadRequest Invalid filter clause: Syntax error at position %d in '%s'.", at, filter)
	}
	for filter, want := range map[string]string{
		"department ne 'x'":              missing("ne"),
		"not startsWith(mail,'x')":       missing("not"),
		"endsWith(mail,'x')":             missing("endsWith"),
		"startsWith(department,'x')":     cannot("department"),
		"endsWith(displayName,'x')":      cannot("displayName"),
		"showInAddressList eq true":      cannot("showInAddressList"),
		"aboutMe eq 'x'":                 cannot("aboutMe"),
		"companyName eq 'x'":             cannot("companyName"),
		"accountEnabled ge true":         cannot("accountEnabled"),
		"proxyAddresses eq 'x'":          cannot("proxyAddresses"),
		"mail/any(m:m eq 'x')":           cannot("mail"),
		"starSign eq 'x'":                "BadRequest Could not find a property named 'starSign' on type 'microsoft.graph.user'.",
		"proxyAddresses/any(p:q eq 'x')": "BadRequest Invalid filter clause: Could not find a property named 'q' in this scope.",
		"accountEnabled eq 'true'":       "BadRequest Invalid filter clause: A binary operator with incompatible types was detected for property 'accountEnabled'.",
		"displayName is 'x'":             syntax(14, "displayName is 'x'"),
		"displayName eq 'x":              syntax(15, "displayName eq 'x"),
		"displayName eq 'x')":            syntax(18, "displayName eq 'x')"),
		"(displayName eq 'x'":            syntax(19, "(displayName eq 'x'"),
		"":                               syntax(0, ""),
		strings.Repeat("(", 5000):        "BadRequest Invalid filter clause: the nesting is too deep.",
		"mail eq 'x'" + strings.Repeat(" or mail eq 'x'", 15): "Request_UnsupportedQuery Too many child clauses specified in search filter " +
			"expression containing 'OR' operators: 16. Max allowed: 15.",
		"mail in ('x'" + strings.Repeat(",'x'", 15) + ")": "Request_UnsupportedQuery Too many child clauses specified in search filter " +
			"expression containing 'OR' operators: 16. Max allowed: 15.",
	} {
		a := c.get("/users?$filter=" + url.QueryEscape(filter))
		code, message := a.refusal(t)
		if got := code + " " + message; a.StatusCode != 400 || got != want {
			t.Errorf("%.60s:\n got %d %s\nwant %s", filter, a.StatusCode, got, want)
		}
	}
}

func TestRefuseJoinedFilters(t *testing.T) {
	for filter, refused := range map[string]string{
		"mail eq 'x' or userPrincipalName eq 'x'":                                             "userPrincipalName",
		"mail eq 'x' or proxyAddresses/any(p:p eq 'smtp:x')":                                  "proxyAddresses",
		"accountEnabled eq true and (surname eq 'x' or surname eq 'y' or displayName eq 'z')": "displayName",
		"mail eq 'x' or mail eq 'y'":                                                          "",
		"mail eq 'x' and userPrincipalName eq 'x'":                                            "",
		"proxyAddresses/any(p:p eq 'x' or p eq 'y')":                                          "",
		"id in ('x','y')": "",
	} {
		for _, strict := range []bool{false, true} {
			c := start(t, Config{RefuseJoinedFilters: strict}, filterPeople(t))
			a := c.get("/users?$filter=" + url.QueryEscape(filter))
			want := "200"
			if strict && refused != "" {
				want = "400 Request_UnsupportedQuery Unsupported or invalid query filter clause specified for property '" + refused +
					"' of resource 'User'."
			}
			code, message := a.refusal(t)
			if got := strings.TrimSpace(fmt.Sprintf("%d %s %s", a.StatusCode, code, message)); got != want {
				t.Errorf("%s, strict %v:\n got %s\nwant %s", filter, strict, got, want)
			}
		}
	}
}

func FuzzFilter(f *testing.F) {
	for _, s := range []string{
		"displayName eq 'O''Brien' and not (mail eq null or accountEnabled eq true)",
		"proxyAddresses/any(p:startsWith(p,'smtp:') or p eq 'x')", "id in ('a','b')", "createdDateTime ge 2020-01-01T00:00:00Z", "((",
	} {
		f.Add(s)
	}
	d := Company()
	f.Fuzz(func(t *testing.T, s string) {
		n, p := parseFilter(s, classOfPeople(d), true, 0)
		if (n == nil) == (p == nil) {
			t.Fatalf("%q: filter %v, problem %v", s, n, p)
		}
		if p != nil {
			return
		}
		opposite, p := parseFilter("not ("+s+")", classOfPeople(d), true, 0)
		for _, slot := range d.slots {
			if got := n.match(slot.person); p == nil && got == opposite.match(slot.person) {
				t.Fatalf("%q and its opposite are both %v for %s", s, got, slot.person.raw)
			}
		}
	})
}
