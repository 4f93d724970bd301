package cache

import (
	"cmp"

	"github.com/peopleinsights/peopleinsights/cache/typeahead"
	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
)

// Invite is a question for people to invite.
type Invite struct {
	Query     string           // what was typed
	Limit     int              // how many suggestions at most
	Organizer Ref              // who invites, and is not suggested; zero for nobody
	Exclude   []Ref            // who is not to come up
	Kinds     []pb.InviteeKind // what may come up; all if empty
}

// Suggest returns those whom a query finds, best first. Until the
// directory is complete it fails with ErrFilling, or with what keeps the source from
// filling it; and it fails with ErrUnknownOrganizer.
func (d *Directory) Suggest(q Invite) ([]*pb.Suggestion, *pb.Freshness, error) {
	query := typeahead.Parse(q.Query)
	found, freshness, err := d.search(query, q)
	if err != nil {
		return nil, nil, err
	}
	suggestions := make([]*pb.Suggestion, len(found))
	for i, f := range found {
		profile := d.assemble(f)
		suggestions[i] = &pb.Suggestion{
			Kind:           kindOf(f.record.guest),
			Id:             profile.GetId(),
			DisplayName:    profile.GetDisplayName(),
			Email:          profile.GetEmail(),
			JobTitle:       profile.GetJobTitle(),
			Department:     profile.GetDepartment(),
			OfficeLocation: profile.GetOfficeLocation(),
			Matches:        query.Matches(entryOf(profile)),
		}
	}
	return suggestions, freshness, nil
}

// search finds the records behind a query, all of one revision.
func (d *Directory) search(query typeahead.Query, q Invite) ([]found, *pb.Freshness, error) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	if err := d.readyLocked(); err != nil {
		return nil, nil, err
	}
	keep, err := d.invitableLocked(q)
	if err != nil {
		return nil, nil, err
	}
	hits := d.held.index.SearchNear(query, q.Limit, d.nearLocked(q.Organizer), keep)
	people := make([]found, len(hits))
	for i, hit := range hits {
		people[i] = d.findLocked(Ref{ID: hit.ID})
	}
	return people, d.freshnessLocked(), nil
}

// readyLocked is nil once the directory is complete; until then it says that it is being
// read, or what keeps it from that.
func (d *Directory) readyLocked() error {
	switch failure := d.sync.people.failure; {
	case d.held != nil:
		return nil
	case failure != nil:
		return failure.Err
	default:
		return cmp.Or(d.config.Source.Usage().Waiting, ErrFilling)
	}
}

// nearLocked is where an organizer stands; nobody stands nowhere.
func (d *Directory) nearLocked(organizer Ref) typeahead.Near {
	f := d.findLocked(organizer)
	if f.record == nil {
		return typeahead.Near{}
	}
	p := d.assemble(f)
	return typeahead.Near{ID: f.record.id, Manager: f.record.managerID, Department: p.GetDepartment(), Office: p.GetOfficeLocation()}
}

// invitableLocked returns who may come up; nil means everybody in the index.
func (d *Directory) invitableLocked(q Invite) (func(id string) bool, error) {
	out := map[string]bool{}
	if q.Organizer != (Ref{}) {
		organizer := d.held.find(q.Organizer)
		if organizer == nil {
			return nil, ErrUnknownOrganizer
		}
		out[organizer.id] = true
	}
	for _, ref := range q.Exclude {
		if r := d.held.find(ref); r != nil {
			out[r.id] = true
		}
	}
	var kinds uint64 // a bit for each kind
	for _, kind := range q.Kinds {
		kinds |= 1 << kind
	}
	if len(out) == 0 && kinds == 0 {
		return nil, nil
	}
	return func(id string) bool {
		return !out[id] && (kinds == 0 || kinds&(1<<kindOf(d.held.people[id].guest)) != 0)
	}, nil
}

func kindOf(guest bool) pb.InviteeKind {
	if guest {
		return pb.InviteeKind_INVITEE_KIND_GUEST
	}
	return pb.InviteeKind_INVITEE_KIND_PERSON
}
