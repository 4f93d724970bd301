package cache

import (
	"context"

	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
)

// Members are those who are in a group or a channel.
type Members struct {
	People     []*pb.ProfileSummary // by display name without letter case, then by id; nobody twice
	Groups     []*pb.NestedGroup    // by display name, then by id
	Unreadable int                  // of whom the source tells the id alone
	Others     int                  // devices and applications
	Kind       pb.ChannelKind       // of a channel
	Freshness  *pb.Freshness        // as of the oldest part
}

// ExpandGroup returns who is in a group, by its id or one of its addresses; with nested,
// also who is in the groups within it, each opened once.
func (d *Directory) ExpandGroup(ctx context.Context, ref Ref, nested bool) (*Members, error) {
	return nil, ErrUnavailable
}

// ChannelMembers returns who is in a channel of a team, or in the team itself where
// channel is empty.
func (d *Directory) ChannelMembers(ctx context.Context, team, channel string) (*Members, error) {
	return nil, ErrUnavailable
}
