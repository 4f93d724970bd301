package simulator

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestTheClock(t *testing.T) {
	c := start(t, Config{}, Company())
	before := c.sim.Now()
	c.sim.Advance(0)
	c.sim.Advance(48 * time.Hour)
	if moved := c.sim.Now().Sub(before); moved < 48*time.Hour || moved > 49*time.Hour {
		t.Errorf("moved by %v", moved)
	}
	for c.sim.Now().Equal(before.Add(48 * time.Hour)) {
		// it passes on by itself
	}
	c.sim.Advance(60 * 365 * 24 * time.Hour)
	for _, d := range []time.Duration{-1, 41 * 365 * 24 * time.Hour, 1<<63 - 1} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("Advance(%v) is let through", d)
				}
			}()
			c.sim.Advance(d)
		}()
	}
}

// Whatever tells a time tells the moved one.
func TestTheClockIsTold(t *testing.T) {
	c := start(t, Config{}, Company())
	c.sim.Advance(1000 * time.Hour)
	c.token = c.signIn(DefaultApp())
	late := func(what, layout, text string) {
		t.Helper()
		at, err := time.Parse(layout, text)
		if ahead := time.Until(at); err != nil || ahead < 999*time.Hour || ahead > 1001*time.Hour {
			t.Errorf("%s: %q is %v ahead, %v", what, text, ahead, err)
		}
	}
	good, bad := c.get("/users"), c.get("/planets")
	late("Date", http.TimeFormat, good.Header.Get("Date"))
	late("Date of a refusal", http.TimeFormat, bad.Header.Get("Date"))
	var refusal struct {
		Error struct{ InnerError struct{ Date string } }
	}
	bad.decode(t, &refusal)
	late("date of a refusal", "2006-01-02T15:04:05", refusal.Error.InnerError.Date)
	var token struct{ Timestamp string }
	c.post(c.tokenURL(), nil).decode(t, &token)
	late("timestamp of the sign-in", "2006-01-02 15:04:05Z", token.Timestamp)
	requests := c.sim.Requests()
	late("time of a request", time.RFC3339, requests[len(requests)-1].Time.Format(time.RFC3339))
	c.sim.Fail(Fault{Cut: true, Times: 1})
	resp, err := c.http.Do(c.request("/users"))
	check(t, err)
	defer resp.Body.Close()
	late("Date of a cut answer", http.TimeFormat, resp.Header.Get("Date"))
}

func TestAMovedClockExpiresTokens(t *testing.T) {
	c := start(t, Config{TokenLifetime: 2 * time.Hour}, Company())
	c.sim.Advance(time.Hour)
	if a := c.get("/users"); a.StatusCode != 200 {
		t.Errorf("after one hour of two: %d", a.StatusCode)
	}
	c.sim.Advance(time.Hour)
	a := c.get("/users")
	if _, message := a.refusal(t); a.StatusCode != 401 || message != "Lifetime validation failed, the token is expired." {
		t.Errorf("after two hours: %d %s", a.StatusCode, message)
	}
	c.token = c.signIn(DefaultApp())
	if a := c.get("/users"); a.StatusCode != 200 {
		t.Errorf("signed in again: %d", a.StatusCode)
	}
}

func TestAMovedClockExpiresLinks(t *testing.T) {
	for as, want := range map[Expiry]string{
		GoneWithLocation:  "410 resyncRequired true",
		Gone:              "410 syncStateNotFound false",
		SyncStateNotFound: "400 syncStateNotFound false",
		BadlyFormed:       "400 BadRequest false",
	} {
		t.Run(as.String(), func(t *testing.T) {
			c := start(t, Config{ExpiredLinks: as, TokenLifetime: 1000 * time.Hour, DeltaPageSize: 2}, many(t, 3))
			next := c.page("/users/delta?$select=displayName").Next
			_, delta, _ := c.all("/users/delta?$select=displayName")
			list := c.page("/users?$top=2").Next
			c.sim.Advance(linkLife - time.Minute)
			young := c.page(delta).Delta
			c.page(next)
			c.sim.Advance(time.Minute + time.Second)
			for what, link := range map[string]string{"delta": delta, "next": next} {
				a := c.get(link)
				code, message := a.refusal(t)
				location := a.Header.Get("Location")
				if got := fmt.Sprintf("%d %s %v", a.StatusCode, code, location != ""); got != want {
					t.Errorf("the old %s link: %s, want %s", what, got, want)
				}
				if as == BadlyFormed && message != "Badly formed token" {
					t.Errorf("message %q", message)
				}
				if location != "" {
					c.page(location)
				}
			}
			c.page(young)
			c.page(list) // lists have no such limit
		})
	}
}

func TestLinksMadeBadlyFormed(t *testing.T) {
	c := start(t, Config{}, many(t, 3))
	_, delta, _ := c.all("/users/delta")
	c.sim.ExpireDeltaTokens(BadlyFormed)
	a, mangled := c.get(delta), c.get(delta[:len(delta)-3])
	code, message := a.refusal(t)
	wantCode, wantMessage := mangled.refusal(t)
	if a.StatusCode != mangled.StatusCode || code != wantCode || message != wantMessage || a.Header.Get("Location") != "" {
		t.Errorf("%d %s %s, want %d %s %s", a.StatusCode, code, message, mangled.StatusCode, wantCode, wantMessage)
	}
}

func TestExpiryTexts(t *testing.T) {
	for as := GoneWithLocation; as <= BadlyFormed; as++ {
		var back Expiry
		text, err := as.MarshalText()
		if check(t, err, back.UnmarshalText([]byte(strings.ToUpper(string(text))))); back != as {
			t.Errorf("%v comes back as %v", as, back)
		}
	}
	var e Expiry
	if err := e.UnmarshalText([]byte("late")); err == nil || !strings.Contains(err.Error(), "goneWithLocation, gone, syncStateNotFound or badlyFormed") {
		t.Errorf("got %v", err)
	}
	for _, e := range []Expiry{-1, 4} {
		if _, err := e.MarshalText(); err == nil || !strings.HasPrefix(e.String(), "Expiry(") {
			t.Errorf("%v: %v", e, err)
		}
		if s, err := New(Config{ExpiredLinks: e}, Company()); err == nil {
			s.Close()
			t.Errorf("New with %v: no error", e)
		}
	}
}
