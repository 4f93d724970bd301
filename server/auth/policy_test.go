package auth

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/peopleinsights/peopleinsights/cache"
)

const someone = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"

func policyOf(t *testing.T, c PolicyConfig) *Policy {
	t.Helper()
	return NewPolicy(c, func(path, what string) { t.Errorf("%s: %s", path, what) })
}

func TestDefaultPolicy(t *testing.T) {
	p := policyOf(t, PolicyConfig{})
	named := func(s cache.Sight) []string { return namesOf(s) }
	for a, want := range map[Audience]struct {
		fields           []string
		unlisted, groups bool
		name             bool
	}{
		Members:  {nil, true, true, false},
		Services: {nil, true, true, false},
		Guests:   {[]string{"display_name", "given_name", "surname", "email", "user_principal_name", "user_type", "photo"}, false, false, true},
		Partners: {[]string{"display_name", "given_name", "surname", "email", "user_type"}, false, false, true},
	} {
		v := p.View(Caller{}, a)
		if v.Unlisted != want.unlisted || v.Groups != want.groups || v.HiddenMembers || (v.Name != "") != want.name {
			t.Errorf("%s see %+v", a, v)
		}
		if want.fields == nil {
			if v.Sees != cache.Whole {
				t.Errorf("%s see %v", a, named(v.Sees))
			}
		} else if d := cmp.Diff(want.fields, named(v.Sees)); d != "" {
			t.Errorf("%s see (-want +got)\n%s", a, d)
		}
	}
}

func TestPolicy(t *testing.T) {
	no := false
	p := policyOf(t, PolicyConfig{
		Members: AudienceConfig{Fields: []string{"display_name", "email", "photo"}, Groups: &no},
		Guests:  AudienceConfig{Fields: []string{}},
		Hidden: []HiddenConfig{
			{Person: "3F2504E0-4f89-41d3-9a0c-0305e82c3301", Fields: []string{"photo"}},
			{Person: someone, Fields: []string{"mobile_phone"}, From: []string{"services"}},
			{Person: "00000000-0000-4000-8000-000000000001", From: []string{"members", "partners"}},
		},
	})
	members := p.View(Caller{User: "u"}, Members)
	if want := cache.SightOf(2, 5) | cache.SightPhoto; members.Sees != want || !members.Unlisted || members.Groups || members.Self != "u" || members.Name == "" {
		t.Errorf("members see %+v", members)
	}
	if guests := p.View(Caller{User: "u"}, Guests); guests.Sees != 0 || guests.Self != "u" {
		t.Errorf("guests see %+v", guests)
	}
	if partners := p.View(Caller{User: "u", Partner: "p"}, Partners); partners.Self != "" {
		t.Errorf("a partner's user is taken for one of ours: %+v", partners)
	}
	if got := p.View(Caller{}, Services).Hides[someone]; got != cache.SightPhoto|cache.SightOf(19) {
		t.Errorf("services do not see %v", namesOf(got))
	}
	want := []Hiding{{Members, []string{"photo"}}, {Guests, []string{"photo"}}, {Partners, []string{"photo"}}, {Services, []string{"mobile_phone", "photo"}}}
	if d := cmp.Diff(want, p.Hides(someone)); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
	if d := cmp.Diff([]Hiding{{Audience: Members}, {Audience: Partners}}, p.Hides("00000000-0000-4000-8000-000000000001")); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
	again := policyOf(t, PolicyConfig{Members: AudienceConfig{Fields: []string{"photo", "email", "display_name"}, Groups: &no}})
	if again.View(Caller{}, Members).Name == members.Name {
		t.Error("a view without the hidden has the name of the one with them")
	}
	if again.View(Caller{}, Members).Name != policyOf(t, PolicyConfig{Members: AudienceConfig{Fields: []string{"display_name", "email", "photo"}, Groups: &no}}).View(Caller{}, Members).Name {
		t.Error("the same view has two names")
	}
}

func TestWrongPolicies(t *testing.T) {
	for want, c := range map[string]PolicyConfig{
		"members.fields[1]":   {Members: AudienceConfig{Fields: []string{"email", "shoe_size"}}},
		"hidden[0].person":    {Hidden: []HiddenConfig{{Person: "ana@contoso.com"}}},
		"hidden[0].fields[0]": {Hidden: []HiddenConfig{{Person: someone, Fields: []string{"nothing"}}}},
		"hidden[1].fields":    {Hidden: []HiddenConfig{{Person: someone}, {Person: someone, Fields: []string{}}}},
		"hidden[0].from[0]":   {Hidden: []HiddenConfig{{Person: someone, From: []string{"everybody"}}}},
		"hidden":              {Hidden: make([]HiddenConfig, maxHidden+1)},
	} {
		var paths []string
		p := NewPolicy(c, func(path, what string) { paths = append(paths, path) })
		if p != nil || !slices.Contains(paths, want) {
			t.Errorf("%+v: wrong is %q, want %q", c.Members, paths, want)
		}
	}
}

func TestAudience(t *testing.T) {
	for _, row := range []struct {
		caller               Caller
		guest, held, filling bool
		want                 Audience
	}{
		{Caller{}, false, false, false, Services},
		{Caller{User: "u"}, false, true, false, Members},
		{Caller{User: "u", Guest: true}, false, true, false, Members}, // the directory knows better
		{Caller{User: "u"}, true, true, false, Guests},
		{Caller{User: "u"}, false, false, false, Guests}, // they have left
		{Caller{User: "u"}, false, false, true, Members},
		{Caller{User: "u", Guest: true}, false, false, true, Guests},
		{Caller{User: "u", Partner: "p"}, false, true, false, Partners},
		{Caller{Partner: "p"}, false, false, false, Partners},
	} {
		if got := row.caller.Audience(row.guest, row.held, row.filling); got != row.want {
			t.Errorf("%+v: %v, want %v", row, got, row.want)
		}
	}
}

func TestGuestsByTheirTokens(t *testing.T) {
	member, guest := 0.0, 1.0
	for _, row := range []struct {
		claims claims
		want   bool
	}{
		{claims{Issuer: "i"}, false},
		{claims{Issuer: "i", Provider: "i"}, false},
		{claims{Issuer: "i", Provider: "https://sts.windows.net/other/"}, true},
		{claims{Issuer: "i", Provider: "other", Account: &member}, false},
		{claims{Issuer: "i", Account: &guest}, true},
	} {
		row.claims.Scopes, row.claims.Object = readScope, someone
		caller, err := row.claims.caller(&accepted{tenant: "t"})
		if err != nil || caller.Guest != row.want {
			t.Errorf("%+v: guest %v, %v; want %v", row.claims, caller.Guest, err, row.want)
		}
	}
}
