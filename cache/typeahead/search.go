package typeahead

import (
	"slices"
	"sort"
)

// Hit is somebody whom a query found. The higher the score, the better the match;
// scores compare only within one query.
type Hit struct {
	ID    string
	Score int
}

// weights are what a match of a word is worth: by the class of what was found, for
// its beginning and for all of it. People look for names first, then for the
// address they see; a whole word is more likely meant than the beginning of a
// longer one, but a name's beginning more likely than a whole part of an address.
var weights = [...]struct{ begin, whole int }{
	inner:     {10, 10},
	alias:     {30, 35},
	principal: {40, 45},
	primary:   {50, 55},
	name:      {60, 70},
}

// wholeAddress is what a completely typed address is worth: nobody else is meant.
const wholeAddress = 100

// plan is a query looked up in one segment.
type plan struct {
	segment *segment
	words   [][][]spans // word → ways → pieces
}

// spans are the words that begin with a piece, in any of its spellings.
type spans []span

func (s *segment) plan(q Query) plan {
	p := plan{segment: s, words: make([][][]spans, len(q.words))}
	for i, word := range q.words {
		for _, way := range word {
			pieces := make([]spans, len(way))
			for j, piece := range way {
				for _, form := range piece {
					pieces[j] = append(pieces[j], s.span(form))
				}
			}
			p.words[i] = append(p.words[i], pieces)
		}
	}
	return p
}

// candidates returns the lists of documents that the rarest word of the query can
// lead to: everybody whom the query finds is in one of them.
func (p plan) candidates() (lists [][]uint32) {
	best := -1
	for _, ways := range p.words {
		var ofWord [][]uint32
		count := 0
		for _, pieces := range ways {
			rarest, fewest := [][]uint32(nil), -1
			for _, piece := range pieces {
				var ofPiece [][]uint32
				n := 0
				for _, span := range piece {
					documents := p.segment.postings(span)
					ofPiece, n = append(ofPiece, documents), n+len(documents)
				}
				if fewest < 0 || n < fewest {
					rarest, fewest = ofPiece, n
				}
			}
			ofWord, count = append(ofWord, rarest...), count+fewest
		}
		if best < 0 || count < best {
			lists, best = ofWord, count
		}
	}
	return lists
}

// score is what a document is worth to the query; 0 where it does not match.
func (p plan) score(doc uint32) int {
	words := p.segment.wordsOf(doc)
	total := 0
	for _, ways := range p.words {
		best := 0
		for _, pieces := range ways {
			best = max(best, p.scoreWay(pieces, words))
		}
		if best == 0 {
			return 0
		}
		total += best
	}
	return total
}

// scoreWay is that of the piece that matches worst.
func (p plan) scoreWay(pieces []spans, words []wordClass) int {
	worst := wholeAddress
	for _, piece := range pieces {
		best := 0
		for _, span := range piece {
			best = max(best, p.scoreSpan(span, words))
		}
		worst = min(worst, best)
	}
	return worst
}

func (p plan) scoreSpan(s span, words []wordClass) int {
	best := 0
	first := sort.Search(len(words), func(i int) bool { return words[i].word() >= s.from })
	for _, w := range words[first:] {
		if w.word() >= s.to {
			break
		}
		whole := s.exact && w.word() == s.from
		best = max(best, weigh(w.class(), whole, whole && isAddress(p.segment.word(w.word()))))
	}
	return best
}

// weigh is what a match of one word is worth.
func weigh(class class, whole, address bool) int {
	switch {
	case address:
		return wholeAddress
	case whole:
		return weights[class].whole
	default:
		return weights[class].begin
	}
}

func isAddress(word string) bool {
	for i := range len(word) {
		if word[i] == '@' {
			return true
		}
	}
	return false
}

// ranked is a candidate that may be among the best.
type ranked struct {
	segment *segment
	doc     uint32
	score   int
}

func (r ranked) compare(o ranked) int {
	if r.score != o.score {
		return o.score - r.score
	}
	if r.segment == o.segment {
		return int(r.doc) - int(o.doc)
	}
	return compareOrder(r.segment.orders[r.doc], r.segment.ids[r.doc], o.segment.orders[o.doc], o.segment.ids[o.doc])
}

// best are the best candidates so far, best first, at most limit.
type best struct {
	list  []ranked
	limit int
}

func (b *best) add(r ranked) {
	if len(b.list) == b.limit {
		if r.compare(b.list[b.limit-1]) >= 0 {
			return
		}
		b.list = b.list[:b.limit-1]
	}
	at, _ := slices.BinarySearchFunc(b.list, r, ranked.compare)
	b.list = slices.Insert(b.list, at, r)
}

// Search is SearchNear for nobody.
func (x *Index) Search(q Query, limit int, keep func(id string) bool) []Hit {
	return x.SearchNear(q, limit, Near{}, keep)
}

// SearchNear returns those whom a query finds and keep lets through, best first, at most
// limit: by how well they match and how near they are to whoever searches. A nil keep
// lets everybody through.
func (x *Index) SearchNear(q Query, limit int, near Near, keep func(id string) bool) []Hit {
	if x == nil || len(q.words) == 0 || limit <= 0 {
		return nil
	}
	found := best{limit: limit, list: make([]ranked, 0, limit)}
	if x.base != nil {
		x.base.search(q, x.gone, near, keep, &found)
	}
	if x.overlay != nil {
		x.overlay.search(q, nil, near, keep, &found)
	}
	hits := make([]Hit, len(found.list))
	for i, r := range found.list {
		hits[i] = Hit{ID: r.segment.ids[r.doc], Score: r.score}
	}
	return hits
}

// search adds what a query finds in a segment to found, without what is gone.
func (s *segment) search(q Query, gone bitset, near Near, keep func(id string) bool, found *best) {
	plan, from := s.plan(q), s.standpoint(near)
	seen := newBitset(len(s.ids))
	for _, documents := range plan.candidates() {
		for _, doc := range documents {
			if seen.has(doc) || gone.has(doc) {
				continue
			}
			seen.add(doc)
			score := plan.score(doc)
			if score > 0 && (keep == nil || keep(s.ids[doc])) {
				found.add(ranked{s, doc, score + from.worth(doc)})
			}
		}
	}
}

// bitset is a set of documents; a nil one is empty.
type bitset []uint64

func newBitset(n int) bitset { return make(bitset, (n+63)/64) }

func (b bitset) has(doc uint32) bool { return b != nil && b[doc/64]&(1<<(doc%64)) != 0 }

func (b bitset) add(doc uint32) { b[doc/64] |= 1 << (doc % 64) }
