package insights_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/peopleinsights/peopleinsights/cache/sourcetest"
	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
	"github.com/peopleinsights/peopleinsights/server/auth"
	"github.com/peopleinsights/peopleinsights/server/insights"
)

// with has every call come from one caller, whom the test may change between two calls.
func with(caller *auth.Caller) func(*insights.Config) {
	return func(c *insights.Config) {
		c.Identify = func(context.Context) (auth.Caller, error) { return *caller, nil }
	}
}

// methods are all methods of both services, and whether they stream.
func methods() map[string]bool {
	all := make(map[string]bool)
	for _, service := range []grpc.ServiceDesc{pb.PeopleInsightsService_ServiceDesc, pb.DirectoryAdminService_ServiceDesc} {
		for _, m := range service.Methods {
			all["/"+service.ServiceName+"/"+m.MethodName] = false
		}
		for _, m := range service.Streams {
			all["/"+service.ServiceName+"/"+m.StreamName] = true
		}
	}
	return all
}

// TestEveryMethodSaysWhoMayCallIt walks the contract and the table, both ways.
func TestEveryMethodSaysWhoMayCallIt(t *testing.T) {
	for method := range methods() {
		if len(insights.Access[method]) == 0 {
			t.Errorf("%s may be called by nobody: which roles may?", method)
		}
		if operators := slices.Equal(insights.Access[method], []auth.Roles{auth.Operator}); operators != strings.Contains(method, "DirectoryAdminService") {
			t.Errorf("%s may be called by %v", method, insights.Access[method])
		}
	}
	for method, roles := range insights.Access {
		if _, ok := methods()[method]; !ok && !strings.HasPrefix(method, "/grpc.reflection.") {
			t.Errorf("%s may be called by %v, and is no method", method, roles)
		}
		for _, role := range roles {
			if role.String() == "" || strings.Contains(role.String(), ",") {
				t.Errorf("%s may be called by %q, which is not one role", method, role)
			}
		}
	}
}

// TestRolesOfMethods calls each method with each set of roles.
func TestRolesOfMethods(t *testing.T) {
	caller := auth.Caller{Tenant: "contoso", Subject: "app:1"}
	var made *insights.Service
	start(t, with(&caller), func(c *insights.Config) {
		var err error
		if made, err = insights.New(*c); err != nil {
			t.Fatal(err)
		}
	})
	call := func(method string, streams bool) (answered bool, err error) {
		if streams {
			info := &grpc.StreamServerInfo{FullMethod: method}
			err = made.InterceptStream(nil, silent{ctx: t.Context()}, info, func(any, grpc.ServerStream) error { answered = true; return nil })
			return answered, err
		}
		_, err = made.Intercept(t.Context(), nil, &grpc.UnaryServerInfo{FullMethod: method}, func(context.Context, any) (any, error) { answered = true; return nil, nil })
		return answered, err
	}
	all := methods()
	all["/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"] = true
	all["/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"] = true
	all["/grpc.health.v1.Health/Check"], all["/grpc.health.v1.Health/Watch"] = false, true
	all["/peopleinsights.v1.PeopleInsightsService/Forgotten"], all["/peopleinsights.v1.PeopleInsightsService/ForgottenStream"] = false, true
	all["/another.Service/Call"], all["/another.Service/Stream"] = false, true
	for method, streams := range all {
		for caller.Roles = 0; caller.Roles < 8; caller.Roles++ {
			may, first := strings.HasPrefix(method, "/grpc.health."), ""
			for _, role := range insights.Access[method] {
				may = may || caller.Roles&role != 0
			}
			if roles := insights.Access[method]; len(roles) > 0 {
				first = roles[0].String()
			}
			answered, err := call(method, streams)
			if answered != may || (err == nil) != may {
				t.Errorf("%s by a caller who has %q: answered %v, %v; want %v", method, caller.Roles, answered, err, may)
			}
			if may {
				continue
			}
			code, reason, retry, _ := explain(t, err)
			if code != codes.PermissionDenied || reason != "ROLE_MISSING" || retry || metadataOf(err, "role") != first {
				t.Errorf("%s by a caller who has %q: %v, role %q; want role %q", method, caller.Roles, err, metadataOf(err, "role"), first)
			}
		}
	}
}

// silent is a stream that nobody reads.
type silent struct {
	grpc.ServerStream
	ctx context.Context
}

// Context is the stream's.
func (s silent) Context() context.Context { return s.ctx }

// SetTrailer is of no use: nobody reads it.
func (silent) SetTrailer(metadata.MD) {}

// metadataOf reads a value of an error's ErrorInfo.
func metadataOf(err error, key string) string {
	for _, detail := range status.Convert(err).Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok {
			return info.GetMetadata()[key]
		}
	}
	return ""
}

// TestWhoCallsCannotBeTold has identifying fail in each way.
func TestWhoCallsCannotBeTold(t *testing.T) {
	for _, row := range []struct {
		err    error
		code   codes.Code
		reason string
		retry  bool
	}{
		{errors.New("secret"), codes.Unauthenticated, "UNAUTHENTICATED", false},
		{context.DeadlineExceeded, codes.Unauthenticated, "UNAUTHENTICATED", false}, // of something else than the call
		{fmt.Errorf("asking: %w", auth.ErrUnavailable), codes.Unavailable, "IDENTITY_UNAVAILABLE", true},
	} {
		s := start(t, func(c *insights.Config) {
			c.Identify = func(context.Context) (auth.Caller, error) { return auth.Caller{}, row.err }
		})
		_, err := s.GetProfile(t.Context(), &pb.GetProfileRequest{Person: byID(sourcetest.ID(1))})
		if code, reason, retry, _ := explain(t, err); code != row.code || reason != row.reason || retry != row.retry || strings.Contains(err.Error(), "secret") {
			t.Errorf("%v: %v %s, retry %v; want %v %s, retry %v", row.err, code, reason, retry, row.code, row.reason, row.retry)
		}
	}
}

// TestWaitingToBeToldApart has a caller leave while who they are is asked.
func TestWaitingToBeToldApart(t *testing.T) {
	var made *insights.Service
	start(t, func(c *insights.Config) {
		c.Identify = func(ctx context.Context) (auth.Caller, error) { <-ctx.Done(); return auth.Caller{}, ctx.Err() }
		var err error
		if made, err = insights.New(*c); err != nil {
			t.Fatal(err)
		}
	})
	ctx, leave := context.WithCancel(t.Context())
	leave()
	for _, method := range []string{pb.PeopleInsightsService_GetProfile_FullMethodName, "/another.Service/Call"} {
		_, err := made.Intercept(ctx, nil, &grpc.UnaryServerInfo{FullMethod: method}, nil)
		if code, reason, _, _ := explain(t, err); code != codes.Canceled || reason != "CANCELLED" {
			t.Errorf("%s by a caller who has left: %v %s, want Canceled CANCELLED", method, code, reason)
		}
	}
}

// TestUsersSpeakForThemselves has a user and a service name each kind of organizer, in each
// call that takes one.
func TestUsersSpeakForThemselves(t *testing.T) {
	you := sourcetest.ID(1)
	all := auth.Client | auth.Scheduler | auth.Operator
	user, service := auth.Caller{Tenant: "contoso", Subject: "user:" + you, User: you, Roles: all}, auth.Caller{Tenant: "contoso", Subject: "app:1", Roles: all}
	caller := user
	s := start(t, with(&caller))
	address := func(i int) *pb.PersonRef { return byEmail(sourcetest.Someone(i).Profile.GetEmail()) }
	calls := map[string]func(*pb.PersonRef) error{
		"SuggestInvitees": func(organizer *pb.PersonRef) error {
			out, err := s.SuggestInvitees(t.Context(), &pb.SuggestInviteesRequest{Query: "person", Organizer: organizer})
			for _, suggestion := range out.GetSuggestions() {
				if suggestion.GetId() == you && caller.User == you {
					t.Errorf("the user is suggested to themselves: %v", suggestion)
				}
			}
			return err
		},
		"ExplainSuggestions": func(organizer *pb.PersonRef) error {
			_, err := s.ExplainSuggestions(t.Context(), &pb.ExplainSuggestionsRequest{Request: &pb.SuggestInviteesRequest{Query: "person", Organizer: organizer}})
			return err
		},
		"ReportPick": func(organizer *pb.PersonRef) error {
			_, err := s.ReportPick(t.Context(), &pb.ReportPickRequest{Organizer: organizer, PickedId: sourcetest.ID(0)})
			return err
		},
		"ExpandGroup": func(organizer *pb.PersonRef) error {
			_, err := s.ExpandGroup(t.Context(), &pb.ExpandGroupRequest{Group: &pb.ExpandGroupRequest_ContactFolderId{ContactFolderId: "f"}, Organizer: organizer})
			if reason := reasonOf(t, err); reason == "SOURCE_UNAVAILABLE" { // nobody's contacts are read here, and that is asked last
				return nil
			}
			return err
		},
	}
	for _, row := range []struct {
		what          string
		organizer     *pb.PersonRef
		user, service string // reasons; empty for an answer
	}{
		{"nobody", nil, "", "INVALID_REQUEST"}, // but for suggestions, which need none
		{"the user", byID(you), "", ""},
		{"the user in capitals", byID(strings.ToUpper(you)), "", ""},
		{"the user by address", address(1), "", ""},
		{"another", byID(sourcetest.ID(2)), "NOT_YOURSELF", ""},
		{"another by address", address(2), "NOT_YOURSELF", ""},
		{"somebody unknown", byID(sourcetest.ID(9)), "NOT_YOURSELF", "INVALID_REQUEST"},
		{"an unknown address", byEmail("nobody@contoso.com"), "NOT_YOURSELF", "INVALID_REQUEST"},
		{"somebody malformed", byEmail("@"), "INVALID_REQUEST", "INVALID_REQUEST"},
		{"nobody in a message", &pb.PersonRef{}, "INVALID_REQUEST", "INVALID_REQUEST"},
	} {
		for name, call := range calls {
			caller = user
			if got := reasonOf(t, call(row.organizer)); got != row.user {
				t.Errorf("%s by a user for %s = %q, want %q", name, row.what, got, row.user)
			}
			caller = service
			want := row.service
			if row.organizer == nil && strings.HasSuffix(name, "s") || row.organizer == nil && name == "SuggestInvitees" {
				want = ""
			}
			if got := reasonOf(t, call(row.organizer)); got != want {
				t.Errorf("%s by a service for %s = %q, want %q", name, row.what, got, want)
			}
		}
	}
	// Groups are not an organizer's.
	caller = user
	_, err := s.ExpandGroup(t.Context(), &pb.ExpandGroupRequest{Group: &pb.ExpandGroupRequest_GroupId{GroupId: sourcetest.ID(77)}, Organizer: byID(sourcetest.ID(2))})
	if got := reasonOf(t, err); got == "NOT_YOURSELF" {
		t.Errorf("a group with another organizer = %s", got)
	}
	// A user whom the directory does not know, such as a newcomer, is answered all the same.
	caller.User = sourcetest.ID(9)
	if err := calls["SuggestInvitees"](nil); err != nil {
		t.Errorf("SuggestInvitees by a user who is not in the directory = %v", err)
	}
	if got := reasonOf(t, calls["SuggestInvitees"](byID(you))); got != "NOT_YOURSELF" {
		t.Errorf("SuggestInvitees by a user who is not in the directory for another = %q", got)
	}
}

// reasonOf is why a call failed; empty for an answer.
func reasonOf(t *testing.T, err error) string {
	t.Helper()
	if err == nil {
		return ""
	}
	_, reason, _, _ := explain(t, err)
	return reason
}

// TestPicksOfUsersAreTheirOwn has a user pick without naming themselves.
func TestPicksOfUsersAreTheirOwn(t *testing.T) {
	caller := auth.Caller{Tenant: "contoso", Subject: "user:1", User: sourcetest.ID(1), Roles: auth.Client | auth.Scheduler}
	s := start(t, with(&caller))
	picked := sourcetest.ID(2)
	if _, err := s.ReportPick(t.Context(), &pb.ReportPickRequest{PickedId: picked}); err != nil {
		t.Fatal(err)
	}
	caller.User, caller.Roles = "", auth.Operator
	points := func(organizer string) (n int32) {
		out, err := s.ExplainSuggestions(t.Context(), &pb.ExplainSuggestionsRequest{Request: &pb.SuggestInviteesRequest{Query: "person", Organizer: byID(organizer)}})
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range out.GetSuggestions() {
			for _, p := range e.GetParts() {
				if e.GetSuggestion().GetId() == picked && p.GetReason() == pb.ScoreReason_SCORE_REASON_PICKED {
					n += p.GetPoints()
				}
			}
		}
		return n
	}
	if mine, others := points(sourcetest.ID(1)), points(sourcetest.ID(0)); mine == 0 || others != 0 {
		t.Errorf("the pick counts %d for the user and %d for another", mine, others)
	}
}
