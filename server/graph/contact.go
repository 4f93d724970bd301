package graph

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"strings"

	"github.com/peopleinsights/peopleinsights/cache"
)

// contactSelect are the properties of a contact of the address book that we read.
// Source: https://learn.microsoft.com/graph/api/resources/orgcontact
var contactSelect = []string{
	"id", "displayName", "givenName", "surname", "mail", "proxyAddresses", "jobTitle", "department", "companyName", "addresses",
}

// Contacts implements cache.Source. Like those for groups, its requests are made here.
func (c *Client) Contacts() cache.Feed[cache.Contact] {
	contacts := c.config.Endpoint.URL.JoinPath("contacts")
	return feed[cache.Contact]{
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
	}
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
