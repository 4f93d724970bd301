package insights_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"github.com/peopleinsights/peopleinsights/cache"
	"github.com/peopleinsights/peopleinsights/cache/sourcetest"
	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
	"github.com/peopleinsights/peopleinsights/server/contacts"
	"github.com/peopleinsights/peopleinsights/server/insights"
)

func TestPhoto(t *testing.T) {
	s := start(t)
	s.source.PutPhoto(sourcetest.ID(1), &cache.Photo{Data: []byte("\xff\xd8\xff image"), ContentType: "image/jpeg"})
	out, err := s.GetProfilePhoto(t.Context(), &pb.GetProfilePhotoRequest{Person: byID(sourcetest.ID(1))})
	if err != nil || string(out.Data) != "\xff\xd8\xff image" || out.ContentType != "image/jpeg" || out.Etag == "" || out.NotModified || out.Freshness == nil {
		t.Fatalf("GetProfilePhoto = %v, %v", out, err)
	}
	again, err := s.GetProfilePhoto(t.Context(), &pb.GetProfilePhotoRequest{Person: byEmail("person.b@contoso.com"), IfNoneMatch: out.Etag})
	if err != nil || len(again.Data) > 0 || !again.NotModified || again.Etag != out.Etag {
		t.Errorf("GetProfilePhoto of a known one = %v, %v", again, err)
	}
	if other, err := s.GetProfilePhoto(t.Context(), &pb.GetProfilePhotoRequest{Person: byID(sourcetest.ID(1)), IfNoneMatch: "another"}); err != nil || len(other.Data) == 0 || other.NotModified {
		t.Errorf("GetProfilePhoto with another etag = %v, %v", other, err)
	}
	_, err = s.GetProfilePhoto(t.Context(), &pb.GetProfilePhotoRequest{Person: byID(sourcetest.ID(2))})
	if code, reason, _, _ := explain(t, err); code != codes.NotFound || reason != "PHOTO_NOT_FOUND" {
		t.Errorf("no photo = %v %s", code, reason)
	}
}

func TestRichProfile(t *testing.T) {
	s := start(t)
	s.source.PutRich(sourcetest.ID(1), &pb.Profile{AboutMe: "I build bridges.", Skills: []string{"Go"}})
	get := func(p ...string) *pb.GetProfileResponse {
		t.Helper()
		out, err := s.GetProfile(t.Context(), &pb.GetProfileRequest{Person: byEmail("person.b@contoso.com"), ReadMask: paths(p...)})
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	for _, plain := range [][]string{nil, {"display_name"}, {"manager"}} {
		if out := get(plain...); len(out.Profile.Skills) > 0 || s.source.Asked("Rich") > 0 {
			t.Errorf("read_mask %v asks for the rich profile: %v", plain, out)
		}
	}
	if out := get("skills"); !proto.Equal(out.Profile, &pb.Profile{Skills: []string{"Go"}}) || out.RichProfileProblem != nil {
		t.Errorf("skills = %v", out)
	}
	if out := get("*"); out.Profile.AboutMe != "I build bridges." || out.Profile.DisplayName != "Person B" {
		t.Errorf("all = %v", out)
	}
	if out := get(); out.Profile.AboutMe != "" {
		t.Errorf("what was asked for with the rich profile is in the next answer: %v", out)
	}
	// Somebody whose rich profile is refused has all the rest.
	s.source.Refuse(sourcetest.ID(2), missing("User.Read.All"))
	out, err := s.GetProfile(t.Context(), &pb.GetProfileRequest{Person: byID(sourcetest.ID(2)), ReadMask: paths("*")})
	if err != nil || out.Profile.DisplayName != "Person C" || out.RichProfileProblem.GetReason() != pb.ErrorReason_ERROR_REASON_SOURCE_DENIED {
		t.Errorf("a refused rich profile = %v, %v", out, err)
	}
}

// TestSlowRichProfileHarmsNothing has it take longer than the caller has.
// hurried has the service end calls after a while. Their callers have no deadline, which
// could pass while the answer is on its way.
func hurried(c *insights.Config) { c.DefaultDeadline = 300 * time.Millisecond }

func TestSlowRichProfileHarmsNothing(t *testing.T) {
	s := start(t, hurried)
	s.source.Before(func(ctx context.Context, method string) error {
		if method == "Rich" {
			<-ctx.Done()
		}
		return ctx.Err()
	})
	out, err := s.GetProfile(t.Context(), &pb.GetProfileRequest{Person: byID(sourcetest.ID(1)), ReadMask: paths("*")})
	if err != nil || out.Profile.DisplayName != "Person B" || out.RichProfileProblem.GetReason() != pb.ErrorReason_ERROR_REASON_DEADLINE_EXCEEDED {
		t.Errorf("GetProfile = %v, %v", out, err)
	}
}

func TestReportingLine(t *testing.T) {
	s := start(t)
	get := func(in *pb.GetReportingLineRequest) *pb.GetReportingLineResponse {
		t.Helper()
		out, err := s.GetReportingLine(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	out := get(&pb.GetReportingLineRequest{Person: byID(sourcetest.ID(1))})
	if len(out.Managers) != 1 || out.Managers[0].Id != sourcetest.ID(0) || len(out.DirectReports) > 0 || out.TotalDirectReports > 0 || out.Freshness == nil {
		t.Errorf("a line = %v", out)
	}
	first := get(&pb.GetReportingLineRequest{Person: byEmail("person.a@contoso.com"), IncludeDirectReports: true, PageSize: 1})
	second := get(&pb.GetReportingLineRequest{Person: byEmail("PERSON.a@contoso.com"), IncludeDirectReports: true, PageSize: 1, PageToken: first.NextPageToken})
	if len(first.DirectReports) != 1 || len(second.DirectReports) != 1 || first.TotalDirectReports != 2 || second.NextPageToken != "" ||
		first.DirectReports[0].DisplayName != "Person B" || second.DirectReports[0].DisplayName != "Person C" {
		t.Errorf("reports = %v and %v", first, second)
	}
	_, err := s.GetReportingLine(t.Context(), &pb.GetReportingLineRequest{Person: byID(sourcetest.ID(1)), IncludeDirectReports: true, PageToken: first.NextPageToken})
	if _, _, _, fields := explain(t, err); len(fields) != 1 || fields[0] != "page_token" {
		t.Errorf("another person's token = %v", err)
	}
}

func TestMatchAccounts(t *testing.T) {
	s := start(t)
	out, err := s.MatchAccounts(t.Context(), &pb.MatchAccountsRequest{Emails: []string{"PERSON.B@contoso.com", "nobody@contoso.com", "", "person.c@fabrikam.com"}})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range out.Matches {
		got = append(got, fmt.Sprint(m.Email, " ", m.Outcome, " ", m.PersonId))
	}
	want := []string{"PERSON.B@contoso.com ACCOUNT_MATCH_OUTCOME_MATCHED " + sourcetest.ID(1), "nobody@contoso.com ACCOUNT_MATCH_OUTCOME_NOT_FOUND ",
		" ACCOUNT_MATCH_OUTCOME_INVALID ", "person.c@fabrikam.com ACCOUNT_MATCH_OUTCOME_MATCHED " + sourcetest.ID(2)}
	if diff := cmp.Diff(want, got); diff != "" || out.Freshness == nil {
		t.Errorf("matches differ (-want +got):\n%s", diff)
	}
}

// member is somebody of the suite as a member.
func member(i int) cache.Member {
	return cache.Member{Kind: cache.MemberPerson, Summary: cache.Summary(sourcetest.Someone(i).Profile)}
}

func TestExpandGroup(t *testing.T) {
	s := start(t)
	group := sourcetest.SomeGroup(1)
	s.source.PutGroup(group)
	s.source.PutMembers(group.ID, member(0), member(1), member(2), cache.Member{Kind: cache.MemberOther})
	if _, err := s.refresh(t, false, false); err != nil {
		t.Fatal(err)
	}
	in := &pb.ExpandGroupRequest{Group: &pb.ExpandGroupRequest_GroupId{GroupId: group.ID}, PageSize: 2}
	first, err := s.ExpandGroup(t.Context(), in)
	if err != nil || len(first.Members) != 2 || first.Total != 3 || first.Others != 1 || first.NextPageToken == "" {
		t.Fatalf("ExpandGroup = %v, %v", first, err)
	}
	in.PageToken = first.NextPageToken
	second, err := s.ExpandGroup(t.Context(), in)
	if err != nil || len(second.Members) != 1 || second.Members[0].DisplayName != "Person C" || second.NextPageToken != "" {
		t.Errorf("the second page = %v, %v", second, err)
	}
	_, err = s.ExpandGroup(t.Context(), &pb.ExpandGroupRequest{Group: &pb.ExpandGroupRequest_Email{Email: "nobody@contoso.com"}})
	if code, reason, _, _ := explain(t, err); code != codes.NotFound || reason != "GROUP_NOT_FOUND" {
		t.Errorf("an unknown group = %v %s", code, reason)
	}
}

const channelID = "19:4a95f7d8db4c4e7fae857bcebe0623e6@thread.tacv2"

// team has the directory hold a team, and returns its id.
func (s service) team(t *testing.T) string {
	t.Helper()
	team := sourcetest.SomeGroup(1)
	team.Team = true
	s.source.PutGroup(team)
	if _, err := s.RefreshDirectory(t.Context(), &pb.RefreshDirectoryRequest{Relist: true}); err != nil {
		t.Fatal(err)
	}
	return team.ID
}

func TestListChannelMembers(t *testing.T) {
	s := start(t)
	team := s.team(t)
	s.source.PutChannel(team, channelID, cache.Channel{Kind: pb.ChannelKind_CHANNEL_KIND_PRIVATE, Members: []cache.Member{member(2), member(1)}})
	out, err := s.ListChannelMembers(t.Context(), &pb.ListChannelMembersRequest{TeamId: team, ChannelId: channelID})
	if err != nil || len(out.Members) != 2 || out.Members[0].DisplayName != "Person B" || out.Kind != pb.ChannelKind_CHANNEL_KIND_PRIVATE || out.Total != 2 {
		t.Errorf("ListChannelMembers = %v, %v", out, err)
	}
	_, err = s.ListChannelMembers(t.Context(), &pb.ListChannelMembersRequest{TeamId: team, ChannelId: "19:other@thread.tacv2"})
	if code, reason, _, _ := explain(t, err); code != codes.NotFound || reason != "CHANNEL_NOT_FOUND" {
		t.Errorf("an unknown channel = %v %s", code, reason)
	}
}

func TestWatchProfiles(t *testing.T) {
	s := start(t)
	in := &pb.WatchProfilesRequest{People: []*pb.PersonRef{byID(sourcetest.ID(1)), byEmail("person.c@contoso.com")}, ReadMask: paths("display_name")}
	stream, err := s.WatchProfiles(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	first, err := stream.Recv()
	if err != nil || len(first.People) != 2 || !proto.Equal(first.People[1].GetProfile(), &pb.Profile{DisplayName: "Person C"}) || first.Freshness == nil || first.Resumed {
		t.Fatalf("the first message = %v, %v", first, err)
	}
	if got := s.status(t); got.Watches != 1 {
		t.Errorf("%d watches are under way, want one", got.Watches)
	}
	renamed := sourcetest.Someone(1)
	renamed.Profile.DisplayName = "Renamed"
	s.source.Put(renamed)
	if _, err := s.refresh(t, false, false); err != nil {
		t.Fatal(err)
	}
	change, err := stream.Recv()
	if err != nil || len(change.People) != 1 || change.People[0].Index != 0 || change.People[0].GetProfile().GetDisplayName() != "Renamed" {
		t.Errorf("the change = %v, %v", change, err)
	}
	in.Resume = &pb.WatchPosition{Epoch: first.Freshness.GetEpoch(), Revision: first.Freshness.GetRevision()}
	if stream, err = s.WatchProfiles(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	if resumed, err := stream.Recv(); err != nil || !resumed.Resumed || len(resumed.People) == 0 {
		t.Errorf("a watch that goes on begins with %v, %v", resumed, err)
	}
}

// TestSuggestionsSayWhatChannelsLack has a channel be unknown, refused and slow.
func TestSuggestionsSayWhatChannelsLack(t *testing.T) {
	for _, row := range []struct {
		err    error
		slow   bool
		reason pb.ErrorReason
	}{
		{cache.ErrNoChannel, false, pb.ErrorReason_ERROR_REASON_CHANNEL_NOT_FOUND},
		{missing("ChannelMember.Read.All"), false, pb.ErrorReason_ERROR_REASON_SOURCE_DENIED},
		{nil, true, pb.ErrorReason_ERROR_REASON_SOURCE_PENDING},
	} {
		s := start(t, hurried)
		team := s.team(t)
		s.source.Before(func(ctx context.Context, method string) error {
			if method == "Channel" && row.slow {
				<-ctx.Done()
				return ctx.Err()
			}
			if method == "Channel" {
				return row.err
			}
			return nil
		})
		out, err := s.SuggestInvitees(t.Context(), &pb.SuggestInviteesRequest{Query: "person", TeamId: team, ChannelId: channelID})
		if err != nil || len(out.Suggestions) != 3 || len(out.Sources) != 1 || out.Sources[0].Source != pb.SuggestionSource_SUGGESTION_SOURCE_CHANNEL ||
			out.Sources[0].Reason != row.reason || out.Sources[0].AsOfTime != nil {
			t.Errorf("with a channel that fails by %v: %v, %v; want %v", row.err, out, err, row.reason)
		}
	}
}

// TestNothingIsAskedForAnUnknownOrganizer looks for questions to Graph on behalf of somebody
// who gets no answer.
func TestNothingIsAskedForAnUnknownOrganizer(t *testing.T) {
	s := start(t)
	_, err := s.SuggestInvitees(t.Context(), &pb.SuggestInviteesRequest{Query: "a", Organizer: byID(sourcetest.ID(9)), TeamId: sourcetest.SomeGroup(1).ID, ChannelId: channelID})
	if code, _, _, _ := explain(t, err); code != codes.InvalidArgument || s.source.Asked("Channel") > 0 {
		t.Errorf("an unknown organizer = %v, and Graph is asked for the channel %d times", err, s.source.Asked("Channel"))
	}
}

// books has one person's contacts.
type books struct {
	book contacts.Book
	err  error
}

func (b books) PersonalContacts(context.Context, string, int) (contacts.Book, error) {
	return b.book, b.err
}

// withContacts gives the tenant's people contacts.
func withContacts(t testing.TB, of books) func(*insights.Config) {
	store := contacts.New(contacts.Config{Source: of, TTL: time.Minute})
	t.Cleanup(store.Close)
	return func(c *insights.Config) { c.Tenants()["contoso"].Contacts = store }
}

var book = contacts.Book{
	Folders: []contacts.Folder{{ID: "f", Name: "Climbing"}},
	Contacts: []contacts.Contact{{ID: "c1", Folder: "f", DisplayName: "Perla Example", Addresses: []string{"perla@fabrikam.com"},
		Categories: []string{"Friends"}}},
}

func TestOwnContacts(t *testing.T) {
	s := start(t, withContacts(t, books{book: book}))
	organizer := byID(sourcetest.ID(1))
	find := func(in *pb.SuggestInviteesRequest) (found bool) {
		t.Helper()
		out, err := s.SuggestInvitees(t.Context(), in)
		if err != nil || len(out.Sources) > 0 {
			t.Fatalf("SuggestInvitees = %v, %v", out, err)
		}
		for _, suggestion := range out.Suggestions {
			found = found || suggestion.Email == "perla@fabrikam.com" && suggestion.Source == pb.SuggestionSource_SUGGESTION_SOURCE_CONTACTS
		}
		return found
	}
	if !find(&pb.SuggestInviteesRequest{Query: "perla", Organizer: organizer}) {
		t.Error("the organizer's contact does not come up")
	}
	if find(&pb.SuggestInviteesRequest{Query: "perla"}) || find(&pb.SuggestInviteesRequest{Query: "perla", Organizer: organizer, Kinds: []pb.InviteeKind{1}}) {
		t.Error("a contact comes up that was not asked for")
	}
	for _, in := range []*pb.ExpandGroupRequest{
		{Group: &pb.ExpandGroupRequest_ContactFolderId{ContactFolderId: "f"}, Organizer: organizer},
		{Group: &pb.ExpandGroupRequest_ContactCategory{ContactCategory: "FRIENDS"}, Organizer: byEmail("person.b@contoso.com")},
	} {
		out, err := s.ExpandGroup(t.Context(), in)
		if err != nil || out.Total != 1 || out.Members[0].DisplayName != "Perla Example" || out.Members[0].UserType != pb.UserType_USER_TYPE_CONTACT {
			t.Errorf("ExpandGroup(%v) = %v, %v", in, out, err)
		}
	}
	_, err := s.ExpandGroup(t.Context(), &pb.ExpandGroupRequest{Group: &pb.ExpandGroupRequest_ContactCategory{ContactCategory: "x"}, Organizer: organizer})
	if code, reason, _, _ := explain(t, err); code != codes.NotFound || reason != "GROUP_NOT_FOUND" {
		t.Errorf("an unknown category = %v %s", code, reason)
	}
}

// TestSuggestionsSayWhatContactsLack has contacts be refused, and be too many.
func TestSuggestionsSayWhatContactsLack(t *testing.T) {
	truncated := book
	truncated.Truncated = true
	for _, row := range []struct {
		of     books
		reason pb.ErrorReason
		asOf   bool
	}{
		{books{err: missing("Contacts.Read")}, pb.ErrorReason_ERROR_REASON_SOURCE_DENIED, false},
		{books{book: truncated}, pb.ErrorReason_ERROR_REASON_SOURCE_TRUNCATED, true},
	} {
		s := start(t, withContacts(t, row.of))
		if _, err := s.RefreshDirectory(t.Context(), &pb.RefreshDirectoryRequest{Relist: true}); err != nil { // groups and contacts are read by then
			t.Fatal(err)
		}
		out, err := s.SuggestInvitees(t.Context(), &pb.SuggestInviteesRequest{Query: "person", Organizer: byID(sourcetest.ID(1))})
		if err != nil || len(out.Suggestions) != 2 || len(out.Sources) != 1 || out.Sources[0].Source != pb.SuggestionSource_SUGGESTION_SOURCE_CONTACTS ||
			out.Sources[0].Reason != row.reason || (out.Sources[0].AsOfTime != nil) != row.asOf {
			t.Errorf("with contacts of %v: %v, %v; want %v", row.of.err, out, err, row.reason)
		}
	}
}
