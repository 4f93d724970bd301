package insights_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/peopleinsights/peopleinsights/cache/sourcetest"
	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
	"github.com/peopleinsights/peopleinsights/server/auth"
	"github.com/peopleinsights/peopleinsights/server/insights"
)

func policyHiding(t *testing.T, rows ...auth.HiddenConfig) *auth.Policy {
	return auth.NewPolicy(auth.PolicyConfig{Hidden: rows}, func(path, what string) { t.Errorf("%s: %s", path, what) })
}

// TestWatchesEndWithThePolicy changes the policy while a watch is under way.
func TestWatchesEndWithThePolicy(t *testing.T) {
	var tenants atomic.Pointer[map[string]*insights.Tenant]
	s := start(t, func(c *insights.Config) {
		now := c.Tenants()
		tenants.Store(&now)
		c.Tenants = func() map[string]*insights.Tenant { return *tenants.Load() }
	})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	stream, err := s.WatchProfiles(ctx, &pb.WatchProfilesRequest{People: []*pb.PersonRef{byID(sourcetest.ID(2))}})
	if err != nil {
		t.Fatal(err)
	}
	if first, err := stream.Recv(); err != nil {
		t.Fatal(first, err)
	}
	was := (*tenants.Load())["contoso"]
	next := map[string]*insights.Tenant{"contoso": {Directory: was.Directory, Contacts: was.Contacts, Policy: policyHiding(t, auth.HiddenConfig{Person: sourcetest.ID(2)})}}
	tenants.Store(&next)
	if _, err := s.GetProfile(t.Context(), &pb.GetProfileRequest{Person: byID(sourcetest.ID(2))}); err == nil {
		t.Fatal("the policy is not in force")
	}
	p := sourcetest.Someone(2)
	p.Profile.JobTitle = "Secret new title"
	s.source.Put(p)
	if _, err := s.refresh(t, false, false); err != nil {
		t.Fatal(err)
	}
	for {
		update, err := stream.Recv()
		if err != nil {
			if reason := reasonOf(t, err); reason != "STOPPING" {
				t.Errorf("the watch ends with %q, want STOPPING", reason)
			}
			return
		}
		for _, w := range update.GetPeople() {
			if w.GetProfile().GetJobTitle() != "" {
				t.Fatalf("the watch tells of who is hidden by now: %v", w.GetProfile().GetJobTitle())
			}
		}
	}
}

// TestWatchesEndWithTheAudience makes a member a guest while they watch.
func TestWatchesEndWithTheAudience(t *testing.T) {
	caller := auth.Caller{Tenant: "contoso", Subject: "user:0", User: sourcetest.ID(0), Roles: auth.Client | auth.Operator}
	s := start(t, with(&caller))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	stream, err := s.WatchProfiles(ctx, &pb.WatchProfilesRequest{People: []*pb.PersonRef{byID(sourcetest.ID(2))}})
	if err != nil {
		t.Fatal(err)
	}
	if first, err := stream.Recv(); err != nil {
		t.Fatal(first, err)
	}
	guest := sourcetest.Someone(0)
	guest.Profile.UserType = pb.UserType_USER_TYPE_GUEST
	s.source.Put(guest)
	if _, err := s.refresh(t, false, false); err != nil {
		t.Fatal(err)
	}
	if out, err := s.GetProfile(t.Context(), &pb.GetProfileRequest{Person: byID(sourcetest.ID(2))}); err != nil || out.GetProfile().GetJobTitle() != "" {
		t.Fatal("not a guest", out, err)
	}
	p := sourcetest.Someone(2)
	p.Profile.JobTitle = "Secret new title"
	s.source.Put(p)
	if _, err := s.refresh(t, false, false); err != nil {
		t.Fatal(err)
	}
	for {
		update, err := stream.Recv()
		if err != nil {
			if reason := reasonOf(t, err); reason != "STOPPING" {
				t.Errorf("the watch ends with %q, want STOPPING", reason)
			}
			return
		}
		for _, w := range update.GetPeople() {
			if w.GetProfile().GetJobTitle() == "Secret new title" {
				t.Fatalf("the watch of a guest tells what members see: %v", w.GetProfile().GetJobTitle())
			}
		}
	}
}

// TestEpochOfABatchOfNobody has a batch that finds nobody tell the epoch of its view.
func TestEpochOfABatchOfNobody(t *testing.T) {
	s := start(t, hidingTwo(t))
	var epochs []string
	for _, i := range []int{0, 2} {
		out, err := s.BatchGetProfiles(t.Context(), &pb.BatchGetProfilesRequest{People: []*pb.PersonRef{byID(sourcetest.ID(i))}})
		if err != nil {
			t.Fatal(err)
		}
		epochs = append(epochs, out.GetFreshness().GetEpoch())
	}
	if epochs[0] != epochs[1] {
		t.Errorf("epochs %v", epochs)
	}
}

// TestGuestsHaveNoCircle has a guest ask whom they are near to, which is not shown to them.
func TestGuestsHaveNoCircle(t *testing.T) {
	caller := auth.Caller{Tenant: "contoso", Roles: auth.Operator}
	s := start(t, with(&caller))
	guest := sourcetest.Someone(7)
	guest.Profile.UserType = pb.UserType_USER_TYPE_GUEST
	guest.ManagerID = sourcetest.ID(2)
	s.source.Put(guest)
	if _, err := s.refresh(t, true, false); err != nil {
		t.Fatal(err)
	}
	caller = auth.Caller{Tenant: "contoso", Subject: "user:7", User: sourcetest.ID(7), Roles: auth.Client | auth.Scheduler}
	// somebody else who reports to the same manager: team mates are told, too
	mate := sourcetest.Someone(1)
	mate.ManagerID = sourcetest.ID(2)
	s.source.Put(mate)
	was := caller
	caller = auth.Caller{Tenant: "contoso", Roles: auth.Operator}
	if _, err := s.refresh(t, true, false); err != nil {
		t.Fatal(err)
	}
	caller = was
	out, err := s.SuggestInvitees(t.Context(), &pb.SuggestInviteesRequest{})
	for _, x := range out.GetSuggestions() {
		if x.GetId() == sourcetest.ID(1) {
			t.Errorf("a guest is told that %s reports to whom they report to: %v", x.GetDisplayName(), err)
		}
	}
}
