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

	Unsearched Fields            // of everybody; what is typed is not looked for there
	Hides      map[string]Fields // likewise, by id of entries; AllFields are not found
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

// Circle returns those nearest to whoever searches, best first: whom they picked, who is of
// the channel, their manager, their reports, and those of the same manager.
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
				s.add(doc, Circle.value(s.worth(doc)))
			}
		}
		beside := func(doc uint32) {
			if s.request.leftOut(s.segment, doc)&Positions == 0 {
				add(doc)
			}
		}
		for _, k := range s.near.known {
			if k.reason == Picked || k.reason == Channel {
				add(k.doc)
			}
		}
		if s.near.boss != 0 {
			beside(s.near.boss - 1)
		}
		for _, team := range []uint32{s.near.at[ofManager], s.near.self} {
			for _, doc := range s.segment.places.dim[ofManager].at(team) {
				beside(doc)
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
	names   []uint16 // of the query's ways those that are names
	kinds   uint8    // a bit for each that may be found
	depth   depth
	best    []ranked // best first, at most limit

	// Of the part that is searched.
	part       int
	segment    *segment
	gone       bitset
	near       *standpoint
	nears      []standpoint // of each part
	plan       plan
	from       uint32 // the first document that may be found
	neighbours []neighbourhood
	lists      []list
	marks      bitset
	marked     bool        // marks tells who is in the lists
	alone      bool        // who is in the lists has all that the query asks for
	searched   []wordClass // of the document that is looked at
}

var searchers = sync.Pool{New: func() any { return new(searcher) }}

// free gives the searcher back, without what it looked at.
func (s *searcher) free() {
	for _, p := range s.plan.pieces { // of any part: they hold what was typed
		p.forms = nil
		clear(p.typos.text[:cap(p.typos.text)])
	}
	s.index, s.request, s.segment, s.plan.segment, s.gone, s.near = nil, nil, nil, nil, nil, nil
	for i := range s.nears[:cap(s.nears)] {
		s.nears[:cap(s.nears)][i].here = nil
	}
	clear(s.neighbours[:cap(s.neighbours)])
	clear(s.lists[:cap(s.lists)])
	searchers.Put(s)
}

func (s *searcher) begin(x *Index, r *Request) {
	s.index, s.request, s.limit, s.best = x, r, r.Limit, s.best[:0]
	s.nears = slices.Grow(s.nears[:0], len(x.parts))[:len(x.parts)]
	s.kinds = 1<<kinds - 1
	if len(r.Kinds) > 0 {
		s.kinds = 0
		for _, k := range r.Kinds {
			s.kinds |= 1 << k
		}
	}
	s.readNames(&r.Query)
}

// readNames finds the words of the query that are somebody's name: who types one does not
// mean the address of somebody else.
func (s *searcher) readNames(q *Query) {
	s.names = s.names[:0]
	for i, w := range q.ways {
		if w.reading != localName {
			continue
		}
		for _, form := range q.forms[q.pieces[w.from].from:q.pieces[w.from].to] {
			if s.isName(form[:len(form)-len("@")]) {
				s.names = append(s.names, uint16(i))
				break
			}
		}
	}
}

// isName tells whether somebody has a word for a name.
func (s *searcher) isName(word string) bool {
	for _, p := range s.index.parts {
		words := p.segment.span(word)
		if !p.segment.is(word, words) {
			continue
		}
		for _, post := range p.segment.postings(span{words.from, words.from + 1}) {
			if c := post.class(); c >= name && !p.gone.has(post.doc()) && fieldsOf[c]&s.request.leftOut(p.segment, post.doc()) == 0 {
				return true
			}
		}
	}
	return false
}

// enter goes into a part.
func (s *searcher) enter() {
	s.segment, s.gone = s.index.parts[s.part].segment, s.index.parts[s.part].gone
	if s.near = &s.nears[s.part]; s.near.here == nil { // each depth comes here
		s.near.set(s.segment, &s.request.Near)
	}
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
	if !s.beats(v, doc) || s.kinds&(1<<s.segment.kind(doc)) == 0 || s.request.Exclude[s.segment.ids[doc]] || s.request.hides(s.segment, doc) {
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
const handful = 512

// search adds what the query finds in a part. Everybody whom it finds is in one of its
// lists. Where these are short, each of them is looked at. Where they are long, those near
// the searcher are looked at first, place by place in the order of equals, until the rest
// of a place cannot be among the best; then the lists are gone through, in which the class
// of a posting tells who still can. To walk through a large place for few who match would
// take longer than to look at all lists: no more is walked than they hold.
func (s *searcher) search() {
	s.enter()
	if !s.plan.set(s.segment, &s.request.Query, s.names, s.depth) {
		return
	}
	s.marked, s.alone = false, false
	first, count := s.rarest(condition{word: -1})
	second, more := s.rarest(first)
	if both := count + more; count > handful && second.word >= 0 && both <= manageable && count*more/len(s.segment.ids) <= 8*handful {
		s.both(first, second)
		return
	}
	s.candidates(first, count)
	near, begun := true, false
	if count > handful {
		begun, near = s.neighbourhoods(count, second.word < 0)
	}
	for _, l := range s.lists {
		s.scan(l, begun, near)
	}
}

// manageable is how many postings are gone through to mark who is in them. To test a mark
// is much quicker than to look at somebody.
const manageable = 1 << 19

// mark marks who is in the lists.
func (s *searcher) mark() {
	s.marked = true
	if n := len(s.segment.ids); cap(s.marks) < (n+63)/64 {
		s.marks = newBitset(n)
	}
	s.marks = s.marks[:(len(s.segment.ids)+63)/64]
	clear(s.marks)
	for _, l := range s.lists {
		for _, p := range l.posts {
			s.marks.add(p.doc())
		}
	}
}

// passes tells whether a document may match.
func (s *searcher) passes(doc uint32) bool {
	return (!s.marked || s.marks.has(doc)) && (s.alone || s.plan.passes(doc))
}

// both looks at those of whom two conditions hold.
func (s *searcher) both(one, other condition) {
	s.lists = s.lists[:0]
	s.conditionLists(one)
	s.mark()
	s.lists = s.lists[:0]
	s.conditionLists(other)
	for _, l := range s.lists {
		for _, p := range l.posts {
			if doc := p.doc(); s.marks.has(doc) {
				s.marks.remove(doc)
				s.look(doc, best)
			}
		}
	}
}

// neighbourhoods looks at those near the searcher, in as many steps as are given; alone
// tells that the lists hold nobody else than whom the query finds. It tells
// whether those who are left have nothing of the query whole, and whether some of them are
// near.
func (s *searcher) neighbourhoods(steps int, alone bool) (begun, near bool) {
	s.near.circle(func(doc uint32) {
		if s.plan.passes(doc) {
			s.look(doc, best)
		}
	})
	s.neighbours = s.near.neighbours(s.neighbours[:0])
	nearest := value(0)
	for _, n := range s.neighbours {
		nearest += value(n.worth)
	}
	count := steps
	most, known := best, false // what anybody left matches at most is not known yet
	for _, n := range s.neighbours {
		if !known && len(n.docs) > fewNeighbours {
			begun, known = s.wholes(), true
			most = s.most(begun)
			if limit := manageable / 2; !begun && count <= limit || count <= limit/8 {
				// Either many are looked at for something whole, or few match.
				s.mark()
				s.alone = alone
				steps *= 8 // which are quick
			}
		}
		if steps = s.walk(n.docs, most, nearest, steps); steps < 0 {
			return begun, true
		}
		nearest -= value(n.worth)
	}
	if !known {
		begun = s.wholes()
	}
	return begun, false
}

// look adds a document if it matches, and tells whether that changed the best. It matches
// for most at most.
func (s *searcher) look(doc uint32, most value) bool {
	if doc < s.from || s.gone.has(doc) {
		return false
	}
	worth := value(s.worth(doc))
	if !s.beats(most+worth, doc) {
		return false
	}
	v := s.plan.value(s.words(doc))
	return v > 0 && s.add(doc, v+worth)
}

// walk looks at documents in order, until the rest cannot be among the best: they match
// for most at most, and are near for nearest. It returns how many steps are left; none are
// if it is less than 0, and the walk has not come to its end.
func (s *searcher) walk(docs []uint32, most, nearest value, steps int) int {
	for _, doc := range docs {
		if steps--; steps < 0 || !s.beats(most+nearest, doc) {
			return steps
		}
		if s.passes(doc) {
			s.look(doc, most)
		}
	}
	return steps
}

// wholes looks at everybody who has an address of the query whole, and at everybody who
// has another word of it whole, if they are few: then the others have but beginnings,
// which it tells.
func (s *searcher) wholes() (begun bool) {
	look := func(words span, most value) {
		for _, p := range s.segment.postings(words) {
			if doc := p.doc(); s.passes(doc) {
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

// scan looks at those documents of a list that can be among the best; where near is not
// to be heeded, for how well they match alone. With begun, those who have anything whole
// have been looked at.
func (s *searcher) scan(l list, begun, near bool) {
	if s.depth > literally && l.literal && l.alone || begun && (l.whole || l.address) {
		return // they have been
	}
	var most [classes]value
	others := int32(0)
	for i := range s.plan.words {
		if i != l.word {
			others += s.mostAs(i, begun)
		}
	}
	for c := range most {
		own := weights[c].begin
		switch {
		case l.address:
			most[c] = best
			continue
		case !l.literal && s.depth == withTypos && !l.nick:
			if own = typoPoints; l.whole {
				own = typoWhole
			}
		case !l.literal:
			own = nicknamePoints
		case l.whole:
			own = weights[c].whole
		}
		most[c] = s.depth.bucket().value(others + min(own, s.mostAs(l.word, begun)))
	}
	if near {
		for _, p := range l.posts {
			if doc := p.doc(); l.alone || s.passes(doc) {
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
		if doc < until[p.class()] && doc >= s.from && s.passes(doc) && s.look(doc, most[p.class()]) {
			if until, some = s.until(&most); !some {
				return
			}
		}
	}
}
