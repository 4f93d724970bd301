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
	"net/url"
	"slices"
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

// missPart notes a part that has no answer to be read: it is taken to have cost its price.
func (g *governor) missPart(p *parts, i int) {
	g.meter.spent(p.made.priority, p.prices[i], false)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.usage.Units += int64(p.prices[i])
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
	Responses []json.RawMessage `json:"responses"`
}

// batchAnswer is that to one question.
type batchAnswer struct {
	ID      word            `json:"id"`
	Status  word            `json:"status"`
	Headers json.RawMessage `json:"headers"`
	Body    json.RawMessage `json:"body"`
}

// word is a text or a number, whichever it was written as; anything else is none.
type word string

// UnmarshalJSON implements json.Unmarshaler.
func (w *word) UnmarshalJSON(raw []byte) error {
	var text string
	var number json.Number
	switch {
	case json.Unmarshal(raw, &text) == nil:
		*w = word(text)
	case json.Unmarshal(raw, &number) == nil:
		*w = word(number)
	}
	return nil
}

// partHeader reads a part's headers; what is no text or number is no header.
func partHeader(raw json.RawMessage) http.Header {
	header := http.Header{}
	var values map[string]any
	_ = json.Unmarshal(raw, &values) // a part may have none
	for name, value := range values {
		switch value.(type) {
		case string, float64:
			header.Set(name, fmt.Sprint(value))
		}
	}
	return header
}

// batch asks questions in as few requests as they fit in, and hands each good answer to
// read, by its place and perhaps several at once. It returns what kept each from an
// answer. Parts that were throttled, or that failed, are asked again once, if that is
// soon enough for those who wait. errNoBatch is the failure of all questions in a request
// that this Graph does not take, and errTooDear of those for which purse has not enough.
func (c *Client) batch(ctx context.Context, p priority, need string, purse *purse, questions []part, read func(i int, body io.Reader) error) []error {
	failures := make([]error, len(questions))
	places := make([]int, len(questions))
	for i := range places {
		places[i], failures[i] = i, errNoBatch
	}
	if worth, _ := c.can.batches(time.Now()); !worth {
		return failures
	}
	for attempt := 1; ; attempt++ {
		places = c.payFor(purse, questions, places, failures)
		c.batches(ctx, p, need, purse, questions, places, failures, read)
		var wait time.Duration
		places, wait = again(places, failures, attempt)
		if deadline, ok := ctx.Deadline(); len(places) == 0 || attempt == 2 || wait > maxPatience || ok && time.Until(deadline) < wait {
			return failures
		}
		for _, i := range places {
			if errors.Is(failures[i], errBadToken) {
				_ = c.credential.renew() // if that fails, the old token may do
				break
			}
		}
		if sleep(ctx, wait) != nil {
			return failures
		}
	}
}

// payFor pays for questions, and returns those for which there is enough. The others fail,
// unless they have failed before.
func (c *Client) payFor(purse *purse, questions []part, places []int, failures []error) (paid []int) {
	for _, i := range places {
		switch {
		case purse.pay(c.governor.price(questions[i].kind, questions[i].listed)):
			paid = append(paid, i)
		case errors.Is(failures[i], errNoBatch):
			failures[i] = errTooDear
		}
	}
	return paid
}

// batches asks questions that are paid for, once. A Graph that has not yet taken a batch is
// asked by one first.
func (c *Client) batches(ctx context.Context, p priority, need string, purse *purse, questions []part, places []int, failures []error, read func(i int, body io.Reader) error) {
	var requests errgroup.Group
	requests.SetLimit(batchesAtOnce)
	for n, some := range slices.Collect(slices.Chunk(places, batchSize)) {
		worth, proven := c.can.batches(time.Now())
		if n == 1 && !proven {
			_ = requests.Wait()
			worth, _ = c.can.batches(time.Now())
		}
		if !worth {
			break
		}
		requests.Go(func() error {
			c.batchOnce(ctx, p, need, purse, questions, some, failures, read)
			return nil
		})
	}
	_ = requests.Wait() // each part has its own error
	for _, i := range places {
		if errors.Is(failures[i], errNoBatch) || refusedHere(failures[i]) {
			purse.refund(c.governor.price(questions[i].kind, questions[i].listed))
		}
	}
}

// again returns which of some questions are asked again, and after how long: parts that
// failed, and what was held back because of them.
func again(places []int, failures []error, attempt int) (left []int, wait time.Duration) {
	failed := false
	for _, i := range places {
		err := failures[i]
		part := errors.Is(err, errPart)
		failed = failed || part
		if part || refusedHere(err) && errors.Is(err, errThrottled) {
			left = append(left, i)
			wait = max(wait, backoff(err, attempt))
		}
	}
	if !failed {
		return nil, 0
	}
	return left, wait
}

// errPart marks the failure of a part, of a batch that was answered, that may be over when
// it is asked again.
var errPart = errors.New("a part of a batch")

// errWhole marks the failure of a batch as a whole.
var errWhole = errors.New("several questions at once")

// errNoBatch is a request of several questions that this Graph does not take.
var errNoBatch = errors.New("this Graph takes no batch")

// batchOnce asks some of questions in one request.
func (c *Client) batchOnce(ctx context.Context, p priority, need string, purse *purse, questions []part, places []int, failures []error, read func(int, io.Reader) error) {
	of := &parts{}
	var body batchRequest
	for n, i := range places {
		of.questions = append(of.questions, questions[i])
		body.Requests = append(body.Requests, batchItem{strconv.Itoa(n), http.MethodGet, "/" + questions[i].path})
		failures[i] = fmt.Errorf("%w: %w", errPart, errLeftOut)
	}
	encoded, err := json.Marshal(body)
	if err == nil {
		ctx = mayBeAbsent(context.WithValue(ctx, partsKey{}, of), anyCode)
		err = c.get(ctx, p, need, purse.counted(c.post("$batch", "", encoded)), func(response *http.Response) error {
			return c.readBatch(response.Body, of, need, places, failures, read)
		})
	}
	switch {
	case err == nil:
		c.can.tookBatch()
		return
	case errors.Is(err, errAbsent), errors.Is(err, errNotFound), errors.Is(err, errUnsupported):
		if _, proven := c.can.batches(time.Now()); !proven { // else it may be these questions
			c.can.refusedBatch(time.Now())
		}
		err = errNoBatch
	default:
		err = fmt.Errorf("%w: %w", errWhole, err)
	}
	for _, i := range places {
		failures[i] = err
	}
}

var errLeftOut = &Error{kind: errUnavailable, text: "Microsoft Graph left a question of a batch without an answer"}

// readBatch reads the answer to a batch, in any order. Of two answers to a question the
// first counts, and one to none counts for nothing.
func (c *Client) readBatch(body io.Reader, of *parts, need string, places []int, failures []error, read func(int, io.Reader) error) error {
	answered := make([]bool, len(places))
	defer func() {
		for n, ok := range answered {
			if !ok {
				c.governor.missPart(of, n)
			}
		}
	}()
	var answer batchResponse
	if err := json.NewDecoder(&bounded{body, maxPageBytes}).Decode(&answer); err != nil {
		return err
	}
	for _, raw := range answer.Responses {
		var one batchAnswer
		_ = json.Unmarshal(raw, &one) // what is none answers nothing
		n, err := strconv.Atoi(string(one.ID))
		if err != nil || n < 0 || n >= len(places) || strconv.Itoa(n) != string(one.ID) || answered[n] {
			continue
		}
		answered[n] = true
		status, _ := strconv.Atoi(string(one.Status)) // zero is no good answer
		part := &http.Response{StatusCode: status, Header: partHeader(one.Headers), Body: io.NopCloser(bytes.NewReader(plainBody(one.Body)))}
		c.governor.learnPart(of, n, part)
		failures[places[n]] = partError(part, need, func() error { return read(places[n], part.Body) })
	}
	return nil
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
	if errors.Is(err, errThrottled) || errors.Is(err, errUnavailable) || errors.Is(err, errBadToken) {
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
