package simulator

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
)

func aChannelID(n int) string { return fmt.Sprintf("19:%032x@thread.tacv2", n) }

// aTeam is aGroup for a team.
func aTeam(n int, name string, rest ...string) string {
	return aGroup(n, name, append([]string{`"resourceProvisioningOptions":["Team"]`}, rest...)...)
}

// inTeam returns a line for a channel; rest is further members of the object.
func inTeam(team, n int, name, kind string, rest ...string) string {
	members := append([]string{fmt.Sprintf(`"@odata.type":"#microsoft.graph.channel","teamId":%q,"id":%q,"displayName":%q,"membershipType":%q`,
		idOf(team), aChannelID(n), name, kind)}, rest...)
	return "{" + strings.Join(members, ",") + "}"
}

func channelPath(team, n int) string {
	return "/teams/" + idOf(team) + "/channels/" + strings.NewReplacer(":", "%3A", "@", "%40").Replace(aChannelID(n))
}

// conversation returns the members of a list as "name roles tenant", with this tenant left out.
func (c *client) conversation(path string) (list []string) {
	c.t.Helper()
	value, _, _ := c.all(path)
	for _, m := range value {
		if m["@odata.type"] != "#microsoft.graph.aadUserConversationMember" || m["id"] == "" {
			c.t.Errorf("%s: %v", path, m)
		}
		s := fmt.Sprint(m["displayName"], m["roles"])
		if m["tenantId"] != c.sim.TenantID() {
			s += fmt.Sprint(m["tenantId"])
		}
		list = append(list, s)
	}
	return list
}

// permitted is DefaultApp with further roles.
func permitted(roles ...string) App {
	app := DefaultApp()
	app.Roles = append(app.Roles, roles...)
	return app
}

func aTenantOfTeams(t *testing.T) *Directory {
	return load(t, someone(1, "Ana", `"mail":"ana@contoso.com"`), someone(2, "Bea"), someone(3, "Guest", `"userType":"Guest"`), someone(4, "Dan"),
		aTeam(11, "Team", `"visibility":"Private"`, holding(1, 3, 13), `"ownerIds":["`+idOf(2)+`"]`),
		aTeam(12, "Other", holding(1, 4), `"ownerIds":["`+idOf(4)+`"]`), aGroup(13, "No team"),
		inTeam(11, 1, "News", "standard", `"email":"news@contoso.com"`),
		inTeam(11, 2, "Leads", "private", `"members":[{"userId":"`+idOf(2)+`","roles":["owner"]},{"userId":"`+idOf(3)+`"}]`),
		inTeam(11, 3, "Partners", "shared", `"members":[{"userId":"`+idOf(1)+`"},{"userId":"`+idOf(77)+`","tenantId":"`+idOf(70)+`","displayName":"Far","email":"far@fabrikam.com","roles":["owner"]}]`,
			`"sharedWithTeamIds":["`+idOf(12)+`"]`))
}

func TestTeamsAndChannels(t *testing.T) {
	d := aTenantOfTeams(t)
	c := start(t, Config{}, d)
	team := "/teams/" + idOf(11)
	var one map[string]any
	c.get(team).decode(t, &one)
	if one["id"] != idOf(11) || one["displayName"] != "Team" || one["visibility"] != "Private" {
		t.Errorf("%v", one)
	}
	list := func(query string, want ...string) {
		t.Helper()
		value, _, _ := c.all(team + "/channels" + query)
		if got := names(value, "displayName"); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", query, got, want)
		}
	}
	list("", "General", "News", "Leads", "Partners")
	list("?$filter=membershipType eq 'private'", "Leads")
	list("?$filter=membershipType%20eq%20'standard'&$select=displayName", "General", "News")
	p := c.page(team + "/channels?$select=id,membershiptype")
	if len(p.Value[1]) != 2 || p.Value[1]["id"] != aChannelID(1) || p.Value[1]["membershipType"] != "standard" || !channelID(p.Value[0]["id"].(string)) {
		t.Errorf("%v", p.Value)
	}
	a := c.get(channelPath(11, 1) + "?$select=displayName,email")
	if want := `{"@odata.context":"` + c.sim.GraphURL() + `/$metadata#teams('` + idOf(11) + `')/channels/$entity","displayName":"News","email":"news@contoso.com"}`; string(a.body) != want {
		t.Errorf("%s, want %s", a.body, want)
	}
	if a.Header.Get("x-ms-resource-unit") != "" || c.sim.Requests()[0].Units != 0 {
		t.Errorf("Teams charges %q", a.Header.Get("x-ms-resource-unit"))
	}
	check(t, d.DeleteGroup(idOf(12)))
	for path, want := range map[string]string{
		"/teams/" + idOf(12):                  "404 NotFound",
		"/teams/" + idOf(13):                  "404 NotFound",
		"/teams/" + idOf(99) + "/channels":    "404 NotFound",
		channelPath(11, 9):                    "404 NotFound",
		channelPath(11, 9) + "/members":       "404 NotFound",
		channelPath(12, 1) + "/members":       "404 NotFound",
		team + "/channels?$select=colour":     "400 BadRequest",
		team + "/channels?$filter=id eq 'x'":  "400 BadRequest",
		team + "/channels/x/y/z":              "400 BadRequest",
		channelPath(11, 1) + "/messages":      "400 BadRequest",
		team + "/members?$skiptoken=tampered": "403 Forbidden",
	} {
		a := c.get(path)
		code, _ := a.refusal(t)
		if got := fmt.Sprintf("%d %s", a.StatusCode, code); got != want {
			t.Errorf("%s: %s, want %s", path, a.body, want)
		}
	}
}

func TestChannelMembers(t *testing.T) {
	d := aTenantOfTeams(t)
	c := start(t, Config{Apps: []App{permitted("TeamMember.Read.All")}}, d)
	want := func(path string, want ...string) {
		t.Helper()
		if got := c.conversation(path); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", path, got, want)
		}
	}
	whole := []string{"Ana[]", "Bea[owner]", "Guest[guest]"}
	want("/teams/"+idOf(11)+"/members", whole...)
	want(channelPath(11, 1)+"/members", whole...)
	want(channelPath(11, 1)+"/allMembers", whole...)
	want(channelPath(11, 2)+"/members?$top=1&$select=id", "Bea[owner]", "Guest[guest]")
	far := "Far[owner]" + idOf(70)
	want(channelPath(11, 3)+"/members", "Ana[]", far)
	want(channelPath(11, 3)+"/allMembers", "Ana[]", far, "Dan[]")
	p := c.page(channelPath(11, 3) + "/members")
	if p.Count == nil || *p.Count != 2 || p.Value[0]["email"] != "ana@contoso.com" || p.Value[0]["userId"] != idOf(1) || p.Value[1]["email"] != "far@fabrikam.com" {
		t.Errorf("%+v", p)
	}
	check(t, d.Delete(idOf(1)), d.SetChannelMembers(idOf(11), aChannelID(2), []byte(`{"members":[{"userId":"`+idOf(4)+`"}]}`)))
	want(channelPath(11, 3)+"/members", far)
	want(channelPath(11, 2)+"/members", "Dan[]")
	check(t, d.RemoveChannel(idOf(11), aChannelID(2)))
	if a := c.get(channelPath(11, 2) + "/members"); a.StatusCode != 404 {
		t.Errorf("of a removed channel: %d %s", a.StatusCode, a.body)
	}
}

func TestChannelMemberPaging(t *testing.T) {
	var lines []string
	var members []int
	for i := 1; i <= 25; i++ {
		lines, members = append(lines, someone(i, fmt.Sprintf("P%02d", i))), append(members, i)
	}
	d := load(t, append(lines, aTeam(101, "Team", holding(members...)), inTeam(101, 1, "News", "standard"))...)
	c := start(t, Config{MemberPageSize: 10}, d)
	value, _, pages := c.all(channelPath(101, 1) + "/members")
	if got := names(value, "userId"); !slices.Equal(got, idsOf(members...)) || pages != 3 {
		t.Errorf("%d members in %d pages: %v", len(got), pages, got)
	}
	next := c.page(channelPath(101, 1) + "/members").Next
	if a := c.get(strings.Replace(next, url.PathEscape(aChannelID(1)), "x", 1)[:len(next)-9]); a.StatusCode < 400 {
		t.Errorf("a broken token: %d", a.StatusCode)
	}
	if s, err := New(Config{MemberPageSize: -1}, d); err == nil {
		s.Close()
		t.Error("a negative page size is taken")
	}
}

func TestTeamPermissions(t *testing.T) {
	paths := []string{"/teams/" + idOf(11), "/teams/" + idOf(11) + "/channels", channelPath(11, 2), channelPath(11, 2) + "/members", channelPath(11, 1) + "/allMembers", "/teams/" + idOf(11) + "/members"}
	tests := map[string]string{
		"Team.ReadBasic.All": "1.....", "Channel.ReadBasic.All": ".11...", "ChannelSettings.Read.All": ".11...",
		"Group.Read.All": "111...", "Directory.Read.All": "111...", "ChannelMember.Read.All": "...11.", "ChannelMember.ReadWrite.All": "...11.",
		"TeamMember.Read.All": ".....1", "User.Read.All": "......",
	}
	var apps []App
	for role := range tests {
		apps = append(apps, App{ID: role, Secret: "s", Roles: []string{role}})
	}
	c := start(t, Config{Apps: apps}, aTenantOfTeams(t))
	for _, app := range apps {
		c.token = c.signIn(app)
		got := ""
		for _, path := range paths {
			a := c.get(path)
			if a.StatusCode == 200 {
				got += "1"
				continue
			}
			got += "."
			if code, message := a.refusal(t); a.StatusCode != 403 || code != "Forbidden" || !strings.HasSuffix(message, "Roles on the request '"+app.ID+"'.") {
				t.Errorf("%s with %s: %d %s", path, app.ID, a.StatusCode, a.body)
			}
		}
		if got != tests[app.ID] {
			t.Errorf("%s opens %s, want %s", app.ID, got, tests[app.ID])
		}
	}
}

func TestRefusedChannels(t *testing.T) {
	d := aTenantOfTeams(t)
	put := func(s string) error { return d.PutChannel(idOf(11), []byte(s)) }
	head := `{"id":"` + aChannelID(5) + `","displayName":"C"`
	for name, err := range map[string]error{
		"no JSON":                 put("x"),
		"an unknown field":        put(head + `,"colour":1}`),
		"no name":                 put(`{"id":"` + aChannelID(5) + `"}`),
		"a type of its own":       put(head + `,"membershipType":"secret"}`),
		"the general one":         put(`{"id":"` + generalID(guidOf(11)) + `","displayName":"C"}`),
		"members of a standard":   put(head + `,"members":[{"userId":"` + idOf(1) + `"}]}`),
		"nobody":                  put(head + `,"membershipType":"private","members":[{"userId":"` + idOf(55) + `"}]}`),
		"others in a private one": put(head + `,"membershipType":"private","members":[{"userId":"` + idOf(55) + `","tenantId":"` + idOf(70) + `"}]}`),
		"a role":                  put(head + `,"membershipType":"private","members":[{"userId":"` + idOf(1) + `","roles":["king"]}]}`),
		"another team's":          d.PutChannel(idOf(12), []byte(`{"id":"`+aChannelID(1)+`","displayName":"C"}`)),
		"no team to share with":   put(head + `,"membershipType":"shared","sharedWithTeamIds":["` + idOf(13) + `"]}`),
		"removing the general":    d.RemoveChannel(idOf(11), generalID(guidOf(11))),
		"members of the standard": d.SetChannelMembers(idOf(11), aChannelID(1), []byte(`{"members":[{"userId":"`+idOf(1)+`"}]}`)),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, err := Load(strings.NewReader(inTeam(11, 1, "C", "standard")), "f"); err == nil || !strings.HasPrefix(err.Error(), "f:1: ") {
		t.Errorf("a channel of nothing: %v", err)
	}
}

func guidOf(n int) guid {
	g, _ := parseGUID(idOf(n))
	return g
}

func TestCompanyTeams(t *testing.T) {
	c := start(t, Config{}, Company())
	const platform = "3257852a-5923-58ce-8e43-f401bd35723d"
	value, _, _ := c.all("/teams/" + platform + "/channels")
	kinds := names(value, "membershipType")
	if !slices.Equal(kinds, []string{"standard", "standard", "private", "shared"}) {
		t.Fatalf("the channels are %v", kinds)
	}
	path := "/teams/" + platform + "/channels/" + url.PathEscape(value[3]["id"].(string))
	direct, all := c.conversation(path+"/members"), c.conversation(path+"/allMembers")
	if len(direct) != 4 || len(all) != 6 || !strings.HasPrefix(direct[2], "Quentin Marsh[]7b0d5f0a") {
		t.Errorf("%v, all %v", direct, all)
	}
}

func TestInventedChannels(t *testing.T) {
	d, same := Invent(4000, 42), Invent(4000, 42)
	kinds := map[string]int{}
	var all, again strings.Builder
	for _, ch := range d.Channels() {
		all.Write(ch)
		for _, kind := range []string{"standard", "private", "shared"} {
			kinds[kind] += strings.Count(string(ch), `"membershipType":"`+kind+`"`)
		}
	}
	for _, ch := range same.Channels() {
		again.Write(ch)
	}
	if len(kinds) != 3 || kinds["standard"] == 0 || kinds["private"] == 0 || kinds["shared"] == 0 || all.String() != again.String() {
		t.Errorf("channels %v, the same for a seed %v", kinds, all.String() == again.String())
	}
}
