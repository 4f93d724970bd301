package insights

import (
	"context"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

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
		TenantId:          caller.Tenant,
		State:             status.State,
		People:            int64(status.People),
		ExpectedPeople:    int64(status.Expected),
		SuggestiblePeople: int64(status.Suggestible),
		Freshness:         status.Freshness,
		StartTime:         timestamppb.New(status.Start),
		NextRoundTime:     timestamp(status.NextRound),
		Rounds:            status.Rounds,
	}
	if status.FillDuration > 0 {
		out.FillDuration = durationpb.New(status.FillDuration)
	}
	if failure := status.Failure; failure != nil {
		out.LastFailure = &pb.SourceFailure{
			Time:    timestamppb.New(failure.Time),
			Reason:  failed(failure.Err).reason,
			Message: failure.Err.Error(),
		}
	}
	return out, nil
}

// timestamp is unset for the zero time.
func timestamp(t time.Time) *timestamppb.Timestamp {
	if t.IsZero() {
		return nil
	}
	return timestamppb.New(t)
}
