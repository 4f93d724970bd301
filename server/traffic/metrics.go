package traffic

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// The metrics of traffic, which name nobody.
var (
	refusedDesc = prometheus.NewDesc("people_insights_refused_total",
		"Calls and connections that were refused, by reason: caller_rate, tenant_rate, people (more in an hour than may be seen), memory (no more callers or people can be remembered), overload, share (of one caller or tenant), connections.",
		[]string{"reason"}, nil)
	callersDesc     = prometheus.NewDesc("people_insights_callers", "Callers with limits that are remembered.", nil, nil)
	shownDesc       = prometheus.NewDesc("people_insights_shown_people", "People remembered as shown within the hour, of each caller anew.", nil, nil)
	insideDesc      = prometheus.NewDesc("people_insights_calls_inside", "Calls between their arrival and their end, watches aside.", nil, nil)
	limitDesc       = prometheus.NewDesc("people_insights_calls_limit", "How many calls may be inside at once; further ones are shed. Falls while they wait too long.", nil, nil)
	delayDesc       = prometheus.NewDesc("people_insights_arrival_delay_seconds", "How long calls lately waited between their arrival and their answering, on average.", nil, nil)
	connectionsDesc = prometheus.NewDesc("people_insights_connections", "Connections that are open.", nil, nil)
)

// Describe implements prometheus.Collector.
func (t *Traffic) Describe(out chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{refusedDesc, callersDesc, shownDesc, insideDesc, limitDesc, delayDesc, connectionsDesc} {
		out <- desc
	}
}

// Collect implements prometheus.Collector.
func (t *Traffic) Collect(out chan<- prometheus.Metric) {
	for i, name := range reasonNames {
		out <- prometheus.MustNewConstMetric(refusedDesc, prometheus.CounterValue, float64(t.refused[i].Load()), name)
	}
	t.mu.Lock()
	callers := len(t.callers)
	t.mu.Unlock()
	for _, row := range []struct {
		desc  *prometheus.Desc
		value float64
	}{
		{callersDesc, float64(callers)},
		{shownDesc, float64(t.people.Load())},
		{insideDesc, float64(t.house.inside.Load())},
		{limitDesc, float64(t.house.limit.Load())},
		{delayDesc, time.Duration(t.house.delay.Load()).Seconds()},
		{connectionsDesc, float64(t.connections.Load())},
	} {
		out <- prometheus.MustNewConstMetric(row.desc, prometheus.GaugeValue, row.value)
	}
}
