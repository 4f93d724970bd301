package cache

// Contact is a contact of the organisation's address book as a Source tells of it:
// somebody without an account.
type Contact struct {
	ID          string
	DisplayName string
	GivenName   string
	Surname     string
	Email       string   // empty where the contact has none
	Proxies     []string // SMTP proxy addresses, without their prefix
	JobTitle    string
	Department  string
	Company     string
	Office      string
	// Said tells which fields a change speaks of; the others stay as they are. Zero
	// means all of them: a whole contact.
	Said ContactFields
	// Gone means that the change is a removal; only ID counts.
	Gone bool
}

// ContactFields is a set of properties of a Contact.
type ContactFields uint16

// The properties of a Contact, as a Source reads them.
const (
	ContactDisplayName ContactFields = 1 << iota
	ContactGivenName
	ContactSurname
	ContactEmail
	ContactProxies
	ContactJobTitle
	ContactDepartment
	ContactCompany
	ContactOffice
)
