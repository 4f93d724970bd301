package typeahead

import (
	"cmp"
	"slices"
	"strings"

	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
)

// place is where a piece of a query was found in an entry's texts.
type place struct {
	value      value
	field      pb.MatchField
	of         int // which of those with that field
	text       string
	start, end int32 // code points of text
}

// Matches returns where a query is found in an entry: a row for each field that
// matched, in the order of MatchField, with its ranges. Each word is shown in the
// display name if it is there, which is what people read, else where it matched
// best, and of equal places in the first. An entry whom a search finds has at
// least one.
func (q Query) Matches(e Entry) []*pb.FieldMatch {
	var buffer [8]place
	if places, found := q.inASCII(e.Name, buffer[:0]); found {
		return rows(places)
	}
	w := enter()
	defer w.leave()
	w.display(&e)
	places, found := q.named(w.fields, buffer[:0])
	if !found {
		w.others(&e)
		places = q.anywhere(&e, w.fields, buffer[:0])
	}
	return rows(places)
}

// inASCII finds all of a query as typed in a display name of ASCII letters and spaces, as
// most are: what named would find, at once.
func (q *Query) inASCII(name string, places []place) ([]place, bool) {
	for i := range len(name) {
		if c := name[i]; c != ' ' && c != '.' && (c|0x20 < 'a' || 'z' < c|0x20) {
			return nil, false
		}
	}
	for _, ways := range q.words {
		pieces := q.pieces[q.ways[ways.from].from]
		if q.ways[ways.from].to-q.ways[ways.from].from != 1 || pieces.to-pieces.from != 1 {
			return nil, false
		}
		form := q.forms[pieces.from]
		from, whole := -1, false
		for at := 0; at+len(form) <= len(name) && !whole; at++ {
			if !isLetter(name[at]) || at > 0 && isLetter(name[at-1]) || !foldsTo(name[at:at+len(form)], form) {
				continue
			}
			if whole = at+len(form) == len(name) || !isLetter(name[at+len(form)]); whole || from < 0 {
				from = at
			}
		}
		if from < 0 {
			return nil, false
		}
		places = append(places, place{value: 1, field: pb.MatchField_MATCH_FIELD_DISPLAY_NAME, text: name,
			start: int32(from), end: int32(from + len(form))})
	}
	return places, len(places) > 0
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

// foldsTo tells whether ASCII letters are a folded text.
func foldsTo(letters, form string) bool {
	for i := range len(letters) {
		if c := letters[i]; c|0x20 != form[i] || !isLetter(c) {
			return false
		}
	}
	return true
}

// named finds all of a query as typed in the display name, where most queries are.
func (q *Query) named(fields []field, places []place) ([]place, bool) {
	if len(fields) == 0 {
		return nil, false
	}
	for _, ways := range q.words {
		found := false
		for _, way := range q.ways[ways.from:ways.to] {
			n := len(places)
			if places, found = q.inField(way, &fields[0], places); found {
				break
			}
			places = places[:n]
		}
		if !found {
			return nil, false
		}
	}
	return places, true
}

// inField finds each piece of a way in a field, as typed.
func (q *Query) inField(way way, f *field, places []place) ([]place, bool) {
	for _, forms := range q.pieces[way.from:way.to] {
		var best place
		for _, w := range f.words {
			if at := q.locate(w, forms, way.reading, literally); at.value > best.value {
				best = at
			}
		}
		if best.value == 0 || best.value.bucket() < Literal {
			return places, false
		}
		best.field, best.text = f.field, f.value
		places = append(places, best)
	}
	return places, true
}

// anywhere finds a query in all of an entry.
func (q *Query) anywhere(e *Entry, fields []field, places []place) []place {
	for _, ways := range q.words {
		var best value
		first := len(places)
		for _, way := range q.ways[ways.from:ways.to] {
			if way.reading == localPart || way.reading == localName {
				continue // the same place as what it begins
			}
			n := len(places)
			var v value
			if v, places = q.inFields(way, e, fields, places); v > best {
				best = v
				places = slices.Delete(places, first, n)
			} else {
				places = places[:n]
			}
		}
	}
	return places
}

// inFields finds the place to show each piece of a way at. The value is that of the piece
// that matches worst anywhere, as in Search, and 0 where one is nowhere.
func (q *Query) inFields(way way, e *Entry, fields []field, places []place) (worst value, _ []place) {
	worst = 1<<31 - 1
	for _, forms := range q.pieces[way.from:way.to] {
		var best, named place // anywhere, and in the display name
		for d := literally; d <= withTypos && best.value == 0; d++ {
			for i := range fields {
				f := &fields[i]
				for _, w := range f.words {
					if at := q.locate(w, forms, way.reading, d); at.value > best.value {
						best = at
						best.field, best.of, best.text = f.field, i, f.value
					}
				}
				if f.field == pb.MatchField_MATCH_FIELD_DISPLAY_NAME {
					named = best // it comes first
				}
			}
			if best.value > 0 || way.reading != beginning || d != literally && d != withTypos {
				continue
			}
			if initials := q.initialsOf(forms.few, e, fields, d); len(initials) > 0 {
				places = append(places, initials[1:]...)
				best, named = initials[0], place{}
			} else if d == literally {
				best = q.nicknamed(forms.few, fields)
			}
		}
		worst = min(worst, best.value)
		if named.value > 0 {
			best = named
		}
		places = append(places, best)
	}
	return worst, places
}

// nicknamed finds a name that stands for what was typed.
func (q *Query) nicknamed(forms few, fields []field) (best place) {
	for _, form := range q.forms[forms.from:forms.to] {
		nicknamesOf(form, func(nickname string) {
			for i := 0; i < len(fields) && best.value == 0; i++ {
				for _, w := range fields[i].words {
					if w.class >= name && is(w.glyphs, nickname) {
						f := &fields[i]
						best = place{Nickname.value(nicknamePoints), f.field, i, f.value, w.glyphs[0].start, w.glyphs[len(w.glyphs)-1].end}
						break
					}
				}
			}
		})
	}
	return best
}

// is tells whether a word is a folded text.
func is(word []glyph, folded string) bool {
	n, whole := reach(word, folded)
	return whole && n == len(word)
}

// locate finds a piece in a word.
func (q *Query) locate(w word, of piece, as reading, d depth) (best place) {
	at := func(v value, n int) {
		if v > best.value {
			best = place{value: v, start: w.glyphs[0].start, end: w.glyphs[n-1].end}
		}
	}
	for _, form := range q.forms[of.from:of.to] {
		if (as == wholeCode) != (w.class == code) {
			return best
		}
		if w.class == code {
			form = form[len(codeMark):]
		}
		switch d {
		case literally:
			n, whole := reach(w.glyphs, form)
			switch {
			case n < 1 || w.class == code && !whole:
			case whole && isAddress(form):
				at(Address.value(addressPoints), n)
			case whole:
				at(Literal.value(weights[w.class].whole), n)
			default:
				at(Literal.value(weights[w.class].begin), n)
			}
		case withTypos:
			if as != beginning || of.letters < forgiving || !forgivable(form) {
				continue
			}
			for _, is := range spelled(w.glyphs) {
				for _, is := range append(unmarked(is), is) {
					if n, ok := forgives(is, form); ok {
						at(Typo.value(typoPoints), glyphsOf(w.glyphs, n))
					}
				}
			}
		}
	}
	return best
}

// glyphsOf is how many glyphs the first n bytes of a word's text take.
func glyphsOf(word []glyph, n int) int {
	for i, g := range word {
		if n -= len(g.base); n <= 0 {
			return i + 1
		}
	}
	return len(word)
}

// initialsOf shows where an initial and a surname are that a piece was found as.
func (q *Query) initialsOf(forms few, e *Entry, fields []field, d depth) []place {
	for _, form := range q.forms[forms.from:forms.to] {
		found := false
		e.initials(func(word string) {
			forgiven := false
			if d == withTypos {
				_, forgiven = forgives(word, form)
			}
			found = found || forgiven || strings.HasPrefix(word, form)
		})
		if found {
			n := cut(form, 1)
			return initialsIn(fields, form[:n], form[n:], d)
		}
	}
	return nil
}

// initialsIn finds a word that begins with an initial, and another that begins with the
// rest or is nearly so, in the display name, or else in the names or the address.
func initialsIn(fields []field, initial, rest string, d depth) (places []place) {
	v := d.bucket().value(weights[initials].begin)
	var first, last place
	for _, f := range fields {
		if f.field > pb.MatchField_MATCH_FIELD_EMAIL {
			break
		}
		for i, w := range f.words {
			if n, _ := reach(w.glyphs, initial); n > 0 && first.text == "" {
				first = place{value: v, field: f.field, text: f.value, start: w.glyphs[0].start, end: w.glyphs[n-1].end}
				continue
			}
			if rest == "" || last.text != "" || i == 0 && f.field == pb.MatchField_MATCH_FIELD_GIVEN_NAME {
				continue
			}
			n, _ := reach(w.glyphs, rest)
			if bytes, ok := forgives(text(w.glyphs), rest); n < 1 && ok {
				n = glyphsOf(w.glyphs, bytes)
			}
			if n > 0 {
				last = place{value: v, field: f.field, text: f.value, start: w.glyphs[0].start, end: w.glyphs[n-1].end}
			}
		}
		if first.text != "" && last.text != "" {
			break
		}
	}
	if first.text != "" {
		places = append(places, first)
	}
	if last.text != "" {
		places = append(places, last)
	}
	return places
}

// rows makes of places a row for each field, ranges that touch joined.
func rows(places []place) []*pb.FieldMatch {
	slices.SortFunc(places, func(a, b place) int {
		return cmp.Or(cmp.Compare(a.field, b.field), a.of-b.of, cmp.Compare(a.start, b.start), cmp.Compare(a.end, b.end))
	})
	if len(places) == 1 && places[0].value > 0 {
		return row(places[0])
	}
	matches, ranges := make([]pb.FieldMatch, 0, len(places)), make([]pb.TextRange, 0, len(places)) // never moved
	list, all := make([]*pb.FieldMatch, 0, len(places)), make([]*pb.TextRange, 0, len(places))
	var last place
	for _, p := range places {
		if p.value == 0 {
			continue
		}
		if len(list) == 0 || p.field != last.field || p.of != last.of {
			last = p
			matches = matches[:len(list)+1]
			match := &matches[len(list)]
			match.Field, match.Value, match.Ranges = p.field, p.text, all[len(all):]
			list = append(list, match)
		}
		row := list[len(list)-1]
		if n := len(row.Ranges); n > 0 && row.Ranges[n-1].End >= p.start {
			row.Ranges[n-1].End = max(row.Ranges[n-1].End, p.end)
			continue
		}
		ranges = ranges[:len(all)+1]
		at := &ranges[len(all)]
		at.Start, at.End = p.start, p.end
		all = append(all, at)
		row.Ranges = append(row.Ranges, at)
	}
	if len(list) == 0 {
		return nil
	}
	return list
}

// row is rows for one place, as most queries have: all in one piece of memory.
func row(p place) []*pb.FieldMatch {
	all := new(struct {
		match  pb.FieldMatch
		at     pb.TextRange
		rows   [1]*pb.FieldMatch
		ranges [1]*pb.TextRange
	})
	all.at.Start, all.at.End = p.start, p.end
	all.ranges[0] = &all.at
	all.match.Field, all.match.Value, all.match.Ranges = p.field, p.text, all.ranges[:]
	all.rows[0] = &all.match
	return all.rows[:]
}
