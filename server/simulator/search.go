package simulator

import (
	"strings"
	"unicode"
)

// clause is a part of a $search: a text in a property, or a combination.
type clause struct {
	op     string // and, or; empty for a text
	kids   []*clause
	field  field
	prefix string   // in lower case: how the value of most properties has to begin
	words  []string // in lower case: for a tokenised property, each has to begin one of its tokens
}

func (c *clause) match(p *person) bool {
	switch c.op {
	case "and":
		return c.kids[0].match(p) && c.kids[1].match(p)
	case "or":
		return c.kids[0].match(p) || c.kids[1].match(p)
	}
	if c.field.kind == texts {
		found := false
		eachText(p.value(c.field), func(s string) bool {
			found = c.matchText(s)
			return !found
		})
		return found
	}
	s, ok := p.text(c.field)
	return ok && c.matchText(s)
}

func (c *clause) matchText(s string) bool {
	if c.words == nil {
		return hasFoldPrefix(s, c.prefix)
	}
	stored := tokenise(s, true)
	for _, w := range c.words {
		found := false
		for _, t := range stored {
			found = found || strings.HasPrefix(t, w)
		}
		if !found {
			return false
		}
	}
	return true
}

// tokenise splits text as the index behind $search does, and lowers its case: at white space, between digits and letters,
// from a small letter to a capital, and at symbols. A stored word with symbols in it is also kept without them, so that
// hello-world is found by helloworld.
func tokenise(s string, stored bool) []string {
	var list []string
	for word := range strings.FieldsSeq(s) {
		parts, symbols := splitWord(word)
		list = append(list, parts...)
		if stored && symbols && len(parts) > 1 {
			list = append(list, strings.Join(parts, ""))
		}
	}
	return list
}

func splitWord(word string) (parts []string, symbols bool) {
	var part strings.Builder
	end := func() {
		if part.Len() > 0 {
			parts = append(parts, strings.ToLower(part.String()))
			part.Reset()
		}
	}
	var before rune
	for _, r := range word {
		switch {
		case !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r):
			symbols = true
			end()
			before = r
			continue
		case unicode.IsDigit(r) != unicode.IsDigit(before), unicode.IsLower(before) && unicode.IsUpper(r):
			end()
		}
		part.WriteRune(r)
		before = r
	}
	end()
	return parts, symbols
}

// searchParser reads a $search:
//
//	or   = and { "OR" and }
//	and  = one { "AND" one }
//	one  = "(" or ")" | a text in double quotes: property:text
type searchParser struct {
	in    string
	at    int
	depth int
	of    *class
}

func parseSearch(in string, of *class) (*clause, *problem) {
	ps := &searchParser{in: in, of: of}
	c, p := ps.chain("OR")
	if p != nil {
		return nil, p
	}
	if ps.space(); ps.at < len(ps.in) {
		return nil, ps.syntax()
	}
	return c, nil
}

func (ps *searchParser) syntax() *problem {
	return badRequest("Syntax error: character is not valid at position %d in '%s'.", ps.at, ps.in)
}

func (ps *searchParser) chain(op string) (*clause, *problem) {
	next := ps.one
	if op == "OR" {
		next = func() (*clause, *problem) { return ps.chain("AND") }
	}
	c, p := next()
	for p == nil && ps.operator(op) {
		var other *clause
		if other, p = next(); p == nil {
			c = &clause{op: strings.ToLower(op), kids: []*clause{c, other}}
		}
	}
	return c, p
}

// operator takes AND or OR. Only capitals count.
func (ps *searchParser) operator(op string) bool {
	ps.space()
	rest, ok := strings.CutPrefix(ps.in[ps.at:], op)
	if !ok || rest == "" || strings.IndexByte(" \"(", rest[0]) < 0 {
		return false
	}
	ps.at += len(op)
	return true
}

func (ps *searchParser) one() (*clause, *problem) {
	ps.space()
	switch {
	case ps.at == len(ps.in):
		return nil, ps.syntax()
	case ps.in[ps.at] == '"':
		return ps.quoted()
	case ps.in[ps.at] != '(' || ps.depth >= maxDepth:
		return nil, ps.syntax()
	}
	ps.at++
	ps.depth++
	c, p := ps.chain("OR")
	ps.depth--
	if p != nil {
		return nil, p
	}
	if ps.space(); ps.at == len(ps.in) || ps.in[ps.at] != ')' {
		return nil, ps.syntax()
	}
	ps.at++
	return c, nil
}

func (ps *searchParser) quoted() (*clause, *problem) {
	var b strings.Builder
	for i := ps.at + 1; i < len(ps.in); i++ {
		switch ps.in[i] {
		case '\\':
			if i++; i < len(ps.in) {
				b.WriteByte(ps.in[i])
			}
		case '"':
			ps.at = i + 1
			return ps.clause(b.String())
		default:
			b.WriteByte(ps.in[i])
		}
	}
	return nil, ps.syntax()
}

func (ps *searchParser) clause(content string) (*clause, *problem) {
	name, value, ok := strings.Cut(content, ":")
	if !ok {
		return nil, badRequest("Invalid search clause '%s': it needs a property, as in \"displayName:text\".", content)
	}
	f, known := ps.of.find(strings.TrimSpace(name))
	switch {
	case !known:
		return nil, ps.of.unknown(name)
	case f.use&starts == 0:
		return nil, badQuery("Property '%s' of resource '%s' is not searchable.", f.name, ps.of.title)
	}
	c := &clause{field: f, prefix: strings.ToLower(value)}
	if f.number == propDisplayName {
		if c.words = tokenise(value, false); len(c.words) == 0 {
			return nil, badRequest("Invalid search clause '%s': there is nothing to search for.", content)
		}
	}
	return c, nil
}

func (ps *searchParser) space() {
	for ps.at < len(ps.in) && ps.in[ps.at] == ' ' {
		ps.at++
	}
}
