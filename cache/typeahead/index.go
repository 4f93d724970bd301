package typeahead

import (
	"iter"
	"slices"
)

// Index finds people by the first letters of their names and addresses. It never
// changes, and may be read by any number of goroutines. The zero Index is empty, and
// so is a nil one.
type Index struct {
	base    *segment // most of the people
	gone    bitset   // documents of base that were removed, or are in overlay
	left    int      // documents of base that are not gone
	overlay *segment // who was added or changed since base was made
}

// Build makes an index of entries, each with an ID of its own.
func Build(entries iter.Seq[Entry]) *Index {
	var documents []document
	for e := range entries {
		documents = append(documents, newDocument(e))
	}
	return &Index{base: newSegment(documents), left: len(documents)}
}

// overlayShare is how many times larger than the overlay the base has to be, and
// minOverlay up to which size an overlay stays in any case. With works through the
// whole overlay, so that a small one keeps it quick, and through the whole base
// when the overlay joins it, so that a large one keeps that rare.
const (
	overlayShare = 128
	minOverlay   = 512
)

// With returns an index in which upserts are as given, in place of who had their
// ID, and those removed are not to be found. Removing somebody who is not there
// does nothing. x stays as it is.
func (x *Index) With(upserts []Entry, removed []string) *Index {
	if x == nil {
		x = &Index{}
	}
	next := &Index{base: x.base, gone: slices.Clone(x.gone), left: x.left}
	fate := make(map[string]int, len(upserts)+len(removed)) // id → its last upsert, -1 for removed
	for i, e := range upserts {
		fate[e.ID] = i
	}
	for _, id := range removed {
		fate[id] = -1
	}
	for id := range fate {
		next.drop(id)
	}
	documents := x.overlay.documents(nil, func(id string) bool { _, changed := fate[id]; return !changed })
	for i, e := range upserts {
		if fate[e.ID] == i {
			documents = append(documents, newDocument(e))
		}
	}
	if len(documents) > max(minOverlay, next.left/overlayShare) {
		documents = next.base.documents(next.gone, nil, documents...)
		return &Index{base: newSegment(documents), left: len(documents)}
	}
	next.overlay = newSegment(documents)
	return next
}

// drop marks a document of the base as gone.
func (x *Index) drop(id string) {
	if x.base == nil {
		return
	}
	doc, ok := x.base.find(id)
	if !ok || x.gone.has(doc) {
		return
	}
	if x.gone == nil {
		x.gone = newBitset(len(x.base.ids))
	}
	x.gone.add(doc)
	x.left--
}

// documents appends to more what a segment was built from, without what is gone or
// not kept. A nil segment has none.
func (s *segment) documents(gone bitset, keep func(id string) bool, more ...document) []document {
	if s == nil {
		return more
	}
	for doc, id := range s.ids {
		if !gone.has(uint32(doc)) && (keep == nil || keep(id)) {
			more = append(more, s.document(uint32(doc)))
		}
	}
	return more
}

// Len returns how many people the index holds.
func (x *Index) Len() int {
	switch {
	case x == nil:
		return 0
	case x.overlay == nil:
		return x.left
	}
	return x.left + len(x.overlay.ids)
}

// Bytes returns about how much memory the index takes, the ids and names that it
// shares with whoever gave them left out.
func (x *Index) Bytes() int {
	if x == nil {
		return 0
	}
	return x.base.bytes() + x.overlay.bytes() + 8*len(x.gone)
}
