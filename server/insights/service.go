package insights

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"

	"github.com/peopleinsights/peopleinsights/cache"
	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
	"github.com/peopleinsights/peopleinsights/server/auth"
	"github.com/peopleinsights/peopleinsights/server/traffic"
)

// Config is what a Service needs.
type Config struct {
	// Tenants are the organisations that are served now, by id. It is asked on each call, and
	// what it returns is not changed any more. Required.
	Tenants func() map[string]*Tenant
	// Identify tells who is calling. Required.
	Identify auth.Identify
	// MaxConcurrent bounds the calls that are answered at once; zero means 1000.
	// Further ones are refused at once with RESOURCE_EXHAUSTED. A tenant has half of them at
	// most where there are several, and the same goes for watches.
	MaxConcurrent int
	// MaxWatches bounds the watches that are under way at once; zero means 1000. Further
	// ones are refused at once with RESOURCE_EXHAUSTED.
	MaxWatches int
	// DefaultDeadline is given to calls that come without one; zero means ten
	// seconds.
	DefaultDeadline time.Duration
	// SlowCall is from when on a call is logged as slow; zero means one second.
	SlowCall time.Duration
	// Audit is told who asked about whom; nil tells nobody.
	Audit Audit
	// StuckTime is how long a client may take to read what it is sent, or to say what it
	// would watch, before it is cut off; zero means a minute.
	StuckTime time.Duration
	// Traffic bounds what callers take; nil does not.
	Traffic *traffic.Traffic
	// Metrics count the calls; nil counts nothing.
	Metrics *Metrics
	// Tracer makes a span of each call, which names nobody. Nil makes none.
	Tracer trace.TracerProvider
	// Log hears of failed and slow calls, and of no person. Nil discards.
	Log *slog.Logger
}

// Service answers PeopleInsightsService and DirectoryAdminService.
type Service struct {
	pb.UnimplementedPeopleInsightsServiceServer
	pb.UnimplementedDirectoryAdminServiceServer

	config  Config
	tracer  trace.Tracer  // nil where nothing is traced
	slots   chan struct{} // one is held by each call under way
	special chan struct{} // or one of these by each of an operator's
	streams chan struct{} // and one by each watch
}

// mostOperators is how many calls of operators are answered at once. No other call takes their
// places: who has to look what is wrong may look.
const mostOperators = 100

// New returns a Service.
func New(config Config) (*Service, error) {
	if config.Tenants == nil || config.Identify == nil {
		return nil, errors.New("insights: tenants and a way to identify callers are needed")
	}
	if config.MaxConcurrent == 0 {
		config.MaxConcurrent = 1000
	}
	if config.MaxWatches == 0 {
		config.MaxWatches = 1000
	}
	if config.DefaultDeadline == 0 {
		config.DefaultDeadline = 10 * time.Second
	}
	if config.SlowCall == 0 {
		config.SlowCall = time.Second
	}
	if config.StuckTime == 0 {
		config.StuckTime = time.Minute
	}
	if config.Log == nil {
		config.Log = slog.New(slog.DiscardHandler)
	}
	s := &Service{
		config:  config,
		slots:   make(chan struct{}, config.MaxConcurrent),
		special: make(chan struct{}, mostOperators),
		streams: make(chan struct{}, config.MaxWatches),
	}
	if config.Tracer != nil {
		s.tracer = config.Tracer.Tracer("github.com/peopleinsights/peopleinsights/server/insights")
	}
	return s, nil
}

// Register puts the services on a gRPC server, which has to be made with
// Intercept as its unary and InterceptStream as its stream interceptor, and with Codec.
func (s *Service) Register(server grpc.ServiceRegistrar) {
	pb.RegisterPeopleInsightsServiceServer(server, s)
	pb.RegisterDirectoryAdminServiceServer(server, s)
}

// Calls is how many calls are under way, streams aside.
func (s *Service) Calls() int { return len(s.slots) + len(s.special) }

// errNoCaller means that a call came through no interceptor of ours, or that the
// caller's tenant is none of ours.
var errNoCaller = errors.New("no caller of a known tenant")

// directory returns the people of the caller's tenant, as the caller sees them.
func (s *Service) directory(ctx context.Context) (cache.Reader, error) {
	if now := sessionOf(ctx); now != nil {
		return now.people, nil
	}
	return cache.Reader{}, errNoCaller
}
