package client

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
)

// How long a watch pauses before it is begun again: longer each time that nothing came,
// and as long as the service asks where it does.
const (
	firstPause = 100 * time.Millisecond
	maxPause   = 15 * time.Second
)

// Watch watches people until ctx ends, and hands each message to receive, one after the
// other. Where the connection breaks, or the service is stopped or unavailable, it watches
// again after a pause of at most 15 seconds, or as long as the service asks, from where it
// was: what changed meanwhile is told, or everybody is told anew, if another replica answers.
//
// A watch that ends because its token has expired goes on with the next one.
// It returns the error of receive, ctx's own, or the service's where asking again cannot
// mend it. The request is not changed. Broken, unless nil, is told of each break, and how
// long the pause is.
func (c *Client) Watch(ctx context.Context, request *pb.WatchProfilesRequest, receive func(*pb.WatchProfilesResponse) error, broken func(err error, pause time.Duration)) error {
	request = proto.CloneOf(request)
	for pause := firstPause; ; pause = min(2*pause, maxPause) {
		came, err := c.watchOnce(ctx, request, receive)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case status.Code(err) == codes.DeadlineExceeded && hasDeadline(ctx):
			<-ctx.Done() // the service ends a little earlier
			return ctx.Err()
		case came && status.Code(err) == codes.Unauthenticated: // the token has expired; there may be a new one
			pause = firstPause
		case !mendable(err):
			if own, ok := errors.AsType[received](err); ok {
				return own.error
			}
			return err
		case came:
			pause = firstPause
		}
		// Not all at the same time: a service that is started anew has many who watched.
		wait := max(pause/2+rand.N(pause), RetryAfter(err))
		if broken != nil {
			broken(err, wait)
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-timer.C:
		}
	}
}

func hasDeadline(ctx context.Context) bool {
	_, ok := ctx.Deadline()
	return ok
}

// received is an error of the function that takes the messages.
type received struct{ error }

// watchOnce watches until that fails, and keeps in the request where it was. It tells
// whether anything came.
func (c *Client) watchOnce(ctx context.Context, request *pb.WatchProfilesRequest, receive func(*pb.WatchProfilesResponse) error) (came bool, err error) {
	ctx, cancel := context.WithCancel(ctx) // a stream that nobody reads to its end
	defer cancel()
	stream, err := c.WatchProfiles(ctx, request)
	if err != nil {
		return false, err
	}
	for {
		message, err := stream.Recv()
		if err != nil {
			return came, err
		}
		came = true
		if err := receive(message); err != nil {
			return came, received{err}
		}
		// Only a whole update can be gone on from.
		if f := message.GetFreshness(); f != nil {
			request.Resume = &pb.WatchPosition{Epoch: f.GetEpoch(), Revision: f.GetRevision()}
		}
	}
}

// mendable tells whether watching again may help: the service says so, or it is not the
// service that ended the stream.
func mendable(err error) bool {
	if _, ok := errors.AsType[received](err); ok {
		return false
	}
	if errors.Is(err, io.EOF) {
		return true
	}
	switch status.Code(err) {
	case codes.Unavailable:
		return true
	case codes.Internal, codes.Canceled: // cut off by something between here and there
		return Reason(err) == pb.ErrorReason_ERROR_REASON_UNSPECIFIED
	default:
		return RetryAfter(err) > 0
	}
}
