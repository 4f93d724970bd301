package simulator

import (
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"
)

// ErrUnknown is wrapped by the changes that name a person or a group whom the directory does not hold.
var ErrUnknown = errors.New("not in the directory")

// Directory is the people, groups and other objects of a tenant, in the order of their creation. It may be changed while it is served,
// from any number of goroutines; each change that alters something is one change for delta queries, of which the last
// 1,048,576 are remembered, and as many of groups.
//
// It holds about 1.25 KB for each person whom Invent makes, so a million people take 1.25 GB.
type Directory struct {
	mu      sync.RWMutex
	words   *vocabulary
	slots   []slot // a person's place never changes, so it can be a cursor
	live    int
	byID    map[guid]int32   // also of the deleted
	byUPN   map[string]int32 // user principal name in lower case → slot; not of the deleted
	reports map[int32][]int32
	past    history
	groups  groups
	shelves [3]shelf // the objects of other types, see shelf

	channels map[int32][]*channel // of teams, by the group's slot; the General one of each is not among them
	books    books
	churned  churned
	photos   map[guid]*photo // those that have been set; nil for who has none any more
	later    inventedLater
}

// slot is the place of one person.
type slot struct {
	person  *person // nil once purged
	deleted bool
}

// NewDirectory returns a directory without people.
func NewDirectory() *Directory {
	return &Directory{
		words:   newVocabulary(known),
		byID:    make(map[guid]int32),
		byUPN:   make(map[string]int32),
		reports: make(map[int32][]int32),
		groups:  groups{words: newVocabulary(knownOfGroups), byID: make(map[guid]int32)},
		shelves: newShelves(),

		channels: make(map[int32][]*channel),
	}
}

// Len returns how many people there are, the deleted not counted.
func (d *Directory) Len() int {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.live
}

// Get returns one person by id, as All does. ok is false when there is none or when they are deleted.
func (d *Directory) Get(id string) (user json.RawMessage, ok bool) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	n, err := d.find(id, false)
	if err != nil {
		return nil, false
	}
	return d.resource(d.slots[n].person), true
}

// All yields id and resource of everybody in the order of their creation, the deleted left out. A resource is what Put
// and Load take: all properties the person has, managerId unless there is no manager or only a deleted one, and mailbox if
// it has been said. What is invented only when it is asked for, as profile properties and photos are, is none of it.
//
// People who appear while it runs may be missed. It holds no lock while the loop's body runs, which may change the
// directory.
func (d *Directory) All() iter.Seq2[string, json.RawMessage] {
	return func(yield func(string, json.RawMessage) bool) {
		d.mu.RLock()
		end := int32(len(d.slots))
		d.mu.RUnlock()
		for n := range end {
			id, user := d.at(n)
			if user != nil && !yield(id, user) {
				return
			}
		}
	}
}

// at returns who is in a slot; user is nil when nobody is.
func (d *Directory) at(n int32) (id string, user json.RawMessage) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	p := d.shown(n)
	if p == nil {
		return "", nil
	}
	return p.id.String(), d.resource(p)
}

func (d *Directory) resource(p *person) json.RawMessage {
	b := make([]byte, 0, len(p.raw)+64)
	b = append(b, '{')
	b = append(b, p.raw...)
	if boss := d.shown(p.manager); boss != nil {
		b = append(b, `,"`+managerProperty+`":"`...)
		b = boss.id.append(b)
		b = append(b, '"')
	}
	switch p.mailbox {
	case mailboxThere:
		b = append(b, `,"`+mailboxProperty+`":true`...)
	case mailboxNone:
		b = append(b, `,"`+mailboxProperty+`":false`...)
	}
	return append(b, '}')
}

// shown returns the person of a slot, and nil when there is none to be seen.
func (d *Directory) shown(n int32) *person {
	if n == none || d.slots[n].deleted {
		return nil
	}
	return d.slots[n].person
}

// Put creates the person whose resource it is given, or replaces them: a property that is not given any more becomes
// null. Somebody deleted is restored with what is given. The property managerId names the manager, who must exist.
func (d *Directory) Put(user []byte) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	in, err := newParser(d.words).parse(user)
	if err != nil {
		return fmt.Errorf("put user: %w", err)
	}
	if err := in.complete(); err != nil {
		return fmt.Errorf("put user: %w", err)
	}
	if n, ok := d.byID[in.id]; ok {
		in.setManager, in.setMailbox = true, true
		in.clearRest(d.words, d.slots[n].person)
		err = d.apply(n, &in, true)
	} else {
		err = d.create(&in)
	}
	if err != nil {
		return fmt.Errorf("put user %s: %w", in.id, err)
	}
	return nil
}

// Patch sets the given properties of a person, managerId among them; null clears one. What is set to the value it has
// already is no change. The id cannot be changed.
func (d *Directory) Patch(id string, props []byte) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	n, err := d.find(id, false)
	if err != nil {
		return fmt.Errorf("patch user: %w", err)
	}
	in, err := newParser(d.words).parse(props)
	if err == nil && in.hasID && in.id != d.slots[n].person.id {
		err = errors.New("the id cannot be changed")
	}
	if err == nil {
		err = d.apply(n, &in, false)
	}
	if err != nil {
		return fmt.Errorf("patch user %s: %w", id, err)
	}
	return nil
}

// Delete moves a person among the deleted, as Graph does for thirty days: delta says "changed", and Restore brings them
// back with their manager and reports.
func (d *Directory) Delete(id string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	n, err := d.find(id, false)
	if err != nil {
		return fmt.Errorf("delete user: %w", err)
	}
	p := d.slots[n].person
	d.slots[n].deleted = true
	d.live--
	delete(d.byUPN, d.upn(p))
	d.past.add(change{slot: n, id: p.id, kind: removed})
	return nil
}

// Restore brings a deleted person back. It fails when their user principal name has been taken since.
func (d *Directory) Restore(id string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	n, err := d.find(id, true)
	if err != nil {
		return fmt.Errorf("restore user: %w", err)
	}
	if !d.slots[n].deleted {
		return nil
	}
	p := d.slots[n].person
	if err := d.free(d.upn(p), n); err != nil {
		return fmt.Errorf("restore user %s: %w", id, err)
	}
	d.show(n)
	return nil
}

// Purge removes a person for good, deleted before or not: delta says "deleted", and their reports have no manager.
func (d *Directory) Purge(id string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	n, err := d.find(id, true)
	if err != nil {
		return fmt.Errorf("purge user: %w", err)
	}
	p := d.slots[n].person
	for _, report := range slices.Clone(d.reports[n]) {
		who := *d.slots[report].person
		who.manager = none
		d.slots[report].person = &who
		d.past.add(change{slot: report, id: who.id, kind: changed, relation: true, other: p.id})
	}
	delete(d.reports, n)
	d.unlink(n, p.manager)
	if !d.slots[n].deleted {
		d.live--
		delete(d.byUPN, d.upn(p))
	}
	delete(d.byID, p.id)
	delete(d.books.byOwner, p.id)
	delete(d.photos, p.id)
	d.leaveAll(userRef(n), p.id)
	d.slots[n] = slot{}
	d.past.add(change{slot: n, id: p.id, kind: removed})
	return nil
}

func (d *Directory) find(id string, deletedToo bool) (int32, error) {
	g, ok := parseGUID(id)
	if !ok {
		return none, fmt.Errorf("%w: %.60q is not a GUID", ErrUnknown, id)
	}
	n, ok := d.byID[g]
	if !ok || d.slots[n].deleted && !deletedToo {
		return none, fmt.Errorf("%w: %s", ErrUnknown, g)
	}
	return n, nil
}

func (d *Directory) upn(p *person) string {
	s, _ := p.text(knownField(propUserPrincipalName))
	return strings.ToLower(s)
}

// free reports whether a user principal name may be that of slot n.
func (d *Directory) free(upn string, n int32) error {
	if other, taken := d.byUPN[upn]; taken && other != n {
		return fmt.Errorf("userPrincipalName %s is that of %s", upn, d.slots[other].person.id)
	}
	return nil
}

// show makes the person of a slot visible again.
func (d *Directory) show(n int32) {
	p := d.slots[n].person
	d.slots[n].deleted = false
	d.live++
	d.byUPN[d.upn(p)] = n
	d.past.add(change{slot: n, id: p.id, kind: added})
}

// create adds somebody new and makes it a change.
func (d *Directory) create(in *parsed) error {
	boss, err := d.managerOf(in, none)
	if err != nil {
		return err
	}
	var b builder
	n, err := d.add(in, &b)
	if err != nil {
		return err
	}
	d.slots[n].person.manager = boss
	d.link(n, boss)
	d.past.add(change{slot: n, id: in.id, kind: added})
	return nil
}

// add puts somebody new into the next slot, without a manager and without telling anybody.
func (d *Directory) add(in *parsed, b *builder) (int32, error) {
	b.reset()
	for _, m := range in.members {
		b.member(m.field, m.value)
	}
	p := b.person(in.id, none)
	p.mailbox = in.mailbox
	return d.insert(p)
}

func (d *Directory) insert(p *person) (int32, error) {
	if n, taken := d.byID[p.id]; taken {
		return none, fmt.Errorf("id %s is that of user %d already", p.id, n+1)
	}
	if n, taken := d.groups.byID[p.id]; taken {
		return none, fmt.Errorf("id %s is that of group %d already", p.id, n+1)
	}
	if err := d.unused(p.id); err != nil {
		return none, err
	}
	upn, n := d.upn(p), int32(len(d.slots))
	if err := d.free(upn, n); err != nil {
		return none, err
	}
	d.slots = append(d.slots, slot{person: p})
	d.live++
	d.byID[p.id] = n
	d.byUPN[upn] = n
	return n, nil
}

func (d *Directory) managerOf(in *parsed, n int32) (int32, error) {
	if !in.hasManager {
		return none, nil
	}
	boss, ok := d.byID[in.manager]
	switch {
	case in.hasID && in.manager == in.id, ok && boss == n:
		return none, fmt.Errorf("%s names the person themselves", managerProperty)
	case !ok || d.slots[boss].deleted:
		return none, fmt.Errorf("%s %s: %w", managerProperty, in.manager, ErrUnknown)
	}
	return boss, nil
}

func (d *Directory) link(n, boss int32) {
	if boss != none {
		d.reports[boss] = append(d.reports[boss], n)
	}
}

func (d *Directory) unlink(n, boss int32) {
	if boss == none {
		return
	}
	rest := slices.DeleteFunc(d.reports[boss], func(r int32) bool { return r == n })
	if len(rest) == 0 {
		delete(d.reports, boss)
	} else {
		d.reports[boss] = rest
	}
}

// apply changes the person in slot n to what is given. With restore, somebody deleted comes back.
func (d *Directory) apply(n int32, in *parsed, restore bool) error {
	old := d.slots[n].person
	boss := old.manager
	if in.setManager {
		var err error
		if boss, err = d.managerOf(in, n); err != nil {
			return err
		}
	}
	next, props := d.words.merge(old, in)
	for _, must := range []uint16{propDisplayName, propUserPrincipalName} {
		if f := knownField(must); !next.has(f) {
			return fmt.Errorf("%s cannot be cleared", f.name)
		}
	}
	if err := d.free(d.upn(next), n); err != nil {
		return err
	}
	next.manager, next.mailbox = boss, old.mailbox
	if in.setMailbox {
		next.mailbox = in.mailbox
	}
	if !d.slots[n].deleted {
		delete(d.byUPN, d.upn(old))
		d.byUPN[d.upn(next)] = n
	}
	d.slots[n].person = next
	c := change{slot: n, id: old.id, kind: changed, props: props}
	if boss != old.manager {
		c.relation, c.other = true, d.idOf(old.manager)
		d.unlink(n, old.manager)
		d.link(n, boss)
	}
	if len(c.props) > 0 || c.relation {
		d.past.add(c)
	}
	if restore && d.slots[n].deleted {
		d.show(n)
	}
	return nil
}

func (d *Directory) idOf(n int32) guid {
	if n == none {
		return guid{}
	}
	return d.slots[n].person.id
}

// merge returns a person with the given members in place of the old ones, and the numbers of those that differ. A null
// for what the person never had leaves it absent.
func (v *vocabulary) merge(old *person, in *parsed) (*person, []uint16) {
	var b builder
	var differ []uint16
	had := make(map[uint16]bool, len(old.spans))
	for _, s := range old.spans {
		f := v.fields[s.number]
		had[s.number] = true
		before := old.value(f)
		now, given := in.find(s.number)
		if !given {
			now = before
		}
		if now != before {
			differ = append(differ, s.number)
		}
		b.member(f, now)
	}
	for _, m := range in.members {
		if !had[m.field.number] && m.value != "null" {
			differ = append(differ, m.field.number)
			b.member(m.field, m.value)
		}
	}
	return b.person(old.id, old.manager), differ
}
