package simulator

import (
	"cmp"
	"slices"
	"strings"
)

// sortKey is one property of an $orderby.
type sortKey struct {
	field field
	desc  bool
}

func (k sortKey) advanced() bool {
	return k.field.number != propDisplayName && k.field.number != propUserPrincipalName
}

func (k *class) parseOrder(value string) ([]sortKey, *problem) {
	var keys []sortKey
	for part := range strings.SplitSeq(value, ",") {
		words := strings.Fields(part)
		if len(words) == 0 || len(words) > 2 {
			return nil, badRequest("Invalid orderby clause: Syntax error in '%s'.", value)
		}
		f, ok := k.find(words[0])
		if !ok {
			return nil, k.unknown(words[0])
		}
		if f.use&compares == 0 || f.kind == texts {
			return nil, badQuery("Unsupported sort property '%s' for '%s'.", f.name, k.title)
		}
		key := sortKey{field: f}
		if len(words) == 2 {
			key.desc = strings.EqualFold(words[1], "desc")
			if !key.desc && !strings.EqualFold(words[1], "asc") {
				return nil, badRequest("Invalid orderby clause: Syntax error in '%s'.", value)
			}
		}
		keys = append(keys, key)
	}
	return keys, nil
}

// row is a person on their way into a list.
type row struct {
	slot   int32
	person *person
	sort   []string
	above  []*person // managers, nearest first
}

// sortValues returns what a person is sorted by, without case, null first.
func sortValues(keys []sortKey, p *person) []string {
	values := make([]string, len(keys))
	for i, k := range keys {
		if s, ok := p.text(k.field); ok {
			values[i] = "\x01" + strings.ToLower(s)
		} else if v := p.value(k.field); v != "" && v != "null" {
			values[i] = "\x01" + v
		}
	}
	return values
}

// compareRows orders two places in a list; equal people stand in the order of their creation.
func compareRows(keys []sortKey, a, b row) int {
	for i, k := range keys {
		c := strings.Compare(a.sort[i], b.sort[i])
		if k.desc {
			c = -c
		}
		if c != 0 {
			return c
		}
	}
	return cmp.Compare(a.slot, b.slot)
}

func sortRows(keys []sortKey, rows []row) {
	slices.SortFunc(rows, func(a, b row) int { return compareRows(keys, a, b) })
}
