package simulator

import (
	"net/url"
	"slices"
	"strings"
	"testing"
)

func TestTokens(t *testing.T) {
	for in, want := range map[string]string{
		"HelloWorld":      "hello world",
		"helloWORLD":      "hello world",
		"HelloWORld":      "hello world",
		"HELLOworld":      "helloworld",
		"hello123world":   "hello 123 world",
		"hello-world":     "hello world helloworld",
		"hello.world x":   "hello world helloworld x",
		"O'Brien":         "o brien obrien",
		"Wang, Zhe (王哲瀚)": "wang zhe 王哲瀚",
		"":                "",
	} {
		if got := strings.Join(tokenise(in, true), " "); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestSearch(t *testing.T) {
	c := start(t, Config{}, load(t,
		someone(1, "John Smith", `"mail":"smith@contoso.com","otherMails":["js@home.example"]`),
		someone(2, "Wagner, Anna", `"mail":"john.wagner@contoso.com"`),
		someone(3, "Ward-Smythe, Tom"),
		someone(4, `The "Boss"`, `"jobTitle":"Head of (all) Smiths"`),
	))
	finds := func(search string, want ...int) {
		t.Helper()
		var ids []string
		for _, n := range want {
			ids = append(ids, idOf(n))
		}
		value, _, _ := c.all("/users?$select=id&$search="+url.QueryEscape(search), "ConsistencyLevel", "eventual")
		if got := names(value, "id"); !slices.Equal(got, ids) && len(got)+len(ids) > 0 {
			t.Errorf("%s finds %v, want %v", search, got, ids)
		}
	}
	finds(`"displayName:sm"`, 1, 3)
	finds(`"displayName:WA"`, 2, 3)
	finds(`"displayName:anna wag"`, 2)
	finds(`"displayName:wardsmythe"`, 3)
	finds(`"displayName:mith"`)
	finds(`"displayName:\"boss\""`, 4)
	finds(`"mail:john"`, 2)
	finds(`"mail:wagner"`)
	finds(`"otherMails:js@"`, 1)
	finds(`"jobTitle:head of (all"`, 4)
	finds(`"displayName:sm" AND "mail:smi"`, 1)
	finds(`"displayName:tom" OR "mail:john"`, 2, 3)
	finds(`("displayName:tom" OR "mail:john") AND "displayName:anna"`, 2)
	finds(`"displayName:tom" OR "mail:john" AND "displayName:nobody"`, 3)
}

func TestSearchWithFilter(t *testing.T) {
	c := start(t, Config{}, load(t, someone(1, "Ann", `"accountEnabled":true`), someone(2, "Anna", `"accountEnabled":false`)))
	value, _, _ := c.all(`/users?$count=true&$filter=accountEnabled eq true&$search="displayName:ann"`, "ConsistencyLevel", "eventual")
	if got := names(value, "displayName"); !slices.Equal(got, []string{"Ann"}) {
		t.Errorf("got %v, want [Ann]", got)
	}
}

// The header is not part of a next link: a client that forgets it is refused on the second page.
func TestSearchNeedsTheHeaderOnEveryPage(t *testing.T) {
	c := start(t, Config{}, many(t, 9))
	first := c.page(`/users?$top=5&$search="displayName:person"`, "ConsistencyLevel", "eventual")
	for _, path := range []string{`/users?$search="displayName:person"`, first.Next} {
		a := c.get(path)
		code, message := a.refusal(t)
		if a.StatusCode != 400 || code != "Request_UnsupportedQuery" || message != "Request with $search query parameter only works "+
			"through MSGraph with a special request header: 'ConsistencyLevel: eventual'" {
			t.Errorf("%s: %d %s", path, a.StatusCode, a.body)
		}
	}
}

func TestRefusedSearches(t *testing.T) {
	c := start(t, Config{}, many(t, 1))
	for _, s := range []string{
		``, `displayName:x`, `"x"`, `"starSign:x"`, `"displayName:x`, `"displayName:--"`, `"accountEnabled:true"`,
		`"displayName:x" and "mail:y"`, `"displayName:x" "mail:y"`, `("displayName:x"`, strings.Repeat("(", 5000), `"displayName:x" OR`,
	} {
		if a := c.get("/users?$search="+url.QueryEscape(s), "ConsistencyLevel", "eventual"); a.StatusCode != 400 {
			t.Errorf("%.40s: %d %s", s, a.StatusCode, a.body)
		}
	}
}

func FuzzSearch(f *testing.F) {
	f.Add(`"displayName:wa" AND ("mail:jo" OR "jobTitle:\"x")`)
	d := Company()
	f.Fuzz(func(t *testing.T, s string) {
		c, p := parseSearch(s, classOfPeople(d))
		if (c == nil) == (p == nil) {
			t.Fatalf("%q: search %v, problem %v", s, c, p)
		}
		if p == nil {
			for _, slot := range d.slots {
				c.match(slot.person)
			}
		}
	})
}
