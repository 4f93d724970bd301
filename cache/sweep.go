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

// sweep lists everybody, compares, and corrects what differs. A listing may itself be
// older than what rounds have told, so that each difference is asked for by itself.
func (d *Directory) sweep(ctx context.Context) (string, error) {
	began := time.Now()
	listed := make(map[string]*record, len(d.held.people))
	if err := d.list(ctx, func(r *record) int { listed[r.id] = r; return len(listed) }); err != nil {
		return "", fmt.Errorf("listing everybody: %w", err)
	}
	maps.Copy(listed, d.keepManagers(listed))
	// What changed meanwhile is no difference.
	if err := d.turn(ctx, d.people); err != nil {
		return "", fmt.Errorf("following what changed while listing: %w", err)
	}
	differing := d.held.compare(listed)
	if len(differing) <= maxConfirmed {
		if err := d.confirm(ctx, differing); err != nil {
			return "", fmt.Errorf("asking for those who differ: %w", err)
		}
	}
	corrected := d.held.differing(differing)
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
		return "", err
	}
	if len(corrected) > 0 {
		d.config.Log.Info("a sweep corrected what changes did not tell", slog.Int64("missing", figures.Missing),
			slog.Int64("surplus", figures.Surplus), slog.Int64("changed", figures.Changed))
	}
	d.groups.token, d.groups.due = "", time.Now() // groups are few: they are listed anew
	d.mu.Lock()
	defer d.mu.Unlock()
	done := &d.sync.swept
	done.Time, done.Duration = began, time.Since(began)
	done.Missing += figures.Missing
	done.Surplus += figures.Surplus
	done.Changed += figures.Changed
	done.Sweeps++
	return "", nil
}

// confirm asks for each of those who differ, and keeps what it is told.
func (d *Directory) confirm(ctx context.Context, differing changes) error {
	for id := range differing {
		p, err := d.config.Source.Find(Unattended(ctx), Ref{ID: id})
		if errors.Is(err, ErrNotFound) {
			differing[id] = nil
			continue
		}
		if err != nil {
			return err
		}
		r, err := newRecord(p)
		if err != nil {
			return err
		}
		differing[id] = r.keepManager(d.held.people[id], d.held.people)
	}
	return nil
}
