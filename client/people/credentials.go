package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"os"
	"strings"
)

// tokenVariable may hold a token itself. There is no flag for that: others on the machine
// could read it.
const tokenVariable = "PEOPLE_INSIGHTS_TOKEN"

// token is where tokens come from; nil for none. The file is read with each call, so that
// another program may renew it.
func (f flags) token() func(context.Context) (string, error) {
	if f.TokenFile != "" {
		return func(context.Context) (string, error) {
			raw, err := os.ReadFile(f.TokenFile)
			if err != nil {
				return "", fmt.Errorf("--token-file: %w", err)
			}
			token := strings.TrimSpace(string(raw))
			if token == "" || strings.ContainsAny(token, " \r\n\t") {
				return "", fmt.Errorf("--token-file %s must hold one token and nothing else", f.TokenFile)
			}
			return token, nil
		}
	}
	if token := os.Getenv(tokenVariable); token != "" {
		return func(context.Context) (string, error) { return token, nil }
	}
	return nil
}

// certificate is what the client shows to a service that wants one.
func (f flags) certificate() ([]tls.Certificate, error) {
	if f.CertFile == "" && f.KeyFile == "" {
		return nil, nil
	}
	if f.CertFile == "" || f.KeyFile == "" {
		return nil, fmt.Errorf("--cert-file and --key-file go together (%w)", errUsage)
	}
	pair, err := tls.LoadX509KeyPair(f.CertFile, f.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("--cert-file and --key-file: %w", err)
	}
	return []tls.Certificate{pair}, nil
}
