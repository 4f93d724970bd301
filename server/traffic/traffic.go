// Package traffic bounds what callers take of the service: how often they call, how many
// people they see in an hour, how many calls are in the house at once, and how many
// connections are open.
//
// A caller is known here by tenant and subject alone, and a person by a keyed hash whose key
// is the process's own: nothing here names anybody. All of it is in the memory of one
// process: two replicas let through twice as much.
package traffic

import (
	"errors"
	"hash/maphash"
	"math"
	"sync"
	"sync/atomic"
	"time"
)

// Config is what Traffic needs.
type Config struct {
	// Limits are those of tenants without their own.
	Limits Limits
	// MaxCallers bounds the callers that are remembered, of all tenants together, some 250 bytes
	// each; zero means 100,000. Callers without limits are not remembered.
	MaxCallers int
	// MaxPeople bounds the people that are remembered as shown, of all callers together, some
	// 40 bytes each; zero means 5,000,000.
	MaxPeople int
	// MaxCalls is how many calls may be in the house at once; zero means 1000. There are fewer
	// while they wait to be answered.
	MaxCalls int
	// Target is how long calls may wait between their arrival and their answering; zero means
	// 20 milliseconds.
	Target time.Duration
	// MaxConnections bounds the connections that are open; zero means 10,000.
	MaxConnections int
	// Now tells the time; nil means time.Now.
	Now func() time.Time
}

// Traffic is what callers take now. It may be used concurrently.
type Traffic struct {
	config Config
	began  time.Time // times are nanoseconds since then
	seed   maphash.Seed

	mu        sync.Mutex // of what follows; held before a caller's, for moments
	callers   map[key]*caller
	tenants   map[string]*tenant
	sweepAt   int   // how many callers there are when those without debt are next forgotten
	nextSweep int64 // and not before that

	people  atomic.Int64 // remembered, of all callers together
	crowded atomic.Bool  // they are as many as may be
	refused [reasons]atomic.Int64

	house       house
	connections atomic.Int64
}

// reasons are why calls and connections are refused; reasonNames are how metrics call them.
const (
	byRate = iota
	byTenantRate
	byPeople
	byRoom
	byDelay
	byShare
	byConnections
	reasons
)

var reasonNames = [reasons]string{"caller_rate", "tenant_rate", "people", "memory", "overload", "share", "connections"}

// rowOf is the row of the house that a token falls into.
func (t *Traffic) rowOf(from string) uint64 {
	return maphash.String(t.seed, from) % uint64(len(t.house.rows))
}

// New returns Traffic of nobody.
func New(config Config) *Traffic {
	for _, d := range []struct {
		value *int
		zero  int
	}{{&config.MaxCallers, 100_000}, {&config.MaxPeople, 5_000_000}, {&config.MaxCalls, 1000}, {&config.MaxConnections, 10_000}} {
		if *d.value == 0 {
			*d.value = d.zero
		}
	}
	if config.Target == 0 {
		config.Target = 20 * time.Millisecond
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	t := &Traffic{
		config: config, began: config.Now(), seed: maphash.MakeSeed(),
		callers: map[key]*caller{}, tenants: map[string]*tenant{}, sweepAt: min(leastSwept, config.MaxCallers),
	}
	t.house.open(config.MaxCalls)
	return t
}

// now is how long there has been traffic.
func (t *Traffic) now() int64 { return int64(t.config.Now().Sub(t.began)) }

// The reasons for which a call is refused.
var (
	// ErrRate means that the caller, or its tenant, calls more often than it may.
	ErrRate = errors.New("more calls than may be made")
	// ErrPeople means that the caller would have seen more people in an hour than it may.
	ErrPeople = errors.New("more people than may be seen in an hour")
	// ErrMemory means that no more can be remembered of who has called, and whom they saw.
	ErrMemory = errors.New("as much is remembered of callers as may be")
)

// Refused is why a call is refused, and when it would not be.
type Refused struct {
	// Err is ErrRate, ErrPeople or ErrMemory.
	Err error
	// Wait is after how long the same call would not be refused if the caller made no other
	// meanwhile; zero where it always will be. For ErrMemory it is when there may be room.
	Wait time.Duration
}

// Error says why.
func (r *Refused) Error() string { return r.Err.Error() }

// Unwrap returns Err.
func (r *Refused) Unwrap() error { return r.Err }

// Who is a caller.
type Who struct {
	Tenant  string
	Subject string // unique within the tenant; empty for the development identity, which has no limits
	App     bool   // a service that speaks for itself, and no user
}

type key struct{ tenant, subject string }

// caller is one who has limits.
type caller struct {
	mu       sync.Mutex
	underWay int // calls and watches; whoever has one is not forgotten
	calls    bucket
	shown    ledger
}

// tenant is all callers of one. There are as many as are served.
type tenant struct {
	mu    sync.Mutex // held after a caller's
	calls bucket
}

// leastSwept is from how many callers on those without debt are dropped.
const leastSwept = 1024

// Enter begins a call of a caller who has been told for certain, of a tenant that is served.
// Limits are those of the tenant; nil means the service's. It counts nothing by itself. Pass
// is nil, and its methods refuse nothing, where the caller has no limits. It has to be left.
func (t *Traffic) Enter(who Who, limits *Limits) (*Pass, error) {
	if t == nil || who.Subject == "" {
		return nil, nil
	}
	if limits == nil {
		limits = &t.config.Limits
	}
	p := &Pass{traffic: t, calls: limits.calls(who.App), all: paceOf(limits.TenantRate, limits.TenantBurst), people: limits.people(who.App)}
	if p.calls.each == 0 && p.people == 0 && p.all.each == 0 {
		return nil, nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if p.all.each != 0 {
		if p.tenant = t.tenants[who.Tenant]; p.tenant == nil {
			p.tenant = &tenant{}
			t.tenants[who.Tenant] = p.tenant
		}
	}
	if p.calls.each == 0 && p.people == 0 {
		return p, nil
	}
	if t.crowded.Load() {
		t.sweepLocked()
	}
	of := key{who.Tenant, who.Subject}
	c := t.callers[of]
	if c == nil {
		if err := t.roomLocked(); err != nil {
			return nil, err
		}
		c = &caller{}
		t.callers[of] = c
	}
	c.mu.Lock()
	c.underWay++
	c.mu.Unlock()
	p.caller = c
	return p, nil
}

// roomLocked makes room for one more caller. Who is in debt (has called or seen people so
// lately that it still counts) is not forgotten for anybody: else a caller could have its
// count begin anew by having others called for. So where all are in debt, nobody new gets in.
func (t *Traffic) roomLocked() error {
	if len(t.callers) >= t.sweepAt {
		t.sweepLocked()
	}
	if len(t.callers) < t.config.MaxCallers {
		return nil
	}
	t.refused[byRoom].Add(1)
	return &Refused{ErrMemory, time.Duration(max(t.nextSweep-t.now(), 1))}
}

// sweepLocked forgets those who are not in debt. It takes some milliseconds for 100,000
// callers, and so comes when there are twice as many callers as after the last time, or where
// memory is full, and not before somebody may be forgotten, or a second is over.
func (t *Traffic) sweepLocked() {
	now := t.now()
	if now < t.nextSweep {
		return
	}
	first := int64(math.MaxInt64)
	for of, c := range t.callers {
		if free := c.free(t, now); free <= now {
			delete(t.callers, of)
		} else {
			first = min(first, free)
		}
	}
	crowded := t.people.Load() >= int64(t.config.MaxPeople)
	t.crowded.Store(crowded)
	t.sweepAt = min(max(2*len(t.callers), leastSwept), t.config.MaxCallers)
	t.nextSweep = now
	switch {
	case crowded:
		t.nextSweep = now + int64(time.Second)
	case len(t.callers) >= t.config.MaxCallers:
		t.nextSweep = max(first, now+int64(time.Second))
	}
}

// free is when a caller is in debt no more; not known, and so in a while, for one with a call
// under way.
func (c *caller) free(t *Traffic, now int64) int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	t.people.Add(-int64(c.shown.slide(now)))
	if c.underWay > 0 {
		return now + int64(time.Second)
	}
	return max(c.calls.full, c.shown.until())
}

// Pass is a call, or a watch, of a caller with limits. A nil Pass has none.
type Pass struct {
	traffic *Traffic
	caller  *caller // nil where only the tenant has limits
	tenant  *tenant // nil where it has none
	calls   pace    // of the caller
	all     pace    // of the tenant
	people  int     // whom the caller may see in an hour; 0 for any number
}

// Cost is how many calls one call that names so many people counts for: one for each hundred
// begun.
func Cost(people int) int { return max(1, (people+99)/100) }

// Take counts a call for so many, or refuses it: then nothing is counted. A call for more than
// may come at once counts for as many as may.
func (p *Pass) Take(calls int) error {
	if p == nil {
		return nil
	}
	if p.caller != nil {
		p.caller.mu.Lock()
		defer p.caller.mu.Unlock()
	}
	if p.tenant != nil {
		p.tenant.mu.Lock()
		defer p.tenant.mu.Unlock()
	}
	now := p.traffic.now()
	var own, all int64 // when they would be full
	var wait, others time.Duration
	if p.caller != nil {
		own, wait = p.caller.calls.with(now, p.calls, calls)
	}
	if p.tenant != nil {
		all, others = p.tenant.calls.with(now, p.all, calls)
	}
	switch {
	case wait > 0:
		p.traffic.refused[byRate].Add(1)
		return &Refused{ErrRate, max(wait, others)}
	case others > 0:
		p.traffic.refused[byTenantRate].Add(1)
		return &Refused{ErrRate, others}
	}
	if p.caller != nil {
		p.caller.calls.full = own
	}
	if p.tenant != nil {
		p.tenant.calls.full = all
	}
	return nil
}

// Counts tells whether Show counts.
func (p *Pass) Counts() bool { return p != nil && p.people > 0 }

// Show counts people whom the caller is about to see, each by id or by how they were asked for,
// or refuses all of them: then nobody is counted, and nobody may be shown. Who was seen within
// the hour is not counted again, and is remembered for an hour from now on.
func (p *Pass) Show(people ...string) error {
	if !p.Counts() || len(people) == 0 {
		return nil
	}
	t := p.traffic
	p.caller.mu.Lock()
	defer p.caller.mu.Unlock()
	now, shown := t.now(), &p.caller.shown
	t.people.Add(-int64(shown.slide(now)))
	added := shown.add(t.seed, people)
	if wait, over := shown.over(p.people); over {
		shown.takeBack(added)
		t.refused[byPeople].Add(1)
		return &Refused{ErrPeople, max(0, time.Duration(wait-now))}
	}
	if t.people.Add(int64(len(added))) > int64(t.config.MaxPeople) && len(added) > 0 {
		t.people.Add(-int64(len(added)))
		shown.takeBack(added)
		t.crowded.Store(true)
		t.refused[byRoom].Add(1)
		return &Refused{ErrMemory, slot}
	}
	shown.settle()
	return nil
}

// Leave ends the call.
func (p *Pass) Leave() {
	if p == nil || p.caller == nil {
		return
	}
	p.caller.mu.Lock()
	defer p.caller.mu.Unlock()
	p.caller.underWay--
}
