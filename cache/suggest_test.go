package cache_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/peopleinsights/peopleinsights/cache"
	"github.com/peopleinsights/peopleinsights/cache/sourcetest"
	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
)

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

// TestSuggestWhileTheSourceRefuses tells a directory that is being read from one
// that cannot be.
func TestSuggestWhileTheSourceRefuses(t *testing.T) {
	newSource := func() *sourcetest.Memory {
		source := people(2)
		source.Before(func(context.Context, string) error { return fmt.Errorf("asking: %w", cache.ErrDenied) })
		return source
	}
	runOver(t, cache.Config{}, newSource, func(f fixture) {
		if _, _, err := f.Suggest(cache.Invite{Query: "p", Limit: 5}); !errors.Is(err, cache.ErrDenied) {
			t.Errorf("Suggest = %v, want %v", err, cache.ErrDenied)
		}
		f.source.Before(nil)
		f.pass(15 * time.Second)
		if got := f.suggest("person"); got != "Person A, Person B" {
			t.Errorf("Suggest when the source is well = %q", got)
		}
	})
}

// TestSuggestionsStartFromTheOrganizer has two people invite the same name.
func TestSuggestionsStartFromTheOrganizer(t *testing.T) {
	source := &sourcetest.Memory{}
	for i, place := range []struct{ manager, department, office string }{
		{"", "Sales", "Bern"}, {sourcetest.ID(0), "Research", "Oslo"}, {"", "Sales", "Rome"}, {"", "Finance", "Bern"}, {sourcetest.ID(3), "Finance", "Bern"},
	} {
		p := sourcetest.Someone(i)
		p.ManagerID, p.Profile.Department, p.Profile.OfficeLocation = place.manager, place.department, place.office
		source.Put(p)
	}
	run(t, cache.Config{}, source, func(f fixture) {
		for organizer, want := range map[int]string{
			0: "Person B, Person C, Person D, Person E",
			4: "Person D, Person A, Person B, Person C",
		} {
			got, _, err := f.Suggest(cache.Invite{Query: "person", Limit: 5, Organizer: id(organizer)})
			if err != nil || names(got) != want {
				t.Errorf("for %d: %q, %v; want %q", organizer, names(got), err, want)
			}
		}
		moved := sourcetest.Someone(2)
		moved.ManagerID, moved.Profile.OfficeLocation = sourcetest.ID(4), "Bern"
		f.source.Put(moved)
		f.pass(interval)
		if got, _, _ := f.Suggest(cache.Invite{Query: "person", Limit: 2, Organizer: id(4)}); names(got) != "Person D, Person C" {
			t.Errorf("after somebody moved near: %q", names(got))
		}
	})
}

// TestLargePartsAreMerged changes so many that the index has large parts to merge, and
// more while they are.
func TestLargePartsAreMerged(t *testing.T) {
	const many = 9000
	source := people(many)
	run(t, cache.Config{}, source, func(f fixture) {
		for i := range many / 4 {
			p := sourcetest.Someone(i)
			p.Profile.DisplayName = fmt.Sprintf("Renamed %d", i)
			source.Put(p)
		}
		f.pass(time.Minute + time.Second)
		p := sourcetest.Someone(many)
		p.Profile.DisplayName = "Renamed Afterwards"
		source.Put(p)
		f.pass(time.Minute)
		synctest.Wait()
		if f.Overdue() {
			t.Error("parts of the index are left unmerged")
		}
		if got := f.suggest("renamed 2077"); got != "Renamed 2077, Renamed 1077" { // whose employee id that is
			t.Errorf("Suggest = %q after the index was merged", got)
		}
		if got := f.suggest("afterwards"); got != "Renamed Afterwards" {
			t.Errorf("Suggest = %q, want who came while the index was merged", got)
		}
	})
}
