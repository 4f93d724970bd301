package main

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"unicode"

	"github.com/blevesearch/bleve/v2"
	"github.com/blevesearch/bleve/v2/analysis/analyzer/keyword"
	"github.com/blevesearch/bleve/v2/index/scorch"
	"github.com/blevesearch/bleve/v2/mapping"
	"github.com/blevesearch/bleve/v2/search/query"

	"github.com/peopleinsights/peopleinsights/cache/typeahead"
)

// limit is how many hits are asked for.
const limit = 8

// texts are the words of somebody that the other engines find, by field, lower-case and
// without marks. They are those that ours finds as typed.
type texts struct {
	given, surname, display, mail []string
}

func textsOf(e *typeahead.Entry) texts {
	t := texts{given: nameWords(e.Given), surname: nameWords(e.Surname), display: nameWords(e.Name)}
	for _, address := range append([]string{e.Email, e.UPN}, e.Others...) {
		address = fold(address)
		local, _, _ := strings.Cut(address, "@")
		t.mail = append(append(t.mail, address), nameWords(local)...)
	}
	var first, all string // jsmith, and of Anne-Marie also amsmith
	for _, name := range parts(fold(e.Given)) {
		all += string([]rune(name)[:1])
		first = cmp.Or(first, all)
	}
	if first != "" {
		for _, surname := range t.surname {
			t.mail = append(t.mail, first+surname, all+surname)
		}
	}
	slices.Sort(t.mail)
	t.mail = slices.Compact(t.mail)
	return t
}

// nameWords are the words of a name, those that an apostrophe or a hyphen joins also joined.
func nameWords(name string) (words []string) {
	for chunk := range strings.FieldsFuncSeq(fold(name), func(r rune) bool { return r == ' ' || r == '.' }) {
		list := parts(chunk)
		words = append(words, list...)
		if len(list) > 1 {
			words = append(words, strings.Join(list, ""))
		}
	}
	return words
}

// parts are what stands between anything but letters and digits.
func parts(name string) []string {
	return strings.FieldsFunc(name, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}

// typedWords are the words of what was typed, each of which has to begin one of somebody's.
func typedWords(typed string) []string { return strings.Fields(fold(typed)) }

// scan is the plain way: to look at everybody.
type scan []scanned

type scanned struct {
	id, name string
	words    string // each with a space before it
}

func newScan(people []typeahead.Entry) scan {
	s := make(scan, len(people))
	for i := range people {
		e := &people[i]
		t := textsOf(e)
		words := slices.Concat(t.given, t.surname, t.display, t.mail)
		slices.Sort(words)
		s[i] = scanned{e.ID, fold(e.Name), " " + strings.Join(slices.Compact(words), " ")}
	}
	return s
}

// search returns the first of those found, by name.
func (s scan) search(typed string, limit int) (ids []string) {
	words := typedWords(typed)
	if len(words) == 0 {
		return nil
	}
	for i := range words {
		words[i] = " " + words[i]
	}
	first := make([]*scanned, 0, limit+1)
	for i := range s {
		who := &s[i]
		found := true
		for _, w := range words {
			if found = strings.Contains(who.words, w); !found {
				break
			}
		}
		if !found || len(first) == limit && first[limit-1].name <= who.name {
			continue
		}
		at, _ := slices.BinarySearchFunc(first, who, func(a, b *scanned) int { return cmp.Compare(a.name, b.name) })
		if first = slices.Insert(first, at, who); len(first) > limit {
			first = first[:limit]
		}
	}
	for _, who := range first {
		ids = append(ids, who.id)
	}
	return ids
}

// peer is a bleve index in memory. It is of the kind that bleve makes by default, scorch;
// what bleve.NewMemOnly makes is older.
type peer struct{ bleve.Index }

// fields are those that bleve looks in.
var fields = []string{"given", "surname", "display", "mail"}

// batch is how many people bleve is given at once. Each batch becomes a segment, and in
// memory bleve merges none: the larger, the faster it finds.
const batch = 100_000

func newPeer(people []typeahead.Entry) (*peer, error) {
	field := mapping.NewKeywordFieldMapping()
	field.Analyzer, field.Store, field.IncludeInAll, field.DocValues = keyword.Name, false, false, false
	m := bleve.NewIndexMapping()
	m.DefaultMapping = bleve.NewDocumentStaticMapping()
	for _, f := range fields {
		m.DefaultMapping.AddFieldMappingsAt(f, field)
	}
	index, err := bleve.NewUsing("", m, scorch.Name, scorch.Name, nil)
	if err != nil {
		return nil, err
	}
	for some := range slices.Chunk(people, batch) {
		b := index.NewBatch()
		for i := range some {
			t := textsOf(&some[i])
			err := b.Index(some[i].ID, map[string]any{"given": t.given, "surname": t.surname, "display": t.display, "mail": t.mail})
			if err != nil {
				return nil, err
			}
		}
		if err := index.Batch(b); err != nil {
			return nil, err
		}
	}
	return &peer{index}, nil
}

// search asks for those who have each word in one of the fields, best first as bleve
// scores them, or, which is faster, in no order.
func (p *peer) search(typed string, limit int, scored bool) ([]string, error) {
	words := typedWords(typed)
	if len(words) == 0 {
		return nil, nil
	}
	all := make([]query.Query, 0, len(words))
	for _, w := range words {
		any := make([]query.Query, 0, len(fields))
		for _, f := range fields {
			q := bleve.NewPrefixQuery(w)
			q.SetField(f)
			any = append(any, q)
		}
		all = append(all, bleve.NewDisjunctionQuery(any...))
	}
	r := bleve.NewSearchRequestOptions(bleve.NewConjunctionQuery(all...), limit, 0, false)
	if !scored {
		r.Score = bleve.ScoreNone
	}
	result, err := p.SearchInContext(context.Background(), r)
	if err != nil {
		return nil, err
	}
	ids := make([]string, len(result.Hits))
	for i, h := range result.Hits {
		ids[i] = h.ID
	}
	return ids, nil
}
