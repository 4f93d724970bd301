package cache

import (
	"context"

	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
)

// Rich returns what a person of the directory has written of themselves: of the profile
// the fields of the rich profile alone are set.
func (d *Directory) Rich(ctx context.Context, id string) (*pb.Profile, error) {
	return nil, ErrUnavailable
}
