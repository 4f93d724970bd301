package simulator

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"
)

// What an invented tenant is made of, in parts of a thousand; the rest are people at work.
const (
	guestShare  = 70
	leaverShare = 55
	roomShare   = 20
	sharedShare = 12
	fanOut      = 8 // how many report to a manager
)

type role uint8

const (
	worker role = iota
	leaver
	guestRole
	room
	sharedMailbox
)

// Invent makes up a tenant of n people: names of 44 languages and countries, shared, compound and foreign ones, in a
// reporting line with a single top, and among them guests, leavers, rooms, shared mailboxes, contractors, the hidden and
// those without mail. Of the 84,000 who work in a tenant of 100,000 some ninety have the most common full name and 1,240
// the most common surname, and nine in ten share their full name with three others or fewer. For every fifty people there
// is a group: departments, projects, and from 150 people on one of all who work there; and a directory contact. A third of
// the teams have further channels, and every mailbox up to nineteen contacts, which are made up when asked for. The same n and seed make the same
// tenant in every process of the same version of this package. It takes about 8 µs and 1.25 KB a person. n below one
// makes an empty directory.
func Invent(n int, seed uint64) *Directory {
	all, err := languages()
	if err != nil {
		panic(err) // the tables are part of the package, and a test reads them
	}
	d := NewDirectory()
	d.grow(max(n, 0))
	in := &inventor{
		dir:    d,
		rand:   rand.New(rand.NewPCG(seed, 0x6765736963687465)),
		fields: make(map[string]field),
		used:   make(map[string]int),
	}
	for _, f := range d.words.fields {
		in.fields[f.name] = f
	}
	for i := range all {
		for range all[i].weight {
			in.speakers = append(in.speakers, &all[i])
		}
	}
	in.cast(n)
	for i := range in.roles {
		if err := in.person(int32(i)); err != nil {
			panic(err) // ids and addresses are made to differ
		}
	}
	for i, at := range in.place {
		if at > 0 {
			d.slots[i].person.manager = in.holder[(at-1)/fanOut]
			d.link(int32(i), in.holder[(at-1)/fanOut])
		}
	}
	d.later = inventedLater{int32(len(d.slots)), seed}
	if err := in.groups(n, seed); err != nil {
		panic(err) // the same
	}
	if err := in.orgContacts(n, seed); err != nil {
		panic(err) // the same
	}
	if err := in.channels(seed); err != nil {
		panic(err) // the same
	}
	d.books.invent = in.books(seed)
	return d
}

// grow makes room for people who are about to come.
func (d *Directory) grow(n int) {
	d.slots = make([]slot, 0, n)
	d.byID = make(map[guid]int32, n)
	d.byUPN = make(map[string]int32, n)
}

// inventor makes one person after the other.
type inventor struct {
	dir      *Directory
	rand     *rand.Rand
	fields   map[string]field
	speakers []*language // each as often as its weight
	roles    []role
	place    []int32 // where in the reporting line somebody stands, counted level by level; -1 for who is not in it
	holder   []int32 // the reverse: who stands there
	used     map[string]int
	build    builder
}

// cast gives everybody a role, and the people at work a place in the reporting line. The places are shuffled, so that
// a list of people does not name managers before their reports.
func (in *inventor) cast(n int) {
	in.roles, in.place = make([]role, max(n, 0)), make([]int32, max(n, 0))
	for i := range in.roles {
		in.place[i] = -1
		switch k := in.rand.IntN(1000); {
		case i == 0: // somebody has to be there
		case k < guestShare:
			in.roles[i] = guestRole
		case k < guestShare+leaverShare:
			in.roles[i] = leaver
		case k < guestShare+leaverShare+roomShare:
			in.roles[i] = room
		case k < guestShare+leaverShare+roomShare+sharedShare:
			in.roles[i] = sharedMailbox
		}
		if in.roles[i] == worker {
			in.holder = append(in.holder, int32(i))
		}
	}
	in.rand.Shuffle(len(in.holder), func(a, b int) { in.holder[a], in.holder[b] = in.holder[b], in.holder[a] })
	for at, who := range in.holder {
		in.place[who] = int32(at)
	}
}

func (in *inventor) person(i int32) error {
	in.build.reset()
	id := in.id()
	in.set("id", id.String())
	l := in.speakers[in.rand.IntN(len(in.speakers))]
	switch in.roles[i] {
	case guestRole:
		in.guest(l)
	case room, sharedMailbox:
		in.thing(l, i)
	default:
		in.employee(l, i)
	}
	_, err := in.dir.insert(in.build.person(id, none))
	return err
}

func (in *inventor) id() (g guid) {
	for i := range 2 {
		for k, v := 0, in.rand.Uint64(); k < 8; k, v = k+1, v>>8 {
			g[8*i+k] = byte(v)
		}
	}
	g[6], g[8] = g[6]&0x0f|0x40, g[8]&0x3f|0x80
	return g
}

func (in *inventor) set(name, value string)       { in.build.text(in.fields[name], value) }
func (in *inventor) list(name string, v []string) { in.build.texts(in.fields[name], v) }
func (in *inventor) raw(name, value string)       { in.build.member(in.fields[name], value) }
func (in *inventor) chance(percent int) bool      { return in.rand.IntN(100) < percent }
func (in *inventor) oneOf(list []string) string   { return list[in.rand.IntN(len(list))] }
func (in *inventor) date(from int) time.Time {
	return time.Date(from, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(in.rand.IntN(14*365*24)) * time.Hour)
}

// unused returns the address if nobody has it, or the first free one with a number: anna.kim, anna.kim2, anna.kim3.
func (in *inventor) unused(local, domain string) string {
	key := local + "@" + domain
	in.used[key]++
	if n := in.used[key]; n > 1 {
		return in.unused(local+strconv.Itoa(n), domain)
	}
	return key
}

// The domains of the tenant, the company behind each, and how many of a hundred work there.
var domains = []struct {
	domain, company string
	share           int
}{
	{"contoso.com", "Contoso", 45},
	{"northwindtraders.com", "Northwind Traders", 20},
	{"fabrikam.com", "Fabrikam, Inc.", 15},
	{"contoso.de", "Contoso Deutschland GmbH", 12},
	{"litware.fr", "Litware France SAS", 8},
}

const tenantDomain = "contoso.onmicrosoft.com"

func (in *inventor) domain() (domain, company string) {
	k := in.rand.IntN(100)
	for _, d := range domains {
		if k -= d.share; k < 0 {
			return d.domain, d.company
		}
	}
	return domains[0].domain, domains[0].company
}

// guest is somebody from elsewhere: little is known of them.
func (in *inventor) guest(l *language) {
	given, family := pick(in.rand, l.given), pick(in.rand, l.family)
	elsewhere := in.oneOf([]string{"lucernepublishing.com", "proseware.com", "tailspintoys.com", "adatum.com", "wingtiptoys.com"})
	local := l.address(given.latin) + "." + l.address(family.latin)
	if in.chance(10) {
		local += strconv.Itoa(1960 + in.rand.IntN(45))
	}
	mail := in.unused(local, elsewhere)
	local, _, _ = strings.Cut(mail, "@")
	nickname := local + "_" + elsewhere + "#EXT#"
	display := given.latin + " " + family.latin
	if in.chance(15) {
		display = local
	}
	in.set("displayName", display)
	if in.chance(40) {
		in.set("givenName", given.latin)
		in.set("surname", family.latin)
	}
	in.set("userPrincipalName", nickname+"@"+tenantDomain)
	in.set("mail", mail)
	in.set("mailNickname", nickname)
	in.list("otherMails", []string{mail})
	in.list("proxyAddresses", []string{"SMTP:" + mail})
	in.list("businessPhones", nil)
	in.raw("accountEnabled", "true")
	in.set("userType", "Guest")
	in.set("externalUserState", in.oneOf([]string{"Accepted", "Accepted", "PendingAcceptance"}))
	in.raw("showInAddressList", "null")
	in.set("createdDateTime", in.date(2012).Format(time.RFC3339))
}

// thing is a room or a shared mailbox: an account that nobody signs in to.
func (in *inventor) thing(l *language, i int32) {
	city := pick(in.rand, l.cities)
	number := 1 + in.rand.IntN(60)
	display := fmt.Sprintf("%s %s %d.%02d", in.oneOf([]string{"Room", "Raum", "Salle", "Sala"}), city.native, 1+number/10, number)
	local := fmt.Sprintf("room.%s.%d", l.address(city.latin), number)
	if in.roles[i] == sharedMailbox {
		what := in.oneOf([]string{"Info", "Support", "Orders", "Reception", "Invoices", "Careers", "Service Desk"})
		display = what + " " + city.latin
		local = l.address(what) + "." + l.address(city.latin)
	}
	mail := in.unused(local, "contoso.com")
	local, _, _ = strings.Cut(mail, "@")
	in.set("displayName", display)
	in.set("userPrincipalName", mail)
	in.set("mail", mail)
	in.set("mailNickname", local)
	in.list("otherMails", nil)
	in.list("proxyAddresses", []string{"SMTP:" + mail})
	in.list("businessPhones", nil)
	in.set("officeLocation", in.office(city))
	in.raw("accountEnabled", "false")
	in.set("userType", "Member")
	in.raw("showInAddressList", "true")
	in.set("createdDateTime", in.date(2012).Format(time.RFC3339))
}

func (in *inventor) office(city name) string {
	return city.native + " " + strconv.Itoa(1+in.rand.IntN(4))
}
