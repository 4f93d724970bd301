package cache

import (
	"maps"
	"time"

	"github.com/peopleinsights/peopleinsights/cache/typeahead"
	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
)

// held is the record of everybody: who they are, what leads to them, and the
// index over those who may be suggested; and of all groups and contacts.
type held struct {
	people      map[string]*record // id → person
	groups      shelf[Group]
	contacts    shelf[Contact]
	addresses   addressBook
	reports     reports
	index       index
	suggestible int
	passed      map[string]int64 // addresses that have passed to somebody unchanged → at which revision
	revision    int64
	asOf        time.Time   // when the source was last known to say the same
	scratch     *pb.Profile // of glances
}

func newHeld() *held {
	return &held{
		people: map[string]*record{}, groups: newShelf[Group](), contacts: newShelf[Contact](),
		addresses: newAddressBook(), reports: reports{}, scratch: &pb.Profile{},
	}
}

// find returns the person whom a ref leads to, or nil. A nil held holds nobody.
func (h *held) find(ref Ref) *record {
	switch {
	case h == nil:
		return nil
	case ref.ID != "":
		return h.people[ref.ID]
	default:
		return h.addresses.find(ref.Email)
	}
}

// changes are people who differ from what is held: id → their new record, or nil
// for those who are gone.
type changes map[string]*record

// differing keeps of changes what is not held so already: replays fall away.
func (h *held) differing(c changes) changes {
	maps.DeleteFunc(c, func(id string, next *record) bool {
		old := h.people[id]
		return old == next || old != nil && next != nil && old.equal(next)
	})
	return c
}

// count returns how many people changes add to those held, and how many they remove.
func (c changes) count(h *held) (added, removed int) {
	for id, next := range c {
		switch old := h.people[id]; {
		case old == nil && next != nil:
			added++
		case old != nil && next == nil:
			removed++
		}
	}
	return added, removed
}

// compare returns what would make of those held what next is.
func (h *held) compare(next map[string]*record) changes {
	c := changes{}
	for id, r := range next {
		if old := h.people[id]; old == nil || old != r && !old.equal(r) {
			c[id] = r
		}
	}
	for id := range h.people {
		if next[id] == nil {
			c[id] = nil
		}
	}
	return c
}

// change applies changes to everything but the index.
func (h *held) change(c changes) {
	for id, next := range c {
		h.put(id, next)
	}
}

// put holds next as the person of that id, in place of who was; nil for nobody.
func (h *held) put(id string, next *record) {
	if old := h.people[id]; old != nil {
		h.addresses.remove(old, old.glance(h.scratch))
		h.reports.remove(old)
		delete(h.people, id)
		h.count(old, -1)
	}
	if next != nil {
		h.people[id] = next
		h.addresses.add(next, next.glance(h.scratch))
		h.reports.add(next)
		h.count(next, +1)
	}
}

func (h *held) count(r *record, by int) {
	if r.suggestible() {
		h.suggestible += by
	}
}

// index is over people, groups and contacts who may be suggested. It is never changed.
type index struct{ people, groups, contacts, all *typeahead.Index }

func newIndex(people, groups, contacts *typeahead.Index) index {
	return index{people, groups, contacts, typeahead.Union(people, groups, contacts)}
}

// buildIndex makes the index over people from scratch.
func (h *held) buildIndex() *typeahead.Index {
	scratch := &pb.Profile{}
	return typeahead.Build(func(yield func(typeahead.Entry) bool) {
		for _, r := range h.people {
			if r.suggestible() && !yield(r.entry(scratch)) {
				return
			}
		}
	})
}

// over returns an index over people as changes make it.
func (c changes) over(index *typeahead.Index) *typeahead.Index {
	var upserts []typeahead.Entry
	scratch := &pb.Profile{}
	var removed []string
	for id, next := range c {
		if next != nil && next.suggestible() {
			upserts = append(upserts, next.entry(scratch))
		} else {
			removed = append(removed, id)
		}
	}
	return index.With(upserts, removed)
}
