package insights_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/peopleinsights/peopleinsights/cache"
	"github.com/peopleinsights/peopleinsights/cache/sourcetest"
	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
	"github.com/peopleinsights/peopleinsights/server/audit"
	"github.com/peopleinsights/peopleinsights/server/auth"
	"github.com/peopleinsights/peopleinsights/server/insights"
)

// auditor remembers what it is told, unless it is to refuse that.
type auditor struct {
	mu      sync.Mutex
	records []audit.Record
	admit   error
	refuse  error
}

func (a *auditor) Admit() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.admit
}

func (a *auditor) Record(_ context.Context, r audit.Record) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.records = append(a.records, r)
	return a.refuse
}

// failing has it refuse from now on: calls, or their records.
func (a *auditor) failing(admit, refuse error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.admit, a.refuse = admit, refuse
}

// take returns what it was told since the last time.
func (a *auditor) take() []audit.Record {
	a.mu.Lock()
	defer a.mu.Unlock()
	defer func() { a.records = nil }()
	return a.records
}

func withAudit(a *auditor) func(*insights.Config) {
	return func(c *insights.Config) { c.Audit = a }
}

// brief is a record in a line: the event, the method, how it ended, whom it named and showed.
func brief(r audit.Record) string {
	var asked []string
	for _, ref := range r.Asked {
		asked = append(asked, string(ref.Kind)+" "+ref.Value)
	}
	_, method, _ := strings.Cut(r.Method, "/")
	text := fmt.Sprintf("%s %s %s, asked %d: %s; shown %d: %s", r.Event, method, strings.TrimSpace(r.Code+" "+r.Reason),
		r.AskedTotal, strings.Join(asked, ", "), r.ShownTotal, strings.Join(r.Shown, ", "))
	for i := range 3 {
		text = strings.ReplaceAll(text, sourcetest.ID(i), fmt.Sprint("#", i))
	}
	return strings.NewReplacer(sourcetest.SomeGroup(1).ID, "G", sourcetest.SomeGroup(4).ID, "T").Replace(text)
}

// TestEveryCallIsAudited calls each method; one that is new needs a row.
func TestEveryCallIsAudited(t *testing.T) {
	a := &auditor{}
	s, source, _ := build(t, withContacts(t, books{book: book}), withAudit(a))
	group, team := sourcetest.SomeGroup(1), sourcetest.SomeGroup(4)
	team.Team = true
	source.PutGroup(group)
	source.PutGroup(team)
	source.PutMembers(group.ID, member(0), member(1), member(2))
	source.PutChannel(team.ID, channelID, cache.Channel{Kind: pb.ChannelKind_CHANNEL_KIND_PRIVATE, Members: []cache.Member{member(2), member(1)}})
	source.PutPhoto(sourcetest.ID(1), &cache.Photo{Data: []byte("\xff\xd8\xff image"), ContentType: "image/jpeg"})
	one, capitals := byID(sourcetest.ID(1)), byEmail("PERSON.B@contoso.com")
	rows := []struct {
		method string
		in     proto.Message
		want   []string
	}{
		{"RefreshDirectory", &pb.RefreshDirectoryRequest{Relist: true}, []string{"call RefreshDirectory OK, asked 0: ; shown 0: "}},
		{"GetDirectoryStatus", &pb.GetDirectoryStatusRequest{}, []string{"call GetDirectoryStatus OK, asked 0: ; shown 0: "}},
		{"GetProfile", &pb.GetProfileRequest{Person: capitals}, []string{"call GetProfile OK, asked 1: email person.b@contoso.com; shown 2: #1, #0"}},
		{"GetProfile", &pb.GetProfileRequest{Person: one, ReadMask: paths("display_name")}, []string{"call GetProfile OK, asked 1: id #1; shown 1: #1"}},
		{"GetProfile", &pb.GetProfileRequest{Person: one, ReadMask: paths("manager.display_name")}, []string{"call GetProfile OK, asked 1: id #1; shown 2: #1, #0"}},
		{"GetProfile", &pb.GetProfileRequest{Person: byEmail("nobody@contoso.com")}, []string{"call GetProfile NotFound PERSON_NOT_FOUND, asked 1: email nobody@contoso.com; shown 0: "}},
		{"GetProfile", &pb.GetProfileRequest{Person: byID("nonsense")}, []string{"call GetProfile InvalidArgument INVALID_REQUEST, asked 1: ; shown 0: "}},
		{"BatchGetProfiles", &pb.BatchGetProfilesRequest{People: []*pb.PersonRef{one, capitals, byID(sourcetest.ID(2)), {}}, ReadMask: paths("id")},
			[]string{"call BatchGetProfiles OK, asked 4: id #1, email person.b@contoso.com, id #2; shown 2: #1, #2"}},
		{"WatchProfiles", &pb.WatchProfilesRequest{People: []*pb.PersonRef{one, byID(sourcetest.ID(2))}}, []string{
			"begin WatchProfiles OK, asked 2: id #1, id #2; shown 0: ", "end WatchProfiles Canceled CANCELLED, asked 2: id #1, id #2; shown 3: #1, #0, #2"}},
		{"GetProfilePhoto", &pb.GetProfilePhotoRequest{Person: capitals}, []string{"call GetProfilePhoto OK, asked 1: email person.b@contoso.com; shown 1: #1"}},
		{"GetReportingLine", &pb.GetReportingLineRequest{Person: byID(sourcetest.ID(0)), IncludeDirectReports: true}, []string{"call GetReportingLine OK, asked 1: id #0; shown 2: #1, #2"}},
		{"GetReportingLine", &pb.GetReportingLineRequest{Person: one}, []string{"call GetReportingLine OK, asked 1: id #1; shown 1: #0"}},
		{"MatchAccounts", &pb.MatchAccountsRequest{Emails: []string{"Person.B@contoso.com", "nobody", ""}},
			[]string{"call MatchAccounts OK, asked 2: email Person.B@contoso.com, email nobody; shown 1: #1"}},
		{"ExpandGroup", &pb.ExpandGroupRequest{Group: &pb.ExpandGroupRequest_GroupId{GroupId: group.ID}, PageSize: 2}, []string{"call ExpandGroup OK, asked 1: id G; shown 2: #0, #1"}},
		{"ExpandGroup", &pb.ExpandGroupRequest{Group: &pb.ExpandGroupRequest_ContactFolderId{ContactFolderId: "f"}, Organizer: one}, []string{"call ExpandGroup OK, asked 1: id #1; shown 1: "}},
		{"ListChannelMembers", &pb.ListChannelMembersRequest{TeamId: team.ID, ChannelId: channelID}, []string{"call ListChannelMembers OK, asked 1: id T; shown 2: #1, #2"}},
		{"SuggestInvitees", &pb.SuggestInviteesRequest{Query: "per", Organizer: one, Exclude: []*pb.PersonRef{byID(sourcetest.ID(2))}, TeamId: team.ID, ChannelId: channelID},
			[]string{"call SuggestInvitees OK, asked 2: id #1, id T; shown 2: #0"}}, // and Perla, a contact of #1's own
		{"SuggestInvitees", &pb.SuggestInviteesRequest{Query: "group"}, []string{"call SuggestInvitees OK, asked 0: ; shown 0: "}},
		{"ExplainSuggestions", &pb.ExplainSuggestionsRequest{Request: &pb.SuggestInviteesRequest{Query: "person c", Organizer: one}},
			[]string{"call ExplainSuggestions OK, asked 1: id #1; shown 1: #2"}},
		{"ReportPick", &pb.ReportPickRequest{Organizer: one, PickedId: sourcetest.ID(2)}, []string{"call ReportPick OK, asked 2: id #1, id #2; shown 0: "}},
		{"ReportPerson", &pb.ReportPersonRequest{Person: one}, []string{"call ReportPerson OK, asked 1: id #1; shown 3: #1, #0, #2"}},
		{"ErasePerson", &pb.ErasePersonRequest{Person: byEmail("person.c@contoso.com")}, []string{"call ErasePerson OK, asked 1: email person.c@contoso.com; shown 1: #2"}},
	}
	tried := make(map[string]bool)
	methods := methodsOf(s)
	for _, row := range rows {
		tried[row.method] = true
		m := methods[slices.IndexFunc(methods, func(m method) bool { return m.name == row.method })]
		_, _ = m.call(t.Context(), func(in any) error { proto.Merge(in.(proto.Message), row.in); return nil })
		var got []string
		for _, r := range a.take() {
			got = append(got, brief(r))
			if r.Tenant != "contoso" || r.Audience != "services" || !strings.Contains(r.Roles, "Operator") || r.Time.IsZero() {
				t.Errorf("%s is of %+v", row.method, r)
			}
		}
		if strings.Join(got, "\n") != strings.Join(row.want, "\n") {
			t.Errorf("%s(%v) is recorded as\n%s\nwant\n%s", row.method, row.in, strings.Join(got, "\n"), strings.Join(row.want, "\n"))
		}
	}
	for _, m := range methods {
		if !tried[m.name] {
			t.Errorf("how is %s recorded? Give it a row", m.name)
		}
	}
}

// TestWhoeverIsNamedIsAudited puts people wherever the contract has somebody named by a
// PersonRef: they are counted, but for those left out of suggestions.
func TestWhoeverIsNamedIsAudited(t *testing.T) {
	a := &auditor{}
	s, _, _ := build(t, withAudit(a))
	for _, m := range methodsOf(s) {
		named := 0
		_, _ = m.call(t.Context(), func(in any) error {
			named = fill(in.(proto.Message).ProtoReflect())
			return nil
		})
		records := a.take()
		if len(records) == 0 || records[0].AskedTotal != named {
			t.Errorf("%s names %d people, and is recorded as %+v", m.name, named, records)
		}
	}
}

// fill puts people into a request, and says how many.
func fill(m protoreflect.Message) (n int) {
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		field := fields.Get(i)
		switch {
		case field.Message() == nil || field.Name() == "exclude":
		case field.Message().FullName() == "peopleinsights.v1.PersonRef" && field.IsList():
			for range 3 {
				m.Mutable(field).List().Append(protoreflect.ValueOfMessage(byID(sourcetest.ID(1)).ProtoReflect()))
				n++
			}
		case field.Message().FullName() == "peopleinsights.v1.PersonRef":
			m.Set(field, protoreflect.ValueOfMessage(byID(sourcetest.ID(1)).ProtoReflect()))
			n++
		case !field.IsList() && strings.HasPrefix(string(field.Message().FullName()), "peopleinsights."):
			n += fill(m.Mutable(field).Message())
		}
	}
	return n
}

// TestRefusedCallsAreAudited tells who tried, and about whom.
func TestRefusedCallsAreAudited(t *testing.T) {
	a := &auditor{}
	caller, failure := auth.Caller{Tenant: "contoso", Subject: "app:1", Roles: auth.Client}, error(nil)
	s := start(t, withAudit(a), func(c *insights.Config) {
		c.Identify = func(context.Context) (auth.Caller, error) { return caller, failure }
	})
	in := &pb.GetProfileRequest{Person: byID(sourcetest.ID(1))}
	watch := func() {
		stream, err := s.WatchProfiles(t.Context(), &pb.WatchProfilesRequest{People: []*pb.PersonRef{in.Person}})
		if err == nil {
			_, _ = stream.Recv()
		}
	}
	for _, row := range []struct {
		change        func()
		call, subject string
		want          []string
	}{
		{func() { caller.Roles = auth.Operator }, "profile", "app:1", []string{"call GetProfile PermissionDenied ROLE_MISSING, asked 1: id #1; shown 0: "}},
		{func() {}, "watch", "app:1", []string{"end WatchProfiles PermissionDenied ROLE_MISSING, asked 0: ; shown 0: "}},
		{func() { caller.Roles, caller.Subject, caller.User = auth.Scheduler, "user:x", sourcetest.ID(2) }, "suggest", "user:x",
			[]string{"call SuggestInvitees PermissionDenied NOT_YOURSELF, asked 1: id #1; shown 0: "}},
		{func() { caller.Tenant = "fabrikam" }, "profile", "user:x", []string{"call GetProfile Unauthenticated UNAUTHENTICATED, asked 1: id #1; shown 0: "}},
		{func() { failure = errors.New("no token") }, "profile", "", []string{"call GetProfile Unauthenticated UNAUTHENTICATED, asked 1: id #1; shown 0: "}},
		{func() {}, "watch", "", []string{"end WatchProfiles Unauthenticated UNAUTHENTICATED, asked 0: ; shown 0: "}},
		{func() { failure = auth.ErrUnavailable }, "profile", "", []string{"call GetProfile Unavailable IDENTITY_UNAVAILABLE, asked 1: id #1; shown 0: "}},
	} {
		row.change()
		switch row.call {
		case "profile":
			_, _ = s.GetProfile(t.Context(), in)
		case "suggest":
			_, _ = s.SuggestInvitees(t.Context(), &pb.SuggestInviteesRequest{Query: "p", Organizer: in.Person})
		case "watch":
			watch()
		}
		var got []string
		for _, r := range a.take() {
			got = append(got, brief(r))
			if r.Subject != row.subject || row.subject == "" && r.Tenant != "" {
				t.Errorf("%s is said to be by %q of %q, want %q", brief(r), r.Subject, r.Tenant, row.subject)
			}
		}
		if strings.Join(got, "\n") != strings.Join(row.want, "\n") {
			t.Errorf("recorded as\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(row.want, "\n"))
		}
	}
}

// TestWhatCannotBeAuditedIsNotAnswered has records be refused before calls and after them.
func TestWhatCannotBeAuditedIsNotAnswered(t *testing.T) {
	a := &auditor{}
	s := start(t, withAudit(a))
	full := errors.New("the disk is full of kovac@contoso.com")
	someone := byID(sourcetest.ID(1))
	for _, row := range []struct {
		admit, refuse error
		told          int // of the records of a call
	}{{full, nil, 0}, {nil, full, 1}} {
		a.failing(row.admit, row.refuse)
		s.log.clear()
		_, err := s.GetProfile(t.Context(), &pb.GetProfileRequest{Person: someone})
		if code, reason, retry, _ := explain(t, err); code != codes.Unavailable || reason != "AUDIT_UNAVAILABLE" || !retry || strings.Contains(errorText(err), "kovac") {
			t.Errorf("GetProfile = %v %s, retry %v: %v; want Unavailable AUDIT_UNAVAILABLE, to be tried again", code, reason, retry, err)
		}
		if n := len(a.take()); n != row.told {
			t.Errorf("GetProfile is recorded %d times, want %d", n, row.told)
		}
		stream, err := s.WatchProfiles(t.Context(), &pb.WatchProfilesRequest{People: []*pb.PersonRef{someone}})
		if err != nil {
			t.Fatal(err)
		}
		out, err := stream.Recv()
		if status.Code(err) != codes.Unavailable {
			t.Errorf("a watch begins with %v, %v", out, err)
		} else if _, reason, _, _ := explain(t, err); reason != "AUDIT_UNAVAILABLE" {
			t.Errorf("a watch is refused with %s", reason)
		}
		a.take()
	}
	a.failing(nil, nil)
	if _, err := s.GetProfile(t.Context(), &pb.GetProfileRequest{Person: someone}); err != nil {
		t.Errorf("once it is mended: %v", err)
	}
}

// TestManyPeopleAreCounted names more people than a record lists.
func TestManyPeopleAreCounted(t *testing.T) {
	a := &auditor{}
	s := start(t, withAudit(a))
	_, _ = s.BatchGetProfiles(t.Context(), &pb.BatchGetProfilesRequest{People: manyRefs(audit.MaxListed + 5)})
	_, _ = s.MatchAccounts(t.Context(), &pb.MatchAccountsRequest{Emails: []string{strings.Repeat("x", 100_000) + "@contoso.com"}})
	records := a.take()
	if len(records) != 2 || records[0].AskedTotal != audit.MaxListed+5 || len(records[0].Asked) != audit.MaxListed {
		t.Errorf("%d records, the first of %d people and %d of them listed", len(records), records[0].AskedTotal, len(records[0].Asked))
	}
	if len(records) == 2 && (records[1].AskedTotal != 1 || len(records[1].Asked) != 0) {
		t.Errorf("an address of 100,000 letters is kept: %d of %d", len(records[1].Asked), records[1].AskedTotal)
	}
}
