package simulator

import (
	"bytes"
	"context"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"
)

// slow is a quota whose bucket does not fill up noticeably while a test runs.
func slow(units int) Quota { return Quota{Units: units, Window: time.Duration(units) * time.Hour} }

func TestQuota(t *testing.T) {
	for name, test := range map[string]struct {
		silent bool
		after  string
	}{
		"with Retry-After":    {false, "3600"},
		"without Retry-After": {true, ""},
	} {
		t.Run(name, func(t *testing.T) {
			q := slow(10)
			q.Silent = test.silent
			c := start(t, Config{Quota: q, TokenLifetime: 1000 * time.Hour}, Company())
			for range 10 {
				if a := c.get("/users?$top=5&$select=id"); a.StatusCode != 200 {
					t.Fatalf("within the quota: %d %s", a.StatusCode, a.body)
				}
			}
			for range 3 {
				a := c.get("/users?$top=5&$select=id")
				code, message := a.refusal(t)
				if a.StatusCode != 429 || code != "TooManyRequests" || message != "Please retry again later." ||
					!bytes.Contains(a.body, []byte(`"message":"Please retry after"`)) {
					t.Errorf("%d %s", a.StatusCode, a.body)
				}
				for h, want := range map[string]string{
					"Retry-After":                    test.after,
					"x-ms-throttle-scope":            "Tenant_Application/ReadWrite/" + DefaultApp().ID + "/" + c.sim.TenantID(),
					"x-ms-throttle-information":      "ResourceUnitLimitExceeded",
					"x-ms-throttle-limit-percentage": "1.00",
					"x-ms-resource-unit":             "",
					"Content-Type":                   jsonContent,
					"Strict-Transport-Security":      "max-age=31536000",
				} {
					if got := a.Header.Get(h); got != want {
						t.Errorf("%s: %q, want %q", h, got, want)
					}
				}
			}
			c.sim.Advance(time.Hour) // one unit; what was refused has cost nothing
			for _, want := range []int{200, 429} {
				if a := c.get("/users?$top=5&$select=id"); a.StatusCode != want {
					t.Errorf("an hour later: %d, want %d", a.StatusCode, want)
				}
			}
			c.sim.Advance(100 * time.Hour)
			if a := c.get("/users"); a.StatusCode != 200 || a.Header.Get("x-ms-throttle-limit-percentage") != "" {
				t.Errorf("with a full bucket: %d, %v", a.StatusCode, a.Header)
			}
		})
	}
}

func TestQuotaPercentage(t *testing.T) {
	c := start(t, Config{Quota: slow(10)}, Company())
	for i, want := range []string{"", "", "", "0.80", "1.00"} {
		a := c.get("/users") // costs 2
		if got := a.Header.Get("x-ms-throttle-limit-percentage"); a.StatusCode != 200 || got != want {
			t.Errorf("request %d: %d %q, want %q", i+1, a.StatusCode, got, want)
		}
	}
	c.sim.SetQuota(slow(3))
	for i, want := range []string{"200 ", "200 1.33", "429 1.33"} {
		a := c.get("/users")
		if got := fmt.Sprint(a.StatusCode, " ", a.Header.Get("x-ms-throttle-limit-percentage")); got != want {
			t.Errorf("another quota, request %d: %s, want %s", i+1, got, want)
		}
		if after := a.Header.Get("Retry-After"); a.StatusCode == 429 && after != "7200" {
			t.Errorf("overdrawn by one, Retry-After %q, want two hours", after)
		}
	}
	c.sim.SetQuota(slow(1))
	for range 2 {
		c.get("/users")
	}
	if got := c.get("/users").Header.Get("x-ms-throttle-limit-percentage"); got != "1.80" {
		t.Errorf("far over: %q", got)
	}
	c.sim.SetQuota(slow(10))
	for range 4 {
		c.get("/users")
	}
	if a := c.get("/planets"); a.StatusCode != 400 || a.Header.Get("x-ms-throttle-limit-percentage") != "0.80" {
		t.Errorf("a refusal: %d %q", a.StatusCode, a.Header.Get("x-ms-throttle-limit-percentage"))
	}
}

func TestQuotaOfEachApp(t *testing.T) {
	apps := []App{DefaultApp(), {ID: "other", Secret: "s", Roles: []string{"User.Read.All"}}}
	c := start(t, Config{Quota: slow(2), Apps: apps}, Company())
	for _, want := range []int{200, 429} {
		if a := c.get("/users"); a.StatusCode != want {
			t.Errorf("the first app: %d, want %d", a.StatusCode, want)
		}
	}
	c.token = c.signIn(apps[1])
	if a := c.get("/users"); a.StatusCode != 200 {
		t.Errorf("the other app: %d", a.StatusCode)
	}
	c.sim.SetQuota(Quota{Units: -1})
	for range 5 {
		if a := c.get("/users"); a.StatusCode != 200 || a.Header.Get("x-ms-throttle-limit-percentage") != "" {
			t.Errorf("without a limit: %d %v", a.StatusCode, a.Header)
		}
	}
}

func TestQuotaBySize(t *testing.T) {
	for people, want := range map[int]int{0: 3500, 49: 3500, 50: 5000, 500: 5000, 501: 8000} {
		if got := (Quota{}).limit(people); got != want {
			t.Errorf("%d people: %d units, want %d", people, got, want)
		}
	}
	c := start(t, Config{}, Company())
	if q := c.sim.Quota(); q != (Quota{Window: 10 * time.Second}) {
		t.Errorf("the quota of a zero Config: %+v", q)
	}
	if s, err := New(Config{Quota: Quota{Window: -1}}, Company()); err == nil {
		s.Close()
		t.Error("a negative window: no error")
	}
}

// The bucket that Graph gives drains by a tenth of itself each second.
func TestBucket(t *testing.T) {
	var b throttle
	b.set(Quota{})
	at := time.Now()
	b.spend("app", 3500, 40, at)
	if used, limit, wait := b.spend("app", 0, 40, at); used != 3500 || limit != 3500 || wait > time.Second {
		t.Errorf("%v of %v used, %v to wait", used, limit, wait)
	}
	if used, _, _ := b.spend("app", 0, 40, at.Add(4*time.Second)); used != 2100 {
		t.Errorf("%v used after four seconds", used)
	}
	if used, _, _ := b.spend("app", 0, 40, at.Add(3*time.Second)); used != 2100 {
		t.Errorf("%v used for somebody with an older time", used)
	}
	if used, _, _ := b.spend("app", 0, 40, at.Add(time.Hour)); used != 0 {
		t.Errorf("%v used after an hour", used)
	}
}

func TestMailboxConcurrency(t *testing.T) {
	apps := []App{DefaultApp(), {ID: "other", Secret: "s", Roles: []string{"User.Read.All"}}}
	c := start(t, Config{Apps: apps}, Company())
	const ana = "ana.kovac@contoso.com"
	var one struct{ ID string }
	c.get("/users/"+ana).decode(t, &one)
	c.sim.Fail(Fault{Path: "/v1.0", Delay: time.Hour, Times: 4})
	ctx, leave := context.WithCancel(context.Background())
	defer leave()
	left := make(chan error, 4)
	for _, path := range []string{
		"/users/" + ana + "/photo/$value", "/users/" + one.ID + "/contactFolders", "/Users('" + ana + "')/CALENDARVIEW", "/users/" + strings.ToUpper(one.ID) + "/events/x",
	} {
		go func() {
			_, err := c.http.Do(c.request(path).WithContext(ctx))
			left <- err
		}()
	}
	for len(c.sim.faults.all()) > 0 { // until each has met it
		runtime.Gosched()
	}
	for path, want := range map[string]int{
		"/users/" + ana + "/photo":                           429,
		"/users/" + one.ID + "/messages":                     429,
		"/users/maja.lindqvist@contoso.com/people":           400,
		"/users/" + ana + "/teamwork":                        400,
		"/users/" + ana:                                      200,
		c.sim.AuthorityURL() + "/v9/users/" + ana + "/photo": 400,
	} {
		a := c.get(path)
		if a.StatusCode != want {
			t.Errorf("%s: %d, want %d", path, a.StatusCode, want)
		}
		if code, message := a.refusal(t); want == 429 && (code != "ApplicationThrottled" || a.Header.Get("Retry-After") != "1" ||
			message != "Application is over its MailboxConcurrency limit.") {
			t.Errorf("%s: %s %s", path, a.Header.Get("Retry-After"), a.body)
		}
	}
	if a := c.get("/users/"+ana+"/photo", "Authorization", "Bearer x"); a.StatusCode != 401 {
		t.Errorf("without a token: %d", a.StatusCode)
	}
	first := c.token
	c.token = c.signIn(apps[1])
	if a := c.get("/users/" + ana + "/people"); a.StatusCode != 400 {
		t.Errorf("another app: %d", a.StatusCode)
	}
	c.token = first
	leave()
	for range 4 {
		<-left
	}
	for c.busy() > 0 {
		runtime.Gosched()
	}
	if a := c.get("/users/" + ana + "/people"); a.StatusCode != 400 {
		t.Errorf("once the others have left: %d", a.StatusCode)
	}
}

// busy returns how many requests for mailboxes are being answered.
func (c *client) busy() (n int) {
	c.sim.mailboxes.mu.Lock()
	defer c.sim.mailboxes.mu.Unlock()
	for _, k := range c.sim.mailboxes.busy {
		n += k
	}
	return n
}

// Outlook charges no resource units, and an empty bucket does not close it.
func TestMailboxesAreOutsideTheQuota(t *testing.T) {
	c := start(t, Config{Quota: slow(1)}, Company())
	c.get("/users")
	if a := c.get("/users/x/people"); a.StatusCode != 400 || a.Header.Get("x-ms-throttle-limit-percentage") != "" {
		t.Errorf("%d %v", a.StatusCode, a.Header)
	}
}
