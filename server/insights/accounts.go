package insights

import (
	"context"

	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
)

// MatchAccounts answers whose addresses these are.
func (s *Service) MatchAccounts(ctx context.Context, in *pb.MatchAccountsRequest) (*pb.MatchAccountsResponse, error) {
	var bad invalid
	bad.inBatch("emails", len(in.GetEmails()))
	if err := bad.err(); err != nil {
		return nil, err
	}
	directory, err := s.directory(ctx)
	if err != nil {
		return nil, err
	}
	matches, freshness, err := directory.MatchAccounts(in.GetEmails())
	if err != nil {
		return nil, err
	}
	if err := showsMatches(ctx, matches); err != nil {
		return nil, err
	}
	return &pb.MatchAccountsResponse{Matches: matches, Freshness: freshness}, nil
}
