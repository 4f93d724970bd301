package main

import (
	"bytes"
	"context"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
)

// service knows one person.
type service struct {
	pb.UnimplementedPeopleInsightsServiceServer
	pb.UnimplementedDirectoryAdminServiceServer
	suggested *pb.SuggestInviteesRequest // the last request
	refreshed *pb.RefreshDirectoryRequest
}

var eva = &pb.Profile{Id: "00000000-0000-4000-8000-000000000001", DisplayName: "Eva Müller", Email: "eva@contoso.com",
	JobTitle: "Engineer", OtherAddresses: []string{"em@contoso.com"}, Manager: &pb.ProfileSummary{DisplayName: "Jan Weiß", Email: "jan@contoso.com"},
	AccountState: pb.AccountState_ACCOUNT_STATE_DISABLED, UserType: pb.UserType_USER_TYPE_MEMBER}

func (*service) GetProfile(_ context.Context, in *pb.GetProfileRequest) (*pb.GetProfileResponse, error) {
	if in.GetPerson().GetEmail() != eva.Email && in.GetPerson().GetId() != eva.Id {
		return nil, status.Error(codes.NotFound, "the directory has no such person")
	}
	return &pb.GetProfileResponse{Profile: eva}, nil
}

func (s *service) SuggestInvitees(_ context.Context, in *pb.SuggestInviteesRequest) (*pb.SuggestInviteesResponse, error) {
	s.suggested = in
	out := &pb.SuggestInviteesResponse{}
	if in.GetQuery() == "e m" {
		out.Suggestions = []*pb.Suggestion{
			{Kind: 1, DisplayName: "王小明", Email: "ming@contoso.com"},
			{Kind: 2, DisplayName: "Eva", Email: "eva@contoso.com", JobTitle: "Engineer", Matches: []*pb.FieldMatch{
				{Field: pb.MatchField_MATCH_FIELD_OTHER_ADDRESS, Value: "e.m@contoso.com", Ranges: []*pb.TextRange{{Start: 0, End: 1}, {Start: 2, End: 3}}}}},
		}
	}
	return out, nil
}

func (*service) GetDirectoryStatus(context.Context, *pb.GetDirectoryStatusRequest) (*pb.GetDirectoryStatusResponse, error) {
	return &pb.GetDirectoryStatusResponse{TenantId: "t", State: pb.DirectoryState_DIRECTORY_STATE_FILLING, People: 5, ExpectedPeople: 9,
		Groups: 3, HeldBack: &pb.HeldBack{Removals: 312, Held: 4000},
		GraphUsage:  &pb.GraphUsage{BudgetUnits: 4000, SpentUnits: 5, Window: durationpb.New(10 * time.Second), Calls: 7, Units: 9, ThrottledCalls: 2, RefusedCalls: 1},
		Sweep:       &pb.SweepStatus{Sweeps: 2, MissingPeople: 1, LastDuration: durationpb.New(1500 * time.Millisecond)},
		LastFailure: &pb.SourceFailure{Message: "grant User.Read.All"}}, nil
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
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	pb.RegisterPeopleInsightsServiceServer(server, s)
	pb.RegisterDirectoryAdminServiceServer(server, s)
	go func() { _ = server.Serve(listener) }()
	defer server.Stop()
	var out bytes.Buffer
	if err := run(t.Context(), append([]string{"--address", listener.Addr().String()}, args...), os.Stdin, &out); err != nil {
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
		{"suggest zzz", []string{"nobody"}, 0},
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
	if out, exit := people(t, s, "suggest", "-n", "3", "--organizer", "eva@contoso.com", "--exclude", eva.Id, "--kind", "guest", "e", "m"); exit != 0 {
		t.Fatal(out)
	}
	want := &pb.SuggestInviteesRequest{Query: "e m", PageSize: 3, Organizer: person("eva@contoso.com"),
		Exclude: []*pb.PersonRef{person(eva.Id)}, Kinds: []pb.InviteeKind{pb.InviteeKind_INVITEE_KIND_GUEST}}
	if !proto.Equal(s.suggested, want) {
		t.Errorf("asked %v, want %v", s.suggested, want)
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
