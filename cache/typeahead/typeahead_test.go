package typeahead

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"golang.org/x/text/unicode/norm"

	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
)

// named is somebody with a display name alone.
func named(names ...string) []Entry {
	entries := make([]Entry, len(names))
	for i, name := range names {
		entries[i] = Entry{ID: fmt.Sprint("id-", i), Name: name}
	}
	return entries
}

func addressed(address string) []Entry { return []Entry{{ID: "id-0", Email: address}} }

func build(entries []Entry) *Index { return Build(slices.Values(entries)) }

func search(x *Index, query string) []string {
	var ids []string
	for _, hit := range literal(x.Search(Request{Query: Parse(query), Limit: 50})) {
		ids = append(ids, hit.ID)
	}
	return ids
}

// literal are the hits that hold each word as typed.
func literal(hits []Hit) []Hit {
	return slices.DeleteFunc(hits, func(h Hit) bool { return h.Bucket > Literal })
}

func TestFinds(t *testing.T) {
	type row struct {
		query string
		who   []Entry
		found bool
	}
	finds := func(query string, who []Entry) row { return row{query, who, true} }
	misses := func(query string, who []Entry) row { return row{query, who, false} }
	ada := []Entry{{ID: "id-0", Name: "Ada Byron", Given: "Ada", Surname: "Byron", Email: "ada.byron-king@contoso.com",
		UPN: "u1001@contoso.onmicrosoft.com", Others: []string{"countess_lovelace@fabrikam.com"}}}
	guest := []Entry{{ID: "id-0", Name: "pia.nova@fabrikam.com", Email: "pia.nova@fabrikam.com",
		UPN: "pia.nova_fabrikam.com#EXT#@contoso.onmicrosoft.com", Kind: Guest}}

	for _, r := range []row{
		// Words of names, in any order, each by its beginning.
		finds("a", named("Ada Byron")), finds("by", named("Ada Byron")), finds("ADA", named("Ada Byron")),
		finds("ada by", named("Ada Byron")), finds("by ad", named("Ada Byron")), finds("byron, ada", named("Ada Byron")),
		finds("  ada   b ", named("Ada Byron")), finds("ada ada", named("Ada Byron")),
		misses("da", named("Ada Byron")), misses("ada c", named("Ada Byron")), misses("adab", named("Ada Byron")),
		finds("j r", named("J.R. Hartley")), finds("j.r.", named("J.R. Hartley")), finds("ext", named("Eriksson, Adam (Ext.)")),
		finds("Smith & Jones", named("Jones Smith")), finds("ana - sales", named("Ana Sales")),

		// Case, diacritics and spellings, both ways.
		finds("muller", named("Jan Müller")), finds("mueller", named("Jan Müller")), finds("MÜLLER", named("Jan Müller")),
		finds("müller", named("Jan Mueller")), finds("müller", named("Jan Muller")), misses("muller", named("Jan Mueller")),
		finds("mu\u0308ller", named("Jan Müller")), finds("müller", named("Jan Mu\u0308ller")), finds("mue", named("Jan Mu\u0308ller")),
		finds("sk", named("Škoda")), finds("š", named("Skoda")), finds("orsted", named("Ørsted")), finds("oersted", named("Ørsted")),
		finds("aagaard", named("Ågaard")), finds("koehlmuller", named("Köhlmüller")), finds("kohlmueller", named("Köhlmüller")),
		finds("strasse", named("Straße")), finds("straß", named("Strasse")), finds("lukasz", named("Łukasz")),
		finds("dordevic", named("Đorđević")), finds("djordjevic", named("Đorđević")), finds("thor", named("Þór")),
		finds("istanbul", named("İstanbul")), finds("isik", named("Işık")), finds("IŞIK", named("ışık")),
		finds("nguyen", named("Nguyễn Đức")), finds("duc", named("Nguyễn Đức")), finds("ｍüller", named("Müller")),

		// Apostrophes and hyphens join and split.
		finds("obrien", named("Cat O'Brien")), finds("o'brien", named("Cat O'Brien")), finds("o’b", named("Cat O'Brien")),
		finds("brien", named("Cat O'Brien")), finds("o'brien", named("Cat OBrien")), finds("obrien", named("Cat O’Brien")),
		finds("anne marie", named("Anne-Marie")), finds("annemarie", named("Anne-Marie")), finds("anne-marie", named("Anne Marie")),
		finds("anne-marie", named("Annemarie")), finds("anne-", named("Anne-Marie")), finds("marie-l", named("Anne-Marie-Louise")),
		finds("marielouise", named("Anne-Marie-Louise")), misses("annelouise", named("Anne-Marie-Louise")),

		// Scripts by their own letters.
		finds("фед", named("Фёдор Ильин")), finds("ильи", named("Фёдор Ильин")), finds("й", named("Йозеф")),
		finds("παπ", named("Νίκος Παπαδόπουλος")), finds("νικος", named("Νίκος")), finds("ΝΙΚΟΣ", named("Νίκος")),
		finds("احمد", named("أَحْمَد علي")), finds("محم", named("محـــمد")), finds("כהנ", named("דוד כהן")), finds("דוד", named("דָּוִד")),
		finds("王", named("王小明")), finds("小明", named("王小明")), finds("太郎", named("山田太郎")), finds("さく", named("さくら")),
		finds("はら", named("ばら")), misses("ぱら", named("ばら")), finds("कुम", named("अमित कुमार")), finds("कम", named("अमित कुमार")), misses("कि", named("अमित कुमार")), finds("สม", named("สมชาย")),
		finds("나간", named("나가나")), finds("고", named("과일")), finds("박성", named("박서연")), finds("갑", named("값진")),
		finds("葛城", named("葛\U000E0100城")), finds("葛\U000E0100城", named("葛城")), finds("\u2067דוד\u2069", named("דוד")),
		finds("parallel", named("Para\u0140lel")), finds("ndiaye", named("\u0149diaye")),
		finds("김", named("김민준")), finds("기", named("김민준")), finds("ㄱ", named("김민준")), finds("민준", named("김민준")),

		// Addresses: the whole, and the parts of the local part; never the domain.
		finds("ada.b", ada), finds("ada.byron-king@con", ada), finds("king", ada), finds("ada.king", ada), finds("byronking", ada),
		finds("u1001", ada), finds("countess", ada), finds("lovelace", ada), finds("countess_lovelace@fabrikam.com", ada),
		finds("byron u10", ada), finds("ada.byron-", ada), finds("ADA.BYRON-KING@CONTOSO.COM", ada), finds("<ada.byron-king@contoso.com>", ada),
		misses("contoso", ada), misses("@contoso.com", ada), misses("com", ada), misses(".com", ada), misses("onmicrosoft", ada),
		misses("byron-king@contoso.com", ada), misses("ada.byron-king@fabrikam.com", ada),
		finds("o'brien@", addressed("o'brien@contoso.com")), finds("obrien", addressed("o'brien@contoso.com")),
		finds("pia", guest), finds("nova", guest), finds("pia.nova@f", guest), finds("pia.nova_fabrikam.com#EXT#@con", guest),
		misses("fabrikam", guest), misses("com", guest), misses("ext", guest), misses("contoso", guest),

		// Nothing to find by.
		misses("", ada), misses("   ", ada), misses(".", ada), misses("-", ada), misses("@", ada), misses("'", ada),
		misses("\u0301", ada), misses("\u00ad", ada), finds("ada @", ada),
	} {
		if got := search(build(r.who), r.query); (len(got) == 1) != r.found {
			t.Errorf("Search(%q) of %q %v = %v, want found: %v", r.query, r.who[0].Name, r.who[0].Email, got, r.found)
		}
	}
}

// TestTypingOn types addresses and names letter by letter: the person is there
// from the first to the last.
func TestTypingOn(t *testing.T) {
	e := Entry{ID: "id-0", Name: "Anne-Marie O'Brien-Müller (Ext.)", Email: "anne-marie.o'brien_mueller+x@contoso.com"}
	x := build([]Entry{e})
	for _, text := range []string{e.Name, e.Email, "müller anne-marie", "Anne-Marie O’Brien-Mueller"} {
		for i := range text {
			if i > 0 && len(search(x, text[:i])) != 1 {
				t.Errorf("Search(%q) lost %s", text[:i], e.Name)
			}
		}
	}
}

func TestOrder(t *testing.T) {
	entries := []Entry{
		{ID: "surname", Name: "Zoe Jan"},
		{ID: "given", Name: "Jan Abel"},
		{ID: "longer", Name: "Janet Abel"},
		{ID: "guest", Name: "Jan Aaron", Kind: Guest},
		{ID: "address", Name: "Maria Novak", Email: "jan@contoso.com"},
		{ID: "alias", Name: "Petra Novak", Others: []string{"jan@fabrikam.com"}},
		{ID: "twin-b", Name: "Kim Lee"}, {ID: "twin-a", Name: "Kim Lee"},
		{ID: "initial", Name: "Zora Q. Vogt"}, {ID: "no-initial", Name: "Quin Abt"},
		{ID: "inside", Name: "丁王"}, {ID: "begins", Name: "王明"},
	}
	for query, want := range map[string][]string{
		"jan":              {"given", "surname", "guest", "longer", "address", "alias"},
		"jan@contoso.com":  {"address"},
		"jan@":             {"address", "alias"},
		"kim":              {"twin-a", "twin-b"},
		"q":                {"no-initial", "initial"},
		"王":                {"begins", "inside"},
		"j":                {"given", "longer", "surname", "guest", "address", "alias"},
		"novak":            {"address", "alias"},
		"jan@fabrikam.com": {"alias"},
	} {
		for _, from := range [][]Entry{entries, reversed(entries)} {
			if got := search(build(from), query); !slices.Equal(got, want) {
				t.Errorf("Search(%q) = %v, want %v", query, got, want)
			}
			if got := search(build(from[:3]).With(from[3:], nil), query); !slices.Equal(got, want) {
				t.Errorf("after With, Search(%q) = %v, want %v", query, got, want)
			}
		}
	}
}

func reversed(entries []Entry) []Entry {
	entries = slices.Clone(entries)
	slices.Reverse(entries)
	return entries
}

func TestLimitAndKeep(t *testing.T) {
	x := build(named("Ana A", "Ana B", "Ana C", "Ana D"))
	hits := x.Search(Request{Query: Parse("ana"), Limit: 2, Exclude: map[string]bool{"id-0": true}})
	if len(hits) != 2 || hits[0].ID != "id-1" || hits[1].ID != "id-2" {
		t.Errorf("Search = %v, want the first two that are kept: id-1, id-2", hits)
	}
	if hits := x.Search(Request{Query: Parse("ana"), Limit: 0}); hits != nil {
		t.Errorf("Search with limit 0 = %v, want none", hits)
	}
	for _, x := range []*Index{nil, new(Index), build(nil)} {
		if hits := x.Search(Request{Query: Parse("ana"), Limit: 5}); len(hits) != 0 || x.Len() != 0 {
			t.Errorf("Search of an empty index = %v, want none", hits)
		}
		if got := search(x.With(named("Ana"), nil), "ana"); len(got) != 1 {
			t.Errorf("Search = %v after an empty index got Ana", got)
		}
	}
}

// TestMatches shows each match as the matched part of its value in brackets.
func TestMatches(t *testing.T) {
	entry := Entry{Name: "Anne-Marie Müller", Given: "Anne-Marie", Surname: "Müller", Email: "am.weiss@contoso.com",
		UPN: "u77@contoso.com", Others: []string{"a.schmidt@contoso.com", "annie@fabrikam.com"}}
	for _, row := range []struct {
		entry Entry
		query string
		want  string
	}{
		{entry, "mu", "DISPLAY_NAME Anne-Marie [Mü]ller"},
		{entry, "mue", "DISPLAY_NAME Anne-Marie [Mü]ller"},
		{entry, "anne mul", "DISPLAY_NAME [Anne]-Marie [Mül]ler"},
		{entry, "mul anne", "DISPLAY_NAME [Anne]-Marie [Mül]ler"},
		{entry, "annema", "DISPLAY_NAME [Anne-Ma]rie Müller"},
		{entry, "anne-marie", "DISPLAY_NAME [Anne-Marie] Müller"},
		{entry, "annema anne", "DISPLAY_NAME [Anne-Ma]rie Müller"},
		{Entry{Name: "王小明"}, "小 王", "DISPLAY_NAME [王小]明"},
		{entry, "marie we", "DISPLAY_NAME Anne-[Marie] Müller; EMAIL am.[we]iss@contoso.com"},
		{entry, "am.w", "EMAIL [am.w]eiss@contoso.com"},
		{entry, "schm", "OTHER_ADDRESS a.[schm]idt@contoso.com"},
		{entry, "annie schm", "OTHER_ADDRESS a.[schm]idt@contoso.com; OTHER_ADDRESS [annie]@fabrikam.com"},
		{entry, "u7", "USER_PRINCIPAL_NAME [u7]7@contoso.com"},
		{entry, "bob", ""},
		{Entry{Name: "Anna An"}, "an", "DISPLAY_NAME Anna [An]"},
		{Entry{Name: "Weiß"}, "weis", "DISPLAY_NAME [Weiß]"},
		{Entry{Name: "Jo Mu\u0308ller"}, "mul", "DISPLAY_NAME Jo [Mu\u0308l]ler"},
		{Entry{Name: "김민준"}, "기", "DISPLAY_NAME [김]민준"},
		{Entry{Name: "가나"}, "간", "DISPLAY_NAME [가나]"},
		{Entry{Name: norm.NFD.String("김민준")}, "기", norm.NFD.String("DISPLAY_NAME [김]민준")},
		{Entry{Name: "أَحْمَد علي"}, "احم", "DISPLAY_NAME [أَحْمَ]د علي"},
		{Entry{Name: "王小明", Given: "小明", Surname: "王"}, "小明", "DISPLAY_NAME 王[小明]"},
		{Entry{Name: "王小明"}, "小", "DISPLAY_NAME 王[小]明"},
		{Entry{Name: "𝒜na 🙂 Öz"}, "oz", "DISPLAY_NAME 𝒜na 🙂 [Öz]"},
		{Entry{Name: "X", Given: "Zoe"}, "zo", "GIVEN_NAME [Zo]e"},
	} {
		if got := show(Parse(row.query).Matches(row.entry)); got != row.want {
			t.Errorf("Matches(%q) = %s, want %s", row.query, got, row.want)
		}
	}
}

func show(matches []*pb.FieldMatch) string {
	var shown []string
	for _, m := range matches {
		runes := []rune(m.Value)
		text, at := "", int32(0)
		for _, r := range m.Ranges {
			text += string(runes[at:r.Start]) + "[" + string(runes[r.Start:r.End]) + "]"
			at = r.End
		}
		shown = append(shown, strings.TrimPrefix(m.Field.String(), "MATCH_FIELD_")+" "+text+string(runes[at:]))
	}
	return strings.Join(shown, "; ")
}

// TestLetterOverAndOver is about a name whose letters can be spelled in ways that
// begin one another, as å can as a and aa: it must not take time beyond measure.
func TestLetterOverAndOver(t *testing.T) {
	e := Entry{ID: "id-0", Name: strings.Repeat("å", 128)}
	for query, found := range map[string]bool{
		strings.Repeat("a", 128): true, strings.Repeat("a", 256): true, strings.Repeat("a", 200) + "bcd": false,
	} {
		if got := len(Parse(query).Matches(e)) > 0; got != found {
			t.Errorf("Matches(%q) is found: %v, want %v", query, got, found)
		}
	}
}

// TestConnectedOverAndOver is about a text of nothing but connected letters, which
// must not make words of its length squared, and is still found as it is typed on.
func TestConnectedOverAndOver(t *testing.T) {
	name := strings.Repeat("a-", 128)
	if words := newDocument(Entry{Name: name}).words; len(words) > 2*maxJoined {
		t.Errorf("%d different words, want at most %d", len(words), 2*maxJoined)
	}
	x := build(named(name))
	for n := 1; n <= len(name); n++ {
		if len(search(x, name[:n])) != 1 {
			t.Fatalf("Search(%q) lost it", name[:n])
		}
	}
}
