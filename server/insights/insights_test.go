package insights_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/peopleinsights/peopleinsights/cache"
	"github.com/peopleinsights/peopleinsights/cache/sourcetest"
	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
	"github.com/peopleinsights/peopleinsights/server/auth"
	"github.com/peopleinsights/peopleinsights/server/insights"
)

// service is a service over bufconn, whose directory is filled.
type service struct {
	pb.PeopleInsightsServiceClient
	pb.DirectoryAdminServiceClient
	source *sourcetest.Memory
	log    *lockedText
}

// lockedText is a log that a test reads while others write.
type lockedText struct {
	mu sync.Mutex
	strings.Builder
}

func (l *lockedText) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.Builder.Write(p)
}

func (l *lockedText) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.Builder.String()
}

func (l *lockedText) clear() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.Reset()
}

func start(t *testing.T, change ...func(*insights.Config)) service {
	t.Helper()
	s, source, log := build(t, change...)
	listener := bufconn.Listen(1 << 20)
	server := grpc.NewServer(grpc.ForceServerCodecV2(insights.Codec()), grpc.UnaryInterceptor(s.Intercept), grpc.StreamInterceptor(s.InterceptStream))
	s.Register(server)
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	connection, err := grpc.NewClient("passthrough:bufconn", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(context.Context, string) (net.Conn, error) { return listener.Dial() }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { connection.Close() })
	return service{pb.NewPeopleInsightsServiceClient(connection), pb.NewDirectoryAdminServiceClient(connection), source, log}
}

// build makes a service whose directory is filled with three people.
func build(t testing.TB, change ...func(*insights.Config)) (*insights.Service, *sourcetest.Memory, *lockedText) {
	t.Helper()
	source := &sourcetest.Memory{}
	for i := range 3 {
		p := sourcetest.Someone(i)
		if i > 0 {
			p.ManagerID = sourcetest.ID(0)
		}
		source.Put(p)
	}
	directory, err := cache.New(cache.Config{Source: source, SyncInterval: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ran := make(chan struct{})
	go func() { defer close(ran); _ = directory.Run(ctx) }()
	t.Cleanup(func() { stop(); <-ran; directory.Close() })
	<-directory.Filled()
	for directory.As(cache.Everything).Sources(nil) != nil { // groups and contacts are read after the people
		runtime.Gosched()
	}

	log := &lockedText{}
	config := insights.Config{
		Tenants:  only(&insights.Tenant{Directory: directory}),
		Identify: auth.Development("contoso"),
		Log:      slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	for _, c := range change {
		c(&config)
	}
	s, err := insights.New(config)
	if err != nil {
		t.Fatal(err)
	}
	return s, source, log
}

// only is one tenant, contoso.
func only(tenant *insights.Tenant) func() map[string]*insights.Tenant {
	return insights.Always(map[string]*insights.Tenant{"contoso": tenant})
}

func byID(id string) *pb.PersonRef             { return &pb.PersonRef{Person: &pb.PersonRef_Id{Id: id}} }
func byEmail(a string) *pb.PersonRef           { return &pb.PersonRef{Person: &pb.PersonRef_Email{Email: a}} }
func paths(p ...string) *fieldmaskpb.FieldMask { return &fieldmaskpb.FieldMask{Paths: p} }

// explain reads an error's one ErrorInfo, its RetryInfo and the fields it names.
func explain(t *testing.T, err error) (code codes.Code, reason string, retry bool, fields []string) {
	t.Helper()
	infos := 0
	for _, detail := range status.Convert(err).Details() {
		switch detail := detail.(type) {
		case *errdetails.ErrorInfo:
			infos++
			reason = detail.GetReason()
			if detail.GetDomain() != "peopleinsights" {
				t.Errorf("domain %q", detail.GetDomain())
			}
		case *errdetails.RetryInfo:
			retry = true
		case *errdetails.BadRequest:
			for _, v := range detail.GetFieldViolations() {
				fields = append(fields, v.GetField())
			}
		}
	}
	if infos != 1 {
		t.Errorf("%v has %d ErrorInfos, want one", err, infos)
	}
	return status.Code(err), reason, retry, fields
}

func TestInvalidRequests(t *testing.T) {
	s := start(t)
	someone := byID(sourcetest.ID(1))
	profile := func(in *pb.GetProfileRequest) func() error {
		return func() error { _, err := s.GetProfile(t.Context(), in); return err }
	}
	suggest := func(in *pb.SuggestInviteesRequest) func() error {
		return func() error { _, err := s.SuggestInvitees(t.Context(), in); return err }
	}
	batch := func(in *pb.BatchGetProfilesRequest) func() error {
		return func() error { _, err := s.BatchGetProfiles(t.Context(), in); return err }
	}
	report := func(in *pb.ReportPickRequest) func() error {
		return func() error { _, err := s.ReportPick(t.Context(), in); return err }
	}
	photo := func(in *pb.GetProfilePhotoRequest) func() error {
		return func() error { _, err := s.GetProfilePhoto(t.Context(), in); return err }
	}
	line := func(in *pb.GetReportingLineRequest) func() error {
		return func() error { _, err := s.GetReportingLine(t.Context(), in); return err }
	}
	match := func(in *pb.MatchAccountsRequest) func() error {
		return func() error { _, err := s.MatchAccounts(t.Context(), in); return err }
	}
	expand := func(in *pb.ExpandGroupRequest) func() error {
		return func() error { _, err := s.ExpandGroup(t.Context(), in); return err }
	}
	folder := func(id string, organizer *pb.PersonRef) func() error {
		return expand(&pb.ExpandGroupRequest{Group: &pb.ExpandGroupRequest_ContactFolderId{ContactFolderId: id}, Organizer: organizer})
	}
	list := func(in *pb.ListChannelMembersRequest) func() error {
		return func() error { _, err := s.ListChannelMembers(t.Context(), in); return err }
	}
	watch := func(in *pb.WatchProfilesRequest) func() error {
		return func() error {
			stream, err := s.WatchProfiles(t.Context(), in)
			if err == nil {
				_, err = stream.Recv()
			}
			return err
		}
	}
	team := sourcetest.ID(1)
	for _, row := range []struct {
		what   string
		call   func() error
		fields string
	}{
		{"a photo of nobody", photo(&pb.GetProfilePhotoRequest{}), "person"},
		{"a photo of an unknown size", photo(&pb.GetProfilePhotoRequest{Person: someone, Size: 77}), "size"},
		{"a long etag", photo(&pb.GetProfilePhotoRequest{Person: someone, IfNoneMatch: strings.Repeat("é", 201)}), "if_none_match"},
		{"a line of nobody", line(&pb.GetReportingLineRequest{}), "person"},
		{"negative levels", line(&pb.GetReportingLineRequest{Person: someone, LevelsUp: -1}), "levels_up"},
		{"too many levels", line(&pb.GetReportingLineRequest{Person: someone, LevelsUp: 101}), "levels_up"},
		{"too many reports", line(&pb.GetReportingLineRequest{Person: someone, PageSize: 1001}), "page_size"},
		{"a negative page of reports", line(&pb.GetReportingLineRequest{Person: someone, PageSize: -1}), "page_size"},
		{"a token that is none", line(&pb.GetReportingLineRequest{Person: someone, PageToken: "x"}), "page_token"},
		{"too many addresses", match(&pb.MatchAccountsRequest{Emails: make([]string, 1001)}), "emails"},
		{"no group", expand(&pb.ExpandGroupRequest{}), "group"},
		{"a group that is no GUID", expand(&pb.ExpandGroupRequest{Group: &pb.ExpandGroupRequest_GroupId{GroupId: "x"}}), "group_id"},
		{"a group's malformed address", expand(&pb.ExpandGroupRequest{Group: &pb.ExpandGroupRequest_Email{Email: "x"}}), "email"},
		{"no folder", folder("", someone), "contact_folder_id"},
		{"nobody's folder", folder("f", nil), "organizer"},
		{"a folder of somebody malformed", folder("f", byEmail("@")), "organizer.email"},
		{"a folder of somebody unknown", folder("f", byID(sourcetest.ID(9))), "organizer"},
		{"a folder's page too large", expand(&pb.ExpandGroupRequest{Group: &pb.ExpandGroupRequest_ContactCategory{ContactCategory: "c"}, PageSize: 1001}), "organizer page_size"},
		{"no category", expand(&pb.ExpandGroupRequest{Group: &pb.ExpandGroupRequest_ContactCategory{}, Organizer: someone}), "contact_category"},
		{"no team and no channel", list(&pb.ListChannelMembersRequest{}), "team_id channel_id"},
		{"a long channel", list(&pb.ListChannelMembersRequest{TeamId: team, ChannelId: strings.Repeat("é", 257)}), "channel_id"},
		{"a channel's page too large", list(&pb.ListChannelMembersRequest{TeamId: team, ChannelId: "c", PageSize: 1001, PageToken: "x"}), "page_size page_token"},
		{"a watch of nobody", watch(&pb.WatchProfilesRequest{}), "people"},
		{"a watch of too many", watch(&pb.WatchProfilesRequest{People: manyRefs(1001)}), "people"},
		{"a watch of somebody malformed", watch(&pb.WatchProfilesRequest{People: []*pb.PersonRef{someone, byID("x"), {}}}), "people[1].id people[2]"},
		{"a watch's unknown path", watch(&pb.WatchProfilesRequest{People: []*pb.PersonRef{someone}, ReadMask: paths("x")}), "read_mask"},
		{"a watch of a rich field", watch(&pb.WatchProfilesRequest{People: []*pb.PersonRef{someone}, ReadMask: paths("skills")}), "read_mask"},
		{"a batch of a rich field", batch(&pb.BatchGetProfilesRequest{ReadMask: paths("display_name", "aboutMe")}), "read_mask"},
		{"a batch of a rich field beside all", batch(&pb.BatchGetProfilesRequest{ReadMask: paths("*", "schools")}), "read_mask"},
		{"a malformed team", suggest(&pb.SuggestInviteesRequest{Query: "a", TeamId: "x"}), "team_id"},
		{"a channel without a team", suggest(&pb.SuggestInviteesRequest{Query: "a", ChannelId: "c"}), "channel_id"},
		{"a long channel of a team", suggest(&pb.SuggestInviteesRequest{Query: "a", TeamId: team, ChannelId: strings.Repeat("é", 257)}), "channel_id"},
		{"an unknown organizer with a team", suggest(&pb.SuggestInviteesRequest{Query: "a", TeamId: team, Organizer: byID(sourcetest.ID(9))}), "organizer"},
		{"nobody named", profile(&pb.GetProfileRequest{}), "person"},
		{"an empty reference", profile(&pb.GetProfileRequest{Person: &pb.PersonRef{}}), "person"},
		{"an id that is no GUID", profile(&pb.GetProfileRequest{Person: byID("42")}), "person.id"},
		{"an empty id", profile(&pb.GetProfileRequest{Person: byID("")}), "person.id"},
		{"an address without @", profile(&pb.GetProfileRequest{Person: byEmail("ana")}), "person.email"},
		{"an unknown path", profile(&pb.GetProfileRequest{Person: someone, ReadMask: paths("display_name", "shoe_size")}), "read_mask"},
		{"a path into a text", profile(&pb.GetProfileRequest{Person: someone, ReadMask: paths("display_name.x")}), "read_mask"},
		{"a path into a list", profile(&pb.GetProfileRequest{Person: someone, ReadMask: paths("business_phones.x")}), "read_mask"},
		{"an unknown path below", profile(&pb.GetProfileRequest{Person: someone, ReadMask: paths("manager.salary")}), "read_mask"},
		{"an unknown path below what is let through", profile(&pb.GetProfileRequest{Person: someone, ReadMask: paths("manager", "manager.salary")}), "read_mask"},
		{"an unknown path beside all", profile(&pb.GetProfileRequest{Person: someone, ReadMask: paths("*", "x")}), "read_mask"},
		{"an empty path", profile(&pb.GetProfileRequest{Person: someone, ReadMask: paths("")}), "read_mask"},
		{"a negative age", profile(&pb.GetProfileRequest{Person: someone, MaxStaleness: durationpb.New(-1)}), "max_staleness"},
		{"several faults", profile(&pb.GetProfileRequest{ReadMask: paths("x")}), "person read_mask"},
		{"a batch too large", batch(&pb.BatchGetProfilesRequest{People: make([]*pb.PersonRef, 1001)}), "people"},
		{"a batch's unknown path", batch(&pb.BatchGetProfilesRequest{ReadMask: paths("x")}), "read_mask"},
		{"a query too long", suggest(&pb.SuggestInviteesRequest{Query: strings.Repeat("é", 257)}), "query"},
		{"a page too large", suggest(&pb.SuggestInviteesRequest{Query: "a", PageSize: 51}), "page_size"},
		{"a negative page", suggest(&pb.SuggestInviteesRequest{Query: "a", PageSize: -1}), "page_size"},
		{"an unknown organizer", suggest(&pb.SuggestInviteesRequest{Query: "a", Organizer: byID(sourcetest.ID(9))}), "organizer"},
		{"a malformed organizer", suggest(&pb.SuggestInviteesRequest{Query: "a", Organizer: byEmail("@")}), "organizer.email"},
		{"an empty organizer", suggest(&pb.SuggestInviteesRequest{Query: "a", Organizer: &pb.PersonRef{}}), "organizer"},
		{"a malformed exclusion", suggest(&pb.SuggestInviteesRequest{Query: "a", Exclude: []*pb.PersonRef{someone, byID("x")}}), "exclude[1].id"},
		{"too many exclusions", suggest(&pb.SuggestInviteesRequest{Query: "a", Exclude: manyRefs(1001)}), "exclude"},
		{"a kind that is none", suggest(&pb.SuggestInviteesRequest{Query: "a", Kinds: []pb.InviteeKind{1, 0}}), "kinds[1]"},
		{"an unknown kind", suggest(&pb.SuggestInviteesRequest{Query: "a", Kinds: []pb.InviteeKind{77}}), "kinds[0]"},
		{"nobody picked by nobody", report(&pb.ReportPickRequest{}), "organizer picked_id"},
		{"a malformed picker", report(&pb.ReportPickRequest{Organizer: byEmail("@"), PickedId: sourcetest.ID(2)}), "organizer.email"},
		{"an unknown picker", report(&pb.ReportPickRequest{Organizer: byID(sourcetest.ID(9)), PickedId: sourcetest.ID(2)}), "organizer"},
		{"an address picked", report(&pb.ReportPickRequest{Organizer: someone, PickedId: "person.c@contoso.com"}), "picked_id"},
		{"an unknown pick", report(&pb.ReportPickRequest{Organizer: someone, PickedId: sourcetest.ID(9)}), "picked_id"},
	} {
		code, reason, _, fields := explain(t, row.call())
		if code != codes.InvalidArgument || reason != "INVALID_REQUEST" || strings.Join(fields, " ") != row.fields {
			t.Errorf("%s = %v %s naming %q, want InvalidArgument INVALID_REQUEST naming %q", row.what, code, reason, fields, row.fields)
		}
	}
}

func manyRefs(n int) []*pb.PersonRef {
	refs := make([]*pb.PersonRef, n)
	for i := range refs {
		refs[i] = byID(sourcetest.ID(i))
	}
	return refs
}

func TestReadMask(t *testing.T) {
	s := start(t)
	full, err := s.GetProfile(t.Context(), &pb.GetProfileRequest{Person: byID(sourcetest.ID(1))})
	if err != nil {
		t.Fatal(err)
	}
	boss := full.Profile.Manager
	for _, row := range []struct {
		mask *fieldmaskpb.FieldMask
		want *pb.Profile
	}{
		{paths("display_name"), &pb.Profile{DisplayName: "Person B"}},
		{paths("displayName", "businessPhones"), &pb.Profile{DisplayName: "Person B", BusinessPhones: full.Profile.BusinessPhones}},
		{paths("manager.display_name"), &pb.Profile{Manager: &pb.ProfileSummary{DisplayName: boss.DisplayName}}},
		{paths("manager.display_name", "manager"), &pb.Profile{Manager: boss}},
		{paths("manager", "manager.email"), &pb.Profile{Manager: boss}},
		{paths("*"), full.Profile},
		{paths("id", "*"), full.Profile},
		{paths(), full.Profile},
	} {
		out, err := s.GetProfile(t.Context(), &pb.GetProfileRequest{Person: byID(sourcetest.ID(1)), ReadMask: row.mask})
		if diff := cmp.Diff(row.want, out.GetProfile(), protocmp.Transform()); diff != "" || err != nil {
			t.Errorf("read_mask %v: %v, differs (-want +got):\n%s", row.mask.GetPaths(), err, diff)
		}
		batch, err := s.BatchGetProfiles(t.Context(), &pb.BatchGetProfilesRequest{People: []*pb.PersonRef{byID(sourcetest.ID(1))}, ReadMask: row.mask})
		if err != nil || !proto.Equal(batch.Results[0].GetProfile(), row.want) {
			t.Errorf("a batch with read_mask %v = %v, %v", row.mask.GetPaths(), batch, err)
		}
	}
}

func TestBatch(t *testing.T) {
	s := start(t)
	out, err := s.BatchGetProfiles(t.Context(), &pb.BatchGetProfilesRequest{
		People:   []*pb.PersonRef{byEmail("PERSON.C@contoso.com"), byEmail("nobody@contoso.com"), byID("x"), byID(sourcetest.ID(0)), {}},
		ReadMask: paths("display_name"),
	})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range out.Results {
		if p := r.GetProblem(); p != nil {
			got = append(got, fmt.Sprint(codes.Code(p.Code), " ", p.Reason))
		} else {
			got = append(got, r.GetProfile().GetDisplayName())
		}
	}
	want := []string{"Person C", "NotFound ERROR_REASON_PERSON_NOT_FOUND", "InvalidArgument ERROR_REASON_INVALID_REQUEST",
		"Person A", "InvalidArgument ERROR_REASON_INVALID_REQUEST"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("results differ (-want +got):\n%s", diff)
	}
	if text := out.Results[2].GetProblem().GetMessage(); !strings.HasPrefix(text, "people[2].id ") {
		t.Errorf("the malformed id's problem does not name its field: %q", text)
	}
	if out.Freshness.GetRevision() != 1 || out.Freshness.GetEpoch() == "" {
		t.Errorf("freshness = %v", out.Freshness)
	}
	empty, err := s.BatchGetProfiles(t.Context(), &pb.BatchGetProfilesRequest{})
	if err != nil || len(empty.Results) != 0 || empty.Freshness == nil {
		t.Errorf("an empty batch = %v, %v", empty, err)
	}
}

// TestEveryErrorHasItsReason has the source fail in each way, for somebody whom
// memory does not hold.
func TestEveryErrorHasItsReason(t *testing.T) {
	for _, row := range []struct {
		err    error
		code   codes.Code
		reason string
		retry  bool
	}{
		{cache.ErrNotFound, codes.NotFound, "PERSON_NOT_FOUND", false},
		{cache.ErrUnavailable, codes.Unavailable, "SOURCE_UNAVAILABLE", true},
		{cache.ErrThrottled, codes.Unavailable, "SOURCE_THROTTLED", true},
		{cache.ErrDenied, codes.Unavailable, "SOURCE_DENIED", false},
		{cache.ErrNoPhoto, codes.NotFound, "PHOTO_NOT_FOUND", false},
		{cache.ErrNoGroup, codes.NotFound, "GROUP_NOT_FOUND", false},
		{cache.ErrNoChannel, codes.NotFound, "CHANNEL_NOT_FOUND", false},
		{cache.ErrHiddenMembers, codes.PermissionDenied, "MEMBERS_HIDDEN", false},
		{cache.ErrTooManyMembers, codes.FailedPrecondition, "GROUP_TOO_LARGE", false},
		{cache.ErrPending, codes.Unavailable, "SOURCE_PENDING", true},
		{cache.ErrTruncated, codes.FailedPrecondition, "SOURCE_TRUNCATED", false},
		{errors.New("ana@contoso.com is secret"), codes.Internal, "INTERNAL", false},
	} {
		s := start(t)
		s.source.Before(func(context.Context, string) error { return fmt.Errorf("asking: %w", row.err) })
		_, err := s.GetProfile(t.Context(), &pb.GetProfileRequest{Person: byID(sourcetest.ID(9))})
		code, reason, retry, _ := explain(t, err)
		if code != row.code || reason != row.reason || retry != row.retry {
			t.Errorf("%v = %v %s, retry %v; want %v %s, retry %v", row.err, code, reason, retry, row.code, row.reason, row.retry)
		}
		if strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "asking") {
			t.Errorf("the caller is told the cause: %v", err)
		}
		batch, err := s.BatchGetProfiles(t.Context(), &pb.BatchGetProfilesRequest{People: []*pb.PersonRef{byID(sourcetest.ID(9))}})
		if problem := batch.GetResults()[0].GetProblem(); err != nil || codes.Code(problem.GetCode()) != row.code || (problem.GetRetryAfter() != nil) != row.retry {
			t.Errorf("in a batch, %v = %v, %v", row.err, problem, err)
		}
	}
}

// TestClientsDoNotRetryWhatTheServiceHasTried looks at the trailer that holds gRPC
// clients back.
func TestClientsDoNotRetryWhatTheServiceHasTried(t *testing.T) {
	s := start(t)
	s.source.Before(func(context.Context, string) error { return cache.ErrUnavailable })
	var trailer metadata.MD
	_, err := s.GetProfile(t.Context(), &pb.GetProfileRequest{Person: byID(sourcetest.ID(9))}, grpc.Trailer(&trailer))
	if pushback := trailer.Get("grpc-retry-pushback-ms"); status.Code(err) != codes.Unavailable || len(pushback) != 1 || pushback[0] != "-1" {
		t.Errorf("GetProfile = %v with pushback %v, want Unavailable with -1", err, pushback)
	}
}

// TestTimeRunsOut has the service end a call. Its caller has no deadline, which could pass
// while the answer is on its way.
func TestTimeRunsOut(t *testing.T) {
	s := start(t, hurried)
	s.source.Before(func(ctx context.Context, _ string) error { <-ctx.Done(); return ctx.Err() })
	_, err := s.GetProfile(t.Context(), &pb.GetProfileRequest{Person: byID(sourcetest.ID(9))})
	if code, reason, _, _ := explain(t, err); code != codes.DeadlineExceeded || reason != "DEADLINE_EXCEEDED" {
		t.Errorf("GetProfile = %v %s, want DeadlineExceeded from the service", code, reason)
	}
}

func TestOverload(t *testing.T) {
	s := start(t, func(c *insights.Config) { c.MaxConcurrent = 1 })
	inside, release := make(chan struct{}), make(chan struct{})
	s.source.Before(func(_ context.Context, method string) error {
		if method == "Find" {
			close(inside)
			<-release
		}
		return cache.ErrNotFound
	})
	first := make(chan error)
	go func() {
		_, err := s.GetProfile(t.Context(), &pb.GetProfileRequest{Person: byID(sourcetest.ID(9))})
		first <- err
	}()
	<-inside
	_, err := s.GetProfile(t.Context(), &pb.GetProfileRequest{Person: byID(sourcetest.ID(1))})
	if code, reason, retry, _ := explain(t, err); code != codes.ResourceExhausted || reason != "OVERLOADED" || !retry {
		t.Errorf("a call too many = %v %s, retry %v", code, reason, retry)
	}
	if _, err := s.GetDirectoryStatus(t.Context(), &pb.GetDirectoryStatusRequest{}); err != nil {
		t.Errorf("an operator's call beside as many as may be = %v", err)
	}
	close(release)
	if err := <-first; status.Code(err) != codes.NotFound {
		t.Errorf("the call under way = %v", err)
	}
	if _, err := s.GetProfile(t.Context(), &pb.GetProfileRequest{Person: byID(sourcetest.ID(1))}); err != nil {
		t.Errorf("a call afterwards = %v", err)
	}
}

func TestPanicIsInternalAndSaysNothing(t *testing.T) {
	s := start(t, func(c *insights.Config) {
		c.Identify = func(context.Context) (auth.Caller, error) { panic("ana@contoso.com") }
	})
	_, err := s.GetDirectoryStatus(t.Context(), &pb.GetDirectoryStatusRequest{})
	if code, reason, _, _ := explain(t, err); code != codes.Internal || reason != "INTERNAL" {
		t.Errorf("a panic = %v %s", code, reason)
	}
	if strings.Contains(err.Error()+s.log.String(), "ana@contoso.com") {
		t.Errorf("what was panicked with was told: %v\n%s", err, s.log)
	}
}

func TestCallerOfAnotherTenantIsNobody(t *testing.T) {
	s := start(t, func(c *insights.Config) { c.Identify = auth.Development("fabrikam") })
	_, err := s.GetProfile(t.Context(), &pb.GetProfileRequest{Person: byID(sourcetest.ID(1))})
	if code, reason, _, _ := explain(t, err); code != codes.Unauthenticated || reason != "UNAUTHENTICATED" {
		t.Errorf("GetProfile = %v %s", code, reason)
	}
}

func TestSuggest(t *testing.T) {
	s := start(t)
	out, err := s.SuggestInvitees(t.Context(), &pb.SuggestInviteesRequest{
		Query: "b pers", Organizer: byID(sourcetest.ID(0)), Kinds: []pb.InviteeKind{pb.InviteeKind_INVITEE_KIND_PERSON},
	})
	if err != nil {
		t.Fatal(err)
	}
	p := sourcetest.Someone(1).Profile
	want := []*pb.Suggestion{{
		Kind: pb.InviteeKind_INVITEE_KIND_PERSON, Id: p.Id, DisplayName: p.DisplayName, Email: p.Email,
		JobTitle: p.JobTitle, Department: p.Department, OfficeLocation: p.OfficeLocation,
		Source: pb.SuggestionSource_SUGGESTION_SOURCE_PEOPLE,
		Matches: []*pb.FieldMatch{{Field: pb.MatchField_MATCH_FIELD_DISPLAY_NAME, Value: "Person B",
			Ranges: []*pb.TextRange{{Start: 0, End: 4}, {Start: 7, End: 8}}}},
	}}
	if diff := cmp.Diff(want, out.Suggestions, protocmp.Transform()); diff != "" {
		t.Errorf("suggestions differ (-want +got):\n%s", diff)
	}
	if len(out.Sources) != 0 {
		t.Errorf("suggestions lack %v, want nothing", out.Sources)
	}
	if out, err := s.SuggestInvitees(t.Context(), &pb.SuggestInviteesRequest{}); err != nil || len(out.Suggestions) != 0 {
		t.Errorf("an empty query = %v, %v; want nobody", out, err)
	}
}

func TestSuggestionsTellWhatTheyLack(t *testing.T) {
	for _, row := range []struct {
		state cache.SourceState
		want  *pb.SourceState
	}{
		{cache.SourceState{Source: pb.SuggestionSource_SUGGESTION_SOURCE_PEOPLE, AsOf: time.Unix(7, 0), Err: cache.ErrUnavailable}, &pb.SourceState{
			Source: pb.SuggestionSource_SUGGESTION_SOURCE_PEOPLE, AsOfTime: timestamppb.New(time.Unix(7, 0)),
			Reason: pb.ErrorReason_ERROR_REASON_SOURCE_UNAVAILABLE}},
		{cache.SourceState{Source: pb.SuggestionSource_SUGGESTION_SOURCE_GROUPS, Err: cache.ErrFilling}, &pb.SourceState{
			Source: pb.SuggestionSource_SUGGESTION_SOURCE_GROUPS, Reason: pb.ErrorReason_ERROR_REASON_DIRECTORY_FILLING}},
	} {
		got := insights.SourcesOf([]cache.SourceState{row.state})
		if diff := cmp.Diff([]*pb.SourceState{row.want}, got, protocmp.Transform()); diff != "" {
			t.Errorf("sources differ (-want +got):\n%s", diff)
		}
	}
}

func TestStatus(t *testing.T) {
	s := start(t)
	out, err := s.GetDirectoryStatus(t.Context(), &pb.GetDirectoryStatusRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if out.TenantId != "contoso" || out.State != pb.DirectoryState_DIRECTORY_STATE_CURRENT || out.People != 3 ||
		out.SuggestiblePeople != 3 || out.Freshness.GetRevision() != 1 || out.LastFailure != nil || out.FillDuration == nil {
		t.Errorf("GetDirectoryStatus = %v", out)
	}
}

// TestLogsNameNobody has calls fail in many ways and looks for people in the log.
func TestLogsNameNobody(t *testing.T) {
	s := start(t)
	for _, person := range []*pb.PersonRef{byEmail("nobody.secret@contoso.com"), byEmail("secret"), byID("secret"), byID(sourcetest.ID(9))} {
		_, _ = s.GetProfile(t.Context(), &pb.GetProfileRequest{Person: person})
		_, _ = s.GetProfile(t.Context(), &pb.GetProfileRequest{Person: person, ReadMask: paths("secret@contoso.com")})
		_, _ = s.SuggestInvitees(t.Context(), &pb.SuggestInviteesRequest{Query: "secret", Organizer: person})
		_, _ = s.ReportPick(t.Context(), &pb.ReportPickRequest{Organizer: person, PickedId: sourcetest.ID(9)})
		_, _ = s.ReportPick(t.Context(), &pb.ReportPickRequest{Organizer: byID(sourcetest.ID(1)), PickedId: "secret"})
		_, _ = s.ReportPick(t.Context(), &pb.ReportPickRequest{Organizer: byID(sourcetest.ID(1)), PickedId: sourcetest.ID(9)})
	}
	s.source.Before(func(context.Context, string) error { return cache.ErrUnavailable })
	_, _ = s.GetProfile(t.Context(), &pb.GetProfileRequest{Person: byEmail("other.secret@contoso.com")})
	log := s.log.String()
	if !strings.Contains(log, "GetProfile") || !strings.Contains(log, "ReportPick") {
		t.Fatalf("the log says nothing: %q", log)
	}
	if strings.Contains(log, "secret") || strings.Contains(log, sourcetest.ID(9)) {
		t.Errorf("the log names somebody:\n%s", log)
	}
}
