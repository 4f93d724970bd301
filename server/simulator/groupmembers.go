package simulator

import (
	"iter"
	"strings"
)

// memberPath serves what is under /groups/{id}/members and its likes: all of them, those of one type, or how many.
func (s *Simulator) memberPath(c *call, key string, far reach, rest []string) *problem {
	count := len(rest) > 0 && strings.EqualFold(rest[len(rest)-1], "$count")
	if count {
		rest = rest[:len(rest)-1]
	}
	switch len(rest) {
	case 0:
		return s.listMembers(c, key, far, count)
	case 1:
		if kind, ok := castTo(rest[0]); ok {
			return s.castMembers(c, key, far, kind, count)
		}
	}
	return noSegment(rest[len(rest)-1])
}

// reachOf returns the relation that a segment names.
func reachOf(segment string) (far reach, ok bool) {
	switch strings.ToLower(segment) {
	case "members":
		return direct, true
	case "transitivemembers":
		return transitive, true
	case "owners":
		return owning, true
	}
	return 0, false
}

// castTo returns the type that a segment like microsoft.graph.user or graph.user names.
func castTo(segment string) (objectKind, bool) {
	name, ok := strings.CutPrefix(strings.TrimPrefix(strings.ToLower(segment), "microsoft."), "graph.")
	if !ok {
		return 0, false
	}
	for _, k := range objectKinds {
		if strings.ToLower(k.name()) == name {
			return k, true
		}
	}
	return 0, false
}

// classOf returns the class of a type.
func (s *Simulator) classOf(k objectKind) *class {
	switch k {
	case userKind:
		return s.people
	case groupKind:
		return s.groups
	default:
		return s.others[k]
	}
}

// addClasses makes the classes of what is neither user nor group, and takes over how channels and teams are paged.
func (s *Simulator) addClasses(cfg Config) {
	s.others = make(map[objectKind]*class)
	for _, k := range []objectKind{contactKind, deviceKind, principalKind} {
		s.others[k] = classOfObjects(s.dir, k)
	}
	s.contacts = s.others[contactKind]
	s.contacts.objects = s.deltaOrgContacts
	if s.paging = cfg.MemberPageSize; s.paging == 0 {
		s.paging = defaultTop
	}
}

// price returns what a list of a relation costs, in resource units.
func (r reach) price() int {
	switch r {
	case direct:
		return 3
	case transitive:
		return 5
	}
	return 1
}

// mayRead reports whether the caller may read more than the id of objects of a type. Of people there are basics besides.
func (c *call) mayRead(k objectKind) bool {
	switch k {
	case userKind:
		return c.grant.may(readUsers...) || c.grant.may(readBasic...)
	case groupKind:
		return c.grant.may(readGroups...)
	case contactKind:
		return c.grant.may(readOrgContacts...)
	case deviceKind:
		return c.grant.may(readDevices...)
	default:
		return c.grant.may(readPrincipals...)
	}
}

// castMembers serves those of one type, which is an advanced query.
func (s *Simulator) castMembers(c *call, key string, far reach, kind objectKind, count bool) *problem {
	if !c.grant.may(readMembers...) {
		return denied()
	}
	of := *s.classOf(kind)
	of.skip = "skip cast " + strings.ToLower(kind.name()) + " of " + far.String()
	list := func() (func(int32) iter.Seq[int32], *problem) {
		all, p := s.visibleMembers(c, key, far)
		return slotsAfter(all, kind), p
	}
	if count {
		o, p := parseOptions(c.r.URL.RawQuery, "filter", "search")
		if p == nil {
			p = s.mayCompare(c, o, kind)
		}
		if p != nil {
			return p
		}
		return s.count(c, o, &of, list)
	}
	o, p := parseOptions(c.r.URL.RawQuery, "select", "top", "count", "filter", "search", "orderby", "skiptoken")
	if p != nil {
		return p
	}
	if !c.eventual() || !strings.EqualFold(o["count"], "true") {
		return needsAdvanced("OData cast")
	}
	if p := s.mayCompare(c, o, kind); p != nil {
		return p
	}
	q, p := s.parseList(c, o, &of)
	if p != nil {
		return p
	}
	if !c.mayRead(kind) {
		q.sel.bar(&of)
	} else if kind == userKind {
		q.sel.limit(c.grant)
	}
	s.dir.mu.RLock()
	after, p := list()
	var rows []row
	var next *cursor
	total := -1
	if p == nil {
		rows, next, total = s.gather(q, after, s.tally(&listQuery{of: &of}, after))
	}
	s.dir.mu.RUnlock()
	if p != nil {
		return p
	}
	c.list(q, rows, next, total, of.set+q.sel.context(), "", units(far.price(), o))
	return nil
}

// mayCompare refuses to tell what a caller may not read by way of a filter or an order.
func (s *Simulator) mayCompare(c *call, o options, kind objectKind) *problem {
	asks := o["filter"] + o["search"] + o["orderby"]
	if asks == "" || c.mayRead(kind) {
		return nil
	}
	return denied()
}

// slotsAfter yields the slots of those of one type who are not before one.
func slotsAfter(list []ref, kind objectKind) func(int32) iter.Seq[int32] {
	return func(from int32) iter.Seq[int32] {
		return func(yield func(int32) bool) {
			for _, r := range list {
				if r.kind() == kind && r.slot() >= from && !yield(r.slot()) {
					return
				}
			}
		}
	}
}
