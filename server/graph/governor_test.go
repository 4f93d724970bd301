package graph

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/peopleinsights/peopleinsights/cache"
)

// answers is Graph, as far as a governor sees it.
type answers func(*http.Request) (*http.Response, error)

func (a answers) RoundTrip(r *http.Request) (*http.Response, error) { return a(r) }

func answer(status int, headers ...string) *http.Response {
	r := &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader("{}"))}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return r
}

// governed is a governor of a tenant of 10,000 people, who may spend half of 8,000.
func governed(graph answers) *governor {
	endpoint, err := NewEndpoint("", "")
	if err != nil {
		panic(err)
	}
	c, err := New(Config{Endpoint: endpoint, Credential: Credential{TenantID: "contoso.com", ClientID: "c", ClientSecret: "s"}})
	if err != nil {
		panic(err)
	}
	g := c.governor
	g.next = graph
	g.sized(10_000)
	return g
}

func (g *governor) ask(ctx context.Context, p priority, path string) (*http.Response, error) {
	r, err := http.NewRequestWithContext(withPriority(ctx, p), http.MethodGet, "https://graph.microsoft.com/v1.0"+path, nil)
	if err != nil {
		panic(err)
	}
	response, err := g.RoundTrip(r)
	if err == nil {
		response.Body.Close()
	}
	return response, err
}

// took is how long a question takes.
func (g *governor) took(ctx context.Context, p priority, path string) (time.Duration, error) {
	began := time.Now()
	_, err := g.ask(ctx, p, path)
	return time.Since(began), err
}

func TestPeopleGoBeforeTheSynchronisation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		units := 0
		g := governed(func(r *http.Request) (*http.Response, error) {
			units++
			return answer(200, "x-ms-resource-unit", "1"), nil
		})
		// The synchronisation asks as fast as it may, for half a minute.
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		began := time.Now()
		for ctx.Err() == nil {
			if _, err := g.ask(ctx, low, "/users/1"); err != nil && ctx.Err() == nil {
				t.Fatal(err)
			}
			if spent := g.used().Spent; spent > 3000 {
				t.Fatalf("the synchronisation has spent %d units, and leaves people too little", spent)
			}
			if time.Since(began) > 0 && time.Since(began) < 5*time.Second && units < 3000 {
				t.Fatalf("the synchronisation waits after %d units", units)
			}
		}
		if units < 3000*2 || units > 3000*4 {
			t.Errorf("the synchronisation spent %d units in half a minute, want about 3000 each ten seconds", units)
		}
		refused := 0
		for range 1500 {
			took, err := g.took(t.Context(), high, "/users/1")
			if took != 0 {
				t.Fatalf("somebody who waits was made to wait %v for quota", took)
			}
			if err == nil {
				continue
			}
			refused++
			if wait, ok := cache.RetryAfter(err); !errors.Is(err, cache.ErrQuota) || !ok || wait > 11*time.Second {
				t.Fatalf("over the budget: %v with %v to wait", err, wait)
			}
		}
		if refused < 400 || refused > 600 {
			t.Errorf("of 1500 questions %d were refused, want about those over a quarter of 4000", refused)
		}
		if u := g.used(); u.Refused != int64(refused) || u.Spent > 4000 || u.Budget != 4000 {
			t.Errorf("usage %+v", u)
		}
	})
}

func TestRetryAfterIsHonoured(t *testing.T) {
	for _, row := range []struct {
		header      string // "" for none, "date" for a date in 7 seconds
		least, most time.Duration
	}{
		{"5", 5 * time.Second, 5 * time.Second},
		{"2.5", 2500 * time.Millisecond, 2500 * time.Millisecond},
		{"date", 6 * time.Second, 7 * time.Second},
		{"", 750 * time.Millisecond, time.Second},
		{"soon", 750 * time.Millisecond, time.Second},
		{"-3", 750 * time.Millisecond, time.Second},
		{"999999999", maxRetryAfter, maxRetryAfter},
	} {
		t.Run(row.header, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				throttled := true
				g := governed(func(r *http.Request) (*http.Response, error) {
					if !throttled {
						return answer(200), nil
					}
					throttled = false
					header := row.header
					if header == "date" {
						header = time.Now().Add(7 * time.Second).UTC().Format(http.TimeFormat)
					}
					return answer(429, "Retry-After", header), nil
				})
				if _, err := g.ask(t.Context(), high, "/users/1"); err != nil {
					t.Fatal(err)
				}
				if took, err := g.took(t.Context(), high, "/users/1"); took != 0 || !errors.Is(err, cache.ErrThrottled) {
					t.Errorf("people hear after %v: %v", took, err)
				} else if wait, _ := cache.RetryAfter(err); wait < row.least || wait > row.most {
					t.Errorf("people are told to wait %v, want %v to %v", wait, row.least, row.most)
				}
				if took, err := g.took(t.Context(), normal, "/users/delta"); err != nil || took < row.least || took > row.most {
					t.Errorf("the synchronisation waited %v, %v; want %v to %v", took, err, row.least, row.most)
				}
				if took, err := g.took(t.Context(), high, "/users/1"); took != 0 || err != nil {
					t.Errorf("afterwards people wait %v, %v", took, err)
				}
			})
		})
	}
}

func TestThrottlingWithoutAWordGrows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := governed(func(*http.Request) (*http.Response, error) { return answer(429), nil })
		for strike, most := range []time.Duration{0, 1, 2, 4, 8, 8, 8} {
			took, err := g.took(t.Context(), low, "/users")
			if most *= time.Second; err != nil || took > most || took < most*3/4 {
				t.Errorf("after %d refusals the next question waited %v, %v; want up to %v", strike, took, err, most)
			}
		}
	})
}

func TestWhatMattersMoreMayStillBeAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var priorities []string
		g := governed(func(r *http.Request) (*http.Response, error) {
			p := r.Header.Get("x-ms-throttle-priority")
			priorities = append(priorities, p)
			if p == "low" && len(priorities) == 1 {
				return answer(429, "Retry-After", "60"), nil
			}
			return answer(200), nil
		})
		_, _ = g.ask(t.Context(), low, "/users")
		for _, p := range []priority{normal, high} {
			if took, err := g.took(t.Context(), p, "/users/1"); took != 0 || err != nil {
				t.Errorf("%v waits %v, %v because low was throttled", p, took, err)
			}
		}
		if took, err := g.took(t.Context(), low, "/users"); took != time.Minute || err != nil {
			t.Errorf("low waited %v, %v; want a minute", took, err)
		}
		if got := strings.Join(priorities, " "); got != "low normal high low" {
			t.Errorf("Graph was told the priorities %q", got)
		}
	})
}

func TestPressureSlowsTheSynchronisation(t *testing.T) {
	for said, want := range map[string]time.Duration{"0.8": 0, "1.0": 5 * time.Second, "1.8": 10 * time.Second, "": 0, "nonsense": 0, "-5": 0} {
		synctest.Test(t, func(t *testing.T) {
			first := true
			g := governed(func(*http.Request) (*http.Response, error) {
				defer func() { first = false }()
				if first {
					return answer(200, "x-ms-throttle-limit-percentage", said), nil
				}
				return answer(200), nil
			})
			_, _ = g.ask(t.Context(), high, "/users/1")
			if took, err := g.took(t.Context(), high, "/users/1"); took != 0 || err != nil {
				t.Errorf("%s: people wait %v, %v", said, took, err)
			}
			first = true
			_, _ = g.ask(t.Context(), high, "/users/1")
			if took, err := g.took(t.Context(), normal, "/users/delta"); (took-want).Abs() > 10*time.Millisecond || err != nil {
				t.Errorf("%s: the synchronisation waits %v, %v; want %v", said, took, err, want)
			}
		})
	}
}

func TestQuotaOfATenant(t *testing.T) {
	g := governed(nil)
	for people, want := range map[int]int{0: 1750, 49: 1750, 50: 2500, 500: 2500, 501: 4000, 1_000_000: 4000} {
		g.sized(people)
		if got := g.used().Budget; got != want {
			t.Errorf("of %d people: %d units, want %d", people, got, want)
		}
	}
}

func TestPeopleWaitForTheirTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		now, most := 0, 0
		g := governed(func(*http.Request) (*http.Response, error) {
			mu.Lock()
			now++
			most = max(most, now)
			mu.Unlock()
			<-time.After(time.Second)
			mu.Lock()
			defer mu.Unlock()
			now--
			return answer(200), nil
		})
		var wait sync.WaitGroup
		for range 40 {
			wait.Go(func() { _, _ = g.ask(t.Context(), high, "/users/1") })
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		synctest.Wait()
		_, err := g.ask(ctx, high, "/users/1")
		if !errors.Is(err, cache.ErrBusy) {
			t.Errorf("somebody whose time ran out in the queue: %v", err)
		}
		for range 2 * breakAfter { // a queue is no fault of Graph's
			g.hear(t.Context(), directory, err)
		}
		if g.used().Failing {
			t.Error("our own queue opened the breaker")
		}
		wait.Wait()
		if most != 16 {
			t.Errorf("%d were asked at once, want 16", most)
		}
	})
}

// TestSynchronisationHasAFloor has people ask for all that there is.
func TestSynchronisationHasAFloor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := governed(func(*http.Request) (*http.Response, error) { return answer(200), nil })
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		var wait sync.WaitGroup
		wait.Go(func() {
			for ctx.Err() == nil {
				_, _ = g.ask(ctx, high, "/users/1")
				<-time.After(2 * time.Millisecond) // 500 a second, where 400 may be
			}
		})
		synced := 0
		for ctx.Err() == nil {
			if _, err := g.ask(ctx, normal, "/users/delta"); err == nil {
				synced++
			}
			<-time.After(50 * time.Millisecond)
			if spent := g.used().Spent; spent > 4000 {
				t.Fatalf("%d units are spent of 4000", spent)
			}
		}
		wait.Wait()
		if synced < 600 {
			t.Errorf("the synchronisation asked %d times in a minute, want its twenty a second", synced)
		}
	})
}

func TestThrottlingIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		statuses := []int{429, 429, 200, 429, 200}
		g := governed(func(*http.Request) (*http.Response, error) {
			status := statuses[0]
			statuses = statuses[1:]
			return answer(status), nil
		})
		for range 4 {
			_, _ = g.ask(t.Context(), low, "/users")
		}
		if took, _ := g.took(t.Context(), low, "/users"); took > firstAlone {
			t.Errorf("after an answer and one refusal, the next question waited %v", took)
		}
		pressures := []string{"1.8", "", ""}
		g.next = answers(func(*http.Request) (*http.Response, error) {
			said := pressures[0]
			pressures = pressures[1:]
			return answer(200, "x-ms-throttle-limit-percentage", said), nil
		})
		for range 2 {
			_, _ = g.ask(t.Context(), high, "/users/1")
		}
		if took, _ := g.took(t.Context(), low, "/users"); took != 0 {
			t.Errorf("Graph said no more that its limit is near, and the synchronisation waited %v", took)
		}
	})
}

func TestLongWaitsAreTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first := true
		g := governed(func(*http.Request) (*http.Response, error) {
			defer func() { first = false }()
			if first {
				return answer(429, "Retry-After", "60"), nil
			}
			return answer(200), nil
		})
		_, _ = g.ask(t.Context(), low, "/users")
		go func() { _, _ = g.ask(t.Context(), low, "/users") }()
		synctest.Wait()
		if err := g.used().Waiting; !errors.Is(err, cache.ErrThrottled) {
			t.Errorf("while Graph makes a listing wait for a minute: %v", err)
		}
		<-time.After(61 * time.Second)
		synctest.Wait()
		if err := g.used().Waiting; err != nil {
			t.Errorf("afterwards: %v", err)
		}
	})
}

func TestABurstOfThrottlesCountsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := governed(func(*http.Request) (*http.Response, error) {
			<-time.After(100 * time.Millisecond)
			return answer(429), nil
		})
		var wait sync.WaitGroup
		for range 16 {
			wait.Go(func() { _, _ = g.ask(t.Context(), high, "/users/1") })
		}
		wait.Wait()
		_, err := g.ask(t.Context(), high, "/users/1")
		if wait, ok := cache.RetryAfter(err); !ok || wait > 2*time.Second {
			t.Errorf("after one burst people are told to wait %v", wait)
		}
	})
}

func TestAFailingGraphIsLeftAloneToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		g := governed(func(*http.Request) (*http.Response, error) {
			calls++
			return answer(503, "Retry-After", "30"), nil
		})
		for range 10 {
			_, _ = g.ask(t.Context(), high, "/users/1")
		}
		if calls != 1 {
			t.Errorf("Graph was asked %d times, although it asked to be left alone", calls)
		}
		if took, _ := g.took(t.Context(), normal, "/users/delta"); took > longestAlone {
			t.Errorf("the synchronisation waited %v by one server's word", took)
		}
	})
}

func TestSynchronisationTakesTheFirstRoomThereIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := governed(nil)
		g.share = 0.01 // 80 units
		at := parseTarget("/users")
		for {
			_, wait, _ := g.book(low, at, 4)
			if wait <= 0 {
				<-time.After(500 * time.Millisecond)
				continue
			}
			if room := g.ledger.wait(time.Now(), int(0.75*80)-4); wait > room {
				t.Errorf("the synchronisation is to wait %v, though there is room in %v", wait, room)
			}
			return
		}
	})
}

// TestASmallBudgetHasAFloorToo has people ask for all of a budget that is smaller than
// some pages.
func TestASmallBudgetHasAFloorToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := governed(nil)
		g.share = 0.002 // 16 units
		at, synced := parseTarget("/users"), 0
		for range 1200 {
			for {
				if _, wait, _ := g.book(high, at, 1); wait > 0 {
					break
				}
			}
			if _, wait, _ := g.book(low, at, 2); wait <= 0 {
				synced++
			}
			<-time.After(50 * time.Millisecond)
		}
		if synced < 10 {
			t.Errorf("in a minute the synchronisation asked %d times", synced)
		}
	})
}

func TestTheLongestWaitIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := governed(nil)
		go func() { _ = g.await(t.Context(), time.Minute, cache.ErrThrottled) }()
		go func() { _ = g.await(t.Context(), 6*time.Second, cache.ErrQuota) }()
		<-time.After(7 * time.Second)
		if g.used().Waiting == nil {
			t.Error("one still waits, and it is not told")
		}
		<-time.After(time.Minute)
		if err := g.used().Waiting; err != nil {
			t.Errorf("nobody waits, and it is told: %v", err)
		}
	})
}
