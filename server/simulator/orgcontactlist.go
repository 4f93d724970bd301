package simulator

import (
	"iter"
	"strings"
)

// The permissions that show the objects which are neither people nor groups.
var (
	readOrgContacts = []string{"OrgContact.Read.All", "Directory.Read.All", "Directory.ReadWrite.All"}
	readDevices     = []string{"Device.Read.All", "Device.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"}
	readPrincipals  = []string{"Application.Read.All", "Application.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"}
)

// classOfObjects is the class of a shelf. Only orgContacts have a list and a delta of their own here.
func classOfObjects(d *Directory, kind objectKind) *class {
	sh := d.shelf(kind)
	set := kind.name() + "s"
	if kind == contactKind {
		set = "contacts"
	}
	return &class{
		name: kind.name(), title: strings.ToUpper(kind.name()[:1]) + kind.name()[1:], set: set,
		table: map[objectKind][]property{
			contactKind: knownOfOrgContacts, deviceKind: knownOfDevices, principalKind: knownOfPrincipals,
		}[kind],
		tips: tipsOf + strings.ToLower(kind.name()) + `",`,
		find: func(name string) (field, bool) {
			d.mu.RLock()
			defer d.mu.RUnlock()
			return sh.words.find(name)
		},
		at:   sh.shown,
		past: &sh.past,
		skip: "skip " + set, round: "round of " + set, delta: "delta of " + set,
	}
}

func (s *Simulator) orgContactsPath(c *call, rest []string) *problem {
	if !c.grant.may(readOrgContacts...) {
		return denied()
	}
	if len(rest) == 0 {
		return s.listOrgContacts(c)
	}
	if len(rest) > 1 {
		return noSegment(rest[len(rest)-1])
	}
	switch strings.ToLower(strings.TrimSuffix(rest[0], "()")) {
	case "$count":
		return s.countOrgContacts(c)
	case "delta", "graph.delta", "microsoft.graph.delta":
		return s.deltaOf(c, s.contacts)
	}
	return s.getOrgContact(c, rest[0])
}

func (s *Simulator) listOrgContacts(c *call) *problem {
	o, p := parseOptions(c.r.URL.RawQuery, "select", "top", "count", "filter", "search", "orderby", "skiptoken")
	if p != nil {
		return p
	}
	q, p := s.parseList(c, o, s.contacts)
	if p != nil {
		return p
	}
	sh := s.dir.shelf(contactKind)
	s.dir.mu.RLock()
	rows, next, total := s.gather(q, sh.after, sh.live)
	s.dir.mu.RUnlock()
	c.list(q, rows, next, total, "contacts"+q.sel.context(), "", units(1, o))
	return nil
}

func (s *Simulator) countOrgContacts(c *call) *problem {
	o, p := parseOptions(c.r.URL.RawQuery, "filter", "search")
	if p != nil {
		return p
	}
	return s.count(c, o, s.contacts, func() (func(int32) iter.Seq[int32], *problem) {
		return s.dir.shelf(contactKind).after, nil
	})
}

func (s *Simulator) getOrgContact(c *call, key string) *problem {
	o, p := parseOptions(c.r.URL.RawQuery, "select")
	if p != nil {
		return p
	}
	q := listQuery{of: s.contacts}
	selected, asked := o["select"]
	if q.sel, p = s.contacts.parseSelect(selected, asked); p != nil {
		return p
	}
	sh := s.dir.shelf(contactKind)
	s.dir.mu.RLock()
	var found *person
	if n, err := sh.find(key, false); err == nil {
		found = sh.shown(n)
	}
	s.dir.mu.RUnlock()
	if found == nil {
		return notFound(key)
	}
	c.one(&q, row{person: found}, "contacts"+q.sel.context()+"/$entity", "", units(1, o))
	return nil
}

// deltaOrgContacts returns the contacts of the page where st begins, and where the next page does.
func (s *Simulator) deltaOrgContacts(c *call, st deltaState, sel *selection) (objects []object, next deltaPlace, p *problem) {
	var items []item
	sh := s.dir.shelf(contactKind)
	size := s.how.get().DeltaPageSize
	if st.Initial {
		items, next = sh.everything(st.From, size, idSet(st.IDs))
	} else {
		all, p := s.deltaChanges(c, s.contacts, st, sel)
		if p != nil {
			return nil, next, p
		}
		from := min(st.From, len(all))
		to := min(from+size, len(all))
		items, next = all[from:to], deltaPlace{From: to, done: to == len(all)}
	}
	for _, it := range items {
		objects = append(objects, sh.object(it))
	}
	return objects, next, nil
}

// everything returns one page of the first round.
func (s *shelf) everything(from, size int, ids map[guid]bool) (items []item, next deltaPlace) {
	for n := range s.after(int32(from)) {
		p := s.shown(n)
		if ids != nil && !ids[p.id] {
			continue
		}
		if len(items) == size {
			return items, deltaPlace{From: int(n)}
		}
		items = append(items, item{slot: n, id: p.id, whole: true})
	}
	return items, deltaPlace{done: true}
}

// object joins an item with what is there now.
func (s *shelf) object(it item) object {
	o := object{item: it, person: s.shown(it.slot)}
	if o.person == nil {
		o.gone = s.slots[it.slot].person == nil
		_, again := s.byID[it.id]
		o.skip = o.gone && again
	}
	return o
}
