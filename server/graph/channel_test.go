package graph_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/peopleinsights/peopleinsights/cache"
	"github.com/peopleinsights/peopleinsights/cache/sourcetest"
	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
	"github.com/peopleinsights/peopleinsights/server/graph"
	"github.com/peopleinsights/peopleinsights/server/simulator"
)

const (
	standardID = "19:00000000000000000000000000000001@thread.tacv2"
	privateID  = "19:00000000000000000000000000000002@thread.tacv2"
	sharedID   = "19:00000000000000000000000000000003@thread.tacv2"
	fabrikam   = "aaaaaaaa-0000-4000-8000-000000000001"
	contoso    = "bbbbbbbb-0000-4000-8000-000000000001"
)

// teamLines are two teams, $9 and $8, and channels of the first.
var teamLines = []string{
	`{"id":"$1","displayName":"Ana","userPrincipalName":"ana@x.com","mail":"ana@x.com","userType":"Member"}`,
	`{"id":"$2","displayName":"Bea","userPrincipalName":"bea_y.com#EXT#@x.com","mail":"bea@y.com","userType":"Guest"}`,
	`{"id":"$3","displayName":"Cem","userPrincipalName":"cem@x.com","mail":"cem@x.com","userType":"Member"}`,
	`{"@odata.type":"#microsoft.graph.group","id":"$9","displayName":"Team","mailEnabled":true,"securityEnabled":false,"groupTypes":["Unified"],"resourceProvisioningOptions":["Team"],"memberIds":["$1","$2"]}`,
	`{"@odata.type":"#microsoft.graph.group","id":"$8","displayName":"Other","mailEnabled":true,"securityEnabled":false,"groupTypes":["Unified"],"resourceProvisioningOptions":["Team"],"memberIds":["$3"]}`,
}

func teams(t *testing.T) *simulator.Directory {
	directory := loaded(t, teamLines...)
	for _, channel := range []string{
		`{"id":"` + standardID + `","displayName":"S"}`,
		`{"id":"` + privateID + `","displayName":"P","membershipType":"private","members":[{"userId":"$1","roles":["owner"]},{"userId":"$2"}]}`,
		`{"id":"` + sharedID + `","displayName":"X","membershipType":"shared","sharedWithTeamIds":["$8"],"members":[{"userId":"$1"},{"userId":"$7","tenantId":"` + strings.ToUpper(fabrikam) + `","displayName":"Dea","email":"dea@fabrikam.com"}]}`,
	} {
		if err := directory.PutChannel(sourcetest.ID(9), []byte(ids(channel))); err != nil {
			t.Fatal(err)
		}
	}
	return directory
}

const (
	privateMembers = "person 1 Ana ana@x.com; person 2 Bea bea@y.com guest"
	sharedDirect   = "person 1 Ana ana@x.com; person 7 Dea dea@fabrikam.com of " + fabrikam
)

func TestChannel(t *testing.T) {
	client, sim := start(t, simulator.Config{MemberPageSize: 1}, teams(t))
	for _, row := range []struct {
		channel string
		kind    pb.ChannelKind
		want    string
	}{
		{standardID, pb.ChannelKind_CHANNEL_KIND_STANDARD, ""},
		{privateID, pb.ChannelKind_CHANNEL_KIND_PRIVATE, privateMembers},
		{sharedID, pb.ChannelKind_CHANNEL_KIND_SHARED, sharedDirect + "; person 3 Cem cem@x.com"},
	} {
		sim.ResetRequests()
		found, err := client.Channel(t.Context(), sourcetest.ID(9), row.channel, 3)
		if err != nil || found.Kind != row.kind || shown(found.Members) != row.want {
			t.Errorf("Channel %s = %v %s, %v; want %s", row.channel, found.Kind, shown(found.Members), err, row.want)
		}
		for _, r := range sim.Requests() {
			if strings.Contains(r.URL, "/teams/") && (!strings.Contains(r.URL, "/channels/19%3A0000") || !strings.Contains(r.URL, "%40thread.tacv2") || r.Units != 0) {
				t.Errorf("asked for %s, %d units", r.URL, r.Units)
			}
			if strings.Contains(r.URL, "embers?") && !strings.Contains(r.URL, "skiptoken") {
				t.Errorf("parameters of a list of members: %s", r.URL)
			}
		}
		if u := client.Usage(); u.Units != 0 || u.Spent != 0 {
			t.Errorf("Teams has cost %d units", u.Units)
		}
	}
	if _, err := client.Channel(t.Context(), sourcetest.ID(9), sharedID, 2); !errors.Is(err, cache.ErrTooManyMembers) {
		t.Errorf("more than may be: %v", err)
	}
	for _, row := range [][2]string{{sourcetest.ID(9), "19:x@thread.tacv2"}, {sourcetest.ID(7), privateID}, {sourcetest.ID(9), ""}, {"", privateID}, {sourcetest.ID(9), "../../x?y#z"}} {
		if found, err := client.Channel(t.Context(), row[0], row[1], 9); !errors.Is(err, cache.ErrNoChannel) || found.Members != nil {
			t.Errorf("no channel %v: %v", row, err)
		}
	}
	if client.Usage().Failing {
		t.Error("channels that are not there count as failures")
	}
}

// TestOddChannels has Graph tell of channels and their members in ways that the simulator
// does not.
func TestOddChannels(t *testing.T) {
	member := func(json string) string { return `{"value":[` + json + `]}` }
	for _, row := range []struct {
		what, channel, want string
		faults              []simulator.Fault
		kind                pb.ChannelKind
	}{
		{"no allMembers", sharedID, sharedDirect, []simulator.Fault{{Path: "/allMembers", Status: 400}}, pb.ChannelKind_CHANNEL_KIND_SHARED},
		{"allMembers 404", sharedID, sharedDirect, []simulator.Fault{{Path: "/allMembers", Status: 404, Code: "NotFound"}}, pb.ChannelKind_CHANNEL_KIND_SHARED},
		{"allMembers 404 without a code", sharedID, sharedDirect, []simulator.Fault{{Path: "/allMembers", Status: 404, Body: []byte("no")}}, pb.ChannelKind_CHANNEL_KIND_SHARED},
		{"allMembers 403", sharedID, sharedDirect, []simulator.Fault{{Path: "/allMembers", Status: 403, Code: "Forbidden"}}, pb.ChannelKind_CHANNEL_KIND_SHARED},
		{"allMembers 405", sharedID, sharedDirect, []simulator.Fault{{Path: "/allMembers", Status: 405, Body: []byte{}}}, pb.ChannelKind_CHANNEL_KIND_SHARED},
		{"allMembers 409", sharedID, sharedDirect, []simulator.Fault{{Path: "/allMembers", Status: 409}}, pb.ChannelKind_CHANNEL_KIND_SHARED},
		{"allMembers 501", sharedID, sharedDirect, []simulator.Fault{{Path: "/allMembers", Status: 501}}, pb.ChannelKind_CHANNEL_KIND_SHARED},
		{"the same id elsewhere", privateID, "person 1 Ana; person 1 Dea of " + fabrikam, []simulator.Fault{body("/members", member(
			`{"userId":"$1","displayName":"Ana","tenantId":"`+contoso+`"},{"userId":"$1","displayName":"Dea","tenantId":"`+fabrikam+`"},`+
				`{"userId":"$1","displayName":"Ana"},{"userId":"$1","displayName":"Dea","tenantId":"`+strings.ToUpper(fabrikam)+`"}`))}, pb.ChannelKind_CHANNEL_KIND_PRIVATE},
		{"no $select", privateID, privateMembers, []simulator.Fault{{Path: "$select", Status: 400}}, pb.ChannelKind_CHANNEL_KIND_PRIVATE},
		{"unknown kind", privateID, privateMembers, []simulator.Fault{body("membershipType", `{"id":"x","membershipType":"unknownFutureValue"}`)}, pb.ChannelKind_CHANNEL_KIND_UNSPECIFIED},
		{"odd members", privateID, "unreadable m1; other m2; other m3; person 1 A guest; person 2 B", []simulator.Fault{body("/members", member(
			`{"@odata.type":"#microsoft.graph.aadUserConversationMember","id":"m1","userId":null},{"@odata.type":"#microsoft.graph.anonymousGuestConversationMember","id":"m2","displayName":"X"},`+
				`{"@odata.type":"#microsoft.graph.skypeUserConversationMember","id":"m3"},null,{"userId":"$1","displayName":"A","roles":["Guest"]},`+
				`{"@odata.type":"#microsoft.graph.aadUserConversationMember","id":"m4","userId":"$2","displayName":"B"},{"userId":"$1"}`))}, pb.ChannelKind_CHANNEL_KIND_PRIVATE},
	} {
		client, sim := start(t, simulator.Config{TenantID: contoso}, teams(t))
		for _, fault := range row.faults {
			sim.Fail(fault)
		}
		found, err := client.Channel(t.Context(), sourcetest.ID(9), row.channel, 9)
		if err != nil || found.Kind != row.kind || shown(found.Members) != row.want {
			t.Errorf("%s: %v %s, %v; want %s", row.what, found.Kind, shown(found.Members), err, row.want)
		}
	}
}

func TestChannelsThatCannotBeRead(t *testing.T) {
	for what, row := range map[string]struct {
		config simulator.Config
		fault  simulator.Fault
		want   error
		says   string
	}{
		"members denied": {granted("Group.Read.All", "Directory.Read.All"), simulator.Fault{}, cache.ErrDenied, "ChannelMember.Read.All"},
		"channel denied": {granted("ChannelMember.Read.All"), simulator.Fault{}, cache.ErrDenied, "Channel.ReadBasic.All"},
		"503":            {simulator.Config{}, simulator.Fault{Path: "embers", Status: 503}, cache.ErrUnavailable, "503"},
		"429":            {simulator.Config{}, simulator.Fault{Path: "embers", Status: 429}, cache.ErrThrottled, ""},
		"cut":            {simulator.Config{}, simulator.Fault{Path: "embers", Cut: true}, cache.ErrUnavailable, ""},
		"no page":        {simulator.Config{}, body("embers", `{}`), cache.ErrUnavailable, ""},
		"no channel":     {simulator.Config{}, body("/channels/", `{}`), cache.ErrUnavailable, ""},
		"members 401":    {simulator.Config{}, simulator.Fault{Path: "/allMembers", Status: 401}, cache.ErrDenied, "token"},
		"members 429":    {simulator.Config{}, simulator.Fault{Path: "/allMembers", Status: 429}, cache.ErrThrottled, ""},
		"other 501":      {simulator.Config{}, simulator.Fault{Path: "/channels/", Status: 501}, cache.ErrUnavailable, ""},
	} {
		client, sim := start(t, row.config, teams(t), once)
		if row.fault.Path != "" {
			sim.Fail(row.fault)
		}
		found, err := client.Channel(t.Context(), sourcetest.ID(9), sharedID, 9)
		if found.Members != nil || !errors.Is(err, row.want) || !strings.Contains(err.Error(), row.says) || strings.Contains(err.Error(), "19:") {
			t.Errorf("%s: %s, %v; want %v", what, shown(found.Members), err, row.want)
		}
	}
}

// TestNoChannel has Graph say in all its ways that there is no such channel: that is no failure,
// nor is it asked twice in the same way.
func TestNoChannel(t *testing.T) {
	for what, row := range map[string]struct {
		fault simulator.Fault
		asked int // for the channel
	}{
		"a malformed id":       {simulator.Fault{Status: 400, Code: "BadRequest"}, 2}, // with $select and without
		"404":                  {simulator.Fault{Status: 404, Code: "NotFound"}, 1},
		"404 without a body":   {simulator.Fault{Status: 404, Body: []byte{}}, 1},
		"404 without a code":   {simulator.Fault{Status: 404, Body: []byte(`{"error":{"code":"","message":"No"}}`), ContentType: "application/json"}, 1},
		"404 of another Graph": {simulator.Fault{Status: 404, Body: []byte("no")}, 1},
	} {
		client, sim := start(t, simulator.Config{}, teams(t))
		row.fault.Path = "/channels/"
		sim.Fail(row.fault)
		for range 3 {
			sim.ResetRequests()
			if found, err := client.Channel(t.Context(), sourcetest.ID(9), sharedID, 9); !errors.Is(err, cache.ErrNoChannel) || found.Members != nil {
				t.Errorf("%s: %v, %v", what, found, err)
			}
			if n := timesAsked(sim, "/channels/"); n != row.asked {
				t.Errorf("%s: asked %d times, want %d", what, n, row.asked)
			}
		}
		if client.Usage().Failing {
			t.Errorf("%s: channels that are not there count as failures", what)
		}
	}
}

// TestIncomingChannel asks a team for a channel that another one shares with it.
func TestIncomingChannel(t *testing.T) {
	list := func(json string) simulator.Fault { return body("/incomingChannels", `{"value":[`+json+`]}`) }
	listed := list(`null,{"id":"19:other@thread.tacv2","membershipType":"shared"},{"id":"` + sharedID + `","membershipType":"shared"}`)
	members := body("/allMembers", `{"value":[{"userId":"$3","displayName":"Cem","email":"cem@x.com"}]}`)
	for what, row := range map[string]struct {
		channel string
		faults  []simulator.Fault
		want    string
		err     error
		asked   int // for the list
	}{
		"listed":                  {sharedID, []simulator.Fault{listed, members}, "person 3 Cem cem@x.com", nil, 1},
		"no $select":              {sharedID, []simulator.Fault{{Path: "/incomingChannels?", Status: 400}, listed, members}, "person 3 Cem cem@x.com", nil, 2},
		"another's":               {sharedID, []simulator.Fault{list(""), members}, "", cache.ErrNoChannel, 1},
		"members refused":         {sharedID, []simulator.Fault{listed}, "", cache.ErrNoChannel, 1},
		"members denied":          {sharedID, []simulator.Fault{listed, {Path: "/allMembers", Status: 403}, {Path: "/members", Status: 403}}, "", cache.ErrNoChannel, 1},
		"members failing":         {sharedID, []simulator.Fault{listed, {Path: "/allMembers", Status: 503}}, "", cache.ErrUnavailable, 1},
		"list denied":             {sharedID, []simulator.Fault{{Path: "/incomingChannels", Status: 403}}, "", cache.ErrNoChannel, 1},
		"list not there":          {sharedID, []simulator.Fault{{Path: "/incomingChannels", Status: 404, Body: []byte{}}}, "", cache.ErrNoChannel, 1},
		"list throttled":          {sharedID, []simulator.Fault{{Path: "/incomingChannels", Status: 429}}, "", cache.ErrThrottled, 1},
		"what is no channel's id": {"General", []simulator.Fault{listed, members}, "", cache.ErrNoChannel, 0},
	} {
		client, sim := start(t, simulator.Config{}, teams(t), once)
		for _, fault := range row.faults {
			sim.Fail(fault)
		}
		found, err := client.Channel(t.Context(), sourcetest.ID(8), row.channel, 9)
		if !errors.Is(err, row.err) || shown(found.Members) != row.want || err == nil && found.Kind != pb.ChannelKind_CHANNEL_KIND_SHARED {
			t.Errorf("%s: %v %s, %v; want %s, %v", what, found.Kind, shown(found.Members), err, row.want, row.err)
		}
		if n := timesAsked(sim, "/incomingChannels"); n != row.asked {
			t.Errorf("%s: the list was asked for %d times, want %d", what, n, row.asked)
		}
	}
}

// TestTenantOfMembers has the tenant be configured by a domain, so that Graph has to tell
// its id.
func TestTenantOfMembers(t *testing.T) {
	for what, row := range map[string]struct {
		fault simulator.Fault
		want  string
		err   error
		times int
	}{
		"told":       {simulator.Fault{Path: "/organization", Status: 200, ContentType: "application/json"}, sharedDirect + "; person 3 Cem cem@x.com", nil, 1},
		"denied":     {simulator.Fault{Path: "/organization", Status: 403}, "unreadable 1; unreadable 7; unreadable 3", nil, 2},
		"not served": {simulator.Fault{Path: "/organization", Status: 404}, "unreadable 1; unreadable 7; unreadable 3", nil, 2},
		"failing":    {simulator.Fault{Path: "/organization", Status: 503}, "", cache.ErrUnavailable, 2},
	} {
		var tenant string
		client, sim := start(t, simulator.Config{}, teams(t), once, func(c *graph.Config) {
			tenant, c.Credential.TenantID = c.Credential.TenantID, "contoso.com"
		})
		if row.fault.Status == 200 {
			row.fault.Body = []byte(`{"value":[{"id":"` + strings.ToUpper(tenant) + `"}]}`)
		}
		sim.Fail(row.fault)
		at := sim.AuthorityURL() + "/" + tenant // the simulator's sign-in knows no domains
		sim.Fail(body("/contoso.com/v2.0/.well-known/", `{"issuer":"`+at+`/v2.0","authorization_endpoint":"`+at+`/oauth2/v2.0/authorize","token_endpoint":"`+at+`/oauth2/v2.0/token"}`))
		for range 2 {
			found, err := client.Channel(t.Context(), sourcetest.ID(9), sharedID, 9)
			if !errors.Is(err, row.err) || shown(found.Members) != row.want {
				t.Errorf("%s: %s, %v; want %s", what, shown(found.Members), err, row.want)
			}
		}
		if n := timesAsked(sim, "/organization"); n != row.times {
			t.Errorf("%s: the tenant was asked for %d times, want %d", what, n, row.times)
		}
	}
}
