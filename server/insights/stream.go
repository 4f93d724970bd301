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

	"github.com/peopleinsights/peopleinsights/server/traffic"
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
	begin(stream.Context())() // once it goes on, a watch is no call in the house
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

func (s *Service) stream(ctx context.Context, server any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
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
	ctx, now, err := s.within(ctx, caller, info.FullMethod)
	if err != nil {
		return err
	}
	if ends := sessionOf(ctx).Ends; ends != nil {
		var end context.CancelCauseFunc
		ctx, end = context.WithCancelCause(ctx)
		defer end(nil)
		defer context.AfterFunc(ends, func() { end(ErrStopping) })()
	}
	defer now.pass.Leave()
	if !s.share(&now.watches, s.streams) {
		return errTooManyWatches
	}
	defer func() { <-s.streams; now.watches.Add(-1) }()
	err = s.watched(server, &watching{ServerStream: stream, ctx: ctx, pass: now.pass}, info, handler)
	if err != nil && errors.Is(context.Cause(ctx), errExpired) {
		return fmt.Errorf("%w: %w", errExpired, err)
	}
	if errors.Is(err, context.Canceled) && errors.Is(context.Cause(ctx), ErrStopping) {
		return fmt.Errorf("%w: %w", ErrStopping, err)
	}
	return err
}

// watched has a watch handled until it ends, or its client is found stuck. To send waits for
// the client, whatever the context says, and ends only with the call: so the handler is left to
// itself then, and ends as soon as the interceptors have returned.
func (s *Service) watched(server any, stream *watching, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	stuck, ended := make(chan struct{}, 1), make(chan error, 1)
	stream.patience = s.config.StuckTime
	stream.waits = time.AfterFunc(stream.patience, func() {
		select {
		case stuck <- struct{}{}:
		default:
		}
	})
	defer stream.waits.Stop()
	go func() {
		var err error
		defer func() {
			if p := recover(); p != nil {
				err = s.panicked(info.FullMethod, p)
			}
			ended <- err
		}()
		err = handler(server, stream)
	}()
	select {
	case err := <-ended:
		return err
	case <-stuck:
		return errStuck
	}
}

// watching is the stream of a watch, whose context tells who calls.
type watching struct {
	grpc.ServerStream
	ctx      context.Context
	pass     *traffic.Pass
	patience time.Duration
	waits    *time.Timer // runs while the client is waited for: for its request first
}

// Context is the stream's.
func (w *watching) Context() context.Context { return w.ctx }

// RecvMsg receives what is to be watched, counts it, and refuses what is no request.
func (w *watching) RecvMsg(m any) error {
	err := w.ServerStream.RecvMsg(m)
	w.waits.Stop()
	if err != nil {
		return err
	}
	if err := w.pass.Take(costOf(m)); err != nil {
		return err
	}
	if garbled(m) {
		return errGarbled
	}
	return nil
}

// SendMsg sends a message, which waits for the client where it has not read those before.
func (w *watching) SendMsg(m any) error {
	w.waits.Reset(w.patience)
	defer w.waits.Stop()
	return w.ServerStream.SendMsg(m)
}
