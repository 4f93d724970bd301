package cache

import (
	"fmt"
	"unsafe"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"

	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
)

// glance reads what addresses and the index need of a record into a profile, which has to be
// empty but for what an earlier glance left: filling would decode everybody twice otherwise.
// The texts are not copied. They lie in the record's bytes, which are never changed, so that
// whoever keeps one keeps all of these.
func (r *record) glance(p *pb.Profile) Person {
	p.DisplayName, p.GivenName, p.Surname, p.Email, p.UserPrincipalName = "", "", "", "", ""
	p.EmployeeId, p.Department, p.OfficeLocation, p.Country = "", "", "", ""
	p.BusinessPhones, p.UserType = nil, 0
	for rest := r.encoded; len(rest) > 0; {
		number, kind, n := protowire.ConsumeTag(rest)
		if n < 0 {
			panic(fmt.Sprintf("cache: a record's own bytes do not decode: %v", protowire.ParseError(n)))
		}
		rest = rest[n:]
		switch {
		case kind == protowire.BytesType:
			text, size := protowire.ConsumeBytes(rest)
			n = size
			glanceText(p, number, text)
		case kind == protowire.VarintType && number == glanced.userType:
			value, size := protowire.ConsumeVarint(rest)
			n = size
			p.UserType = pb.UserType(value)
		default:
			n = protowire.ConsumeFieldValue(number, kind, rest)
		}
		if n < 0 {
			panic(fmt.Sprintf("cache: a record's own bytes do not decode: %v", protowire.ParseError(n)))
		}
		rest = rest[n:]
	}
	return Person{Profile: p, Proxies: r.proxies, OtherMails: r.otherMails, ManagerID: r.managerID, Unlisted: r.unlisted}
}

func glanceText(p *pb.Profile, number protowire.Number, raw []byte) {
	text := unsafe.String(unsafe.SliceData(raw), len(raw))
	switch number {
	case glanced.displayName:
		p.DisplayName = text
	case glanced.givenName:
		p.GivenName = text
	case glanced.surname:
		p.Surname = text
	case glanced.email:
		p.Email = text
	case glanced.userPrincipalName:
		p.UserPrincipalName = text
	case glanced.employeeID:
		p.EmployeeId = text
	case glanced.department:
		p.Department = text
	case glanced.officeLocation:
		p.OfficeLocation = text
	case glanced.country:
		p.Country = text
	case glanced.businessPhones:
		p.BusinessPhones = append(p.BusinessPhones, text)
	}
}

// glanced are the numbers of the fields that a glance reads.
var glanced = func() (of struct {
	displayName, givenName, surname, email, userPrincipalName, employeeID, department, officeLocation, country, businessPhones, userType protowire.Number
}) {
	for name, number := range map[protoreflect.Name]*protowire.Number{
		"display_name": &of.displayName, "given_name": &of.givenName, "surname": &of.surname, "email": &of.email,
		"user_principal_name": &of.userPrincipalName, "employee_id": &of.employeeID, "department": &of.department,
		"office_location": &of.officeLocation, "country": &of.country, "business_phones": &of.businessPhones, "user_type": &of.userType,
	} {
		*number = (&pb.Profile{}).ProtoReflect().Descriptor().Fields().ByName(name).Number()
	}
	return of
}()
