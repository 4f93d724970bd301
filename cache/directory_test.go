package cache_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/peopleinsights/peopleinsights/cache"
	"github.com/peopleinsights/peopleinsights/cache/sourcetest"
	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
)

const interval = time.Minute

// fixture is a running directory over a source in memory, in a bubble in which an
// hour passes at once.
type fixture struct {
	*cache.Directory
	cache.Reader // of everything
	t            *testing.T
	source       *sourcetest.Memory
}

// run starts a directory over a source that has people, or over config.Source, which
// wraps it, and calls test once the directory has done what it can do at once.
func run(t *testing.T, config cache.Config, source *sourcetest.Memory, test func(f fixture)) {
	t.Helper()
	runOver(t, config, func() *sourcetest.Memory { return source }, test)
}

// runOver is run with a source that is made inside the bubble, as one has to be that
// waits for the test.
func runOver(t *testing.T, config cache.Config, newSource func() *sourcetest.Memory, test func(f fixture)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		source := newSource()
		if config.Source == nil {
			config.Source = source
		}
		config.SyncInterval = interval
		d, err := cache.New(config)
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- d.Run(ctx) }()
		synctest.Wait()
		test(fixture{d, d.As(cache.Everything), t, source})
		stop()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("Run = %v, want %v", err, context.Canceled)
		}
		d.Close()
	})
}

func people(n int) *sourcetest.Memory {
	m := &sourcetest.Memory{}
	for i := range n {
		m.Put(sourcetest.Someone(i))
	}
	return m
}

// pass lets time pass, and everything happen that is due by then.
func (f fixture) pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

func (f fixture) profile(ref cache.Ref) (*pb.Profile, error) {
	f.t.Helper()
	answer := f.Profile(f.t.Context(), ref, cache.AnyAge)
	return answer.Profile, answer.Err
}

func (f fixture) suggest(query string) string {
	f.t.Helper()
	found, _, err := f.Suggest(cache.Invite{Query: query, Limit: 50})
	if err != nil {
		f.t.Fatalf("Suggest(%q) = %v", query, err)
	}
	return names(found)
}

func names(suggestions []*pb.Suggestion) string {
	var list []string
	for _, s := range suggestions {
		list = append(list, s.DisplayName)
	}
	return strings.Join(list, ", ")
}

func id(i int) cache.Ref { return cache.Ref{ID: sourcetest.ID(i)} }

func email(address string) cache.Ref { return cache.Ref{Email: address} }

func TestEveryAddressLeadsToItsPerson(t *testing.T) {
	source := people(3)
	report := sourcetest.Someone(1)
	report.ManagerID = sourcetest.ID(0)
	source.Put(report)
	run(t, cache.Config{}, source, func(f fixture) {
		want := sourcetest.Someone(1).Profile
		want.OtherAddresses = []string{"person.b@contoso.onmicrosoft.com", "person.b@fabrikam.com"}
		want.Manager = cache.Summary(sourcetest.Someone(0).Profile)
		for _, ref := range []cache.Ref{id(1), email("person.b@contoso.com"), email("u1@contoso.com"),
			email("person.b@contoso.onmicrosoft.com"), email("person.b@fabrikam.com")} {
			got, err := f.profile(ref)
			if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" || err != nil {
				t.Errorf("Profile(%v): %v, differs (-want +got):\n%s", ref, err, diff)
			}
		}
		if n := f.source.Asked("Find"); n != 0 {
			t.Errorf("the source was asked %d times for people who are held", n)
		}
	})
}

func TestSharedAddressLeadsToTheStrongestClaim(t *testing.T) {
	shared := func(i int, change func(*cache.Person)) cache.Person {
		p := sourcetest.Someone(i)
		change(&p)
		return p
	}
	source := &sourcetest.Memory{}
	source.Put(shared(0, func(p *cache.Person) { p.OtherMails = []string{"Team@contoso.com"} }))
	source.Put(shared(1, func(p *cache.Person) { p.Proxies = []string{"team@contoso.com"} }))
	source.Put(shared(2, func(p *cache.Person) { p.Profile.Email = "TEAM@contoso.com" }))
	run(t, cache.Config{}, source, func(f fixture) {
		for i, want := range []string{"Person C", "Person B", "Person A"} {
			got, err := f.profile(email("team@contoso.com"))
			if err != nil || got.DisplayName != want {
				t.Errorf("the address leads to %q, %v; want %q", got.GetDisplayName(), err, want)
			}
			f.source.Remove(sourcetest.ID(2 - i))
			f.pass(interval)
		}
	})
}

func TestAbsenceIsRememberedForAWhile(t *testing.T) {
	run(t, cache.Config{AbsenceTTL: 20 * time.Second}, people(1), func(f fixture) {
		nobody := email("nobody@contoso.com")
		ask := func() {
			if _, err := f.profile(nobody); !errors.Is(err, cache.ErrNotFound) {
				t.Errorf("Profile of nobody = %v, want %v", err, cache.ErrNotFound)
			}
			f.pass(time.Second)
		}
		ask()
		ask()
		if n := f.source.Asked("Find"); n != 1 {
			t.Errorf("the source was asked %d times within the while, want once", n)
		}
		f.pass(25 * time.Second)
		ask()
		if n := f.source.Asked("Find"); n != 2 {
			t.Errorf("the source was asked %d times after the while, want twice", n)
		}
	})
}

func TestWhoWasReadThroughDoesNotOutliveAChange(t *testing.T) {
	run(t, cache.Config{FoundTTL: time.Hour}, people(1), func(f fixture) {
		f.source.Put(sourcetest.Someone(1)) // just created: no round has told of them yet
		if p, err := f.profile(id(1)); err != nil || p.DisplayName != "Person B" {
			t.Fatalf("Profile of somebody just created = %v, %v", p, err)
		}
		f.pass(10 * time.Second)
		f.source.Remove(sourcetest.ID(1))
		f.source.Put(sourcetest.Someone(2)) // so that the round makes a revision
		f.pass(interval)
		if p, err := f.profile(id(1)); !errors.Is(err, cache.ErrNotFound) {
			t.Errorf("Profile of who is gone = %v, %v; want %v", p, err, cache.ErrNotFound)
		}
	})
}

func TestOneQuestionHoweverManyWait(t *testing.T) {
	run(t, cache.Config{}, people(1), func(f fixture) {
		release := make(chan struct{})
		f.source.Put(sourcetest.Someone(1))
		f.source.Before(func(ctx context.Context, method string) error {
			if method == "Find" {
				<-release
			}
			return ctx.Err()
		})
		impatient, leave := context.WithCancel(f.t.Context())
		left := make(chan error)
		defer leave()
		go func() { left <- f.Profile(impatient, id(1), cache.AnyAge).Err }()
		var wait sync.WaitGroup
		for range 50 {
			wait.Go(func() {
				if p, err := f.profile(id(1)); err != nil || p.DisplayName != "Person B" {
					t.Errorf("Profile = %v, %v", p, err)
				}
			})
		}
		synctest.Wait()
		leave()
		if err := <-left; !errors.Is(err, context.Canceled) {
			t.Errorf("the caller who left got %v, want %v", err, context.Canceled)
		}
		close(release)
		wait.Wait()
		if n := f.source.Asked("Find"); n != 1 {
			t.Errorf("the source was asked %d times, want once", n)
		}
	})
}

func TestSourceThatHangsIsUnavailable(t *testing.T) {
	run(t, cache.Config{LookupTimeout: 3 * time.Second}, people(1), func(f fixture) {
		f.source.Before(func(ctx context.Context, _ string) error {
			<-ctx.Done()
			return ctx.Err()
		})
		began := time.Now()
		if _, err := f.profile(id(7)); !errors.Is(err, cache.ErrUnavailable) || time.Since(began) != 3*time.Second {
			t.Errorf("Profile = %v after %v, want %v after 3s", err, time.Since(began), cache.ErrUnavailable)
		}
	})
}

func TestMaxAge(t *testing.T) {
	run(t, cache.Config{}, people(2), func(f fixture) {
		f.pass(10 * time.Second)
		renamed := sourcetest.Someone(1)
		renamed.Profile.DisplayName = "Person Now"
		f.source.Put(renamed)
		for _, row := range []struct {
			maxAge time.Duration
			want   string
		}{{cache.AnyAge, "Person B"}, {30 * time.Second, "Person B"}, {5 * time.Second, "Person Now"}, {0, "Person Now"}} {
			if got := f.Profile(f.t.Context(), id(1), row.maxAge); got.Err != nil || got.Profile.DisplayName != row.want {
				t.Errorf("Profile at most %v old = %v, %v; want %s", row.maxAge, got.Profile, got.Err, row.want)
			}
		}
		f.source.Before(func(context.Context, string) error { return cache.ErrUnavailable })
		if got := f.Profile(f.t.Context(), id(1), 0); !errors.Is(got.Err, cache.ErrUnavailable) {
			t.Errorf("Profile as of now in an outage = %v, %v; want %v", got.Profile, got.Err, cache.ErrUnavailable)
		}
	})
}

func TestBatchKeepsOrderAndTellsProblemsApart(t *testing.T) {
	run(t, cache.Config{}, people(3), func(f fixture) {
		f.source.Put(sourcetest.Someone(3)) // read through
		got := f.Profiles(f.t.Context(), []cache.Ref{id(2), email("nobody@contoso.com"), id(3), email("u0@contoso.com"), id(2)})
		for i, want := range []string{"Person C", "", "Person D", "Person A", "Person C"} {
			if got[i].Profile.GetDisplayName() != want || (want == "") != errors.Is(got[i].Err, cache.ErrNotFound) {
				t.Errorf("item %d = %v, %v; want %q", i, got[i].Profile.GetDisplayName(), got[i].Err, want)
			}
		}
	})
}

func TestNewNeedsASource(t *testing.T) {
	if _, err := cache.New(cache.Config{}); err == nil {
		t.Error("New without a source works")
	}
}

func TestAccountsWithoutAUserType(t *testing.T) {
	source := &sourcetest.Memory{}
	for i, upn := range []string{"old@contoso.com", "pia_fabrikam.com#ext#@contoso.com"} {
		p := sourcetest.Someone(i)
		p.Profile.UserType, p.Profile.UserPrincipalName = pb.UserType_USER_TYPE_UNSPECIFIED, upn
		source.Put(p)
	}
	run(t, cache.Config{}, source, func(f fixture) {
		fresh := sourcetest.Someone(2) // comes by a change, and is read through before it
		fresh.Profile.UserType = pb.UserType_USER_TYPE_UNSPECIFIED
		f.source.Put(fresh)
		for range 2 {
			for i, want := range []pb.UserType{pb.UserType_USER_TYPE_MEMBER, pb.UserType_USER_TYPE_GUEST, pb.UserType_USER_TYPE_MEMBER} {
				if p, err := f.profile(id(i)); err != nil || p.UserType != want {
					t.Errorf("Profile(%d) = %v, %v; want %v", i, p.GetUserType(), err, want)
				}
			}
			f.pass(interval)
		}
	})
}

func TestTooManyQuestionsAreRefusedAtOnce(t *testing.T) {
	run(t, cache.Config{MaxLookups: 2}, people(1), func(f fixture) {
		release := make(chan struct{})
		f.source.Before(func(context.Context, string) error { <-release; return cache.ErrNotFound })
		var wait sync.WaitGroup
		for i := range 2 {
			wait.Go(func() {
				if _, err := f.profile(id(7 + i)); !errors.Is(err, cache.ErrNotFound) {
					t.Errorf("Profile = %v, want %v", err, cache.ErrNotFound)
				}
			})
		}
		synctest.Wait()
		if _, err := f.profile(id(9)); !errors.Is(err, cache.ErrBusy) {
			t.Errorf("a third question = %v, want %v", err, cache.ErrBusy)
		}
		close(release)
		wait.Wait()
	})
}

// asksFor is a throttled source's failure that says how long to wait.
type asksFor time.Duration

func (a asksFor) Error() string             { return "throttled" }
func (a asksFor) Unwrap() error             { return cache.ErrThrottled }
func (a asksFor) RetryAfter() time.Duration { return time.Duration(a) }

// TestThrottledCallers has each caller wait as long as the source asks, if their time
// allows, and hear at once that it does not.
func TestThrottledCallers(t *testing.T) {
	for _, row := range []struct {
		asked, deadline, took time.Duration
		answered              bool
	}{
		{2 * time.Second, 9 * time.Second, 2 * time.Second, true},
		{2 * time.Second, time.Second, 0, false},      // gone by then
		{30 * time.Second, 9 * time.Minute, 0, false}, // longer than anybody waits
	} {
		t.Run(fmt.Sprint(row.asked, row.deadline), func(t *testing.T) {
			run(t, cache.Config{}, people(1), func(f fixture) {
				began := time.Now()
				f.source.Put(sourcetest.Someone(5))
				f.source.Before(func(_ context.Context, method string) error {
					if method == "Find" && time.Since(began) < row.asked {
						return asksFor(row.asked - time.Since(began))
					}
					return nil
				})
				ctx, cancel := context.WithTimeout(f.t.Context(), row.deadline)
				defer cancel()
				answer := f.Profile(ctx, id(5), cache.AnyAge)
				if took := time.Since(began); took != row.took || (answer.Err == nil) != row.answered {
					t.Errorf("answered with %v after %v, want an answer: %v, after %v", answer.Err, took, row.answered, row.took)
				}
				if wait, _ := cache.RetryAfter(answer.Err); !row.answered && wait != row.asked {
					t.Errorf("the error says to wait %v, want %v", wait, row.asked)
				}
			})
		})
	}
}

func TestLookupsAreCounted(t *testing.T) {
	run(t, cache.Config{}, people(2), func(f fixture) {
		f.source.Put(sourcetest.Someone(5))
		for _, ref := range []cache.Ref{id(0), id(1), id(5), id(5), id(9)} {
			_, _ = f.profile(ref)
			synctest.Wait()
		}
		got := f.Status().Lookups
		if got.Held != 2 || got.Asked != 2 || got.Remembered != 1 || got.Failed != 0 || got.MemoMisses != 2 {
			t.Errorf("after two held, one found, again, one absent: %+v", got)
		}
	})
}

// TestNoAnswerIsOfAnEarlierRevision has a question under way while people change: who asks
// the same afterwards has seen the change, and must not be told of the time before it.
func TestNoAnswerIsOfAnEarlierRevision(t *testing.T) {
	run(t, cache.Config{LookupTimeout: time.Hour}, people(1), func(f fixture) {
		f.source.Slip(sourcetest.Someone(1)) // there, and told by no round
		release := make(chan struct{})
		var first sync.Once
		f.source.Before(func(_ context.Context, method string) error {
			if method == "Find" {
				first.Do(func() { <-release })
			}
			return nil
		})
		earlier, later := make(chan cache.Answer), make(chan cache.Answer)
		ask := func(answer chan cache.Answer) { answer <- f.Profile(f.t.Context(), id(1), cache.AnyAge) }
		go ask(earlier)
		synctest.Wait()
		changed := sourcetest.Someone(0)
		changed.Profile.JobTitle = "Director"
		f.source.Put(changed)
		f.pass(interval)
		seen := f.Profile(f.t.Context(), id(0), cache.AnyAge).Freshness.GetRevision()
		go ask(later)
		synctest.Wait()
		close(release)
		if was := (<-earlier).Freshness.GetRevision(); was >= seen {
			t.Errorf("the question before the change has an answer of revision %d, want one below %d: this tries nothing", was, seen)
		}
		if got := (<-later).Freshness.GetRevision(); got < seen {
			t.Errorf("who has seen revision %d is answered of %d", seen, got)
		}
	})
}
