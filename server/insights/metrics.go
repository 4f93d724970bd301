package insights

import (
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"

	"github.com/peopleinsights/peopleinsights/cache"
	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
)

// Metrics count calls.
type Metrics struct {
	calls    *prometheus.HistogramVec
	underWay prometheus.Gauge
	watching prometheus.Gauge
	watches  *prometheus.CounterVec // that have ended, by code
	methods  map[string]*method
}

// method is a method's metrics by code, each bound when it is first needed.
type method struct {
	name string // service/method
	code [codes.Unauthenticated + 1]atomic.Pointer[prometheus.Observer]
}

// NewMetrics returns metrics that registry knows.
func NewMetrics(registry prometheus.Registerer) *Metrics {
	m := &Metrics{
		calls: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "people_insights_call_duration_seconds",
			Help: "How long calls took inside the service, by method and code.",
			// From an answer out of memory to one that waited for Graph.
			Buckets: []float64{.00005, .0001, .00025, .0005, .001, .0025, .005, .01, .025, .1, .5, 1, 2.5, 5, 10},
		}, []string{"method", "code"}),
		underWay: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "people_insights_calls_under_way",
			Help: "Calls that are being answered.",
		}),
		watching: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "people_insights_watches_under_way",
			Help: "Watches of profiles that are under way.",
		}),
		watches: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "people_insights_watches_total",
			Help: "Watches of profiles that have ended, by code. They are not among the calls: they last as long as their callers like.",
		}, []string{"code"}),
		methods: map[string]*method{},
	}
	registry.MustRegister(m.calls, m.underWay, m.watching, m.watches)
	for _, service := range []grpc.ServiceDesc{pb.PeopleInsightsService_ServiceDesc, pb.DirectoryAdminService_ServiceDesc} {
		for _, desc := range service.Methods {
			m.methods["/"+service.ServiceName+"/"+desc.MethodName] = &method{name: service.ServiceName + "/" + desc.MethodName}
		}
	}
	return m
}

// begin counts a call under way, until the function that it returns is told how it ended.
func (m *Metrics) begin(name string) func(codes.Code, time.Duration) {
	if m == nil {
		return func(codes.Code, time.Duration) {}
	}
	m.underWay.Inc()
	return func(code codes.Code, took time.Duration) {
		m.underWay.Dec()
		if known := m.methods[name]; known != nil && int(code) < len(known.code) {
			m.observer(known, code).Observe(took.Seconds())
		}
	}
}

// beginWatch counts a watch under way, until the function that it returns is told how it
// ended.
func (m *Metrics) beginWatch() func(codes.Code) {
	if m == nil {
		return func(codes.Code) {}
	}
	m.watching.Inc()
	return func(code codes.Code) {
		m.watching.Dec()
		m.watches.WithLabelValues(code.String()).Inc()
	}
}

func (m *Metrics) observer(of *method, code codes.Code) prometheus.Observer {
	if bound := of.code[code].Load(); bound != nil {
		return *bound
	}
	bound := m.calls.WithLabelValues(of.name, code.String())
	of.code[code].Store(&bound)
	return bound
}

// directories is the metrics of what tenants hold, read when they are asked for.
type directories struct {
	held  func() map[string]*Tenant
	rows  []directoryMetric
	state *prometheus.Desc
}

// directoryMetric is one figure of a directory's status.
type directoryMetric struct {
	desc  *prometheus.Desc
	kind  prometheus.ValueType
	value func(*cache.Status) float64
}

// NewDirectoryMetrics returns the metrics of what tenants hold, and of how it is kept
// true.
func NewDirectoryMetrics(held func() map[string]*Tenant) prometheus.Collector {
	c := &directories{held: held, state: prometheus.NewDesc("people_insights_directory_state",
		"1 for the state that the directory is in: filling, current, stale or held_back.", []string{"tenant", "state"}, nil)}
	gauge := func(name, help string, value func(*cache.Status) float64) {
		c.rows = append(c.rows, directoryMetric{prometheus.NewDesc("people_insights_"+name, help, []string{"tenant"}, nil), prometheus.GaugeValue, value})
	}
	counter := func(name, help string, value func(*cache.Status) float64) {
		gauge(name, help, value)
		c.rows[len(c.rows)-1].kind = prometheus.CounterValue
	}
	gauge("directory_people", "People held; while filling, read so far.", func(s *cache.Status) float64 { return float64(s.People) })
	gauge("directory_suggestible_people", "People held whom suggestions can find.", func(s *cache.Status) float64 { return float64(s.Suggestible) })
	gauge("directory_groups", "Groups held.", func(s *cache.Status) float64 { return float64(s.Groups) })
	gauge("directory_contacts", "Contacts of the organisation's address book held.", func(s *cache.Status) float64 { return float64(s.Contacts) })
	gauge("directory_index_bytes", "Bytes of the type-ahead index, about.", func(s *cache.Status) float64 { return float64(s.IndexBytes) })
	gauge("directory_pickers", "Organizers of whom it is remembered whom they picked.", func(s *cache.Status) float64 { return float64(s.Pickers) })
	gauge("directory_picked", "People and groups whom they picked, of all together.", func(s *cache.Status) float64 { return float64(s.Picked) })
	gauge("directory_revision", "The revision: rises with every applied change.", func(s *cache.Status) float64 { return float64(s.Freshness.GetRevision()) })
	gauge("directory_fill_duration_seconds", "How long it took from the start until the directory was complete; 0 until then.", func(s *cache.Status) float64 { return s.FillDuration.Seconds() })
	gauge("directory_lag_seconds", "How far the copy may be behind Microsoft Graph: the time since the newest complete round began.", func(s *cache.Status) float64 { return since(s.PeopleFeed.LastRound) })
	gauge("directory_groups_lag_seconds", "The same for groups; 0 while there was no complete round.", func(s *cache.Status) float64 { return since(s.GroupFeed.LastRound) })
	gauge("directory_round_duration_seconds", "How long the newest complete round, or filling, took.", func(s *cache.Status) float64 { return s.PeopleFeed.Duration.Seconds() })
	counter("directory_rounds_total", "Rounds of changes that were complete.", func(s *cache.Status) float64 { return float64(s.PeopleFeed.Rounds) })
	counter("directory_round_failures_total", "Rounds and fillings that failed.", func(s *cache.Status) float64 { return float64(s.PeopleFeed.Failures) })
	counter("directory_fillings_total", "Times that everybody was listed because there was no delta link.", func(s *cache.Status) float64 { return float64(s.PeopleFeed.Fillings) })
	counter("directory_changes_total", "People, groups and contacts that were added, changed or removed.", func(s *cache.Status) float64 {
		return float64(s.PeopleFeed.Changes + s.GroupFeed.Changes + s.ContactFeed.Changes + s.Sweeping.Changes)
	})
	counter("directory_groups_failures_total", "Rounds and fillings of groups that failed.", func(s *cache.Status) float64 { return float64(s.GroupFeed.Failures) })
	counter("directory_contacts_failures_total", "Rounds and fillings of the address book's contacts that failed.", func(s *cache.Status) float64 { return float64(s.ContactFeed.Failures) })
	gauge("directory_removals_held_back", "Removals that wait for an operator.", func(s *cache.Status) float64 {
		if back := s.HeldBack(); back != nil {
			return float64(back.HeldBack)
		}
		return 0
	})
	counter("directory_sweeps_total", "Comparisons with all that Microsoft Graph lists that were complete.", func(s *cache.Status) float64 { return float64(s.Sweep.Sweeps) })
	counter("directory_sweep_failures_total", "Sweeps that failed.", func(s *cache.Status) float64 { return float64(s.Sweeping.Failures) })
	counter("directory_sweep_differences_total", "People whom sweeps found missing, surplus or changed, and corrected.", func(s *cache.Status) float64 {
		return float64(s.Sweep.Missing + s.Sweep.Surplus + s.Sweep.Changed)
	})
	gauge("directory_sweep_duration_seconds", "How long the newest sweep took.", func(s *cache.Status) float64 { return s.Sweep.Duration.Seconds() })
	counter("lookups_held_total", "Look-ups answered from the record.", func(s *cache.Status) float64 { return float64(s.Lookups.Held) })
	counter("lookups_remembered_total", "Look-ups answered from what was read through lately.", func(s *cache.Status) float64 { return float64(s.Lookups.Remembered) })
	counter("lookups_asked_total", "Look-ups answered by a question to Microsoft Graph.", func(s *cache.Status) float64 { return float64(s.Lookups.Asked) })
	counter("lookups_shared_total", "Look-ups answered by somebody else's question.", func(s *cache.Status) float64 { return float64(s.Lookups.Shared) })
	counter("lookups_failed_total", "Look-ups that had no answer, absence not among them.", func(s *cache.Status) float64 { return float64(s.Lookups.Failed) })
	counter("cache_hits_total", "Assembled profiles that were found in the cache.", func(s *cache.Status) float64 { return float64(s.Lookups.MemoHits) })
	counter("cache_misses_total", "Assembled profiles that had to be made.", func(s *cache.Status) float64 { return float64(s.Lookups.MemoMisses) })
	counter("photos_served_total", "Calls answered with a photo.", func(s *cache.Status) float64 { return float64(s.Photos.Served) })
	counter("photos_stale_total", "Of them, those with one that Microsoft Graph did not confirm in time.", func(s *cache.Status) float64 { return float64(s.Photos.Stale) })
	counter("photos_absent_total", "Calls answered that somebody has no photo.", func(s *cache.Status) float64 { return float64(s.Photos.Absent) })
	counter("photos_failed_total", "Calls for a photo that had no answer.", func(s *cache.Status) float64 { return float64(s.Photos.Failed) })
	counter("photos_asked_total", "Questions to Microsoft Graph for photos.", func(s *cache.Status) float64 { return float64(s.Photos.Asked) })
	gauge("graph_budget_units", "Resource units that may be spent in ten seconds.", func(s *cache.Status) float64 { return float64(s.Usage.Budget) })
	gauge("graph_spent_units", "Of them, those that are spent.", func(s *cache.Status) float64 { return float64(s.Usage.Spent) })
	gauge("graph_limit_used", "How much of its limit Microsoft Graph lately said is used, from 0.8 on; 0 where it did not say.", func(s *cache.Status) float64 { return s.Usage.Pressure })
	gauge("graph_failing", "1 while Microsoft Graph does not answer, so that only the synchronisation asks it.", func(s *cache.Status) float64 { return oneIf(s.Usage.Failing) })
	return c
}

// Describe implements prometheus.Collector.
func (c *directories) Describe(out chan<- *prometheus.Desc) {
	out <- c.state
	for _, row := range c.rows {
		out <- row.desc
	}
}

// Collect implements prometheus.Collector.
func (c *directories) Collect(out chan<- prometheus.Metric) {
	for id, tenant := range c.held() {
		status := tenant.Directory.Status()
		for _, row := range c.rows {
			out <- prometheus.MustNewConstMetric(row.desc, row.kind, row.value(&status), id)
		}
		for state, name := range map[pb.DirectoryState]string{
			pb.DirectoryState_DIRECTORY_STATE_FILLING: "filling", pb.DirectoryState_DIRECTORY_STATE_CURRENT: "current",
			pb.DirectoryState_DIRECTORY_STATE_STALE: "stale", pb.DirectoryState_DIRECTORY_STATE_HELD_BACK: "held_back",
		} {
			out <- prometheus.MustNewConstMetric(c.state, prometheus.GaugeValue, oneIf(status.State == state), id, name)
		}
	}
}

func since(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return time.Since(t).Seconds()
}

func oneIf(so bool) float64 {
	if so {
		return 1
	}
	return 0
}
