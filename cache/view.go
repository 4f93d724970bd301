package cache

import (
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/peopleinsights/peopleinsights/cache/typeahead"
	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
)

// Sight is a set of what there is to see of a person: the fields of the contract's Profile by
// their numbers, and the photo. Who sees nothing of somebody does not see that they exist;
// who sees anything sees their id.
type Sight uint64

// What there is to see beside the fields of Profile, and all of it.
const (
	SightPhoto Sight = 1 << 60
	Whole      Sight = 1<<64 - 1
)

// SightOf is the set of fields of Profile with these numbers.
func SightOf(fields ...protoreflect.FieldNumber) (s Sight) {
	for _, n := range fields {
		s |= 1 << n
	}
	return s
}

// Has tells whether a field of Profile is in the set.
func (s Sight) Has(field protoreflect.FieldNumber) bool { return s&(1<<field) != 0 }

// View is who and what an audience sees. Every read of a Directory goes through one, and
// what the view does not show is, to whoever reads, not there: it is not found, not
// suggested, not in lists, not counted, and told of by no change.
//
// A view that does not show everybody is answered from memory alone: a person who is held
// and not shown is then found absent exactly as one who is not held is, and at the same cost.
// While the directory is not complete, or its source is failing, such a look-up fails as
// others do that cannot be answered. The zero View shows nobody.
type View struct {
	Sees          Sight            // of everybody
	Hides         map[string]Sight // by id in lower case: what it does not show of somebody; Whole hides them. Not changed any more
	Unlisted      bool             // it shows people who are hidden from address lists
	Groups        bool             // it shows groups, teams and channels, and the address book's contacts
	HiddenMembers bool             // it shows who is in groups with hidden membership
	Self          string           // whom it shows whole in any case: the id of whoever looks; may be empty
	Name          string           // tells views apart: positions of watches are good within one; empty for Everything

	// What Prepared makes of it.
	prepared  bool
	searches  map[string]typeahead.Fields // Hides, as searches know it
	hidesAny  bool                        // it hides somebody altogether
	addresses bool                        // it shows everybody's addresses
}

// Prepared returns the view, ready for many reads.
func (v View) Prepared() View {
	v.prepared, v.hidesAny, v.addresses = true, false, v.Sees&sightAddresses == sightAddresses
	v.searches = make(map[string]typeahead.Fields, len(v.Hides))
	for id, hidden := range v.Hides {
		fields := (^hidden).unsearched()
		if v.Sees&^hidden == 0 {
			fields, v.hidesAny = typeahead.AllFields, true
		}
		v.addresses = v.addresses && hidden&sightAddresses == 0
		v.searches[id] = fields
	}
	return v
}

// Everything is the view that shows everybody and all of them.
var Everything = View{Sees: Whole, Unlisted: true, Groups: true}.Prepared()

// sight is what the view shows of the person of an id, whom it may hide by being unlisted.
func (v *View) sight(id string, unlisted bool) Sight {
	switch {
	case v.Self != "" && id == v.Self:
		return Whole
	case unlisted && !v.Unlisted:
		return 0
	case v.Hides == nil:
		return v.Sees
	}
	return v.Sees &^ v.Hides[id]
}

// sightOf is what the view shows of a person who is held.
func (v *View) sightOf(r *record) Sight { return v.sight(r.id, r.unlisted) }

// shows tells whether the view shows a person at all.
func (v *View) shows(r *record) bool { return v.sightOf(r) != 0 }

// whole tells whether the view shows everybody and all of them.
func (v *View) whole() bool { return v.Sees == Whole && v.Unlisted && len(v.Hides) == 0 }

// everybody tells whether the view shows everybody, if not all of them.
func (v *View) everybody() bool { return v.Sees != 0 && v.Unlisted && !v.hidesAny }

// asks tells whether the source may be asked for whom a ref names and who is not held: where
// the view shows everybody, and every address that may lead to them.
func (v *View) asks(ref Ref) bool { return v.everybody() && (ref.ID != "" || v.addresses) }

// sightAddresses are the fields in which addresses stand.
var sightAddresses = SightOf(fieldEmail, fieldUserPrincipalName, fieldOtherAddresses)

// The fields of Profile by which things are found and told.
const (
	fieldID             protoreflect.FieldNumber = 1
	fieldDisplayName    protoreflect.FieldNumber = 2
	fieldGivenName      protoreflect.FieldNumber = 3
	fieldSurname        protoreflect.FieldNumber = 4
	fieldEmail          protoreflect.FieldNumber = 5
	fieldOtherAddresses protoreflect.FieldNumber = 7
	fieldJobTitle       protoreflect.FieldNumber = 8
	fieldDepartment     protoreflect.FieldNumber = 9
	fieldOffice         protoreflect.FieldNumber = 11
	fieldCountry        protoreflect.FieldNumber = 15
	fieldManager        protoreflect.FieldNumber = 25
	fieldPhones         protoreflect.FieldNumber = 18
	fieldEmployeeID     protoreflect.FieldNumber = 20
	fieldUserType       protoreflect.FieldNumber = 23
	fieldAccountState   protoreflect.FieldNumber = 24
)

// sightRich are the fields that people have written of themselves.
var sightRich = SightOf(40, 41, 42, 43, 44, 45)

// profile is what the view shows of a profile whose manager, if any, it shows too. It leaves
// the profile as it is.
func (v *View) profile(p *pb.Profile, sight Sight) *pb.Profile {
	if sight == Whole && v.whole() {
		return p
	}
	shown := &pb.Profile{}
	p.ProtoReflect().Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		if field.Number() == fieldID || sight.Has(field.Number()) {
			shown.ProtoReflect().Set(field, value)
		}
		return true
	})
	if m := shown.GetManager(); m != nil {
		shown.Manager = v.summary(m)
	}
	return shown
}

// summary is what the view shows of a summary of somebody whom it shows.
func (v *View) summary(s *pb.ProfileSummary) *pb.ProfileSummary {
	sight := v.Sees &^ v.Hides[s.GetId()]
	if s.GetTenantId() != "" {
		sight = v.Sees // ids are each organisation's own
	} else if v.Self != "" && s.GetId() == v.Self {
		sight = Whole
	}
	if sight == Whole {
		return s
	}
	shown := &pb.ProfileSummary{Id: s.GetId(), TenantId: s.GetTenantId()}
	for _, text := range []struct {
		field protoreflect.FieldNumber
		to    *string
		value string
	}{
		{fieldDisplayName, &shown.DisplayName, s.GetDisplayName()},
		{fieldEmail, &shown.Email, s.GetEmail()},
		{fieldJobTitle, &shown.JobTitle, s.GetJobTitle()},
		{fieldDepartment, &shown.Department, s.GetDepartment()},
		{fieldOffice, &shown.OfficeLocation, s.GetOfficeLocation()},
	} {
		if sight.Has(text.field) {
			*text.to = text.value
		}
	}
	if sight.Has(fieldUserType) {
		shown.UserType = s.GetUserType()
	}
	return shown
}

// suggestion is what the view shows of somebody without an account of ours. What is the
// caller's own is shown as it is.
func (v *View) suggestion(s *pb.Suggestion) *pb.Suggestion {
	if v.Sees == Whole || s.GetSource() == pb.SuggestionSource_SUGGESTION_SOURCE_CONTACTS {
		return s
	}
	for field, text := range map[protoreflect.FieldNumber]*string{
		fieldJobTitle: &s.JobTitle, fieldDepartment: &s.Department, fieldOffice: &s.OfficeLocation,
	} {
		if !v.Sees.Has(field) {
			*text = ""
		}
	}
	return s
}

// leads tells whether the view shows that an address, as a person has it, is theirs, and in
// which way: the strongest that it shows. Exchange has the primary address among the others,
// too, where the contract does not show it again.
func (v *View) leads(key string, h holder) (in AddressKind, shown bool) {
	sight := v.sightOf(h.record)
	if sight == 0 {
		return 0, false
	}
	if sight.Has(addressFields[h.kind]) {
		return h.kind, true
	}
	p := h.record.person()
	primary := addressKey(p.Profile.GetEmail()) == key
	p.eachAddress(func(address string, kind AddressKind) {
		if !shown && addressKey(address) == key && sight.Has(addressFields[kind]) && (kind < AddressProxy || !primary) {
			in, shown = kind, true
		}
	})
	return in, shown
}

// addressFields are the fields of Profile in which addresses stand.
var addressFields = [...]protoreflect.FieldNumber{
	AddressMail: fieldEmail, AddressUserPrincipalName: fieldUserPrincipalName, AddressProxy: fieldOtherAddresses, AddressOtherMail: fieldOtherAddresses,
}

// unsearched are the fields that a sight does not show, as searches know them.
func (s Sight) unsearched() (fields typeahead.Fields) {
	for _, f := range []struct {
		sight Sight
		of    typeahead.Fields
	}{
		{SightOf(fieldDisplayName), typeahead.Names},
		{SightOf(fieldGivenName), typeahead.GivenNames},
		{SightOf(fieldSurname), typeahead.Surnames},
		{SightOf(fieldEmail), typeahead.Emails},
		{SightOf(fieldUserPrincipalName), typeahead.PrincipalNames},
		{SightOf(fieldOtherAddresses), typeahead.OtherAddresses},
		{SightOf(fieldPhones, fieldEmployeeID), typeahead.Codes},
		{SightOf(fieldManager, fieldDepartment, fieldOffice, fieldCountry), typeahead.Positions},
	} {
		if s&f.sight != f.sight {
			fields |= f.of
		}
	}
	return fields
}

// Reader reads a Directory as a view shows it. Readers cost nothing to make.
type Reader struct {
	*Directory
	view View
}

// As returns who reads the directory by a view.
func (d *Directory) As(view View) Reader {
	if !view.prepared {
		view = view.Prepared()
	}
	return Reader{d, view}
}

// findLocked returns whom a ref leads to of those whom the view shows.
func (d Reader) findLocked(ref Ref) (f found) {
	f.record = d.personLocked(ref)
	if f.record != nil && f.record.managerID != "" {
		if m := d.held.people[f.record.managerID]; m != nil && d.view.shows(m) {
			f.manager = m
		}
	}
	return f
}

// personLocked is findLocked, of the person alone.
func (d Reader) personLocked(ref Ref) *record {
	if d.view.whole() || d.held == nil {
		return d.held.find(ref)
	}
	if ref.ID != "" {
		if r := d.held.people[ref.ID]; r != nil && d.view.shows(r) {
			return r
		}
		return nil
	}
	for _, h := range d.held.addresses.holders(ref.Email) {
		if _, shown := d.view.leads(ref.Email, h); shown {
			return h.record
		}
	}
	return nil
}

// assemble makes the profile that the contract shows of a record, as the view shows it. What
// a view shows all of its readers alike is remembered.
func (d Reader) assemble(f found) *pb.Profile {
	if d.view.whole() {
		return d.memoized(f.record.id, f, found.assembled)
	}
	shown := func(f found) *pb.Profile { return d.view.profile(f.assembled(), d.view.sightOf(f.record)) }
	self := d.view.Self
	if d.view.Name == "" || self != "" && (f.record.id == self || f.manager != nil && f.manager.id == self) {
		return shown(f)
	}
	return d.memoized(d.view.Name+" "+f.record.id, f, shown)
}

// epochOf is the epoch of what the reader is told.
func (d Reader) epochOf() string {
	if d.view.Name == "" {
		return d.epoch
	}
	return d.epoch + "-" + d.view.Name
}

// absentLocked is why somebody whom the view does not show, or who is not held, cannot be found, of
// a view that does not show everybody.
func (d Reader) absentLocked() error {
	if err := d.readyLocked(); err != nil {
		return err
	}
	if d.staleLocked() {
		return d.sync.people.err(ErrUnavailable)
	}
	return ErrNotFound
}

// absent is absentLocked, under the lock.
func (d Reader) absent() error {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.absentLocked()
}

// Freshness is that of what is held; nil while nothing is.
func (d Reader) Freshness() *pb.Freshness {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.freshnessLocked()
}

// freshnessLocked is Freshness.
func (d Reader) freshnessLocked() *pb.Freshness {
	f := d.Directory.freshnessLocked()
	if f != nil {
		f.Epoch = d.epochOf()
	}
	return f
}
