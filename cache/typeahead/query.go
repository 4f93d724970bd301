package typeahead

import (
	"slices"
	"strings"
	"sync"
)

// Query is what somebody has typed, taken apart. The zero Query finds nobody.
type Query struct {
	words  []few // of ways; all words have to match
	ways   []way
	pieces []few // of forms
	forms  []string
	some   bool // something was typed that is no white space
}

// Empty tells whether nothing was typed.
func (q *Query) Empty() bool { return !q.some }

// few are some that stand together in one of a Query's lists.
type few struct{ from, to uint16 }

// way is one reading of a query word, of which one suffices: pieces that each have to
// begin a word, in any of their forms.
type way struct {
	few // of pieces
	reading
}

// reading is what a word of a query is read as.
type reading uint8

const (
	beginning reading = iota // of words
	localPart                // all of an address before its @
	localName                // the same, of a word that may be a name: then that is meant
	wholeCode                // a code that was typed whole
)

// scratch are glyphs that are needed for a moment.
var scratch = sync.Pool{New: func() any { return new([]glyph) }}

// Parse takes apart what somebody has typed. A query without a letter or a digit
// finds nobody.
func Parse(typed string) Query {
	all := scratch.Get().(*[]glyph)
	defer scratch.Put(all)
	*all = appendGlyphs((*all)[:0], typed)
	usual := new(struct {
		words  [4]few
		ways   [6]way
		pieces [8]few
		forms  [8]string
	})
	q := Query{usual.words[:0], usual.ways[:0], usual.pieces[:0], usual.forms[:0], strings.TrimSpace(typed) != ""}
	for rest := *all; len(rest) > 0; {
		n := 0
		for n < len(rest) && !hard(rest[n]) {
			n++
		}
		if n > 0 {
			q.add(rest[:n])
		}
		rest = rest[min(n+1, len(rest)):]
	}
	return q
}

// add adds a query word with its readings.
func (q *Query) add(chunk []glyph) {
	letters, at := 0, false
	for _, g := range chunk {
		if g.kind == letter {
			letters++
		}
		at = at || g.base == "@"
	}
	if letters == 0 {
		return // nothing but punctuation
	}
	from := len(q.ways)
	q.way(beginning, "", "", chunk)
	switch {
	case at || chunk[0].base == ".": // the beginning of an address, or the end of one, which finds nobody
	case letters > 1:
		if slices.ContainsFunc(chunk, func(g glyph) bool { return g.kind != letter || isDigit(g) }) {
			q.way(localPart, "", "@", chunk)
		} else {
			q.way(localName, "", "@", chunk)
		}
		q.way(wholeCode, codeMark, "", chunk)
		if number := extension(chunk); number != nil {
			q.way(wholeCode, codeMark, "", number)
		}
		if letters < len(chunk) {
			q.split(chunk)
		}
	case letters < len(chunk):
		q.split(chunk)
	}
	q.words = append(q.words, few{uint16(from), uint16(len(q.ways))})
}

// extension is the digits of an extension that is typed with its mark, x4711, ext.4711 or #4711;
// nil where there is none.
func extension(chunk []glyph) []glyph {
	at := slices.IndexFunc(chunk, isDigit)
	if at <= 0 || slices.ContainsFunc(chunk[at:], func(g glyph) bool { return !isDigit(g) }) {
		return nil
	}
	if mark := text(chunk[:at]); mark != "x" && mark != "ext" && mark != "ext." && mark != "#" {
		return nil
	}
	return chunk[at:]
}

// split adds the readings of a query word that has punctuation in it: its parts joined,
// if nothing but connectors parts them, and each part for itself.
func (q *Query) split(chunk []glyph) {
	var joined []glyph
	var parts [][]glyph
	for at, end := range cuts(chunk, notLetter) {
		joined = append(joined, chunk[at:end]...)
		parts = append(parts, chunk[at:end])
	}
	if !slices.ContainsFunc(chunk, isSeparator) {
		q.way(beginning, "", "", joined)
	}
	q.way(beginning, "", "", parts...)
}

// way adds a way of pieces, each with something before and after it.
func (q *Query) way(r reading, before, after string, pieces ...[]glyph) {
	from := len(q.pieces)
	for _, p := range pieces {
		first := len(q.forms)
		if !slices.ContainsFunc(p, func(g glyph) bool { return g.alt != "" }) {
			q.forms = append(q.forms, before+text(p)+after)
		} else {
			for _, form := range spelled(p) {
				q.forms = append(q.forms, before+form+after)
			}
		}
		q.pieces = append(q.pieces, few{uint16(first), uint16(len(q.forms))})
	}
	q.ways = append(q.ways, way{few{uint16(from), uint16(len(q.pieces))}, r})
}
