package simulator

import (
	"crypto/rand"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

const (
	jsonContent = "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8"
	diagnostic  = `{"ServerInfo":{"DataCenter":"Simulated","Slice":"E","Ring":"5","ScaleUnit":"001","RoleInstance":"SIM00000001"}}`
)

// call is one request on its way through the simulator.
type call struct {
	sim     *Simulator
	r       *http.Request
	out     *recorder
	id      guid   // request-id
	base    string // scheme and host as the client wrote them; links lead back there
	grant   grant  // what the access token allows
	units   int    // the price, once answered
	outlook bool   // of a mailbox or of Teams, which is not the directory's to charge for
	parts   []Part // of a $batch, once answered
	inside  bool   // a part of a $batch
}

func newGUID() (g guid) {
	_, _ = rand.Read(g[:]) // never fails
	g[6], g[8] = g[6]&0x0f|0x40, g[8]&0x3f|0x80
	return g
}

// header sets what every answer of Graph carries.
func (c *call) header() http.Header {
	h := c.out.Header()
	h.Set("request-id", c.id.String())
	h.Set("client-request-id", c.clientID())
	h.Set("x-ms-ags-diagnostic", diagnostic)
	h.Set("OData-Version", "4.0")
	h.Set("Cache-Control", "no-cache")
	h.Set("Strict-Transport-Security", "max-age=31536000")
	c.tellUse(h)
	return h
}

func (c *call) clientID() string {
	if id := c.r.Header.Get("client-request-id"); id != "" {
		return id
	}
	return c.id.String()
}

// reply answers with a body and says what the call has cost. Outlook and Teams know no units and give zero.
func (c *call) reply(contentType string, body []byte, units int) {
	c.charge(units)
	if units > 0 {
		c.out.Header().Set("x-ms-resource-unit", strconv.Itoa(units))
	}
	c.send(contentType, body)
}

// send answers with a body whose price is known already, or which has none.
func (c *call) send(contentType string, body []byte) {
	h := c.header()
	h.Set("Content-Type", contentType)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = c.out.Write(body) // nobody is left to tell when it fails
}

// fail answers with a refusal. Those cost nothing.
func (c *call) fail(p *problem) {
	h := c.header()
	for name, value := range p.header {
		h.Set(name, value)
	}
	h.Set("Content-Type", jsonContent)
	c.out.WriteHeader(p.status)
	_, _ = c.out.Write(p.body(c.sim.Now(), c.id.String(), c.clientID()))
}

// eventual reports whether the client accepts the separate index behind advanced queries.
func (c *call) eventual() bool {
	return strings.EqualFold(strings.TrimSpace(c.r.Header.Get("ConsistencyLevel")), "eventual")
}

// recorder tells the status of an answer before any of it is sent, so that whoever has the answer finds the request
// among Requests.
type recorder struct {
	http.ResponseWriter
	status int
	tell   func()
}

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
		r.tell()
	}
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(b []byte) (int, error) {
	if r.status == 0 {
		r.WriteHeader(http.StatusOK)
	}
	return r.ResponseWriter.Write(b)
}

// pages keeps the buffers in which lists are written: 999 people need about a megabyte.
var pages = sync.Pool{New: func() any { return new([]byte) }}

// appendJSON appends a string as JSON.
func appendJSON(dst []byte, s string) []byte {
	dst, _ = jsontext.AppendQuote(dst, s) // what is no UTF-8 becomes U+FFFD
	return dst
}

func graphTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05") }
