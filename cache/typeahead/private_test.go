package typeahead

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"unsafe"
	"weak"
)

// lasting makes a text in memory of its own, and something to tell whether it is still there.
func lasting(format string, args ...any) (string, weak.Pointer[byte]) {
	bytes := []byte(fmt.Sprintf(format, args...) + strings.Repeat(" ", 64)) // not among tiny things
	return unsafe.String(&bytes[0], len(bytes)), weak.Make(&bytes[0])
}

// TestNothingStaysOfWhatWasSearched has somebody's contacts searched, shown and explained,
// and let go of: nothing keeps them, although what a search works with is kept, and used
// again by another search.
func TestNothingStaysOfWhatWasSearched(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1)) // or what is used again may be another processor's
	here := Position{Manager: "boss", Department: "Sales", Office: "Bern", Country: "CH"}
	other := build([]Entry{{ID: "other", Name: "Cleo Other"}})
	ask := func(x *Index, e Entry) {
		near := Near{ID: "me", Position: here, Picked: []Pick{{ID: e.ID, Points: OfChannel, Reason: Channel}}}
		for _, typed := range []string{"anna", "ann lovelace", "anna.lo", "lovelacex", "alovelace", "lace", ""} {
			r := Request{Query: Parse(typed), Limit: 3, Near: near}
			x.Search(r)
			x.Circle(r)
			x.Explain(r, e.ID)
			r.Query.Matches(e)
		}
	}
	var kept map[string]weak.Pointer[byte]
	var index weak.Pointer[Index]
	var part weak.Pointer[segment]
	var posts weak.Pointer[post]
	var docs weak.Pointer[uint32]
	func() {
		kept = map[string]weak.Pointer[byte]{}
		some := func(what, format string, args ...any) string {
			text, at := lasting(format, args...)
			kept[what] = at
			return text
		}
		var entries []Entry
		for i := range 3 * handful { // enough to be clever
			entries = append(entries, Entry{ID: fmt.Sprint("id-", i), Name: "Anna Many", Position: here})
		}
		e := Entry{
			ID: some("the id", "contact-1"), Kind: Contact, Name: some("the name", "Anna Lovelace-Ångström"), Given: some("the given name", "Anna"),
			Surname: some("the surname", "Lovelace"), Email: some("the address", "anna.lovelace@fabrikam.com"),
			Others:   []string{some("the other address", "lace@fabrikam.com")},
			Position: Position{Department: some("the department", "Engines")},
		}
		x := build(append(entries, e))
		ask(x, e)
		index, part = weak.Make(x), weak.Make(x.parts[0].segment)
		posts, docs = weak.Make(&x.parts[0].segment.posts[0]), weak.Make(&x.parts[0].segment.places.dim[ofOffice].docs[0])
		runtime.KeepAlive(x)
	}()
	for range 2 {
		runtime.GC()
		other.Search(Request{Query: Parse("cleo"), Limit: 3})
		Parse("cleo").Matches(Entry{ID: "other", Name: "Cleó"}) // takes less room
	}
	runtime.GC()
	if index.Value() != nil || part.Value() != nil || posts.Value() != nil || docs.Value() != nil {
		t.Errorf("the index is kept: %v, its part %v, who has a word %v, who is where %v",
			index.Value() != nil, part.Value() != nil, posts.Value() != nil, docs.Value() != nil)
	}
	for what, at := range kept {
		if at.Value() != nil {
			t.Errorf("%s is kept", what)
		}
	}
}

// TestPooledWorkHoldsNoText looks into what is kept for the next call.
func TestPooledWorkHoldsNoText(t *testing.T) {
	e := Entry{Name: "Zoë O'Brien-Ångström 山田 花子", Given: "Zoë", Surname: "van O'Brien", Email: "zoe.obrien@contoso.com", Phones: []string{"+41 31 555 0199"}}
	x := build([]Entry{e})
	found := 0
	for range 20 {
		query := Parse("obrien zoë zxe.obrien@contoso.com yobrien")
		x.Search(Request{Query: query, Limit: 5})
		query.Matches(e)
		w, all, s := workrooms.Get().(*workroom), scratch.Get().(*[]glyph), searchers.Get().(*searcher)
		found += cap(w.glyphs) + cap(*all) + cap(s.plan.pieces)
		for _, list := range [][]glyph{w.glyphs[:cap(w.glyphs)], w.more[:cap(w.more)], (*all)[:cap(*all)]} {
			for _, g := range list {
				if g != (glyph{}) {
					t.Fatalf("%q is kept", g.base)
				}
			}
		}
		for _, f := range w.fields[:cap(w.fields)] {
			if f.value != "" || f.words != nil {
				t.Fatalf("%q is kept", f.value)
			}
		}
		for _, word := range w.words[:cap(w.words)] {
			if word.glyphs != nil {
				t.Fatal("a word is kept")
			}
		}
		for _, p := range s.plan.pieces {
			if text := p.typos.text[:cap(p.typos.text)]; p.forms != nil || strings.Trim(string(text), "\x00") != "" {
				t.Fatalf("%q and %q are kept", p.forms, text)
			}
		}
		if s.index != nil || s.request != nil || s.segment != nil || s.plan.segment != nil || s.gone != nil || s.near != nil {
			t.Fatal("what was searched is kept")
		}
	}
	if found == 0 {
		t.Error("nothing was kept at all: this tries nothing")
	}
}
