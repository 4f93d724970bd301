package cache

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/peopleinsights/peopleinsights/cache/typeahead"
	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
)

// listing is everybody as a source has listed them, before what changed meanwhile.
type listing struct {
	mark  string
	held  *held
	at    time.Time
	short bool // the source counts many more
}

// listingLife is for how long a listing can still be completed by what has changed since.
const listingLife = time.Hour

// fillPeople reads everybody beside the live copy, if there is one, and swaps when
// complete. The token is taken first: what changes meanwhile is then followed, not
// missed. A listing that could not be completed is, by the next turn.
func (d *Directory) fillPeople(ctx context.Context) (token string, err error) {
	d.fruitless = false
	l := d.unfinished
	d.unfinished = nil
	if l == nil || time.Since(l.at) > listingLife {
		if l, err = d.listPeople(ctx); err != nil {
			d.fruitless = errors.Is(err, ErrTooManyPeople)
			return "", err
		}
	}
	l.held.asOf = time.Now()
	since, token, err := d.collect(ctx, l.mark, l.held)
	if err != nil {
		if d.fruitless = errors.Is(err, ErrTokenLost); !d.fruitless {
			d.unfinished = l
		}
		return "", fmt.Errorf("following what changed while listing: %w", err)
	}
	next := l.held
	next.change(next.differing(since))
	d.writing.Lock()
	defer d.writing.Unlock()
	d.applying.Lock()
	defer d.applying.Unlock()
	back := d.withoutErased(next)
	if d.live() == nil {
		d.swap(next, next.buildIndex(), nil)
		d.mu.Lock()
		defer d.mu.Unlock()
		d.comeBackLocked(back)
		return token, nil
	}
	next.change(d.keepManagers(next.people))
	next.change(d.held.alike(next.people))
	differing := d.held.compare(next.people)
	_, removed := differing.count(d.held)
	err = d.brake(d.people, removed, len(d.held.people))
	if removed > 0 && d.people.confirmed == 0 && (l.short || len(next.people) == 0) {
		err = &HeldBackError{removed, len(d.held.people)}
	}
	if err != nil {
		d.fruitless = true
		return "", err
	}
	d.swap(next, differing.over(d.peopleIndex()), differing) // most of the live index serves on
	d.mu.Lock()
	defer d.mu.Unlock()
	d.comeBackLocked(back)
	return token, nil
}

// withoutErased takes those out of a listing who are erased, unless the source says otherwise
// of them, and returns those. Applying is held.
func (d *Directory) withoutErased(next *held) (back []string) {
	listed := map[string]*record{}
	d.mu.RLock()
	for id := range d.erased {
		if r := next.people[id]; r != nil {
			listed[id] = r
		}
	}
	d.mu.RUnlock()
	all := maps.Clone(listed)
	back = d.keepOut(listed)
	for id := range all {
		if listed[id] == nil {
			next.put(id, nil)
		}
	}
	return back
}

// live is what is held; nil until the directory is complete.
func (d *Directory) live() *held {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.held
}

// listPeople lists everybody beside the live copy.
func (d *Directory) listPeople(ctx context.Context) (*listing, error) {
	d.listed.Store(0)
	d.total.Store(0)
	mark, err := d.config.Source.People().Mark(ctx)
	if err != nil {
		return nil, fmt.Errorf("marking the start: %w", notLost(err))
	}
	next := newHeld()
	counted, err := d.list(ctx, func(r *record) int { next.put(r.id, r); return len(next.people) })
	if err != nil {
		return nil, fmt.Errorf("listing everybody: %w", err)
	}
	short := d.short(len(next.people), counted)
	if short == nil {
		d.shorts = 0
	} else if d.shorts++; d.shorts <= shortListings {
		return nil, short
	}
	return &listing{mark, next, time.Now(), short != nil}, nil
}

// notLost makes of a token that is refused before it was ever good no answer.
func notLost(err error) error {
	if errors.Is(err, ErrTokenLost) {
		return fmt.Errorf("%s: %w", err.Error(), ErrUnavailable)
	}
	return err
}

// keepManagers has people who are listed without a manager keep the one that is held, if
// that one is not listed either. Soft-deleted people keep their relations, which no
// listing shows, and of which no change tells when they are restored. The id of somebody
// who is not there does no harm. Writing is held.
func (d *Directory) keepManagers(listed map[string]*record) changes {
	kept, live := changes{}, d.live()
	for id, r := range listed {
		if k := r.keepManager(live.people[id], listed); k != r {
			kept[id] = k
		}
	}
	return kept
}

// alike are those held, of whom next says the same in another record: they stay, with the
// revision at which they came to be so.
func (h *held) alike(next map[string]*record) changes {
	c := changes{}
	for id, r := range next {
		if old := h.people[id]; old != nil && old != r && old.equal(r) {
			c[id] = old
		}
	}
	return c
}

// shortListings is how often in a row a listing is refused for being short. A source
// counts with a delay: one that stays short is believed where nobody is held, and
// held back where it would remove anybody.
const shortListings = 5

// short tells whether a listing is far shorter than the source says that it is: it may
// have been cut off. A source that has not said so, counted as 0, makes none short.
func (d *Directory) short(listed, counted int) error {
	if float64(counted-listed) <= d.config.MaxRemovedShare*float64(counted) {
		return nil
	}
	return fmt.Errorf("the listing ended after %d of %d people: %w", listed, counted, ErrUnavailable)
}

// list reads everybody. It shares what the live copy holds alike. Somebody may come
// more than once, so that take tells how many different people it has. It returns how
// many there are by the source's own count; 0 if it does not say.
func (d *Directory) list(ctx context.Context, take func(*record) int) (counted int, err error) {
	listed := 0
	for page, err := range d.config.Source.People().List(ctx) {
		if err != nil {
			return 0, err
		}
		if page.Total > 0 {
			counted = page.Total
			d.total.Store(int64(counted))
		}
		for _, p := range page.Items {
			r, err := newRecord(p)
			if err != nil {
				return 0, err
			}
			if old := d.holding(r.id); old != nil && old.equal(r) {
				r = old
			}
			listed = take(r)
		}
		if listed > d.config.MaxPeople {
			return 0, fmt.Errorf("the limit is %d: %w", d.config.MaxPeople, ErrTooManyPeople)
		}
		d.listed.Store(int64(listed))
	}
	return counted, nil
}

// holding returns the person of an id, or nil.
func (d *Directory) holding(id string) *record {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.held.find(Ref{ID: id})
}

// swap makes next the live copy, with an index over its people. Groups and contacts stay as
// they are.
// Writing is held.
func (d *Directory) swap(next *held, people *typeahead.Index, differing changes) {
	var passing []string
	if d.held != nil {
		passing = next.passing(differing, differing.replaced(d.held))
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	defer d.wakeLocked()
	if d.held == nil {
		d.sync.fillDuration = time.Since(d.start)
		defer close(d.filled)
	} else {
		next.revision, next.passed = d.held.revision, d.held.passed
		next.groups, next.contacts = d.held.groups, d.held.contacts
		if soon := time.Now().Add(d.config.SweepDelay); soon.Before(d.sync.sweep.next) {
			d.sync.sweep.next = soon
			defer d.sweeping.stir()
		}
	}
	if d.held == nil || len(differing) > 0 {
		next.revision++
	}
	if d.held != nil {
		next.stamp(differing, passing, next.revision)
		next.index = d.held.index
	}
	next.index = newIndex(people, next.index.groups, next.index.contacts)
	d.held = next
	d.sync.people.fillings++
	d.sync.people.changes += int64(len(differing))
	d.mergeSoonLocked()
}

// followPeople follows the changes since token and applies them at one revision.
func (d *Directory) followPeople(ctx context.Context, token string) (next string, err error) {
	d.writing.Lock() // a round tells what has become of those who are held
	defer d.writing.Unlock()
	began := time.Now()
	found, next, err := d.collect(ctx, token, d.live())
	if err != nil {
		return "", fmt.Errorf("following changes: %w", err)
	}
	told := slices.Collect(maps.Keys(found)) // also of whom nothing new is told
	d.left(found)
	if err := d.apply(d.people, found); err != nil {
		return "", err
	}
	d.tell(told)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.held.asOf = began
	d.sync.people.rounds++
	return next, nil
}

// beside is from how many changes on they are made to a copy, which then takes the live
// one's place: readers wait while the live one is changed.
const beside = 500

// apply makes changes to the live copy at one revision, unless there would be too many
// people, or too few. f is on whose behalf. Writing is held.
func (d *Directory) apply(f *followed, found changes) error {
	d.applying.Lock()
	defer d.applying.Unlock()
	back := d.keepOut(found)
	live := d.live()
	live.differing(found)
	added, removed := found.count(live)
	if err := d.brake(f, removed, len(live.people)); err != nil {
		return err
	}
	if len(live.people)+added-removed > d.config.MaxPeople {
		return fmt.Errorf("the limit is %d: %w", d.config.MaxPeople, ErrTooManyPeople)
	}
	if len(found) == 0 {
		return nil
	}
	next, people := d.prepare(found)
	d.publish(f, next, people, found)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.comeBackLocked(back)
	return nil
}

// prepare makes what changes make of the index over people, and of a copy of what is held
// if they are so many; nil if they are not. Writing is held.
func (d *Directory) prepare(found changes) (next *held, people *typeahead.Index) {
	people = found.over(d.peopleIndex())
	if len(found) >= beside {
		next = d.copied()
		next.change(found)
	}
	return next, people
}

// publish makes live what prepare has made of changes. Writing is held since.
func (d *Directory) publish(f *followed, next *held, people *typeahead.Index, found changes) {
	replaced := found.replaced(d.held)
	var passing []string
	if next != nil {
		passing = next.passing(found, replaced)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	defer d.wakeLocked()
	if next == nil {
		next = d.held
		next.change(found)
		passing = next.passing(found, replaced)
	}
	next.groups, next.contacts = d.held.groups, d.held.contacts // they change too
	next.index = newIndex(people, d.held.index.groups, d.held.index.contacts)
	next.revision = d.held.revision + 1
	next.stamp(found, passing, next.revision)
	d.held = next
	f.state.changes += int64(len(found))
	d.mergeSoonLocked()
}

// mergeSoonLocked merges parts of the index over people beside the live one, if that is
// overdue, and swaps: no change waits for it. Writing is held too.
func (d *Directory) mergeSoonLocked() {
	index := d.held.index.people
	if d.merging || !index.Overdue() {
		return
	}
	d.merging = true
	d.inFlight.Go(func() {
		merge := index.Merge()
		d.writing.Lock()
		defer d.writing.Unlock()
		d.applying.Lock()
		defer d.applying.Unlock()
		merged := d.peopleIndex().Merged(merge) // changed since, perhaps
		d.mu.Lock()
		defer d.mu.Unlock()
		d.merging = false
		d.held.index = newIndex(merged, d.held.index.groups, d.held.index.contacts)
		if d.ctx.Err() == nil {
			d.mergeSoonLocked()
		}
	})
}

// tell remembers of whom a round has told. Writing is held.
func (d *Directory) tell(ids []string) {
	now := time.Now()
	for _, id := range ids {
		d.told[id] = now
	}
	if len(d.told) > 1024 && now.Sub(d.toldPruned) > time.Minute {
		d.toldPruned = now
		maps.DeleteFunc(d.told, func(_ string, at time.Time) bool { return now.Sub(at) > recently })
	}
}

// recently is for how long rounds are believed rather than listings and look-ups: the
// source's replicas may lag behind each other.
const recently = time.Hour

// peopleIndex is the index over people. Groups change what stands beside it. Writing is held.
func (d *Directory) peopleIndex() *typeahead.Index {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.held.index.people
}

// copied returns a copy of what is held that can be changed while that is read. Groups
// are shared. Writing is held.
func (d *Directory) copied() *held {
	d.mu.RLock()
	c := *d.held
	d.mu.RUnlock()
	c.people = maps.Clone(c.people)
	c.addresses = addressBook{maps.Clone(c.addresses.first), maps.Clone(c.addresses.more)}
	c.reports = c.reports.copied()
	c.scratch = &pb.Profile{}
	return &c
}

// collect reads one round of changes over base, each person's in the order in
// which they came.
func (d *Directory) collect(ctx context.Context, token string, base *held) (changes, string, error) {
	found, next := changes{}, ""
	partly := map[string]bool{} // people of whom only a part was told, and who were not held
	for page, err := range d.config.Source.People().Changes(ctx, token) {
		if err != nil {
			return nil, "", err
		}
		for _, p := range page.Items {
			if err := found.add(p, base, partly, d.isErased); err != nil {
				return nil, "", err
			}
		}
		next = page.Token
	}
	if next == "" {
		return nil, "", fmt.Errorf("a round ended without a token: %w", ErrUnavailable)
	}
	for id := range partly {
		err := d.find(ctx, id, found)
		if err != nil && d.people.failures < givesUp {
			return nil, "", notLost(err)
		}
		if err != nil { // one person who cannot be asked for is not worth all others
			d.config.Log.Warn("somebody of whom a part was told cannot be asked for, and is left to the next sweep", slog.Any("error", err))
		}
	}
	return found, next, nil
}

// givesUp is after how many failures a round goes on without those who cannot be asked
// for.
const givesUp = 3

// add adds a change of somebody of whom base, or an earlier change, may know.
func (c changes) add(p Person, base *held, partly map[string]bool, erased func(id string) bool) (err error) {
	id := p.Profile.GetId()
	if p.Gone {
		c[id] = nil
		delete(partly, id)
		return nil
	}
	old, changed := c[id]
	if !changed {
		old = base.people[id]
	}
	switch {
	case old != nil:
		p = p.over(old.person())
	case !p.Said.Has(fieldUserPrincipalName), !changed && erased(id):
		partly[id] = true // everybody has one; and what was held of the erased is not there to go on from
		return nil
	}
	delete(partly, id)
	c[id], err = newRecord(p)
	return err
}

// find asks for the whole of somebody of whom a change told only a part. They may be
// gone: changes are replayed, and come in no order.
func (d *Directory) find(ctx context.Context, id string, c changes) error {
	p, err := d.config.Source.Find(Unattended(ctx), Ref{ID: id})
	if errors.Is(err, ErrNotFound) {
		return nil // as it was: not held, or removed by this round
	}
	if err != nil {
		return err
	}
	c[id], err = newRecord(p)
	return err
}
