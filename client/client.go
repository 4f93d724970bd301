// Package client calls People Insights from Go.
//
//	c, err := client.New(client.Config{Address: "127.0.0.1:50051"})
//	…
//	out, err := c.GetProfile(ctx, &pb.GetProfileRequest{Person: client.ByEmail("ana@contoso.com")})
//
// A Client is the generated stubs of the contract over one connection with
// sensible habits: every call but a watch has a deadline, calls that found the service
// unavailable are tried again, Watch goes on where it was, requests go round all of the service's addresses,
// and dead connections are noticed.
package client

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/status"

	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
)

// Config is what a Client needs.
type Config struct {
	// Address is the service's: host:port, or a gRPC target such as
	// dns:///insights.contoso.com:443. Required.
	Address string
	// TLS is how to trust the service; nil speaks plain text, as a service on
	// loopback does.
	TLS *tls.Config
	// Timeout is the deadline of calls whose context has none; zero means five
	// seconds.
	Timeout time.Duration
	// Token returns the access token to call with. It is called for each attempt of each
	// call, so it should keep its token until that is about to expire. Nil sends none. A
	// token is only sent over TLS, or to this machine: New refuses anything else.
	Token func(context.Context) (string, error)
	// Options are put after the client's own, for what is not foreseen here.
	Options []grpc.DialOption
}

// Client is a connection to the service. It may be used concurrently.
type Client struct {
	pb.PeopleInsightsServiceClient
	pb.DirectoryAdminServiceClient

	connection *grpc.ClientConn
}

// serviceConfig goes round all addresses, and tries calls that found the service
// unavailable again. All of the contract's calls may be: they only read, RefreshDirectory
// is idempotent, and a pick that ReportPick reports twice counts twice, and does no other
// harm. A watch is begun again by Watch, which knows where it was, and by nothing else.
const serviceConfig = `{
  "loadBalancingConfig": [{"round_robin": {}}],
  "methodConfig": [{
    "name": [{"service": "peopleinsights.v1.PeopleInsightsService"}, {"service": "peopleinsights.v1.DirectoryAdminService"}],
    "retryPolicy": {
      "maxAttempts": 3, "initialBackoff": "0.1s", "maxBackoff": "1s", "backoffMultiplier": 2,
      "retryableStatusCodes": ["UNAVAILABLE"]
    }
  }, {
    "name": [{"service": "peopleinsights.v1.PeopleInsightsService", "method": "WatchProfiles"}]
  }]
}`

// maxMessage holds a batch of a thousand profiles several times over.
const maxMessage = 16 << 20

// New returns a Client. It connects with the first call.
func New(config Config) (*Client, error) {
	if config.Address == "" {
		return nil, errors.New("client: an address is needed")
	}
	if config.Timeout == 0 {
		config.Timeout = 5 * time.Second
	}
	transport := insecure.NewCredentials()
	if config.TLS != nil {
		transport = credentials.NewTLS(config.TLS)
	}
	if config.Token != nil {
		plain := config.TLS == nil
		if plain && !toThisMachine(config.Address) {
			return nil, errPlainToken
		}
		config.Options = append([]grpc.DialOption{grpc.WithPerRPCCredentials(bearer{config.Token, plain})}, config.Options...)
	}
	connection, err := grpc.NewClient(config.Address, append([]grpc.DialOption{
		grpc.WithTransportCredentials(transport),
		grpc.WithDefaultServiceConfig(serviceConfig),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxMessage)),
		grpc.WithUnaryInterceptor(withDeadline(config.Timeout)),
		// Pings only while calls are under way: more would be taken for abuse.
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 30 * time.Second, Timeout: 10 * time.Second}),
	}, config.Options...)...)
	if err != nil {
		return nil, fmt.Errorf("client: %w", err)
	}
	return &Client{
		PeopleInsightsServiceClient: pb.NewPeopleInsightsServiceClient(connection),
		DirectoryAdminServiceClient: pb.NewDirectoryAdminServiceClient(connection),
		connection:                  connection,
	}, nil
}

// Close ends the connection; calls under way fail.
func (c *Client) Close() error { return c.connection.Close() }

func withDeadline(timeout time.Duration) grpc.UnaryClientInterceptor {
	return func(ctx context.Context, method string, in, out any, connection *grpc.ClientConn, invoke grpc.UnaryInvoker, options ...grpc.CallOption) error {
		if _, ok := ctx.Deadline(); !ok {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, timeout)
			defer cancel()
		}
		return invoke(ctx, method, in, out, connection, options...)
	}
}

// ByID names a person by their Graph object id.
func ByID(id string) *pb.PersonRef {
	return &pb.PersonRef{Person: &pb.PersonRef_Id{Id: id}}
}

// ByEmail names a person by any address that leads to them.
func ByEmail(address string) *pb.PersonRef {
	return &pb.PersonRef{Person: &pb.PersonRef_Email{Email: address}}
}

// Reason returns why a call failed, and UNSPECIFIED for errors that are not the
// service's own.
func Reason(err error) pb.ErrorReason {
	for _, detail := range status.Convert(err).Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok && info.GetDomain() == "peopleinsights" {
			return pb.ErrorReason(pb.ErrorReason_value["ERROR_REASON_"+info.GetReason()])
		}
	}
	return pb.ErrorReason_ERROR_REASON_UNSPECIFIED
}

// RetryAfter is how long the service asks to wait until a call is made again, and 0 where it
// does not.
func RetryAfter(err error) time.Duration {
	for _, detail := range status.Convert(err).Details() {
		if info, ok := detail.(*errdetails.RetryInfo); ok {
			return info.GetRetryDelay().AsDuration()
		}
	}
	return 0
}
