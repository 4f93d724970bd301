package typeahead

import (
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// glyph is a letter of a text, with its marks, as it is compared.
type glyph struct {
	base       string // folded
	alt        string // another usual spelling, folded; empty where there is none
	start, end int32  // where in the text, in code points
	kind       kind
	unspaced   bool // of a script that does not space words
}

// kind is the part that a glyph plays in the words of a text.
type kind uint8

const (
	letter    kind = iota // part of a word: a letter, digit or mark
	connector             // both joins and splits words: an apostrophe, hyphen or middle dot
	separator             // splits words
	nothing               // not seen: a soft hyphen, a joiner
)

// appendGlyphs takes a text apart, and leaves out what is not seen.
func appendGlyphs(list []glyph, text string) []glyph {
	for at := int32(0); text != ""; {
		var g glyph
		n := 1
		if text[0] < utf8.RuneSelf && (len(text) == 1 || text[1] < utf8.RuneSelf) {
			g, g.start, g.end = asciiGlyphs[text[0]], at, at+1 // most text is such, which no mark follows
		} else if known, size := knownGlyph(text); size > 0 {
			n, g = size, *known
			g.start, g.end = at, at+1
		} else {
			n = norm.NFC.NextBoundaryInString(text, true)
			g = newGlyph(text[:n])
			g.start, g.end = at, at+int32(utf8.RuneCountInString(text[:n]))
		}
		if g.kind != nothing {
			list = append(list, g)
		}
		at, text = g.end, text[n:]
	}
	return list
}

// asciiGlyphs holds the glyph of each ASCII character, at no place.
var asciiGlyphs = func() (table [utf8.RuneSelf]glyph) {
	for r := range table {
		table[r] = newGlyph(string(rune(r)))
	}
	return table
}()

// knownGlyph returns the glyph of the first letter of a text, and its size, if it is one
// of many letters that stand for themselves: of the Latin, Greek and Cyrillic alphabets
// below knownLetters, each in one piece and without a mark behind it.
func knownGlyph(text string) (*glyph, int) {
	first, size := utf8.DecodeRuneInString(text)
	if first >= knownLetters || knownGlyphs()[first].base == "" {
		return nil, 0
	}
	if next, n := utf8.DecodeRuneInString(text[size:]); n > 0 && (next >= knownLetters || next >= utf8.RuneSelf && knownGlyphs()[next].base == "") {
		return nil, 0
	}
	return &knownGlyphs()[first], size
}

const knownLetters = 0x530

var knownGlyphs = sync.OnceValue(func() *[knownLetters]glyph {
	var table [knownLetters]glyph
	for r := range rune(knownLetters) {
		if norm.NFC.PropertiesString(string(r)).BoundaryBefore() && norm.NFC.IsNormalString(string(r)) {
			table[r] = newGlyph(string(r))
		}
	}
	return &table
})

func newGlyph(cluster string) glyph {
	first, _ := utf8.DecodeRuneInString(cluster)
	if plain, ok := connectors[first]; ok {
		return glyph{base: plain, kind: connector}
	}
	if unseen(first) {
		return glyph{kind: nothing}
	}
	var g glyph
	g.kind = separator
	var base, alt strings.Builder
	hasAlt := false
	for _, r := range norm.NFC.String(cluster) {
		if inWord(r) {
			g.kind = letter
		}
		spelling := spell(r)
		base.WriteString(spelling[0])
		if spelling[1] != "" {
			hasAlt = true
			alt.WriteString(spelling[1])
		} else {
			alt.WriteString(spelling[0])
		}
	}
	if g.base = base.String(); hasAlt {
		g.alt = alt.String()
	}
	if g.base == "" { // a mark that stands on nothing
		return glyph{kind: nothing}
	}
	g.unspaced = unicode.In(first, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul) || first == 'ー'
	return g
}

// connectors are written in many ways; these are their plain ones.
var connectors = func() map[rune]string {
	plain := map[rune]string{}
	for _, r := range "'’‘ʼʻʾʿ`´′＇׳״" {
		plain[r] = "'"
	}
	for _, r := range "-‐‑‒–—−－" {
		plain[r] = "-"
	}
	for _, r := range "·・･" {
		plain[r] = "·"
	}
	return plain
}()

// unseen tells what is not seen in a word: soft hyphens, joiners, marks of
// direction, which glyph of a Han letter is meant, and the Arabic tatweel, which
// only stretches a word.
func unseen(r rune) bool {
	const tatweel = '\u0640'
	return r == tatweel || unicode.In(r, unicode.Cf, unicode.Variation_Selector)
}

// inWord tells what words are made of.
func inWord(r rune) bool { return unicode.In(r, unicode.Letter, unicode.Number, unicode.Mark) }

// spellings are letters that their decomposition does not fold, and those with a
// second usual spelling.
var spellings = map[rune][2]string{
	'ä': {"a", "ae"}, 'ö': {"o", "oe"}, 'ü': {"u", "ue"}, 'å': {"a", "aa"}, 'ø': {"o", "oe"},
	'đ': {"d", "dj"}, 'ß': {"ss"}, 'æ': {"ae"}, 'œ': {"oe"}, 'ð': {"d"}, 'þ': {"th"}, 'ł': {"l"},
	'ħ': {"h"}, 'ı': {"i"}, 'ŋ': {"n"}, 'ə': {"e"}, 'ŧ': {"t"}, 'ĸ': {"k"}, 'ƒ': {"f"},
	'ς': {"σ"},                                                 // the Greek sigma at a word's end
	'ך': {"כ"}, 'ם': {"מ"}, 'ן': {"נ"}, 'ף': {"פ"}, 'ץ': {"צ"}, // Hebrew letters at a word's end
	'ٱ': {"ا"}, 'ى': {"ي"}, 'ة': {"ه"}, 'ک': {"ك"}, 'ی': {"ي"}, // Arabic and Persian forms

	// While a Korean name is typed, the next syllable's first consonant shows as
	// the last of the one before (간 on the way to 가나), and half a diphthong as a
	// vowel (고 on the way to 과). With finals as initials, and what takes two keys
	// as two, what has been typed is a beginning at every key.
	'ᆨ': {"ᄀ"}, 'ᆩ': {"ᄁ"}, 'ᆪ': {"ᄀᄉ"}, 'ᆫ': {"ᄂ"}, 'ᆬ': {"ᄂᄌ"}, 'ᆭ': {"ᄂᄒ"}, 'ᆮ': {"ᄃ"},
	'ᆯ': {"ᄅ"}, 'ᆰ': {"ᄅᄀ"}, 'ᆱ': {"ᄅᄆ"}, 'ᆲ': {"ᄅᄇ"}, 'ᆳ': {"ᄅᄉ"}, 'ᆴ': {"ᄅᄐ"}, 'ᆵ': {"ᄅᄑ"},
	'ᆶ': {"ᄅᄒ"}, 'ᆷ': {"ᄆ"}, 'ᆸ': {"ᄇ"}, 'ᆹ': {"ᄇᄉ"}, 'ᆺ': {"ᄉ"}, 'ᆻ': {"ᄊ"}, 'ᆼ': {"ᄋ"},
	'ᆽ': {"ᄌ"}, 'ᆾ': {"ᄎ"}, 'ᆿ': {"ᄏ"}, 'ᇀ': {"ᄐ"}, 'ᇁ': {"ᄑ"}, 'ᇂ': {"ᄒ"},
	'ᅪ': {"ᅩᅡ"}, 'ᅫ': {"ᅩᅢ"}, 'ᅬ': {"ᅩᅵ"}, 'ᅯ': {"ᅮᅥ"}, 'ᅰ': {"ᅮᅦ"}, 'ᅱ': {"ᅮᅵ"}, 'ᅴ': {"ᅳᅵ"},
}

// spell returns the folded spellings of a rune; the second is empty where there is
// only one.
func spell(r rune) [2]string {
	if r < utf8.RuneSelf {
		return [2]string{ascii[r]}
	}
	r = unicode.ToLower(r)
	if spelling, ok := spellings[r]; ok {
		return spelling
	}
	var folded strings.Builder
	for _, part := range norm.NFKD.String(string(r)) {
		if _, connects := connectors[part]; dropped(part) || inWord(r) && (connects || !inWord(part)) {
			continue // ŀ and ŉ hold a connector that is no connector there
		}
		part = unicode.ToLower(part)
		if spelling, ok := spellings[part]; ok {
			folded.WriteString(spelling[0])
		} else {
			folded.WriteRune(part)
		}
	}
	return [2]string{folded.String()}
}

// ascii holds the lower-case form of each ASCII character.
var ascii = func() (table [utf8.RuneSelf]string) {
	for r := range table {
		table[r] = string(unicode.ToLower(rune(r)))
	}
	return table
}()

// dropped tells which marks are left out: accents, points, tones. By their
// canonical combining classes: 0 are vowel signs, 7 to 9 the nukta, the kana
// voicing marks and the virama, 103 and 118 the Thai and Lao vowels below, which
// are letters of their own.
// Source: Unicode Standard Annex 44, section 5.7.4.
func dropped(r rune) bool {
	class := norm.NFKD.PropertiesString(string(r)).CCC()
	return class > 9 && class != 103 && class != 118
}

// maxMixed is how many letters with two spellings a word may have to be spelled in
// every mix; with more, only all in one way or all in the other.
const maxMixed = 3

// spelled returns the ways in which a word can be spelled, its base first.
func spelled(word []glyph) []string { return appendSpelled(nil, "", word, "") }

// appendSpelled appends them, each between two other texts.
func appendSpelled(forms []string, before string, word []glyph, after string) []string {
	doubles := 0
	for _, g := range word {
		if g.alt != "" {
			doubles++
		}
	}
	mixes, all := 1<<doubles, 1
	if doubles > maxMixed {
		mixes, all = 2, -1 // each letter in the way of the first
	}
	for mix := range mixes {
		var buffer [64]byte
		form := append(buffer[:0], before...)
		bit := 0
		for _, g := range word {
			if g.alt != "" && mix*all>>bit&1 != 0 {
				form = append(form, g.alt...)
			} else {
				form = append(form, g.base...)
			}
			if g.alt != "" {
				bit++
			}
		}
		forms = append(forms, string(append(form, after...)))
	}
	return forms
}

// folded is a folded text.
func folded(of string) string {
	all := scratch.Get().(*[]glyph)
	defer scratch.Put(all)
	*all = appendGlyphs((*all)[:0], of)
	return text(*all)
}

// text is the folded text of glyphs.
func text(list []glyph) string {
	var buffer [64]byte
	joined := buffer[:0]
	for _, g := range list {
		joined = append(joined, g.base...)
	}
	return string(joined)
}

// unmarked returns a folded text without its marks, where it has any: marks that
// are letters of their own to some are diacritics to others, who leave them out.
// Once without those that Unicode orders (the kana voicing marks, Thai vowels
// below), once without all that take no space, once without all.
func unmarked(form string) []string {
	if isASCII(form) {
		return nil
	}
	var forms []string
	for _, drop := range []func(rune) bool{ordered, isMark, isSign} {
		bare := strings.Map(func(r rune) rune {
			if drop(r) {
				return -1
			}
			return r
		}, form)
		if bare != form && !slices.Contains(forms, bare) {
			forms = append(forms, bare)
		}
	}
	return forms
}

func ordered(r rune) bool { return norm.NFKD.PropertiesString(string(r)).CCC() != 0 }

func isMark(r rune) bool { return unicode.Is(unicode.Mn, r) }

func isSign(r rune) bool { return unicode.In(r, unicode.Mn, unicode.Mc) }

func isASCII(text string) bool {
	for i := range len(text) {
		if text[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// forms are all the ways in which a glyph of a stored word can be typed.
func (g glyph) forms() []string {
	forms := append([]string{g.base}, unmarked(g.base)...)
	if g.alt != "" {
		forms = append(forms, g.alt)
	}
	return forms
}

// reach returns how many glyphs of a stored word a query reaches into, and whether
// it is the whole word; -1 where the query is not its beginning in any spelling.
// It goes through the word once, with every place in the query that some spelling
// of the glyphs before has come to: where one spelling begins another (å as a and
// aa), trying them one after the other would take time exponential in the word.
func reach(word []glyph, query string) (n int, whole bool) {
	n = -1
	begin, at := 0, 0
	for ; begin < len(word) && word[begin].alt == "" && isASCII(word[begin].base); begin++ {
		base := word[begin].base // all its forms
		rest := query[at:]
		if strings.HasPrefix(base, rest) {
			return begin + 1, len(base) == len(rest) && begin == len(word)-1
		}
		if !strings.HasPrefix(rest, base) {
			return -1, false
		}
		at += len(base)
	}
	places := []int{at}
	for i, g := range word {
		if i < begin {
			continue
		}
		var next []int
		for _, at := range places {
			for _, form := range g.forms() {
				rest, typed := strings.CutPrefix(query[at:], form)
				switch {
				case rest == "" || strings.HasPrefix(form, query[at:]):
					n = i + 1
					whole = whole || typed && i == len(word)-1
				case typed && !slices.Contains(next, at+len(form)):
					next = append(next, at+len(form))
				}
			}
		}
		places = next
	}
	return n, whole
}
