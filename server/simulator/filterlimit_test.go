package simulator

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
)

// idsIn returns ids of people from one on, joined, each between two texts.
func idsIn(n int, before, after, between string) string {
	var parts []string
	for i := 1; i <= n; i++ {
		parts = append(parts, before+idOf(i)+after)
	}
	return strings.Join(parts, between)
}

func TestFilterForMany(t *testing.T) {
	c := start(t, Config{}, load(t,
		someone(1, "Ana", `"mail":"ana@contoso.com","proxyAddresses":["SMTP:ana@contoso.com","smtp:a.b@contoso.com"]`),
		someone(2, "Bea", `"otherMails":["bea@home.example"]`),
		someone(3, "Cyd"),
	))
	for filter, want := range map[string]string{
		idsIn(15, "id eq '", "'", " or "):                                        "Ana Bea Cyd",
		"id in (" + idsIn(2, "'", "'", ",") + ")":                                "Ana Bea",
		"mail eq 'ANA@contoso.com' or userPrincipalName eq 'u3@contoso.com'":     "Ana Cyd",
		"proxyAddresses/any(p:p eq 'smtp:x@y' or p eq 'smtp:a.b@contoso.com')":   "Ana",
		"otherMails/any(m:m eq 'bea@home.example') or mail eq 'ana@contoso.com'": "Ana Bea",
		"id in ('" + idOf(3) + "') or mail in ('ana@contoso.com','x@y')":         "Ana Cyd",
	} {
		p := c.page("/users?$select=displayName&$filter=" + url.QueryEscape(filter))
		if got := strings.Join(names(p.Value, "displayName"), " "); got != want {
			t.Errorf("%s: %s, want %s", filter, got, want)
		}
	}
}

// What an or joins is counted wherever it stands, and the index behind advanced queries does not mind.
func TestFilterClauses(t *testing.T) {
	c := start(t, Config{}, many(t, 3))
	refused := func(filter string, n, most int) {
		t.Helper()
		a := c.get("/users?$filter=" + url.QueryEscape(filter))
		code, message := a.refusal(t)
		want := fmt.Sprintf("Too many child clauses specified in search filter expression containing 'OR' operators: %d. Max allowed: %d.", n, most)
		if a.StatusCode != 400 || code != "Request_UnsupportedQuery" || message != want {
			t.Errorf("%.80s: %d %s, want %s", filter, a.StatusCode, a.body, want)
		}
	}
	taken := func(filter string, headers ...string) {
		t.Helper()
		if a := c.get("/users?$count=true&$filter="+url.QueryEscape(filter), headers...); a.StatusCode != 200 {
			t.Errorf("%.80s: %d %s", filter, a.StatusCode, a.body)
		}
	}
	sixteen := idsIn(16, "id eq '", "'", " or ")
	list := "id in (" + idsIn(8, "'", "'", ",") + ")"
	within := "proxyAddresses/any(p:p eq 'a' or p eq 'b')"
	refused(sixteen, 16, 15)
	refused("id in ("+idsIn(16, "'", "'", ",")+")", 16, 15)
	refused("("+list+") or ("+list+")", 16, 15)
	refused(strings.Repeat(within+" or ", 7)+list, 22, 15)
	refused("mail eq 'x' and ("+sixteen+")", 16, 15)
	taken(strings.Repeat(within+" or ", 7) + "mail eq 'x'")
	taken(list + " and " + list)
	taken(sixteen, "ConsistencyLevel", "eventual")

	b := c.sim.Behaviour()
	b.FilterClauses = 2
	c.sim.Behave(b)
	refused("mail eq 'x' or mail eq 'y' or mail eq 'z'", 3, 2)
	taken("mail eq 'x' or mail eq 'y'")
}

// Our own client looks an address up in five ways at once.
func TestFilterOfAnAddress(t *testing.T) {
	c := start(t, Config{FilterClauses: 5}, many(t, 3))
	filter := "mail eq 'a@b' or userPrincipalName eq 'a@b' or proxyAddresses/any(p:p eq 'smtp:a@b') or " +
		"proxyAddresses/any(p:p eq 'SMTP:a@b') or otherMails/any(m:m eq 'a@b')"
	if a := c.get("/users?$filter=" + url.QueryEscape(filter)); a.StatusCode != 200 {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
}
