// Package sourcetest states what a cache.Source promises, as a suite of tests that
// every Source runs, and has a Source in memory that passes it.
package sourcetest

import (
	"context"
	"iter"
	"strconv"
	"sync"

	"google.golang.org/protobuf/proto"

	"github.com/peopleinsights/peopleinsights/cache"
	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
)

// Memory is a cache.Source whose people are put into it. Its methods may be called
// concurrently. The zero Memory has nobody.
type Memory struct {
	// PageSize is how many people a page holds; zero means three.
	PageSize int

	mu     sync.Mutex
	before func(ctx context.Context, method string) error
	people map[string]cache.Person
	log    []string // ids, in the order in which they changed
	floor  int      // tokens below it are lost
	asked  map[string]int
}

// Put makes p a person of the directory, in place of who had their id.
func (m *Memory) Put(p cache.Person) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.people == nil {
		m.people = map[string]cache.Person{}
	}
	m.people[p.Profile.GetId()] = p
	m.log = append(m.log, p.Profile.GetId())
}

// Remove takes a person out of the directory.
func (m *Memory) Remove(id string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.people, id)
	m.log = append(m.log, id)
}

// LoseTokens makes every token given so far of no use.
func (m *Memory) LoseTokens() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.log = append(m.log, "") // a change of nobody, so that new tokens differ
	m.floor = len(m.log)
}

// Asked returns how often a method was called.
func (m *Memory) Asked(method string) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.asked[method]
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

// Before has a function called before each question from now on, with the method's
// name. An error is the answer to the question; the function may wait. Nil ends it.
func (m *Memory) Before(before func(ctx context.Context, method string) error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.before = before
}

// Mark implements cache.Source.
func (m *Memory) Mark(ctx context.Context) (string, error) {
	if err := m.enter(ctx, "Mark"); err != nil {
		return "", err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return strconv.Itoa(len(m.log)), nil
}

// List implements cache.Source.
func (m *Memory) List(ctx context.Context) iter.Seq2[cache.Page, error] {
	return func(yield func(cache.Page, error) bool) {
		if err := m.enter(ctx, "List"); err != nil {
			yield(cache.Page{}, err)
			return
		}
		m.mu.Lock()
		var people []cache.Person
		for _, p := range m.people {
			people = append(people, p)
		}
		m.mu.Unlock()
		m.pages(people, cache.Page{Total: len(people)}, "", yield)
	}
}

// Changes implements cache.Source.
func (m *Memory) Changes(ctx context.Context, token string) iter.Seq2[cache.Page, error] {
	return func(yield func(cache.Page, error) bool) {
		if err := m.enter(ctx, "Changes"); err != nil {
			yield(cache.Page{}, err)
			return
		}
		m.mu.Lock()
		from, err := strconv.Atoi(token)
		if err != nil || from < m.floor || from > len(m.log) {
			m.mu.Unlock()
			yield(cache.Page{}, cache.ErrTokenLost)
			return
		}
		var people []cache.Person
		for _, id := range m.log[from:] { // the same person perhaps several times
			if p, ok := m.people[id]; ok {
				people = append(people, p)
			} else if id != "" {
				people = append(people, cache.Person{Profile: &pb.Profile{Id: id}, Gone: true})
			}
		}
		next := strconv.Itoa(len(m.log))
		m.mu.Unlock()
		m.pages(people, cache.Page{}, next, yield)
	}
}

// pages yields people in pages, the first of which goes on from page, and the last
// of which has the token.
func (m *Memory) pages(people []cache.Person, page cache.Page, token string, yield func(cache.Page, error) bool) {
	size := m.PageSize
	if size == 0 {
		size = 3
	}
	for len(people) > size {
		page.People, people = people[:size], people[size:]
		if !yield(page, nil) {
			return
		}
		page = cache.Page{}
	}
	page.People, page.Token = people, token
	yield(page, nil)
}

// Find implements cache.Source.
func (m *Memory) Find(ctx context.Context, ref cache.Ref) (cache.Person, error) {
	if err := m.enter(ctx, "Find"); err != nil {
		return cache.Person{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	p, ok := m.people[ref.ID]
	if ref.Email != "" {
		var people []cache.Person
		for _, p := range m.people {
			people = append(people, p)
		}
		p, ok = cache.Leads(ref.Email, people)
	}
	if !ok {
		return cache.Person{}, cache.ErrNotFound
	}
	p.Profile = proto.CloneOf(p.Profile)
	if manager, ok := m.people[p.ManagerID]; ok {
		p.Manager = cache.Summary(manager.Profile)
	}
	return p, nil
}
