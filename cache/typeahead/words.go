package typeahead

import (
	"strings"

	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
)

// Entry is a person as the index sees them.
type Entry struct {
	ID      string   // the Graph object id; unique
	Name    string   // the display name
	Given   string   // the given name
	Surname string   // the surname
	Email   string   // the primary address
	UPN     string   // the user principal name
	Others  []string // the further addresses
	Guest   bool     // guests come after members among equals

	// Where the person stands in the organisation, for Near; empty where not known.
	Manager    string // the manager's id
	Department string
	Office     string
}

// class is what kind of a word was found, the better the higher.
type class uint8

const (
	inner     class = iota // a name's letter after the first, in an unspaced script
	alias                  // of a further address
	principal              // of the user principal name
	primary                // of the primary address
	name                   // of a name
)

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

// fields returns the texts of an entry that have words, in the order of MatchField.
func (e Entry) fields() []field {
	list := make([]field, 0, 5+len(e.Others))
	add := func(f pb.MatchField, value string, words []word) {
		if len(words) > 0 {
			list = append(list, field{f, value, words})
		}
	}
	add(pb.MatchField_MATCH_FIELD_DISPLAY_NAME, e.Name, nameWords(e.Name))
	add(pb.MatchField_MATCH_FIELD_GIVEN_NAME, e.Given, nameWords(e.Given))
	add(pb.MatchField_MATCH_FIELD_SURNAME, e.Surname, nameWords(e.Surname))
	add(pb.MatchField_MATCH_FIELD_EMAIL, e.Email, addressWords(glyphs(e.Email), primary))
	add(pb.MatchField_MATCH_FIELD_USER_PRINCIPAL_NAME, e.UPN, addressWords(glyphs(e.UPN), principal))
	for _, address := range e.Others {
		add(pb.MatchField_MATCH_FIELD_OTHER_ADDRESS, address, addressWords(glyphs(address), alias))
	}
	return list
}

// nameWords returns the words of a name. Guests often have their address for a
// name; its words are those of an address.
func nameWords(text string) []word {
	var words []word
	for _, chunk := range split(glyphs(text), hard) {
		if contains(chunk, "@") {
			words = append(words, addressWords(chunk, primary)...)
		} else {
			words = append(words, partWords(chunk, name)...)
		}
	}
	return words
}

// addressWords returns the words of an address: all of it, and the parts of its
// local part.
func addressWords(address []glyph, class class) []word {
	if len(address) == 0 {
		return nil
	}
	words := []word{{address, class}}
	local := address
	for i, g := range address {
		if g.base == "@" {
			local = address[:i]
		}
	}
	if alias, guest := guestAlias(local); guest {
		local = alias
	}
	return append(words, partWords(local, class)...)
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

// maxJoined is how many parts are joined. No name has more, and joining all of a
// text of nothing but connected letters would take its length squared.
const maxJoined = 8

// partWords returns the words of what holds no address: for parts joined by
// connectors, each part, and each with those that follow it.
func partWords(chunk []glyph, class class) []word {
	var words []word
	for _, token := range split(chunk, func(g glyph) bool { return g.kind == separator }) {
		parts := split(token, func(g glyph) bool { return g.kind == connector })
		for i, part := range parts {
			words = append(words, word{part, class})
			words = append(words, innerWords(part)...)
			if i < len(parts)-1 {
				joined := parts[i:min(i+maxJoined, len(parts))]
				words = append(words, word{letters(joined), class})
			}
		}
	}
	return words
}

// maxUnspaced is how long a part of an unspaced script may be to have words begin
// inside it; longer ones are sentences.
const maxUnspaced = 12

// innerWords returns the words that may begin inside a part of an unspaced script.
func innerWords(part []glyph) []word {
	if len(part) > maxUnspaced {
		return nil
	}
	for _, g := range part {
		if !g.unspaced {
			return nil
		}
	}
	var words []word
	for i := 1; i < len(part); i++ {
		words = append(words, word{part[i:], inner})
	}
	return words
}

// split cuts glyphs at those for which cut holds, leaving out empty pieces.
func split(list []glyph, cut func(glyph) bool) [][]glyph {
	var pieces [][]glyph
	begin := 0
	for i, g := range list {
		if cut(g) {
			if begin < i {
				pieces = append(pieces, list[begin:i])
			}
			begin = i + 1
		}
	}
	if begin < len(list) {
		pieces = append(pieces, list[begin:])
	}
	return pieces
}

// hard tells what splits a text into words that are looked at on their own. The
// rest of the punctuation may be part of an address.
func hard(g glyph) bool {
	return g.kind == separator && (strings.TrimSpace(g.base) == "" || strings.Contains(`,;:()<>[]{}"“”„«»/\|，、（）；：`, g.base))
}

// letters are those of all parts.
func letters(parts [][]glyph) []glyph {
	var all []glyph
	for _, part := range parts {
		all = append(all, part...)
	}
	return all
}

func contains(list []glyph, base string) bool {
	for _, g := range list {
		if g.base == base {
			return true
		}
	}
	return false
}
