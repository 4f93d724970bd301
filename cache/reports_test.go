package cache_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/peopleinsights/peopleinsights/cache"
	"github.com/peopleinsights/peopleinsights/cache/sourcetest"
	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
)

// reporting puts the i-th person under a manager; under nobody if negative.
func (f fixture) reporting(i, manager int) { f.source.Put(under(i, manager)) }

func under(i, manager int) cache.Person {
	p := member(i)
	p.Profile.DisplayName = fmt.Sprint(i)
	if manager >= 0 {
		p.ManagerID = sourcetest.ID(manager)
	}
	return p
}

func lineText(line *cache.ReportingLine) string {
	list := func(people []*pb.ProfileSummary) string {
		var names []string
		for _, p := range people {
			names = append(names, p.DisplayName)
		}
		return strings.Join(names, " ")
	}
	return list(line.Managers) + " / " + list(line.Reports)
}

func (f fixture) expectLine(i int, want string) {
	f.t.Helper()
	line, err := f.ReportingLine(id(i), 0, true)
	if err != nil {
		f.t.Errorf("ReportingLine(%d) = %v", i, err)
		return
	}
	if got := lineText(line); got != want || line.Freshness.GetRevision() != f.Status().Freshness.Revision {
		f.t.Errorf("ReportingLine(%d) = %s of %v, want %s", i, got, line.Freshness, want)
	}
}

func TestReportingLine(t *testing.T) {
	source := &sourcetest.Memory{}
	for i, manager := range []int{-1, 0, 1, 2, 2, 2} {
		source.Put(under(i, manager))
	}
	run(t, cache.Config{}, source, func(f fixture) {
		f.expectLine(3, "2 1 0 / ")
		f.expectLine(2, "1 0 / 3 4 5")
		f.expectLine(0, " / 1")
		for levels, want := range map[int]string{1: "2 / ", 2: "2 1 / ", 9: "2 1 0 / "} {
			if line, err := f.ReportingLine(email("m3@contoso.com"), levels, false); err != nil || lineText(line) != want {
				t.Errorf("ReportingLine(3, %d) = %v, %v; want %s", levels, line, err, want)
			}
		}
		if line, _ := f.ReportingLine(id(2), 0, false); len(line.Reports) > 0 {
			t.Errorf("reports that were not asked for: %v", line.Reports)
		}
		for _, ref := range []cache.Ref{id(77), email("nobody@contoso.com")} {
			if _, err := f.ReportingLine(ref, 0, true); !errors.Is(err, cache.ErrNotFound) {
				t.Errorf("ReportingLine(%v) = %v, want %v", ref, err, cache.ErrNotFound)
			}
		}
		f.source.Slip(member(77))
		if _, err := f.ReportingLine(id(77), 0, true); !errors.Is(err, cache.ErrNotFound) || f.source.Asked("Find") > 0 {
			t.Errorf("ReportingLine of somebody who is not held = %v, after %d questions", err, f.source.Asked("Find"))
		}
	})
}

func TestReportsAreSortedByName(t *testing.T) {
	source := &sourcetest.Memory{}
	source.Put(under(0, -1))
	for i, name := range []string{"zoe", "Ana", "ana", "Émile", "BEA", "Ana", "ANA", "aNa", "anA", "ANa"} {
		p := under(i+1, 0)
		p.Profile.DisplayName = name
		if name == "BEA" {
			p.Profile.AccountState = pb.AccountState_ACCOUNT_STATE_DISABLED
		}
		source.Put(p)
	}
	run(t, cache.Config{}, source, func(f fixture) {
		line, err := f.ReportingLine(id(0), 0, true)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, p := range line.Reports {
			got = append(got, p.DisplayName+" "+strings.TrimLeft(p.Id[24:], "0"))
		}
		if want := []string{"Ana 2", "ana 3", "Ana 6", "ANA 7", "aNa 8", "anA 9", "ANa 10", "BEA 5", "zoe 1", "Émile 4"}; !slices.Equal(got, want) {
			t.Errorf("reports = %q, want %q", got, want)
		}
	})
}

func TestCirclesOfManagers(t *testing.T) {
	source := &sourcetest.Memory{}
	for i, manager := range []int{0, 2, 3, 1, 1, 99} { // their own; three in a circle; beside it; of nobody who is there
		source.Put(under(i, manager))
	}
	for i := 200; i < 350; i++ { // a long line
		source.Put(under(i, i-1))
	}
	run(t, cache.Config{}, source, func(f fixture) {
		f.expectLine(0, " / ")
		f.expectLine(1, "2 3 / 3 4")
		f.expectLine(4, "1 2 3 / ")
		f.expectLine(5, " / ")
		line, err := f.ReportingLine(id(349), 0, true)
		if err != nil || len(line.Managers) != 100 || line.Managers[99].DisplayName != "249" {
			t.Errorf("a long line has %d managers, %v; want 100", len(line.Managers), err)
		}
	})
}

// TestReportsFollowChanges has people get other managers, go and come, few and many at a
// time, and be listed anew.
func TestReportsFollowChanges(t *testing.T) {
	source := &sourcetest.Memory{}
	const n = 1200
	for i := range n {
		source.Put(under(i, -1))
	}
	run(t, cache.Config{MaxRemovedShare: 1, MaxRemoved: n}, source, func(f fixture) {
		f.expectLine(1, " / ")
		f.reporting(2, 1)
		f.reporting(3, 1)
		f.reporting(4, 1)
		f.pass(interval)
		f.expectLine(1, " / 2 3 4")
		renamed := under(1, 0) // the manager's own record changes
		renamed.Profile.DisplayName = "one"
		f.source.Put(renamed)
		f.reporting(3, 2)
		f.pass(interval)
		f.expectLine(1, "0 / 2 4")
		f.expectLine(3, "2 one 0 / ")
		f.source.Remove(sourcetest.ID(1)) // the manager goes, and comes back
		f.pass(interval)
		f.expectLine(2, " / 3")
		f.source.Put(under(1, -1))
		f.source.Remove(sourcetest.ID(4))
		f.pass(interval)
		f.expectLine(1, " / 2")
		for i := 5; i < n; i++ { // so many that a copy is changed
			f.reporting(i, 5+i%3)
		}
		f.pass(interval)
		f.expectReports(1, 1)
		for i := 5; i < 8; i++ {
			f.expectReports(i, 398+i/7)
		}
		for i := 5; i < 600; i++ {
			f.reporting(i, 1)
		}
		for i := 600; i < n; i++ {
			f.source.Remove(sourcetest.ID(i))
		}
		f.pass(interval)
		f.expectReports(1, 596)
		f.expectReports(7, 0)
		f.source.LosePeopleTokens() // everybody is listed anew
		f.source.Slip(under(9, 8))
		f.source.Slip(under(10, -1))
		f.pass(2 * interval)
		f.expectLine(8, "1 / 9")
		f.expectReports(1, 594)
		f.source.Slip(under(11, 8)) // a sweep tells
		f.pass(25 * time.Hour)
		f.expectLine(8, "1 / 11 9")
		f.expectReports(1, 593)
	})
}

func (f fixture) expectReports(i, want int) {
	f.t.Helper()
	line, err := f.ReportingLine(id(i), 0, true)
	if err != nil || len(line.Reports) != want {
		f.t.Errorf("ReportingLine(%d) has %d reports, %v; want %d", i, len(line.Reports), err, want)
		return
	}
	for _, r := range line.Reports {
		p, err := f.profile(cache.Ref{ID: r.Id})
		if err != nil || p.Manager.GetId() != sourcetest.ID(i) {
			f.t.Errorf("%s reports to %d, and has the manager %v, %v", r.DisplayName, i, p.GetManager(), err)
		}
	}
}

// TestReadersOfACopiedList has many changes be made to a copy, before they are live: who
// reads meanwhile reads what was.
func TestReadersOfACopiedList(t *testing.T) {
	source := &sourcetest.Memory{}
	for i := range 700 {
		source.Put(under(i, i%2))
	}
	run(t, cache.Config{}, source, func(f fixture) {
		f.Writing(t, func(apply func([]cache.Person, func())) {
			var some []cache.Person
			for i := 2; i < 602; i++ {
				some = append(some, under(i, 2))
			}
			apply(some, func() {
				f.expectReports(1, 349) // not themself
				f.expectReports(0, 349)
			})
		})
		f.expectReports(2, 599)
		f.expectReports(0, 49)
	})
}

// filled is a directory of so many people, eight to a manager.
func filled(b *testing.B, n int) *cache.Directory {
	source := &sourcetest.Memory{PageSize: 999}
	for i := range n {
		source.Put(under(i, i/8))
	}
	d, err := cache.New(cache.Config{Source: source})
	if err != nil {
		b.Fatal(err)
	}
	ctx, stop := context.WithCancel(b.Context())
	ended := make(chan error)
	go func() { ended <- d.Run(ctx) }()
	<-d.Filled()
	b.Cleanup(func() { stop(); <-ended; d.Close() })
	return d
}

func BenchmarkReportingLine(b *testing.B) {
	d := filled(b, 10_000)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := d.As(cache.Everything).ReportingLine(id(1000), 0, true); err != nil {
			b.Fatal(err)
		}
	}
}
