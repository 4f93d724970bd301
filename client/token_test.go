package client_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/peopleinsights/peopleinsights/client"
	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
)

// TestTokens sends another token with each call.
func TestTokens(t *testing.T) {
	var n int
	var got []string
	c := connect(t, client.Config{Token: func(context.Context) (string, error) {
		if n++; n == 3 {
			return "", errors.New("nobody has signed in")
		}
		return fmt.Sprint("token-", n), nil
	}}, func(ctx context.Context, _ *pb.GetProfileRequest) (*pb.GetProfileResponse, error) {
		got = append(got, metadata.ValueFromIncomingContext(ctx, "authorization")...)
		return &pb.GetProfileResponse{}, nil
	})
	for range 2 {
		if _, err := c.GetProfile(t.Context(), &pb.GetProfileRequest{}); err != nil {
			t.Fatal(err)
		}
	}
	if want := "Bearer token-1 Bearer token-2"; strings.Join(got, " ") != want {
		t.Errorf("sent %q, want %q", got, want)
	}
	if _, err := c.GetProfile(t.Context(), &pb.GetProfileRequest{}); err == nil || !strings.Contains(err.Error(), "nobody has signed in") {
		t.Errorf("without a token: %v", err)
	}
}

// TestTokensStayOffTheNetwork has addresses beyond this machine in plain text.
func TestTokensStayOffTheNetwork(t *testing.T) {
	token := func(context.Context) (string, error) { return "x", nil }
	for address, plain := range map[string]bool{
		"127.0.0.1:50051": true, "localhost:50051": true, "[::1]:50051": true, "dns:///localhost:50051": true,
		"insights.contoso.com:443": false, "10.0.0.1:50051": false, "0.0.0.0:50051": false, "dns:///insights.contoso.com:443": false,
		"localhost.contoso.com:1": false, "localhost": false, "127.0.0.1.contoso.com:1": false, "passthrough:127.0.0.1:1": false, ":50051": false,
	} {
		if c, err := client.New(client.Config{Address: address, Token: token}); (err == nil) != plain {
			t.Errorf("in plain text to %s: %v, want a client %v", address, err, plain)
		} else if err == nil {
			c.Close()
		}
		c, err := client.New(client.Config{Address: address, Token: token, TLS: &tls.Config{}})
		if err != nil {
			t.Errorf("over TLS to %s: %v", address, err)
			continue
		}
		c.Close()
	}
}

// TestWatchGoesOnWithANewToken has the first token expire while a watch is under way; one that
// is refused at once is no reason to go on.
func TestWatchGoesOnWithANewToken(t *testing.T) {
	var asked atomic.Int64
	c := connectService(t, client.Config{}, service{watch: func(_ *pb.WatchProfilesRequest, stream grpc.ServerStreamingServer[pb.WatchProfilesResponse]) error {
		if asked.Add(1) <= 2 {
			if err := stream.Send(&pb.WatchProfilesResponse{Freshness: &pb.Freshness{Revision: 1}}); err != nil {
				return err
			}
		}
		return status.Error(codes.Unauthenticated, "expired")
	}})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	messages := 0
	err := c.Watch(ctx, &pb.WatchProfilesRequest{}, func(*pb.WatchProfilesResponse) error { messages++; return nil }, nil)
	if status.Code(err) != codes.Unauthenticated || asked.Load() != 3 || messages != 2 {
		t.Errorf("Watch = %v after %d times with %d messages, want Unauthenticated after 3 with 2", err, asked.Load(), messages)
	}
}
