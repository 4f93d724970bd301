package graph

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/peopleinsights/peopleinsights/cache"
	"github.com/peopleinsights/peopleinsights/server/simulator"
)

// counted is a connection that counts until it is closed.
type counted struct {
	net.Conn
	open   *atomic.Int64
	closed atomic.Bool
}

func (c *counted) Close() error {
	if !c.closed.Swap(true) {
		c.open.Add(-1)
	}
	return c.Conn.Close()
}

// TestPersonalContactsLeaveNoConnection counts the connections that are open before and
// after contacts are read, whole, in part, and in vain: each has buffers with what was read
// last.
func TestPersonalContactsLeaveNoConnection(t *testing.T) {
	directory := simulator.Company()
	sim, err := simulator.New(simulator.Config{}, directory)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { sim.Close() })
	endpoint, err := NewEndpoint(sim.GraphURL(), sim.AuthorityURL())
	if err != nil {
		t.Fatal(err)
	}
	app := simulator.DefaultApp()
	c, err := New(Config{Endpoint: endpoint, CAPEM: sim.CAPEM(),
		Credential: Credential{TenantID: sim.TenantID(), ClientID: app.ID, ClientSecret: app.Secret}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	var open, dialed atomic.Int64
	dial := c.transport.DialContext
	c.transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		open.Add(1)
		dialed.Add(1)
		return &counted{Conn: conn, open: &open}, nil
	}
	someone := ""
	for id := range directory.All() {
		if _, err := directory.PutContact(id, []byte(`{"id":"C1","displayName":"C"}`)); err == nil {
			_, _ = directory.PutContact(id, []byte(`{"id":"C2","displayName":"D"}`))
			someone = id
			break
		}
	}
	if _, err := c.Find(t.Context(), cache.Ref{ID: someone}); err != nil { // and signs in
		t.Fatal(err)
	}
	before := open.Load()
	for what, row := range map[string]struct {
		most  int
		fault simulator.Fault
	}{
		"whole": {100, simulator.Fault{Path: "never", Status: 500}},
		"part":  {1, simulator.Fault{Path: "never", Status: 500}},
		"cut":   {100, simulator.Fault{Path: "/contacts", Cut: true}},
		"503":   {100, simulator.Fault{Path: "/contactFolders", Status: 503}},
	} {
		dialed.Store(0)
		clear := sim.Fail(row.fault)
		book, err := c.PersonalContacts(t.Context(), someone, row.most)
		clear()
		if n := open.Load(); n != before || dialed.Load() == 0 {
			t.Errorf("%s: %d connections are open, want %d; %d were made (%d contacts, %v)", what, n, before, dialed.Load(), len(book.Contacts), err)
		}
	}
}

// TestPrivate has a transport speak HTTP/1.1 without compression, and connect no more once
// it has ended.
func TestPrivate(t *testing.T) {
	sim, err := simulator.New(simulator.Config{}, simulator.NewDirectory())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { sim.Close() })
	usual, err := newTransport(Config{CAPEM: sim.CAPEM(), MaxConcurrent: 1})
	if err != nil {
		t.Fatal(err)
	}
	p := newPrivate(usual)
	for transport, proto := range map[http.RoundTripper]int{usual: 2, p: 1} {
		response, err := (&http.Client{Transport: transport}).Get(sim.GraphURL() + "/users")
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.ProtoMajor != proto {
			t.Errorf("speaks %s, want HTTP/%d", response.Proto, proto)
		}
	}
	if !p.DisableCompression {
		t.Error("answers may be compressed")
	}
	usual.CloseIdleConnections()
	p.close()
	if _, err := (&http.Client{Transport: p}).Get(sim.GraphURL() + "/users"); !errors.Is(err, net.ErrClosed) {
		t.Errorf("connects after its end: %v", err)
	}
}
