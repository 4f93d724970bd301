package client_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/peopleinsights/peopleinsights/client"
	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
)

// turn is how a watch goes: what is sent, and what ends it; nil leaves it open.
type turn struct {
	sends []*pb.WatchProfilesResponse
	err   error
}

// update is a message that completes an update.
func update(revision int64) *pb.WatchProfilesResponse {
	return &pb.WatchProfilesResponse{
		People:    []*pb.WatchedProfile{{State: &pb.WatchedProfile_Profile{Profile: &pb.Profile{DisplayName: "Ana Example"}}}},
		Freshness: &pb.Freshness{Epoch: "e", Revision: revision},
	}
}

// part is a message with more to come.
func part() *pb.WatchProfilesResponse { return &pb.WatchProfilesResponse{} }

// watched serves turns, one after the other, and keeps what was asked.
type watched struct {
	turns []turn
	mu    sync.Mutex
	asked []*pb.WatchProfilesRequest
	left  chan struct{} // closed when the caller of a turn that was left open is gone
}

func (w *watched) watch(in *pb.WatchProfilesRequest, stream grpc.ServerStreamingServer[pb.WatchProfilesResponse]) error {
	next := turn{err: status.Error(codes.FailedPrecondition, "asked too often")}
	w.mu.Lock()
	if len(w.asked) < len(w.turns) {
		next = w.turns[len(w.asked)]
	}
	w.asked = append(w.asked, in)
	w.mu.Unlock()
	for _, message := range next.sends {
		if err := stream.Send(message); err != nil {
			return err
		}
	}
	if next.err == nil {
		<-stream.Context().Done()
		close(w.left)
	}
	return next.err
}

// requests are those that came so far.
func (w *watched) requests() []*pb.WatchProfilesRequest {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.asked)
}

func (w *watched) connect(t *testing.T) *client.Client {
	w.left = make(chan struct{})
	return connectService(t, client.Config{Timeout: 50 * time.Millisecond}, service{watch: w.watch})
}

var errEnough = errors.New("enough")

// told is an error as the service tells it.
func told(t *testing.T, code codes.Code, reason string, retry time.Duration) error {
	t.Helper()
	s, err := status.New(code, "no").WithDetails(&errdetails.ErrorInfo{Reason: reason, Domain: "peopleinsights"},
		&errdetails.RetryInfo{RetryDelay: durationpb.New(retry)})
	if err != nil {
		t.Fatal(err)
	}
	return s.Err()
}

// TestWatchGoesOn has a watch end in each way that asking again may mend, and looks for
// where it goes on.
func TestWatchGoesOn(t *testing.T) {
	unavailable := status.Error(codes.Unavailable, "stopping")
	for _, row := range []struct {
		what  string
		turns []turn
		from  []int64 // the revisions resumed from; 0 where there is no resume
	}{
		{"a stopped service", []turn{{[]*pb.WatchProfilesResponse{update(3)}, unavailable}, {[]*pb.WatchProfilesResponse{update(9)}, nil}}, []int64{0, 3}},
		{"one that stays away", []turn{{nil, unavailable}, {nil, unavailable}, {[]*pb.WatchProfilesResponse{update(9)}, nil}}, []int64{0, 0, 0}},
		{"half of an update", []turn{{[]*pb.WatchProfilesResponse{update(3), part()}, unavailable}, {[]*pb.WatchProfilesResponse{update(9)}, nil}}, []int64{0, 3}},
		{"half of the first one", []turn{{[]*pb.WatchProfilesResponse{part()}, unavailable}, {[]*pb.WatchProfilesResponse{update(9)}, nil}}, []int64{0, 0}},
		{"a crowd", []turn{{nil, told(t, codes.ResourceExhausted, "OVERLOADED", time.Millisecond)}, {[]*pb.WatchProfilesResponse{update(9)}, nil}}, []int64{0, 0}},
		{"a cut on the way", []turn{{[]*pb.WatchProfilesResponse{update(3)}, status.Error(codes.Internal, "RST_STREAM")}, {[]*pb.WatchProfilesResponse{update(9)}, nil}}, []int64{0, 3}},
	} {
		w := &watched{turns: row.turns}
		c := w.connect(t)
		request := &pb.WatchProfilesRequest{People: []*pb.PersonRef{client.ByEmail("ana@contoso.com")}}
		breaks := 0
		err := c.Watch(t.Context(), request, func(message *pb.WatchProfilesResponse) error {
			if message.GetFreshness().GetRevision() == 9 {
				return errEnough
			}
			return nil
		}, func(err error, pause time.Duration) {
			if breaks++; err == nil || pause <= 0 {
				t.Errorf("a break by %v, for %v", err, pause)
			}
		})
		if want := len(row.turns) - 1; breaks != want {
			t.Errorf("after %s, %d breaks were told, want %d", row.what, breaks, want)
		}
		if !errors.Is(err, errEnough) {
			t.Errorf("after %s, Watch = %v, want the function's own error", row.what, err)
			continue
		}
		<-w.left // a watch that was left is ended
		var from []int64
		for _, in := range w.requests() {
			from = append(from, in.GetResume().GetRevision())
			if (in.GetResume() != nil) != (in.GetResume().GetEpoch() == "e") || len(in.GetPeople()) != 1 {
				t.Errorf("after %s, the service is asked %v", row.what, in)
			}
		}
		if !slices.Equal(from, row.from) || request.Resume != nil {
			t.Errorf("after %s, watches go on from %v, want %v; the caller's request has %v", row.what, from, row.from, request.Resume)
		}
	}
}

// TestWatchEnds has a watch end in ways that asking again cannot mend.
func TestWatchEnds(t *testing.T) {
	for _, err := range []error{
		status.Error(codes.InvalidArgument, "no"), status.Error(codes.Unauthenticated, "no"), status.Error(codes.Unimplemented, "no"),
		told(t, codes.Internal, "INTERNAL", 0),
	} {
		w := &watched{turns: []turn{{nil, err}}}
		c := w.connect(t)
		got := c.Watch(t.Context(), &pb.WatchProfilesRequest{}, func(*pb.WatchProfilesResponse) error { return nil }, nil)
		if status.Code(got) != status.Code(err) || len(w.requests()) != 1 {
			t.Errorf("Watch = %v after %d watches, want %v after one", got, len(w.requests()), err)
		}
	}
}

// TestGRPCDoesNotBeginWatchesAgain has a watch fail that gRPC's own retries would repeat:
// they know neither where it was nor when to ask.
func TestGRPCDoesNotBeginWatchesAgain(t *testing.T) {
	w := &watched{turns: []turn{{nil, status.Error(codes.Unavailable, "no")}}}
	stream, err := w.connect(t).WatchProfiles(t.Context(), &pb.WatchProfilesRequest{})
	if err == nil {
		_, err = stream.Recv()
	}
	if status.Code(err) != codes.Unavailable || len(w.requests()) != 1 {
		t.Errorf("WatchProfiles = %v after %d watches, want Unavailable after one", err, len(w.requests()))
	}
}

// TestWatchEndsAtItsDeadline has the service end a watch a little before its time is up.
func TestWatchEndsAtItsDeadline(t *testing.T) {
	w := &watched{turns: []turn{{[]*pb.WatchProfilesResponse{update(3)}, status.Error(codes.DeadlineExceeded, "time")}}}
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	err := w.connect(t).Watch(ctx, &pb.WatchProfilesRequest{}, func(*pb.WatchProfilesResponse) error { return nil }, nil)
	if !errors.Is(err, context.DeadlineExceeded) || len(w.requests()) != 1 {
		t.Errorf("Watch = %v after %d watches, want that its time was up", err, len(w.requests()))
	}
}

// TestWatchEndsWithItsContext ends a watch that is open, for longer than a call may take,
// and one that pauses.
func TestWatchEndsWithItsContext(t *testing.T) {
	for what, last := range map[string]error{"open": nil, "pausing": told(t, codes.Unavailable, "SOURCE_UNAVAILABLE", time.Hour)} {
		w := &watched{turns: []turn{{[]*pb.WatchProfilesResponse{update(3)}, last}}}
		c := w.connect(t)
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(200*time.Millisecond, cancel)
		err := c.Watch(ctx, &pb.WatchProfilesRequest{}, func(*pb.WatchProfilesResponse) error { return nil }, nil)
		if !errors.Is(err, context.Canceled) || ctx.Err() == nil || len(w.requests()) != 1 {
			t.Errorf("a watch that is %s = %v after %d watches, want that it was cancelled", what, err, len(w.requests()))
		}
	}
}
