// Package sourcetest states what a cache.Source promises, as a suite of tests that
// every Source runs, and has a Source in memory that passes it.
package sourcetest

import (
	"context"
	"iter"
	"maps"
	"slices"
	"strconv"
	"sync"

	"google.golang.org/protobuf/proto"

	"github.com/peopleinsights/peopleinsights/cache"
	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
)

// Memory is a cache.Source whose people and groups are put into it. Its methods may be
// called concurrently. The zero Memory has nobody.
type Memory struct {
	// PageSize is how many items a page holds; zero means three.
	PageSize int

	mu      sync.Mutex
	before  func(ctx context.Context, method string) error
	people  store[cache.Person]
	groups  store[cache.Group]
	others  store[cache.Contact]
	asked   map[string]int
	usage   cache.Usage
	details details
}

// store is what there is of a kind, and how it has changed.
type store[T any] struct {
	items map[string]T
	log   []string // ids, in the order in which they changed
	floor int      // tokens below it are lost
}

func (s *store[T]) put(id string, item T) {
	if s.items == nil {
		s.items = map[string]T{}
	}
	s.items[id] = item
	s.log = append(s.log, id)
}

func (s *store[T]) remove(id string) {
	delete(s.items, id)
	s.log = append(s.log, id)
}

func (s *store[T]) loseTokens() {
	s.log = append(s.log, "") // a change of nobody, so that new tokens differ
	s.floor = len(s.log)
}

// Put makes p a person of the directory, in place of who had their id.
func (m *Memory) Put(p cache.Person) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.people.put(p.Profile.GetId(), p)
}

// Slip is Put, but no change tells of it, as when a replica lags.
func (m *Memory) Slip(p cache.Person) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.people.put(p.Profile.GetId(), p)
	m.people.log = m.people.log[:len(m.people.log)-1]
}

// Remove takes a person out of the directory.
func (m *Memory) Remove(id string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.people.remove(id)
}

// PutGroup makes g a group of the directory, in place of the one that had its id.
func (m *Memory) PutGroup(g cache.Group) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.groups.put(g.ID, g)
}

// SlipGroup is PutGroup, but no change tells of it.
func (m *Memory) SlipGroup(g cache.Group) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.groups.put(g.ID, g)
	m.groups.log = m.groups.log[:len(m.groups.log)-1]
}

// RemoveGroup takes a group out of the directory.
func (m *Memory) RemoveGroup(id string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.groups.remove(id)
}

// PutContact makes c a contact of the address book, in place of the one that had its id.
func (m *Memory) PutContact(c cache.Contact) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.others.put(c.ID, c)
}

// RemoveContact takes a contact out of the address book.
func (m *Memory) RemoveContact(id string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.others.remove(id)
}

// LoseContact is RemoveContact, but no change tells of it.
func (m *Memory) LoseContact(id string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.others.items, id)
}

// LoseTokens makes every token given so far of no use.
func (m *Memory) LoseTokens() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.people.loseTokens()
	m.groups.loseTokens()
	m.others.loseTokens()
}

// LosePeopleTokens is LoseTokens for the people alone.
func (m *Memory) LosePeopleTokens() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.people.loseTokens()
}

// Asked returns how often a method was called. Those of the groups' feed are named
// MarkGroups, ListGroups and ChangesGroups; those of the contacts' likewise.
func (m *Memory) Asked(method string) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.asked[method]
}

// Before has a function called before each question from now on, with the method's
// name. An error is the answer to the question; the function may wait. Nil ends it.
func (m *Memory) Before(before func(ctx context.Context, method string) error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.before = before
}

// SetUsage has Usage tell this.
func (m *Memory) SetUsage(u cache.Usage) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.usage = u
}

// enter counts a question and lets Before answer it.
func (m *Memory) enter(ctx context.Context, method string) error {
	m.mu.Lock()
	if m.asked == nil {
		m.asked = map[string]int{}
	}
	m.asked[method]++
	before := m.before
	m.mu.Unlock()
	if before == nil {
		return ctx.Err()
	}
	return before(ctx, method)
}

// People implements cache.Source.
func (m *Memory) People() cache.Feed[cache.Person] {
	return feed[cache.Person]{m, "", &m.people, func(id string) cache.Person {
		return cache.Person{Profile: &pb.Profile{Id: id}, Gone: true}
	}}
}

// Groups implements cache.Source.
func (m *Memory) Groups() cache.Feed[cache.Group] {
	return feed[cache.Group]{m, "Groups", &m.groups, func(id string) cache.Group {
		return cache.Group{ID: id, Gone: true}
	}}
}

// Contacts implements cache.Source.
func (m *Memory) Contacts() cache.Feed[cache.Contact] {
	return feed[cache.Contact]{m, "Contacts", &m.others, func(id string) cache.Contact {
		return cache.Contact{ID: id, Gone: true}
	}}
}

// Usage implements cache.Source.
func (m *Memory) Usage() cache.Usage {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.usage
}

// feed is a store as it is read.
type feed[T any] struct {
	*Memory
	name  string
	store *store[T]
	gone  func(id string) T
}

// Mark implements cache.Feed.
func (f feed[T]) Mark(ctx context.Context) (string, error) {
	if err := f.enter(ctx, "Mark"+f.name); err != nil {
		return "", err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return strconv.Itoa(len(f.store.log)), nil
}

// List implements cache.Feed.
func (f feed[T]) List(ctx context.Context) iter.Seq2[cache.Page[T], error] {
	return func(yield func(cache.Page[T], error) bool) {
		if err := f.enter(ctx, "List"+f.name); err != nil {
			yield(cache.Page[T]{}, err)
			return
		}
		f.mu.Lock()
		items := slices.Collect(maps.Values(f.store.items))
		f.mu.Unlock()
		f.pages(items, cache.Page[T]{Total: len(items)}, "", yield)
	}
}

// Changes implements cache.Feed.
func (f feed[T]) Changes(ctx context.Context, token string) iter.Seq2[cache.Page[T], error] {
	return func(yield func(cache.Page[T], error) bool) {
		if err := f.enter(ctx, "Changes"+f.name); err != nil {
			yield(cache.Page[T]{}, err)
			return
		}
		f.mu.Lock()
		from, err := strconv.Atoi(token)
		if err != nil || from < f.store.floor || from > len(f.store.log) {
			f.mu.Unlock()
			yield(cache.Page[T]{}, cache.ErrTokenLost)
			return
		}
		var items []T
		for _, id := range f.store.log[from:] { // the same item perhaps several times
			if item, ok := f.store.items[id]; ok {
				items = append(items, item)
			} else if id != "" {
				items = append(items, f.gone(id))
			}
		}
		next := strconv.Itoa(len(f.store.log))
		f.mu.Unlock()
		f.pages(items, cache.Page[T]{}, next, yield)
	}
}

// pages yields items in pages, the first of which goes on from page, and the last of
// which has the token.
func (f feed[T]) pages(items []T, page cache.Page[T], token string, yield func(cache.Page[T], error) bool) {
	size := f.PageSize
	if size == 0 {
		size = 3
	}
	for len(items) > size {
		page.Items, items = items[:size], items[size:]
		if !yield(page, nil) {
			return
		}
		page = cache.Page[T]{}
	}
	page.Items, page.Token = items, token
	yield(page, nil)
}

// Find implements cache.Source.
func (m *Memory) Find(ctx context.Context, ref cache.Ref) (cache.Person, error) {
	if err := m.enter(ctx, "Find"); err != nil {
		return cache.Person{}, err
	}
	if refused := m.refusal(ref.ID); refused != nil {
		return cache.Person{}, refused
	}
	return m.find(ref)
}

func (m *Memory) find(ref cache.Ref) (cache.Person, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	p, ok := m.people.items[ref.ID]
	if ref.Email != "" {
		p, ok = cache.Leads(ref.Email, slices.Collect(maps.Values(m.people.items)))
	}
	if !ok {
		return cache.Person{}, cache.ErrNotFound
	}
	p.Profile = proto.CloneOf(p.Profile)
	if manager, ok := m.people.items[p.ManagerID]; ok {
		p.Manager = cache.Summary(manager.Profile)
	}
	return p, nil
}
