package cache

import (
	"cmp"
	"slices"
	"time"

	"github.com/peopleinsights/peopleinsights/cache/typeahead"
	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
)

// Invite is a question for people to invite.
type Invite struct {
	Query     string           // what was typed
	Limit     int              // how many suggestions at most
	Organizer Ref              // who invites, and is not suggested; zero for nobody
	Exclude   []Ref            // who, and which addresses, are not to come up
	Kinds     []pb.InviteeKind // what may come up; all if empty
	Contacts  *Candidates      // the organizer's own contacts; nil for none
	Channel   *Members         // of the team or channel whose members come earlier; nil for none
}

// Suggest returns those whom a query finds, best first; of an empty query, the
// organizer's circle and the channel's members. Until the directory is complete it fails with ErrFilling, or with
// what keeps the source from filling it; and it fails with ErrUnknownOrganizer.
func (d Reader) Suggest(q Invite) ([]*pb.Suggestion, *pb.Freshness, error) {
	s, err := d.search(q)
	if err != nil {
		return nil, nil, err
	}
	suggestions := make([]*pb.Suggestion, len(s.found))
	for i := range s.found {
		suggestions[i] = d.suggestion(s, &s.found[i])
	}
	return suggestions, s.freshness, nil
}

// Explain answers as Suggest does, and says why each suggestion stands where it does.
func (d Reader) Explain(q Invite) ([]*pb.ExplainedSuggestion, *pb.Freshness, error) {
	s, err := d.search(q)
	if err != nil {
		return nil, nil, err
	}
	explained := make([]*pb.ExplainedSuggestion, len(s.found))
	for i, f := range s.found {
		explained[i] = &pb.ExplainedSuggestion{
			Suggestion: d.suggestion(s, &s.found[i]),
			Bucket:     pb.SuggestionBucket_SUGGESTION_BUCKET_ADDRESS + pb.SuggestionBucket(f.hit.Bucket),
			Score:      int32(f.hit.Score),
		}
		for _, part := range s.index.Explain(s.request, f.hit.ID) {
			explained[i].Parts = append(explained[i].Parts, &pb.ScorePart{
				Reason: pb.ScoreReason_SCORE_REASON_WORD + pb.ScoreReason(part.Reason),
				Typed:  part.Typed,
				Found:  part.Found,
				Points: int32(part.Points),
			})
		}
	}
	return explained, s.freshness, nil
}

// SourceState is a source of suggestions of which something is wrong.
type SourceState struct {
	Source pb.SuggestionSource
	AsOf   time.Time // when it was last confirmed; zero if it was never read
	Err    error
}

// Sources tells what suggestions of some kinds, of all if empty, lack: it is nil where all
// is well.
func (d Reader) Sources(kinds []pb.InviteeKind) (states []SourceState) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	asked := func(of ...pb.InviteeKind) bool {
		return len(kinds) == 0 || slices.ContainsFunc(of, func(k pb.InviteeKind) bool { return slices.Contains(kinds, k) })
	}
	if asked(pb.InviteeKind_INVITEE_KIND_PERSON, pb.InviteeKind_INVITEE_KIND_GUEST) && d.held != nil && d.staleLocked() {
		states = append(states, SourceState{
			Source: pb.SuggestionSource_SUGGESTION_SOURCE_PEOPLE, AsOf: d.held.asOf, Err: d.sync.people.err(ErrUnavailable),
		})
	}
	for _, beside := range []struct {
		kind   pb.InviteeKind
		source pb.SuggestionSource
		feed   *feedState
	}{
		{pb.InviteeKind_INVITEE_KIND_GROUP, pb.SuggestionSource_SUGGESTION_SOURCE_GROUPS, &d.sync.groups},
		{pb.InviteeKind_INVITEE_KIND_CONTACT, pb.SuggestionSource_SUGGESTION_SOURCE_DIRECTORY_CONTACTS, &d.sync.contacts},
	} {
		switch feed := beside.feed; {
		case !asked(beside.kind), !d.view.Groups:
		case feed.fillings == 0:
			states = append(states, SourceState{Source: beside.source, Err: feed.err(ErrFilling)})
		case feed.failure != nil || time.Since(feed.asOf) > d.silence():
			states = append(states, SourceState{Source: beside.source, AsOf: feed.asOf, Err: feed.err(ErrUnavailable)})
		}
	}
	return states
}

// err is what the newest turn failed with, or else otherwise.
func (s *feedState) err(otherwise error) error {
	if s.failure != nil {
		return s.failure.Err
	}
	return otherwise
}

// suggestions is what a search has found, all of one revision.
type suggestions struct {
	index     *typeahead.Index
	request   typeahead.Request
	limit     int             // of found; the request's may be larger
	beside    [2]*Candidates  // who is searched beside the directory
	addresses map[string]bool // keys of those that are not to come up
	revision  int64
	found     []suggested
	freshness *pb.Freshness
}

// searchedLocked is the index over those whom the view shows, and some of whom it hides.
func (d Reader) searchedLocked() *typeahead.Index {
	switch {
	case d.view.Sees == 0:
		return nil
	case d.view.Groups:
		return d.held.index.all
	}
	return d.held.index.people
}

// attempts is how often a search is begun without keeping changes out: it is begun again
// when there were some.
const attempts = 3

// search finds whom a query is for. It searches what was held when it began, without a
// lock, and looks up who they are, if that is still held; after some attempts, under one.
func (d Reader) search(q Invite) (*suggestions, error) {
	query := typeahead.Parse(q.Query)
	for range attempts {
		d.mu.RLock()
		s, err := d.beginLocked(query, q)
		d.mu.RUnlock()
		if err != nil {
			return nil, err
		}
		for same := true; same; s.request.Limit *= 2 {
			hits := s.hits()
			enough := false
			d.mu.RLock()
			if same = d.held.revision == s.revision; same {
				enough = d.endLocked(s, hits)
			}
			d.mu.RUnlock()
			if enough {
				return s, nil
			}
		}
	}
	d.mu.RLock()
	defer d.mu.RUnlock()
	s, err := d.beginLocked(query, q)
	for err == nil && !d.endLocked(s, s.hits()) {
		s.request.Limit *= 2
	}
	return s, err
}

// hits searches.
func (s *suggestions) hits() []typeahead.Hit {
	if s.request.Query.Empty() {
		return s.index.Circle(s.request)
	}
	return s.index.Search(s.request)
}

func (d Reader) beginLocked(query typeahead.Query, q Invite) (*suggestions, error) {
	if err := d.readyLocked(); err != nil {
		return nil, err
	}
	s := &suggestions{
		index:    d.searchedLocked(),
		revision: d.held.revision,
		limit:    q.Limit,
		request:  typeahead.Request{Query: query, Limit: q.Limit, Unsearched: d.view.Sees.unsearched(), Hides: d.view.searches},
	}
	if d.view.Hides == nil {
		s.request.Hides = nil
	}
	if s.beside = [2]*Candidates{q.Contacts, q.Channel.candidates()}; s.beside != [2]*Candidates{} {
		s.index = typeahead.Union(s.index, s.beside[0].searched(), s.beside[1].searched())
	}
	if s.beside != [2]*Candidates{} || len(d.held.contacts.items) > 0 {
		s.request.Limit *= 2 // some may be left out: see rows
	}
	for _, kind := range q.Kinds {
		s.request.Kinds = append(s.request.Kinds, kindIn(kind))
	}
	if q.Organizer != (Ref{}) || len(q.Exclude) > 0 {
		s.request.Exclude = make(map[string]bool, 1+len(q.Exclude))
	}
	if q.Organizer != (Ref{}) {
		organizer := d.findLocked(q.Organizer)
		if organizer.record == nil {
			return nil, ErrUnknownOrganizer
		}
		s.request.Exclude[organizer.record.id] = true
		s.request.Near = d.nearLocked(organizer)
	}
	if near := &s.request.Near; len(near.Picked) == 0 {
		near.Picked = q.Channel.picks()
	} else {
		near.Picked = append(near.Picked, q.Channel.picks()...)
	}
	for _, ref := range q.Exclude {
		d.excludeLocked(s, ref)
	}
	return s, nil
}

// excludeLocked has nobody come up of an id, or whom an address leads to.
func (d Reader) excludeLocked(s *suggestions, ref Ref) {
	if ref.ID != "" {
		s.request.Exclude[ref.ID] = true
		return
	}
	if s.addresses == nil {
		s.addresses = map[string]bool{}
	}
	s.addresses[ref.Email] = true
	if r := d.personLocked(ref); r != nil {
		s.request.Exclude[r.id] = true
	}
	if g := d.held.groups.find(ref); g != nil {
		s.request.Exclude[g.ID] = true
	}
	if c := d.held.contacts.find(ref); c != nil {
		s.request.Exclude[c.ID] = true
	}
}

// mostPicked is what having been picked is worth at most. Who was picked once lately is
// worth half of it, which is more than to be of the same team.
const mostPicked = 160

// levels is how far up the reporting line goes by which people are near.
const levels = 5

// aboveLocked are the managers above somebody, the nearest first.
func (d Reader) aboveLocked(r *record) (ids []string) {
	for range levels {
		r = d.held.people[r.managerID]
		if r == nil || slices.Contains(ids, r.id) || !d.view.shows(r) {
			break // the top, a circle, or the last who is shown
		}
		ids = append(ids, r.id)
	}
	return ids
}

// nearLocked is where an organizer stands, and whom they picked.
func (d Reader) nearLocked(organizer found) typeahead.Near {
	near := typeahead.Near{ID: organizer.record.id}
	if sight := d.view.sightOf(organizer.record); sight.unsearched()&typeahead.Positions == 0 {
		near.Position = positionOf(organizer.record.person().Profile)
		near.Manager = organizer.record.managerID
		if organizer.manager != nil {
			near.Above = d.aboveLocked(organizer.manager)
		}
	}
	for _, p := range d.picked(organizer.record.id) {
		near.Picked = append(near.Picked, typeahead.Pick{ID: p.id, Points: int(mostPicked * p.weight / (p.weight + 1))})
	}
	return near
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

func kindOf(guest bool) pb.InviteeKind {
	if guest {
		return pb.InviteeKind_INVITEE_KIND_GUEST
	}
	return pb.InviteeKind_INVITEE_KIND_PERSON
}
