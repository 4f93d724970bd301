package typeahead

import (
	"cmp"
	"slices"
)

// Position is where a person stands in the organisation; empty where not known.
type Position struct {
	Manager    string // the manager's id
	Department string
	Office     string
	Country    string
}

// Near is who searches, and where they stand: people mostly look for somebody near. The
// zero Near is nobody, to whom all are alike far.
type Near struct {
	ID string
	Position
	Above  []string // the managers above the manager, by id, the nearest first
	Picked []Pick
}

// Pick is somebody who is near by themselves: whom the searcher has picked before, or who is
// of the channel that the search is for. A search takes some time for each of them.
type Pick struct {
	ID     string
	Points int    // what that is worth
	Reason Reason // Picked or Channel; zero means Picked
}

// OfChannel is what being of the team or channel that a search is for is worth: less than
// to be of one's team in the organisation, and more than to be of one's department.
const OfChannel = 55

// nearness is what being near is worth, beside how well somebody matches. Whoever is near
// in several ways is worth all of them.
var nearness = struct{ manager, team, above, department, office, country int32 }{
	manager: 65, team: 60, above: 25, department: 40, office: 30, country: 8,
}

// A dimension is one of the ways to be near: people who have the same place in it are.
const (
	ofManager = iota
	ofDepartment
	ofOffice
	ofCountry
	dimensions
)

// in returns a position by dimension.
func (p *Position) in(dimension int) *string {
	switch dimension {
	case ofManager:
		return &p.Manager
	case ofDepartment:
		return &p.Department
	case ofOffice:
		return &p.Office
	default:
		return &p.Country
	}
}

// standing is the number of a document's place in each dimension, 0 for none.
type standing [dimensions]uint32

// places are where the documents of a segment stand.
type places struct {
	of  []standing // of each document
	dim [dimensions]dimension
}

// dimension holds who is at each place.
type dimension struct {
	names   []string          // of each place; that of 0 is empty
	numbers map[string]uint32 // the reverse
	docs    []uint32          // the documents, place by place, in order
	ends    []uint32          // where each place's documents end in docs
}

func newPlaces(size int) places {
	p := places{of: make([]standing, 0, size)}
	for d := range p.dim {
		p.dim[d] = dimension{names: []string{""}, numbers: map[string]uint32{"": 0}}
	}
	return p
}

func (d *dimension) number(name string) uint32 {
	n, ok := d.numbers[name]
	if !ok {
		n = uint32(len(d.names))
		d.names = append(d.names, name)
		d.numbers[name] = n
	}
	return n
}

// add puts the next document at a position.
func (p *places) add(at *Position) {
	var s standing
	for d := range s {
		s[d] = p.dim[d].number(*at.in(d))
	}
	p.of = append(p.of, s)
}

// complete lists who is where, once all documents are added.
func (p *places) complete() {
	for d := range p.dim {
		dim := &p.dim[d]
		dim.ends = make([]uint32, len(dim.names))
		for _, s := range p.of {
			if s[d] != 0 {
				dim.ends[s[d]]++
			}
		}
		begin := uint32(0)
		for n, count := range dim.ends {
			dim.ends[n] = begin
			begin += count
		}
		dim.docs = make([]uint32, begin)
		for doc, s := range p.of {
			if n := s[d]; n != 0 {
				dim.docs[dim.ends[n]] = uint32(doc)
				dim.ends[n]++
			}
		}
	}
}

// at are the documents at a place, in order; nobody is at 0.
func (d *dimension) at(n uint32) []uint32 {
	if n == 0 {
		return nil
	}
	return d.docs[d.ends[n-1]:d.ends[n]]
}

// bytes is about how much memory they take, the names left out, which are shared with
// whoever gave them.
func (p *places) bytes() int {
	n := 4 * dimensions * len(p.of)
	for d := range p.dim {
		n += 4*(len(p.dim[d].docs)+len(p.dim[d].ends)) + perName*len(p.dim[d].names)
	}
	return n
}

// perName is about what a name takes in a slice and in a map, its text left out.
const perName = 60

// standpoint is a Near in the numbers of one segment.
type standpoint struct {
	here  *places
	at    standing
	self  uint32  // as a manager
	boss  uint32  // the manager's document, counted from 1
	known []known // by document
	bloom uint64  // a bit for the documents of known
}

// known is somebody whom the searcher knows by themselves, not by a place.
type known struct {
	doc    uint32
	reason Reason
	points int32
}

// set makes it a Near's.
func (s *standpoint) set(in *segment, n *Near) {
	*s = standpoint{here: &in.places, known: s.known[:0]}
	for d := range s.at {
		s.at[d] = in.places.dim[d].numbers[*n.Position.in(d)]
	}
	if n.ID != "" {
		s.self = in.places.dim[ofManager].numbers[n.ID]
	}
	if n.Manager != "" {
		if doc, ok := in.find(n.Manager); ok {
			s.boss = doc + 1
		}
	}
	know := func(id string, reason Reason, points int32) {
		if doc, ok := in.find(id); ok {
			s.known = append(s.known, known{doc, reason, points})
			s.bloom |= 1 << (doc % 64)
		}
	}
	for _, p := range n.Picked {
		know(p.ID, cmp.Or(p.Reason, Picked), int32(p.Points))
	}
	for _, id := range n.Above {
		know(id, Team, nearness.above)
	}
	slices.SortFunc(s.known, func(a, b known) int { return cmp.Compare(a.doc, b.doc) })
}

// worth is what a document's nearness is worth.
func (s *standpoint) worth(doc uint32) (points int32) {
	at := &s.here.of[doc]
	points = s.team(doc)
	if n := at[ofDepartment]; n != 0 && n == s.at[ofDepartment] {
		points += nearness.department
	}
	if n := at[ofOffice]; n != 0 && n == s.at[ofOffice] {
		points += nearness.office
	}
	if n := at[ofCountry]; n != 0 && n == s.at[ofCountry] {
		points += nearness.country
	}
	if s.bloom&(1<<(doc%64)) != 0 {
		points += s.knows(doc, Picked) + s.knows(doc, Team) + s.knows(doc, Channel)
	}
	return points
}

// alone is what a document's nearness is worth without its position.
func (s *standpoint) alone(doc uint32) int32 {
	if s.bloom&(1<<(doc%64)) == 0 {
		return 0
	}
	return s.knows(doc, Picked) + s.knows(doc, Channel)
}

// team is what being of the searcher's team is worth to a document.
func (s *standpoint) team(doc uint32) int32 {
	switch m := s.here.of[doc][ofManager]; {
	case s.boss == doc+1:
		return nearness.manager
	case m != 0 && (m == s.at[ofManager] || m == s.self):
		return nearness.team
	default:
		return 0
	}
}

// knows is what being known for a reason is worth to a document.
func (s *standpoint) knows(doc uint32, reason Reason) (points int32) {
	at, _ := slices.BinarySearchFunc(s.known, doc, func(k known, doc uint32) int { return cmp.Compare(k.doc, doc) })
	for ; at < len(s.known) && s.known[at].doc == doc; at++ {
		if s.known[at].reason == reason {
			points = max(points, s.known[at].points)
		}
	}
	return points
}

// circle are the documents to be looked at by themselves: whom the searcher knows, and
// their manager.
func (s *standpoint) circle(yield func(doc uint32)) {
	for _, k := range s.known {
		yield(k.doc)
	}
	if s.boss != 0 {
		yield(s.boss - 1)
	}
}

// neighbourhood is the documents at one of the searcher's places, in order, and what being
// there is worth.
type neighbourhood struct {
	docs  []uint32
	worth int32
}

// neighbours are those of all of the searcher's places, the smallest first.
func (s *standpoint) neighbours(into []neighbourhood) []neighbourhood {
	dim := &s.here.dim
	for _, c := range [...]neighbourhood{
		{dim[ofManager].at(s.at[ofManager]), nearness.team},
		{dim[ofManager].at(s.self), nearness.team},
		{dim[ofDepartment].at(s.at[ofDepartment]), nearness.department},
		{dim[ofOffice].at(s.at[ofOffice]), nearness.office},
		{dim[ofCountry].at(s.at[ofCountry]), nearness.country},
	} {
		if len(c.docs) == 0 {
			continue
		}
		at := len(into)
		for at > 0 && len(into[at-1].docs) > len(c.docs) {
			at--
		}
		into = append(into, neighbourhood{})
		copy(into[at+1:], into[at:])
		into[at] = c
	}
	return into
}
