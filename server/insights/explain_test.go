package insights_test

import (
	"strings"
	"testing"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/peopleinsights/peopleinsights/cache"
	"github.com/peopleinsights/peopleinsights/cache/sourcetest"
	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
	"github.com/peopleinsights/peopleinsights/server/insights"
)

// TestInvalidExplanations asks for what SuggestInvitees refuses, too: each fault is named
// where it is in the request that was sent, inside of its field "request".
func TestInvalidExplanations(t *testing.T) {
	s := start(t)
	if _, err := s.ExplainSuggestions(t.Context(), &pb.ExplainSuggestionsRequest{}); err == nil {
		t.Error("ExplainSuggestions of no request is no error")
	} else if code, reason, _, fields := explain(t, err); code != codes.InvalidArgument || reason != "INVALID_REQUEST" || strings.Join(fields, " ") != "request" {
		t.Errorf("no request = %v %s naming %q, want InvalidArgument INVALID_REQUEST naming request", code, reason, fields)
	}
	for _, row := range []struct {
		what   string
		in     *pb.SuggestInviteesRequest
		fields string // of SuggestInvitees
	}{
		{"a query too long", &pb.SuggestInviteesRequest{Query: strings.Repeat("é", 257)}, "query"},
		{"a page too large", &pb.SuggestInviteesRequest{Query: "a", PageSize: 51}, "page_size"},
		{"a negative page", &pb.SuggestInviteesRequest{Query: "a", PageSize: -1}, "page_size"},
		{"an unknown organizer", &pb.SuggestInviteesRequest{Query: "a", Organizer: byID(sourcetest.ID(9))}, "organizer"},
		{"an unknown organizer of a circle", &pb.SuggestInviteesRequest{Organizer: byEmail("nobody@contoso.com")}, "organizer"},
		{"a malformed organizer", &pb.SuggestInviteesRequest{Query: "a", Organizer: byEmail("@")}, "organizer.email"},
		{"an empty organizer", &pb.SuggestInviteesRequest{Query: "a", Organizer: &pb.PersonRef{}}, "organizer"},
		{"a malformed exclusion", &pb.SuggestInviteesRequest{Query: "a", Exclude: []*pb.PersonRef{byID(sourcetest.ID(1)), byID("x")}}, "exclude[1].id"},
		{"too many exclusions", &pb.SuggestInviteesRequest{Query: "a", Exclude: manyRefs(1001)}, "exclude"},
		{"kinds that are none", &pb.SuggestInviteesRequest{Query: "a", Kinds: []pb.InviteeKind{1, 0, 77, -1}}, "kinds[1] kinds[2] kinds[3]"},
		{"several faults", &pb.SuggestInviteesRequest{PageSize: 51, Organizer: byID("x"), Kinds: []pb.InviteeKind{0}}, "page_size kinds[0] organizer.id"},
	} {
		_, err := s.SuggestInvitees(t.Context(), row.in)
		if _, _, _, fields := explain(t, err); strings.Join(fields, " ") != row.fields {
			t.Errorf("SuggestInvitees of %s names %q, want %q", row.what, fields, row.fields)
		}
		want := "request." + strings.ReplaceAll(row.fields, " ", " request.")
		_, err = s.ExplainSuggestions(t.Context(), &pb.ExplainSuggestionsRequest{Request: row.in})
		code, reason, retry, fields := explain(t, err)
		if code != codes.InvalidArgument || reason != "INVALID_REQUEST" || retry || strings.Join(fields, " ") != want {
			t.Errorf("ExplainSuggestions of %s = %v %s naming %q, retry %v; want InvalidArgument INVALID_REQUEST naming %q, for good", row.what, code, reason, fields, retry, want)
		}
		if text := status.Convert(err).Message(); !strings.Contains(text, strings.Fields(want)[0]+" ") {
			t.Errorf("the message of %s is %q, which does not say %q", row.what, text, want)
		}
	}
}

// TestWrongKindsAreToldTheRightOnes reads the sentence that a developer sees.
func TestWrongKindsAreToldTheRightOnes(t *testing.T) {
	s := start(t)
	_, err := s.SuggestInvitees(t.Context(), &pb.SuggestInviteesRequest{Query: "a", Kinds: []pb.InviteeKind{pb.InviteeKind_INVITEE_KIND_UNSPECIFIED}})
	const want = "must be INVITEE_KIND_PERSON, INVITEE_KIND_GUEST, INVITEE_KIND_GROUP, INVITEE_KIND_CONTACT or INVITEE_KIND_CONTACT_GROUP"
	var got string
	for _, detail := range status.Convert(err).Details() {
		if bad, ok := detail.(*errdetails.BadRequest); ok {
			got = bad.GetFieldViolations()[0].GetDescription()
		}
	}
	if got != want || status.Convert(err).Message() != "kinds[0] "+want {
		t.Errorf("a wrong kind is told %q in %v, want %q", got, err, want)
	}
	for kind, name := range pb.InviteeKind_name {
		if kind != 0 && !strings.Contains(want, name) {
			t.Errorf("%s is a kind that nobody is told of", name)
		}
	}
}

// TestExplanationsAreOfTheSuggestions compares the two calls, with a page that is full by
// default.
func TestExplanationsAreOfTheSuggestions(t *testing.T) {
	s := start(t)
	for i := range 12 {
		s.source.Put(sourcetest.Someone(i))
	}
	s.source.PutGroup(sourcetest.SomeGroup(0))
	if _, err := s.refresh(t, false, false); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		in     *pb.SuggestInviteesRequest
		rows   int
		bucket pb.SuggestionBucket
	}{
		{&pb.SuggestInviteesRequest{Query: "person"}, 8, pb.SuggestionBucket_SUGGESTION_BUCKET_LITERAL},
		{&pb.SuggestInviteesRequest{Query: "person", PageSize: 50, Organizer: byID(sourcetest.ID(1))}, 11, pb.SuggestionBucket_SUGGESTION_BUCKET_LITERAL},
		{&pb.SuggestInviteesRequest{Query: "persno", PageSize: 1, Exclude: []*pb.PersonRef{byID(sourcetest.ID(0))}}, 1, pb.SuggestionBucket_SUGGESTION_BUCKET_TYPO},
		{&pb.SuggestInviteesRequest{Query: "group", Kinds: []pb.InviteeKind{pb.InviteeKind_INVITEE_KIND_GROUP}}, 1, pb.SuggestionBucket_SUGGESTION_BUCKET_LITERAL},
		{&pb.SuggestInviteesRequest{Query: "person.c@contoso.com", PageSize: 1}, 1, pb.SuggestionBucket_SUGGESTION_BUCKET_ADDRESS},
		{&pb.SuggestInviteesRequest{}, 0, 0},
	} {
		suggested, err := s.SuggestInvitees(t.Context(), row.in)
		if err != nil {
			t.Fatal(err)
		}
		out, err := s.ExplainSuggestions(t.Context(), &pb.ExplainSuggestionsRequest{Request: row.in})
		if err != nil || len(out.GetSuggestions()) != row.rows || len(suggested.GetSuggestions()) != row.rows ||
			out.GetFreshness().GetRevision() != suggested.GetFreshness().GetRevision() || out.GetFreshness().GetEpoch() == "" {
			t.Errorf("of %v there are %d rows explained and %d suggested, %v; want %d", row.in, len(out.GetSuggestions()), len(suggested.GetSuggestions()), err, row.rows)
			continue
		}
		for i, e := range out.GetSuggestions() {
			sum := int32(0)
			for _, p := range e.GetParts() {
				sum += p.GetPoints()
			}
			if !proto.Equal(e.GetSuggestion(), suggested.Suggestions[i]) || e.GetBucket() != row.bucket || sum != e.GetScore() {
				t.Errorf("of %v, row %d is explained as %v, and suggested as %v", row.in, i, e, suggested.Suggestions[i])
			}
		}
	}
}

func TestExplanationsWhileFilling(t *testing.T) {
	empty, err := cache.New(cache.Config{Source: &sourcetest.Memory{}})
	if err != nil {
		t.Fatal(err)
	}
	defer empty.Close()
	s := start(t, func(c *insights.Config) { c.Tenants = only(&insights.Tenant{Directory: empty}) })
	_, err = s.ExplainSuggestions(t.Context(), &pb.ExplainSuggestionsRequest{Request: &pb.SuggestInviteesRequest{Query: "a"}})
	if code, reason, retry, _ := explain(t, err); code != codes.Unavailable || reason != "DIRECTORY_FILLING" || !retry {
		t.Errorf("ExplainSuggestions = %v %s, retry %v; want Unavailable DIRECTORY_FILLING, to be tried again", code, reason, retry)
	}
}
