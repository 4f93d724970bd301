package auth_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/metadata"

	"github.com/peopleinsights/peopleinsights/server/auth"
	"github.com/peopleinsights/peopleinsights/server/simulator"
)

// fixture is a verifier of the simulator's tokens, by the simulator's clock.
type fixture struct {
	*auth.Verifier
	t   *testing.T
	sim *simulator.Simulator
	log *lockedText
	// user is a person of the directory.
	user string
}

// lockedText is a log that a test reads while others write.
type lockedText struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lockedText) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lockedText) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func start(t *testing.T, change ...func(*auth.Config)) fixture {
	t.Helper()
	directory := simulator.Company()
	sim, err := simulator.New(simulator.Config{}, directory)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { sim.Close() })
	f := fixture{t: t, sim: sim, log: &lockedText{}}
	for id := range directory.All() {
		f.user = id
		break
	}
	at := sim.AuthorityURL() + "/" + sim.TenantID()
	config := auth.Config{
		Tenants: []auth.TenantConfig{{
			ID: sim.TenantID(), Issuers: []string{at + "/v2.0", at + "/"}, Audiences: []string{simulator.APIID, simulator.APIURI}, CAPEM: sim.CAPEM(),
		}},
		Now: sim.Now, Log: slog.New(slog.NewTextHandler(f.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	for _, c := range change {
		c(&config)
	}
	if f.Verifier, err = auth.NewVerifier(config); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.Close)
	return f
}

func (f fixture) token(token simulator.APIToken) string {
	f.t.Helper()
	raw, err := f.sim.IssueToken(token)
	if err != nil {
		f.t.Fatal(err)
	}
	return raw
}

// as calls with authorization headers.
func (f fixture) as(headers ...string) (auth.Caller, error) {
	ctx := metadata.NewIncomingContext(f.t.Context(), metadata.MD{"authorization": headers})
	return f.Identify(ctx)
}

// by calls with a token.
func (f fixture) by(token string) (auth.Caller, error) { return f.as("Bearer " + token) }

// fetches counts how often the issuer was asked for its keys.
func (f fixture) fetches() (n int) {
	for _, asked := range f.sim.Requests() {
		if strings.Contains(asked.URL, "/keys") {
			n++
		}
	}
	return n
}

var appRoles = []string{"PeopleInsights.Client"}

// claimed is an app's token with claims changed, given as names and values.
func claimed(pairs ...any) simulator.APIToken {
	claims := make(map[string]any)
	for i := 0; i < len(pairs); i += 2 {
		claims[pairs[i].(string)] = pairs[i+1]
	}
	return simulator.APIToken{Roles: appRoles, Tweak: simulator.Tweak{Claims: claims}}
}

func headed(name string, value any) simulator.APIToken {
	return simulator.APIToken{Roles: appRoles, Tweak: simulator.Tweak{Header: map[string]any{name: value}}}
}

func tweaked(tweak simulator.Tweak) simulator.APIToken {
	return simulator.APIToken{Roles: appRoles, Tweak: tweak}
}

// TestGoodTokens takes callers of each kind and version.
func TestGoodTokens(t *testing.T) {
	f := start(t)
	users := func(token simulator.APIToken) simulator.APIToken { token.User = strings.ToUpper(f.user); return token }
	all := []string{"Another.Role", "PeopleInsights.Scheduler", "PeopleInsights.Operator", "PeopleInsights.Client"}
	for _, row := range []struct {
		what  string
		token simulator.APIToken
		roles auth.Roles
		user  bool
	}{
		{"v2 of an app", simulator.APIToken{Roles: appRoles}, auth.Client, false},
		{"v1 of an app", simulator.APIToken{Roles: appRoles, Version: 1}, auth.Client, false},
		{"ES256", tweaked(simulator.Tweak{Algorithm: "ES256"}), auth.Client, false},
		{"all roles", simulator.APIToken{Roles: all}, auth.Client | auth.Scheduler | auth.Operator, false},
		{"an app without roles", simulator.APIToken{Roles: []string{}}, 0, false},
		{"roles of others", simulator.APIToken{Roles: []string{"People.Read", "peopleinsights.client", "PeopleInsights.Client "}}, 0, false},
		{"said to be an app's", claimed("idtyp", "app"), auth.Client, false},
		{"an app without an object id", claimed("idtyp", "app", "oid", nil), auth.Client, false},
		{"several audiences", claimed("aud", []string{"api://another", simulator.APIURI}), auth.Client, false},
		{"the tenant in capitals", claimed("tid", strings.ToUpper(f.sim.TenantID())), auth.Client, false},
		{"no beginning", claimed("nbf", nil, "iat", nil), auth.Client, false},
		{"expired within the skew", simulator.APIToken{Roles: appRoles, Lifetime: -time.Minute}, auth.Client, false},
		{"good in a minute", claimed("nbf", time.Now().Add(time.Minute).Unix()), auth.Client, false},
		{"v2 of a user", users(simulator.APIToken{}), auth.Client | auth.Scheduler, true},
		{"v1 of a user", users(simulator.APIToken{Version: 1}), auth.Client | auth.Scheduler, true},
		{"a user among other scopes", users(simulator.APIToken{Scopes: []string{"A", "PeopleInsights.Read"}}), auth.Client | auth.Scheduler, true},
		{"a user who operates", users(simulator.APIToken{Roles: all[2:3]}), auth.Client | auth.Scheduler | auth.Operator, true},
		{"a user by an app that may do something else", users(simulator.APIToken{Roles: all, Scopes: []string{"PeopleInsights.ReadBasic"}}), 0, true},
		{"said to be a user's", users(claimed("idtyp", "user")), auth.Client | auth.Scheduler, true},
	} {
		raw := f.token(row.token)
		for range 2 { // once verified, once remembered
			caller, err := f.by(raw)
			if err != nil || caller.Roles != row.roles || caller.Tenant != f.sim.TenantID() || (caller.User != "") != row.user || caller.Subject == "" {
				t.Errorf("%s: %+v, %v; want roles %s", row.what, caller, err, row.roles)
			}
			if row.user && (caller.User != f.user || caller.Subject != "user:"+f.user) || !row.user && !strings.HasPrefix(caller.Subject, "app:") {
				t.Errorf("%s: %+v of user %s", row.what, caller, f.user)
			}
		}
	}
	if _, err := f.as("bEARER " + f.token(simulator.APIToken{})); err != nil {
		t.Errorf("the scheme in other letters: %v", err)
	}
}

// TestBadTokens has tokens that are wrong in one way each, told by its own error.
func TestBadTokens(t *testing.T) {
	f := start(t)
	good := f.token(simulator.APIToken{Roles: appRoles})
	cut := strings.Split(good, ".")
	at := f.sim.AuthorityURL() + "/" + f.sim.TenantID()
	users := func(token simulator.APIToken) simulator.APIToken { token.User = f.user; return token }
	encoded := func(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
	type row struct{ what, header, says string }
	rows := []row{
		{"an empty header", "", "another scheme"},
		{"Basic", "Basic " + good, "another scheme"},
		{"no scheme", good, "another scheme"},
		{"no token", "Bearer ", "has no token"},
		{"no token and no space", "Bearer", "has no token"},
		{"two spaces", "Bearer  " + good, "no JSON Web Token"},
		{"text behind", "Bearer " + good + " x", "no JSON Web Token"},
		{"a long one", "Bearer " + strings.Repeat("e", 16<<10+1), "longer than 16 KiB"},
		{"garbage", "Bearer x", "no JSON Web Token"},
		{"Graph's own", "Bearer " + strings.Repeat("Ab", 32), "no JSON Web Token"},
		{"two parts", "Bearer " + cut[0] + "." + cut[1], "no JSON Web Token"},
		{"four parts", "Bearer " + good + ".x", "no JSON Web Token"},
		{"five parts", "Bearer " + good + "..", "no JSON Web Token"},
		{"JSON in place of compact", `Bearer {"protected":"` + cut[0] + `","payload":"` + cut[1] + `","signature":"` + cut[2] + `"}`, "no JSON Web Token"},
		{"no signature", "Bearer " + cut[0] + "." + cut[1] + ".", "signature is wrong"},
		{"half a signature", "Bearer " + good[:len(good)-100], "signature is wrong"},
		{"other claims", "Bearer " + cut[0] + "." + encoded(`{"iss":"`+at+`/v2.0","aud":"`+simulator.APIID+`","tid":"`+f.sim.TenantID()+`"}`) + "." + cut[2], "signature is wrong"},
		{"claims that are none", "Bearer " + cut[0] + "." + encoded("x") + "." + cut[2], "malformed"},
	}
	for _, bad := range []struct {
		what  string
		token simulator.APIToken
		says  string
	}{
		{"none", tweaked(simulator.Tweak{Algorithm: "none"}), "another way than RS256"},
		{"none in other letters", headed("alg", "nOnE"), "another way than RS256"},
		{"HMAC with the public key", tweaked(simulator.Tweak{Algorithm: "HS256"}), "another way than RS256"},
		{"PS256", headed("alg", "PS256"), "another way than RS256"},
		{"ES256 by an RSA key", headed("alg", "ES256"), "signature is wrong"},
		{"no algorithm", headed("alg", nil), "another way than RS256"},
		{"a stranger's key", tweaked(simulator.Tweak{Stranger: true}), "signature is wrong"},
		{"a stranger's ES256", tweaked(simulator.Tweak{Stranger: true, Algorithm: "ES256"}), "signature is wrong"},
		{"an unknown key", headed("kid", "unknown"), "does not have"},
		{"no key id", headed("kid", nil), "does not have"},
		{"a critical header", headed("crit", []string{"exp"}), "signature is wrong"},
		{"another issuer", claimed("iss", "https://login.example.com/"+f.sim.TenantID()+"/v2.0"), "not configured"},
		{"an issuer without its end", claimed("iss", at), "not configured"},
		{"an issuer in capitals", claimed("iss", strings.ToUpper(at)+"/V2.0"), "not configured"},
		{"no issuer", claimed("iss", nil), "not configured"},
		{"an issuer that is none", claimed("iss", 7), "malformed"},
		{"another audience", claimed("aud", "https://graph.microsoft.com"), "another audience"},
		{"no audience", claimed("aud", nil), "another audience"},
		{"no audience of several", claimed("aud", []string{}), "another audience"},
		{"an audience that is none", claimed("aud", 7), "malformed"},
		{"another tenant", claimed("tid", "11111111-2222-4333-8444-555555555555"), "another tenant"},
		{"no tenant", claimed("tid", nil), "another tenant"},
		{"expired", simulator.APIToken{Roles: appRoles, Lifetime: -3 * time.Minute}, "has expired"},
		{"no end", claimed("exp", nil), "has expired"},
		{"an end that is none", claimed("exp", "tomorrow"), "malformed"},
		{"an end before all", claimed("exp", -1e30), "has expired"},
		{"not yet good", claimed("nbf", time.Now().Add(3*time.Minute).Unix()), "not good yet"},
		{"issued tomorrow", claimed("iat", time.Now().Add(24*time.Hour).Unix()), "not good yet"},
		{"roles that are none", claimed("roles", "PeopleInsights.Client"), "malformed"},
		{"an ID token", users(claimed("scp", nil)), "ID token"},
		{"an app's with a user's scopes", users(claimed("idtyp", "app")), "user's scopes"},
		{"a user's without scopes", claimed("idtyp", "user"), "ID token"},
		{"a user without an object id", users(claimed("oid", nil)), "nothing of whom"},
		{"nobody's", claimed("oid", nil, "sub", nil, "idtyp", "app"), "nothing of whom"},
		{"neither object id nor kind", claimed("oid", nil), "ID token"},
	} {
		rows = append(rows, row{bad.what, "Bearer " + f.token(bad.token), bad.says})
	}
	for _, row := range rows {
		for range 2 { // a bad token is not remembered as a good one
			caller, err := f.as(row.header)
			if err == nil || caller != (auth.Caller{}) || !strings.Contains(err.Error(), row.says) || errors.Is(err, auth.ErrUnavailable) {
				t.Errorf("%s: %+v, %v; want an error that says %q", row.what, caller, err, row.says)
				continue
			}
			for piece := range strings.FieldsFuncSeq(row.header, func(r rune) bool { return r == '.' || r == ' ' }) {
				if len(piece) > 12 && (strings.Contains(err.Error(), piece) || strings.Contains(f.log.String(), piece)) {
					t.Errorf("%s: the error or the log holds a piece of the token: %v", row.what, err)
				}
			}
		}
	}
	if len(rows) < 20 {
		t.Errorf("%d ways, want 20", len(rows))
	}
	for _, headers := range [][]string{nil, {}, {"Bearer " + good, "Bearer " + good}} {
		if _, err := f.as(headers...); err == nil {
			t.Errorf("%d headers are taken", len(headers))
		}
	}
	if _, err := f.Identify(t.Context()); err == nil {
		t.Error("a call without metadata is taken")
	}
}

// TestExpiry has a token age while it is remembered.
func TestExpiry(t *testing.T) {
	f := start(t)
	raw := f.token(simulator.APIToken{Lifetime: 10 * time.Minute})
	for _, row := range []struct {
		after time.Duration
		good  bool
	}{{0, true}, {11 * time.Minute, true}, {2 * time.Minute, false}, {time.Hour, false}} {
		f.sim.Advance(row.after)
		if _, err := f.by(raw); (err == nil) != row.good {
			t.Errorf("%v later: %v, want good %v", row.after, err, row.good)
		}
	}
}

// TestRotation has the issuer change its keys: the new ones are taken when they are first
// seen, and the old ones until they are published no more.
func TestRotation(t *testing.T) {
	f := start(t)
	rotate := func() {
		t.Helper()
		if err := f.sim.RotateKeys(); err != nil {
			t.Fatal(err)
		}
	}
	first := f.token(simulator.APIToken{Lifetime: 20 * time.Hour})
	want := func(what, token string, good bool) {
		t.Helper()
		if _, err := f.by(token); (err == nil) != good {
			t.Errorf("%s: %v, want good %v", what, err, good)
		}
	}
	want("the first", first, true)
	f.sim.Advance(11 * time.Second)
	rotate()
	second := f.token(simulator.APIToken{Lifetime: 20 * time.Hour})
	want("of a new key", second, true)
	want("of the key before", f.token(simulator.APIToken{Tweak: simulator.Tweak{}}), true)
	if n := f.fetches(); n != 2 {
		t.Errorf("the keys were fetched %d times, want 2", n)
	}
	rotate()
	want("remembered, of a key that is gone", first, true)
	f.sim.Advance(16 * time.Minute) // longer than anything is remembered
	want("of the newest key", f.token(simulator.APIToken{}), true)
	want("of a key that is gone", first, false)
	want("of the key before the newest", second, true)
}

// TestKeysAreFetchedBesideCalls has keys grow old while the issuer does not answer.
func TestKeysAreFetchedBesideCalls(t *testing.T) {
	f := start(t)
	token := func() string { return f.token(simulator.APIToken{}) }
	if _, err := f.by(token()); err != nil {
		t.Fatal(err)
	}
	mend := f.sim.Fail(simulator.Fault{Path: "/keys", Status: 503})
	for range 5 {
		f.sim.Advance(4 * time.Hour)
		if _, err := f.by(token()); err != nil {
			t.Errorf("with keys that are held: %v", err)
		}
	}
	f.sim.Advance(5 * time.Hour)
	if _, err := f.by(token()); !errors.Is(err, auth.ErrUnavailable) {
		t.Errorf("with keys of yesterday: %v, want %v", err, auth.ErrUnavailable)
	}
	mend()
	f.sim.Advance(11 * time.Second)
	if _, err := f.by(token()); err != nil {
		t.Errorf("with an issuer that answers again: %v", err)
	}
	if text := f.log.String(); strings.Count(text, "cannot be had") != 1 || strings.Count(text, "can be had again") != 1 {
		t.Errorf("an outage is logged so:\n%s", text)
	}
}

// TestWithdrawnKeys has the issuer withdraw a key while all tokens are signed with it: nothing
// but the time tells that it is gone.
func TestWithdrawnKeys(t *testing.T) {
	f := start(t)
	tokens := make([]string, 500)
	for i := range tokens {
		tokens[i] = f.token(simulator.APIToken{})
	}
	if _, err := f.by(tokens[0]); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := f.sim.RotateKeys(); err != nil {
			t.Fatal(err)
		}
	}
	f.sim.Advance(16 * time.Minute)
	// The first token is answered by the key that is held, and the keys are fetched beside it.
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for i, token := range tokens {
		_, err := f.by(token)
		if i > 0 && err != nil {
			if errors.Is(err, auth.ErrUnavailable) {
				t.Error(err)
			}
			return
		}
		if i == 0 && err != nil {
			t.Errorf("the call that finds the keys old waits for new ones, or is refused: %v", err)
		}
		<-ticker.C
	}
	t.Error("tokens of a key that is gone are taken for ever")
}

// TestStorm has many tokens of unknown keys and wrong signatures: the issuer is asked once in
// ten seconds, and known callers are answered.
func TestStorm(t *testing.T) {
	var ahead time.Duration // of a clock that stands still otherwise
	began := time.Now()
	f := start(t, func(c *auth.Config) { c.Now = func() time.Time { return began.Add(ahead) } })
	good := func() string { return f.token(simulator.APIToken{}) }
	if _, err := f.by(good()); err != nil {
		t.Fatal(err)
	}
	storm := func() {
		var calls sync.WaitGroup
		for i := range 200 {
			bad := f.token(headed("kid", fmt.Sprint("unknown", i)))
			if i%4 == 0 {
				bad = good()
				at := strings.LastIndex(bad, ".") + 1
				bad = bad[:at] + strings.Repeat("A", len(bad)-at)
			}
			calls.Go(func() {
				if _, err := f.by(bad); err == nil || errors.Is(err, auth.ErrUnavailable) {
					t.Errorf("a bad token: %v", err)
				}
			})
		}
		calls.Wait()
		if _, err := f.by(good()); err != nil {
			t.Errorf("a good token in a storm: %v", err)
		}
	}
	storm()
	if n := f.fetches(); n != 1 {
		t.Errorf("within ten seconds of the first fetch there were %d, want 1", n)
	}
	for i := range 3 {
		ahead += 10 * time.Second
		storm()
		if n := f.fetches(); n != i+2 {
			t.Errorf("after %d times ten seconds there were %d fetches, want %d", i+1, n, i+2)
		}
	}
}

// TestDeadIssuer has an issuer that does not answer at first, in several ways.
func TestDeadIssuer(t *testing.T) {
	for _, fault := range []simulator.Fault{
		{Path: "openid-configuration", Status: 503},
		{Path: "openid-configuration", Cut: true},
		{Path: "/keys", Status: 404},
		{Path: "/keys", Status: 302, Location: "https://keys.example.com/"},
	} {
		f := start(t)
		mend := f.sim.Fail(fault)
		raw := f.token(simulator.APIToken{})
		for range 3 {
			if _, err := f.by(raw); !errors.Is(err, auth.ErrUnavailable) {
				t.Errorf("%+v: %v, want %v", fault, err, auth.ErrUnavailable)
			}
		}
		if _, err := f.by(f.token(claimed("iss", "https://login.example.com/"))); errors.Is(err, auth.ErrUnavailable) || err == nil {
			t.Errorf("%+v: a token of another issuer: %v", fault, err)
		}
		mend()
		if _, err := f.by(raw); !errors.Is(err, auth.ErrUnavailable) {
			t.Errorf("%+v: the issuer is asked again at once: %v", fault, err)
		}
		f.sim.Advance(10 * time.Second)
		if _, err := f.by(raw); err != nil {
			t.Errorf("%+v: after it is mended: %v", fault, err)
		}
	}
}

// TestWaitingForAnIssuer leaves when the caller does.
func TestWaitingForAnIssuer(t *testing.T) {
	f := start(t)
	f.sim.Fail(simulator.Fault{Path: "openid-configuration", Delay: time.Hour})
	ctx, leave := context.WithCancel(metadata.NewIncomingContext(t.Context(), metadata.MD{"authorization": {"Bearer " + f.token(simulator.APIToken{})}}))
	left := make(chan error)
	go func() { _, err := f.Identify(ctx); left <- err }()
	leave()
	if err := <-left; !errors.Is(err, context.Canceled) {
		t.Errorf("a caller who has left: %v", err)
	}
	f.Close() // does not wait for an hour
	if _, err := f.by(f.token(simulator.APIToken{})); err == nil {
		t.Error("a closed verifier takes callers")
	}
}

// TestUntrustedIssuer does not trust the issuer's certificate.
func TestUntrustedIssuer(t *testing.T) {
	f := start(t, func(c *auth.Config) { c.Tenants[0].CAPEM = nil })
	if _, err := f.by(f.token(simulator.APIToken{})); !errors.Is(err, auth.ErrUnavailable) {
		t.Errorf("of an issuer that is not trusted: %v, want %v", err, auth.ErrUnavailable)
	}
	if text := f.log.String(); !strings.Contains(text, "--issuer-ca-file") || !strings.Contains(text, f.sim.AuthorityURL()) {
		t.Errorf("the log does not say what to mend:\n%s", text)
	}
}

func TestConfig(t *testing.T) {
	const issuer = "https://login.example.com/t/v2.0"
	good := auth.TenantConfig{ID: "t", Issuers: []string{issuer}, Audiences: []string{"api://people-insights"}}
	for what, change := range map[string]func(*auth.TenantConfig){
		"no tenant":              func(c *auth.TenantConfig) { c.ID = "" },
		"no issuer":              func(c *auth.TenantConfig) { c.Issuers = nil },
		"no audience":            func(c *auth.TenantConfig) { c.Audiences = nil },
		"an empty one":           func(c *auth.TenantConfig) { c.Audiences = []string{"a", ""} },
		"plain http":             func(c *auth.TenantConfig) { c.Issuers = []string{"http://login.example.com/t"} },
		"a name":                 func(c *auth.TenantConfig) { c.Issuers = []string{"login.example.com"} },
		"a query":                func(c *auth.TenantConfig) { c.Issuers = []string{"https://login.example.com/t?x"} },
		"no certificates":        func(c *auth.TenantConfig) { c.CAPEM = []byte("x") },
		"a second that is":       func(c *auth.TenantConfig) { c.Issuers = append(c.Issuers, "x") },
		"a partner of no name":   func(c *auth.TenantConfig) { c.Partners = []auth.PartnerConfig{{Issuers: []string{issuer}}} },
		"a partner of no issuer": func(c *auth.TenantConfig) { c.Partners = []auth.PartnerConfig{{ID: "p"}} },
		"a partner of itself":    func(c *auth.TenantConfig) { c.Partners = []auth.PartnerConfig{{ID: "T", Issuers: []string{issuer}}} },
		"a wrong partner":        func(c *auth.TenantConfig) { c.Partners = []auth.PartnerConfig{{ID: "p", Issuers: []string{"x"}}} },
	} {
		c := good
		change(&c)
		if _, err := auth.NewVerifier(auth.Config{Tenants: []auth.TenantConfig{c}}); err == nil {
			t.Errorf("%s is taken", what)
		}
	}
	v, err := auth.NewVerifier(auth.Config{Tenants: []auth.TenantConfig{good}})
	if err != nil {
		t.Fatal(err)
	}
	v.Close()
}

func TestDevelopment(t *testing.T) {
	caller, err := auth.Development("contoso")(t.Context())
	if err != nil || caller != (auth.Caller{Tenant: "contoso", Roles: auth.Client | auth.Scheduler | auth.Operator}) {
		t.Errorf("Development = %+v, %v", caller, err)
	}
	if _, err := auth.Nobody(t.Context()); err == nil {
		t.Error("Nobody takes somebody")
	}
}
