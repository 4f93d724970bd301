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

// recently is for how long somebody of whom a round has told is not removed because a
// look-up does not find them: replicas may not know them yet.
const recently = time.Hour

// peopleFirst is a sweep that has to wait until the people are well. Their failure is
// theirs, and not the sweep's too.
type peopleFirst struct{ failure error }

func (e *peopleFirst) Error() string { return "people have to be well first: " + e.failure.Error() }

func (e *peopleFirst) Unwrap() error { return ErrUnavailable }

// sweep lists everybody, compares, and corrects what differs. A listing may itself be
// older than what rounds have told: whom a round tells of meanwhile is left out, and each
// of the others is asked for by itself.
func (d *Directory) sweep(ctx context.Context) error {
	began := time.Now()
	fillings, failure := d.watchRounds()
	defer d.unwatchRounds()
	if failure != nil {
		return &peopleFirst{failure.Err}
	}
	listed := map[string]*record{}
	if err := d.list(ctx, func(r *record) int { listed[r.id] = r; return len(listed) }); err != nil {
		return fmt.Errorf("listing everybody: %w", err)
	}
	select { // what has changed before the listing ended
	case err := <-d.people.order(false, false):
		if err != nil {
			return &peopleFirst{err}
		}
	case <-ctx.Done():
		return ctx.Err()
	}
	d.writing.Lock()
	maps.Copy(listed, d.keepManagers(listed))
	differing := d.untouched(d.held.compare(listed))
	d.writing.Unlock()
	if len(differing) <= maxConfirmed {
		if err := d.confirm(ctx, differing); err != nil {
			return fmt.Errorf("asking for those who differ: %w", err)
		}
	}
	return d.correct(differing, fillings, began)
}

// watchRounds has rounds remember of whom they tell, until unwatchRounds. It returns how
// often everybody was listed, and what is wrong with people.
func (d *Directory) watchRounds() (fillings int64, failure *Failure) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.touched = map[string]bool{}
	return d.sync.people.fillings, d.sync.people.failure
}

func (d *Directory) unwatchRounds() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.touched = nil
}

// untouched leaves out those of whom rounds have told since the sweep began. Writing is
// held.
func (d *Directory) untouched(c changes) changes {
	maps.DeleteFunc(c, func(id string, _ *record) bool { return d.touched[id] })
	return c
}

// correct makes what is held what differing says, and keeps the figures.
func (d *Directory) correct(differing changes, fillings int64, began time.Time) error {
	d.writing.Lock()
	defer d.writing.Unlock()
	if d.sync.people.fillings != fillings { // everybody was listed anew since
		differing = nil
	}
	corrected := d.held.differing(d.untouched(differing))
	var figures Sweep
	for id, next := range corrected {
		switch {
		case next == nil:
			figures.Surplus++
		case d.held.people[id] == nil:
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
	d.groups.order(false, true) // groups are few: they are listed anew
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

// confirm asks for each of those who differ, and keeps what it is told.
func (d *Directory) confirm(ctx context.Context, differing changes) error {
	for id := range differing {
		p, err := d.config.Source.Find(Unattended(ctx), Ref{ID: id})
		if errors.Is(err, ErrNotFound) {
			if old := d.holding(id); old != nil && time.Since(time.Unix(old.told, 0)) < recently {
				delete(differing, id)
			} else {
				differing[id] = nil
			}
			continue
		}
		if err != nil {
			return err
		}
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
