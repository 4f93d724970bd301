package cache_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/peopleinsights/peopleinsights/cache"
	"github.com/peopleinsights/peopleinsights/cache/sourcetest"
	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
)

// TestHiddenEmailsLeadToNobody looks somebody up by their e-mail, which is hidden: Exchange has it among the others, too.
func TestHiddenEmailsLeadToNobody(t *testing.T) {
	run(t, cache.Config{}, townsfolk(), func(f fixture) {
		view := hiding()
		view.Hides[sourcetest.ID(4)] = cache.SightOf(mail)
		f.Reader = f.As(view.Prepared())
		p, err := f.profile(email("person.e@contoso.com"))
		if err == nil {
			t.Errorf("look-up by the hidden e-mail: %v", p)
		}
		if a := f.Profile(f.t.Context(), email("person.e@contoso.com"), 0); !errors.Is(a.Err, cache.ErrNotFound) {
			t.Errorf("asked anew: %v, %v", a.Profile, a.Err)
		}
		m, _, _ := f.MatchAccounts([]string{"person.e@contoso.com"})
		if m[0].GetOutcome() != pb.AccountMatchOutcome_ACCOUNT_MATCH_OUTCOME_NOT_FOUND {
			t.Errorf("match: %v", m[0])
		}
	})
}

// TestMatchedAddressesAreShown matches an address that is hidden as the e-mail and shown as the user principal name.
func TestMatchedAddressesAreShown(t *testing.T) {
	source := townsfolk()
	p := sourcetest.Someone(4)
	p.Profile.UserPrincipalName = p.Profile.Email
	p.Proxies, p.OtherMails = nil, nil
	source.Put(p)
	run(t, cache.Config{}, source, func(f fixture) {
		f.Reader = f.As(cache.View{Sees: cache.Whole &^ cache.SightOf(mail), Unlisted: true}.Prepared())
		m, _, _ := f.MatchAccounts([]string{"person.e@contoso.com"})
		if m[0].GetMatchedAddress() == pb.MatchedAddress_MATCHED_ADDRESS_MAIL {
			t.Errorf("match: %v", m[0])
		}
	})
}

// TestSharedAddressMaxStaleness asks anew for somebody by an address that somebody hidden has, too.
func TestSharedAddressMaxStaleness(t *testing.T) {
	for _, without := range [][]int{nil, {1}} {
		run(t, cache.Config{}, townsfolk(without...), func(f fixture) {
			f.Reader = f.As(hiding(1).Prepared())
			fresh := f.Profile(f.t.Context(), email("shared@fabrikam.com"), 0)
			if fresh.Profile.GetDisplayName() != "Person E" {
				t.Errorf("without %v: fresh %v %v", without, fresh.Profile, fresh.Err)
			}
		})
	}
}

// TestCirclesDoNotTellHiddenManagers asks for the circle of somebody whose colleague's manager is hidden.
func TestCirclesDoNotTellHiddenManagers(t *testing.T) {
	run(t, cache.Config{}, townsfolk(), func(f fixture) {
		view := hiding()
		view.Hides[sourcetest.ID(7)] = cache.SightOf(manager)
		f.Reader = f.As(view.Prepared())
		found, _, err := f.Suggest(cache.Invite{Limit: 8, Organizer: id(5)})
		for _, s := range found {
			if s.GetId() == sourcetest.ID(7) {
				t.Errorf("the circle of 5 holds 7, whose manager is hidden: %v %v", s, err)
			}
		}
	})
}

// TestResumeAfterErasure resumes a watch by a shared address after who it led to was erased.
func TestResumeAfterErasure(t *testing.T) {
	run(t, cache.Config{}, townsfolk(), func(f fixture) {
		w := f.watch(cache.Position{}, email("shared@fabrikam.com"))
		from := w.end()
		e, err := f.Erase(f.t.Context(), id(1))
		if err != nil {
			t.Fatal(err, e)
		}
		w = f.watch(from, email("shared@fabrikam.com"))
		if got := w.news(); !strings.Contains(got, "Person E") {
			t.Errorf("resumed: %q, want Person E: the watcher still shows Person B, who is erased", got)
		}
		w.end()
	})
}

// TestLeaversAreReportedAndErased has somebody leave of whom something is held beside the record: it can be told, and erased.
func TestLeaversAreReportedAndErased(t *testing.T) {
	source := townsfolk()
	run(t, cache.Config{}, source, func(f fixture) {
		_, _ = f.Photo(f.t.Context(), id(4), 48)
		_, _ = f.Rich(f.t.Context(), sourcetest.ID(4))
		_ = f.Pick(id(5), sourcetest.ID(4))
		_ = f.Pick(id(4), sourcetest.ID(5))
		source.Remove(sourcetest.ID(4))
		f.pass(2 * interval)
		h, err := f.Holding(id(4))
		if err != nil {
			t.Errorf("Holding: %v %v", h, err)
		}
		e, err := f.Erase(f.t.Context(), id(4))
		if err != nil {
			t.Errorf("Erase: %v %v", e, err)
		}
	})
}

// TestHiddenAddressesCostAsMuch asks again for an address that is hidden, and for one that is nobody's.
func TestHiddenAddressesCostAsMuch(t *testing.T) {
	cost := map[string]int{}
	for _, address := range []string{"person.e@fabrikam.com", "nobody@fabrikam.com"} {
		run(t, cache.Config{}, townsfolk(), func(f fixture) {
			view := hiding()
			view.Hides[sourcetest.ID(4)] = cache.SightOf(otherAddresses)
			f.Reader = f.As(view.Prepared())
			_, _ = f.profile(email(address))
			f.pass(30 * time.Second)
			before := f.source.Asked("Find")
			_, _ = f.profile(email(address))
			cost[address] = f.source.Asked("Find") - before
		})
	}
	if cost["person.e@fabrikam.com"] != cost["nobody@fabrikam.com"] {
		t.Errorf("%v", cost)
	}
}

// TestReportOfWhoWasReadThrough has somebody read through by address, and reported and erased by id.
func TestReportOfWhoWasReadThrough(t *testing.T) {
	source := townsfolk(4)
	run(t, cache.Config{}, source, func(f fixture) {
		source.Put(townsfolkOf(4))
		_, _ = f.profile(email("person.e@contoso.com"))
		synctest.Wait()
		if h, err := f.Holding(id(4)); err != nil {
			t.Errorf("Holding: %v %v, although remembered: %v", h, err, f.Remembered("read: person.e@contoso.com"))
		}
		if _, err := f.Erase(f.t.Context(), id(4)); err != nil {
			t.Errorf("Erase: %v", err)
		}
	})
}

// TestKindsDoNotTellUserTypes suggests a guest whose user type is hidden.
func TestKindsDoNotTellUserTypes(t *testing.T) {
	source := townsfolk()
	g := sourcetest.Someone(4)
	g.Profile.UserType = pb.UserType_USER_TYPE_GUEST
	source.Put(g)
	run(t, cache.Config{}, source, func(f fixture) {
		f.Reader = f.As(cache.View{Sees: cache.Whole &^ cache.SightOf(userType), Unlisted: true}.Prepared())
		found, _, _ := f.Suggest(cache.Invite{Query: "person e", Limit: 1})
		if len(found) != 1 || found[0].Kind == pb.InviteeKind_INVITEE_KIND_GUEST {
			t.Errorf("%v", found)
		}
	})
}

// TestInitialsOfHiddenEmails searches by initials that only the hidden e-mail has.
func TestInitialsOfHiddenEmails(t *testing.T) {
	source := townsfolk()
	p := sourcetest.Someone(4)
	p.Profile.DisplayName, p.Profile.GivenName, p.Profile.Surname = "Жанна Щербакова", "Жанна", "Щербакова"
	p.Profile.Email = "quentin.zuckmayer@contoso.com"
	p.Proxies, p.OtherMails = nil, nil
	source.Put(p)
	run(t, cache.Config{}, source, func(f fixture) {
		f.Reader = f.As(cache.View{Sees: cache.Whole &^ cache.SightOf(mail), Unlisted: true}.Prepared())
		if got := f.suggest("qzuckm"); got != "" {
			t.Errorf("found by initials of the hidden address: %q", got)
		}
		if got := f.suggest("quentin"); got != "" {
			t.Errorf("found by the hidden address: %q", got)
		}
	})
}

// TestUnpreparedViews reads by a view that was not prepared.
func TestUnpreparedViews(t *testing.T) {
	run(t, cache.Config{}, townsfolk(), func(f fixture) {
		defer func() {
			if p := recover(); p != nil {
				t.Errorf("panic: %v", p)
			}
		}()
		f.Reader = f.As(hiding(4))
		_, _, _ = f.Suggest(cache.Invite{Query: "person e", Limit: 1})
	})
}

// TestViewsRemember reads by a view whose readers share what it shows, but for themselves.
func TestViewsRemember(t *testing.T) {
	run(t, cache.Config{}, townsfolk(), func(f fixture) {
		view := cache.View{Sees: cache.SightOf(displayName, manager), Unlisted: true, Name: "few"}.Prepared()
		as := func(self string) cache.Reader {
			v := view
			v.Self = self
			return f.As(v)
		}
		hits := func() int64 { return f.Status().Lookups.MemoHits }
		ask := func(r cache.Reader, i int) string {
			got := r.Profile(f.t.Context(), id(i), cache.AnyAge).Profile
			return strings.Join([]string{got.GetDisplayName(), got.GetJobTitle(), got.GetManager().GetDisplayName(), got.GetManager().GetJobTitle()}, "|")
		}
		before := hits()
		for _, row := range []struct {
			self string
			who  int
			want string
			hits int64
		}{
			{"", 4, "Person E||Person C|", 0}, {"", 4, "Person E||Person C|", 1}, {sourcetest.ID(1), 4, "Person E||Person C|", 2},
			{sourcetest.ID(4), 4, "Person E|Engineer|Person C|", 2}, {"", 4, "Person E||Person C|", 3},
			{sourcetest.ID(2), 4, "Person E||Person C|Engineer", 3}, {"", 4, "Person E||Person C|", 4},
		} {
			if got := ask(as(row.self), row.who); got != row.want || hits()-before != row.hits {
				t.Errorf("%d as %q: %s after %d hits, want %s after %d", row.who, row.self, got, hits()-before, row.want, row.hits)
			}
			synctest.Wait() // until it is remembered
		}
		p := sourcetest.Someone(2)
		p.Profile.DisplayName = "Another"
		f.source.Put(p)
		f.pass(2 * interval)
		if got := ask(as(""), 4); got != "Person E||Another|" {
			t.Errorf("after a change of the manager: %s", got)
		}
		other := f.As(cache.View{Sees: cache.SightOf(displayName), Unlisted: true, Name: "fewer"}.Prepared())
		if got := ask(other, 4); got != "Person E|||" {
			t.Errorf("by another view: %s", got)
		}
	})
}
