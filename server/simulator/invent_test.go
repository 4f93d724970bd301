package simulator

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode"
)

func TestNameTables(t *testing.T) {
	all, err := languages()
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 30 {
		t.Errorf("%d languages, want thirty", len(all))
	}
	for _, l := range all {
		if len(l.given) < 10 || len(l.family) < 10 || len(l.cities) == 0 || l.weight < 1 || l.country == "" {
			t.Errorf("%s: %d given names, %d family names, %d cities, weight %d", l.tag, len(l.given), len(l.family), len(l.cities), l.weight)
		}
		for _, n := range append(append(l.cities, l.given...), l.family...) {
			a := l.address(n.latin)
			if a == "" || strings.ContainsFunc(a, func(r rune) bool { return r > unicode.MaxASCII }) {
				t.Errorf("%s: %s has the address %q", l.tag, n.native, a)
			}
		}
	}
}

func TestInventIsTheSameForASeed(t *testing.T) {
	one, same, other := Invent(500, 42), Invent(500, 42), Invent(500, 43)
	equal := func(a, b *Directory) bool {
		for n := range a.slots {
			p, q := a.slots[n].person, b.slots[n].person
			if p.raw != q.raw || p.manager != q.manager {
				return false
			}
		}
		return true
	}
	if !equal(one, same) || equal(one, other) {
		t.Errorf("same seed: equal %v; another: equal %v", equal(one, same), equal(one, other))
	}
}

func TestInventAnyNumber(t *testing.T) {
	for _, n := range []int{-1, 0, 1, 2, 50} {
		if got := Invent(n, 1).Len(); got != max(n, 0) {
			t.Errorf("Invent(%d) has %d people", n, got)
		}
	}
}

// What is invented must be what Load would take, and hold the cases that a client stumbles over.
func TestInventedTenant(t *testing.T) {
	const n = 4000
	d := Invent(n, 5)
	seen := map[string]int{}
	called := map[string]int{}
	var lines strings.Builder
	for _, u := range d.All() {
		lines.Write(u)
		lines.WriteByte('\n')
		var p struct {
			Name    string   `json:"displayName"`
			UPN     string   `json:"userPrincipalName"`
			Mail    *string  `json:"mail"`
			Type    string   `json:"userType"`
			Kind    string   `json:"employeeType"`
			Proxies []string `json:"proxyAddresses"`
			Enabled bool     `json:"accountEnabled"`
			Listed  *bool    `json:"showInAddressList"`
			Manager string   `json:"managerId"`
		}
		if err := json.Unmarshal(u, &p); err != nil {
			t.Fatal(err)
		}
		called[p.Name]++
		for what, is := range map[string]bool{
			"guest":      p.Type == "Guest" && strings.Contains(p.UPN, "#EXT#@"),
			"disabled":   !p.Enabled,
			"hidden":     p.Listed != nil && !*p.Listed,
			"unsaid":     p.Listed == nil,
			"no mail":    p.Mail == nil,
			"alias":      len(p.Proxies) > 2,
			"contractor": p.Kind == "Contractor" && strings.HasSuffix(p.Name, "(Ext.)"),
			"comma":      strings.Contains(p.Name, ", "),
			"managed":    p.Manager != "",
		} {
			if is {
				seen[what]++
			}
		}
		for name, script := range map[string]*unicode.RangeTable{
			"Han": unicode.Han, "Hangul": unicode.Hangul, "Arabic": unicode.Arabic, "Hebrew": unicode.Hebrew, "Thai": unicode.Thai,
			"Cyrillic": unicode.Cyrillic, "Greek": unicode.Greek, "Devanagari": unicode.Devanagari,
		} {
			if strings.ContainsFunc(p.Name, func(r rune) bool { return unicode.Is(script, r) }) {
				seen[name]++
			}
		}
	}
	for _, what := range []string{
		"guest", "disabled", "hidden", "unsaid", "no mail", "alias", "contractor", "comma",
		"Han", "Hangul", "Arabic", "Hebrew", "Thai", "Cyrillic", "Greek", "Devanagari",
	} {
		if seen[what] < 5 {
			t.Errorf("%d of %d are: %s", seen[what], n, what)
		}
	}
	shared := 0
	for _, k := range called {
		if k > 1 {
			shared += k
		}
	}
	if shared < n/20 || len(called) < n/3 {
		t.Errorf("%d people share %d names: too few or too many", shared, n-len(called))
	}
	if _, err := Load(strings.NewReader(lines.String()), "invented"); err != nil {
		t.Error(err)
	}
	roots := 0
	for _, at := range d.slots {
		if len(d.reportsOf(d.byID[at.person.id])) > 0 && at.person.manager == none {
			roots++
		}
	}
	if roots != 1 || seen["managed"] < n*3/4 {
		t.Errorf("%d tops, %d with a manager", roots, seen["managed"])
	}
}
