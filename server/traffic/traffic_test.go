package traffic_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/peopleinsights/peopleinsights/server/traffic"
)

// clock is a time that stands still until it is moved.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func start(config traffic.Config) (*traffic.Traffic, *clock) {
	c := &clock{now: time.Date(2026, 12, 1, 9, 3, 0, 0, time.UTC)}
	config.Now = c.Now
	return traffic.New(config), c
}

func user(name string) traffic.Who {
	return traffic.Who{Tenant: "contoso", Subject: "user:" + name}
}

// call is one call from beginning to end, for so many, by which people are seen.
func call(t *traffic.Traffic, who traffic.Who, calls int, people ...string) error {
	p, err := t.Enter(who, nil)
	if err != nil {
		return err
	}
	defer p.Leave()
	if err := p.Take(calls); err != nil {
		return err
	}
	return p.Show(people...)
}

// names are some people.
func names(from, to int) (list []string) {
	for i := from; i < to; i++ {
		list = append(list, fmt.Sprint("person ", i))
	}
	return list
}

// expect has a call refused with an error, and after how long it would not be; or not at all.
func expect(t *testing.T, what string, err, want error, wait time.Duration) {
	t.Helper()
	refused, _ := errors.AsType[*traffic.Refused](err)
	if !errors.Is(err, want) || refused != nil && refused.Wait != wait {
		t.Errorf("%s = %v, %+v; want %v after %v", what, err, refused, want, wait)
	}
}

func TestCallsAreCountedExactly(t *testing.T) {
	tr, clock := start(traffic.Config{Limits: traffic.Limits{UserRate: 50, UserBurst: 20}})
	ana := user("ana")
	for i := range 20 {
		expect(t, fmt.Sprint("call ", i), call(tr, ana, 1), nil, 0)
	}
	expect(t, "one too many", call(tr, ana, 1), traffic.ErrRate, 20*time.Millisecond)
	expect(t, "a large one", call(tr, ana, 5), traffic.ErrRate, 100*time.Millisecond)
	expect(t, "another's", call(tr, user("jan"), 1), nil, 0)
	expect(t, "the same of another tenant", call(tr, traffic.Who{Tenant: "fabrikam", Subject: ana.Subject}, 1), nil, 0)
	clock.pass(20*time.Millisecond - 1)
	expect(t, "a nanosecond early", call(tr, ana, 1), traffic.ErrRate, 1)
	clock.pass(1)
	expect(t, "just then", call(tr, ana, 1), nil, 0)
	expect(t, "one more", call(tr, ana, 1), traffic.ErrRate, 20*time.Millisecond)
	clock.pass(time.Hour)
	expect(t, "more than may come at once", call(tr, ana, 1000), nil, 0)
	expect(t, "and then", call(tr, ana, 1000), traffic.ErrRate, 400*time.Millisecond)
}

// TestWaitIsEnough retries whatever is refused after as long as was said, and a little earlier.
func TestWaitIsEnough(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	limits := traffic.Limits{UserRate: 7, UserBurst: 13, UserPeoplePerHour: 40, TenantRate: 11.3, TenantBurst: 17}
	tr, clock := start(traffic.Config{Limits: limits})
	refusals := 0
	for range 5000 {
		clock.pass(time.Duration(random.Int64N(int64(3 * time.Minute))))
		who, calls := user(fmt.Sprint(random.IntN(2))), 1+random.IntN(10)
		var people []string
		for range random.IntN(25) {
			people = append(people, fmt.Sprint(random.IntN(120)))
		}
		for range random.IntN(4) {
			_ = call(tr, who, 1)
		}
		err := call(tr, who, calls, people...)
		for range 5 { // the rate, then people, and then the rate by what was tried, may be in the way
			refused, ok := errors.AsType[*traffic.Refused](err)
			if !ok {
				break
			}
			refusals++
			if refused.Wait <= 0 {
				t.Fatalf("refused without a wait: %v", err)
			}
			clock.pass(refused.Wait - 1)
			if again := call(tr, who, calls, people...); again == nil {
				t.Fatalf("%v could have come before %v", err, refused.Wait)
			}
			clock.pass(1)
			was := err
			if err = call(tr, who, calls, people...); errors.Is(err, refused.Err) {
				t.Fatalf("%v again after %v", was, refused.Wait)
			}
		}
		if err != nil {
			t.Fatalf("still refused: %v", err)
		}
	}
	if refusals < 500 {
		t.Errorf("%d refusals try little", refusals)
	}
}

func TestTenantsShareALimit(t *testing.T) {
	tr, clock := start(traffic.Config{Limits: traffic.Limits{UserRate: 1, UserBurst: 3, TenantRate: 10, TenantBurst: 4}})
	for range 3 {
		expect(t, "ana's", call(tr, user("ana"), 1), nil, 0)
	}
	expect(t, "ana's fourth", call(tr, user("ana"), 1), traffic.ErrRate, time.Second)
	expect(t, "jan's", call(tr, user("jan"), 1), nil, 0)
	expect(t, "jan's second", call(tr, user("jan"), 1), traffic.ErrRate, 100*time.Millisecond)
	expect(t, "an app's", call(tr, traffic.Who{Tenant: "contoso", Subject: "app:1", App: true}, 1), traffic.ErrRate, 100*time.Millisecond)
	expect(t, "another tenant's", call(tr, traffic.Who{Tenant: "fabrikam", Subject: "user:ana"}, 1), nil, 0)
	// What the tenant was refused, nobody has paid for.
	clock.pass(100 * time.Millisecond)
	expect(t, "jan's second again", call(tr, user("jan"), 1), nil, 0)
}

func TestNobodyIsLimitedWithoutLimits(t *testing.T) {
	tr, _ := start(traffic.Config{Limits: traffic.Limits{UserRate: 50, UserBurst: 200, UserPeoplePerHour: 5000}})
	for range 1000 {
		expect(t, "an app's", call(tr, traffic.Who{Tenant: "contoso", Subject: "app:1", App: true}, 10, names(0, 10)...), nil, 0)
		expect(t, "the development identity's", call(tr, traffic.Who{Tenant: "contoso"}, 10, names(0, 10)...), nil, 0)
	}
	if callers, people := tr.Remembered(); callers != 0 || people != 0 {
		t.Errorf("%d callers and %d people are remembered without limits", callers, people)
	}
	var none *traffic.Traffic
	expect(t, "where there is no traffic", call(none, user("ana"), 1, "x"), nil, 0)
	p, err := tr.Enter(user("ana"), &traffic.Limits{})
	if p != nil || err != nil {
		t.Errorf("a tenant without limits = %v, %v", p, err)
	}
}

func TestPeopleAreCountedOnceInAnHour(t *testing.T) {
	tr, clock := start(traffic.Config{Limits: traffic.Limits{UserPeoplePerHour: 10}})
	ana := user("ana")
	expect(t, "seven", call(tr, ana, 1, names(0, 7)...), nil, 0)
	expect(t, "the same, some twice", call(tr, ana, 1, append(names(0, 7), names(0, 7)...)...), nil, 0)
	expect(t, "more than there may ever be", call(tr, ana, 1, names(10, 21)...), traffic.ErrPeople, 0)
	// It is three minutes since the service began, by its clock none: the first slot is that
	// of the beginning, and is over for an hour after 65 minutes.
	expect(t, "four more", call(tr, ana, 1, names(7, 11)...), traffic.ErrPeople, 65*time.Minute)
	expect(t, "three more, nothing of which was counted", call(tr, ana, 1, names(8, 11)...), nil, 0)
	expect(t, "one more, who was refused before", call(tr, ana, 1, "person 7"), traffic.ErrPeople, 65*time.Minute)
	expect(t, "another's", call(tr, user("jan"), 1, names(0, 10)...), nil, 0)
	clock.pass(30 * time.Minute)
	expect(t, "nine of them again", call(tr, ana, 1, append(names(1, 7), names(8, 11)...)...), nil, 0)
	expect(t, "one more", call(tr, ana, 1, "person 7"), traffic.ErrPeople, 35*time.Minute)
	clock.pass(35*time.Minute - 1)
	expect(t, "one more too early", call(tr, ana, 1, "person 7"), traffic.ErrPeople, 1)
	clock.pass(1)
	expect(t, "one more in the place of the one not seen again", call(tr, ana, 1, "person 7"), nil, 0)
	expect(t, "and another", call(tr, ana, 1, "person 0"), traffic.ErrPeople, 30*time.Minute)
}

// TestHarvestersGetNoMore has a caller see as many new people as it can, by many calls
// whenever it may: no hour has more than its number.
func TestHarvestersGetNoMore(t *testing.T) {
	const most = 50
	tr, clock := start(traffic.Config{Limits: traffic.Limits{UserPeoplePerHour: most}, MaxCallers: 20})
	type seen struct {
		at  time.Time
		who string
	}
	var all []seen
	next := 0
	random := rand.New(rand.NewPCG(3, 4))
	for range 20_000 {
		clock.pass(time.Duration(random.Int64N(int64(3 * time.Minute))))
		_ = call(tr, user(fmt.Sprint("somebody ", random.IntN(1000))), 1, "x") // would drive it out of memory
		who := fmt.Sprint(next)
		if random.IntN(2) == 0 && next > 0 {
			who = fmt.Sprint(max(0, next-random.IntN(100))) // again
		}
		if call(tr, user("ana"), 1, who) != nil {
			continue
		}
		next++
		all = append(all, seen{clock.Now(), who})
	}
	for i, first := range all {
		distinct := map[string]bool{}
		for _, s := range all[i:] {
			if s.at.Sub(first.at) > time.Hour {
				break
			}
			distinct[s.who] = true
		}
		if len(distinct) > most {
			t.Fatalf("%d people within an hour from %v on", len(distinct), first.at)
		}
	}
	if len(all) < 1000 {
		t.Errorf("%d people seen in all try little", len(all))
	}
}

func TestCallersAreBounded(t *testing.T) {
	tr, clock := start(traffic.Config{Limits: traffic.Limits{UserRate: 1, UserBurst: 5, UserPeoplePerHour: 10}, MaxCallers: 100})
	expect(t, "a harvester", call(tr, user("harvester"), 1, names(0, 10)...), nil, 0)
	for i := range 99 {
		expect(t, "somebody", call(tr, user(fmt.Sprint(i)), 1), nil, 0)
	}
	expect(t, "one too many", call(tr, user("new"), 1), traffic.ErrMemory, time.Second)
	expect(t, "who is remembered", call(tr, user("7"), 1), nil, 0)
	clock.pass(time.Second)
	for i := range 200 {
		_ = call(tr, user(fmt.Sprint("new ", i)), 1)
	}
	if callers, _ := tr.Remembered(); callers > 100 {
		t.Errorf("%d callers are remembered", callers)
	}
	expect(t, "the harvester again", call(tr, user("harvester"), 1, "new"), traffic.ErrPeople, 65*time.Minute-time.Second)
	clock.pass(2 * time.Hour)
	expect(t, "somebody after two hours", call(tr, user("late"), 1), nil, 0)
	if callers, people := tr.Remembered(); callers != 1 || people != 0 {
		t.Errorf("%d callers and %d people are remembered after two hours, want the last", callers, people)
	}
}

// TestCallersUnderWayAreRemembered has a caller be in a call while memory is looked through.
func TestCallersUnderWayAreRemembered(t *testing.T) {
	tr, clock := start(traffic.Config{Limits: traffic.Limits{UserPeoplePerHour: 10}, MaxCallers: 1})
	p, err := tr.Enter(user("ana"), nil)
	if err != nil {
		t.Fatal(err)
	}
	clock.pass(2 * time.Hour)
	expect(t, "another meanwhile", call(tr, user("jan"), 1), traffic.ErrMemory, time.Second)
	expect(t, "the call", p.Show(names(0, 10)...), nil, 0)
	p.Leave()
	clock.pass(time.Minute)
	expect(t, "another after it", call(tr, user("jan"), 1), traffic.ErrMemory, 64*time.Minute)
	expect(t, "the next call", call(tr, user("ana"), 1, "new"), traffic.ErrPeople, 64*time.Minute)
}

func TestPeopleRememberedAreBounded(t *testing.T) {
	tr, clock := start(traffic.Config{Limits: traffic.Limits{UserPeoplePerHour: 100}, MaxPeople: 150})
	expect(t, "a hundred", call(tr, user("ana"), 1, names(0, 100)...), nil, 0)
	expect(t, "too many", call(tr, user("jan"), 1, names(0, 51)...), traffic.ErrMemory, 5*time.Minute)
	expect(t, "as many as may be", call(tr, user("jan"), 1, names(0, 50)...), nil, 0)
	expect(t, "one more", call(tr, user("eva"), 1, "x"), traffic.ErrMemory, 5*time.Minute)
	expect(t, "whom she has seen", call(tr, user("ana"), 1, names(0, 100)...), nil, 0)
	if _, people := tr.Remembered(); people != 150 {
		t.Errorf("%d people are remembered", people)
	}
	clock.pass(2 * time.Hour)
	expect(t, "one after two hours", call(tr, user("eva"), 1, "x"), nil, 0)
	if _, people := tr.Remembered(); people != 1 {
		t.Errorf("%d people are remembered after two hours", people)
	}
}

func TestCost(t *testing.T) {
	for people, want := range map[int]int{0: 1, 1: 1, 100: 1, 101: 2, 200: 2, 1000: 10} {
		if got := traffic.Cost(people); got != want {
			t.Errorf("Cost(%d) = %d, want %d", people, got, want)
		}
	}
}

func TestCheck(t *testing.T) {
	nan := 0.0
	nan /= nan
	for _, row := range []struct {
		limits traffic.Limits
		want   string
	}{
		{traffic.Limits{}, ""},
		{traffic.Defaults(), ""},
		{traffic.Limits{UserBurst: 5}, ""},
		{traffic.Limits{UserRate: 0.01, AppRate: 1e6, TenantRate: 3, TenantBurst: 1, AppPeoplePerHour: 1}, ""},
		{traffic.Limits{UserRate: -1, AppRate: 1e7, TenantRate: nan}, "user_rate app_rate tenant_rate"},
		{traffic.Limits{UserRate: 0.001, AppBurst: -1, TenantBurst: 1_000_001}, "user_rate app_burst tenant_burst"},
		{traffic.Limits{UserPeoplePerHour: -1, AppPeoplePerHour: 1_000_001}, "user_people_per_hour app_people_per_hour"},
	} {
		var got []string
		row.limits.Check(func(path, what string) { got = append(got, path) })
		if strings.Join(got, " ") != row.want {
			t.Errorf("Check of %+v tells of %q, want %q", row.limits, got, row.want)
		}
	}
}

// TestTrafficTogether has many callers at once take exactly what each may: run it with -race.
func TestTrafficTogether(t *testing.T) {
	tr, _ := start(traffic.Config{Limits: traffic.Limits{UserRate: 1, UserBurst: 50, UserPeoplePerHour: 30}, MaxCallers: 10})
	var mu sync.Mutex
	called, saw := map[traffic.Who]int{}, map[traffic.Who]int{}
	var all sync.WaitGroup
	for g := range 16 {
		all.Go(func() {
			for i := range 100 {
				who := user(fmt.Sprint((g + i) % 8))
				p, err := tr.Enter(who, nil)
				if err != nil {
					t.Error(err)
					return
				}
				took := p.Take(1) == nil
				shown := p.Show(fmt.Sprint(g, " ", i)) == nil
				p.Leave()
				mu.Lock()
				if took {
					called[who]++
				}
				if shown {
					saw[who]++
				}
				mu.Unlock()
			}
		})
	}
	all.Wait()
	for i := range 8 {
		if who := user(fmt.Sprint(i)); called[who] != 50 || saw[who] != 30 {
			t.Errorf("%v made %d calls and saw %d people, want 50 and 30", who, called[who], saw[who])
		}
	}
}
