package cache_test

import (
	"context"
	"errors"
	"iter"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/peopleinsights/peopleinsights/cache"
	"github.com/peopleinsights/peopleinsights/cache/sourcetest"
	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
)

func TestGroupsAreFollowed(t *testing.T) {
	source := people(2)
	for i := range 5 {
		source.PutGroup(sourcetest.SomeGroup(i))
	}
	run(t, cache.Config{}, source, func(f fixture) {
		if n := f.Status().Groups; n != 5 {
			t.Fatalf("%d groups are held, want 5", n)
		}
		before := f.Status().Freshness.Revision
		renamed := sourcetest.SomeGroup(1)
		renamed.DisplayName = "Group Newname"
		f.source.PutGroup(renamed)
		f.source.PutGroup(sourcetest.SomeGroup(6))
		f.source.RemoveGroup(sourcetest.SomeGroup(0).ID)
		f.source.RemoveGroup(sourcetest.SomeGroup(2).ID)
		f.source.PutGroup(sourcetest.SomeGroup(3)) // a replay
		f.pass(interval)
		s := f.Status()
		if s.Groups != 4 || s.Freshness.Revision != before+1 || s.GroupFeed.Changes != 5+4 {
			t.Errorf("after a round: %d groups, revision %d of %d, %d changes", s.Groups, s.Freshness.Revision, before, s.GroupFeed.Changes)
		}
		f.source.LosePeopleTokens()
		f.pass(interval)
		if s := f.Status(); s.Groups != 4 || s.PeopleFeed.Fillings != 2 || s.GroupFeed.Fillings != 1 {
			t.Errorf("after a refill of people: %d groups, %+v", s.Groups, s.GroupFeed)
		}
		f.source.LoseTokens()
		f.source.RemoveGroup(sourcetest.SomeGroup(1).ID)
		f.pass(interval)
		if s := f.Status(); s.Groups != 3 || s.GroupFeed.Fillings != 2 || s.People != 2 {
			t.Errorf("after lost tokens: %d groups, %+v", s.Groups, s.GroupFeed)
		}
	})
}

func TestPeopleAreServedWithoutGroups(t *testing.T) {
	source := people(2)
	denied := true
	var mu sync.Mutex
	source.Before(func(_ context.Context, method string) error {
		mu.Lock()
		defer mu.Unlock()
		if denied && method == "MarkGroups" {
			return cache.ErrDenied
		}
		return nil
	})
	source.PutGroup(sourcetest.SomeGroup(0))
	run(t, cache.Config{}, source, func(f fixture) {
		f.pass(3 * time.Hour)
		s := f.Status()
		if s.State != pb.DirectoryState_DIRECTORY_STATE_CURRENT || s.Freshness.Stale || s.GroupFeed.Failure == nil {
			t.Errorf("without groups: %v, stale %v, failure %v", s.State, s.Freshness.Stale, s.GroupFeed.Failure)
		}
		all := []pb.InviteeKind(nil)
		if lacks := f.Sources(all); len(lacks) != 1 || lacks[0].Source != pb.SuggestionSource_SUGGESTION_SOURCE_GROUPS || !lacks[0].AsOf.IsZero() || !errors.Is(lacks[0].Err, cache.ErrDenied) {
			t.Errorf("suggestions lack %+v, want groups that are denied", lacks)
		}
		if lacks := f.Sources([]pb.InviteeKind{pb.InviteeKind_INVITEE_KIND_PERSON}); lacks != nil {
			t.Errorf("suggestions of people lack %+v", lacks)
		}
		if err := f.Pick(id(0), sourcetest.SomeGroup(0).ID); !errors.Is(err, cache.ErrDenied) {
			t.Errorf("Pick of a group that could not be read = %v, want %v", err, cache.ErrDenied)
		}
		if n := f.source.Asked("MarkGroups"); n > 20 {
			t.Errorf("groups were asked for %d times in three hours, although they are denied", n)
		}
		mu.Lock()
		denied = false
		mu.Unlock()
		f.pass(15 * time.Minute)
		if s := f.Status(); s.Groups != 1 || s.GroupFeed.Failure != nil {
			t.Errorf("once they are permitted: %d groups, failure %v", s.Groups, s.GroupFeed.Failure)
		}
		if lacks := f.Sources(all); lacks != nil {
			t.Errorf("suggestions lack %+v, want nothing", lacks)
		}
		source.Before(func(_ context.Context, method string) error {
			if strings.HasSuffix(method, "Groups") {
				return cache.ErrUnavailable
			}
			return nil
		})
		f.pass(15 * time.Minute)
		if lacks := f.Sources(all); len(lacks) != 1 || lacks[0].AsOf.IsZero() || !errors.Is(lacks[0].Err, cache.ErrUnavailable) {
			t.Errorf("suggestions lack %+v, want groups of some minutes ago", lacks)
		}
		if got := f.suggest(sourcetest.SomeGroup(0).DisplayName); got != sourcetest.SomeGroup(0).DisplayName {
			t.Errorf("Suggest = %q while groups cannot be followed, want the group", got)
		}
	})
}

// tellsGroups is a source whose rounds of groups tell what a test has them tell.
type tellsGroups struct {
	*sourcetest.Memory
	mu    sync.Mutex
	round []cache.Group
}

func (s *tellsGroups) Groups() cache.Feed[cache.Group] { return groupTeller{s.Memory.Groups(), s} }

type groupTeller struct {
	cache.Feed[cache.Group]
	source *tellsGroups
}

func (f groupTeller) Changes(_ context.Context, token string) iter.Seq2[cache.Page[cache.Group], error] {
	return func(yield func(cache.Page[cache.Group], error) bool) {
		f.source.mu.Lock()
		round := f.source.round
		f.source.round = nil
		f.source.mu.Unlock()
		for _, g := range round {
			if !yield(cache.Page[cache.Group]{Items: []cache.Group{g}}, nil) {
				return
			}
		}
		yield(cache.Page[cache.Group]{Token: token}, nil)
	}
}

// TestGroupsInParts has a round tell of groups in several parts, as Graph does of
// those with many members, and of parts of groups that it never tells whole.
func TestGroupsInParts(t *testing.T) {
	source := &tellsGroups{Memory: people(1)}
	source.PutGroup(sourcetest.SomeGroup(0))
	source.PutGroup(sourcetest.SomeGroup(1))
	run(t, cache.Config{Source: source}, source.Memory, func(f fixture) {
		before := f.Status()
		slice := func(i int) cache.Group {
			return cache.Group{ID: sourcetest.SomeGroup(i).ID, MembersChanged: true, Said: cache.GroupMembers}
		}
		name := cache.Group{ID: sourcetest.SomeGroup(0).ID, DisplayName: "Renamed", Said: cache.GroupDisplayName}
		whole := sourcetest.SomeGroup(5)
		whole.Said = ^cache.GroupFields(0)
		gone := cache.Group{ID: sourcetest.SomeGroup(1).ID, Gone: true}
		source.mu.Lock()
		source.round = []cache.Group{slice(0), slice(5), name, slice(0), gone, whole, slice(5), slice(8), gone, slice(1)}
		source.mu.Unlock()
		f.pass(interval)
		after := f.Status()
		if after.Groups != 2 || after.Freshness.Revision != before.Freshness.Revision+1 {
			t.Errorf("after a round in parts: %d groups, revision %d; want 2, one more than %d",
				after.Groups, after.Freshness.Revision, before.Freshness.Revision)
		}
		if got := after.GroupFeed.Changes - before.GroupFeed.Changes; got != 3 {
			t.Errorf("a round in parts made %d changes, want 3", got)
		}
		if got, want := f.Group(sourcetest.SomeGroup(0).ID), sourcetest.SomeGroup(0); got == nil || got.DisplayName != "Renamed" || got.Email != want.Email {
			t.Errorf("a group of whom the name was told is %+v", got)
		}
		if got := f.Group(sourcetest.SomeGroup(5).ID); got == nil || got.DisplayName != "Group F" || got.Email == "" {
			t.Errorf("a new group in parts is %+v", got)
		}
	})
}

func TestGroupsHaveABrake(t *testing.T) {
	source := people(1)
	for i := range 80 {
		source.PutGroup(sourcetest.SomeGroup(i))
	}
	run(t, cache.Config{}, source, func(f fixture) {
		for i := range 60 {
			f.source.RemoveGroup(sourcetest.SomeGroup(i).ID)
		}
		f.pass(interval)
		s := f.Status()
		if back := s.HeldBack(); back != &s.GroupFeed || back.HeldBack != 60 || s.Groups != 80 || s.Freshness.Stale {
			t.Fatalf("after 60 of 80 groups went: held back %+v, %d groups, stale %v", back, s.Groups, s.Freshness.Stale)
		}
		if _, err := f.Refresh(f.t.Context(), cache.Refresh{ConfirmRemovals: true}); err != nil {
			t.Fatal(err)
		}
		if s := f.Status(); s.Groups != 20 || s.HeldBack() != nil {
			t.Errorf("after a confirmation: %d groups, held back %+v", s.Groups, s.HeldBack())
		}
	})
}
