package cache

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"
)

// Failures are tried again after a while that doubles from the first of these to
// the second, so that a directory is true again soon after its source is well.
const (
	firstRetry = time.Second
	lastRetry  = 15 * time.Second
)

// Failure is the newest failure of the source.
type Failure struct {
	Time time.Time
	Err  error
}

// Run fills the directory and then follows its changes until ctx ends, which is
// the only error it returns. Failures of the source are told by Status and Log,
// and tried again.
func (d *Directory) Run(ctx context.Context) error {
	token, failures := "", 0 // without a token, everybody is listed anew
	for {
		next, err := d.step(ctx, token)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if token != "" && errors.Is(err, ErrTokenLost) {
			d.config.Log.Info("changes can no longer be told; reading everybody anew beside the live copy",
				slog.Any("cause", err))
			token = ""
			continue
		}
		if err == nil {
			token, failures = next, 0
		} else {
			failures++
			d.fail(err, failures)
		}
		if err := d.pause(ctx, d.delay(err, failures)); err != nil {
			return err
		}
	}
}

// step fills the directory, or follows its changes once.
func (d *Directory) step(ctx context.Context, token string) (next string, err error) {
	if token == "" {
		return d.fill(ctx)
	}
	return d.round(ctx, token)
}

func (d *Directory) fail(err error, failures int) {
	d.config.Log.Warn("reading the directory failed; trying again",
		slog.Any("error", err), slog.Int("failures", failures))
	d.mu.Lock()
	defer d.mu.Unlock()
	d.sync.failure = &Failure{Time: time.Now(), Err: err}
}

func (d *Directory) delay(err error, failures int) time.Duration {
	if err == nil {
		return d.config.SyncInterval
	}
	wait := min(firstRetry<<min(failures-1, 10), lastRetry)
	wait -= rand.N(wait / 4) // so that replicas do not come together
	if asked, ok := RetryAfter(err); ok {
		wait = max(wait, asked)
	}
	return wait
}

func (d *Directory) pause(ctx context.Context, wait time.Duration) error {
	d.mu.Lock()
	d.sync.nextRound = time.Now().Add(wait)
	d.mu.Unlock()
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// fill reads everybody beside the live copy, if there is one, and swaps when
// complete. The token is taken first: what changes meanwhile is then followed,
// not missed.
func (d *Directory) fill(ctx context.Context) (token string, err error) {
	began := time.Now()
	d.listed.Store(0)
	d.total.Store(0)
	mark, err := d.config.Source.Mark(ctx)
	if err != nil {
		return "", fmt.Errorf("marking the start: %w", err)
	}
	next, err := d.list(ctx)
	if err != nil {
		return "", fmt.Errorf("listing everybody: %w", err)
	}
	next.asOf = time.Now()
	since, token, err := d.collect(ctx, mark, next)
	if err != nil {
		return "", fmt.Errorf("following what changed while listing: %w", err)
	}
	next.change(next.differing(since))
	next.buildIndex()
	d.swap(next, time.Since(began))
	return token, nil
}

// list reads everybody into a record of their own, sharing what the live copy
// holds alike.
func (d *Directory) list(ctx context.Context) (*held, error) {
	d.mu.RLock()
	live := d.held
	d.mu.RUnlock()
	next := newHeld()
	for page, err := range d.config.Source.List(ctx) {
		if err != nil {
			return nil, err
		}
		if page.Total > 0 {
			d.total.Store(int64(page.Total))
		}
		for _, p := range page.People {
			r, err := newRecord(p)
			if err != nil {
				return nil, err
			}
			if old := live.find(Ref{ID: r.id}); old != nil && old.equal(r) {
				r = old
			}
			next.put(r.id, r)
		}
		if len(next.people) > d.config.MaxPeople {
			return nil, fmt.Errorf("the limit is %d: %w", d.config.MaxPeople, ErrTooManyPeople)
		}
		d.listed.Store(int64(len(next.people)))
	}
	return next, nil
}

func (d *Directory) swap(next *held, took time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.held == nil {
		d.sync.fillDuration = took
		defer close(d.filled)
	} else {
		next.revision = d.held.revision
	}
	next.revision++
	d.held = next
	d.sync.failure = nil
}

// round follows the changes since token and applies them at one revision.
func (d *Directory) round(ctx context.Context, token string) (next string, err error) {
	began := time.Now()
	live := d.held // only Run's goroutine replaces or changes it
	found, next, err := d.collect(ctx, token, live)
	if err != nil {
		return "", fmt.Errorf("following changes: %w", err)
	}
	found = live.differing(found)
	if len(live.people)+len(found) > d.config.MaxPeople && grows(live, found) > d.config.MaxPeople {
		return "", fmt.Errorf("the limit is %d: %w", d.config.MaxPeople, ErrTooManyPeople)
	}
	index := live.index
	if len(found) > 0 {
		index = live.indexWith(found)
	}

	d.mu.Lock()
	defer d.mu.Unlock()
	if len(found) > 0 {
		live.change(found)
		live.index = index
		live.revision++
	}
	live.asOf = began
	d.sync.failure = nil
	d.sync.rounds++
	return next, nil
}

// grows returns how many people live will hold after changes.
func grows(live *held, c changes) int {
	n := len(live.people)
	for id, next := range c {
		switch old := live.people[id]; {
		case old == nil && next != nil:
			n++
		case old != nil && next == nil:
			n--
		}
	}
	return n
}

// collect reads one round of changes over base, each person's in the order in
// which they came.
func (d *Directory) collect(ctx context.Context, token string, base *held) (changes, string, error) {
	found, next := changes{}, ""
	partly := map[string]bool{} // people of whom only a part was told, and who were not held
	for page, err := range d.config.Source.Changes(ctx, token) {
		if err != nil {
			return nil, "", err
		}
		for _, p := range page.People {
			if err := found.add(p, base, partly); err != nil {
				return nil, "", err
			}
		}
		next = page.Token
	}
	if next == "" {
		return nil, "", fmt.Errorf("a round ended without a token: %w", ErrUnavailable)
	}
	for id := range partly {
		if err := d.find(ctx, id, found); err != nil {
			return nil, "", err
		}
	}
	return found, next, nil
}

// add adds a change of somebody of whom base, or an earlier change, may know.
func (c changes) add(p Person, base *held, partly map[string]bool) (err error) {
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
	case !p.Said.Has(fieldUserPrincipalName):
		partly[id] = true // everybody has one
		return nil
	}
	delete(partly, id)
	c[id], err = newRecord(p)
	return err
}

// find asks for the whole of somebody of whom a change told only a part. They may be
// gone: changes are replayed, and come in no order.
func (d *Directory) find(ctx context.Context, id string, c changes) error {
	p, err := d.config.Source.Find(ctx, Ref{ID: id})
	if errors.Is(err, ErrNotFound) {
		return nil // as it was: not held, or removed by this round
	}
	if err != nil {
		return err
	}
	c[id], err = newRecord(p)
	return err
}
