package graph

import (
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/peopleinsights/peopleinsights/cache"
	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
)

// property is one property of a Graph user that we read, and where it goes.
type property struct {
	name  string
	field protoreflect.FieldNumber
	read  func(decoder, *cache.Person) error
}

// propertyList has every property that we read, in the order in which they are
// selected. Only what the directory itself holds is here: the others, such as
// aboutMe, cannot be listed.
// Source: https://learn.microsoft.com/graph/api/resources/user
var propertyList = []property{
	{"id", 1, func(d decoder, p *cache.Person) (err error) {
		p.Profile.Id, err = d.text()
		p.Profile.Id = strings.ToLower(p.Profile.Id)
		return err
	}},
	text("displayName", 2, func(p *pb.Profile) *string { return &p.DisplayName }),
	text("givenName", 3, func(p *pb.Profile) *string { return &p.GivenName }),
	text("surname", 4, func(p *pb.Profile) *string { return &p.Surname }),
	text("mail", 5, func(p *pb.Profile) *string { return &p.Email }),
	text("userPrincipalName", 6, func(p *pb.Profile) *string { return &p.UserPrincipalName }),
	{"proxyAddresses", cache.FieldProxies, func(d decoder, p *cache.Person) (err error) {
		p.Proxies, err = d.smtp()
		return err
	}},
	{"otherMails", cache.FieldOtherMails, func(d decoder, p *cache.Person) (err error) {
		p.OtherMails, err = d.list()
		return err
	}},
	text("jobTitle", 8, func(p *pb.Profile) *string { return &p.JobTitle }),
	text("department", 9, func(p *pb.Profile) *string { return &p.Department }),
	text("companyName", 10, func(p *pb.Profile) *string { return &p.CompanyName }),
	text("officeLocation", 11, func(p *pb.Profile) *string { return &p.OfficeLocation }),
	text("streetAddress", 12, func(p *pb.Profile) *string { return &p.Street }),
	text("city", 13, func(p *pb.Profile) *string { return &p.City }),
	text("state", 14, func(p *pb.Profile) *string { return &p.State }),
	text("country", 15, func(p *pb.Profile) *string { return &p.Country }),
	text("postalCode", 16, func(p *pb.Profile) *string { return &p.PostalCode }),
	text("preferredLanguage", 17, func(p *pb.Profile) *string { return &p.PreferredLanguage }),
	{"businessPhones", 18, func(d decoder, p *cache.Person) (err error) {
		p.Profile.BusinessPhones, err = d.list()
		return err
	}},
	text("mobilePhone", 19, func(p *pb.Profile) *string { return &p.MobilePhone }),
	text("employeeId", 20, func(p *pb.Profile) *string { return &p.EmployeeId }),
	text("employeeType", 21, func(p *pb.Profile) *string { return &p.EmployeeType }),
	{"employeeHireDate", 22, func(d decoder, p *cache.Person) (err error) {
		p.Profile.HireDate, err = d.day()
		return err
	}},
	{"userType", 23, readUserType},
	{"accountEnabled", 24, readAccountState},
	{"showInAddressList", cache.FieldUnlisted, func(d decoder, p *cache.Person) error {
		shown, ok, err := d.flag()
		p.Unlisted = ok && !shown
		return err
	}},
}

// userProperties finds a property by its name.
var userProperties = func() map[string]property {
	byName := make(map[string]property, len(propertyList))
	for _, p := range propertyList {
		byName[p.name] = p
	}
	return byName
}()

// selected are the names of all properties, for $select.
func selected() []string {
	names := make([]string, len(propertyList), len(propertyList)+1)
	for i, p := range propertyList {
		names[i] = p.name
	}
	return names
}

func text(name string, field protoreflect.FieldNumber, where func(*pb.Profile) *string) property {
	return property{name, field, func(d decoder, p *cache.Person) (err error) {
		*where(p.Profile), err = d.text()
		return err
	}}
}

// smtp keeps the SMTP addresses of all proxies; SIP, X500 and others are no e-mail
// addresses.
func (d decoder) smtp() (addresses []string, err error) {
	proxies, err := d.list()
	for _, proxy := range proxies {
		if scheme, address, ok := strings.Cut(proxy, ":"); ok && strings.EqualFold(scheme, "smtp") {
			addresses = append(addresses, address)
		}
	}
	return addresses, err
}

func readUserType(d decoder, p *cache.Person) error {
	value, err := d.text()
	switch {
	case strings.EqualFold(value, "Guest"):
		p.Profile.UserType = pb.UserType_USER_TYPE_GUEST
	case strings.EqualFold(value, "Member"):
		p.Profile.UserType = pb.UserType_USER_TYPE_MEMBER
	}
	return err
}

func readAccountState(d decoder, p *cache.Person) error {
	enabled, ok, err := d.flag()
	switch {
	case ok && enabled:
		p.Profile.AccountState = pb.AccountState_ACCOUNT_STATE_ENABLED
	case ok:
		p.Profile.AccountState = pb.AccountState_ACCOUNT_STATE_DISABLED
	}
	return err
}
