package graph

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/peopleinsights/peopleinsights/cache"
	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
)

// memberSelect are the properties of members that we read: of each type, those that it has.
const memberSelect = "id,displayName,mail,userPrincipalName,jobTitle,department,officeLocation,userType,visibility"

// Members implements cache.Source. Where this Graph does not select properties that only
// some members have, it is asked for what it tells unasked.
func (c *Client) Members(ctx context.Context, group string, most int) ([]cache.Member, error) {
	id, ok := segment(group)
	if !ok {
		return nil, errNoSuchGroup
	}
	path := c.config.Endpoint.URL.JoinPath("groups").String() + "/" + id
	var found []cache.Member
	err := firstAccepted([]string{
		fmt.Sprintf("%s/members?$top=%d&$select=%s", path, pageSize, memberSelect),
		fmt.Sprintf("%s/members?$top=%d", path, pageSize),
		path + "/members",
	}, func(link string) (err error) {
		found, err = c.gather(ctx, needGroups, link, decodeMembers, most)
		return err
	})
	if errors.Is(err, errDenied) {
		err = c.hidden(ctx, path, err)
	}
	if err != nil {
		return nil, noGroup(unanswered(err))
	}
	return found, nil
}

var (
	errNoSuchGroup    = &Error{kind: cache.ErrNoGroup, text: "Microsoft Graph knows no such group", ours: true}
	errTooManyMembers = &Error{kind: cache.ErrTooManyMembers, text: "more members than are read"}
)

// noGroup makes of an object that Graph does not know the group that was asked for.
func noGroup(err error) error {
	if errors.Is(err, errNotFound) {
		return &Error{kind: cache.ErrNoGroup, text: errNoSuchGroup.text, id: cache.RequestID(err)}
	}
	return err
}

// hidden tells whether Graph refuses who is in a group because it hides them, which the
// refusal does not say. Where Graph does not tell that either, it is the refusal.
func (c *Client) hidden(ctx context.Context, path string, refusal error) error {
	var group cache.Group
	err := c.get(ctx, lookup(ctx), needGroups, c.follow(path+"?$select=id,visibility"), func(response *http.Response) (err error) {
		group, err = newDecoder(response.Body).group()
		return err
	})
	switch {
	case errors.Is(err, errNotFound):
		return err
	case err == nil && group.Hidden:
		return &Error{kind: cache.ErrHiddenMembers, id: cache.RequestID(refusal),
			text: "the group hides who is in it: grant the app the application permission " + needHiddenMembers + " besides, with an administrator's consent"}
	}
	return refusal
}

// firstAccepted asks in one way after the other until this Graph understands the question.
func firstAccepted(links []string, ask func(link string) error) (err error) {
	for _, link := range links {
		if err = ask(link); !errors.Is(err, errUnsupported) {
			return err
		}
	}
	return err
}

// segment is a segment of a path that stands for text, whatever is in it; ok is false of
// what can be none.
func segment(text string) (escaped string, ok bool) {
	if text == "" || text == "." || text == ".." {
		return "", false
	}
	// PathEscape leaves : and @ as they are, which Teams wants escaped.
	return strings.ReplaceAll(url.QueryEscape(text), "+", "%20"), true
}

// gather reads members, nobody twice, page by page until there are more than most.
func (c *Client) gather(ctx context.Context, need, link string, decode func(io.Reader) (page[cache.Member], error), most int) (members []cache.Member, err error) {
	seen := map[identity]bool{}
	list := feed[cache.Member]{client: c, need: need, decode: decode}
	for page, err := range list.pages(ctx, lookup(ctx), c.follow(link)) {
		if err != nil {
			return nil, err
		}
		for _, m := range page.Items {
			if who := identityOf(m); !seen[who] {
				seen[who] = true
				members = append(members, m)
			}
		}
		if len(members) > most {
			return nil, errTooManyMembers
		}
	}
	return members, nil
}

// identity is who or what a member is: an id means something within a tenant alone.
type identity struct{ tenant, id string }

func identityOf(m cache.Member) identity {
	return identity{strings.ToLower(m.Summary.GetTenantId()), strings.ToLower(m.Summary.GetId())}
}

// decodeMembers reads a page of who is in a group.
func decodeMembers(body io.Reader) (page[cache.Member], error) {
	return decodePage(body, func(d decoder) (cache.Member, bool, error) {
		m, err := d.member()
		return m, m.Summary.GetId() != "", err
	})
}

// The types of directory objects that may be in a group, and that are told apart.
const (
	typeUser    = "user"
	typeGroup   = "group"
	typeContact = "orgcontact"
)

// member reads a directory object; a null has no id.
func (d decoder) member() (cache.Member, error) {
	summary := &pb.ProfileSummary{}
	var kind, principal, account, visibility string
	texts := map[string]*string{
		"@odata.type": &kind, "userPrincipalName": &principal, "userType": &account, "visibility": &visibility,
		"displayName": &summary.DisplayName, "mail": &summary.Email, "jobTitle": &summary.JobTitle,
		"department": &summary.Department, "officeLocation": &summary.OfficeLocation,
	}
	told := false              // more than the id
	there := map[string]bool{} // properties with a value
	err := d.object(func(name string) (err error) {
		is := d.PeekKind()
		if name == "id" {
			summary.Id, err = d.id()
			return err
		}
		there[name] = is != 'n' && is != '['
		told = told || there[name] && !strings.Contains(name, "@")
		if to := texts[name]; to != nil {
			*to, err = d.text()
			return err
		}
		return d.SkipValue()
	})
	if kind = typeName(kind); kind == "" {
		kind = likelyType(there)
	}
	m := cache.Member{Kind: cache.MemberOther, Summary: &pb.ProfileSummary{Id: summary.Id}}
	switch {
	case kind != typeUser && kind != typeGroup && kind != typeContact:
		return m, err
	case !told:
		m.Kind = cache.MemberUnreadable
		return m, err
	case kind == typeUser:
		m.Kind, m.Summary = cache.MemberPerson, summary
		m.Summary.UserType = accountType(account, principal)
	case kind == typeContact:
		m.Kind, m.Summary = cache.MemberContact, summary
	default:
		m.Kind, m.Hidden = cache.MemberGroup, strings.EqualFold(visibility, "HiddenMembership")
		m.Summary.DisplayName, m.Summary.Email = summary.DisplayName, summary.Email
	}
	return m, err
}

// typeName is the name of a type such as #microsoft.graph.user, in lower case.
func typeName(odataType string) string {
	name := strings.ToLower(strings.TrimPrefix(odataType, "#"))
	return strings.TrimPrefix(strings.TrimPrefix(name, "microsoft."), "graph.")
}

// likelyType is what an object without a type is, by the properties that have a value. Of
// one that says nothing, somebody is the likeliest.
func likelyType(there map[string]bool) string {
	said := false
	for name, is := range there {
		said = said || is && !strings.Contains(name, "@")
	}
	has := func(names ...string) bool {
		for _, name := range names {
			if there[name] {
				return true
			}
		}
		return false
	}
	switch {
	case !said, has("userPrincipalName", "userType"):
		return typeUser
	case has("deviceId", "operatingSystem", "appId", "servicePrincipalType"):
		return "other"
	case has("visibility", "securityEnabled", "mailEnabled"):
		return typeGroup
	case has("mail", "givenName", "surname", "companyName", "jobTitle", "department"):
		return typeContact
	default:
		return "other"
	}
}

// accountType is what a person's account is. Accounts from before there were user types
// have none; guests have always been given a name with #EXT# in it.
func accountType(told, principal string) pb.UserType {
	if strings.EqualFold(told, "Guest") || told == "" && strings.Contains(strings.ToUpper(principal), "#EXT#") {
		return pb.UserType_USER_TYPE_GUEST
	}
	return pb.UserType_USER_TYPE_MEMBER
}
