package cache

import "fmt"

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
