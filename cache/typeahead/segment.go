package typeahead

import (
	"cmp"
	"slices"
	"sort"
	"strings"
	"unsafe"
)

// document is a person as a segment is built from them.
type document struct {
	id       string
	order    order
	words    []term
	position position
}

// order is the order of people whose matches are equally good: members before
// guests, then by display name.
type order struct {
	guest bool
	name  string // folded
}

// term is a folded word of a person, with its class.
type term struct {
	text  string
	class class
}

func newDocument(e Entry) document {
	d := document{id: e.ID, order: order{e.Guest, text(glyphs(e.Name))}, position: position{e.Manager, e.Department, e.Office}}
	for _, f := range e.fields() {
		for _, w := range f.words {
			for _, form := range spelled(w.glyphs) {
				d.add(form, w.class)
				for _, bare := range unmarked(form) {
					d.add(bare, w.class)
				}
			}
		}
	}
	return d
}

// add adds a word, once, with the best of its classes.
func (d *document) add(form string, class class) {
	if form == "" {
		return
	}
	for i := range d.words {
		if d.words[i].text == form {
			d.words[i].class = max(d.words[i].class, class)
			return
		}
	}
	d.words = append(d.words, term{form, class})
}

// segment is a sorted, compact, immutable part of an index. Documents are numbered
// in their order, so that the order of equals costs no look.
type segment struct {
	ids    []string // of each document
	orders []order  // of each document
	byID   []uint32 // documents sorted by id

	text  string   // all words, sorted, one after the other
	ends  []uint32 // where each word ends in text
	posts []uint32 // documents that have a word, word by word
	last  []uint32 // where each word's documents end in posts

	words    []wordClass // the words of each document, document by document, sorted
	lastWord []uint32    // where each document's words end in words

	places places
}

// wordClass is a word's number with its class in the lowest three bits.
type wordClass uint32

func (w wordClass) word() uint32 { return uint32(w >> 3) }
func (w wordClass) class() class { return class(w & 7) }

func newSegment(documents []document) *segment {
	slices.SortFunc(documents, func(a, b document) int {
		return compareOrder(a.order, a.id, b.order, b.id)
	})
	s := &segment{
		ids:      make([]string, len(documents)),
		orders:   make([]order, len(documents)),
		byID:     make([]uint32, len(documents)),
		lastWord: make([]uint32, len(documents)),
		places:   newPlaces(documents),
	}
	for i, d := range documents {
		s.ids[i], s.orders[i], s.byID[i] = d.id, d.order, uint32(i)
	}
	slices.SortFunc(s.byID, func(a, b uint32) int { return cmp.Compare(s.ids[a], s.ids[b]) })
	numbers := s.addWords(documents)
	s.addPostings(documents, numbers)
	return s
}

// addWords sorts all words into one text and returns their numbers.
func (s *segment) addWords(documents []document) map[string]uint32 {
	numbers := map[string]uint32{}
	size := 0
	for _, d := range documents {
		for _, w := range d.words {
			if _, ok := numbers[w.text]; !ok {
				numbers[w.text] = 0
				size += len(w.text)
			}
		}
	}
	sorted := make([]string, 0, len(numbers))
	for w := range numbers {
		sorted = append(sorted, w)
	}
	slices.Sort(sorted)
	var all strings.Builder
	all.Grow(size)
	s.ends = make([]uint32, len(sorted))
	for i, w := range sorted {
		all.WriteString(w)
		s.ends[i] = uint32(all.Len())
		numbers[w] = uint32(i)
	}
	s.text = all.String()
	return numbers
}

func (s *segment) addPostings(documents []document, numbers map[string]uint32) {
	s.last = make([]uint32, len(s.ends))
	for i, d := range documents {
		begin := len(s.words)
		for _, w := range d.words {
			n := numbers[w.text]
			s.words = append(s.words, wordClass(n<<3)|wordClass(w.class))
			s.last[n]++
		}
		slices.Sort(s.words[begin:])
		s.lastWord[i] = uint32(len(s.words))
	}
	s.words = slices.Clip(s.words)
	// last holds counts now; make them begins, which filling moves to the ends.
	begin := uint32(0)
	for n, count := range s.last {
		s.last[n] = begin
		begin += count
	}
	s.posts = make([]uint32, begin)
	for i := range documents {
		for _, w := range s.wordsOf(uint32(i)) {
			s.posts[s.last[w.word()]] = uint32(i)
			s.last[w.word()]++
		}
	}
}

func compareOrder(a order, aID string, b order, bID string) int {
	if a.guest != b.guest {
		if b.guest {
			return -1
		}
		return +1
	}
	return cmp.Or(cmp.Compare(a.name, b.name), cmp.Compare(aID, bID))
}

func (s *segment) word(n uint32) string { return s.text[s.begin(s.ends, n):s.ends[n]] }

func (s *segment) wordsOf(doc uint32) []wordClass {
	return s.words[s.begin(s.lastWord, doc):s.lastWord[doc]]
}

func (s *segment) begin(ends []uint32, i uint32) uint32 {
	if i == 0 {
		return 0
	}
	return ends[i-1]
}

// document is what a document was built from.
func (s *segment) document(doc uint32) document {
	d := document{id: s.ids[doc], order: s.orders[doc], position: s.places.of(doc)}
	for _, w := range s.wordsOf(doc) {
		d.words = append(d.words, term{s.word(w.word()), w.class()})
	}
	return d
}

// find returns the document of an id, and whether there is one.
func (s *segment) find(id string) (uint32, bool) {
	i, ok := sort.Find(len(s.byID), func(i int) int { return strings.Compare(id, s.ids[s.byID[i]]) })
	if !ok {
		return 0, false
	}
	return s.byID[i], true
}

// bytes is about how much memory a segment takes, ids and names left out.
func (s *segment) bytes() int {
	if s == nil {
		return 0
	}
	const perDocument = int(unsafe.Sizeof("") + unsafe.Sizeof(order{}))
	return len(s.ids)*perDocument + len(s.text) + s.places.bytes() +
		4*(len(s.byID)+len(s.ends)+len(s.posts)+len(s.last)+len(s.words)+len(s.lastWord))
}

// span is the words that begin with a text, by number; the text itself, if it is a
// word, is the first.
type span struct {
	from, to uint32
	exact    bool // the first word is the text itself
}

func (s *segment) span(prefix string) span {
	n := len(s.ends)
	from := sort.Search(n, func(i int) bool { return s.word(uint32(i)) >= prefix })
	to := from + sort.Search(n-from, func(i int) bool {
		return !strings.HasPrefix(s.word(uint32(from+i)), prefix)
	})
	return span{uint32(from), uint32(to), from < to && s.word(uint32(from)) == prefix}
}

// postings returns the documents that have any word of a span, some perhaps
// several times.
func (s *segment) postings(p span) []uint32 {
	if p.from == p.to {
		return nil
	}
	return s.posts[s.begin(s.last, p.from):s.last[p.to-1]]
}
