package cache

import (
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
)

// Person is somebody as a Source tells of them.
type Person struct {
	// Profile says what the contract shows. Id is always set; OtherAddresses and
	// Manager are not: the directory derives them.
	Profile *pb.Profile
	// Proxies are the SMTP proxy addresses, without their prefix.
	Proxies []string
	// OtherMails are the further addresses.
	OtherMails []string
	// ManagerID is the manager's id; empty where there is none.
	ManagerID string
	// NoLonger is who was the manager, of a change that says so: it takes away that
	// manager and no other. Empty where a change without ManagerID takes away any.
	NoLonger string
	// Manager is a summary of the manager, from Find only: it serves where the
	// directory does not hold the manager.
	Manager *pb.ProfileSummary
	// Unlisted people are hidden from address lists.
	Unlisted bool
	// Said tells which fields a change speaks of; the others stay as they are.
	// Zero means all of them: a whole person.
	Said Fields
	// Gone means that the change is a removal; only Profile.Id counts.
	Gone bool
}

// Fields is a set of fields of a Person: those of the contract's Profile by their
// numbers, and those that stand beside it.
type Fields uint64

// The fields of a Person that are not the contract's.
const (
	FieldProxies    protoreflect.FieldNumber = 61
	FieldOtherMails protoreflect.FieldNumber = 62
	FieldUnlisted   protoreflect.FieldNumber = 63
)

// FieldManager is the manager, whom the contract's Profile shows as a summary.
const FieldManager protoreflect.FieldNumber = 25

// fieldUserPrincipalName is what everybody in a directory has.
const fieldUserPrincipalName protoreflect.FieldNumber = 6

// Add puts a field into the set.
func (f *Fields) Add(n protoreflect.FieldNumber) { *f |= 1 << n }

// Has tells whether the set holds a field.
func (f Fields) Has(n protoreflect.FieldNumber) bool { return f == 0 || f&(1<<n) != 0 }

// over returns the person that p's words make of held: what p says nothing of
// stays as held has it.
func (p Person) over(held Person) Person {
	if p.Said == 0 {
		return p
	}
	whole := p
	whole.Said = 0
	whole.Profile = proto.CloneOf(p.Profile)
	held.Profile.ProtoReflect().Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		if !p.Said.Has(field.Number()) {
			whole.Profile.ProtoReflect().Set(field, value)
		}
		return true
	})
	if !p.Said.Has(FieldManager) || p.ManagerID == "" && p.NoLonger != "" && p.NoLonger != held.ManagerID {
		whole.ManagerID = held.ManagerID
	}
	if !p.Said.Has(FieldProxies) {
		whole.Proxies = held.Proxies
	}
	if !p.Said.Has(FieldOtherMails) {
		whole.OtherMails = held.OtherMails
	}
	if !p.Said.Has(FieldUnlisted) {
		whole.Unlisted = held.Unlisted
	}
	return whole
}

// typed returns p with a user type. Accounts from before there were user types have
// none; guests have always been given a name with #EXT# in it.
func (p Person) typed() Person {
	if p.Profile.GetUserType() != pb.UserType_USER_TYPE_UNSPECIFIED {
		return p
	}
	p.Profile = proto.CloneOf(p.Profile)
	p.Profile.UserType = pb.UserType_USER_TYPE_MEMBER
	if strings.Contains(strings.ToUpper(p.Profile.GetUserPrincipalName()), "#EXT#") {
		p.Profile.UserType = pb.UserType_USER_TYPE_GUEST
	}
	return p
}

// recordOnly is a profile without what the directory derives.
func recordOnly(p *pb.Profile) *pb.Profile {
	plain := proto.CloneOf(p)
	plain.OtherAddresses, plain.Manager = nil, nil
	return plain
}

// otherAddresses are the addresses beside the primary one, each once.
func (p Person) otherAddresses() []string {
	seen := map[string]bool{addressKey(p.Profile.GetEmail()): true}
	var others []string
	for _, address := range slices.Concat(p.Proxies, p.OtherMails) {
		if key := addressKey(address); !seen[key] {
			seen[key] = true
			others = append(others, address)
		}
	}
	return others
}

// AddressKind is the way in which an address belongs to a person. Where two
// people share an address, it leads to the one with the lower kind.
type AddressKind uint8

// The kinds of addresses, the stronger claim first.
const (
	AddressMail AddressKind = iota
	AddressUserPrincipalName
	AddressProxy
	AddressOtherMail
)

// eachAddress calls yield with every address of the person, stronger claims
// first, the outside address that a guest's user principal name is made of among them. An
// address may come more than once.
func (p Person) eachAddress(yield func(address string, kind AddressKind)) {
	yieldSome := func(kind AddressKind, addresses ...string) {
		for _, address := range addresses {
			if strings.Contains(address, "@") {
				yield(address, kind)
			}
		}
	}
	yieldSome(AddressMail, p.Profile.GetEmail())
	yieldSome(AddressUserPrincipalName, p.Profile.GetUserPrincipalName(), outside(p.Profile.GetUserPrincipalName()))
	yieldSome(AddressProxy, p.Proxies...)
	yieldSome(AddressOtherMail, p.OtherMails...)
}

// outside is the address of another organisation that the user principal name of a guest
// is made of, and empty where there is none: ana@fabrikam.com of
// ana_fabrikam.com#EXT#@contoso.com.
func outside(upn string) string {
	const mark = "#EXT#" // in either letter case
	for i := range len(upn) - len(mark) + 1 {
		if !strings.EqualFold(upn[i:i+len(mark)], mark) {
			continue
		}
		at := strings.LastIndexByte(upn[:i], '_') // no domain has a "_"
		if at <= 0 || at == i-1 {
			return ""
		}
		return upn[:at] + "@" + upn[at+1:i]
	}
	return ""
}

// Summary is the little that a list shows of a person.
func Summary(p *pb.Profile) *pb.ProfileSummary {
	return &pb.ProfileSummary{
		Id:             p.GetId(),
		DisplayName:    p.GetDisplayName(),
		Email:          p.GetEmail(),
		JobTitle:       p.GetJobTitle(),
		Department:     p.GetDepartment(),
		OfficeLocation: p.GetOfficeLocation(),
		UserType:       p.GetUserType(),
	}
}
