package traffic

import (
	"net"
	"sync"
)

// Listen returns a listener of which only so many connections are open at once. Further ones
// are closed as soon as they are accepted: left to wait, their clients would take a full
// service for a slow one, and a replica behind the same name would not be tried.
func (t *Traffic) Listen(on net.Listener) net.Listener { return &listener{on, t} }

type listener struct {
	net.Listener
	traffic *Traffic
}

// Accept returns the next connection that there is room for.
func (l *listener) Accept() (net.Conn, error) {
	t := l.traffic
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if t.connections.Add(1) <= int64(t.config.MaxConnections) {
			return &connection{Conn: c, closed: sync.OnceFunc(func() { t.connections.Add(-1) })}, nil
		}
		t.connections.Add(-1)
		t.refused[byConnections].Add(1)
		_ = c.Close() // it is nobody's
	}
}

type connection struct {
	net.Conn
	closed func()
}

// Close closes the connection, and makes room for another.
func (c *connection) Close() error {
	defer c.closed()
	return c.Conn.Close()
}
