package graph

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/url"
	"strings"
	"time"

	"github.com/peopleinsights/peopleinsights/cache"
)

// contactSelect are the properties of a contact of the address book that we read.
// Source: https://learn.microsoft.com/graph/api/resources/orgcontact
var contactSelect = []string{
	"id", "displayName", "givenName", "surname", "mail", "proxyAddresses", "jobTitle", "department", "companyName", "addresses",
}

// Contacts implements cache.Source. Like those for groups, its requests are made here. Of a
// Graph that tells no changes of contacts they are listed anew every 15 minutes; Changes
// tells nothing meanwhile.
func (c *Client) Contacts() cache.Feed[cache.Contact] {
	contacts := c.config.Endpoint.URL.JoinPath("contacts")
	return contactFeed{feed[cache.Contact]{
		client: c,
		need:   needOrgContacts,
		first: func(context.Context) (*url.URL, error) {
			delta := contacts.JoinPath("delta")
			delta.RawQuery = "$select=" + strings.Join(contactSelect, ",")
			return delta, nil
		},
		list:   c.follow(fmt.Sprintf("%s?$top=%d&$select=%s", contacts, pageSize, strings.Join(contactSelect, ","))),
		decode: decodeContacts,
		whole:  func(contact *cache.Contact) { contact.Said = 0 },
	}}
}

// contactFeed is a feed that does without a delta query, where this Graph has none.
type contactFeed struct{ feed[cache.Contact] }

// A token that begins with unmarked is none of Graph's: from it, nothing can be told but that
// everything is to be listed anew, once it is as old as relistAfter. The time in it begins
// when the listing has ended, however long that took.
const (
	unmarked    = "list anew after "
	relistAfter = 15 * time.Minute
)

// Mark asks for a delta link, or returns a token of our own where there is no such thing. A
// Graph that is throttling, failing or denies the app has not said so.
func (f contactFeed) Mark(ctx context.Context) (string, error) {
	token, err := f.mark(mayBeAbsent(ctx, anyCode))
	if errors.Is(err, errUnsupported) || errors.Is(err, errAbsent) || notThere(err) {
		return unmarked, nil
	}
	return token, unlisted(err)
}

// Changes reads what has changed since a token.
func (f contactFeed) Changes(ctx context.Context, token string) iter.Seq2[cache.Page[cache.Contact], error] {
	since, ok := strings.CutPrefix(token, unmarked)
	if !ok {
		return f.feed.Changes(ctx, token)
	}
	return func(yield func(cache.Page[cache.Contact], error) bool) {
		next, err := aged(since, time.Now())
		yield(cache.Page[cache.Contact]{Token: next}, err)
	}
}

// aged is the token of our own that follows one of a time; an old one is of no more use.
func aged(since string, now time.Time) (token string, err error) {
	if since == "" {
		return unmarked + now.Format(time.RFC3339), nil
	}
	began, err := time.Parse(time.RFC3339, since)
	if err != nil || now.Sub(began) >= relistAfter {
		return "", &Error{kind: errTokenLost, text: "this Microsoft Graph tells no changes of contacts: they are listed anew", ours: true}
	}
	return unmarked + since, nil
}

// decodeContacts reads a page of contacts of the address book.
func decodeContacts(body io.Reader) (page[cache.Contact], error) {
	return decodePage(body, func(d decoder) (cache.Contact, bool, error) {
		contact, err := d.contact()
		return contact, contact.ID != "", err
	})
}

// contact reads an orgContact resource; a null has no id.
func (d decoder) contact() (c cache.Contact, err error) {
	texts := map[string]struct {
		field cache.ContactFields
		to    *string
	}{
		"displayName": {cache.ContactDisplayName, &c.DisplayName},
		"givenName":   {cache.ContactGivenName, &c.GivenName},
		"surname":     {cache.ContactSurname, &c.Surname},
		"mail":        {cache.ContactEmail, &c.Email},
		"jobTitle":    {cache.ContactJobTitle, &c.JobTitle},
		"department":  {cache.ContactDepartment, &c.Department},
		"companyName": {cache.ContactCompany, &c.Company},
	}
	err = d.object(func(name string) (err error) {
		if text, ok := texts[name]; ok {
			c.Said |= text.field
			*text.to, err = d.text()
			return err
		}
		switch name {
		case "id":
			c.ID, err = d.id()
		case "proxyAddresses":
			c.Said |= cache.ContactProxies
			c.Proxies, err = d.smtp()
		case "addresses":
			c.Said |= cache.ContactOffice
			c.Office, err = d.office()
		case "@removed":
			c.Gone = d.PeekKind() != 'n'
			err = d.SkipValue()
		default:
			err = d.SkipValue()
		}
		return err
	})
	return c, err
}

// office reads the office of the first of several postal addresses.
func (d decoder) office() (office string, err error) {
	first := true
	err = d.array(func() error {
		if !first {
			return d.SkipValue()
		}
		first = false
		return d.object(func(name string) (err error) {
			if name != "officeLocation" {
				return d.SkipValue()
			}
			office, err = d.text()
			return err
		})
	})
	return office, err
}
