package main

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"go.opentelemetry.io/otel/trace"

	"github.com/peopleinsights/peopleinsights/cache"
	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
	"github.com/peopleinsights/peopleinsights/server/auth"
	"github.com/peopleinsights/peopleinsights/server/contacts"
	"github.com/peopleinsights/peopleinsights/server/graph"
	"github.com/peopleinsights/peopleinsights/server/insights"
)

// tenants are the organisations that are served. Each has all that it needs for itself, from
// its connections to Microsoft Graph to its index: what happens to one is no other's concern.
type tenants struct {
	verifier *auth.Verifier // nil where tokens are not looked at
	metrics  *graph.Metrics
	tracer   trace.TracerProvider
	log      *slog.Logger

	mu     sync.Mutex // of whoever changes which there are
	all    map[string]*tenancy
	served atomic.Pointer[map[string]*insights.Tenant]
	steady atomic.Bool    // they were ready once
	ending sync.WaitGroup // those that are being closed
}

// tenancy is one organisation that is served.
type tenancy struct {
	plan      *tenantPlan
	source    *graph.Client
	directory *cache.Directory
	contacts  *contacts.Store
	stop      context.CancelFunc
	ended     chan struct{}    // closed when the directory is followed no more
	shown     *insights.Tenant // as its callers are answered
	endShown  context.CancelFunc
	next      *tenancy // that takes its place once it has been read; nil for none
}

// newTenants returns nobody.
func newTenants(metrics *graph.Metrics, tracer trace.TracerProvider, log *slog.Logger) *tenants {
	ts := &tenants{metrics: metrics, tracer: tracer, log: log, all: map[string]*tenancy{}}
	ts.served.Store(&map[string]*insights.Tenant{})
	return ts
}

// insights are the tenants as their callers are answered.
func (ts *tenants) insights() map[string]*insights.Tenant { return *ts.served.Load() }

// contacts are the tenants' people's own.
func (ts *tenants) contacts() map[string]*contacts.Store {
	stores := map[string]*contacts.Store{}
	for id, t := range ts.insights() {
		stores[id] = t.Contacts
	}
	return stores
}

// begin builds what a plan needs, and begins to read the directory. old is what it is to
// take the place of, or nil.
func (ts *tenants) begin(plan *tenantPlan, old *tenancy) (*tenancy, error) {
	asking := plan.graph
	asking.Metrics, asking.Tracer, asking.Log = ts.metrics, ts.tracer, ts.logOf(plan)
	source, err := graph.New(asking)
	if err != nil {
		return nil, fmt.Errorf("tenant %s: %w (%w)", plan.id, err, errConfig)
	}
	config := plan.directory.cache(source, plan.domains, ts.logOf(plan))
	if old != nil {
		config.Succeeds = old.directory
	}
	directory, err := cache.New(config)
	if err != nil {
		source.Close()
		return nil, fmt.Errorf("tenant %s: %w (%w)", plan.id, err, errConfig)
	}
	ctx, stop := context.WithCancel(context.Background())
	t := &tenancy{
		plan: plan, source: source, directory: directory, stop: stop, ended: make(chan struct{}),
		contacts: contacts.New(contacts.Config{Source: source, TTL: plan.directory.ContactTTL}),
	}
	t.show(plan)
	go func() {
		defer close(t.ended)
		_ = directory.Run(ctx) // ends with ctx
	}()
	return t, nil
}

// logOf names the tenant, which is an operator's own.
func (ts *tenants) logOf(plan *tenantPlan) *slog.Logger {
	return ts.log.With(slog.String("tenant", plan.id))
}

// show has callers answered as a plan says, and the watches end that began before. What it
// returns ends them.
func (t *tenancy) show(plan *tenantPlan) (endBefore func()) {
	endBefore = t.endShown
	if endBefore == nil {
		endBefore = func() {}
	}
	ends, end := context.WithCancel(context.Background())
	t.plan, t.endShown = plan, end
	t.shown = &insights.Tenant{Directory: t.directory, Policy: plan.shows, Contacts: t.contacts, Limits: &plan.limits, Ends: ends}
	return endBefore
}

// close ends a tenant whom nobody is led to any more, and waits until it has ended.
func (t *tenancy) close() {
	if t.next != nil {
		t.next.close()
	}
	t.endShown()
	t.stop()
	<-t.ended
	t.contacts.Close()
	t.directory.Close()
	t.source.Close()
}

// apply serves the tenants of plans from now on, and no others. Who is there already goes on
// from what is held; where plans say that it is held otherwise, it is built beside, and takes
// over when it has been read. After an error all is as it was.
func (ts *tenants) apply(plans []*tenantPlan) error {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	all, begun := map[string]*tenancy{}, []*tenancy(nil)
	undo := func(err error) error {
		for _, t := range begun {
			t.close()
		}
		return err
	}
	successors := map[string]*tenancy{}
	for _, plan := range plans {
		old := ts.all[plan.id]
		all[plan.id] = old
		if old != nil && (old.plan.sameSource(plan) || old.next != nil && old.next.plan.sameSource(plan)) {
			continue
		}
		t, err := ts.begin(plan, old)
		if err != nil {
			return undo(err)
		}
		begun = append(begun, t)
		if old == nil {
			all[plan.id] = t
		} else {
			successors[plan.id] = t
		}
	}
	callers, err := ts.callersOf(plans)
	if err != nil {
		return undo(err)
	}
	var ends []func()
	for _, plan := range plans {
		t := all[plan.id]
		if !t.plan.sameShown(plan) {
			// Until its successor has been read, it goes on as it is held.
			of := *plan
			if !t.plan.sameSource(plan) {
				of.graph, of.files, of.directory, of.domains = t.plan.graph, t.plan.files, t.plan.directory, t.plan.domains
			}
			ends = append(ends, t.show(&of))
		}
		switch next := successors[plan.id]; {
		case next != nil || t.next != nil && t.plan.sameSource(plan):
			if t.next != nil {
				ts.end(t.next)
			}
			if t.next = next; next != nil {
				ts.ending.Go(func() { ts.succeed(t, next) })
			}
		case t.next != nil:
			t.next.show(plan)() // nobody watches it yet
		}
	}
	gone := maps.Clone(ts.all)
	maps.DeleteFunc(gone, func(id string, _ *tenancy) bool { return all[id] != nil })
	ts.all = all
	ts.publish() // what is shown, before to whom
	if ts.verifier != nil {
		err = ts.verifier.Configure(callers)
	}
	for _, end := range ends {
		end()
	}
	for id, t := range gone {
		t.endShown()
		ts.ending.Go(func() {
			t.close()
			ts.forget(id)
		})
	}
	return err
}

// forget lets go of the metrics of a tenant, unless it is there again.
func (ts *tenants) forget(id string) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	if ts.all[id] == nil {
		ts.metrics.Forget(id)
	}
}

// only is the one tenant that there is; empty where there are several, or none.
func (ts *tenants) only() string {
	served := ts.insights()
	for id := range served {
		if len(served) == 1 {
			return id
		}
	}
	return ""
}

// callersOf are those whose tokens are taken of plans.
func (ts *tenants) callersOf(plans []*tenantPlan) (callers []auth.TenantConfig, err error) {
	for _, plan := range plans {
		if (plan.callers == nil) != (ts.verifier == nil) {
			return nil, fmt.Errorf("whether callers are told by tokens takes a restart to change (%w)", errConfig)
		}
		if plan.callers != nil {
			callers = append(callers, *plan.callers)
		}
	}
	return callers, nil
}

// publish leads callers to the tenants that there are.
func (ts *tenants) publish() {
	served := make(map[string]*insights.Tenant, len(ts.all))
	for id, t := range ts.all {
		served[id] = t.shown
	}
	ts.served.Store(&served)
}

// end closes a tenant beside.
func (ts *tenants) end(t *tenancy) {
	t.endShown()
	ts.ending.Go(t.close)
}

// succeed has next take the place of old when it has been read, unless it is told to end.
func (ts *tenants) succeed(old, next *tenancy) {
	select {
	case <-next.ended:
		return
	case <-next.directory.Filled():
	}
	ts.mu.Lock()
	defer ts.mu.Unlock()
	if ts.all[next.plan.id] != old || old.next != next {
		return
	}
	err := next.directory.TakeOver(old.directory)
	old.next = nil
	ts.all[next.plan.id] = next
	ts.publish()
	if err != nil {
		ts.log.Error("who was erased meanwhile is not kept out", slog.String("tenant", next.plan.id), slog.Any("error", err))
	}
	ts.end(old)
	ts.log.Info("a tenant is held as it is configured now", slog.String("tenant", next.plan.id))
}

// close ends all of them, and waits until they have.
func (ts *tenants) close() {
	ts.mu.Lock()
	for _, t := range ts.all {
		ts.end(t)
	}
	ts.all = map[string]*tenancy{}
	ts.mu.Unlock()
	ts.ending.Wait()
}

// notReady says what is still to be read before calls should come, or nothing. Where there are
// several tenants, one that cannot be read keeps nobody from the others, if there are any that
// can; and who was ready stays so.
func (ts *tenants) notReady() string {
	if ts.steady.Load() {
		return ""
	}
	served := ts.insights()
	read := 0
	for _, id := range slices.Sorted(maps.Keys(served)) {
		status := served[id].Directory.Status()
		switch {
		case status.State != pb.DirectoryState_DIRECTORY_STATE_FILLING:
			read++
			continue
		case len(served) > 1 && status.PeopleFeed.Failure != nil:
			continue
		}
		text := strings.ToLower(reading(status)[:1]) + reading(status)[1:]
		if len(served) > 1 {
			text = "tenant " + id + ": " + text
		}
		return text
	}
	if read == 0 {
		return "no tenant can be read"
	}
	ts.steady.Store(true)
	return ""
}
