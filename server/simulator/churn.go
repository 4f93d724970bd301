package simulator

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

// Churn makes n changes such as a tenant sees: people who come, go and come back, move, marry, get another manager or the
// address of somebody else, and groups that come, go, are renamed and change their members. The same directory with the
// same past, n and seed make the same changes. As many people come as go, give or take one over all calls, and as many
// groups. It looks at everybody once, and takes some 50 µs a change after that.
//
// What others change meanwhile is left to them; it fails when there is too little in the directory to change.
func (d *Directory) Churn(n int, seed uint64) error {
	speakers, err := languages()
	if err != nil {
		return fmt.Errorf("churn: %w", err)
	}
	c := &churner{
		dir:       d,
		inventor:  inventor{dir: d},
		languages: speakers,
	}
	c.begin(seed)
	defer c.end()
	made, failed := 0, 0
	for made < n {
		done, err := c.change()
		switch {
		case done:
			made, failed = made+1, 0
		case failed == maxFailures:
			if err == nil {
				err = errors.New("there is nothing to change")
			}
			return fmt.Errorf("churn: after %d changes: %w", made, err)
		default:
			failed++
		}
	}
	return nil
}

// maxFailures is after how many attempts in a row that changed nothing Churn gives up.
const maxFailures = 1000

// churner makes one change after the other. Its methods report whether they have changed something; an error is an
// attempt that the directory has refused.
type churner struct {
	dir       *Directory
	inventor  inventor // for names and ids
	languages []language
	people    balance
	groups    balance
	before    churned
}

// churned is how many more have come than gone in all that Churn has changed, so that many small calls even out as one
// large one does.
type churned struct{ people, groups int }

// balance is who came and who went.
type balance struct {
	extra int      // how many more have come than gone
	gone  []string // ids of the deleted
}

// coming decides whether somebody comes or goes, so that it evens out.
func (b *balance) coming(r *rand.Rand) bool {
	return b.extra < 0 || b.extra == 0 && r.IntN(2) == 0
}

// take removes one of the deleted from the list and returns it, or "" when there is none.
func (b *balance) take(r *rand.Rand) string {
	if len(b.gone) == 0 {
		return ""
	}
	i := r.IntN(len(b.gone))
	id := b.gone[i]
	b.gone = slices.Delete(b.gone, i, i+1)
	return id
}

// begin finds the deleted, and how many are too many. How much has happened so far has a say in what does next: many calls
// with one seed are not to make the same change over and over.
func (c *churner) begin(seed uint64) {
	c.dir.mu.RLock()
	defer c.dir.mu.RUnlock()
	c.inventor.rand = rand.New(rand.NewPCG(seed, c.dir.past.last()<<32^c.dir.groups.past.last()))
	c.before = c.dir.churned
	c.people.extra, c.groups.extra = c.before.people, c.before.groups
	for _, s := range c.dir.slots {
		if s.deleted && s.person != nil {
			c.people.gone = append(c.people.gone, s.person.id.String())
		}
	}
	for _, s := range c.dir.groups.slots {
		if s.deleted && s.person != nil {
			c.groups.gone = append(c.groups.gone, s.person.id.String())
		}
	}
}

func (c *churner) end() {
	c.dir.mu.Lock()
	defer c.dir.mu.Unlock()
	c.dir.churned.people += c.people.extra - c.before.people
	c.dir.churned.groups += c.groups.extra - c.before.groups
}

// change attempts one change. The weights add up to a hundred.
func (c *churner) change() (bool, error) {
	k := c.inventor.rand.IntN(100)
	for _, t := range []struct {
		weight int
		change func() (bool, error)
	}{
		{14, c.title}, {8, c.department}, {8, c.office}, {4, c.displayName}, {6, c.marry}, {3, c.swap}, {9, c.manager},
		{3, c.noManager}, {6, c.clear}, {12, c.comeOrGo}, {3, c.purge},
		{3, c.renameGroup}, {11, c.addMember}, {7, c.removeMember}, {3, c.groupComesOrGoes},
	} {
		if k -= t.weight; k < 0 {
			return t.change()
		}
	}
	return false, nil
}

// subject is what a change looks at.
type subject struct {
	ID         string   `json:"id"`
	Name       string   `json:"displayName"`
	Given      string   `json:"givenName"`
	Surname    string   `json:"surname"`
	UPN        string   `json:"userPrincipalName"`
	Mail       string   `json:"mail"`
	Proxies    []string `json:"proxyAddresses"`
	Title      string   `json:"jobTitle"`
	Department string   `json:"department"`
	Office     string   `json:"officeLocation"`
	Type       string   `json:"userType"`
	Manager    string   `json:"managerId"`
}

// pick returns somebody who is there; ok is false when nobody is found.
func (c *churner) pick() (who subject, ok bool) {
	c.dir.mu.RLock()
	defer c.dir.mu.RUnlock()
	for range 100 {
		if len(c.dir.slots) == 0 {
			break
		}
		if p := c.dir.shown(int32(c.inventor.rand.IntN(len(c.dir.slots)))); p != nil {
			return who, json.Unmarshal(c.dir.resource(p), &who) == nil
		}
	}
	return who, false
}

// pickGroup returns a group that is there.
func (c *churner) pickGroup() (id, name string, ok bool) {
	c.dir.mu.RLock()
	defer c.dir.mu.RUnlock()
	for range 100 {
		if len(c.dir.groups.slots) == 0 {
			break
		}
		if g := c.dir.groups.shown(int32(c.inventor.rand.IntN(len(c.dir.groups.slots)))); g != nil {
			name, _ = g.text(groupProperty(propDisplayName))
			return g.id.String(), name, true
		}
	}
	return "", "", false
}

// props are properties to set; nil is null.
type props map[string]any

func (p props) json() []byte {
	b, err := json.Marshal(p)
	if err != nil {
		panic(err) // strings, flags and lists of strings
	}
	return b
}

func (c *churner) patch(id string, p props) (bool, error) {
	err := c.dir.Patch(id, p.json())
	return err == nil, err
}

func (c *churner) oneOf(list []string) string { return c.inventor.oneOf(list) }

func (c *churner) language() *language {
	return &c.languages[c.inventor.rand.IntN(len(c.languages))]
}

func (c *churner) job() string {
	return c.oneOf([]string{"", "Senior ", "Principal ", "Junior "}) + c.oneOf(jobs[c.oneOf(departments)])
}

func (c *churner) unit() string { return c.oneOf(departments) + " " + c.oneOf(regions) }

func (c *churner) place() string {
	return c.inventor.office(pick(c.inventor.rand, c.language().cities))
}

func (c *churner) title() (bool, error) {
	who, ok := c.pick()
	job := c.job()
	if !ok || who.Title == job {
		return false, nil
	}
	return c.patch(who.ID, props{"jobTitle": job})
}

func (c *churner) department() (bool, error) {
	who, ok := c.pick()
	unit := c.unit()
	if !ok || who.Department == unit {
		return false, nil
	}
	return c.patch(who.ID, props{"department": unit, "jobTitle": c.job()})
}

func (c *churner) office() (bool, error) {
	who, ok := c.pick()
	place := c.place()
	if !ok || who.Office == place {
		return false, nil
	}
	return c.patch(who.ID, props{"officeLocation": place})
}

func (c *churner) displayName() (bool, error) {
	who, ok := c.pick()
	initial := string('A' + rune(c.inventor.rand.IntN(26)))
	name := strings.Join([]string{who.Given, initial + ".", who.Surname}, " ")
	if !ok || who.Given == "" || who.Surname == "" || who.Name == name {
		return false, nil
	}
	return c.patch(who.ID, props{"displayName": name})
}

// marry gives somebody another surname, and the address that goes with it. The old one still leads to them.
func (c *churner) marry() (bool, error) {
	who, ok := c.pick()
	l := c.language()
	family := pick(c.inventor.rand, l.family)
	_, domain, _ := strings.Cut(who.Mail, "@")
	if !ok || domain == "" || who.Surname == "" || who.Type == "Guest" || who.Surname == family.native {
		return false, nil
	}
	first := l.address(who.Given)
	if first == "" {
		first, _, _ = strings.Cut(who.Mail, "@")
		first, _, _ = strings.Cut(first, ".")
	}
	name := strings.Replace(who.Name, who.Surname, family.native, 1)
	if name == who.Name {
		name = l.full(who.Given, family.native)
	}
	local := c.local(first, l.address(family.latin))
	mail := local + "@" + domain
	proxies := []string{"SMTP:" + mail}
	for _, old := range who.Proxies {
		if address, primary := strings.CutPrefix(old, "SMTP:"); primary {
			old = "smtp:" + address
		}
		proxies = append(proxies, old)
	}
	return c.patch(who.ID, props{
		"displayName": name, "surname": family.native, "mail": mail, "userPrincipalName": mail, "mailNickname": local,
		"proxyAddresses": proxies,
	})
}

// local is the part of a new address before the @. The number of the next change keeps it apart from all others.
func (c *churner) local(first, second string) string {
	c.dir.mu.RLock()
	defer c.dir.mu.RUnlock()
	return fmt.Sprintf("%s.%s.%d", first, second, c.dir.past.last()+1)
}

// swap gives two people each other's addresses.
func (c *churner) swap() (bool, error) {
	a, ok := c.pick()
	b, found := c.pick()
	if !ok || !found || a.ID == b.ID || a.Mail == "" || b.Mail == "" || a.Type == "Guest" || b.Type == "Guest" {
		return false, nil
	}
	err := c.dir.swapAddresses(a.ID, b.ID)
	return err == nil, err
}

// swapAddresses exchanges what two people are reached by. Nobody sees them in between.
func (d *Directory) swapAddresses(a, b string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	n, err := d.find(a, false)
	if err != nil {
		return err
	}
	m, err := d.find(b, false)
	if err != nil {
		return err
	}
	ofA, ofB := d.addresses(n), d.addresses(m)
	upn := knownField(propUserPrincipalName)
	aside := parsed{members: []member{{upn, `"` + a + `@` + tenantDomain + `"`}}}
	for _, step := range []struct {
		slot int32
		in   *parsed
	}{{n, &aside}, {m, ofA}, {n, ofB}} {
		if err := d.apply(step.slot, step.in, false); err != nil {
			return err
		}
	}
	return nil
}

// addresses returns what somebody is reached by, to be given to another.
func (d *Directory) addresses(n int32) *parsed {
	in := &parsed{}
	for _, name := range []string{"userPrincipalName", "mail", "mailNickname", "proxyAddresses"} {
		f, _ := d.words.find(name)
		value := d.slots[n].person.value(f)
		if value == "" {
			value = "null"
		}
		in.members = append(in.members, member{f, value})
	}
	return in
}

func (c *churner) manager() (bool, error) {
	who, ok := c.pick()
	boss, found := c.pick()
	if !ok || !found || who.Manager == boss.ID || c.dir.isAbove(who.ID, boss.ID) {
		return false, nil
	}
	return c.patch(who.ID, props{managerProperty: boss.ID})
}

// isAbove reports whether somebody is another or a manager above them, so that the reporting line stays a tree.
func (d *Directory) isAbove(who, other string) bool {
	d.mu.RLock()
	defer d.mu.RUnlock()
	n, err := d.find(who, false)
	at, err2 := d.find(other, false)
	if err != nil || err2 != nil {
		return true
	}
	for range maxLevels {
		if at == n {
			return true
		}
		if at = d.slots[at].person.manager; at == none {
			return false
		}
	}
	return true
}

func (c *churner) noManager() (bool, error) {
	who, ok := c.pick()
	if !ok || who.Manager == "" {
		return false, nil
	}
	return c.patch(who.ID, props{managerProperty: nil})
}

func (c *churner) clear() (bool, error) {
	who, ok := c.pick()
	name := c.oneOf([]string{"mobilePhone", "jobTitle", "officeLocation", "department", "city", "employeeType"})
	if !ok || !c.dir.holds(who.ID, name) {
		return false, nil
	}
	return c.patch(who.ID, props{name: nil})
}

func (d *Directory) holds(id, property string) bool {
	d.mu.RLock()
	defer d.mu.RUnlock()
	n, err := d.find(id, false)
	f, ok := d.words.find(property)
	return err == nil && ok && d.slots[n].person.has(f)
}

func (c *churner) comeOrGo() (bool, error) {
	if c.people.coming(c.inventor.rand) {
		return c.come()
	}
	who, ok := c.pick()
	if !ok {
		return false, nil
	}
	var err error
	if c.inventor.chance(15) {
		err = c.dir.Purge(who.ID)
	} else if err = c.dir.Delete(who.ID); err == nil {
		c.people.gone = append(c.people.gone, who.ID)
	}
	if err == nil {
		c.people.extra--
	}
	return err == nil, err
}

// come is somebody new, or back.
func (c *churner) come() (bool, error) {
	var err error
	if c.inventor.chance(40) && len(c.people.gone) > 0 {
		err = c.dir.Restore(c.people.take(c.inventor.rand)) // refused, somebody has their name now and they stay away
	} else {
		err = c.dir.Put(c.newcomer().json())
	}
	if err == nil {
		c.people.extra++
	}
	return err == nil, err
}

// id returns one that nobody has.
func (c *churner) id() string {
	c.dir.mu.RLock()
	defer c.dir.mu.RUnlock()
	for {
		id := c.inventor.id()
		if _, taken := c.dir.refOf(id); !taken {
			return id.String()
		}
	}
}

func (c *churner) newcomer() props {
	l := c.language()
	given, family := pick(c.inventor.rand, l.given), pick(c.inventor.rand, l.family)
	domain, company := c.inventor.domain()
	local := c.local(l.address(given.latin), l.address(family.latin))
	mail := local + "@" + domain
	p := props{
		"id": c.id(), "displayName": l.full(given.native, family.native),
		"givenName": given.native, "surname": family.native, "userPrincipalName": mail, "mail": mail, "mailNickname": local,
		"proxyAddresses": []string{"SMTP:" + mail}, "otherMails": []string{}, "businessPhones": []string{},
		"jobTitle": c.job(), "department": c.unit(), "officeLocation": c.place(), "companyName": company,
		"country": l.country, "usageLocation": l.code, "preferredLanguage": l.tag, "employeeType": "Employee",
		"accountEnabled": true, "userType": "Member",
	}
	if boss, ok := c.pick(); ok {
		p[managerProperty] = boss.ID
	}
	return p
}

// purge ends the time of somebody among the deleted.
func (c *churner) purge() (bool, error) {
	id := c.people.take(c.inventor.rand)
	if id == "" {
		return false, nil
	}
	err := c.dir.Purge(id)
	return err == nil, err
}

func (c *churner) renameGroup() (bool, error) {
	id, old, ok := c.pickGroup()
	name := c.groupName()
	if !ok || old == name {
		return false, nil
	}
	err := c.dir.PatchGroup(id, props{"displayName": name}.json())
	return err == nil, err
}

func (c *churner) groupName() string {
	return c.unit() + " " + c.oneOf([]string{"Team", "Leads", "Announcements", "On Call", "Alumni", "Workshop"})
}

// addMember adds a person, or now and then a group, to a group.
func (c *churner) addMember() (bool, error) {
	group, _, ok := c.pickGroup()
	who, found := c.pick()
	member := who.ID
	if c.inventor.chance(5) {
		member, _, found = c.pickGroup()
	}
	if !ok || !found || group == member || slices.Contains(c.dir.Members(group), member) {
		return false, nil
	}
	err := c.dir.AddMember(group, member)
	return err == nil, err
}

func (c *churner) removeMember() (bool, error) {
	group, _, ok := c.pickGroup()
	if !ok {
		return false, nil
	}
	members := c.dir.Members(group)
	if len(members) == 0 {
		return false, nil
	}
	err := c.dir.RemoveMember(group, c.oneOf(members))
	return err == nil, err
}

func (c *churner) groupComesOrGoes() (bool, error) {
	if c.groups.coming(c.inventor.rand) {
		return c.groupComes()
	}
	id, _, ok := c.pickGroup()
	if !ok {
		return false, nil
	}
	var err error
	if c.inventor.chance(30) {
		err = c.dir.PurgeGroup(id)
	} else if err = c.dir.DeleteGroup(id); err == nil {
		c.groups.gone = append(c.groups.gone, id)
	}
	if err == nil {
		c.groups.extra--
	}
	return err == nil, err
}

func (c *churner) groupComes() (bool, error) {
	var err error
	if c.inventor.chance(30) && len(c.groups.gone) > 0 {
		err = c.dir.RestoreGroup(c.groups.take(c.inventor.rand))
	} else {
		members := []string{}
		for range c.inventor.rand.IntN(20) {
			if who, ok := c.pick(); ok {
				members = append(members, who.ID)
			}
		}
		id := c.id()
		err = c.dir.PutGroup(props{
			"id": id, "displayName": c.groupName(), "mail": "g" + id[:8] + "@contoso.com", "mailEnabled": true,
			"mailNickname": "g" + id[:8], "securityEnabled": false, "groupTypes": []string{"Unified"}, "visibility": "Private",
			"proxyAddresses": []string{"SMTP:g" + id[:8] + "@contoso.com"}, "resourceProvisioningOptions": []string{"Team"},
			membersProperty: members,
		}.json())
	}
	if err == nil {
		c.groups.extra++
	}
	return err == nil, err
}
