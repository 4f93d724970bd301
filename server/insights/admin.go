package insights

import (
	"context"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/peopleinsights/peopleinsights/cache"
	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
	"github.com/peopleinsights/peopleinsights/server/auth"
)

// GetDirectoryStatus tells how the caller's organisation is held in memory.
func (s *Service) GetDirectoryStatus(ctx context.Context, _ *pb.GetDirectoryStatusRequest) (*pb.GetDirectoryStatusResponse, error) {
	directory, err := s.directory(ctx)
	if err != nil {
		return nil, err
	}
	caller, _ := auth.FromContext(ctx)
	status := directory.Status()
	out := &pb.GetDirectoryStatusResponse{
		TenantId:                    caller.Tenant,
		State:                       status.State,
		People:                      int64(status.People),
		ExpectedPeople:              int64(status.Expected),
		SuggestiblePeople:           int64(status.Suggestible),
		Groups:                      int64(status.Groups),
		IndexBytes:                  int64(status.IndexBytes),
		Freshness:                   status.Freshness,
		StartTime:                   timestamppb.New(status.Start),
		FillDuration:                duration(status.FillDuration),
		NextRoundTime:               timestamp(status.PeopleFeed.NextRound),
		Rounds:                      status.PeopleFeed.Rounds,
		Fillings:                    status.PeopleFeed.Fillings,
		LastRoundTime:               timestamp(status.PeopleFeed.LastRound),
		LastRoundDuration:           duration(status.PeopleFeed.Duration),
		LastFailure:                 failureOf(status.PeopleFeed.Failure),
		PastFailure:                 failureOf(status.PeopleFeed.Past),
		LastGroupFailure:            failureOf(status.GroupFeed.Failure),
		Watches:                     int64(status.Watches),
		DirectoryContacts:           int64(status.Contacts),
		LastDirectoryContactFailure: failureOf(status.ContactFeed.Failure),

		GraphUsage: usageOf(status.Usage),
		Sweep: &pb.SweepStatus{
			Sweeps:        status.Sweep.Sweeps,
			LastTime:      timestamp(status.Sweep.Time),
			LastDuration:  duration(status.Sweep.Duration),
			NextTime:      timestamp(status.Sweeping.NextRound),
			MissingPeople: status.Sweep.Missing,
			SurplusPeople: status.Sweep.Surplus,
			ChangedPeople: status.Sweep.Changed,
			LastFailure:   failureOf(status.Sweeping.Failure),
		},
	}
	if !status.PeopleFeed.LastRound.IsZero() {
		out.Lag = durationpb.New(time.Since(status.PeopleFeed.LastRound))
	}
	if back := status.HeldBack(); back != nil {
		out.HeldBack = &pb.HeldBack{Removals: int64(back.HeldBack), Held: int64(back.HeldOf), Groups: back == &status.GroupFeed, Contacts: back == &status.ContactFeed}
	}
	return out, nil
}

// RefreshDirectory reads Graph at once.
func (s *Service) RefreshDirectory(ctx context.Context, in *pb.RefreshDirectoryRequest) (*pb.RefreshDirectoryResponse, error) {
	directory, err := s.directory(ctx)
	if err != nil {
		return nil, err
	}
	done, err := directory.Refresh(ctx, cache.Refresh{Relist: in.GetRelist(), ConfirmRemovals: in.GetConfirmRemovals()})
	if err != nil {
		return nil, err
	}
	return &pb.RefreshDirectoryResponse{Freshness: done.Freshness, Changes: done.Changes}, nil
}

func failureOf(f *cache.Failure) *pb.SourceFailure {
	if f == nil {
		return nil
	}
	return &pb.SourceFailure{
		Time:      timestamppb.New(f.Time),
		Reason:    failed(f.Err).reason,
		Message:   f.Err.Error(),
		RequestId: cache.RequestID(f.Err),
	}
}

func usageOf(u cache.Usage) *pb.GraphUsage {
	return &pb.GraphUsage{
		Calls:          u.Calls,
		Units:          u.Units,
		BudgetUnits:    int64(u.Budget),
		SpentUnits:     int64(u.Spent),
		Window:         duration(u.Window),
		ThrottledCalls: u.Throttled,
		RefusedCalls:   u.Refused,
		LimitUsed:      u.Pressure,
		Failing:        u.Failing,
	}
}

// duration is unset for none.
func duration(d time.Duration) *durationpb.Duration {
	if d == 0 {
		return nil
	}
	return durationpb.New(d)
}

// timestamp is unset for the zero time.
func timestamp(t time.Time) *timestamppb.Timestamp {
	if t.IsZero() {
		return nil
	}
	return timestamppb.New(t)
}
