package insights_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/types/known/emptypb"

	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
	"github.com/peopleinsights/peopleinsights/server/auth"
	"github.com/peopleinsights/peopleinsights/server/insights"
)

// streams serves one method that streams, by a function, behind the interceptor.
type streams struct {
	serve func(grpc.ServerStream) error
	open  func(context.Context) grpc.ClientStream
	stop  context.CancelCauseFunc // ends the streams' contexts, as main does
	log   *lockedText
	service
}

func startStreams(t *testing.T, change ...func(*insights.Config)) *streams {
	t.Helper()
	var made *insights.Service
	s := &streams{service: start(t, append(change, func(c *insights.Config) {
		var err error
		if made, err = insights.New(*c); err != nil {
			t.Fatal(err)
		}
	})...)}
	s.log = s.service.log
	stopping, stop := context.WithCancelCause(context.Background())
	s.stop = stop
	t.Cleanup(func() { stop(nil) })
	ending := func(server any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
		ctx, cancel := context.WithCancelCause(stream.Context())
		defer cancel(nil)
		defer context.AfterFunc(stopping, func() { cancel(context.Cause(stopping)) })()
		return made.InterceptStream(server, withContext{stream, ctx}, info, handler)
	}
	listener := bufconn.Listen(1 << 20)
	server := grpc.NewServer(grpc.StreamInterceptor(ending))
	desc := grpc.StreamDesc{StreamName: "WatchProfiles", ServerStreams: true, Handler: func(_ any, stream grpc.ServerStream) error { return s.serve(stream) }}
	server.RegisterService(&grpc.ServiceDesc{ServiceName: "peopleinsights.v1.PeopleInsightsService", HandlerType: (*any)(nil), Streams: []grpc.StreamDesc{desc}}, s)
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	connection, err := grpc.NewClient("passthrough:bufconn", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(context.Context, string) (net.Conn, error) { return listener.Dial() }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { connection.Close() })
	s.open = func(ctx context.Context) grpc.ClientStream {
		stream, err := connection.NewStream(ctx, &desc, pb.PeopleInsightsService_WatchProfiles_FullMethodName)
		if err == nil {
			err = stream.SendMsg(&emptypb.Empty{})
		}
		if err == nil {
			err = stream.CloseSend()
		}
		if err != nil {
			t.Fatal(err)
		}
		return stream
	}
	return s
}

type withContext struct {
	grpc.ServerStream
	ctx context.Context
}

func (w withContext) Context() context.Context { return w.ctx }

func received(stream grpc.ClientStream) error { return stream.RecvMsg(&emptypb.Empty{}) }

// stays is a stream that goes on until its context ends.
func stays(stream grpc.ServerStream) error {
	if err := stream.SendMsg(&emptypb.Empty{}); err != nil {
		return err
	}
	<-stream.Context().Done()
	return stream.Context().Err()
}

// watcher may watch.
var watcher = auth.Caller{Tenant: "contoso", Subject: "ana", Roles: auth.Client}

func TestStreamsTellWhoCallsAndHaveNoDeadline(t *testing.T) {
	s := startStreams(t, func(c *insights.Config) {
		c.Identify = func(context.Context) (auth.Caller, error) { return watcher, nil }
	})
	s.serve = func(stream grpc.ServerStream) error {
		caller, ok := auth.FromContext(stream.Context())
		if _, bounded := stream.Context().Deadline(); !ok || caller != watcher || bounded {
			return errors.New("no")
		}
		return stream.SendMsg(&emptypb.Empty{})
	}
	if err := received(s.open(t.Context())); err != nil {
		t.Errorf("the stream = %v", err)
	}
}

// TestStreamsEnd has streams end in each way.
func TestStreamsEnd(t *testing.T) {
	for _, row := range []struct {
		what   string
		config func(*insights.Config)
		serve  func(grpc.ServerStream) error
		code   codes.Code
		reason string
		retry  bool
	}{
		{"an error", nil, func(grpc.ServerStream) error { return errors.New("ana@contoso.com is secret") }, codes.Internal, "INTERNAL", false},
		{"an expired token", func(c *insights.Config) {
			expired := watcher
			expired.Expires = time.Now()
			c.Identify = func(context.Context) (auth.Caller, error) { return expired, nil }
		}, func(stream grpc.ServerStream) error { <-stream.Context().Done(); return stream.Context().Err() }, codes.Unauthenticated, "UNAUTHENTICATED", false},
		{"a role that is missing", func(c *insights.Config) {
			c.Identify = func(context.Context) (auth.Caller, error) {
				return auth.Caller{Tenant: "contoso", Roles: auth.Operator}, nil
			}
		}, stays, codes.PermissionDenied, "ROLE_MISSING", false},
		{"a panic", nil, func(grpc.ServerStream) error { panic("secret ana@contoso.com") }, codes.Internal, "INTERNAL", false},
		{"nobody", func(c *insights.Config) {
			c.Identify = func(context.Context) (auth.Caller, error) { return auth.Caller{}, errors.New("secret") }
		}, stays, codes.Unauthenticated, "UNAUTHENTICATED", false},
	} {
		s := startStreams(t, func(c *insights.Config) {
			if row.config != nil {
				row.config(c)
			}
		})
		s.serve = row.serve
		err := received(s.open(t.Context()))
		code, reason, retry, _ := explain(t, err)
		if code != row.code || reason != row.reason || retry != row.retry || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s = %v, want %v %s, retry %v", row.what, err, row.code, row.reason, row.retry)
		}
		if row.what == "a panic" && (strings.Contains(s.log.String(), "ana@") || !strings.Contains(s.log.String(), "panicked")) {
			t.Errorf("the log of %s: %s", row.what, s.log)
		}
	}
}

// TestStoppedStreamsAreNoneThatWereLeft ends a stream by the service's stop, and another by
// the caller's deadline, as its caller sees it.
func TestStoppedStreamsAreNoneThatWereLeft(t *testing.T) {
	s := startStreams(t)
	ended := make(chan error, 2)
	s.serve = stays
	stream := s.open(t.Context())
	if err := received(stream); err != nil {
		t.Fatal(err)
	}
	s.stop(insights.ErrStopping)
	if code, reason, retry, _ := explain(t, received(stream)); code != codes.Unavailable || reason != "STOPPING" || !retry {
		t.Errorf("a stream that the service ends = %v %s, retry %v; want Unavailable STOPPING, to be tried again", code, reason, retry)
	}

	s = startStreams(t)
	s.serve = func(stream grpc.ServerStream) error { err := stays(stream); ended <- err; return err }
	ctx, leave := context.WithCancel(t.Context())
	if err := received(s.open(ctx)); err != nil {
		t.Fatal(err)
	}
	leave()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("a stream that was left ends with %v", err)
	}
	until(t, "a stream that was left is a cancelled call in the log", func() bool { return strings.Contains(s.log.String(), "code=Canceled") })

	s = startStreams(t)
	s.serve = stays
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	stream = s.open(ctx)
	if err := received(stream); err != nil {
		t.Fatal(err)
	}
	// An ErrorInfo comes from the server alone: time to say so was left.
	if code, reason, _, _ := explain(t, received(stream)); code != codes.DeadlineExceeded || reason != "DEADLINE_EXCEEDED" {
		t.Errorf("a stream whose time runs out = %v %s", code, reason)
	}
}

// TestStreamsAreBounded opens one more than may be, and asks a call meanwhile: streams hold
// up no calls.
func TestStreamsAreBounded(t *testing.T) {
	registry := prometheus.NewRegistry()
	s := startStreams(t, func(c *insights.Config) {
		c.MaxWatches, c.MaxConcurrent = 1, 1
		if c.Metrics == nil {
			c.Metrics = insights.NewMetrics(registry)
		}
	})
	s.serve = stays
	ctx, leave := context.WithCancel(t.Context())
	if err := received(s.open(ctx)); err != nil {
		t.Fatal(err)
	}
	if code, reason, retry, _ := explain(t, received(s.open(t.Context()))); code != codes.ResourceExhausted || reason != "OVERLOADED" || !retry {
		t.Errorf("a stream too many = %v %s, retry %v", code, reason, retry)
	}
	if _, err := s.GetProfile(t.Context(), &pb.GetProfileRequest{Person: byEmail("person.b@contoso.com")}); err != nil {
		t.Errorf("a call beside as many streams as may be = %v", err)
	}
	counted := func(want string) error {
		return testutil.GatherAndCompare(registry, strings.NewReader(want), "people_insights_watches_under_way")
	}
	const about = "# HELP people_insights_watches_under_way Watches of profiles that are under way.\n# TYPE people_insights_watches_under_way gauge\npeople_insights_watches_under_way "
	if err := counted(about + "1\n"); err != nil {
		t.Error(err)
	}
	leave()
	until(t, "a stream that was left counts no more", func() bool { return counted(about+"0\n") == nil })
	if err := received(s.open(t.Context())); err != nil {
		t.Errorf("a stream afterwards = %v", err)
	}
}

// until waits until something is so; for a minute at most, which is no expectation of how
// long it takes.
func until(t *testing.T, what string, so func() bool) {
	t.Helper()
	ticker := time.NewTicker(time.Millisecond)
	defer ticker.Stop()
	for deadline := time.Now().Add(time.Minute); !so(); <-ticker.C {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain until %s", what)
		}
	}
}
