package typeahead

import "slices"

// Bucket is a kind of match, the best first: a better bucket comes before a worse one,
// whatever the scores.
type Bucket uint8

// The kinds of matches.
const (
	Address  Bucket = iota // a whole address was typed, or all of one before its @
	Literal                // each word was found as it was typed
	Nickname               // a word stands for another
	Typo                   // a typo was forgiven
	Circle                 // nothing was typed
)

// value is what a match is worth: its bucket, better ones higher, and in it its points. 0
// is no match.
type value int32

const bucketShift = 24

func (b Bucket) value(points int32) value { return value(Circle-b+1)<<bucketShift | value(points) }

func (v value) bucket() Bucket { return Circle + 1 - Bucket(v>>bucketShift) }
func (v value) points() int32  { return int32(v & (1<<bucketShift - 1)) }

// weights are the points of a word found literally, by the class of what was found, for
// its beginning and for all of it. People look for names first, then for the
// address they see; a whole word is more likely meant than the beginning of a
// longer one, but a name's beginning more likely than a whole part of an address.
var weights = [classes]struct{ begin, whole int32 }{
	inner:     {10, 10},
	alias:     {30, 35},
	principal: {40, 45},
	initials:  {45, 50},
	primary:   {50, 55},
	code:      {0, 60},
	name:      {60, 70},
	given:     {60, 70},
	surname:   {60, 70},
	both:      {60, 70},
}

// mostPoints and mostBegun are what no word exceeds, and none that is not whole.
const (
	mostPoints = 70
	mostBegun  = 60
)

// The points of words that are found otherwise.
const (
	addressPoints  = mostPoints // what they lead to is in a bucket of its own
	nicknamePoints = 55
	typoPoints     = 40
	typoWhole      = 50
)

// depth is how far a search goes in the forms of a word.
type depth uint8

const (
	literally depth = iota
	withNicknames
	withTypos
)

// plan is a query looked up in one segment.
type plan struct {
	segment *segment
	words   []planWord
	ways    []planWay
	pieces  []*planPiece
	used    int // of pieces
	first   int // the word to look at first, since it is the least likely one
}

type planWord struct {
	ways  []planWay
	masks []mask // a document without any of them has not the word
}

type planWay struct {
	pieces []*planPiece
	reading
}

// planPiece is the words of the segment that a piece of the query can mean.
type planPiece struct {
	forms    []string
	literal  []span
	is       []bool   // whether the first word of each of literal is the text itself
	nicks    []uint32 // words
	typos    typos
	postings int // of all of them
	deep     int // postings of those that only the deepest look has found
}

// set looks up a query; names are those of its ways that are not to be read as the local
// part of an address. It returns false where a word is nowhere.
func (p *plan) set(s *segment, q *Query, names []uint16, d depth) bool {
	p.segment = s
	p.words, p.ways, p.used, p.first = p.words[:0], p.ways[:0], 0, 0
	for range q.ways {
		p.ways = append(p.ways, planWay{})
	}
	n := 0
	for _, ways := range q.words {
		word := planWord{ways: p.ways[n:n]}
		if len(p.words) < cap(p.words) {
			word.masks = p.words[:len(p.words)+1][len(p.words)].masks[:0]
		}
		found := 0
		for i, w := range q.ways[ways.from:ways.to] {
			if w.reading == localName {
				if slices.Contains(names, ways.from+uint16(i)) {
					continue
				}
				w.reading = localPart
			}
			way, postings := p.way(s, q, w, d)
			if postings > 0 {
				word.ways = append(word.ways, way)
				found += postings
				word.mask(way, d)
			}
		}
		if found == 0 {
			return false
		}
		n += len(word.ways)
		p.words = append(p.words, word)
	}
	return true
}

// way looks up one way, and returns how many documents it may lead to.
func (p *plan) way(s *segment, q *Query, w way, d depth) (planWay, int) {
	first, fewest := p.used, -1
	for _, of := range q.pieces[w.from:w.to] {
		piece := p.piece()
		piece.set(s, q.forms[of.from:of.to], int(of.letters), w.reading, d)
		if fewest < 0 || piece.postings < fewest {
			fewest = piece.postings
		}
	}
	return planWay{p.pieces[first:p.used], w.reading}, fewest
}

// piece returns a piece that is free.
func (p *plan) piece() *planPiece {
	if p.used == len(p.pieces) {
		p.pieces = append(p.pieces, &planPiece{})
	}
	p.used++
	return p.pieces[p.used-1]
}

func (p *planPiece) set(s *segment, forms []string, letters int, as reading, d depth) {
	p.forms, p.postings, p.deep = forms, 0, 0
	p.literal, p.is, p.nicks = p.literal[:0], p.is[:0], p.nicks[:0]
	p.typos.spans, p.typos.wholes = p.typos.spans[:0], p.typos.wholes[:0]
	for _, form := range forms {
		words := s.span(form)
		is := s.is(form, words)
		if as == wholeCode {
			if !is {
				continue
			}
			words.to = words.from + 1
		}
		if !words.empty() {
			p.literal, p.is = append(p.literal, words), append(p.is, is)
			p.postings += len(s.postings(words))
		}
	}
	if as != beginning || d < withNicknames {
		return
	}
	for _, form := range forms {
		nicknamesOf(form, func(name string) {
			if words := s.span(name); s.is(name, words) {
				p.nicks = append(p.nicks, words.from)
				p.deep += len(s.postings(span{words.from, words.from + 1}))
			}
		})
	}
	p.postings += p.deep
	if d < withTypos {
		return
	}
	p.deep = 0
	if letters < forgiving {
		return
	}
	for _, form := range forms {
		p.typos.find(s, form)
	}
	p.typos.settle(p.literal)
	for _, words := range p.typos.spans {
		p.deep += len(s.postings(words))
	}
	p.postings += p.deep
}

// mask adds what a document has to have to match in a way.
func (w *planWord) mask(way planWay, d depth) {
	var all mask
	for _, p := range way.pieces {
		if len(p.nicks) > 0 || way.reading == wholeCode {
			continue // they begin otherwise, or are in no mask
		}
		common := ^mask(0)
		for _, form := range p.forms {
			if d == withTypos {
				common &= firstMask(form)
			} else {
				common &= maskOf(form)
			}
		}
		all |= common
	}
	if all == 0 || len(w.masks) > 0 && w.masks[0] == 0 {
		w.masks = append(w.masks[:0], 0)
		return
	}
	w.masks = append(w.masks, all)
}

// passes tells whether a document may match; where it does not, it has not all words.
func (p *plan) passes(doc uint32) bool {
	has := p.segment.masks[doc]
	for i := range p.words {
		if !slices.ContainsFunc(p.words[i].masks, func(m mask) bool { return has&m == m }) {
			return false
		}
	}
	return true
}

// value is what a document of these words is worth to the query; 0 where it does not match.
func (p *plan) value(words []wordClass) value {
	bucket, points := Address, int32(0)
	for n := range p.words {
		i := (p.first + n) % len(p.words)
		best := value(0)
		for j := range p.words[i].ways {
			best = max(best, p.words[i].ways[j].value(p.segment, words))
		}
		if best == 0 {
			return 0
		}
		bucket = max(bucket, best.bucket())
		points += best.points()
	}
	return bucket.value(points)
}

// value is that of the piece that matches worst.
func (w *planWay) value(s *segment, words []wordClass) value {
	worst := value(1<<31 - 1)
	for _, p := range w.pieces {
		v, _ := p.value(s, w.reading, words)
		if v == 0 {
			return 0
		}
		worst = min(worst, v)
	}
	return worst
}

// value is that of the word that matches best, which it returns too.
func (p *planPiece) value(s *segment, as reading, words []wordClass) (best value, found uint32) {
	take := func(v value, w uint32) {
		if v > best {
			best, found = v, w
		}
	}
	for i, in := range p.literal {
		for _, w := range words {
			if n := w.word(); in.from <= n && n < in.to {
				take(literalValue(s, w, as, p.is[i] && n == in.from), n)
			}
		}
	}
	if best > 0 {
		return best, found
	}
	for _, w := range words {
		if w.class() >= name && slices.Contains(p.nicks, w.word()) {
			take(Nickname.value(nicknamePoints), w.word())
		}
	}
	if best > 0 || len(p.typos.spans) == 0 {
		return best, found
	}
	for _, w := range words {
		if in, whole := p.typos.has(w.word()); whole {
			take(Typo.value(typoWhole), w.word())
		} else if in {
			take(Typo.value(typoPoints), w.word())
		}
	}
	return best, found
}

func literalValue(s *segment, w wordClass, as reading, whole bool) value {
	switch {
	case as == localPart, whole && isAddress(s.vocabulary.at(w.word())):
		return Address.value(addressPoints)
	case whole:
		return Literal.value(weights[w.class()].whole)
	default:
		return Literal.value(weights[w.class()].begin)
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
