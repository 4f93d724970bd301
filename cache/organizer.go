package cache

// Organizer returns the id of the person who invites, whom the directory has to hold;
// empty for the zero Ref. It fails as Suggest would, so that nothing is asked for an answer
// that cannot be.
func (d *Directory) Organizer(ref Ref) (id string, err error) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	if err := d.readyLocked(); err != nil || ref == (Ref{}) {
		return "", err
	}
	r := d.held.find(ref)
	if r == nil {
		return "", ErrUnknownOrganizer
	}
	return r.id, nil
}
