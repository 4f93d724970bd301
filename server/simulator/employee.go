package simulator

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// The departments, one for each of the people right below the top.
var departments = []string{
	"Engineering", "Sales", "Customer Support", "Product Management", "Finance", "People", "IT Operations", "Research",
}

var regions = []string{"EMEA", "Americas", "APAC", "Platform", "Devices", "Retail", "Enterprise", "Services"}

var jobs = map[string][]string{
	"Engineering":        {"Software Engineer", "Test Engineer", "Site Reliability Engineer"},
	"Sales":              {"Account Executive", "Sales Engineer", "Account Manager"},
	"Customer Support":   {"Support Specialist", "Support Engineer", "Support Coordinator"},
	"Product Management": {"Product Manager", "Designer", "Data Analyst"},
	"Finance":            {"Accountant", "Controller", "Financial Analyst"},
	"People":             {"Recruiter", "Payroll Specialist", "Learning Partner"},
	"IT Operations":      {"Systems Administrator", "Network Engineer", "Operations Specialist"},
	"Research":           {"Researcher", "Data Scientist", "Laboratory Technician"},
}

// position is what follows from a place in the reporting line.
type position struct {
	department string // as shown
	field      string // without region and number
	level      int    // 0 is the top
	manager    bool
}

// position climbs the line to find out where somebody works: those right below the top head the departments, those below
// them regions of it, and the teams after that are numbered.
func (in *inventor) position(at int32) position {
	p := position{manager: int(at)*fanOut+1 < len(in.holder), field: "Executive", department: "Executive"}
	var path []int32
	for ; at > 0; at = (at - 1) / fanOut {
		path = append(path, (at-1)%fanOut)
	}
	p.level = len(path)
	if p.level == 0 {
		return p
	}
	p.field = departments[path[len(path)-1]]
	p.department = p.field
	if p.level >= 2 {
		p.department += " " + regions[path[len(path)-2]]
	}
	if p.level >= 4 && path[len(path)-3] > 0 {
		p.department += " " + strconv.Itoa(int(path[len(path)-3])+1)
	}
	return p
}

func (in *inventor) title(p position) string {
	switch {
	case p.level == 0:
		return "Chief Executive Officer"
	case p.level == 1:
		return "Vice President, " + p.field
	case p.level == 2 && p.manager:
		return "Director, " + p.field
	case p.manager:
		return p.field + " Manager"
	}
	job := in.oneOf(jobs[p.field])
	switch k := in.rand.IntN(10); {
	case k < 3:
		return "Senior " + job
	case k == 3:
		return "Principal " + job
	case k == 4:
		return "Junior " + job
	}
	return job
}

// employee is somebody who works in the tenant, or did.
func (in *inventor) employee(l *language, i int32) {
	who := in.named(l)
	domain, company := in.domain()
	local := who.local
	if who.contractor {
		local = "x-" + local
	}
	mail := in.unused(local, domain)
	local, _, _ = strings.Cut(mail, "@")
	number := strconv.Itoa(1000000 + int(i))
	upn := mail
	if in.chance(15) {
		upn = "u" + number + "@" + domain
	}
	in.set("displayName", who.display)
	in.set("givenName", who.given)
	in.set("surname", who.family)
	in.set("userPrincipalName", upn)
	in.addresses(who, mail, local, domain)
	p := in.position(max(in.place[i], 0))
	if in.roles[i] == leaver { // of no team any more
		p = in.position(int32(len(in.holder) - 1))
	}
	city := pick(in.rand, l.cities)
	in.set("jobTitle", in.title(p))
	in.set("department", p.department)
	in.set("companyName", company)
	in.set("officeLocation", in.office(city))
	in.set("city", city.native)
	in.set("country", l.country)
	in.set("usageLocation", l.code)
	in.set("preferredLanguage", l.tag)
	in.phones(l)
	in.employment(who, number, in.roles[i] == leaver)
}

// addresses are the mail address and the others that lead to the person. One in sixty has none.
func (in *inventor) addresses(who identity, mail, local, domain string) {
	in.set("mailNickname", local)
	if in.chance(2) && in.chance(80) {
		in.list("otherMails", nil)
		in.list("proxyAddresses", nil)
		return
	}
	in.set("mail", mail)
	proxies := []string{"SMTP:" + mail, "smtp:" + local + "@" + tenantDomain}
	for _, alias := range who.aliases {
		proxies = append(proxies, "smtp:"+in.unused(alias, domain))
	}
	other := []string(nil)
	if who.contractor || in.chance(2) {
		other = []string{who.local + "@proseware.com"}
	}
	in.list("otherMails", other)
	in.list("proxyAddresses", proxies)
}

func (in *inventor) phones(l *language) {
	if in.chance(65) {
		in.list("businessPhones", []string{in.businessPhone(l)})
	} else {
		in.list("businessPhones", nil)
	}
	if in.chance(45) {
		in.set("mobilePhone", fmt.Sprintf("%s 9%02d 555 %03d", l.dial, in.rand.IntN(100), in.rand.IntN(1000)))
	}
}

// businessPhone is the number of a desk, a third of which have an extension of three to five digits.
func (in *inventor) businessPhone(l *language) string {
	area := 20 + in.rand.IntN(70)
	if l.dial == "+1" {
		area = 201 + in.rand.IntN(780)
	}
	number := fmt.Sprintf("%s %d 555 %04d", l.dial, area, in.rand.IntN(10000))
	if !in.chance(33) {
		return number
	}
	least := []int{100, 1000, 10000}[in.rand.IntN(3)]
	return number + in.oneOf([]string{" x", " ext. ", ";ext="}) + strconv.Itoa(least+in.rand.IntN(9*least))
}

func (in *inventor) employment(who identity, number string, left bool) {
	kind := "Employee"
	if who.contractor {
		kind = "Contractor"
	} else if in.chance(4) {
		kind = "Intern"
	}
	hired := in.date(2010)
	in.set("employeeId", number)
	in.set("employeeType", kind)
	in.set("employeeHireDate", hired.Format(time.DateOnly)+"T00:00:00Z")
	in.raw("accountEnabled", strconv.FormatBool(!left))
	in.set("userType", "Member")
	switch {
	case left || in.chance(2):
		in.raw("showInAddressList", "false")
	case in.chance(50):
		in.raw("showInAddressList", "null")
	default:
		in.raw("showInAddressList", "true")
	}
	in.set("createdDateTime", hired.Add(time.Duration(in.rand.IntN(72))*time.Hour).Format(time.RFC3339))
}

// identity is what somebody is called.
type identity struct {
	given, family string // as shown in these properties
	display       string
	local         string   // of the address
	aliases       []string // locals of further addresses
	contractor    bool
}

// short are the names by which some are known.
var short = map[string]string{
	"William": "Bill", "Robert": "Bob", "Elizabeth": "Liz", "Michael": "Mike", "Jennifer": "Jen", "Richard": "Dick",
	"Margaret": "Peggy", "James": "Jim", "Thomas": "Tom", "Katarzyna": "Kasia", "Francisco": "Paco", "José": "Pepe",
	"Alexandru": "Alex", "Aleksandr": "Sasha", "Giuseppe": "Beppe", "Johannes": "Hans", "Susanne": "Susi",
}

func (in *inventor) named(l *language) identity {
	given, family := pick(in.rand, l.given), pick(in.rand, l.family)
	if l.second && in.chance(80) {
		more := pick(in.rand, l.family)
		family.native, family.latin = family.native+" "+more.native, family.latin+" "+more.latin
	} else if in.chance(3) && !l.joined {
		more := pick(in.rand, l.family)
		family.native, family.latin = family.native+"-"+more.native, family.latin+"-"+more.latin
	}
	who := identity{contractor: in.chance(6)}
	g, f := l.address(given.latin), l.address(family.latin)
	who.local = in.local(g, f)
	switch in.rand.IntN(20) {
	case 0: // married: the old name still leads here
		who.aliases = append(who.aliases, g+"."+l.address(pick(in.rand, l.family).latin))
	case 1:
		who.aliases = append(who.aliases, f+"."+g)
	}
	if in.chance(9) {
		if middle := pick(in.rand, l.given); l.middle(given, middle) {
			given.native, given.latin = given.native+" "+middle.native, given.latin+" "+middle.latin
		}
	}
	in.show(&who, l, given, family)
	if who.contractor {
		who.display += " (Ext.)"
	}
	return who
}

// local is what stands before the @, by the rules that companies have: most have john.smith.
func (in *inventor) local(given, family string) string {
	switch k := in.rand.IntN(100); {
	case k < 12:
		return given[:1] + family
	case k < 18:
		return given[:1] + "." + family
	case k < 23:
		return given + family[:1]
	case k < 27:
		return family + "." + given
	case k < 30:
		return given + "_" + family
	}
	return given + "." + family
}

// middle tells whether somebody of a given name may have this one as a middle name, with which it is shown: John Michael
// Smith. Where names are of another script or the family comes first, nobody has.
func (l *language) middle(given, middle name) bool {
	return !l.familyFirst && given.native == given.latin && given.native != middle.native &&
		!strings.ContainsAny(given.native+middle.native, " -")
}

// show decides how a name is written. Where the script is another, some companies show it, some the Latin spelling, and
// some both.
func (in *inventor) show(who *identity, l *language, given, family name) {
	who.given, who.family = given.latin, family.latin
	style := in.rand.IntN(10)
	foreign := given.native != given.latin
	switch {
	case foreign && style < 4:
		who.given, who.family = given.native, family.native
		who.display = l.full(given.native, family.native)
		return
	case foreign && style < 6:
		who.display = family.latin + ", " + given.latin + " (" + l.full(given.native, family.native) + ")"
		return
	case l.familyFirst && !l.joined && style < 7:
		who.display = l.full(given.latin, family.latin)
		return
	}
	shown := given.latin
	if s, ok := short[shown]; ok && in.chance(20) {
		shown = s
	} else if in.chance(8) && !strings.Contains(shown, " ") {
		shown += " " + string('A'+rune(in.rand.IntN(26))) + "."
	}
	switch {
	case style == 9 && l.code == "FR":
		who.display = strings.ToUpper(family.latin) + " " + shown
	case style >= 7:
		who.display = family.latin + ", " + shown
	default:
		who.display = shown + " " + family.latin
	}
}

// full is given and family name in the order of the language.
func (l *language) full(given, family string) string {
	switch {
	case l.joined:
		return family + given
	case l.familyFirst:
		return family + " " + given
	}
	return given + " " + family
}
