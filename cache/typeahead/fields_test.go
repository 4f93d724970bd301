package typeahead

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// TestPurged looks for somebody in the memory of an index from which they were removed.
func TestPurged(t *testing.T) {
	var entries []Entry
	for i := range 50 {
		entries = append(entries, Entry{ID: fmt.Sprint("id", i), Name: fmt.Sprintf("Common Name%d", i), Email: fmt.Sprintf("n%d@contoso.com", i)})
	}
	gone := Entry{ID: "gone-id", Name: "Quixotra Zebedee", Email: "quixotra@contoso.com", Position: Position{Department: "Department of Quixotra"}}
	x := Build(slices.Values(append(entries, gone))).With([]Entry{{ID: "late", Name: "Late Comer", Email: "late@contoso.com"}}, []string{gone.ID})
	holds := func(x *Index) bool {
		for _, p := range x.parts {
			s := p.segment
			if slices.Contains(s.ids, gone.ID) || strings.Contains(s.names.all, "uixotra") || strings.Contains(s.vocabulary.all, "quixotra") {
				return true
			}
			for _, dim := range s.places.dim {
				for _, name := range dim.names {
					if strings.Contains(name, "Quixotra") {
						return true
					}
				}
			}
		}
		return false
	}
	if !holds(x) {
		t.Error("the test looks in the wrong place: a removal alone leaves the words there")
	}
	purged := x.Purged()
	if holds(purged) {
		t.Error("somebody who was removed is still in the memory of the index")
	}
	if purged.Len() != x.Len() {
		t.Errorf("%d are left, want %d", purged.Len(), x.Len())
	}
	for _, query := range []string{"common", "name7", "late", "n12@contoso.com"} {
		r := Request{Query: Parse(query), Limit: 100}
		if got, want := fmt.Sprint(purged.Search(r)), fmt.Sprint(x.Search(r)); got != want {
			t.Errorf("%q finds %s, want %s", query, got, want)
		}
	}
}

// TestUnsearchedNames has a name that is not searched tell nothing of itself: who types it as
// the local part of an address gets the address.
func TestUnsearchedNames(t *testing.T) {
	x := Build(slices.Values([]Entry{
		{ID: "1", Name: "Zaphod Beeble", Given: "Zaphod", Surname: "Beeble", Email: "zb@contoso.com"},
		{ID: "2", Name: "Ana Kovac", Email: "zaphod@contoso.com"},
		{ID: "3", Name: "Zaphoda Other", Email: "other@contoso.com"},
	}))
	without := Build(slices.Values([]Entry{
		{ID: "2", Name: "Ana Kovac", Email: "zaphod@contoso.com"},
		{ID: "3", Name: "Zaphoda Other", Email: "other@contoso.com"},
	}))
	r := Request{Query: Parse("zaphod"), Limit: 10}
	want := fmt.Sprint(without.Search(r))
	r.Hides = map[string]Fields{"1": AllFields}
	if got := fmt.Sprint(x.Search(r)); got != want {
		t.Errorf("with somebody hidden %s, without them %s", got, want)
	}
	if r.Hides = nil; fmt.Sprint(x.Search(r)) == want {
		t.Error("the one who is hidden makes no difference when they are seen")
	}
	if parts := x.Explain(Request{Query: Parse("zaphod"), Hides: map[string]Fields{"1": AllFields}}, "1"); parts != nil {
		t.Errorf("somebody hidden is explained: %v", parts)
	}
}
