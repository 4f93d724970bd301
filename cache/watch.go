package cache

import (
	"context"

	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
)

// Position is how far a watch has come. The zero Position is before everything.
type Position struct {
	Epoch    string
	Revision int64
}

// Update is what has become of people who are watched.
type Update struct {
	People    []WatchedAnswer // by their place, ascending
	Freshness *pb.Freshness   // nil until the directory is complete
	Resumed   bool            // of the first update: it goes on from the position
}

// WatchedAnswer is how one of the people watched is now.
type WatchedAnswer struct {
	Index int // the place among those watched
	Answer
}

// Watch sends how people are, and then each change, until ctx ends or send fails. While
// send has not returned, nothing is kept for it: it gets the newest state next. It fails
// with ErrBusy where as many watches are under way as may be.
func (d *Directory) Watch(ctx context.Context, refs []Ref, from Position, send func(Update) error) error {
	return ErrUnavailable
}
