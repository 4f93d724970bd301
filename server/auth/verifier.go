package auth

import (
	"context"
	"crypto"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
	"google.golang.org/grpc/metadata"
)

// Config is what a Verifier needs.
type Config struct {
	// Tenant is the id of the tenant whose callers are taken: a token of another is refused.
	// Required.
	Tenant string
	// Issuers are who may have signed a token, each as tokens have it in iss, such as
	// https://login.microsoftonline.com/TENANT-ID/v2.0, and https://sts.windows.net/TENANT-ID/
	// for v1 tokens. Required.
	Issuers []string
	// Audiences are what a token may be for: the app id of the service as registered, and its
	// application id URI for v1 tokens. Required.
	Audiences []string
	// CAPEM are certificates to trust for the issuers, beside the system's; may be nil.
	CAPEM []byte
	// Now is the clock by which tokens expire; nil means the machine's.
	Now func() time.Time
	// Log hears of issuers that do not answer, and of no token. Nil discards.
	Log *slog.Logger
}

// Verifier takes callers by their access tokens. It may be used concurrently.
type Verifier struct {
	config   Config
	issuers  map[string]*issuer
	verified remembered
	stop     context.CancelFunc
	client   *http.Client
}

type issuer struct {
	name string
	keys *keys
}

// NewVerifier returns a Verifier. It asks an issuer when a token first needs it, so that one
// that does not answer yet is no error here.
func NewVerifier(config Config) (*Verifier, error) {
	if config.Tenant == "" || len(config.Issuers) == 0 || len(config.Audiences) == 0 || slices.Contains(config.Audiences, "") {
		return nil, errors.New("auth: a tenant, issuers and audiences are needed")
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	if config.Log == nil {
		config.Log = slog.New(slog.DiscardHandler)
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	if config.CAPEM != nil {
		roots, err := x509.SystemCertPool()
		if err != nil {
			roots = x509.NewCertPool()
		}
		if !roots.AppendCertsFromPEM(config.CAPEM) {
			return nil, errors.New("auth: the certificates to trust for issuers are no PEM")
		}
		transport.TLSClientConfig = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	}
	ctx, stop := context.WithCancel(context.Background())
	v := &Verifier{config: config, issuers: make(map[string]*issuer), stop: stop, client: &http.Client{
		Transport:     bounded{transport},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, // keys come from where they are said to be
	}}
	for _, name := range config.Issuers {
		if err := checkIssuer(name); err != nil {
			stop()
			return nil, fmt.Errorf("auth: %w", err)
		}
		v.issuers[name] = &issuer{name, &keys{issuer: name, client: v.client, now: config.Now, log: config.Log, ctx: ctx}}
	}
	return v, nil
}

// Close breaks off what is being asked of issuers, and returns when that is over.
func (v *Verifier) Close() {
	v.stop()
	for _, i := range v.issuers {
		i.keys.mu.Lock()   // no fetch begins any more once this was held
		i.keys.mu.Unlock() //nolint:staticcheck // empty on purpose, as the line above says
		i.keys.fetches.Wait()
	}
	v.client.CloseIdleConnections()
}

// maxToken is how long a token may be, in bytes.
const maxToken = 16 << 10

// What is wrong with how a call comes.
var (
	errNoToken   = errors.New("the call has no token: its metadata needs authorization: Bearer TOKEN")
	errTokens    = errors.New("the call has several authorization headers; want one")
	errScheme    = errors.New("the authorization is of another scheme; want Bearer")
	errLong      = errors.New("the token is longer than 16 KiB")
	errMalformed = errors.New("the token is no JSON Web Token, or is signed in another way than RS256 and ES256")
	errIssuer    = errors.New("the token is of an issuer that is not configured")
	errSignature = errors.New("the token's signature is wrong, or its claims are malformed")
)

// Identify tells the caller by the token of the call's metadata. A token that it has seen
// within a quarter of an hour costs no check of its signature.
func (v *Verifier) Identify(ctx context.Context) (Caller, error) {
	token, err := bearer(metadata.ValueFromIncomingContext(ctx, "authorization"))
	if err != nil {
		return Caller{}, err
	}
	now, hash := v.config.Now(), sha256.Sum256([]byte(token))
	if caller, ok := v.verified.look(hash, now); ok {
		return caller, nil
	}
	said, err := v.verify(ctx, token)
	if err != nil {
		return Caller{}, err
	}
	if err := said.check(v.config.Audiences, v.config.Tenant, now); err != nil {
		return Caller{}, err
	}
	caller, err := said.caller(v.config.Tenant)
	if err != nil {
		return Caller{}, err
	}
	v.verified.keep(hash, caller, now, said.expiry())
	return caller, nil
}

// bearer returns the one token of a call.
func bearer(headers []string) (string, error) {
	switch len(headers) {
	case 0:
		return "", errNoToken
	case 1:
	default:
		return "", errTokens
	}
	scheme, token, _ := strings.Cut(headers[0], " ")
	switch {
	case !strings.EqualFold(scheme, "Bearer"):
		return "", errScheme
	case token == "":
		return "", errNoToken
	case len(token) > maxToken:
		return "", errLong
	}
	return token, nil
}

// algorithms are how a token may be signed. None that an issuer's public key could be the
// secret of is among them, nor none at all.
var algorithms = []jose.SignatureAlgorithm{jose.RS256, jose.ES256}

// verify returns what a token says if one of the issuers has signed it. Nothing of it is
// believed before but who the issuer is said to be, and which of its keys to take.
func (v *Verifier) verify(ctx context.Context, token string) (claims, error) {
	parsed, err := jose.ParseSignedCompact(token, algorithms)
	if err != nil || len(parsed.Signatures) != 1 {
		return claims{}, errMalformed
	}
	var said struct {
		Issuer string `json:"iss"`
	}
	if json.Unmarshal(parsed.UnsafePayloadWithoutVerification(), &said) != nil {
		return claims{}, errClaims
	}
	by := v.issuers[said.Issuer]
	if by == nil {
		return claims{}, errIssuer
	}
	header := parsed.Signatures[0].Protected
	if header.KeyID == "" {
		return claims{}, errUnknownKey
	}
	key, err := by.keys.find(ctx, header.KeyID)
	if err != nil {
		return claims{}, err
	}
	if key.Algorithm != "" && key.Algorithm != header.Algorithm {
		return claims{}, errSignature
	}
	// What go-oidc would check beyond signature and issuer knows one audience and other skews.
	verified, err := oidc.NewVerifier(by.name, &oidc.StaticKeySet{PublicKeys: []crypto.PublicKey{key.Key}}, &oidc.Config{
		SupportedSigningAlgs: []string{oidc.RS256, oidc.ES256}, SkipClientIDCheck: true, SkipExpiryCheck: true,
	}).Verify(ctx, token)
	if err != nil {
		return claims{}, errSignature // the cause may quote the token
	}
	var raw json.RawMessage
	if err := verified.Claims(&raw); err != nil {
		return claims{}, errClaims
	}
	return parseClaims(raw)
}
