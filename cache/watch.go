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
	People []WatchedAnswer // by their place, ascending; at most 100
	// Freshness is what all that was sent so far is of. It is nil until the directory is
	// complete, and where another Update belongs to this one: the rest of many, or those
	// who are still asked for, of a watch that has just begun.
	Freshness *pb.Freshness
	Resumed   bool // of the first updates: they go on from the position
}

// WatchedAnswer is how one of the people watched is now.
type WatchedAnswer struct {
	Index int // the place among those watched
	Answer
}

// inUpdate is how many people one Update tells of at most: while it is sent, their
// profiles are in memory for this watch alone.
const inUpdate = 100

// Watch sends how people are, and then each change, until ctx ends, send fails or the
// directory is closed. While send has not returned, nothing is kept for it: it gets the
// newest state next. From a position of this directory's epoch, only those are sent at
// first who may have changed since.
//
// People who are not held are asked of the source, and nobody else waits for them. Where
// that fails they are asked again whenever people have been read.
func (d Reader) Watch(ctx context.Context, refs []Ref, from Position, send func(Update) error) error {
	d.watching.Add(1)
	defer d.watching.Add(-1)
	ctx, leave := context.WithCancel(ctx)
	defer leave()
	w := &watch{Reader: d, refs: refs, last: make([]watched, len(refs)), send: send, untold: len(refs), answers: make(chan []WatchedAnswer, 1)}
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
		case answers := <-w.answers:
			w.asking, w.answered = false, answers
		}
	}
}

// watch is one caller's watch of people. It keeps no queue: what it sends next is how
// what is held differs from what it has sent.
type watch struct {
	Reader
	refs    []Ref
	last    []watched
	send    func(Update) error
	told    *told // with the newest update; nil before there was one
	resumed bool  // the first update goes on from a position
	untold  int   // people of whom nothing was sent yet

	// The question for those who are not held.
	asking   bool // one is under way
	askedAt  int64
	answers  chan []WatchedAnswer
	answered []WatchedAnswer // to be sent
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

// sent tells whether anything was sent of somebody.
func (w *watched) sent() bool {
	return w.found.record != nil || w.profile != nil || w.gone || w.failed
}

// news is somebody of whom something is to be sent: a held person, or an answer.
type news struct {
	index  int
	found  found
	answer Answer
}

// look sends what differs from what was sent, and returns what tells when it is worth
// another look. The first look takes the position to go on from, and leaves none.
func (w *watch) look(ctx context.Context, from *Position) (woken <-chan struct{}, err error) {
	people := make([]found, len(w.refs))
	w.mu.RLock()
	woken = w.changed
	freshness, revision := w.freshnessLocked(), w.revisionLocked()
	turns := 1 + w.sync.people.turns()
	first := w.told == nil && w.untold == len(w.refs)
	if first {
		w.resumed = w.held != nil && w.view.whole() && from.Epoch == w.epochOf() && from.Revision > 0 && from.Revision <= revision
	}
	unchanged := make([]bool, len(w.refs)) // since the position
	for i, ref := range w.refs {
		people[i] = w.findLocked(ref)
		unchanged[i] = first && w.resumed && !w.held.changedSince(from.Revision, ref, people[i])
	}
	w.mu.RUnlock()

	answers := map[int]Answer{}
	for _, a := range w.answered {
		answers[a.Index] = a.Answer
	}
	w.answered = nil
	var all []news
	var missing []int
	for i, f := range people {
		last := &w.last[i]
		before := last.sent()
		answer, isAnswered := answers[i]
		switch {
		case f.record != nil && w.same(last.found, f):
			last.found = f
		case f.record != nil:
			*last = watched{found: f}
			if !unchanged[i] {
				all = append(all, news{index: i, found: f})
			}
		case last.found.record != nil:
			*last = watched{gone: true}
			all = append(all, news{index: i, answer: Answer{Err: ErrNotFound}})
		case isAnswered && last.takes(answer):
			all = append(all, news{index: i, answer: answer})
		case !last.gone:
			missing = append(missing, i)
		}
		if !before && last.sent() {
			w.untold--
		}
	}
	if len(missing) > 0 && !w.asking && turns != w.askedAt {
		w.asking, w.askedAt = true, turns
		w.inFlight.Go(func() { w.answers <- w.ask(ctx, missing) })
	}
	return woken, w.tell(all, freshness)
}

// tell sends news, in parts, of which the last says how fresh all of it is: once
// everybody was told of.
func (w *watch) tell(all []news, freshness *pb.Freshness) error {
	now := told{freshness != nil, freshness.GetStale()}
	if w.untold > 0 {
		now.complete, freshness = false, nil
	}
	if len(all) == 0 && (w.untold > 0 || w.told != nil && *w.told == now) {
		return nil
	}
	resumed := w.resumed
	if w.untold == 0 {
		w.resumed = false
	}
	for {
		part := all[:min(len(all), inUpdate)]
		all = all[len(part):]
		update := Update{Resumed: resumed}
		for _, n := range part {
			if n.found.record != nil {
				n.answer = Answer{Profile: w.assemble(n.found), Freshness: freshness}
			}
			update.People = append(update.People, WatchedAnswer{n.index, n.answer})
		}
		if len(all) == 0 {
			w.told, update.Freshness = &now, freshness
			return w.send(update)
		}
		if err := w.send(update); err != nil {
			return err
		}
	}
}

// ask asks for people who are not held.
func (w *watch) ask(ctx context.Context, missing []int) []WatchedAnswer {
	refs := make([]Ref, len(missing))
	for i, at := range missing {
		refs[i] = w.refs[at]
	}
	answers := make([]WatchedAnswer, len(missing))
	for i, answer := range w.Profiles(ctx, refs) {
		answers[i] = WatchedAnswer{missing[i], answer}
	}
	return answers
}

// takes notes what was answered of somebody who is not held, and tells whether it is news.
// A failure is news once.
func (w *watched) takes(answer Answer) bool {
	switch {
	case answer.Err == nil && w.profile != nil && proto.Equal(w.profile, answer.Profile):
		return false
	case answer.Err == nil:
		*w = watched{profile: answer.Profile}
	case errors.Is(answer.Err, ErrNotFound):
		if w.gone {
			return false
		}
		*w = watched{gone: true}
	case w.failed || w.profile != nil:
		return false
	default:
		w.failed = true
	}
	return true
}

// same tells whether who is watched sees in next what they saw in last.
func (w *watch) same(last, next found) bool {
	if last.record == nil || last.record.id != next.record.id || w.view.whole() {
		return last.shows(next)
	}
	return last == next || proto.Equal(w.assemble(last), w.assemble(next))
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
