package simulator

import (
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/go-json-experiment/json/jsontext"
)

const (
	typeProperty = "@odata.type"
	typeGroup    = `"@odata.type":"#microsoft.graph.group"`

	// membersProperty and ownersProperty name the members and the owners in files and changes. Like managerId they are none
	// of Graph's.
	membersProperty = "memberIds"
	ownersProperty  = "ownerIds"
)

// groups is the groups of a directory. A group's resource is kept as that of a person is, and never changes either.
type groups struct {
	words *vocabulary
	slots []groupSlot // a group's place never changes
	live  int
	byID  map[guid]int32 // also of the deleted
	past  history
}

// groupSlot is the place of one group. The deleted keep their members, and are kept as members.
type groupSlot struct {
	slot
	members []ref // in order
	owners  []ref // in order
}

// ref is a member: the slot of an object, and its kind in the bits above.
type ref int32

const groupBit = ref(groupKind << kindShift)

func userRef(n int32) ref  { return ref(n) }
func groupRef(n int32) ref { return groupBit | ref(n) }

func (r ref) kind() objectKind { return objectKind(r >> kindShift) }
func (r ref) slot() int32      { return int32(r & (1<<kindShift - 1)) }

// group returns the slot of a group; ok is false when the member is something else.
func (r ref) group() (n int32, ok bool) { return r.slot(), r.kind() == groupKind }

func (g *groups) shown(n int32) *person {
	if g.slots[n].deleted {
		return nil
	}
	return g.slots[n].person
}

// groupField finds a property by name. It is safe while groups are changed.
func (d *Directory) groupField(name string) (field, bool) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.groups.words.find(name)
}

// GroupLen returns how many groups there are, the deleted not counted.
func (d *Directory) GroupLen() int {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.groups.live
}

// Groups yields id and resource of every group in the order of their creation, the deleted left out. A resource is what
// PutGroup and Load take: @odata.type, all properties the group has, and memberIds with what Members returns.
//
// Groups that appear while it runs may be missed. It holds no lock while the loop's body runs, which may change the
// directory.
func (d *Directory) Groups() iter.Seq2[string, json.RawMessage] {
	return func(yield func(string, json.RawMessage) bool) {
		d.mu.RLock()
		end := int32(len(d.groups.slots))
		d.mu.RUnlock()
		for n := range end {
			id, group := d.groupAt(n)
			if group != nil && !yield(id, group) {
				return
			}
		}
	}
}

func (d *Directory) groupAt(n int32) (id string, group json.RawMessage) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	g := d.groups.shown(n)
	if g == nil {
		return "", nil
	}
	b := append([]byte("{"+typeGroup+","), g.raw...)
	b = appendIDs(b, membersProperty, d.membersOf(n))
	if owners := d.idsShown(d.groups.slots[n].owners); len(owners) > 0 {
		b = appendIDs(b, ownersProperty, owners)
	}
	return g.id.String(), append(b, '}')
}

// appendIDs appends a further member to an object: an array of ids.
func appendIDs(b []byte, name string, ids []guid) []byte {
	b = append(b, `,"`+name+`":[`...)
	for i, id := range ids {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, '"')
		b = id.append(b)
		b = append(b, '"')
	}
	return append(b, ']')
}

// Members returns the ids of the members of a group, those of people first, then those of groups, then others. The deleted are
// left out even though they stay members. It returns nil when there is no such group.
func (d *Directory) Members(group string) []string {
	d.mu.RLock()
	defer d.mu.RUnlock()
	n, err := d.findGroup(group, false)
	if err != nil {
		return nil
	}
	var list []string
	for _, id := range d.membersOf(n) {
		list = append(list, id.String())
	}
	return list
}

func (d *Directory) membersOf(n int32) []guid { return d.idsShown(d.groups.slots[n].members) }

func (d *Directory) idsShown(refs []ref) []guid {
	var list []guid
	for _, r := range refs {
		if m := d.memberShown(r); m != nil {
			list = append(list, m.id)
		}
	}
	return list
}

// member returns who a member is, nil once purged.
func (d *Directory) member(r ref) *person {
	switch k := r.kind(); k {
	case userKind:
		return d.slots[r].person
	case groupKind:
		return d.groups.slots[r.slot()].person
	default:
		return d.shelf(k).slots[r.slot()].person
	}
}

// memberShown returns who a member is, nil when they are deleted.
func (d *Directory) memberShown(r ref) *person {
	switch k := r.kind(); k {
	case userKind:
		return d.shown(int32(r))
	case groupKind:
		return d.groups.shown(r.slot())
	default:
		return d.shelf(k).shown(r.slot())
	}
}

// refOf finds an object by id, also the deleted.
func (d *Directory) refOf(id guid) (ref, bool) {
	if n, ok := d.byID[id]; ok {
		return userRef(n), true
	}
	if n, ok := d.groups.byID[id]; ok {
		return groupRef(n), true
	}
	for i := range d.shelves {
		if n, ok := d.shelves[i].byID[id]; ok {
			return d.shelves[i].ref(n), true
		}
	}
	return 0, false
}

func newGroupParser(words *vocabulary) *parser {
	ps := newParser(words)
	ps.kind = groupKind
	return ps
}

// checkType takes an @odata.type, which says nothing new but may be wrong.
func (ps *parser) checkType(raw jsontext.Value) error {
	want := ps.kind.odataType()
	if s, _ := unquote(string(raw)); s != want {
		return fmt.Errorf("%s is %.60s; want %q", typeProperty, raw, want)
	}
	return nil
}

func (p *parsed) takeMembers(raw jsontext.Value) (err error) {
	if p.setMembers {
		return fmt.Errorf("%s is given twice", membersProperty)
	}
	p.setMembers = true
	p.memberIDs, err = takeIDs(membersProperty, raw)
	return err
}

func (p *parsed) takeOwners(raw jsontext.Value) (err error) {
	if p.setOwners {
		return fmt.Errorf("%s is given twice", ownersProperty)
	}
	p.setOwners = true
	p.ownerIDs, err = takeIDs(ownersProperty, raw)
	return err
}

// takeIDs reads an array of ids; null is an empty one.
func takeIDs(name string, raw jsontext.Value) (ids []guid, err error) {
	if raw.Kind() == 'n' {
		return nil, nil
	}
	list, err := compact(raw)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	texts := eachText(list, func(s string) bool {
		id, ok := parseGUID(s)
		if !ok {
			err = fmt.Errorf("%s: %.60q is not a GUID", name, s)
		}
		ids = append(ids, id)
		return ok
	})
	if !texts {
		return nil, fmt.Errorf("%s is %.40s; want an array of strings", name, list)
	}
	return ids, err
}

// completeGroup tells whether the resource can stand for a group, or for any object that needs a name and no more.
func (p *parsed) completeGroup() error {
	if !p.hasID {
		return errors.New("id is missing")
	}
	return p.filled(propDisplayName)
}

// PutGroup creates the group whose resource it is given, or replaces it: a property that is not given any more becomes
// null. A deleted group is restored with what is given. The property memberIds names the members, objects of any type, who
// must exist; without it there are none. Members who are deleted stay members all the same. The property ownerIds names
// the owners in the same way.
func (d *Directory) PutGroup(group []byte) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	in, err := newGroupParser(d.groups.words).parse(group)
	if err == nil {
		err = in.completeGroup()
	}
	if err != nil {
		return fmt.Errorf("put group: %w", err)
	}
	if n, ok := d.groups.byID[in.id]; ok {
		in.setMembers, in.setOwners = true, true
		in.clearRest(d.groups.words, d.groups.slots[n].person)
		err = d.applyGroup(n, &in, true)
	} else {
		err = d.createGroup(&in)
	}
	if err != nil {
		return fmt.Errorf("put group %s: %w", in.id, err)
	}
	return nil
}

// PatchGroup sets the given properties of a group, memberIds among them; null clears one. What is set to the value it has
// already is no change. The id cannot be changed.
func (d *Directory) PatchGroup(id string, props []byte) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	n, err := d.findGroup(id, false)
	if err != nil {
		return fmt.Errorf("patch group: %w", err)
	}
	in, err := newGroupParser(d.groups.words).parse(props)
	if err == nil && in.hasID && in.id != d.groups.slots[n].person.id {
		err = errors.New("the id cannot be changed")
	}
	if err == nil {
		err = d.applyGroup(n, &in, false)
	}
	if err != nil {
		return fmt.Errorf("patch group %s: %w", id, err)
	}
	return nil
}

// DeleteGroup moves a group among the deleted: delta says "changed", and RestoreGroup brings it back with its members.
func (d *Directory) DeleteGroup(id string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	n, err := d.findGroup(id, false)
	if err != nil {
		return fmt.Errorf("delete group: %w", err)
	}
	g := &d.groups.slots[n]
	g.deleted = true
	d.groups.live--
	d.groups.past.add(change{slot: n, id: g.person.id, kind: removed})
	return nil
}

// RestoreGroup brings a deleted group back.
func (d *Directory) RestoreGroup(id string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	n, err := d.findGroup(id, true)
	if err != nil {
		return fmt.Errorf("restore group: %w", err)
	}
	if d.groups.slots[n].deleted {
		d.showGroup(n)
	}
	return nil
}

// PurgeGroup removes a group for good, deleted before or not: delta says "deleted", and it is a member of no group any
// more.
func (d *Directory) PurgeGroup(id string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	n, err := d.findGroup(id, true)
	if err != nil {
		return fmt.Errorf("purge group: %w", err)
	}
	g := d.groups.slots[n]
	if !g.deleted {
		d.groups.live--
	}
	delete(d.groups.byID, g.person.id)
	delete(d.channels, n)
	d.groups.slots[n] = groupSlot{}
	d.leaveAll(groupRef(n), g.person.id)
	d.groups.past.add(change{slot: n, id: g.person.id, kind: removed})
	return nil
}

// AddMember makes a person, a group or another object a member of a group. Who is one already makes no change.
func (d *Directory) AddMember(group, member string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	n, err := d.findGroup(group, false)
	if err != nil {
		return fmt.Errorf("add member: %w", err)
	}
	id, _ := parseGUID(member)
	r, err := d.memberOf(id, n)
	if err != nil {
		return fmt.Errorf("add member to group %s: %w", group, err)
	}
	d.join(n, r)
	return nil
}

// RemoveMember takes a person, a group or another object out of a group. Who is no member makes no change.
func (d *Directory) RemoveMember(group, member string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	n, err := d.findGroup(group, false)
	if err != nil {
		return fmt.Errorf("remove member: %w", err)
	}
	id, _ := parseGUID(member)
	r, ok := d.refOf(id)
	if !ok {
		return fmt.Errorf("remove member from group %s: %w: %.60q", group, ErrUnknown, member)
	}
	d.leave(n, r, id)
	return nil
}

func (d *Directory) findGroup(id string, deletedToo bool) (int32, error) {
	g, ok := parseGUID(id)
	if !ok {
		return none, fmt.Errorf("%w: %.60q is not a GUID", ErrUnknown, id)
	}
	n, ok := d.groups.byID[g]
	if !ok || d.groups.slots[n].deleted && !deletedToo {
		return none, fmt.Errorf("%w: group %s", ErrUnknown, g)
	}
	return n, nil
}

// showGroup makes the group of a slot visible again.
func (d *Directory) showGroup(n int32) {
	g := &d.groups.slots[n]
	g.deleted = false
	d.groups.live++
	d.groups.past.add(change{slot: n, id: g.person.id, kind: added})
}

// createGroup adds a new group and makes it a change.
func (d *Directory) createGroup(in *parsed) error {
	members, err := d.refsOf(in, in.memberIDs, none)
	if err != nil {
		return err
	}
	owners, err := d.refsOf(in, in.ownerIDs, none)
	if err != nil {
		return err
	}
	var b builder
	n, err := d.addGroup(in, &b)
	if err != nil {
		return err
	}
	d.groups.slots[n].members, d.groups.slots[n].owners = members, owners
	d.groups.past.add(change{slot: n, id: in.id, kind: added})
	return nil
}

// addGroup puts a new group into the next slot, without members and without telling anybody.
func (d *Directory) addGroup(in *parsed, b *builder) (int32, error) {
	b.reset()
	for _, m := range in.members {
		b.member(m.field, m.value)
	}
	return d.insertGroup(b.person(in.id, none))
}

func (d *Directory) insertGroup(g *person) (int32, error) {
	if n, taken := d.byID[g.id]; taken {
		return none, fmt.Errorf("id %s is that of user %d already", g.id, n+1)
	}
	if n, taken := d.groups.byID[g.id]; taken {
		return none, fmt.Errorf("id %s is that of group %d already", g.id, n+1)
	}
	if err := d.unused(g.id); err != nil {
		return none, err
	}
	n := int32(len(d.groups.slots))
	d.groups.slots = append(d.groups.slots, groupSlot{slot: slot{person: g}})
	d.groups.live++
	d.groups.byID[g.id] = n
	return n, nil
}

// memberOf finds who is to become a member of the group in slot n.
func (d *Directory) memberOf(id guid, n int32) (ref, error) {
	r, ok := d.refOf(id)
	switch {
	case !ok || d.memberShown(r) == nil:
		return 0, fmt.Errorf("member %s: %w", id, ErrUnknown)
	case n != none && r == groupRef(n):
		return 0, errors.New("a group cannot be its own member")
	}
	return r, nil
}

// refsOf finds the given members or owners of a group, in order and each once.
func (d *Directory) refsOf(in *parsed, ids []guid, n int32) ([]ref, error) {
	list := make([]ref, 0, len(ids))
	for _, id := range ids {
		if in.hasID && id == in.id {
			return nil, errors.New("a group cannot be its own member")
		}
		r, err := d.memberOf(id, n)
		if err != nil {
			return nil, err
		}
		list = append(list, r)
	}
	slices.Sort(list)
	return slices.Compact(list), nil
}

// applyGroup changes the group in slot n to what is given. With restore, a deleted one comes back.
func (d *Directory) applyGroup(n int32, in *parsed, restore bool) error {
	g := &d.groups.slots[n]
	members, err := d.refsOf(in, in.memberIDs, n)
	if err != nil {
		return err
	}
	owners, err := d.refsOf(in, in.ownerIDs, n)
	if err != nil {
		return err
	}
	next, props := d.groups.words.merge(g.person, in)
	if f := groupProperty(propDisplayName); !next.has(f) {
		return fmt.Errorf("%s cannot be cleared", f.name)
	}
	g.person = next
	if len(props) > 0 {
		d.groups.past.add(change{slot: n, id: next.id, kind: changed, props: props})
	}
	if in.setMembers {
		d.setMembers(n, members)
	}
	if in.setOwners {
		g.owners = owners
	}
	if restore && g.deleted {
		d.showGroup(n)
	}
	return nil
}

// setMembers makes the members of a group the given ones, and the deleted who are members.
func (d *Directory) setMembers(n int32, want []ref) {
	for _, r := range slices.Clone(d.groups.slots[n].members) {
		if m := d.memberShown(r); m != nil {
			if _, stays := slices.BinarySearch(want, r); !stays {
				d.leave(n, r, m.id)
			}
		}
	}
	for _, r := range want {
		d.join(n, r)
	}
}

func (d *Directory) join(n int32, r ref) {
	g := &d.groups.slots[n]
	at, there := slices.BinarySearch(g.members, r)
	if there {
		return
	}
	g.members = slices.Insert(g.members, at, r)
	d.groups.past.add(change{slot: n, id: g.person.id, kind: changed, relation: true, other: d.member(r).id, member: r})
}

// leave takes a member out, who may be purged already.
func (d *Directory) leave(n int32, r ref, id guid) {
	g := &d.groups.slots[n]
	at, there := slices.BinarySearch(g.members, r)
	if !there {
		return
	}
	g.members = slices.Delete(g.members, at, at+1)
	d.groups.past.add(change{slot: n, id: g.person.id, kind: changed, relation: true, other: id, member: r})
}

// leaveAll takes somebody who is purged out of every group.
func (d *Directory) leaveAll(r ref, id guid) {
	for n := range d.groups.slots {
		d.leave(int32(n), r, id)
		g := &d.groups.slots[n]
		if at, owns := slices.BinarySearch(g.owners, r); owns {
			g.owners = slices.Delete(g.owners, at, at+1)
		}
	}
}
