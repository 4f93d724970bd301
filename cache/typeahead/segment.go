package typeahead

import (
	"hash/maphash"
	"slices"
	"unsafe"
)

// segment is a sorted, compact, immutable part of an index. Documents are numbered
// in the order of equals, so that this order costs no look.
type segment struct {
	ids      []string // of each document
	byID     []uint32 // a hash table of documents, counted from 1; 0 is free
	kindEnds [kinds]uint32
	names    texts // the folded display name of each document

	vocabulary texts  // all words, sorted
	posts      []post // who has a word, word by word, in order
	last       []uint32

	words    []wordClass // the words of each document, document by document, sorted
	lastWord []uint32    // where each document's words end in words
	masks    []mask      // of each document's words

	heads  map[string]head // where the words begin that begin so; nil where there are few words
	places places
}

// texts are many texts in one.
type texts struct {
	all  string
	ends []uint32
}

func (t *texts) at(i uint32) string { return t.all[begin(t.ends, i):t.ends[i]] }

// begin is where the i-th part begins, of parts that end at ends.
func begin(ends []uint32, i uint32) uint32 {
	if i == 0 {
		return 0
	}
	return ends[i-1]
}

// post is a document that has a word, with the word's class there in the highest bits.
type post uint32

const (
	docBits = 32 - classBits
	maxDocs = 1 << docBits
)

func (p post) doc() uint32  { return uint32(p) & (maxDocs - 1) }
func (p post) class() class { return class(p >> docBits) }

// wordClass is a word's number with its class in the lowest bits.
type wordClass uint32

func (w wordClass) word() uint32 { return uint32(w >> classBits) }
func (w wordClass) class() class { return class(w & (1<<classBits - 1)) }

// mask tells quickly which words a document has not: a bit for each beginning, codes left
// out.
type mask uint64

// maskOf is the mask of a word: a bit for its first byte, and one for its first two.
func maskOf(word string) mask {
	const ofOne = 24
	m := mask(1) << (uint32(word[0]) % ofOne)
	if len(word) > 1 {
		h := (uint32(word[0])*31 + uint32(word[1])) * 0x9e3779b1
		m |= 1 << (ofOne + (h>>16)%(64-ofOne))
	}
	return m
}

// firstMask is that of a word of which the first letter alone is sure.
func firstMask(word string) mask { return maskOf(word[:1]) }

// newSegment makes a segment of documents, whose order it changes.
func newSegment(documents []document) *segment {
	slices.SortFunc(documents, func(a, b document) int { return compare(a.kind, a.name, a.id, b.kind, b.name, b.id) })
	b := newBuilder(len(documents))
	numbers := b.number(documents)
	for i := range documents {
		d := &documents[i]
		b.add(d.id, d.kind, d.name, &d.position)
		for _, w := range d.words {
			b.addWord(numbers[w.text], w.class)
		}
		slices.Sort(b.s.words[begin(b.s.lastWord, uint32(i)):])
		b.endWords()
	}
	return b.done()
}

// builder builds a segment: of its vocabulary, and of documents that come in their order.
type builder struct {
	s                 *segment
	names, vocabulary textsBuilder
}

func newBuilder(size int) *builder {
	return &builder{
		s: &segment{
			ids:      make([]string, 0, size),
			lastWord: make([]uint32, 0, size),
			places:   newPlaces(size),
		},
		names: textsBuilder{ends: make([]uint32, 0, size)},
	}
}

// number makes all words of documents the vocabulary, and returns their numbers.
func (b *builder) number(documents []document) map[string]uint32 {
	numbers := make(map[string]uint32, 4*len(documents))
	for i := range documents {
		for _, w := range documents[i].words {
			numbers[w.text] = 0
		}
	}
	sorted := make([]string, 0, len(numbers))
	for w := range numbers {
		sorted = append(sorted, w)
	}
	slices.Sort(sorted)
	for i, w := range sorted {
		numbers[w] = uint32(i)
		b.vocabulary.add(w)
	}
	return numbers
}

// add adds a document; its words, in order, are to follow, and endWords.
func (b *builder) add(id string, kind Kind, name string, at *Position) {
	b.s.ids = append(b.s.ids, id)
	b.s.kindEnds[kind]++
	b.names.add(name)
	b.s.places.add(at)
}

func (b *builder) addWord(n uint32, class class) {
	b.s.words = append(b.s.words, wordClass(n<<classBits)|wordClass(class))
}

func (b *builder) endWords() { b.s.lastWord = append(b.s.lastWord, uint32(len(b.s.words))) }

// done completes the segment.
func (b *builder) done() *segment {
	s := b.s
	s.names, s.vocabulary = b.names.texts(), b.vocabulary.texts()
	s.words = slices.Clip(s.words)
	for k := 1; k < len(s.kindEnds); k++ {
		s.kindEnds[k] += s.kindEnds[k-1]
	}
	s.places.complete()
	s.tabulate()
	s.post()
	s.behead()
	return s
}

// textsBuilder builds texts.
type textsBuilder struct {
	all  []byte
	ends []uint32
}

func (b *textsBuilder) add(text string) {
	b.all = append(b.all, text...)
	b.ends = append(b.ends, uint32(len(b.all)))
}

func (b *textsBuilder) texts() texts {
	b.all = slices.Clip(b.all)
	return texts{unsafe.String(unsafe.SliceData(b.all), len(b.all)), slices.Clip(b.ends)}
}

// post lists who has each word, and makes the masks.
func (s *segment) post() {
	s.last = make([]uint32, len(s.vocabulary.ends))
	for _, w := range s.words {
		s.last[w.word()]++
	}
	from := uint32(0) // counts become begins, which filling moves to the ends
	for n, count := range s.last {
		s.last[n] = from
		from += count
	}
	s.posts = make([]post, from)
	s.masks = make([]mask, len(s.ids))
	for doc := range s.ids {
		for _, w := range s.wordsOf(uint32(doc)) {
			s.posts[s.last[w.word()]] = post(doc) | post(w.class())<<docBits
			s.last[w.word()]++
			if w.class() != code { // everybody has some
				s.masks[doc] |= maskOf(s.vocabulary.at(w.word()))
			}
		}
	}
}

func (s *segment) wordsOf(doc uint32) []wordClass {
	return s.words[begin(s.lastWord, doc):s.lastWord[doc]]
}

// kind is what a document is.
func (s *segment) kind(doc uint32) Kind {
	k := Kind(0)
	for doc >= s.kindEnds[k] {
		k++
	}
	return k
}

// seed is of all tables of ids.
var seed = maphash.MakeSeed()

// tabulate makes the table of ids, at most two thirds full.
func (s *segment) tabulate() {
	s.byID = make([]uint32, len(s.ids)+len(s.ids)/2+1)
	for doc, id := range s.ids {
		at := s.slot(id)
		for s.byID[at] != 0 {
			at = (at + 1) % len(s.byID)
		}
		s.byID[at] = uint32(doc) + 1
	}
}

// slot is where in the table the search for an id begins.
func (s *segment) slot(id string) int {
	return int(maphash.String(seed, id) % uint64(len(s.byID)))
}

// find returns the document of an id, and whether there is one.
func (s *segment) find(id string) (uint32, bool) {
	for at := s.slot(id); s.byID[at] != 0; at = (at + 1) % len(s.byID) {
		if doc := s.byID[at] - 1; s.ids[doc] == id {
			return doc, true
		}
	}
	return 0, false
}

// bytes is about how much memory a segment takes, its ids and the names of places left
// out, which are shared with whoever gave them.
func (s *segment) bytes() int {
	const perID = int(unsafe.Sizeof(""))
	n := perID*len(s.ids) + len(s.names.all) + len(s.vocabulary.all) + s.places.bytes() + 8*len(s.masks) +
		4*(len(s.byID)+len(s.names.ends)+len(s.vocabulary.ends)+len(s.posts)+len(s.last)+len(s.words)+len(s.lastWord))
	for _, h := range s.heads {
		n += perHead + 4*len(h.next)
	}
	return n
}
