package cache

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"

	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
)

// expansion is a walk through a group and the groups within it, breadth first.
type expansion struct {
	d      *Directory
	hidden bool          // groups with hidden membership are opened too
	parts  []*membership // that were read, in the order of the walk
	groups []nestedGroup // each once, in the order in which they were found
	found  map[string]bool
	opened int
}

// nestedGroup is a group within another, and what became of it.
type nestedGroup struct {
	summary *pb.ProfileSummary
	state   pb.NestedGroupState
}

// walk opens a group, and with nested those within it. Members counts in all parts, so that
// somebody who is in several counts for each.
func (d *Directory) walk(ctx context.Context, root *Group, nested, hidden bool) (*expansion, error) {
	first, err := d.directMembers(ctx, root.ID, root)
	if err != nil {
		return nil, err
	}
	e := &expansion{d: d, hidden: hidden, parts: []*membership{first}, found: map[string]bool{root.ID: true}}
	for level := e.within(first, nested); len(level) > 0; {
		var next []int
		for few := range slices.Chunk(level, memberAsks) {
			read, err := e.open(ctx, few)
			if err != nil {
				return nil, err
			}
			for _, m := range read {
				e.parts = append(e.parts, m)
				next = append(next, e.within(m, nested)...)
			}
			if err := e.bounded(); err != nil {
				return nil, err
			}
		}
		level = next
	}
	return e, e.bounded()
}

// within lists the groups that are members, and returns the places of those to open.
func (e *expansion) within(m *membership, nested bool) (open []int) {
	for _, member := range m.groups {
		id := member.Summary.GetId()
		if e.found[id] {
			continue
		}
		e.found[id] = true
		held := e.d.group(id)
		state := pb.NestedGroupState_NESTED_GROUP_STATE_CLOSED
		switch {
		case !nested:
		case !e.hidden && (member.Hidden || held != nil && held.Hidden):
			state = pb.NestedGroupState_NESTED_GROUP_STATE_HIDDEN
		default:
			state = pb.NestedGroupState_NESTED_GROUP_STATE_OPENED
			open = append(open, len(e.groups))
			e.opened++
		}
		e.groups = append(e.groups, nestedGroup{member.Summary, state})
	}
	return open
}

// open reads who is in some groups, at once. Those who may not be shown or read are marked
// so; one that is gone is passed over.
func (e *expansion) open(ctx context.Context, few []int) (read []*membership, err error) {
	if e.opened > mostOpened {
		return nil, e.tooMany()
	}
	results := make([]*membership, len(few))
	asks, ctx := errgroup.WithContext(ctx)
	for i, at := range few {
		asks.Go(func() error {
			g := &e.groups[at] // of this goroutine alone, until all are done
			id := g.summary.GetId()
			m, err := e.d.directMembers(ctx, id, e.d.group(id))
			switch {
			case err == nil:
				results[i] = m
			case errors.Is(err, ErrHiddenMembers):
				g.state = pb.NestedGroupState_NESTED_GROUP_STATE_HIDDEN
			case errors.Is(err, ErrDenied):
				g.state = pb.NestedGroupState_NESTED_GROUP_STATE_UNREADABLE
			case errors.Is(err, ErrNoGroup):
				g.state = pb.NestedGroupState_NESTED_GROUP_STATE_UNSPECIFIED // gone
			default:
				return err
			}
			return nil
		})
	}
	if err := asks.Wait(); err != nil {
		return nil, err
	}
	return slices.DeleteFunc(results, func(m *membership) bool { return m == nil }), nil
}

// bounded fails where there are more than are told.
func (e *expansion) bounded() error {
	if e.opened > mostOpened {
		return e.tooMany()
	}
	most := len(e.groups)
	for _, m := range e.parts {
		most += len(m.members) + len(m.others)
	}
	if most <= mostMembers {
		return nil
	}
	seen := make(map[personKey]bool, mostMembers) // somebody may be in several
	for _, m := range e.parts {
		for _, member := range m.members {
			seen[keyOf(member.Summary)] = true
		}
		for _, id := range m.others {
			seen[personKey{id: id}] = true
		}
	}
	if len(seen)+len(e.groups) > mostMembers {
		return e.tooMany()
	}
	return nil
}

func (e *expansion) tooMany() error {
	return fmt.Errorf("the limits are %d members and %d groups within the group: %w", mostMembers, mostOpened, ErrTooManyMembers)
}

// personKey tells people apart: ids are each organisation's own.
type personKey struct{ tenant, id string }

func keyOf(s *pb.ProfileSummary) personKey { return personKey{s.GetTenantId(), s.GetId()} }
