package cache

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"
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
func (d *Directory) Profile(ctx context.Context, ref Ref, maxAge time.Duration) Answer {
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
	return d.readThrough(ctx, ref, revision, began, maxAge)
}

// serves tells whether what was confirmed at asOf serves a caller who began to ask
// for something at most maxAge old. An age of zero asks for a new confirmation.
func serves(asOf, began time.Time, maxAge time.Duration) bool {
	return maxAge < 0 || maxAge > 0 && !asOf.Before(began.Add(-maxAge))
}

// batchReads bounds how many people of one batch are read through at once.
const batchReads = 8

// Profiles returns an answer for each ref, in their order. Those who are held are
// answered from one revision.
func (d *Directory) Profiles(ctx context.Context, refs []Ref) []Answer {
	began := time.Now()
	people := make([]found, len(refs))
	d.mu.RLock()
	for i, ref := range refs {
		people[i] = d.findLocked(ref)
	}
	freshness, revision := d.freshnessLocked(), d.revisionLocked()
	d.mu.RUnlock()

	answers := make([]Answer, len(refs))
	var reads errgroup.Group
	reads.SetLimit(batchReads)
	for i, ref := range refs {
		if f := people[i]; f.record != nil {
			d.lookedUp.held.Add(1)
			answers[i] = Answer{Profile: d.assemble(f), Freshness: freshness}
			continue
		}
		reads.Go(func() error {
			answers[i] = d.readThrough(ctx, ref, revision, began, AnyAge)
			return nil
		})
	}
	_ = reads.Wait() // each answer has its own error
	return answers
}

// found is a held person with their manager, both of one revision; nil where
// there is none.
type found struct{ record, manager *record }

func (d *Directory) findLocked(ref Ref) (f found) {
	if f.record = d.held.find(ref); f.record != nil && f.record.managerID != "" {
		f.manager = d.held.people[f.record.managerID]
	}
	return f
}

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

// assemble makes the profile that the contract shows of a record. The manager is
// joined here, and not stored, so that a manager's new name is in every report's
// profile at once.
func (d *Directory) assemble(f found) *pb.Profile {
	if m := d.memo.get(f.record.id); m != nil && m.found == f {
		d.lookedUp.memoHits.Add(1)
		return m.profile
	}
	d.lookedUp.memoMisses.Add(1)
	p := f.record.person()
	p.Profile.OtherAddresses = p.otherAddresses()
	if f.manager != nil {
		p.Profile.Manager = Summary(f.manager.person().Profile)
	}
	d.memo.put(f.record.id, &memory{profile: p.Profile, found: f}, 0)
	return p.Profile
}

// readThrough answers from what was read through lately, or asks the source.
func (d *Directory) readThrough(ctx context.Context, ref Ref, revision int64, began time.Time, maxAge time.Duration) Answer {
	if m := d.memo.get("read:" + ref.key()); m != nil && m.revision == revision && serves(m.asOf, began, maxAge) {
		d.lookedUp.remembered.Add(1)
		return d.readAnswer(m)
	}
	for {
		m, err := d.ask(ctx, ref)
		if err != nil && waitFor(ctx, err, began.Add(d.config.LookupTimeout)) {
			continue
		}
		if err != nil {
			d.lookedUp.failed.Add(1)
			return Answer{Err: err}
		}
		// A flight that was under way when the caller came may have asked the source
		// earlier than the caller allows, or at an earlier revision than the caller may have
		// seen; the next one will not have.
		if m.revision >= revision && (serves(m.asOf, began, maxAge) || !m.asOf.Before(began)) {
			return d.readAnswer(m)
		}
	}
}

// waitFor waits as long as a throttling source asks, and tells whether it has. It does
// not where the caller would be gone by then, or where it would be later than latest:
// better an error at once, that says how long to wait.
func waitFor(ctx context.Context, err error, latest time.Time) bool {
	wait, ok := RetryAfter(err)
	if !ok || !errors.Is(err, ErrThrottled) {
		return false
	}
	if deadline, ok := ctx.Deadline(); ok && deadline.Before(latest) {
		latest = deadline
	}
	if !time.Now().Add(wait).Before(latest) {
		return false
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

func (d *Directory) readAnswer(m *memory) Answer {
	if m.profile == nil {
		return Answer{Err: ErrNotFound}
	}
	return Answer{Profile: m.profile, Freshness: &pb.Freshness{
		AsOfTime: timestamppb.New(m.asOf),
		Revision: m.revision,
		Epoch:    d.epoch,
	}}
}

// ask asks the source for one person, once for all who wait. The question has a
// bound of its own, so that one caller's deadline does not fail the others.
func (d *Directory) ask(ctx context.Context, ref Ref) (*memory, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	first := false
	result := d.flights.DoChan(ref.key(), func() (any, error) {
		first = true
		select {
		case d.lookups <- struct{}{}:
			defer func() { <-d.lookups }()
		default:
			return nil, ErrBusy
		}
		d.inFlight.Add(1)
		defer d.inFlight.Done()
		// What ctx carries, such as a trace, goes with the question; its end does not.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), d.config.LookupTimeout)
		defer cancel()
		defer context.AfterFunc(d.ctx, cancel)()
		return d.read(ctx, ref)
	})
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case r := <-result:
		if r.Err != nil {
			return nil, r.Err
		}
		if first {
			d.lookedUp.asked.Add(1)
		} else {
			d.lookedUp.shared.Add(1)
		}
		return r.Val.(*memory), nil
	}
}

// read asks the source and remembers what it says, absence for a shorter while.
func (d *Directory) read(ctx context.Context, ref Ref) (*memory, error) {
	m := &memory{asOf: time.Now()}
	d.mu.RLock()
	m.revision = d.revisionLocked()
	d.mu.RUnlock()

	p, err := d.config.Source.Find(ctx, ref)
	switch {
	case errors.Is(err, ErrNotFound):
		d.memo.put("read:"+ref.key(), m, d.config.AbsenceTTL)
		return m, nil
	case err != nil && ctx.Err() != nil && !errors.Is(err, ErrBusy):
		// Ours ran out, not the caller's: to the caller, the source did not answer.
		return nil, fmt.Errorf("no answer in %v: %w", d.config.LookupTimeout, ErrUnavailable)
	case err != nil:
		return nil, err
	}
	m.profile = d.complete(p)
	d.memo.put("read:"+ref.key(), m, d.config.FoundTTL)
	return m, nil
}

// complete makes the profile that the contract shows of somebody read through.
func (d *Directory) complete(p Person) *pb.Profile {
	profile := proto.CloneOf(p.typed().Profile)
	profile.OtherAddresses = p.otherAddresses()
	profile.Manager = p.Manager
	d.mu.RLock()
	manager := d.held.find(Ref{ID: p.ManagerID})
	d.mu.RUnlock()
	if manager != nil {
		profile.Manager = Summary(manager.person().Profile)
	}
	return profile
}
