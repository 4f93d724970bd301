package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
)

var image = []byte("\x89PNG not really")

func (s *service) GetProfilePhoto(_ context.Context, in *pb.GetProfilePhotoRequest) (*pb.GetProfilePhotoResponse, error) {
	if in.GetPerson().GetEmail() != eva.Email {
		return nil, status.Error(codes.NotFound, "the person has no photo")
	}
	return &pb.GetProfilePhotoResponse{Data: image, ContentType: "image/png", Etag: in.GetSize().String(), Width: 48, Height: 48}, nil
}

// GetReportingLine has two pages of reports.
func (s *service) GetReportingLine(_ context.Context, in *pb.GetReportingLineRequest) (*pb.GetReportingLineResponse, error) {
	out := &pb.GetReportingLineResponse{Managers: []*pb.ProfileSummary{
		{DisplayName: "Jan Weiß", Email: "jan@contoso.com", JobTitle: "Lead"}, {DisplayName: "Top Example", JobTitle: fmt.Sprint("of ", in.GetLevelsUp())}}}
	if in.GetIncludeDirectReports() {
		out.TotalDirectReports = 2
		out.DirectReports, out.NextPageToken = []*pb.ProfileSummary{{DisplayName: "Ada"}}, "more"
		if in.GetPageToken() == "more" {
			out.DirectReports, out.NextPageToken = []*pb.ProfileSummary{{DisplayName: "Bo"}}, ""
		}
	}
	return out, nil
}

func (s *service) MatchAccounts(_ context.Context, in *pb.MatchAccountsRequest) (*pb.MatchAccountsResponse, error) {
	if len(in.GetEmails()) > 1000 {
		return nil, status.Error(codes.InvalidArgument, "emails must be at most 1000")
	}
	out := &pb.MatchAccountsResponse{}
	for _, email := range in.GetEmails() {
		m := &pb.AccountMatch{Email: email, Outcome: pb.AccountMatchOutcome_ACCOUNT_MATCH_OUTCOME_NOT_FOUND}
		switch email {
		case eva.Email:
			m.Outcome, m.MatchedAddress, m.PersonId = pb.AccountMatchOutcome_ACCOUNT_MATCH_OUTCOME_MATCHED, pb.MatchedAddress_MATCHED_ADDRESS_MAIL, "id-of-eva"
		case "two@contoso.com":
			m.Outcome = pb.AccountMatchOutcome_ACCOUNT_MATCH_OUTCOME_AMBIGUOUS
			m.Candidates = []*pb.AccountCandidate{{PersonId: "one"}, {PersonId: "two"}}
		}
		out.Matches = append(out.Matches, m)
	}
	return out, nil
}

func (s *service) ExpandGroup(_ context.Context, in *pb.ExpandGroupRequest) (*pb.ExpandGroupResponse, error) {
	s.expanded = append(s.expanded, proto.CloneOf(in))
	switch in.GetPageToken() {
	case "":
		return &pb.ExpandGroupResponse{Members: []*pb.ProfileSummary{{DisplayName: "王小明", Email: "ming@contoso.com", UserType: pb.UserType_USER_TYPE_MEMBER, JobTitle: "Engineer"}},
			Total: 2, NextPageToken: "more", Unreadable: 3, Others: 1,
			Groups: []*pb.NestedGroup{{DisplayName: "Inner", State: pb.NestedGroupState_NESTED_GROUP_STATE_CLOSED}}}, nil
	default:
		return &pb.ExpandGroupResponse{Members: []*pb.ProfileSummary{{DisplayName: "Perla", Email: "perla@fabrikam.com", UserType: pb.UserType_USER_TYPE_CONTACT}}, Total: 2, Unreadable: 3, Others: 1}, nil
	}
}

func (s *service) ListChannelMembers(_ context.Context, in *pb.ListChannelMembersRequest) (*pb.ListChannelMembersResponse, error) {
	if in.GetTeamId() != "team" || in.GetChannelId() != "19:x" {
		return nil, status.Error(codes.NotFound, "there is no such team, or it has no such channel")
	}
	out := &pb.ListChannelMembersResponse{Members: []*pb.ProfileSummary{{DisplayName: "Bo", Email: "bo@fabrikam.com", UserType: pb.UserType_USER_TYPE_MEMBER, TenantId: "fabrikam"}},
		Total: 2, Kind: pb.ChannelKind_CHANNEL_KIND_SHARED, NextPageToken: "more", Unreadable: 1}
	if in.GetPageToken() == "more" {
		out.Members, out.NextPageToken = []*pb.ProfileSummary{{DisplayName: "Cleo"}}, ""
	}
	return out, nil
}

// WatchProfiles tells of two people, of one change of one of them, and that the other has
// gone; then it is over for good.
func (s *service) WatchProfiles(in *pb.WatchProfilesRequest, stream grpc.ServerStreamingServer[pb.WatchProfilesResponse]) error {
	person := func(i int32, p *pb.Profile) *pb.WatchedProfile {
		return &pb.WatchedProfile{Index: i, State: &pb.WatchedProfile_Profile{Profile: p}}
	}
	moved := proto.CloneOf(eva)
	moved.JobTitle, moved.Manager, moved.AccountState = "Director", nil, pb.AccountState_ACCOUNT_STATE_ENABLED
	moved.OtherAddresses = nil
	gone := &pb.WatchedProfile{Index: 1, State: &pb.WatchedProfile_Problem{Problem: &pb.Problem{
		Code: int32(codes.NotFound), Reason: pb.ErrorReason_ERROR_REASON_PERSON_NOT_FOUND, Message: "the directory has no such person"}}}
	for _, people := range [][]*pb.WatchedProfile{
		{person(0, eva), person(1, &pb.Profile{DisplayName: "Bo Example", JobTitle: "Designer"})},
		{person(0, eva)}, // told anew
		{person(0, moved)},
		{gone},
	} {
		if err := stream.Send(&pb.WatchProfilesResponse{People: people, Freshness: &pb.Freshness{Revision: 1}}); err != nil {
			return err
		}
	}
	if in.GetPeople()[0].GetEmail() == "end@contoso.com" {
		<-stream.Context().Done()
	}
	return status.Error(codes.FailedPrecondition, "over")
}

func TestDetailCommands(t *testing.T) {
	for _, row := range []struct {
		args string
		says []string
		exit int
	}{
		{"photo eva@contoso.com", []string{"--out"}, exitUsage},
		{"photo eva@contoso.com --size 77 --out x", []string{"--size"}, exitUsage},
		{"photo nobody@contoso.com --out /nonexistent/x", []string{"the person has no photo"}, exitNotFound},
		{"photo eva@contoso.com --out /nonexistent/x", []string{"--out", "no such file"}, exitFailed},
		{"photo eva@contoso.com --out -", []string{string(image)}, 0},
		{"line eva@contoso.com", []string{"Top Example  of 0\n  Jan Weiß <jan@contoso.com>  Lead\n    → Eva Müller <eva@contoso.com>  Engineer\n"}, 0},
		{"line eva@contoso.com --levels 2 --reports", []string{"Top Example  of 2\n", "    → Eva Müller <eva@contoso.com>  Engineer\n        Ada\n        Bo\n"}, 0},
		{"match eva@contoso.com a@b.example two@contoso.com", []string{
			"eva@contoso.com  matched    mail  id-of-eva\na@b.example      not found\ntwo@contoso.com  ambiguous        one, two\n"}, 0},
		{"match", []string{"expected"}, exitUsage},
		{"group", []string{"give a group"}, exitUsage},
		{"group g --folder f", []string{"give a group"}, exitUsage},
		{"group --folder f", []string{"give a group"}, exitUsage},
		{"group --contacts-of eva@contoso.com", []string{"give a group"}, exitUsage},
		{"group g --contacts-of eva@contoso.com", []string{"give a group"}, exitUsage},
		{"group --contacts-of eva@contoso.com --folder f --category c", []string{"give a group"}, exitUsage},
		{"group team@contoso.com", []string{"王小明  ming@contoso.com    Engineer\nPerla   perla@fabrikam.com  contact\n(group Inner: closed)\n",
			"(and 3 members whom the service may not read)", "(and 1 other member: devices or applications)"}, 0},
		{"channel team 19:x", []string{"Bo    bo@fabrikam.com  of organisation fabrikam\nCleo\n(a shared channel)\n(and 1 member whom"}, 0},
		{"channel team 19:y", []string{"no such channel"}, exitNotFound},
		{"watch eva@contoso.com bo@contoso.com", []string{"over"}, exitFailed},
		{"watch", []string{"expected"}, exitUsage},
		{"profile eva@contoso.com --rich", []string{"rich         not to be had: Microsoft Graph refuses the service (SOURCE_DENIED)"}, 0},
		{"suggest own", []string{"Perla     perla@fabrikam.com  contact of the organizer's own\nBank      bank@example.com  contact of the address book, Adviser\n" +
			"Climbing    folder of the organizer's own\nGuests    g@fabrikam.com  guest of another organisation\n",
			"(channel has not been read: source pending)", "(contacts are as of "}, 0},
		{"suggest --kind robot x", []string{"robot"}, exitUsage},
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

func TestPhotoIsWrittenToAFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "eva.png")
	out, exit := people(t, &service{}, "photo", "eva@contoso.com", "--size", "648", "--out", name)
	got, err := os.ReadFile(name)
	if exit != 0 || err != nil || !bytes.Equal(got, image) || out != "image/png, 48 × 48, 15 bytes, etag PHOTO_SIZE_648\n" {
		t.Errorf("photo prints %q, exits with %d, and writes %q, %v", out, exit, got, err)
	}
}

func TestPhotoOnStandardOutputIsNothingElse(t *testing.T) {
	var out, notes bytes.Buffer
	if err := runWith(t, t.Context(), &service{}, os.Stdin, &out, &notes, "photo", "eva@contoso.com", "--out", "-"); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(out.Bytes(), image) || !strings.HasPrefix(notes.String(), "image/png, 48 × 48") {
		t.Errorf("photo --out - writes %q, and notes %q", out.String(), notes.String())
	}
}

// TestGroupAsksForWhatItIsTold has each way to name a group.
func TestGroupAsksForWhatItIsTold(t *testing.T) {
	const id = "00000000-0000-4000-8000-000000000009"
	organizer := person("eva@contoso.com")
	for args, want := range map[string]*pb.ExpandGroupRequest{
		id:                       {Group: &pb.ExpandGroupRequest_GroupId{GroupId: id}},
		"g@contoso.com --nested": {Group: &pb.ExpandGroupRequest_Email{Email: "g@contoso.com"}, Nested: true},
		"--contacts-of eva@contoso.com --folder f":   {Group: &pb.ExpandGroupRequest_ContactFolderId{ContactFolderId: "f"}, Organizer: organizer},
		"--contacts-of eva@contoso.com --category c": {Group: &pb.ExpandGroupRequest_ContactCategory{ContactCategory: "c"}, Organizer: organizer},
	} {
		s := &service{}
		if out, exit := people(t, s, append([]string{"group"}, strings.Fields(args)...)...); exit != 0 {
			t.Fatal(out)
		}
		want.PageSize = 1000
		second := proto.CloneOf(want)
		second.PageToken = "more"
		if len(s.expanded) != 2 || !proto.Equal(s.expanded[0], want) || !proto.Equal(s.expanded[1], second) {
			t.Errorf("group %s asked %v, want %v and its second page", args, s.expanded, want)
		}
	}
}

func TestRichAsksForWhatItIsTold(t *testing.T) {
	for args, want := range map[string]string{
		"":                                  "",
		"--rich":                            "*",
		"--rich --fields display_name,city": "display_name city about_me skills interests responsibilities past_projects schools",
	} {
		s := &service{}
		if out, exit := people(t, s, append([]string{"profile", "eva@contoso.com"}, strings.Fields(args)...)...); exit != 0 {
			t.Fatal(out)
		}
		if got := strings.Join(s.asked.GetReadMask().GetPaths(), " "); got != want {
			t.Errorf("profile %s asks for %q, want %q", args, got, want)
		}
	}
}

func TestMatchReadsStandardInput(t *testing.T) {
	in, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		defer write.Close()
		for i := range 1500 { // more than one call may ask for
			fmt.Fprintf(write, "a%d@contoso.com\n\n", i)
		}
		fmt.Fprint(write, " eva@contoso.com ")
	}()
	var out, notes bytes.Buffer
	if err := runWith(t, t.Context(), &service{}, in, &out, &notes, "match", "-"); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 1501 || !strings.HasPrefix(lines[1500], "eva@contoso.com ") || !strings.Contains(lines[1500], "id-of-eva") {
		t.Errorf("match prints %d lines, the last of which is %q", len(lines), lines[len(lines)-1])
	}
}

func TestProgressIsNoPartOfTheAnswer(t *testing.T) {
	var out, notes bytes.Buffer
	if err := runWith(t, t.Context(), &service{}, os.Stdin, &out, &notes, "-o", "json", "group", "g@contoso.com"); err != nil {
		t.Fatal(err)
	}
	var got pb.ExpandGroupResponse
	if err := protojson.Unmarshal(out.Bytes(), &got); err != nil || len(got.GetMembers()) != 2 || got.GetNextPageToken() != "" || len(got.GetGroups()) != 1 {
		t.Errorf("-o json prints %s (%v)", out.String(), err)
	}
	if notes.String() != "1 of 2 …\n" {
		t.Errorf("the progress is %q", notes.String())
	}
}

func TestDetailsInJSON(t *testing.T) {
	for args, into := range map[string]proto.Message{
		"photo eva@contoso.com":          &pb.GetProfilePhotoResponse{},
		"line eva@contoso.com --reports": &pb.GetReportingLineResponse{},
		"match eva@contoso.com":          &pb.MatchAccountsResponse{},
		"channel team 19:x":              &pb.ListChannelMembersResponse{},
	} {
		out, exit := people(t, &service{}, append([]string{"-o", "json"}, strings.Fields(args)...)...)
		if err := protojson.Unmarshal([]byte(out), into); err != nil || exit != 0 || proto.Size(into) == 0 {
			t.Errorf("-o json %s prints %s and exits with %d (%v)", args, out, exit, err)
		}
	}
}

// interrupted stops a command after so many lines.
type interrupted struct {
	bytes.Buffer
	after int
	stop  func()
}

func (i *interrupted) Write(p []byte) (int, error) {
	n, err := i.Buffer.Write(p)
	if bytes.Count(i.Bytes(), []byte("\n")) >= i.after {
		i.stop()
	}
	return n, err
}

// TestWatch reads the lines of a watch that is interrupted, as text and as JSON.
func TestWatch(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	out := &interrupted{after: 4, stop: cancel}
	if err := runWith(t, ctx, &service{}, os.Stdin, out, io.Discard, "watch", "end@contoso.com", "bo@contoso.com"); err != nil {
		t.Errorf("an interrupted watch = %v, want no error", err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	for i := range lines {
		_, lines[i], _ = strings.Cut(lines[i], "  ") // the time
	}
	want := "Eva Müller <eva@contoso.com>  Engineer\n" +
		"Bo Example  Designer\n" +
		"Eva Müller <eva@contoso.com>  other addresses: em@contoso.com → nothing; job title: Engineer → Director; account state: disabled → enabled; manager: Jan Weiß <jan@contoso.com> → nothing\n" +
		"Bo Example  is gone"
	if got := strings.Join(lines, "\n"); got != want {
		t.Errorf("watch prints\n%s\nwant\n%s", got, want)
	}

	ctx, cancel = context.WithCancel(t.Context())
	out = &interrupted{after: 4, stop: cancel}
	if err := runWith(t, ctx, &service{}, os.Stdin, out, io.Discard, "-o", "json", "watch", "end@contoso.com"); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(out.String()) {
		if err := protojson.Unmarshal([]byte(line), &pb.WatchProfilesResponse{}); err != nil {
			t.Errorf("-o json watch prints the line %s (%v)", line, err)
		}
	}
	if n := strings.Count(out.String(), "\n"); n != 4 {
		t.Errorf("-o json watch prints %d lines, want 4", n)
	}
}

// runWith runs the command against a service.
func runWith(t *testing.T, ctx context.Context, s *service, in *os.File, out, notes io.Writer, args ...string) error {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	pb.RegisterPeopleInsightsServiceServer(server, s)
	pb.RegisterDirectoryAdminServiceServer(server, s)
	go func() { _ = server.Serve(listener) }()
	defer server.Stop()
	return run(ctx, append([]string{"--address", listener.Addr().String()}, args...), in, out, notes)
}
