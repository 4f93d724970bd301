package typeahead

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode"

	"golang.org/x/text/runes"
	"golang.org/x/text/transform"
	"golang.org/x/text/unicode/norm"
)

// The oracle matches by reading everybody, and shares no code with the index.

// plain folds the way most engines do: lower case, without accents.
func plain(text string) string {
	folded, _, _ := transform.String(transform.Chain(norm.NFD, runes.Remove(runes.In(unicode.Mn)), norm.NFC), strings.ToLower(text))
	return folded
}

// oracleWords are the words of an entry that is all ASCII.
func oracleWords(e Entry) []string {
	var words []string
	parts := func(text, separators string) {
		for _, token := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(separators, r) }) {
			pieces := strings.FieldsFunc(token, func(r rune) bool { return r == '-' || r == '\'' })
			for i := range pieces {
				words = append(words, pieces[i], strings.Join(pieces[i:], ""))
			}
		}
	}
	for _, name := range []string{e.Name, e.Given, e.Surname} {
		parts(strings.ToLower(name), " .,")
	}
	for _, address := range append([]string{e.Email, e.UPN}, e.Others...) {
		address = strings.ToLower(address)
		words = append(words, address)
		parts(address[:strings.Index(address, "@")], "._")
	}
	surname := strings.FieldsFunc(strings.ToLower(e.Surname), func(r rune) bool { return strings.ContainsRune(" -'", r) })
	initials := ""
	for _, part := range strings.FieldsFunc(strings.ToLower(e.Given), func(r rune) bool { return strings.ContainsRune(" -'", r) }) {
		initials += part[:1]
	}
	if len(surname) > 0 {
		words = append(words, initials+strings.Join(surname, ""), strings.Join(surname, ""))
	}
	for i, part := range surname {
		initial := strings.ToLower(e.Given[:1])
		words = append(words, initial+part, initial+strings.Join(surname[i:], ""))
	}
	return words
}

func oracleFinds(words []string, query string) bool {
	begins := func(text string) bool {
		return slices.ContainsFunc(words, func(w string) bool { return strings.HasPrefix(w, text) })
	}
	for _, token := range strings.Fields(strings.ToLower(query)) {
		pieces := strings.FieldsFunc(token, func(r rune) bool { return strings.ContainsRune("-'._", r) })
		joined := strings.NewReplacer("-", "", "'", "").Replace(token)
		ok := begins(token) || !strings.ContainsAny(token, "._@") && begins(joined)
		if !strings.Contains(token, "@") {
			ok = ok || !slices.ContainsFunc(pieces, func(p string) bool { return !begins(p) })
		}
		if !ok {
			return false
		}
	}
	return true
}

// someone invents people with few syllables, so that much is alike.
func someone(rng *rand.Rand, id int) Entry {
	pick := func(list ...string) string { return list[rng.IntN(len(list))] }
	syllables := func() string {
		text := ""
		for range 1 + rng.IntN(3) {
			text += pick("a", "an", "na", "mar", "ri", "o", "ob", "brie", "n", "li")
		}
		return text
	}
	title := func(s string) string { return strings.ToUpper(s[:1]) + s[1:] }
	given, surname := title(syllables()), title(syllables())
	if rng.IntN(3) == 0 {
		given += pick("-", " ", "'") + title(syllables())
	}
	if rng.IntN(3) == 0 {
		surname = pick("O'", "Van ", "D-") + surname
	}
	local := strings.ToLower(strings.ReplaceAll(given, " ", "-")) + pick(".", "_", "") + strings.ToLower(strings.ReplaceAll(surname, " ", ""))
	e := Entry{ID: fmt.Sprintf("id-%04d", id), Name: given + " " + surname, Given: given, Surname: surname,
		Email: local + "@contoso.com", UPN: fmt.Sprintf("u%d@contoso.com", id), Kind: Kind(max(0, rng.IntN(10)-5))}
	if rng.IntN(4) == 0 {
		e.Others = []string{syllables() + "." + syllables() + "@fabrikam.com"}
	}
	return e
}

// typedFor cuts a query out of what somebody might type for e.
func typedFor(rng *rand.Rand, e Entry) string {
	words := oracleWords(e)
	var typed []string
	for range 1 + rng.IntN(2) {
		w := words[rng.IntN(len(words))]
		typed = append(typed, w[:1+rng.IntN(len(w))])
	}
	return strings.Join(typed, " ")
}

func TestSearchFindsExactlyWhatTheOracleFinds(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	entries := make([]Entry, 300)
	for i := range entries {
		entries[i] = someone(rng, i)
	}
	words := make([][]string, len(entries))
	for i, e := range entries {
		words[i] = oracleWords(e)
	}
	x := build(entries)
	for range 300 {
		query := typedFor(rng, entries[rng.IntN(len(entries))])
		var want []string
		for i, e := range entries {
			if oracleFinds(words[i], query) {
				want = append(want, e.ID)
			}
		}
		var got []string
		for _, hit := range literal(x.Search(Request{Query: Parse(query), Limit: len(entries)})) {
			got = append(got, hit.ID)
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Fatalf("Search(%q) found %d people, the oracle %d: %v, want %v", query, len(got), len(want), got, want)
		}
		for _, id := range got {
			i := slices.IndexFunc(entries, func(e Entry) bool { return e.ID == id })
			if len(Parse(query).Matches(entries[i])) == 0 {
				t.Fatalf("Search(%q) found %v, and Matches shows nothing", query, entries[i])
			}
		}
	}
}

// thirty has a name of each of thirty languages.
var thirty = strings.Split(`Ana Kovač|Jürgen Müller|Zoë D'Aragona-Weiß|Škoda Růžičková|Łukasz Żółć|Søren Ågård|Þórdís Jónsdóttir|
Árpád Győrfi|Ștefan Țuțu|José Ñúñez García|João Conceição|François L'Hôte|Aoife Ní Bhriain|Siân ap Rhŷs|Gal·la Ribó|Çağla Işık|
İrem Şahin|Nguyễn Thị Hồng Đào|Đorđe Đurić|Jānis Bērziņš|Žydrė Ąžuolaitė|Tõnu Õun|Äijö Yrjö-Koskinen|Фёдор Йовчев|Олена Їжак|
Αγγελική Παπαδοπούλου|أحمد الشريف|דָּוִד כהן|रवि कुमार|สมชาย ใจดี|王小明|山田 太郎|スミス・ジョン|김민준|Ngozi Okonkwo-Adébáyọ̀|Kaʻimi Kealoha`, "|")

// TestEveryBeginningFinds types each word of each name, as written and without
// accents, composed and decomposed, in either case, letter by letter.
func TestEveryBeginningFinds(t *testing.T) {
	for i := range thirty {
		thirty[i] = strings.TrimSpace(thirty[i])
	}
	x := build(named(thirty...))
	for i, name := range thirty {
		for _, word := range strings.Fields(name) {
			for _, written := range []string{word, plain(word), norm.NFD.String(word), strings.ToUpper(word), strings.ToLower(word)} {
				letters := []rune(written)
				for n := 1; n <= len(letters); n++ {
					if id := fmt.Sprint("id-", i); !slices.Contains(search(x, string(letters[:n])), id) {
						t.Errorf("Search(%q) does not find %q", string(letters[:n]), name)
					}
				}
			}
		}
	}
}

// TestWithIsBuild changes an index many times, and compares it with one that was
// built of the same people. Earlier indexes stay as they were.
func TestWithIsBuild(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	people := map[string]Entry{}
	for i := range 1000 {
		e := someone(rng, i)
		people[e.ID] = e
	}
	x := build(sorted(people))
	for step := range 16 {
		before, query := x, typedFor(rng, someone(rng, step))
		was := x.Search(Request{Query: Parse(query), Limit: 40})
		var upserts []Entry
		var removed []string
		for range rng.IntN(40) {
			e := someone(rng, rng.IntN(1400))
			if slices.ContainsFunc(upserts, func(o Entry) bool { return o.ID == e.ID }) {
				continue
			}
			if rng.IntN(3) == 0 {
				removed = append(removed, e.ID)
				delete(people, e.ID)
			} else if !slices.Contains(removed, e.ID) {
				upserts = append(upserts, e)
				people[e.ID] = e
			}
		}
		upserts = slices.DeleteFunc(upserts, func(e Entry) bool { return slices.Contains(removed, e.ID) })
		x = x.With(upserts, removed)
		if got := before.Search(Request{Query: Parse(query), Limit: 40}); !slices.Equal(got, was) {
			t.Fatalf("step %d: With changed the index before it: %v, want %v", step, got, was)
		}
		rebuilt := build(sorted(people))
		if x.Len() != len(people) {
			t.Fatalf("step %d: Len = %d, want %d", step, x.Len(), len(people))
		}
		for range 50 {
			query := typedFor(rng, someone(rng, step))
			got, want := x.Search(Request{Query: Parse(query), Limit: 40}), rebuilt.Search(Request{Query: Parse(query), Limit: 40})
			if !slices.Equal(got, want) {
				t.Fatalf("step %d: Search(%q) = %v, want %v", step, query, got, want)
			}
		}
	}
	if len(x.parts) < 2 || x.parts[0].gone == nil {
		t.Error("the test never had two parts: it compares nothing")
	}
}

// TestManyPartsAreOne compares a union of many indexes, as a search of a directory and
// somebody's contacts has it, with one index over the same entries.
func TestManyPartsAreOne(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 12))
	entries := make([]Entry, 6*handful)
	for i := range entries {
		entries[i] = someone(rng, i)
		entries[i].Position = Position{Department: fmt.Sprint("d", rng.IntN(5)), Office: fmt.Sprint("o", rng.IntN(20))}
	}
	whole := build(entries)
	var several []*Index
	for rest := entries; len(rest) > 0; {
		n := min(len(rest), 1+rng.IntN(handful))
		x := build(rest[:n])
		if n > 100 { // an index may have parts of its own
			x = build(rest[:n/2]).With(rest[n/2:n], []string{"nobody"}).With(rest[:5], nil)
		}
		several, rest = append(several, x), rest[n:]
	}
	union := Union(several...)
	if len(union.parts) < 12 || union.Len() != whole.Len() {
		t.Fatalf("%d entries are in %d parts: this tries nothing", union.Len(), len(union.parts))
	}
	for range 200 {
		by := entries[rng.IntN(len(entries))]
		r := Request{Query: Parse(typedFor(rng, entries[rng.IntN(len(entries))])), Limit: 1 + rng.IntN(60), Near: Near{ID: by.ID, Position: by.Position}}
		for range rng.IntN(40) {
			r.Near.Picked = append(r.Near.Picked, Pick{ID: entries[rng.IntN(len(entries))].ID, Points: OfChannel, Reason: Channel})
		}
		if rng.IntN(3) == 0 {
			r.Kinds = []Kind{Kind(rng.IntN(int(kinds))), Kind(rng.IntN(int(kinds)))}
		}
		if got, want := union.Search(r), whole.Search(r); !slices.Equal(got, want) {
			t.Fatalf("Search of many parts = %v, want %v", got, want)
		}
		if got, want := union.Circle(r), whole.Circle(r); !slices.Equal(got, want) {
			t.Fatalf("Circle of many parts = %v, want %v", got, want)
		}
	}
}

// TestMergeBesideChanges changes an index while parts of it are merged.
func TestMergeBesideChanges(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	people := map[string]Entry{}
	change := func(x *Index, from, to int) *Index {
		var upserts []Entry
		for i := from; i < to; i++ {
			e := someone(rng, i)
			people[e.ID] = e
			upserts = append(upserts, e)
		}
		return x.With(upserts, nil)
	}
	remove := func(x *Index, i int) *Index {
		id := fmt.Sprintf("id-%04d", i)
		delete(people, id)
		return x.With(nil, []string{id})
	}
	compare := func(what string, x *Index, parts int) {
		t.Helper()
		if len(x.parts) != parts || x.Len() != len(people) {
			t.Fatalf("%s: %d parts of %d people, want %d of %d", what, len(x.parts), x.Len(), parts, len(people))
		}
		rebuilt := build(sorted(people))
		for range 50 {
			r := Request{Query: Parse(typedFor(rng, someone(rng, 1))), Limit: 20}
			if got, want := x.Search(r), rebuilt.Search(r); !slices.Equal(got, want) {
				t.Fatalf("%s: Search = %v, want %v", what, got, want)
			}
		}
	}
	x := change(nil, 0, quick)
	if x.Overdue() || x.Merge() != nil || x.Merged(nil) != x {
		t.Fatal("one part is to be merged")
	}
	const more = quick/ratio + 1
	x = remove(change(x, quick-10, quick-10+more), 7)
	if !x.Overdue() {
		t.Fatal("a change has waited for a large merge, or it is not overdue")
	}
	compare("before", x, 2)
	merge := x.Merge()
	x = change(remove(remove(x, 8), quick), quick-20, quick-5) // of both
	compare("meanwhile", x, 3)
	merged := x.Merged(merge)
	compare("after", merged, 2)
	if again := merged.Merged(merge); again != merged {
		t.Error("what was merged is merged again")
	}
	compare("what the merge was put into", x, 3)
	merged.join()
	if got, want := len(merged.parts[0].segment.vocabulary.ends), len(build(sorted(people)).parts[0].segment.vocabulary.ends); got > want {
		t.Errorf("what was merged holds %d words, of which %d are somebody's", got, want)
	}
}

func sorted(people map[string]Entry) []Entry {
	var list []Entry
	for _, e := range people {
		list = append(list, e)
	}
	slices.SortFunc(list, func(a, b Entry) int { return strings.Compare(a.ID, b.ID) })
	return list
}

func FuzzSearchMatches(f *testing.F) {
	for _, name := range thirty {
		f.Add(name, strings.ReplaceAll(name, " ", ".")+"@contoso.com", string([]rune(name)[:2]))
	}
	f.Add("a", "b_c.d#EXT#@e", "b@")
	f.Add("\xb0 0", " İ.0", "İ")
	f.Add("\u0301\u00adx", "@", "\u0301x")
	f.Fuzz(func(t *testing.T, name, address, query string) {
		e := Entry{ID: "id", Name: name, Email: address, UPN: address}
		hits := build([]Entry{e}).Search(Request{Query: Parse(query), Limit: 5})
		matches := Parse(query).Matches(e)
		if len(hits) == 1 && len(matches) == 0 {
			t.Fatalf("Search(%q) finds %q <%s>, and Matches shows nothing", query, name, address)
		}
		for _, m := range matches {
			at := int32(0)
			for _, r := range m.Ranges {
				if r.Start < at || r.End <= r.Start || int(r.End) > len([]rune(m.Value)) {
					t.Fatalf("Matches(%q) of %q has the range %v", query, m.Value, r)
				}
				at = r.End
			}
		}
	})
}
