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
	teamPath := c.config.Endpoint.URL.JoinPath("teams").String() + "/" + teamID
	path := teamPath + "/channels/" + channelID
	kind, err := c.channelKind(ctx, path)
	incoming := err != nil && nowhere(err) && strings.HasPrefix(channel, "19:")
	if incoming {
		kind, err = c.incomingKind(ctx, teamPath, channel, err)
	}
	if err != nil {
		return cache.Channel{}, noChannel(err)
	}
	found := cache.Channel{Kind: kind}
	if kind == pb.ChannelKind_CHANNEL_KIND_STANDARD {
		return found, nil
	}
	found.Members, err = c.channelMembers(ctx, path, kind, most)
	switch {
	case incoming && refusedOutright(err):
		return cache.Channel{}, &Error{kind: cache.ErrNoChannel, text: errNoSuchChannel.text, id: cache.RequestID(err)}
	case err != nil:
		return cache.Channel{}, noChannel(err)
	}
	if found.Members, err = c.ourOwn(ctx, found.Members); err != nil {
		return cache.Channel{}, err
	}
	return found, nil
}

var errNoSuchChannel = &Error{kind: cache.ErrNoChannel, text: "Microsoft Graph knows no such team or channel", ours: true}

// noChannel makes of something that Graph does not know the channel that was asked for.
func noChannel(err error) error {
	if nowhere(err) || missing(err) {
		return &Error{kind: cache.ErrNoChannel, text: errNoSuchChannel.text, id: cache.RequestID(err)}
	}
	return unanswered(err)
}

// nowhere tells whether Graph has answered that there is no such thing, of what may be absent.
func nowhere(err error) bool { return errors.Is(err, errNotFound) || errors.Is(err, errAbsent) }

// refusedOutright tells whether Graph refuses a question whatever its form: not by saying
// that it is asked too much, or does not know who asks.
func refusedOutright(err error) bool {
	known, ok := errors.AsType[*Error](err)
	return ok && !errors.Is(err, errBadToken) && (errors.Is(err, errUnsupported) ||
		known.status >= 400 && known.status < 500 && known.status != http.StatusTooManyRequests)
}

// channelKind reads what a channel is. What this version of Graph has no name for, such as
// unknownFutureValue, is unspecified. Teams refuses an id that can be no channel's by 400.
func (c *Client) channelKind(ctx context.Context, path string) (kind pb.ChannelKind, err error) {
	ctx = mayBeAbsent(ctx, anyCode)
	err = firstAccepted([]string{path + "?$select=id,membershipType", path}, func(link string) error {
		return c.get(ctx, lookup(ctx), needChannels, c.follow(link), func(response *http.Response) (err error) {
			kind, err = decodeChannel(response.Body)
			return err
		})
	})
	if known, ok := errors.AsType[*Error](err); ok && errors.Is(err, errUnsupported) && known.status == http.StatusBadRequest {
		err = errNoSuchChannel
	}
	return kind, err
}

// incomingKind reads what a channel is that another team shares with this one: Graph has it
// under its own team alone, but lists it here. Where it is not in the list, or this Graph has
// no list, the answer is absence.
func (c *Client) incomingKind(ctx context.Context, team, channel string, absence error) (kind pb.ChannelKind, err error) {
	ctx = mayBeAbsent(ctx, anyCode)
	list := team + "/incomingChannels"
	shared := feed[channelItem]{client: c, need: needChannels, decode: decodeChannels}
	err = firstAccepted([]string{list + "?$select=id,membershipType", list}, func(link string) error {
		for page, err := range shared.pages(ctx, lookup(ctx), c.follow(link)) {
			if err != nil {
				return err
			}
			for _, one := range page.Items {
				if one.id == channel {
					kind = one.kind
					return nil
				}
			}
		}
		return absence
	})
	if refusedOutright(err) {
		err = absence
	}
	return kind, err
}

// channelItem is a channel in a list.
type channelItem struct {
	id   string
	kind pb.ChannelKind
}

func decodeChannels(body io.Reader) (page[channelItem], error) {
	return decodePage(body, func(d decoder) (channelItem, bool, error) {
		one, err := d.channel()
		return one, one.id != "", err
	})
}

func decodeChannel(body io.Reader) (pb.ChannelKind, error) {
	one, err := newDecoder(body).channel()
	if err == nil && one.id == "" {
		err = &Error{kind: errUnavailable, text: "this is not Microsoft Graph's answer: check the Graph URL (a channel without an id)"}
	}
	return one.kind, err
}

// channel reads a channel resource; a null has no id.
func (d decoder) channel() (one channelItem, err error) {
	var kind string
	err = d.object(func(name string) (err error) {
		switch name {
		case "id":
			one.id, err = d.text()
		case "membershipType":
			kind, err = d.text()
		default:
			err = d.SkipValue()
		}
		return err
	})
	switch strings.ToLower(kind) {
	case "standard":
		one.kind = pb.ChannelKind_CHANNEL_KIND_STANDARD
	case "private":
		one.kind = pb.ChannelKind_CHANNEL_KIND_PRIVATE
	case "shared":
		one.kind = pb.ChannelKind_CHANNEL_KIND_SHARED
	}
	return one, err
}

// channelMembers reads who is in a channel that is not its whole team's: of a shared one,
// those who are in it by another team as well, where this Graph tells of them to this app.
// Lists of Teams take no parameters.
func (c *Client) channelMembers(ctx context.Context, path string, kind pb.ChannelKind, most int) ([]cache.Member, error) {
	if kind == pb.ChannelKind_CHANNEL_KIND_SHARED {
		found, err := c.gather(mayBeAbsent(ctx, anyCode), needChannelMembers, path+"/allMembers", decodeChannelMembers, most)
		if !refusedOutright(err) {
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

// ourOwn takes the tenant away from those who are of ours. Somebody who was there with it
// and without is there once.
func (c *Client) ourOwn(ctx context.Context, members []cache.Member) ([]cache.Member, error) {
	named := func(m cache.Member) bool { return m.Kind == cache.MemberPerson && m.Summary.TenantId != "" }
	if !slices.ContainsFunc(members, named) {
		return members, nil
	}
	ours, err := c.tenant.id(ctx, c)
	if err != nil {
		return nil, unanswered(err)
	}
	seen := map[identity]bool{}
	once := members[:0]
	for _, m := range members {
		switch {
		case !named(m):
		case ours == "":
			m = cache.Member{Kind: cache.MemberUnreadable, Summary: &pb.ProfileSummary{Id: m.Summary.Id}}
		case m.Summary.TenantId == ours:
			m.Summary.TenantId = ""
		}
		if who := identityOf(m); !seen[who] {
			seen[who] = true
			once = append(once, m)
		}
	}
	return once, nil
}

// tenant is what a Client has learned of the tenant that it reads.
type tenant struct {
	mu sync.Mutex
	// known is the tenant's id, once it is known. The configuration may name the tenant by a
	// domain instead; then Graph is asked, once: a token tells too, but is none of ours to
	// read.
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
	if isGUID(c.config.Credential.TenantID) {
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
			return id, isGUID(id), err
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
