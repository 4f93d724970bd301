package main

import (
	"bytes"
	"context"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
)

// service knows one person.
type service struct {
	pb.UnimplementedPeopleInsightsServiceServer
	pb.UnimplementedDirectoryAdminServiceServer
	suggested *pb.SuggestInviteesRequest // the last request
	explained *pb.ExplainSuggestionsRequest
	picked    *pb.ReportPickRequest
	asked     *pb.GetProfileRequest
	refreshed *pb.RefreshDirectoryRequest
	expanded  []*pb.ExpandGroupRequest
}

var eva = &pb.Profile{Id: "00000000-0000-4000-8000-000000000001", DisplayName: "Eva Müller", Email: "eva@contoso.com",
	JobTitle: "Engineer", OtherAddresses: []string{"em@contoso.com"}, Manager: &pb.ProfileSummary{DisplayName: "Jan Weiß", Email: "jan@contoso.com"},
	AccountState: pb.AccountState_ACCOUNT_STATE_DISABLED, UserType: pb.UserType_USER_TYPE_MEMBER}

func (s *service) GetProfile(_ context.Context, in *pb.GetProfileRequest) (*pb.GetProfileResponse, error) {
	s.asked = in
	if in.GetPerson().GetEmail() != eva.Email && in.GetPerson().GetId() != eva.Id {
		return nil, status.Error(codes.NotFound, "the directory has no such person")
	}
	if slices.Contains(in.GetReadMask().GetPaths(), "*") {
		return &pb.GetProfileResponse{Profile: eva, RichProfileProblem: &pb.Problem{
			Reason: pb.ErrorReason_ERROR_REASON_SOURCE_DENIED, Message: "Microsoft Graph refuses the service"}}, nil
	}
	return &pb.GetProfileResponse{Profile: eva}, nil
}

func (s *service) SuggestInvitees(_ context.Context, in *pb.SuggestInviteesRequest) (*pb.SuggestInviteesResponse, error) {
	s.suggested = in
	out := &pb.SuggestInviteesResponse{}
	if in.GetQuery() == "zzz" {
		out.Sources = []*pb.SourceState{{Source: pb.SuggestionSource_SUGGESTION_SOURCE_GROUPS, Reason: pb.ErrorReason_ERROR_REASON_SOURCE_DENIED}}
	}
	if in.GetQuery() == "own" {
		own, book := pb.SuggestionSource_SUGGESTION_SOURCE_CONTACTS, pb.SuggestionSource_SUGGESTION_SOURCE_DIRECTORY_CONTACTS
		out.Suggestions = []*pb.Suggestion{
			{Kind: pb.InviteeKind_INVITEE_KIND_CONTACT, DisplayName: "Perla", Email: "perla@fabrikam.com", Source: own},
			{Kind: pb.InviteeKind_INVITEE_KIND_CONTACT, DisplayName: "Bank", Email: "bank@example.com", Source: book, JobTitle: "Adviser"},
			{Kind: pb.InviteeKind_INVITEE_KIND_CONTACT_GROUP, DisplayName: "Climbing", Source: own, ContactGroup: &pb.Suggestion_ContactFolderId{ContactFolderId: "f"}},
			{Kind: pb.InviteeKind_INVITEE_KIND_GUEST, DisplayName: "Guests", Email: "g@fabrikam.com", TenantId: "fabrikam"},
		}
		out.Sources = []*pb.SourceState{
			{Source: pb.SuggestionSource_SUGGESTION_SOURCE_CHANNEL, Reason: pb.ErrorReason_ERROR_REASON_SOURCE_PENDING},
			{Source: own, Reason: pb.ErrorReason_ERROR_REASON_SOURCE_TRUNCATED, AsOfTime: timestamppb.Now()}}
	}
	if in.GetQuery() == "4 m" {
		out.Suggestions = []*pb.Suggestion{
			{Kind: 3, DisplayName: "Marketing", Email: "marketing@contoso.com"},
			{Kind: 1, DisplayName: "Eva", Email: "eva@contoso.com", Matches: []*pb.FieldMatch{
				{Field: pb.MatchField_MATCH_FIELD_BUSINESS_PHONE, Value: "+49 30 1234", Ranges: []*pb.TextRange{{Start: 7, End: 11}}},
				{Field: pb.MatchField_MATCH_FIELD_EMPLOYEE_ID, Value: "E_1234", Ranges: []*pb.TextRange{{Start: 2, End: 6}}}}},
		}
	}
	if in.GetQuery() == "e m" {
		out.Suggestions = []*pb.Suggestion{
			{Kind: 1, DisplayName: "王小明", Email: "ming@contoso.com"},
			{Kind: 2, DisplayName: "Eva", Email: "eva@contoso.com", JobTitle: "Engineer", Matches: []*pb.FieldMatch{
				{Field: pb.MatchField_MATCH_FIELD_OTHER_ADDRESS, Value: "e.m@contoso.com", Ranges: []*pb.TextRange{{Start: 0, End: 1}, {Start: 2, End: 3}}}}},
		}
	}
	return out, nil
}

func (s *service) ExplainSuggestions(_ context.Context, in *pb.ExplainSuggestionsRequest) (*pb.ExplainSuggestionsResponse, error) {
	s.explained = in
	if in.GetRequest().GetQuery() == "zzz" {
		return &pb.ExplainSuggestionsResponse{}, nil
	}
	smith := &pb.Suggestion{Kind: 1, DisplayName: "Ana Smith", Email: "ana.smith@contoso.com", Department: "Sales"}
	return &pb.ExplainSuggestionsResponse{Suggestions: []*pb.ExplainedSuggestion{
		{Suggestion: smith, Bucket: pb.SuggestionBucket_SUGGESTION_BUCKET_LITERAL, Score: 130, Parts: []*pb.ScorePart{
			{Reason: pb.ScoreReason_SCORE_REASON_WORD, Typed: "smi", Found: "smith", Points: 60},
			{Reason: pb.ScoreReason_SCORE_REASON_TEAM, Points: 60},
			{Reason: pb.ScoreReason_SCORE_REASON_OFFICE, Points: 10},
		}},
		{Suggestion: &pb.Suggestion{Kind: 3, DisplayName: "王小明", Email: "ming@contoso.com"},
			Bucket: pb.SuggestionBucket_SUGGESTION_BUCKET_NICKNAME, Score: 7, Parts: []*pb.ScorePart{
				{Reason: pb.ScoreReason_SCORE_REASON_WORD, Typed: "王", Found: "王小明", Points: 5},
				{Reason: pb.ScoreReason_SCORE_REASON_WORD, Typed: "smi", Found: "smi", Points: 1},
				{Reason: 77, Points: 1},
			}},
	}}, nil
}

func (s *service) ReportPick(_ context.Context, in *pb.ReportPickRequest) (*pb.ReportPickResponse, error) {
	s.picked = in
	if in.GetPickedId() != eva.Id {
		return nil, status.Error(codes.InvalidArgument, "picked_id must be a person or a group of the directory")
	}
	return &pb.ReportPickResponse{}, nil
}

func (*service) GetDirectoryStatus(context.Context, *pb.GetDirectoryStatusRequest) (*pb.GetDirectoryStatusResponse, error) {
	return &pb.GetDirectoryStatusResponse{TenantId: "t", State: pb.DirectoryState_DIRECTORY_STATE_FILLING, People: 5, ExpectedPeople: 9,
		Groups: 3, HeldBack: &pb.HeldBack{Removals: 312, Held: 4000},
		GraphUsage:  &pb.GraphUsage{BudgetUnits: 4000, SpentUnits: 5, Window: durationpb.New(10 * time.Second), Calls: 7, Units: 9, ThrottledCalls: 2, RefusedCalls: 1},
		Sweep:       &pb.SweepStatus{Sweeps: 2, MissingPeople: 1, LastDuration: durationpb.New(1500 * time.Millisecond)},
		LastFailure: &pb.SourceFailure{Message: "grant User.Read.All"}}, nil
}

func (s *service) ErasePerson(_ context.Context, in *pb.ErasePersonRequest) (*pb.ErasePersonResponse, error) {
	if in.GetPerson().GetEmail() != eva.Email {
		return nil, status.Error(codes.NotFound, "the directory has no such person")
	}
	return &pb.ErasePersonResponse{ReceiptId: "R1", PersonId: eva.Id, Freshness: &pb.Freshness{Revision: 9}, Profile: true, Photos: 2, PickedBy: 1, ErasedPeople: 3}, nil
}

func (s *service) ReportPerson(_ context.Context, in *pb.ReportPersonRequest) (*pb.ReportPersonResponse, error) {
	if in.GetPerson().GetId() == eva.Id {
		return &pb.ReportPersonResponse{PersonId: eva.Id, EraseTime: timestamppb.New(time.Unix(0, 0))}, nil
	}
	return &pb.ReportPersonResponse{PersonId: eva.Id, Profile: eva, Unlisted: true, ManagerId: "m", PickedBy: 1, OwnContacts: 4,
		Photos: []*pb.HeldPhoto{{Size: 48, Bytes: 700}, {Size: 240}},
		Hidden: []*pb.HiddenFrom{{Audience: "guests"}, {Audience: "members", Fields: []string{"mobile_phone", "photo"}}}}, nil
}

func (s *service) RefreshDirectory(ctx context.Context, in *pb.RefreshDirectoryRequest) (*pb.RefreshDirectoryResponse, error) {
	s.refreshed = in
	if deadline, ok := ctx.Deadline(); !ok || time.Until(deadline) < time.Minute {
		return nil, status.Error(codes.DeadlineExceeded, "a listing takes longer than this")
	}
	if !in.GetConfirmRemovals() {
		return nil, status.Error(codes.FailedPrecondition, "more people would be removed than may go at once")
	}
	return &pb.RefreshDirectoryResponse{Changes: 312, Freshness: &pb.Freshness{Revision: 8}}, nil
}

// people runs the command and returns what it prints and how it exits.
func people(t *testing.T, s *service, args ...string) (string, int) {
	t.Helper()
	var out, notes bytes.Buffer
	if err := runWith(t, t.Context(), s, os.Stdin, &out, &notes, args...); err != nil {
		return explain(err), exitCode(err)
	}
	return out.String(), 0
}

func TestCommands(t *testing.T) {
	for _, row := range []struct {
		args string
		says []string
		exit int
	}{
		{"profile eva@contoso.com", []string{"Eva Müller\n", "title        Engineer", "manager      Jan Weiß <jan@contoso.com>", "also         em@contoso.com", "account      member, disabled"}, 0},
		{"profile " + eva.Id, []string{"Eva Müller"}, 0},
		{"profile nobody@contoso.com", []string{"the directory has no such person"}, exitNotFound},
		{"suggest e m", []string{"王小明  ming@contoso.com\n", "Eva     eva@contoso.com  guest, Engineer  [other address e.m@contoso.com]"}, 0},
		{"suggest --kind person,guest,group 4 m", []string{"Marketing  marketing@contoso.com  group\n",
			"Eva        eva@contoso.com  [business phone +49 30 1234; employee id E_1234]\n"}, 0},
		{"suggest zzz", []string{"nobody\n(groups have not been read: source denied)\n"}, 0},
		{"explain smi", []string{"Ana Smith  ana.smith@contoso.com  Sales\n" +
			"  literal        130\n" +
			"    smi → smith   60\n" +
			"    same team     60\n" +
			"    same office   10\n" +
			"王小明     ming@contoso.com  group\n" +
			"  nickname         7\n" +
			"    王 → 王小明    5\n" +
			"    smi            1\n" +
			"    77             1\n"}, 0},
		{"explain zzz", []string{"nobody"}, 0},
		{"explain --kind robot e", []string{"robot"}, exitUsage},
		{"pick jan@contoso.com " + eva.Id, []string{"remembered"}, 0},
		{"pick jan@contoso.com eva@contoso.com", []string{"remembered"}, 0},
		{"pick jan@contoso.com nobody@contoso.com", []string{"the directory has no such person"}, exitNotFound},
		{"pick jan@contoso.com 42", []string{"picked_id must be"}, exitUsage},
		{"pick jan@contoso.com", []string{"expected"}, exitUsage},
		{"status", []string{"state         filling", "people        5 of 9", "grant User.Read.All", "groups        3",
			"the removal of 312 of 4000 people; if they are gone indeed: people refresh --confirm-removals", "5 of 4000 units in 10s",
			"7 calls, 9 units; 2 throttled, 1 not made", "2, the last in 1.5s; found 1 missing"}, 0},
		{"refresh", []string{"more people would be removed"}, exitFailed},
		{"refresh --relist --confirm-removals", []string{"312 changes; revision 8"}, 0},
		{"", []string{"expected"}, exitUsage},
		{"profile", []string{"expected"}, exitUsage},
		{"suggest --kind robot e", []string{"robot"}, exitUsage},
		{"--ca-file /nonexistent status", []string{"--ca-file"}, exitFailed},
	} {
		out, exit := people(t, &service{}, strings.Fields(row.args)...)
		for _, text := range row.says {
			if !strings.Contains(out, text) {
				t.Errorf("people %s prints\n%s\nwithout %q", row.args, out, text)
			}
		}
		if exit != row.exit {
			t.Errorf("people %s exits with %d, want %d", row.args, exit, row.exit)
		}
	}
}

func TestJSON(t *testing.T) {
	out, _ := people(t, &service{}, "-o", "json", "profile", "eva@contoso.com")
	var got pb.GetProfileResponse
	if err := protojson.Unmarshal([]byte(out), &got); err != nil || !proto.Equal(got.GetProfile(), eva) {
		t.Errorf("-o json prints %s (%v)", out, err)
	}
}

func TestExplainInJSON(t *testing.T) {
	out, _ := people(t, &service{}, "-o", "json", "explain", "smi")
	var got pb.ExplainSuggestionsResponse
	if err := protojson.Unmarshal([]byte(out), &got); err != nil || got.GetSuggestions()[0].GetParts()[0].GetFound() != "smith" {
		t.Errorf("-o json prints %s (%v)", out, err)
	}
	if out, exit := people(t, &service{}, "-o", "json", "pick", "jan@contoso.com", eva.Id); strings.TrimSpace(out) != "{}" || exit != 0 {
		t.Errorf("-o json of a pick prints %q and exits with %d", out, exit)
	}
}

// TestPickAsksForWhatItIsTold has a pick named by id and by an address.
func TestPickAsksForWhatItIsTold(t *testing.T) {
	want := &pb.ReportPickRequest{Organizer: person("jan@contoso.com"), PickedId: eva.Id}
	for picked, asks := range map[string]*pb.GetProfileRequest{
		eva.Id:    nil,
		eva.Email: {Person: person(eva.Email), ReadMask: &fieldmaskpb.FieldMask{Paths: []string{"id"}}},
	} {
		s := &service{}
		if out, exit := people(t, s, "pick", "jan@contoso.com", picked); exit != 0 {
			t.Fatal(out)
		}
		if !proto.Equal(s.picked, want) || !proto.Equal(s.asked, asks) {
			t.Errorf("pick %s asked %v and then %v, want %v and then %v", picked, s.asked, s.picked, asks, want)
		}
	}
}

func TestEraseShowsTheReceipt(t *testing.T) {
	out, exit := people(t, &service{}, "erase", eva.Email)
	for _, want := range []string{eva.Id + " is gone", "from revision 9 on", "R1", "profile, 2 photos, 1 organizer's pick", "3 in all"} {
		if exit != 0 || !strings.Contains(out, want) {
			t.Errorf("exit %d, %q does not hold %q", exit, out, want)
		}
	}
	if out, exit := people(t, &service{}, "erase", "nobody@contoso.com"); exit == 0 {
		t.Errorf("erasing nobody: %q", out)
	}
}

func TestReportShowsWhatIsHeld(t *testing.T) {
	out, exit := people(t, &service{}, "report", eva.Email)
	for _, want := range []string{eva.DisplayName, "unlisted", "48 px: 700 bytes", "240 px: none", "1 organizer", "4 contacts",
		"from guests: altogether; from members: mobile_phone, photo"} {
		if exit != 0 || !strings.Contains(out, want) {
			t.Errorf("exit %d, %q does not hold %q", exit, out, want)
		}
	}
	if out, _ := people(t, &service{}, "report", eva.Id); !strings.Contains(out, "was erased on") {
		t.Errorf("of whom is erased: %q", out)
	}
}

func TestRefreshAsksForWhatItIsTold(t *testing.T) {
	s := &service{}
	if out, exit := people(t, s, "refresh", "--relist", "--confirm-removals"); exit != 0 {
		t.Fatal(out)
	}
	if want := (&pb.RefreshDirectoryRequest{Relist: true, ConfirmRemovals: true}); !proto.Equal(s.refreshed, want) {
		t.Errorf("asked %v, want %v", s.refreshed, want)
	}
}

func TestSuggestAsksForWhatItIsTold(t *testing.T) {
	s := &service{}
	for _, command := range []string{"suggest", "explain"} {
		if out, exit := people(t, s, command, "-n", "3", "--organizer", "eva@contoso.com", "--exclude", eva.Id, "--kind", "guest,group,contact_group",
			"--team", "t", "--channel", "19:x", "e", "m"); exit != 0 {
			t.Fatal(out)
		}
	}
	want := &pb.SuggestInviteesRequest{Query: "e m", PageSize: 3, Organizer: person("eva@contoso.com"),
		Exclude: []*pb.PersonRef{person(eva.Id)}, Kinds: []pb.InviteeKind{pb.InviteeKind_INVITEE_KIND_GUEST, pb.InviteeKind_INVITEE_KIND_GROUP, pb.InviteeKind_INVITEE_KIND_CONTACT_GROUP},
		TeamId: "t", ChannelId: "19:x"}
	if !proto.Equal(s.suggested, want) || !proto.Equal(s.explained.GetRequest(), want) {
		t.Errorf("asked %v and %v, want %v", s.suggested, s.explained, want)
	}
}

// TestTyping types into the interactive list.
func TestTyping(t *testing.T) {
	for _, row := range []struct {
		keys, query string
		more        bool
	}{
		{"mü", "mü", true}, {"mü\x7f", "m", true}, {"\x7f", "", true}, {"ana k\x15x", "x", true},
		{"a\x01b", "ab", true}, {"ab\r", "ab", false}, {"ab\x1b", "ab", false}, {"\x03", "", false},
	} {
		query, more := "", true
		for _, key := range row.keys {
			query, more = typed(query, key)
		}
		if query != row.query || more != row.more {
			t.Errorf("after %q the query is %q, going on: %v; want %q, %v", row.keys, query, more, row.query, row.more)
		}
	}
}

func TestMarked(t *testing.T) {
	mark := func(s string) string { return "[" + s + "]" }
	for _, row := range []struct {
		value  string
		ranges []*pb.TextRange
		want   string
	}{
		{"Eva Müller", []*pb.TextRange{{Start: 0, End: 2}, {Start: 4, End: 6}}, "[Ev]a [Mü]ller"},
		{"Eva", []*pb.TextRange{{Start: 2, End: 9}}, "Eva"}, // out of the text: left alone
		{"Eva", nil, "Eva"},
	} {
		if got := marked(&pb.FieldMatch{Value: row.value, Ranges: row.ranges}, mark); got != row.want {
			t.Errorf("marked(%q, %v) = %q, want %q", row.value, row.ranges, got, row.want)
		}
	}
}

func TestVersion(t *testing.T) {
	var out bytes.Buffer
	if err := run(t.Context(), []string{"--version"}, nil, &out, &out); err != nil || out.String() != version+"\n" {
		t.Errorf("people --version = %q, %v", out.String(), err)
	}
}
