package insights_test

import (
	"strings"
	"testing"

	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/peopleinsights/peopleinsights/cache"
	"github.com/peopleinsights/peopleinsights/cache/sourcetest"
	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
	"github.com/peopleinsights/peopleinsights/server/auth"
	"github.com/peopleinsights/peopleinsights/server/insights"
)

// hidingTwo is a policy under which person 2 is hidden, and the mobile phone of person 1.
func hidingTwo(t *testing.T) func(*insights.Config) {
	policy := auth.NewPolicy(auth.PolicyConfig{Hidden: []auth.HiddenConfig{
		{Person: sourcetest.ID(2)}, {Person: sourcetest.ID(1), Fields: []string{"mobile_phone"}},
	}}, func(path, what string) { t.Errorf("%s: %s", path, what) })
	return func(c *insights.Config) { c.Tenants()["contoso"].Policy = policy }
}

// TestAudiences has each audience look somebody up.
func TestAudiences(t *testing.T) {
	caller := auth.Caller{Tenant: "contoso"}
	s := start(t, with(&caller), hidingTwo(t))
	guest := sourcetest.Someone(7)
	guest.Profile.UserType = pb.UserType_USER_TYPE_GUEST
	s.source.Put(guest)
	g := sourcetest.SomeGroup(0)
	s.source.PutGroup(g)
	s.source.PutMembers(g.ID, cache.Member{Summary: &pb.ProfileSummary{Id: sourcetest.ID(1), DisplayName: "x"}},
		cache.Member{Summary: &pb.ProfileSummary{Id: sourcetest.ID(2), DisplayName: "x"}})
	s.source.PutPhoto(sourcetest.ID(1), &cache.Photo{Data: []byte("image"), ContentType: "image/jpeg"})
	caller.Roles = auth.Operator
	if _, err := s.refresh(t, true, false); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		what          string
		of            auth.Caller
		all           bool // the whole profile, but for what is hidden
		photo, groups bool
	}{
		{"a service", auth.Caller{Subject: "app:1"}, true, true, true},
		{"a member", auth.Caller{Subject: "user:0", User: sourcetest.ID(0)}, true, true, true},
		{"a guest", auth.Caller{Subject: "user:7", User: sourcetest.ID(7)}, false, true, false},
		{"somebody who has left", auth.Caller{Subject: "user:99", User: sourcetest.ID(99)}, false, true, false},
		{"a partner", auth.Caller{Subject: "user:p/0", User: sourcetest.ID(0), Partner: "p"}, false, false, false},
	} {
		caller = row.of
		caller.Tenant, caller.Roles = "contoso", auth.Client|auth.Scheduler
		out, err := s.GetProfile(t.Context(), &pb.GetProfileRequest{Person: byID(sourcetest.ID(1))})
		if err != nil || out.GetProfile().GetDisplayName() != "Person B" || out.GetProfile().GetMobilePhone() != "" ||
			(out.GetProfile().GetJobTitle() != "") != row.all || (out.GetProfile().GetManager() != nil) != row.all {
			t.Errorf("%s sees %v, %v", row.what, out, err)
		}
		_, err = s.GetProfilePhoto(t.Context(), &pb.GetProfilePhotoRequest{Person: byID(sourcetest.ID(1))})
		expectShown(t, row.what+": a photo", err, row.photo)
		members, err := s.ExpandGroup(t.Context(), &pb.ExpandGroupRequest{Group: &pb.ExpandGroupRequest_GroupId{GroupId: g.ID}})
		expectShown(t, row.what+": a group", err, row.groups)
		if row.groups && (members.GetTotal() != 1 || members.GetUnreadable() != 0) {
			t.Errorf("%s: members %v", row.what, members)
		}
		_, err = s.GetReportingLine(t.Context(), &pb.GetReportingLineRequest{Person: byID(sourcetest.ID(1))})
		expectShown(t, row.what+": a reporting line", err, row.all)

		// Whoever is hidden is nobody.
		for _, refs := range [][2]*pb.PersonRef{{byID(sourcetest.ID(2)), byID(sourcetest.ID(55))}, {byEmail("person.c@contoso.com"), byEmail("person.z@contoso.com")}} {
			var told [2][]proto.Message
			for i, ref := range refs {
				_, err := s.GetProfile(t.Context(), &pb.GetProfileRequest{Person: ref})
				_, photo := s.GetProfilePhoto(t.Context(), &pb.GetProfilePhotoRequest{Person: ref})
				_, line := s.GetReportingLine(t.Context(), &pb.GetReportingLineRequest{Person: ref})
				_, pick := s.ReportPick(t.Context(), &pb.ReportPickRequest{Organizer: ref, PickedId: sourcetest.ID(1)})
				_, organizer := s.SuggestInvitees(t.Context(), &pb.SuggestInviteesRequest{Query: "p", Organizer: ref})
				for _, e := range []error{err, photo, line, pick, organizer} {
					told[i] = append(told[i], status.Convert(e).Proto())
				}
				batch, err := s.BatchGetProfiles(t.Context(), &pb.BatchGetProfilesRequest{People: []*pb.PersonRef{ref}})
				if err != nil {
					t.Fatal(err)
				}
				told[i] = append(told[i], batch.GetResults()[0])
				if told[i][0].(*spb.Status).GetCode() != int32(codes.NotFound) {
					t.Errorf("%s: %v is told of", row.what, ref)
				}
			}
			for i := range told[0] {
				if !proto.Equal(told[0][i], told[1][i]) {
					t.Errorf("%s: the hidden are told apart from the absent: %v, and %v", row.what, told[0][i], told[1][i])
				}
			}
		}
		found, err := s.SuggestInvitees(t.Context(), &pb.SuggestInviteesRequest{Query: "person"})
		for _, suggestion := range found.GetSuggestions() {
			if suggestion.GetId() == sourcetest.ID(2) || !row.all && suggestion.GetJobTitle() != "" {
				t.Errorf("%s is suggested %v", row.what, suggestion)
			}
		}
		if err != nil || len(found.GetSuggestions()) == 0 {
			t.Errorf("%s: %v, %v", row.what, found, err)
		}
	}
	// They see themselves.
	caller = auth.Caller{Tenant: "contoso", Subject: "user:2", User: sourcetest.ID(2), Roles: auth.Client}
	if out, err := s.GetProfile(t.Context(), &pb.GetProfileRequest{Person: byID(sourcetest.ID(2))}); err != nil || out.GetProfile().GetMobilePhone() == "" {
		t.Errorf("who is hidden sees %v, %v of themselves", out, err)
	}
}

// expectShown has something shown, or refused as the policy's.
func expectShown(t *testing.T, what string, err error, shown bool) {
	t.Helper()
	if shown {
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
		return
	}
	if code, reason, retry, _ := explain(t, err); code != codes.PermissionDenied || reason != "NOT_SHOWN" || retry {
		t.Errorf("%s: %v %s, want PermissionDenied NOT_SHOWN", what, code, reason)
	}
}

// TestPartnersSpeakForNobody has a partner call whose id is also that of a member.
func TestPartnersSpeakForNobody(t *testing.T) {
	caller := auth.Caller{Tenant: "contoso", Subject: "user:p/1", User: sourcetest.ID(1), Partner: "p", Roles: auth.Scheduler}
	s := start(t, with(&caller))
	out, err := s.SuggestInvitees(t.Context(), &pb.SuggestInviteesRequest{Query: "person b"})
	if err != nil || len(out.GetSuggestions()) == 0 || out.GetSuggestions()[0].GetId() != sourcetest.ID(1) {
		t.Errorf("whose id the partner has is not suggested, as organizers are not: %v, %v", out, err)
	}
	for _, organizer := range []*pb.PersonRef{byID(sourcetest.ID(1)), byID(sourcetest.ID(99)), byEmail("person.b@contoso.com")} {
		_, err := s.SuggestInvitees(t.Context(), &pb.SuggestInviteesRequest{Query: "person", Organizer: organizer})
		_, pick := s.ReportPick(t.Context(), &pb.ReportPickRequest{Organizer: organizer, PickedId: sourcetest.ID(1)})
		for _, err := range []error{err, pick} {
			if reason := reasonOf(t, err); reason != "NOT_YOURSELF" {
				t.Errorf("a partner for %v: %q, want NOT_YOURSELF", organizer, reason)
			}
		}
	}
	_, err = s.ReportPick(t.Context(), &pb.ReportPickRequest{PickedId: sourcetest.ID(0)})
	_, folder := s.ExpandGroup(t.Context(), &pb.ExpandGroupRequest{Group: &pb.ExpandGroupRequest_ContactFolderId{ContactFolderId: "f"}})
	for _, err := range []error{err, folder} {
		if reason := reasonOf(t, err); reason != "INVALID_REQUEST" {
			t.Errorf("a partner for nobody: %q, want INVALID_REQUEST", reason)
		}
	}
}

// TestErasePersonByCall erases somebody, reports on them before and after, and looks at the log.
func TestErasePersonByCall(t *testing.T) {
	s := start(t, hidingTwo(t), withContacts(t, books{book: book}))
	if _, err := s.SuggestInvitees(t.Context(), &pb.SuggestInviteesRequest{Query: "perla", Organizer: byID(sourcetest.ID(1))}); err != nil {
		t.Fatal(err)
	}
	report, err := s.ReportPerson(t.Context(), &pb.ReportPersonRequest{Person: byEmail("person.b@contoso.com")})
	if err != nil || report.GetPersonId() != sourcetest.ID(1) || report.GetOwnContacts() != 1 || report.GetManagerId() != sourcetest.ID(0) ||
		len(report.GetHidden()) != 4 || report.GetHidden()[1].GetAudience() != "guests" || strings.Join(report.GetHidden()[0].GetFields(), " ") != "mobile_phone" ||
		report.GetProfile().GetMobilePhone() == "" {
		t.Errorf("ReportPerson = %v, %v", report, err)
	}
	if hidden, err := s.ReportPerson(t.Context(), &pb.ReportPersonRequest{Person: byID(sourcetest.ID(2))}); err != nil || len(hidden.GetHidden()[0].GetFields()) != 0 {
		t.Errorf("ReportPerson of the hidden = %v, %v", hidden, err)
	}
	receipt, err := s.ErasePerson(t.Context(), &pb.ErasePersonRequest{Person: byEmail("person.b@contoso.com")})
	if err != nil || receipt.GetPersonId() != sourcetest.ID(1) || !receipt.GetProfile() || receipt.GetOwnContacts() != 1 || receipt.GetErasedPeople() != 1 ||
		len(receipt.GetReceiptId()) < 20 || receipt.GetEraseTime() == nil {
		t.Errorf("ErasePerson = %v, %v", receipt, err)
	}
	if !strings.Contains(s.log.String(), receipt.GetReceiptId()) || strings.Contains(s.log.String(), sourcetest.ID(1)) {
		t.Errorf("the log says %s", s.log)
	}
	report, err = s.ReportPerson(t.Context(), &pb.ReportPersonRequest{Person: byID(sourcetest.ID(1))})
	if err != nil || report.GetEraseTime() == nil || report.GetProfile() != nil || report.GetOwnContacts() != 0 {
		t.Errorf("ReportPerson afterwards = %v, %v", report, err)
	}
	for what, err := range map[string]error{
		"GetProfile": func() error {
			_, err := s.GetProfile(t.Context(), &pb.GetProfileRequest{Person: byID(sourcetest.ID(1))})
			return err
		}(),
		"ErasePerson": func() error {
			_, err := s.ErasePerson(t.Context(), &pb.ErasePersonRequest{Person: byID(sourcetest.ID(66))})
			return err
		}(),
	} {
		if code, reason, _, _ := explain(t, err); code != codes.NotFound || reason != "PERSON_NOT_FOUND" {
			t.Errorf("%s = %v %s", what, code, reason)
		}
	}
	for what, err := range map[string]error{
		"ErasePerson": func() error { _, err := s.ErasePerson(t.Context(), &pb.ErasePersonRequest{}); return err }(),
		"ReportPerson": func() error {
			_, err := s.ReportPerson(t.Context(), &pb.ReportPersonRequest{Person: byEmail("x")})
			return err
		}(),
	} {
		if code, _, _, fields := explain(t, err); code != codes.InvalidArgument || strings.Join(fields, "") == "" {
			t.Errorf("%s of nobody = %v naming %q", what, code, fields)
		}
	}
}
