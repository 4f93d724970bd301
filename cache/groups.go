package cache

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/peopleinsights/peopleinsights/cache/typeahead"
)

// groupChanges are groups as a round tells of them: whole ones, parts of some that are
// held, and those that are gone.
type groupChanges map[string]Group

// Group returns the group of an id, or nil. Until the directory is complete there are
// none.
func (d *Directory) Group(id string) *Group {
	d.mu.RLock()
	defer d.mu.RUnlock()
	if d.held == nil {
		return nil
	}
	return d.held.groups[id]
}

// heldGroups are the groups. The groups' goroutine alone changes them.
func (d *Directory) heldGroups() heldGroup {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.held.groups
}

// fillGroups lists all groups beside the live ones, and swaps.
func (d *Directory) fillGroups(ctx context.Context) (token string, err error) {
	feed := d.config.Source.Groups()
	mark, err := feed.Mark(ctx)
	if err != nil {
		return "", fmt.Errorf("marking the start: %w", notLost(err))
	}
	found := groupChanges{}
	for page, err := range feed.List(ctx) {
		if err != nil {
			return "", fmt.Errorf("listing all groups: %w", err)
		}
		for _, g := range page.Items {
			found[g.ID] = g
		}
		if len(found) > d.config.MaxGroups {
			return "", fmt.Errorf("the limit is %d groups: %w", d.config.MaxGroups, ErrTooManyPeople)
		}
	}
	token, err = d.collectGroups(ctx, mark, found)
	if err != nil {
		return "", fmt.Errorf("following what changed while listing: %w", err)
	}
	for id := range d.heldGroups() { // this goroutine alone changes them
		if _, listed := found[id]; !listed {
			found[id] = Group{ID: id, Gone: true}
		}
	}
	if err := d.applyGroups(found); err != nil {
		return "", err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.sync.groups.fillings++
	return token, nil
}

// followGroups follows the changes of groups since token.
func (d *Directory) followGroups(ctx context.Context, token string) (next string, err error) {
	found := groupChanges{}
	next, err = d.collectGroups(ctx, token, found)
	if err != nil {
		return "", fmt.Errorf("following changes: %w", err)
	}
	if err := d.applyGroups(found); err != nil {
		return "", err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.sync.groups.rounds++
	return next, nil
}

// collectGroups reads one round of changes over found. A large group comes in several
// parts, with others between them.
func (d *Directory) collectGroups(ctx context.Context, token string, found groupChanges) (next string, err error) {
	for page, err := range d.config.Source.Groups().Changes(ctx, token) {
		if err != nil {
			return "", err
		}
		for _, g := range page.Items {
			earlier, again := found[g.ID]
			switch part := g.Said != 0 && g.Said&GroupDisplayName == 0; {
			case again && earlier.Gone && !g.Gone && part:
				continue // an echo does not bring back what is gone
			case again && !earlier.Gone && !g.Gone:
				g = g.over(earlier)
			}
			found[g.ID] = g
		}
		next = page.Token
	}
	if next == "" {
		return "", fmt.Errorf("a round ended without a token: %w", ErrUnavailable)
	}
	return next, nil
}

// applyGroups makes changes to the groups held, at one revision.
func (d *Directory) applyGroups(found groupChanges) error {
	live := d.heldGroups()
	next := make(map[string]*Group, len(found)) // nil for those who are gone
	removals, added := 0, 0
	for id, g := range found {
		old := live[id]
		switch {
		case g.Gone && old == nil:
			continue // a replay
		case g.Gone:
			removals++
			next[id] = nil
			continue
		case old != nil:
			g = g.over(*old)
		case g.Said != 0 && g.Said&GroupDisplayName == 0:
			continue // a part of a group that never came whole: it is gone by now
		default:
			added++
		}
		if old != nil && old.equal(g) && !g.MembersChanged {
			continue
		}
		g.Proxies = slices.Clip(g.Proxies)
		g.Said, g.MembersChanged = 0, false
		next[id] = &g
	}
	if err := d.brake(d.groups, removals, len(live)); err != nil {
		return err
	}
	if len(live)+added-removals > d.config.MaxGroups {
		return fmt.Errorf("the limit is %d groups: %w", d.config.MaxGroups, ErrTooManyPeople)
	}
	if len(next) == 0 {
		return nil
	}
	index := d.groupIndex().With(entriesOf(next))
	index = index.Merged(index.Merge()) // groups are few enough to wait for that
	if len(next) >= beside {
		live = maps.Clone(live)
		live.change(next)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(next) < beside {
		live.change(next)
	}
	d.held.groups = live
	d.held.index = newIndex(d.held.index.people, index)
	d.held.revision++
	d.sync.groups.changes += int64(len(next))
	return nil
}

// groupIndex is the index over groups. The groups' goroutine alone changes it.
func (d *Directory) groupIndex() *typeahead.Index {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.held.index.groups
}

// entriesOf returns the groups that may be suggested, and the ids of those that may not.
func entriesOf(groups map[string]*Group) (upserts []typeahead.Entry, removed []string) {
	for id, g := range groups {
		if g != nil && g.suggestible() {
			upserts = append(upserts, g.entry())
		} else {
			removed = append(removed, id)
		}
	}
	return upserts, removed
}

// heldGroup are groups by id. A group is never changed: a change makes a new one.
type heldGroup map[string]*Group

// change makes groups what next says; nil for those who are gone.
func (h heldGroup) change(next map[string]*Group) {
	for id, g := range next {
		if g == nil {
			delete(h, id)
		} else {
			h[id] = g
		}
	}
}
