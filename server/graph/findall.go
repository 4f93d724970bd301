package graph

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/peopleinsights/peopleinsights/cache"
)

// maxClauses is how many conditions Graph joins by or in one filter.
const maxClauses = 15

// maxRefs is how many people are asked for together, as getByIds takes them.
const maxRefs = 1000

// findAll is a bulk question under way.
type findAll struct {
	*Client
	ctx    context.Context
	refs   []cache.Ref
	found  []cache.Found
	purse  *purse
	people []cache.Person
}

// FindAll implements cache.Source: by filters of several people each, several of which go
// in one request. Two requests and 20 units serve a hundred people. Once that has taken
// maxUnits and maxRequests, those who are left fail with cache.ErrQuota: nobody is said to
// be unknown who was not asked for in every way.
//
// Of a Graph that takes no such filters, or no batch, so many can be asked for only by
// their ids that it would not tell their managers, and of one that takes no $expand with a
// filter neither: such a Person's Said leaves them out.
func (c *Client) FindAll(ctx context.Context, refs []cache.Ref) []cache.Found {
	found := make([]cache.Found, 0, len(refs))
	for some := range slices.Chunk(refs, maxRefs) {
		found = append(found, c.findSome(ctx, some)...)
	}
	return found
}

func (c *Client) findSome(ctx context.Context, refs []cache.Ref) []cache.Found {
	f := &findAll{Client: c, ctx: ctx, purse: newPurse(), refs: make([]cache.Ref, len(refs)), found: make([]cache.Found, len(refs))}
	var byID, byAddress []int
	for i, ref := range refs {
		f.refs[i] = cache.Ref{ID: strings.ToLower(ref.ID), Email: ref.Email}
		f.found[i].Err = errNobody
		switch {
		case ref.ID != "":
			byID = append(byID, i)
		case ref.Email != "":
			byAddress = append(byAddress, i)
		}
	}
	f.byID(byID)
	f.byAddress(byAddress)
	for i := range f.found {
		switch err := f.found[i].Err; {
		case errors.Is(err, errTooDear):
			f.found[i].Err = errTooDear
		default:
			f.found[i].Err = unanswered(err)
		}
	}
	return f.found
}

var (
	errNobody   = &Error{kind: errNotFound, text: "Microsoft Graph knows no such person"}
	errNoFilter = &Error{kind: errUnavailable, text: "this Graph does not take a filter by an address"}
	errTooDear  = &Error{kind: errQuota, text: "so many people cannot be asked for at once", wait: quotaWindow, ours: true}
	errLate     = &Error{kind: errUnavailable, text: "Microsoft Graph did not answer in time", ours: true}
)

// byID asks for people by their ids.
func (f *findAll) byID(places []int) {
	const kept = 2 // of each, for those who are too many for what this Graph takes
	f.purse.requests.Add(-kept)
	f.purse.refund(-kept)
	left := f.ask(byObjectID, places, func(i int) string { return "id eq '" + quoted(f.refs[i].ID) + "'" }, claim{leads: f.leadsByID})
	f.purse.requests.Add(kept)
	f.purse.refund(kept)
	for _, i := range places {
		if errors.Is(f.found[i].Err, errTooDear) {
			left = append(left, i)
		}
	}
	f.byGetByIDs(left)
}

// leadsByID looks people up by their ids.
func (f *findAll) leadsByID(people []cache.Person) func(i int) (cache.Person, bool) {
	byID := map[string]cache.Person{}
	for _, p := range people {
		byID[p.Profile.GetId()] = p
	}
	return func(i int) (cache.Person, bool) {
		p, ok := byID[f.refs[i].ID]
		return p, ok
	}
}

// leadsByAddress looks people up by their addresses.
func (f *findAll) leadsByAddress(people []cache.Person) func(i int) (cache.Person, bool) {
	leads := cache.Leading(people)
	return func(i int) (cache.Person, bool) { return leads(f.refs[i].Email) }
}

// ask asks for people by a kind of condition, and has those be found who are told of. It
// returns those whose question this Graph does not take.
func (f *findAll) ask(kind clauseKind, places []int, clause func(i int) string, claim claim) (refused []int) {
	if len(places) == 0 {
		return nil
	}
	f.people = nil
	a := &asking{findAll: f, kind: kind, clause: clause, claim: claim}
	return a.ask(places)
}

// byGetByIDs asks for people of whom this Graph takes no filter by id, or not so many: first
// for who they are, then, by their user principal names, for their managers too. Whom that
// does not lead to is asked for alone.
func (f *findAll) byGetByIDs(places []int) {
	if len(places) == 0 {
		return
	}
	var ids []string
	for _, i := range places {
		ids = append(ids, f.refs[i].ID)
	}
	slices.Sort(ids)
	people, err := f.getByIDs(slices.Compact(ids))
	switch {
	case errors.Is(err, errUnsupported), errors.Is(err, errAbsent), errors.Is(err, errNotFound):
		f.singly(places)
		return
	case err != nil:
		f.fail(places, err)
		return
	}
	known := map[string]cache.Person{}
	for _, p := range people {
		known[p.Profile.GetId()] = p
	}
	var there []int
	for _, i := range places {
		f.found[i].Err = errNobody
		if _, ok := known[f.refs[i].ID]; ok {
			there = append(there, i)
		}
	}
	if !f.can.expands() { // more than that is not to be had
		f.take(there, func(i int) (cache.Person, bool) { return known[f.refs[i].ID], true })
		return
	}
	f.ask(bySignInName, there, func(i int) string {
		return "userPrincipalName eq '" + quoted(known[f.refs[i].ID].Profile.GetUserPrincipalName()) + "'"
	}, claim{leads: f.leadsByID})
	var left []int
	for _, i := range there {
		if errors.Is(f.found[i].Err, errNobody) { // the name is another by now, or it takes no filter by it
			left = append(left, i)
		}
	}
	f.singly(left)
	for _, i := range there { // they are there: it may be their manager who is not found
		if errors.Is(f.found[i].Err, errTooDear) || errors.Is(f.found[i].Err, errNotFound) {
			f.found[i] = cache.Found{Person: known[f.refs[i].ID]}
		}
	}
}

// singly asks for each person alone.
func (f *findAll) singly(places []int) {
	questions := make([]part, len(places))
	for n, i := range places {
		questions[n] = newPart("users/" + url.PathEscape(f.refs[i].ID) + "?" + userQuery())
	}
	people := make([]cache.Person, len(places))
	for n, err := range f.questions(questions, func(n int, body io.Reader) (err error) {
		people[n], err = decodePerson(body)
		return err
	}) {
		i := places[n]
		switch {
		case err != nil:
			f.found[i].Err = err
		case people[n].Profile.GetId() != f.refs[i].ID:
			f.found[i].Err = &Error{kind: errUnavailable, text: "Microsoft Graph told of somebody else"}
		default:
			f.found[i] = cache.Found{Person: people[n]}
		}
	}
}

func (f *findAll) fail(places []int, err error) {
	for _, i := range places {
		f.found[i].Err = err
	}
}

// getByIDsUnits is what that costs, with $select.
const getByIDsUnits = 2

// getByIDs asks for at most a thousand people by their ids, without their managers.
func (f *findAll) getByIDs(ids []string) (people []cache.Person, err error) {
	body, err := json.Marshal(map[string][]string{"ids": ids, "types": {"user"}})
	if err != nil {
		return nil, err
	}
	if !f.purse.pay(getByIDsUnits) {
		return nil, errTooDear
	}
	request := f.purse.counted(f.post("directoryObjects/getByIds", selectQuery(), body))
	err = f.get(mayBeAbsent(f.ctx, anyCode), lookup(f.ctx), needUsers, request, func(response *http.Response) error {
		read, err := decodePeople(response.Body)
		people = read.Items
		return err
	})
	return people, err
}

// ways are the kinds of claim to an address, as conditions, the strongest first. The last is
// the usual spelling of addresses that are mail as well.
var ways = []struct {
	kind   clauseKind
	clause string
}{
	{byMail, "mail eq '%s'"},
	{bySignInName, "userPrincipalName eq '%s'"},
	{byProxy, "proxyAddresses/any(p:p eq 'smtp:%s')"},
	{byOtherMail, "otherMails/any(m:m eq '%s')"},
	{byProxy, lastClause},
}

const lastClause = "proxyAddresses/any(p:p eq 'SMTP:%s')"

// byAddress asks for people by their addresses: for each kind of claim after the other,
// the strongest first, and only for those who were not found by a stronger one. The last is
// left out where it leads to nobody new; for few people, to find that out would cost more.
func (f *findAll) byAddress(places []int) {
	for _, way := range ways {
		if way.clause == lastClause && len(places) > 2*f.can.joins() && f.anyCase() {
			return
		}
		clause := func(i int) string { return fmt.Sprintf(way.clause, quoted(f.refs[i].Email)) }
		for _, i := range f.ask(way.kind, places, clause, claim{leads: f.leadsByAddress, shared: true}) {
			f.found[i].Err = errNoFilter
		}
		var left []int
		for _, i := range places {
			if errors.Is(f.found[i].Err, errNotFound) {
				left = append(left, i)
			}
		}
		places = left
	}
}

// take has those be found whom find finds.
func (f *findAll) take(places []int, find func(i int) (cache.Person, bool)) {
	for _, i := range places {
		if p, ok := find(i); ok {
			f.found[i] = cache.Found{Person: p}
		}
	}
}

// whole marks people as told of wholly.
func whole(people []cache.Person) []cache.Person {
	for i := range people {
		people[i].Said = 0
	}
	return people
}

// usersPath asks for those whom a filter finds, with their managers where that expands.
// Pages of fewer than 20 cost one unit less.
func usersPath(filter string, expands bool) string {
	query := userQuery()
	if !expands {
		query = selectQuery()
	}
	return "users?$filter=" + escaped(filter) + "&" + query + "&$top=" + strconv.Itoa(maxSharing)
}

// selectQuery selects what is read of a person, and userQuery that with their manager.
func selectQuery() string { return "$select=" + strings.Join(selected(), ",") }
func userQuery() string   { return selectQuery() + "&$expand=" + escaped(expandManager) }

// escaped is a text as it stands in a query: not every Graph takes a plus for a space.
func escaped(text string) string { return strings.ReplaceAll(url.QueryEscape(text), "+", "%20") }

// quoted doubles the quotes of a text in a filter.
func quoted(text string) string { return strings.ReplaceAll(text, "'", "''") }
