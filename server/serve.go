package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/reflection"

	"github.com/peopleinsights/peopleinsights/cache"
	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
	"github.com/peopleinsights/peopleinsights/server/auth"
	"github.com/peopleinsights/peopleinsights/server/graph"
	"github.com/peopleinsights/peopleinsights/server/insights"
	"github.com/peopleinsights/peopleinsights/server/simulator"
)

// serve builds the service and serves it until ctx ends.
func serve(ctx context.Context, config serveConfig, out io.Writer) error {
	if err := config.check(); err != nil {
		return err
	}
	log, err := newLog(config.LogLevel, out)
	if err != nil {
		return err
	}
	source, tenant, about, closeSource, err := newSource(config, log)
	if err != nil {
		return err
	}
	defer closeSource()
	directory, err := cache.New(cache.Config{
		Source: source, SyncInterval: config.SyncInterval, CacheBytes: config.CacheBytes,
		MaxPeople: config.MaxPeople, Log: log,
	})
	if err != nil {
		return err
	}
	defer directory.Close()
	service, err := insights.New(insights.Config{
		Directories: map[string]*cache.Directory{tenant: directory},
		Identify:    auth.Development(tenant),
		Log:         log,
	})
	if err != nil {
		return err
	}
	stopping, endStreams := context.WithCancel(context.Background())
	defer endStreams()
	server, health, err := newServer(stopping, config, service)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", config.Listen)
	if err != nil {
		return fmt.Errorf("--listen: %w", err)
	}
	fmt.Fprintf(out, "People Insights serves gRPC on %s.\nIts directory is %s.\n", listener.Addr(), about)

	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return server.Serve(listener) })
	group.Go(func() error { _ = directory.Run(ctx); return nil }) // ends with ctx
	group.Go(func() error {
		progress := progress{out: out, status: directory.Status, filled: directory.Filled()}
		if !progress.show(ctx) {
			return nil
		}
		health.SetServingStatus("", grpc_health_v1.HealthCheckResponse_SERVING)
		health.SetServingStatus(pb.PeopleInsightsService_ServiceDesc.ServiceName, grpc_health_v1.HealthCheckResponse_SERVING)
		tryNext(out, listener.Addr().String(), config)
		return nil
	})
	group.Go(func() error {
		<-ctx.Done()
		health.Shutdown()
		endStreams()
		stop(server)
		return nil
	})
	return group.Wait()
}

// newSource connects to the tenant's Graph, or to the simulator's where no tenant
// is configured. about says in a few words whose people these are.
func newSource(config serveConfig, log *slog.Logger) (source cache.Source, tenant, about string, closeSource func(), err error) {
	asked, closeSimulator := graph.Config{}, func() {}
	if config.TenantID != "" {
		asked, err = config.graph()
		asked.Log = log
		about = fmt.Sprintf("tenant %s, read from %s", config.TenantID, asked.Endpoint.URL)
	} else {
		asked, about, closeSimulator, err = newSimulator(config)
	}
	if err != nil {
		return nil, "", "", nil, err
	}
	client, err := graph.New(asked)
	if err != nil {
		closeSimulator()
		return nil, "", "", nil, asConfig(err)
	}
	return client, asked.Credential.TenantID, about, func() { client.Close(); closeSimulator() }, nil
}

// newSimulator starts the simulator and returns how it is asked: by its address and
// its app's secret, as Microsoft would be.
func newSimulator(config serveConfig) (graph.Config, string, func(), error) {
	directory, about, err := config.Simulated.directory()
	if err != nil {
		return graph.Config{}, "", nil, err
	}
	sim, err := simulator.New(simulator.Config{}, directory)
	if err != nil {
		return graph.Config{}, "", nil, err
	}
	closeSimulator := func() { _ = sim.Close() }
	endpoint, err := graph.NewEndpoint(sim.GraphURL(), sim.AuthorityURL())
	if err != nil {
		closeSimulator()
		return graph.Config{}, "", nil, err
	}
	app := simulator.DefaultApp()
	return graph.Config{
		Endpoint:   endpoint,
		Credential: graph.Credential{TenantID: sim.TenantID(), ClientID: app.ID, ClientSecret: app.Secret},
		CAPEM:      sim.CAPEM(),
	}, about + ", simulated at " + sim.GraphURL(), closeSimulator, nil
}

// The bounds of what a client may send and keep open.
const (
	maxRequest    = 1 << 20  // bytes; a batch of a thousand long addresses is a third of it
	maxResponse   = 16 << 20 // bytes; a batch of a thousand profiles is a tenth of it
	maxHeaders    = 16 << 10 // bytes
	maxStreams    = 1000     // calls at once on one connection
	stopTime      = 10 * time.Second
	minPingPeriod = 10 * time.Second
)

func newServer(stopping context.Context, config serveConfig, service *insights.Service) (*grpc.Server, *health.Server, error) {
	options := []grpc.ServerOption{
		grpc.UnaryInterceptor(service.Intercept),
		grpc.StreamInterceptor(endWith(stopping)),
		grpc.MaxRecvMsgSize(maxRequest),
		grpc.MaxSendMsgSize(maxResponse),
		grpc.MaxHeaderListSize(maxHeaders),
		grpc.MaxConcurrentStreams(maxStreams),
		grpc.ConnectionTimeout(20 * time.Second),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: minPingPeriod, PermitWithoutStream: true}),
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: time.Minute, Timeout: 20 * time.Second}),
	}
	if config.TLSCertFile != "" {
		certificate, err := tls.LoadX509KeyPair(config.TLSCertFile, config.TLSKeyFile)
		if err != nil {
			return nil, nil, fmt.Errorf("--tls-cert-file and --tls-key-file: %w (%w)", err, errConfig)
		}
		options = append(options, grpc.Creds(credentials.NewTLS(&tls.Config{
			Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12,
		})))
	}
	server := grpc.NewServer(options...)
	service.Register(server)
	health := health.NewServer()
	health.SetServingStatus("", grpc_health_v1.HealthCheckResponse_NOT_SERVING)
	health.SetServingStatus(pb.PeopleInsightsService_ServiceDesc.ServiceName, grpc_health_v1.HealthCheckResponse_NOT_SERVING)
	health.SetServingStatus(pb.DirectoryAdminService_ServiceDesc.ServiceName, grpc_health_v1.HealthCheckResponse_SERVING)
	grpc_health_v1.RegisterHealthServer(server, health)
	reflection.Register(server)
	return server, health, nil
}

// endWith ends streams when the service stops. A watch of its health would go on for
// ever otherwise, and hold up the stop.
func endWith(stopping context.Context) grpc.StreamServerInterceptor {
	return func(server any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
		ctx, cancel := context.WithCancel(stream.Context())
		defer cancel()
		defer context.AfterFunc(stopping, cancel)()
		return handler(server, endingStream{stream, ctx})
	}
}

// endingStream is a stream with a context of its own.
type endingStream struct {
	grpc.ServerStream
	ctx context.Context
}

// Context is the stream's.
func (s endingStream) Context() context.Context { return s.ctx }

// stop lets calls under way finish, for a while.
func stop(server *grpc.Server) {
	patience := time.AfterFunc(stopTime, server.Stop)
	defer patience.Stop()
	server.GracefulStop()
}

func newLog(level string, out io.Writer) (*slog.Logger, error) {
	var least slog.Level
	if err := least.UnmarshalText([]byte(level)); err != nil {
		return nil, fmt.Errorf("--log-level: %w (%w)", err, errConfig)
	}
	return slog.New(slog.NewTextHandler(out, &slog.HandlerOptions{Level: least})), nil
}
