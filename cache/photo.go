package cache

import (
	"context"

	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
)

// ProfilePhoto is a photo as a caller gets it.
type ProfilePhoto struct {
	Photo     *Photo
	ETag      string // made of the image's bytes
	Width     int    // in pixels; 0 where the image does not say
	Height    int
	Freshness *pb.Freshness
}

// Photo returns the photo of one person, in about the size that is asked for, in pixels.
func (d *Directory) Photo(ctx context.Context, ref Ref, size int) (*ProfilePhoto, error) {
	return nil, ErrUnavailable
}
