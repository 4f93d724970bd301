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
	"maps"
	"net"
	"net/http"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	abstractions "github.com/microsoft/kiota-abstractions-go"
	azauth "github.com/microsoft/kiota-authentication-azure-go"
	khttp "github.com/microsoft/kiota-http-go"
	msgraphcore "github.com/microsoftgraph/msgraph-sdk-go-core"
	"github.com/microsoftgraph/msgraph-sdk-go/users"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/peopleinsights/peopleinsights/cache"
)

// Config is what a Client needs.
type Config struct {
	// Endpoint is where Graph and its sign-in are. Required.
	Endpoint Endpoint
	// Credential is how to sign in. Required.
	Credential Credential
	// CAPEM holds certificates to trust beside the system's; empty for none.
	CAPEM []byte
	// Attempts is how often a page of a listing is asked for before its failure counts;
	// zero means four. While Graph throttles, it is asked for as long as that takes.
	// Other questions are asked at most twice: changes are asked for again by whoever
	// follows them, and people rather hear soon that there is no answer.
	Attempts int
	// AnswerTimeout bounds one answer, from the request to its last byte; zero means two
	// minutes. StallTimeout bounds how long an answer may make no progress, and take to
	// begin (a page of a listing half as long again); zero means ten seconds.
	AnswerTimeout time.Duration
	StallTimeout  time.Duration
	// QuotaShare is the share of the tenant's quota that may be spent; zero means a
	// half.
	QuotaShare float64
	// SignInTimeout bounds how long a token is waited for; zero means five seconds.
	SignInTimeout time.Duration
	// MaxConcurrent bounds how many calls that people wait for are under way at once: so
	// many to the directory, and so many to Outlook and Teams together, which may hang
	// while it does not. Zero means 16. The synchronisation's one comes on top.
	MaxConcurrent int
	// Metrics count what is asked; nil counts nothing.
	Metrics *Metrics
	// Tracer makes a span of each call, which names nobody. Nil makes none.
	Tracer trace.TracerProvider
	// Log hears of questions of the synchronisation that have to be asked again. Nil
	// discards.
	Log *slog.Logger
}

// Client asks one tenant's Microsoft Graph. It implements cache.Source
// and contacts.Source. Its methods may be called concurrently.
type Client struct {
	config     Config
	adapter    *msgraphcore.GraphRequestAdapterBase
	transport  *http.Transport
	governor   *governor
	credential *renewable
	users      *users.UsersRequestBuilder
	can        abilities
	tenant     tenant
}

// New returns a Client. It asks nothing yet: wrong credentials show with the
// first question.
func New(config Config) (*Client, error) {
	if config.Endpoint.URL == nil {
		return nil, errors.New("graph: an endpoint is needed")
	}
	config.Attempts = cmp.Or(config.Attempts, 4)
	config.AnswerTimeout = cmp.Or(config.AnswerTimeout, 2*time.Minute)
	config.StallTimeout = cmp.Or(config.StallTimeout, 10*time.Second)
	config.QuotaShare = cmp.Or(config.QuotaShare, 0.5)
	config.MaxConcurrent = cmp.Or(config.MaxConcurrent, 16)
	config.SignInTimeout = cmp.Or(config.SignInTimeout, 5*time.Second)
	config.Log = cmp.Or(config.Log, slog.New(slog.DiscardHandler))
	if config.Tracer == nil {
		config.Tracer = noop.NewTracerProvider()
	}
	transport, err := newTransport(config)
	if err != nil {
		return nil, err
	}
	credential := &renewable{timeout: config.SignInTimeout, make: func() (azcore.TokenCredential, error) {
		return config.Credential.token(config.Endpoint, &http.Client{Transport: transport})
	}}
	if err := credential.replace(); err != nil {
		return nil, fmt.Errorf("graph: %w", err)
	}
	// A host that is not named here would be asked without a token.
	authentication, err := azauth.NewAzureIdentityAuthenticationProviderWithScopesAndValidHosts(credential,
		[]string{config.Endpoint.scope()}, []string{config.Endpoint.URL.Hostname()})
	if err != nil {
		return nil, fmt.Errorf("graph: %w", err)
	}
	governor := newGovernor(config, chosen{transport})
	adapter, err := msgraphcore.NewGraphRequestAdapterBaseWithParseNodeFactoryAndSerializationWriterFactoryAndHttpClient(
		authentication, msgraphcore.GraphClientOptions{}, nil, nil, newHTTPClient(governor))
	if err != nil {
		return nil, fmt.Errorf("graph: %w", err)
	}
	base := config.Endpoint.URL.String()
	adapter.SetBaseUrl(base)
	return &Client{
		config:     config,
		adapter:    adapter,
		transport:  transport,
		governor:   governor,
		credential: credential,
		users:      users.NewUsersRequestBuilderInternal(map[string]string{"baseurl": base}, adapter),
	}, nil
}

// Usage implements cache.Source.
func (c *Client) Usage() cache.Usage { return c.governor.used() }

// Close lets go of idle connections. Calls under way go on.
func (c *Client) Close() { c.transport.CloseIdleConnections() }

// newHTTPClient puts the SDK's middleware over transport, in an order that is
// always the same. Redirects are not followed: Graph gives links, and a token
// must not travel elsewhere.
func newHTTPClient(transport http.RoundTripper) *http.Client {
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
	transport.TLSHandshakeTimeout = 5 * time.Second
	// A connection that died without a word is noticed, and not used again.
	transport.HTTP2 = &http.HTTP2Config{SendPingTimeout: config.StallTimeout, PingTimeout: 5 * time.Second}
	transport.MaxIdleConnsPerHost = 2 * config.MaxConcurrent // as many as may be under way, where it is one call to a connection
	return transport, nil
}

// request makes a request anew, for each attempt.
type request func(context.Context) (*abstractions.RequestInformation, error)

// get asks Graph and hands a good response to read. This is the one retry policy:
// faults of the server and the network, cut and garbled bodies are tried again, after as
// long as Graph asks or twice as long each time; throttling is for questions that
// nobody waits for: people are told at once how long it takes. need names the
// permission that the question takes.
func (c *Client) get(ctx context.Context, p priority, need string, request request, read func(*http.Response) error) error {
	renewed := false
	for attempt := 1; ; attempt++ {
		err := c.attempt(ctx, p, need, request, read)
		if !renewed && errors.Is(err, errBadToken) && c.credential.renew() == nil {
			renewed = true
			attempt--
			continue
		}
		if err == nil || ctx.Err() != nil || refusedHere(err) || !c.goesOn(p, attempt, err) {
			return err
		}
		wait := backoff(err, attempt)
		if deadline, ok := ctx.Deadline(); p == high && wait > maxPatience || ok && time.Until(deadline) < wait {
			return err
		}
		if p != high {
			level := slog.LevelDebug
			if wait >= longWait {
				level = slog.LevelWarn
			}
			c.config.Log.Log(ctx, level, "a question to Microsoft Graph has to be asked again", slog.Any("error", err), slog.Duration("after", wait))
		}
		if c.governor.await(ctx, wait, err) != nil {
			return err
		}
	}
}

// maxPatience is how long a question that people wait for is put off before it is asked
// again.
const maxPatience = 2 * time.Second

// longWait is from when on it is worth a word that the synchronisation waits.
const longWait = 5 * time.Second

// refusedHere tells whether Graph was not asked: to try again at once is no use.
func refusedHere(err error) bool {
	known, ok := errors.AsType[*Error](err)
	return ok && known.ours
}

// goesOn tells whether a question is asked again after an attempt that failed.
func (c *Client) goesOn(p priority, attempt int, err error) bool {
	switch {
	case errors.Is(err, errThrottled):
		return p != high
	case !errors.Is(err, errUnavailable), missing(err):
		return false
	case p == low:
		return attempt < c.config.Attempts
	default:
		return attempt < min(c.config.Attempts, 2)
	}
}

func (c *Client) attempt(ctx context.Context, p priority, need string, request request, read func(*http.Response) error) (err error) {
	ctx = withPriority(ctx, p)
	info, err := request(ctx)
	if err != nil {
		return fmt.Errorf("graph: making a request: %w", err)
	}
	// A request shares this with its builder, and so with all others; the adapter writes to it.
	info.PathParameters = maps.Clone(info.PathParameters)
	link, err := info.GetUri()
	if err != nil {
		return fmt.Errorf("graph: making a request: %w", err)
	}
	to := c.governor.target(ctx, link.Path).service()
	if err := c.governor.admit(p, to); err != nil {
		return err
	}
	defer func() { c.governor.hear(ctx, to, err) }()
	return c.send(ctx, info, func(response *http.Response) error {
		defer response.Body.Close()
		if response.StatusCode != http.StatusOK {
			if response.StatusCode == http.StatusServiceUnavailable {
				c.transportOf(ctx).CloseIdleConnections() // another server may be well
			}
			return absence(ctx, response, responseError(response, need))
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
