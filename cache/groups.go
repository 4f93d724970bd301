package cache

import (
	"context"
	"fmt"
	"slices"
)

// groupRecord is one held group. It is never changed.
type groupRecord struct {
	Group
	membersAt int64 // the revision at which its members were last told to have changed
}

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
	if r := d.held.groups[id]; r != nil {
		return &r.Group
	}
	return nil
}

// heldGroups are the groups. They stay the same map, whatever becomes of the people.
func (d *Directory) heldGroups() map[string]*groupRecord {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.held.groups
}

// fillGroups lists all groups beside the live ones, and swaps.
func (d *Directory) fillGroups(ctx context.Context) (token string, err error) {
	feed := d.config.Source.Groups()
	mark, err := feed.Mark(ctx)
	if err != nil {
		return "", fmt.Errorf("marking the start: %w", err)
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
			if earlier, ok := found[g.ID]; ok && !g.Gone && !earlier.Gone {
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
	next := make(map[string]*groupRecord, len(found)) // nil for those who are gone
	var members []*groupRecord                        // whose members have changed
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
			g = g.over(old.Group)
		case g.Said != 0 && g.Said&GroupDisplayName == 0:
			continue // a part of a group that never came whole: it is gone by now
		default:
			added++
		}
		if old != nil && old.equal(g) && !g.MembersChanged {
			continue
		}
		r := &groupRecord{Group: g}
		r.Proxies = slices.Clip(g.Proxies)
		r.Said, r.MembersChanged = 0, false
		if old != nil {
			r.membersAt = old.membersAt
		}
		if g.MembersChanged {
			members = append(members, r)
		}
		next[id] = r
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
	d.mu.Lock()
	defer d.mu.Unlock()
	d.held.revision++
	for _, r := range members {
		r.membersAt = d.held.revision
	}
	for id, r := range next {
		if r == nil {
			delete(live, id)
		} else {
			live[id] = r
		}
	}
	d.sync.groups.changes += int64(len(next))
	return nil
}
