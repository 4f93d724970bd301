package simulator

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"
)

// grant is what an access token stands for.
type grant struct {
	app      string
	roles    []string
	expires  time.Time
	capable  bool // the client said that it understands claims challenges
	revision int  // of revocation
}

// may reports whether one of the roles has been granted.
func (g grant) may(roles ...string) bool {
	return slices.ContainsFunc(roles, func(r string) bool { return slices.Contains(g.roles, r) })
}

// tokens are the access tokens that have been issued. Those long expired are forgotten, so their number is bounded by how
// many a client asks for in two lifetimes.
type tokens struct {
	mu       sync.Mutex
	issued   map[string]grant
	sweep    time.Time
	revision int
}

func (t *tokens) issue(g grant, now time.Time, lifetime time.Duration) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.issued == nil {
		t.issued = make(map[string]grant)
	}
	if now.After(t.sweep) {
		for key, old := range t.issued {
			if now.Sub(old.expires) > lifetime {
				delete(t.issued, key)
			}
		}
		t.sweep = now.Add(lifetime)
	}
	g.expires, g.revision = now.Add(lifetime), t.revision
	raw := make([]byte, 48)
	_, _ = rand.Read(raw) // never fails
	token := base64.RawURLEncoding.EncodeToString(raw)
	t.issued[token] = g
	return token
}

func (t *tokens) look(token string) (g grant, known, revoked bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	g, known = t.issued[token]
	return g, known, g.revision < t.revision
}

// RevokeTokens makes Graph refuse every access token issued so far. A client that has declared the capability cp1, as
// Microsoft's SDK does, is answered with a claims challenge, others with a plain 401.
func (s *Simulator) RevokeTokens() {
	s.tokens.mu.Lock()
	defer s.tokens.mu.Unlock()
	s.tokens.revision++
}

// authorize finds out whom the access token of a call belongs to.
func (c *call) authorize() *problem {
	token, ok := bearer(c.r)
	if !ok {
		return c.unauthorized("Access token is empty.", "")
	}
	g, known, revoked := c.sim.tokens.look(token)
	now := c.sim.Now()
	switch {
	case !known:
		return c.unauthorized("CompactToken parsing failed with error code: 80049217", "")
	case !now.Before(g.expires):
		return c.unauthorized("Lifetime validation failed, the token is expired.", "")
	case revoked && g.capable:
		claims := fmt.Sprintf(`{"access_token":{"nbf":{"essential":true,"value":"%d"}}}`, now.Unix())
		return c.unauthorized("Continuous access evaluation resulted in challenge with result: InteractionRequired and code: "+
			"TokenIssuedBeforeRevocationTimestamp", claims)
	case revoked:
		return c.unauthorized("The token has been revoked.", "")
	}
	c.grant = g
	return nil
}

func bearer(r *http.Request) (token string, ok bool) {
	const scheme = "Bearer "
	h := r.Header.Get("Authorization")
	if len(h) <= len(scheme) || h[:len(scheme)] != scheme {
		return "", false
	}
	return h[len(scheme):], true
}

func (c *call) unauthorized(message, claims string) *problem {
	challenge := `Bearer realm="", authorization_uri="` + c.base + `/common/oauth2/authorize"`
	if claims != "" {
		challenge += `, error="insufficient_claims", claims="` + base64.StdEncoding.EncodeToString([]byte(claims)) + `"`
	} else {
		challenge += `, client_id="00000003-0000-0000-c000-000000000000"` // Graph's own
	}
	p := refuse(http.StatusUnauthorized, "InvalidAuthenticationToken", "%s", message)
	p.header = map[string]string{"WWW-Authenticate": challenge}
	return p
}
