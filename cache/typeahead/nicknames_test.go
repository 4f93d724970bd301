package typeahead

import (
	"slices"
	"strings"
	"testing"
)

// yielded are the names that a word typed so far stands for.
func yielded(typed string) []string {
	var names []string
	nicknamesOf(typed, func(name string) { names = append(names, name) })
	return names
}

// TestNicknamesOf has the names that have to be among those of a typed word, and those
// that must not be.
func TestNicknamesOf(t *testing.T) {
	for _, row := range []struct{ typed, with, without string }{
		// Short and full forms, and their beginnings.
		{"bob", "robert rob robbie", "bob bobby"}, // bobby begins with what was typed
		{"robert", "bob bobby rob", "robert roberta"},
		{"rob", "bob", "robert"},
		{"katherine", "catherine kate katie cathy", "katherine"},
		{"catherine", "katherine kathryn kate", "catherine"},
		{"peg", "margaret maggie", "peggy"},
		{"pe", "", "margaret pedro"}, // two letters are a whole form or nothing
		{"ed", "ted ned", "edward eddie"},
		{"mich", "mike", "michael michelle"},
		{"marg", "peggy", "margaret margie"},
		{"bobx", "", "robert"},
		{"", "", "robert"},
		{"zzz", "", "robert"},
		// Folded, in each usual spelling.
		{"jurg", "", "jurgen"},
		{"barbel", "barbara", ""},
		{"baerbel", "barbara barbel", ""},
		{"gunther", "gunni guenni guenther", ""},
		{"guenther", "gunni guenni gunther", ""},
		{"pepe", "jose", ""},
		{"djordje", "djole dole", ""},
		{"dorde", "djole dole", ""},
		{"jp", "jeanpierre jeanpaul", ""},
		{"jeanpierre", "jp", ""},
		{"slava", "vyacheslav viacheslav", "вячеслав"},
		{"слава", "вячеслав владислав", "slava"},
		{"саша", "александр александра олександр", ""},
		{"леш", "алексеи", ""},
		{"са", "", "александр"}, // two letters, of four bytes
		{"γιωργοσ", "γεωργιοσ", ""},
		{"ibo", "ibrahim", ""},
	} {
		got := yielded(row.typed)
		for name := range strings.FieldsSeq(row.with) {
			if !slices.Contains(got, name) {
				t.Errorf("%q: no %s among %v", row.typed, name, got)
			}
		}
		for name := range strings.FieldsSeq(row.without) {
			if slices.Contains(got, name) {
				t.Errorf("%q: %s among %v", row.typed, name, got)
			}
		}
	}
}

// TestNicknamesInOrder has a small table: what is meant by the whole word comes first, in
// it what is meant directly, and then form by form.
func TestNicknamesInOrder(t *testing.T) {
	table, err := parseNicknames(`
# A comment: not a group
Zoran/Soran: Ann, Abe
Anna: Ann
Bert: Annika, Abe

Max:Annika
Nils: Max, Annika
`)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct{ form, want string }{
		{"ann", "anna soran zoran abe"},
		{"anna", "ann"},
		{"annika", "bert max nils abe"},
		{"max", "annika nils"}, // once, though annika is also another short form of nils
		{"abe", "bert soran zoran ann annika"},
		{"zoran", "abe ann soran"},
	} {
		at := slices.IndexFunc(table, func(n nickname) bool { return n.form == row.form })
		if at < 0 {
			t.Fatalf("no %s", row.form)
		}
		var got []string
		for _, place := range table[at].same {
			got = append(got, table[place].form)
		}
		if strings.Join(got, " ") != row.want {
			t.Errorf("%s: got %v, want %s", row.form, got, row.want)
		}
	}
	// The whole table is the same each time.
	again, err := parseNicknames(nicknamesText)
	if err != nil || !slices.EqualFunc(again, nicknames(), func(a, b nickname) bool {
		return a.form == b.form && slices.Equal(a.same, b.same)
	}) {
		t.Errorf("parsed again, it is another table (%v)", err)
	}
	names := yielded("peg")
	if len(names) < 2 || names[0] != "margaret" {
		t.Errorf("peg: margaret does not come first in %v", names)
	}
	// The whole word before longer forms, though these lead to names that sort before.
	names = yielded("ros")
	if roz, charo := slices.Index(names, "roz"), slices.Index(names, "charo"); roz < 0 || charo < roz {
		t.Errorf("ros: no roz before charo in %v", names)
	}
}

// TestNicknamesYield goes through all forms and their beginnings: no name begins with
// what was typed, none comes twice, and there are not too many.
func TestNicknamesYield(t *testing.T) {
	most := 0
	for _, entry := range nicknames() {
		for end := range entry.form + "$" {
			typed := entry.form[:end]
			got := yielded(typed)
			most = max(most, len(got))
			for i, name := range got {
				if strings.HasPrefix(name, typed) {
					t.Errorf("%q: %s begins with it", typed, name)
				}
				if slices.Contains(got[:i], name) {
					t.Errorf("%q: %s twice", typed, name)
				}
			}
		}
	}
	if most != 64 {
		t.Errorf("at most %d names, want 64", most)
	}
}

// TestNicknamesTable reads the embedded table on its own: groups enough, and from each of
// their full forms to each short one and back.
func TestNicknamesTable(t *testing.T) {
	folded := func(name string) []string {
		name = strings.NewReplacer("-", "", "'", "").Replace(strings.TrimSpace(name))
		return spelled(appendGlyphs(nil, name))
	}
	leads := func(line, from, to string) {
		if got := yielded(from); !strings.HasPrefix(to, from) && !slices.Contains(got, to) {
			t.Errorf("%s: %s does not lead to %s but to %v", line, from, to, got)
		}
	}
	groups := 0
	for line := range strings.Lines(nicknamesText) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		groups++
		before, after, _ := strings.Cut(line, ":")
		seen := map[string]bool{}
		var full []string
		for name := range strings.SplitSeq(before, "/") {
			for _, form := range folded(name) {
				if seen[form] {
					t.Errorf("%s: %s twice", line, form)
				}
				seen[form] = true
				full = append(full, form)
			}
		}
		for name := range strings.SplitSeq(after, ",") {
			for _, short := range folded(name) {
				if seen[short] {
					t.Errorf("%s: %s twice", line, short)
				}
				seen[short] = true
				for _, form := range full {
					leads(line, form, short)
					leads(line, short, form)
				}
			}
		}
	}
	if groups < 400 {
		t.Errorf("%d groups", groups)
	}
}

// TestNicknamesWanted has groups that must be there, whatever becomes of the table.
func TestNicknamesWanted(t *testing.T) {
	for line := range strings.Lines(`aleksandr: sasha
alessandro: sandro
alexandru: alex
andrew: andy drew
anthony: tony
charles: charlie chuck
christopher: chris
daniel: dan danny
david: dave
deborah: debbie
edward: ed ted
elizabeth: liz beth betty
francesco: franco
francisco: paco
giuseppe: beppe
james: jim jimmy
jennifer: jen jenny
johannes: hans
jose: pepe
joseph: joe
joshua: josh
katarzyna: kasia
kenneth: ken
kimberly: kim
margaret: peggy maggie
matthew: matt
michael: mike mick
richard: dick rick
robert: bob rob
ronald: ron
stephanie: steph
steven: steve
susan: sue
susanne: susi
thomas: tom
timothy: tim
william: bill will
`) {
		full, short, _ := strings.Cut(strings.TrimSpace(line), ":")
		for name := range strings.FieldsSeq(short) {
			if !strings.HasPrefix(name, full) && !slices.Contains(yielded(full), name) {
				t.Errorf("%s does not lead to %s", full, name)
			}
			if !strings.HasPrefix(full, name) && !slices.Contains(yielded(name), full) {
				t.Errorf("%s does not lead to %s", name, full)
			}
			table := nicknames()
			at := slices.IndexFunc(table, func(n nickname) bool { return n.form == name })
			if at < 0 || !slices.ContainsFunc(table[at].same, func(place uint32) bool { return table[place].form == full }) {
				t.Errorf("%s is no short form of %s", name, full) // where one begins with the other too
			}
		}
	}
}

// TestMalformedNicknames has lines that are not as they have to be.
func TestMalformedNicknames(t *testing.T) {
	for _, row := range []struct{ line, want string }{
		{"Robert", "no colon"},
		{"Robert, Bob", "no colon"},
		{": Bob", "no name"},
		{"Robert:", "no name"},
		{"Robert: Bob,", "no name"},
		{"Robert: Bob,, Rob", "no name"},
		{"Robert/: Bob", "no name"},
		{"Robert: -", "no name"},
		{"Robert: Bob: Rob", "more than one word"},
		{"Robert: Bob Rob", "more than one word"},
		{"Robert: Bob/Rob", "more than one word"},
		{"Robert, Rupert: Bob", "more than one word"},
		{"Robert: Bob # usual", "more than one word"},
		{"Robert: Bob, Rob, bob", `"bob" is there twice`},
		{"Robert: Bob, Róbert", `"robert" is there twice`},
		{"Robert/ROBERT: Bob", `"robert" is there twice`},
		{"Jürgen/Juergen: Jogi", `"juergen" is there twice`},
	} {
		table, err := parseNicknames("# A table\n\nAnna: Ann\n" + row.line + "\nPeter: Pete\n")
		if err == nil {
			t.Errorf("%q: no error", row.line)
			continue
		}
		if table != nil || !strings.HasPrefix(err.Error(), "line 4: ") || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%q: %d forms, %v; want %s in line 4", row.line, len(table), err, row.want)
		}
	}
}

// TestNicknamesAllocate is about what typing costs: nothing where there is no name.
func TestNicknamesAllocate(t *testing.T) {
	n := 0
	for _, typed := range []string{"zzzz", "ro", "", "bob", "mar"} {
		if got := testing.AllocsPerRun(100, func() { nicknamesOf(typed, func(string) { n++ }) }); got > 0 {
			t.Errorf("%q: %v allocations", typed, got)
		}
	}
}

func BenchmarkNicknamesOf(b *testing.B) {
	for _, typed := range []string{"smith", "bob", "mar", "alex"} {
		b.Run(typed, func(b *testing.B) {
			n := 0
			for b.Loop() {
				nicknamesOf(typed, func(string) { n++ })
			}
		})
	}
}

func BenchmarkParseNicknames(b *testing.B) {
	for b.Loop() {
		if _, err := parseNicknames(nicknamesText); err != nil {
			b.Fatal(err)
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
