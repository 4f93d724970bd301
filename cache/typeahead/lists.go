package typeahead

import "slices"

// list is postings that the query leads to.
type list struct {
	posts   []post
	word    int  // of the query
	literal bool // as typed
	nick    bool // of a name that stands for it
	alone   bool // nothing else has to match
	whole   bool // of all of a word
	address bool // of all of an address, or of all before its @
}

// condition is a word of the query, or, where a way of reading it has several pieces, a
// second one of these.
type condition struct {
	word   int // -1 for none
	second bool
}

// rarest is the condition that holds of the fewest, apart from one, and how many postings
// it has.
func (s *searcher) rarest(but condition) (rarest condition, fewest int) {
	rarest.word = -1
	for i, w := range s.plan.words {
		for _, second := range [...]bool{false, true} {
			if c := (condition{i, second}); c != but && (!second || w.parted()) {
				if n := s.plan.count(c); rarest.word < 0 || n < fewest {
					rarest, fewest = c, n
				}
			}
		}
	}
	return rarest, fewest
}

// parted tells whether some way of reading the word has several pieces.
func (w *planWord) parted() bool {
	return slices.ContainsFunc(w.ways, func(way planWay) bool { return len(way.pieces) > 1 })
}

// count is how many postings a condition has.
func (p *plan) count(c condition) (n int) {
	for i := range p.words[c.word].ways {
		n += p.words[c.word].ways[i].piece(c.second).postings
	}
	return n
}

// piece is the piece that the fewest have, or the second one, if there is one.
func (w *planWay) piece(second bool) *planPiece {
	var one, two *planPiece
	for _, p := range w.pieces {
		switch {
		case one == nil || p.postings < one.postings:
			one, two = p, one
		case two == nil || p.postings < two.postings:
			two = p
		}
	}
	if second && two != nil {
		return two
	}
	return one
}

// candidates makes the lists that the query leads to. Everybody whom it finds has its
// rarest word; and everybody whom a deeper search finds has a word that only this depth
// finds: the lists are those that are shorter.
func (s *searcher) candidates(rarest condition, postings int) {
	s.lists = s.lists[:0]
	deep := 0
	for _, w := range s.plan.words {
		for _, way := range w.ways {
			for _, p := range way.pieces {
				deep += p.deep
			}
		}
	}
	if s.depth == literally || deep > postings {
		s.plan.first = rarest.word + 1 // everybody has the rarest
		s.conditionLists(rarest)
		return
	}
	for i, w := range s.plan.words {
		for _, way := range w.ways {
			for _, p := range way.pieces {
				s.deepLists(p, i)
			}
		}
	}
}

// conditionLists adds the lists of a condition.
func (s *searcher) conditionLists(c condition) {
	ways := s.plan.words[c.word].ways
	for i := range ways {
		p := ways[i].piece(c.second)
		s.literalLists(p, c.word, ways[i].reading, len(s.plan.words) == 1 && len(ways[i].pieces) == 1)
		s.deepLists(p, c.word)
		if s.depth == withTypos {
			s.nickLists(p, c.word)
		}
	}
}

// literalLists adds the lists of a piece's words as typed; alone tells that they are all
// that has to match.
func (s *searcher) literalLists(p *planPiece, word int, as reading, alone bool) {
	for i, words := range p.literal {
		if as == localPart {
			s.list(words, list{word: word, literal: true, alone: alone, address: true})
			continue
		}
		if p.is[i] {
			s.list(span{words.from, words.from + 1}, list{word: word, literal: true, alone: alone, whole: true, address: isAddress(p.forms[0])})
			words.from++
		}
		s.list(words, list{word: word, literal: true, alone: alone})
	}
}

// deepLists adds those of the words that only this depth has found.
func (s *searcher) deepLists(p *planPiece, word int) {
	if s.depth == withNicknames {
		s.nickLists(p, word)
	}
	wholes := p.typos.wholes
	for _, words := range p.typos.spans {
		for len(wholes) > 0 && wholes[0] < words.to {
			n := wholes[0]
			s.list(span{words.from, n}, list{word: word})
			s.list(span{n, n + 1}, list{word: word, whole: true})
			words.from, wholes = n+1, wholes[1:]
		}
		s.list(words, list{word: word})
	}
}

func (s *searcher) nickLists(p *planPiece, word int) {
	for _, n := range p.nicks {
		s.list(span{n, n + 1}, list{word: word, nick: true})
	}
}

func (s *searcher) list(words span, l list) {
	if l.posts = s.segment.postings(words); len(l.posts) > 0 {
		s.lists = append(s.lists, l)
	}
}
