package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/reflection"

	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
	"github.com/peopleinsights/peopleinsights/server/auth"
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
	hangups := make(chan os.Signal, 1) // from now until all has ended: one that is not heard would end the process
	signal.Notify(hangups, syscall.SIGHUP)
	defer signal.Stop(hangups)
	log, err := newLog(config.LogLevel, out)
	if err != nil {
		return err
	}
	tracer, flushTraces, err := newTracer(ctx)
	if err != nil {
		return err
	}
	defer flush(flushTraces, log)
	sim, err := newSimulated(config)
	if err != nil {
		return err
	}
	defer sim.close()
	plans, err := config.plans(sim)
	if err != nil {
		return err
	}
	registry := newRegistry()
	tenants := newTenants(graph.NewMetrics(registry), tracer, log)
	defer tenants.close()
	var identify auth.Identify
	if identify, tenants.verifier, err = config.identify(plans, tenants.only, out, log); err != nil {
		return err
	}
	if tenants.verifier != nil {
		defer tenants.verifier.Close()
	}
	registry.MustRegister(insights.NewDirectoryMetrics(tenants.insights), contacts.NewMetrics(tenants.contacts))
	audit, endAudit, err := config.Audit.open(registry, log)
	if err != nil {
		return err
	}
	defer endAudit()
	traffic := config.Traffic.newTraffic(registry)
	service, err := insights.New(insights.Config{
		Traffic:  traffic,
		Tenants:  tenants.insights,
		Identify: identify,
		Audit:    audit,
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
	if err := tenants.apply(plans); err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	fmt.Fprintf(out, "People Insights serves gRPC on %s.\n%s", listener.Addr(), aboutPlans(plans))

	group.Go(func() error { return server.Serve(traffic.Listen(listener)) })
	var metrics *http.Server
	if metricsListener != nil {
		fmt.Fprintf(out, "Its metrics are at http://%s/metrics.\n", metricsListener.Addr())
		metrics = newMetricsServer(registry, tenants.notReady, ctx)
		group.Go(func() error { serveMetrics(metrics, metricsListener, log); return nil })
	}
	group.Go(func() error {
		if !showProgress(ctx, out, tenants) {
			return nil
		}
		health.SetServingStatus("", grpc_health_v1.HealthCheckResponse_SERVING)
		health.SetServingStatus(pb.PeopleInsightsService_ServiceDesc.ServiceName, grpc_health_v1.HealthCheckResponse_SERVING)
		tryNext(out, listener.Addr().String(), config, plans)
		return nil
	})
	group.Go(func() error {
		for {
			select {
			case <-ctx.Done():
				return nil
			case <-hangups:
				config.reload(tenants, sim, log)
			}
		}
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

// aboutPlans says whose people are served, one line each.
func aboutPlans(plans []*tenantPlan) string {
	if len(plans) == 1 {
		return "Its directory is " + plans[0].about + ".\n"
	}
	text := "Its directories are:\n"
	for _, plan := range plans {
		text += "  " + plan.about + "\n"
	}
	return text
}

// reload reads the configuration file again, with the files that it names, or those that the
// flags name.
func (c serveConfig) reload(tenants *tenants, sim *simulated, log *slog.Logger) {
	plans, err := c.plans(sim)
	if err == nil {
		err = tenants.apply(plans)
	}
	if err != nil {
		log.Error("the configuration is wrong, and all stays as it was", slog.Any("error", err))
		return
	}
	log.Info("the configuration was read again", slog.Int("tenants", len(plans)))
}

// simulated is the simulator that is served where no tenant is configured.
type simulated struct {
	asking graph.Config // how it is asked
	about  string
	stop   func()
}

// close ends it, if there is one.
func (s *simulated) close() {
	if s != nil {
		s.stop()
	}
}

// newSimulated starts the simulator, unless a tenant is configured, and says how it is asked:
// by its address and its app's secret, as Microsoft would be.
func newSimulated(config serveConfig) (*simulated, error) {
	if config.TenantID != "" || config.ConfigFile != "" {
		return nil, nil
	}
	directory, about, err := config.Simulated.directory()
	if err != nil {
		return nil, err
	}
	sim, stop, err := config.Simulated.serve(directory, "")
	if err != nil {
		return nil, err
	}
	s := &simulated{about: about + ", simulated at " + sim.GraphURL(), stop: stop}
	if sim.AdminURL() != "" {
		s.about += ", where things go wrong by " + sim.AdminURL()
	}
	if s.asking.Endpoint, err = graph.NewEndpoint(sim.GraphURL(), sim.AuthorityURL()); err != nil {
		stop()
		return nil, err
	}
	app := simulator.DefaultApp()
	s.asking.Credential = graph.Credential{TenantID: sim.TenantID(), ClientID: app.ID, ClientSecret: app.Secret}
	s.asking.CAPEM = sim.CAPEM()
	return s, nil
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
		grpc.InTapHandle(service.Tap),
		grpc.UnaryInterceptor(service.Intercept),
		grpc.ChainStreamInterceptor(endWith(stopping), service.InterceptStream),
		grpc.ForceServerCodecV2(insights.Codec()),
		grpc.MaxRecvMsgSize(maxRequest),
		grpc.MaxSendMsgSize(maxResponse),
		grpc.MaxHeaderListSize(maxHeaders),
		grpc.MaxConcurrentStreams(maxStreams),
		grpc.ConnectionTimeout(10 * time.Second),
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
