package simulator

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"
)

// peoplePerGroup is how many people an invented tenant has for each group.
const peoplePerGroup = 50

// team is the people of a department.
type team struct {
	name    string
	members []ref
}

// groups makes up the groups of a tenant of n people, all of whom are there. They have a stream of random numbers of their
// own, so that the people do not depend on them.
func (in *inventor) groups(n int, seed uint64) error {
	count := n / peoplePerGroup
	if n >= 10 {
		count = max(count, 1)
	}
	if count < 1 {
		return nil
	}
	in.rand = rand.New(rand.NewPCG(seed, 0x6772757070656e21))
	teams := in.teams()
	rest := teams
	for i := range count {
		var err error
		switch {
		case i == 0 && count > 2:
			err = in.everybody()
		case len(rest) > 0 && i%3 < 2:
			err = in.department(rest[0])
			rest = rest[1:]
		default:
			err = in.project(teams)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// teams returns the departments and who is in them, in the order in which the list of people names them.
func (in *inventor) teams() []team {
	var list []team
	place := make(map[string]int)
	for i, at := range in.place {
		if at < 0 {
			continue
		}
		name := in.position(at).department
		k, ok := place[name]
		if !ok {
			k = len(list)
			place[name] = k
			list = append(list, team{name: name})
		}
		list[k].members = append(list[k].members, userRef(int32(i)))
	}
	return list
}

// everybody is the list of all who work in the tenant, which is far longer than a page of a delta round.
func (in *inventor) everybody() error {
	members := make([]ref, len(in.holder))
	for i, who := range in.holder {
		members[i] = userRef(who)
	}
	return in.group("All Employees", "all.employees", distributionList, members)
}

func (in *inventor) department(t team) error {
	return in.group(t.name, "team."+t.name, in.form(), slices.Clone(t.members))
}

// project is people from up to three departments, or now and then the groups of some.
func (in *inventor) project(teams []team) error {
	what := in.oneOf([]string{"Aurora", "Basalt", "Cedar", "Delta", "Ember", "Falcon", "Granite", "Harbour", "Indigo", "Juniper"})
	name := in.oneOf([]string{"Project", "Launch", "Friends of", "Task Force", "Users of"}) + " " + what
	made := len(in.dir.groups.slots)
	var members []ref
	if in.chance(8) {
		for range 2 + in.rand.IntN(4) {
			members = append(members, groupRef(int32(in.rand.IntN(made))))
		}
	}
	for range 1 + in.rand.IntN(3) {
		from := teams[in.rand.IntN(len(teams))].members
		for range 2 + in.rand.IntN(14) {
			members = append(members, from[in.rand.IntN(len(from))])
		}
	}
	return in.group(name, name, in.form(), members)
}

// groupForm is a type of group.
type groupForm uint8

const (
	unifiedGroup groupForm = iota // a Microsoft 365 group
	teamGroup
	hiddenGroup
	securityGroup
	mailSecurityGroup
	distributionList
	dynamicGroup
)

func (in *inventor) form() groupForm {
	switch k := in.rand.IntN(100); {
	case k < 40:
		return teamGroup
	case k < 58:
		return unifiedGroup
	case k < 61:
		return hiddenGroup
	case k < 73:
		return securityGroup
	case k < 80:
		return mailSecurityGroup
	case k < 95:
		return distributionList
	}
	return dynamicGroup
}

// group makes one group; members may be in any order and name somebody twice.
func (in *inventor) group(name, address string, f groupForm, members []ref) error {
	in.build.reset()
	id := in.id()
	local := strings.ReplaceAll(strings.ToLower(address), " ", ".")
	mail := in.unused(local, "contoso.com")
	local, _, _ = strings.Cut(mail, "@")
	if tail := local[len(strings.TrimRight(local, "0123456789")):]; tail != "" && !strings.HasSuffix(name, tail) {
		name += " " + tail
	}
	in.setGroup("id", id.String())
	in.setGroup("displayName", name)
	in.setGroup("description", "Made up: "+name+".")
	mailed := f != securityGroup && f != dynamicGroup
	in.rawGroup("mailEnabled", strconv.FormatBool(mailed))
	in.setGroup("mailNickname", local)
	in.rawGroup("securityEnabled", strconv.FormatBool(f == securityGroup || f == mailSecurityGroup || f == dynamicGroup))
	types, visibility := "[]", ""
	switch f {
	case unifiedGroup, teamGroup:
		types, visibility = `["Unified"]`, in.oneOf([]string{"Private", "Private", "Public"})
	case hiddenGroup:
		types, visibility = `["Unified"]`, "HiddenMembership"
	case dynamicGroup:
		types = `["DynamicMembership"]`
		in.setGroup("membershipRule", `user.department -eq "`+name+`"`)
		in.setGroup("membershipRuleProcessingState", "On")
	}
	in.rawGroup("groupTypes", types)
	if visibility != "" {
		in.setGroup("visibility", visibility)
	}
	if mailed {
		in.setGroup("mail", mail)
		in.build.texts(in.groupField("proxyAddresses"), []string{"SMTP:" + mail})
	} else {
		in.rawGroup("proxyAddresses", "[]")
	}
	options := "[]"
	if f == teamGroup {
		options = `["Team"]`
	}
	in.rawGroup("resourceProvisioningOptions", options)
	in.setGroup("createdDateTime", in.date(2012).Format(time.RFC3339))
	n, err := in.dir.insertGroup(in.build.person(id, none))
	if err != nil {
		return err
	}
	slices.Sort(members)
	in.dir.groups.slots[n].members = slices.Clip(slices.Compact(members))
	return nil
}

func (in *inventor) groupField(name string) field {
	f, _ := in.dir.groups.words.find(name)
	return f
}

func (in *inventor) setGroup(name, value string) { in.build.text(in.groupField(name), value) }
func (in *inventor) rawGroup(name, value string) { in.build.member(in.groupField(name), value) }
