package simulator

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// The API that tokens can be had for beside Graph, as it would be registered for People Insights.
const (
	APIURI = "api://people-insights"                // its application id URI: the audience of its v1 tokens
	APIID  = "3b6f2d90-71c4-4e8a-b5d2-08a4c9e17f36" // its app id: the audience of its v2 tokens
)

// APIScope is the delegated permission of the API that users' tokens have.
const APIScope = "PeopleInsights.Read"

// APIToken is an access token for the API. The zero value is a v2 token of DefaultApp, good for an hour.
type APIToken struct {
	// App is the id of the app that asks; empty means DefaultApp. Any id will do.
	App string
	// User is the id of a person for whom it asks; empty means that it asks for itself.
	User string
	// Roles are the app roles of the app, or of the user; nil means those of a registered app.
	Roles []string
	// Scopes are what the app may do for the user; nil means APIScope. Only users' tokens have any.
	Scopes []string
	// Version is 1 or 2; zero means 2.
	Version int
	// Lifetime is how long it is good for, from five minutes ago for what it says of its beginning; zero means an hour.
	// One below zero has expired.
	Lifetime time.Duration
	// Tweak is what is wrong with it.
	Tweak Tweak
}

// Tweak is what is wrong with a token, for tests of those who verify it.
type Tweak struct {
	// Claims replace those of the token; nil takes one away.
	Claims map[string]any `json:"claims,omitempty"`
	// Header replaces what its header says; nil takes something away.
	Header map[string]any `json:"header,omitempty"`
	// Algorithm is RS256, ES256, HS256 (with the public key of RS256 for a secret, as a forger would) or none; empty means
	// RS256.
	Algorithm string `json:"algorithm,omitempty"`
	// Stranger signs with a key that is not the sign-in's, under the id of one that is.
	Stranger bool `json:"stranger,omitempty"`
}

// IssueToken returns an access token for the API, without a sign-in: whoever is named gets what is asked for. Two tokens
// are never the same. It fails for a person whom the directory does not have.
func (s *Simulator) IssueToken(t APIToken) (string, error) {
	return s.issueAPIToken(s.AuthorityURL(), t)
}

func (s *Simulator) issueAPIToken(base string, t APIToken) (string, error) {
	if t.App == "" {
		t.App = DefaultApp().ID
	}
	if t.Roles == nil {
		t.Roles = s.apps[strings.ToLower(t.App)].APIRoles
	}
	if t.Lifetime == 0 {
		t.Lifetime = time.Hour
	}
	claims, err := s.claims(base, t)
	if err != nil {
		return "", err
	}
	pair, err := s.keys.current()
	if err != nil {
		return "", err
	}
	return t.Tweak.sign(pair, claims)
}

// claims are what Microsoft says in a token, as far as it matters.
func (s *Simulator) claims(base string, t APIToken) (map[string]any, error) {
	now := s.Now()
	claims := map[string]any{
		"iat": now.Unix(), "nbf": now.Add(-5 * time.Minute).Unix(), "exp": now.Add(t.Lifetime).Unix(),
		"tid": s.tenant, "uti": newGUID().String(),
	}
	switch t.Version {
	case 1:
		claims["ver"], claims["iss"], claims["aud"], claims["appid"], claims["appidacr"] = "1.0", base+"/"+s.tenant+"/", APIURI, t.App, "1"
	case 0, 2:
		claims["ver"], claims["iss"], claims["aud"], claims["azp"], claims["azpacr"] = "2.0", base+"/"+s.tenant+"/v2.0", APIID, t.App, "1"
	default:
		return nil, fmt.Errorf("there is no version %d of tokens; want 1 or 2", t.Version)
	}
	if len(t.Roles) > 0 {
		claims["roles"] = t.Roles
	}
	if t.User == "" {
		id := derivedGUID("service principal of " + t.App)
		claims["oid"], claims["sub"] = id, id
		return claims, nil
	}
	g, ok := parseGUID(t.User)
	if _, held := s.dir.Get(t.User); !ok || !held {
		return nil, fmt.Errorf("%w: %.60q (a user is named by id)", ErrUnknown, t.User)
	}
	if t.Scopes == nil {
		t.Scopes = []string{APIScope}
	}
	sub := sha256.Sum256([]byte(g.String() + APIID)) // another one for each API
	claims["oid"], claims["sub"], claims["scp"] = g.String(), base64url(sub[:]), strings.Join(t.Scopes, " ")
	return claims, nil
}

// sign makes a JSON Web Token of claims.
func (t Tweak) sign(pair *keyPair, claims map[string]any) (string, error) {
	header := map[string]any{"typ": "JWT", "alg": t.Algorithm, "kid": pair.rsaID}
	switch t.Algorithm {
	case "":
		t.Algorithm, header["alg"] = "RS256", "RS256"
	case "ES256":
		header["kid"] = pair.ecdsaID
	case "RS256", "HS256", "none":
	default:
		return "", fmt.Errorf("%.60q is not an algorithm; want RS256, ES256, HS256 or none", t.Algorithm)
	}
	if t.Stranger {
		var err error
		if pair, err = newKeyPair(); err != nil {
			return "", err
		}
	}
	text := make([]string, 0, 3)
	for _, part := range []struct{ said, instead map[string]any }{{header, t.Header}, {claims, t.Claims}} {
		for name, value := range part.instead {
			if part.said[name] = value; value == nil {
				delete(part.said, name)
			}
		}
		raw, err := json.Marshal(part.said)
		if err != nil {
			return "", fmt.Errorf("a tweak is not JSON: %w", err)
		}
		text = append(text, base64url(raw))
	}
	signature, err := t.signature(pair, []byte(strings.Join(text, ".")))
	return strings.Join(append(text, base64url(signature)), "."), err
}

func (t Tweak) signature(pair *keyPair, text []byte) ([]byte, error) {
	switch t.Algorithm {
	case "none":
		return nil, nil
	case "HS256":
		secret, err := x509.MarshalPKIXPublicKey(pair.rsa.Public())
		mac := hmac.New(sha256.New, secret)
		mac.Write(text)
		return mac.Sum(nil), err
	}
	return pair.signature(t.Algorithm, text)
}

// derivedGUID is always the same for a text.
func derivedGUID(text string) string {
	sum := sha256.Sum256([]byte(text))
	g := guid(sum[:16])
	g[6], g[8] = g[6]&0x0f|0x80, g[8]&0x3f|0x80
	return g.String()
}

// isAPI reports whether a scope asks for the API's permissions, by any name of the API.
func isAPI(scope string) bool {
	return slices.ContainsFunc(strings.Fields(scope), func(s string) bool {
		resource, ok := strings.CutSuffix(s, "/.default")
		return ok && (resource == APIURI || strings.EqualFold(strings.TrimPrefix(resource, "api://"), APIID))
	})
}

// checkLifetime refuses what does not fit a token.
func checkLifetime(d time.Duration) error {
	if d < -24*time.Hour || d > 24*time.Hour {
		return errors.New("want a time from -24h to 24h")
	}
	return nil
}
