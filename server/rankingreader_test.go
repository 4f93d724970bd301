package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestRankingReader has files that are no cases: each is refused with the line that is
// wrong, so that no expectation is passed over.
func TestRankingReader(t *testing.T) {
	everybody, err := readRoll(rankingDirectory)
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"> smith\n  nobody\n":                                 "",
		"# a comment\n\n> \"\"\n  nobody\n":                   "",
		"> zora\n  Zora Nkosi (Fabrikam)\n":                   "",
		"> smith\n":                                           "no rows",
		"> smith\n\n> jane\n  nobody\n":                       ":2: the query before has no rows",
		"> smith\n> jane\n  nobody\n":                         ":2: the query before has no rows",
		"> smith\nnobody\n":                                   `:2: "nobody" stands above`,
		"  jane.smith@contoso.com\n":                          ":1: a row stands below a query",
		"> smith\n\n  jane.smith@contoso.com\n":               ":2: the query before",
		"> smith\n  nobody\n  jane.smith@contoso.com\n":       ":3: somebody or nobody",
		"> smith\n  jane.smith@contoso.com\n  nobody\n":       ":3: somebody or nobody",
		"> smith\n  jane.smyth@contoso.com\n":                 `:2: nobody of the directory is called "jane.smyth@contoso.com"`,
		"> smith\n  never jane.smyth@contoso.com\n":           ":2: nobody of the directory",
		"> smith\n  jane.smith@contoso.com (litteral)\n":      `:2: "litteral" is nothing`,
		"as jane.smyth@contoso.com\n> smith\n  nobody\n":      ":1: nobody of the directory",
		"as Nina Holm\n> smith\n  nobody\n":                   ":1: \"Nina Holm\" is called more than one",
		"as jane.smith@contoso.com\n":                         "there is no query below",
		"kinds person, robot\n> smith\n  nobody\n":            `:1: "robot" is no kind`,
		"without jane.smyth@contoso.com\n> smith\n  nobody\n": ":1: nobody of the directory",
		"limit many\n> smith\n  nobody\n":                     ":1: ",
		"like jane.smith@contoso.com\n> smith\n  nobody\n":    `:1: "like" is none of`,
		"> \"smith\n  nobody\n":                               ":1: \"smith: a query in quotes",
		"> smith\n  nobody\n\nas jane.smith@contoso.com\n":    "there is no query below",
	} {
		name := filepath.Join(t.TempDir(), "cases.txt")
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		cases, err := readRanking(name, everybody)
		if want == "" {
			if err != nil || len(cases) != 1 {
				t.Errorf("of %q there are %d cases, %v; want one", text, len(cases), err)
			}
		} else if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is read with %v, want %q", text, err, want)
		}
	}
}

// TestRankingRowsFit compares answers with rows: those that fit, and those that do not.
func TestRankingRowsFit(t *testing.T) {
	rows := func(text string) (list []rankingRow) {
		for _, word := range strings.Fields(text) {
			id, fact, _ := strings.Cut(word, "/")
			row := rankingRow{any: word == "...", ids: map[string]bool{id: true}}
			if fact != "" {
				row.also = []string{fact}
			}
			list = append(list, row)
		}
		return list
	}
	answers := func(text string) (list []rankingAnswer) {
		for _, id := range strings.Fields(text) {
			list = append(list, rankingAnswer{id: id, facts: []string{"literal"}})
		}
		return list
	}
	for _, row := range []struct {
		want, got string
		fits      bool
	}{
		{"", "", true}, {"", "a", false}, {"a", "", false}, {"a", "a", true}, {"a b", "b a", false}, {"a", "a b", false},
		{"...", "", true}, {"...", "a b", true}, {"a ...", "a", true}, {"a ...", "a b", true}, {"a ...", "b a", false},
		{"... a", "b a", true}, {"... a", "a b", false}, {"a ... b", "a c d b", true}, {"a ... b", "a b c", false},
		{"... a ... b ...", "a a b a b", true}, {"... a ... b ...", "b a", false},
		{"a/literal", "a", true}, {"a/typo", "a", false}, {"... a/typo ...", "b a", false},
	} {
		if got := fits(rows(row.want), answers(row.got)); got != row.fits {
			t.Errorf("%q fits %q: %v, want %v", row.got, row.want, got, row.fits)
		}
	}
}
