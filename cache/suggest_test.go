package cache_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
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

// explained are those whom an organizer's search finds for a reason, best first.
func (f fixture) explained(organizer int, reason pb.ScoreReason) string {
	f.t.Helper()
	explained, _, err := f.Explain(cache.Invite{Query: "person", Limit: 50, Organizer: id(organizer)})
	if err != nil {
		f.t.Fatalf("Explain for %d = %v", organizer, err)
	}
	var found []*pb.Suggestion
	for _, e := range explained {
		if slices.ContainsFunc(e.Parts, func(p *pb.ScorePart) bool { return p.Reason == reason }) {
			found = append(found, e.Suggestion)
		}
	}
	return names(found)
}

// TestTheReportingLineIsNear has a manager and the five above them be near, not the sixth,
// and a reporting line that is a circle end.
func TestTheReportingLineIsNear(t *testing.T) {
	for _, row := range []struct {
		what     string
		managers []int // of each person, the first of whom is the organizer
		want     string
	}{
		{"seven managers", []int{1, 2, 3, 4, 5, 6, 7}, "Person B, Person C, Person D, Person E, Person F, Person G"},
		{"two managers", []int{1, 2}, "Person B, Person C"},
		{"a circle above", []int{1, 2, 3, 1}, "Person B, Person D, Person C"}, // D is their peer, too
		{"a circle with the organizer", []int{1, 2, 0}, "Person B, Person C"},
		{"their own manager", []int{0}, ""},
	} {
		t.Run(row.what, func(t *testing.T) {
			source := people(9)
			for i, manager := range row.managers {
				p := sourcetest.Someone(i)
				p.ManagerID = sourcetest.ID(manager)
				source.Put(p)
			}
			run(t, cache.Config{}, source, func(f fixture) {
				if got := f.explained(0, pb.ScoreReason_SCORE_REASON_TEAM); got != row.want {
					t.Errorf("of the organizer's team are %q, want %q", got, row.want)
				}
			})
		})
	}
}

// TestTheCountryIsNear tells the organizer's country from their city.
func TestTheCountryIsNear(t *testing.T) {
	source := &sourcetest.Memory{}
	for i, place := range []struct{ city, country string }{
		{"Geneva", "Switzerland"}, {"Geneva", "United States"}, {"Bern", "Switzerland"}, {"Bern", ""}, {"Switzerland", "Geneva"},
	} {
		p := sourcetest.Someone(i)
		p.Profile.City, p.Profile.Country = place.city, place.country
		source.Put(p)
	}
	run(t, cache.Config{}, source, func(f fixture) {
		if got, want := f.explained(0, pb.ScoreReason_SCORE_REASON_COUNTRY), "Person C"; got != want {
			t.Errorf("of the organizer's country are %q, want %q", got, want)
		}
		f.invite("who is of it comes first", cache.Invite{Query: "person", Organizer: id(0)}, "Person C, Person B, Person D, Person E")
	})
}

// renamed are the people from one on to before another, with names that say so.
func renamed(from, to int) (list []cache.Person) {
	for i := from; i < to; i++ {
		p := sourcetest.Someone(i)
		p.Profile.DisplayName = fmt.Sprintf("Renamed %d", i)
		list = append(list, p)
	}
	return list
}

// TestLargePartsAreMerged changes so many that the index has large parts to merge, and
// some more before the merge ends: of both parts that are merged, and somebody new.
func TestLargePartsAreMerged(t *testing.T) {
	const many, changed = 4000, 1000
	called := func(name string, i int) cache.Person {
		p := sourcetest.Someone(i)
		p.Profile.DisplayName = name
		return p
	}
	source := people(many)
	source.Put(called("Vanishing A", many-1))
	run(t, cache.Config{}, source, func(f fixture) {
		f.Writing(f.t, func(apply func([]cache.Person, func())) {
			apply(append(renamed(0, changed), called("Vanishing B", 0), called("Vanishing C", 1)), nil)
			if !f.Overdue() {
				t.Error("no parts of the index are to be merged")
			}
			hidden := called("Meanwhile D", 1)
			hidden.Unlisted = true
			apply([]cache.Person{called("Meanwhile A", many-1), called("Meanwhile B", 0), called("Meanwhile C", many), hidden}, nil)
		})
		synctest.Wait()
		if f.Overdue() {
			t.Error("parts of the index are left unmerged")
		}
		f.invite("who changed first", cache.Invite{Query: "renamed 997"}, "Renamed 997")
		f.invite("who changed meanwhile", cache.Invite{Query: "meanwhile"}, "Meanwhile A, Meanwhile B, Meanwhile C")
		f.invite("who they were before", cache.Invite{Query: "vanishing"}, "")
	})
}

// TestGroupsThatChangeBesideManyPeopleAreKept has so many groups come that the live ones
// are replaced, while so many people change that they do so in a copy.
func TestGroupsThatChangeBesideManyPeopleAreKept(t *testing.T) {
	const many = 600
	source := people(many)
	source.PutGroup(sourcetest.SomeGroup(0))
	run(t, cache.Config{}, source, func(f fixture) {
		var groups []cache.Group
		for i := range many {
			g := sourcetest.SomeGroup(i)
			g.DisplayName = fmt.Sprintf("Choir %03d", i)
			groups = append(groups, g)
		}
		f.Writing(f.t, func(apply func([]cache.Person, func())) {
			apply(renamed(0, many), func() { f.ApplyGroups(f.t, groups) })
		})
		if n := f.Status().Groups; n != many {
			f.t.Fatalf("%d groups are held, want %d", n, many)
		}
		for _, g := range groups[:2] {
			if got := f.Group(g.ID); got == nil || got.DisplayName != g.DisplayName {
				t.Errorf("Group(%q) = %+v, want %s", g.ID, got, g.DisplayName)
			}
		}
		f.invite("a group", cache.Invite{Query: "choir 001"}, "Choir 001")
		f.invite("a person", cache.Invite{Query: "renamed 599"}, "Renamed 599")
	})
}
