package cache

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"time"

	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
)

// How long a failure is left alone before the next try: from the first of these on,
// doubled each time, up to one of the others. The second is short enough that, with
// the ten seconds for which a source may hang, a copy is true again within fifteen
// seconds after its source is well.
const (
	firstRetry  = time.Second
	lastRetry   = 5 * time.Second
	deniedRetry = 15 * time.Second // each try may be a sign-in that fails
	mendedRetry = 15 * time.Minute // what only an operator can mend, and is costly to try
)

// Failure is the newest failure of the source.
type Failure struct {
	Time time.Time
	Err  error
}

// feedState is what the last fillings and rounds of a feed left to tell.
type feedState struct {
	failure  *Failure  // of the newest round or filling; nil if it was well
	failing  time.Time // since when, where there is a failure
	asOf     time.Time
	took     time.Duration // the newest round or filling that was well
	next     time.Time
	rounds   int64 // of changes, that were well
	failures int64 // rounds and fillings that were not
	fillings int64 // that were well
	changes  int64 // people or groups that rounds and fillings added, changed or removed
	heldBack int   // removals that wait for an operator; 0 if none
	heldOf   int   // of how many
}

// followed is a feed as Run follows it.
type followed struct {
	what  string                                                    // for the log
	fill  func(context.Context) (token string, err error)           // lists everything
	round func(context.Context, string) (token string, err error)   // follows the changes since a token
	state *feedState                                                // guarded by Directory.mu
	retry func(err error, token string, failures int) time.Duration // after a failure

	token     string // to go on from; without one, everything is listed anew
	failures  int    // in a row
	confirmed int    // removals that an operator has confirmed, while their order is obeyed
	due       time.Time
}

// Run fills the directory and then follows its changes until ctx ends, which is
// the only error it returns. Failures of the source are told by Status and Log,
// and tried again. Only Run changes what is held.
func (d *Directory) Run(ctx context.Context) error {
	d.people = &followed{what: "people", fill: d.fillPeople, round: d.followPeople, state: &d.sync.people, retry: d.retryPeople}
	d.groups = &followed{what: "groups", fill: d.fillGroups, round: d.followGroups, state: &d.sync.groups, retry: d.retryGroups}
	d.sweeping = &followed{what: "sweep", fill: d.sweep, state: &d.sync.sweep, retry: d.retrySweep}
	for {
		next := d.nextDue()
		order, err := d.wait(ctx, next)
		switch {
		case err != nil:
			return err
		case order != nil:
			order.result <- d.obey(ctx, order.Refresh)
		default:
			_ = d.turn(ctx, next) // told by its state
		}
	}
}

// nextDue is what is due first. Nothing else is until the people are there, and no
// sweep while everybody is to be listed anyhow.
func (d *Directory) nextDue() *followed {
	next := d.people
	if d.held != nil && d.groups.due.Before(next.due) {
		next = d.groups
	}
	if d.people.token != "" && d.sweeping.due.Before(next.due) {
		next = d.sweeping
	}
	return next
}

// wait returns when f is due, or with an operator's order before that.
func (d *Directory) wait(ctx context.Context, f *followed) (*order, error) {
	timer := time.NewTimer(time.Until(f.due))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case o := <-d.orders:
		return &o, nil
	case <-timer.C:
		return nil, nil
	}
}

// turn takes f one step on, and tells how that went and when the next one is due.
func (d *Directory) turn(ctx context.Context, f *followed) error {
	began := time.Now()
	err := d.step(ctx, f)
	wait := d.config.SyncInterval
	switch {
	case ctx.Err() != nil: // the service stops
	case err == nil:
		f.failures = 0
	default:
		f.failures++
		wait = f.retry(err, f.token, f.failures)
		if asked, ok := RetryAfter(err); ok {
			wait = max(wait, asked)
		}
	}
	if err == nil && f == d.sweeping {
		wait = d.config.SweepInterval
	}
	f.due = time.Now().Add(wait)

	d.mu.Lock()
	defer d.mu.Unlock()
	f.state.next = f.due
	if ctx.Err() != nil {
		return err
	}
	if err == nil {
		if f.state.failure != nil {
			d.config.Log.Info("reading the directory is well again", slog.String("what", f.what),
				slog.Duration("after", time.Since(f.state.failing)))
		}
		f.state.failure, f.state.heldBack, f.state.heldOf = nil, 0, 0
		f.state.asOf, f.state.took = began, time.Since(began)
		return nil
	}
	f.state.failures++
	if f.state.failure == nil {
		f.state.failing = began
	}
	f.state.failure = &Failure{Time: time.Now(), Err: err}
	f.state.heldBack, f.state.heldOf = 0, 0
	if held, ok := errors.AsType[*HeldBackError](err); ok {
		f.state.heldBack, f.state.heldOf = held.Removals, held.Of
	}
	level := slog.LevelDebug
	if f.failures&(f.failures-1) == 0 { // the first, second, fourth, eighth …: an outage does not fill the log
		level = slog.LevelWarn
	}
	d.config.Log.Log(ctx, level, "reading the directory failed; trying again", slog.String("what", f.what),
		slog.Any("error", err), slog.Int("failures", f.failures), slog.Duration("after", wait))
	return err
}

// step lists everything, or follows the changes once.
func (d *Directory) step(ctx context.Context, f *followed) error {
	if f.token != "" {
		next, err := f.round(ctx, f.token)
		if err == nil {
			f.token = next
		}
		if !errors.Is(err, ErrTokenLost) {
			return err
		}
		d.config.Log.Info("changes can no longer be told; reading everything anew beside the live copy",
			slog.String("what", f.what), slog.Any("cause", err))
		f.token = ""
	}
	token, err := f.fill(ctx)
	if err == nil {
		f.token = token
	}
	return err
}

// retryPeople is how long to wait before people are read again.
func (d *Directory) retryPeople(err error, token string, failures int) time.Duration {
	switch costly := token == ""; {
	case costly && (errors.Is(err, ErrHeldBack) || errors.Is(err, ErrTooManyPeople)):
		return backoff(max(d.config.SyncInterval, lastRetry), mendedRetry, failures)
	case errors.Is(err, ErrHeldBack), errors.Is(err, ErrTooManyPeople):
		return d.config.SyncInterval // changes may make it good
	case errors.Is(err, ErrDenied):
		return backoff(firstRetry, deniedRetry, failures)
	default:
		return backoff(firstRetry, lastRetry, failures)
	}
}

// retryGroups is how long to wait before groups are read again. A service that may not
// read them goes on without.
func (d *Directory) retryGroups(err error, token string, failures int) time.Duration {
	if errors.Is(err, ErrDenied) || token == "" {
		return backoff(max(d.config.SyncInterval, lastRetry), mendedRetry, failures)
	}
	return d.retryPeople(err, token, failures)
}

// retrySweep is how long to wait before a sweep is tried again.
func (d *Directory) retrySweep(_ error, _ string, failures int) time.Duration {
	return min(backoff(time.Minute, time.Hour, failures), d.config.SweepInterval)
}

// backoff doubles first with each failure, up to last, less up to a quarter so that
// replicas do not come together.
func backoff(first, last time.Duration, failures int) time.Duration {
	wait := last
	if shift := failures - 1; shift < 10 && first<<shift < last {
		wait = first << shift
	}
	return wait - rand.N(wait/4+1)
}

// Refresh is what an operator can ask of a directory.
type Refresh struct {
	// Relist has everything listed and compared, as a sweep does, not only the changes
	// followed.
	Relist bool
	// ConfirmRemovals lets go of as many people or groups as are held back.
	ConfirmRemovals bool
}

// Refreshed is what came of it.
type Refreshed struct {
	Freshness *pb.Freshness
	Changes   int64 // people and groups that were added, changed or removed
}

// order is a Refresh on its way to Run.
type order struct {
	Refresh
	result chan<- error
}

// Refresh reads the source at once, and returns when that is done. If ctx ends before,
// it is done all the same. The error is that of reading people.
func (d *Directory) Refresh(ctx context.Context, r Refresh) (Refreshed, error) {
	before := d.Status()
	result := make(chan error, 1)
	select {
	case d.orders <- order{r, result}:
	case <-ctx.Done():
		return Refreshed{}, ctx.Err()
	}
	select {
	case err := <-result:
		after := d.Status()
		return Refreshed{Freshness: after.Freshness, Changes: after.changes() - before.changes()}, err
	case <-ctx.Done():
		return Refreshed{}, ctx.Err()
	}
}

// obey does what an operator asks.
func (d *Directory) obey(ctx context.Context, r Refresh) error {
	for _, f := range []*followed{d.people, d.groups, d.sweeping} {
		if r.ConfirmRemovals {
			f.confirmed = f.state.heldBack
		}
		defer func() { f.confirmed = 0 }()
	}
	err := d.turn(ctx, d.people)
	if err != nil {
		return err
	}
	if r.Relist || d.sweeping.confirmed > 0 {
		err = d.turn(ctx, d.sweeping)
	}
	_ = d.turn(ctx, d.groups) // told by its state; after a sweep, a listing
	return err
}
