package insights

import (
	"context"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	otelcodes "go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
)

// trace begins a call's span, under the caller's where they sent one. The span holds the
// method and the code, and nothing of the request.
func (s *Service) trace(ctx context.Context, method string) (context.Context, func(codes.Code)) {
	if s.tracer == nil {
		return ctx, func(codes.Code) {}
	}
	if headers, ok := metadata.FromIncomingContext(ctx); ok {
		ctx = propagation.TraceContext{}.Extract(ctx, carrier(headers))
	}
	service, name, _ := strings.Cut(strings.TrimPrefix(method, "/"), "/")
	ctx, span := s.tracer.Start(ctx, service+"/"+name, trace.WithSpanKind(trace.SpanKindServer), trace.WithAttributes(
		attribute.String("rpc.system", "grpc"), attribute.String("rpc.service", service), attribute.String("rpc.method", name)))
	return ctx, func(code codes.Code) {
		span.SetAttributes(attribute.Int64("rpc.grpc.status_code", int64(code)))
		if code == codes.Internal || code == codes.Unavailable || code == codes.DeadlineExceeded {
			span.SetStatus(otelcodes.Error, code.String())
		}
		span.End()
	}
}

// carrier is a call's metadata as the propagator reads it.
type carrier metadata.MD

// Get returns the first value of a key.
func (c carrier) Get(key string) string {
	if values := metadata.MD(c).Get(key); len(values) > 0 {
		return values[0]
	}
	return ""
}

// Set is of no use: nothing is sent on.
func (c carrier) Set(string, string) {}

// Keys are those that there are.
func (c carrier) Keys() []string {
	keys := make([]string, 0, len(c))
	for key := range c {
		keys = append(keys, key)
	}
	return keys
}
