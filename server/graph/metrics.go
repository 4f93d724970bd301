package graph

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics count what Graph is asked, for all tenants of a process.
type Metrics struct {
	calls     *prometheus.HistogramVec
	units     *prometheus.CounterVec
	throttled *prometheus.CounterVec
	refusals  *prometheus.CounterVec
}

// NewMetrics returns metrics that registry knows.
func NewMetrics(registry prometheus.Registerer) *Metrics {
	m := &Metrics{
		calls: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "people_insights_graph_call_duration_seconds",
			Help: "How long Microsoft Graph took to begin its answer, by what was asked and the status; error where there was none.",
			// From a cached look-up to a page that Graph gave up on.
			Buckets: []float64{.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}, []string{"tenant", "route", "code"}),
		units: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "people_insights_graph_units_total",
			Help: "Resource units of Microsoft Graph that were spent, by the priority of the call.",
		}, []string{"tenant", "priority"}),
		throttled: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "people_insights_graph_throttled_total",
			Help: "Calls that Microsoft Graph refused because too much was asked, by the priority of the call.",
		}, []string{"tenant", "priority"}),
		refusals: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "people_insights_graph_refused_total",
			Help: "Calls that were not made: the budget was spent (quota), Graph had asked to be left alone (throttled), or it was not answering (breaker).",
		}, []string{"tenant", "reason"}),
	}
	registry.MustRegister(m.calls, m.units, m.throttled, m.refusals)
	return m
}

// meter is one tenant's metrics. A nil meter counts nothing.
type meter struct {
	*Metrics
	tenant string
}

func (m *Metrics) of(tenant string) *meter {
	if m == nil {
		return nil
	}
	for p := low; p <= high; p++ { // so that they are there before the first call
		m.units.WithLabelValues(tenant, p.String())
		m.throttled.WithLabelValues(tenant, p.String())
	}
	for _, why := range []string{"quota", "throttled", "breaker"} {
		m.refusals.WithLabelValues(tenant, why)
	}
	return &meter{m, tenant}
}

// Forget lets go of a tenant that is asked no more.
func (m *Metrics) Forget(tenant string) {
	for _, of := range []interface {
		DeletePartialMatch(prometheus.Labels) int
	}{m.calls, m.units, m.throttled, m.refusals} {
		of.DeletePartialMatch(prometheus.Labels{"tenant": tenant})
	}
}

func (m *meter) called(route string, response *http.Response, took time.Duration) {
	if m == nil {
		return
	}
	code := "error"
	if response != nil {
		code = strconv.Itoa(response.StatusCode)
	}
	m.calls.WithLabelValues(m.tenant, route, code).Observe(took.Seconds())
}

func (m *meter) spent(p priority, units int, throttled bool) {
	if m == nil {
		return
	}
	m.units.WithLabelValues(m.tenant, p.String()).Add(float64(units))
	if throttled {
		m.throttled.WithLabelValues(m.tenant, p.String()).Inc()
	}
}

func (m *meter) refused(why string) {
	if m != nil {
		m.refusals.WithLabelValues(m.tenant, why).Inc()
	}
}
