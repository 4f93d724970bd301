package insights

import (
	"context"
	"errors"

	"github.com/peopleinsights/peopleinsights/cache"
	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
)

// ReportPick remembers whom an organizer picked.
func (s *Service) ReportPick(ctx context.Context, in *pb.ReportPickRequest) (*pb.ReportPickResponse, error) {
	var bad invalid
	organizer := bad.organizer(ctx, in.GetOrganizer())
	picked := bad.id("picked_id", in.GetPickedId())
	if err := bad.err(); err != nil {
		return nil, err
	}
	directory, err := s.directory(ctx)
	if err != nil {
		return nil, err
	}
	named := organizer
	if organizer, err = yourself(ctx, directory, organizer); err != nil {
		return nil, err
	}
	if err := showsRef(ctx, directory, named); err != nil {
		return nil, err
	}
	if err := shows(ctx, picked); err != nil {
		return nil, err
	}
	err = directory.Pick(organizer, picked)
	if errors.Is(err, cache.ErrUnknownPick) {
		return nil, invalidField("picked_id", errors.New("must be a person or a group of the directory"))
	}
	if err != nil {
		return nil, ofOrganizer("organizer", err)
	}
	return &pb.ReportPickResponse{}, nil
}
