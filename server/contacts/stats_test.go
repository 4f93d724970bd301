package contacts

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/peopleinsights/peopleinsights/cache"
)

func TestStats(t *testing.T) {
	bubble(t, Config{TTL: time.Minute}, func(t *testing.T, s *Store, m *mailboxes) {
		busy(s, m)
		if got, want := s.Stats(), (Stats{Owners: 2, Contacts: 4, Bytes: 2 * weightOf("1", 2), Reads: 3, Failures: 1, Pending: 2}); got != want {
			t.Errorf("Stats() = %+v, want %+v", got, want)
		}
	})
}

// busy has a store read two mailboxes, one of them slow, and fail to read a third.
func busy(s *Store, m *mailboxes) {
	_, _ = ask(s, own("1")), ask(s, own("1"))
	m.take(5 * time.Second)
	_, _ = ask(s, own("2")), ask(s, own("2")) // both are too impatient
	_, _, _ = s.Folder(context.Background(), own("2"), "all")
	m.take(0)
	m.fail(cache.ErrDenied)
	_, _ = ask(s, own("3")), ask(s, own("3"))
}

func TestMetrics(t *testing.T) {
	bubble(t, Config{TTL: time.Minute, MaxBytes: 1 << 20}, func(t *testing.T, s *Store, m *mailboxes) {
		idle := New(Config{Source: m})
		defer idle.Close()
		busy(s, m)
		const want = `
			# HELP people_insights_own_contacts_held Own contacts held, of all people together.
			# TYPE people_insights_own_contacts_held gauge
			people_insights_own_contacts_held{tenant="contoso"} 4
			people_insights_own_contacts_held{tenant="fabrikam"} 0
			# HELP people_insights_own_contacts_owners Callers and people of whom own contacts are held: each pair of them is one.
			# TYPE people_insights_own_contacts_owners gauge
			people_insights_own_contacts_owners{tenant="contoso"} 2
			people_insights_own_contacts_owners{tenant="fabrikam"} 0
			# HELP people_insights_own_contacts_pending_total Calls that were answered without own contacts because these were still being read.
			# TYPE people_insights_own_contacts_pending_total counter
			people_insights_own_contacts_pending_total{tenant="contoso"} 2
			people_insights_own_contacts_pending_total{tenant="fabrikam"} 0
			# HELP people_insights_own_contacts_read_failures_total Readings of own contacts that failed, or waited too long for their turn.
			# TYPE people_insights_own_contacts_read_failures_total counter
			people_insights_own_contacts_read_failures_total{tenant="contoso"} 1
			people_insights_own_contacts_read_failures_total{tenant="fabrikam"} 0
			# HELP people_insights_own_contacts_reads_total Readings of one person's own contacts that were begun.
			# TYPE people_insights_own_contacts_reads_total counter
			people_insights_own_contacts_reads_total{tenant="contoso"} 3
			people_insights_own_contacts_reads_total{tenant="fabrikam"} 0
		`
		collector := NewMetrics(func() map[string]*Store { return map[string]*Store{"contoso": s, "fabrikam": idle} })
		if err := testutil.CollectAndCompare(collector, strings.NewReader(want), "people_insights_own_contacts_held", "people_insights_own_contacts_owners",
			"people_insights_own_contacts_pending_total", "people_insights_own_contacts_read_failures_total", "people_insights_own_contacts_reads_total"); err != nil {
			t.Error(err)
		}
		if n := testutil.CollectAndCount(collector, "people_insights_own_contacts_bytes"); n != 2 {
			t.Errorf("%d tenants tell of bytes, want 2", n)
		}
		if problems, err := testutil.CollectAndLint(collector); err != nil || len(problems) != 0 {
			t.Errorf("%v, %v", problems, err)
		}
	})
}
