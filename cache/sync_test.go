package cache_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/peopleinsights/peopleinsights/cache"
	"github.com/peopleinsights/peopleinsights/cache/sourcetest"
	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
)

func TestChangeIsVisibleEverywhereAtOneRevision(t *testing.T) {
	run(t, cache.Config{}, people(4), func(f fixture) {
		before := f.Status().Freshness.Revision
		renamed, report := sourcetest.Someone(0), sourcetest.Someone(1)
		renamed.Profile.DisplayName, renamed.Profile.Email = "Zoe Newname", "zoe@contoso.com"
		report.ManagerID = sourcetest.ID(0)
		f.source.Put(renamed)
		f.source.Put(report)
		f.source.Remove(sourcetest.ID(3))
		f.pass(interval)

		if got := f.Status().Freshness.Revision; got != before+1 {
			t.Errorf("a round of three changes made revision %d of %d, want one more", got, before)
		}
		if got := f.suggest("zoe"); got != "Zoe Newname" {
			t.Errorf("Suggest(zoe) = %q", got)
		}
		if got := f.suggest("person d"); got != "" {
			t.Errorf("Suggest finds %q, who is gone", got)
		}
		if p, err := f.profile(email("zoe@contoso.com")); err != nil || p.Id != sourcetest.ID(0) {
			t.Errorf("the new address leads to %v, %v", p, err)
		}
		if p, _ := f.profile(id(1)); p.GetManager().GetDisplayName() != "Zoe Newname" {
			t.Errorf("the report's manager is %v, want the new name", p.GetManager())
		}
		if _, err := f.profile(id(3)); !errors.Is(err, cache.ErrNotFound) {
			t.Errorf("Profile of who is gone = %v, want %v", err, cache.ErrNotFound)
		}

		// The manager's name alone changes: the report's profile must not keep it.
		renamed.Profile.DisplayName = "Zoe Thirdname"
		f.source.Put(renamed)
		f.pass(interval)
		if p, _ := f.profile(id(1)); p.GetManager().GetDisplayName() != "Zoe Thirdname" {
			t.Errorf("the report's manager is %v, want the third name", p.GetManager())
		}
	})
}

func TestAddressMovesBetweenTwoPeopleInOneRound(t *testing.T) {
	run(t, cache.Config{}, people(2), func(f fixture) {
		a, b := sourcetest.Someone(0), sourcetest.Someone(1)
		a.Profile.Email, b.Profile.Email = b.Profile.Email, a.Profile.Email
		a.Proxies, b.Proxies = b.Proxies, a.Proxies
		f.source.Put(a)
		f.source.Put(b)
		f.pass(interval)
		for address, want := range map[string]string{"person.a@contoso.com": "Person B", "person.b@contoso.com": "Person A",
			"person.a@contoso.onmicrosoft.com": "Person B", "person.a@fabrikam.com": "Person A"} {
			if p, err := f.profile(email(address)); err != nil || p.DisplayName != want {
				t.Errorf("%s leads to %v, %v; want %s", address, p.GetDisplayName(), err, want)
			}
		}
	})
}

func TestReplayIsNoChange(t *testing.T) {
	run(t, cache.Config{}, people(3), func(f fixture) {
		before := f.Status()
		f.source.Put(sourcetest.Someone(1))
		f.source.Remove(sourcetest.ID(9)) // who never was
		f.pass(interval)
		after := f.Status()
		if after.Freshness.Revision != before.Freshness.Revision || after.PeopleFeed.Rounds != before.PeopleFeed.Rounds+1 {
			t.Errorf("after a replay: revision %d of %d, rounds %d of %d", after.Freshness.Revision,
				before.Freshness.Revision, after.PeopleFeed.Rounds, before.PeopleFeed.Rounds)
		}
		if !after.Freshness.AsOfTime.AsTime().After(before.Freshness.AsOfTime.AsTime()) {
			t.Error("the round did not make the copy any fresher")
		}
	})
}

func TestPartialChangeKeepsTheRest(t *testing.T) {
	source := people(2)
	hidden := sourcetest.Someone(0)
	hidden.Unlisted, hidden.ManagerID = true, sourcetest.ID(1)
	source.Put(hidden)
	run(t, cache.Config{}, source, func(f fixture) {
		update := cache.Person{Profile: &pb.Profile{Id: sourcetest.ID(0), JobTitle: "Director"}, ManagerID: "ignored"}
		update.Said.Add(8)  // job_title
		update.Said.Add(19) // mobile_phone, cleared
		f.source.Put(update)
		f.pass(interval)
		want := sourcetest.Someone(0).Profile
		want.JobTitle, want.MobilePhone = "Director", ""
		want.Manager = cache.Summary(sourcetest.Someone(1).Profile)
		want.OtherAddresses = []string{"person.a@contoso.onmicrosoft.com", "person.a@fabrikam.com"}
		got, _ := f.profile(id(0))
		if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
			t.Errorf("after a change of two fields (-want +got):\n%s", diff)
		}
		if got := f.suggest("person"); got != "Person B" {
			t.Errorf("Suggest after a change of two fields = %q, want the hidden one hidden", got)
		}
	})
}

func TestWhileFilling(t *testing.T) {
	var release chan struct{}
	newSource := func() *sourcetest.Memory {
		source := people(5)
		release = make(chan struct{})
		source.Before(func(ctx context.Context, method string) error {
			switch method {
			case "List":
				<-release
			case "Changes": // somebody comes after everybody was listed
				source.Before(nil)
				source.Put(sourcetest.Someone(5))
			}
			return nil
		})
		return source
	}
	runOver(t, cache.Config{}, newSource, func(f fixture) {
		if _, _, err := f.Suggest(cache.Invite{Query: "person", Limit: 5}); !errors.Is(err, cache.ErrFilling) {
			t.Errorf("Suggest while filling = %v, want %v", err, cache.ErrFilling)
		}
		for range 3 {
			if p, err := f.profile(email("person.c@contoso.com")); err != nil || p.DisplayName != "Person C" {
				t.Errorf("Profile while filling = %v, %v; want it read through", p, err)
			}
			f.pass(time.Second)
		}
		if n := f.source.Asked("Find"); n != 1 {
			t.Errorf("the source was asked %d times for one person, want once", n)
		}
		if s := f.Status(); s.State != pb.DirectoryState_DIRECTORY_STATE_FILLING || s.Freshness != nil {
			t.Errorf("Status while filling = %+v", s)
		}
		close(release)
		synctest.Wait()
		<-f.Filled()
		if s := f.Status(); s.State != pb.DirectoryState_DIRECTORY_STATE_CURRENT || s.People != 6 || s.Suggestible != 6 {
			t.Errorf("Status when filled = %+v", s)
		}
	})
}

func TestOutage(t *testing.T) {
	source := people(2)
	run(t, cache.Config{}, source, func(f fixture) {
		f.source.Before(func(context.Context, string) error {
			return fmt.Errorf("down: %w", cache.ErrUnavailable)
		})
		f.pass(interval)
		answer := f.Profile(f.t.Context(), id(1), cache.AnyAge)
		if answer.Err != nil || !answer.Freshness.Stale {
			t.Errorf("Profile of a held person = %v, stale %v; want them, stale", answer.Err, answer.Freshness.GetStale())
		}
		if got := f.suggest("person"); got != "Person A, Person B" {
			t.Errorf("Suggest in an outage = %q", got)
		}
		if _, err := f.profile(id(8)); !errors.Is(err, cache.ErrUnavailable) {
			t.Errorf("Profile of an unknown person = %v, want %v", err, cache.ErrUnavailable)
		}
		if s := f.Status(); s.State != pb.DirectoryState_DIRECTORY_STATE_STALE || s.PeopleFeed.Failure == nil {
			t.Errorf("Status in an outage = %+v", s)
		}
		f.source.Before(nil)
		f.pass(15 * time.Second) // the longest wait between two tries
		if s := f.Status(); s.State != pb.DirectoryState_DIRECTORY_STATE_CURRENT || s.PeopleFeed.Failure != nil || s.Freshness.Stale {
			t.Errorf("Status after the outage = %+v", s)
		}
	})
}

// asksToWait is a failure that says how long to wait.
type asksToWait struct{ error }

func (asksToWait) RetryAfter() time.Duration { return 5 * time.Minute }

func TestSourceThatAsksToWaitIsLeftAlone(t *testing.T) {
	run(t, cache.Config{}, people(1), func(f fixture) {
		f.source.Before(func(context.Context, string) error { return asksToWait{cache.ErrThrottled} })
		f.pass(interval)
		before := f.source.Asked("Changes")
		f.pass(5*time.Minute - time.Second)
		if n := f.source.Asked("Changes"); n != before {
			t.Errorf("the source was asked %d times while it wanted to be left alone", n-before)
		}
		f.pass(2 * time.Second)
		if n := f.source.Asked("Changes"); n != before+1 {
			t.Errorf("the source was asked %d times after the wait, want once", n-before)
		}
	})
}

func TestLostTokenRefillsBesideTheLiveCopy(t *testing.T) {
	run(t, cache.Config{}, people(4), func(f fixture) {
		before := f.Status()
		f.source.Remove(sourcetest.ID(2))
		f.source.LoseTokens()
		release := make(chan struct{})
		f.source.Before(func(_ context.Context, method string) error {
			if method == "List" {
				<-release
			}
			return nil
		})
		f.pass(interval)
		if got := f.suggest("person"); got != "Person A, Person B, Person C, Person D" {
			t.Errorf("Suggest while refilling = %q, want the live copy", got)
		}
		close(release)
		synctest.Wait()
		if got := f.suggest("person"); got != "Person A, Person B, Person D" {
			t.Errorf("Suggest after refilling = %q, want it without who was not seen", got)
		}
		if s := f.Status(); s.Freshness.Revision <= before.Freshness.Revision || s.Freshness.Epoch != before.Freshness.Epoch {
			t.Errorf("after refilling %v, before %v: want a later revision of one epoch", s.Freshness, before.Freshness)
		}
	})
}

func TestFailedRefillLeavesTheLiveCopy(t *testing.T) {
	run(t, cache.Config{}, people(3), func(f fixture) {
		f.source.LoseTokens()
		f.source.Before(func(_ context.Context, method string) error {
			if method == "List" {
				return cache.ErrUnavailable
			}
			return nil
		})
		f.pass(interval)
		if got := f.suggest("person"); got != "Person A, Person B, Person C" {
			t.Errorf("Suggest after a failed refill = %q", got)
		}
		f.source.Before(nil)
		f.pass(15 * time.Second)
		if s := f.Status(); s.State != pb.DirectoryState_DIRECTORY_STATE_CURRENT {
			t.Errorf("Status after the refill worked = %v", s.State)
		}
	})
}

func TestTooManyPeople(t *testing.T) {
	run(t, cache.Config{MaxPeople: 3}, people(4), func(f fixture) {
		if s := f.Status(); s.PeopleFeed.Failure == nil || !errors.Is(s.PeopleFeed.Failure.Err, cache.ErrTooManyPeople) || s.State != pb.DirectoryState_DIRECTORY_STATE_FILLING {
			t.Errorf("Status with one person too many = %+v", s)
		}
		f.source.Remove(sourcetest.ID(0))
		f.pass(interval) // listing everybody is costly, and of no use until somebody mends it
		f.source.Put(sourcetest.Someone(0))
		f.pass(2 * interval)
		if s := f.Status(); s.People != 3 || s.State != pb.DirectoryState_DIRECTORY_STATE_STALE {
			t.Errorf("Status after somebody too many came = %+v; want the three, stale", s)
		}
	})
}

// TestNoAnswerIsHalfOld has many readers while people change: an answer of a
// revision shows what that revision made, in look-ups, batches, managers and
// suggestions alike.
func TestNoAnswerIsHalfOld(t *testing.T) {
	const rounds = 300
	version := func(n int64) cache.Person {
		p := sourcetest.Someone(0)
		p.Profile.DisplayName = fmt.Sprintf("Version %04d", n)
		return p
	}
	source := &sourcetest.Memory{}
	source.Put(version(1))
	for i := 1; i < 20; i++ {
		p := sourcetest.Someone(i)
		p.ManagerID = sourcetest.ID(0)
		source.Put(p)
	}
	d, err := cache.New(cache.Config{Source: source, SyncInterval: time.Nanosecond, CacheBytes: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	ctx, stop := context.WithCancel(t.Context())
	var wait sync.WaitGroup
	defer wait.Wait()
	defer stop()
	wait.Go(func() { _ = d.Run(ctx) })
	<-d.Filled()

	check := func(what string, shown string, f *pb.Freshness) {
		if want := fmt.Sprintf("Version %04d", f.Revision); shown != want {
			t.Errorf("%s at revision %d shows %q", what, f.Revision, shown)
		}
	}
	for range 4 {
		wait.Go(func() {
			for ctx.Err() == nil && !t.Failed() {
				a := d.As(cache.Everything).Profile(ctx, id(0), cache.AnyAge)
				check("a look-up", a.Profile.GetDisplayName(), a.Freshness)
				a = d.As(cache.Everything).Profile(ctx, id(7), cache.AnyAge)
				check("a report's manager", a.Profile.GetManager().GetDisplayName(), a.Freshness)
				batch := d.As(cache.Everything).Profiles(ctx, []cache.Ref{id(0), id(3)})
				check("a batch", batch[1].Profile.GetManager().GetDisplayName(), batch[0].Freshness)
				found, freshness, err := d.As(cache.Everything).Suggest(cache.Invite{Query: "vers", Limit: 5})
				if err == nil {
					check("a suggestion", names(found), freshness)
				}
			}
		})
	}
	for n := int64(2); n <= rounds; n++ {
		source.Put(version(n))
		for d.Status().Freshness.Revision < n && !t.Failed() {
			<-time.After(time.Microsecond)
		}
	}
}

// told is a source whose rounds tell what a test has them tell.
type told struct {
	*sourcetest.Memory
	mu    sync.Mutex
	round []cache.Person
}

func (s *told) People() cache.Feed[cache.Person] { return toldFeed{s.Memory.People(), s} }

type toldFeed struct {
	cache.Feed[cache.Person]
	*told
}

func (s toldFeed) Changes(_ context.Context, token string) iter.Seq2[cache.Page[cache.Person], error] {
	return func(yield func(cache.Page[cache.Person], error) bool) {
		s.mu.Lock()
		round := s.round
		s.round = nil
		s.mu.Unlock()
		for _, p := range round {
			if !yield(cache.Page[cache.Person]{Items: []cache.Person{p}}, nil) {
				return
			}
		}
		yield(cache.Page[cache.Person]{Token: token}, nil)
	}
}

func (s *told) tell(round ...cache.Person) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.round = round
}

// part is a change that speaks of one field of somebody.
func part(i int, field protoreflect.FieldNumber, set func(*cache.Person)) cache.Person {
	p := cache.Person{Profile: &pb.Profile{Id: sourcetest.ID(i)}}
	p.Said.Add(field)
	set(&p)
	return p
}

// TestRoundsInAnyOrder has rounds tell of people in several parts, and of people who
// are gone or were never heard of.
func TestRoundsInAnyOrder(t *testing.T) {
	source := &told{Memory: people(3)}
	title := part(0, 8, func(p *cache.Person) { p.Profile.JobTitle = "Director" })
	department := part(0, 9, func(p *cache.Person) { p.Profile.Department = "Sales" })
	gone := cache.Person{Profile: &pb.Profile{Id: sourcetest.ID(1)}, Gone: true}
	echo := part(1, cache.FieldManager, func(p *cache.Person) { p.ManagerID = sourcetest.ID(0) })
	fresh := part(7, 8, func(p *cache.Person) { p.Profile.JobTitle = "Engineer" })
	run(t, cache.Config{Source: source}, source.Memory, func(f fixture) {
		source.Remove(sourcetest.ID(1))
		source.Put(sourcetest.Someone(7))
		both := part(8, 8, func(p *cache.Person) { p.Profile.JobTitle = "Engineer" }) // and then whole
		source.tell(title, gone, department, echo, fresh, both, sourcetest.Someone(8))
		f.pass(interval)
		if n := source.Asked("Find"); n != 2 {
			t.Errorf("the source was asked for %d people, want the two of whom a part alone was told", n)
		}
		if p := f.Profile(f.t.Context(), id(0), cache.AnyAge).Profile; p.GetJobTitle() != "Director" || p.GetDepartment() != "Sales" {
			t.Errorf("after two changes of one person in a round: %v", p)
		}
		if a := f.Profile(f.t.Context(), id(1), cache.AnyAge); !errors.Is(a.Err, cache.ErrNotFound) {
			t.Errorf("who is gone came back by an echo: %v", a.Profile)
		}
		if p := f.Profile(f.t.Context(), id(7), cache.AnyAge).Profile; p.GetDisplayName() != "Person H" {
			t.Errorf("somebody of whom a part was told is %v, want them whole", p)
		}
		if n := f.Status().People; n != 4 {
			t.Errorf("%d people are held, want 4", n)
		}
	})
}

func TestSilentSourceMakesAnswersStale(t *testing.T) {
	run(t, cache.Config{}, people(1), func(f fixture) {
		f.source.Before(func(ctx context.Context, _ string) error { <-ctx.Done(); return ctx.Err() })
		f.pass(2 * interval)
		if s := f.Status(); s.State != pb.DirectoryState_DIRECTORY_STATE_CURRENT {
			t.Errorf("after two intervals: %v", s.State)
		}
		f.pass(2 * interval)
		if s := f.Status(); s.State != pb.DirectoryState_DIRECTORY_STATE_STALE || !s.Freshness.Stale {
			t.Errorf("after four intervals of silence: %v, stale %v", s.State, s.Freshness.Stale)
		}
	})
}

// TestManagerWhoComesBack has a manager be gone for a while, during which everybody is
// listed anew and swept: no listing tells who their manager is, and no change does when
// they come back.
func TestManagerWhoComesBack(t *testing.T) {
	source := people(3)
	report := sourcetest.Someone(1)
	report.ManagerID = sourcetest.ID(0)
	source.Put(report)
	run(t, cache.Config{}, source, func(f fixture) {
		alone := sourcetest.Someone(1)
		f.source.Remove(sourcetest.ID(0))
		f.source.Slip(alone)
		f.source.LoseTokens()
		f.pass(2 * interval)
		if p, _ := f.profile(id(1)); p.GetManager() != nil {
			t.Errorf("the manager is gone, and shown: %v", p.GetManager())
		}
		if _, err := f.Refresh(f.t.Context(), cache.Refresh{Relist: true}); err != nil {
			t.Fatal(err)
		}
		if s := f.Status(); s.Sweep.Changed != 0 {
			t.Errorf("a sweep takes the manager who is gone for a difference: %+v", s.Sweep)
		}
		alone.Profile.JobTitle, report.Profile.JobTitle = "Director", "Director" // a real one
		f.source.Slip(alone)
		if _, err := f.Refresh(f.t.Context(), cache.Refresh{Relist: true}); err != nil || f.Status().Sweep.Changed != 1 {
			t.Errorf("a sweep of one difference: %v, %+v", err, f.Status().Sweep)
		}
		f.source.Slip(report)
		f.source.Put(sourcetest.Someone(0))
		f.pass(interval)
		if p, err := f.profile(email("person.b@contoso.com")); err != nil || p.GetManager().GetDisplayName() != "Person A" {
			t.Errorf("the manager who came back is %v, %v", p.GetManager(), err)
		}
		// Somebody whose manager is there, and who is listed without one, has none.
		f.source.Slip(alone)
		f.source.LoseTokens()
		f.pass(2 * interval)
		if p, _ := f.profile(id(1)); p.GetManager() != nil {
			t.Errorf("the manager was taken away, and is %v", p.GetManager())
		}
	})
}

// TestUnfinishedListingIsFinished has changes fail after everybody was listed.
func TestUnfinishedListingIsFinished(t *testing.T) {
	source := people(3)
	var mu sync.Mutex
	failing := cache.ErrUnavailable
	source.Before(func(_ context.Context, method string) error {
		mu.Lock()
		defer mu.Unlock()
		if method == "Changes" {
			return failing
		}
		return nil
	})
	run(t, cache.Config{}, source, func(f fixture) {
		f.pass(10 * time.Minute)
		if n := f.source.Asked("List"); n != 1 {
			t.Errorf("everybody was listed %d times, want once", n)
		}
		f.source.Put(sourcetest.Someone(3))
		mu.Lock()
		failing = cache.ErrTokenLost // always, from the first
		mu.Unlock()
		f.pass(time.Hour)
		if n := f.source.Asked("List"); n > 12 {
			t.Errorf("everybody was listed %d times in an hour, although no token is ever good", n)
		}
		mu.Lock()
		failing = nil
		mu.Unlock()
		f.pass(15 * time.Minute)
		if s := f.Status(); s.People != 4 || s.State != pb.DirectoryState_DIRECTORY_STATE_CURRENT {
			t.Errorf("afterwards %d people, %v", s.People, s.State)
		}
	})
}

// TestLargeRoundIsWhole has a round so large that it is made beside the live copy.
func TestLargeRoundIsWhole(t *testing.T) {
	run(t, cache.Config{MaxRemovedShare: 0.5}, crowd(1500), func(f fixture) {
		before := f.Status().Freshness.Revision
		for i := range 900 {
			p := member(i)
			p.Profile.DisplayName, p.Profile.Email = "Changed", fmt.Sprintf("new%d@contoso.com", i)
			f.source.Put(p)
		}
		f.remove(900, 1300)
		f.source.PutGroup(sourcetest.SomeGroup(0))
		f.pass(interval)
		s := f.Status()
		if s.People != 1100 || s.Suggestible != 1100 || s.Groups != 1 || s.Freshness.Revision != before+2 {
			t.Errorf("%d people, %d suggestible, %d groups, revision %d of %d", s.People, s.Suggestible, s.Groups, s.Freshness.Revision, before)
		}
		if p, err := f.profile(email("new7@contoso.com")); err != nil || p.DisplayName != "Changed" {
			t.Errorf("a new address leads to %v, %v", p, err)
		}
		if _, err := f.profile(email("m1000@contoso.com")); !errors.Is(err, cache.ErrNotFound) {
			t.Errorf("somebody removed: %v", err)
		}
	})
}

func TestPastFailureIsTold(t *testing.T) {
	run(t, cache.Config{}, people(1), func(f fixture) {
		f.source.Before(func(context.Context, string) error { return cache.ErrUnavailable })
		f.pass(interval)
		f.source.Before(nil)
		f.pass(interval)
		if s := f.Status().PeopleFeed; s.Failure != nil || s.Past == nil || !errors.Is(s.Past.Err, cache.ErrUnavailable) {
			t.Errorf("after a failure that is over: %v, past %v", s.Failure, s.Past)
		}
	})
}

// TestWaitingSourceIsTold has a source that is throttled for long while it fills.
func TestWaitingSourceIsTold(t *testing.T) {
	source := people(2)
	source.SetUsage(cache.Usage{Waiting: cache.ErrThrottled})
	source.Before(func(ctx context.Context, _ string) error { <-ctx.Done(); return ctx.Err() })
	run(t, cache.Config{}, source, func(f fixture) {
		if s := f.Status().PeopleFeed; s.Failure == nil || !errors.Is(s.Failure.Err, cache.ErrThrottled) {
			t.Errorf("while the source makes it wait: %v", s.Failure)
		}
		if _, _, err := f.Suggest(cache.Invite{Query: "p", Limit: 1}); !errors.Is(err, cache.ErrThrottled) {
			t.Errorf("Suggest meanwhile = %v, want %v", err, cache.ErrThrottled)
		}
	})
}

// TestManagerInTwoParts has a round tell in two parts that a manager has come and another
// gone, in both orders, and that one is gone.
func TestManagerInTwoParts(t *testing.T) {
	source := &told{Memory: people(5)}
	for i := 1; i < 4; i++ {
		p := sourcetest.Someone(i)
		p.ManagerID = sourcetest.ID(0)
		source.Put(p)
	}
	part := func(i int, came, gone string) cache.Person {
		return part(i, cache.FieldManager, func(p *cache.Person) { p.ManagerID, p.NoLonger = came, gone })
	}
	run(t, cache.Config{Source: source}, source.Memory, func(f fixture) {
		old, fresh := sourcetest.ID(0), sourcetest.ID(4)
		source.tell(part(1, fresh, ""), part(1, "", old), part(2, "", old), part(2, fresh, ""), part(3, "", old))
		f.pass(interval)
		for i, want := range map[int]string{1: "Person E", 2: "Person E", 3: ""} {
			if p, _ := f.profile(id(i)); p.GetManager().GetDisplayName() != want {
				t.Errorf("the manager of %d is %q, want %q", i, p.GetManager().GetDisplayName(), want)
			}
		}
	})
}
