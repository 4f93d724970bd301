package typeahead

import "strings"

// source is a segment that is about to be merged.
type source struct {
	*segment
	gone    bitset
	numbers []uint32             // of its words in the new vocabulary
	places  [dimensions][]uint32 // of its places' numbers in the new segment, counted from 1; 0 for not yet
}

// merge makes one segment of two, without the documents that are gone. It takes time in
// proportion to them.
func merge(a *segment, goneA bitset, b *segment, goneB bitset) *segment {
	sources := [2]*source{{segment: a, gone: goneA}, {segment: b, gone: goneB}}
	next := newBuilder(len(a.ids) + len(b.ids))
	next.s.words = make([]wordClass, 0, len(a.words)+len(b.words))
	next.merge(sources)
	one, other := sources[0].first(), sources[1].first()
	for one < len(a.ids) || other < len(b.ids) {
		if other == len(b.ids) || one < len(a.ids) && a.before(uint32(one), b, uint32(other)) {
			next.take(sources[0], uint32(one))
			one = sources[0].after(one)
		} else {
			next.take(sources[1], uint32(other))
			other = sources[1].after(other)
		}
	}
	return next.done()
}

// before tells whether a document comes before one of another segment, if they are equals.
func (s *segment) before(doc uint32, o *segment, other uint32) bool {
	return compare(s.kind(doc), s.names.at(doc), s.ids[doc], o.kind(other), o.names.at(other), o.ids[other]) < 0
}

// first is the first document that is not gone.
func (s *source) first() int { return s.after(-1) }

// after is the next document that is not gone.
func (s *source) after(doc int) int {
	for doc++; doc < len(s.ids) && s.gone.has(uint32(doc)); doc++ {
	}
	return doc
}

// used are the words that somebody has who is not gone.
func (s *source) used() bitset {
	used := newBitset(len(s.vocabulary.ends))
	for doc := s.first(); doc < len(s.ids); doc = s.after(doc) {
		for _, w := range s.wordsOf(uint32(doc)) {
			used.add(w.word())
		}
	}
	return used
}

// merge makes a vocabulary of two.
func (b *builder) merge(sources [2]*source) {
	size, ends := 0, 0
	var used [2]bitset
	var at [2]uint32
	for i, s := range sources {
		used[i] = s.used()
		s.numbers = make([]uint32, len(s.vocabulary.ends))
		for d := range s.places {
			s.places[d] = make([]uint32, len(s.segment.places.dim[d].names))
		}
		size, ends = size+len(s.vocabulary.all), ends+len(s.vocabulary.ends)
	}
	b.vocabulary = textsBuilder{all: make([]byte, 0, size), ends: make([]uint32, 0, ends)}
	next := func(i int) (word string, ok bool) {
		for s := sources[i]; at[i] < uint32(len(s.numbers)); at[i]++ {
			if used[i].has(at[i]) {
				return s.vocabulary.at(at[i]), true
			}
		}
		return "", false
	}
	for {
		one, ok1 := next(0)
		other, ok2 := next(1)
		order := 0
		switch {
		case !ok1 && !ok2:
			return
		case !ok1:
			order = +1
		case !ok2:
			order = -1
		default:
			order = strings.Compare(one, other)
		}
		n := uint32(len(b.vocabulary.ends))
		if order <= 0 {
			b.vocabulary.add(one)
			sources[0].numbers[at[0]] = n
			at[0]++
		} else {
			b.vocabulary.add(other)
		}
		if order >= 0 {
			sources[1].numbers[at[1]] = n
			at[1]++
		}
	}
}

// take adds a document of a source.
func (b *builder) take(s *source, doc uint32) {
	b.s.ids = append(b.s.ids, s.ids[doc])
	b.s.kindEnds[s.kind(doc)]++
	b.names.add(s.names.at(doc))
	at := s.segment.places.of[doc]
	for d, n := range at {
		known := &s.places[d][n]
		if *known == 0 {
			*known = 1 + b.s.places.dim[d].number(s.segment.places.dim[d].names[n])
		}
		at[d] = *known - 1
	}
	b.s.places.of = append(b.s.places.of, at)
	for _, w := range s.wordsOf(doc) {
		b.addWord(s.numbers[w.word()], w.class())
	}
	b.endWords()
}

// bitset is a set of numbers; a nil one is empty.
type bitset []uint64

func newBitset(n int) bitset { return make(bitset, (n+63)/64) }

func (b bitset) has(n uint32) bool { return b != nil && b[n/64]&(1<<(n%64)) != 0 }

func (b bitset) add(n uint32) { b[n/64] |= 1 << (n % 64) }

func (b bitset) remove(n uint32) { b[n/64] &^= 1 << (n % 64) }
