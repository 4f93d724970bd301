package client

import (
	"context"
	"errors"
	"net"
	"strings"

	"google.golang.org/grpc/credentials"
)

// errPlainToken means that a token would go over the network in plain text.
var errPlainToken = errors.New("client: a token is sent over TLS, or in plain text to 127.0.0.1, [::1] or localhost alone: set TLS")

// bearer sends a token with each call.
type bearer struct {
	token func(context.Context) (string, error)
	plain bool // to this machine alone
}

var _ credentials.PerRPCCredentials = bearer{}

// GetRequestMetadata returns the token as gRPC sends it.
func (b bearer) GetRequestMetadata(ctx context.Context, _ ...string) (map[string]string, error) {
	token, err := b.token(ctx)
	if err != nil {
		return nil, err
	}
	return map[string]string{"authorization": "Bearer " + token}, nil
}

// RequireTransportSecurity has gRPC refuse to send the token in plain text.
func (b bearer) RequireTransportSecurity() bool { return !b.plain }

// toThisMachine tells whether an address, or a target such as dns:///localhost:50051, leads
// to this machine by its name.
func toThisMachine(address string) bool {
	host, _, err := net.SplitHostPort(address[strings.LastIndex(address, "/")+1:])
	ip := net.ParseIP(host)
	return err == nil && (host == "localhost" || ip != nil && ip.IsLoopback())
}
