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
	"slices"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"github.com/peopleinsights/peopleinsights/cache"
)

// Error is a question that Graph or its sign-in did not answer. It is one of
// cache's errors, says in one line what to mend, and names no person: Graph's own
// message may, and is left out.
type Error struct {
	kind   error
	text   string
	wait   time.Duration
	id     string // Graph's request id
	ours   bool   // Graph was not asked
	status int    // of Graph's answer; 0 if there was none
	code   string // Graph's own name for the failure
	need   string // the permission that is missing
	// signIn tells that the sign-in gave no token, so that Graph was not reached.
	signIn bool
}

// Error says what failed and what to mend.
func (e *Error) Error() string { return e.text }

// Unwrap returns the error of package cache that this one is.
func (e *Error) Unwrap() error { return e.kind }

// RetryAfter is how long Graph asks to wait; zero where it does not say.
func (e *Error) RetryAfter() time.Duration { return e.wait }

// RequestID is Graph's name for the request, for Microsoft's support; empty where it
// gave none.
func (e *Error) RequestID() string { return e.id }

// Permission names the application permission without which Graph refuses the question;
// empty where that is not what keeps it from an answer.
func (e *Error) Permission() string { return e.need }

// Short names for what an Error can be.
var (
	errNotFound    = cache.ErrNotFound
	errUnavailable = cache.ErrUnavailable
	errThrottled   = cache.ErrThrottled
	errDenied      = cache.ErrDenied
	errTokenLost   = cache.ErrTokenLost
	errQuota       = cache.ErrQuota
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
	e := &Error{kind: errUnavailable, text: "Microsoft Graph failed", status: response.StatusCode, code: code,
		id: requestID(response), wait: retryAfter(response.Header, time.Now())}
	switch status := response.StatusCode; {
	case status == http.StatusNotFound && code == "Request_ResourceNotFound":
		e.kind, e.text = errNotFound, "Microsoft Graph knows no such person"
	case lostToken(status, body):
		e.kind, e.text = errTokenLost, "Microsoft Graph no longer tells changes from this token"
	case status == http.StatusUnauthorized, status == http.StatusForbidden && challenges(response):
		e.kind, e.text = errBadToken, "Microsoft Graph refuses the app's token: check that the Graph URL, the authority URL and the tenant id belong together"
	case status == http.StatusForbidden:
		e.kind, e.need = errDenied, need
		e.text = "Microsoft Graph refuses the app: grant it the application permission " + need + ", with an administrator's consent"
	case status == http.StatusTooManyRequests:
		e.kind, e.text = errThrottled, "Microsoft Graph is throttling"
	case status == http.StatusBadRequest || status == http.StatusNotImplemented:
		e.kind, e.text = errUnsupported, "Microsoft Graph does not accept the question"
	case status == http.StatusConflict: // two of its own changes met
	case status >= 300 && status < 500:
		e.text = "this is not Microsoft Graph's answer: check the Graph URL"
	}
	if response.StatusCode == http.StatusNotFound && code != "" && errors.Is(e, errUnavailable) {
		e.text = "Microsoft Graph does not have what is asked for"
	}
	e.text += fmt.Sprintf(" (%s)", what(response, code))
	return e
}

// missing tells whether Graph has answered that something is not there, in the words of
// Outlook or Teams. It is no failure of Graph's, and to ask again is no use; to callers who
// know nothing better it is no answer.
func missing(err error) bool {
	known, ok := errors.AsType[*Error](err)
	return ok && known.status == http.StatusNotFound && known.code != "" && errors.Is(known, errUnavailable)
}

// notThere tells whether the answer was that something is not there, in whatever words.
func notThere(err error) bool {
	known, ok := errors.AsType[*Error](err)
	return ok && known.status == http.StatusNotFound
}

// codeOf tells whether it is by one of these codes that Graph says so.
func codeOf(err error, codes ...string) bool {
	known, ok := errors.AsType[*Error](err)
	return ok && slices.ContainsFunc(codes, func(code string) bool { return strings.EqualFold(code, known.code) })
}

// challenges tells whether a refusal asks for a newer token, as conditional access does.
func challenges(response *http.Response) bool {
	return strings.Contains(response.Header.Get("WWW-Authenticate"), "insufficient_claims")
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
	if code != "" {
		text += " " + asWord(code)
	}
	if id := requestID(response); id != "" {
		text += ", request-id " + id
	}
	return text
}

// asWord is a code of Graph's or of its sign-in as it may stand in a log: what does not look like
// one may be anything, an address or a line of its own.
func asWord(code string) string {
	if len(code) > 80 || strings.Trim(code, wordLetters) != "" {
		return "invalid-code"
	}
	return code
}

// wordLetters are what Graph's codes and request ids are written with.
const wordLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-"

// requestID is that of a response, if it looks like one.
func requestID(response *http.Response) string {
	if id := response.Header.Get("request-id"); asWord(id) == id {
		return id
	}
	return ""
}

// bodyError is a good answer that broke off or could not be read.
func bodyError(response *http.Response, err error) error {
	var known *Error
	if errors.As(err, &known) {
		return known
	}
	return &Error{kind: errUnavailable, text: fmt.Sprintf("Microsoft Graph's answer broke off or is not JSON (%s)", what(response, "")), id: requestID(response)}
}

// sendError makes the error of a request that got no response.
func (c *Client) sendError(ctx context.Context, err error) error {
	if known, ok := errors.AsType[*Error](err); ok {
		return known // the governor's
	}
	if _, ok := errors.AsType[interface {
		error
		NonRetriable() // as azidentity's errors are marked
	}](err); ok && c.config.Credential.managed() {
		return &Error{kind: errDenied, text: "no client secret, certificate or workload identity is configured, and the machine's managed identity gives no token (" + oneLine(err.Error()) + ")"}
	}
	if failed, ok := errors.AsType[*azidentity.AuthenticationFailedError](err); ok {
		failure := signInError(failed)
		failure.signIn = true
		return failure
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
