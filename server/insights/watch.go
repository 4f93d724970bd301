package insights

import (
	"context"
	"fmt"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/peopleinsights/peopleinsights/cache"
	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
)

// WatchProfiles sends how people are, and then each change of them.
func (s *Service) WatchProfiles(in *pb.WatchProfilesRequest, stream grpc.ServerStreamingServer[pb.WatchProfilesResponse]) error {
	var bad invalid
	if len(in.GetPeople()) == 0 {
		bad.add("people", "must name somebody")
	}
	bad.inBatch("people", len(in.GetPeople()))
	refs := make([]cache.Ref, min(len(in.GetPeople()), maxBatch))
	for i := range refs {
		refs[i] = bad.person(fmt.Sprintf("people[%d]", i), in.GetPeople()[i])
	}
	mask := bad.plainMask("read_mask", in.GetReadMask())
	if err := bad.err(); err != nil {
		return err
	}
	ctx := stream.Context()
	directory, err := s.directory(ctx)
	if err != nil {
		return err
	}
	if err := showsWatched(ctx, directory, refs); err != nil {
		return err
	}
	from := cache.Position{Epoch: in.GetResume().GetEpoch(), Revision: in.GetResume().GetRevision()}
	now := sessionOf(ctx)
	return directory.Watch(ctx, refs, from, func(update cache.Update) error {
		if s.moved(now) {
			return ErrStopping // what they see by now is another watch's
		}
		for _, message := range messagesOf(update, mask, inquiryOf(ctx)) {
			if err := stream.Send(message); err != nil {
				return unsent(ctx, err)
			}
		}
		return nil
	})
}

// unsent is why a message could not be sent: as a rule, whom it was for is not there any
// more.
func unsent(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	switch status.Code(err) {
	case codes.Canceled, codes.Unavailable, codes.DeadlineExceeded:
		return context.Canceled
	}
	return err
}

// maxUpdate is how large a message of a watch may be, in bytes, unless one person alone is
// larger. gRPC's buffers have 32 KiB, or else 1 MiB, and each watch that nobody reads holds
// on to some: a thousand of them must not take gigabytes.
const maxUpdate = 30 << 10

// messagesOf are the messages of an update: at least one, the last of which alone says how
// fresh it is.
func messagesOf(update cache.Update, mask *mask, inquiry *inquiry) []*pb.WatchProfilesResponse {
	message := &pb.WatchProfilesResponse{Resumed: update.Resumed}
	messages := []*pb.WatchProfilesResponse{message}
	size := 0
	for _, answer := range update.People {
		person := &pb.WatchedProfile{Index: int32(answer.Index)}
		if answer.Err != nil {
			person.State = &pb.WatchedProfile_Problem{Problem: problemOf(answer.Err)}
		} else {
			profile := mask.of(answer.Profile)
			inquiry.profile(answer.Profile, profile)
			person.State = &pb.WatchedProfile_Profile{Profile: profile}
		}
		takes := proto.Size(person) + 4 // with what stands before it
		if size > 0 && size+takes > maxUpdate {
			message, size = &pb.WatchProfilesResponse{Resumed: update.Resumed}, 0
			messages = append(messages, message)
		}
		message.People = append(message.People, person)
		size += takes
	}
	message.Freshness = update.Freshness
	return messages
}
