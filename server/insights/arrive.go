package insights

import (
	"context"
	"strings"
	"time"

	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/tap"
	"google.golang.org/protobuf/proto"

	"github.com/peopleinsights/peopleinsights/cache"
	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
	"github.com/peopleinsights/peopleinsights/server/traffic"
)

// arrival is a call since it has arrived.
type arrival struct {
	*traffic.Arrival
	settled func() bool        // tells that its interceptor sees to its end
	cut     context.CancelFunc // ends it, whatever it waits for
}

// Waits lets a call out of the house that has to wait for Microsoft Graph: it takes no
// processor, and may be there for long.
func (a *arrival) Waits() { a.Leave() }

// errShed is what calls end with that are not let in. Who is refused most must cost least.
var errShed = statusOf(errOverloaded)

// Tap is the gRPC server's tap handle, by which calls are counted, and shed, as soon as they
// arrive: before they are read, and before anything waits for a processor. It runs in the
// goroutine that reads the connection. Calls of health and of operators have places of their
// own. Without it, calls are bounded by MaxConcurrent alone.
func (s *Service) Tap(ctx context.Context, info *tap.Info) (context.Context, error) {
	t, method := s.config.Traffic, info.FullMethodName
	if t == nil {
		return ctx, nil
	}
	var in *traffic.Arrival
	switch {
	case method == grpc_health_v1.Health_Check_FullMethodName, operators(method):
		in = t.ArriveSpecial()
	case strings.HasPrefix(method, everybodys), !ours(method):
		return ctx, nil // streams that last, for as long as their connections do
	default:
		from := ""
		if tokens := info.Header["authorization"]; len(tokens) > 0 {
			from = tokens[0]
		}
		in = t.Arrive(from)
	}
	if in == nil {
		return ctx, errShed
	}
	ctx, cut := context.WithCancel(ctx)
	// A call whose client leaves before it was read never comes to its interceptor.
	settled := context.AfterFunc(ctx, in.Leave)
	return cache.WithWaiter(ctx, &arrival{in, settled, cut}), nil
}

// begin tells that a call begins to be answered, and returns how to tell its end.
func begin(ctx context.Context) (end func()) {
	a, ok := cache.WaiterOf(ctx).(*arrival)
	if !ok {
		return func() {}
	}
	a.settled()
	a.Begin()
	return a.Leave
}

// largeAnswer is from how many bytes on an answer may wait for its client to read: gRPC takes
// as many at once. Profiles and suggestions never have them.
const largeAnswer = 32 << 10

// send sees to an answer being taken: a client that does not read would hold on to it for as
// long as it likes.
func (s *Service) send(ctx context.Context, out any) {
	a, ok := cache.WaiterOf(ctx).(*arrival)
	if !ok {
		return
	}
	switch out := out.(type) {
	case *pb.GetProfileResponse, *pb.SuggestInviteesResponse:
	case proto.Message:
		if proto.Size(out) >= largeAnswer {
			late := time.AfterFunc(s.config.StuckTime, a.cut)
			context.AfterFunc(ctx, func() { late.Stop() })
		}
	}
}
