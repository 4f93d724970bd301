package simulator

import (
	"iter"
	"slices"
	"strconv"
	"strings"
)

func (s *Simulator) groupsPath(c *call, rest []string) *problem {
	if len(rest) == 0 {
		return s.listGroups(c)
	}
	if len(rest) == 1 {
		switch strings.ToLower(strings.TrimSuffix(rest[0], "()")) {
		case "$count":
			return s.countGroups(c)
		case "delta", "graph.delta", "microsoft.graph.delta":
			return s.deltaOfGroups(c)
		}
	}
	return s.groupPath(c, rest[0], rest[1:])
}

func (s *Simulator) groupPath(c *call, key string, rest []string) *problem {
	if len(rest) == 0 {
		return s.getGroup(c, key)
	}
	if far, ok := reachOf(rest[0]); ok {
		return s.memberPath(c, key, far, rest[1:])
	}
	return noSegment(rest[len(rest)-1])
}

func (s *Simulator) listGroups(c *call) *problem {
	if !c.grant.may(readGroups...) {
		return denied()
	}
	o, p := parseOptions(c.r.URL.RawQuery, "select", "top", "count", "filter", "search", "orderby", "skiptoken")
	if p != nil {
		return p
	}
	q, p := s.parseList(c, o, s.groups)
	if p != nil {
		return p
	}
	s.dir.mu.RLock()
	rows, next, total := s.gather(q, s.dir.groupsAfter, s.dir.groups.live)
	s.dir.mu.RUnlock()
	c.list(q, rows, next, total, "groups"+q.sel.context(), "", units(1, o))
	return nil
}

// groupsAfter yields the slots of all groups from one on, in order.
func (d *Directory) groupsAfter(from int32) iter.Seq[int32] {
	return func(yield func(int32) bool) {
		for n := from; int(n) < len(d.groups.slots); n++ {
			if d.groups.shown(n) != nil && !yield(n) {
				return
			}
		}
	}
}

func (s *Simulator) countGroups(c *call) *problem {
	if !c.grant.may(readGroups...) {
		return denied()
	}
	o, p := parseOptions(c.r.URL.RawQuery, "filter", "search")
	if p != nil {
		return p
	}
	return s.count(c, o, s.groups, func() (func(int32) iter.Seq[int32], *problem) { return s.dir.groupsAfter, nil })
}

// count answers a $count: how many of those whom list yields match. list is called with the directory locked.
func (s *Simulator) count(c *call, o options, k *class, list func() (func(int32) iter.Seq[int32], *problem)) *problem {
	if !c.eventual() {
		return refuse(400, "Request_BadRequest", "$count is not currently supported.")
	}
	q := &listQuery{of: k}
	if p := s.parseConditions(c, o, q, true); p != nil {
		return p
	}
	s.dir.mu.RLock()
	after, p := list()
	total := 0
	if p == nil {
		total = s.tally(q, after)
	}
	s.dir.mu.RUnlock()
	if p != nil {
		return p
	}
	c.reply("text/plain", strconv.AppendInt(nil, int64(total), 10), 1)
	return nil
}

func (s *Simulator) getGroup(c *call, key string) *problem {
	if !c.grant.may(readGroups...) {
		return denied()
	}
	o, p := parseOptions(c.r.URL.RawQuery, "select")
	if p != nil {
		return p
	}
	q := listQuery{of: s.groups}
	selected, asked := o["select"]
	if q.sel, p = s.groups.parseSelect(selected, asked); p != nil {
		return p
	}
	s.dir.mu.RLock()
	n, ok := s.dir.lookUpGroup(key)
	var g *person
	if ok {
		g = s.dir.groups.shown(n)
	}
	s.dir.mu.RUnlock()
	if g == nil {
		return notFound(key)
	}
	c.one(&q, row{person: g}, "groups"+q.sel.context()+"/$entity", "", units(1, o))
	return nil
}

// lookUpGroup returns the slot of a group, whose only key is its id.
func (d *Directory) lookUpGroup(key string) (int32, bool) {
	g, ok := parseGUID(key)
	if !ok {
		return none, false
	}
	n, ok := d.groups.byID[g]
	return n, ok && d.groups.shown(n) != nil
}

// reach is how far a list of members goes.
type reach int

const (
	direct     reach = iota
	transitive       // members of members too
	owning           // no members but the owners
)

func (r reach) String() string { return [...]string{"members", "transitive members", "owners"}[r] }

// listMembers serves the members of a group, or how many they are.
func (s *Simulator) listMembers(c *call, key string, far reach, count bool) *problem {
	if !c.grant.may(readMembers...) {
		return denied()
	}
	if count {
		o, p := parseOptions(c.r.URL.RawQuery)
		if p != nil {
			return p
		}
		return s.count(c, o, s.members(far), func() (func(int32) iter.Seq[int32], *problem) {
			list, p := s.visibleMembers(c, key, far)
			return refsAfter(list), p
		})
	}
	o, p := parseOptions(c.r.URL.RawQuery, "select", "top", "count", "skiptoken")
	if p != nil {
		return p
	}
	q, p := s.parseMembers(c, o, far)
	if p != nil {
		return p
	}
	s.dir.mu.RLock()
	list, p := s.visibleMembers(c, key, far)
	var rows []row
	var next *cursor
	total := -1
	if p == nil {
		rows, next, total = s.gather(q, refsAfter(list), len(list))
	}
	s.dir.mu.RUnlock()
	if p != nil {
		return p
	}
	c.list(q, rows, next, total, "directoryObjects"+q.sel.context(), "", units(far.price(), o))
	return nil
}

// members is the class of what may be a member of a group. A slot is a ref there, and a list one of either class.
func (s *Simulator) members(far reach) *class {
	k := &class{
		name: "directoryObject", title: "DirectoryObject",
		table: known[:1], // the id
		skip:  "skip " + far.String(),
		at:    func(n int32) *person { return s.dir.memberShown(ref(n)) },
	}
	k.find = func(name string) (f field, ok bool) {
		for _, kind := range objectKinds {
			if f, ok = s.classOf(kind).find(name); ok {
				break
			}
		}
		return f, ok
	}
	return k
}

// mixture is what to answer with in a list of objects of several types.
type mixture [kinds]*selection

// parseMembers reads the options of a list of members. A property that only one of the classes has is none of the other's.
func (s *Simulator) parseMembers(c *call, o options, far reach) (*listQuery, *problem) {
	q, p := s.parseList(c, o, s.members(far))
	if p != nil {
		return nil, p
	}
	q.mixed = &mixture{}
	for _, kind := range objectKinds {
		sel, p := s.classOf(kind).part(&q.sel)
		if p != nil {
			return nil, p
		}
		if !c.mayRead(kind) {
			sel.bar(s.classOf(kind))
		} else if kind == userKind {
			sel.limit(c.grant)
		}
		q.mixed[kind] = sel
	}
	return q, nil
}

// part returns what a $select of a mixed list asks of one class.
func (k *class) part(whole *selection) (*selection, *problem) {
	var mine []string
	for _, name := range whole.names {
		if _, ok := k.find(name); ok {
			mine = append(mine, name)
		}
	}
	if whole.asked && len(mine) == 0 {
		return &selection{asked: true, names: []string{}}, nil
	}
	sel, p := k.parseSelect(strings.Join(mine, ","), whole.asked)
	if p == nil && sel.profile {
		p = notInLists()
	}
	return &sel, p
}

// bar hides the properties of a class that the caller may not read: its objects come with their id, and null for all else.
func (sel *selection) bar(k *class) {
	sel.barred = []string{}
	names := sel.names
	if !sel.asked {
		for _, p := range k.table {
			if p.use&byDefault != 0 {
				names = append(names, p.name)
			}
		}
	}
	for _, name := range names {
		if name != known[propID].name {
			sel.barred = append(sel.barred, name)
		}
	}
}

func appendBarred(b []byte, p *person, sel *selection) []byte {
	b = append(b, `"id":"`...)
	b = p.id.append(b)
	b = append(b, '"')
	for _, name := range sel.barred {
		b = append(b, `,"`+name+`":null`...)
	}
	return b
}

// shape returns how a row is written: the properties, and what is put before them.
func (q *listQuery) shape(r row, prefix string) (*selection, string) {
	if q.mixed == nil {
		return &q.sel, prefix
	}
	kind := ref(r.slot).kind()
	return q.mixed[kind], kind.tag() + ","
}

// refsAfter yields those of a sorted list that are not before one.
func refsAfter(list []ref) func(int32) iter.Seq[int32] {
	return func(from int32) iter.Seq[int32] {
		at, _ := slices.BinarySearch(list, ref(from))
		return func(yield func(int32) bool) {
			for _, r := range list[at:] {
				if !yield(int32(r)) {
					return
				}
			}
		}
	}
}

// visibleMembers returns the members of a group whom the caller may see, in order. The directory must be locked.
func (s *Simulator) visibleMembers(c *call, key string, far reach) ([]ref, *problem) {
	n, ok := s.dir.lookUpGroup(key)
	if !ok {
		return nil, notFound(key)
	}
	if far == owning {
		var list []ref
		for _, r := range s.dir.groups.slots[n].owners {
			if s.dir.memberShown(r) != nil {
				list = append(list, r)
			}
		}
		return list, nil // those are not hidden
	}
	hidden := c.grant.may(readHidden...)
	if s.dir.hidesMembers(n) && !hidden {
		return nil, denied()
	}
	seen := map[ref]bool{groupRef(n): true}
	var list []ref
	for open := []int32{n}; len(open) > 0; open = open[1:] {
		for _, r := range s.dir.groups.slots[open[0]].members {
			if seen[r] || s.dir.memberShown(r) == nil {
				continue
			}
			seen[r] = true
			list = append(list, r)
			if g, ok := r.group(); ok && far == transitive && (hidden || !s.dir.hidesMembers(g)) {
				open = append(open, g)
			}
		}
	}
	slices.Sort(list)
	return list, nil
}

func (d *Directory) hidesMembers(group int32) bool {
	v, _ := d.groups.slots[group].person.text(groupProperty(propVisibility))
	return strings.EqualFold(v, "HiddenMembership")
}
