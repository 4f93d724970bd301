package simulator

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
)

// What is around the people of an invented tenant: companies outside, of which contacts are.
var outsiders = []struct{ company, domain string }{
	{"Lucerne Publishing", "lucernepublishing.com"}, {"Proseware", "proseware.com"}, {"Tailspin Toys", "tailspintoys.com"},
	{"Adatum Corporation", "adatum.com"}, {"Wingtip Toys", "wingtiptoys.com"}, {"Alpine Ski House", "alpineskihouse.com"},
	{"Coho Vineyard", "cohovineyard.com"}, {"Trey Research", "treyresearch.net"},
}

var outsideJobs = []string{"Account Manager", "Buyer", "Consultant", "Lawyer", "Sales Director", "Support Lead"}

// stranger is somebody outside the tenant.
type stranger struct {
	given, family, display, company, mail, job, phone string
}

func (in *inventor) stranger() stranger {
	l := in.speakers[in.rand.IntN(len(in.speakers))]
	given, family := pick(in.rand, l.given), pick(in.rand, l.family)
	at := outsiders[in.rand.IntN(len(outsiders))]
	return stranger{
		given: given.native, family: family.native, display: l.full(given.native, family.native),
		company: at.company, mail: l.address(given.latin) + "." + l.address(family.latin) + "@" + at.domain,
		job: in.oneOf(outsideJobs), phone: fmt.Sprintf("+%s 555 %06d", l.dial, in.rand.IntN(1_000_000)),
	}
}

// orgContacts makes up the directory contacts of a tenant of n people: one for every fifty. They have a stream of random
// numbers of their own, as groups have.
func (in *inventor) orgContacts(n int, seed uint64) error {
	in.rand = rand.New(rand.NewPCG(seed, 0x6f7267636f6e7461))
	s := in.dir.shelf(contactKind)
	set := func(name, value string) {
		f, _ := s.words.find(name)
		in.build.text(f, value)
	}
	for range n / peoplePerGroup {
		who := in.stranger()
		in.build.reset()
		id := in.id()
		local, domain, _ := strings.Cut(who.mail, "@")
		mail := in.unused(local, domain)
		local, _, _ = strings.Cut(mail, "@")
		set("id", id.String())
		set("displayName", who.display)
		set("companyName", who.company)
		set("givenName", who.given)
		set("jobTitle", who.job)
		set("mail", mail)
		set("mailNickname", local)
		phones, _ := s.words.find("phones")
		in.build.member(phones, `[{"type":"business","number":"`+who.phone+`"}]`)
		proxies, _ := s.words.find("proxyAddresses")
		in.build.texts(proxies, []string{"SMTP:" + mail})
		set("surname", who.family)
		if _, err := in.dir.insertObject(s, in.build.person(id, none)); err != nil {
			return err
		}
	}
	return nil
}

// books returns what makes up the contacts of a mailbox: up to nineteen, the same whenever they are asked for. Nothing is
// kept until somebody changes one of them.
func (in *inventor) books(seed uint64) func(owner *person) *book {
	speakers := in.speakers
	return func(owner *person) *book {
		own := inventor{
			speakers: speakers,
			rand:     rand.New(rand.NewPCG(seed^binary.LittleEndian.Uint64(owner.id[:8]), binary.LittleEndian.Uint64(owner.id[8:]))),
		}
		return own.book(owner.id)
	}
}

func (in *inventor) book(owner guid) *book {
	b := &book{}
	places := []string{defaultFolder(owner)}
	if in.chance(30) {
		id := outlookID(owner.String(), "invented folder")
		b.folders = append(b.folders, contactFolder{id, rootFolder(owner), in.oneOf([]string{"Suppliers", "Customers", "Private"})})
		places = append(places, id)
		if in.chance(30) {
			inner := outlookID(owner.String(), "invented folder within")
			b.folders = append(b.folders, contactFolder{inner, id, in.oneOf([]string{"Old", "Important"})})
			places = append(places, inner)
		}
	}
	for i := range in.rand.IntN(20) {
		who := in.stranger()
		values := map[string]string{
			"displayName": quoted(who.display), "givenName": quoted(who.given), "surname": quoted(who.family),
			"companyName": quoted(who.company), "jobTitle": quoted(who.job), "mobilePhone": quoted(who.phone),
		}
		mails := []string{who.mail}
		if in.chance(20) {
			mails = append(mails, strings.ToLower(strings.Split(who.mail, "@")[0])+strconv.Itoa(in.rand.IntN(100))+"@example.net")
		}
		list := "["
		for k, mail := range mails {
			if k > 0 {
				list += ","
			}
			list += `{"name":` + quoted(who.display) + `,"address":` + quoted(mail) + `}`
		}
		values["emailAddresses"] = list + "]"
		if in.chance(15) {
			values["nickName"] = quoted(who.given)
			values["categories"] = `["Red category"]`
		}
		b.contacts = append(b.contacts, &contact{
			id: outlookID(owner.String(), "invented", strconv.Itoa(i)), folder: places[in.rand.IntN(len(places))], values: values,
		})
	}
	return b
}

// channels makes up channels for a third of the teams, with members of the team in the private and shared ones.
func (in *inventor) channels(seed uint64) error {
	in.rand = rand.New(rand.NewPCG(seed, 0x6368616e6e656c73))
	for n := range in.dir.groups.slots {
		if !in.dir.isTeam(int32(n)) || !in.chance(35) {
			continue
		}
		for i := range 1 + in.rand.IntN(3) {
			if err := in.channel(int32(n), i); err != nil {
				return err
			}
		}
	}
	return nil
}

func (in *inventor) channel(n int32, i int) error {
	team := in.dir.groups.slots[n]
	doc := channelDoc{
		ID:          channelIDOf(fmt.Sprint("invented ", team.person.id, i)),
		DisplayName: []string{"Planning", "Leads", "Partners"}[i],
	}
	switch k := in.rand.IntN(100); {
	case k < 50:
		doc.MembershipType = standardChannel
	case k < 85:
		doc.MembershipType = privateChannel
	default:
		doc.MembershipType = sharedChannel
		who := in.stranger()
		doc.Members = append(doc.Members, channelMemberDoc{
			UserID: in.id().String(), TenantID: in.id().String(), DisplayName: who.display, Email: who.mail,
		})
	}
	if doc.MembershipType != standardChannel {
		for _, r := range team.members {
			if r.kind() != userKind || !in.chance(40) {
				continue
			}
			m := channelMemberDoc{UserID: in.dir.member(r).id.String()}
			if len(doc.Members) == 0 {
				m.Roles = []string{"owner"}
			}
			doc.Members = append(doc.Members, m)
		}
	}
	ch, err := in.dir.newChannel(n, doc)
	if err == nil {
		in.dir.setChannel(n, ch)
	}
	return err
}
