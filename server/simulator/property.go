package simulator

import (
	"errors"
	"fmt"
	"math"
	"strings"
)

// kind is the JSON type that a property has in Graph; every kind also allows null.
type kind uint8

const (
	anything kind = iota
	text
	flag
	texts // an array of strings
	moment
)

// usage says where a property may be used.
type usage uint8

const (
	byDefault  usage = 1 << iota // returned without $select
	singleOnly                   // lives outside the directory: served for one user at a time, never in a list
	compares                     // $filter with eq, ne, in, not
	ranges                       // $filter with ge, le, gt, lt
	starts                       // $filter with startsWith
	ends                         // $filter with endsWith
	advanced                     // $filter only as an advanced query
	basic                        // visible to User.ReadBasic.All
)

const (
	ordered    = compares | ranges
	searchable = compares | ranges | starts
)

// property is a property of user as Graph's metadata describes it.
type property struct {
	name string
	kind kind
	use  usage
}

// The places of the properties that the simulator itself looks at. The table below begins with them.
const (
	propID uint16 = iota
	propDisplayName
	propUserPrincipalName
	propMail
	propUserType
)

// known lists the properties of user. Where each may be used comes from Graph's own tables for user and for advanced
// queries; a file may bring others, which can be selected but not filtered.
var known = []property{
	{"id", text, byDefault | compares | basic},
	{"displayName", text, byDefault | searchable | basic},
	{"userPrincipalName", text, byDefault | searchable | ends | basic},
	{"mail", text, byDefault | searchable | ends | basic},
	{"userType", text, compares},

	{"businessPhones", texts, byDefault | searchable | advanced},
	{"givenName", text, byDefault | searchable | basic},
	{"jobTitle", text, byDefault | searchable},
	{"mobilePhone", text, byDefault | searchable | advanced},
	{"officeLocation", text, byDefault | searchable | advanced},
	{"preferredLanguage", text, byDefault | searchable},
	{"surname", text, byDefault | searchable | basic},

	{"accountEnabled", flag, compares},
	{"ageGroup", text, compares},
	{"assignedLicenses", anything, 0},
	{"assignedPlans", anything, 0},
	{"authorizationInfo", anything, 0},
	{"city", text, searchable},
	{"companyName", text, searchable | advanced},
	{"consentProvidedForMinor", text, compares},
	{"country", text, searchable},
	{"createdDateTime", moment, ordered},
	{"creationType", text, compares},
	{"customSecurityAttributes", anything, 0},
	{"deletedDateTime", moment, 0},
	{"department", text, ordered},
	{"employeeHireDate", moment, ordered | advanced},
	{"employeeId", text, searchable},
	{"employeeLeaveDateTime", moment, ordered | advanced},
	{"employeeOrgData", anything, 0},
	{"employeeType", text, searchable | advanced},
	{"externalUserState", text, compares},
	{"externalUserStateChangeDateTime", moment, 0},
	{"faxNumber", text, searchable | advanced},
	{"identities", anything, 0},
	{"imAddresses", texts, searchable},
	{"isResourceAccount", flag, 0},
	{"lastPasswordChangeDateTime", moment, 0},
	{"legalAgeGroupClassification", text, 0},
	{"licenseAssignmentStates", anything, 0},
	{"mailNickname", text, searchable},
	{"onPremisesDistinguishedName", text, 0},
	{"onPremisesDomainName", text, 0},
	{"onPremisesExtensionAttributes", anything, 0},
	{"onPremisesImmutableId", text, ordered},
	{"onPremisesLastSyncDateTime", moment, ordered | advanced},
	{"onPremisesProvisioningErrors", anything, 0},
	{"onPremisesSamAccountName", text, searchable | advanced},
	{"onPremisesSecurityIdentifier", text, compares},
	{"onPremisesSyncEnabled", flag, compares},
	{"onPremisesUserPrincipalName", text, searchable | advanced},
	{"otherMails", texts, searchable | ends},
	{"passwordPolicies", text, 0},
	{"postalCode", text, searchable | advanced},
	{"preferredDataLocation", text, 0},
	{"provisionedPlans", anything, 0},
	{"proxyAddresses", texts, searchable | ends},
	{"securityIdentifier", text, basic},
	{"serviceProvisioningErrors", anything, 0},
	{"showInAddressList", flag, 0},
	{"signInSessionsValidFromDateTime", moment, 0},
	{"state", text, searchable},
	{"streetAddress", text, searchable | advanced},
	{"usageLocation", text, searchable},

	{"aboutMe", text, singleOnly},
	{"birthday", moment, singleOnly},
	{"hireDate", moment, singleOnly},
	{"interests", texts, singleOnly},
	{"mailboxSettings", anything, singleOnly},
	{"mySite", text, singleOnly},
	{"pastProjects", texts, singleOnly},
	{"preferredName", text, singleOnly},
	{"responsibilities", texts, singleOnly},
	{"schools", texts, singleOnly},
	{"skills", texts, singleOnly},
}

// field is a property as one directory numbers it.
type field struct {
	property
	number uint16
}

// knownField returns a property of the table; it is the same in every directory.
func knownField(number uint16) field { return field{known[number], number} }

// vocabulary numbers the property names of a directory: Graph's first, in the order of the table, then those that only
// its people have. Names are told apart without regard to case, as Graph does.
type vocabulary struct {
	fields []field
	byName map[string]uint16 // a name as spelled in fields, or in lower case → number
}

func newVocabulary(table []property) *vocabulary {
	v := &vocabulary{byName: make(map[string]uint16, 2*len(table))}
	for _, p := range table {
		v.add(p)
	}
	return v
}

func (v *vocabulary) add(p property) field {
	f := field{p, uint16(len(v.fields))}
	v.fields = append(v.fields, f)
	v.byName[p.name] = f.number
	v.byName[strings.ToLower(p.name)] = f.number
	return f
}

func (v *vocabulary) find(name string) (field, bool) {
	n, ok := v.byName[name]
	if !ok {
		n, ok = v.byName[strings.ToLower(name)]
	}
	if !ok {
		return field{}, false
	}
	return v.fields[n], true
}

// intern returns the field of that name and makes one when there is none yet.
func (v *vocabulary) intern(name string) (field, error) {
	if f, ok := v.find(name); ok {
		return f, nil
	}
	if !plainName(name) {
		return field{}, fmt.Errorf("property name %.40q is not made of letters, digits, '_', '.', '-' and '@'", name)
	}
	if len(v.fields) > math.MaxUint16 {
		return field{}, errors.New("more than 65,536 different property names")
	}
	return v.add(property{name: name}), nil
}

// plainName reports whether a name needs no escape in JSON or in a query. Spans rely on it: the value of a member begins
// at a distance that follows from the name's length.
func plainName(name string) bool {
	if name == "" || len(name) > 128 {
		return false
	}
	for _, c := range []byte(name) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case strings.IndexByte("_.-@", c) >= 0:
		default:
			return false
		}
	}
	return true
}
