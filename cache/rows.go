package cache

import (
	"slices"

	"github.com/peopleinsights/peopleinsights/cache/typeahead"
	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
)

// suggested is a hit with who it is: one of these.
type suggested struct {
	hit       typeahead.Hit
	person    found
	group     *Group
	contact   *Contact
	of        *Candidates
	candidate int // of these
	// Of somebody without an account of ours:
	address string // the key of their address
	leads   string // the id of whom that address leads to: a person, a group, or a contact of the address book
}

// mostHits is how many hits are looked through at most for rows that are no repetitions.
const mostHits = 1024

// endLocked looks up who the hits are, and makes rows of them. It tells whether these are
// enough: otherwise more hits are to be had.
func (d Reader) endLocked(s *suggestions, hits []typeahead.Hit) (enough bool) {
	rows := make([]suggested, len(hits))
	for i, hit := range hits {
		rows[i] = d.identifyLocked(s, hit)
	}
	s.found = s.rows(rows)
	s.freshness = d.freshnessLocked()
	return len(s.found) >= s.limit || len(hits) < s.request.Limit || len(hits) >= mostHits
}

// identifyLocked looks up who a hit is.
func (d Reader) identifyLocked(s *suggestions, hit typeahead.Hit) suggested {
	row := suggested{hit: hit}
	for _, candidates := range s.beside {
		if i, ours := candidates.find(hit.ID); ours {
			row.of, row.candidate = candidates, i
			row.address = addressKey(candidates.list[i].Suggestion.GetEmail())
		}
	}
	if row.of == nil {
		if row.person = d.findLocked(Ref{ID: hit.ID}); row.person.record != nil {
			return row
		}
		if row.group = d.held.groups.items[hit.ID]; row.group != nil {
			return row
		}
		if row.contact = d.held.contacts.items[hit.ID]; row.contact != nil {
			row.address = addressKey(row.contact.Email)
		}
	}
	if row.address == "" {
		return row
	}
	if r := d.personLocked(Ref{Email: row.address}); r != nil {
		row.leads = r.id
	} else if g := d.held.groups.find(Ref{Email: row.address}); g != nil {
		row.leads = g.ID
	} else if c := d.held.contacts.find(Ref{Email: row.address}); c != nil && c != row.contact {
		row.leads = c.ID
	}
	return row
}

// rows are those of the hits that are shown, best first, as many as may be. Nobody comes
// twice: an address book, own contacts and a channel tell of people whom the directory
// holds, and of each other's. Left out is
//
//   - who has an address that is not to come up, or that leads to somebody who is not to;
//   - who has the address of an earlier row, or one that leads to somebody among the rows,
//     earlier or later;
//   - another address of a contact who is among them, unless that address itself is what was
//     typed.
//
// Whom an address leads to may have so many before them that they are not shown: then the
// contact stays. Who is left out makes room for somebody later, so that those who are among
// the rows once stay among them: each time that one of them comes after a contact of
// theirs, the rows are made anew without the contact.
//
// So there may be fewer rows than hits. A search that may leave somebody out asks for twice
// as many hits as rows, and for twice as many again until there are all rows or no more
// hits, or mostHits were looked through.
func (s *suggestions) rows(hits []suggested) []suggested {
	if !slices.ContainsFunc(hits, func(hit suggested) bool { return hit.address != "" }) {
		return hits[:min(len(hits), max(s.limit, 0))]
	}
	var among []string // those whose contacts are left out, although they come before them
	for {
		rows, later := s.rowsAmong(hits, among)
		if later == "" {
			return rows
		}
		among = append(among, later)
	}
}

// rowsAmong makes rows without the contacts of those who are known to be among them. It
// returns who else is, after a contact of theirs; empty if nobody is.
func (s *suggestions) rowsAmong(hits []suggested, among []string) (rows []suggested, later string) {
	rows = make([]suggested, 0, min(len(hits), s.limit))
	for i := range hits {
		hit := &hits[i]
		switch {
		case len(rows) == s.limit:
			return rows, ""
		case hit.address != "" && (s.excludes(hit) || slices.Contains(among, hit.leads) || slices.ContainsFunc(rows, hit.isOf)), s.shown(rows, hit):
			continue
		case hit.address == "" && slices.ContainsFunc(rows, func(row suggested) bool { return row.leads == hit.hit.ID }):
			return nil, hit.hit.ID
		}
		rows = append(rows, *hit)
	}
	return rows, ""
}

// excludes tells whether an address, or a candidate by its own id, is not to come up.
func (s *suggestions) excludes(hit *suggested) bool {
	if hit.of != nil && s.request.Exclude[hit.of.list[hit.candidate].Suggestion.GetId()] {
		return true
	}
	return s.addresses[hit.address] || hit.leads != "" && s.request.Exclude[hit.leads]
}

// isOf tells whether an address is that of a row, or leads to it.
func (hit *suggested) isOf(row suggested) bool {
	return row.address == hit.address || hit.leads != "" && row.hit.ID == hit.leads
}

// shown tells whether a contact is among the rows with another address, and this one was
// not typed.
func (s *suggestions) shown(rows []suggested, hit *suggested) bool {
	if hit.of == nil {
		return false
	}
	id := hit.of.list[hit.candidate].Suggestion.GetId()
	return id != "" && slices.ContainsFunc(rows, func(row suggested) bool {
		return row.of == hit.of && row.of.list[row.candidate].Suggestion.GetId() == id
	}) && !slices.ContainsFunc(s.request.Query.Matches(hit.of.entry(hit.candidate)), func(m *pb.FieldMatch) bool {
		return m.GetField() == pb.MatchField_MATCH_FIELD_EMAIL
	})
}

// suggestion is what the contract shows of a hit.
func (d Reader) suggestion(s *suggestions, of *suggested) *pb.Suggestion {
	switch g, c := of.group, of.contact; {
	case of.of != nil:
		return d.view.suggestion(of.of.suggestion(of.candidate, &s.request.Query))
	case g != nil:
		return &pb.Suggestion{
			Kind:        pb.InviteeKind_INVITEE_KIND_GROUP,
			Id:          g.ID,
			DisplayName: g.DisplayName,
			Email:       g.Email,
			Matches:     s.request.Query.Matches(g.entry()),
			Source:      pb.SuggestionSource_SUGGESTION_SOURCE_GROUPS,
		}
	case c != nil:
		return d.view.suggestion(&pb.Suggestion{
			Kind:           pb.InviteeKind_INVITEE_KIND_CONTACT,
			Id:             c.ID,
			DisplayName:    c.DisplayName,
			Email:          c.Email,
			JobTitle:       c.JobTitle,
			Department:     c.Department,
			OfficeLocation: c.Office,
			Matches:        s.request.Query.Matches(c.entry()),
			Source:         pb.SuggestionSource_SUGGESTION_SOURCE_DIRECTORY_CONTACTS,
		})
	}
	profile := d.assemble(of.person)
	return &pb.Suggestion{
		Kind:           kindOf(profile.GetUserType() == pb.UserType_USER_TYPE_GUEST),
		Id:             profile.GetId(),
		DisplayName:    profile.GetDisplayName(),
		Email:          profile.GetEmail(),
		JobTitle:       profile.GetJobTitle(),
		Department:     profile.GetDepartment(),
		OfficeLocation: profile.GetOfficeLocation(),
		Matches:        s.request.Query.Matches(entryOf(profile)),
		Source:         pb.SuggestionSource_SUGGESTION_SOURCE_PEOPLE,
	}
}
