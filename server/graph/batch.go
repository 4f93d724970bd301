package graph

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/textproto"
	"net/url"
	"strconv"
	"strings"
	"time"

	abstractions "github.com/microsoft/kiota-abstractions-go"
	"golang.org/x/sync/errgroup"
)

// batchSize is how many questions Graph takes in one request.
// Source: https://learn.microsoft.com/graph/json-batching
const batchSize = 20

// batchesAtOnce is how many requests of one bulk question are under way at once.
const batchesAtOnce = 4

// part is one question of a batch: a GET.
type part struct {
	path   string // below the version, with its query
	target target
	kind   string
	listed int // its price by the table
}

// newPart makes a question of a path below the version, without a leading slash.
func newPart(path string) part {
	plain, query, _ := strings.Cut(path, "?")
	values, _ := url.ParseQuery(query)
	at := parseTarget(plain)
	return part{path, at, at.kind(http.MethodGet, values), at.price(http.MethodGet, values)}
}

// parts are the questions of one request. Each counts by itself against Graph's limits.
type parts struct {
	questions []part
	prices    []int // as booked
	made      call  // the request
}

type partsKey struct{}

func batchOf(ctx context.Context) *parts {
	p, _ := ctx.Value(partsKey{}).(*parts)
	return p
}

// price is what the parts will cost together.
func (p *parts) price(g *governor) (sum int) {
	p.prices = p.prices[:0]
	for _, q := range p.questions {
		price := g.price(q.kind, q.listed)
		p.prices = append(p.prices, price)
		sum += price
	}
	return sum
}

// learnBatch notes a batch that Graph has taken: what its parts cost is learned when
// they have been read.
func (g *governor) learnBatch(made call, p *parts) {
	p.made = made
	g.mu.Lock()
	defer g.mu.Unlock()
	g.usage.Calls++
}

// learnPart takes from one part's answer what Graph says of its limits.
func (g *governor) learnPart(p *parts, i int, response *http.Response) {
	q := p.questions[i]
	g.settle(call{p.made.priority, q.target, q.kind, p.prices[i], p.made.booked}, response.StatusCode, response.Header)
}

// batchRequest is the body of a batch.
type batchRequest struct {
	Requests []batchItem `json:"requests"`
}

type batchItem struct {
	ID     string `json:"id"`
	Method string `json:"method"`
	URL    string `json:"url"`
}

// batchResponse is its answer, in any order.
type batchResponse struct {
	Responses []struct {
		ID      string          `json:"id"`
		Status  int             `json:"status"`
		Headers map[string]any  `json:"headers"`
		Body    json.RawMessage `json:"body"`
	} `json:"responses"`
}

// batch asks questions in as few requests as they fit in, and hands each good answer to
// read, by its place and perhaps several at once. It returns what kept each from an
// answer. Parts that were throttled, or that failed, are asked again once, if that is
// soon enough for those who wait.
func (c *Client) batch(ctx context.Context, p priority, need string, questions []part, read func(i int, body io.Reader) error) []error {
	failures := make([]error, len(questions))
	places := make([]int, len(questions))
	for i := range places {
		places[i] = i
	}
	for attempt := 1; len(places) > 0; attempt++ {
		var requests errgroup.Group
		requests.SetLimit(batchesAtOnce)
		for from := 0; from < len(places); from += batchSize {
			some := places[from:min(from+batchSize, len(places))]
			requests.Go(func() error {
				c.batchOnce(ctx, p, need, questions, some, failures, read)
				return nil
			})
		}
		_ = requests.Wait() // each part has its own error
		var again []int
		wait := time.Duration(0)
		for _, i := range places {
			if err := failures[i]; errors.Is(err, errPart) {
				again = append(again, i)
				wait = max(wait, backoff(err, attempt))
			}
		}
		if deadline, ok := ctx.Deadline(); len(again) == 0 || attempt == 2 || wait > maxPatience || ok && time.Until(deadline) < wait {
			return failures
		}
		if sleep(ctx, wait) != nil {
			return failures
		}
		places = again
	}
	return failures
}

// errPart marks the failure of a part, of a batch that was answered, that may be over when
// it is asked again.
var errPart = errors.New("a part of a batch")

// batchOnce asks some of questions in one request.
func (c *Client) batchOnce(ctx context.Context, p priority, need string, questions []part, places []int, failures []error, read func(int, io.Reader) error) {
	of := &parts{}
	var body batchRequest
	for n, i := range places {
		of.questions = append(of.questions, questions[i])
		body.Requests = append(body.Requests, batchItem{strconv.Itoa(n), http.MethodGet, "/" + questions[i].path})
		failures[i] = &Error{kind: errUnavailable, text: "Microsoft Graph left a question of a batch without an answer"}
	}
	encoded, err := json.Marshal(body)
	if err == nil {
		err = c.get(context.WithValue(ctx, partsKey{}, of), p, need, c.post("$batch", "", encoded), func(response *http.Response) error {
			var answer batchResponse
			if err := json.NewDecoder(&bounded{response.Body, maxPageBytes}).Decode(&answer); err != nil {
				return err
			}
			for _, one := range answer.Responses {
				n, err := strconv.Atoi(one.ID)
				if err != nil || n < 0 || n >= len(places) {
					continue // nothing that was asked
				}
				header := http.Header{}
				for name, value := range one.Headers {
					header.Set(textproto.CanonicalMIMEHeaderKey(name), fmt.Sprint(value))
				}
				part := &http.Response{StatusCode: one.Status, Header: header, Body: io.NopCloser(bytes.NewReader(plainBody(one.Body)))}
				c.governor.learnPart(of, n, part)
				failures[places[n]] = partError(part, need, func() error { return read(places[n], part.Body) })
			}
			return nil
		})
	}
	if err != nil {
		for _, i := range places {
			failures[i] = err
		}
	}
}

// partError is what kept a part from a good answer, which is read.
func partError(part *http.Response, need string, read func() error) error {
	if part.StatusCode == http.StatusOK {
		if err := read(); err != nil {
			return bodyError(part, err)
		}
		return nil
	}
	err := responseError(part, need)
	if errors.Is(err, errThrottled) || errors.Is(err, errUnavailable) {
		return fmt.Errorf("%w: %w", errPart, err)
	}
	return err
}

// plainBody is a part's body: JSON as it is, anything else out of its base64.
func plainBody(body json.RawMessage) []byte {
	var text string
	if json.Unmarshal(body, &text) != nil {
		return body
	}
	if plain, err := base64.StdEncoding.DecodeString(text); err == nil {
		return plain
	}
	return []byte(text)
}

// post makes a request with a body of JSON.
func (c *Client) post(path, query string, body []byte) request {
	return func(context.Context) (*abstractions.RequestInformation, error) {
		info := abstractions.NewRequestInformation()
		info.Method = abstractions.POST
		to := c.config.Endpoint.URL.JoinPath(path)
		to.RawQuery = query
		info.SetUri(*to)
		info.Headers.Add("Accept", "application/json")
		info.SetStreamContentAndContentType(body, "application/json")
		return info, nil
	}
}
