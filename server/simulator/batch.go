package simulator

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
)

// maxParts is how many requests Graph takes in one $batch.
const maxParts = 20

// isBatch reports whether the segments after /v1.0, escaped or not, are those of a $batch.
func isBatch(path []string) bool {
	return len(path) == 1 && (strings.EqualFold(path[0], "$batch") || strings.EqualFold(path[0], "%24batch"))
}

// part is one request of a batch on its way through the simulator.
type part struct {
	batchItem
	key    string        // the id in lower case
	needs  []*part       // whose failure is this one's too
	places chan struct{} // those of its mailbox within the batch, nil when it asks no mailbox
	call   *call
	answer *memory
	fault  Fault
	hit    bool
}

// batch answers a POST /$batch: every part is authorised, charged, throttled and hit by faults as a request of its own. It
// is served one after the other when any part depends on another. Otherwise those that a fault delays, or that ask a
// mailbox, are served at the same time, at most four for one mailbox; the rest takes no time worth sharing, and in order
// the same parts find the quota empty each time.
//
// A fault that cuts a part ends the whole batch, there being one connection.
func (s *Simulator) batch(c *call) *problem {
	if c.inside {
		return badRequest("Batch requests cannot be nested.")
	}
	body, p := c.body()
	if p != nil {
		return p
	}
	parts, p := parseBatch(body)
	if p != nil {
		return p
	}
	serial := slices.ContainsFunc(parts, func(pt *part) bool { return len(pt.needs) > 0 })
	mailboxes := make(map[string]chan struct{})
	for _, pt := range parts {
		pt.prepare(c)
		if name, ok := s.mailbox(pt.call.r.URL.EscapedPath()); ok {
			if mailboxes[name] == nil {
				mailboxes[name] = make(chan struct{}, maxAtOnce)
			}
			pt.places = mailboxes[name]
		}
	}
	var all partGroup
	defer all.running.Wait() // also when a part that is served alone breaks off the answer
	for _, pt := range inOrderOfNeed(parts) {
		if pt.failedNeed() {
			pt.call.fail(refuse(http.StatusFailedDependency, "FailedDependency",
				"The request failed because a request that it depends on has failed."))
			continue
		}
		pt.fault, pt.hit = s.faults.take(pt.call.r.RequestURI)
		if serial || pt.places == nil && pt.fault.Delay == 0 {
			pt.serve(s)
		} else {
			all.serve(s, pt)
		}
	}
	all.wait()
	for _, pt := range parts {
		c.parts = append(c.parts, pt.record())
		c.units += pt.call.units
	}
	c.send(jsonContent, writeBatch(parts))
	return nil
}

// partGroup serves parts at the same time, and hands a panic of one of them on: it breaks off the answer.
type partGroup struct {
	running sync.WaitGroup
	mu      sync.Mutex
	broken  any
}

func (g *partGroup) serve(s *Simulator, pt *part) {
	g.running.Go(func() {
		defer func() {
			if broken := recover(); broken != nil {
				g.mu.Lock()
				g.broken = broken
				g.mu.Unlock()
			}
		}()
		pt.serve(s)
	})
}

func (g *partGroup) wait() {
	g.running.Wait()
	if g.broken != nil {
		panic(g.broken)
	}
}

// prepare makes the request that the part stands for.
func (pt *part) prepare(outer *call) {
	uri := "/v1.0/" + strings.ReplaceAll(strings.TrimPrefix(pt.URL, "/"), " ", "%20") // in JSON nobody escapes it
	r := outer.r.Clone(outer.r.Context())
	r.Method, r.RequestURI, r.Header = strings.ToUpper(pt.Method), uri, make(http.Header)
	r.URL = &url.URL{Path: uri}
	at, err := url.ParseRequestURI(uri)
	if err == nil {
		r.URL = at
	}
	for name, value := range pt.headers() {
		r.Header.Set(name, value)
	}
	r.Header.Set("Authorization", outer.r.Header.Get("Authorization"))
	r.Body = http.NoBody
	if pt.hasBody() {
		r.Body = readCloser{bytes.NewReader(pt.Body)}
	}
	pt.answer = &memory{header: make(http.Header)}
	pt.call = &call{sim: outer.sim, r: r, id: newGUID(), base: outer.base, inside: true}
	pt.call.out = &recorder{ResponseWriter: pt.answer, tell: func() {}}
	if err != nil {
		pt.call.fail(badRequest("The request URI is not valid."))
	}
}

// readCloser is a body that is in memory.
type readCloser struct{ *bytes.Reader }

// Close does nothing.
func (readCloser) Close() error { return nil }

func (pt *part) serve(s *Simulator) {
	if pt.call.out.status != 0 {
		return
	}
	if pt.places != nil {
		pt.places <- struct{}{}
		defer func() { <-pt.places }()
	}
	leave, p := s.openMailbox(pt.call)
	if p != nil {
		pt.call.fail(p)
		return
	}
	defer leave()
	s.meet(pt.call, pt.fault, pt.hit)
}

func (pt *part) failedNeed() bool {
	return slices.ContainsFunc(pt.needs, func(need *part) bool { return need.call.out.status >= 400 })
}

// inOrderOfNeed puts each part behind those it depends on, and else in the order asked.
func inOrderOfNeed(parts []*part) []*part {
	sorted := make([]*part, 0, len(parts))
	var put func(pt *part)
	put = func(pt *part) {
		if slices.Contains(sorted, pt) {
			return
		}
		for _, need := range pt.needs {
			put(need)
		}
		sorted = append(sorted, pt)
	}
	for _, pt := range parts {
		put(pt)
	}
	return sorted
}

func (pt *part) record() Part {
	header := pt.call.r.Header.Clone()
	header.Del("Authorization")
	return Part{pt.ID, pt.call.r.Method, pt.call.r.RequestURI, header, pt.call.out.status, pt.call.units}
}

// writeBatch writes the answers in the reverse of the order asked: Graph promises none, and a client that counts on one
// should notice.
func writeBatch(parts []*part) []byte {
	type item struct {
		ID      string            `json:"id"`
		Status  int               `json:"status"`
		Headers map[string]string `json:"headers"`
		Body    any               `json:"body,omitempty"`
	}
	var doc struct {
		Responses []item `json:"responses"`
	}
	for _, pt := range slices.Backward(parts) {
		headers := make(map[string]string)
		for name := range pt.answer.header {
			headers[name] = pt.answer.header.Get(name)
		}
		delete(headers, "Content-Length")
		doc.Responses = append(doc.Responses, item{pt.ID, pt.call.out.status, headers, pt.answer.inJSON()})
	}
	b, err := json.Marshal(doc)
	if err != nil {
		return nil // every body has been looked at: it cannot happen
	}
	return b
}

// inJSON returns the body as it stands in a batch: JSON as it is, text as a string, anything else in base64. It is nil
// when there is none.
func (m *memory) inJSON() any {
	kind := m.header.Get("Content-Type")
	switch {
	case len(m.body) == 0:
		return nil
	case strings.HasPrefix(kind, "application/json") && json.Valid(m.body):
		return json.RawMessage(m.body)
	case strings.HasPrefix(kind, "text/"):
		return string(m.body)
	}
	return m.body
}
