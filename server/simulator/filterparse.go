package simulator

import (
	"strings"
	"time"
)

const maxDepth = 100 // of parentheses and nots

// usualClauses is how many clauses Graph's directory lets an or join, where each value of an in is one of them. The index
// behind advanced queries has no such limit.
const usualClauses = 15

// filterParser reads an OData $filter by recursive descent:
//
//	or    = and { "or" and }
//	and   = not { "and" not }
//	not   = "not" not | "(" or ")" | call | comparison
//	call  = ("startswith" | "endswith") "(" property "," literal ")" | property "/any(" name ":" or ")"
//	comparison = property ("eq" | "ne" | "ge" | "gt" | "le" | "lt") literal | property "in" "(" literal { "," literal } ")"
//
// Within any() the property is the name before the colon.
type filterParser struct {
	in     string
	at     int
	depth  int
	of     *class
	full   bool // the request is an advanced query
	most   int  // clauses that may be joined, when the request is no advanced query; zero means any number
	inside *lambda
}

// lambda is the any() being read.
type lambda struct {
	name string
	over field
}

// parseFilter reads a filter and refuses what Graph would. full says whether the request is an advanced query, and most how
// many clauses it may join when it is not.
func parseFilter(in string, of *class, full bool, most int) (*node, *problem) {
	return (&filterParser{in: in, of: of, full: full, most: most}).parse()
}

func (ps *filterParser) parse() (*node, *problem) {
	n, p := ps.or()
	if p != nil {
		return nil, p
	}
	if ps.space(); ps.at < len(ps.in) {
		return nil, ps.syntax()
	}
	return n, nil
}

func (ps *filterParser) syntax() *problem {
	return badRequest("Invalid filter clause: Syntax error at position %d in '%s'.", ps.at, ps.in)
}

func (ps *filterParser) or() (*node, *problem) {
	n, p := ps.chain("or", ps.and)
	if p == nil && n.op == "or" {
		p = ps.tooMany(n.clauses())
	}
	return n, p
}

// tooMany refuses so many clauses if they are more than may be joined.
func (ps *filterParser) tooMany(n int) *problem {
	if ps.full || ps.most == 0 || n <= ps.most {
		return nil
	}
	return badQuery("Too many child clauses specified in search filter expression containing 'OR' operators: %d. Max allowed: %d.",
		n, ps.most)
}

func (ps *filterParser) and() (*node, *problem) { return ps.chain("and", ps.not) }

func (ps *filterParser) chain(op string, next func() (*node, *problem)) (*node, *problem) {
	n, p := next()
	if p != nil {
		return nil, p
	}
	kids := []*node{n}
	for ps.word(op) {
		if n, p = next(); p != nil {
			return nil, p
		}
		kids = append(kids, n)
	}
	if len(kids) == 1 {
		return kids[0], nil
	}
	return &node{op: op, kids: kids}, nil
}

func (ps *filterParser) not() (*node, *problem) {
	ps.depth++
	defer func() { ps.depth-- }()
	if ps.depth > maxDepth {
		return nil, badRequest("Invalid filter clause: the nesting is too deep.")
	}
	if ps.word("not") {
		if !ps.full {
			return nil, needsAdvanced("not")
		}
		n, p := ps.not()
		return &node{op: "not", kids: []*node{n}}, p
	}
	if ps.mark('(') {
		n, p := ps.or()
		if p == nil && !ps.mark(')') {
			p = ps.syntax()
		}
		return n, p
	}
	return ps.condition()
}

// condition reads what begins with a name.
func (ps *filterParser) condition() (*node, *problem) {
	name := ps.name()
	if name == "" {
		return nil, ps.syntax()
	}
	if fn := strings.ToLower(name); (fn == "startswith" || fn == "endswith") && ps.mark('(') {
		return ps.function(fn)
	}
	f, p := ps.property(name)
	if p != nil {
		return nil, p
	}
	if ps.mark('/') {
		return ps.any(f)
	}
	if f.kind == texts && ps.inside == nil {
		return nil, ps.of.unfilterable(f.name)
	}
	op := strings.ToLower(ps.name())
	switch op {
	case "eq", "ne", "ge", "gt", "le", "lt":
		l, ok := ps.literal()
		if !ok {
			return nil, ps.syntax()
		}
		return ps.comparison(op, f, []literal{l})
	case "in":
		list, p := ps.literals()
		if p != nil {
			return nil, p
		}
		return ps.comparison(op, f, list)
	}
	return nil, ps.syntax()
}

// property resolves a name: outside any() to a property, inside to the variable, which stands for the collection.
func (ps *filterParser) property(name string) (field, *problem) {
	if ps.inside != nil {
		if name != ps.inside.name {
			return field{}, badRequest("Invalid filter clause: Could not find a property named '%s' in this scope.", name)
		}
		return ps.inside.over, nil
	}
	f, ok := ps.of.find(name)
	switch {
	case !ok:
		return field{}, ps.of.unknown(name)
	case f.use&compares == 0:
		return field{}, ps.of.unfilterable(f.name)
	case f.use&advanced != 0 && !ps.full:
		return field{}, ps.of.unfilterable(f.name)
	}
	return f, nil
}

// comparison checks an operator against the property and the literal.
func (ps *filterParser) comparison(op string, f field, list []literal) (*node, *problem) {
	if op == "ne" && !ps.full {
		return nil, needsAdvanced(op)
	}
	if op != "eq" && op != "ne" && op != "in" && f.use&ranges == 0 {
		return nil, ps.of.unfilterable(f.name)
	}
	for _, l := range list {
		if !l.fits(f.kind, op) {
			return nil, badRequest("Invalid filter clause: A binary operator with incompatible types was detected for property '%s'.", f.name)
		}
	}
	return &node{op: op, field: f, list: list}, nil
}

func (l literal) fits(k kind, op string) bool {
	switch l.kind {
	case nullLiteral:
		return op == "eq" || op == "ne"
	case flagLiteral:
		return k == flag
	case momentLiteral:
		return k == moment
	}
	return k == text || k == texts
}

func (ps *filterParser) function(fn string) (*node, *problem) {
	f, p := ps.property(ps.name())
	if p != nil {
		return nil, p
	}
	l, ok := literal{}, ps.mark(',')
	if ok {
		l, ok = ps.literal()
	}
	if !ok || !ps.mark(')') || l.kind != textLiteral {
		return nil, ps.syntax()
	}
	if f.kind == texts && ps.inside == nil {
		return nil, ps.of.unfilterable(f.name)
	}
	if fn == "startswith" && f.use&starts == 0 || fn == "endswith" && f.use&ends == 0 {
		return nil, ps.of.unfilterable(f.name)
	}
	if fn == "endswith" && !ps.full {
		return nil, needsAdvanced("endsWith")
	}
	return &node{op: fn, field: f, list: []literal{l}}, nil
}

func (ps *filterParser) any(f field) (*node, *problem) {
	if !strings.EqualFold(ps.name(), "any") || !ps.mark('(') {
		return nil, ps.syntax()
	}
	if f.kind != texts || ps.inside != nil {
		return nil, ps.of.unfilterable(f.name)
	}
	ps.inside = &lambda{name: ps.name(), over: f}
	defer func() { ps.inside = nil }()
	if ps.inside.name == "" || !ps.mark(':') {
		return nil, ps.syntax()
	}
	n, p := ps.or()
	if p == nil && !ps.mark(')') {
		p = ps.syntax()
	}
	return &node{op: "any", kids: []*node{n}, field: f}, p
}

func (ps *filterParser) literals() ([]literal, *problem) {
	if !ps.mark('(') {
		return nil, ps.syntax()
	}
	var list []literal
	for {
		l, ok := ps.literal()
		if !ok {
			return nil, ps.syntax()
		}
		list = append(list, l)
		if ps.mark(')') {
			break
		}
		if !ps.mark(',') {
			return nil, ps.syntax()
		}
	}
	return list, ps.tooMany(len(list))
}

// literal reads 'text' with doubled quotes, true, false, null, a date or a moment.
func (ps *filterParser) literal() (literal, bool) {
	ps.space()
	if ps.at < len(ps.in) && ps.in[ps.at] == '\'' {
		return ps.quoted()
	}
	begin := ps.at
	for ps.at < len(ps.in) && strings.IndexByte(" ,)", ps.in[ps.at]) < 0 {
		ps.at++
	}
	word := ps.in[begin:ps.at]
	switch word {
	case "null":
		return literal{}, true
	case "true", "false":
		return literal{kind: flagLiteral, text: word, flag: word == "true"}, true
	}
	for _, layout := range []string{time.RFC3339Nano, time.DateOnly} {
		if t, err := time.Parse(layout, word); err == nil {
			return literal{kind: momentLiteral, text: word, point: t}, true
		}
	}
	ps.at = begin
	return literal{}, false
}

func (ps *filterParser) quoted() (literal, bool) {
	begin := ps.at
	for i := begin + 1; i < len(ps.in); i++ {
		if ps.in[i] != '\'' {
			continue
		}
		if i+1 < len(ps.in) && ps.in[i+1] == '\'' {
			i++
			continue
		}
		ps.at = i + 1
		s := strings.ReplaceAll(ps.in[begin+1:i], "''", "'")
		return literal{kind: textLiteral, text: s, fold: strings.ToLower(s)}, true
	}
	return literal{}, false
}

func (ps *filterParser) space() {
	for ps.at < len(ps.in) && ps.in[ps.at] == ' ' {
		ps.at++
	}
}

// mark takes one character if it comes next.
func (ps *filterParser) mark(c byte) bool {
	ps.space()
	if ps.at < len(ps.in) && ps.in[ps.at] == c {
		ps.at++
		return true
	}
	return false
}

// name takes a name, which may be empty.
func (ps *filterParser) name() string {
	ps.space()
	begin := ps.at
	for ps.at < len(ps.in) && (ps.in[ps.at] == '_' || plainName(ps.in[ps.at:ps.at+1]) && ps.in[ps.at] != '-' && ps.in[ps.at] != '@') {
		ps.at++
	}
	return ps.in[begin:ps.at]
}

// word takes a name if it is the given one, in any case.
func (ps *filterParser) word(want string) bool {
	begin := ps.at
	if strings.EqualFold(ps.name(), want) {
		return true
	}
	ps.at = begin
	return false
}
