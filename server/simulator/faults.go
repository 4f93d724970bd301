package simulator

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Fault is something that goes wrong. The sign-in can be hit as well as Graph.
type Fault struct {
	// Path picks the requests: those whose path and query contain it, as sent. Empty means every request.
	Path string

	// After lets so many picked requests pass first, so that 2 hits the third page.
	After int

	// Times is how many requests are hit; zero means all until the fault is cleared.
	Times int

	// Delay passes before anything else happens; it ends early when the client leaves or the simulator is closed.
	Delay time.Duration

	// Status is answered in place of the real answer; zero means the real answer, late or cut.
	Status int

	// Code and Message fill Graph's error body; empty means what Graph would say with that status.
	Code, Message string

	// RetryAfter and Location are sent as headers, word for word; empty means without.
	RetryAfter, Location string

	// Body is sent instead of Graph's error body when it is not nil, with ContentType if that is set.
	Body        []byte
	ContentType string

	// Cut ends the connection after half of the answer.
	Cut bool
}

// Fail makes requests fail until clear is called or f.Times of them have. Of several faults that pick a request the one
// that was made first has it.
func (s *Simulator) Fail(f Fault) (clear func()) {
	id := s.faults.add(f)
	return func() { s.faults.remove(id) }
}

// faults are those that are not used up.
type faults struct {
	mu   sync.Mutex
	last int // the newest id
	list []*activeFault
}

// activeFault is a fault with the hits that it has left.
type activeFault struct {
	id int
	Fault
}

func (fs *faults) add(f Fault) (id int) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	fs.last++
	fs.list = append(fs.list, &activeFault{fs.last, f})
	return fs.last
}

// remove reports whether there was one to remove.
func (fs *faults) remove(id int) bool {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	before := len(fs.list)
	fs.list = slices.DeleteFunc(fs.list, func(f *activeFault) bool { return f.id == id })
	return len(fs.list) < before
}

func (fs *faults) clear() {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	fs.list = nil
}

func (fs *faults) all() []activeFault {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	list := make([]activeFault, len(fs.list))
	for i, f := range fs.list {
		list[i] = *f
	}
	return list
}

// take returns the fault for a request, and uses up one of its times.
func (fs *faults) take(uri string) (Fault, bool) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	for i, f := range fs.list {
		if !strings.Contains(uri, f.Path) {
			continue
		}
		if f.After > 0 {
			f.After--
			continue
		}
		hit := f.Fault
		if f.Times == 1 {
			fs.list = slices.Delete(fs.list, i, i+1)
		} else if f.Times > 1 {
			f.Times--
		}
		return hit, true
	}
	return Fault{}, false
}

// suffer does to a call what the fault says, and reports whether that has answered it.
func (s *Simulator) suffer(c *call, f Fault) (answered bool) {
	if f.Delay > 0 {
		timer := time.NewTimer(f.Delay)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-c.r.Context().Done():
			panic(http.ErrAbortHandler) // to return would send an empty 200
		}
	}
	if f.Cut {
		s.cut(c, f)
	}
	if f.Status == 0 {
		return false
	}
	s.misanswer(c, f)
	return true
}

// misanswer answers with the fault's status.
func (s *Simulator) misanswer(c *call, f Fault) {
	if f.RetryAfter != "" {
		c.out.Header().Set("Retry-After", f.RetryAfter)
	}
	if f.Location != "" {
		c.out.Header().Set("Location", f.Location)
	}
	if f.Body == nil {
		code, message := usual(f.Status)
		if f.Code != "" {
			code = f.Code
		}
		if f.Message != "" {
			message = f.Message
		}
		c.fail(refuse(f.Status, code, "%s", message))
		return
	}
	h := c.header()
	if f.ContentType != "" {
		h.Set("Content-Type", f.ContentType)
	}
	c.out.WriteHeader(f.Status)
	_, _ = c.out.Write(f.Body)
}

// cut answers in half: the length of the whole is announced, and the connection ends before it is there.
func (s *Simulator) cut(c *call, f Fault) {
	whole := &memory{header: make(http.Header)}
	wire := c.out.ResponseWriter
	c.out.ResponseWriter = whole
	if f.Status == 0 {
		s.answer(c)
	} else {
		s.misanswer(c, f)
	}
	c.out.ResponseWriter = wire
	for name, values := range whole.header {
		wire.Header()[name] = values
	}
	wire.Header().Set("Content-Length", strconv.Itoa(len(whole.body)))
	wire.WriteHeader(c.out.status)
	_, _ = wire.Write(whole.body[:len(whole.body)/2])
	_ = http.NewResponseController(wire).Flush()
	panic(http.ErrAbortHandler) // the one way to break off an answer that net/http offers
}

// memory holds an answer back.
type memory struct {
	header http.Header
	body   []byte
}

func (m *memory) Header() http.Header { return m.header }
func (m *memory) WriteHeader(int)     {}
func (m *memory) Write(b []byte) (int, error) {
	m.body = append(m.body, b...)
	return len(b), nil
}

// usual returns what Graph says with a status.
func usual(status int) (code, message string) {
	switch status {
	case http.StatusBadRequest:
		return "Request_BadRequest", "The request is invalid."
	case http.StatusUnauthorized:
		return "InvalidAuthenticationToken", "Access token has expired or is not yet valid."
	case http.StatusForbidden:
		return "Authorization_RequestDenied", "Insufficient privileges to complete the operation."
	case http.StatusNotFound:
		return "Request_ResourceNotFound", "Resource does not exist or one of its queried reference-property objects are not present."
	case http.StatusConflict:
		return "Directory_ConcurrencyViolation", "The request could not be completed because of a concurrent change."
	case http.StatusGone:
		return "resyncRequired", "Resync required. Replace any local items with the server's version."
	case http.StatusTooManyRequests:
		return "TooManyRequests", "Please retry again later."
	case http.StatusInternalServerError:
		return "InternalServerError", "An internal server error occurred. The operation failed."
	case http.StatusServiceUnavailable:
		return "ServiceUnavailable", "The service is temporarily unavailable. Please try again later."
	case http.StatusGatewayTimeout:
		return "GatewayTimeout", "The server, while acting as a proxy, did not receive a timely response."
	}
	return "UnknownError", http.StatusText(status)
}
