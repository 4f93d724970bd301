package graph

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"github.com/peopleinsights/peopleinsights/cache"
)

// Error is a question that Graph or its sign-in did not answer. It is one of
// cache's errors, says in one line what to mend, and names no person: Graph's own
// message may, and is left out.
type Error struct {
	kind error
	text string
	wait time.Duration
}

// Error says what failed and what to mend.
func (e *Error) Error() string { return e.text }

// Unwrap returns the error of package cache that this one is.
func (e *Error) Unwrap() error { return e.kind }

// RetryAfter is how long Graph asks to wait; zero where it does not say.
func (e *Error) RetryAfter() time.Duration { return e.wait }

// Short names for what an Error can be.
var (
	errNotFound    = cache.ErrNotFound
	errUnavailable = cache.ErrUnavailable
	errThrottled   = cache.ErrThrottled
	errDenied      = cache.ErrDenied
	errTokenLost   = cache.ErrTokenLost
)

// errBadToken is a token that Graph refuses. A new one may do.
var errBadToken = fmt.Errorf("the token is refused: %w", errDenied)

// errUnsupported is a question that this Graph understands only in another form.
var errUnsupported = errors.New("unsupported query")

// maxErrorBody bounds what is read of an error's body.
const maxErrorBody = 64 << 10

// odataError is the body of Graph's errors. The message is read only where Graph
// has no code for what it says.
type odataError struct {
	Error struct {
		Code    string     `json:"code"`
		Message string     `json:"message"`
		Inner   innerError `json:"innerError"`
	} `json:"error"`
}

// innerError is a more exact error inside an error, to any depth.
type innerError struct {
	Code  string      `json:"code"`
	Inner *innerError `json:"innerError"`
}

// responseError makes the error that a response other than 200 stands for. need
// is the permission that the question takes.
func responseError(response *http.Response, need string) error {
	var body odataError
	data, _ := io.ReadAll(io.LimitReader(response.Body, maxErrorBody))
	_ = json.Unmarshal(data, &body) // some faults come without a body, or with a page
	code := body.Error.Code
	tail := fmt.Sprintf("(%s)", what(response, code))
	switch status := response.StatusCode; {
	case status == http.StatusNotFound && code == "Request_ResourceNotFound":
		return &Error{kind: errNotFound, text: "Microsoft Graph knows no such person " + tail}
	case lostToken(status, body):
		return &Error{kind: errTokenLost, text: "Microsoft Graph no longer tells changes from this token " + tail}
	case status == http.StatusUnauthorized:
		return &Error{kind: errBadToken, text: "Microsoft Graph refuses the app's token: check that the Graph URL, the authority URL and the tenant id belong together " + tail}
	case status == http.StatusForbidden:
		return &Error{kind: errDenied, text: "Microsoft Graph refuses the app: grant it the application permission " + need + ", with an administrator's consent " + tail}
	case status == http.StatusTooManyRequests:
		return &Error{kind: errThrottled, text: "Microsoft Graph is throttling " + tail, wait: retryAfter(response.Header, time.Now())}
	case status == http.StatusBadRequest || status == http.StatusNotImplemented:
		return &Error{kind: errUnsupported, text: "Microsoft Graph does not accept the question " + tail}
	case status >= 300 && status < 500:
		return &Error{kind: errUnavailable, text: "this is not Microsoft Graph's answer: check the Graph URL " + tail}
	default:
		return &Error{kind: errUnavailable, text: "Microsoft Graph failed " + tail, wait: retryAfter(response.Header, time.Now())}
	}
}

// lostToken tells whether changes have to be given up for a listing. Graph says so
// in several ways; a badly formed token has no code of its own.
func lostToken(status int, body odataError) bool {
	isLost := func(code string) bool {
		return status >= 400 && status < 500 &&
			(strings.EqualFold(code, "syncStateNotFound") || strings.EqualFold(code, "resyncRequired"))
	}
	if isLost(body.Error.Code) {
		return true
	}
	for inner := &body.Error.Inner; inner != nil; inner = inner.Inner {
		if isLost(inner.Code) {
			return true
		}
	}
	return status == http.StatusGone ||
		status == http.StatusBadRequest && badToken.MatchString(body.Error.Message)
}

// what identifies a response for the operator and for Microsoft's support.
func what(response *http.Response, code string) string {
	text := fmt.Sprint(response.StatusCode)
	if code != "" && len(code) <= 80 {
		text += " " + code
	}
	if id := response.Header.Get("request-id"); id != "" && len(id) <= 80 {
		text += ", request-id " + id
	}
	return strings.ToValidUTF8(text, "")
}

// bodyError is a good answer that broke off or could not be read.
func bodyError(response *http.Response, err error) error {
	var known *Error
	if errors.As(err, &known) {
		return known
	}
	return &Error{kind: errUnavailable, text: fmt.Sprintf("Microsoft Graph's answer broke off or is not JSON (%s)", what(response, ""))}
}

// sendError makes the error of a request that got no response.
func (c *Client) sendError(ctx context.Context, err error) error {
	if _, ok := errors.AsType[interface {
		error
		NonRetriable() // as azidentity's errors are marked
	}](err); ok && c.config.Credential.managed() {
		return &Error{kind: errDenied, text: "no client secret, certificate or workload identity is configured, and the machine's managed identity gives no token (" + oneLine(err.Error()) + ")"}
	}
	if failed, ok := errors.AsType[*azidentity.AuthenticationFailedError](err); ok {
		return signInError(failed)
	}
	if ctx.Err() != nil {
		return &Error{kind: errUnavailable, text: "Microsoft Graph did not answer in time"}
	}
	// A url.Error holds the whole URL, and with it perhaps an address.
	host := "Microsoft Graph or its sign-in"
	if failed, ok := errors.AsType[*url.Error](err); ok {
		if u, parseErr := url.Parse(failed.URL); parseErr == nil {
			host = u.Host
		}
	}
	if failed, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return &Error{kind: errUnavailable, text: fmt.Sprintf("the certificate of %s is not trusted: give its authority as the CA file (%v)", host, failed.Err)}
	}
	if failed, ok := errors.AsType[*net.OpError](err); ok {
		return &Error{kind: errUnavailable, text: fmt.Sprintf("%s cannot be reached: %v", host, failed.Err)}
	}
	return &Error{kind: errUnavailable, text: fmt.Sprintf("%s gave no answer", host)}
}
