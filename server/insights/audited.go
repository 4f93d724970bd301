package insights

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"

	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
	"github.com/peopleinsights/peopleinsights/server/audit"
	"github.com/peopleinsights/peopleinsights/server/auth"
)

// Audit is told who asked about whom.
type Audit interface {
	// Admit refuses a call that could not be recorded. It does not wait.
	Admit() error
	// Record takes what a call has asked and shown. Where it fails, the answer is not given.
	Record(context.Context, audit.Record) error
}

// errUnaudited means that a call cannot be recorded, and has to be.
var errUnaudited = errors.New("the call cannot be recorded")

// maxDistinct is up to how many people a record tells apart. Those whom a watch shows beyond
// are counted anew each time.
const maxDistinct = 10_000

// inquiry is what is known of a call that is to be recorded.
type inquiry struct {
	mu     sync.Mutex // a watch sends while it is being ended
	record audit.Record
	seen   map[string]bool // the ids of those shown, up to maxDistinct
	own    bool            // somebody's own contacts are asked for
}

type inquiryKey struct{}

// inquiryOf returns that of a call, or nil where nothing is recorded.
func inquiryOf(ctx context.Context) *inquiry {
	q, _ := ctx.Value(inquiryKey{}).(*inquiry)
	return q
}

// inquire begins a call's.
func (s *Service) inquire(ctx context.Context, method string) (context.Context, *inquiry, error) {
	if err := s.config.Audit.Admit(); err != nil {
		return ctx, nil, fmt.Errorf("%w: %w", errUnaudited, err)
	}
	q := &inquiry{seen: make(map[string]bool)}
	q.record.Method = strings.TrimPrefix(method, "/peopleinsights.v1.")
	return context.WithValue(ctx, inquiryKey{}, q), q, nil
}

// audited answers a call and has it recorded: that is what makes its answer one.
func (s *Service) audited(ctx context.Context, in any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	if s.config.Audit == nil {
		return s.answer(ctx, in, info, handler)
	}
	ctx, q, err := s.inquire(ctx, info.FullMethod)
	if err != nil {
		return nil, err
	}
	q.asked(in)
	out, err := s.answer(ctx, in, info, handler)
	if err == nil {
		q.shown(out)
	}
	if err := s.record(ctx, q, audit.Call, err); err != nil {
		return nil, err
	}
	return out, err
}

// auditedStream does so for a watch, which is recorded when it begins and when it ends.
func (s *Service) auditedStream(ctx context.Context, server any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	if s.config.Audit == nil {
		return s.stream(ctx, server, stream, info, handler)
	}
	ctx, q, err := s.inquire(ctx, info.FullMethod)
	if err != nil {
		return err
	}
	err = s.stream(ctx, server, auditedStream{stream, s, q}, info, handler)
	if unrecorded := s.record(ctx, q, audit.End, err); unrecorded != nil && err == nil {
		return unrecorded
	}
	return err
}

// auditedStream is the stream of a watch that is recorded.
type auditedStream struct {
	grpc.ServerStream
	service *Service
	q       *inquiry
}

// RecvMsg takes the request, and lets the watch begin when it is recorded.
func (a auditedStream) RecvMsg(m any) error {
	if err := a.ServerStream.RecvMsg(m); err != nil {
		return err
	}
	a.q.asked(m)
	return a.service.record(a.Context(), a.q, audit.Begin, nil)
}

// record hands over what is known by now, and how the call has ended.
func (s *Service) record(ctx context.Context, q *inquiry, event audit.Event, err error) error {
	q.mu.Lock()
	r := q.record
	q.mu.Unlock()
	r.Time, r.Event = time.Now(), event
	r.Code = "OK"
	if err != nil {
		o := failed(err)
		r.Code, r.Reason = o.code.String(), reasonName(o.reason)
	}
	if err := s.config.Audit.Record(ctx, r); err != nil {
		return fmt.Errorf("%w: %w", errUnaudited, err)
	}
	return nil
}

// askedBy notes who calls, as soon as that is known.
func askedBy(ctx context.Context, caller auth.Caller) {
	if q := inquiryOf(ctx); q != nil {
		q.mu.Lock()
		defer q.mu.Unlock()
		q.record.Tenant, q.record.Subject, q.record.Roles = caller.Tenant, caller.Subject, caller.Roles.String()
	}
}

// askedAs notes as which audience the caller is answered.
func askedAs(ctx context.Context, audience auth.Audience) {
	if q := inquiryOf(ctx); q != nil {
		q.mu.Lock()
		defer q.mu.Unlock()
		q.record.Audience = audience.String()
	}
}

// shown notes people whom an answer shows and does not name.
func shown(ctx context.Context, ids ...string) {
	if q := inquiryOf(ctx); q != nil {
		q.mu.Lock()
		defer q.mu.Unlock()
		q.show(ids...)
	}
}

// profile notes somebody of whom an answer has a profile, which may lack the id, and their
// manager if it has that. Nothing is noted by a nil inquiry.
func (q *inquiry) profile(whole, answered *pb.Profile) {
	if q == nil {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.show(whole.GetId())
	if answered.GetManager() != nil {
		q.show(whole.GetManager().GetId())
	}
}

// asked notes whom a request names: people, and groups and teams of whose people it asks. Those
// whom it leaves out of suggestions are not asked about.
func (q *inquiry) asked(in any) {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch in := in.(type) {
	case *pb.GetProfileRequest:
		q.person(in.GetPerson())
	case *pb.BatchGetProfilesRequest:
		q.person(in.GetPeople()...)
	case *pb.WatchProfilesRequest:
		q.person(in.GetPeople()...)
	case *pb.GetProfilePhotoRequest:
		q.person(in.GetPerson())
	case *pb.GetReportingLineRequest:
		q.person(in.GetPerson())
	case *pb.MatchAccountsRequest:
		for _, address := range in.GetEmails() {
			q.name(audit.ByEmail, address)
		}
	case *pb.ExpandGroupRequest:
		q.own = in.GetContactFolderId() != "" || in.GetContactCategory() != ""
		q.organizer(in.GetOrganizer())
		q.name(audit.ByID, in.GetGroupId())
		q.name(audit.ByEmail, in.GetEmail())
	case *pb.ListChannelMembersRequest:
		q.name(audit.ByID, in.GetTeamId())
	case *pb.SuggestInviteesRequest:
		q.suggestions(in)
	case *pb.ExplainSuggestionsRequest:
		q.suggestions(in.GetRequest())
	case *pb.ReportPickRequest:
		q.organizer(in.GetOrganizer())
		q.name(audit.ByID, in.GetPickedId())
	case *pb.ErasePersonRequest:
		q.person(in.GetPerson())
	case *pb.ReportPersonRequest:
		q.person(in.GetPerson())
	}
}

func (q *inquiry) suggestions(in *pb.SuggestInviteesRequest) {
	q.organizer(in.GetOrganizer())
	q.name(audit.ByID, in.GetTeamId())
}

// organizer is a person who may be left out.
func (q *inquiry) organizer(ref *pb.PersonRef) {
	if ref != nil {
		q.person(ref)
	}
}

// person notes people. Those named in a way that nobody is, such as by a text of any length,
// are counted.
func (q *inquiry) person(refs ...*pb.PersonRef) {
	for _, ref := range refs {
		parsed, err := parseRef(ref)
		switch {
		case err != nil:
			q.record.AskedTotal++
		case parsed.ID != "":
			q.name(audit.ByID, parsed.ID)
		default:
			q.name(audit.ByEmail, parsed.Email)
		}
	}
}

// maxNamed bounds how long what is hashed of a request may be, in bytes: an address has at most
// 320 characters.
const maxNamed = 4 * 320

// name notes somebody, or a group; nobody for the empty text.
func (q *inquiry) name(kind audit.Kind, value string) {
	if value == "" {
		return
	}
	q.record.AskedTotal++
	if len(q.record.Asked) < audit.MaxListed && len(value) <= maxNamed {
		q.record.Asked = append(q.record.Asked, audit.Ref{Kind: kind, Value: value})
	}
}

// shown notes whom an answer shows, or an operator's answer is about, but for profiles and
// photos: their handlers know of whom they are. Somebody's own contacts are counted and not
// listed: nothing of them is kept.
func (q *inquiry) shown(out any) {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch out := out.(type) {
	case *pb.GetReportingLineResponse:
		q.summaries(out.GetManagers())
		q.summaries(out.GetDirectReports())
	case *pb.MatchAccountsResponse:
		for _, match := range out.GetMatches() {
			q.show(match.GetPersonId())
			for _, candidate := range match.GetCandidates() {
				q.show(candidate.GetPersonId())
			}
		}
	case *pb.ExpandGroupResponse:
		if q.own {
			q.record.ShownTotal += len(out.GetMembers())
			break
		}
		q.summaries(out.GetMembers())
	case *pb.ListChannelMembersResponse:
		q.summaries(out.GetMembers())
	case *pb.SuggestInviteesResponse:
		for _, row := range out.GetSuggestions() {
			q.suggestion(row)
		}
	case *pb.ExplainSuggestionsResponse:
		for _, row := range out.GetSuggestions() {
			q.suggestion(row.GetSuggestion())
		}
	case *pb.ErasePersonResponse:
		q.show(out.GetPersonId())
	case *pb.ReportPersonResponse:
		q.show(out.GetPersonId(), out.GetManagerId())
		q.show(out.GetDirectReportIds()...)
		q.show(out.GetPickedIds()...)
	}
}

func (q *inquiry) summaries(list []*pb.ProfileSummary) {
	for _, p := range list {
		q.show(p.GetId())
	}
}

func (q *inquiry) suggestion(row *pb.Suggestion) {
	switch {
	case row.GetKind() == pb.InviteeKind_INVITEE_KIND_GROUP, row.GetKind() == pb.InviteeKind_INVITEE_KIND_CONTACT_GROUP:
	case row.GetSource() == pb.SuggestionSource_SUGGESTION_SOURCE_CONTACTS:
		q.record.ShownTotal++
	default:
		q.show(row.GetId())
	}
}

// show notes people by their ids, each once; nobody for the empty text.
func (q *inquiry) show(ids ...string) {
	for _, id := range ids {
		if id == "" || q.seen[id] {
			continue
		}
		if len(q.seen) < maxDistinct {
			q.seen[id] = true
		}
		q.record.ShownTotal++
		if len(q.record.Shown) < audit.MaxListed {
			q.record.Shown = append(q.record.Shown, id)
		}
	}
}
