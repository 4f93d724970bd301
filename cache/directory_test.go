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
	t      *testing.T
	source *sourcetest.Memory
}

// run starts a directory over a source that has people, and calls test once the
// directory has done what it can do at once.
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
		config.Source = source
		config.SyncInterval = interval
		d, err := cache.New(config)
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- d.Run(ctx) }()
		synctest.Wait()
		test(fixture{d, t, source})
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

func id(i int) cache.Ref             { return cache.Ref{ID: sourcetest.ID(i)} }
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
		if after.Freshness.Revision != before.Freshness.Revision || after.Rounds != before.Rounds+1 {
			t.Errorf("after a replay: revision %d of %d, rounds %d of %d", after.Freshness.Revision,
				before.Freshness.Revision, after.Rounds, before.Rounds)
		}
		if !after.Freshness.AsOfTime.AsTime().After(before.Freshness.AsOfTime.AsTime()) {
			t.Error("the round did not make the copy any fresher")
		}
	})
}

func TestPartialChangeKeepsTheRest(t *testing.T) {
	run(t, cache.Config{}, people(1), func(f fixture) {
		update := cache.Person{Profile: &pb.Profile{Id: sourcetest.ID(0), JobTitle: "Director"}, ManagerID: "ignored"}
		update.Said.Add(8)  // job_title
		update.Said.Add(19) // mobile_phone, cleared
		f.source.Put(update)
		f.pass(interval)
		want := sourcetest.Someone(0).Profile
		want.JobTitle, want.MobilePhone = "Director", ""
		want.OtherAddresses = []string{"person.a@contoso.onmicrosoft.com", "person.a@fabrikam.com"}
		got, _ := f.profile(id(0))
		if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
			t.Errorf("after a change of two fields (-want +got):\n%s", diff)
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
		if s := f.Status(); s.State != pb.DirectoryState_DIRECTORY_STATE_STALE || s.Failure == nil {
			t.Errorf("Status in an outage = %+v", s)
		}
		f.source.Before(nil)
		f.pass(15 * time.Second) // the longest wait between two tries
		if s := f.Status(); s.State != pb.DirectoryState_DIRECTORY_STATE_CURRENT || s.Failure != nil || s.Freshness.Stale {
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

func TestTooManyPeople(t *testing.T) {
	run(t, cache.Config{MaxPeople: 3}, people(4), func(f fixture) {
		if s := f.Status(); s.Failure == nil || !errors.Is(s.Failure.Err, cache.ErrTooManyPeople) || s.State != pb.DirectoryState_DIRECTORY_STATE_FILLING {
			t.Errorf("Status with one person too many = %+v", s)
		}
		f.source.Remove(sourcetest.ID(0))
		f.pass(15 * time.Second)
		f.source.Put(sourcetest.Someone(0))
		f.pass(2 * interval)
		if s := f.Status(); s.People != 3 || s.State != pb.DirectoryState_DIRECTORY_STATE_STALE {
			t.Errorf("Status after somebody too many came = %+v; want the three, stale", s)
		}
	})
}

func TestWhoMayBeSuggested(t *testing.T) {
	source := &sourcetest.Memory{}
	for i, change := range []func(*cache.Person){
		func(*cache.Person) {},
		func(p *cache.Person) { p.Profile.AccountState = pb.AccountState_ACCOUNT_STATE_DISABLED },
		func(p *cache.Person) { p.Profile.Email = "" },
		func(p *cache.Person) { p.Unlisted = true },
		func(p *cache.Person) { p.Profile.UserType = pb.UserType_USER_TYPE_GUEST },
		func(*cache.Person) {},
	} {
		p := sourcetest.Someone(i)
		change(&p)
		source.Put(p)
	}
	run(t, cache.Config{}, source, func(f fixture) {
		for _, row := range []struct {
			invite cache.Invite
			want   string
		}{
			{cache.Invite{}, "Person A, Person F, Person E"},
			{cache.Invite{Organizer: email("u0@contoso.com")}, "Person F, Person E"},
			{cache.Invite{Exclude: []cache.Ref{id(5), email("nobody@contoso.com")}}, "Person A, Person E"},
			{cache.Invite{Kinds: []pb.InviteeKind{pb.InviteeKind_INVITEE_KIND_GUEST}}, "Person E"},
			{cache.Invite{Kinds: []pb.InviteeKind{pb.InviteeKind_INVITEE_KIND_PERSON}}, "Person A, Person F"},
		} {
			row.invite.Query, row.invite.Limit = "person", 50
			got, _, err := f.Suggest(row.invite)
			if err != nil || names(got) != row.want {
				t.Errorf("Suggest(%+v) = %q, %v; want %q", row.invite, names(got), err, row.want)
			}
		}
		if _, _, err := f.Suggest(cache.Invite{Query: "p", Limit: 5, Organizer: id(9)}); !errors.Is(err, cache.ErrUnknownOrganizer) {
			t.Errorf("Suggest for an unknown organizer = %v, want %v", err, cache.ErrUnknownOrganizer)
		}
		for i, state := range map[int]pb.AccountState{1: pb.AccountState_ACCOUNT_STATE_DISABLED, 3: pb.AccountState_ACCOUNT_STATE_ENABLED} {
			if p, err := f.profile(id(i)); err != nil || p.AccountState != state {
				t.Errorf("Profile(%d) = %v, %v; want them with %v", i, p, err, state)
			}
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
				a := d.Profile(ctx, id(0), cache.AnyAge)
				check("a look-up", a.Profile.GetDisplayName(), a.Freshness)
				a = d.Profile(ctx, id(7), cache.AnyAge)
				check("a report's manager", a.Profile.GetManager().GetDisplayName(), a.Freshness)
				batch := d.Profiles(ctx, []cache.Ref{id(0), id(3)})
				check("a batch", batch[1].Profile.GetManager().GetDisplayName(), batch[0].Freshness)
				found, freshness, err := d.Suggest(cache.Invite{Query: "vers", Limit: 5})
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

func TestRefs(t *testing.T) {
	for _, good := range []string{"ana@contoso.com", "ANA@Contoso.com", "o'brien+x@a.b", "pia_x.com#EXT#@contoso.onmicrosoft.com", "jürg@müller.ch"} {
		if ref, err := cache.ByEmail(good); err != nil || ref.Email != strings.ToLower(good) {
			t.Errorf("ByEmail(%q) = %v, %v", good, ref, err)
		}
	}
	for _, bad := range []string{"", "ana", "@contoso.com", "ana@", "a@b@c", "a b@c.d", "<a@b.c>", "a@b.c\n", "a,b@c.d", strings.Repeat("a", 320) + "@b.c", "a\xff@b.c"} {
		if ref, err := cache.ByEmail(bad); err == nil {
			t.Errorf("ByEmail(%q) = %v, want an error", bad, ref)
		}
	}
	if ref, err := cache.ByID("00000000-0000-4000-8000-00000000000A"); err != nil || ref.ID != "00000000-0000-4000-8000-00000000000a" {
		t.Errorf("ByID = %v, %v; want it in lower case", ref, err)
	}
	for _, bad := range []string{"", "7", "00000000-0000-4000-8000-00000000000g", "00000000-0000-4000-8000_000000000001", "{00000000-0000-4000-8000-000000000001}"} {
		if ref, err := cache.ByID(bad); err == nil {
			t.Errorf("ByID(%q) = %v, want an error", bad, ref)
		}
	}
}

func TestNewNeedsASource(t *testing.T) {
	if _, err := cache.New(cache.Config{}); err == nil {
		t.Error("New without a source works")
	}
}
