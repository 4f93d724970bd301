package auth

import (
	"cmp"
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
	"sync"
	"sync/atomic"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
	"google.golang.org/grpc/metadata"
)

// Config is what a Verifier needs.
type Config struct {
	// Tenants are the organisations whose callers are taken. Required.
	Tenants []TenantConfig
	// Now is the clock by which tokens expire; nil means the machine's.
	Now func() time.Time
	// Log hears of issuers that do not answer, and of no token. Nil discards.
	Log *slog.Logger
}

// TenantConfig is by which tokens a tenant's callers are taken.
type TenantConfig struct {
	// ID is the tenant's, as tokens have it in tid. Required.
	ID string
	// Issuers are who may have signed a token, each as tokens have it in iss, such as
	// https://login.microsoftonline.com/TENANT-ID/v2.0, and https://sts.windows.net/TENANT-ID/
	// for v1 tokens. Required.
	Issuers []string
	// Audiences are what a token may be for: the app id of the service as registered, and its
	// application id URI for v1 tokens. Required.
	Audiences []string
	// CAPEM are certificates to trust for the issuers, beside the system's; may be nil.
	CAPEM []byte
	// Partners are other organisations whose callers are taken too: they see what the tenant
	// shows partners, and speak for nobody of it.
	Partners []PartnerConfig
}

// PartnerConfig is by which tokens another organisation's callers are taken.
type PartnerConfig struct {
	ID      string   // as tokens have it in tid; required
	Issuers []string // required
}

// Verifier takes callers by their access tokens. It may be used concurrently.
type Verifier struct {
	now func() time.Time
	log *slog.Logger

	mu    sync.Mutex // of whoever configures it
	takes atomic.Pointer[takes]
}

// takes are whose tokens are taken, and those that were of late.
type takes struct {
	by       map[origin][]*accepted
	issuers  map[string]bool
	keys     map[source]*keys
	verified remembered
}

// origin is where a token says that it comes from.
type origin struct{ issuer, tid string }

// accepted is whose tokens of an origin are.
type accepted struct {
	tenant    string
	partner   string // whose they are; empty for the tenant's own
	audiences []string
	issuer    string
	keys      *keys
}

// source is where an issuer's keys come from, and by whose certificates.
type source struct{ issuer, ca string }

// NewVerifier returns a Verifier. It asks an issuer when a token first needs it, so that one
// that does not answer yet is no error here. Close ends it.
func NewVerifier(config Config) (*Verifier, error) {
	v := &Verifier{now: config.Now, log: config.Log}
	if v.now == nil {
		v.now = time.Now
	}
	if v.log == nil {
		v.log = slog.New(slog.DiscardHandler)
	}
	v.takes.Store(&takes{})
	if err := v.Configure(config.Tenants); err != nil {
		return nil, err
	}
	return v, nil
}

// Configure takes these tenants' callers from now on, and no others: a token that was good
// before is looked at anew. Keys that are held of issuers that stay, stay. After an error
// everything is as it was.
func (v *Verifier) Configure(tenants []TenantConfig) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	old := v.takes.Load()
	next := &takes{by: make(map[origin][]*accepted), issuers: make(map[string]bool), keys: make(map[source]*keys)}
	err := v.configure(next, old, tenants)
	if err == nil {
		v.takes.Store(next)
		next, old = old, next
	}
	for at, k := range next.keys { // of the one that is not taken
		if old.keys[at] != k {
			k.close()
		}
	}
	return err
}

func (v *Verifier) configure(next, old *takes, tenants []TenantConfig) error {
	for _, t := range tenants {
		if t.ID == "" || len(t.Issuers) == 0 || len(t.Audiences) == 0 || slices.Contains(t.Audiences, "") {
			return errors.New("auth: a tenant, issuers and audiences are needed")
		}
		if err := v.take(next, old, t, PartnerConfig{Issuers: t.Issuers}); err != nil {
			return err
		}
		for _, p := range t.Partners {
			if p.ID == "" || len(p.Issuers) == 0 {
				return errors.New("auth: a partner's id and issuers are needed")
			}
			if strings.EqualFold(p.ID, t.ID) {
				return errors.New("auth: a tenant is no partner of its own")
			}
			if err := v.take(next, old, t, p); err != nil {
				return err
			}
		}
	}
	return nil
}

// take has tokens of issuers taken for a tenant's: its own, or those of a partner of an id.
func (v *Verifier) take(next, old *takes, t TenantConfig, p PartnerConfig) error {
	tid := cmp.Or(p.ID, t.ID)
	for _, name := range p.Issuers {
		if err := CheckIssuer(name); err != nil {
			return fmt.Errorf("auth: %w", err)
		}
		at := origin{name, strings.ToLower(tid)}
		for _, other := range next.by[at] {
			for _, audience := range t.Audiences {
				if slices.Contains(other.audiences, audience) && (other.tenant != t.ID || other.partner != p.ID) {
					return fmt.Errorf("auth: tokens of issuer %s, tenant %s and audience %s would be those of two tenants: give each an audience of its own", name, tid, audience)
				}
			}
		}
		from := source{name, string(t.CAPEM)}
		if next.keys[from] == nil {
			next.keys[from] = old.keys[from]
		}
		if next.keys[from] == nil {
			client, err := newClient(t.CAPEM)
			if err != nil {
				return err
			}
			next.keys[from] = newKeys(name, client, v.now, v.log)
		}
		next.issuers[name] = true
		next.by[at] = append(next.by[at], &accepted{tenant: t.ID, partner: p.ID, audiences: t.Audiences, issuer: name, keys: next.keys[from]})
	}
	return nil
}

// newClient returns what asks issuers.
func newClient(ca []byte) (*http.Client, error) {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	if ca != nil {
		roots, err := x509.SystemCertPool()
		if err != nil {
			roots = x509.NewCertPool()
		}
		if !roots.AppendCertsFromPEM(ca) {
			return nil, errors.New("auth: the certificates to trust for issuers are no PEM")
		}
		transport.TLSClientConfig = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	}
	return &http.Client{
		Transport:     bounded{transport},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, // keys come from where they are said to be
	}, nil
}

// Close takes nobody any more, breaks off what is being asked of issuers, and returns when
// that is over.
func (v *Verifier) Close() { _ = v.Configure(nil) }

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
	takes, now, hash := v.takes.Load(), v.now(), sha256.Sum256([]byte(token))
	if caller, ok := takes.verified.look(hash, now); ok {
		return caller, nil
	}
	said, by, err := takes.verify(ctx, token)
	if err != nil {
		return Caller{}, err
	}
	if err := said.check(now); err != nil {
		return Caller{}, err
	}
	caller, err := said.caller(by)
	if err != nil {
		return Caller{}, err
	}
	takes.verified.keep(hash, caller, now, said.expiry())
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

// tokenLetters are what a token is written with.
const tokenLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_."

// algorithms are how a token may be signed. None that an issuer's public key could be the
// secret of is among them, nor none at all.
var algorithms = []jose.SignatureAlgorithm{jose.RS256, jose.ES256}

// verify returns what a token says, and whose it is, if one of the issuers has signed it.
// Nothing of it is believed before but where it is said to come from and whom it is for, by
// which the key is chosen: they are looked at again in what was signed.
func (t *takes) verify(ctx context.Context, token string) (claims, *accepted, error) {
	if strings.Trim(token, tokenLetters) != "" { // a decoder may skip it, so that one token could be written in many ways
		return claims{}, nil, errMalformed
	}
	parsed, err := jose.ParseSignedCompact(token, algorithms)
	if err != nil || len(parsed.Signatures) != 1 {
		return claims{}, nil, errMalformed
	}
	said, err := parseClaims(parsed.UnsafePayloadWithoutVerification())
	if err != nil {
		return claims{}, nil, err
	}
	by, err := t.choose(said)
	if err != nil {
		return claims{}, nil, err
	}
	header := parsed.Signatures[0].Protected
	if header.KeyID == "" {
		return claims{}, nil, errUnknownKey
	}
	key, err := by.keys.find(ctx, header.KeyID)
	if err != nil {
		return claims{}, nil, err
	}
	if key.Algorithm != "" && key.Algorithm != header.Algorithm {
		return claims{}, nil, errSignature
	}
	// What go-oidc would check beyond signature and issuer knows one audience and other skews.
	verified, err := oidc.NewVerifier(by.issuer, &oidc.StaticKeySet{PublicKeys: []crypto.PublicKey{key.Key}}, &oidc.Config{
		SupportedSigningAlgs: []string{oidc.RS256, oidc.ES256}, SkipClientIDCheck: true, SkipExpiryCheck: true,
	}).Verify(ctx, token)
	if err != nil {
		return claims{}, nil, errSignature // the cause may quote the token
	}
	var raw json.RawMessage
	if err := verified.Claims(&raw); err != nil {
		return claims{}, nil, errClaims
	}
	if said, err = parseClaims(raw); err != nil {
		return claims{}, nil, err
	}
	if again, err := t.choose(said); err != nil || again != by {
		return claims{}, nil, errSignature
	}
	return said, by, nil
}

// choose tells whose a token is by where it comes from and whom it is for.
func (t *takes) choose(said claims) (by *accepted, err error) {
	if !t.issuers[said.Issuer] {
		return nil, errIssuer
	}
	from := t.by[origin{said.Issuer, strings.ToLower(said.Tenant)}]
	if len(from) == 0 {
		return nil, errTenant
	}
	for _, a := range from {
		if !slices.ContainsFunc(said.Audience, func(aud string) bool { return slices.Contains(a.audiences, aud) }) {
			continue
		}
		if by != nil && (by.tenant != a.tenant || by.partner != a.partner) {
			return nil, errAmbiguous
		}
		by = a
	}
	if by == nil {
		return nil, errAudience
	}
	return by, nil
}
