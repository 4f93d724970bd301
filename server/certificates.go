package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// certificates are the server's certificate and whose clients it takes, from files that may
// change while it serves. They are looked at when a client connects, at most once a second;
// connections that are open stay so.
type certificates struct {
	certFile, keyFile string
	clientCAFile      string // empty where clients need no certificate
	now               func() time.Time
	log               *slog.Logger

	mu     sync.Mutex
	looked time.Time
	stamps [3]stamp // of the files, as they were when they were last read
	held   *tls.Config
}

// stamp tells whether a file has changed.
type stamp struct {
	modified time.Time
	size     int64
}

// newCertificates reads the files for the first time.
func newCertificates(certFile, keyFile, clientCAFile string, log *slog.Logger) (*certificates, error) {
	c := &certificates{certFile: certFile, keyFile: keyFile, clientCAFile: clientCAFile, now: time.Now, log: log}
	c.looked = c.now()
	c.stamps = c.stampsOf()
	var err error
	c.held, err = c.read()
	return c, err
}

// config is how connections are made.
func (c *certificates) config() *tls.Config {
	return &tls.Config{
		MinVersion:         tls.VersionTLS12,
		NextProtos:         []string{"h2"},
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return c.current(), nil },
	}
}

// current returns what the files hold; what they held before where they are broken.
func (c *certificates) current() *tls.Config {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	if now.Sub(c.looked) < time.Second {
		return c.held
	}
	c.looked = now
	stamps := c.stampsOf() // before they are read: what changes meanwhile is read again
	if stamps == c.stamps {
		return c.held
	}
	c.stamps = stamps
	if fresh, err := c.read(); err != nil {
		c.log.Error("the new certificates are not taken, those before stay", slog.Any("error", err))
	} else {
		c.held = fresh
		c.log.Info("new certificates are taken")
	}
	return c.held
}

// stampsOf are zero for files that are not there.
func (c *certificates) stampsOf() (stamps [3]stamp) {
	for i, name := range []string{c.certFile, c.keyFile, c.clientCAFile} {
		if name == "" {
			continue
		}
		if info, err := os.Stat(name); err == nil {
			stamps[i] = stamp{info.ModTime(), info.Size()}
		}
	}
	return stamps
}

func (c *certificates) read() (*tls.Config, error) {
	pair, err := tls.LoadX509KeyPair(c.certFile, c.keyFile)
	if err != nil {
		return nil, fmt.Errorf("--tls-cert-file and --tls-key-file: %w", err)
	}
	config := &tls.Config{
		Certificates: []tls.Certificate{pair},
		MinVersion:   tls.VersionTLS12,
		NextProtos:   []string{"h2"},
		// A session that goes on would be taken by what the files held when it began.
		SessionTicketsDisabled: true,
	}
	if c.clientCAFile == "" {
		return config, nil
	}
	pem, err := os.ReadFile(c.clientCAFile)
	if err != nil {
		return nil, fmt.Errorf("--client-ca-file: %w", err)
	}
	config.ClientCAs, config.ClientAuth = x509.NewCertPool(), tls.RequireAndVerifyClientCert
	if !config.ClientCAs.AppendCertsFromPEM(pem) {
		return nil, errors.New("--client-ca-file holds no PEM certificate")
	}
	return config, nil
}
