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
		for _, k := range s.near.known {
			if k.reason == Picked {
				add(k.doc)
			}
		}
		if s.near.boss != 0 {
			add(s.near.boss - 1)
		}
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
	names   []uint16 // of the query's ways those that are names
	kinds   uint8    // a bit for each that may be found
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
	marks      bitset
	marked     bool // marks tells who is in the lists
	alone      bool // who is in the lists has all that the query asks for
}

var searchers = sync.Pool{New: func() any { return new(searcher) }}

// free gives the searcher back, without what it looked at.
func (s *searcher) free() {
	for _, p := range s.plan.pieces { // of any part: they hold what was typed
		p.forms = nil
		clear(p.typos.text[:cap(p.typos.text)])
	}
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
			if post.class() >= name && !p.gone.has(post.doc()) {
				return true
			}
		}
	}
	return false
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
	s.near.circle(func(doc uint32) { s.look(doc, best) })
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
	worth := value(s.near.worth(doc))
	if !s.beats(most+worth, doc) {
		return false
	}
	v := s.plan.value(doc)
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

// bucket is the best of what is left to find. A deeper search comes after those before it
// have found all that they could.
func (d depth) bucket() Bucket { return [...]Bucket{Literal, Nickname, Typo}[d] }

// most is what anybody matches at most of those who are left; with begun, they have
// nothing whole.
func (s *searcher) most(begun bool) value {
	points, least := int32(0), int32(mostPoints) // by which a word that only this depth finds is worth less
	for i := range s.plan.words {
		as := s.mostAs(i, begun)
		points, least = points+as, min(least, as-s.mostDeep(i, begun))
	}
	return s.depth.bucket().value(points - max(least, 0))
}

// mostAs is what a word of the query is worth at most as it was typed.
func (s *searcher) mostAs(word int, begun bool) (most int32) {
	for _, way := range s.plan.words[word].ways {
		of := int32(mostPoints)
		for _, p := range way.pieces {
			if !begun && (way.reading == localPart || isAddress(p.forms[0])) {
				of = addressPoints
			} else if begun || way.reading == wholeCode || !slices.Contains(p.is, true) {
				of = mostBegun
			}
		}
		most = max(most, of)
	}
	return most
}

// mostDeep is what it is worth at most as something that only this depth finds.
func (s *searcher) mostDeep(word int, begun bool) (most int32) {
	if s.depth == literally {
		return s.mostAs(word, begun)
	}
	for _, way := range s.plan.words[word].ways {
		for _, p := range way.pieces {
			switch {
			case p.deep == 0:
			case s.depth == withNicknames:
				most = max(most, nicknamePoints)
			case !begun && len(p.typos.wholes) > 0:
				most = max(most, typoWhole)
			default:
				most = max(most, typoPoints)
			}
		}
	}
	return most
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
