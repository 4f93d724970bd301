package main

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/peopleinsights/peopleinsights/cache/typeahead"
)

// TestEnginesAgree asks all engines for everybody whom plain queries find: the table would
// tell nothing if they did not do the same work. They may differ about letters with marks,
// about addresses that are half typed, which ours also reads as names, and about typos and
// nicknames, which ours alone knows.
func TestEnginesAgree(t *testing.T) {
	people := slices.DeleteFunc(invent(3_000, 1), func(e typeahead.Entry) bool {
		return strings.ContainsFunc(e.Name, func(r rune) bool { return r > 'z' })
	})
	ours, plain := typeahead.Build(slices.Values(people)), newScan(people)
	bleve, err := newPeer(people)
	if err != nil {
		t.Fatal(err)
	}
	defer bleve.Close()
	queries := map[string]bool{}
	for _, k := range worst(people, 1) {
		queries[k.text] = true
	}
	for i := range 20 {
		queries[people[i].Email], queries[people[i].UPN] = true, true
	}
	found := 0
	for _, text := range slices.Sorted(maps.Keys(queries)) {
		want := plain.search(text, len(people))
		slices.Sort(want)
		found += len(want)
		var hits []string
		for _, h := range ours.Search(typeahead.Request{Query: typeahead.Parse(text), Limit: len(people)}) {
			if h.Bucket <= typeahead.Literal {
				hits = append(hits, h.ID)
			}
		}
		compare(t, "ours", text, hits, want)
		for _, scored := range []bool{true, false} {
			ids, err := bleve.search(text, len(people), scored)
			if err != nil {
				t.Fatal(err)
			}
			compare(t, "bleve", text, ids, want)
		}
	}
	t.Logf("%d queries find %d", len(queries), found)
}

func compare(t *testing.T, engine, text string, got, want []string) {
	t.Helper()
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("%s finds %d for %q, the scan %d", engine, len(got), text, len(want))
	}
}
