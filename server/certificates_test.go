package main

import (
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/peopleinsights/peopleinsights/client"
	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
)

// replace gives a file what another holds, at another time.
func replace(t *testing.T, file, with string, at time.Time) {
	t.Helper()
	text, err := os.ReadFile(with)
	if err == nil {
		err = os.WriteFile(file, text, 0o600)
	}
	if err == nil {
		err = os.Chtimes(file, at, at)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestCertificatesAreReloaded changes the files in each way, with a clock of its own.
func TestCertificatesAreReloaded(t *testing.T) {
	certFile, keyFile, _ := certify(t)
	caFile, _, _ := certify(t)
	otherCert, otherKey, _ := certify(t)
	otherCA, _, _ := certify(t)
	log := &output{}
	c, err := newCertificates(certFile, keyFile, caFile, slog.New(slog.NewTextHandler(log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	c.now = func() time.Time { return now }
	serves := func(what, cert, key string) {
		t.Helper()
		pair, err := tls.LoadX509KeyPair(cert, key)
		if err != nil {
			t.Fatal(err)
		}
		config, err := c.config().GetConfigForClient(nil)
		if err != nil || string(config.Certificates[0].Certificate[0]) != string(pair.Certificate[0]) {
			t.Errorf("%s: another certificate is served, %v", what, err)
		}
		if config.MinVersion != tls.VersionTLS12 || config.ClientAuth != tls.RequireAndVerifyClientCert || config.ClientCAs == nil {
			t.Errorf("%s: the connection is made with %+v", what, config)
		}
	}
	firstCert, firstKey, _ := certify(t)
	replace(t, firstCert, certFile, now)
	replace(t, firstKey, keyFile, now)
	replace(t, certFile, otherCert, now.Add(-time.Minute))
	serves("within a second", firstCert, firstKey)
	if log.String() != "" {
		t.Errorf("the files are looked at more than once a second:\n%s", log)
	}
	now = now.Add(2 * time.Second)
	serves("a certificate without its key yet", firstCert, firstKey)
	now = now.Add(2 * time.Second)
	serves("and again", firstCert, firstKey)
	if n := strings.Count(log.String(), "are not taken"); n != 1 || strings.Contains(log.String(), "are taken") {
		t.Errorf("a broken pair is logged %d times, want once:\n%s", n, log)
	}
	replace(t, keyFile, otherKey, now.Add(-time.Minute))
	now = now.Add(2 * time.Second)
	serves("with its key", otherCert, otherKey)
	pool := c.current().ClientCAs
	replace(t, caFile, otherCA, now.Add(-time.Hour))
	now = now.Add(2 * time.Second)
	if c.current().ClientCAs.Equal(pool) {
		t.Error("another --client-ca-file is not taken")
	}
	pool = c.current().ClientCAs
	if err := os.Remove(caFile); err != nil {
		t.Fatal(err)
	}
	now = now.Add(2 * time.Second)
	if current := c.current(); !current.ClientCAs.Equal(pool) || current.ClientAuth != tls.RequireAndVerifyClientCert {
		t.Error("without a --client-ca-file clients need no certificate any more")
	}
}

// TestMutualTLS wants certificates of clients.
func TestMutualTLS(t *testing.T) {
	certFile, keyFile, roots := certify(t)
	clientCert, clientKey, _ := certify(t)
	strangerCert, strangerKey, _ := certify(t)
	r := start(t, "--tls-cert-file", certFile, "--tls-key-file", keyFile, "--client-ca-file", clientCert)
	pair := func(cert, key string) []tls.Certificate {
		p, err := tls.LoadX509KeyPair(cert, key)
		if err != nil {
			t.Fatal(err)
		}
		return []tls.Certificate{p}
	}
	call := func(config *tls.Config) error {
		c, err := client.New(client.Config{Address: r.address, TLS: config, Timeout: patience})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		_, err = c.GetDirectoryStatus(t.Context(), &pb.GetDirectoryStatusRequest{})
		return err
	}
	if err := call(&tls.Config{RootCAs: roots, Certificates: pair(clientCert, clientKey)}); err != nil {
		t.Errorf("with a certificate: %v", err)
	}
	for what, config := range map[string]*tls.Config{
		"without one":      {RootCAs: roots},
		"a stranger's":     {RootCAs: roots, Certificates: pair(strangerCert, strangerKey)},
		"the server's own": {RootCAs: roots, Certificates: pair(certFile, keyFile)},
		"TLS 1.1":          {RootCAs: roots, Certificates: pair(clientCert, clientKey), MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11},
		"untrusting":       {RootCAs: x509.NewCertPool(), Certificates: pair(clientCert, clientKey)},
	} {
		if err := call(config); status.Code(err) != codes.Unavailable {
			t.Errorf("%s: %v, want no connection", what, err)
		}
	}
}
