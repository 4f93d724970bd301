package graph

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/peopleinsights/peopleinsights/cache"
)

func TestPrices(t *testing.T) {
	for _, row := range []struct {
		request string
		units   int
		route   string
		mailbox string
	}{
		{"GET /users", 2, "users", ""},
		{"GET /users?$select=id", 1, "users", ""},
		{"GET /users?$select=id&$expand=manager($select=id)", 2, "users", ""},
		{"GET /users?$top=999", 2, "users", ""},
		{"GET /users?$top=19&$select=id&$expand=manager", 1, "users", ""},
		{"GET /users?$top=5&$select=id", 1, "users", ""}, // never less than one
		{"GET /users/ana@contoso.com", 1, "users/{id}", ""},
		{"GET /users/ana@contoso.com?$expand=manager", 2, "users/{id}", ""},
		{"GET /users/delta()?$select=id", 1, "users/delta", ""},
		{"GET /users/microsoft.graph.delta?$deltatoken=x", 1, "users/delta", ""},
		{"GET /users/$count", 1, "users/$count", ""},
		{"GET /users/7/memberOf", 2, "users/{id}/memberof", ""},
		{"GET /users/7/transitiveMemberOf", 2, "users/{id}/transitivememberof", ""},
		{"POST /users/7/getMemberGroups", 2, "users/{id}/getmembergroups", ""},
		{"POST /users/7/checkMemberGroups", 4, "users/{id}/checkmembergroups", ""},
		{"GET /groups", 1, "groups", ""},
		{"GET /groups/7/members", 3, "groups/{id}/members", ""},
		{"GET /groups/7/members?$select=id", 2, "groups/{id}/members", ""},
		{"GET /groups/7/transitiveMembers?$select=id", 4, "groups/{id}/transitivemembers", ""},
		{"POST /directoryObjects/getByIds", 5, "directoryobjects/getbyids", ""},
		{"POST /directoryObjects/getByIds?$select=id", 2, "directoryobjects/getbyids", ""},
		{"PATCH /users/7", 1, "users/{id}", ""},
		{"GET /users/Ana@contoso.com/photo/$value", 0, "users/{id}/photo/$value", "ana@contoso.com"},
		{"GET /users/7/calendarView?$top=5", 0, "users/{id}/calendarview", "7"},
		{"GET /teams/7/channels", 0, "teams/{id}/channels", ""},
		{"GET /some/secret/thing", 1, "{id}/{id}/{id}", ""},
	} {
		method, rest, _ := strings.Cut(row.request, " ")
		path, query, _ := strings.Cut(rest, "?")
		values, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		at := parseTarget(path)
		if got := at.price(method, values); got != row.units || at.route() != row.route || at.mailbox != row.mailbox {
			t.Errorf("%s: %d units, route %s, mailbox %q; want %d, %s, %q", row.request, got, at.route(), at.mailbox, row.units, row.route, row.mailbox)
		}
	}
}

// TestLedgerKeepsToItsBudget spends as much as it may, at random times, and looks at
// every ten seconds.
func TestLedgerKeepsToItsBudget(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var l ledger
	now := time.Unix(1_700_000_000, 0)
	const most = 100
	type spending struct {
		at    time.Time
		units int
	}
	var all []spending
	for range 5000 {
		now = now.Add(time.Duration(random.IntN(400)) * time.Millisecond)
		units := 1 + random.IntN(20)
		wait := l.wait(now, most-units)
		if wait < 0 || wait > (ledgerSlots+1)*time.Second {
			t.Fatalf("to spend %d takes a wait of %v", units, wait)
		}
		now = now.Add(wait)
		if again := l.wait(now, most-units); again > 0 {
			t.Fatalf("after a wait of %v there is another of %v", wait, again)
		}
		l.add(now, units)
		all = append(all, spending{now, units})
	}
	for i := range all {
		sum := 0
		for j := i; j >= 0 && all[i].at.Sub(all[j].at) < quotaWindow; j-- {
			sum += all[j].units
		}
		if sum > most {
			t.Fatalf("%d units were spent in ten seconds, want at most %d", sum, most)
		}
	}
	if sum := l.spent(now.Add(time.Hour)); sum != 0 {
		t.Errorf("%d units are still spent an hour later", sum)
	}
}

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

func TestPricesAreCorrected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := governed(func(*http.Request) (*http.Response, error) { return answer(200, "x-ms-resource-unit", "7"), nil })
		_, _ = g.ask(t.Context(), high, "/users/1")
		if u := g.used(); u.Units != 7 || u.Spent != 7 || u.Calls != 1 {
			t.Errorf("after a call that cost 7: %+v", u)
		}
	})
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

func TestBreaker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := governed(nil)
		fails := &Error{kind: errUnavailable}
		hear := func(err error) { g.hear(t.Context(), err) }
		for i := range breakAfter {
			if err := g.admit(high); err != nil {
				t.Fatalf("after %d failures: %v", i, err)
			}
			hear(fails)
		}
		err := g.admit(high)
		if wait, ok := cache.RetryAfter(err); !errors.Is(err, cache.ErrUnavailable) || !ok || wait > firstOpen || !g.used().Failing {
			t.Fatalf("an open breaker: %v with %v to wait", err, wait)
		}
		if err := g.admit(normal); err != nil {
			t.Errorf("an open breaker stops the synchronisation: %v", err)
		}
		<-time.After(firstOpen)
		if err := g.admit(high); err != nil {
			t.Errorf("the trial is refused: %v", err)
		}
		if err := g.admit(high); err == nil {
			t.Error("a second question goes beside the trial")
		}
		var longest time.Duration
		for range 20 { // an outage that lasts
			hear(fails)
			began := time.Now()
			for g.admit(high) != nil {
				<-time.After(100 * time.Millisecond)
			}
			longest = max(longest, time.Since(began))
		}
		if longest > lastOpen+100*time.Millisecond || longest < lastOpen {
			t.Errorf("a breaker was open for %v, want %v", longest, lastOpen)
		}
		hear(&Error{kind: errNotFound}) // an answer, whatever it is
		if err := g.admit(high); err != nil || g.used().Failing {
			t.Errorf("after an answer: %v", err)
		}
		// What Graph was not asked, and callers who leave, say nothing of Graph.
		cancelled, cancel := context.WithCancel(t.Context())
		cancel()
		for range 2 * breakAfter {
			hear(&Error{kind: errUnavailable, ours: true})
			g.hear(cancelled, fails)
		}
		if err := g.admit(high); err != nil {
			t.Errorf("a breaker opened although Graph did not fail: %v", err)
		}
	})
}

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
			g.hear(t.Context(), err)
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

// stalls is a body that comes in pieces, each after a while.
type stalls struct {
	ctx    context.Context
	pieces []time.Duration
}

func (s *stalls) Read(b []byte) (int, error) {
	if len(s.pieces) == 0 {
		return 0, io.EOF
	}
	select {
	case <-s.ctx.Done():
		return 0, s.ctx.Err()
	case <-time.After(s.pieces[0]):
		s.pieces = s.pieces[1:]
		b[0] = ' '
		return 1, nil
	}
}

func (s *stalls) Close() error { return nil }

func TestStallingAnswersEnd(t *testing.T) {
	second := time.Second
	for what, row := range map[string]struct {
		pieces []time.Duration
		took   time.Duration
		fails  bool
	}{
		"slow, but coming": {[]time.Duration{9 * second, 9 * second, 9 * second}, 27 * second, false},
		"stalls":           {[]time.Duration{second, 60 * second}, 11 * second, true},
		"without end":      {make([]time.Duration, 1000), 2 * time.Minute, true},
	} {
		synctest.Test(t, func(t *testing.T) {
			for i := range row.pieces {
				if row.pieces[i] == 0 {
					row.pieces[i] = 5 * second
				}
			}
			g := governed(func(r *http.Request) (*http.Response, error) {
				return &http.Response{StatusCode: 200, Header: http.Header{}, Body: &stalls{r.Context(), row.pieces}}, nil
			})
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://graph.microsoft.com/v1.0/users", nil)
			if err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			response, err := g.RoundTrip(r)
			if err != nil {
				t.Fatal(err)
			}
			_, err = io.ReadAll(response.Body)
			if took := time.Since(began); (err != nil) != row.fails || took != row.took {
				t.Errorf("%s: %v after %v, want failing: %v, after %v", what, err, took, row.fails, row.took)
			}
			response.Body.Close()
		})
	}
}

func TestAnswersThatDoNotBegin(t *testing.T) {
	for p, want := range map[priority]time.Duration{low: 15 * time.Second, normal: 10 * time.Second, high: 10 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			g := governed(func(r *http.Request) (*http.Response, error) {
				<-r.Context().Done()
				return nil, r.Context().Err()
			})
			if took, err := g.took(t.Context(), p, "/users"); err == nil || took != want {
				t.Errorf("%v: %v after %v, want a failure after %v", p, err, took, want)
			}
		})
	}
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

// TestNothingHoldsAPlace has answers that nobody reads, and refusals that are kept open.
func TestNothingHoldsAPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		status := 401
		g := governed(func(*http.Request) (*http.Response, error) { return answer(status), nil })
		ask := func() (*http.Response, error) {
			r, err := http.NewRequestWithContext(withPriority(t.Context(), high), http.MethodGet, "https://graph.microsoft.com/v1.0/users/1", nil)
			if err != nil {
				t.Fatal(err)
			}
			return g.RoundTrip(r)
		}
		for range 100 {
			response, err := ask()
			if err != nil {
				t.Fatal(err)
			}
			if body, err := io.ReadAll(response.Body); err != nil || string(body) != "{}" {
				t.Fatalf("a refusal's body is %q, %v", body, err)
			}
		}
		status = 200
		for range 16 {
			if _, err := ask(); err != nil {
				t.Fatal(err)
			}
		}
		<-time.After(3 * time.Minute) // longer than an answer may take
		synctest.Wait()
		if n := len(g.people); n != 0 {
			t.Errorf("%d answers that nobody read hold a place", n)
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

func TestPricesAreLearned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := governed(func(*http.Request) (*http.Response, error) { return answer(200, "x-ms-resource-unit", "9"), nil })
		_, _ = g.ask(t.Context(), high, "/users/1?$select=id")
		before := g.used().Spent
		g.next = answers(func(*http.Request) (*http.Response, error) {
			if spent := g.used().Spent - before; spent != 9 {
				t.Errorf("a call that has cost 9 is priced %d", spent)
			}
			return answer(200, "x-ms-resource-unit", "9"), nil
		})
		_, _ = g.ask(t.Context(), high, "/users/2?$select=id")
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

func TestRefusals(t *testing.T) {
	for _, row := range []struct {
		status  int
		headers []string
		want    error
		bad     bool // the token is
	}{
		{403, nil, cache.ErrDenied, false},
		{403, []string{"WWW-Authenticate", `Bearer error="insufficient_claims", claims="e30="`}, cache.ErrDenied, true},
		{401, nil, cache.ErrDenied, true},
		{409, nil, cache.ErrUnavailable, false},
		{507, nil, cache.ErrUnavailable, false},
	} {
		response := answer(row.status, append(row.headers, "request-id", "1234-abcd")...)
		err := responseError(response, "X.Read")
		if !errors.Is(err, row.want) || errors.Is(err, errBadToken) != row.bad || cache.RequestID(err) != "1234-abcd" {
			t.Errorf("%d %v: %v, request id %q", row.status, row.headers, err, cache.RequestID(err))
		}
		if row.status == 409 && strings.Contains(err.Error(), "check the Graph URL") {
			t.Errorf("409: %v", err)
		}
	}
}

func TestRetryAfterGoesByTheSendersClock(t *testing.T) {
	sent := time.Date(2031, 5, 1, 12, 0, 0, 0, time.UTC)
	header := http.Header{}
	header.Set("Date", sent.Format(http.TimeFormat))
	header.Set("Retry-After", sent.Add(30*time.Second).Format(http.TimeFormat))
	if got := retryAfter(header, time.Now()); got != 30*time.Second {
		t.Errorf("retryAfter = %v, want 30s", got)
	}
}

func TestBodies(t *testing.T) {
	for body, good := range map[string]bool{
		`{"value":[]}`: true, `{"value":[null]}`: true, `{"value":[],"@odata.nextLink":null}`: true,
		`{"value":null}`: false, `{"value":{}}`: false, `{"value":"x"}`: false, `{}`: false,
		`{"value":[],"@odata.nextLink":7}`: false, `{"value":[],"@odata.deltaLink":{}}`: false,
	} {
		if _, err := decodePeople(strings.NewReader(body)); (err == nil) != good {
			t.Errorf("%s: %v, want good: %v", body, err, good)
		}
	}
	read, err := decodePeople(strings.NewReader(`{"value":[
		{"id":"1","@removed":null},{"id":"2","@removed":{"reason":"changed"}},
		{"id":"3","manager@delta":[{"id":"B"},{"id":"A","@removed":{"reason":"deleted"}}]},
		{"id":"4","manager@delta":[{"id":"a","@removed":{"reason":"deleted"}}]}]}`))
	if err != nil || len(read.Items) != 4 {
		t.Fatal(read, err)
	}
	for i, want := range []struct {
		gone              bool
		manager, noLonger string
	}{{false, "", ""}, {true, "", ""}, {false, "b", "a"}, {false, "", "a"}} {
		if p := read.Items[i]; p.Gone != want.gone || p.ManagerID != want.manager || p.NoLonger != want.noLonger {
			t.Errorf("%d: gone %v, manager %q, no longer %q; want %+v", i, p.Gone, p.ManagerID, p.NoLonger, want)
		}
	}
	groups, err := decodeGroups(strings.NewReader(`{"value":[{"id":"G","members@delta":[{"id":"x","@removed":{"reason":"deleted"}}]},
		{"id":"h","displayName":"H"},{"id":"i","@removed":{"reason":"deleted"}},null]}`))
	if err != nil || len(groups.Items) != 3 {
		t.Fatal(groups, err)
	}
	if g := groups.Items[0]; g.ID != "g" || !g.MembersChanged || g.Said != cache.GroupMembers || g.Gone {
		t.Errorf("a slice of members is %+v", g)
	}
	if g := groups.Items[1]; g.MembersChanged || g.Said != cache.GroupDisplayName {
		t.Errorf("a group's name is %+v", g)
	}
	if g := groups.Items[2]; !g.Gone {
		t.Errorf("a removed group is %+v", g)
	}
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

func TestWhatIsGivenBackIsGivenBackThere(t *testing.T) {
	var l ledger
	booked := time.Unix(1_700_000_000, 0)
	l.add(booked, 50)
	l.correct(booked, booked.Add(9*time.Second), -50)
	later := booked.Add(11 * time.Second)
	l.add(later, 50)
	if spent := l.spent(later); spent != 50 {
		t.Errorf("50 were spent in the last second, and the ledger says %d", spent)
	}
	l.correct(booked, later, 7) // forgotten
	if spent := l.spent(later); spent != 50 {
		t.Errorf("what is forgotten is corrected: %d", spent)
	}
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
