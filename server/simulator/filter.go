package simulator

import (
	"strings"
	"time"
	"unicode/utf8"
)

// node is a part of a $filter: a condition, or a combination of conditions.
type node struct {
	op    string // and, or, not; eq, ne, gt, ge, lt, le, in; startswith, endswith; any
	kids  []*node
	field field     // what a condition looks at; within any it is the collection
	list  []literal // what it is compared with: one, but for in
}

// literal is a value written in a filter.
type literal struct {
	kind  literalKind
	text  string // also of a moment, as written
	fold  string // text in lower case
	flag  bool
	exact bool // the case of a prefix counts
	point time.Time
}

type literalKind uint8

const (
	nullLiteral literalKind = iota
	textLiteral
	flagLiteral
	momentLiteral
)

// match reports whether the filter holds for a person. Text is compared without regard to case, as the directory does.
func (n *node) match(p *person) bool {
	if n.combines() {
		return n.combine(func(k *node) bool { return k.match(p) })
	}
	if n.op == "any" {
		found := false
		eachText(p.value(n.field), func(s string) bool {
			found = n.kids[0].matchText(s)
			return !found
		})
		return found
	}
	return n.matchValue(p.value(n.field))
}

func (n *node) combines() bool { return n.op == "and" || n.op == "or" || n.op == "not" }

// combine joins what holds of the parts.
func (n *node) combine(holds func(*node) bool) bool {
	if n.op == "not" {
		return !holds(n.kids[0])
	}
	for _, k := range n.kids {
		if holds(k) == (n.op == "or") {
			return n.op == "or"
		}
	}
	return n.op == "and"
}

// matchText is match for one string of a collection.
func (n *node) matchText(s string) bool {
	if n.combines() {
		return n.combine(func(k *node) bool { return k.matchText(s) })
	}
	return n.compareText(s)
}

// matchValue compares the JSON of a property. A property that somebody never had is null.
func (n *node) matchValue(raw string) bool {
	if raw == "" || raw == "null" {
		null := n.list[0].kind == nullLiteral
		return n.op == "eq" && null || n.op == "ne" && !null
	}
	if raw == "true" || raw == "false" {
		same := n.list[0].kind == flagLiteral && n.list[0].flag == (raw == "true")
		return same == (n.op == "eq")
	}
	s, ok := unquote(raw)
	return ok && n.compareText(s)
}

func (n *node) compareText(s string) bool {
	first := n.list[0]
	switch n.op {
	case "in":
		for _, l := range n.list {
			if l.is(s) {
				return true
			}
		}
		return false
	case "eq":
		return first.is(s)
	case "ne":
		return !first.is(s)
	case "startswith":
		return hasFoldPrefix(s, first.fold)
	case "endswith":
		return strings.HasSuffix(strings.ToLower(s), first.fold)
	}
	c, ok := first.compare(s)
	if !ok {
		return false
	}
	switch n.op {
	case "ge":
		return c >= 0
	case "gt":
		return c > 0
	case "le":
		return c <= 0
	default:
		return c < 0
	}
}

func (l literal) is(s string) bool {
	if l.kind == momentLiteral {
		c, ok := l.compare(s)
		return ok && c == 0
	}
	if l.exact {
		prefix, _, _ := strings.Cut(l.text, ":")
		if !strings.HasPrefix(s, prefix+":") {
			return false
		}
	}
	return l.kind == textLiteral && strings.EqualFold(s, l.text)
}

// exact has the prefixes of proxy addresses be compared with regard to case.
func (n *node) exact(of *class) {
	proxies, _ := of.find("proxyAddresses")
	if n.op == "any" && n.field.number == proxies.number {
		n.exactly()
		return
	}
	for _, k := range n.kids {
		k.exact(of)
	}
}

func (n *node) exactly() {
	for i := range n.list {
		n.list[i].exact = true
	}
	for _, k := range n.kids {
		k.exactly()
	}
}

// compare orders what a person has against the literal.
func (l literal) compare(s string) (c int, ok bool) {
	switch l.kind {
	case textLiteral:
		return strings.Compare(strings.ToLower(s), l.fold), true
	case momentLiteral:
		t, err := time.Parse(time.RFC3339Nano, s)
		return t.Compare(l.point), err == nil
	}
	return 0, false
}

// hasFoldPrefix reports whether s begins with a prefix that is in lower case already.
func hasFoldPrefix(s, prefix string) bool {
	if len(s) >= len(prefix) {
		ascii := true
		for i := range len(prefix) {
			b := s[i]
			if b >= utf8.RuneSelf {
				ascii = false
				break
			}
			if 'A' <= b && b <= 'Z' {
				b += 'a' - 'A'
			}
			if b != prefix[i] {
				return false
			}
		}
		if ascii {
			return true
		}
	}
	return strings.HasPrefix(strings.ToLower(s), prefix)
}

// clauses returns how many clauses an or joins here: those of ors within it, within any() too, and the values of an in.
func (n *node) clauses() (total int) {
	switch n.op {
	case "or", "any":
		for _, k := range n.kids {
			total += k.clauses()
		}
		return total
	case "in":
		return len(n.list)
	}
	return 1
}

// joined finds an or that joins conditions on different properties, and returns a property that is one too many.
func (n *node) joined() (field, bool) {
	if n.op == "or" {
		looked := n.fields(nil)
		for _, f := range looked[1:] {
			if f.number != looked[0].number {
				return f, true
			}
		}
	}
	for _, k := range n.kids {
		if f, ok := k.joined(); ok {
			return f, true
		}
	}
	return field{}, false
}

// fields appends the properties that the conditions look at, from left to right.
func (n *node) fields(list []field) []field {
	if len(n.kids) == 0 {
		return append(list, n.field)
	}
	for _, k := range n.kids {
		list = k.fields(list)
	}
	return list
}

// onlyIDs returns the ids of a filter that is nothing but id eq … or …, which is all that a delta query takes.
func (n *node) onlyIDs() (ids []guid, ok bool) {
	switch {
	case n.op == "or":
		for _, k := range n.kids {
			more, ok := k.onlyIDs()
			if !ok {
				return nil, false
			}
			ids = append(ids, more...)
		}
		return ids, true
	case n.op == "eq" && n.field.number == propID && n.list[0].kind == textLiteral:
		id, _ := parseGUID(n.list[0].text) // what is no GUID is the id of nobody
		return []guid{id}, true
	}
	return nil, false
}
