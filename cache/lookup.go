package cache

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
)

// AnyAge is the greatest age that takes what memory holds, however old.
const AnyAge time.Duration = -1

// Answer is one person's profile, or why there is none.
type Answer struct {
	Profile   *pb.Profile
	Freshness *pb.Freshness
	Err       error
}

// Profile returns one person's profile, confirmed by the source at most maxAge
// ago. Held people cost no question to the source unless maxAge asks for one.
func (d Reader) Profile(ctx context.Context, ref Ref, maxAge time.Duration) Answer {
	began := time.Now()
	d.mu.RLock()
	f := d.findLocked(ref)
	freshness, revision := d.freshnessLocked(), d.revisionLocked()
	held := f.record != nil && serves(d.held.asOf, began, maxAge)
	d.mu.RUnlock()
	if held {
		d.lookedUp.held.Add(1)
		return Answer{Profile: d.assemble(f), Freshness: freshness}
	}
	switch {
	case f.record != nil:
		ref = Ref{ID: f.record.id} // whom an address leads to is told by what is shown
	case !d.view.asks(ref):
		return Answer{Err: d.absent()}
	}
	return d.readThrough(ctx, []Ref{ref}, revision, began, maxAge)[0]
}

// serves tells whether what was confirmed at asOf serves a caller who began to ask
// for something at most maxAge old. An age of zero asks for a new confirmation.
func serves(asOf, began time.Time, maxAge time.Duration) bool {
	return maxAge < 0 || maxAge > 0 && !asOf.Before(began.Add(-maxAge))
}

// Profiles returns an answer for each ref, in their order. Those who are held are
// answered from one revision; of the others the source is asked together.
func (d Reader) Profiles(ctx context.Context, refs []Ref) []Answer {
	began := time.Now()
	people := make([]found, len(refs))
	d.mu.RLock()
	for i, ref := range refs {
		people[i] = d.findLocked(ref)
	}
	freshness, revision := d.freshnessLocked(), d.revisionLocked()
	d.mu.RUnlock()

	answers := make([]Answer, len(refs))
	var cold []Ref
	var places []int // of cold in answers
	for i, ref := range refs {
		if f := people[i]; f.record != nil {
			d.lookedUp.held.Add(1)
			answers[i] = Answer{Profile: d.assemble(f), Freshness: freshness}
			continue
		}
		if !d.view.asks(ref) {
			answers[i] = Answer{Err: d.absent()}
			continue
		}
		cold, places = append(cold, ref), append(places, i)
	}
	for i, answer := range d.readThrough(ctx, cold, revision, began, AnyAge) {
		answers[places[i]] = answer
	}
	return answers
}

// found is a held person with their manager, both of one revision; nil where
// there is none.
type found struct{ record, manager *record }

func (d *Directory) revisionLocked() int64 {
	if d.held == nil {
		return 0
	}
	return d.held.revision
}

// freshnessLocked is that of what is held; nil while nothing is.
func (d *Directory) freshnessLocked() *pb.Freshness {
	if d.held == nil {
		return nil
	}
	return &pb.Freshness{
		AsOfTime: timestamppb.New(d.held.asOf),
		Stale:    d.staleLocked(),
		Revision: d.held.revision,
		Epoch:    d.epoch,
	}
}

// staleLocked tells whether the source is failing: it has said so, or it has been
// silent for too long.
func (d *Directory) staleLocked() bool {
	return d.sync.people.failure != nil || time.Since(d.held.asOf) > d.silence()
}

// silence is longer than a round and a failure take.
func (d *Directory) silence() time.Duration { return 2*d.config.SyncInterval + 10*time.Second }

// memoized is the profile that was made of f, or is made now. The manager is joined there, and
// not stored, so that a manager's new name is in every report's profile at once.
func (d *Directory) memoized(key string, f found, assemble func(found) *pb.Profile) *pb.Profile {
	if m := d.memo.get(key); m != nil && m.found == f {
		d.lookedUp.memoHits.Add(1)
		return m.profile
	}
	erasures := d.erasures.Load()
	d.lookedUp.memoMisses.Add(1)
	p := assemble(f)
	d.remember(key, &memory{profile: p, found: f}, 0, erasures)
	return p
}

// assembled makes the profile of a record and their manager.
func (f found) assembled() *pb.Profile {
	p := f.record.person()
	p.Profile.OtherAddresses = p.otherAddresses()
	if f.manager != nil {
		p.Profile.Manager = Summary(f.manager.person().Profile)
	}
	return p.Profile
}

// readThrough answers from what was read through lately, or asks the source. It has an
// answer for each of refs, in their order.
func (d Reader) readThrough(ctx context.Context, refs []Ref, revision int64, began time.Time, maxAge time.Duration) []Answer {
	answers := make([]Answer, len(refs))
	var open []int // those of refs without an answer yet
	for i, ref := range refs {
		if m := d.memo.get("read:" + ref.key()); m != nil && m.revision == revision && serves(m.asOf, began, maxAge) {
			d.lookedUp.remembered.Add(1)
			answers[i] = d.readAnswer(ref, m)
			continue
		}
		if d.elsewhere(ref) {
			answers[i] = Answer{Err: ErrNotFound}
			continue
		}
		open = append(open, i)
	}
	for len(open) > 0 {
		var again, throttled []int
		for n, r := range d.ask(ctx, refs, open) {
			i := open[n]
			switch {
			case r.err != nil && errors.Is(r.err, ErrThrottled):
				throttled = append(throttled, i)
				answers[i] = Answer{Err: r.err}
			case r.err != nil:
				answers[i] = d.failed(r.err)
			// A flight that was under way when the caller came may have asked the source
			// earlier than the caller allows, or at an earlier revision than the caller may have
			// seen; the next one will not have.
			case r.memory.revision < revision || !serves(r.memory.asOf, began, maxAge) && r.memory.asOf.Before(began):
				again = append(again, i)
			default:
				answers[i] = d.readAnswer(refs[i], r.memory)
			}
		}
		open = append(again, d.waitFor(ctx, throttled, answers, began.Add(d.config.LookupTimeout))...)
	}
	return answers
}

// elsewhere tells whether an address is of a domain that is not the organisation's, and of
// nobody who is held, so that the source need not be asked. While it is failing, nobody can
// tell.
func (d *Directory) elsewhere(ref Ref) bool {
	if len(d.config.Domains) == 0 || ref.Email == "" {
		return false
	}
	domain := ref.Email[strings.LastIndexByte(ref.Email, '@')+1:]
	if slices.ContainsFunc(d.config.Domains, func(own string) bool { return strings.EqualFold(own, domain) }) {
		return false
	}
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.held != nil && !d.staleLocked() && d.held.find(ref) == nil
}

// remember puts something into the memo that was made of what was held when there had been so
// many erasures: after another one it may be of somebody who was erased, and is forgotten.
func (d *Directory) remember(key string, m *memory, ttl time.Duration, erasures int64) {
	d.memo.put(key, m, ttl)
	if d.erasures.Load() != erasures {
		d.memo.entries.Del(key)
	}
}

// failed counts a look-up that has no answer.
func (d *Directory) failed(err error) Answer {
	d.lookedUp.failed.Add(1)
	return Answer{Err: err}
}

// waitFor waits as long as a throttling source asks, and returns those of throttled, places
// in answers, who may be asked for again then. It leaves out whose wait would end when the
// caller is gone, or later than latest: better an error at once, that says how long to
// wait.
func (d *Directory) waitFor(ctx context.Context, throttled []int, answers []Answer, latest time.Time) (again []int) {
	if deadline, ok := ctx.Deadline(); ok && deadline.Before(latest) {
		latest = deadline
	}
	var longest time.Duration
	for _, i := range throttled {
		wait, ok := RetryAfter(answers[i].Err)
		if !ok || !time.Now().Add(wait).Before(latest) {
			d.lookedUp.failed.Add(1)
			continue
		}
		longest = max(longest, wait) // so that all of them are one question
		again = append(again, i)
	}
	if len(again) == 0 {
		return nil
	}
	timer := time.NewTimer(longest)
	defer timer.Stop()
	Waits(ctx)
	select {
	case <-ctx.Done():
		d.lookedUp.failed.Add(int64(len(again)))
		return nil
	case <-timer.C:
		return again
	}
}

func (d Reader) readAnswer(ref Ref, m *memory) Answer {
	if m.profile == nil {
		return Answer{Err: ErrNotFound}
	}
	sight := d.view.sight(m.profile.GetId(), m.unlisted)
	if sight == 0 || d.isErased(m.profile.GetId()) {
		return Answer{Err: ErrNotFound}
	}
	profile := m.profile
	if manager := profile.GetManager(); manager != nil && !d.sees(manager.GetId()) {
		profile = proto.CloneOf(profile)
		profile.Manager = nil
	}
	profile = d.view.profile(profile, sight)
	if !d.view.whole() && ref.Email != "" && !hasAddress(profile, ref.Email) {
		return Answer{Err: ErrNotFound} // that they have the address is not shown
	}
	return Answer{Profile: profile, Freshness: &pb.Freshness{
		AsOfTime: timestamppb.New(m.asOf),
		Revision: m.revision,
		Epoch:    d.epochOf(),
	}}
}

// hasAddress tells whether a profile shows an address.
func hasAddress(p *pb.Profile, key string) (has bool) {
	Person{Profile: p, OtherMails: p.GetOtherAddresses()}.eachAddress(func(address string, _ AddressKind) {
		has = has || addressKey(address) == key
	})
	return has
}

// sees tells whether the view shows the person of an id, who need not be held.
func (d Reader) sees(id string) bool {
	if d.view.whole() {
		return true
	}
	r := d.holding(id)
	return d.view.sight(id, r != nil && r.unlisted) != 0
}

// read is what came of asking for somebody.
type read struct {
	memory *memory
	err    error
}

// mostFound is how many people one question is for.
const mostFound = 1000

// ask asks the source for those of refs that places name, in as few questions as it can:
// whoever is asked for already is waited for. It has an answer for each of places.
func (d *Directory) ask(ctx context.Context, refs []Ref, places []int) []read {
	reads := make([]read, len(places))
	if err := ctx.Err(); err != nil {
		for n := range reads {
			reads[n].err = err
		}
		return reads
	}
	joined, mine := make([]*flight[*memory], len(places)), make([]bool, len(places))
	var fresh []Ref
	var flown []*flight[*memory] // of fresh
	for n, i := range places {
		joined[n], mine[n] = d.flights.join(refs[i].key())
		if mine[n] {
			fresh, flown = append(fresh, refs[i]), append(flown, joined[n])
		}
	}
	for len(fresh) > 0 {
		n := min(len(fresh), mostFound)
		asked, flying := fresh[:n], flown[:n]
		d.inFlight.Go(func() { d.fly(ctx, asked, flying) })
		fresh, flown = fresh[n:], flown[n:]
	}
	for n, f := range joined {
		reads[n].memory, reads[n].err = f.wait(ctx)
		switch {
		case reads[n].err != nil:
		case mine[n]:
			d.lookedUp.asked.Add(1)
		default:
			d.lookedUp.shared.Add(1)
		}
	}
	return reads
}

// fly asks the source for refs, by one question, and lands their flights. One for several
// people has twice the time of one for one.
func (d *Directory) fly(ctx context.Context, refs []Ref, flights []*flight[*memory]) {
	within := d.config.LookupTimeout
	if len(refs) > 1 {
		within *= 2
	}
	var reads []read
	busy := d.question(ctx, within, func(ctx context.Context) { reads = d.read(ctx, refs, within) })
	for i, f := range flights {
		r := read{err: busy}
		if busy == nil {
			r = reads[i]
		}
		d.flights.land(refs[i].key(), f, r.memory, r.err)
	}
}

// read asks the source and remembers what it says, absence for a shorter while.
func (d *Directory) read(ctx context.Context, refs []Ref, within time.Duration) []read {
	asOf, erasures := time.Now(), d.erasures.Load()
	d.mu.RLock()
	revision := d.revisionLocked()
	d.mu.RUnlock()

	reads := make([]read, len(refs))
	for i, found := range d.findAll(ctx, refs) {
		m, key := &memory{asOf: asOf, revision: revision}, "read:"+refs[i].key()
		switch {
		case errors.Is(found.Err, ErrNotFound), found.Err == nil && d.isErased(found.Person.Profile.GetId()):
			d.memo.put(key, m, d.config.AbsenceTTL)
		case found.Err != nil:
			reads[i].err = unanswered(ctx, found.Err, within)
			continue
		default:
			m.profile, m.unlisted = d.complete(found.Person), found.Person.Unlisted
			d.remember(key, m, d.config.FoundTTL, erasures)
			if id := (Ref{ID: m.profile.GetId()}); refs[i].ID == "" { // so that they are known by it, too
				d.remember("read:"+id.key(), m, d.config.FoundTTL, erasures)
			}
		}
		reads[i].memory = m
	}
	return reads
}

// findAll asks the source for one person, or for several.
func (d *Directory) findAll(ctx context.Context, refs []Ref) []Found {
	if len(refs) == 1 {
		p, err := d.config.Source.Find(ctx, refs[0])
		return []Found{{p, err}}
	}
	found := d.config.Source.FindAll(ctx, refs)
	if len(found) == len(refs) {
		return found
	}
	err := fmt.Errorf("%d answers for %d people: %w", len(found), len(refs), ErrUnavailable)
	return slices.Repeat([]Found{{Err: err}}, len(refs))
}

// complete makes the profile that the contract shows of somebody read through.
func (d *Directory) complete(p Person) *pb.Profile {
	profile := proto.CloneOf(p.typed().Profile)
	profile.OtherAddresses = p.otherAddresses()
	d.mu.RLock()
	manager := d.held.find(Ref{ID: p.ManagerID})
	if _, erased := d.erased[p.ManagerID]; !erased {
		profile.Manager = p.Manager
	}
	d.mu.RUnlock()
	if manager != nil {
		profile.Manager = Summary(manager.person().Profile)
	}
	return profile
}
