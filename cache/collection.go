package cache

import (
	"context"
	"fmt"
	"time"

	"github.com/peopleinsights/peopleinsights/cache/typeahead"
)

// item is what a collection holds: a Group or a Contact, as a Source tells of it.
type item[T any] interface {
	id() string
	addresses() []string // the main one first; none is empty
	removal(id string) T // tells that the item of an id is gone
	gone() bool
	part() bool        // says nothing of its name, which every whole one does
	over(held T) T     // what its words make of held
	news(held T) bool  // it tells what held does not have
	settled() T        // as it is held: whole, and no change
	suggestible() bool // may come up in suggestions
	entry() typeahead.Entry
}

// collection is what is followed beside the people: the groups, or the contacts of the
// address book. It begins when people have been read, and its failure is its own. Its
// goroutine alone changes what is held of it.
type collection[T item[T]] struct {
	*followed
	d     *Directory
	feed  func() Feed[T]
	most  int                            // how many may be held
	shelf func(*held) *shelf[T]          // where they are held
	index func(*index) **typeahead.Index // over those who may be suggested
}

func newCollection[T item[T]](d *Directory, what string, state *feedState, most int, feed func() Feed[T],
	shelf func(*held) *shelf[T], index func(*index) **typeahead.Index) *collection[T] {
	c := &collection[T]{&followed{what: what, state: state, wake: make(chan struct{}, 1)}, d, feed, most, shelf, index}
	c.pause = func(err error, failures int) time.Duration { return d.pauseBeside(c.followed, err, failures) }
	c.turn = d.turns(c.followed, c.fill, c.round)
	return c
}

// live is what is held.
func (c *collection[T]) live() (shelf[T], *typeahead.Index) {
	c.d.mu.RLock()
	defer c.d.mu.RUnlock()
	return *c.shelf(c.d.held), *c.index(&c.d.held.index)
}

// fill lists everything beside what is live, and swaps.
func (c *collection[T]) fill(ctx context.Context) (token string, err error) {
	feed := c.feed()
	mark, err := feed.Mark(ctx)
	if err != nil {
		return "", fmt.Errorf("marking the start: %w", notLost(err))
	}
	found := map[string]T{}
	for page, err := range feed.List(ctx) {
		if err != nil {
			return "", fmt.Errorf("listing all %s: %w", c.what, err)
		}
		for _, it := range page.Items {
			found[it.id()] = it
		}
		if len(found) > c.most {
			return "", c.tooMany()
		}
	}
	token, err = c.collect(ctx, mark, found)
	if err != nil {
		return "", fmt.Errorf("following what changed while listing: %w", err)
	}
	live, _ := c.live()
	for id, it := range live.items {
		if _, listed := found[id]; !listed {
			found[id] = (*it).removal(id)
		}
	}
	if err := c.apply(found); err != nil {
		return "", err
	}
	c.d.mu.Lock()
	defer c.d.mu.Unlock()
	c.state.fillings++
	return token, nil
}

// round follows the changes since token.
func (c *collection[T]) round(ctx context.Context, token string) (next string, err error) {
	found := map[string]T{}
	next, err = c.collect(ctx, token, found)
	if err != nil {
		return "", fmt.Errorf("following changes: %w", err)
	}
	if err := c.apply(found); err != nil {
		return "", err
	}
	c.d.mu.Lock()
	defer c.d.mu.Unlock()
	c.state.rounds++
	return next, nil
}

// collect reads one round of changes over found: whole items, parts of some that are held,
// and those that are gone. A large group comes in several parts, with others between them.
func (c *collection[T]) collect(ctx context.Context, token string, found map[string]T) (next string, err error) {
	for page, err := range c.feed().Changes(ctx, token) {
		if err != nil {
			return "", err
		}
		for _, it := range page.Items {
			earlier, again := found[it.id()]
			switch {
			case again && earlier.gone() && !it.gone() && it.part():
				continue // an echo does not bring back what is gone
			case again && !earlier.gone() && !it.gone():
				it = it.over(earlier)
			}
			found[it.id()] = it
		}
		next = page.Token
	}
	if next == "" {
		return "", fmt.Errorf("a round ended without a token: %w", ErrUnavailable)
	}
	return next, nil
}

// apply makes changes to what is held, at one revision.
func (c *collection[T]) apply(found map[string]T) error {
	live, index := c.live()
	next := make(map[string]*T, len(found)) // nil for those who are gone
	removals, added := 0, 0
	for id, it := range found {
		old := live.items[id]
		switch {
		case it.gone() && old == nil:
			continue // a replay
		case it.gone():
			removals++
			next[id] = nil
			continue
		case old != nil:
			it = it.over(*old)
		case it.part():
			continue // of what never came whole: it is gone by now
		default:
			added++
		}
		if old != nil && !it.news(*old) {
			continue
		}
		it = it.settled()
		next[id] = &it
	}
	if err := c.d.brake(c.followed, removals, len(live.items)); err != nil {
		return err
	}
	if len(live.items)+added-removals > c.most {
		return c.tooMany()
	}
	if len(next) == 0 {
		return nil
	}
	index = index.With(entriesOf(next))
	index = index.Merged(index.Merge()) // they are few enough to wait for that
	if len(next) >= beside {
		live = live.clone()
		live.change(next)
	}
	c.publish(live, index, next)
	return nil
}

// publish makes changes live; of many, the copy in which they are made already.
func (c *collection[T]) publish(live shelf[T], over *typeahead.Index, next map[string]*T) {
	d := c.d
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(next) < beside {
		live.change(next)
	}
	*c.shelf(d.held) = live
	all := d.held.index
	*c.index(&all) = over
	d.held.index = newIndex(all.people, all.groups, all.contacts)
	d.held.revision++
	c.state.changes += int64(len(next))
}

func (c *collection[T]) tooMany() error {
	return fmt.Errorf("the limit is %d %s: %w", c.most, c.what, ErrTooManyPeople)
}

// entriesOf returns the items that may be suggested, and the ids of those that may not.
func entriesOf[T item[T]](items map[string]*T) (upserts []typeahead.Entry, removed []string) {
	for id, it := range items {
		if it != nil && (*it).suggestible() {
			upserts = append(upserts, (*it).entry())
		} else {
			removed = append(removed, id)
		}
	}
	return upserts, removed
}

// group returns the group of an id, or nil. Until the directory is complete there are
// none.
func (d *Directory) group(id string) *Group {
	d.mu.RLock()
	defer d.mu.RUnlock()
	if d.held == nil {
		return nil
	}
	return d.held.groups.items[id]
}
