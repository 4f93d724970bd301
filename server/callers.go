package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"

	"github.com/peopleinsights/peopleinsights/server/auth"
)

// checkCallers refuses what cannot be meant of who may call.
func (c serveConfig) checkCallers() error {
	problem := func(text string) error { return fmt.Errorf("%s (%w)", text, errConfig) }
	switch {
	case len(c.Issuers) > 0 && len(c.Audiences) == 0:
		return problem("--issuer needs --audience beside it: the app id of this service as registered, and api://… for v1 tokens")
	case len(c.Issuers) == 0 && (len(c.Audiences) > 0 || c.IssuerCAFile != ""):
		return problem("--audience and --issuer-ca-file need --issuer beside them")
	case len(c.Issuers) > 0 && c.TenantID != "" && !isTenantID(c.TenantID):
		return problem("--issuer needs a --tenant-id that is an id such as 3f2504e0-4f89-41d3-9a0c-0305e82c3301: tokens name the tenant by it")
	case c.ClientCAFile != "" && c.TLSCertFile == "":
		return problem("--client-ca-file needs --tls-cert-file and --tls-key-file beside it")
	}
	return nil
}

// loopback tells whether an address can be reached from this machine alone.
func loopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	ip := net.ParseIP(host)
	return err == nil && (host == "localhost" || ip != nil && ip.IsLoopback())
}

// identify says how callers of plans are told, and by which tokens if there are any. only is
// the tenant that is served where tokens are not looked at.
func (c serveConfig) identify(plans []*tenantPlan, only func() string, out io.Writer, log *slog.Logger) (auth.Identify, *auth.Verifier, error) {
	switch {
	case plans[0].callers != nil:
	case loopback(c.Listen):
		return func(ctx context.Context) (auth.Caller, error) { return auth.Development(only())(ctx) }, nil, nil
	default:
		fmt.Fprintf(out, "No issuer is configured, and --listen %s reaches beyond this machine: every call but health is refused as UNAUTHENTICATED. "+
			"Give --issuer and --audience, or listen on 127.0.0.1.\n", c.Listen)
		return auth.Nobody, nil, nil
	}
	verifier, err := auth.NewVerifier(auth.Config{Log: log})
	if err != nil {
		return nil, nil, err
	}
	return verifier.Identify, verifier, nil
}
