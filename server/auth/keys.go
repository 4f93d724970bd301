package auth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
)

// How an issuer's keys are held.
const (
	fetchPause = 10 * time.Second // at least, between two fetches
	fetchTime  = 10 * time.Second // at most, for one
	freshKeys  = 15 * time.Minute // then they are fetched anew, beside the calls
	staleKeys  = 24 * time.Hour   // then they are good no more
	maxKeys    = 1 << 20          // bytes of an answer of the issuer
)

// keys are what an issuer signs with. They are fetched when a token first needs them, anew
// every quarter of an hour while there are calls, and when a token names one that is not among
// them, which is how a rotation is noticed: at most every ten seconds, whatever tokens come.
//
// go-oidc's own RemoteKeySet fetches for every token whose key it does not know or whose
// signature is wrong, so that anybody can have it flood the issuer; hence this.
type keys struct {
	issuer string
	client *http.Client
	now    func() time.Time
	log    *slog.Logger
	ctx    context.Context // ends when the keys are of no use any more
	stop   context.CancelFunc

	mu       sync.Mutex
	address  string // jwks_uri; empty until discovered
	held     map[string]jose.JSONWebKey
	fetched  time.Time     // when held was
	tried    time.Time     // the newest fetch, whatever came of it
	failed   error         // of the newest fetch
	fetching chan struct{} // closed when the one under way is over; nil when none is
	fetches  sync.WaitGroup
}

func newKeys(issuer string, client *http.Client, now func() time.Time, log *slog.Logger) *keys {
	ctx, stop := context.WithCancel(context.Background())
	return &keys{issuer: issuer, client: client, now: now, log: log, ctx: ctx, stop: stop}
}

// close breaks off what is being fetched, and returns when that is over.
func (k *keys) close() {
	k.stop()
	k.mu.Lock()   // no fetch begins any more once this was held
	k.mu.Unlock() //nolint:staticcheck // empty on purpose, as the line above says
	k.fetches.Wait()
	k.client.CloseIdleConnections()
}

// errUnknownKey means that the issuer has no such key, as far as is known.
var errUnknownKey = errors.New("the token is signed with a key that its issuer does not have")

// find returns the key of an id. It may wait for the issuer, and gives up with ctx.
func (k *keys) find(ctx context.Context, id string) (jose.JSONWebKey, error) {
	k.mu.Lock()
	key, known := k.heldLocked(id)
	if known && k.now().Sub(k.fetched) < freshKeys {
		k.mu.Unlock()
		return key, nil
	}
	begun := k.fetchLocked()
	k.mu.Unlock()
	if known {
		return key, nil
	}
	if begun != nil {
		select {
		case <-begun:
		case <-ctx.Done():
			return jose.JSONWebKey{}, ctx.Err()
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if key, known := k.heldLocked(id); known {
		return key, nil
	}
	if k.failed != nil {
		return jose.JSONWebKey{}, ErrUnavailable
	}
	return jose.JSONWebKey{}, errUnknownKey
}

func (k *keys) heldLocked(id string) (jose.JSONWebKey, bool) {
	if k.now().Sub(k.fetched) >= staleKeys {
		return jose.JSONWebKey{}, false
	}
	key, ok := k.held[id]
	return key, ok
}

// fetchLocked begins to fetch, unless the last time is too near. What it returns is closed
// when the fetch under way is over; nil where there is none.
func (k *keys) fetchLocked() <-chan struct{} {
	now := k.now()
	if k.fetching != nil || !k.tried.IsZero() && now.Sub(k.tried) < fetchPause || k.ctx.Err() != nil {
		return k.fetching
	}
	over := make(chan struct{})
	k.fetching, k.tried = over, now
	address := k.address
	k.fetches.Go(func() {
		address, held, err := k.fetch(address)
		k.mu.Lock()
		defer k.mu.Unlock()
		k.tell(err)
		if k.failed = err; err == nil {
			k.address, k.held, k.fetched = address, held, now
		} else {
			k.address = "" // it may have moved
		}
		k.fetching = nil
		close(over)
	})
	return over
}

// tell logs that fetching begins to fail, and that it does no more.
func (k *keys) tell(err error) {
	switch {
	case k.ctx.Err() != nil: // stopping
	case err != nil && k.failed == nil:
		k.log.Warn("the keys of an issuer cannot be had: is --issuer right, and does --issuer-ca-file trust it? Calls with its tokens are UNAVAILABLE unless their keys are held",
			slog.String("issuer", k.issuer), slog.String("error", fmt.Sprintf("%.300v", err)))
	case err == nil && k.failed != nil:
		k.log.Info("the keys of an issuer can be had again", slog.String("issuer", k.issuer))
	}
}

// fetch reads the keys, and where they are if that is not known.
func (k *keys) fetch(address string) (string, map[string]jose.JSONWebKey, error) {
	ctx, cancel := context.WithTimeout(k.ctx, fetchTime)
	defer cancel()
	if address == "" {
		provider, err := oidc.NewProvider(oidc.ClientContext(ctx, k.client), k.issuer)
		if err != nil {
			return "", nil, err
		}
		var document struct {
			Keys string `json:"jwks_uri"`
		}
		if err := provider.Claims(&document); err != nil {
			return "", nil, err
		}
		if u, err := url.Parse(document.Keys); err != nil || u.Scheme != "https" || u.Host == "" {
			return "", nil, errors.New("its configuration leads to no keys at an https address")
		}
		address = document.Keys
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return "", nil, err
	}
	answer, err := k.client.Do(request)
	if err != nil {
		return "", nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return "", nil, fmt.Errorf("its keys are answered with %s", answer.Status)
	}
	held, err := readKeys(answer.Body)
	return address, held, err
}

// readKeys reads the keys that tokens may be signed with, by their ids. Those of kinds that
// are not known here are left out, and make no others useless.
func readKeys(body io.Reader) (map[string]jose.JSONWebKey, error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.NewDecoder(body).Decode(&set); err != nil {
		return nil, fmt.Errorf("its keys are no JSON Web Key Set: %w", err)
	}
	held := make(map[string]jose.JSONWebKey)
	for _, raw := range set.Keys {
		var key jose.JSONWebKey
		if json.Unmarshal(raw, &key) != nil || !key.IsPublic() || !key.Valid() || key.KeyID == "" || key.Use != "" && key.Use != "sig" {
			continue
		}
		held[key.KeyID] = key
	}
	if len(held) == 0 {
		return nil, errors.New("it publishes no key that a token can be verified with")
	}
	return held, nil
}

// bounded is a transport whose answers end after maxKeys bytes.
type bounded struct{ http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := b.RoundTripper.RoundTrip(r)
	if err == nil {
		answer.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(answer.Body, maxKeys), answer.Body}
	}
	return answer, err
}

// CheckIssuer refuses what cannot be an issuer.
func CheckIssuer(issuer string) error {
	u, err := url.Parse(issuer)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || strings.ContainsAny(issuer, "?#") {
		return fmt.Errorf("an issuer must be like https://login.microsoftonline.com/TENANT-ID/v2.0, as tokens have it in iss, not %.200q", issuer)
	}
	return nil
}
