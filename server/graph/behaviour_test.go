package graph_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/peopleinsights/peopleinsights/cache"
	"github.com/peopleinsights/peopleinsights/cache/sourcetest"
	"github.com/peopleinsights/peopleinsights/server/graph"
	"github.com/peopleinsights/peopleinsights/server/simulator"
)

// list reads everybody, by name.
func list(t *testing.T, source cache.Source) (names []string, err error) {
	t.Helper()
	for page, err := range source.People().List(t.Context()) {
		if err != nil {
			return nil, err
		}
		for _, p := range page.Items {
			names = append(names, p.Profile.GetDisplayName())
		}
	}
	return names, nil
}

// TestFaults has Graph fail in each way, once or for good.
func TestFaults(t *testing.T) {
	id := cache.Ref{ID: sourcetest.ID(0)}
	for _, row := range []struct {
		what  string
		fault simulator.Fault
		want  error  // for good
		says  string // the error, for good
		after bool   // works again when it was for once
	}{
		{"429 with seconds", simulator.Fault{Status: 429, RetryAfter: "0.05"}, cache.ErrThrottled, "throttling", false},
		{"429 without", simulator.Fault{Status: 429}, cache.ErrThrottled, "throttling", false},
		{"500", simulator.Fault{Status: 500}, cache.ErrUnavailable, "500", true},
		{"502 with a page", simulator.Fault{Status: 502, Body: []byte("<html>bad gateway"), ContentType: "text/html"}, cache.ErrUnavailable, "502", true},
		{"503", simulator.Fault{Status: 503, RetryAfter: "0.05"}, cache.ErrUnavailable, "503", true},
		{"504", simulator.Fault{Status: 504}, cache.ErrUnavailable, "504", true},
		{"a cut answer", simulator.Fault{Cut: true}, cache.ErrUnavailable, "broke off", true},
		{"a good status with a page", simulator.Fault{Status: 200, Body: []byte("<html>"), ContentType: "text/html"}, cache.ErrUnavailable, "not JSON", true},
		{"a good status with another object", simulator.Fault{Status: 200, Body: []byte(`{"hello":1}`), ContentType: "application/json"}, cache.ErrUnavailable, "check the Graph URL", true},
		{"401", simulator.Fault{Status: 401, Code: "InvalidAuthenticationToken"}, cache.ErrDenied, "belong together", true},
		{"403", simulator.Fault{Status: 403, Code: "Authorization_RequestDenied"}, cache.ErrDenied, "User.Read.All", false},
		{"404 of somebody else", simulator.Fault{Status: 404, Body: []byte("no such page")}, cache.ErrUnavailable, "check the Graph URL", true},
		{"400", simulator.Fault{Status: 400, Code: "BadRequest"}, cache.ErrUnavailable, "does not accept", false},
		{"a redirect", simulator.Fault{Status: 302, Location: "https://evil.example.com/"}, cache.ErrUnavailable, "check the Graph URL", true},
	} {
		t.Run(row.what, func(t *testing.T) {
			t.Parallel()
			directory := simulator.NewDirectory()
			if err := directory.Put(resource(t, sourcetest.Someone(0))); err != nil {
				t.Fatal(err)
			}
			client, sim := start(t, simulator.Config{}, directory, func(c *graph.Config) { c.Attempts = 2 })
			row.fault.Path = "/users"
			clear := sim.Fail(row.fault)
			_, err := client.Find(t.Context(), id)
			if !errors.Is(err, row.want) || !strings.Contains(err.Error(), row.says) || errors.Is(err, cache.ErrNotFound) {
				t.Errorf("Find = %v, want %v that says %q", err, row.want, row.says)
			}
			if errors.Is(row.want, cache.ErrThrottled) { // a listing goes on when it may, however often it is put off
				clear()
				row.fault.Path, row.fault.Times = "/users?", 2
				clear = sim.Fail(row.fault)
				if names, err := list(t, client); err != nil || len(names) != 1 {
					t.Errorf("List, put off twice, = %v, %v", names, err)
				}
			} else if _, err := list(t, client); !errors.Is(err, row.want) {
				t.Errorf("List = %v, want %v", err, row.want)
			}
			clear()
			if _, err := list(t, client); err != nil { // and closes the breaker
				t.Errorf("List afterwards = %v", err)
			}
			row.fault.Path, row.fault.Times = "/users/", 1
			sim.Fail(row.fault)
			if _, err = client.Find(t.Context(), id); (err == nil) != row.after {
				t.Errorf("Find when it fails once = %v, want an answer: %v", err, row.after)
			}
			if wait, ok := cache.RetryAfter(err); ok {
				<-time.After(wait)
			}
			if _, err := client.Find(t.Context(), id); err != nil {
				t.Errorf("Find afterwards = %v", err)
			}
		})
	}
}

// TestThrottlingIsNotWaitedForPastTheDeadline has Graph ask for more patience than
// the caller has.
func TestThrottlingIsNotWaitedForPastTheDeadline(t *testing.T) {
	client, sim := start(t, simulator.Config{}, simulator.Company())
	sim.Fail(simulator.Fault{Path: "/users/", Status: 429, RetryAfter: "3600"})
	_, err := client.Find(t.Context(), cache.Ref{ID: sourcetest.ID(0)})
	if wait, ok := cache.RetryAfter(err); !errors.Is(err, cache.ErrThrottled) || !ok || wait != time.Hour {
		t.Errorf("Find = %v with %v to wait, want %v with an hour", err, wait, cache.ErrThrottled)
	}
	if n := len(sim.Requests()); n > 4 { // two of them sign in
		t.Errorf("Graph was asked %d times although it wants to be left alone", n)
	}
}

// TestLostLinks has a delta link expire in each of the ways that are told of, and in
// one that is not.
func TestLostLinks(t *testing.T) {
	for what, fault := range map[string]simulator.Fault{
		"410":               {Status: 410, Code: "resyncRequired", Location: "https://graph.microsoft.com/v1.0/users/delta?$deltatoken="},
		"410 alone":         {Status: 410},
		"400":               {Status: 400, Code: "SyncStateNotFound"},
		"404":               {Status: 404, Code: "resyncRequired"},
		"an inner code":     {Status: 404, Body: []byte(`{"error":{"code":"UnknownError","innerError":{"code":"x","innerError":{"code":"syncStateNotFound"}}}}`)},
		"a mangled token":   {Status: 400, Code: "BadRequest", Message: "Badly formed token."},
		"an unknown object": {Status: 404, Code: "Request_ResourceNotFound"},
		"another 400":       {Status: 400, Code: "Request_BadRequest", Message: "The token has expired."},
	} {
		client, sim := start(t, simulator.Config{}, simulator.Company())
		token, err := client.People().Mark(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		fault.Path = "/users/delta"
		sim.Fail(fault)
		for _, err := range client.People().Changes(t.Context(), token) {
			if !errors.Is(err, cache.ErrTokenLost) {
				t.Errorf("%s: Changes = %v, want %v", what, err, cache.ErrTokenLost)
			}
		}
	}
	client, sim := start(t, simulator.Config{}, simulator.Company(), func(c *graph.Config) { c.Attempts = 1 })
	token, err := client.People().Mark(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	sim.Fail(simulator.Fault{Path: "/users/delta", Status: 503})
	for _, err := range client.People().Changes(t.Context(), token) {
		if !errors.Is(err, cache.ErrUnavailable) || errors.Is(err, cache.ErrTokenLost) {
			t.Errorf("Changes of a failing Graph = %v, want %v", err, cache.ErrUnavailable)
		}
	}
}

// TestHangingSignInIsUnavailable has the sign-in accept a question and not answer it.
func TestHangingSignInIsUnavailable(t *testing.T) {
	client, sim := start(t, simulator.Config{}, simulator.Company(), func(c *graph.Config) { c.SignInTimeout = 50 * time.Millisecond })
	sim.Fail(simulator.Fault{Path: "/token", Delay: time.Hour})
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second) // far more than two short waits
	defer cancel()
	_, err := client.Find(ctx, cache.Ref{ID: sourcetest.ID(0)})
	if !errors.Is(err, cache.ErrUnavailable) || !strings.Contains(err.Error(), "sign-in") || ctx.Err() != nil {
		t.Errorf("Find = %v, want %v that names the sign-in, before the caller's time ran out", err, cache.ErrUnavailable)
	}
}

func TestRevokedTokensAreReplaced(t *testing.T) {
	client, sim := start(t, simulator.Config{}, simulator.Company())
	if names, err := list(t, client); err != nil || len(names) != 41 {
		t.Fatalf("List = %d people, %v", len(names), err)
	}
	sim.RevokeTokens() // answered with a claims challenge
	if names, err := list(t, client); err != nil || len(names) != 41 {
		t.Errorf("List after the tokens were revoked = %d people, %v", len(names), err)
	}
}

// TestHostileBodies has pages that hold what no page should.
func TestHostileBodies(t *testing.T) {
	long := strings.Repeat("é", 100_000)
	good := `{"id":"00000000-0000-4000-8000-0000000000AA","displayName":"Good","userPrincipalName":"g@contoso.com"}`
	for _, row := range []struct {
		what, body string
		names      string
		fails      bool
	}{
		{"a null among people", `{"value":[null,` + good + `,null]}`, "Good", false},
		{"somebody without an id", `{"value":[{"displayName":"X"},` + good + `]}`, "Good", false},
		{"values of other types", `{"value":[{"id":"00000000-0000-4000-8000-000000000001","displayName":7,"mail":["x"],"businessPhones":"5","accountEnabled":"yes","manager":[],"proxyAddresses":[7,null]},` + good + `]}`, " Good", false},
		{"unknown properties", `{"x":{"y":[1,{"z":null}]},"value":[{"a":{"b":[[]]},` + good[1:] + `]}`, "Good", false},
		{"a huge text", `{"value":[{"displayName":"` + long + `",` + good[1:] + `]}`, "Good", false},
		{"two names for one property", `{"value":[{"displayName":"Old",` + good[1:] + `]}`, "Good", false},
		{"text that is no UTF-8", "{\"value\":[{\"id\":\"00000000-0000-4000-8000-000000000001\",\"displayName\":\"a\xffb\"}]}", "a\ufffdb", false},
		{"a link to another host", `{"value":[` + good + `],"@odata.nextLink":"https://evil.example.com/v1.0/users"}`, "", true},
		{"a link without a host", `{"value":[` + good + `],"@odata.nextLink":"/v1.0/users"}`, "", true},
		{"half a page", `{"value":[` + good, "", true},
		{"a list", `[]`, "", true},
		{"nothing", ``, "", true},
	} {
		t.Run(row.what, func(t *testing.T) {
			t.Parallel()
			client, sim := start(t, simulator.Config{}, simulator.Company(), func(c *graph.Config) { c.Attempts = 1 })
			sim.Fail(simulator.Fault{Path: "/users?", Status: 200, Body: []byte(row.body), ContentType: "application/json"})
			names, err := list(t, client)
			if (err != nil) != row.fails || strings.Join(names, " ") != row.names {
				t.Errorf("List = %.80q, %v; want %q, failing: %v", names, err, row.names, row.fails)
			}
			if row.fails && !errors.Is(err, cache.ErrUnavailable) {
				t.Errorf("List = %v, want %v", err, cache.ErrUnavailable)
			}
		})
	}
}

// TestWhatIsAsked looks at the requests themselves: their parameters, their number
// and their price.
func TestWhatIsAsked(t *testing.T) {
	client, sim := start(t, simulator.Config{}, simulator.Invent(2500, 3))
	token, err := client.People().Mark(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if names, err := list(t, client); err != nil || len(names) != 2500 {
		t.Fatalf("List = %d people, %v", len(names), err)
	}
	for _, err := range client.People().Changes(t.Context(), token) {
		if err != nil {
			t.Fatal(err)
		}
	}
	var asked []string
	units := 0
	for _, r := range sim.Requests() {
		if !strings.HasPrefix(r.URL, "/v1.0/") {
			continue
		}
		units += r.Units
		path, query, _ := strings.Cut(r.URL, "?")
		values, err := url.ParseQuery(query)
		if err != nil || r.Status != 200 {
			t.Errorf("%s = %d, %v", r.URL, r.Status, err)
		}
		text := path
		for _, name := range []string{"$top", "$expand", "$deltatoken"} {
			if value := values.Get(name); value != "" && len(value) < 40 {
				text += " " + name + "=" + value
			}
		}
		if n := len(strings.Split(values.Get("$select"), ",")); n > 1 {
			text += fmt.Sprintf(" $select of %d", n)
		}
		if r.Header.Get("SdkVersion") == "" || r.Header.Get("client-request-id") == "" || r.Header.Get("Content-Encoding") != "" {
			t.Errorf("%s has the headers %v", path, r.Header)
		}
		asked = append(asked, text)
	}
	want := []string{
		"/v1.0/users/delta() $deltatoken=latest $select of 27",
		"/v1.0/users/$count",
		"/v1.0/users $top=999 $expand=manager($select=id) $select of 26",
	}
	for i, w := range want {
		if i >= len(asked) || asked[i] != w {
			t.Errorf("request %d = %q, want %q", i, asked[min(i, len(asked)-1)], w)
		}
	}
	if len(asked) != 6 || units > 9 { // three pages at two units, and the others at one
		t.Errorf("%d requests for %d units, want 6 for at most 9: %q", len(asked), units, asked)
	}
}

func TestUntrustedCertificate(t *testing.T) {
	client, _ := start(t, simulator.Config{}, simulator.Company(), func(c *graph.Config) { c.CAPEM, c.Attempts = nil, 1 })
	_, err := list(t, client)
	if !errors.Is(err, cache.ErrUnavailable) || !strings.Contains(err.Error(), "CA file") {
		t.Errorf("List = %v, want %v that names the CA file", err, cache.ErrUnavailable)
	}
}

func TestErrorsNameNobody(t *testing.T) {
	client, sim := start(t, simulator.Config{}, simulator.Company(), func(c *graph.Config) { c.Attempts = 1 })
	ask := func(what string) {
		_, err := client.Find(t.Context(), cache.Ref{Email: "secret.person@contoso.com"})
		if err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: Find = %v, want an error that names nobody", what, err)
		}
	}
	ask("nobody has the address")
	for _, fault := range []simulator.Fault{{Cut: true}, {Status: 500, Message: "secret.person@contoso.com"}, {Status: 400, Message: "secret.person@contoso.com"},
		{Status: 500, Code: "secret.person@contoso.com"}, {Status: 404, Code: "of secret person"}} {
		fault.Path = "/users?"
		clear := sim.Fail(fault)
		ask(fmt.Sprint(fault.Status))
		clear()
	}
	if err := sim.Close(); err != nil {
		t.Fatal(err)
	}
	ask("nobody listens")
}

func TestEndpoints(t *testing.T) {
	for _, row := range []struct{ graphURL, authority, base, host, fails string }{
		{"", "", "https://graph.microsoft.com/v1.0", "https://login.microsoftonline.com", ""},
		{"https://graph.microsoft.us", "", "https://graph.microsoft.us/v1.0", "https://login.microsoftonline.us", ""},
		{"https://microsoftgraph.chinacloudapi.cn/v1.0/", "", "https://microsoftgraph.chinacloudapi.cn/v1.0", "https://login.chinacloudapi.cn", ""},
		{"https://127.0.0.1:8443/v1.0", "https://127.0.0.1:8443/", "https://127.0.0.1:8443/v1.0", "https://127.0.0.1:8443", ""},
		{"https://Graph.Microsoft.com:443/v1.0", "", "https://graph.microsoft.com/v1.0", "https://login.microsoftonline.com", ""},
		{"https://127.0.0.1:8443", "", "", "", "authority URL is needed"},
		{"http://graph.microsoft.com", "", "", "", "the Graph URL must be like"},
		{"https://graph.microsoft.com", "login.microsoftonline.com", "", "", "the authority URL must be like"},
	} {
		got, err := graph.NewEndpoint(row.graphURL, row.authority)
		if row.fails != "" {
			if err == nil || !strings.Contains(err.Error(), row.fails) {
				t.Errorf("NewEndpoint(%q, %q) = %v, want an error that says %q", row.graphURL, row.authority, err, row.fails)
			}
			continue
		}
		if err != nil || got.URL.String() != row.base || got.Authority != row.host {
			t.Errorf("NewEndpoint(%q, %q) = %v %s, %v", row.graphURL, row.authority, got.URL, got.Authority, err)
		}
	}
}

func TestCredentials(t *testing.T) {
	endpoint, err := graph.NewEndpoint("", "")
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		credential graph.Credential
		fails      string
	}{
		{graph.Credential{TenantID: "contoso.com", ClientID: "c", ClientSecret: "s"}, ""},
		{graph.Credential{TenantID: "contoso.com"}, ""}, // a managed identity
		{graph.Credential{TenantID: "contoso.com", ClientID: "c", FederatedTokenFile: "token"}, ""},
		{graph.Credential{TenantID: "contoso.com", ClientSecret: "s"}, "client id is needed"},
		{graph.Credential{ClientID: "c", ClientSecret: "s"}, "tenant id is needed"},
		{graph.Credential{TenantID: "contoso.com", ClientID: "c", CertificateFile: "none.pem"}, "the client certificate"},
	} {
		_, err := graph.New(graph.Config{Endpoint: endpoint, Credential: row.credential})
		if row.fails == "" && err != nil || row.fails != "" && (err == nil || !strings.Contains(err.Error(), row.fails)) {
			t.Errorf("New(%+v) = %v, want %q", row.credential, err, row.fails)
		}
	}
}

// TestBreakerIsHeard has Graph fail: whoever asks is told without Graph being asked,
// until the synchronisation is answered.
func TestBreakerIsHeard(t *testing.T) {
	client, sim := start(t, simulator.Config{}, simulator.Company())
	clear := sim.Fail(simulator.Fault{Path: "/v1.0/users", Status: 500})
	ask := func() error {
		_, err := client.Find(t.Context(), cache.Ref{ID: sourcetest.ID(0)})
		return err
	}
	for range 3 {
		_ = ask()
	}
	asked := len(sim.Requests())
	for range 50 {
		if err := ask(); !errors.Is(err, cache.ErrUnavailable) || !strings.Contains(err.Error(), "not asked") {
			if n := len(sim.Requests()) - asked; n > 2 { // one trial
				t.Fatalf("Graph was asked %d times although it fails: %v", n, err)
			}
		}
	}
	clear()
	if names, err := list(t, client); err != nil || len(names) != 41 {
		t.Fatalf("List = %d people, %v", len(names), err)
	}
	if err := ask(); !errors.Is(err, cache.ErrNotFound) {
		t.Errorf("Find after Graph is well = %v", err)
	}
}

// TestPagesInACircle has a page lead to itself.
func TestPagesInACircle(t *testing.T) {
	client, sim := start(t, simulator.Config{}, simulator.Company(), func(c *graph.Config) { c.Attempts = 1 })
	body := fmt.Sprintf(`{"value":[],"@odata.nextLink":"%s/users?$skiptoken=x"}`, sim.GraphURL())
	sim.Fail(simulator.Fault{Path: "/v1.0/users?", Status: 200, Body: []byte(body), ContentType: "application/json"})
	if _, err := list(t, client); !errors.Is(err, cache.ErrUnavailable) || !strings.Contains(err.Error(), "circle") {
		t.Errorf("List = %v", err)
	}
}

// TestGraphWithoutGroups has a Graph that does not know of groups at all.
func TestGraphWithoutGroups(t *testing.T) {
	client, sim := start(t, simulator.Config{}, simulator.Company())
	sim.Fail(simulator.Fault{Path: "/groups", Status: 404, Code: "Request_ResourceNotFound"})
	_, err := client.Groups().Mark(t.Context())
	if !errors.Is(err, cache.ErrUnavailable) || errors.Is(err, cache.ErrNotFound) {
		t.Errorf("Mark of groups = %v", err)
	}
	for _, err := range client.Groups().List(t.Context()) {
		if !errors.Is(err, cache.ErrUnavailable) || errors.Is(err, cache.ErrNotFound) {
			t.Errorf("List of groups = %v", err)
		}
	}
}

// TestLastingRefusalOfTokens has Graph refuse every token, for many who ask at once.
func TestLastingRefusalOfTokens(t *testing.T) {
	client, sim := start(t, simulator.Config{}, simulator.Company())
	sim.Fail(simulator.Fault{Path: "/v1.0/", Status: 401, Code: "InvalidAuthenticationToken"})
	var wait sync.WaitGroup
	for range 50 {
		wait.Go(func() {
			if _, err := client.Find(t.Context(), cache.Ref{ID: sourcetest.ID(0)}); !errors.Is(err, cache.ErrDenied) {
				t.Errorf("Find = %v", err)
			}
		})
	}
	wait.Wait()
	signIns := 0
	for _, r := range sim.Requests() {
		if strings.HasSuffix(r.URL, "/token") {
			signIns++
		}
	}
	if signIns > 3 {
		t.Errorf("the app signed in %d times, want once and once more", signIns)
	}
}

// TestTokensRevokedForMany has tokens revoked while as many ask as may: a challenge is
// answered while the refusal is open.
func TestTokensRevokedForMany(t *testing.T) {
	client, sim := start(t, simulator.Config{}, simulator.Company())
	var id string
	for id = range simulator.Company().All() {
		break
	}
	if _, err := client.Find(t.Context(), cache.Ref{ID: id}); err != nil {
		t.Fatal(err)
	}
	sim.RevokeTokens()
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
	defer cancel()
	var wait sync.WaitGroup
	for range 64 {
		wait.Go(func() {
			if _, err := client.Find(ctx, cache.Ref{ID: id}); err != nil {
				t.Errorf("Find = %v", err)
			}
		})
	}
	wait.Wait()
}
