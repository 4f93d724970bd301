package typeahead

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// hits shows what a search finds: bucket and id, best first.
func hits(x *Index, r Request) string {
	var shown []string
	for _, h := range x.Search(r) {
		shown = append(shown, fmt.Sprint([...]string{"address", "literal", "nickname", "typo", "circle"}[h.Bucket], " ", h.ID))
	}
	return strings.Join(shown, ", ")
}

// TestBuckets has who is found how.
func TestBuckets(t *testing.T) {
	entries := []Entry{
		{ID: "robert", Name: "Robert van den Berg", Given: "Robert", Surname: "van den Berg", Email: "robert.berg@contoso.com",
			Phones: []string{"+31 20 555 0199", "+31 20 555 0100 ext. 4711"}, EmployeeID: "E-1001"},
		{ID: "bob", Name: "Bob Bergmann", Given: "Bob", Surname: "Bergmann", Email: "bb@contoso.com", Phones: []string{"+1 425 555 0142 x877", "+1 425 555 01-43"}},
		{ID: "john", Name: "John Michael O'Smith", Given: "John Michael", Surname: "O'Smith", Email: "john.smith@contoso.com", UPN: "u4711@contoso.com"},
		{ID: "guest", Kind: Guest, Name: "Jon Smithers", Email: "jon@fabrikam.com"},
		{ID: "dmitri", Name: "Дмитрий Иванов", Given: "Dmitry", Email: "ivanov@contoso.com", EmployeeID: " 2002 "},
		{ID: "anne", Name: "Anne-Marie Dubois", Given: "Anne-Marie", Surname: "Dubois", EmployeeID: "KRM"},
		{ID: "ivan", Name: "Иван Петров", Given: "Иван", Surname: "Петров", Email: "ivan.petrov@contoso.com", Phones: []string{"+49 89 123456-18"}},
		{ID: "hanako", Name: "山田 花子"},
		{ID: "minsu", Name: "남궁민수"},
		{ID: "visitor", Kind: Guest, Name: "Jones, Quentin (Contractor)", Email: "qj@fabrikam.com", Phones: []string{"55512"}},
		{ID: "ext", Kind: Guest, Name: "pia.nova_fabrikam.com#EXT#", Email: "pn@x.example"},
		{ID: "sales", Kind: Group, Name: "Sales Berlin", Email: "sales-berlin@contoso.com", Others: []string{"verkauf@contoso.de"}},
	}
	x := build(entries)
	for _, row := range []struct{ query, want string }{
		// Initials and the surname, with its first word or without.
		{"rvandenberg", "literal robert"}, {"rvan", "literal robert"}, {"rberg", "literal robert"}, {"rden", "literal robert"},
		{"bbergm", "literal bob"}, {"josmith", "literal john, typo guest"}, {"jsmith", "literal john, literal guest"}, {"jo'smith", "literal john, literal guest"},
		{"j smith", "literal john, literal guest"}, {"smith j", "literal john, literal guest"},
		{"amdubois", "literal anne"}, {"adubois", "literal anne"}, {"ipetrov", "literal ivan"}, {"иПетров", "literal ivan"},
		{"山田花子", "literal hanako"}, {"山田花", "literal hanako"}, {"花子", "literal hanako"},
		{"vandenberg", "literal robert"}, {"qjones", "literal visitor"}, {"55512", "literal visitor"}, {"5512", ""},
		{"fabrikam", ""}, {"nova", "literal ext"}, {"남궁곱", ""}, {"müx", ""},
		// What stands around a word.
		{"john.smith@contoso.com.", "address john"}, {"'john.smith@contoso.com'", "address john"}, {"mailto:john.smith@contoso.com", "address john"},
		// Middle names left out, middles of surnames.
		{"john smith", "literal john, nickname guest"}, {"michael smith", "literal john"}, {"berg", "literal robert, literal bob, typo sales"},
		// An address with or without its domain.
		{"john.smith", "address john, nickname guest"}, {"john.smith@contoso.com", "address john"}, {"john.smit", "literal john, nickname guest"}, {"u4711", "address john"},
		{"sales-berlin", "address sales"}, {"verkauf", "address sales"}, {"bb@contoso.com", "address bob"},
		// Codes, when they are whole.
		{"4711", "literal robert"}, {"471", ""}, {"0199", "literal robert"}, {"0100", ""}, {"877", "literal bob"}, {"0143", "literal bob"}, {"0142", ""},
		{"e-1001", "literal robert"}, {"E-1001", "literal robert"}, {"e-100", ""}, {"2002", "literal dmitri"}, {"berg 4711", "literal robert"},
		{"x4711", "literal robert"}, {"ext.4711", "literal robert"}, {"y4711", ""}, {"krm", "literal anne"}, {"kr", ""}, {"#4", ""}, {"#4711", "literal robert"},
		{"18", "literal ivan"}, {"5618", "literal ivan"},
		// Other scripts, by the spelling that the given name or the address has.
		{"dmitry", "literal dmitri"}, {"ivan", "literal ivan, literal dmitri"}, {"иван", "literal ivan, literal dmitri"},
		// A typo in words of four letters or more, not in the first letter.
		{"bregmann", "typo bob"}, {"bermann", "typo bob"}, {"bergxmann", "typo bob"}, {"bexgmann", "typo bob"}, {"xergmann", ""}, {"ebrgmann", ""},
		{"bxr", ""}, {"2003", ""}, {"2020", ""}, {"bexg", "typo robert, typo bob"}, {"jhon smtih", "typo john, typo guest"}, {"jsmtih", "typo john, typo guest"},
		{"john.smtih@contoso.com", "typo john"}, {"john.smithx@contoso.com", "typo john"}, {"john.smit@contoso.com", "typo john"},
		{"john.smithcontoso.com", ""}, {"john.smith2contoso.com", ""}, {"john.smit@h", ""}, {"ivanov@", "literal dmitri"}, {"ivano@", "typo dmitri"}, {"j.smtih", "typo john, typo guest"}, {"иваонв", "typo dmitri"},
		// Ends of addresses find nobody.
		{"@contoso.com", ""}, {".com", ""}, {".berg", ""}, {"@", ""}, {".", ""}, {"smith @contoso.com", ""},
	} {
		if got := hits(x, Request{Query: Parse(row.query), Limit: 9}); got != row.want {
			t.Errorf("Search(%q) = %s, want %s", row.query, got, row.want)
		}
		for _, h := range x.Search(Request{Query: Parse(row.query), Limit: 9}) {
			i := slices.IndexFunc(entries, func(e Entry) bool { return e.ID == h.ID })
			if len(Parse(row.query).Matches(entries[i])) == 0 {
				t.Errorf("Search(%q) finds %s, and Matches shows nothing", row.query, h.ID)
			}
		}
	}
	for _, row := range []struct {
		kinds []Kind
		want  string
	}{
		{nil, "literal john, literal guest, typo robert"},
		{[]Kind{Guest}, "literal guest"}, {[]Kind{Person}, "literal john"}, {[]Kind{Person, Guest}, "literal john, literal guest"}, {[]Kind{Group}, ""},
	} {
		if got := hits(x, Request{Query: Parse("smith"), Limit: 9, Kinds: row.kinds}); got != strings.TrimSuffix(row.want, ", typo robert") {
			t.Errorf("Search(smith) of kinds %v = %s, want %s", row.kinds, got, row.want)
		}
	}
}

// mistakes tells whether a word begins with what was typed but for one typo, by trying all
// letters and places. It shares no code with the index.
func mistakes(word, typed string) bool {
	w, q := []rune(word), []rune(typed)
	if len(q) < 4 {
		return false
	}
	begins := func(with []rune) bool { return len(with) <= len(w) && slices.Equal(w[:len(with)], with) }
	for i := 1; i < len(q); i++ {
		if begins(slices.Concat(q[:i], q[i+1:])) {
			return true // one too many
		}
		if i+1 < len(q) && begins(slices.Concat(q[:i], []rune{q[i+1], q[i]}, q[i+2:])) {
			return true
		}
		for _, letter := range w {
			if begins(slices.Concat(q[:i], []rune{letter}, q[i+1:])) || begins(slices.Concat(q[:i], []rune{letter}, q[i:])) {
				return true
			}
		}
	}
	return false
}

// TestTypos compares the typos that the index forgives, and those that Matches shows, with
// what trying everything forgives.
func TestTypos(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	letters := []rune("qqxwz\u0438\u0436\u4e8c")
	some := func(n int) string {
		var word []rune
		for range n {
			word = append(word, letters[rng.IntN(len(letters))])
		}
		return string(word)
	}
	for size, queries := range map[int]int{300: 100, 6000: 10} { // without heads, and with
		var words []string
		var entries []Entry
		for i := range size {
			word := some(3 + rng.IntN(6))
			words = append(words, word)
			entries = append(entries, Entry{ID: fmt.Sprint(i), Name: word, Surname: word})
		}
		x := build(entries)
		if (x.parts[0].segment.heads != nil) != (len(x.parts[0].segment.vocabulary.ends) >= headed) {
			t.Fatal("there are heads where there should be none, or none where there should be")
		}
		forgiven := 0
		for range queries {
			typed := some(3 + rng.IntN(5))
			got := map[string]bool{}
			for _, h := range x.Search(Request{Query: Parse(typed), Limit: size}) {
				got[h.ID] = true
				forgiven += int(h.Bucket) / int(Typo)
			}
			for i, word := range words {
				want := strings.HasPrefix(word, typed) || mistakes(word, typed)
				// Unspaced letters may begin a word anywhere.
				for at := range word {
					rest := []rune(word[at:])
					if at > 0 && !slices.ContainsFunc([]rune(word), func(r rune) bool { return r < 0x3000 }) {
						want = want || strings.HasPrefix(string(rest), typed) || mistakes(string(rest), typed)
					}
				}
				if got[entries[i].ID] != want {
					t.Fatalf("%q finds %q: %v, want %v", typed, word, got[entries[i].ID], want)
				}
				if !want && i%16 > 0 {
					continue
				}
				if shown := len(Parse(typed).Matches(entries[i])) > 0; shown != want {
					t.Fatalf("Matches(%q) of %q shows something: %v, want %v", typed, word, shown, want)
				}
			}
		}
		if forgiven < 25 {
			t.Fatalf("only %d typos were forgiven: this tries nothing", forgiven)
		}
	}
}

// TestBestAreTheBest asks for a few, as searches do that leave out what cannot be among
// them, and for all, which leaves out nobody.
func TestBestAreTheBest(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 10))
	const many = 3 * handful
	entries := make([]Entry, many)
	for i := range entries {
		e := someone(rng, i)
		e.Position = Position{
			Manager:    fmt.Sprintf("id-%04d", rng.IntN(many/20)),
			Department: fmt.Sprint("d", rng.IntN(5)),
			Office:     fmt.Sprint("o", rng.IntN(20)),
			Country:    fmt.Sprint("c", rng.IntN(3)),
		}
		entries[i] = e
	}
	x := build(entries[:many/2]).With(entries[many/2:], nil)
	for range 8 {
		x = x.With(entries[rng.IntN(many):][:1], []string{entries[rng.IntN(many)].ID})
	}
	clever := 0
	for range 150 {
		query := typedFor(rng, entries[rng.IntN(many)])
		if rng.IntN(3) > 0 {
			query = query[:1+rng.IntN(min(3, len(query)))]
		}
		by := entries[rng.IntN(many)]
		r := Request{Query: Parse(query), Limit: 1 + rng.IntN(12), Exclude: map[string]bool{by.ID: true}}
		if rng.IntN(4) > 0 {
			r.Near = Near{ID: by.ID, Position: by.Position}
			if found := x.Search(Request{Query: r.Query, Limit: 200}); len(found) > 0 {
				for range rng.IntN(3) {
					r.Near.Picked = append(r.Near.Picked, Pick{found[rng.IntN(len(found))].ID, rng.IntN(160), []Reason{0, Picked, Channel}[rng.IntN(3)]})
				}
			}
		}
		if rng.IntN(3) == 0 {
			r.Kinds = []Kind{Kind(rng.IntN(int(kinds)))}
		}
		few := x.Search(r)
		all := r
		all.Limit = many
		want := x.Search(all)
		if len(want) > handful {
			clever++
		}
		if want = want[:min(len(want), r.Limit)]; !slices.Equal(few, want) {
			t.Fatalf("Search(%q) of %d near %+v, %v =\n%v, want\n%v", query, r.Limit, r.Near, r.Kinds, few, want)
		}
		for _, h := range few {
			sum := 0
			for _, part := range x.Explain(r, h.ID) {
				sum += part.Points
			}
			if sum != h.Score {
				t.Fatalf("Search(%q) near %+v: %v is explained by %+v", query, r.Near, h, x.Explain(r, h.ID))
			}
		}
	}
	if clever < 20 {
		t.Errorf("%d queries had many to choose from: this tries nothing", clever)
	}
}

// TestCircle has whom somebody sees before they type.
func TestCircle(t *testing.T) {
	at := func(manager, department string) Position { return Position{Manager: manager, Department: department} }
	x := build([]Entry{
		{ID: "me", Name: "Me", Position: at("boss", "Sales")}, {ID: "boss", Name: "Boss", Position: at("top", "Board")},
		{ID: "top", Name: "Top"}, {ID: "peer", Name: "Peer", Position: at("boss", "Sales")}, {ID: "other", Name: "Other", Position: at("boss", "Law")},
		{ID: "report", Name: "Report", Position: at("me", "Sales")}, {ID: "seller", Name: "Seller", Position: at("x", "Sales")},
		{ID: "picked", Name: "Picked"}, {ID: "team", Kind: Group, Name: "Team"}, {ID: "guest", Kind: Guest, Name: "A Guest"},
	})
	me := Near{ID: "me", Position: at("boss", "Sales"), Above: []string{"top"}, Picked: []Pick{{"picked", 80, 0}, {"team", 20, Picked}, {"peer", 1, 0}, {"gone", 90, 0}, {"report", OfChannel, Channel}, {"guest", OfChannel, Channel}}}
	for _, row := range []struct {
		r    Request
		want string
	}{
		{Request{Near: me, Limit: 20}, "report 155, peer 101, picked 80, boss 65, other 60, guest 55, team 20"},
		{Request{Near: me, Limit: 2}, "report 155, peer 101"},
		{Request{Near: me, Limit: 20, Kinds: []Kind{Group}}, "team 20"},
		{Request{Near: Near{Picked: me.Picked[4:]}, Limit: 20}, "report 55, guest 55"}, // nobody searches
		{Request{Limit: 20}, ""}, {Request{Near: Near{ID: "stranger"}, Limit: 20}, ""},
	} {
		row.r.Exclude = map[string]bool{"me": true}
		var got []string
		for _, h := range x.Circle(row.r) {
			got = append(got, fmt.Sprint(h.ID, " ", h.Score))
			sum := 0
			for _, part := range x.Explain(row.r, h.ID) {
				sum += part.Points
			}
			if h.Bucket != Circle || sum != h.Score {
				t.Errorf("%v is explained by %+v", h, x.Explain(row.r, h.ID))
			}
		}
		if strings.Join(got, ", ") != row.want {
			t.Errorf("Circle(%+v) = %s, want %s", row.r, strings.Join(got, ", "), row.want)
		}
	}
}

func TestExplain(t *testing.T) {
	x := build([]Entry{
		{ID: "me", Name: "Me", Position: Position{Manager: "boss", Department: "Sales", Office: "Bern", Country: "CH"}},
		{ID: "ann", Name: "Ann Müller", Given: "Ann", Surname: "Müller", Email: "am@contoso.com",
			Position: Position{Manager: "me", Department: "Sales", Office: "Bern", Country: "CH"}},
	})
	me := Near{ID: "me", Position: Position{Manager: "boss", Department: "Sales", Office: "Bern", Country: "CH"}, Picked: []Pick{{"ann", 7, 0}, {"ann", OfChannel, Channel}}}
	r := Request{Query: Parse("mul ann am@contoso.com mulelr"), Near: me, Limit: 5}
	want := []Part{
		{Word, "mul", "muller", 60}, {Word, "ann", "ann", 70}, {Word, "am@contoso.com", "am@contoso.com", 70}, {Word, "mulelr", "muller", 50},
		{Picked, "", "", 7}, {Team, "", "", 60}, {Department, "", "", 40}, {Office, "", "", 30}, {Country, "", "", 8}, {Channel, "", "", 55},
	}
	if got := x.Explain(r, "ann"); !slices.Equal(got, want) {
		t.Errorf("Explain = %+v, want %+v", got, want)
	}
	for _, id := range []string{"me", "nobody"} {
		if got := x.Explain(r, id); got != nil {
			t.Errorf("Explain of %s, who is no hit = %+v", id, got)
		}
	}
}

// TestHeadOfAnyLimit is about addresses beside what is near: a small limit finds the head of
// what a large one finds.
func TestHeadOfAnyLimit(t *testing.T) {
	here := Position{Department: "Sales", Office: "Bern", Country: "CH"}
	x := build([]Entry{
		{ID: "near", Name: "Ann Smith", Email: "ann.smith2@contoso.com", Position: here},
		{ID: "address", Name: "Ann Smith", Email: "ann.smith@contoso.com"},
	})
	for query, first := range map[string]string{"ann.smith": "address", "sm ann.smith": "near", "ann": "near"} {
		r := Request{Query: Parse(query), Near: Near{ID: "me", Position: here}, Limit: 9}
		all := x.Search(r)
		if r.Limit = 1; len(all) != 2 || all[0].ID != first || !slices.Equal(x.Search(r), all[:1]) {
			t.Errorf("Search(%q) of one = %v, of all %v, want first %s", query, x.Search(r), all, first)
		}
	}
}

// TestWordsThatSayNothingNew are typed once or often, with the same hits, and in no more
// time.
func TestWordsThatSayNothingNew(t *testing.T) {
	if got := Parse(strings.Repeat("ü ", 128) + "Ü u\u0308"); len(got.words) != 1 {
		t.Errorf("%d words, want 1", len(got.words))
	}
	many := ""
	for i := range 100 {
		many += fmt.Sprintf("w%d ", i)
	}
	if got := Parse(many); len(got.words) != maxWords {
		t.Errorf("%d words, want %d", len(got.words), maxWords)
	}
}

func TestUnion(t *testing.T) {
	people, groups := build(named("Ana Sales")), build([]Entry{{ID: "g", Kind: Group, Name: "Sales"}})
	for _, x := range []*Index{Union(people, groups), Union(groups, people)} {
		if got := hits(x, Request{Query: Parse("sales"), Limit: 5}); got != "literal id-0, literal g" || x.Len() != 2 {
			t.Errorf("Search of a union of %d = %s", x.Len(), got)
		}
	}
	contacts := build([]Entry{{ID: "b", Kind: ContactGroup, Name: "Sales"}, {ID: "c", Kind: Contact, Name: "Sales"}, {ID: "d", Kind: Guest, Name: "Sales"}})
	all := Union(contacts, groups, nil, people)
	for _, row := range []struct {
		kinds []Kind
		want  string
	}{
		{nil, "literal id-0, literal d, literal g, literal c, literal b"},
		{[]Kind{ContactGroup, Contact}, "literal c, literal b"}, {[]Kind{ContactGroup}, "literal b"}, {[]Kind{Group, Contact}, "literal g, literal c"},
	} {
		if got := hits(all, Request{Query: Parse("sales"), Limit: 5, Kinds: row.kinds}); got != row.want {
			t.Errorf("Search of kinds %v of a union of four = %s, want %s", row.kinds, got, row.want)
		}
	}
	if x := Union(nil, people); x.Len() != 1 || Union(nil, nil).Len() != 0 || Union().Len() != 0 {
		t.Errorf("a union with nothing holds %d", x.Len())
	}
}

// TestLastOfALargePlace is about somebody near who stands at the end of a place so large
// that a search does not walk through all of it.
func TestLastOfALargePlace(t *testing.T) {
	const many = 12 * handful
	var entries []Entry
	for i := range many {
		entries = append(entries, Entry{ID: fmt.Sprint("near-", i), Name: fmt.Sprintf("Anna B%06d", i), Position: Position{Office: "Bern"}})
	}
	for i := range handful + 1 {
		entries = append(entries, Entry{ID: fmt.Sprint("far-", i), Name: fmt.Sprintf("Cora Zeba%06d", i), Position: Position{Office: "Oslo"}})
	}
	entries = append(entries, Entry{ID: "last", Name: "Zoe Zebz", Position: Position{Office: "Bern"}})
	x := build(entries)
	for query, want := range map[string]string{
		"zeb":  "literal last, literal far-0",
		"zebq": "typo last, typo far-0",
	} {
		r := Request{Query: Parse(query), Limit: 2, Near: Near{ID: "me", Position: Position{Office: "Bern"}}}
		if got := hits(x, r); got != want {
			t.Errorf("Search(%q) = %s, want %s", query, got, want)
		}
	}
}
