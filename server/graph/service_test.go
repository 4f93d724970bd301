package graph

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/peopleinsights/peopleinsights/cache"
)

func TestServices(t *testing.T) {
	g := governed(nil)
	for path, want := range map[string]service{
		"/v1.0/users/7":                               directory,
		"/v1.0/users/7/memberOf":                      directory,
		"/v1.0/contacts/delta()":                      directory,
		"/v1.0/$batch":                                directory,
		"/v1.0/organization":                          directory,
		"/v1.0/groups/7/members":                      directory,
		"/v1.0/":                                      directory,
		"/v1.0/users/7/photos/48x48/$value":           outlook,
		"/v1.0/users('7')/contacts":                   outlook,
		"/v1.0/users/7/contactFolders/8/childFolders": outlook,
		"/v1.0/teams/7/channels/c":                    teams,
	} {
		if got := g.target(t.Context(), path).service(); got != want {
			t.Errorf("%s is for %v, want %v", path, got, want)
		}
	}
	if at := g.target(inMailbox(t.Context(), "Ana"), "/v1.0/users/Ana"); at.service() != outlook || at.mailbox != "ana" || at.price(http.MethodGet, nil) != 1 {
		t.Errorf("a marked question is for %v, of the mailbox %q, at %d units", at.service(), at.mailbox, at.price(http.MethodGet, nil))
	}
}

// TestOthersTakeNoTurnOfTheDirectorys has more calls than may be under way hang at Outlook and
// Teams.
func TestOthersTakeNoTurnOfTheDirectorys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		hanging, most := 0, 0
		g := governed(func(r *http.Request) (*http.Response, error) {
			if strings.HasSuffix(r.URL.Path, "/users/1") {
				return answer(200), nil
			}
			mu.Lock()
			hanging++
			most = max(most, hanging)
			mu.Unlock()
			<-time.After(5 * time.Second)
			mu.Lock()
			defer mu.Unlock()
			hanging--
			return answer(504), nil
		})
		var wait sync.WaitGroup
		for i := range 40 {
			path := []string{"/users/u%d/photo", "/users/u%d/contacts", "/teams/t%d/channels/c"}[i%3]
			wait.Go(func() { _, _ = g.ask(t.Context(), high, fmt.Sprintf(path, i)) })
		}
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if took, err := g.took(ctx, high, "/users/1"); took != 0 || err != nil {
			t.Errorf("the directory beside %d hanging calls: %v after %v", hanging, err, took)
		}
		if _, err := g.ask(ctx, high, "/users/u99/photo"); !errors.Is(err, cache.ErrBusy) {
			t.Errorf("one more for Outlook: %v", err)
		}
		wait.Wait()
		if most != 16 {
			t.Errorf("%d were asked at once, want 16", most)
		}
	})
}

// TestOnlyTheDirectoryTellsOfItsLimits has another service answer between its answers.
func TestOnlyTheDirectoryTellsOfItsLimits(t *testing.T) {
	for _, path := range []string{"/users/7/photo/$value", "/teams/7/channels/c"} {
		synctest.Test(t, func(t *testing.T) {
			statuses, pressure := []int{429, 429, 200}, ""
			g := governed(func(r *http.Request) (*http.Response, error) {
				if !strings.HasSuffix(r.URL.Path, "/users") {
					return answer(200), nil
				}
				status := statuses[0]
				statuses = statuses[1:]
				return answer(status, "x-ms-throttle-limit-percentage", pressure), nil
			})
			_, _ = g.ask(t.Context(), high, "/users")
			_, _ = g.ask(t.Context(), high, path)
			<-time.After(firstAlone)
			_, _ = g.ask(t.Context(), high, "/users")
			if wait := time.Until(g.notBefore[high]); wait <= firstAlone {
				t.Errorf("by an answer of %s the directory's first refusal is forgotten: it is left alone for %v", path, wait)
			}
			<-time.After(2 * firstAlone)
			pressure = "1.2"
			_, _ = g.ask(t.Context(), high, "/users")
			_, _ = g.ask(t.Context(), high, path)
			if got := g.used().Pressure; got != 1.2 {
				t.Errorf("after an answer of %s the directory's pressure is %v", path, got)
			}
		})
	}
}
