package cache

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"time"
)

// Sweep is what came of comparing a listing of everybody with what is held. The
// source's replicas may lag behind each other, so that a change can be missed by the
// listing and by the rounds alike.
type Sweep struct {
	Time     time.Time     // when it began; zero if there was none yet
	Duration time.Duration // of the newest
	Missing  int64         // people who were not held; over all sweeps, as are the others
	Surplus  int64         // people who were held and are gone
	Changed  int64         // people who were held otherwise
	Sweeps   int64
}

// maxConfirmed is how many differences are asked for one by one. More than these are no
// lag of replicas, and the listing is taken for the truth.
const maxConfirmed = 1000

// peopleFirst is a sweep that has to wait until the people are well. Their failure is
// theirs, and not the sweep's too.
type peopleFirst struct{ failure error }

func (e *peopleFirst) Error() string { return "people have to be well first: " + e.failure.Error() }

func (e *peopleFirst) Unwrap() error { return ErrUnavailable }

// sweep lists everybody, compares, and corrects what differs. A listing may itself be
// older than what rounds have told: of whom a round has told lately is left out, and each
// of the others is asked for by itself.
func (d *Directory) sweep(ctx context.Context) error {
	began := time.Now()
	d.mu.RLock()
	fillings, failure := d.sync.people.fillings, d.sync.people.failure
	d.mu.RUnlock()
	if failure != nil {
		return &peopleFirst{failure.Err}
	}
	listed := map[string]*record{}
	counted, err := d.list(ctx, func(r *record) int { listed[r.id] = r; return len(listed) })
	if err != nil {
		return fmt.Errorf("listing everybody: %w", err)
	}
	if err := d.short(len(listed), counted); err != nil {
		return err
	}
	if err := d.peopleTurn(ctx); err != nil { // what has changed before the listing ended
		return err
	}
	d.writing.Lock()
	maps.Copy(listed, d.keepManagers(listed))
	d.keepOut(listed)
	differing := d.untold(d.live().compare(listed))
	d.writing.Unlock()
	if err := d.confirm(ctx, differing); err != nil {
		return fmt.Errorf("asking for those who differ: %w", err)
	}
	return d.correct(differing, fillings, began)
}

// peopleTurn has people read, and returns when that is done.
func (d *Directory) peopleTurn(ctx context.Context) error {
	select {
	case err := <-d.people.order(order{}):
		if err != nil {
			return &peopleFirst{err}
		}
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// untold leaves out those of whom rounds have told lately. Writing is held.
func (d *Directory) untold(c changes) changes {
	maps.DeleteFunc(c, func(id string, _ *record) bool {
		at, told := d.told[id]
		return told && time.Since(at) < recently
	})
	return c
}

// correct makes what is held what differing says, and keeps the figures.
func (d *Directory) correct(differing changes, fillings int64, began time.Time) error {
	d.writing.Lock()
	defer d.writing.Unlock()
	if d.sync.people.fillings != fillings {
		// Everybody was listed anew since. That listing wants a sweep of its own.
		d.sweepSoon = true
		return nil
	}
	live := d.live()
	corrected := live.differing(d.untold(differing))
	var figures Sweep
	for id, next := range corrected {
		switch {
		case next == nil:
			figures.Surplus++
		case live.people[id] == nil:
			figures.Missing++
		default:
			figures.Changed++
		}
	}
	if err := d.apply(d.sweeping, corrected); err != nil {
		return err
	}
	if len(corrected) > 0 {
		d.config.Log.Info("a sweep corrected what changes did not tell", slog.Int64("missing", figures.Missing),
			slog.Int64("surplus", figures.Surplus), slog.Int64("changed", figures.Changed))
	}
	d.groups.order(order{relist: true}) // groups and contacts are few: they are listed anew
	d.contacts.order(order{relist: true})
	d.mu.Lock()
	defer d.mu.Unlock()
	done := &d.sync.swept
	done.Time, done.Duration = began, time.Since(began)
	done.Missing += figures.Missing
	done.Surplus += figures.Surplus
	done.Changed += figures.Changed
	done.Sweeps++
	return nil
}

// confirm asks for those who differ, and keeps what it is told: for all of them, or,
// where they are very many, for those who would be removed alone. Whoever cannot be
// asked for is left as they are.
func (d *Directory) confirm(ctx context.Context, differing changes) error {
	many := len(differing) > maxConfirmed
	asked, failures := 0, 0
	for id, listed := range differing {
		if many && listed != nil {
			continue // the listing is believed
		}
		if asked++; asked > maxConfirmed {
			delete(differing, id)
			continue
		}
		p, err := d.config.Source.Find(Unattended(ctx), Ref{ID: id})
		switch {
		case errors.Is(err, ErrNotFound):
			differing[id], failures = nil, 0
			continue
		case err != nil && ctx.Err() != nil:
			return err
		case err != nil:
			delete(differing, id)
			if failures++; failures > givesUp {
				return notLost(err) // the source, not the person
			}
			continue
		}
		failures = 0
		r, err := newRecord(p)
		if err != nil {
			return err
		}
		differing[id] = d.keepingManager(r)
	}
	return nil
}

// keepingManager is keepManager against what is held.
func (d *Directory) keepingManager(r *record) *record {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return r.keepManager(d.held.people[r.id], d.held.people)
}
