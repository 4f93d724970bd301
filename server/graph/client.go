package graph

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	abstractions "github.com/microsoft/kiota-abstractions-go"
	azauth "github.com/microsoft/kiota-authentication-azure-go"
	khttp "github.com/microsoft/kiota-http-go"
	msgraphcore "github.com/microsoftgraph/msgraph-sdk-go-core"
	"github.com/microsoftgraph/msgraph-sdk-go/users"
)

// Config is what a Client needs.
type Config struct {
	// Endpoint is where Graph and its sign-in are. Required.
	Endpoint Endpoint
	// Credential is how to sign in. Required.
	Credential Credential
	// CAPEM holds certificates to trust beside the system's; empty for none.
	CAPEM []byte
	// Attempts is how often a question of the synchronisation is asked before its
	// failure counts; zero means four. While Graph throttles, it is asked for as long
	// as that takes. Questions that people wait for are asked at most twice: they
	// rather hear soon that there is no answer.
	Attempts int
	// AttemptTimeout bounds one attempt; zero means a minute.
	AttemptTimeout time.Duration
	// MaxWait is the longest that a question that people wait for is put off before
	// it is asked again. A Graph that asks for more is not waited for: the failure
	// says how long to wait. Zero means ten seconds.
	MaxWait time.Duration
	// SignInTimeout bounds how long a token is waited for; zero means five seconds.
	SignInTimeout time.Duration
	// MaxConcurrent bounds how many calls that people wait for are under way at once;
	// zero means 16. The synchronisation's one comes on top.
	MaxConcurrent int
	// Log hears of questions of the synchronisation that have to be asked again. Nil
	// discards.
	Log *slog.Logger
}

// Client asks one tenant's Microsoft Graph. It implements cache.Source. Its
// methods may be called concurrently.
type Client struct {
	config     Config
	adapter    *msgraphcore.GraphRequestAdapterBase
	transport  *http.Transport
	credential *renewable
	users      *users.UsersRequestBuilder
	slots      chan struct{} // one is held by each call under way
	// plainFilters is set once Graph has refused a filter of several properties.
	plainFilters atomic.Bool
}

// New returns a Client. It asks nothing yet: wrong credentials show with the
// first question.
func New(config Config) (*Client, error) {
	if config.Endpoint.URL == nil {
		return nil, errors.New("graph: an endpoint is needed")
	}
	config.Attempts = cmp.Or(config.Attempts, 4)
	config.AttemptTimeout = cmp.Or(config.AttemptTimeout, time.Minute)
	config.MaxWait = cmp.Or(config.MaxWait, 10*time.Second)
	config.MaxConcurrent = cmp.Or(config.MaxConcurrent, 16)
	config.SignInTimeout = cmp.Or(config.SignInTimeout, 5*time.Second)
	config.Log = cmp.Or(config.Log, slog.New(slog.DiscardHandler))
	transport, err := newTransport(config)
	if err != nil {
		return nil, err
	}
	credential := &renewable{timeout: config.SignInTimeout, make: func() (azcore.TokenCredential, error) {
		return config.Credential.token(config.Endpoint, &http.Client{Transport: transport})
	}}
	if err := credential.renew(); err != nil {
		return nil, fmt.Errorf("graph: %w", err)
	}
	// A host that is not named here would be asked without a token.
	authentication, err := azauth.NewAzureIdentityAuthenticationProviderWithScopesAndValidHosts(credential,
		[]string{config.Endpoint.scope()}, []string{config.Endpoint.URL.Hostname()})
	if err != nil {
		return nil, fmt.Errorf("graph: %w", err)
	}
	adapter, err := msgraphcore.NewGraphRequestAdapterBaseWithParseNodeFactoryAndSerializationWriterFactoryAndHttpClient(
		authentication, msgraphcore.GraphClientOptions{}, nil, nil, newHTTPClient(transport))
	if err != nil {
		return nil, fmt.Errorf("graph: %w", err)
	}
	base := config.Endpoint.URL.String()
	adapter.SetBaseUrl(base)
	return &Client{
		config:     config,
		adapter:    adapter,
		transport:  transport,
		credential: credential,
		users:      users.NewUsersRequestBuilderInternal(map[string]string{"baseurl": base}, adapter),
		slots:      make(chan struct{}, config.MaxConcurrent),
	}, nil
}

// Close lets go of idle connections. Calls under way go on.
func (c *Client) Close() { c.transport.CloseIdleConnections() }

// newHTTPClient puts the SDK's middleware over transport, in an order that is
// always the same. Redirects are not followed: Graph gives links, and a token
// must not travel elsewhere.
func newHTTPClient(transport *http.Transport) *http.Client {
	return &http.Client{
		Transport: khttp.NewCustomTransportWithParentTransport(transport,
			msgraphcore.NewGraphTelemetryHandler(&msgraphcore.GraphClientOptions{}),
			khttp.NewParametersNameDecodingHandler(),
			khttp.NewUserAgentHandler(),
		),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

func newTransport(config Config) (*http.Transport, error) {
	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = x509.NewCertPool()
	}
	if len(config.CAPEM) > 0 && !roots.AppendCertsFromPEM(config.CAPEM) {
		return nil, errors.New("graph: the CA file holds no PEM certificate")
	}
	transport := http.DefaultTransport.(*http.Transport).Clone() // proxies from the environment included
	transport.TLSClientConfig = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	transport.DialContext = (&net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second}).DialContext
	transport.ResponseHeaderTimeout = 20 * time.Second // Graph takes a second or two for a page
	transport.MaxIdleConnsPerHost = config.MaxConcurrent
	return transport, nil
}

// request makes a request anew, for each attempt.
type request func(context.Context) (*abstractions.RequestInformation, error)

// patience is for whom a question is asked.
type patience uint8

const (
	waitedFor  patience = iota // people wait for the answer
	unattended                 // nobody does
)

// lookupAttempts is how often a question is asked that people wait for.
const lookupAttempts = 2

// get asks Graph and hands a good response to read. This is the one retry policy:
// faults of the server and the network, cut and garbled bodies and throttling are
// tried again, after as long as Graph asks or twice as long each time. need names
// the permission that the question takes.
func (c *Client) get(ctx context.Context, p patience, need string, request request, read func(*http.Response) error) error {
	for attempt := 1; ; attempt++ {
		err := c.attempt(ctx, p, need, request, read)
		if attempt == 1 && errors.Is(err, errBadToken) && c.credential.renew() == nil {
			continue
		}
		if err == nil || ctx.Err() != nil || !retryable(err) || !c.goesOn(p, attempt, err) {
			return err
		}
		wait := backoff(err, attempt)
		if deadline, ok := ctx.Deadline(); p == waitedFor && wait > c.config.MaxWait || ok && time.Until(deadline) < wait {
			return err
		}
		if p == unattended {
			c.config.Log.Warn("a question to Microsoft Graph has to be asked again", slog.Any("error", err), slog.Duration("after", wait))
		}
		if sleep(ctx, wait) != nil {
			return err
		}
	}
}

// goesOn tells whether a question is asked again after an attempt that failed.
func (c *Client) goesOn(p patience, attempt int, err error) bool {
	if p == waitedFor {
		return attempt < lookupAttempts
	}
	return attempt < c.config.Attempts || errors.Is(err, errThrottled)
}

func (c *Client) attempt(ctx context.Context, p patience, need string, request request, read func(*http.Response) error) error {
	if p == waitedFor {
		select {
		case c.slots <- struct{}{}:
			defer func() { <-c.slots }()
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	ctx, cancel := context.WithTimeout(ctx, c.config.AttemptTimeout)
	defer cancel()
	info, err := request(ctx)
	if err != nil {
		return fmt.Errorf("graph: making a request: %w", err)
	}
	return c.send(ctx, info, func(response *http.Response) error {
		defer response.Body.Close()
		if response.StatusCode != http.StatusOK {
			return responseError(response, need)
		}
		if err := read(response); err != nil {
			return bodyError(response, err)
		}
		_, _ = io.CopyN(io.Discard, response.Body, 4<<10) // to its end, so that the connection can be used again
		return nil
	})
}

// send has the SDK send a request and hands the response to handle, before the
// SDK would read it.
func (c *Client) send(ctx context.Context, info *abstractions.RequestInformation, handle func(*http.Response) error) (err error) {
	// A claims challenge without quotes makes kiota-http-go index an empty match.
	defer func() {
		if p := recover(); p != nil {
			err = &Error{kind: errUnavailable, text: "Microsoft Graph's answer made the SDK fail"}
		}
	}()
	var handled error
	option := abstractions.NewRequestHandlerOption()
	option.SetResponseHandler(func(response any, _ abstractions.ErrorMappings) (any, error) {
		handled = handle(response.(*http.Response))
		return nil, nil
	})
	info.AddRequestOptions([]abstractions.RequestOption{option})
	if _, err := c.adapter.SendPrimitive(ctx, info, "[]byte", nil); err != nil {
		return c.sendError(ctx, err)
	}
	return handled
}
