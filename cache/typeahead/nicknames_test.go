package typeahead

import (
	"slices"
	"strings"
	"testing"
)

func namesFor(typed string) (names []string) {
	nicknamesOf(typed, func(name string) { names = append(names, name) })
	return names
}

func TestNicknames(t *testing.T) {
	for _, row := range []struct {
		typed     string
		some, not []string
	}{
		{"bob", []string{"robert", "rob"}, []string{"bobby", "bob"}},
		{"robert", []string{"bob", "rob", "bobby"}, []string{"robert"}},
		{"peg", []string{"margaret", "maggie"}, []string{"peggy"}},
		{"mich", []string{"mike", "mick"}, []string{"michael"}},
		{"ed", []string{"ted", "ned"}, []string{"edward", "eddie"}},
		{"katherine", []string{"catherine", "kate"}, nil},
		{"jurgen", []string{"jogi"}, nil}, {"juergen", []string{"jogi"}, nil}, {"jogi", []string{"jurgen", "juergen"}, nil},
		{"jose", []string{"pepe", "ze"}, nil}, {"саша", []string{"александр", "александра"}, nil}, {"γιωργοσ", []string{"γεωργιοσ"}, nil},
		{"haj", []string{"hansjoachim"}, nil},
	} {
		got := namesFor(row.typed)
		for _, name := range row.some {
			if !slices.Contains(got, name) {
				t.Errorf("%q stands for %v, not for %q", row.typed, got, name)
			}
		}
		for _, name := range row.not {
			if slices.Contains(got, name) {
				t.Errorf("%q stands for %q", row.typed, name)
			}
		}
	}
	for _, typed := range []string{"", "b", "bo", "xyz", "zz", "smith"} {
		if got := namesFor(typed); got != nil {
			t.Errorf("%q stands for %v", typed, got)
		}
	}
	if got := namesFor("bob"); got[0] != "robert" {
		t.Errorf("bob stands for %v, not first for robert", got)
	}
}

// TestNicknameTable has each form stand for each other of its line, unless one begins with
// the other, and nothing twice.
func TestNicknameTable(t *testing.T) {
	lines := 0
	for line := range strings.Lines(nicknameTable) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		lines++
		forms := strings.FieldsFunc(line, func(r rune) bool { return strings.ContainsRune("/:, ", r) })
		for _, form := range forms {
			typed := foldsOf(form)[0]
			got := namesFor(typed)
			for i, name := range got {
				if slices.Contains(got[:i], name) || strings.HasPrefix(name, typed) {
					t.Errorf("%q stands for %v", typed, got)
				}
			}
			for _, other := range forms {
				name := foldsOf(other)[0]
				if !strings.HasPrefix(name, typed) && !slices.Contains(got, name) && len(got) < maxNicknames {
					t.Errorf("%q stands for %v, not for %q", typed, got, name)
				}
			}
		}
	}
	if lines < 400 {
		t.Errorf("%d names, want 400 at least", lines)
	}
}

func TestNicknameTableIsStrict(t *testing.T) {
	for _, row := range []struct{ table, want string }{
		{"# fine\n\nRobert: Bob", ""},
		{"Robert: Bob\nRobert Bob", "nicknames.txt:2: "}, {"Robert:", "nicknames.txt:1: "}, {"Robert: ", "nicknames.txt:1: "},
		{"Robert: Bob, ", "nicknames.txt:1: "}, {"Robert: Bob,Rob", "nicknames.txt:1: "}, {"Robert/Robert: Bob", "nicknames.txt:1: "},
		{"Robert: Bob, Bob", "nicknames.txt:1: "}, {"Robert: Róbert", "nicknames.txt:1: "}, {"José Luis: Pepe", "nicknames.txt:1: "},
	} {
		_, err := readNicknames(row.table)
		if (err == nil) != (row.want == "") || err != nil && !strings.HasPrefix(err.Error(), row.want) {
			t.Errorf("reading %q: %v, want %q", row.table, err, row.want)
		}
	}
}

// TestNicknamesAreFound has people found by what they are called, after those whose name
// it is, and before typos.
func TestNicknamesAreFound(t *testing.T) {
	x := build([]Entry{
		{ID: "robert", Name: "Robert Smith", Given: "Robert", Surname: "Smith"},
		{ID: "bob", Name: "Bob Smith", Given: "Bob", Surname: "Smith"},
		{ID: "roberts", Name: "Ann Roberts", Surname: "Roberts"},
		{ID: "mail", Name: "Ann Lee", Email: "robert@contoso.com"},
	})
	for query, want := range map[string]string{
		"bob":       "literal bob, nickname robert",
		"robert":    "literal robert, literal roberts, literal mail, nickname bob",
		"bob smith": "literal bob, nickname robert",
		"smith bob": "literal bob, nickname robert",
		"bob smtih": "typo bob, typo robert",
		"bo":        "literal bob",
	} {
		r := Request{Query: Parse(query), Limit: 9}
		if got := hits(x, r); got != want {
			t.Errorf("Search(%q) = %s, want %s", query, got, want)
		}
	}
	for _, row := range []struct{ query, want string }{
		{"bob", "DISPLAY_NAME [Robert] Smith"}, {"bob smi", "DISPLAY_NAME [Robert Smi]th"}, {"bob smtih", "DISPLAY_NAME [Robert Smith]"},
	} {
		got := show(Parse(row.query).Matches(Entry{Name: "Robert Smith", Given: "Robert", Surname: "Smith"}))
		if got = strings.ReplaceAll(got, "] [", " "); got != row.want {
			t.Errorf("Matches(%q) = %s, want %s", row.query, got, row.want)
		}
	}
}
