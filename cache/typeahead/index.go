package typeahead

import (
	"iter"
	"math/bits"
	"slices"
)

// Index finds people, groups and contacts by the first letters of their names and addresses. It
// never changes, and may be read by any number of goroutines. The zero Index is empty,
// and so is a nil one.
type Index struct {
	parts []part // each much larger than the next
}

// part is a segment without those of its documents that were removed, or changed and are
// in a later part.
type part struct {
	segment *segment
	gone    bitset
	left    int // how many are not gone
}

// atOnce is how many entries are made a segment at once.
const atOnce = 32 << 10

// Build makes an index of entries, each with an ID of its own.
func Build(entries iter.Seq[Entry]) *Index {
	nicknames() // not while somebody waits
	segments, built := make(chan *segment), make(chan *Index)
	go func() { built <- collect(segments) }()
	documents := make([]document, 0, 1024)
	for e := range entries {
		if documents = append(documents, newDocument(e)); len(documents) == atOnce {
			segments <- newSegment(documents)
			documents = documents[:0]
		}
	}
	if len(documents) > 0 {
		segments <- newSegment(documents)
	}
	close(segments)
	return <-built
}

// collect merges segments, each with others that are about as large.
func collect(segments <-chan *segment) *Index {
	x := &Index{}
	for s := range segments {
		x.parts = append(x.parts, part{segment: s, left: len(s.ids)})
		for n := len(x.parts); n > 1 && x.parts[n-2].left <= x.parts[n-1].left; n-- {
			x.join()
		}
	}
	for len(x.parts) > 1 {
		x.join()
	}
	return x
}

// ratio is how many times larger than the next a part is at least. More would make parts
// fewer, and changes dearer: each is merged about so often for each part that is larger.
const ratio = 8

// quick is up to how many entries are merged while a change waits; more are left to Merge.
const quick = 2 << 10

// push adds a segment, and merges what is no longer much larger than the next.
func (x *Index) push(s *segment) {
	x.parts = append(x.parts, part{segment: s, left: len(s.ids)})
	for n := len(x.parts); n > 1 && x.parts[n-2].crowds(x.parts[n-1]) && x.parts[n-2].left+x.parts[n-1].left <= quick; n-- {
		x.join()
	}
}

// crowds tells whether a part is not much larger than the next.
func (p part) crowds(next part) bool { return p.left < ratio*next.left }

// overdue is the first of two parts that are to be merged, the largest such; -1 if none
// are.
func (x *Index) overdue() int {
	for i := 0; x != nil && i+1 < len(x.parts); i++ {
		if x.parts[i].crowds(x.parts[i+1]) {
			return i
		}
	}
	return -1
}

// Overdue tells whether the index has parts to merge, which makes searches quicker.
func (x *Index) Overdue() bool { return x.overdue() >= 0 }

// Merge is two parts of an index, merged.
type Merge struct {
	of     [2]part
	merged *segment
}

// Merge merges two parts of an index that is overdue; nil if it is not. It takes a second
// or two for a million entries. Meanwhile changes may be made: Merged puts it in the place
// of what was merged.
func (x *Index) Merge() *Merge {
	i := x.overdue()
	if i < 0 {
		return nil
	}
	a, b := x.parts[i], x.parts[i+1]
	return &Merge{[2]part{a, b}, merge(a.segment, a.gone, b.segment, b.gone)}
}

// Merged returns an index that has a merge in it. It is x itself if what was merged is no
// longer part of x.
func (x *Index) Merged(m *Merge) *Index {
	for i := 0; m != nil && i+1 < len(x.parts); i++ {
		a, b := x.parts[i], x.parts[i+1]
		if a.segment != m.of[0].segment || b.segment != m.of[1].segment {
			continue
		}
		next := part{segment: m.merged, left: len(m.merged.ids)}
		next.without(m.of[0], a)
		next.without(m.of[1], b)
		return &Index{parts: slices.Concat(x.parts[:i], []part{next}, x.parts[i+2:])}
	}
	return x
}

// without marks as gone what has gone from a part since it was merged.
func (p *part) without(then, now part) {
	for i, word := range now.gone {
		if then.gone != nil {
			word &^= then.gone[i]
		}
		for ; word != 0; word &= word - 1 {
			p.drop(now.segment.ids[64*i+bits.TrailingZeros64(word)])
		}
	}
}

// drop marks a document as gone, if it is there. The part's gone has to be its own.
func (p *part) drop(id string) {
	doc, ok := p.segment.find(id)
	if !ok || p.gone.has(doc) {
		return
	}
	if p.gone == nil {
		p.gone = newBitset(len(p.segment.ids))
	}
	p.gone.add(doc)
	p.left--
}

// join merges the last two parts.
func (x *Index) join() {
	n := len(x.parts)
	a, b := x.parts[n-2], x.parts[n-1]
	s := merge(a.segment, a.gone, b.segment, b.gone)
	x.parts[n-2], x.parts[n-1] = part{segment: s, left: len(s.ids)}, part{} // b is not kept
	x.parts = x.parts[:n-1]
}

// With returns an index in which upserts are as given, in place of who had their
// ID, and those removed are not to be found. Removing somebody who is not there
// does nothing. x stays as it is.
func (x *Index) With(upserts []Entry, removed []string) *Index {
	next := &Index{}
	if x != nil {
		next.parts = slices.Clone(x.parts)
	}
	fate := make(map[string]int, len(upserts)+len(removed)) // id → its last upsert, -1 for removed
	for i, e := range upserts {
		fate[e.ID] = i
	}
	for _, id := range removed {
		fate[id] = -1
	}
	next.drop(fate)
	var documents []document
	for i, e := range upserts {
		if fate[e.ID] == i {
			documents = append(documents, newDocument(e))
		}
	}
	if len(documents) > 0 {
		next.push(newSegment(documents))
	}
	return next
}

// drop marks documents as gone.
func (x *Index) drop(ids map[string]int) {
	for i := range x.parts {
		p := &x.parts[i]
		own := false // gone is no other index's
		for id := range ids {
			doc, ok := p.segment.find(id)
			if !ok || p.gone.has(doc) {
				continue
			}
			if !own {
				own, p.gone = true, slices.Clone(p.gone)
			}
			p.drop(id)
		}
	}
	x.parts = slices.DeleteFunc(x.parts, func(p part) bool { return p.left == 0 })
}

// Purged returns an index in whose memory nothing is left of those who were removed. It takes
// time in proportion to the parts that somebody was removed from: half a second for a million
// entries.
func (x *Index) Purged() *Index {
	next := &Index{}
	for _, p := range x.parts {
		if p.gone != nil {
			s := merge(p.segment, p.gone, newSegment(nil), nil)
			p = part{segment: s, left: len(s.ids)}
		}
		next.parts = append(next.parts, p)
	}
	return next
}

// Union returns an index over all that have no entry in common. It takes no longer than they
// have parts.
func Union(indexes ...*Index) *Index {
	x := &Index{}
	for _, of := range indexes {
		if of != nil {
			x.parts = append(x.parts, of.parts...)
		}
	}
	return x
}

// Len returns how many entries the index holds.
func (x *Index) Len() int {
	if x == nil {
		return 0
	}
	n := 0
	for _, p := range x.parts {
		n += p.left
	}
	return n
}

// Bytes returns about how much memory the index takes, the ids and names that it
// shares with whoever gave them left out.
func (x *Index) Bytes() int {
	if x == nil {
		return 0
	}
	n := 0
	for _, p := range x.parts {
		n += p.segment.bytes() + 8*len(p.gone)
	}
	return n
}
