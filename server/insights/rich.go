package insights

import (
	"context"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/peopleinsights/peopleinsights/cache"
	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
)

// withRich returns a profile with what the person has written of themselves, or the profile
// itself and why that is not there. It leaves enough of the caller's time to answer with the
// profile.
func withRich(ctx context.Context, directory cache.Reader, profile *pb.Profile) (*pb.Profile, error) {
	ctx, cancel := early(ctx)
	defer cancel()
	rich, err := directory.Rich(ctx, profile.GetId())
	if err != nil {
		return profile, err
	}
	whole := proto.CloneOf(profile) // both are shared with others
	rich.ProtoReflect().Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		if isRich(field.Number()) {
			whole.ProtoReflect().Set(field, value)
		}
		return true
	})
	return whole, nil
}

// early ends somewhat before a caller's time does.
func early(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return context.WithCancel(ctx)
	}
	return context.WithDeadline(ctx, deadline.Add(-min(time.Until(deadline)/10, maxReserve)))
}
