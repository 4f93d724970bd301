package cache_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/peopleinsights/peopleinsights/cache"
	"github.com/peopleinsights/peopleinsights/cache/sourcetest"
	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
)

const ofContact = pb.InviteeKind_INVITEE_KIND_CONTACT

func TestContactsAreFollowed(t *testing.T) {
	source := people(2)
	for i := range 5 {
		source.PutContact(sourcetest.SomeContact(i))
	}
	run(t, cache.Config{}, source, func(f fixture) {
		contact := cache.Invite{Query: "contact"}
		f.invite("filled", contact, "Contact A, Contact B, Contact C, Contact D, Contact E")
		before := f.Status().Freshness.Revision
		renamed, silent := sourcetest.SomeContact(1), sourcetest.SomeContact(3)
		renamed.DisplayName, renamed.Proxies = "Buyer Newname", []string{"newname@fabrikam.com"}
		silent.Email = ""
		f.source.PutContact(renamed)
		f.source.PutContact(silent)
		f.source.PutContact(sourcetest.SomeContact(6))
		f.source.RemoveContact(sourcetest.SomeContact(0).ID)
		f.source.PutContact(sourcetest.SomeContact(2)) // a replay
		f.pass(interval)
		s := f.Status()
		if s.Contacts != 5 || s.Freshness.Revision != before+1 || s.ContactFeed.Changes != 5+4 {
			t.Errorf("after a round: %d contacts, revision %d of %d, %d changes", s.Contacts, s.Freshness.Revision, before, s.ContactFeed.Changes)
		}
		f.invite("one is gone, one new, one has no address", contact, "Buyer Newname, Contact C, Contact E, Contact G")
		f.invite("one has another name", cache.Invite{Query: "newname"}, "Buyer Newname")
		f.invite("and another address", cache.Invite{Query: "newname@fabrikam.com"}, "Buyer Newname")
		f.source.LosePeopleTokens()
		f.source.Put(sourcetest.Someone(2))
		f.pass(interval)
		if s := f.Status(); s.Contacts != 5 || s.PeopleFeed.Fillings != 2 || s.ContactFeed.Fillings != 1 {
			t.Errorf("after a refill of people: %d contacts, %+v", s.Contacts, s.ContactFeed)
		}
		f.invite("contacts survive a refill of people", cache.Invite{Query: "newname"}, "Buyer Newname")
		f.source.LoseTokens()
		f.source.RemoveContact(sourcetest.SomeContact(1).ID)
		f.pass(interval)
		if s := f.Status(); s.Contacts != 4 || s.ContactFeed.Fillings != 2 {
			t.Errorf("after lost tokens: %d contacts, %+v", s.Contacts, s.ContactFeed)
		}
		if got := f.Contact(sourcetest.SomeContact(2).ID); got == nil || got.Company != "Fabrikam" {
			t.Errorf("Contact = %+v", got)
		}
		if _, err := f.profile(email("contact.c@fabrikam.com")); !errors.Is(err, cache.ErrNotFound) {
			t.Errorf("Profile of a contact's address = %v, want %v", err, cache.ErrNotFound)
		}
	})
}

// TestContactIsSuggestedWhole has all that a suggestion shows of a contact.
func TestContactIsSuggestedWhole(t *testing.T) {
	source := people(1)
	source.PutContact(sourcetest.SomeContact(0))
	source.PutGroup(sourcetest.SomeGroup(0))
	run(t, cache.Config{}, source, func(f fixture) {
		got, _, err := f.Suggest(cache.Invite{Query: "contact.a@contoso", Limit: 5})
		want := []*pb.Suggestion{{
			Kind: ofContact, Id: sourcetest.SomeContact(0).ID, DisplayName: "Contact A", Email: "contact.a@fabrikam.com", JobTitle: "Buyer",
			Department: "Purchasing", OfficeLocation: "Oslo 3", Source: pb.SuggestionSource_SUGGESTION_SOURCE_DIRECTORY_CONTACTS,
			Matches: []*pb.FieldMatch{{Field: pb.MatchField_MATCH_FIELD_OTHER_ADDRESS, Value: "contact.a@contoso.onmicrosoft.com", Ranges: []*pb.TextRange{{End: 17}}}},
		}}
		if diff := cmp.Diff(want, got, protocmp.Transform()); err != nil || diff != "" {
			t.Errorf("Suggest = %v (-want +got):\n%s", err, diff)
		}
		for query, want := range map[string]pb.SuggestionSource{
			"person": pb.SuggestionSource_SUGGESTION_SOURCE_PEOPLE, "group": pb.SuggestionSource_SUGGESTION_SOURCE_GROUPS,
		} {
			if got, _, _ := f.Suggest(cache.Invite{Query: query, Limit: 5}); len(got) != 1 || got[0].Source != want {
				t.Errorf("Suggest(%q) = %v, want one of %v", query, got, want)
			}
		}
		if err := f.Pick(id(0), sourcetest.SomeContact(0).ID); err != nil {
			t.Errorf("Pick of a contact = %v", err)
		}
		f.invite("a contact was picked", cache.Invite{Organizer: id(0)}, "Contact A")
		f.invite("and is excluded by id", cache.Invite{Organizer: id(0), Exclude: []cache.Ref{{ID: sourcetest.SomeContact(0).ID}}}, "")
		f.invite("and by an address", cache.Invite{Query: "contact", Exclude: []cache.Ref{email("contact.a@contoso.onmicrosoft.com")}}, "")
		f.invite("of its kind", cache.Invite{Query: "a", Kinds: []pb.InviteeKind{ofContact}}, "Contact A")
		f.invite("and not of others", cache.Invite{Query: "contact", Kinds: []pb.InviteeKind{pb.InviteeKind_INVITEE_KIND_PERSON, pb.InviteeKind_INVITEE_KIND_CONTACT_GROUP}}, "")
	})
}

// TestAllIsServedWithoutContacts has a source that may not read them at first.
func TestAllIsServedWithoutContacts(t *testing.T) {
	source := people(2)
	source.PutGroup(sourcetest.SomeGroup(0))
	source.PutContact(sourcetest.SomeContact(0))
	var mu sync.Mutex
	answer := fmt.Errorf("asking: %w", cache.ErrDenied)
	source.Before(func(_ context.Context, method string) error {
		mu.Lock()
		defer mu.Unlock()
		if strings.HasSuffix(method, "Contacts") {
			return answer
		}
		return nil
	})
	become := func(err error) {
		mu.Lock()
		defer mu.Unlock()
		answer = err
	}
	var log strings.Builder
	run(t, cache.Config{Log: slog.New(slog.NewTextHandler(&log, nil))}, source, func(f fixture) {
		f.pass(3 * time.Hour)
		s := f.Status()
		if s.State != pb.DirectoryState_DIRECTORY_STATE_CURRENT || s.Freshness.Stale || s.GroupFeed.Failure != nil || s.ContactFeed.Failure == nil {
			t.Errorf("without contacts: %v, stale %v, groups %v, contacts %v", s.State, s.Freshness.Stale, s.GroupFeed.Failure, s.ContactFeed.Failure)
		}
		if !strings.Contains(log.String(), "what=contacts") {
			t.Errorf("the log does not tell that contacts are not read: %s", log.String())
		}
		if n := f.source.Asked("MarkContacts"); n > 20 {
			t.Errorf("contacts were asked for %d times in three hours, although they are denied", n)
		}
		f.invite("the others", cache.Invite{Query: "a"}, "Person A, Group A")
		for _, row := range []struct {
			kinds []pb.InviteeKind
			lacks int
		}{
			{nil, 1}, {[]pb.InviteeKind{ofContact}, 1}, {[]pb.InviteeKind{pb.InviteeKind_INVITEE_KIND_GROUP, ofContact}, 1},
			{[]pb.InviteeKind{pb.InviteeKind_INVITEE_KIND_PERSON, pb.InviteeKind_INVITEE_KIND_GUEST, pb.InviteeKind_INVITEE_KIND_GROUP}, 0},
			{[]pb.InviteeKind{pb.InviteeKind_INVITEE_KIND_CONTACT_GROUP}, 0},
		} {
			lacks := f.Sources(row.kinds)
			if len(lacks) != row.lacks {
				t.Errorf("suggestions of %v lack %+v, want %d", row.kinds, lacks, row.lacks)
			}
			for _, l := range lacks {
				if l.Source != pb.SuggestionSource_SUGGESTION_SOURCE_DIRECTORY_CONTACTS || !l.AsOf.IsZero() || !errors.Is(l.Err, cache.ErrDenied) {
					t.Errorf("suggestions of %v lack %+v, want contacts that are denied", row.kinds, l)
				}
			}
		}
		if err := f.Pick(id(0), sourcetest.ID(8)); !errors.Is(err, cache.ErrUnknownPick) {
			t.Errorf("Pick of a stranger without contacts = %v, want %v", err, cache.ErrUnknownPick)
		}
		become(cache.ErrUnavailable)
		f.pass(15 * time.Minute)
		if err := f.Pick(id(0), sourcetest.ID(8)); !errors.Is(err, cache.ErrUnavailable) {
			t.Errorf("Pick of who may be a contact = %v, want %v", err, cache.ErrUnavailable)
		}
		become(nil)
		f.pass(15 * time.Minute)
		if s := f.Status(); s.Contacts != 1 || s.ContactFeed.Failure != nil || f.Sources(nil) != nil {
			t.Errorf("once they are permitted: %d contacts, failure %v, lacking %v", s.Contacts, s.ContactFeed.Failure, f.Sources(nil))
		}
		become(cache.ErrUnavailable)
		f.pass(15 * time.Minute)
		if lacks := f.Sources([]pb.InviteeKind{ofContact}); len(lacks) != 1 || lacks[0].AsOf.IsZero() || !errors.Is(lacks[0].Err, cache.ErrUnavailable) {
			t.Errorf("suggestions lack %+v, want contacts of some minutes ago", lacks)
		}
		f.invite("what was read is served", cache.Invite{Query: "contact"}, "Contact A")
	})
}

// tellsContacts is a source whose next round of contacts tells what a test has it tell.
type tellsContacts struct {
	*sourcetest.Memory
	mu    sync.Mutex
	round []cache.Contact
}

func (s *tellsContacts) Contacts() cache.Feed[cache.Contact] {
	return contactTeller{s.Memory.Contacts(), s}
}

type contactTeller struct {
	cache.Feed[cache.Contact]
	source *tellsContacts
}

func (f contactTeller) Changes(_ context.Context, token string) iter.Seq2[cache.Page[cache.Contact], error] {
	return func(yield func(cache.Page[cache.Contact], error) bool) {
		f.source.mu.Lock()
		round := f.source.round
		f.source.round = nil
		f.source.mu.Unlock()
		yield(cache.Page[cache.Contact]{Items: round, Token: token}, nil)
	}
}

// TestContactsInParts has a round tell parts of contacts: each property for itself.
func TestContactsInParts(t *testing.T) {
	source := &tellsContacts{Memory: people(1)}
	source.PutContact(sourcetest.SomeContact(0))
	run(t, cache.Config{Source: source}, source.Memory, func(f fixture) {
		want := cache.Contact{ID: sourcetest.SomeContact(0).ID, DisplayName: "N", GivenName: "G", Surname: "S", Email: "e@fabrikam.com",
			Proxies: []string{"p@fabrikam.com"}, JobTitle: "J", Department: "D", Company: "C", Office: "O"}
		var round []cache.Contact
		for field := cache.ContactDisplayName; field <= cache.ContactOffice; field <<= 1 {
			part := want
			part.Said = field
			round = append(round, part)
		}
		stranger := cache.Contact{ID: sourcetest.SomeContact(7).ID, Email: "x@fabrikam.com", Said: cache.ContactEmail}
		source.mu.Lock()
		source.round = append(round, stranger)
		source.mu.Unlock()
		f.pass(interval)
		if diff := cmp.Diff(&want, f.Contact(want.ID)); diff != "" || f.Status().Contacts != 1 {
			t.Errorf("after a round in parts: %d contacts (-want +got):\n%s", f.Status().Contacts, diff)
		}
		for _, change := range []func(*cache.Contact){
			func(c *cache.Contact) { c.Said, c.Office = cache.ContactOffice, "" },
			func(c *cache.Contact) { c.Said, c.Proxies = cache.ContactProxies, nil },
		} {
			change(&want)
			part := want
			source.mu.Lock()
			source.round = []cache.Contact{part}
			source.mu.Unlock()
			f.pass(interval)
		}
		want.Said = 0
		if diff := cmp.Diff(&want, f.Contact(want.ID)); diff != "" {
			t.Errorf("after some was taken away (-want +got):\n%s", diff)
		}
	})
}

func TestContactsAreBounded(t *testing.T) {
	source := people(1)
	for i := range 80 {
		source.PutContact(sourcetest.SomeContact(i))
	}
	run(t, cache.Config{MaxContacts: 81}, source, func(f fixture) {
		for i := range 60 {
			f.source.RemoveContact(sourcetest.SomeContact(i).ID)
		}
		f.pass(interval)
		s := f.Status()
		if back := s.HeldBack(); back != &s.ContactFeed || back.HeldBack != 60 || s.Contacts != 80 || s.Freshness.Stale {
			t.Fatalf("after 60 of 80 contacts went: held back %+v, %d contacts, stale %v", back, s.Contacts, s.Freshness.Stale)
		}
		refreshed, err := f.Refresh(f.t.Context(), cache.Refresh{ConfirmRemovals: true})
		if s := f.Status(); err != nil || refreshed.Changes != 60 || s.Contacts != 20 || s.HeldBack() != nil {
			t.Errorf("after a confirmation: %v, %d changes, %d contacts, held back %+v", err, refreshed.Changes, s.Contacts, s.HeldBack())
		}
		for i := range 62 {
			f.source.PutContact(sourcetest.SomeContact(100 + i))
		}
		f.pass(interval)
		if s := f.Status(); s.Contacts != 20 || s.ContactFeed.Failure == nil || !errors.Is(s.ContactFeed.Failure.Err, cache.ErrTooManyPeople) {
			t.Errorf("with more than may be held: %d contacts, %+v", s.Contacts, s.ContactFeed.Failure)
		}
	})
}

// TestSweepsListContactsAnew has a change that no round tells.
func TestSweepsListContactsAnew(t *testing.T) {
	run(t, cache.Config{}, people(1), func(f fixture) {
		f.source.PutContact(sourcetest.SomeContact(0))
		f.pass(interval)
		f.source.LoseContact(sourcetest.SomeContact(0).ID)
		f.pass(interval)
		f.invite("before the sweep", cache.Invite{Query: "contact"}, "Contact A")
		f.pass(2 * time.Hour)
		f.invite("after the sweep", cache.Invite{Query: "contact"}, "")
	})
}
