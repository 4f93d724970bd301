package simulator

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net/url"
	"strings"
	"testing"
	"time"
)

// takeApart takes a token apart.
func takeApart(t testing.TB, token string) (header, claims map[string]any, text string, signature []byte) {
	t.Helper()
	p := strings.Split(token, ".")
	if len(p) != 3 {
		t.Fatalf("%d parts in a token, want 3", len(p))
	}
	for i, into := range []*map[string]any{&header, &claims} {
		raw, err := base64.RawURLEncoding.DecodeString(p[i])
		check(t, err)
		check(t, json.Unmarshal(raw, into))
	}
	signature, err := base64.RawURLEncoding.DecodeString(p[2])
	check(t, err)
	return header, claims, p[0] + "." + p[1], signature
}

// verify looks a token's key up where the configuration leads, and tells whether it signed the token.
func (c *client) verify(token string) bool {
	c.t.Helper()
	header, claims, text, signature := takeApart(c.t, token)
	var config struct {
		Issuer string `json:"issuer"`
		Keys   string `json:"jwks_uri"`
	}
	issuer, _ := claims["iss"].(string)
	c.get(strings.TrimSuffix(issuer, "/")+"/.well-known/openid-configuration").decode(c.t, &config)
	if config.Issuer != issuer {
		c.t.Fatalf("the configuration is of issuer %q, want %q", config.Issuer, issuer)
	}
	var set struct {
		Keys []struct{ Kty, Kid, N, E, X, Y string }
	}
	c.get(config.Keys).decode(c.t, &set)
	number := func(s string) *big.Int {
		raw, err := base64.RawURLEncoding.DecodeString(s)
		check(c.t, err)
		return new(big.Int).SetBytes(raw)
	}
	sum := sha256.Sum256([]byte(text))
	for _, k := range set.Keys {
		switch {
		case k.Kid != header["kid"]:
		case header["alg"] == "RS256" && k.Kty == "RSA":
			key := &rsa.PublicKey{N: number(k.N), E: int(number(k.E).Int64())}
			return rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], signature) == nil
		case header["alg"] == "ES256" && k.Kty == "EC":
			point := append([]byte{4}, append(number(k.X).FillBytes(make([]byte, 32)), number(k.Y).FillBytes(make([]byte, 32))...)...)
			key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point)
			check(c.t, err)
			return ecdsa.Verify(key, sum[:], new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:]))
		}
	}
	return false
}

func (c *client) issue(token APIToken) string {
	c.t.Helper()
	raw, err := c.sim.IssueToken(token)
	check(c.t, err)
	return raw
}

// TestAPITokens signs in as the apps that call the API do.
func TestAPITokens(t *testing.T) {
	c := start(t, Config{}, Company())
	app := CallingApps()[1]
	for _, resource := range []string{APIURI, APIID, "api://" + strings.ToUpper(APIID)} {
		f := c.form(app)
		f.Set("scope", resource+"/.default openid")
		var got tokenAnswer
		c.post(c.tokenURL(), f).decode(t, &got)
		if got.Type != "Bearer" || got.ExpiresIn != 3600 || !c.verify(got.Token) {
			t.Fatalf("for %s: %+v", resource, got)
		}
		header, claims, _, _ := takeApart(t, got.Token)
		roles, _ := claims["roles"].([]any)
		if header["alg"] != "RS256" || claims["ver"] != "2.0" || claims["aud"] != APIID || claims["azp"] != app.ID ||
			claims["tid"] != c.sim.TenantID() || claims["oid"] != claims["sub"] || len(roles) != 1 || roles[0] != "PeopleInsights.Scheduler" || claims["scp"] != nil {
			t.Errorf("for %s: %v %v", resource, header, claims)
		}
	}
	for scope, want := range map[string]string{"api://another/.default": "invalid_resource", APIURI + "/Read": "invalid_scope"} {
		f := c.form(app)
		f.Set("scope", scope)
		var got tokenAnswer
		if c.post(c.tokenURL(), f).decode(t, &got); got.Error != want {
			t.Errorf("for %s: %+v, want %s", scope, got, want)
		}
	}
	f := url.Values{}
	for k, v := range c.form(app) {
		f[k] = v
	}
	f.Set("scope", APIURI+"/.default")
	f.Set("client_secret", "guessed")
	if a := c.post(c.tokenURL(), f); a.StatusCode != 401 {
		t.Errorf("with a wrong secret: %d", a.StatusCode)
	}
	c.token = c.issue(APIToken{App: app.ID})
	if a := c.get("/users"); a.StatusCode != 401 {
		t.Errorf("Graph takes a token for the API: %d", a.StatusCode)
	}
}

// TestAPITokensOfUsers reads what tokens of both versions say, and verifies what a verifier should refuse, too.
func TestAPITokensOfUsers(t *testing.T) {
	c := start(t, Config{}, load(t, someone(1, "Ana")))
	at := c.sim.AuthorityURL() + "/" + c.sim.TenantID()
	_, one, _, _ := takeApart(t, c.issue(APIToken{User: idOf(1), Version: 1, Lifetime: time.Minute}))
	_, two, _, _ := takeApart(t, c.issue(APIToken{User: strings.ToUpper(idOf(1)), Roles: []string{"R"}, Scopes: []string{"A", "B"}}))
	if one["iss"] != at+"/" || one["aud"] != APIURI || one["appid"] != DefaultApp().ID || one["ver"] != "1.0" || one["scp"] != APIScope || one["oid"] != idOf(1) {
		t.Errorf("v1: %v", one)
	}
	if two["iss"] != at+"/v2.0" || two["aud"] != APIID || two["azp"] != DefaultApp().ID || two["scp"] != "A B" || two["oid"] != idOf(1) || two["sub"] == two["oid"] {
		t.Errorf("v2: %v", two)
	}
	if d := one["exp"].(float64) - one["iat"].(float64); d != 60 {
		t.Errorf("a token for a minute is good for %v s", d)
	}
	for _, row := range []struct {
		what  string
		token APIToken
		good  bool
	}{
		{"v1", APIToken{Version: 1}, true},
		{"ES256", APIToken{Tweak: Tweak{Algorithm: "ES256"}}, true},
		{"none", APIToken{Tweak: Tweak{Algorithm: "none"}}, false},
		{"HS256", APIToken{Tweak: Tweak{Algorithm: "HS256"}}, false},
		{"a stranger's", APIToken{Tweak: Tweak{Stranger: true}}, false},
		{"a stranger's ES256", APIToken{Tweak: Tweak{Stranger: true, Algorithm: "ES256"}}, false},
		{"another key id", APIToken{Tweak: Tweak{Header: map[string]any{"kid": "x"}}}, false},
		{"claims changed", APIToken{Tweak: Tweak{Claims: map[string]any{"aud": "x", "tid": nil}}}, true},
	} {
		if got := c.verify(c.issue(row.token)); got != row.good {
			t.Errorf("%s: verified %v, want %v", row.what, got, row.good)
		}
	}
	_, changed, _, _ := takeApart(t, c.issue(APIToken{Tweak: Tweak{Claims: map[string]any{"aud": "x", "tid": nil}}}))
	if _, there := changed["tid"]; there || changed["aud"] != "x" {
		t.Errorf("tweaked: %v", changed)
	}
}

func TestRotateKeys(t *testing.T) {
	c := start(t, Config{}, Company())
	first := c.issue(APIToken{})
	for i, want := range []bool{true, true, false} {
		if got := c.verify(first); got != want {
			t.Errorf("after %d rotations the first token is verified %v, want %v", i, got, want)
		}
		check(t, c.sim.RotateKeys())
		if !c.verify(c.issue(APIToken{})) {
			t.Errorf("a token of rotation %d is not verified", i+1)
		}
	}
}

func TestAdminTokens(t *testing.T) {
	o := startAdmin(t, Config{}, load(t, someone(1, "Ana")))
	var got tokenAnswer
	o.answer("POST /tokens", `{"user":"`+idOf(1)+`","version":1,"lifetime":"-5m","tweak":{"algorithm":"ES256","claims":{"nbf":null}}}`).decode(t, &got)
	header, claims, _, _ := takeApart(t, got.Token)
	if header["alg"] != "ES256" || claims["oid"] != idOf(1) || claims["nbf"] != nil || claims["exp"].(float64) >= claims["iat"].(float64) || !o.verify(got.Token) {
		t.Errorf("%v %v", header, claims)
	}
	check(t, o.sim.RotateKeys())
	o.want("POST /rotate-keys", "", "204 ")
	if o.verify(got.Token) {
		t.Error("a token is verified whose key is gone")
	}
	o.refused("POST /tokens", `{"user":"`+idOf(2)+`"}`, 404, "not in the directory")
	o.refused("POST /tokens", `{"user":"ana"}`, 404, "named by id")
	o.refused("POST /tokens", `{"scopes":["A"]}`, 400, "want a user")
	o.refused("POST /tokens", `{"version":3}`, 400, "want 1 or 2")
	o.refused("POST /tokens", `{"lifetime":"soon"}`, 400, "not a time")
	o.refused("POST /tokens", `{"lifetime":"25h"}`, 400, "from -24h to 24h")
	o.refused("POST /tokens", `{"tweak":{"algorithm":"PS256"}}`, 400, "want RS256")
	o.refused("POST /tokens", `{"nonsense":1}`, 400, "nonsense")
}
