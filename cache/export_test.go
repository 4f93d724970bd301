package cache

import (
	"fmt"
	"testing"
)

// Picks is the memory of picks, for tests to let months pass in it without a directory
// that reads its source each minute of them.
type Picks struct{ *picks }

// NewPicks returns an empty memory of at most so many organizers.
func NewPicks(most int) Picks { return Picks{newPicks(most)} }

// Add remembers a pick.
func (p Picks) Add(organizer, picked string) { p.add(organizer, picked) }

// Of returns whom an organizer picked, with their weights.
func (p Picks) Of(organizer string) []string { return texts(p.of(organizer)) }

// Read reads as a search does.
func (p Picks) Read(organizer string) { _ = p.of(organizer) }

// Count returns how many organizers, and how much of all together, is remembered.
func (p Picks) Count() (pickers, picked int) { return p.count() }

// Held returns of how many organizers something is held, be it of no use any more.
func (p Picks) Held() int { return p.lately.Len() }

// Picked returns whom an organizer of the directory picked, with their weights.
func (d *Directory) Picked(organizer string) []string { return texts(d.picked(organizer)) }

func texts(picked []pick) []string {
	var list []string
	for _, p := range picked {
		list = append(list, fmt.Sprintf("%s %.3g", p.id, p.weight))
	}
	return list
}

// Overdue tells whether parts of the index over people are to be merged.
func (d *Directory) Overdue() bool {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.held.index.people.Overdue()
}

// Writing calls do as whoever is about to change people. Meanwhile nobody else does, and no
// merge of the index ends. apply makes changes to people at one revision; those that are
// many are prepared first, and meanwhile is called, if it is not nil, before they are
// published.
func (d *Directory) Writing(t *testing.T, do func(apply func(people []Person, meanwhile func()))) {
	d.writing.Lock()
	defer d.writing.Unlock()
	do(func(people []Person, meanwhile func()) {
		found := changes{}
		for _, p := range people {
			if err := found.add(p, d.held, nil, func(string) bool { return false }); err != nil {
				t.Fatal(err)
			}
		}
		d.applying.Lock()
		defer d.applying.Unlock()
		next, index := d.prepare(found)
		if meanwhile != nil {
			meanwhile()
		}
		d.publish(d.people, next, index, found)
	})
}

// Group returns the group of an id, or nil.
func (d *Directory) Group(id string) *Group { return d.group(id) }

// Contact returns the contact of an id, or nil.
func (d *Directory) Contact(id string) *Contact {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.held.contacts.items[id]
}

// Remembered are those of some keys under which the memo, or the roster, remembers something.
func (d *Directory) Remembered(keys ...string) (some []string) {
	for _, key := range keys {
		entry, _ := d.roster.entries.Get(key)
		if d.memo.get(key) != nil || entry != nil {
			some = append(some, key)
		}
	}
	return some
}

// ApplyGroups makes changes to groups at one revision, as their round does.
func (d *Directory) ApplyGroups(t *testing.T, groups []Group) {
	found := map[string]Group{}
	for _, g := range groups {
		found[g.ID] = g
	}
	if err := d.groups.apply(found); err != nil {
		t.Fatal(err)
	}
}
