package cache

import (
	"bytes"
	"fmt"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/peopleinsights/peopleinsights/cache/typeahead"
	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
)

// record is one held person. It is never changed once it is held: a change makes a new
// one, so that what was made of a record can be told by its pointer.
type record struct {
	id         string
	encoded    []byte // the Profile, without other addresses and manager
	proxies    []string
	otherMails []string
	managerID  string
	guest      bool
	enabled    bool
	hasMail    bool
	unlisted   bool
	revision   int64 // at which it became held; 0 is since the directory is complete
}

var (
	encoding = proto.MarshalOptions{Deterministic: true} // equal people, equal bytes
	decoding = proto.UnmarshalOptions{}
)

func newRecord(p Person) (*record, error) {
	p = p.typed()
	encoded, err := encoding.Marshal(p.Profile)
	if err != nil {
		// Only text that is not UTF-8 cannot be encoded; the text stays out of the error.
		return nil, fmt.Errorf("somebody's texts are not UTF-8: %w", ErrUnavailable)
	}
	return &record{
		id:         p.Profile.GetId(),
		encoded:    encoded,
		proxies:    p.Proxies,
		otherMails: p.OtherMails,
		managerID:  p.ManagerID,
		guest:      p.Profile.GetUserType() == pb.UserType_USER_TYPE_GUEST,
		enabled:    p.Profile.GetAccountState() == pb.AccountState_ACCOUNT_STATE_ENABLED,
		hasMail:    p.Profile.GetEmail() != "",
		unlisted:   p.Unlisted,
	}, nil
}

// person is what the record was made of.
func (r *record) person() Person {
	profile := &pb.Profile{}
	if err := decoding.Unmarshal(r.encoded, profile); err != nil {
		panic(fmt.Sprintf("cache: a record's own bytes do not decode: %v", err))
	}
	return Person{
		Profile:    profile,
		Proxies:    r.proxies,
		OtherMails: r.otherMails,
		ManagerID:  r.managerID,
		Unlisted:   r.unlisted,
	}
}

func (r *record) equal(o *record) bool {
	return r.managerID == o.managerID && r.unlisted == o.unlisted &&
		bytes.Equal(r.encoded, o.encoded) &&
		slices.Equal(r.proxies, o.proxies) && slices.Equal(r.otherMails, o.otherMails)
}

// keepManager returns r, with the manager of old where r has none and old's is not among
// people.
func (r *record) keepManager(old *record, people map[string]*record) *record {
	if r.managerID != "" || old == nil || old.managerID == "" || people[old.managerID] != nil {
		return r
	}
	kept := *r
	kept.revision = 0
	kept.managerID = old.managerID
	if kept.equal(old) {
		return old
	}
	return &kept
}

// suggestible tells who may come up in suggestions. Being listed is unreliable in
// Graph, which is why an unset value counts as listed; false is honoured.
func (r *record) suggestible() bool { return r.enabled && r.hasMail && !r.unlisted }

// entry is the person as the type-ahead index sees them. The scratch is a glance's.
func (r *record) entry(scratch *pb.Profile) typeahead.Entry {
	p := r.glance(scratch)
	p.Profile.OtherAddresses = p.otherAddresses()
	e := entryOf(p.Profile)
	e.ID, e.Manager = r.id, r.managerID // the index holds them, and shares their text
	return e
}

func entryOf(p *pb.Profile) typeahead.Entry {
	e := typeahead.Entry{
		ID:         p.GetId(),
		Name:       p.GetDisplayName(),
		Given:      p.GetGivenName(),
		Surname:    p.GetSurname(),
		Email:      p.GetEmail(),
		UPN:        p.GetUserPrincipalName(),
		Others:     p.GetOtherAddresses(),
		Phones:     p.GetBusinessPhones(),
		EmployeeID: p.GetEmployeeId(),
		Position:   positionOf(p),
	}
	if p.GetUserType() == pb.UserType_USER_TYPE_GUEST {
		e.Kind = typeahead.Guest
	}
	return e
}

// positionOf is where somebody stands, the manager aside, whom records hold.
func positionOf(p *pb.Profile) typeahead.Position {
	return typeahead.Position{Department: p.GetDepartment(), Office: p.GetOfficeLocation(), Country: p.GetCountry()}
}
