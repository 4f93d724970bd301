package typeahead

// Query is what somebody has typed, taken apart. The zero Query finds nobody.
type Query struct {
	words []queryWord // all have to match
}

// queryWord is a word of a query: the ways in which it may match, of which one
// suffices.
type queryWord []way

// way is one reading of a query word: pieces that each have to begin a word.
type way []piece

// piece is a text that has to begin a word, in any of its spellings.
type piece []string

// Parse takes apart what somebody has typed. A query without a letter or a digit
// finds nobody.
func Parse(typed string) Query {
	var q Query
	for _, chunk := range split(glyphs(typed), hard) {
		if word := readings(chunk); len(word) > 0 {
			q.words = append(q.words, word)
		}
	}
	return q
}

// readings returns the ways in which a query word may match.
func readings(chunk []glyph) queryWord {
	parts := split(chunk, func(g glyph) bool { return g.kind != letter })
	if len(parts) == 0 {
		return nil // nothing but punctuation
	}
	if len(parts) == 1 && len(parts[0]) == len(chunk) {
		return queryWord{{spelled(chunk)}}
	}
	word := queryWord{{spelled(chunk)}} // as it stands: the beginning of an address
	if contains(chunk, "@") {
		return word
	}
	if len(split(chunk, func(g glyph) bool { return g.kind == separator })) == 1 {
		word = append(word, way{spelled(letters(parts))})
	}
	var pieces way
	for _, part := range parts {
		pieces = append(pieces, spelled(part))
	}
	return append(word, pieces)
}
