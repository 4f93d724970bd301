package cache

import "maps"

// succeed has a directory begin with what is known of people beside the source: who was
// erased, and whom organizers picked. The picks are those of both from here on.
func (d *Directory) succeed(old *Directory) {
	d.picks = old.picks
	old.mu.RLock()
	defer old.mu.RUnlock()
	d.erasing = old.erasing
	d.erased = maps.Clone(old.erased)
	d.erasures.Store(int64(len(d.erased)))
}

// TakeOver erases those who were erased in old, which this one succeeds, since it was made,
// and has old hand on those whom it is still to erase. This one has to be complete.
func (d *Directory) TakeOver(old *Directory) error {
	old.applying.Lock()
	old.successor = d
	erased := maps.Clone(old.erased)
	old.applying.Unlock()
	for id, tomb := range erased {
		if d.isErased(id) {
			continue
		}
		d.mu.RLock()
		r := d.held.find(Ref{ID: id})
		same := r != nil && d.said(r) == tomb.said
		d.mu.RUnlock()
		if !same { // the source does not know them, or says otherwise by now
			continue
		}
		if _, err := d.erase(Ref{ID: id}); err != nil {
			return err
		}
	}
	return nil
}
