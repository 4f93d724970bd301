package cache

import (
	"slices"

	"github.com/peopleinsights/peopleinsights/cache/typeahead"
)

// Contact is a contact of the organisation's address book as a Source tells of it:
// somebody without an account.
type Contact struct {
	ID          string
	DisplayName string
	GivenName   string
	Surname     string
	Email       string   // empty where the contact has none
	Proxies     []string // SMTP proxy addresses, without their prefix
	JobTitle    string
	Department  string
	Company     string
	Office      string
	// Said tells which fields a change speaks of; the others stay as they are. Zero
	// means all of them: a whole contact.
	Said ContactFields
	// Gone means that the change is a removal; only ID counts.
	Gone bool
}

// ContactFields is a set of properties of a Contact.
type ContactFields uint16

// The properties of a Contact, as a Source reads them.
const (
	ContactDisplayName ContactFields = 1 << iota
	ContactGivenName
	ContactSurname
	ContactEmail
	ContactProxies
	ContactJobTitle
	ContactDepartment
	ContactCompany
	ContactOffice
)

// over returns the contact that c's words make of held: what c says nothing of stays as
// held has it.
func (c Contact) over(held Contact) Contact {
	if c.Said == 0 {
		return c
	}
	whole := held
	whole.ID = c.ID
	for _, text := range []struct {
		field ContactFields
		to    *string
		value string
	}{
		{ContactDisplayName, &whole.DisplayName, c.DisplayName},
		{ContactGivenName, &whole.GivenName, c.GivenName},
		{ContactSurname, &whole.Surname, c.Surname},
		{ContactEmail, &whole.Email, c.Email},
		{ContactJobTitle, &whole.JobTitle, c.JobTitle},
		{ContactDepartment, &whole.Department, c.Department},
		{ContactCompany, &whole.Company, c.Company},
		{ContactOffice, &whole.Office, c.Office},
	} {
		if c.Said&text.field != 0 {
			*text.to = text.value
		}
	}
	if c.Said&ContactProxies != 0 {
		whole.Proxies = c.Proxies
	}
	if held.Said != 0 { // two parts make a larger one
		whole.Said |= c.Said
	}
	return whole
}

func (c Contact) id() string                { return c.ID }
func (c Contact) removal(id string) Contact { return Contact{ID: id, Gone: true} }
func (c Contact) gone() bool                { return c.Gone }
func (c Contact) part() bool                { return c.Said != 0 && c.Said&ContactDisplayName == 0 }
func (c Contact) addresses() []string       { return addressesOf(c.Email, c.Proxies) }

func (c Contact) news(held Contact) bool {
	return c.ID != held.ID || c.DisplayName != held.DisplayName || c.GivenName != held.GivenName || c.Surname != held.Surname ||
		c.Email != held.Email || !slices.Equal(c.Proxies, held.Proxies) || c.JobTitle != held.JobTitle ||
		c.Department != held.Department || c.Company != held.Company || c.Office != held.Office
}

func (c Contact) settled() Contact {
	c.Proxies = slices.Clip(c.Proxies)
	c.Said = 0
	return c
}

// suggestible tells whether the contact may come up in suggestions: there has to be an
// address to invite.
func (c Contact) suggestible() bool { return c.Email != "" }

// entry is the contact as the type-ahead index sees it. It stands at no place: another
// company's Sales is not near ours.
func (c Contact) entry() typeahead.Entry {
	return typeahead.Entry{
		ID:      c.ID,
		Kind:    typeahead.Contact,
		Name:    c.DisplayName,
		Given:   c.GivenName,
		Surname: c.Surname,
		Email:   c.Email,
		Others:  without(c.Proxies, c.Email),
	}
}
