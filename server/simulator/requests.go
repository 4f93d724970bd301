package simulator

import (
	"net/http"
	"sync"
	"time"
)

// keptRequests is how many requests a simulator remembers.
const keptRequests = 100_000

// Request is what a client asked, and how it was answered.
type Request struct {
	Time   time.Time // when it was answered
	Method string
	URL    string // path and query as sent
	Header http.Header
	Status int // zero when it was never answered
	Units  int // resource units that Graph charges for it; refusals and the sign-in cost nothing

	// Parts are the requests within a $batch, in the order in which they were asked; nil for any other request. Status is
	// that of the batch then, and Units the sum of theirs.
	Parts []Part
}

// Part is one request within a $batch. It is no Request of its own: Graph sees one on the wire.
type Part struct {
	ID     string // as the batch named it
	Method string
	URL    string // path and query, with /v1.0 in front
	Header http.Header
	Status int
	Units  int
}

// Requests returns the requests since the start or the last ResetRequests, in the order in which they were answered; of
// more than 100,000 the newest. The headers come without Authorization. A request is there before its answer arrives.
func (s *Simulator) Requests() []Request { return s.log.all() }

// ResetRequests forgets the requests so far.
func (s *Simulator) ResetRequests() { s.log.reset() }

// totals count all requests since the last reset, also those that are kept no longer.
type totals struct {
	Requests int
	Units    int
}

// requestLog is a ring.
type requestLog struct {
	mu    sync.Mutex
	list  []Request
	next  int // where the next one goes once the list is full
	total totals
}

func (l *requestLog) add(c *call, now time.Time) {
	header := c.r.Header.Clone()
	header.Del("Authorization")
	r := Request{
		Time:   now,
		Method: c.r.Method,
		URL:    c.r.RequestURI,
		Header: header,
		Status: c.out.status,
		Units:  c.units,
		Parts:  c.parts,
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.total.Requests++
	l.total.Units += c.units
	if len(l.list) < keptRequests {
		l.list = append(l.list, r)
		return
	}
	l.list[l.next] = r
	l.next = (l.next + 1) % keptRequests
}

func (l *requestLog) all() []Request {
	list, _ := l.tell()
	return list
}

func (l *requestLog) tell() ([]Request, totals) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append(append([]Request(nil), l.list[l.next:]...), l.list[:l.next]...), l.total
}

func (l *requestLog) reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list, l.next, l.total = nil, 0, totals{}
}
