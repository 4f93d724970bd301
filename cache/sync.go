package cache

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
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

// Failure is a failure of the source.
type Failure struct {
	Time time.Time
	Err  error
}

// feedState is what the last turns of a feed left to tell.
type feedState struct {
	failure  *Failure  // of the newest turn; nil if it was well
	past     *Failure  // the newest that is over
	failing  time.Time // since when, where there is a failure
	asOf     time.Time
	took     time.Duration // the newest turn that was well
	next     time.Time
	rounds   int64 // of changes, that were well
	failures int64 // turns that were not
	fillings int64 // that were well
	changes  int64 // people, groups or contacts that were added, changed or removed
	heldBack int   // removals that wait for an operator; 0 if none
	heldOf   int   // of how many
}

// turns is how many there were.
func (s *feedState) turns() int64 { return s.rounds + s.fillings + s.failures }

// followed is something that Run keeps true, turn by turn: the people, the groups, the
// contacts, or what the sweeps compare. Each has a goroutine of its own, so that a listing that
// takes long, or waits long, holds up nothing else.
type followed struct {
	what  string
	turn  func(ctx context.Context) error             // takes it one step on
	pause func(err error, failures int) time.Duration // until the next turn
	state *feedState                                  // guarded by Directory.mu

	// Of the goroutine alone.
	token     string // to go on from; without one, everything is listed anew
	relist    bool   // everything is to be listed anew, even so
	failures  int    // in a row
	confirmed int    // removals that an operator has confirmed, during one turn

	wake   chan struct{} // holds one: an order waits
	mu     sync.Mutex    // guards what follows
	orders []order
}

// order is an operator's, on its way to a turn.
type order struct {
	confirm int  // let go of so many
	relist  bool // list everything anew
	result  chan<- error
}

// order asks for a turn that begins after now. It is taken also if nobody waits for its
// result any more.
func (f *followed) order(o order) <-chan error {
	result := make(chan error, 1)
	o.result = result
	f.mu.Lock()
	f.orders = append(f.orders, o)
	f.mu.Unlock()
	f.stir()
	return result
}

// stir has the goroutine look for orders, and at the time that it is due.
func (f *followed) stir() {
	select {
	case f.wake <- struct{}{}:
	default: // it will
	}
}

func (f *followed) ordered() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.orders) > 0
}

func (f *followed) takeOrders() []order {
	f.mu.Lock()
	defer f.mu.Unlock()
	orders := f.orders
	f.orders = nil
	return orders
}

// Run fills the directory and then follows its changes until ctx ends, which is
// the only error it returns. Failures of the source are told by Status and Log,
// and tried again.
func (d *Directory) Run(ctx context.Context) error {
	defer close(d.ended)
	var others sync.WaitGroup
	defer others.Wait()
	others.Go(func() {
		select {
		case <-ctx.Done():
			return
		case <-d.filled:
		}
		others.Go(func() { d.follow(ctx, d.groups.followed, 0) })
		others.Go(func() { d.follow(ctx, d.contacts.followed, 0) })
		d.follow(ctx, d.sweeping, min(d.config.SweepDelay, d.config.SweepInterval))
	})
	d.follow(ctx, d.people, 0)
	return ctx.Err()
}

// follow takes turns, the first after a while, until ctx ends.
func (d *Directory) follow(ctx context.Context, f *followed, wait time.Duration) {
	for d.rest(ctx, f, wait) {
		orders := f.takeOrders()
		for _, o := range orders {
			f.confirmed = max(f.confirmed, o.confirm)
			f.relist = f.relist || o.relist
		}
		began := time.Now()
		err := f.turn(ctx)
		f.confirmed = 0
		wait = d.settle(ctx, f, err, began)
		for _, o := range orders {
			o.result <- err
		}
	}
}

// rest waits until a turn is due, or ordered. It returns false when ctx ends.
func (d *Directory) rest(ctx context.Context, f *followed, wait time.Duration) bool {
	d.mu.Lock()
	f.state.next = time.Now().Add(wait)
	d.mu.Unlock()
	for {
		d.mu.RLock()
		due := f.state.next
		d.mu.RUnlock()
		timer := time.NewTimer(time.Until(due))
		select {
		case <-ctx.Done():
			timer.Stop()
			return false
		case <-timer.C:
			return ctx.Err() == nil
		case <-f.wake: // for an order, or to look at the time again
			timer.Stop()
			if f.ordered() {
				return ctx.Err() == nil
			}
		}
	}
}

// settle keeps what is to be told of a turn, and returns how long to wait for the next.
func (d *Directory) settle(ctx context.Context, f *followed, err error, began time.Time) time.Duration {
	if ctx.Err() != nil {
		return 0 // the service stops
	}
	if _, ok := errors.AsType[*peopleFirst](err); ok {
		return f.pause(err, 1) // told as theirs
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if f == d.people {
		defer d.wakeLocked() // it may be stale now, or no longer
	}
	s := f.state
	if err == nil {
		if s.failure != nil {
			d.config.Log.Info("reading the directory is well again", slog.String("what", f.what),
				slog.Duration("after", time.Since(s.failing)))
			s.past = s.failure
		}
		f.failures = 0
		s.failure, s.heldBack, s.heldOf = nil, 0, 0
		s.asOf, s.took = began, time.Since(began)
		return f.pause(nil, 0)
	}
	f.failures++
	s.failures++
	if s.failure == nil {
		s.failing = began
	}
	s.failure = &Failure{Time: time.Now(), Err: err}
	if held, ok := errors.AsType[*HeldBackError](err); ok {
		s.heldBack, s.heldOf = held.Removals, held.Of
	} else if errors.Is(err, ErrDenied) {
		s.heldBack, s.heldOf = 0, 0 // nothing that an operator could confirm
	}
	wait := f.pause(err, f.failures)
	if asked, ok := RetryAfter(err); ok {
		wait = max(wait, asked)
	}
	level := slog.LevelDebug
	if f.failures&(f.failures-1) == 0 { // the first, second, fourth, eighth …: an outage does not fill the log
		level = slog.LevelWarn
	}
	d.config.Log.Log(ctx, level, "reading the directory failed; trying again", slog.String("what", f.what),
		slog.Any("error", err), slog.Int("failures", f.failures), slog.Duration("after", wait))
	return wait
}

// turns returns a turn that lists everything, or follows the changes once.
func (d *Directory) turns(f *followed, fill func(context.Context) (token string, err error), round func(ctx context.Context, token string) (next string, err error)) func(context.Context) error {
	return func(ctx context.Context) error {
		if f.relist && f.token != "" {
			f.relist = false // once: the changes are followed all the same
			token, err := fill(ctx)
			if err == nil {
				f.token = token
				return nil
			}
			d.config.Log.Warn("listing everything anew failed", slog.String("what", f.what), slog.Any("error", err))
		}
		if f.token != "" {
			next, err := round(ctx, f.token)
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
		token, err := fill(ctx)
		if err == nil {
			f.token = token
		}
		return err
	}
}

// pausePeople is how long to wait before people are read again.
func (d *Directory) pausePeople(err error, failures int) time.Duration {
	switch {
	case err == nil:
		return d.config.SyncInterval
	case d.fruitless && d.people.token == "":
		// Everybody was listed, to no avail. That is costly; a fault of the source may be
		// over soon, but not for ever.
		if failures <= patientTries {
			return backoff(firstRetry, 2*lastRetry, failures)
		}
		return backoff(deniedRetry, mendedRetry, failures-patientTries)
	case errors.Is(err, ErrHeldBack), errors.Is(err, ErrTooManyPeople):
		return d.config.SyncInterval // changes may make it good
	case errors.Is(err, ErrDenied):
		return backoff(firstRetry, deniedRetry, failures)
	default:
		return backoff(firstRetry, lastRetry, failures)
	}
}

// patientTries is how often something costly is tried again soon.
const patientTries = 8

// pauseBeside is how long to wait before groups or contacts are read again. A service that
// may not read them, or whose Graph has none, goes on without.
func (d *Directory) pauseBeside(f *followed, err error, failures int) time.Duration {
	never := f.state.fillings == 0 && failures > patientTries
	switch {
	case err == nil:
		return d.config.SyncInterval
	case errors.Is(err, ErrDenied), never, errors.Is(err, ErrTooManyPeople), errors.Is(err, ErrHeldBack) && f.token == "":
		return backoff(max(d.config.SyncInterval, deniedRetry), mendedRetry, failures)
	case errors.Is(err, ErrHeldBack):
		return d.config.SyncInterval
	default:
		return backoff(firstRetry, lastRetry, failures)
	}
}

// pauseSweep is how long to wait before the next sweep.
func (d *Directory) pauseSweep(err error, failures int) time.Duration {
	if err != nil {
		return min(backoff(time.Minute, time.Hour, failures), d.config.SweepInterval)
	}
	if d.sweepSoon {
		d.sweepSoon = false
		return min(d.config.SweepDelay, d.config.SweepInterval)
	}
	return d.config.SweepInterval
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
	// ConfirmRemovals lets go of as many people, groups or contacts as are held back.
	ConfirmRemovals bool
}

// Refreshed is what came of it.
type Refreshed struct {
	Freshness *pb.Freshness
	Changes   int64 // people, groups and contacts that were added, changed or removed
}

// Refresh reads the source at once, and returns when that is done. If ctx ends before,
// it is done all the same. The error is that of reading people; a failure to read
// groups or contacts is told by Status.
func (d *Directory) Refresh(ctx context.Context, r Refresh) (Refreshed, error) {
	before := d.Status()
	confirm := func(feed FeedStatus) int {
		if r.ConfirmRemovals {
			return feed.HeldBack // as many as there were to be seen
		}
		return 0
	}
	wait := func(result <-chan error) error {
		select {
		case err := <-result:
			return err
		case <-ctx.Done():
			return ctx.Err()
		case <-d.ended:
			return fmt.Errorf("the service stops: %w", ErrUnavailable)
		}
	}
	if err := wait(d.people.order(order{confirm: confirm(before.PeopleFeed)})); err != nil {
		return Refreshed{}, err
	}
	if before.Freshness != nil { // else nothing beside people has begun
		if r.Relist || confirm(before.Sweeping) > 0 {
			if err := wait(d.sweeping.order(order{confirm: confirm(before.Sweeping)})); err != nil {
				return Refreshed{}, err
			}
		}
		groups := d.groups.order(order{confirm: confirm(before.GroupFeed), relist: r.Relist})
		contacts := d.contacts.order(order{confirm: confirm(before.ContactFeed), relist: r.Relist})
		if before.GroupFeed.Failure == nil || before.GroupFeed.HeldBack > 0 { // else it may be long
			_ = wait(groups) // told by Status
		}
		if before.ContactFeed.Failure == nil || before.ContactFeed.HeldBack > 0 {
			_ = wait(contacts)
		}
	}
	after := d.Status()
	return Refreshed{Freshness: after.Freshness, Changes: after.changes() - before.changes()}, nil
}
