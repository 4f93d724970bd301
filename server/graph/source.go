package graph

import (
	"context"
	"errors"
	"fmt"
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

// needUsers is the application permission that reading people takes.
const needUsers = "User.Read.All"

// pageSize is the most people that Graph lists on one page. A page costs two
// resource units with its managers, whatever its size.
const pageSize = 999

// Mark asks for a delta link that stands for now. It tracks what List reads.
func (c *Client) Mark(ctx context.Context) (string, error) {
	uri, err := c.deltaURI(ctx)
	if err != nil {
		return "", err
	}
	uri.RawQuery += "&$deltatoken=latest" // a parameter that the SDK does not know
	for page, err := range c.Changes(ctx, uri.String()) {
		if err != nil {
			return "", err
		}
		if page.Token != "" {
			return page.Token, nil
		}
	}
	return "", &Error{kind: errUnavailable, text: "Microsoft Graph gave no delta link"}
}

func (c *Client) deltaURI(ctx context.Context) (*url.URL, error) {
	info, err := c.users.Delta().ToGetRequestInformation(ctx, &users.DeltaRequestBuilderGetRequestConfiguration{
		QueryParameters: &users.DeltaRequestBuilderGetQueryParameters{Select: append(selected(), "manager")},
	})
	if err != nil {
		return nil, fmt.Errorf("graph: making a delta request: %w", err)
	}
	return info.GetUri()
}

// List reads everybody. The first page says how many there are, where Graph tells.
func (c *Client) List(ctx context.Context) iter.Seq2[cache.Page, error] {
	return func(yield func(cache.Page, error) bool) {
		total := c.count(ctx)
		top := int32(pageSize)
		request := func(ctx context.Context) (*abstractions.RequestInformation, error) {
			return c.users.ToGetRequestInformation(ctx, &users.UsersRequestBuilderGetRequestConfiguration{
				QueryParameters: &users.UsersRequestBuilderGetQueryParameters{
					Top: &top, Select: selected(), Expand: []string{"manager($select=id)"},
				},
			})
		}
		for page, err := range c.pages(ctx, unattended, request) {
			page.Total, total = total, 0
			for i := range page.People {
				page.People[i].Said = 0 // a listing tells of whole people
			}
			if !yield(page.Page, unaccepted(err)) {
				return
			}
		}
	}
}

// Changes reads what has changed since a delta link.
func (c *Client) Changes(ctx context.Context, token string) iter.Seq2[cache.Page, error] {
	return func(yield func(cache.Page, error) bool) {
		for page, err := range c.pages(ctx, unattended, c.follow(token)) {
			page.Token = page.deltaLink
			if !yield(page.Page, refusedLink(err)) {
				return
			}
		}
	}
}

// pages reads one page after the other, as far as their links lead.
func (c *Client) pages(ctx context.Context, p patience, next request) iter.Seq2[page, error] {
	return func(yield func(page, error) bool) {
		for {
			var read page
			err := c.get(ctx, p, needUsers, next, func(response *http.Response) (err error) {
				read, err = decodePage(response.Body)
				return err
			})
			if err == nil {
				err = c.ours(read.nextLink, read.deltaLink)
			}
			if err != nil {
				yield(page{}, err)
				return
			}
			if !yield(read, nil) || read.nextLink == "" {
				return
			}
			next = c.follow(read.nextLink)
		}
	}
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

// count asks how many people there are. It is for showing progress only: where
// Graph does not tell, nothing is lost.
func (c *Client) count(ctx context.Context) (total int) {
	request := func(ctx context.Context) (*abstractions.RequestInformation, error) {
		headers := abstractions.NewRequestHeaders()
		headers.Add("ConsistencyLevel", "eventual")
		return c.users.Count().ToGetRequestInformation(ctx, &users.CountRequestBuilderGetRequestConfiguration{Headers: headers})
	}
	_ = c.attempt(ctx, unattended, needUsers, request, func(response *http.Response) error {
		text, err := io.ReadAll(io.LimitReader(response.Body, 64))
		if err == nil {
			total, err = strconv.Atoi(strings.Trim(string(text), "\ufeff \r\n"))
		}
		return err
	})
	return max(total, 0)
}

// Find reads one person with a summary of their manager.
func (c *Client) Find(ctx context.Context, ref cache.Ref) (cache.Person, error) {
	if ref.ID != "" {
		return c.findByID(ctx, ref.ID)
	}
	found, err := c.findByAddress(ctx, ref.Email)
	if err != nil {
		return cache.Person{}, unaccepted(err)
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
	err = c.get(ctx, waitedFor, needUsers, request, func(response *http.Response) (err error) {
		person, err = decodePerson(response.Body)
		return err
	})
	return person, unaccepted(err)
}

// findByAddress asks for everybody with an address, in one question where Graph
// takes it: it may refuse to join filters on several properties.
func (c *Client) findByAddress(ctx context.Context, address string) ([]cache.Person, error) {
	filters := addressFilters(address)
	if !c.plainFilters.Load() {
		found, err := c.filter(ctx, strings.Join(filters, " or "))
		if !errors.Is(err, errUnsupported) {
			return found, err
		}
		c.plainFilters.Store(true)
	}
	for _, filter := range filters { // the strongest claim comes first
		found, err := c.filter(ctx, filter)
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

// maxSharing is how many people with one address are looked at.
const maxSharing = 100

func (c *Client) filter(ctx context.Context, filter string) ([]cache.Person, error) {
	request := func(ctx context.Context) (*abstractions.RequestInformation, error) {
		return c.users.ToGetRequestInformation(ctx, &users.UsersRequestBuilderGetRequestConfiguration{
			QueryParameters: &users.UsersRequestBuilderGetQueryParameters{
				Filter: &filter, Select: selected(), Expand: []string{expandManager},
			},
		})
	}
	var found []cache.Person
	for page, err := range c.pages(ctx, waitedFor, request) {
		if err != nil {
			return nil, err
		}
		for _, p := range page.People {
			p.Said = 0
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
		return &Error{kind: errTokenLost, text: err.Error()}
	}
	return err
}

// unaccepted makes of a question that this Graph does not understand what it is
// to callers: no answer.
func unaccepted(err error) error {
	if errors.Is(err, errUnsupported) {
		return &Error{kind: errUnavailable, text: err.Error()}
	}
	return err
}
