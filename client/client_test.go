package client_test

import (
	"context"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/peopleinsights/peopleinsights/client"
	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
)

// service answers by functions, as the service at the other end would.
type service struct {
	pb.UnimplementedPeopleInsightsServiceServer
	answer func(context.Context, *pb.GetProfileRequest) (*pb.GetProfileResponse, error)
	watch  func(*pb.WatchProfilesRequest, grpc.ServerStreamingServer[pb.WatchProfilesResponse]) error
}

func (s service) WatchProfiles(in *pb.WatchProfilesRequest, stream grpc.ServerStreamingServer[pb.WatchProfilesResponse]) error {
	return s.watch(in, stream)
}

func (s service) GetProfile(ctx context.Context, in *pb.GetProfileRequest) (*pb.GetProfileResponse, error) {
	return s.answer(ctx, in)
}

func connect(t *testing.T, config client.Config, answer func(context.Context, *pb.GetProfileRequest) (*pb.GetProfileResponse, error)) *client.Client {
	t.Helper()
	return connectService(t, config, service{answer: answer})
}

func connectService(t *testing.T, config client.Config, s service) *client.Client {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	pb.RegisterPeopleInsightsServiceServer(server, s)
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	config.Address = listener.Addr().String()
	c, err := client.New(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func TestEveryCallHasADeadline(t *testing.T) {
	for _, row := range []struct {
		timeout, own time.Duration
		most         time.Duration
	}{{0, 0, 5 * time.Second}, {time.Minute, 0, time.Minute}, {time.Minute, time.Second, time.Second}} {
		var left time.Duration
		c := connect(t, client.Config{Timeout: row.timeout}, func(ctx context.Context, _ *pb.GetProfileRequest) (*pb.GetProfileResponse, error) {
			deadline, _ := ctx.Deadline()
			left = time.Until(deadline)
			return &pb.GetProfileResponse{}, nil
		})
		ctx := t.Context()
		if row.own > 0 {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, row.own)
			defer cancel()
		}
		if _, err := c.GetProfile(ctx, &pb.GetProfileRequest{}); err != nil || left <= 0 || left > row.most {
			t.Errorf("with a time-out of %v and an own of %v, a call has %v, %v; want at most %v", row.timeout, row.own, left, err, row.most)
		}
	}
}

func TestRetries(t *testing.T) {
	for _, row := range []struct {
		what     string
		code     codes.Code
		pushback string
		calls    int32
	}{
		{"an unavailable service is asked again", codes.Unavailable, "", 3},
		{"one that says that it is no use is not", codes.Unavailable, "-1", 1},
		{"one that has answered is not", codes.NotFound, "", 1},
	} {
		var calls atomic.Int32
		c := connect(t, client.Config{Timeout: time.Minute}, func(ctx context.Context, _ *pb.GetProfileRequest) (*pb.GetProfileResponse, error) {
			calls.Add(1)
			if row.pushback != "" {
				_ = grpc.SetTrailer(ctx, metadata.Pairs("grpc-retry-pushback-ms", row.pushback))
			}
			return nil, status.Error(row.code, "no")
		})
		if _, err := c.GetProfile(t.Context(), &pb.GetProfileRequest{}); status.Code(err) != row.code || calls.Load() != row.calls {
			t.Errorf("%s: %v after %d calls, want %v after %d", row.what, err, calls.Load(), row.code, row.calls)
		}
	}
}

func TestReason(t *testing.T) {
	own, err := status.New(codes.NotFound, "no").WithDetails(
		&errdetails.ErrorInfo{Reason: "PERSON_NOT_FOUND", Domain: "peopleinsights"})
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := status.New(codes.NotFound, "no").WithDetails(&errdetails.ErrorInfo{Reason: "PERSON_NOT_FOUND", Domain: "else.example.com"})
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		err  error
		want pb.ErrorReason
	}{
		{own.Err(), pb.ErrorReason_ERROR_REASON_PERSON_NOT_FOUND},
		{foreign.Err(), pb.ErrorReason_ERROR_REASON_UNSPECIFIED},
		{status.Error(codes.NotFound, "no"), pb.ErrorReason_ERROR_REASON_UNSPECIFIED},
		{context.Canceled, pb.ErrorReason_ERROR_REASON_UNSPECIFIED},
		{nil, pb.ErrorReason_ERROR_REASON_UNSPECIFIED},
	} {
		if got := client.Reason(row.err); got != row.want {
			t.Errorf("Reason(%v) = %v, want %v", row.err, got, row.want)
		}
	}
}

func TestNewNeedsAnAddress(t *testing.T) {
	if _, err := client.New(client.Config{}); err == nil {
		t.Error("New without an address works")
	}
}
