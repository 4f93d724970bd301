package insights

import (
	"context"
	"errors"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/peopleinsights/peopleinsights/cache"
	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
	"github.com/peopleinsights/peopleinsights/server/auth"
	"github.com/peopleinsights/peopleinsights/server/contacts"
)

// How long ids and names may be, in characters.
const (
	maxChannel  = 256
	maxFolder   = 512
	maxCategory = 256
)

// maxGroups is how many groups within a group are told of.
const maxGroups = 1000

// ExpandGroup answers with those who are in a group.
func (s *Service) ExpandGroup(ctx context.Context, in *pb.ExpandGroupRequest) (*pb.ExpandGroupResponse, error) {
	var bad invalid
	var group cache.Ref
	var folder, category string
	switch by := in.GetGroup().(type) {
	case *pb.ExpandGroupRequest_GroupId:
		group.ID = bad.id("group_id", by.GroupId)
	case *pb.ExpandGroupRequest_Email:
		group = bad.address("email", by.Email)
	case *pb.ExpandGroupRequest_ContactFolderId:
		folder = bad.text("contact_folder_id", bad.some("contact_folder_id", by.ContactFolderId), maxFolder)
	case *pb.ExpandGroupRequest_ContactCategory:
		category = bad.text("contact_category", bad.some("contact_category", by.ContactCategory), maxCategory)
	default:
		bad.add("group", "must be set: group_id, email, contact_folder_id or contact_category")
	}
	var organizer cache.Ref
	own := folder != "" || category != ""
	if own {
		organizer = bad.organizer(ctx, in.GetOrganizer())
	}
	nested := in.GetNested() && !own
	page := bad.page(pagesOf(ctx, "ExpandGroup", keyOf(group), folder, category, keyOf(organizer), yes(nested)), own, in.GetPageSize(), in.GetPageToken())
	if err := bad.err(); err != nil {
		return nil, err
	}
	directory, err := s.directory(ctx)
	if err != nil {
		return nil, err
	}
	var members *cache.Members
	if own {
		members, err = s.ownContacts(ctx, directory, organizer, folder, category)
	} else {
		members, err = directory.ExpandGroup(ctx, group, nested)
	}
	if err != nil {
		return nil, err
	}
	out := &pb.ExpandGroupResponse{
		Total:      int32(len(members.People)),
		Unreadable: int32(members.Unreadable),
		Others:     int32(members.Others),
		Freshness:  members.Freshness,
	}
	if out.Members, out.NextPageToken, err = page.cut(members.People); err != nil {
		return nil, err
	}
	if err := showsRows(ctx, directory, organizer, out.Members); err != nil {
		return nil, err
	}
	out.TotalGroups = int32(len(members.Groups))
	if page.first() {
		out.Groups = members.Groups[:min(len(members.Groups), maxGroups)]
	}
	return out, nil
}

// ownContacts are the contacts of an organizer's that are in a folder, or have a category.
func (s *Service) ownContacts(ctx context.Context, directory cache.Reader, organizer cache.Ref, folder, category string) (*cache.Members, error) {
	organizer, err := yourself(ctx, directory, organizer)
	if err != nil {
		return nil, err
	}
	person, err := directory.Organizer(organizer)
	if err == nil && person == "" { // a partner, who is nobody here
		err = cache.ErrUnknownOrganizer
	}
	if err != nil {
		return nil, ofOrganizer("organizer", showsNot(ctx, directory, organizer, err))
	}
	caller, _ := auth.FromContext(ctx)
	store := sessionOf(ctx).Contacts
	if store == nil {
		return nil, cache.ErrUnavailable // nobody's contacts are read: what they have cannot be told
	}
	owner := contacts.Owner{Caller: caller.Subject, Person: person}
	var people []*pb.ProfileSummary
	var asOf time.Time
	if folder != "" {
		people, asOf, err = store.Folder(ctx, owner, folder)
	} else {
		people, asOf, err = store.Category(ctx, owner, category)
	}
	if errors.Is(err, cache.ErrNotFound) { // gone since the last round
		err = cache.ErrUnknownOrganizer
	}
	if err != nil {
		return nil, ofOrganizer("organizer", err)
	}
	return &cache.Members{People: people, Freshness: &pb.Freshness{AsOfTime: timestamppb.New(asOf)}}, nil
}

// ListChannelMembers answers with those who are in a channel.
func (s *Service) ListChannelMembers(ctx context.Context, in *pb.ListChannelMembersRequest) (*pb.ListChannelMembersResponse, error) {
	var bad invalid
	team := bad.id("team_id", in.GetTeamId())
	channel := bad.text("channel_id", bad.some("channel_id", in.GetChannelId()), maxChannel)
	page := bad.page(pagesOf(ctx, "ListChannelMembers", team, channel), false, in.GetPageSize(), in.GetPageToken())
	if err := bad.err(); err != nil {
		return nil, err
	}
	directory, err := s.directory(ctx)
	if err != nil {
		return nil, err
	}
	members, err := directory.ChannelMembers(ctx, team, channel)
	if err != nil {
		return nil, err
	}
	out := &pb.ListChannelMembersResponse{
		Total:      int32(len(members.People)),
		Kind:       members.Kind,
		Unreadable: int32(members.Unreadable),
		Freshness:  members.Freshness,
	}
	if out.Members, out.NextPageToken, err = page.cut(members.People); err != nil {
		return nil, err
	}
	if err := showsRows(ctx, directory, cache.Ref{}, out.Members); err != nil {
		return nil, err
	}
	return out, nil
}

func yes(so bool) string {
	if so {
		return "yes"
	}
	return ""
}
