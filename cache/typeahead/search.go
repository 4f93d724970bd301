package typeahead

import (
	"slices"
	"sync"
)

// Request is a search.
type Request struct {
	Query   Query
	Limit   int             // how many hits at most
	Near    Near            // who searches; zero for nobody
	Kinds   []Kind          // what may be found; everything if empty
	Exclude map[string]bool // ids not to be found
}

// Hit is somebody whom a search found. Scores compare only within one bucket of one
// search.
type Hit struct {
	ID     string
	Bucket Bucket
	Score  int
}

// Search returns those whom a query finds, best first: by bucket, then by score, which is
// how well they match and how near they are to whoever searches, then by kind and name.
func (x *Index) Search(r Request) []Hit {
	if x == nil || len(r.Query.words) == 0 || r.Limit <= 0 {
		return nil
	}
	s := searchers.Get().(*searcher)
	defer s.free()
	s.begin(x, &r)
	for s.depth = literally; s.depth <= withTypos && len(s.best) < s.limit; s.depth++ {
		for s.part = range x.parts {
			s.search()
		}
	}
	return s.hits()
}

// Circle returns those nearest to whoever searches, best first: whom they picked, their
// manager, their reports, and those of the same manager.
func (x *Index) Circle(r Request) []Hit {
	if x == nil || r.Limit <= 0 {
		return nil
	}
	s := searchers.Get().(*searcher)
	defer s.free()
	s.begin(x, &r)
	for s.part = range x.parts {
		s.enter()
		add := func(doc uint32) {
			if !s.gone.has(doc) {
				s.add(doc, Circle.value(s.near.worth(doc)))
			}
		}
		s.near.circle(add)
		for _, team := range []uint32{s.near.at[ofManager], s.near.self} {
			for _, doc := range s.segment.places.dim[ofManager].at(team) {
				add(doc)
			}
		}
	}
	return s.hits()
}

// searcher is a search under way.
type searcher struct {
	index   *Index
	request *Request
	limit   int
	kinds   uint8 // a bit for each that may be found
	depth   depth
	best    []ranked // best first, at most limit

	// Of the part that is searched.
	part       int
	segment    *segment
	gone       bitset
	near       standpoint
	plan       plan
	from       uint32 // the first document that may be found
	neighbours []neighbourhood
	lists      []list
}

var searchers = sync.Pool{New: func() any { return new(searcher) }}

// free gives the searcher back, without what it looked at.
func (s *searcher) free() {
	s.index, s.request, s.segment, s.plan.segment, s.gone, s.near.here = nil, nil, nil, nil, nil, nil
	clear(s.neighbours[:cap(s.neighbours)])
	clear(s.lists[:cap(s.lists)])
	searchers.Put(s)
}

func (s *searcher) begin(x *Index, r *Request) {
	s.index, s.request, s.limit, s.best = x, r, r.Limit, s.best[:0]
	s.kinds = 1<<kinds - 1
	if len(r.Kinds) > 0 {
		s.kinds = 0
		for _, k := range r.Kinds {
			s.kinds |= 1 << k
		}
	}
}

// enter goes into a part.
func (s *searcher) enter() {
	s.segment, s.gone = s.index.parts[s.part].segment, s.index.parts[s.part].gone
	s.near.set(s.segment, &s.request.Near)
	s.from = 0
	for k := Kind(0); k < kinds && s.kinds&(1<<k) == 0; k++ {
		s.from = s.segment.kindEnds[k]
	}
}

// ranked is a document that may be among the best.
type ranked struct {
	value value
	part  int32
	doc   uint32
}

// beats tells whether a document of this value would be among the best.
func (s *searcher) beats(v value, doc uint32) bool {
	if len(s.best) < s.limit {
		return true
	}
	return s.before(ranked{v, int32(s.part), doc}, s.best[len(s.best)-1])
}

func (s *searcher) before(a, b ranked) bool {
	if a.value != b.value {
		return a.value > b.value
	}
	if a.part == b.part {
		return a.doc < b.doc
	}
	return s.index.parts[a.part].segment.before(a.doc, s.index.parts[b.part].segment, b.doc)
}

// add adds a document to the best, if it is one of them and may be found, and tells
// whether it did.
func (s *searcher) add(doc uint32, v value) bool {
	if !s.beats(v, doc) || s.kinds&(1<<s.segment.kind(doc)) == 0 || s.request.Exclude[s.segment.ids[doc]] {
		return false
	}
	r := ranked{v, int32(s.part), doc}
	at := len(s.best)
	for i, b := range s.best {
		if b.doc == doc && b.part == r.part {
			return false
		}
		if at == len(s.best) && s.before(r, b) {
			at = i
		}
	}
	if len(s.best) == s.limit {
		s.best = s.best[:s.limit-1]
	}
	s.best = slices.Insert(s.best, at, r)
	return true
}

func (s *searcher) hits() []Hit {
	hits := make([]Hit, len(s.best))
	for i, r := range s.best {
		hits[i] = Hit{s.index.parts[r.part].segment.ids[r.doc], r.value.bucket(), int(r.value.points())}
	}
	return hits
}

// fewNeighbours are looked at before anybody else: who is found among them leaves less to
// look at elsewhere.
const fewNeighbours = 256

// best is what no match exceeds.
const best = value(1<<31-1) - 1<<20

// handful is how many documents are looked at one by one rather than being clever.
const handful = 2048

// search adds what the query finds in a part. Everybody whom it finds has its rarest word.
// Where few have, each of them is looked at. Where many have, those near the searcher are
// looked at first, place by place in the order of equals, until the rest of a place cannot
// be among the best; then the postings of the rarest word are gone through, in which the
// class tells who still can.
func (s *searcher) search() {
	s.enter()
	if !s.plan.set(s.segment, &s.request.Query, s.depth) {
		return
	}
	count := s.candidates()
	if len(s.lists) == 0 {
		return
	}
	if count <= handful {
		for _, l := range s.lists {
			s.scan(l, false, true)
		}
		return
	}
	s.near.circle(func(doc uint32) { s.look(doc, best) })
	s.neighbours = s.near.neighbours(s.neighbours[:0])
	nearest := value(0)
	for _, n := range s.neighbours {
		nearest += value(n.worth)
	}
	most, begun, known := best, false, false // what anybody left matches at most is not known yet
	for _, n := range s.neighbours {
		if !known && len(n.docs) > fewNeighbours {
			begun, known = s.wholes(), true
			most = s.most(begun)
		}
		s.walk(n.docs, most, nearest)
		nearest -= value(n.worth)
	}
	if !known {
		begun = s.wholes()
	}
	for _, l := range s.lists {
		s.scan(l, begun, false)
	}
}

// look adds a document if it matches, and tells whether that changed the best. It matches
// for most at most.
func (s *searcher) look(doc uint32, most value) bool {
	if doc < s.from || s.gone.has(doc) {
		return false
	}
	worth := value(s.near.worth(doc))
	if !s.beats(most+worth, doc) {
		return false
	}
	v := s.plan.value(doc)
	return v > 0 && s.add(doc, v+worth)
}

// walk looks at documents in order, until the rest cannot be among the best: they match
// for most at most, and are near for nearest.
func (s *searcher) walk(docs []uint32, most, nearest value) {
	for _, doc := range docs {
		if !s.beats(most+nearest, doc) {
			return
		}
		if s.plan.passes(doc) {
			s.look(doc, most)
		}
	}
}

// list is postings that the query leads to.
type list struct {
	posts   []post
	literal bool // as typed
	alone   bool // nothing else has to match
	whole   bool // of all of a word
	address bool // of all of an address, or of all before its @
}

// candidates makes the lists that the query leads to, and returns how many postings they
// hold. Everybody whom it finds has its rarest word; and everybody whom a deeper search
// finds has a word that only this depth finds: the lists are those that are shorter.
func (s *searcher) candidates() int {
	s.lists = s.lists[:0]
	rarest, fewest, deep := 0, -1, 0
	for i, w := range s.plan.words {
		count := 0
		for j := range w.ways {
			_, n := w.ways[j].rarest()
			count += n
			for _, p := range w.ways[j].pieces {
				deep += p.deep
			}
		}
		if fewest < 0 || count < fewest {
			rarest, fewest = i, count
		}
	}
	if s.depth > literally && deep <= fewest {
		for _, w := range s.plan.words {
			for j := range w.ways {
				for _, p := range w.ways[j].pieces {
					s.deepLists(p)
				}
			}
		}
		return deep
	}
	ways := s.plan.words[rarest].ways
	for i := range ways {
		p, _ := ways[i].rarest()
		s.literalLists(p, ways[i].reading, len(s.plan.words) == 1 && len(ways[i].pieces) == 1)
		s.deepLists(p)
		if s.depth == withTypos {
			s.nickLists(p)
		}
	}
	return fewest
}

// literalLists adds the lists of a piece's words as typed; alone tells that they are all
// that has to match.
func (s *searcher) literalLists(p *planPiece, as reading, alone bool) {
	for i, words := range p.literal {
		if as == localPart {
			s.list(words, list{literal: true, alone: alone, address: true})
			continue
		}
		if p.is[i] {
			s.list(span{words.from, words.from + 1}, list{literal: true, alone: alone, whole: true, address: isAddress(p.forms[0])})
			words.from++
		}
		s.list(words, list{literal: true, alone: alone})
	}
}

// deepLists adds those of the words that only this depth has found.
func (s *searcher) deepLists(p *planPiece) {
	if s.depth == withNicknames {
		s.nickLists(p)
	}
	for _, words := range p.typos.spans {
		s.list(words, list{})
	}
}

func (s *searcher) nickLists(p *planPiece) {
	for _, n := range p.nicks {
		s.list(span{n, n + 1}, list{})
	}
}

func (s *searcher) list(words span, l list) {
	l.posts = s.segment.postings(words)
	s.lists = append(s.lists, l)
}

// rarest is the piece that the fewest have, and how many they are.
func (w *planWay) rarest() (rarest *planPiece, fewest int) {
	for _, p := range w.pieces {
		if rarest == nil || p.postings < fewest {
			rarest, fewest = p, p.postings
		}
	}
	return rarest, fewest
}

// wholes looks at everybody who has an address of the query whole, and at everybody who
// has another word of it whole, if they are few: then the others have but beginnings,
// which it tells.
func (s *searcher) wholes() (begun bool) {
	look := func(words span, most value) {
		for _, p := range s.segment.postings(words) {
			if doc := p.doc(); s.plan.passes(doc) {
				s.look(doc, most)
			}
		}
	}
	count := 0
	for _, pass := range []func(span){
		func(words span) { count += len(s.segment.postings(words)) },
		func(words span) { look(words, s.most(false)) },
	} {
		for _, word := range s.plan.words {
			for _, way := range word.ways {
				for _, p := range way.pieces {
					for i, words := range p.literal {
						first := span{words.from, words.from + 1}
						switch {
						case way.reading == localPart:
							look(words, best)
						case p.is[i] && isAddress(p.forms[0]):
							look(first, best)
						case p.is[i]:
							pass(first)
						}
					}
					for _, n := range p.typos.wholes {
						pass(span{n, n + 1})
					}
				}
			}
		}
		if count > handful {
			return false
		}
	}
	return true
}

// bucket is the best of what is left to find. A deeper search comes after those before it
// have found all that they could.
func (d depth) bucket() Bucket { return [...]Bucket{Literal, Nickname, Typo}[d] }

// most is what anybody matches at most of those who are left; with begun, they have
// nothing whole.
func (s *searcher) most(begun bool) value {
	word, last := int32(mostPoints), [...]int32{mostPoints, nicknamePoints, typoWhole}[s.depth]
	if begun {
		word, last = mostBegun, [...]int32{mostBegun, nicknamePoints, typoPoints}[s.depth]
	}
	return s.depth.bucket().value(int32(len(s.plan.words)-1)*word + last)
}

// scan looks at those documents of a list that can be among the best; where near is not
// to be heeded, for how well they match alone. With begun, those who have anything whole
// have been looked at.
func (s *searcher) scan(l list, begun, near bool) {
	if s.depth > literally && l.literal && l.alone || begun && (l.whole || l.address) {
		return // they have been
	}
	var most [classes]value
	for c := range most {
		if most[c] = s.most(begun); !l.literal || s.depth > literally {
			continue
		}
		switch { // by what it is no name
		case l.address:
			most[c] = Address.value(most[c].points() + addressPoints)
		case l.whole:
			most[c] -= value(mostPoints - weights[c].whole)
		case begun:
			most[c] -= value(mostBegun - weights[c].begin)
		default:
			most[c] -= value(mostPoints - weights[c].begin)
		}
	}
	if near {
		for _, p := range l.posts {
			if doc := p.doc(); l.alone || s.plan.passes(doc) {
				s.look(doc, most[p.class()])
			}
		}
		return
	}
	until, some := s.until(&most)
	if !some {
		return
	}
	for _, p := range l.posts {
		doc := p.doc()
		if doc < until[p.class()] && doc >= s.from && s.plan.passes(doc) && s.look(doc, most[p.class()]) {
			if until, some = s.until(&most); !some {
				return
			}
		}
	}
}

// until is before which document somebody is among the best, by the class of their word,
// and whether there is any.
func (s *searcher) until(most *[classes]value) (until [classes]uint32, some bool) {
	for c, most := range most {
		if len(s.best) < s.limit {
			until[c] = maxDocs
		} else if last := s.best[len(s.best)-1]; most > last.value || most == last.value && int(last.part) != s.part {
			until[c] = maxDocs
		} else if most == last.value {
			until[c] = last.doc
		}
		some = some || until[c] > 0
	}
	return until, some
}
