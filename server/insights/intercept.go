package insights

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// Intercept is the one interceptor of the services' calls; InterceptStream is that of their
// streams. It tells who calls, bounds how often they do, how many calls are under way and how
// long they take, and makes of every error,
// panics included, a status of the contract. Calls of health only pass, those of other services
// if the caller may call them.
func (s *Service) Intercept(ctx context.Context, in any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	if strings.HasPrefix(info.FullMethod, everybodys) {
		return handler(ctx, in)
	}
	if !ours(info.FullMethod) {
		if _, err := s.identify(ctx, info.FullMethod); err != nil {
			return nil, statusOf(err)
		}
		return handler(ctx, in)
	}
	began := time.Now()
	defer begin(ctx)()
	ctx, end := s.trace(ctx, info.FullMethod)
	done := s.config.Metrics.begin(info.FullMethod)
	out, err := s.audited(ctx, in, info, handler)
	var result error
	if err != nil {
		result = statusOf(err)
		// The service has tried as often as it is worth: a client that would try again
		// by itself should rather say so, and heed RetryInfo.
		_ = grpc.SetTrailer(ctx, noRetry)
	}
	s.send(ctx, out)
	code, took := status.Code(result), time.Since(began)
	done(code, took)
	end(code)
	s.log(ctx, info.FullMethod, err, code, took)
	return out, result
}

// noRetry tells gRPC clients not to retry by themselves.
// Source: https://github.com/grpc/proposal/blob/master/A6-client-retries.md
var noRetry = metadata.Pairs("grpc-retry-pushback-ms", "-1")

func (s *Service) answer(ctx context.Context, in any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (out any, err error) {
	defer func() {
		if p := recover(); p != nil {
			out, err = nil, s.panicked(info.FullMethod, p)
		}
	}()
	ctx, cancel := s.bound(ctx)
	defer cancel()
	caller, err := s.identify(ctx, info.FullMethod)
	if err != nil {
		return nil, err
	}
	ctx, now, err := s.within(ctx, caller, info.FullMethod)
	if err != nil {
		return nil, err
	}
	defer now.pass.Leave()
	if err := now.pass.Take(costOf(in)); err != nil {
		return nil, err
	}
	if garbled(in) {
		return nil, errGarbled
	}
	places := s.slots
	if operators(info.FullMethod) {
		places = s.special
	}
	if !s.share(&now.calls, places) {
		return nil, errOverloaded
	}
	defer func() { <-places; now.calls.Add(-1) }()
	return handler(ctx, in)
}

// panicked makes an error of what a call has panicked with. That may hold a person; where
// it happened does not.
func (s *Service) panicked(method string, with any) error {
	s.config.Log.Error("a call panicked", slog.String("method", method),
		slog.String("type", fmt.Sprintf("%T", with)), slog.String("stack", string(debug.Stack())))
	return fmt.Errorf("panic of type %T", with)
}

// maxReserve is the most that is kept back of a caller's time.
const maxReserve = 50 * time.Millisecond

// bound gives a call without a deadline one, and keeps back a tenth of the time
// there is, so that the answer that time ran out still arrives.
func (s *Service) bound(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); !ok {
		return context.WithTimeout(ctx, s.config.DefaultDeadline)
	}
	return early(ctx)
}

// log tells of failed and slow calls. Callers' own faults are told at debug level
// only: anybody can make as many as they like.
func (s *Service) log(ctx context.Context, method string, err error, code codes.Code, took time.Duration) {
	level, message := slog.LevelDebug, "call"
	switch code {
	case codes.OK:
		if took < s.config.SlowCall {
			return
		}
		level, message = slog.LevelWarn, "slow call"
	case codes.Internal:
		level, message = slog.LevelError, "call failed"
	case codes.Unavailable, codes.ResourceExhausted, codes.DeadlineExceeded:
		level, message = slog.LevelWarn, "call failed"
	}
	if errors.Is(err, ErrStopping) {
		level = slog.LevelDebug // every watch ends so
	}
	if bad, ok := errors.AsType[*invalid](err); ok {
		err = bad.named() // a made-up path may hold an address
	}
	s.config.Log.LogAttrs(ctx, level, message, slog.String("method", method),
		slog.String("code", code.String()), slog.Duration("took", took), slog.Any("error", err))
}
