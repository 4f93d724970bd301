package graph

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	abstractions "github.com/microsoft/kiota-abstractions-go"
	"github.com/microsoftgraph/msgraph-sdk-go/users"

	"github.com/peopleinsights/peopleinsights/cache"
)

var _ cache.Source = (*Client)(nil)

// The application permissions that reading takes.
const (
	needUsers            = "User.Read.All"
	needGroups           = "Group.Read.All"
	needHiddenMembers    = "Member.Read.Hidden" // of groups that hide who is in them, besides needGroups
	needOrgContacts      = "OrgContact.Read.All"
	needChannels         = "Channel.ReadBasic.All"
	needChannelMembers   = "ChannelMember.Read.All" // no other does for an app
	needPersonalContacts = "Contacts.Read"
	needOrganization     = "Organization.Read.All"
)

// pageSize is the most items that Graph lists on one page. A page costs one or two
// resource units, whatever its size.
const pageSize = 999

// feed is a collection of Graph's as a cache.Feed: a listing, and a delta query over the
// same properties.
type feed[T any] struct {
	client *Client
	need   string                                  // the permission
	first  func(context.Context) (*url.URL, error) // of a delta query
	list   request                                 // the first page of everything
	count  request                                 // how many there are; nil if nobody wants to know
	decode func(io.Reader) (page[T], error)
	whole  func(*T) // a listing tells of whole items
}

// People implements cache.Source.
func (c *Client) People() cache.Feed[cache.Person] {
	top := int32(pageSize)
	return feed[cache.Person]{
		client: c,
		need:   needUsers,
		first: func(ctx context.Context) (*url.URL, error) {
			info, err := c.users.Delta().ToGetRequestInformation(ctx, &users.DeltaRequestBuilderGetRequestConfiguration{
				QueryParameters: &users.DeltaRequestBuilderGetQueryParameters{Select: append(selected(), "manager")},
			})
			if err != nil {
				return nil, err
			}
			return info.GetUri()
		},
		list: func(ctx context.Context) (*abstractions.RequestInformation, error) {
			return c.users.ToGetRequestInformation(ctx, &users.UsersRequestBuilderGetRequestConfiguration{
				QueryParameters: &users.UsersRequestBuilderGetQueryParameters{
					Top: &top, Select: selected(), Expand: []string{"manager($select=id)"},
				},
			})
		},
		count: func(ctx context.Context) (*abstractions.RequestInformation, error) {
			headers := abstractions.NewRequestHeaders()
			headers.Add("ConsistencyLevel", "eventual")
			return c.users.Count().ToGetRequestInformation(ctx, &users.CountRequestBuilderGetRequestConfiguration{Headers: headers})
		},
		decode: decodePeople,
		whole:  func(p *cache.Person) { p.Said = 0 },
	}
}

// Groups implements cache.Source. The SDK's package for groups is left out, which takes
// longer to compile than all the rest: its requests are made here, and go the same way.
func (c *Client) Groups() cache.Feed[cache.Group] {
	groups := c.config.Endpoint.URL.JoinPath("groups")
	return feed[cache.Group]{
		client: c,
		need:   needGroups,
		first: func(context.Context) (*url.URL, error) {
			delta := groups.JoinPath("delta")
			delta.RawQuery = "$select=" + strings.Join(groupSelect, ",") + ",members"
			return delta, nil
		},
		list:   c.follow(fmt.Sprintf("%s?$top=%d&$select=%s", groups, pageSize, strings.Join(groupSelect, ","))),
		decode: decodeGroups,
		whole:  func(g *cache.Group) { g.Said = 0 },
	}
}

// Mark asks for a delta link that stands for now. It tracks what List reads.
func (f feed[T]) Mark(ctx context.Context) (string, error) {
	token, err := f.mark(ctx)
	return token, unlisted(err)
}

// mark is Mark, with Graph's refusal as it is.
func (f feed[T]) mark(ctx context.Context) (string, error) {
	first, err := f.first(ctx)
	if err != nil {
		return "", fmt.Errorf("graph: making a delta request: %w", err)
	}
	first.RawQuery += "&$deltatoken=latest" // a parameter that the SDK does not know
	for page, err := range f.pages(ctx, normal, f.client.follow(first.String())) {
		if err != nil {
			return "", err
		}
		if page.deltaLink != "" {
			return page.deltaLink, nil
		}
	}
	return "", &Error{kind: errUnavailable, text: "Microsoft Graph gave no delta link"}
}

// List reads everything. The first page says how many there are, where Graph tells.
func (f feed[T]) List(ctx context.Context) iter.Seq2[cache.Page[T], error] {
	return func(yield func(cache.Page[T], error) bool) {
		total := f.total(ctx)
		for page, err := range f.pages(ctx, low, f.list) {
			page.Total, total = total, 0
			for i := range page.Items {
				f.whole(&page.Items[i])
			}
			if !yield(page.Page, unlisted(err)) {
				return
			}
		}
	}
}

// Changes reads what has changed since a delta link.
func (f feed[T]) Changes(ctx context.Context, token string) iter.Seq2[cache.Page[T], error] {
	return func(yield func(cache.Page[T], error) bool) {
		for page, err := range f.pages(ctx, normal, f.client.follow(token)) {
			page.Token = page.deltaLink
			if !yield(page.Page, refusedLink(err)) {
				return
			}
		}
	}
}

// pages reads one page after the other, as far as their links lead.
func (f feed[T]) pages(ctx context.Context, p priority, next request) iter.Seq2[page[T], error] {
	return func(yield func(page[T], error) bool) {
		seen, seed := map[uint64]bool{}, maphash.MakeSeed()
		for {
			var read page[T]
			err := f.client.get(ctx, p, f.need, next, func(response *http.Response) (err error) {
				read, err = f.decode(response.Body)
				return err
			})
			if err == nil {
				err = f.client.ours(read.nextLink, read.deltaLink)
			}
			if link := maphash.String(seed, read.nextLink); err == nil && seen[link] {
				err = &Error{kind: errUnavailable, text: "Microsoft Graph's pages lead in a circle"}
			} else {
				seen[link] = true
			}
			if err != nil {
				yield(page[T]{}, err)
				return
			}
			if !yield(read, nil) || read.nextLink == "" {
				return
			}
			next = f.client.follow(read.nextLink)
		}
	}
}

// total asks how many there are. It is for showing progress, and for the quota: where
// Graph does not tell, nothing is lost.
func (f feed[T]) total(ctx context.Context) (total int) {
	if f.count == nil {
		return 0
	}
	_ = f.client.attempt(ctx, low, f.need, f.count, func(response *http.Response) error {
		text, err := io.ReadAll(io.LimitReader(response.Body, 64))
		if err == nil {
			total, err = strconv.Atoi(strings.Trim(string(text), "\ufeff \r\n"))
		}
		return err
	})
	if total > 0 {
		f.client.governor.sized(total)
	}
	return max(total, 0)
}

// follow calls a link of Graph's as it is. WithUrl of any builder will do.
func (c *Client) follow(link string) request {
	return func(ctx context.Context) (*abstractions.RequestInformation, error) {
		return users.NewDeltaRequestBuilder(link, c.adapter).ToGetRequestInformation(ctx, nil)
	}
}

// ours refuses links to other hosts: following them would send our token there.
func (c *Client) ours(links ...string) error {
	for _, link := range links {
		if link == "" {
			continue
		}
		u, err := url.Parse(link)
		if err != nil || u.Scheme != c.config.Endpoint.URL.Scheme || plainHost(u) != c.config.Endpoint.URL.Host {
			return &Error{kind: errUnavailable, text: "Microsoft Graph gave a link to another host, which is not followed"}
		}
	}
	return nil
}

// lookup is the priority of a question for one person.
func lookup(ctx context.Context) priority {
	if cache.IsUnattended(ctx) {
		return normal
	}
	return high
}

// Find reads one person with a summary of their manager.
func (c *Client) Find(ctx context.Context, ref cache.Ref) (cache.Person, error) {
	if ref.ID != "" {
		return c.findByID(ctx, ref.ID)
	}
	found, err := c.findByAddress(ctx, ref.Email)
	if err != nil {
		return cache.Person{}, unanswered(err)
	}
	person, ok := cache.Leads(ref.Email, found)
	if !ok {
		return cache.Person{}, &Error{kind: errNotFound, text: "Microsoft Graph knows nobody with this address"}
	}
	return person, nil
}

// expandManager joins the manager's summary.
const expandManager = "manager($select=id,displayName,mail,jobTitle,department,officeLocation,userType,userPrincipalName)"

func (c *Client) findByID(ctx context.Context, id string) (person cache.Person, err error) {
	request := func(ctx context.Context) (*abstractions.RequestInformation, error) {
		return c.users.ByUserId(id).ToGetRequestInformation(ctx, &users.UserItemRequestBuilderGetRequestConfiguration{
			QueryParameters: &users.UserItemRequestBuilderGetQueryParameters{Select: selected(), Expand: []string{expandManager}},
		})
	}
	err = c.get(ctx, lookup(ctx), needUsers, request, func(response *http.Response) (err error) {
		person, err = decodePerson(response.Body)
		return err
	})
	return person, unanswered(err)
}

// unanswered makes of whatever keeps Graph from answering about one person what it is to
// callers. A token cannot be lost by it.
func unanswered(err error) error {
	if errors.Is(err, errTokenLost) {
		return &Error{kind: errUnavailable, text: err.Error(), id: cache.RequestID(err)}
	}
	return unaccepted(err)
}

// findByAddress asks for everybody with an address, in one question where Graph
// takes it: it may refuse to join filters on several properties, and to join the manager to
// what a filter finds. Then the manager is left unsaid (see cache.Person).
func (c *Client) findByAddress(ctx context.Context, address string) ([]cache.Person, error) {
	filters := addressFilters(address)
	if c.can.mixes() {
		found, err := c.filter(ctx, strings.Join(filters, " or "), c.can.expands())
		if !errors.Is(err, errUnsupported) {
			return found, err
		}
		c.can.setMixes(false)
	}
	for _, filter := range filters { // the strongest claim comes first
		join := c.can.expands()
		found, err := c.filter(ctx, filter, join)
		if join && errors.Is(err, errUnsupported) { // it can hardly be the filter
			if found, err = c.filter(ctx, filter, false); err == nil {
				c.can.refusedManagers()
				c.can.setMixes(true) // it may not have been that
			}
		}
		if err != nil || len(found) > 0 {
			return found, err
		}
	}
	return nil, nil
}

// addressFilters are the ways in which an address can be somebody's, as filters,
// in the order of cache.AddressKind. Whether Graph compares the case of a proxy
// address's prefix is not said, so both are asked for.
func addressFilters(address string) []string {
	quoted := strings.ReplaceAll(address, "'", "''")
	return []string{
		fmt.Sprintf("mail eq '%s'", quoted),
		fmt.Sprintf("userPrincipalName eq '%s'", quoted),
		fmt.Sprintf("proxyAddresses/any(p:p eq 'smtp:%s')", quoted),
		fmt.Sprintf("proxyAddresses/any(p:p eq 'SMTP:%s')", quoted),
		fmt.Sprintf("otherMails/any(m:m eq '%s')", quoted),
	}
}

// maxSharing is how many people with one address are looked at. Pages of fewer than 20
// cost one resource unit less.
const maxSharing = 19

// filter asks for those whom a filter picks: whole, or without their managers.
func (c *Client) filter(ctx context.Context, filter string, manager bool) ([]cache.Person, error) {
	top := int32(maxSharing)
	var expand []string
	if manager {
		expand = []string{expandManager}
	}
	request := func(ctx context.Context) (*abstractions.RequestInformation, error) {
		return c.users.ToGetRequestInformation(ctx, &users.UsersRequestBuilderGetRequestConfiguration{
			QueryParameters: &users.UsersRequestBuilderGetQueryParameters{
				Top: &top, Filter: &filter, Select: selected(), Expand: expand,
			},
		})
	}
	var found []cache.Person
	matches := feed[cache.Person]{client: c, need: needUsers, decode: decodePeople}
	for page, err := range matches.pages(ctx, lookup(ctx), request) {
		if err != nil {
			return nil, err
		}
		for _, p := range page.Items {
			if manager {
				p.Said = 0
			}
			found = append(found, p)
		}
		if len(found) >= maxSharing {
			break
		}
	}
	return found, nil
}

// refusedLink makes of a link that Graph refuses one that is of no more use: how it
// says that a link has expired is documented by examples only. To list everybody
// once too often costs pages; to ask in vain for ever would cost the truth.
func refusedLink(err error) error {
	if errors.Is(err, errUnsupported) || errors.Is(err, errNotFound) {
		return &Error{kind: errTokenLost, text: err.Error(), id: cache.RequestID(err)}
	}
	return err
}

// unlisted makes of a collection that this Graph does not have what it is to callers: no
// answer.
func unlisted(err error) error {
	if errors.Is(err, errNotFound) {
		return &Error{kind: errUnavailable, text: "this Graph does not list what is asked for: " + err.Error(), id: cache.RequestID(err)}
	}
	return unaccepted(err)
}

// unaccepted makes of a question that this Graph does not understand what it is
// to callers: no answer.
func unaccepted(err error) error {
	if errors.Is(err, errUnsupported) {
		return &Error{kind: errUnavailable, text: err.Error(), id: cache.RequestID(err)}
	}
	return err
}
