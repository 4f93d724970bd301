package graph_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/peopleinsights/peopleinsights/cache"
	"github.com/peopleinsights/peopleinsights/cache/sourcetest"
	"github.com/peopleinsights/peopleinsights/server/simulator"
)

// mixed is a group, $9, with a member of each type.
var mixed = []string{
	`{"id":"$1","displayName":"Ana","userPrincipalName":"ana@x.com","mail":"ana@x.com","jobTitle":"Engineer","department":"Research","officeLocation":"B2","userType":"Member"}`,
	`{"id":"$2","displayName":"Bea","userPrincipalName":"bea_y.com#EXT#@x.com","mail":"bea@y.com"}`,
	`{"@odata.type":"#microsoft.graph.orgContact","id":"$3","displayName":"Ore","mail":"ore@x.com","jobTitle":"Buyer"}`,
	`{"@odata.type":"#microsoft.graph.device","id":"$4","displayName":"PC"}`,
	`{"@odata.type":"#microsoft.graph.servicePrincipal","id":"$5","displayName":"Job"}`,
	`{"@odata.type":"#microsoft.graph.group","id":"$8","displayName":"Inner","mail":"in@x.com","mailEnabled":true,"securityEnabled":false,"groupTypes":["Unified"],"visibility":"HiddenMembership","memberIds":["$1"]}`,
	`{"@odata.type":"#microsoft.graph.group","id":"$9","displayName":"Mixed","mailEnabled":false,"securityEnabled":true,"groupTypes":[],"memberIds":["$1","$2","$3","$4","$5","$8"]}`,
}

var kindNames = [...]string{"person", "contact", "group", "other", "unreadable"}

// shown are members as text, in order.
func shown(members []cache.Member) string {
	var list []string
	for _, m := range members {
		s := m.Summary
		text := fmt.Sprint(kindNames[m.Kind], " ", strings.TrimPrefix(s.GetId(), sourcetest.ID(0)[:35]), " ", s.GetDisplayName(), " ", s.GetEmail(), " ", s.GetJobTitle(), " ", s.GetOfficeLocation())
		if s.GetUserType() != 0 {
			text += " " + strings.ToLower(strings.TrimPrefix(s.GetUserType().String(), "USER_TYPE_"))
		}
		if m.Hidden {
			text += " hidden"
		}
		if s.GetTenantId() != "" {
			text += " of " + s.GetTenantId()
		}
		list = append(list, strings.Join(strings.Fields(text), " "))
	}
	return strings.Join(list, "; ")
}

func TestMembers(t *testing.T) {
	const all = "person 1 Ana ana@x.com Engineer B2 member; person 2 Bea bea@y.com guest; group 8 Inner in@x.com hidden; contact 3 Ore ore@x.com Buyer; other 4; other 5"
	client, sim := start(t, simulator.Config{EmptyPages: true}, loaded(t, mixed...))
	for what, prepare := range map[string]func(){
		"":      func() {},
		"nulls": func() { sim.Behave(simulator.Behaviour{NullValues: true}) },
	} {
		prepare()
		if members, err := client.Members(t.Context(), strings.ToUpper(sourcetest.ID(9)), 6); err != nil || shown(members) != all {
			t.Errorf("%s: Members = %s, %v", what, shown(members), err)
		}
	}
	if _, err := client.Members(t.Context(), sourcetest.ID(9), 5); !errors.Is(err, cache.ErrTooManyMembers) {
		t.Errorf("more than may be: %v", err)
	}
	for _, id := range []string{sourcetest.ID(7), "", "..", "a/b?c"} {
		if _, err := client.Members(t.Context(), id, 5); !errors.Is(err, cache.ErrNoGroup) || strings.Contains(err.Error(), sourcetest.ID(7)) {
			t.Errorf("no such group %q: %v", id, err)
		}
	}
	clear := sim.Fail(simulator.Fault{Path: "$select", Status: 400})
	if members, err := client.Members(t.Context(), sourcetest.ID(9), 6); err != nil || !strings.HasPrefix(shown(members), "person 1 Ana") || len(members) != 6 {
		t.Errorf("without $select: %s, %v", shown(members), err)
	}
	clear()
	clear = sim.Fail(simulator.Fault{Path: "$top", Status: 400})
	if members, err := client.Members(t.Context(), sourcetest.ID(9), 6); err != nil || len(members) != 6 {
		t.Errorf("without $top: %s, %v", shown(members), err)
	}
	clear()
}

// TestOddMembers has Graph tell of members in ways that the simulator does not.
func TestOddMembers(t *testing.T) {
	for _, row := range []struct{ value, want string }{
		{`{"@odata.type":"#microsoft.graph.user","id":"$1","displayName":null,"mail":null,"businessPhones":[]}`, "unreadable 1"},
		{`{"@odata.type":"#microsoft.graph.group","id":"$1"},{"@odata.type":"#microsoft.graph.orgContact","id":"$2","@odata.id":"x"}`, "unreadable 1; unreadable 2"},
		{`{"@odata.type":"#microsoft.graph.device","id":"$1"},{"@odata.type":"#microsoft.graph.application","id":"$2"},{"@odata.type":"#microsoft.graph.new","id":"$3","displayName":"N"}`, "other 1; other 2; other 3"},
		{`{"id":"$1","displayName":"A","userPrincipalName":"a@x"}`, "person 1 A member"},
		{`{"id":"$1","displayName":"A","visibility":"Public","mail":"g@x"}`, "group 1 A g@x"},
		{`{"id":"$1","displayName":"A","mail":"c@x"}`, "contact 1 A c@x"},
		{`{"id":"$1"},{"id":"$2","displayName":"D"}`, "unreadable 1; other 2 D"},
		{`{"@odata.type":"#microsoft.graph.user","id":"AABBCCDD-0000-4000-8000-000000000001","displayName":"A"},null,{"@odata.type":"#microsoft.graph.user","id":"aabbccdd-0000-4000-8000-000000000001","displayName":"A"},{"displayName":"nobody"}`, "person aabbccdd-0000-4000-8000-000000000001 A member"},
		{``, ""},
	} {
		client, sim := start(t, simulator.Config{}, loaded(t, mixed...))
		sim.Fail(body("/members", `{"value":[`+row.value+`]}`))
		members, err := client.Members(t.Context(), sourcetest.ID(9), 9)
		if got := shown(members); err != nil || got != row.want && got != strings.TrimSuffix(row.want, " D") {
			t.Errorf("%s: %s, %v; want %s", row.value, got, err, row.want)
		}
	}
}

func TestMembersThatCannotBeRead(t *testing.T) {
	for what, row := range map[string]struct {
		config simulator.Config
		group  string
		fault  simulator.Fault
		want   error
		says   string
	}{
		"hidden":        {simulator.Config{}, sourcetest.ID(8), simulator.Fault{}, cache.ErrHiddenMembers, "Member.Read.Hidden"},
		"denied":        {granted("User.Read.All"), sourcetest.ID(9), simulator.Fault{}, cache.ErrDenied, "Group.Read.All"},
		"denied, shown": {simulator.Config{}, sourcetest.ID(9), simulator.Fault{Path: "/members", Status: 403}, cache.ErrDenied, "Group.Read.All"},
		"503":           {simulator.Config{}, sourcetest.ID(9), simulator.Fault{Path: "/members", Status: 503}, cache.ErrUnavailable, "503"},
		"429":           {simulator.Config{}, sourcetest.ID(9), simulator.Fault{Path: "/members", Status: 429, RetryAfter: "7"}, cache.ErrThrottled, ""},
		"cut":           {simulator.Config{}, sourcetest.ID(9), simulator.Fault{Path: "/members", Cut: true}, cache.ErrUnavailable, ""},
		"400":           {simulator.Config{}, sourcetest.ID(9), simulator.Fault{Path: "/members", Status: 400}, cache.ErrUnavailable, ""},
		"other 404":     {simulator.Config{}, sourcetest.ID(9), simulator.Fault{Path: "/members", Status: 404, Body: []byte("no")}, cache.ErrUnavailable, ""},
		"no page":       {simulator.Config{}, sourcetest.ID(9), body("/members", `{}`), cache.ErrUnavailable, ""},
		"elsewhere":     {simulator.Config{}, sourcetest.ID(9), body("/members", `{"value":[],"@odata.nextLink":"https://evil.example/"}`), cache.ErrUnavailable, "another host"},
	} {
		client, sim := start(t, row.config, loaded(t, mixed...), once)
		if row.fault.Path != "" {
			sim.Fail(row.fault)
		}
		members, err := client.Members(t.Context(), row.group, 9)
		if members != nil || !errors.Is(err, row.want) || !strings.Contains(err.Error(), row.says) || strings.Contains(err.Error(), row.group) {
			t.Errorf("%s: %s, %v; want %v", what, shown(members), err, row.want)
		}
	}
	config := granted("Group.Read.All", "Member.Read.Hidden")
	client, _ := start(t, config, loaded(t, mixed...))
	if members, err := client.Members(t.Context(), sourcetest.ID(8), 9); err != nil || shown(members) != "unreadable 1" {
		t.Errorf("hidden members that may be read, of people who may not: %s, %v", shown(members), err)
	}
}

// TestManyMembers has more members than a page, and pages that lead in a circle.
func TestManyMembers(t *testing.T) {
	var lines, members []string
	for i := range 1200 {
		id := fmt.Sprintf("10000000-0000-4000-8000-%012d", i)
		lines = append(lines, fmt.Sprintf(`{"id":"%s","displayName":"P%d","userPrincipalName":"p%d@x.com"}`, id, i, i))
		members = append(members, `"`+id+`"`)
	}
	lines = append(lines, `{"@odata.type":"#microsoft.graph.group","id":"$9","displayName":"Large","mailEnabled":false,"securityEnabled":true,"groupTypes":[],"memberIds":[`+strings.Join(members, ",")+`]}`)
	client, sim := start(t, simulator.Config{}, loaded(t, lines...))
	if members, err := client.Members(t.Context(), sourcetest.ID(9), 1200); err != nil || len(members) != 1200 || timesAsked(sim, "/members") != 2 {
		t.Errorf("%d members in %d pages, %v", len(members), timesAsked(sim, "/members"), err)
	}
	sim.ResetRequests()
	if _, err := client.Members(t.Context(), sourcetest.ID(9), 900); !errors.Is(err, cache.ErrTooManyMembers) || timesAsked(sim, "/members") != 1 {
		t.Errorf("too many: %v in %d pages", err, timesAsked(sim, "/members"))
	}
	clear := sim.Fail(simulator.Fault{Path: "/members", After: 1, Status: 503, Times: 9})
	if members, err := client.Members(t.Context(), sourcetest.ID(9), 1200); !errors.Is(err, cache.ErrUnavailable) || members != nil {
		t.Errorf("a page that fails: %d members, %v", len(members), err)
	}
	clear()
	clear = sim.Fail(simulator.Fault{Path: "/members", After: 1, Status: 400})
	if members, err := client.Members(t.Context(), sourcetest.ID(9), 1200); !errors.Is(err, cache.ErrUnavailable) || members != nil {
		t.Errorf("a later page that is refused: %d members, %v", len(members), err)
	}
	clear()
	link := sim.GraphURL() + "/groups/" + sourcetest.ID(9) + "/members?again=1"
	sim.Fail(body("/members", `{"value":[],"@odata.nextLink":"`+link+`"}`))
	if _, err := client.Members(t.Context(), sourcetest.ID(9), 1200); !errors.Is(err, cache.ErrUnavailable) || !strings.Contains(err.Error(), "circle") {
		t.Errorf("a circle: %v", err)
	}
}
