package contacts

import "github.com/prometheus/client_golang/prometheus"

// stores is the metrics of tenants' stores, read when they are asked for.
type stores struct {
	held func() map[string]*Store
	rows []metric
}

// metric is one figure of a store.
type metric struct {
	desc  *prometheus.Desc
	kind  prometheus.ValueType
	value func(Stats) float64
}

// NewMetrics returns the metrics of the stores that there are, which are by their tenants.
func NewMetrics(of func() map[string]*Store) prometheus.Collector {
	c := &stores{held: of}
	gauge := func(name, help string, value func(Stats) float64) {
		c.rows = append(c.rows, metric{prometheus.NewDesc("people_insights_own_contacts_"+name, help, []string{"tenant"}, nil), prometheus.GaugeValue, value})
	}
	counter := func(name, help string, value func(Stats) float64) {
		gauge(name, help, value)
		c.rows[len(c.rows)-1].kind = prometheus.CounterValue
	}
	gauge("held", "Own contacts held, of all people together.", func(s Stats) float64 { return float64(s.Contacts) })
	gauge("owners", "Callers and people of whom own contacts are held: each pair of them is one.", func(s Stats) float64 { return float64(s.Owners) })
	gauge("bytes", "Bytes that the own contacts held take, about.", func(s Stats) float64 { return float64(s.Bytes) })
	counter("reads_total", "Readings of one person's own contacts that were begun.", func(s Stats) float64 { return float64(s.Reads) })
	counter("read_failures_total", "Readings of own contacts that failed, or waited too long for their turn.", func(s Stats) float64 { return float64(s.Failures) })
	counter("pending_total", "Calls that were answered without own contacts because these were still being read.", func(s Stats) float64 { return float64(s.Pending) })
	return c
}

// Describe implements prometheus.Collector.
func (c *stores) Describe(out chan<- *prometheus.Desc) {
	for _, row := range c.rows {
		out <- row.desc
	}
}

// Collect implements prometheus.Collector.
func (c *stores) Collect(out chan<- prometheus.Metric) {
	for tenant, store := range c.held() {
		stats := store.Stats()
		for _, row := range c.rows {
			out <- prometheus.MustNewConstMetric(row.desc, row.kind, row.value(stats), tenant)
		}
	}
}
