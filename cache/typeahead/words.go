package typeahead

import (
	"cmp"
	"iter"
	"slices"
	"strings"
	"sync"

	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
)

// Kind is what an entry is. Among equals the lower kind comes first.
type Kind uint8

// The kinds of entries.
const (
	Person Kind = iota // a member of the organisation
	Guest
	Group
	Contact      // somebody without an account
	ContactGroup // several of these
	kinds        // how many there are
)

// Entry is a person, a group or a contact as the index sees it.
type Entry struct {
	ID      string // the Graph object id, or any other text; unique
	Kind    Kind
	Name    string   // the display name
	Given   string   // the given name
	Surname string   // the surname
	Email   string   // the primary address
	UPN     string   // the user principal name
	Others  []string // the further addresses

	// Found when typed whole.
	Phones     []string // business phones, of which the extension counts
	EmployeeID string

	// Where the person stands in the organisation, for Near; empty where not known.
	Position
}

// class is what kind of a word was found.
type class uint8

const (
	inner     class = iota // a name's letter after the first, in an unspaced script
	alias                  // of a further address
	principal              // of the user principal name
	initials               // the given name's initial with the surname
	primary                // of the primary address
	code                   // a phone's extension, or the employee id: found when typed whole
	name                   // of the display name alone
	given                  // of the given name
	surname                // of the surname
	both                   // of the given name and of the surname
	classes                // how many there are
)

const classBits = 4

// and returns the class of a word that is in an entry twice.
func (c class) and(o class) class {
	if c == given && o == surname || c == surname && o == given {
		return both
	}
	return max(c, o)
}

// word is a word of an entry.
type word struct {
	glyphs []glyph
	class  class
}

// field is a text of an entry with its words.
type field struct {
	field pb.MatchField
	value string
	words []word
}

// workroom is where the texts of an entry are taken apart.
type workroom struct {
	fields []field // those that have words, in the order of MatchField
	words  []word  // of all fields
	glyphs []glyph // of all fields
	more   []glyph // of words that stand so in no text
}

var workrooms = sync.Pool{New: func() any { return new(workroom) }}

func enter() *workroom {
	w := workrooms.Get().(*workroom)
	w.fields, w.words, w.glyphs, w.more = w.fields[:0], w.words[:0], w.glyphs[:0], w.more[:0]
	return w
}

// leave ends the use of all that was taken apart. Nothing of it stays: the pool would keep
// somebody's texts, who may be known to one caller alone.
func (w *workroom) leave() {
	clear(w.fields[:cap(w.fields)])
	clear(w.words[:cap(w.words)])
	clear(w.glyphs[:cap(w.glyphs)])
	clear(w.more[:cap(w.more)])
	workrooms.Put(w)
}

// display takes the display name apart.
func (w *workroom) display(e *Entry) {
	w.field(pb.MatchField_MATCH_FIELD_DISPLAY_NAME, e.Name, (*workroom).name, name)
}

// others takes apart what there is beside the display name.
func (w *workroom) others(e *Entry) {
	w.field(pb.MatchField_MATCH_FIELD_GIVEN_NAME, e.Given, (*workroom).name, given)
	w.field(pb.MatchField_MATCH_FIELD_SURNAME, e.Surname, (*workroom).surname, surname)
	w.field(pb.MatchField_MATCH_FIELD_EMAIL, e.Email, (*workroom).address, primary)
	w.field(pb.MatchField_MATCH_FIELD_USER_PRINCIPAL_NAME, e.UPN, (*workroom).address, principal)
	for _, address := range e.Others {
		w.field(pb.MatchField_MATCH_FIELD_OTHER_ADDRESS, address, (*workroom).address, alias)
	}
	for _, phone := range e.Phones {
		w.field(pb.MatchField_MATCH_FIELD_BUSINESS_PHONE, phone, (*workroom).phone, code)
	}
	w.field(pb.MatchField_MATCH_FIELD_EMPLOYEE_ID, e.EmployeeID, (*workroom).code, code)
}

// field takes a text apart.
func (w *workroom) field(kind pb.MatchField, text string, take func(*workroom, []glyph, class), c class) {
	at, first := len(w.glyphs), len(w.words)
	w.glyphs = appendGlyphs(w.glyphs, text)
	take(w, w.glyphs[at:], c)
	if first < len(w.words) {
		w.fields = append(w.fields, field{kind, text, w.words[first:]})
	}
}

func (w *workroom) add(glyphs []glyph, c class) {
	if len(glyphs) > 0 {
		w.words = append(w.words, word{glyphs, c})
	}
}

// name adds the words of a name. Guests often have their address for a name; its words
// are those of an address.
func (w *workroom) name(all []glyph, c class) {
	if len(all) <= maxUnspaced && slices.ContainsFunc(all, isSeparator) && !slices.ContainsFunc(all, spaced) {
		w.add(w.letters(all), c) // 山田 花子 is typed without a space
	}
	for from, to := range cuts(all, hard) {
		chunk := all[from:to]
		if alias, guest := guestAlias(chunk); guest {
			w.parts(alias, primary)
		} else if contains(chunk, "@") {
			w.address(chunk, primary)
		} else {
			w.parts(chunk, c)
		}
	}
}

// surname adds the words of a surname, and all of them as one: vandenberg.
func (w *workroom) surname(all []glyph, c class) {
	w.name(all, c)
	if slices.ContainsFunc(all, isSeparator) {
		w.add(w.letters(all), c)
	}
}

// address adds the words of an address: all of it, and the parts of its local part.
func (w *workroom) address(address []glyph, c class) {
	w.add(address, c)
	local := []glyph(nil) // without an @ it is no address, and may be a domain
	for i, g := range address {
		if g.base == "@" {
			local = address[:i]
		}
	}
	if alias, guest := guestAlias(local); guest {
		local = alias
	}
	w.parts(local, c)
}

// guestAlias returns what stands before the outside domain in the local part of a
// guest's user principal name, alias_domain#EXT#.
func guestAlias(local []glyph) ([]glyph, bool) {
	const mark = "#ext#"
	n := len(local) - len(mark)
	if n < 0 || text(local[n:]) != mark {
		return nil, false
	}
	for n--; n >= 0; n-- {
		if local[n].base == "_" {
			return local[:n], true
		}
	}
	return nil, true
}

// parts adds the words of what holds no address: for parts joined by connectors, each
// part, and each with those that follow it.
func (w *workroom) parts(chunk []glyph, c class) {
	for from, to := range cuts(chunk, isSeparator) {
		token := chunk[from:to]
		for at, end := range cuts(token, isConnector) {
			w.add(token[at:end], c)
			w.inner(token[at:end])
			if joined := w.joined(token[at:]); len(joined) > end-at {
				w.add(joined, c)
			}
		}
	}
}

// spaced tells of a letter of a script that spaces words.
func spaced(g glyph) bool { return g.kind == letter && !g.unspaced }

// letters are those of a text.
func (w *workroom) letters(all []glyph) []glyph {
	from := len(w.more)
	for _, g := range all {
		if g.kind == letter {
			w.more = append(w.more, g)
		}
	}
	return w.more[from:]
}

// maxJoined is how many parts are joined. No name has more, and joining all of a
// text of nothing but connected letters would take its length squared.
const maxJoined = 8

// joined are the letters of the first parts of a token.
func (w *workroom) joined(token []glyph) []glyph {
	from, n := len(w.more), 0
	for at, end := range cuts(token, isConnector) {
		if n++; n > maxJoined {
			break
		}
		w.more = append(w.more, token[at:end]...)
	}
	return w.more[from:]
}

// maxUnspaced is how long a part of an unspaced script may be to have words begin
// inside it; longer ones are sentences.
const maxUnspaced = 12

// inner adds the words that may begin inside a part of an unspaced script.
func (w *workroom) inner(part []glyph) {
	if len(part) > maxUnspaced || !allUnspaced(part) {
		return
	}
	for i := 1; i < len(part); i++ {
		w.add(part[i:], inner)
	}
}

func allUnspaced(part []glyph) bool {
	for _, g := range part {
		if !g.unspaced {
			return false
		}
	}
	return true
}

// phone adds the extension of a phone number: the digits behind letters (x, ext.), or
// behind the last hyphen, as numbers are written, and the last four digits of a number
// without letters.
// Source: RFC 3966, section 5.3, ITU-T E.123, section 3, and DIN 5008.
func (w *workroom) phone(all []glyph, c class) {
	const fewest, usual, short = 2, 4, 6 // digits
	end := len(all)
	for end > 0 && !isDigit(all[end-1]) {
		end--
	}
	begin := end
	for begin > 0 && isDigit(all[begin-1]) {
		begin--
	}
	before := begin
	for before > 0 && all[before-1].kind == separator && all[before-1].base != "#" {
		before--
	}
	if before > 0 && !isDigit(all[before-1]) && all[before-1].kind != connector {
		w.add(all[begin:end], c)
		return
	}
	if begin == 0 && end <= short { // a number within the house
		w.add(all[:end], c)
		return
	}
	if begin > 0 && all[begin-1].kind == connector && fewest <= end-begin && end-begin < usual {
		w.add(all[begin:end], c)
	}
	// The last digits, which spaces and hyphens may part.
	from := len(w.more)
	for begin = end; begin > 0; begin-- {
		if !isDigit(all[begin-1]) {
			continue
		}
		if w.more = append(w.more, all[begin-1]); len(w.more)-from == usual {
			slices.Reverse(w.more[from:])
			w.add(w.more[from:], c)
			return
		}
	}
}

func isDigit(g glyph) bool { return len(g.base) == 1 && '0' <= g.base[0] && g.base[0] <= '9' }

// code adds a number or code that is found when it is typed whole.
func (w *workroom) code(all []glyph, c class) {
	for len(all) > 0 && all[0].kind == separator {
		all = all[1:]
	}
	for len(all) > 0 && all[len(all)-1].kind == separator {
		all = all[:len(all)-1]
	}
	if len(all) > 0 {
		w.add(all, c)
	}
}

// codeMark begins the words of codes. It is no UTF-8, so that nothing that is typed begins
// any of them.
const codeMark = "\xff"

// initials calls yield with the given name's initial before the surname: jsmith, and for
// a surname of several words also before each of them; for a given name of several also
// with all of its initials. A name that is not in Latin letters has those of its address
// too. Unspaced scripts have no initials.
func (e *Entry) initials(yield func(word string)) {
	given, surname := e.Given, e.Surname
	if given == "" || surname == "" {
		first, last := e.names()
		given, surname = cmp.Or(given, first), cmp.Or(surname, last)
	}
	if given == "" || surname == "" {
		return
	}
	initialsOf(given, surname, yield)
	if local, _, ok := strings.Cut(e.Email, "@"); ok && !isASCII(given) {
		if first, last, ok := strings.Cut(local, "."); ok {
			initialsOf(first, last, yield)
		}
	}
}

// names are the given name and the surname as the display name has them: its first word
// and its last, or the other way with a comma, without what stands in brackets.
func (e *Entry) names() (given, surname string) {
	shown, _, _ := strings.Cut(e.Name, "(")
	if e.Kind == Group || e.Kind == ContactGroup || strings.Contains(shown, "@") {
		return "", ""
	}
	if last, first, ok := strings.Cut(shown, ","); ok {
		return strings.TrimSpace(first), strings.TrimSpace(last)
	}
	words := strings.Fields(shown)
	if len(words) < 2 {
		return "", ""
	}
	return words[0], words[len(words)-1]
}

func initialsOf(given, surname string, yield func(word string)) {
	w := enter()
	defer w.leave()
	w.glyphs = appendGlyphs(w.glyphs, given)
	first := w.glyphs
	var some [4]glyph // as most have
	initials := some[:0]
	for at := range cuts(first, notLetter) {
		if initials = append(initials, first[at]); first[at].unspaced {
			return
		}
	}
	if len(initials) == 0 {
		return
	}
	w.glyphs = appendGlyphs(w.glyphs, surname)
	all := w.glyphs[len(first):]
	word := func(initials, rest []glyph, parts int) {
		w.more = append(w.more[:0], initials...)
		for at, end := range cuts(rest, notLetter) {
			if parts--; parts < 0 {
				break
			}
			w.more = append(w.more, rest[at:end]...)
		}
		for _, form := range spelled(w.more) {
			yield(form)
		}
	}
	n := 0
	for at := range cuts(all, notLetter) {
		n++
		if n > maxJoined || all[at].unspaced {
			return
		}
		word(initials[:1], all[at:], maxJoined)
		word(initials[:1], all[at:], 1)
		if n == 1 && len(initials) > 1 {
			word(initials[:min(len(initials), maxJoined)], all[at:], maxJoined)
		}
	}
}

func isSeparator(g glyph) bool { return g.kind == separator }
func isConnector(g glyph) bool { return g.kind == connector }
func notLetter(g glyph) bool   { return g.kind != letter }

// cuts calls yield with where the pieces are that glyphs fall into when they are cut where
// cut holds, without empty ones.
func cuts(list []glyph, cut func(glyph) bool) iter.Seq2[int, int] {
	return func(yield func(from, to int) bool) {
		from := 0
		for i := range len(list) + 1 {
			if i < len(list) && !cut(list[i]) {
				continue
			}
			if from < i && !yield(from, i) {
				return
			}
			from = i + 1
		}
	}
}

// hard tells what splits a text into words that are looked at on their own. The
// rest of the punctuation may be part of an address.
func hard(g glyph) bool {
	return g.kind == separator && (strings.TrimSpace(g.base) == "" || strings.Contains(`,;:()<>[]{}"“”„«»/\|，、（）；：`, g.base))
}

func contains(list []glyph, base string) bool {
	for _, g := range list {
		if g.base == base {
			return true
		}
	}
	return false
}
