package graph

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/peopleinsights/peopleinsights/cache"
)

// priority is how much a question matters. Graph is told, and throttles the lower ones
// first.
type priority uint8

const (
	low    priority = iota // a listing: nobody waits, and it may take its time
	normal                 // changes: nobody waits, but they keep answers true
	high                   // people wait
)

func (p priority) String() string { return [...]string{"low", "normal", "high"}[p] }

type priorityKey struct{}

func withPriority(ctx context.Context, p priority) context.Context {
	return context.WithValue(ctx, priorityKey{}, p)
}

func priorityOf(ctx context.Context) priority {
	p, _ := ctx.Value(priorityKey{}).(priority)
	return p
}

// What Graph lets an app spend of one tenant, in resource units in quotaWindow, by how
// many people the tenant has.
// Source: https://learn.microsoft.com/graph/throttling-limits#identity-and-access-service-limits
func quotaOf(people int) int {
	switch {
	case people < 50:
		return 3500
	case people <= 500:
		return 5000
	default:
		return 8000
	}
}

// forPeople is the part of the budget that the synchronisation leaves to people who
// wait, and forSync the part that it may spend however much they ask: without it,
// nothing that they are answered would stay true.
const (
	forPeople = 0.25
	forSync   = 0.1
)

// leastFloor is the least that the synchronisation may spend in a window, if half the
// budget is as much: some pages.
const leastFloor = 10

// governor is the http.RoundTripper under the SDK, one for a tenant. It prices each call
// before it is sent, keeps to a share of the tenant's quota, has people who wait go
// before the synchronisation, stays away for as long as Graph asks, and bounds how much
// is asked at once. Its methods may be called concurrently.
type governor struct {
	next    http.RoundTripper
	base    string // the path of Graph's version, such as /v1.0
	share   float64
	timeout time.Duration // of an answer as a whole
	stall   time.Duration // for which an answer may make no progress
	people  chan struct{} // one is held by each call to the directory that people wait for
	others  chan struct{} // and by each to Outlook or Teams, which may hang while the directory does not
	meter   *meter
	tracer  trace.Tracer

	mu        sync.Mutex
	quota     int    // Graph's, of the tenant, in quotaWindow
	ledger    ledger // of all that was spent
	own       ledger // of what the synchronisation spent of it
	breakers  [services]breaker
	notBefore [high + 1]time.Time // for each priority, when the directory may be asked again
	strikes   int                 // its refusals for too much, in a row
	pressure  float64             // how much of its limit it said is used; 0 if it did not say
	pressedAt time.Time
	mailboxes map[string]*mailbox
	teams     map[string]time.Time // when a team that was throttled may be asked again
	prices    map[string]int       // by kind of call, as Graph has told
	waiting   int                  // how many of the synchronisation's calls wait for long
	usage     cache.Usage
}

func newGovernor(config Config, next http.RoundTripper) *governor {
	return &governor{
		next:      next,
		base:      strings.TrimSuffix(config.Endpoint.URL.Path, "/"),
		share:     config.QuotaShare,
		timeout:   config.AnswerTimeout,
		stall:     config.StallTimeout,
		people:    make(chan struct{}, config.MaxConcurrent),
		others:    make(chan struct{}, config.MaxConcurrent),
		meter:     config.Metrics.of(config.Credential.TenantID),
		tracer:    config.Tracer.Tracer("github.com/peopleinsights/peopleinsights/server/graph"),
		quota:     quotaOf(0),
		mailboxes: map[string]*mailbox{},
		teams:     map[string]time.Time{},
		prices:    map[string]int{},
	}
}

// sized tells how many people the tenant has.
func (g *governor) sized(people int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.quota = quotaOf(people)
}

// budget is what may be spent in quotaWindow.
func (g *governor) budget() int { return max(1, int(g.share*float64(g.quota))) }

// used tells what was asked, and what that took.
func (g *governor) used() cache.Usage {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	u := g.usage
	u.Budget, u.Spent, u.Window = g.budget(), g.ledger.spent(now), quotaWindow
	u.Failing = g.breakers[directory].open()
	if now.Sub(g.pressedAt) < quotaWindow {
		u.Pressure = g.pressure
	}
	return u
}

// admit refuses a question that people wait for while the service that it is for does not
// answer.
func (g *governor) admit(p priority, to service) error {
	if p != high {
		return nil
	}
	g.mu.Lock()
	wait := g.breakers[to].refuses(time.Now())
	g.mu.Unlock()
	if wait > 0 {
		g.refused("breaker")
		return &Error{kind: errUnavailable, text: to.String() + " is not answering, and is not asked for the moment", wait: wait, ours: true}
	}
	return nil
}

// hear is told how a question went: whether the service answered, whatever that was. That
// something is not there is always an answer of Outlook's or Teams', who may have no code
// for it; of the directory's only with a code: without, it may be another server that answers.
func (g *governor) hear(ctx context.Context, to service, err error) {
	if errors.Is(ctx.Err(), context.Canceled) {
		return // the caller left, or the service stops
	}
	if known, ok := errors.AsType[*Error](err); ok && (known.ours || known.signIn && !errors.Is(known, errUnavailable)) {
		return // Graph was not asked
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	answered := missing(err) || to != directory && notThere(err)
	g.breakers[to].hear(time.Now(), errors.Is(err, cache.ErrUnavailable) && !answered)
}

func (g *governor) refused(why string) {
	g.meter.refused(why)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.usage.Refused++
}

// RoundTrip implements http.RoundTripper.
func (g *governor) RoundTrip(r *http.Request) (*http.Response, error) {
	p := priorityOf(r.Context())
	at := g.target(r.Context(), r.URL.Path)
	ctx, span := g.tracer.Start(r.Context(), r.Method+" "+at.route(), trace.WithSpanKind(trace.SpanKindClient),
		trace.WithAttributes(attribute.String("http.request.method", r.Method), attribute.String("url.template", at.route()),
			attribute.String("graph.priority", p.String())))
	defer span.End()
	response, err := g.roundTrip(r.WithContext(ctx), p, at)
	switch {
	case err != nil:
		span.SetStatus(codes.Error, "no answer") // the error may hold an address
	default:
		span.SetAttributes(attribute.Int("http.response.status_code", response.StatusCode),
			attribute.String("graph.request_id", response.Header.Get("request-id")),
			attribute.String("graph.units", response.Header.Get("x-ms-resource-unit")))
		if response.StatusCode >= 400 {
			span.SetStatus(codes.Error, strconv.Itoa(response.StatusCode))
		}
	}
	return response, err
}

func (g *governor) roundTrip(r *http.Request, p priority, at target) (*http.Response, error) {
	release, err := g.enter(r.Context(), p, at)
	if err != nil {
		return nil, err
	}
	query, _ := url.ParseQuery(r.URL.RawQuery) // what cannot be read has no price
	kind := at.kind(r.Method, query)
	price := g.price(kind, at.price(r.Method, query))
	parts := batchOf(r.Context())
	if parts != nil {
		price = parts.price(g)
	}
	booked, err := g.spend(r.Context(), p, at, price)
	if err != nil {
		release()
		return nil, err
	}
	ctx, cancel := context.WithCancel(r.Context())
	watch := &watchdog{stall: g.stall, end: time.Now().Add(g.timeout)}
	leave := release
	release = sync.OnceFunc(func() { cancel(); leave() })
	watch.timer = time.AfterFunc(g.patience(p), release) // also of an answer that nobody reads
	r = r.Clone(ctx)
	r.Header.Set("x-ms-throttle-priority", p.String())
	began := time.Now()
	response, err := g.next.RoundTrip(r)
	g.meter.called(at.route(), response, time.Since(began))
	if err != nil {
		watch.timer.Stop()
		release()
		return nil, err
	}
	watch.timer.Reset(time.Until(watch.end))
	made := call{p, at, kind, price, booked}
	if parts != nil && response.StatusCode == http.StatusOK {
		g.learnBatch(made, parts)
	} else {
		g.learn(made, response.StatusCode, response.Header)
	}
	response.Body = &watched{response.Body, watch, release}
	if response.StatusCode >= 400 {
		return atOnce(response), nil
	}
	return response, nil
}

// patience is how long an answer may take to begin: a page of a listing takes Graph
// seconds, and more on a bad day.
func (g *governor) patience(p priority) time.Duration {
	if p == low {
		return g.stall * 3 / 2
	}
	return g.stall
}

// price is what a call will cost: what the last one of its kind did, or what the table
// says.
func (g *governor) price(kind string, listed int) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	if cost, ok := g.prices[kind]; ok {
		return cost
	}
	return listed
}

// enter waits until a call may be under way, and returns what ends it.
func (g *governor) enter(ctx context.Context, p priority, at target) (release func(), err error) {
	leave := func() {}
	if at.mailbox != "" {
		if leave, err = g.enterMailbox(ctx, at.mailbox); err != nil {
			return nil, err
		}
	}
	if p != high {
		return leave, nil
	}
	slots := g.people
	if at.service() != directory {
		slots = g.others
	}
	if err := take(ctx, slots); err != nil {
		leave()
		return nil, err
	}
	return func() { <-slots; leave() }, nil
}

// take takes a slot. Whoever runs out of time in the queue has not asked Graph.
func take(ctx context.Context, slots chan<- struct{}) error {
	select {
	case slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return &Error{kind: cache.ErrBusy, text: "as many questions to Microsoft Graph are under way as may be", ours: true}
	}
}

// spend takes the price out of the budget. The synchronisation waits until there is
// enough; people are told at once how long it would take.
func (g *governor) spend(ctx context.Context, p priority, at target, price int) (booked time.Time, err error) {
	for {
		booked, wait, refusal := g.book(p, at, price)
		switch {
		case wait <= 0:
			return booked, nil
		case p == high:
			g.refused(refusal.why)
			return time.Time{}, &Error{kind: refusal.kind, text: refusal.text, wait: wait, ours: true}
		}
		if err := g.await(ctx, wait, &Error{kind: refusal.kind, text: refusal.text, wait: wait}); err != nil {
			return time.Time{}, err
		}
	}
}

// await waits, and has it told meanwhile why, if it is for long.
func (g *governor) await(ctx context.Context, wait time.Duration, why error) error {
	if wait >= longWait {
		g.mu.Lock()
		g.waiting++
		g.usage.Waiting = why
		g.mu.Unlock()
		defer func() {
			g.mu.Lock()
			defer g.mu.Unlock()
			if g.waiting--; g.waiting == 0 {
				g.usage.Waiting = nil
			}
		}()
	}
	return sleep(ctx, wait)
}

// refusal is why a call may not be made yet.
type refusal struct {
	kind error
	why  string // for metrics
	text string
}

var (
	leftAlone = refusal{errThrottled, "throttled", "Microsoft Graph has asked to be left alone"}
	overspent = refusal{errQuota, "quota", "the share of Microsoft Graph's quota that may be spent is spent"}
)

// book spends price if that may be, and returns when; otherwise how long to wait, and
// why.
func (g *governor) book(p priority, at target, price int) (booked time.Time, wait time.Duration, why refusal) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	not := time.Time{}
	alone := g.notBefore[p]
	switch at.service() {
	case outlook:
		alone = g.mailboxes[at.mailbox].notBefore
	case teams:
		alone = g.teams[at.team]
	}
	if wait := alone.Sub(now); wait > 0 {
		return not, wait, leftAlone
	}
	if at.service() == teams { // it takes nothing of the directory's quota, nor waits for it
		return now, 0, refusal{}
	}
	budget := g.budget()
	floor := max(int(forSync*float64(budget)), min(leastFloor, budget/2))
	if p == high {
		reserved := max(floor-g.own.spent(now), 0)
		if wait := g.ledger.wait(now, max(budget-reserved-price, 0)); wait > 0 {
			return not, wait, overspent
		}
		g.ledger.add(now, price)
		return now, 0, refusal{}
	}
	if wait := g.relief().Sub(now); wait > 0 {
		return not, wait, leftAlone
	}
	wait = g.ledger.wait(now, max(int(float64(budget)*(1-forPeople))-price, 0))
	if wait > 0 { // or out of its own part
		wait = min(wait, max(g.own.wait(now, max(floor-price, 0)), g.ledger.wait(now, max(budget-price, 0))))
	}
	if wait > 0 {
		return not, wait, overspent
	}
	g.ledger.add(now, price)
	g.own.add(now, price)
	return now, 0, refusal{}
}

// relief is until when the synchronisation leaves to others what Graph says is nearly
// used up: not at all at 80 percent of the limit, half the window at all of it, and the
// whole window beyond.
func (g *governor) relief() time.Time {
	part := min(1, max(0, (g.pressure-0.8)/0.4))
	return g.pressedAt.Add(time.Duration(part * float64(quotaWindow)))
}

// call is a call that was made.
type call struct {
	priority
	target
	kind   string
	price  int
	booked time.Time // when the price was spent
}

// learn takes from a response what Graph says of its limits. Of a refusal for too much
// that does not say how long to wait, the header does so afterwards.
func (g *governor) learn(c call, status int, header http.Header) {
	g.mu.Lock()
	g.usage.Calls++
	g.mu.Unlock()
	g.settle(c, status, header)
}

// settle is learn for a call, or for a part of one.
func (g *governor) settle(c call, status int, header http.Header) {
	now := time.Now()
	p, at, price := c.priority, c.target, c.price
	if at.service() == teams {
		g.settleTeam(c, now, status, header)
		return
	}
	cost, told := price, false
	if units, err := strconv.Atoi(header.Get("x-ms-resource-unit")); err == nil && units >= 0 && units <= dearest {
		cost, told = units, true
	} else if status >= 400 {
		cost = 0 // as measured in the field; what is throttled counts, it is said
	}
	throttled := status == http.StatusTooManyRequests
	if throttled {
		cost = max(cost, price)
	}
	g.meter.spent(p, cost, throttled)
	g.mu.Lock()
	defer g.mu.Unlock()
	if told && status < 400 {
		g.prices[c.kind] = cost
	}
	g.usage.Units += int64(cost)
	g.ledger.correct(c.booked, now, cost-price)
	if p != high {
		g.own.correct(c.booked, now, cost-price)
	}
	if at.service() == outlook { // which says nothing of the directory's limits
		g.settleMailbox(c, now, throttled, header)
		return
	}
	g.pressure = 0
	if part, err := strconv.ParseFloat(header.Get("x-ms-throttle-limit-percentage"), 64); err == nil && part >= 0 && part < 100 {
		g.pressure, g.pressedAt = part, now
	}
	if status == http.StatusServiceUnavailable {
		// It asks to be left alone, too; but not for long by one server's word.
		g.leaveAlone(p, now.Add(min(retryAfter(header, now), longestAlone)))
	}
	if !throttled {
		g.strikes = 0
		return
	}
	g.usage.Throttled++
	wait := retryAfter(header, now)
	if wait == 0 {
		wait = firstAlone << min(g.strikes, 3) // eight seconds at most
		wait = (wait - rand.N(wait/4)).Truncate(time.Millisecond)
		header.Set("Retry-After", fmt.Sprintf("%.3f", wait.Seconds())) // for whoever asked
	}
	if !now.Before(g.notBefore[p]) { // of several at once, one counts
		g.strikes++
	}
	g.leaveAlone(p, now.Add(wait))
}

// leaveAlone has calls of a priority, and of lower ones, wait: Graph throttles what
// matters least first, and what matters more may still be asked.
func (g *governor) leaveAlone(p priority, until time.Time) {
	for q := low; q <= p; q++ {
		if until.After(g.notBefore[q]) {
			g.notBefore[q] = until
		}
	}
}

// longestAlone is for how long the others are kept from a Graph that fails and asks to
// be left alone.
const longestAlone = 10 * time.Second

// dearest is the highest price that is believed: ten times what anything costs.
const dearest = 50

// firstAlone is for how long Graph is left alone where it does not say; doubled each
// time.
const firstAlone = time.Second
