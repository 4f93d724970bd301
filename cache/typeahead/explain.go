package typeahead

import "strings"

// Reason is what points are given for.
type Reason uint8

// The reasons, in the order in which Explain tells them.
const (
	Word Reason = iota // a word of the query was found
	Picked
	Team
	Department
	Office
	Country
	Channel // they are of the team or channel that the search is for
)

// Part is one reason of a score.
type Part struct {
	Reason Reason
	Typed  string // of Word: the word of the query, folded
	Found  string // of Word: the word that it was found as
	Points int
}

// Explain returns what the score of a hit of Search or Circle is made of: the points of
// all parts are the score. It returns nothing for whom the query does not find.
func (x *Index) Explain(r Request, id string) []Part {
	if x == nil {
		return nil
	}
	s := searchers.Get().(*searcher)
	defer s.free()
	s.begin(x, &r)
	s.depth = withTypos
	for s.part = range x.parts {
		s.enter()
		doc, ok := s.segment.find(id)
		if !ok || s.gone.has(doc) {
			continue
		}
		if !s.plan.set(s.segment, &r.Query, s.names, s.depth) || len(r.Query.words) > 0 && s.plan.value(s.words(doc)) == 0 {
			return nil
		}
		return append(s.plan.explain(s.words(doc)), s.near.explain(doc, s.request.leftOut(s.segment, doc)&Positions == 0)...)
	}
	return nil
}

// explain tells of each word of the query as what it was found among the words of a document.
func (p *plan) explain(words []wordClass) (parts []Part) {
	for i := range p.words {
		var best value
		var part Part
		for j := range p.words[i].ways {
			way := &p.words[i].ways[j]
			v := way.value(p.segment, words)
			if v <= best {
				continue
			}
			best, part = v, Part{Points: int(v.points())}
			for _, piece := range way.pieces {
				_, found := piece.value(p.segment, way.reading, words)
				if part.Typed != "" {
					part.Typed, part.Found = part.Typed+" ", part.Found+" "
				}
				typed := strings.TrimPrefix(piece.forms[0], codeMark)
				if way.reading == localPart {
					typed = strings.TrimSuffix(typed, "@")
				}
				part.Typed += typed
				part.Found += strings.TrimPrefix(p.segment.vocabulary.at(found), codeMark)
			}
		}
		parts = append(parts, part)
	}
	return parts
}

// explain tells what a document's nearness is worth, as worth adds it up.
func (s *standpoint) explain(doc uint32, position bool) (parts []Part) {
	add := func(reason Reason, points int32) {
		if points > 0 {
			parts = append(parts, Part{Reason: reason, Points: int(points)})
		}
	}
	add(Picked, s.knows(doc, Picked))
	if !position {
		add(Channel, s.knows(doc, Channel))
		return parts
	}
	add(Team, s.team(doc)+s.knows(doc, Team))
	for _, d := range []struct {
		dimension int
		reason    Reason
		points    int32
	}{
		{ofDepartment, Department, nearness.department}, {ofOffice, Office, nearness.office}, {ofCountry, Country, nearness.country},
	} {
		if n := s.here.of[doc][d.dimension]; n != 0 && n == s.at[d.dimension] {
			add(d.reason, d.points)
		}
	}
	add(Channel, s.knows(doc, Channel))
	return parts
}
