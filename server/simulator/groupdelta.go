package simulator

import "slices"

// memberSlice is what is left of a group whose members did not fit a page.
type memberSlice struct {
	At   int `json:"a"` // its place in the round
	From ref `json:"f"` // the first member who has not been sent
}

// memberEntry is one member in an answer: there, or removed.
type memberEntry struct {
	id      guid
	kind    objectKind
	removed bool
}

func (s *Simulator) deltaOfGroups(c *call) *problem {
	if !c.grant.may(readGroups...) {
		return denied()
	}
	return s.deltaOf(c, s.groups)
}

// deltaGroups returns the groups of the page where st begins, and where the next page does.
func (s *Simulator) deltaGroups(c *call, st deltaState, sel *selection) ([]object, deltaPlace, *problem) {
	r := groupRound{dir: s.dir, sel: sel, hidden: c.grant.may(readHidden...), ids: idSet(st.IDs), initial: st.Initial}
	if !st.Initial {
		var p *problem
		if r.items, p = s.deltaChanges(c, s.groups, st, sel); p != nil {
			return nil, deltaPlace{}, p
		}
	}
	objects, next := r.page(st.deltaPlace, s.how.get().DeltaPageSize, s.linkSize)
	return objects, next, nil
}

// groupRound is the groups that a delta round tells, one place after the other. In the first round the places are the
// slots of the directory, later those of items. Either way they stay what they are while the round goes on, and so do the
// members in their order, of whom new ones may come between: those are changes for the next round.
type groupRound struct {
	dir     *Directory
	sel     *selection
	hidden  bool // the caller may see hidden members
	ids     map[guid]bool
	initial bool
	items   []item
}

// from returns the first group at a place or after it.
func (r *groupRound) from(at int) (it item, where int, ok bool) {
	if !r.initial {
		if at < len(r.items) {
			return r.items[at], at, true
		}
		return item{}, at, false
	}
	for n := at; n < len(r.dir.groups.slots); n++ {
		g := r.dir.groups.shown(int32(n))
		if g != nil && (r.ids == nil || r.ids[g.id]) {
			return item{slot: int32(n), id: g.id, whole: true}, n, true
		}
	}
	return item{}, at, false
}

// page puts a page of at most size groups and links members together. A group with more members than there is room for
// is sent again on the pages that follow. Those keep half of their room for other groups, which so come in between.
func (r *groupRound) page(at deltaPlace, size, links int) (objects []object, next deltaPlace) {
	next = at
	room := links
	if at.Rest != nil {
		room, size = links/2, size-1
	}
	used := 0
	for len(objects) < size {
		it, where, ok := r.from(next.From)
		if !ok {
			break
		}
		refs := r.touched(it)
		o := r.dir.groupObject(it)
		if n := len(refs); n > room-used {
			if next.Rest != nil || used == room {
				break // another one is under way, or the page is full
			}
			next.Rest = &memberSlice{At: where, From: refs[room-used]}
			refs = refs[:room-used]
		}
		o.members = r.entries(it, refs)
		used += len(refs)
		objects = append(objects, o)
		next.From = where + 1
	}
	if at.Rest != nil {
		o, rest := r.more(*at.Rest, links-used)
		next.Rest = rest
		objects = append(objects, o...)
	}
	_, _, more := r.from(next.From)
	next.done = !more && next.Rest == nil
	return objects, next
}

// more returns the group of a slice once more, with its next members. It is gone when it has been deleted meanwhile: the
// next round says so.
func (r *groupRound) more(s memberSlice, room int) ([]object, *memberSlice) {
	it, where, ok := r.from(s.At)
	if !ok || where != s.At {
		return nil, nil
	}
	refs := r.touched(it)
	begin, _ := slices.BinarySearch(refs, s.From)
	refs = refs[begin:]
	var rest *memberSlice
	if len(refs) > room {
		rest = &memberSlice{At: s.At, From: refs[room]}
		refs = refs[:room]
	}
	o := r.dir.groupObject(it)
	if o.person != nil && len(refs) == 0 {
		return nil, nil
	}
	o.members = r.entries(it, refs)
	return []object{o}, rest
}

// touched returns the members that an item is about, in order: those that a change has touched, and all there are when
// the group is new to the client.
func (r *groupRound) touched(it item) []ref {
	n := it.slot
	if g := r.dir.groups.shown(n); g == nil || !r.sel.relation || r.dir.hidesMembers(n) && !r.hidden {
		return nil
	}
	var list []ref
	for _, t := range it.touched {
		list = append(list, t.member)
	}
	if it.whole {
		list = append(list, r.dir.groups.slots[n].members...)
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// entries tells of members whether they are there.
func (r *groupRound) entries(it item, refs []ref) []memberEntry {
	members := r.dir.groups.slots[it.slot].members
	var list []memberEntry
	for _, m := range refs {
		_, there := slices.BinarySearch(members, m)
		e := memberEntry{kind: m.kind(), removed: !there}
		if p := r.dir.member(m); p != nil {
			e.id = p.id
		} else {
			e.id = it.idOf(m)
			if other, ok := r.dir.refOf(e.id); ok { // somebody else with the same id may be a member
				if _, again := slices.BinarySearch(members, other); again {
					continue
				}
			}
		}
		list = append(list, e)
	}
	return list
}

func (it item) idOf(m ref) guid {
	for _, t := range it.touched {
		if t.member == m {
			return t.id
		}
	}
	return guid{}
}

// groupObject is object for a group.
func (d *Directory) groupObject(it item) object {
	o := object{item: it, person: d.groups.shown(it.slot)}
	if o.person == nil {
		o.gone = d.groups.slots[it.slot].person == nil
		_, again := d.groups.byID[it.id]
		o.skip = o.gone && again
	}
	return o
}

// appendEntries writes the members that have changed, if any.
func appendEntries(b []byte, list []memberEntry) []byte {
	for i, e := range list {
		if i == 0 {
			b = append(b, `,"members@delta":[`...)
		} else {
			b = append(b, ',')
		}
		b = append(b, '{')
		b = append(b, e.kind.tag()...)
		b = append(b, `,"id":"`...)
		b = e.id.append(b)
		b = append(b, '"')
		if e.removed {
			b = append(b, `,"@removed":{"reason":"deleted"}`...)
		}
		b = append(b, '}')
	}
	if len(list) > 0 {
		b = append(b, ']')
	}
	return b
}
