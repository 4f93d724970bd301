package graph

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/peopleinsights/peopleinsights/cache"
)

// maxClauses is how many conditions Graph joins by or in one filter.
const maxClauses = 15

// maxParts bounds what one bulk question costs: most parts cost a unit. A thousand
// addresses that nobody has take four rounds of 67 parts, and a last one of those that
// are left to spend.
const maxParts = 300

// findAll is a bulk question under way.
type findAll struct {
	*Client
	ctx    context.Context
	refs   []cache.Ref
	found  []cache.Found
	asked  int // parts
	people []cache.Person
}

// FindAll implements cache.Source: by filters of several people each, several of which go
// in one request. Two requests and 20 units serve a hundred people.
func (c *Client) FindAll(ctx context.Context, refs []cache.Ref) []cache.Found {
	f := &findAll{Client: c, ctx: ctx, refs: refs, found: make([]cache.Found, len(refs))}
	var byID, byAddress []int
	for i, ref := range refs {
		f.found[i].Err = errNobody
		if ref.ID != "" {
			byID = append(byID, i)
		} else {
			byAddress = append(byAddress, i)
		}
	}
	f.byID(byID)
	f.byAddress(byAddress)
	for i := range f.found {
		f.found[i].Err = unanswered(f.found[i].Err)
	}
	return f.found
}

var (
	errNobody   = &Error{kind: errNotFound, text: "Microsoft Graph knows no such person"}
	errNoFilter = &Error{kind: errUnavailable, text: "this Graph does not take a filter by an address"}
	errTooDear  = &Error{kind: errQuota, text: "so many people cannot be asked for at once", wait: quotaWindow, ours: true}
)

// byID asks for people by their ids.
func (f *findAll) byID(places []int) {
	if f.plainFilters.Load() && len(places) > batchSize {
		f.byGetByIDs(places)
		return
	}
	refused := f.ask(places, func(i int) string { return "id eq '" + f.refs[i].ID + "'" })
	byID := map[string]cache.Person{}
	for _, p := range f.people {
		byID[p.Profile.GetId()] = p
	}
	f.take(places, func(i int) (cache.Person, bool) {
		p, ok := byID[f.refs[i].ID]
		return p, ok
	})
	f.byGetByIDs(refused)
}

// byGetByIDs asks for people of whom this Graph takes no filter by id: first for who they
// are, then, by their user principal names, for their managers too.
func (f *findAll) byGetByIDs(places []int) {
	if len(places) == 0 {
		return
	}
	var ids []string
	for _, i := range places {
		ids = append(ids, f.refs[i].ID)
	}
	known, err := f.getByIDs(ids)
	if err != nil {
		for _, i := range places {
			f.found[i].Err = err
		}
		return
	}
	names := map[string]string{}
	for _, p := range known {
		names[p.Profile.GetId()] = p.Profile.GetUserPrincipalName()
	}
	var there []int
	for _, i := range places {
		f.found[i].Err = errNobody
		if names[f.refs[i].ID] != "" {
			there = append(there, i)
		}
	}
	f.people = nil
	f.ask(there, func(i int) string { return "userPrincipalName eq '" + quoted(names[f.refs[i].ID]) + "'" })
	byID := map[string]cache.Person{}
	for _, p := range f.people {
		byID[p.Profile.GetId()] = p
	}
	f.take(there, func(i int) (cache.Person, bool) {
		p, ok := byID[f.refs[i].ID]
		return p, ok
	})
}

// getByIDs asks for at most a thousand people by their ids, without their managers.
func (f *findAll) getByIDs(ids []string) (people []cache.Person, err error) {
	body, err := json.Marshal(map[string][]string{"ids": ids, "types": {"user"}})
	if err != nil {
		return nil, err
	}
	request := f.post("directoryObjects/getByIds", "$select="+strings.Join(selected(), ","), body)
	err = f.get(f.ctx, lookup(f.ctx), needUsers, request, func(response *http.Response) error {
		read, err := decodePeople(response.Body)
		people = read.Items
		return err
	})
	return people, err
}

// lastClause is of addresses that are mail as well: it may be left out.
const lastClause = "proxyAddresses/any(p:p eq 'SMTP:%s')"

// byAddress asks for people by their addresses: for each kind of claim after the other,
// the strongest first, and only for those who were not found by a stronger one. Whether
// Graph compares the case of a proxy address's prefix is not said: the usual spelling of
// further addresses is asked for before that of primary ones, which are mail as well.
func (f *findAll) byAddress(places []int) {
	for _, clause := range []string{
		"mail eq '%s'",
		"userPrincipalName eq '%s'",
		"proxyAddresses/any(p:p eq 'smtp:%s')",
		"otherMails/any(m:m eq '%s')",
		lastClause,
	} {
		f.people = nil
		for _, i := range f.ask(places, func(i int) string { return fmt.Sprintf(clause, quoted(f.refs[i].Email)) }) {
			f.found[i].Err = errNoFilter
		}
		leads := cache.Leading(f.people)
		f.take(places, func(i int) (cache.Person, bool) { return leads(f.refs[i].Email) })
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

// ask asks for those to whom clauses lead, and keeps whom it is told of. A failure is that
// of everybody who was asked for together. It returns those whose question this Graph
// does not take.
func (f *findAll) ask(places []int, clause func(i int) string) (refused []int) {
	size := maxClauses
	if f.plainFilters.Load() {
		size = 1
	}
	for len(places) > 0 {
		var questions []part
		var of [][]int
		for from := 0; from < len(places); from += size {
			some := places[from:min(from+size, len(places))]
			if f.asked == maxParts {
				f.spared(some, clause)
				continue
			}
			clauses := make([]string, len(some))
			for n, i := range some {
				clauses[n] = clause(i)
			}
			questions = append(questions, newPart(usersPath(strings.Join(clauses, " or "))))
			of = append(of, some)
			f.asked++
		}
		pages := make([]page[cache.Person], len(questions))
		failures := f.batch(f.ctx, lookup(f.ctx), needUsers, questions, func(n int, body io.Reader) (err error) {
			pages[n], err = decodePeople(body)
			return err
		})
		var again []int
		for n, err := range failures {
			if err == nil {
				err = f.takePages(pages[n])
			}
			switch {
			case err == nil:
			case errors.Is(err, errUnsupported) && size > 1:
				again = append(again, of[n]...)
			case errors.Is(err, errUnsupported):
				refused = append(refused, of[n]...)
			default:
				for _, i := range of[n] {
					f.found[i].Err = err
				}
			}
		}
		places, size = again, 1
	}
	return refused
}

// spared has those who are asked for no more be not answered, unless they were asked for
// by all that matters.
func (f *findAll) spared(places []int, clause func(i int) string) {
	for _, i := range places {
		if clause(i) != fmt.Sprintf(lastClause, quoted(f.refs[i].Email)) {
			f.found[i].Err = errTooDear
		}
	}
}

// takePages keeps the people of a page, and of those that its link leads to.
func (f *findAll) takePages(first page[cache.Person]) error {
	f.people = append(f.people, whole(first.Items)...)
	if first.nextLink == "" {
		return nil
	}
	if err := f.ours(first.nextLink); err != nil {
		return err
	}
	rest := feed[cache.Person]{client: f.Client, need: needUsers, decode: decodePeople}
	for page, err := range rest.pages(f.ctx, lookup(f.ctx), f.follow(first.nextLink)) {
		if err != nil {
			return err
		}
		f.people = append(f.people, whole(page.Items)...)
	}
	return nil
}

// whole marks people as told of wholly.
func whole(people []cache.Person) []cache.Person {
	for i := range people {
		people[i].Said = 0
	}
	return people
}

// usersPath asks for those whom a filter finds, with their managers. Pages of fewer than 20
// cost one unit less.
func usersPath(filter string) string {
	query := url.Values{"$filter": {filter}, "$select": {strings.Join(selected(), ",")}, "$expand": {expandManager}, "$top": {strconv.Itoa(maxSharing)}}
	return "users?" + strings.ReplaceAll(query.Encode(), "+", "%20")
}

// quoted doubles the quotes of a text in a filter.
func quoted(text string) string { return strings.ReplaceAll(text, "'", "''") }
