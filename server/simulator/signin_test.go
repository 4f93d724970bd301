package simulator

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

type tokenAnswer struct {
	Type      string `json:"token_type"`
	ExpiresIn int    `json:"expires_in"`
	Token     string `json:"access_token"`
	Error     string `json:"error"`
	Codes     []int  `json:"error_codes"`
	Text      string `json:"error_description"`
}

func TestTokenRequests(t *testing.T) {
	c := start(t, Config{}, NewDirectory())
	ask := func(name string, status int, kind string, number int, change func(f url.Values)) {
		t.Run(name, func(t *testing.T) {
			f := c.form(DefaultApp())
			change(f)
			a := c.post(c.tokenURL(), f)
			var got tokenAnswer
			a.decode(t, &got)
			if a.StatusCode != status || got.Error != kind {
				t.Fatalf("%d %q, want %d %q: %s", a.StatusCode, got.Error, status, kind, a.body)
			}
			if kind == "" {
				if got.Type != "Bearer" || got.Token == "" || got.ExpiresIn != 3600 {
					t.Errorf("got %s", a.body)
				}
				return
			}
			if len(got.Codes) != 1 || got.Codes[0] != number || !strings.HasPrefix(got.Text, fmt.Sprintf("AADSTS%d: ", number)) {
				t.Errorf("codes %v, text %q, want %d", got.Codes, got.Text, number)
			}
		})
	}
	set := func(key, value string) func(url.Values) { return func(f url.Values) { f.Set(key, value) } }
	del := func(key string) func(url.Values) { return func(f url.Values) { f.Del(key) } }

	ask("as the SDK sends it", 200, "", 0, func(url.Values) {})
	ask("the scope alone", 200, "", 0, set("scope", "https://graph.microsoft.com/.default"))
	ask("another cloud", 200, "", 0, set("scope", "https://graph.microsoft.us/.default"))
	ask("without claims", 200, "", 0, del("claims"))
	ask("app id in capitals", 200, "", 0, set("client_id", strings.ToUpper(DefaultApp().ID)))
	ask("wrong secret", 401, "invalid_client", 7000215, set("client_secret", "guessed"))
	ask("no secret", 401, "invalid_client", 7000218, del("client_secret"))
	ask("an assertion", 401, "invalid_client", 700027, set("client_assertion", "e30.e30.e30"))
	ask("unknown app", 400, "unauthorized_client", 700016, set("client_id", "f00dfeed-0000-4000-8000-000000000000"))
	ask("no app", 400, "invalid_request", 900144, del("client_id"))
	ask("no grant type", 400, "invalid_request", 900144, del("grant_type"))
	ask("no scope", 400, "invalid_request", 900144, del("scope"))
	ask("another grant type", 400, "unsupported_grant_type", 70003, set("grant_type", "password"))
	ask("a permission as scope", 400, "invalid_scope", 70011, set("scope", "User.Read.All"))
	ask("another resource", 400, "invalid_resource", 500011, set("scope", "https://vault.azure.net/.default"))
}

func TestTokenByBasicAuth(t *testing.T) {
	c := start(t, Config{Apps: []App{{ID: "app", Secret: "a b+c/%", Roles: []string{"User.Read.All"}}}}, NewDirectory())
	for secret, want := range map[string]int{"a b+c/%": 200, "a b+c": 401} {
		f := c.form(App{})
		f.Del("client_id")
		f.Del("client_secret")
		r, err := http.NewRequest("POST", c.tokenURL(), strings.NewReader(f.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.SetBasicAuth("app", url.QueryEscape(secret))
		if a := c.do(r); a.StatusCode != want {
			t.Errorf("secret %q: %d, want %d: %s", secret, a.StatusCode, want, a.body)
		}
	}
}

func TestTenants(t *testing.T) {
	c := start(t, Config{}, NewDirectory())
	for tenant, want := range map[string]int{
		c.sim.TenantID():                       0,
		strings.ToUpper(c.sim.TenantID()):      0,
		"common":                               9001023,
		"11111111-2222-4333-8444-555555555555": 90002,
	} {
		a := c.post(c.sim.AuthorityURL()+"/"+tenant+"/oauth2/v2.0/token", c.form(DefaultApp()))
		var got tokenAnswer
		a.decode(t, &got)
		if want == 0 && got.Token == "" || want != 0 && (len(got.Codes) != 1 || got.Codes[0] != want) {
			t.Errorf("tenant %s: %s, want %d", tenant, a.body, want)
		}
	}
}

func TestOpenIDConfiguration(t *testing.T) {
	c := start(t, Config{}, NewDirectory())
	at := c.sim.AuthorityURL() + "/" + c.sim.TenantID()
	a := c.get(at + "/v2.0/.well-known/openid-configuration?")
	var got map[string]any
	a.decode(t, &got)
	for key, want := range map[string]string{
		"issuer":                 at + "/v2.0",
		"authorization_endpoint": at + "/oauth2/v2.0/authorize",
		"token_endpoint":         at + "/oauth2/v2.0/token",
	} {
		if got[key] != want {
			t.Errorf("%s = %v, want %s", key, got[key], want)
		}
	}
	if a := c.get(c.sim.AuthorityURL() + "/nobody/v2.0/.well-known/openid-configuration"); a.StatusCode != 400 {
		t.Errorf("unknown tenant: %d %s", a.StatusCode, a.body)
	}
}

// The issuer must be on the host that the client asked, whichever of its names it used.
func TestIssuerFollowsTheHost(t *testing.T) {
	c := start(t, Config{}, Company())
	named := strings.Replace(c.sim.AuthorityURL(), "127.0.0.1", "localhost", 1)
	a := c.get(named + "/" + c.sim.TenantID() + "/v2.0/.well-known/openid-configuration")
	var got map[string]any
	a.decode(t, &got)
	if got["issuer"] != named+"/"+c.sim.TenantID()+"/v2.0" {
		t.Errorf("issuer %v, want one at %s", got["issuer"], named)
	}
	if p := c.page(named + "/v1.0/users?$top=5"); !strings.HasPrefix(p.Next, named+"/v1.0/users?") {
		t.Errorf("next link %s, want one at %s", p.Next, named)
	}
}

func TestGraphRefusesBadTokens(t *testing.T) {
	c := start(t, Config{}, Company())
	for name, test := range map[string]struct{ header, message string }{
		"none":    {"", "Access token is empty."},
		"basic":   {"Basic YTpi", "Access token is empty."},
		"garbage": {"Bearer abc", "CompactToken parsing failed with error code: 80049217"},
	} {
		a := c.get("/users", "Authorization", test.header)
		code, message := a.refusal(t)
		if a.StatusCode != 401 || code != "InvalidAuthenticationToken" || message != test.message {
			t.Errorf("%s: %d %s %q", name, a.StatusCode, code, message)
		}
		if h := a.Header.Get("WWW-Authenticate"); !strings.HasPrefix(h, `Bearer realm="", authorization_uri="https://`) {
			t.Errorf("%s: WWW-Authenticate %q", name, h)
		}
	}
}

func TestTokensExpire(t *testing.T) {
	c := start(t, Config{TokenLifetime: time.Nanosecond}, Company())
	a := c.get("/users")
	if _, message := a.refusal(t); a.StatusCode != 401 || message != "Lifetime validation failed, the token is expired." {
		t.Errorf("%d %q", a.StatusCode, message)
	}
}

func TestRevokedTokens(t *testing.T) {
	c := start(t, Config{}, Company())
	plain := c.form(DefaultApp())
	plain.Del("claims")
	var old tokenAnswer
	c.post(c.tokenURL(), plain).decode(t, &old)
	c.get("/users") // works until now
	c.sim.RevokeTokens()

	a := c.get("/users")
	_, encoded, _ := strings.Cut(a.Header.Get("WWW-Authenticate"), `error="insufficient_claims", claims="`)
	claims, err := base64.StdEncoding.DecodeString(strings.TrimSuffix(encoded, `"`))
	if a.StatusCode != 401 || err != nil || !strings.HasPrefix(string(claims), `{"access_token":{"nbf":{"essential":true,"value":"`) {
		t.Errorf("with cp1: %d %s, %q %v", a.StatusCode, a.Header.Get("WWW-Authenticate"), claims, err)
	}
	a = c.get("/users", "Authorization", "Bearer "+old.Token)
	if h := a.Header.Get("WWW-Authenticate"); a.StatusCode != 401 || strings.Contains(h, "claims") {
		t.Errorf("without cp1: %d %s", a.StatusCode, h)
	}
	c.token = c.signIn(DefaultApp())
	if a := c.get("/users"); a.StatusCode != 200 {
		t.Errorf("a token issued afterwards: %d %s", a.StatusCode, a.body)
	}
}

func TestPermissions(t *testing.T) {
	const ceo = "/users/maja.lindqvist@contoso.com"
	calls := []string{
		"/users", "/users/$count", ceo, "/users/delta", "/users/ana.kovac@contoso.com/manager", ceo + "/directReports",
		"/users?$expand=manager",
	}
	for role, want := range map[string]string{
		"":                   ". . . . . . .",
		"Group.Read.All":     ". . . . . . .",
		"User.ReadBasic.All": "x x x . . . .",
		"User.Read.All":      "x x x x x x x",
		"Directory.Read.All": "x x x x x x x",
	} {
		c := start(t, Config{Apps: []App{{ID: "app", Secret: "s", Roles: []string{role}}}}, Company())
		var got []string
		for _, call := range calls {
			switch a := c.get(call, "ConsistencyLevel", "eventual"); a.StatusCode {
			case 200:
				got = append(got, "x")
			case 403:
				if code, _ := a.refusal(t); code != "Authorization_RequestDenied" {
					t.Errorf("%s with %q: code %s", call, role, code)
				}
				got = append(got, ".")
			default:
				t.Errorf("%s with %q: %d %s", call, role, a.StatusCode, a.body)
			}
		}
		if s := strings.Join(got, " "); s != want {
			t.Errorf("%q opens %s, want %s of %v", role, s, want, calls)
		}
	}
}

func TestReadBasicShowsLess(t *testing.T) {
	c := start(t, Config{Apps: []App{{ID: "app", Secret: "s", Roles: []string{"User.ReadBasic.All"}}}}, Company())
	var got map[string]any
	c.get("/users/ana.kovac@contoso.com?$select=displayName,department,mail").decode(t, &got)
	if got["displayName"] != "Ana Kovač" || got["mail"] == nil || got["department"] != nil {
		t.Errorf("got %v", got)
	}
}
