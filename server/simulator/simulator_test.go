package simulator

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// client talks to a simulator as a program would: https, the CA, a token.
type client struct {
	t     testing.TB
	sim   *Simulator
	http  *http.Client
	token string
}

// answer is a response with its body read.
type answer struct {
	*http.Response
	body []byte
}

func start(t testing.TB, cfg Config, dir *Directory) *client {
	t.Helper()
	sim, err := New(cfg, dir)
	if err != nil {
		t.Fatal(err)
	}
	c := &client{t: t, sim: sim, http: trusting(t, sim)}
	t.Cleanup(func() {
		c.http.CloseIdleConnections()
		if err := sim.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	app := DefaultApp()
	if len(cfg.Apps) > 0 {
		app = cfg.Apps[0]
	}
	c.token = c.signIn(app)
	return c
}

// trusting returns a client that trusts the simulator's authority and nobody else's.
func trusting(t testing.TB, sim *Simulator) *http.Client {
	t.Helper()
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(sim.CAPEM()) {
		t.Fatal("CAPEM holds no certificate")
	}
	return &http.Client{Transport: &http.Transport{
		TLSClientConfig:   &tls.Config{RootCAs: pool},
		ForceAttemptHTTP2: true,
	}}
}

func (c *client) form(app App) url.Values {
	return url.Values{
		"client_id":     {app.ID},
		"client_secret": {app.Secret},
		"grant_type":    {"client_credentials"},
		"scope":         {"https://graph.microsoft.com/.default openid offline_access profile"},
		"claims":        {`{"access_token":{"xms_cc":{"values":["CP1"]}}}`},
	}
}

func (c *client) tokenURL() string {
	return c.sim.AuthorityURL() + "/" + c.sim.TenantID() + "/oauth2/v2.0/token"
}

func (c *client) post(address string, form url.Values) answer {
	c.t.Helper()
	r, err := http.NewRequestWithContext(context.Background(), "POST", address, strings.NewReader(form.Encode()))
	if err != nil {
		c.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return c.do(r)
}

func (c *client) signIn(app App) string {
	c.t.Helper()
	a := c.post(c.tokenURL(), c.form(app))
	var doc struct {
		Token string `json:"access_token"`
	}
	a.decode(c.t, &doc)
	if a.StatusCode != 200 || doc.Token == "" {
		c.t.Fatalf("sign in: %d %s", a.StatusCode, a.body)
	}
	return doc.Token
}

// get asks for a path of Graph, or for a whole link; headers are name, value, name, value.
func (c *client) get(path string, headers ...string) answer {
	c.t.Helper()
	r := c.request(path, headers...)
	return c.do(r)
}

func (c *client) request(path string, headers ...string) *http.Request {
	c.t.Helper()
	if !strings.HasPrefix(path, "https://") {
		path = c.sim.GraphURL() + strings.ReplaceAll(path, " ", "%20")
	}
	r, err := http.NewRequestWithContext(context.Background(), "GET", path, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+c.token)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return r
}

func (c *client) do(r *http.Request) answer {
	c.t.Helper()
	resp, err := c.http.Do(r)
	if err != nil {
		c.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	return answer{resp, body}
}

func (a answer) decode(t testing.TB, into any) {
	t.Helper()
	if err := json.Unmarshal(a.body, into); err != nil {
		t.Fatalf("%s: %v in %.300s", a.Request.URL, err, a.body)
	}
}

// refusal returns the code and message of an error body.
func (a answer) refusal(t testing.TB) (code, message string) {
	t.Helper()
	var doc struct {
		Error struct{ Code, Message string }
	}
	a.decode(t, &doc)
	return doc.Error.Code, doc.Error.Message
}

// page is a list or a page of a delta round.
type page struct {
	Context string           `json:"@odata.context"`
	Count   *int             `json:"@odata.count"`
	Next    string           `json:"@odata.nextLink"`
	Delta   string           `json:"@odata.deltaLink"`
	Tips    string           `json:"@microsoft.graph.tips"`
	Value   []map[string]any `json:"value"`
}

func (c *client) page(path string, headers ...string) page {
	c.t.Helper()
	a := c.get(path, headers...)
	if a.StatusCode != 200 {
		c.t.Fatalf("GET %s: %d %s", path, a.StatusCode, a.body)
	}
	var p page
	a.decode(c.t, &p)
	return p
}

// all follows the links of a list or a delta round to its end; pages counts them.
func (c *client) all(path string, headers ...string) (value []map[string]any, delta string, pages int) {
	c.t.Helper()
	for path != "" {
		p := c.page(path, headers...)
		value = append(value, p.Value...)
		path, delta = p.Next, p.Delta
		pages++
	}
	return value, delta, pages
}

// names returns one property of every object.
func names(list []map[string]any, property string) []string {
	out := []string{}
	for _, u := range list {
		s, _ := u[property].(string)
		out = append(out, s)
	}
	return out
}
