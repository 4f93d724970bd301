package graph

import (
	"io"
	"strings"

	"github.com/peopleinsights/peopleinsights/cache"
)

// groupSelect are the properties of a group that we read.
// Source: https://learn.microsoft.com/graph/api/resources/group
var groupSelect = []string{
	"id", "displayName", "mail", "proxyAddresses", "groupTypes", "mailEnabled", "securityEnabled", "visibility",
	"resourceProvisioningOptions",
}

// decodeGroups reads a page of groups.
func decodeGroups(body io.Reader) (page[cache.Group], error) {
	return decodePage(body, func(d decoder) (cache.Group, bool, error) {
		group, err := d.group()
		return group, group.ID != "", err
	})
}

// group reads a group resource; a null has no id.
func (d decoder) group() (g cache.Group, err error) {
	err = d.object(func(name string) (err error) {
		switch name {
		case "id":
			g.ID, err = d.text()
			g.ID = strings.ToLower(g.ID)
		case "displayName":
			g.Said |= cache.GroupDisplayName
			g.DisplayName, err = d.text()
		case "mail":
			g.Said |= cache.GroupEmail
			g.Email, err = d.text()
		case "proxyAddresses":
			g.Said |= cache.GroupProxies
			g.Proxies, err = d.smtp()
		case "groupTypes":
			g.Said |= cache.GroupUnified
			g.Unified, err = d.among("Unified")
		case "mailEnabled":
			g.Said |= cache.GroupMail
			g.Mail, _, err = d.flag()
		case "securityEnabled":
			g.Said |= cache.GroupSecurity
			g.Security, _, err = d.flag()
		case "resourceProvisioningOptions":
			g.Said |= cache.GroupTeam
			g.Team, err = d.among("Team")
		case "visibility":
			g.Said |= cache.GroupHidden
			var visibility string
			visibility, err = d.text()
			g.Hidden = strings.EqualFold(visibility, "HiddenMembership")
		case "members@delta": // who they are is asked when somebody wants to know
			g.Said |= cache.GroupMembers
			g.MembersChanged = true
			err = d.SkipValue()
		case "@removed":
			g.Gone = d.PeekKind() != 'n'
			err = d.SkipValue()
		default:
			err = d.SkipValue()
		}
		return err
	})
	return g, err
}

// among reads a list of texts, and tells whether one is in it.
func (d decoder) among(text string) (found bool, err error) {
	texts, err := d.list()
	for _, t := range texts {
		found = found || strings.EqualFold(t, text)
	}
	return found, err
}
