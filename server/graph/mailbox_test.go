package graph

import (
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

func TestMailboxTakesFourCallsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		now, most := map[string]int{}, map[string]int{}
		refuse := ""
		g := governed(func(r *http.Request) (*http.Response, error) {
			name := strings.Split(r.URL.Path, "/")[3]
			mu.Lock()
			now[name]++
			most[name] = max(most[name], now[name])
			mu.Unlock()
			<-time.After(time.Second)
			mu.Lock()
			defer mu.Unlock()
			now[name]--
			if name == refuse {
				return answer(429, "Retry-After", "9"), nil
			}
			return answer(200), nil
		})
		var wait sync.WaitGroup
		for i := range 20 {
			wait.Go(func() {
				if _, err := g.ask(t.Context(), normal, fmt.Sprintf("/users/u%d/photo/$value", i%2)); err != nil {
					t.Error(err)
				}
			})
		}
		wait.Wait()
		if most["u0"] != mailboxCalls || most["u1"] != mailboxCalls {
			t.Errorf("at once were asked %v, want %d of each mailbox", most, mailboxCalls)
		}
		if len(g.mailboxes) != 0 || g.used().Spent != 0 {
			t.Errorf("afterwards %d mailboxes are remembered, and %d units spent", len(g.mailboxes), g.used().Spent)
		}
		refuse = "u1"
		_, _ = g.ask(t.Context(), high, "/users/u1/contacts")
		if _, err := g.ask(t.Context(), high, "/users/u1/contacts"); !errors.Is(err, cache.ErrThrottled) {
			t.Errorf("a throttled mailbox: %v", err)
		}
		if took, err := g.took(t.Context(), high, "/users/u2/contacts"); err != nil || took != time.Second {
			t.Errorf("another mailbox: %v, %v", took, err)
		}
		if took, err := g.took(t.Context(), high, "/users/1"); err != nil || took != time.Second {
			t.Errorf("the directory: %v, %v", took, err)
		}
	})
}

func TestMailboxesAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := governed(func(*http.Request) (*http.Response, error) { return answer(429, "Retry-After", "1"), nil })
		for i := range 2000 {
			_, _ = g.ask(t.Context(), high, fmt.Sprintf("/users/u%d/photo", i))
			<-time.After(10 * time.Millisecond)
		}
		if n := len(g.mailboxes); n > 400 {
			t.Errorf("%d mailboxes are remembered", n)
		}
	})
}

func TestThrottlingThatComesLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := governed(func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			<-time.After(time.Millisecond)
			return answer(429, "Retry-After", "5"), nil
		})
		if _, err := g.ask(t.Context(), high, "/users/7/photo/$value"); err != nil {
			t.Log(err) // whatever it is, it is no panic
		}
	})
}

// TestMarkedQuestionsAreTheMailboxs has Outlook refuse what is asked by a path of the
// directory's: it is the mailbox that is left alone, and a unit is spent all the same.
func TestMarkedQuestionsAreTheMailboxs(t *testing.T) {
	const rich = "/users/U1?$select=aboutMe"
	for _, row := range []struct {
		status int
		alone  bool
	}{{http.StatusTooManyRequests, true}, {http.StatusServiceUnavailable, false}} {
		synctest.Test(t, func(t *testing.T) {
			g := governed(func(r *http.Request) (*http.Response, error) {
				if r.URL.RawQuery != "" {
					return answer(row.status, "Retry-After", "30", "x-ms-resource-unit", "1"), nil
				}
				return answer(200), nil
			})
			_, _ = g.ask(inMailbox(t.Context(), "U1"), high, rich)
			if u := g.used(); u.Units != 1 || u.Spent != 1 {
				t.Errorf("%d: %d units, %d spent; want one", row.status, u.Units, u.Spent)
			}
			for _, p := range []priority{low, normal, high} {
				if took, err := g.took(t.Context(), p, "/users/u1"); took != 0 || err != nil {
					t.Errorf("%d: the directory waits %v, %v at priority %v", row.status, took, err, p)
				}
			}
			if took, err := g.took(t.Context(), high, "/users/u2/photo/$value"); took != 0 || err != nil {
				t.Errorf("%d: another mailbox: %v, %v", row.status, took, err)
			}
			if _, err := g.ask(t.Context(), high, "/users/u1/photo/$value"); errors.Is(err, cache.ErrThrottled) != row.alone {
				t.Errorf("%d: the mailbox: %v", row.status, err)
			}
			if _, err := g.ask(inMailbox(t.Context(), "u1"), high, rich); errors.Is(err, cache.ErrThrottled) != row.alone {
				t.Errorf("%d: the mailbox by the directory's path: %v", row.status, err)
			}
		})
	}
}

// TestThrottledMailboxesThatDoNotSay are left alone for a second.
func TestThrottledMailboxesThatDoNotSay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := governed(func(*http.Request) (*http.Response, error) { return answer(429), nil })
		for range 5 {
			took, err := g.took(t.Context(), normal, "/users/u1/photo/$value")
			if err != nil || took > firstAlone {
				t.Errorf("it waited %v, %v", took, err)
			}
		}
		_, err := g.ask(t.Context(), high, "/users/u1/photo")
		if wait, ok := cache.RetryAfter(err); !ok || wait > firstAlone {
			t.Errorf("people are told to wait %v", wait)
		}
	})
}
