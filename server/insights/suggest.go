package insights

import (
	"context"
	"errors"
	"fmt"

	"github.com/peopleinsights/peopleinsights/cache"
	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
)

// The bounds of SuggestInvitees.
const (
	maxQuery        = 256 // code points
	defaultPageSize = 8
	maxPageSize     = 50
)

// SuggestInvitees finds people by what somebody has typed so far.
func (s *Service) SuggestInvitees(ctx context.Context, in *pb.SuggestInviteesRequest) (*pb.SuggestInviteesResponse, error) {
	invite, err := parseInvite("", in)
	if err != nil {
		return nil, err
	}
	directory, err := s.directory(ctx)
	if err != nil {
		return nil, err
	}
	named := invite.Organizer
	if invite.Organizer, err = implied(ctx, directory, named); err != nil {
		return nil, err
	}
	lacking, err := s.gather(ctx, directory, invite)
	if err != nil {
		return nil, ofOrganizer("organizer", showsNot(ctx, directory, named, err))
	}
	suggestions, freshness, err := directory.Suggest(invite.Invite)
	if err != nil {
		return nil, ofOrganizer("organizer", showsNot(ctx, directory, named, err))
	}
	if err := showsSuggestions(ctx, directory, named, suggestions); err != nil {
		return nil, err
	}
	return &pb.SuggestInviteesResponse{
		Suggestions: suggestions, Freshness: freshness, Sources: append(sourcesOf(directory.Sources(invite.Kinds)), lacking...),
	}, nil
}

// ofOrganizer makes of an unknown organizer what is wrong with a field.
func ofOrganizer(field string, err error) error {
	if errors.Is(err, cache.ErrUnknownOrganizer) {
		return invalidField(field, errors.New("must be a person of the directory"))
	}
	return err
}

// ExplainSuggestions answers as SuggestInvitees does, with reasons.
func (s *Service) ExplainSuggestions(ctx context.Context, in *pb.ExplainSuggestionsRequest) (*pb.ExplainSuggestionsResponse, error) {
	if in.GetRequest() == nil {
		return nil, invalidField("request", errors.New("must say what a scheduler page would ask"))
	}
	invite, err := parseInvite("request.", in.GetRequest())
	if err != nil {
		return nil, err
	}
	directory, err := s.directory(ctx)
	if err != nil {
		return nil, err
	}
	if invite.Organizer, err = implied(ctx, directory, invite.Organizer); err != nil {
		return nil, err
	}
	if _, err := s.gather(ctx, directory, invite); err != nil {
		return nil, ofOrganizer("request.organizer", err)
	}
	explained, freshness, err := directory.Explain(invite.Invite)
	if err != nil {
		return nil, ofOrganizer("request.organizer", err)
	}
	return &pb.ExplainSuggestionsResponse{Suggestions: explained, Freshness: freshness}, nil
}

// invite is what a scheduler page asks, and what has to be read for it beside the directory.
type invite struct {
	cache.Invite
	team    string // empty for none
	channel string // empty for the team itself
}

// parseInvite reads what a scheduler page asks; within says which field holds it, for what
// is wrong with it.
func parseInvite(within string, in *pb.SuggestInviteesRequest) (*invite, error) {
	bad := invalid{within: within}
	invite := &invite{Invite: cache.Invite{
		Query: bad.text("query", in.GetQuery(), maxQuery),
		Limit: bad.pageSize("page_size", in.GetPageSize(), defaultPageSize, maxPageSize),
		Kinds: in.GetKinds(),
	}}
	for i, kind := range in.GetKinds() {
		if _, known := pb.InviteeKind_name[int32(kind)]; !known || kind == pb.InviteeKind_INVITEE_KIND_UNSPECIFIED {
			bad.add(fmt.Sprintf("kinds[%d]", i), "must be INVITEE_KIND_PERSON, INVITEE_KIND_GUEST, INVITEE_KIND_GROUP, INVITEE_KIND_CONTACT or INVITEE_KIND_CONTACT_GROUP")
		}
	}
	if in.GetOrganizer() != nil {
		invite.Organizer = bad.person("organizer", in.GetOrganizer())
	}
	bad.inBatch("exclude", len(in.GetExclude()))
	for i, person := range in.GetExclude() {
		invite.Exclude = append(invite.Exclude, bad.person(fmt.Sprintf("exclude[%d]", i), person))
	}
	if in.GetTeamId() != "" {
		invite.team = bad.id("team_id", in.GetTeamId())
	}
	if invite.channel = bad.text("channel_id", in.GetChannelId(), maxChannel); invite.channel != "" && in.GetTeamId() == "" {
		bad.add("channel_id", "must come with the team_id of its team")
	}
	return invite, bad.err()
}
