package typeahead

import (
	"strings"
	"unicode/utf8"
)

// span is some words of a segment that stand together, by number. Of those that begin
// with a text, the text itself, if it is a word, is the first.
type span struct{ from, to uint32 }

func (s span) empty() bool { return s.from == s.to }

// head is the words that begin with up to headLetters letters.
type head struct {
	span
	next []rune // the letters that follow, in order
}

const (
	headLetters = 3
	headed      = 4096 // from how many words on a segment has heads
	perHead     = 80   // about how many bytes a head takes, its letters left out
)

// cut is how many bytes the first n letters of a text take; all, if it has fewer.
func cut(text string, n int) int {
	at := 0
	for ; n > 0 && at < len(text); n-- {
		_, size := utf8.DecodeRuneInString(text[at:])
		at += size
	}
	return at
}

// behead makes the heads of a vocabulary.
func (s *segment) behead() {
	if len(s.vocabulary.ends) < headed {
		return
	}
	s.heads = map[string]head{}
	var open [headLetters]struct {
		text string
		head
	}
	end := func(from int, at uint32) {
		for d := from; d < headLetters; d++ {
			if o := &open[d]; o.text != "" {
				o.to = at
				s.heads[o.text] = o.head
				o.text = ""
			}
		}
	}
	for n := range uint32(len(s.vocabulary.ends)) {
		word := s.vocabulary.at(n)
		for d, at := 0, 0; d < headLetters && at < len(word); d++ {
			letter, size := utf8.DecodeRuneInString(word[at:])
			at += size
			if open[d].text == word[:at] {
				continue
			}
			end(d, n)
			open[d].text, open[d].head = word[:at], head{span: span{from: n}}
			if d > 0 {
				open[d-1].next = append(open[d-1].next, letter)
			}
		}
	}
	end(0, uint32(len(s.vocabulary.ends)))
}

// span returns the words that begin with a text.
func (s *segment) span(text string) span {
	if s.heads == nil {
		return s.narrow(span{0, uint32(len(s.vocabulary.ends))}, 0, text)
	}
	n := cut(text, headLetters)
	return s.narrow(s.heads[text[:n]].span, n, text[n:])
}

// narrow returns those words of a span that go on so after n bytes, which all of them
// have alike.
func (s *segment) narrow(in span, n int, rest string) span {
	if rest == "" || in.empty() {
		return in
	}
	low, high := in.from, in.to
	for low < high {
		if middle := (low + high) / 2; s.vocabulary.at(middle)[n:] < rest {
			low = middle + 1
		} else {
			high = middle
		}
	}
	if low == in.to || !strings.HasPrefix(s.vocabulary.at(low)[n:], rest) {
		return span{low, low}
	}
	return s.begun(span{low, in.to}, n, rest)
}

// begun is narrow for a span whose first word goes on so.
func (s *segment) begun(in span, n int, rest string) span {
	// Most such spans are short: the end is looked for in growing steps.
	inside, outside := in.from, in.to
	for step := uint32(1); inside+step < outside; step *= 2 {
		if !strings.HasPrefix(s.vocabulary.at(inside + step)[n:], rest) {
			outside = inside + step
			break
		}
		inside += step
	}
	for inside+1 < outside {
		if middle := (inside + outside) / 2; strings.HasPrefix(s.vocabulary.at(middle)[n:], rest) {
			inside = middle
		} else {
			outside = middle
		}
	}
	return span{in.from, outside}
}

// is tells whether the first word of a span, which begin with a text, is that text. One
// letter is no word: more likely a longer one is meant than an initial.
func (s *segment) is(text string, in span) bool {
	return !in.empty() && len(s.vocabulary.at(in.from)) == len(text) && cut(text, 1) < len(text)
}

// postings are the documents that have any word of a span, some perhaps several times.
func (s *segment) postings(in span) []post {
	if in.empty() {
		return nil
	}
	return s.posts[begin(s.last, in.from):s.last[in.to-1]]
}

// each calls yield with the words of a span by the letter that follows their first n
// bytes, which all of them have alike; without those that end there.
func (s *segment) each(in span, n int, yield func(letter rune, words span)) {
	for at := in.from; at < in.to; {
		word := s.vocabulary.at(at)
		if len(word) == n {
			at++
			continue
		}
		letter, size := utf8.DecodeRuneInString(word[n:])
		words := s.begun(span{at, in.to}, n, word[n:n+size])
		yield(letter, words)
		at = words.to
	}
}
