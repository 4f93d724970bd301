package cache

import "fmt"

// HeldBackError is a round, a refill or a sweep that was not applied, because it would
// remove more than it may: a source gone wrong looks like this, and so does a company
// that is split. An operator knows which.
type HeldBackError struct {
	Removals int // how many people, groups or contacts would go
	Of       int // how many are held
}

// Error says how many, and what to do.
func (e *HeldBackError) Error() string {
	return fmt.Sprintf("%d of %d would be removed, which is more than may go at once: if they are gone indeed, confirm it by RefreshDirectory", e.Removals, e.Of)
}

// Unwrap returns ErrHeldBack.
func (e *HeldBackError) Unwrap() error { return ErrHeldBack }

// brake fails where removing so many of those held is more than may go at once: more
// than MaxRemoved, and more than MaxRemovedShare of all. What an operator has confirmed
// may go beside that.
func (d *Directory) brake(f *followed, removals, of int) error {
	most := max(d.config.MaxRemoved, int(d.config.MaxRemovedShare*float64(of))) + f.confirmed
	if removals > most {
		return &HeldBackError{removals, of}
	}
	return nil
}
