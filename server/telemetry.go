package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.opentelemetry.io/contrib/exporters/autoexport"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// defaultMetricsListen is where metrics are served if nothing else is said, and if it is
// free: the port that OpenTelemetry gives to Prometheus exporters.
const defaultMetricsListen = "127.0.0.1:9464"

// noMetrics is what --metrics-listen says to serve none.
const noMetrics = "off"

// newRegistry returns the metrics of the process itself.
func newRegistry() *prometheus.Registry {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewBuildInfoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return registry
}

// listenMetrics listens where metrics are to be served. The default gives way to a free
// port where it is taken; what was asked for does not. It returns nil for none.
func listenMetrics(asked string) (net.Listener, error) {
	if asked == noMetrics {
		return nil, nil
	}
	if asked != "" {
		listener, err := net.Listen("tcp", asked)
		if err != nil {
			return nil, fmt.Errorf("--metrics-listen: %w", err)
		}
		return listener, nil
	}
	listener, err := net.Listen("tcp", defaultMetricsListen)
	if errors.Is(err, syscall.EADDRINUSE) {
		listener, err = net.Listen("tcp", "127.0.0.1:0")
	}
	return listener, err
}

// newMetricsServer serves the metrics, and tells whether the service is alive and ready.
func newMetricsServer(registry *prometheus.Registry, notReady func() string, stopping context.Context) *http.Server {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "alive") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		reason := notReady()
		if stopping.Err() != nil {
			reason = "stopping"
		}
		if reason != "" {
			http.Error(w, reason, http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ready")
	})
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "People Insights\n\n/metrics  for Prometheus\n/healthz  200 while the process is alive\n/readyz   200 when the directories have been read and until the service stops\n")
	})
	return &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second, IdleTimeout: time.Minute, WriteTimeout: 30 * time.Second}
}

// newTracer returns what makes spans, or nil where no exporter is configured by the
// environment, and what sends the last ones.
// Source: https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
func newTracer(ctx context.Context) (trace.TracerProvider, func(context.Context) error, error) {
	nothing := func(context.Context) error { return nil }
	configured := false
	for _, name := range []string{"OTEL_TRACES_EXPORTER", "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"} {
		configured = configured || os.Getenv(name) != ""
	}
	if !configured || isTrue(os.Getenv("OTEL_SDK_DISABLED")) || os.Getenv("OTEL_TRACES_EXPORTER") == "none" {
		return nil, nothing, nil
	}
	exporter, err := autoexport.NewSpanExporter(ctx)
	if err != nil {
		return nil, nothing, fmt.Errorf("OTEL_TRACES_EXPORTER and OTEL_EXPORTER_OTLP_…: %w (%w)", err, errConfig)
	}
	// What the environment says of the service goes before what we do.
	about, err := resource.New(ctx, resource.WithAttributes(attribute.String("service.name", "people-insights")),
		resource.WithTelemetrySDK(), resource.WithFromEnv())
	if err != nil {
		return nil, nothing, fmt.Errorf("OTEL_RESOURCE_ATTRIBUTES: %w (%w)", err, errConfig)
	}
	provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter), sdktrace.WithResource(about))
	return provider, provider.Shutdown, nil
}
