package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
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
	"github.com/peopleinsights/peopleinsights/server/contacts"
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
	tracer, flushTraces, err := newTracer(ctx)
	if err != nil {
		return err
	}
	defer flush(flushTraces, log)
	registry := newRegistry()
	source, tenant, about, closeSource, err := newSource(config, graph.Config{
		QuotaShare: config.GraphQuotaShare, Metrics: graph.NewMetrics(registry), Tracer: tracer, Log: log,
	})
	if err != nil {
		return err
	}
	defer closeSource()
	directory, err := cache.New(cache.Config{
		Source: source, SyncInterval: config.SyncInterval, CacheBytes: config.CacheBytes, PhotoBytes: config.PhotoBytes,
		MaxPeople: config.MaxPeople, MaxRemoved: config.MaxRemoved, MaxRemovedShare: config.MaxRemovedShare,
		SweepInterval: config.SweepInterval, Log: log,
	})
	if err != nil {
		return err
	}
	defer directory.Close()
	own := contacts.New(contacts.Config{Source: source, TTL: config.ContactTTL})
	defer own.Close()
	tenants := insights.Always(map[string]*insights.Tenant{tenant: {Directory: directory, Contacts: own}})
	registry.MustRegister(insights.NewDirectoryMetrics(tenants))
	registry.MustRegister(contacts.NewMetrics(func() map[string]*contacts.Store { return map[string]*contacts.Store{tenant: own} }))
	identify, endIdentify, err := config.identify(tenant, out, log)
	if err != nil {
		return err
	}
	defer endIdentify()
	service, err := insights.New(insights.Config{
		Tenants:  tenants,
		Identify: identify,
		Metrics:  insights.NewMetrics(registry),
		Tracer:   tracer,
		Log:      log,
	})
	if err != nil {
		return err
	}
	stopping, endStreams := context.WithCancel(context.Background())
	defer endStreams()
	server, health, err := newServer(stopping, config, service, log)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", config.Listen)
	if err != nil {
		return fmt.Errorf("--listen: %w", err)
	}
	defer listener.Close()
	metricsListener, err := listenMetrics(config.MetricsListen)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "People Insights serves gRPC on %s.\nIts directory is %s.\n", listener.Addr(), about)

	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return server.Serve(listener) })
	var metrics *http.Server
	if metricsListener != nil {
		fmt.Fprintf(out, "Its metrics are at http://%s/metrics.\n", metricsListener.Addr())
		metrics = newMetricsServer(registry, directory, ctx)
		group.Go(func() error { serveMetrics(metrics, metricsListener, log); return nil })
	}
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
		stop(server, service.Calls)
		if metrics != nil { // to the end: whether it is ready is asked until then
			_ = metrics.Close()
		}
		return nil
	})
	return group.Wait()
}

// newSource connects to the tenant's Graph, or to the simulator's where no tenant
// is configured. about says in a few words whose people these are.
func newSource(config serveConfig, asking graph.Config) (source *graph.Client, tenant, about string, closeSource func(), err error) {
	closeSimulator := func() {}
	if config.TenantID != "" {
		err = config.graph(&asking)
		about = fmt.Sprintf("tenant %s, read from %s", config.TenantID, asking.Endpoint.URL)
	} else {
		about, closeSimulator, err = newSimulator(config, &asking)
	}
	if err != nil {
		return nil, "", "", nil, err
	}
	client, err := graph.New(asking)
	if err != nil {
		closeSimulator()
		return nil, "", "", nil, asConfig(err)
	}
	return client, asking.Credential.TenantID, about, func() { client.Close(); closeSimulator() }, nil
}

// newSimulator starts the simulator and says how it is asked: by its address and its
// app's secret, as Microsoft would be.
func newSimulator(config serveConfig, asking *graph.Config) (string, func(), error) {
	directory, about, err := config.Simulated.directory()
	if err != nil {
		return "", nil, err
	}
	sim, closeSimulator, err := config.Simulated.serve(directory, "")
	if err != nil {
		return "", nil, err
	}
	asking.Endpoint, err = graph.NewEndpoint(sim.GraphURL(), sim.AuthorityURL())
	if err != nil {
		closeSimulator()
		return "", nil, err
	}
	app := simulator.DefaultApp()
	asking.Credential = graph.Credential{TenantID: sim.TenantID(), ClientID: app.ID, ClientSecret: app.Secret}
	asking.CAPEM = sim.CAPEM()
	about += ", simulated at " + sim.GraphURL()
	if sim.AdminURL() != "" {
		about += ", where things go wrong by " + sim.AdminURL()
	}
	return about, closeSimulator, nil
}

// The bounds of what a client may send and keep open.
const (
	maxRequest     = 1 << 20  // bytes; a batch of a thousand long addresses is a third of it
	maxResponse    = 16 << 20 // bytes; a batch of a thousand profiles is a tenth of it
	maxHeaders     = 24 << 10 // bytes; a token of 16 KiB, so that a longer one is told what is wrong
	maxStreams     = 1000     // calls at once on one connection
	stopTime       = 10 * time.Second
	streamStopTime = 2 * time.Second
	minPingPeriod  = 10 * time.Second
)

func newServer(stopping context.Context, config serveConfig, service *insights.Service, log *slog.Logger) (*grpc.Server, *health.Server, error) {
	options := []grpc.ServerOption{
		grpc.UnaryInterceptor(service.Intercept),
		grpc.ChainStreamInterceptor(endWith(stopping), service.InterceptStream),
		grpc.MaxRecvMsgSize(maxRequest),
		grpc.MaxSendMsgSize(maxResponse),
		grpc.MaxHeaderListSize(maxHeaders),
		grpc.MaxConcurrentStreams(maxStreams),
		grpc.ConnectionTimeout(20 * time.Second),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: minPingPeriod, PermitWithoutStream: true}),
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: time.Minute, Timeout: 20 * time.Second}),
	}
	if config.TLSCertFile != "" {
		certificates, err := newCertificates(config.TLSCertFile, config.TLSKeyFile, config.ClientCAFile, log)
		if err != nil {
			return nil, nil, fmt.Errorf("%w (%w)", err, errConfig)
		}
		options = append(options, grpc.Creds(credentials.NewTLS(certificates.config())))
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

// endWith ends streams when the service stops, and says so by the cause of their end. A
// watch of its health would go on for ever otherwise, and hold up the stop.
func endWith(stopping context.Context) grpc.StreamServerInterceptor {
	return func(server any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
		ctx, cancel := context.WithCancelCause(stream.Context())
		defer cancel(nil)
		defer context.AfterFunc(stopping, func() { cancel(insights.ErrStopping) })()
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

// serveMetrics serves until the server is closed. Without metrics, the service goes on.
func serveMetrics(server *http.Server, listener net.Listener, log *slog.Logger) {
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		log.Error("metrics are not served any more", slog.Any("error", err))
	}
}

// flush sends the last traces, for a while.
func flush(send func(context.Context) error, log *slog.Logger) {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	if err := send(ctx); err != nil {
		log.Warn("the last traces were not sent", slog.Any("error", err))
	}
}

// stop lets calls under way finish, for a while. Where only streams are left after less,
// nobody reads what they have been sent.
func stop(server *grpc.Server, calls func() int) {
	patience := time.AfterFunc(stopTime, server.Stop)
	defer patience.Stop()
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		server.GracefulStop()
	}()
	ticker := time.NewTicker(streamStopTime)
	defer ticker.Stop()
	for {
		select {
		case <-stopped:
			return
		case <-ticker.C:
			if calls() == 0 {
				server.Stop()
			}
		}
	}
}

func newLog(level string, out io.Writer) (*slog.Logger, error) {
	var least slog.Level
	if err := least.UnmarshalText([]byte(level)); err != nil {
		return nil, fmt.Errorf("--log-level: %w (%w)", err, errConfig)
	}
	return slog.New(slog.NewTextHandler(out, &slog.HandlerOptions{Level: least})), nil
}
