package cache

import (
	"slices"
	"strings"

	"github.com/peopleinsights/peopleinsights/cache/typeahead"
)

// Group is a group as a Source tells of it. Who is in it is asked when somebody wants
// to know; a change of its members is told, so that an answer kept can be dropped.
type Group struct {
	ID          string
	DisplayName string
	Email       string   // empty where the group has none
	Proxies     []string // SMTP proxy addresses, without their prefix
	Unified     bool     // a Microsoft 365 group
	Mail        bool     // takes mail
	Security    bool     // grants access
	Team        bool     // a team of Microsoft Teams
	Hidden      bool     // who is in it may not be shown
	// MembersChanged tells that the change speaks of members.
	MembersChanged bool
	// Said tells which fields a change speaks of; the others stay as they are. Zero
	// means all of them: a whole group.
	Said GroupFields
	// Gone means that the change is a removal; only ID counts.
	Gone bool
}

// GroupFields is a set of properties of a Group.
type GroupFields uint16

// The properties of a Group, as a Source reads them.
const (
	GroupDisplayName GroupFields = 1 << iota
	GroupEmail
	GroupProxies
	GroupUnified
	GroupMail
	GroupSecurity
	GroupTeam
	GroupHidden
	GroupMembers // that they have changed
)

// over returns the group that g's words make of held: what g says nothing of stays as
// held has it.
func (g Group) over(held Group) Group {
	if g.Said == 0 {
		return g
	}
	whole := held
	whole.ID, whole.MembersChanged = g.ID, g.MembersChanged || held.MembersChanged
	said := func(field GroupFields) bool { return g.Said&field != 0 }
	if said(GroupDisplayName) {
		whole.DisplayName = g.DisplayName
	}
	if said(GroupEmail) {
		whole.Email = g.Email
	}
	if said(GroupProxies) {
		whole.Proxies = g.Proxies
	}
	for _, flag := range []struct {
		field GroupFields
		to    *bool
		value bool
	}{
		{GroupUnified, &whole.Unified, g.Unified},
		{GroupMail, &whole.Mail, g.Mail},
		{GroupSecurity, &whole.Security, g.Security},
		{GroupTeam, &whole.Team, g.Team},
		{GroupHidden, &whole.Hidden, g.Hidden},
	} {
		if said(flag.field) {
			*flag.to = flag.value
		}
	}
	if held.Said != 0 { // two parts make a larger one
		whole.Said |= g.Said
	}
	return whole
}

// equal tells whether two groups are told alike, their members aside.
func (g Group) equal(o Group) bool {
	return g.ID == o.ID && g.DisplayName == o.DisplayName && g.Email == o.Email && slices.Equal(g.Proxies, o.Proxies) &&
		g.Unified == o.Unified && g.Mail == o.Mail && g.Security == o.Security && g.Team == o.Team && g.Hidden == o.Hidden
}

func (g Group) id() string              { return g.ID }
func (g Group) removal(id string) Group { return Group{ID: id, Gone: true} }
func (g Group) gone() bool              { return g.Gone }
func (g Group) part() bool              { return g.Said != 0 && g.Said&GroupDisplayName == 0 }
func (g Group) addresses() []string     { return addressesOf(g.Email, g.Proxies) }

// news tells of a change of members, too: what was made of them is told by the pointer of
// the group that is held, which is another one then.
func (g Group) news(held Group) bool { return g.MembersChanged || !held.equal(g) }

func (g Group) settled() Group {
	g.Proxies = slices.Clip(g.Proxies)
	g.Said, g.MembersChanged = 0, false
	return g
}

// suggestible tells whether the group may come up in suggestions: it has to take mail.
func (g Group) suggestible() bool { return g.Mail && g.Email != "" }

// entry is the group as the type-ahead index sees it.
func (g Group) entry() typeahead.Entry {
	return typeahead.Entry{
		ID:     g.ID,
		Kind:   typeahead.Group,
		Name:   g.DisplayName,
		Email:  g.Email,
		Others: without(g.Proxies, g.Email),
	}
}

// addressesOf are the main address and the others, if there are any.
func addressesOf(main string, others []string) []string {
	if main == "" {
		return others
	}
	return append([]string{main}, others...)
}

// without are the addresses but for one.
func without(addresses []string, one string) []string {
	return slices.DeleteFunc(slices.Clone(addresses), func(address string) bool { return strings.EqualFold(address, one) })
}
