package auth

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/peopleinsights/peopleinsights/cache"
	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
)

// Audience is a kind of callers, who see the same.
type Audience int

// The audiences.
const (
	Members  Audience = iota // users whom the directory holds as members of the organisation
	Guests                   // its guests, and users whom it does not hold
	Partners                 // callers of other organisations
	Services                 // apps that speak for themselves, and the development identity
	audiences
)

// audienceNames are how audiences are configured.
var audienceNames = [audiences]string{"members", "guests", "partners", "services"}

// String is how the audience is configured.
func (a Audience) String() string { return audienceNames[a] }

// PolicyConfig is what the audiences of a tenant see, as it is configured. What is left out is
// as DefaultPolicy has it.
type PolicyConfig struct {
	Members  AudienceConfig `yaml:"members"`
	Guests   AudienceConfig `yaml:"guests"`
	Partners AudienceConfig `yaml:"partners"`
	Services AudienceConfig `yaml:"services"`
	// Hidden are people who asked to be hidden.
	Hidden []HiddenConfig `yaml:"hidden"`
}

// AudienceConfig is what an audience sees.
type AudienceConfig struct {
	// Fields are the fields of Profile that the audience sees of everybody, "photo", or "all"
	// of these. The id is seen with any other. An empty list shows nobody.
	Fields []string `yaml:"fields"`
	// Unlisted shows people who are hidden from address lists, in what does not suggest.
	Unlisted *bool `yaml:"unlisted"`
	// Groups shows groups, teams, channels and the address book's contacts.
	Groups *bool `yaml:"groups"`
	// HiddenMembers shows who is in groups whose membership is hidden.
	HiddenMembers *bool `yaml:"hidden_members"`
}

// HiddenConfig is somebody who is hidden, whole or by field. They see themselves all the same.
type HiddenConfig struct {
	// Person is their object id: addresses pass to others.
	Person string `yaml:"person"`
	// Fields are what is hidden of them; left out, they are hidden altogether.
	Fields []string `yaml:"fields"`
	// From are the audiences that they are hidden from; left out, all.
	From []string `yaml:"from"`
}

// What audiences see by default. Guests see what Microsoft Entra ID shows guests by default.
// Source: https://learn.microsoft.com/entra/fundamentals/users-default-permissions
var (
	yes, no         = true, false
	everything      = AudienceConfig{[]string{all}, &yes, &yes, &no}
	defaultGuests   = AudienceConfig{[]string{"display_name", "given_name", "surname", "email", "user_principal_name", "user_type", photo}, &no, &no, &no}
	defaultPartners = AudienceConfig{[]string{"display_name", "given_name", "surname", "email", "user_type"}, &no, &no, &no}
)

// DefaultPolicy is what a tenant's audiences see where nothing is configured.
func DefaultPolicy() PolicyConfig {
	return PolicyConfig{Members: everything, Guests: defaultGuests, Partners: defaultPartners, Services: everything}
}

// The names of what is no field of Profile.
const (
	all   = "all"
	photo = "photo"
)

// maxHidden is how many people may be hidden: each takes some 100 bytes for each audience.
const maxHidden = 100_000

// Policy is what the audiences of a tenant see. It is never changed.
type Policy struct{ views [audiences]cache.View }

// NewPolicy reads a policy. bad hears of each thing that is wrong, with the path of its field
// within the policy, such as hidden[3].person; the policy is nil then.
func NewPolicy(c PolicyConfig, bad func(path, what string)) *Policy {
	p, faults := &Policy{}, 0
	wrong := func(path, what string) { faults++; bad(path, what) }
	defaults := DefaultPolicy()
	for a, of := range [audiences][2]AudienceConfig{
		Members: {c.Members, defaults.Members}, Guests: {c.Guests, defaults.Guests},
		Partners: {c.Partners, defaults.Partners}, Services: {c.Services, defaults.Services},
	} {
		p.views[a] = of[0].or(of[1]).view(Audience(a).String(), wrong)
	}
	if len(c.Hidden) > maxHidden {
		wrong("hidden", fmt.Sprintf("must have at most %d rows, not %d", maxHidden, len(c.Hidden)))
		return nil
	}
	for i, h := range c.Hidden {
		p.hide(fmt.Sprintf("hidden[%d]", i), h, wrong)
	}
	if faults > 0 {
		return nil
	}
	for a := range p.views {
		p.views[a] = p.views[a].Prepared()
		p.views[a].Name = nameOf(p.views[a])
	}
	return p
}

// or fills in what is left out.
func (c AudienceConfig) or(d AudienceConfig) AudienceConfig {
	if c.Fields == nil {
		c.Fields = d.Fields
	}
	for _, f := range []struct{ to, otherwise **bool }{
		{&c.Unlisted, &d.Unlisted}, {&c.Groups, &d.Groups}, {&c.HiddenMembers, &d.HiddenMembers},
	} {
		if *f.to == nil {
			*f.to = *f.otherwise
		}
	}
	return c
}

func (c AudienceConfig) view(path string, bad func(path, what string)) cache.View {
	return cache.View{
		Sees: sight(path+".fields", c.Fields, bad), Unlisted: *c.Unlisted, Groups: *c.Groups, HiddenMembers: *c.HiddenMembers,
	}
}

// hide has somebody hidden.
func (p *Policy) hide(path string, h HiddenConfig, bad func(path, what string)) {
	ref, err := cache.ByID(h.Person)
	if err != nil {
		bad(path+".person", err.Error())
	}
	hidden := cache.Whole
	if h.Fields != nil {
		if hidden = sight(path+".fields", h.Fields, bad); hidden == 0 {
			bad(path+".fields", "must name what is hidden, or be left out to hide the person")
		}
	}
	if slices.Contains(h.Fields, "id") {
		bad(path+".fields", "must not hold id: leave fields out to hide the person")
	}
	from := h.From
	if from == nil {
		from = audienceNames[:]
	} else if len(from) == 0 {
		bad(path+".from", "must name audiences, or be left out to hide them from all")
	}
	for i, name := range from {
		a := slices.Index(audienceNames[:], name)
		if a < 0 {
			bad(fmt.Sprintf("%s.from[%d]", path, i), "must be members, guests, partners or services")
			continue
		}
		view := &p.views[a]
		if view.Hides == nil {
			view.Hides = map[string]cache.Sight{}
		}
		view.Hides[ref.ID] |= hidden
	}
}

// sight reads the names of fields.
func sight(path string, names []string, bad func(path, what string)) (s cache.Sight) {
	fields := (&pb.Profile{}).ProtoReflect().Descriptor().Fields()
	for i, name := range names {
		switch field := fields.ByName(protoreflect.Name(name)); {
		case name == all:
			s |= cache.Whole
		case name == photo:
			s |= cache.SightPhoto
		case field != nil:
			s |= cache.SightOf(field.Number())
		default:
			bad(fmt.Sprintf("%s[%d]", path, i), "must be a field of Profile such as mobile_phone, photo, or all")
		}
	}
	return s
}

// nameOf tells views apart by what they show; empty for the one that shows everything.
func nameOf(v cache.View) string {
	if v.Sees == cache.Whole && v.Unlisted && v.Groups && len(v.Hides) == 0 {
		return ""
	}
	sum := sha256.New()
	fmt.Fprintf(sum, "%x %t %t %t", v.Sees, v.Unlisted, v.Groups, v.HiddenMembers)
	ids := make([]string, 0, len(v.Hides))
	for id := range v.Hides {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for _, id := range ids {
		fmt.Fprintf(sum, " %s %x", id, v.Hides[id])
	}
	return strings.ToUpper(fmt.Sprintf("%x", sum.Sum(nil)[:4]))
}

// Hiding is what a policy hides of somebody from an audience: the fields by name, all of the
// person where there are none.
type Hiding struct {
	Audience Audience
	Fields   []string
}

// Hides tells what is hidden of the person of an id, by audience.
func (p *Policy) Hides(id string) (list []Hiding) {
	for a, view := range p.views {
		hidden := view.Hides[id]
		switch hidden {
		case 0:
		case cache.Whole:
			list = append(list, Hiding{Audience: Audience(a)})
		default:
			list = append(list, Hiding{Audience(a), namesOf(hidden)})
		}
	}
	return list
}

// namesOf are the names of fields, in the order of Profile, the photo last.
func namesOf(s cache.Sight) (names []string) {
	fields := (&pb.Profile{}).ProtoReflect().Descriptor().Fields()
	for i := range fields.Len() {
		if s.Has(fields.Get(i).Number()) {
			names = append(names, string(fields.Get(i).Name()))
		}
	}
	if s&cache.SightPhoto != 0 {
		names = append(names, photo)
	}
	return names
}

// View is who and what a caller sees, as one of an audience.
func (p *Policy) View(of Caller, audience Audience) cache.View {
	view := p.views[audience]
	if of.Partner == "" { // ids are each organisation's own
		view.Self = of.User
	}
	return view
}

// Audience is the one that a caller is of. Guest and held are what the directory says of the
// user whom they speak for, filling that it does not know everybody yet.
func (c Caller) Audience(guest, held, filling bool) Audience {
	switch {
	case c.Partner != "":
		return Partners
	case c.User == "":
		return Services
	case held && !guest, filling && !held && !c.Guest:
		return Members
	default: // also whom a complete directory does not hold: they have left
		return Guests
	}
}
