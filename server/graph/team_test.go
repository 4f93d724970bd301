package graph

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/peopleinsights/peopleinsights/cache"
)

func TestTeamsAreThrottledByThemselves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		refuse := "/teams/t1/"
		g := governed(func(r *http.Request) (*http.Response, error) {
			if strings.Contains(r.URL.Path, refuse) {
				return answer(429, "Retry-After", "9"), nil
			}
			return answer(200, "x-ms-resource-unit", "1"), nil
		})
		_, _ = g.ask(t.Context(), high, "/teams/t1/channels/c")
		if _, err := g.ask(t.Context(), high, "/teams/T1/channels/c/members"); !errors.Is(err, cache.ErrThrottled) {
			t.Errorf("a throttled team: %v", err)
		}
		for _, path := range []string{"/teams/t2/channels/c", "/users/1", "/groups/t1/members"} {
			if _, err := g.ask(t.Context(), high, path); err != nil {
				t.Errorf("%s: %v", path, err)
			}
		}
		if took, err := g.took(t.Context(), low, "/teams/t1/channels/c"); err != nil || took < 9*time.Second {
			t.Errorf("the synchronisation waits %v, %v", took, err)
		}
		<-time.After(9 * time.Second)
		refuse = "/users/"
		spent := g.used().Units
		_, _ = g.ask(t.Context(), high, "/users/1")
		if took, err := g.took(t.Context(), high, "/teams/t1/channels/c"); err != nil || took != 0 || g.used().Units != spent+1 {
			t.Errorf("a team while the directory is throttled: %v, %v, %d units", took, err, g.used().Units-spent)
		}
		if _, err := g.ask(t.Context(), high, "/users/1"); !errors.Is(err, cache.ErrThrottled) {
			t.Errorf("the directory after an answer of Teams: %v", err)
		}
		if len(g.teams) > 1 {
			t.Errorf("%d teams are remembered", len(g.teams))
		}
	})
}

func TestSegments(t *testing.T) {
	for text, want := range map[string]string{
		"19:0a@thread.tacv2": "19%3A0a%40thread.tacv2",
		"a b/c?d#e+f%":       "a%20b%2Fc%3Fd%23e%2Bf%25",
	} {
		if got, ok := segment(text); got != want || !ok {
			t.Errorf("segment(%q) = %q, want %q", text, got, want)
		}
	}
}
