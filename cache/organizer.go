package cache

// Guest tells what the directory says of the user of an id: whether they are a guest, whether
// they are held at all, and whether people are still being read for the first time.
func (d *Directory) Guest(id string) (guest, held, filling bool) {
	if id == "" {
		return false, false, false
	}
	d.mu.RLock()
	defer d.mu.RUnlock()
	r := d.held.find(Ref{ID: id})
	return r != nil && r.guest, r != nil, d.held == nil
}

// Organizer returns the id of the person who invites, whom the directory has to hold;
// empty for the zero Ref. It fails as Suggest would, so that nothing is asked for an answer
// that cannot be.
func (d Reader) Organizer(ref Ref) (id string, err error) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	if err := d.readyLocked(); err != nil || ref == (Ref{}) {
		return "", err
	}
	r := d.personLocked(ref)
	if r == nil {
		return "", ErrUnknownOrganizer
	}
	return r.id, nil
}
