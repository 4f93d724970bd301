package main

import (
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/known/durationpb"
)

// TestRefusalsSayWhenToAskAgain explains calls that were refused.
func TestRefusalsSayWhenToAskAgain(t *testing.T) {
	for _, row := range []struct {
		wait time.Duration
		want string
	}{
		{0, "too much (PEOPLE_LIMIT_REACHED)"},
		{20 * time.Millisecond, "too much (PEOPLE_LIMIT_REACHED): ask again in 1s"},
		{65 * time.Minute, "too much (PEOPLE_LIMIT_REACHED): ask again in 1h5m0s"},
	} {
		details := []protoadapt.MessageV1{&errdetails.ErrorInfo{Reason: "PEOPLE_LIMIT_REACHED", Domain: "peopleinsights"}}
		if row.wait > 0 {
			details = append(details, &errdetails.RetryInfo{RetryDelay: durationpb.New(row.wait)})
		}
		s, err := status.New(codes.ResourceExhausted, "too much").WithDetails(details...)
		if err != nil {
			t.Fatal(err)
		}
		if got := explain(s.Err()); got != row.want {
			t.Errorf("explain = %q, want %q", got, row.want)
		}
	}
}
