package main

import (
	"fmt"
	"strings"

	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
)

type groupCommand struct {
	Group      string `arg:"" optional:"" help:"A group of the organisation, by its id or any of its addresses."`
	Nested     bool   `help:"Open groups that are members, too, and theirs."`
	ContactsOf string `placeholder:"PERSON" help:"Open a folder or category of this person's own Outlook contacts (address or id)."`
	Folder     string `placeholder:"ID" help:"The folder's id, as suggest -o json tells it."`
	Category   string `placeholder:"NAME" help:"The category's name."`
}

// request is what the flags ask for.
func (c groupCommand) request() (*pb.ExpandGroupRequest, error) {
	in := &pb.ExpandGroupRequest{Nested: c.Nested, PageSize: pageSize}
	ways := 0
	for _, way := range []string{c.Group, c.Folder, c.Category} {
		if way != "" {
			ways++
		}
	}
	own := c.Folder != "" || c.Category != ""
	if ways != 1 || own != (c.ContactsOf != "") {
		return nil, fmt.Errorf("give a group, or --contacts-of with either --folder or --category (%w)", errUsage)
	}
	switch {
	case c.Folder != "":
		in.Group = &pb.ExpandGroupRequest_ContactFolderId{ContactFolderId: c.Folder}
	case c.Category != "":
		in.Group = &pb.ExpandGroupRequest_ContactCategory{ContactCategory: c.Category}
	case strings.Contains(c.Group, "@"):
		in.Group = &pb.ExpandGroupRequest_Email{Email: c.Group}
	default:
		in.Group = &pb.ExpandGroupRequest_GroupId{GroupId: c.Group}
	}
	if own {
		in.Organizer = person(c.ContactsOf)
	}
	return in, nil
}

// Run shows who is in a group.
func (c groupCommand) Run(s *session) error {
	in, err := c.request()
	if err != nil {
		return err
	}
	whole, err := allPages(s, func(token string) (*pb.ExpandGroupResponse, int, int32, error) {
		in.PageToken = token
		page, err := s.client.ExpandGroup(s.ctx, in)
		return page, len(page.GetMembers()), page.GetTotal(), err
	})
	if err != nil {
		return err
	}
	if s.json {
		return s.printJSON(whole)
	}
	printPeople(s, whole.GetMembers())
	for _, g := range whole.GetGroups() {
		fmt.Fprintf(s.out, "(group %s: %s)\n", named(g.GetDisplayName(), g.GetEmail()), word(g.GetState().String(), "NESTED_GROUP_STATE_"))
	}
	printRest(s, whole.GetUnreadable(), whole.GetOthers())
	return nil
}

// printRest says how many members are not among the rows.
func printRest(s *session, unreadable, others int32) {
	if unreadable > 0 {
		fmt.Fprintf(s.out, "(and %s whom the service may not read)\n", plural(int64(unreadable), "member"))
	}
	if others > 0 {
		fmt.Fprintf(s.out, "(and %s: devices or applications)\n", plural(int64(others), "other member"))
	}
}

type channelCommand struct {
	Team    string `arg:"" help:"The team: its group's id."`
	Channel string `arg:"" help:"The channel's id, such as 19:…@thread.tacv2."`
}

// Run shows who is in a channel.
func (c channelCommand) Run(s *session) error {
	whole, err := allPages(s, func(token string) (*pb.ListChannelMembersResponse, int, int32, error) {
		page, err := s.client.ListChannelMembers(s.ctx, &pb.ListChannelMembersRequest{
			TeamId: c.Team, ChannelId: c.Channel, PageSize: pageSize, PageToken: token,
		})
		return page, len(page.GetMembers()), page.GetTotal(), err
	})
	if err != nil {
		return err
	}
	if s.json {
		return s.printJSON(whole)
	}
	printPeople(s, whole.GetMembers())
	if kind := word(whole.GetKind().String(), "CHANNEL_KIND_"); kind != "" {
		fmt.Fprintf(s.out, "(a %s channel)\n", kind)
	}
	printRest(s, whole.GetUnreadable(), 0)
	return nil
}
