package simulator

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"
)

func TestFaults(t *testing.T) {
	c := start(t, Config{}, Company())
	hits := func(name string, f Fault, want ...string) {
		t.Helper()
		clear := c.sim.Fail(f)
		defer clear()
		for i, w := range want {
			a := c.get("/users?$top=5&$select=id")
			got := fmt.Sprint(a.StatusCode)
			if a.StatusCode != 200 && strings.HasPrefix(string(a.body), `{"error"`) {
				code, message := a.refusal(t)
				got += " " + code + ": " + message
			} else if a.StatusCode != 200 {
				got += " " + a.Header.Get("Content-Type") + " " + string(a.body)
			}
			if r := a.Header.Get("Retry-After"); r != "" {
				got += " after " + r
			}
			if got != w {
				t.Errorf("%s, request %d: %s, want %s", name, i+1, got, w)
			}
		}
	}
	const throttled = "429 TooManyRequests: Please retry again later."
	hits("throttling", Fault{Status: 429, RetryAfter: "7"}, throttled+" after 7", throttled+" after 7")
	hits("without Retry-After", Fault{Status: 429}, throttled)
	hits("twice", Fault{Status: 503, Times: 2, Code: "x", Message: "y%d"}, "503 x: y%d", "503 x: y%d", "200")
	hits("the third", Fault{Status: 504, After: 2, Times: 1, Code: "x", Message: "y"}, "200", "200", "504 x: y", "200")
	hits("another path", Fault{Path: "/delta", Status: 500}, "200")
	hits("by query", Fault{Path: "$top=5", Status: 502, Body: []byte("<html>"), ContentType: "text/html"}, "502 text/html <html>")
	hits("an empty body", Fault{Status: 503, Body: []byte{}, ContentType: "text/plain"}, "503 text/plain ")
	hits("late", Fault{Delay: time.Nanosecond}, "200")
	hits("cleared", Fault{Times: 0, Status: 500, Path: "nowhere"}, "200")
}

func TestThrottlingBody(t *testing.T) {
	c := start(t, Config{}, Company())
	c.sim.Fail(Fault{Status: 429, Times: 1})
	a := c.get("/users")
	for _, want := range []string{`"code":"429"`, `"message":"Please retry after"`, `"status":"429"`, `"request-id":"`} {
		if !bytes.Contains(a.body, []byte(want)) {
			t.Errorf("%s is not in %s", want, a.body)
		}
	}
}

func TestSignInFails(t *testing.T) {
	c := start(t, Config{}, Company())
	c.sim.Fail(Fault{Path: "/oauth2/", Status: 503, Times: 1})
	if a := c.post(c.tokenURL(), c.form(DefaultApp())); a.StatusCode != 503 {
		t.Errorf("sign-in: %d", a.StatusCode)
	}
}

func TestCut(t *testing.T) {
	c := start(t, Config{}, Company())
	whole := c.get("/users").body
	c.sim.Fail(Fault{Cut: true, Times: 1})
	resp, err := c.http.Do(c.request("/users"))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	part, err := io.ReadAll(resp.Body)
	if err == nil || len(part) == 0 || len(part) >= len(whole) || !bytes.HasPrefix(whole, part) {
		t.Errorf("got %d of %d bytes and the error %v", len(part), len(whole), err)
	}
	if a := c.get("/users"); a.StatusCode != 200 {
		t.Errorf("afterwards: %d", a.StatusCode)
	}
}

func TestRequests(t *testing.T) {
	c := start(t, Config{}, Company())
	c.sim.ResetRequests()
	c.get("/users?$top=5&$select=id", "ConsistencyLevel", "eventual")
	c.get("/planets")
	c.sim.Fail(Fault{Status: 429, Times: 1})
	c.get("/users")
	var got []string
	for _, r := range c.sim.Requests() {
		got = append(got, fmt.Sprintf("%s %s %d %d", r.Method, r.URL, r.Status, r.Units))
		if r.Header.Get("Authorization") != "" {
			t.Error("an access token is kept")
		}
	}
	want := "GET /v1.0/users?$top=5&$select=id 200 1\nGET /v1.0/planets 400 0\nGET /v1.0/users 429 0"
	if s := strings.Join(got, "\n"); s != want {
		t.Errorf("got\n%s\nwant\n%s", s, want)
	}
	if h := c.sim.Requests()[0].Header.Get("ConsistencyLevel"); h != "eventual" {
		t.Errorf("ConsistencyLevel %q", h)
	}
	c.sim.ResetRequests()
	if n := len(c.sim.Requests()); n != 0 {
		t.Errorf("%d requests after the reset", n)
	}
}

func TestRequestsAreBounded(t *testing.T) {
	var l requestLog
	r, err := http.NewRequest("GET", "https://x", nil)
	if err != nil {
		t.Fatal(err)
	}
	for n := range keptRequests + 7 {
		l.add(&call{r: r, out: &recorder{}, units: n}, time.Now())
	}
	all := l.all()
	if len(all) != keptRequests || all[0].Units != 7 || all[keptRequests-1].Units != keptRequests+6 {
		t.Errorf("%d kept, from %d to %d", len(all), all[0].Units, all[len(all)-1].Units)
	}
}

func TestLeavingEndsADelay(t *testing.T) {
	c := start(t, Config{}, Company())
	c.sim.Fail(Fault{Delay: time.Hour})
	ctx, cancel := context.WithCancel(context.Background())
	time.AfterFunc(10*time.Millisecond, cancel)
	if _, err := c.http.Do(c.request("/users").WithContext(ctx)); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// The connection still stands when a held request is given up, so that an answer would arrive.
func TestAHeldRequestIsBrokenOff(t *testing.T) {
	c := start(t, Config{}, Company())
	c.sim.Fail(Fault{Delay: time.Hour})
	failed := make(chan error, 1)
	go func() {
		_, err := c.http.Do(c.request("/users"))
		failed <- err
	}()
	for !running("(*Simulator).suffer") {
		runtime.Gosched()
	}
	c.sim.stop()
	if err := <-failed; err == nil {
		t.Error("the held request was answered")
	}
}

// Close must not wait for what a fault holds up, and nothing of the simulator may run after it.
func TestClose(t *testing.T) {
	sim, err := New(Config{}, Company())
	if err != nil {
		t.Fatal(err)
	}
	c := &client{t: t, sim: sim, http: trusting(t, sim)}
	c.token = c.signIn(DefaultApp())
	sim.Fail(Fault{Delay: time.Hour})
	failed := make(chan error, 1)
	go func() {
		_, err := c.http.Do(c.request("/users"))
		failed <- err
	}()
	for !running("(*Simulator).suffer") {
		runtime.Gosched()
	}
	if err := sim.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	if err := <-failed; err == nil {
		t.Error("the held request was answered")
	}
	for running("simulator.(*Simulator)") { // a handler may be in its last instructions; one that stays fails by the time limit
		runtime.Gosched()
	}
	if err := sim.Close(); err != nil {
		t.Errorf("Close again: %v", err)
	}
	if _, err := c.http.Do(c.request("/users")); err == nil {
		t.Error("answered after Close")
	}
}

// running reports whether any goroutine is inside the function.
func running(function string) bool {
	stack := make([]byte, 1<<20)
	return bytes.Contains(stack[:runtime.Stack(stack, true)], []byte(function))
}

func TestNewRefuses(t *testing.T) {
	for name, cfg := range map[string]Config{
		"tenant":    {TenantID: "contoso"},
		"app":       {Apps: []App{{ID: "x"}}},
		"address":   {Listen: "nowhere"},
		"page size": {DeltaPageSize: -1},
	} {
		if s, err := New(cfg, Company()); err == nil {
			s.Close()
			t.Errorf("%s: no error", name)
		}
	}
	if _, err := New(Config{}, nil); err == nil {
		t.Error("no directory: no error")
	}
}

func TestCertificateNames(t *testing.T) {
	leaf, caPEM, err := certificates("sim.example")
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(leaf.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	trusted := x509.NewCertPool()
	trusted.AppendCertsFromPEM(caPEM)
	for name, good := range map[string]bool{
		"localhost": true, "127.0.0.1": true, "::1": true, "sim.example": true, "graph.microsoft.com": false,
	} {
		if _, err := cert.Verify(x509.VerifyOptions{Roots: trusted, DNSName: name}); (err == nil) != good {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAnUntrustedClient(t *testing.T) {
	c := start(t, Config{}, Company())
	if _, err := http.Get(c.sim.GraphURL() + "/users"); err == nil {
		t.Error("a client that does not trust the authority got an answer")
	}
}
