package simulator

import (
	"iter"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// cursor is where the next page of a list begins: at the first person who comes after the given place.
type cursor struct {
	From int32    `json:"f"`           // the first slot that has not been looked at; when sorted, the slot after the last one's
	Sort []string `json:"s,omitempty"` // what the last person was sorted by
	Gap  bool     `json:"g,omitempty"` // an empty page comes first
}

const typeUser = `"@odata.type":"#microsoft.graph.user"`

// field finds a property by name. It is safe while people are changed.
func (d *Directory) field(name string) (field, bool) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.words.find(name)
}

// lookUp returns the slot of a user by id or user principal name. An address that is neither leads to nobody.
func (d *Directory) lookUp(key string) (int32, bool) {
	if g, ok := parseGUID(key); ok {
		n, ok := d.byID[g]
		return n, ok && d.shown(n) != nil
	}
	n, ok := d.byUPN[strings.ToLower(key)]
	return n, ok
}

func (s *Simulator) listUsers(c *call) *problem {
	if !c.grant.may(readUsers...) && !c.grant.may(readBasic...) {
		return denied()
	}
	o, p := parseOptions(c.r.URL.RawQuery, "select", "top", "count", "filter", "search", "orderby", "expand", "skiptoken")
	if p != nil {
		return p
	}
	q, p := s.parseList(c, o, s.people)
	if p != nil {
		return p
	}
	s.dir.mu.RLock()
	rows, next, total := s.gather(q, s.dir.after, s.dir.live)
	s.dir.mu.RUnlock()
	c.list(q, rows, next, total, "users"+q.sel.context(), "", units(2, o))
	return nil
}

// after yields the slots of everybody from one on, in order.
func (d *Directory) after(from int32) iter.Seq[int32] {
	return func(yield func(int32) bool) {
		for n := from; int(n) < len(d.slots); n++ {
			if !d.slots[n].deleted && d.slots[n].person != nil && !yield(n) {
				return
			}
		}
	}
}

// gather finds the people of a page, and the cursor of the next when there is one. The directory must be locked. everybody
// is how many there are when nothing is asked of them; total is -1 unless it is wanted.
func (s *Simulator) gather(q *listQuery, after func(from int32) iter.Seq[int32], everybody int) (rows []row, next *cursor, total int) {
	total = -1
	if q.count && q.first {
		total = everybody
		if q.filter != nil || q.search != nil {
			total = s.tally(q, after)
		}
	}
	if q.at.Gap && s.how.get().EmptyPages {
		at := q.at
		at.Gap = false
		return nil, &at, total
	}
	if q.order == nil {
		rows, next = s.inOrder(q, after)
	} else {
		rows, next = s.sorted(q, after)
	}
	if next != nil {
		next.Gap = s.how.get().EmptyPages
	}
	if q.expand != nil {
		s.climb(rows, q.expand.levels)
	}
	return rows, next, total
}

func (s *Simulator) tally(q *listQuery, after func(int32) iter.Seq[int32]) (total int) {
	for n := range after(0) {
		if q.matches(q.of.at(n)) {
			total++
		}
	}
	return total
}

func (s *Simulator) inOrder(q *listQuery, after func(int32) iter.Seq[int32]) (rows []row, next *cursor) {
	rows = make([]row, 0, q.top)
	for n := range after(q.at.From) {
		p := q.of.at(n)
		if !q.matches(p) {
			continue
		}
		if len(rows) == q.top {
			return rows, &cursor{From: n}
		}
		rows = append(rows, row{slot: n, person: p})
	}
	return rows, nil
}

// sorted looks at everybody for each page: tokens keep no state here, and sorted lists are for people to read.
func (s *Simulator) sorted(q *listQuery, after func(int32) iter.Seq[int32]) (rows []row, next *cursor) {
	last := row{slot: q.at.From - 1, sort: q.at.Sort}
	for n := range after(0) {
		p := q.of.at(n)
		if !q.matches(p) {
			continue
		}
		r := row{slot: n, person: p, sort: sortValues(q.order, p)}
		if len(q.at.Sort) != len(q.order) || compareRows(q.order, r, last) > 0 {
			rows = append(rows, r)
		}
	}
	sortRows(q.order, rows)
	if len(rows) <= q.top {
		return rows, nil
	}
	end := rows[q.top-1]
	return rows[:q.top], &cursor{From: end.slot + 1, Sort: end.sort}
}

// climb gives every row its managers, at most so many.
func (s *Simulator) climb(rows []row, levels int) {
	all := make([]*person, 0, len(rows))
	for i := range rows {
		begin, p := len(all), rows[i].person
		for range levels {
			if p = s.dir.shown(p.manager); p == nil || p == rows[i].person {
				break // the top, or a circle
			}
			all = append(all, p)
		}
		rows[i].above = all[begin:len(all):len(all)]
	}
}

// list writes a page of people. prefix is put into each of them; it ends with a comma unless it is empty.
func (c *call) list(q *listQuery, rows []row, next *cursor, total int, context, prefix string, units int) {
	buf := pages.Get().(*[]byte)
	defer pages.Put(buf)
	b := append((*buf)[:0], `{"@odata.context":`...)
	b = appendJSON(b, c.base+"/v1.0/$metadata#"+context)
	b = append(b, ',')
	if total >= 0 {
		b = append(b, `"@odata.count":`...)
		b = strconv.AppendInt(b, int64(total), 10)
		b = append(b, ',')
	}
	if next != nil {
		b = append(b, `"@odata.nextLink":`...)
		b = appendJSON(b, c.nextLink("$skiptoken", c.sim.sealed(q.of.skip, next)))
		b = append(b, ',')
	}
	if !q.sel.asked && prefix == "" {
		b = append(b, q.of.tips...)
	}
	b = append(b, `"value":[`...)
	between := c.sim.how.get().between()
	for i, r := range rows {
		if i > 0 {
			b = append(b, between...)
		}
		sel, prefix := q.shape(r, prefix)
		b = appendPerson(b, r.person, sel, q.expand, r.above, prefix)
	}
	b = append(b, `]}`...)
	*buf = b
	c.reply(jsonContent, b, units)
}

// appendPerson writes one user, with the managers above nested into each other.
func appendPerson(b []byte, p *person, sel *selection, e *expansion, above []*person, prefix string) []byte {
	b = append(b, '{')
	b = append(b, prefix...)
	if sel.barred != nil {
		b = appendBarred(b, p, sel)
	} else {
		b = p.appendMembers(b, sel.wanted)
	}
	if len(above) > 0 {
		b = separate(b)
		b = append(b, `"manager":`...)
		b = appendPerson(b, above[0], &e.sel, e, above[1:], typeUser+",")
	}
	return closeObject(b)
}

// separate puts a comma unless the object has just been opened or has one.
func separate(b []byte) []byte {
	if last := b[len(b)-1]; last != '{' && last != ',' {
		b = append(b, ',')
	}
	return b
}

// closeObject ends an object, whose prefix may have left a comma.
func closeObject(b []byte) []byte {
	if b[len(b)-1] == ',' {
		b = b[:len(b)-1]
	}
	return append(b, '}')
}

// nextLink returns the address of the request with a token, and without the one that it had.
func (c *call) nextLink(name, token string) string {
	var kept []string
	for part := range strings.SplitSeq(c.r.URL.RawQuery, "&") {
		key, _, _ := strings.Cut(part, "=")
		key, err := url.QueryUnescape(key)
		if part != "" && err == nil && !strings.EqualFold(key, name) {
			kept = append(kept, part)
		}
	}
	kept = append(kept, name+"="+token)
	return c.base + c.r.URL.EscapedPath() + "?" + strings.Join(kept, "&")
}

func (s *Simulator) countUsers(c *call) *problem {
	if !c.grant.may(readUsers...) && !c.grant.may(readBasic...) {
		return denied()
	}
	o, p := parseOptions(c.r.URL.RawQuery, "filter", "search")
	if p != nil {
		return p
	}
	return s.count(c, o, s.people, func() (func(int32) iter.Seq[int32], *problem) { return s.dir.after, nil })
}

func (s *Simulator) getUser(c *call, key string) *problem {
	if !c.grant.may(readUsers...) && !c.grant.may(readBasic...) {
		return denied()
	}
	o, p := parseOptions(c.r.URL.RawQuery, "select", "expand", "count")
	if p != nil {
		return p
	}
	q := listQuery{of: s.people}
	selected, asked := o["select"]
	if q.sel, p = s.people.parseSelect(selected, asked); p != nil {
		return p
	}
	if q.sel.mailbox && !c.grant.may("MailboxSettings.Read", "MailboxSettings.ReadWrite") {
		return refuse(403, "ErrorAccessDenied", "Access is denied. Check credentials and try again.")
	}
	q.sel.limit(c.grant)
	if v, ok := o["expand"]; ok {
		if q.expand, p = s.parseExpand(v); p != nil {
			return p
		}
		full := c.eventual() && strings.EqualFold(o["count"], "true")
		if p := q.mayExpand(c, full && q.expand.deep); p != nil {
			return p
		}
	}
	one, p := s.pick(key, &q)
	if p != nil {
		return p
	}
	c.one(&q, one, "users"+q.sel.context()+"/$entity", "", units(2, o))
	return nil
}

// pick finds one person. Properties from outside the directory need a mailbox, and fail the whole request without one.
func (s *Simulator) pick(key string, q *listQuery) (row, *problem) {
	s.dir.mu.RLock()
	defer s.dir.mu.RUnlock()
	n, ok := s.dir.lookUp(key)
	if !ok {
		return row{}, notFound(key)
	}
	rows := []row{{slot: n, person: s.dir.slots[n].person}}
	if q.sel.profile {
		if p := s.mayProfile(n, rows[0].person, &q.sel); p != nil {
			return row{}, p
		}
		rows[0].person = s.dir.withProfile(n, rows[0].person)
	}
	if q.expand != nil {
		s.climb(rows, q.expand.levels)
	}
	return rows[0], nil
}

// one writes a single person.
func (c *call) one(q *listQuery, r row, context, prefix string, units int) {
	b := append([]byte(nil), `{"@odata.context":`...)
	b = appendJSON(b, c.base+"/v1.0/$metadata#"+context)
	b = append(b, ',')
	if !q.sel.asked && prefix == "" {
		b = append(b, q.of.tips...)
	}
	object := appendPerson(nil, r.person, &q.sel, q.expand, r.above, prefix)
	if len(object) == 2 {
		b = b[:len(b)-1]
	}
	b = append(b, object[1:]...)
	c.reply(jsonContent, b, units)
}

func (s *Simulator) getManager(c *call, key string) *problem {
	if !c.grant.may(readUsers...) {
		return denied()
	}
	o, p := parseOptions(c.r.URL.RawQuery, "select")
	if p != nil {
		return p
	}
	q := listQuery{of: s.people}
	selected, asked := o["select"]
	if q.sel, p = s.people.parseSelect(selected, asked); p != nil {
		return p
	}
	if q.sel.profile {
		return notInLists()
	}
	s.dir.mu.RLock()
	n, ok := s.dir.lookUp(key)
	var boss *person
	if ok {
		boss = s.dir.shown(s.dir.slots[n].person.manager)
	}
	s.dir.mu.RUnlock()
	if !ok {
		return notFound(key)
	}
	if boss == nil {
		return notFound("manager")
	}
	c.one(&q, row{person: boss}, "directoryObjects"+q.sel.context()+"/$entity", typeUser+",", units(1, o))
	return nil
}

func (s *Simulator) listReports(c *call, key string) *problem {
	if !c.grant.may(readUsers...) {
		return denied()
	}
	o, p := parseOptions(c.r.URL.RawQuery, "select", "top", "count", "skiptoken")
	if p != nil {
		return p
	}
	q, p := s.parseList(c, o, s.people)
	if p != nil {
		return p
	}
	rows, next, total, ok := s.gatherReports(q, key)
	if !ok {
		return notFound(key)
	}
	c.list(q, rows, next, total, "directoryObjects"+q.sel.context(), typeUser+",", units(1, o))
	return nil
}

func (s *Simulator) gatherReports(q *listQuery, key string) (rows []row, next *cursor, total int, ok bool) {
	s.dir.mu.RLock()
	defer s.dir.mu.RUnlock()
	n, ok := s.dir.lookUp(key)
	if !ok {
		return nil, nil, 0, false
	}
	reports := s.dir.reportsOf(n)
	after := func(from int32) iter.Seq[int32] {
		at, _ := slices.BinarySearch(reports, from)
		return slices.Values(reports[at:])
	}
	rows, next, total = s.gather(q, after, len(reports))
	return rows, next, total, true
}

// reportsOf returns the slots of those who report to somebody, in order.
func (d *Directory) reportsOf(n int32) []int32 {
	var list []int32
	for _, r := range d.reports[n] {
		if d.shown(r) != nil {
			list = append(list, r)
		}
	}
	slices.Sort(list)
	return list
}
