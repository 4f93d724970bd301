package contacts

import (
	"strings"

	"github.com/peopleinsights/peopleinsights/cache"
	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
)

// card is a contact with an address, on its way from a Book to what is held of it.
type card struct {
	summary    *pb.ProfileSummary
	key        string // the display name, as it is put in order
	given      string
	surname    string
	addresses  []string
	folder     string   // its id
	categories []string // each once, however it is spelled
}

// newCard returns the card of a contact, nil where it has no address, and whether it has
// more addresses or categories than are held.
func newCard(t texts, contact Contact) (c *card, more bool) {
	c = &card{given: t.name(contact.GivenName), surname: t.name(contact.Surname), folder: contact.Folder}
	c.addresses, more = t.addresses(contact.Addresses)
	if len(c.addresses) == 0 {
		return nil, false
	}
	name := shownName(t, contact, c.addresses[0])
	c.key = strings.ToLower(name)
	c.summary = &pb.ProfileSummary{
		Id:             strings.Clone(contact.ID),
		DisplayName:    name,
		Email:          c.addresses[0],
		JobTitle:       t.name(contact.JobTitle),
		Department:     t.name(contact.Department),
		OfficeLocation: t.name(contact.Office),
		UserType:       pb.UserType_USER_TYPE_CONTACT,
	}
	seen := map[string]bool{"": true}
	for _, name := range contact.Categories {
		name = t.name(name)
		key := strings.ToLower(name)
		if seen[key] {
			continue
		}
		if len(c.categories) == maxCategories {
			return c, true
		}
		seen[key] = true
		c.categories = append(c.categories, name)
	}
	return c, more
}

// shownName is what a contact is shown by.
func shownName(t texts, contact Contact, address string) string {
	for _, name := range []string{contact.DisplayName, clip(contact.GivenName) + " " + clip(contact.Surname), contact.Company, address} {
		if name = t.name(name); name != "" {
			return name
		}
	}
	return ""
}

// contactCandidates returns a candidate for each address of contacts, which are in order,
// but of each address, however it is spelled, for maxSharers contacts at most.
func contactCandidates(people []*card) []cache.Candidate {
	var candidates []cache.Candidate
	sharers := map[string]int{}
	for _, c := range people {
		for _, address := range c.addresses {
			key := strings.ToLower(address)
			if sharers[key]++; sharers[key] <= maxSharers {
				candidates = append(candidates, c.candidate(address))
			}
		}
	}
	return candidates
}

func (c *card) candidate(address string) cache.Candidate {
	return cache.Candidate{
		Suggestion: &pb.Suggestion{
			Kind:           pb.InviteeKind_INVITEE_KIND_CONTACT,
			Id:             c.summary.Id,
			DisplayName:    c.summary.DisplayName,
			Email:          address,
			JobTitle:       c.summary.JobTitle,
			Department:     c.summary.Department,
			OfficeLocation: c.summary.OfficeLocation,
			Source:         pb.SuggestionSource_SUGGESTION_SOURCE_CONTACTS,
		},
		Given:   c.given,
		Surname: c.surname,
	}
}
