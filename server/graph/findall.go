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
	"sync/atomic"

	"github.com/peopleinsights/peopleinsights/cache"
)

// maxClauses is how many conditions Graph joins by or in one filter.
const maxClauses = 15

// maxParts bounds what one bulk question costs: most parts cost a unit. A thousand
// addresses that nobody has take four rounds of 67 parts, and a last one of those that
// are left to spend.
const maxParts = 300

// maxRefs is how many people are asked for together, as getByIds takes them.
const maxRefs = 1000

// findAll is a bulk question under way.
type findAll struct {
	*Client
	ctx    context.Context
	refs   []cache.Ref
	found  []cache.Found
	asked  int          // parts that Graph took
	plain  atomic.Int32 // requests of one question each
	people []cache.Person
}

// FindAll implements cache.Source: by filters of several people each, several of which go
// in one request. Two requests and 20 units serve a hundred people.
//
// Of a Graph that takes no such filters, or no batch, so many can be asked for only by
// their ids that it would not tell their managers: such a Person's Said leaves them out.
func (c *Client) FindAll(ctx context.Context, refs []cache.Ref) []cache.Found {
	found := make([]cache.Found, 0, len(refs))
	for some := range slices.Chunk(refs, maxRefs) {
		found = append(found, c.findSome(ctx, some)...)
	}
	return found
}

func (c *Client) findSome(ctx context.Context, refs []cache.Ref) []cache.Found {
	f := &findAll{Client: c, ctx: ctx, refs: make([]cache.Ref, len(refs)), found: make([]cache.Found, len(refs))}
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
		f.found[i].Err = unanswered(f.found[i].Err)
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
	left := f.ask(places, func(i int) string { return "id eq '" + quoted(f.refs[i].ID) + "'" })
	f.takeByID(places)
	for _, i := range places {
		if errors.Is(f.found[i].Err, errTooDear) {
			left = append(left, i)
		}
	}
	f.byGetByIDs(left)
}

// takeByID has those be found who have been told of by their ids.
func (f *findAll) takeByID(places []int) {
	byID := map[string]cache.Person{}
	for _, p := range f.people {
		byID[p.Profile.GetId()] = p
	}
	f.take(places, func(i int) (cache.Person, bool) {
		p, ok := byID[f.refs[i].ID]
		return p, ok
	})
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
	f.people = nil
	f.ask(there, func(i int) string {
		return "userPrincipalName eq '" + quoted(known[f.refs[i].ID].Profile.GetUserPrincipalName()) + "'"
	})
	f.takeByID(there)
	var left []int
	for _, i := range there {
		if errors.Is(f.found[i].Err, errNobody) { // the name is another by now, or it takes no filter by it
			left = append(left, i)
		}
	}
	f.singly(left)
	for _, i := range there {
		if errors.Is(f.found[i].Err, errTooDear) {
			f.found[i] = cache.Found{Person: known[f.refs[i].ID]}
		}
	}
}

// singly asks for each person alone.
func (f *findAll) singly(places []int) {
	if most := max(maxParts-f.asked, 0); len(places) > most {
		f.fail(places[most:], errTooDear)
		places = places[:most]
	}
	questions := make([]part, len(places))
	for n, i := range places {
		questions[n] = newPart("users/" + url.PathEscape(f.refs[i].ID) + "?" + userQuery())
	}
	f.asked += len(questions)
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

// getByIDs asks for at most a thousand people by their ids, without their managers.
func (f *findAll) getByIDs(ids []string) (people []cache.Person, err error) {
	body, err := json.Marshal(map[string][]string{"ids": ids, "types": {"user"}})
	if err != nil {
		return nil, err
	}
	request := f.post("directoryObjects/getByIds", "$select="+strings.Join(selected(), ","), body)
	err = f.get(mayBeAbsent(f.ctx, anyCode), lookup(f.ctx), needUsers, request, func(response *http.Response) error {
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
	if fewer := int(f.clauses.Load()); fewer > 0 {
		size = fewer
	}
	for len(places) > 0 {
		if f.ctx.Err() != nil {
			f.fail(places, errLate)
			return refused
		}
		parted := f.askOnce(places, size, clause)
		if size == 1 {
			return append(refused, parted.refused...)
		}
		places = parted.refused
		if parted.questions < 2 || parted.answered > 0 { // it may be somebody's address that is refused
			size = max(min(size, len(places))/2, 1)
			continue
		}
		if size = f.fitting(places, size/2, clause); size == 0 {
			return append(refused, places...)
		}
		f.clauses.Store(int32(size))
	}
	return refused
}

// parted is how a question for some people went.
type parted struct {
	questions int   // that were refused
	answered  int   // that were not
	refused   []int // whom those were for
}

// askOnce asks for people, so many in one question.
func (f *findAll) askOnce(places []int, size int, clause func(i int) string) (p parted) {
	var questions []part
	var of [][]int
	for some := range slices.Chunk(places, size) {
		if f.asked+len(questions) >= maxParts {
			f.spared(some, clause)
			continue
		}
		questions = append(questions, f.joined(some, clause))
		of = append(of, some)
	}
	pages := make([]page[cache.Person], len(questions))
	failures := f.questions(questions, func(n int, body io.Reader) (err error) {
		pages[n], err = decodePeople(body)
		return err
	})
	for n, err := range failures {
		if err == nil {
			err = f.takePages(pages[n])
		}
		switch {
		case errors.Is(err, errUnsupported):
			p.questions++
			p.refused = append(p.refused, of[n]...)
			continue // which costs nothing
		case errors.Is(err, errTooDear):
			f.spared(of[n], clause)
		case err != nil:
			f.fail(of[n], err)
		}
		p.answered++
		f.asked++
	}
	return p
}

// joined is the question for some people.
func (f *findAll) joined(places []int, clause func(i int) string) part {
	clauses := make([]string, len(places))
	for n, i := range places {
		clauses[n] = clause(i)
	}
	return newPart(usersPath(strings.Join(clauses, " or ")))
}

// fitting returns how many conditions this Graph joins in one filter, at most so many; zero
// if it takes no filter of the kind at all. All sizes are tried in one request.
func (f *findAll) fitting(places []int, most int, clause func(i int) string) int {
	var sizes []int
	var questions []part
	for size := min(most, len(places)); size > 0; size /= 2 {
		sizes = append(sizes, size)
		questions = append(questions, f.joined(places[:size], clause))
	}
	for n, err := range f.questions(questions, func(int, io.Reader) error { return nil }) {
		if !errors.Is(err, errUnsupported) {
			return sizes[n]
		}
	}
	return 0
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

// maxFollowed is how many further pages of one question are read: all of those whom it is
// for are told of on the first one.
const maxFollowed = 20

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
	followed := 0
	for page, err := range rest.pages(f.ctx, lookup(f.ctx), f.follow(first.nextLink)) {
		if err != nil {
			return err
		}
		if followed++; followed > maxFollowed {
			return &Error{kind: errUnavailable, text: "Microsoft Graph's pages for a few people have no end"}
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
	return "users?$filter=" + escaped(filter) + "&" + userQuery() + "&$top=" + strconv.Itoa(maxSharing)
}

// userQuery selects what is read of a person, with their manager.
func userQuery() string {
	return "$select=" + strings.Join(selected(), ",") + "&$expand=" + escaped(expandManager)
}

// escaped is a text as it stands in a query: not every Graph takes a plus for a space.
func escaped(text string) string { return strings.ReplaceAll(url.QueryEscape(text), "+", "%20") }

// quoted doubles the quotes of a text in a filter.
func quoted(text string) string { return strings.ReplaceAll(text, "'", "''") }
