package insights_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"google.golang.org/grpc/codes"

	"github.com/peopleinsights/peopleinsights/cache"
	"github.com/peopleinsights/peopleinsights/cache/sourcetest"
	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
	"github.com/peopleinsights/peopleinsights/server/insights"
)

func (s service) status(t *testing.T) *pb.GetDirectoryStatusResponse {
	t.Helper()
	out, err := s.GetDirectoryStatus(t.Context(), &pb.GetDirectoryStatusRequest{})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func (s service) refresh(t *testing.T, relist, confirm bool) (*pb.RefreshDirectoryResponse, error) {
	return s.RefreshDirectory(t.Context(), &pb.RefreshDirectoryRequest{Relist: relist, ConfirmRemovals: confirm})
}

func TestRefreshDirectory(t *testing.T) {
	s := start(t)
	s.source.Put(sourcetest.Someone(7))
	s.source.PutGroup(sourcetest.SomeGroup(1))
	out, err := s.refresh(t, false, false)
	if err != nil || out.Changes < 1 || out.Freshness.GetRevision() < 2 {
		t.Errorf("RefreshDirectory = %v, %v", out, err)
	}
	s.source.Slip(sourcetest.Someone(8))
	if out, err := s.refresh(t, true, false); err != nil || out.Changes != 1 {
		t.Errorf("RefreshDirectory that lists = %v, %v", out, err)
	}
	got := s.status(t)
	if got.People != 5 || got.Groups != 1 || got.Sweep.GetSweeps() != 1 || got.Sweep.GetMissingPeople() != 1 ||
		got.Sweep.LastTime == nil || got.Sweep.NextTime == nil || got.LastRoundTime == nil || got.Lag == nil || got.IndexBytes == 0 {
		t.Errorf("GetDirectoryStatus = %v", got)
	}
}

func TestRemovalsAreHeldBackUntilTheyAreConfirmed(t *testing.T) {
	s := start(t)
	for i := 100; i < 200; i++ {
		p := sourcetest.Someone(0)
		p.Profile.Id, p.Profile.UserPrincipalName = sourcetest.ID(i), fmt.Sprintf("m%d@contoso.com", i)
		s.source.Put(p)
	}
	if _, err := s.refresh(t, false, false); err != nil {
		t.Fatal(err)
	}
	for i := 100; i < 200; i++ {
		s.source.Remove(sourcetest.ID(i))
	}
	_, err := s.refresh(t, false, false)
	if code, reason, retry, _ := explain(t, err); code != codes.FailedPrecondition || reason != "REMOVALS_HELD_BACK" || retry {
		t.Errorf("RefreshDirectory = %v %s, retry %v", code, reason, retry)
	}
	got := s.status(t)
	if got.State != pb.DirectoryState_DIRECTORY_STATE_HELD_BACK || got.HeldBack.GetRemovals() != 100 || got.HeldBack.GetHeld() != 103 ||
		got.People != 103 || !got.Freshness.Stale || got.LastFailure.GetReason() != pb.ErrorReason_ERROR_REASON_REMOVALS_HELD_BACK ||
		!strings.Contains(got.LastFailure.GetMessage(), "RefreshDirectory") {
		t.Errorf("GetDirectoryStatus = %v", got)
	}
	if _, err := s.refresh(t, false, true); err != nil {
		t.Errorf("RefreshDirectory that confirms = %v", err)
	}
	if got := s.status(t); got.People != 3 || got.HeldBack != nil || got.LastFailure != nil {
		t.Errorf("GetDirectoryStatus = %v", got)
	}
}

// named is a failure that has a request id.
type named struct{ error }

func (named) RequestID() string { return "1234-abcd" }

func (n named) Unwrap() error { return n.error }

func TestStatusTellsOfGraph(t *testing.T) {
	s := start(t)
	s.source.SetUsage(cache.Usage{Calls: 7, Units: 9, Throttled: 2, Refused: 3, Budget: 4000, Spent: 5, Window: 10 * time.Second, Pressure: 0.9, Failing: true})
	s.source.Before(func(_ context.Context, method string) error {
		if method == "Changes" {
			return named{cache.ErrUnavailable}
		}
		return cache.ErrDenied
	})
	_, _ = s.refresh(t, false, false)
	got := s.status(t)
	u := got.GraphUsage
	if u.Calls != 7 || u.Units != 9 || u.ThrottledCalls != 2 || u.RefusedCalls != 3 || u.BudgetUnits != 4000 || u.SpentUnits != 5 ||
		u.Window.AsDuration() != 10*time.Second || u.LimitUsed != 0.9 || !u.Failing {
		t.Errorf("usage = %v", u)
	}
	if f := got.LastFailure; f.GetRequestId() != "1234-abcd" || f.GetReason() != pb.ErrorReason_ERROR_REASON_SOURCE_UNAVAILABLE || f.GetTime() == nil {
		t.Errorf("last failure = %v", f)
	}
	s.source.Before(nil)
	if _, err := s.refresh(t, false, false); err != nil {
		t.Fatal(err)
	}
	if got := s.status(t); got.LastFailure != nil || got.PastFailure.GetRequestId() != "1234-abcd" {
		t.Errorf("when it is over: last failure %v, past failure %v", got.LastFailure, got.PastFailure)
	}
}

func TestSpentQuotaIsResourceExhausted(t *testing.T) {
	s := start(t)
	s.source.Before(func(context.Context, string) error { return fmt.Errorf("spent: %w", cache.ErrQuota) })
	_, err := s.GetProfile(t.Context(), &pb.GetProfileRequest{Person: byID(sourcetest.ID(9))})
	if code, reason, retry, _ := explain(t, err); code != codes.ResourceExhausted || reason != "QUOTA_EXHAUSTED" || !retry {
		t.Errorf("GetProfile = %v %s, retry %v", code, reason, retry)
	}
}

// TestMetricsAreWellFormed has Prometheus look at names, help texts and types.
func TestMetricsAreWellFormed(t *testing.T) {
	registry := prometheus.NewRegistry()
	metrics := insights.NewMetrics(registry)
	s := start(t, func(c *insights.Config) {
		c.Metrics = metrics
		registry.MustRegister(insights.NewDirectoryMetrics(c.Tenants))
	})
	_ = s.status(t)
	problems, err := testutil.GatherAndLint(registry)
	if err != nil || len(problems) > 0 {
		t.Errorf("problems: %v, %v", problems, err)
	}
	if expected := "# HELP people_insights_calls_under_way Calls that are being answered.\n# TYPE people_insights_calls_under_way gauge\npeople_insights_calls_under_way 0\n"; testutil.GatherAndCompare(
		registry, strings.NewReader(expected), "people_insights_calls_under_way") != nil {
		t.Error("calls that were answered are counted as under way")
	}
	if n, err := testutil.GatherAndCount(registry, "people_insights_call_duration_seconds"); n != 1 || err != nil {
		t.Errorf("%d series of calls, %v; want one", n, err)
	}
}
