package typeahead

import (
	"cmp"
	"slices"

	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
)

// place is where a piece of a query was found in an entry's texts.
type place struct {
	weight     int
	field      int // of the entry's fields
	start, end int // code points of the field's value
}

// Matches returns where a query is found in an entry: a row for each field that
// matched, in the order of MatchField, with its ranges. Each word is shown in the
// display name if it is there, which is what people read, else where it matched
// best, and of equal places in the first. An entry whom a search finds has at
// least one.
func (q Query) Matches(e Entry) []*pb.FieldMatch {
	fields := e.fields()
	var places []place
	for _, word := range q.words {
		best, found := 0, []place(nil)
		for _, way := range word {
			if weight, at := locate(way, fields); weight > best {
				best, found = weight, at
			}
		}
		places = append(places, found...)
	}
	slices.SortFunc(places, func(a, b place) int {
		return cmp.Or(a.field-b.field, a.start-b.start, a.end-b.end)
	})
	return rows(places, fields)
}

// locate finds the place to show each piece at. The weight is that of the piece
// that matches worst anywhere, as in Search, and 0 where one is nowhere.
func locate(way way, fields []field) (weight int, at []place) {
	weight = wholeAddress
	for _, piece := range way {
		var best, named place // anywhere, and in the display name
		for i, f := range fields {
			for _, w := range f.words {
				if found := w.locate(piece); found.weight > best.weight {
					best = found
					best.field = i
				}
			}
			if f.field == pb.MatchField_MATCH_FIELD_DISPLAY_NAME {
				named = best // it comes first
			}
		}
		weight = min(weight, best.weight)
		if named.weight > 0 {
			best = named
		}
		at = append(at, best)
	}
	return weight, at
}

func (w word) locate(piece piece) (best place) {
	for _, form := range piece {
		n, whole := reach(w.glyphs, form)
		if n < 1 {
			continue
		}
		if weight := weigh(w.class, whole, whole && isAddress(form)); weight > best.weight {
			best = place{weight: weight, start: w.glyphs[0].start, end: w.glyphs[n-1].end}
		}
	}
	return best
}

// rows makes of sorted places a row for each field, ranges that touch joined.
func rows(places []place, fields []field) []*pb.FieldMatch {
	var matches []*pb.FieldMatch
	last := -1
	for _, p := range places {
		if p.field != last {
			last = p.field
			matches = append(matches, &pb.FieldMatch{Field: fields[p.field].field, Value: fields[p.field].value})
		}
		row := matches[len(matches)-1]
		if n := len(row.Ranges); n > 0 && row.Ranges[n-1].End >= int32(p.start) {
			row.Ranges[n-1].End = max(row.Ranges[n-1].End, int32(p.end))
			continue
		}
		row.Ranges = append(row.Ranges, &pb.TextRange{Start: int32(p.start), End: int32(p.end)})
	}
	return matches
}
