package main

import (
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"strings"

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

// isTenantID tells an id from a domain.
func isTenantID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i, r := range s {
		if i == 8 || i == 13 || i == 18 || i == 23 {
			if r != '-' {
				return false
			}
		} else if !strings.ContainsRune("0123456789abcdefABCDEF", r) {
			return false
		}
	}
	return true
}

// loopback tells whether an address can be reached from this machine alone.
func loopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	ip := net.ParseIP(host)
	return err == nil && (host == "localhost" || ip != nil && ip.IsLoopback())
}

// identify says how callers of a tenant are told. What it returns ends that.
func (c serveConfig) identify(tenant string, out io.Writer, log *slog.Logger) (auth.Identify, func(), error) {
	switch {
	case len(c.Issuers) > 0:
	case loopback(c.Listen):
		return auth.Development(tenant), func() {}, nil
	default:
		fmt.Fprintf(out, "No issuer is configured, and --listen %s reaches beyond this machine: every call but health is refused as UNAUTHENTICATED. "+
			"Give --issuer and --audience, or listen on 127.0.0.1.\n", c.Listen)
		return auth.Nobody, func() {}, nil
	}
	config := auth.Config{Tenant: tenant, Issuers: c.Issuers, Audiences: c.Audiences, Log: log}
	if c.IssuerCAFile != "" {
		var err error
		if config.CAPEM, err = os.ReadFile(c.IssuerCAFile); err != nil {
			return nil, nil, fmt.Errorf("--issuer-ca-file: %w (%w)", err, errConfig)
		}
	}
	verifier, err := auth.NewVerifier(config)
	if err != nil {
		return nil, nil, fmt.Errorf("--issuer, --audience or --issuer-ca-file: %w (%w)", err, errConfig)
	}
	return verifier.Identify, verifier.Close, nil
}
