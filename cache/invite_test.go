package cache_test

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/peopleinsights/peopleinsights/cache"
	"github.com/peopleinsights/peopleinsights/cache/sourcetest"
	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
)

// invite is Suggest, for names.
func (f fixture) invite(what string, q cache.Invite, want string) {
	f.t.Helper()
	if q.Limit == 0 {
		q.Limit = 50
	}
	got, freshness, err := f.Suggest(q)
	if err != nil || names(got) != want {
		f.t.Errorf("%s: Suggest(%q) = %q, %v; want %q", what, q.Query, names(got), err, want)
	}
	if revision := f.Status().Freshness.Revision; freshness.GetRevision() != revision {
		f.t.Errorf("%s: Suggest(%q) is of revision %d, want %d", what, q.Query, freshness.GetRevision(), revision)
	}
}

func TestGroupsComeAndGoInSuggestions(t *testing.T) {
	source := people(1)
	for i := range 4 {
		source.PutGroup(sourcetest.SomeGroup(i))
	}
	run(t, cache.Config{}, source, func(f fixture) {
		group := cache.Invite{Query: "group"}
		f.invite("filled", group, "Group A, Group B, Group C, Group D")
		before := f.Status().Freshness.Revision

		renamed, silent, bare := sourcetest.SomeGroup(1), sourcetest.SomeGroup(2), sourcetest.SomeGroup(3)
		renamed.DisplayName, renamed.Email, renamed.Proxies = "Choir", "choir@contoso.com", []string{"choir@contoso.com", "singers@contoso.com"}
		silent.Mail = false
		bare.Email = ""
		f.source.RemoveGroup(sourcetest.SomeGroup(0).ID)
		f.source.PutGroup(renamed)
		f.source.PutGroup(silent)
		f.source.PutGroup(bare)
		f.source.PutGroup(sourcetest.SomeGroup(4))
		f.invite("before the round", group, "Group A, Group B, Group C, Group D")
		f.pass(interval)
		if got := f.Status().Freshness.Revision; got != before+1 {
			t.Errorf("a round of five groups made revision %d of %d, want one more", got, before)
		}
		f.invite("one was removed, one renamed, two do without mail, one is new", group, "Group E")
		f.invite("by the new name", cache.Invite{Query: "choir"}, "Choir")
		f.invite("by the new alias", cache.Invite{Query: "singers@contoso.com"}, "Choir")
		f.invite("by the old address, which is another's but for a letter", cache.Invite{Query: "group.b@contoso.com"}, "Group E")
		f.invite("people stay", cache.Invite{Query: "person"}, "Person A")

		f.source.PutGroup(sourcetest.SomeGroup(2))
		f.source.PutGroup(sourcetest.SomeGroup(0))
		f.pass(interval)
		f.invite("one takes mail again, one is back", group, "Group A, Group C, Group E")
	})
}

// TestGroupsSurviveARefillOfPeople lists everybody anew, and groups not.
func TestGroupsSurviveARefillOfPeople(t *testing.T) {
	source := people(2)
	source.PutGroup(sourcetest.SomeGroup(0))
	run(t, cache.Config{}, source, func(f fixture) {
		f.source.LosePeopleTokens()
		f.source.Put(sourcetest.Someone(2))
		f.pass(interval)
		if s := f.Status(); s.PeopleFeed.Fillings != 2 || s.GroupFeed.Fillings != 1 || s.Groups != 1 {
			f.t.Fatalf("people were listed %d times and groups %d times, of which there is %d; want 2, 1 and 1",
				s.PeopleFeed.Fillings, s.GroupFeed.Fillings, s.Groups)
		}
		f.invite("the group", cache.Invite{Query: "group"}, "Group A")
		f.invite("the people", cache.Invite{Query: "person"}, "Person A, Person B, Person C")
		f.source.PutGroup(sourcetest.SomeGroup(1))
		f.pass(interval)
		f.invite("one group more", cache.Invite{Query: "group"}, "Group A, Group B")
	})
}

// TestKindsAndExclusions tells people, guests and groups apart, by what is asked for and by
// who is left out.
func TestKindsAndExclusions(t *testing.T) {
	const person, guest, group = pb.InviteeKind_INVITEE_KIND_PERSON, pb.InviteeKind_INVITEE_KIND_GUEST, pb.InviteeKind_INVITEE_KIND_GROUP
	source := people(3)
	stranger := sourcetest.Someone(2)
	stranger.Profile.UserType = pb.UserType_USER_TYPE_GUEST
	source.Put(stranger)
	for i := range 2 {
		g := sourcetest.SomeGroup(i)
		g.DisplayName = "Person " + g.DisplayName
		source.PutGroup(g)
	}
	run(t, cache.Config{}, source, func(f fixture) {
		groupA := cache.Ref{ID: sourcetest.SomeGroup(0).ID}
		for _, row := range []struct {
			what   string
			invite cache.Invite
			want   string
		}{
			{"all kinds", cache.Invite{}, "Person A, Person B, Person C, Person Group A, Person Group B"},
			{"members", cache.Invite{Kinds: []pb.InviteeKind{person}}, "Person A, Person B"},
			{"guests", cache.Invite{Kinds: []pb.InviteeKind{guest}}, "Person C"},
			{"groups", cache.Invite{Kinds: []pb.InviteeKind{group}}, "Person Group A, Person Group B"},
			{"in any order, and twice", cache.Invite{Kinds: []pb.InviteeKind{group, person, group}}, "Person A, Person B, Person Group A, Person Group B"},
			{"without a group", cache.Invite{Exclude: []cache.Ref{groupA}}, "Person A, Person B, Person C, Person Group B"},
			{"without a group and a person", cache.Invite{Exclude: []cache.Ref{groupA, email("person.a@contoso.com")}}, "Person B, Person C, Person Group B"},
			{"without a group, by its address", cache.Invite{Exclude: []cache.Ref{email("group.a@contoso.com")}}, "Person A, Person B, Person C, Person Group B"},
			{"without all of a kind", cache.Invite{Kinds: []pb.InviteeKind{guest}, Exclude: []cache.Ref{id(2)}}, ""},
			{"who is excluded makes room", cache.Invite{Limit: 2, Exclude: []cache.Ref{id(0)}}, "Person B, Person C"},
		} {
			row.invite.Query = "person"
			f.invite(row.what, row.invite, row.want)
		}
		picked := cache.Invite{Organizer: id(0), Kinds: []pb.InviteeKind{group}}
		f.invite("nobody was picked", picked, "")
		if err := f.Pick(id(0), groupA.ID); err != nil {
			t.Fatal(err)
		}
		f.invite("a group was picked", picked, "Person Group A")
		picked.Exclude = []cache.Ref{groupA}
		f.invite("and is excluded", picked, "")
	})
}

// TestOrganizersWhoAreNotToBeFound invite like others: the index does not hold them, and
// they are near their own all the same.
func TestOrganizersWhoAreNotToBeFound(t *testing.T) {
	for what, change := range map[string]func(*cache.Person){
		"disabled":     func(p *cache.Person) { p.Profile.AccountState = pb.AccountState_ACCOUNT_STATE_DISABLED },
		"hidden":       func(p *cache.Person) { p.Unlisted = true },
		"without mail": func(p *cache.Person) { p.Profile.Email, p.Proxies, p.OtherMails = "", nil, nil },
	} {
		source := &sourcetest.Memory{}
		for i := range 6 {
			p := sourcetest.Someone(i)
			p.Profile.Department = fmt.Sprint("Department ", i)
			source.Put(p)
		}
		organizer, report, peer, colleague := sourcetest.Someone(0), sourcetest.Someone(5), sourcetest.Someone(4), sourcetest.Someone(3)
		organizer.ManagerID, peer.ManagerID, report.ManagerID = sourcetest.ID(2), sourcetest.ID(2), sourcetest.ID(0)
		organizer.Profile.Department, colleague.Profile.Department = "Sales", "Sales"
		peer.Profile.Department, report.Profile.Department = "Legal", "Finance"
		change(&organizer)
		for _, p := range []cache.Person{organizer, report, peer, colleague} {
			source.Put(p)
		}
		t.Run(what, func(t *testing.T) {
			run(t, cache.Config{}, source, func(f fixture) {
				f.invite("somebody", cache.Invite{Query: "person", Organizer: id(0)}, "Person C, Person E, Person F, Person D, Person B")
				f.invite("the circle", cache.Invite{Organizer: id(0)}, "Person C, Person E, Person F")
			})
		})
	}
}

// TestPicksBringForward has somebody who was picked stand before a peer, until that is two
// weeks ago, and be forgotten once it no longer counts.
func TestPicksBringForward(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := people(4)
		for i, boss := range map[int]int{0: 3, 1: 3} {
			p := sourcetest.Someone(i)
			p.ManagerID = sourcetest.ID(boss)
			source.Put(p)
		}
		source.PutGroup(sourcetest.SomeGroup(0))
		d, err := cache.New(cache.Config{Source: source})
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- d.Run(ctx) }()
		synctest.Wait()
		stop() // or weeks would be thousands of rounds
		<-ended
		f := fixture{d, d.As(cache.Everything), t, source}
		person, circle := cache.Invite{Query: "person", Organizer: id(0)}, cache.Invite{Organizer: id(0)}
		f.invite("before any pick", person, "Person D, Person B, Person C")
		if err := f.Pick(id(0), sourcetest.ID(2)); err != nil {
			t.Fatal(err)
		}
		f.invite("at once", person, "Person C, Person D, Person B")
		f.invite("at once, circle", circle, "Person C, Person D, Person B")
		f.invite("for somebody else", cache.Invite{Query: "person", Organizer: id(1)}, "Person D, Person A, Person C")
		time.Sleep(2 * week)
		f.invite("after two weeks", person, "Person D, Person B, Person C")
		f.invite("after two weeks, circle", circle, "Person D, Person B, Person C")
		time.Sleep(10 * week)
		f.invite("while it counts", circle, "Person D, Person B, Person C")
		time.Sleep(time.Minute)
		f.invite("when it no longer counts", circle, "Person D, Person B")
	})
}

// TestPicksOfWhoIsGoneAreHarmless has those who were picked leave, and one of them return.
func TestPicksOfWhoIsGoneAreHarmless(t *testing.T) {
	source := people(4)
	for i := range 2 {
		source.PutGroup(sourcetest.SomeGroup(i))
	}
	run(t, cache.Config{}, source, func(f fixture) {
		for _, picked := range []string{sourcetest.ID(2), sourcetest.ID(3), sourcetest.SomeGroup(0).ID, sourcetest.SomeGroup(1).ID} {
			if err := f.Pick(id(0), picked); err != nil {
				t.Fatal(err)
			}
		}
		circle := cache.Invite{Organizer: id(0)}
		f.invite("all are there", circle, "Person C, Person D, Group A, Group B")
		hidden, silent := sourcetest.Someone(3), sourcetest.SomeGroup(1)
		hidden.Unlisted, silent.Mail = true, false
		f.source.Remove(sourcetest.ID(2))
		f.source.Put(hidden)
		f.source.RemoveGroup(sourcetest.SomeGroup(0).ID)
		f.source.PutGroup(silent)
		f.pass(interval)
		f.invite("two are gone, two are not to be found", circle, "")
		f.invite("of the others", cache.Invite{Query: "person", Organizer: id(0)}, "Person B")
		f.source.Put(sourcetest.Someone(2))
		f.pass(interval)
		f.invite("one has come back", circle, "Person C")
	})
}

// TestSearchesAnswerFromOneRevision renames everybody back and forth, people and groups,
// while others search: whatever they find has the name that was typed, and it is all or
// none of a kind. Each rename waits until all have searched since the one before. It runs in
// real time, for the race detector.
func TestSearchesAnswerFromOneRevision(t *testing.T) {
	const all, rounds, searchers = 30, 60, 3
	source := &sourcetest.Memory{PageSize: 100}
	rename := func(name string) {
		for i := range all {
			p := sourcetest.Someone(i)
			p.Profile.DisplayName, p.Profile.GivenName, p.Profile.Surname = fmt.Sprintf("%s %02d", name, i), name, fmt.Sprintf("%02d", i)
			source.Put(p)
			g := sourcetest.SomeGroup(i)
			g.DisplayName = fmt.Sprintf("%s Group %02d", name, i)
			source.PutGroup(g)
		}
	}
	names := [...]string{"Quebec", "Zulu"}
	rename(names[0])
	d, err := cache.New(cache.Config{Source: source, SyncInterval: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	ctx, stop := context.WithCancel(t.Context())
	var running, searching sync.WaitGroup
	running.Go(func() { _ = d.Run(ctx) })
	<-d.Filled()
	refresh := func() {
		if _, err := d.Refresh(ctx, cache.Refresh{}); err != nil {
			t.Error(err)
		}
	}
	refresh() // groups are read beside, and not to be renamed meanwhile
	if n := d.Status().Groups; n != all {
		t.Errorf("%d groups are held, want %d", n, all)
	}

	var mu sync.Mutex
	searched := sync.NewCond(&mu)
	var searches [searchers]int
	of := map[string]int{} // how many of a kind bear a name at a revision
	search := func(name string, q cache.Invite) {
		rows, freshness, err := d.As(cache.Everything).Suggest(q)
		if err != nil {
			t.Errorf("Suggest = %v", err)
			return
		}
		for _, row := range rows {
			if !strings.HasPrefix(row.GetDisplayName(), name) || len(row.GetMatches()) == 0 {
				t.Errorf("at revision %d, %q finds %v", freshness.GetRevision(), name, row)
			}
		}
		if n := len(rows); n != 0 && n != all {
			t.Errorf("at revision %d, %q finds %d, neither all nor none", freshness.GetRevision(), name, n)
		}
		mu.Lock()
		defer mu.Unlock()
		at := fmt.Sprint(freshness.GetRevision(), q.Kinds, name)
		if n, known := of[at]; known && n != len(rows) {
			t.Errorf("at revision %d, %q finds %d and %d", freshness.GetRevision(), name, n, len(rows))
		}
		of[at] = len(rows)
	}
	renaming := make(chan struct{})
	for i := range searchers {
		searching.Go(func() {
			for n := i; ; n++ {
				select {
				case <-renaming:
					return
				default:
				}
				kind := pb.InviteeKind_INVITEE_KIND_PERSON
				if n%3 == 0 {
					kind = pb.InviteeKind_INVITEE_KIND_GROUP
				}
				name := names[n%2]
				search(name, cache.Invite{Query: name, Limit: 2 * all, Kinds: []pb.InviteeKind{kind}})
				mu.Lock()
				searches[i]++
				searched.Broadcast()
				mu.Unlock()
				runtime.Gosched() // or the others would wait long where there are few processors
			}
		})
	}
	for n := range rounds {
		rename(names[1-n%2])
		refresh()
		mu.Lock()
		for i, before := range searches {
			for searches[i] < before+2 { // one may have begun before
				searched.Wait()
			}
		}
		mu.Unlock()
	}
	close(renaming)
	searching.Wait()
	stop()
	running.Wait()
}
