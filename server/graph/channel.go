package graph

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/peopleinsights/peopleinsights/cache"
	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
)

// Channel implements cache.Source. Members of another tenant are told by its id, which is
// compared with that of ours (see tenant). While ours cannot be told, a member of whom
// Graph names a tenant counts as unreadable: neither as one of ours nor as a stranger.
func (c *Client) Channel(ctx context.Context, team, channel string, most int) (cache.Channel, error) {
	teamID, ok := segment(team)
	channelID, also := segment(channel)
	if !ok || !also {
		return cache.Channel{}, errNoSuchChannel
	}
	path := c.config.Endpoint.URL.JoinPath("teams").String() + "/" + teamID + "/channels/" + channelID
	kind, err := c.channelKind(ctx, path)
	if err != nil {
		return cache.Channel{}, noChannel(err)
	}
	found := cache.Channel{Kind: kind}
	if kind == pb.ChannelKind_CHANNEL_KIND_STANDARD {
		return found, nil
	}
	if found.Members, err = c.channelMembers(ctx, path, kind, most); err != nil {
		return cache.Channel{}, noChannel(err)
	}
	if err := c.ourOwn(ctx, found.Members); err != nil {
		return cache.Channel{}, err
	}
	return found, nil
}

var errNoSuchChannel = &Error{kind: cache.ErrNoChannel, text: "Microsoft Graph knows no such team or channel", ours: true}

// noChannel makes of something that Graph does not know the channel that was asked for.
func noChannel(err error) error {
	if errors.Is(err, errNotFound) || missing(err) {
		return &Error{kind: cache.ErrNoChannel, text: errNoSuchChannel.text, id: cache.RequestID(err)}
	}
	return unanswered(err)
}

// channelKind reads what a channel is. What this version of Graph has no name for, such as
// unknownFutureValue, is unspecified.
func (c *Client) channelKind(ctx context.Context, path string) (kind pb.ChannelKind, err error) {
	err = firstAccepted([]string{path + "?$select=id,membershipType", path}, func(link string) error {
		return c.get(ctx, lookup(ctx), needChannels, c.follow(link), func(response *http.Response) (err error) {
			kind, err = decodeChannel(response.Body)
			return err
		})
	})
	return kind, err
}

func decodeChannel(body io.Reader) (pb.ChannelKind, error) {
	d := newDecoder(body)
	var id, kind string
	err := d.object(func(name string) (err error) {
		switch name {
		case "id":
			id, err = d.text()
		case "membershipType":
			kind, err = d.text()
		default:
			err = d.SkipValue()
		}
		return err
	})
	if err == nil && id == "" {
		err = &Error{kind: errUnavailable, text: "this is not Microsoft Graph's answer: check the Graph URL (a channel without an id)"}
	}
	switch strings.ToLower(kind) {
	case "standard":
		return pb.ChannelKind_CHANNEL_KIND_STANDARD, err
	case "private":
		return pb.ChannelKind_CHANNEL_KIND_PRIVATE, err
	case "shared":
		return pb.ChannelKind_CHANNEL_KIND_SHARED, err
	default:
		return pb.ChannelKind_CHANNEL_KIND_UNSPECIFIED, err
	}
}

// channelMembers reads who is in a channel that is not its whole team's: of a shared one,
// those who are in it by another team as well, where this Graph tells of them. Lists of
// Teams take no parameters.
func (c *Client) channelMembers(ctx context.Context, path string, kind pb.ChannelKind, most int) ([]cache.Member, error) {
	if kind == pb.ChannelKind_CHANNEL_KIND_SHARED {
		found, err := c.gather(ctx, needChannelMembers, path+"/allMembers", decodeChannelMembers, most)
		if !errors.Is(err, errUnsupported) && !notThere(err) {
			return found, err
		}
	}
	return c.gather(ctx, needChannelMembers, path+"/members", decodeChannelMembers, most)
}

// decodeChannelMembers reads a page of who is in a channel. TenantId is set of everybody
// of whom Graph names a tenant, ours too.
func decodeChannelMembers(body io.Reader) (page[cache.Member], error) {
	return decodePage(body, func(d decoder) (cache.Member, bool, error) {
		m, err := d.conversationMember()
		return m, m.Summary.GetId() != "", err
	})
}

// accountTypes are the types of members of conversations who have an account in a directory.
// The others are, for instance, anonymous, telephones and Skype's.
var accountTypes = []string{"", "conversationmember", "aaduserconversationmember", "skypeforbusinessuserconversationmember"}

// conversationMember reads a member of a channel. Their id is that of the person; of who
// has none, it is that of the membership.
func (d decoder) conversationMember() (cache.Member, error) {
	summary := &pb.ProfileSummary{}
	var kind, id string
	guest := false
	err := d.object(func(name string) (err error) {
		switch name {
		case "@odata.type":
			kind, err = d.text()
		case "id":
			id, err = d.text()
		case "userId":
			summary.Id, err = d.id()
		case "displayName":
			summary.DisplayName, err = d.text()
		case "email":
			summary.Email, err = d.text()
		case "tenantId":
			summary.TenantId, err = d.id()
		case "roles":
			guest, err = d.among("guest")
		default:
			err = d.SkipValue()
		}
		return err
	})
	if guest {
		summary.UserType = pb.UserType_USER_TYPE_GUEST
	}
	account := slices.Contains(accountTypes, typeName(kind))
	switch {
	case account && summary.Id != "":
		return cache.Member{Kind: cache.MemberPerson, Summary: summary}, err
	case account:
		return cache.Member{Kind: cache.MemberUnreadable, Summary: &pb.ProfileSummary{Id: id}}, err
	default:
		return cache.Member{Kind: cache.MemberOther, Summary: &pb.ProfileSummary{Id: id}}, err
	}
}

// ourOwn takes the tenant away from those who are of ours.
func (c *Client) ourOwn(ctx context.Context, members []cache.Member) error {
	named := func(m cache.Member) bool { return m.Kind == cache.MemberPerson && m.Summary.TenantId != "" }
	if !slices.ContainsFunc(members, named) {
		return nil
	}
	ours, err := c.tenant.id(ctx, c)
	if err != nil {
		return unanswered(err)
	}
	for i, m := range members {
		switch {
		case !named(m):
		case ours == "":
			members[i] = cache.Member{Kind: cache.MemberUnreadable, Summary: &pb.ProfileSummary{Id: m.Summary.Id}}
		case m.Summary.TenantId == ours:
			m.Summary.TenantId = ""
		}
	}
	return nil
}

// tenant is the id of the tenant that a Client reads, once it is known. The configuration
// may name the tenant by a domain instead; then Graph is asked, once: a token tells too,
// but is none of ours to read.
type tenant struct {
	mu    sync.Mutex
	known string
}

// id returns the tenant's id, and empty where Graph does not tell it to this app, as often
// as it is asked. A failure that may pass is an error.
func (t *tenant) id(ctx context.Context, c *Client) (string, error) {
	t.mu.Lock()
	known := t.known
	t.mu.Unlock()
	if known != "" {
		return known, nil
	}
	if isGUID.MatchString(c.config.Credential.TenantID) {
		return strings.ToLower(c.config.Credential.TenantID), nil
	}
	link := c.config.Endpoint.URL.JoinPath("organization").String() + "?$select=id"
	err := c.get(ctx, lookup(ctx), needOrganization, c.follow(link), func(response *http.Response) error {
		read, err := decodePage(response.Body, func(d decoder) (id string, ok bool, err error) {
			err = d.object(func(name string) (err error) {
				if name != "id" {
					return d.SkipValue()
				}
				id, err = d.id()
				return err
			})
			return id, isGUID.MatchString(id), err
		})
		if len(read.Items) == 1 { // there is exactly one; of several, none is known to be ours
			known = read.Items[0]
		}
		return err
	})
	if errors.Is(err, errDenied) || errors.Is(err, errUnsupported) || notThere(err) {
		return "", nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.known = known
	return known, err
}
