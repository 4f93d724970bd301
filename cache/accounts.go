package cache

import (
	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
)

// MatchAccounts returns whose addresses these are, in their order, all of one revision.
func (d *Directory) MatchAccounts(emails []string) ([]*pb.AccountMatch, *pb.Freshness, error) {
	return nil, nil, ErrUnavailable
}
