package typeahead

import (
	"cmp"
	"slices"
	"strings"
	"unicode/utf8"
	"unsafe"
)

// forgiving is from how many letters of a word on a typo in it is forgiven.
const forgiving = 4

// forgivable tells whether a typo in a text is forgiven: not in one that is short as it is
// compared, and not in a number, which means another one then. A piece of a query has to
// have as many letters as it was typed, too.
func forgivable(text string) bool {
	return cut(text, forgiving-1) < len(text) && strings.Trim(text, "0123456789") != ""
}

// typos are the words of a segment that begin with a text but for one typo: a letter put
// for another, one too many, one too few, or two in the wrong order; never the first.
// Source of the four: Damerau, A technique for computer detection and correction of
// spelling errors, CACM 7(3), 1964.
type typos struct {
	spans  []span   // in order and apart
	wholes []uint32 // the words that are the text but for a typo, in order
	text   []byte   // for a moment
}

// find adds the words that begin with a form but for one typo.
func (t *typos) find(s *segment, form string) {
	if !forgivable(form) {
		return
	}
	begun := s.span(form[:cut(form, 1)]) // by what was typed before the typo
	for at := cut(form, 1); at < len(form) && !begun.empty(); {
		letter, size := utf8.DecodeRuneInString(form[at:])
		after := form[at+size:]
		isAt := letter == '@' // which nobody types by mistake, or forgets
		if !isAt {
			t.add(s, s.narrow(begun, at, after), at+len(after)) // one too many
		}
		if next, n := utf8.DecodeRuneInString(after); n > 0 && next != letter && next != '@' && !isAt {
			t.text = append(append(append(t.text[:0], after[:n]...), form[at:at+size]...), after[n:]...)
			t.add(s, s.narrow(begun, at, t.view()), len(form)) // in the wrong order
		}
		if next := s.heads[form[:at]].next; len(next) > 0 {
			for _, other := range next {
				if other == '@' {
					continue
				}
				t.text = utf8.AppendRune(append(t.text[:0], form[:at]...), other)
				n := len(t.text)
				if other != letter && !isAt {
					t.text = append(t.text, after...)
					t.add(s, s.span(t.view()), len(t.text)) // one for another
				}
				t.text = append(t.text[:n], form[at:]...)
				t.add(s, s.span(t.view()), len(t.text)) // one too few
			}
		} else {
			s.each(begun, at, func(other rune, words span) {
				n := at + utf8.RuneLen(other)
				if other == '@' {
					return
				}
				if other != letter && !isAt {
					t.add(s, s.narrow(words, n, after), n+len(after))
				}
				t.add(s, s.narrow(words, n, form[at:]), n+len(form)-at)
			})
		}
		begun = s.narrow(begun, at, form[at:at+size])
		at += size
	}
}

// view is the text of the moment, without a copy.
func (t *typos) view() string { return unsafe.String(unsafe.SliceData(t.text), len(t.text)) }

// add adds a span of words that begin with a text of n bytes.
func (t *typos) add(s *segment, words span, n int) {
	if words.empty() {
		return
	}
	t.spans = append(t.spans, words)
	if len(s.vocabulary.at(words.from)) == n {
		t.wholes = append(t.wholes, words.from)
	}
}

// settle puts the words in order, joins what overlaps, and leaves out those that are found
// as typed.
func (t *typos) settle(literal []span) {
	slices.SortFunc(t.spans, func(a, b span) int { return cmp.Compare(a.from, b.from) })
	joined := t.spans[:0]
	for _, s := range t.spans {
		if n := len(joined); n > 0 && s.from <= joined[n-1].to {
			joined[n-1].to = max(joined[n-1].to, s.to)
		} else {
			joined = append(joined, s)
		}
	}
	t.spans = joined
	for _, out := range literal {
		for i := 0; i < len(t.spans); i++ {
			in := t.spans[i]
			if in.to <= out.from || out.to <= in.from {
				continue
			}
			left, right := span{in.from, min(in.to, out.from)}, span{max(in.from, out.to), in.to}
			t.spans = slices.Delete(t.spans, i, i+1)
			for _, rest := range [...]span{right, left} {
				if rest.from < rest.to {
					t.spans = slices.Insert(t.spans, i, rest)
				}
			}
			if left.from < left.to {
				i++ // what is right of it cannot overlap again
			}
		}
	}
	slices.Sort(t.wholes)
	t.wholes = slices.DeleteFunc(slices.Compact(t.wholes), func(n uint32) bool {
		return slices.ContainsFunc(literal, func(out span) bool { return out.from <= n && n < out.to })
	})
}

// has tells whether a word is among them, and whether it is whole.
func (t *typos) has(word uint32) (found, whole bool) {
	low, high := 0, len(t.spans)
	if high == 0 || word < t.spans[0].from || word >= t.spans[high-1].to {
		return false, false // most words begin otherwise
	}
	for low < high {
		if middle := (low + high) / 2; t.spans[middle].to <= word {
			low = middle + 1
		} else {
			high = middle
		}
	}
	if word < t.spans[low].from {
		return false, false
	}
	_, whole = slices.BinarySearch(t.wholes, word)
	return true, whole
}

// forgives tells whether a word begins with what was typed but for one typo, and how many
// bytes of it were typed.
func forgives(word, typed string) (n int, found bool) {
	if !forgivable(typed) {
		return 0, false
	}
	same := 0
	for same < len(word) && same < len(typed) && word[same] == typed[same] {
		same++
	}
	for same > 0 && same < len(typed) && !utf8.RuneStart(typed[same]) || same > 0 && same < len(word) && !utf8.RuneStart(word[same]) {
		same-- // in the middle of a letter
	}
	if same < cut(typed, 1) || same == 0 {
		return 0, false
	}
	word, typed = word[same:], typed[same:]
	begins := func(skip, skipTyped int) bool {
		if skip > len(word) || skipTyped > len(typed) {
			return false
		}
		rest := typed[skipTyped:]
		if len(word)-skip < len(rest) || word[skip:skip+len(rest)] != rest {
			return false
		}
		n = same + skip + len(rest)
		return true
	}
	w1, t1 := cut(word, 1), cut(typed, 1)
	if t1 == 0 {
		return same, true // as typed
	}
	at, typedAt := strings.HasPrefix(word, "@"), strings.HasPrefix(typed, "@")
	if w1 > 0 && !at && !typedAt && begins(w1, t1) || !typedAt && begins(0, t1) || w1 > 0 && !at && begins(w1, 0) {
		return n, true
	}
	w2, t2 := cut(word, 2), cut(typed, 2)
	if w2 == t2 && w2 > w1 && w1 > 0 && !at && !typedAt && word[:w1] == typed[t1:t2] && word[w1:w2] == typed[:t1] && begins(w2, t2) {
		return n, true
	}
	return 0, false
}
