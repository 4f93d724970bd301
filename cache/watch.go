package cache

import (
	"context"
	"errors"
	"fmt"

	"google.golang.org/protobuf/proto"

	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
)

// Position is how far a watch has come. The zero Position is before everything.
type Position struct {
	Epoch    string
	Revision int64
}

// Update is what has become of people who are watched.
type Update struct {
	People []WatchedAnswer // by their place, ascending
	// Freshness is what all that was sent so far is of. It is nil until the directory is
	// complete, and of a first part, which another Update follows at once.
	Freshness *pb.Freshness
	Resumed   bool // of the first updates: they go on from the position
}

// WatchedAnswer is how one of the people watched is now.
type WatchedAnswer struct {
	Index int // the place among those watched
	Answer
}

// Watch sends how people are, and then each change, until ctx ends, send fails or the
// directory is closed. While send has not returned, nothing is kept for it: it gets the
// newest state next. From a position of this directory's epoch, only those are sent at
// first who may have changed since.
//
// People who are not held are asked of the source, after those who are held were sent.
// Where that fails, they are asked again whenever the directory has been read.
func (d *Directory) Watch(ctx context.Context, refs []Ref, from Position, send func(Update) error) error {
	d.watching.Add(1)
	defer d.watching.Add(-1)
	w := &watch{Directory: d, refs: refs, last: make([]watched, len(refs)), send: send}
	for {
		woken, err := w.look(ctx, &from)
		if err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-d.ctx.Done():
			return fmt.Errorf("the service stops: %w", ErrUnavailable)
		case <-woken:
		}
	}
}

// watch is one caller's watch of people. It keeps no queue: what it sends next is how
// what is held differs from what it has sent.
type watch struct {
	*Directory
	refs []Ref
	last []watched
	send func(Update) error
	told *told // with the newest update; nil before there was one
}

// told is what an update tells of the directory itself.
type told struct{ complete, stale bool }

// watched is what was last sent of somebody.
type watched struct {
	found   found       // where they are held
	profile *pb.Profile // where they were read through
	gone    bool        // that there is no such person
	failed  bool        // that they could not be asked for
}

// look sends what differs from what was sent, and returns what tells when it is worth
// another look. The first look takes the position to go on from, and leaves none.
func (w *watch) look(ctx context.Context, from *Position) (woken <-chan struct{}, err error) {
	people := make([]found, len(w.refs))
	w.mu.RLock()
	woken = w.changed
	freshness, revision := w.freshnessLocked(), w.revisionLocked()
	resumed := w.held != nil && from.Epoch == w.epoch && from.Revision > 0 && from.Revision <= revision
	unchanged := make([]bool, len(w.refs)) // since the position
	for i, ref := range w.refs {
		people[i] = w.findLocked(ref)
		unchanged[i] = resumed && !w.held.changedSince(from.Revision, ref, people[i])
	}
	w.mu.RUnlock()
	*from = Position{}

	var update Update
	var missing []int
	for i, f := range people {
		last := &w.last[i]
		switch {
		case f.record != nil && !last.found.shows(f):
			*last = watched{found: f}
			if !unchanged[i] {
				update.People = append(update.People, WatchedAnswer{i, Answer{Profile: w.assemble(f), Freshness: freshness}})
			}
		case f.record != nil:
			last.found = f
		case last.found.record != nil:
			*last = watched{gone: true}
			update.People = append(update.People, WatchedAnswer{i, Answer{Err: ErrNotFound}})
		case !last.gone:
			missing = append(missing, i)
		}
	}
	update.Resumed = resumed
	if len(missing) > 0 {
		if len(update.People) > 0 {
			if err := w.send(update); err != nil {
				return nil, err
			}
			w.told, update.People = nil, nil // the rest, or nothing, is still to come
		}
		update.People = w.ask(ctx, missing)
	}
	update.Freshness = freshness
	told := told{freshness != nil, freshness.GetStale()}
	if len(update.People) == 0 && w.told != nil && *w.told == told {
		return woken, nil
	}
	w.told = &told
	return woken, w.send(update)
}

// ask asks for people who are not held, and returns what is news of them. A failure is
// news once.
func (w *watch) ask(ctx context.Context, missing []int) (news []WatchedAnswer) {
	refs := make([]Ref, len(missing))
	for i, at := range missing {
		refs[i] = w.refs[at]
	}
	for i, answer := range w.Profiles(ctx, refs) {
		last := &w.last[missing[i]]
		switch {
		case answer.Err == nil && last.profile != nil && proto.Equal(last.profile, answer.Profile):
			continue
		case answer.Err == nil:
			*last = watched{profile: answer.Profile}
		case errors.Is(answer.Err, ErrNotFound):
			*last = watched{gone: true}
		case last.failed || last.profile != nil:
			continue
		default:
			last.failed = true
		}
		news = append(news, WatchedAnswer{missing[i], answer})
	}
	return news
}

// shows tells whether the profile of next is that of f: the manager may have changed in
// what no report's profile shows.
func (f found) shows(next found) bool {
	if f.record == nil || f.record != next.record || (f.manager == nil) != (next.manager == nil) {
		return false
	}
	return f.manager == next.manager ||
		proto.Equal(Summary(f.manager.person().Profile), Summary(next.manager.person().Profile))
}

// changedSince tells whether the profile of somebody whom ref leads to may be another
// than it was at a revision. Of nobody it is not known.
func (h *held) changedSince(revision int64, ref Ref, f found) bool {
	switch {
	case f.record == nil, f.record.revision > revision:
		return true
	case ref.ID == "" && h.passed[ref.Email] > revision:
		return true
	case f.manager == nil:
		return f.record.managerID != "" // the manager may have gone since
	default:
		return f.manager.revision > revision
	}
}

// passing are the addresses of those who were replaced that lead, after changes were made,
// to somebody who has not changed.
func (h *held) passing(c changes, replaced map[string]*record) (addresses []string) {
	for _, was := range replaced {
		was.person().eachAddress(func(address string, _ AddressKind) {
			key := addressKey(address)
			if now := h.addresses.find(key); now != nil && now.id != was.id && c[now.id] == nil {
				addresses = append(addresses, key)
			}
		})
	}
	return addresses
}

// stamp notes at which revision changes were made, and addresses passed on.
func (h *held) stamp(c changes, passing []string, revision int64) {
	for _, next := range c {
		if next != nil {
			next.revision = revision
		}
	}
	for _, address := range passing {
		if h.passed == nil {
			h.passed = map[string]int64{}
		}
		h.passed[address] = revision
	}
}

// replaced are those of the people held whom changes replace or remove.
func (c changes) replaced(h *held) map[string]*record {
	old := map[string]*record{}
	for id := range c {
		if was := h.people[id]; was != nil {
			old[id] = was
		}
	}
	return old
}

// wakeLocked has watches look again.
func (d *Directory) wakeLocked() {
	close(d.changed)
	d.changed = make(chan struct{})
}
