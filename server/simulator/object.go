package simulator

import (
	"encoding/json"
	"errors"
	"fmt"
	"iter"
)

// objectKind is the type of an object of the directory.
type objectKind int32

// The types of objects. As a ref's upper bits they put people first in a list of members, then groups, then the others.
const (
	userKind      objectKind = 0
	groupKind     objectKind = 4
	contactKind   objectKind = 5 // orgContact: a contact that the whole tenant sees, not one of a mailbox
	deviceKind    objectKind = 6
	principalKind objectKind = 7

	kinds     = 8
	kindShift = 28
)

// objectKinds are those that may be in a group, in the order of their refs.
var objectKinds = []objectKind{userKind, groupKind, contactKind, deviceKind, principalKind}

// name returns the type's name in Graph's metadata.
func (k objectKind) name() string {
	return [kinds]string{userKind: "user", groupKind: "group", contactKind: "orgContact", deviceKind: "device", principalKind: "servicePrincipal"}[k]
}

func (k objectKind) odataType() string { return "#microsoft.graph." + k.name() }

// tag returns the member that tells the type of an object in a list of several.
func (k objectKind) tag() string { return `"` + typeProperty + `":"` + k.odataType() + `"` }

// shelf is the objects of one type that are neither people nor groups. A resource is kept as that of a person is, and never
// changes either.
type shelf struct {
	kind  objectKind
	words *vocabulary
	slots []slot // an object's place never changes
	live  int
	byID  map[guid]int32 // also of the deleted
	past  history
}

func newShelf(kind objectKind, table []property) shelf {
	return shelf{kind: kind, words: newVocabulary(table), byID: make(map[guid]int32)}
}

// newShelves returns the shelves in the order of their kinds.
func newShelves() [3]shelf {
	return [...]shelf{
		newShelf(contactKind, knownOfOrgContacts), newShelf(deviceKind, knownOfDevices), newShelf(principalKind, knownOfPrincipals),
	}
}

// shelf returns the objects of a type that is neither user nor group.
func (d *Directory) shelf(k objectKind) *shelf { return &d.shelves[k-contactKind] }

func (s *shelf) ref(n int32) ref { return ref(s.kind<<kindShift) | ref(n) }

func (s *shelf) shown(n int32) *person {
	if s.slots[n].deleted {
		return nil
	}
	return s.slots[n].person
}

func (s *shelf) parser() *parser {
	ps := newParser(s.words)
	ps.kind = s.kind
	return ps
}

// after yields the slots of all objects from one on, in order.
func (s *shelf) after(from int32) iter.Seq[int32] {
	return func(yield func(int32) bool) {
		for n := from; int(n) < len(s.slots); n++ {
			if s.shown(n) != nil && !yield(n) {
				return
			}
		}
	}
}

func (s *shelf) find(id string, deletedToo bool) (int32, error) {
	g, ok := parseGUID(id)
	if !ok {
		return none, fmt.Errorf("%w: %.60q is not a GUID", ErrUnknown, id)
	}
	n, ok := s.byID[g]
	if !ok || s.slots[n].deleted && !deletedToo {
		return none, fmt.Errorf("%w: %s %s", ErrUnknown, s.kind.name(), g)
	}
	return n, nil
}

func (s *shelf) show(n int32) {
	s.slots[n].deleted = false
	s.live++
	s.past.add(change{slot: n, id: s.slots[n].person.id, kind: added})
}

// insert puts a new object into the next slot without telling anybody.
func (d *Directory) insertObject(s *shelf, p *person) (int32, error) {
	if err := d.unused(p.id); err != nil {
		return none, err
	}
	n := int32(len(s.slots))
	s.slots = append(s.slots, slot{person: p})
	s.live++
	s.byID[p.id] = n
	return n, nil
}

// unused refuses an id that an object has already.
func (d *Directory) unused(id guid) error {
	r, taken := d.refOf(id)
	if !taken {
		return nil
	}
	return fmt.Errorf("id %s is that of %s %d already", id, r.kind().name(), r.slot()+1)
}

// objects yields id and resource of all objects of a type in the order of their creation, as Groups does.
func (d *Directory) objects(kind objectKind) iter.Seq2[string, json.RawMessage] {
	return func(yield func(string, json.RawMessage) bool) {
		s := d.shelf(kind)
		d.mu.RLock()
		end := int32(len(s.slots))
		d.mu.RUnlock()
		for n := range end {
			d.mu.RLock()
			p := s.shown(n)
			d.mu.RUnlock()
			if p != nil && !yield(p.id.String(), s.resource(p)) {
				return
			}
		}
	}
}

func (s *shelf) resource(p *person) json.RawMessage {
	return json.RawMessage("{" + s.kind.tag() + "," + p.raw + "}")
}

func (d *Directory) putObject(kind objectKind, resource []byte) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := d.shelf(kind)
	in, err := s.parser().parse(resource)
	if err == nil {
		err = in.completeGroup()
	}
	if err != nil {
		return fmt.Errorf("put %s: %w", kind.name(), err)
	}
	if n, ok := s.byID[in.id]; ok {
		in.clearRest(s.words, s.slots[n].person)
		if err = s.apply(n, &in); err == nil && s.slots[n].deleted {
			s.show(n)
		}
	} else {
		var b builder
		var n int32
		if n, err = d.addObject(s, &in, &b); err == nil {
			s.past.add(change{slot: n, id: in.id, kind: added})
		}
	}
	if err != nil {
		return fmt.Errorf("put %s %s: %w", kind.name(), in.id, err)
	}
	return nil
}

func (d *Directory) addObject(s *shelf, in *parsed, b *builder) (int32, error) {
	b.reset()
	for _, m := range in.members {
		b.member(m.field, m.value)
	}
	return d.insertObject(s, b.person(in.id, none))
}

// apply changes the object in slot n to what is given.
func (s *shelf) apply(n int32, in *parsed) error {
	next, props := s.words.merge(s.slots[n].person, in)
	if f := knownField(propDisplayName); !next.has(f) {
		return fmt.Errorf("%s cannot be cleared", f.name)
	}
	s.slots[n].person = next
	if len(props) > 0 {
		s.past.add(change{slot: n, id: next.id, kind: changed, props: props})
	}
	return nil
}

func (d *Directory) patchObject(kind objectKind, id string, props []byte) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := d.shelf(kind)
	n, err := s.find(id, false)
	if err != nil {
		return fmt.Errorf("patch %s: %w", kind.name(), err)
	}
	in, err := s.parser().parse(props)
	if err == nil && in.hasID && in.id != s.slots[n].person.id {
		err = errors.New("the id cannot be changed")
	}
	if err == nil {
		err = s.apply(n, &in)
	}
	if err != nil {
		return fmt.Errorf("patch %s %s: %w", kind.name(), id, err)
	}
	return nil
}

func (d *Directory) deleteObject(kind objectKind, id string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := d.shelf(kind)
	n, err := s.find(id, false)
	if err != nil {
		return fmt.Errorf("delete %s: %w", kind.name(), err)
	}
	s.slots[n].deleted = true
	s.live--
	s.past.add(change{slot: n, id: s.slots[n].person.id, kind: removed})
	return nil
}

func (d *Directory) restoreObject(kind objectKind, id string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := d.shelf(kind)
	n, err := s.find(id, true)
	if err != nil {
		return fmt.Errorf("restore %s: %w", kind.name(), err)
	}
	if s.slots[n].deleted {
		s.show(n)
	}
	return nil
}

func (d *Directory) purgeObject(kind objectKind, id string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := d.shelf(kind)
	n, err := s.find(id, true)
	if err != nil {
		return fmt.Errorf("purge %s: %w", kind.name(), err)
	}
	p := s.slots[n].person
	if !s.slots[n].deleted {
		s.live--
	}
	delete(s.byID, p.id)
	s.slots[n] = slot{}
	d.leaveAll(s.ref(n), p.id)
	s.past.add(change{slot: n, id: p.id, kind: removed})
	return nil
}
