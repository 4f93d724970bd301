package graph

import (
	"context"
	"net"
	"net/http"
	"sync"
)

// private is the transport of one question whose answers must not linger. It speaks
// HTTP/1.1 without compression, because net/http keeps the buffers of HTTP/2 and of gzip in
// pools of the whole process, with whatever was read last; and its connections, which have
// buffers of their own, end with the question.
type private struct {
	*http.Transport

	mu    sync.Mutex
	ended bool
	conns []net.Conn
}

func newPrivate(like *http.Transport) *private {
	p := &private{Transport: like.Clone()}
	p.DisableCompression = true
	p.ForceAttemptHTTP2 = false
	p.HTTP2 = nil
	p.Protocols = new(http.Protocols)
	p.Protocols.SetHTTP1(true)
	p.TLSClientConfig.NextProtos = nil
	dial := p.DialContext
	p.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.ended { // nobody waits for it any more
			_ = conn.Close()
			return nil, net.ErrClosed
		}
		p.conns = append(p.conns, conn)
		return conn, nil
	}
	return p
}

// close ends all connections, whatever they are doing.
func (p *private) close() {
	p.CloseIdleConnections()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ended = true
	for _, conn := range p.conns {
		_ = conn.Close()
	}
	p.conns = nil
}

type privateKey struct{}

// withPrivate has the calls of a question go by a transport of its own.
func withPrivate(ctx context.Context, p *private) context.Context {
	return context.WithValue(ctx, privateKey{}, p)
}

// transportOf returns by which transport a question goes.
func (c *Client) transportOf(ctx context.Context) *http.Transport {
	if p, ok := ctx.Value(privateKey{}).(*private); ok {
		return p.Transport
	}
	return c.transport
}

// chosen is an http.RoundTripper that sends each call by the transport of its question, or
// else by the usual one.
type chosen struct{ usual http.RoundTripper }

func (c chosen) RoundTrip(r *http.Request) (*http.Response, error) {
	if p, ok := r.Context().Value(privateKey{}).(*private); ok {
		return p.RoundTrip(r)
	}
	return c.usual.RoundTrip(r)
}
