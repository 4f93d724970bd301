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
	pieces []piece
	forms  []string
	some   bool // something was typed that is no white space
}

// Empty tells whether nothing was typed.
func (q *Query) Empty() bool { return !q.some }

// few are some that stand together in one of a Query's lists.
type few struct{ from, to uint16 }

// piece is a text that has to begin a word, in any of its forms.
type piece struct {
	few            // forms
	letters uint16 // how many it has as it was typed
}

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

// maxWords is how many different words of a query count: no name has more.
const maxWords = 16

// Parse takes apart what somebody has typed. A query without a letter or a digit
// finds nobody. A word that is typed twice counts once, and of more than maxWords the first
// do.
func Parse(typed string) Query {
	all := scratch.Get().(*[]glyph)
	defer func() {
		clear((*all)[:cap(*all)]) // of what was typed nothing stays
		scratch.Put(all)
	}()
	*all = appendGlyphs((*all)[:0], strings.TrimPrefix(strings.TrimSpace(typed), "mailto:"))
	usual := new(struct {
		words  [4]few
		ways   [6]way
		pieces [8]piece
		forms  [8]string
	})
	q := Query{usual.words[:0], usual.ways[:0], usual.pieces[:0], usual.forms[:0], strings.TrimSpace(typed) != ""}
	for rest := *all; len(rest) > 0; {
		n := 0
		for n < len(rest) && !hard(rest[n]) {
			n++
		}
		if n > 0 && len(q.words) < maxWords {
			q.add(trimmed(rest[:n]))
		}
		rest = rest[min(n+1, len(rest)):]
	}
	return q
}

// trimmed leaves out what punctuation stands around a word: quotes, the full stop of a
// sentence, the hyphen of a word that goes on.
func trimmed(chunk []glyph) []glyph {
	for len(chunk) > 0 && chunk[0].kind == connector {
		chunk = chunk[1:]
	}
	for n := len(chunk) - 1; n > 0 && (chunk[n].kind == connector || chunk[n].base == "."); n-- {
		chunk = chunk[:n]
	}
	return chunk
}

// typed tells whether a word has been typed before.
func (q *Query) typed(form string) bool {
	return slices.ContainsFunc(q.words, func(ways few) bool {
		return q.forms[q.pieces[q.ways[ways.from].from].from] == form
	})
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
	from, pieces, forms := len(q.ways), len(q.pieces), len(q.forms)
	q.way(beginning, "", "", chunk)
	if q.typed(q.forms[forms]) {
		q.ways, q.pieces, q.forms = q.ways[:from], q.pieces[:pieces], q.forms[:forms]
		return
	}
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
		q.forms = appendSpelled(q.forms, before, p, after)
		q.pieces = append(q.pieces, piece{few{uint16(first), uint16(len(q.forms))}, uint16(len(p))})
	}
	q.ways = append(q.ways, way{few{uint16(from), uint16(len(q.pieces))}, r})
}
