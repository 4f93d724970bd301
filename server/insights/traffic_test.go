package insights_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/peopleinsights/peopleinsights/cache"
	"github.com/peopleinsights/peopleinsights/cache/sourcetest"
	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
	"github.com/peopleinsights/peopleinsights/server/auth"
	"github.com/peopleinsights/peopleinsights/server/insights"
	"github.com/peopleinsights/peopleinsights/server/traffic"
)

// everyRole is a user who may ask everything.
var everyRole = auth.Caller{Tenant: "contoso", Subject: "user:0", User: sourcetest.ID(0), Roles: auth.Client | auth.Scheduler | auth.Operator}

// limited has callers be one, of whom traffic has limits.
func limited(caller auth.Caller, limits traffic.Limits) func(*insights.Config) {
	return func(c *insights.Config) {
		c.Identify = func(context.Context) (auth.Caller, error) { return caller, nil }
		c.Traffic = traffic.New(traffic.Config{Limits: limits, Now: func() time.Time { return time.Unix(0, 0) }})
	}
}

// asks are calls of each kind that shows people, and how many it shows.
var asks = []struct {
	what  string
	ask   func(context.Context, service) (shown int, err error)
	shows int
}{
	{"GetProfile", func(ctx context.Context, s service) (int, error) {
		out, err := s.GetProfile(ctx, &pb.GetProfileRequest{Person: byEmail("person.c@contoso.com")})
		return ones(out.GetProfile() != nil), err
	}, 1},
	{"BatchGetProfiles", func(ctx context.Context, s service) (int, error) {
		out, err := s.BatchGetProfiles(ctx, &pb.BatchGetProfilesRequest{People: []*pb.PersonRef{
			byID(sourcetest.ID(0)), byID(sourcetest.ID(1)), byEmail("person.b@contoso.com"), byID("x")}})
		return len(out.GetResults()), err
	}, 2},
	{"WatchProfiles", func(ctx context.Context, s service) (int, error) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		stream, err := s.WatchProfiles(ctx, &pb.WatchProfilesRequest{People: []*pb.PersonRef{byID(sourcetest.ID(0)), byEmail("person.b@contoso.com"), byID(sourcetest.ID(1))}})
		if err != nil {
			return 0, err
		}
		out, err := stream.Recv()
		return len(out.GetPeople()), err
	}, 2},
	{"GetProfilePhoto", func(ctx context.Context, s service) (int, error) {
		out, err := s.GetProfilePhoto(ctx, &pb.GetProfilePhotoRequest{Person: byEmail("person.b@contoso.com")})
		return len(out.GetData()), err
	}, 1},
	{"GetReportingLine", func(ctx context.Context, s service) (int, error) {
		out, err := s.GetReportingLine(ctx, &pb.GetReportingLineRequest{Person: byID(sourcetest.ID(0)), IncludeDirectReports: true})
		return len(out.GetDirectReports()), err
	}, 3},
	{"MatchAccounts", func(ctx context.Context, s service) (int, error) {
		out, err := s.MatchAccounts(ctx, &pb.MatchAccountsRequest{Emails: []string{"person.b@contoso.com", "Person.B@contoso.com", "nobody@contoso.com", "x"}})
		return len(out.GetMatches()), err
	}, 2},
	{"MatchAccounts of an address of two", func(ctx context.Context, s service) (int, error) {
		out, err := s.MatchAccounts(ctx, &pb.MatchAccountsRequest{Emails: []string{"both@contoso.com"}})
		return len(out.GetMatches()), err
	}, 2},
	{"SuggestInvitees", func(ctx context.Context, s service) (int, error) {
		out, err := s.SuggestInvitees(ctx, &pb.SuggestInviteesRequest{Query: "person", Kinds: []pb.InviteeKind{pb.InviteeKind_INVITEE_KIND_PERSON}})
		return len(out.GetSuggestions()), err
	}, 2}, // not themselves
	{"ExpandGroup", func(ctx context.Context, s service) (int, error) {
		out, err := s.ExpandGroup(ctx, &pb.ExpandGroupRequest{Group: &pb.ExpandGroupRequest_GroupId{GroupId: sourcetest.SomeGroup(0).ID}})
		return len(out.GetMembers()), err
	}, 2},
	{"ListChannelMembers", func(ctx context.Context, s service) (int, error) {
		out, err := s.ListChannelMembers(ctx, &pb.ListChannelMembersRequest{TeamId: sourcetest.SomeGroup(0).ID, ChannelId: "c"})
		return len(out.GetMembers()), err
	}, 2},
	{"ReportPick", func(ctx context.Context, s service) (int, error) {
		_, err := s.ReportPick(ctx, &pb.ReportPickRequest{PickedId: sourcetest.ID(1)})
		return 0, err
	}, 1},
}

func ones(so bool) int {
	if so {
		return 1
	}
	return 0
}

// TestEveryCallCounts has each kind of call show exactly as many as may be seen, and then one
// fewer.
func TestEveryCallCounts(t *testing.T) {
	for _, row := range asks {
		for _, most := range []int{row.shows, row.shows - 1} {
			s := start(t, limited(everyRole, traffic.Limits{UserPeoplePerHour: most + 1}))
			furnish(t, s)
			// Somebody takes one of the places, so that there is no limit of zero.
			_, err := s.GetProfile(t.Context(), &pb.GetProfileRequest{Person: byEmail("somebody.else@contoso.com")})
			if status.Code(err) != codes.NotFound {
				t.Fatal(err)
			}
			for range 2 { // to see the same people again costs nothing
				shown, err := row.ask(t.Context(), s)
				code, reason := status.Code(err), reasonOf(t, err)
				if most == row.shows && code != codes.OK {
					t.Errorf("%s of %d people with %d to be seen = %v", row.what, row.shows, most, err)
				}
				if most < row.shows && (code != codes.ResourceExhausted || reason != "PEOPLE_LIMIT_REACHED" || shown > 0) {
					t.Errorf("%s of %d people with %d to be seen = %v, showing %d", row.what, row.shows, most, err, shown)
				}
			}
			_, err = s.GetProfile(t.Context(), &pb.GetProfileRequest{Person: byEmail("another@contoso.com")})
			if over := reasonOf(t, err) == "PEOPLE_LIMIT_REACHED"; over != (most == row.shows || most == 0) {
				t.Errorf("one more after %s of %d with %d to be seen = %v", row.what, row.shows, most, err)
			}
			if _, err := s.ReportPerson(t.Context(), &pb.ReportPersonRequest{Person: byID(sourcetest.ID(2))}); err != nil {
				t.Errorf("an operator = %v", err)
			}
		}
	}
}

// furnish has a group, a channel, a photo and an address that two people share be there.
func furnish(t *testing.T, s service) {
	t.Helper()
	for i := range 2 {
		p := sourcetest.Someone(i + 1)
		p.ManagerID = sourcetest.ID(0)
		p.OtherMails = append(p.OtherMails, "both@contoso.com")
		s.source.Put(p)
	}
	g := sourcetest.SomeGroup(0)
	members := []cache.Member{{Summary: &pb.ProfileSummary{Id: sourcetest.ID(1), DisplayName: "x"}}, {Summary: &pb.ProfileSummary{Id: sourcetest.ID(2), DisplayName: "y"}}}
	s.source.PutGroup(g)
	s.source.PutMembers(g.ID, members...)
	s.source.PutChannel(g.ID, "c", cache.Channel{Kind: pb.ChannelKind_CHANNEL_KIND_PRIVATE, Members: members})
	s.source.PutPhoto(sourcetest.ID(1), &cache.Photo{Data: []byte("image"), ContentType: "image/jpeg"})
	if _, err := s.refresh(t, true, false); err != nil {
		t.Fatal(err)
	}
}

// TestTheHiddenCountAsTheAbsent asks for both in each way, with as many to be seen as it takes,
// and with one fewer.
func TestTheHiddenCountAsTheAbsent(t *testing.T) {
	const most = 3
	for _, refs := range [][2]*pb.PersonRef{
		{byID(sourcetest.ID(2)), byID(sourcetest.ID(55))}, {byEmail("person.c@contoso.com"), byEmail("person.z@contoso.com")},
	} {
		for _, fillers := range []int{most - 1, most} {
			var told [2][]string
			for i, ref := range refs {
				for _, ask := range []func(service) error{
					func(s service) error {
						_, err := s.GetProfile(t.Context(), &pb.GetProfileRequest{Person: ref})
						return err
					},
					func(s service) error {
						_, err := s.BatchGetProfiles(t.Context(), &pb.BatchGetProfilesRequest{People: []*pb.PersonRef{ref}})
						return err
					},
					func(s service) error {
						_, err := s.GetProfilePhoto(t.Context(), &pb.GetProfilePhotoRequest{Person: ref})
						return err
					},
					func(s service) error {
						_, err := s.GetReportingLine(t.Context(), &pb.GetReportingLineRequest{Person: ref})
						return err
					},
					func(s service) error {
						_, err := s.SuggestInvitees(t.Context(), &pb.SuggestInviteesRequest{Query: "zz", Organizer: ref})
						return err
					},
					func(s service) error {
						_, err := s.ReportPick(t.Context(), &pb.ReportPickRequest{Organizer: ref, PickedId: sourcetest.ID(70)})
						return err
					},
					func(s service) error {
						if ref.GetEmail() == "" {
							return nil
						}
						_, err := s.MatchAccounts(t.Context(), &pb.MatchAccountsRequest{Emails: []string{ref.GetEmail()}})
						return err
					},
				} {
					app := auth.Caller{Tenant: "contoso", Subject: "app:1", Roles: auth.Client | auth.Scheduler}
					s := start(t, limited(app, traffic.Limits{AppPeoplePerHour: most}), hidingTwo(t))
					for j := range fillers {
						_, _ = s.GetProfile(t.Context(), &pb.GetProfileRequest{Person: byID(sourcetest.ID(70 + j))})
					}
					first := ask(s)
					_, next := s.GetProfile(t.Context(), &pb.GetProfileRequest{Person: byID(sourcetest.ID(90))})
					told[i] = append(told[i], fmt.Sprint(first, ", then ", next))
					if ref.GetEmail() == "" && first == nil && fillers == most && len(told[i]) == 7 {
						continue // no call of ids
					}
					if over := reasonOf(t, first) == "PEOPLE_LIMIT_REACHED"; over != (fillers == most) {
						t.Errorf("call %d for %v with %d of %d seen = %v", len(told[i]), ref, fillers, most, first)
					}
				}
			}
			if strings.Join(told[0], "\n") != strings.Join(told[1], "\n") {
				t.Errorf("the hidden are told apart from the absent:\n%s\nand\n%s", strings.Join(told[0], "\n"), strings.Join(told[1], "\n"))
			}
		}
	}
}

// TestRatesAreLimited calls more often than may be, by each kind of caller.
func TestRatesAreLimited(t *testing.T) {
	s := start(t, limited(everyRole, traffic.Limits{UserRate: 0.5, UserBurst: 10}))
	get := func() error {
		_, err := s.GetProfile(t.Context(), &pb.GetProfileRequest{Person: byID(sourcetest.ID(1))})
		return err
	}
	if err := get(); err != nil {
		t.Fatal(err)
	}
	large := &pb.BatchGetProfilesRequest{People: manyRefs(901)}
	_, err := s.BatchGetProfiles(t.Context(), large)
	if reason, wait := reasonOf(t, err), retryAfter(err); status.Code(err) != codes.ResourceExhausted || reason != "RATE_LIMITED" || wait != 2*time.Second {
		t.Errorf("a batch of ten calls where nine are left = %v, wait %v", err, wait)
	}
	stream, err := s.WatchProfiles(t.Context(), &pb.WatchProfilesRequest{People: manyRefs(1000)})
	if err == nil {
		_, err = stream.Recv()
	}
	if reason, wait := reasonOf(t, err), retryAfter(err); reason != "RATE_LIMITED" || wait != 2*time.Second {
		t.Errorf("a watch of ten calls where nine are left = %v, wait %v", err, wait)
	}
	for range 9 {
		if err := get(); err != nil {
			t.Fatal(err)
		}
	}
	if err := get(); reasonOf(t, err) != "RATE_LIMITED" || retryAfter(err) != 2*time.Second {
		t.Errorf("one too many = %v, wait %v", err, retryAfter(err))
	}
	for range 30 {
		if _, err := s.GetDirectoryStatus(t.Context(), &pb.GetDirectoryStatusRequest{}); err != nil {
			t.Fatalf("an operator is limited: %v", err)
		}
	}
}

func retryAfter(err error) time.Duration {
	for _, detail := range status.Convert(err).Details() {
		if info, ok := detail.(*errdetails.RetryInfo); ok {
			return info.GetRetryDelay().AsDuration()
		}
	}
	return 0
}

// TestTenantsLimitsAreTheirOwn gives a tenant other limits than the service's.
func TestTenantsLimitsAreTheirOwn(t *testing.T) {
	s := start(t, limited(everyRole, traffic.Limits{UserRate: 1, UserBurst: 1}), func(c *insights.Config) {
		c.Tenants()["contoso"].Limits = &traffic.Limits{UserRate: 1, UserBurst: 3}
	})
	for i := range 4 {
		_, err := s.GetProfile(t.Context(), &pb.GetProfileRequest{Person: byID(sourcetest.ID(1))})
		if (err == nil) != (i < 3) {
			t.Errorf("call %d of at most 3 = %v", i, err)
		}
	}
}

// TestATenantHasHalfOfThePlaces has one of two tenants hold as many as it may.
func TestATenantHasHalfOfThePlaces(t *testing.T) {
	var mu sync.Mutex
	caller := everyRole
	s := start(t, func(c *insights.Config) {
		c.MaxConcurrent = 2
		only := c.Tenants()["contoso"]
		c.Tenants = insights.Always(map[string]*insights.Tenant{"contoso": only, "fabrikam": {Directory: only.Directory}})
		c.Identify = func(context.Context) (auth.Caller, error) { mu.Lock(); defer mu.Unlock(); return caller, nil }
	})
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
	if reasonOf(t, err) != "OVERLOADED" {
		t.Errorf("a tenant's second call of two places = %v", err)
	}
	mu.Lock()
	caller.Tenant = "fabrikam"
	mu.Unlock()
	if _, err := s.GetProfile(t.Context(), &pb.GetProfileRequest{Person: byID(sourcetest.ID(1))}); err != nil {
		t.Errorf("the other tenant's = %v", err)
	}
	close(release)
	<-first
}

// tapped serves a service by its tap handle too.
func tapped(t testing.TB, s *insights.Service) *grpc.ClientConn {
	t.Helper()
	listener := bufconn.Listen(1 << 20)
	server := grpc.NewServer(grpc.InTapHandle(s.Tap), grpc.UnaryInterceptor(s.Intercept), grpc.StreamInterceptor(s.InterceptStream))
	s.Register(server)
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	connection, err := grpc.NewClient("passthrough:bufconn", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(context.Context, string) (net.Conn, error) { return listener.Dial() }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { connection.Close() })
	return connection
}

// TestShedCallsSayWhy fills the house and asks once more: the details of a status survive the
// tap handle, and operators are let in.
func TestShedCallsSayWhy(t *testing.T) {
	tr := traffic.New(traffic.Config{MaxCalls: 1})
	inside, release, holding := make(chan struct{}), make(chan struct{}), atomic.Bool{}
	s, _, _ := build(t, func(c *insights.Config) {
		c.Traffic = tr
		identify := c.Identify
		c.Identify = func(ctx context.Context) (auth.Caller, error) {
			if holding.CompareAndSwap(true, false) {
				close(inside)
				<-release
			}
			return identify(ctx)
		}
	})
	connection := tapped(t, s)
	people, operators := pb.NewPeopleInsightsServiceClient(connection), pb.NewDirectoryAdminServiceClient(connection)
	get := func(i int) error {
		_, err := people.GetProfile(t.Context(), &pb.GetProfileRequest{Person: byID(sourcetest.ID(i))})
		return err
	}
	first := make(chan error)
	holding.Store(true)
	go func() { first <- get(2) }()
	<-inside
	if code, reason, retry, _ := explain(t, get(1)); code != codes.ResourceExhausted || reason != "OVERLOADED" || !retry {
		t.Errorf("a call too many = %v %s, retry %v", code, reason, retry)
	}
	if _, err := operators.GetDirectoryStatus(t.Context(), &pb.GetDirectoryStatusRequest{}); err != nil {
		t.Errorf("an operator's call beside a full house = %v", err)
	}
	close(release)
	<-first
	until(t, "a call afterwards is let in", func() bool { return get(1) == nil })

	// A watch takes no place for long, and a call that was left none.
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	stream, err := people.WatchProfiles(ctx, &pb.WatchProfilesRequest{People: []*pb.PersonRef{byID(sourcetest.ID(1))}})
	if err == nil {
		_, err = stream.Recv()
	}
	if err != nil {
		t.Fatal(err)
	}
	until(t, "a call beside a watch is let in", func() bool { return get(1) == nil })
	for range 10 { // begun, and never said
		ctx, leave := context.WithCancel(t.Context())
		_, err := connection.NewStream(ctx, &grpc.StreamDesc{ClientStreams: true}, pb.PeopleInsightsService_GetProfile_FullMethodName)
		leave()
		if err != nil {
			t.Fatal(err)
		}
	}
	until(t, "a call after those that were left is let in", func() bool { return get(1) == nil })
}

// stuckStream is that of a client that does not read, or does not even ask.
type stuckStream struct {
	grpc.ServerStream
	ctx  context.Context
	asks bool
}

func (s stuckStream) Context() context.Context  { return s.ctx }
func (s stuckStream) SetTrailer(md metadata.MD) {}
func (s stuckStream) SendMsg(any) error         { <-s.ctx.Done(); return s.ctx.Err() }
func (s stuckStream) RecvMsg(any) error {
	if !s.asks {
		<-s.ctx.Done()
		return s.ctx.Err()
	}
	return nil
}

// TestStuckWatchesAreCutOff has clients not read, and not ask.
func TestStuckWatchesAreCutOff(t *testing.T) {
	s, _, _ := build(t, func(c *insights.Config) { c.MaxWatches = 1 })
	for _, asks := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			ctx, end := context.WithCancel(t.Context()) // gRPC ends it when the interceptors have returned
			defer end()
			began := time.Now()
			info := &grpc.StreamServerInfo{FullMethod: pb.PeopleInsightsService_WatchProfiles_FullMethodName}
			err := s.InterceptStream(nil, stuckStream{ctx: ctx, asks: asks}, info, func(_ any, stream grpc.ServerStream) error {
				if err := stream.RecvMsg(&pb.WatchProfilesRequest{}); err != nil {
					return err
				}
				timer := time.NewTimer(time.Hour) // with nothing to tell
				select {
				case <-timer.C:
				case <-stream.Context().Done():
					return errors.New("cut off with nothing to tell")
				}
				return stream.SendMsg(&emptypb.Empty{})
			})
			want := time.Minute
			if asks {
				want += time.Hour
			}
			if took := time.Since(began); took != want || reasonOf(t, err) != "OVERLOADED" || retryAfter(err) != time.Second {
				t.Errorf("a watch that is stuck (asks %v) = %v after %v, want OVERLOADED after %v", asks, err, took, want)
			}
		})
	}
}

// TestACutOffWatchTellsWhy has a client that does not read be cut off, and then read.
func TestACutOffWatchTellsWhy(t *testing.T) {
	s := startStreams(t, func(c *insights.Config) { c.StuckTime = 50 * time.Millisecond })
	stuck := make(chan struct{})
	s.serve = func(stream grpc.ServerStream) error {
		defer close(stuck)
		for {
			if err := stream.SendMsg(&pb.Profile{AboutMe: strings.Repeat("x", 30<<10)}); err != nil {
				return err
			}
		}
	}
	stream := s.open(t.Context())
	<-stuck
	var err error
	for err == nil {
		err = stream.RecvMsg(&emptypb.Empty{})
	}
	if reasonOf(t, err) != "OVERLOADED" || retryAfter(err) == 0 {
		t.Errorf("a watch that was cut off ends with %v", err)
	}
}
