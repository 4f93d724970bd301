package insights

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// InterceptStream does for streams what Intercept does for calls. A stream takes no call's
// place, has a bound of its own on how many there are, and no deadline but its caller's and
// that of the caller's token.
func (s *Service) InterceptStream(server any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	if strings.HasPrefix(info.FullMethod, everybodys) {
		return handler(server, stream)
	}
	if !ours(info.FullMethod) {
		return s.admitted(server, stream, info, handler)
	}
	began := time.Now()
	ctx, end := s.trace(stream.Context(), info.FullMethod)
	done := s.config.Metrics.beginWatch()
	err := s.auditedStream(ctx, server, stream, info, handler)
	var result error
	if err != nil {
		result = statusOf(err)
		stream.SetTrailer(noRetry)
	}
	code := status.Code(result)
	done(code)
	end(code)
	if code != codes.OK && code != codes.DeadlineExceeded { // one that is long is not slow, and ends as its caller has said
		s.log(ctx, info.FullMethod, err, code, time.Since(began))
	}
	return result
}

func (s *Service) stream(ctx context.Context, server any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) (err error) {
	select {
	case s.streams <- struct{}{}:
		defer func() { <-s.streams }()
	default:
		return errTooManyWatches
	}
	defer func() {
		if p := recover(); p != nil {
			err = s.panicked(info.FullMethod, p)
		}
	}()
	ctx, cancel := early(ctx)
	defer cancel()
	caller, err := s.identify(ctx, info.FullMethod)
	if err != nil {
		return err
	}
	if !caller.Expires.IsZero() { // a watch may go on for longer than a token is good
		ctx, cancel = context.WithDeadlineCause(ctx, caller.Expires, errExpired)
		defer cancel()
	}
	if ctx, err = s.within(ctx, caller); err != nil {
		return err
	}
	if ends := sessionOf(ctx).Ends; ends != nil {
		var end context.CancelCauseFunc
		ctx, end = context.WithCancelCause(ctx)
		defer end(nil)
		defer context.AfterFunc(ends, func() { end(ErrStopping) })()
	}
	err = handler(server, identified{stream, ctx})
	if err != nil && errors.Is(context.Cause(ctx), errExpired) {
		return fmt.Errorf("%w: %w", errExpired, err)
	}
	if errors.Is(err, context.Canceled) && errors.Is(context.Cause(ctx), ErrStopping) {
		return fmt.Errorf("%w: %w", ErrStopping, err)
	}
	return err
}

// identified is a stream whose context tells who calls.
type identified struct {
	grpc.ServerStream
	ctx context.Context
}

// RecvMsg refuses what is no request.
func (i identified) RecvMsg(m any) error {
	if err := i.ServerStream.RecvMsg(m); err != nil {
		return err
	}
	if garbled(m) {
		return errGarbled
	}
	return nil
}

// Context is the stream's.
func (i identified) Context() context.Context { return i.ctx }
