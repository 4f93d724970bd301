package insights_test

import (
	"context"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"github.com/peopleinsights/peopleinsights/cache"
	"github.com/peopleinsights/peopleinsights/cache/sourcetest"
	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
	"github.com/peopleinsights/peopleinsights/server/insights"
)

// method calls one RPC with a request that decode fills, through the interceptors.
type method struct {
	name string
	call func(ctx context.Context, decode func(any) error) (any, error)
}

// methodsOf are all RPCs of the contract: those that are added to it come by themselves.
func methodsOf(s *insights.Service) (methods []method) {
	for _, desc := range []grpc.ServiceDesc{pb.PeopleInsightsService_ServiceDesc, pb.DirectoryAdminService_ServiceDesc} {
		for _, m := range desc.Methods {
			methods = append(methods, method{m.MethodName, func(ctx context.Context, decode func(any) error) (any, error) {
				return m.Handler(s, ctx, decode, s.Intercept)
			}})
		}
		for _, m := range desc.Streams {
			info := &grpc.StreamServerInfo{FullMethod: "/" + desc.ServiceName + "/" + m.StreamName, IsServerStream: true}
			methods = append(methods, method{m.StreamName, func(ctx context.Context, decode func(any) error) (any, error) {
				ctx, leave := context.WithCancel(ctx)
				defer leave()
				stream := &oneAnswer{ctx: ctx, decode: decode, leave: leave}
				err := s.InterceptStream(s, stream, info, m.Handler)
				if stream.answer != nil {
					return stream.answer, nil
				}
				return nil, err
			}})
		}
	}
	return methods
}

// oneAnswer is a stream whose caller leaves with the first message.
type oneAnswer struct {
	grpc.ServerStream
	ctx    context.Context
	decode func(any) error
	leave  func()
	answer any
}

func (s *oneAnswer) Context() context.Context { return s.ctx }
func (s *oneAnswer) SetTrailer(metadata.MD)   {}
func (s *oneAnswer) RecvMsg(m any) error      { return s.decode(m) }
func (s *oneAnswer) SendMsg(m any) error {
	s.answer = m
	s.leave()
	return nil
}

// What is put into texts, to be looked for in errors and in the log. A read mask names
// fields, and its errors repeat those that there are not; the log repeats neither.
const (
	inTexts = "Kanarienvogel"
	inPaths = "spottdrossel"
)

// mark writes at the end of every text of a message, and of the messages in it.
func mark(m protoreflect.Message) {
	with := inTexts
	if m.Descriptor().FullName() == "google.protobuf.FieldMask" {
		with = inPaths
	}
	m.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		switch {
		case field.IsMap(): // there is none in a request
		case field.Kind() == protoreflect.MessageKind && field.IsList():
			for i := range value.List().Len() {
				mark(value.List().Get(i).Message())
			}
		case field.Kind() == protoreflect.MessageKind:
			mark(value.Message())
		case field.Kind() == protoreflect.StringKind && field.IsList():
			for i := range value.List().Len() {
				value.List().Set(i, protoreflect.ValueOfString(value.List().Get(i).String()+with))
			}
		case field.Kind() == protoreflect.StringKind:
			m.Set(field, protoreflect.ValueOfString(value.String()+with))
		}
		return true
	})
}

// seeds are requests that are answered, and some that are not, by the name of their RPC.
func seeds() map[string][]proto.Message {
	ana, group, team := byID(sourcetest.ID(1)), sourcetest.SomeGroup(1).ID, sourcetest.SomeGroup(2).ID
	return map[string][]proto.Message{
		"GetProfile": {
			&pb.GetProfileRequest{Person: ana, ReadMask: paths("display_name", "manager.email"), MaxStaleness: &durationpb.Duration{Seconds: 1}},
			&pb.GetProfileRequest{Person: byEmail("person.b@contoso.com"), ReadMask: paths("*")},
			&pb.GetProfileRequest{Person: byEmail("ana"), ReadMask: paths("nonsense"), MaxStaleness: &durationpb.Duration{Seconds: -1, Nanos: 1}},
		},
		"BatchGetProfiles":   {&pb.BatchGetProfilesRequest{People: []*pb.PersonRef{ana, byEmail("nobody@contoso.com"), {}}, ReadMask: &fieldmaskpb.FieldMask{}}},
		"WatchProfiles":      {&pb.WatchProfilesRequest{People: []*pb.PersonRef{ana}, Resume: &pb.WatchPosition{Epoch: "A", Revision: 1}}},
		"GetProfilePhoto":    {&pb.GetProfilePhotoRequest{Person: ana, Size: pb.PhotoSize_PHOTO_SIZE_96, IfNoneMatch: "x"}},
		"GetReportingLine":   {&pb.GetReportingLineRequest{Person: byID(sourcetest.ID(0)), IncludeDirectReports: true, PageSize: 1}},
		"MatchAccounts":      {&pb.MatchAccountsRequest{Emails: []string{"person.b@contoso.com", "nobody"}}},
		"SuggestInvitees":    {&pb.SuggestInviteesRequest{Query: "pers", Organizer: ana, TeamId: team, ChannelId: channelID, Exclude: []*pb.PersonRef{ana}, Kinds: []pb.InviteeKind{1}}},
		"ExplainSuggestions": {&pb.ExplainSuggestionsRequest{Request: &pb.SuggestInviteesRequest{Query: "b", Organizer: ana}}},
		"ErasePerson":        {&pb.ErasePersonRequest{Person: byID(sourcetest.ID(2))}},
		"ReportPerson":       {&pb.ReportPersonRequest{Person: ana}},
		"ReportPick":         {&pb.ReportPickRequest{Organizer: ana, PickedId: sourcetest.ID(2)}},
		"ExpandGroup": {
			&pb.ExpandGroupRequest{Group: &pb.ExpandGroupRequest_GroupId{GroupId: group}, Nested: true, PageSize: 1},
			&pb.ExpandGroupRequest{Group: &pb.ExpandGroupRequest_Email{Email: "team"}},
			&pb.ExpandGroupRequest{Group: &pb.ExpandGroupRequest_ContactFolderId{ContactFolderId: "f"}, Organizer: ana},
			&pb.ExpandGroupRequest{Group: &pb.ExpandGroupRequest_ContactCategory{ContactCategory: "Friends"}, Organizer: ana},
			&pb.ExpandGroupRequest{Group: &pb.ExpandGroupRequest_GroupId{GroupId: group}, PageToken: "YXNrZWQxMjM0NTY3CgEx"},
		},
		"ListChannelMembers": {&pb.ListChannelMembersRequest{TeamId: team, ChannelId: channelID, PageSize: 1}},
		"GetDirectoryStatus": {&pb.GetDirectoryStatusRequest{}},
		"RefreshDirectory":   {&pb.RefreshDirectoryRequest{ConfirmRemovals: true}},
	}
}

// FuzzRequests has every RPC be asked what somebody made up: any bytes that are its
// request. It must answer, or fail with one ErrorInfo and no fault of ours; neither the
// error nor the log may repeat what was sent; and the page token of an answer leads to the
// next page.
func FuzzRequests(f *testing.F) {
	s, source, log := build(f, withContacts(f, books{book: book}))
	group, team := sourcetest.SomeGroup(1), sourcetest.SomeGroup(2)
	team.Team = true
	source.PutGroup(group)
	source.PutGroup(team)
	source.PutMembers(group.ID, member(0), member(1), member(2))
	source.PutChannel(team.ID, channelID, cache.Channel{Kind: pb.ChannelKind_CHANNEL_KIND_PRIVATE, Members: []cache.Member{member(2), member(1)}})
	source.PutPhoto(sourcetest.ID(1), &cache.Photo{Data: []byte("\xff\xd8\xff image"), ContentType: "image/jpeg"})
	methods := methodsOf(s)
	named := func(name string) method { // any other text names some method too
		if at := slices.IndexFunc(methods, func(m method) bool { return m.name == name }); at >= 0 {
			return methods[at]
		}
		sum := fnv.New32a()
		sum.Write([]byte(name))
		return methods[sum.Sum32()%uint32(len(methods))]
	}
	call := func(m method, change func(proto.Message)) (in, out proto.Message, err error) {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		answer, err := m.call(ctx, func(request any) error {
			in = request.(proto.Message)
			change(in)
			return nil
		})
		if err == nil {
			out = answer.(proto.Message)
		}
		return in, out, err
	}
	if _, _, err := call(named("RefreshDirectory"), func(in proto.Message) { in.(*pb.RefreshDirectoryRequest).Relist = true }); err != nil {
		f.Fatal(err)
	}
	known := seeds()
	for _, m := range methods {
		if len(known[m.name]) == 0 {
			f.Errorf("%s has no request to begin with", m.name)
		}
		for _, in := range known[m.name] {
			data, err := proto.Marshal(in)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(m.name, data)
		}
	}
	f.Fuzz(func(t *testing.T, name string, data []byte) {
		m := named(name)
		decoded := true
		decode := func(in proto.Message) { decoded = decoded && proto.Unmarshal(data, in) == nil }
		in, out, err := call(m, decode)
		if !decoded {
			return
		}
		well(t, m.name, err)
		if token := fieldOf(out, "next_page_token").String(); token != "" {
			_, _, err := call(m, func(next proto.Message) {
				proto.Merge(next, in)
				next.ProtoReflect().Set(next.ProtoReflect().Descriptor().Fields().ByName("page_token"), protoreflect.ValueOfString(token))
			})
			if status.Code(err) == codes.InvalidArgument {
				t.Errorf("%s(%v) answers with a token that it then refuses: %v", m.name, in, err)
			}
		}
		log.clear()
		marked, _, err := call(m, func(in proto.Message) { decode(in); mark(in.ProtoReflect()) })
		well(t, m.name, err)
		if said := errorText(err); strings.Contains(said, inTexts) {
			t.Errorf("the error of %s(%v) repeats what was sent: %s", m.name, marked, said)
		}
		if said := log.String(); strings.Contains(said, inTexts) || strings.Contains(said, inPaths) {
			t.Errorf("the log of %s(%v) repeats what was sent: %s", m.name, marked, said)
		}
	})
}

// well complains of an error that is not as the contract says, or that is our fault.
func well(t *testing.T, name string, err error) {
	t.Helper()
	if err == nil {
		return
	}
	code, reason, _, _ := explain(t, err)
	if code == codes.Internal || code == codes.Unknown || code == codes.DeadlineExceeded || pb.ErrorReason_value["ERROR_REASON_"+reason] == 0 {
		t.Errorf("%s fails with %v, reason %q: %v", name, code, reason, err)
	}
}

// errorText is all that an error says, its details included.
func errorText(err error) string {
	said := []string{status.Convert(err).Message()}
	for _, detail := range status.Convert(err).Details() {
		said = append(said, fmt.Sprint(detail))
	}
	return strings.Join(said, "\n")
}

// fieldOf is a field of a message; an empty text where there is none.
func fieldOf(m proto.Message, name protoreflect.Name) protoreflect.Value {
	if m != nil {
		if field := m.ProtoReflect().Descriptor().Fields().ByName(name); field != nil {
			return m.ProtoReflect().Get(field)
		}
	}
	return protoreflect.ValueOfString("")
}
