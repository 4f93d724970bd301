package graph_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/peopleinsights/peopleinsights/cache"
	"github.com/peopleinsights/peopleinsights/cache/sourcetest"
	"github.com/peopleinsights/peopleinsights/server/simulator"
)

const oreContact = `{"@odata.type":"#microsoft.graph.orgContact","id":"$1","displayName":"Ore Oro","givenName":"Ore","surname":"Oro","mail":"ore@x.com",` +
	`"jobTitle":"Buyer","department":"Sales","companyName":"Fabrikam","proxyAddresses":["SMTP:ore@x.com","smtp:oro@x.com","X500:/o=x"],` +
	`"addresses":[{"city":"Bern","officeLocation":"B2"},{"officeLocation":"C3"}]}`

func TestContacts(t *testing.T) {
	directory := loaded(t, oreContact)
	client, sim := start(t, simulator.Config{EmptyPages: true}, directory)
	var found []cache.Contact
	for page, err := range client.Contacts().List(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, page.Items...)
	}
	want := cache.Contact{
		ID: sourcetest.ID(1), DisplayName: "Ore Oro", GivenName: "Ore", Surname: "Oro", Email: "ore@x.com",
		Proxies: []string{"ore@x.com", "oro@x.com"}, JobTitle: "Buyer", Department: "Sales", Company: "Fabrikam", Office: "B2",
	}
	if diff := cmp.Diff([]cache.Contact{want}, found); diff != "" {
		t.Errorf("List: %s", diff)
	}
	token, err := client.Contacts().Mark(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{
		directory.PatchOrgContact(sourcetest.ID(1), []byte(`{"addresses":[],"mail":null,"displayName":"Oro"}`)),
		directory.PutOrgContact([]byte(ids(`{"id":"$2","displayName":"Tin"}`))),
		directory.DeleteOrgContact(sourcetest.ID(2)),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	last := map[string]cache.Contact{}
	next := ""
	for page, err := range client.Contacts().Changes(t.Context(), token) {
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range page.Items {
			last[c.ID] = c
		}
		next = page.Token
	}
	ore := last[sourcetest.ID(1)]
	cleared := cache.ContactEmail | cache.ContactOffice
	if ore.DisplayName != "Oro" || ore.Said&cleared != cleared || ore.Email != "" || ore.Office != "" || !last[sourcetest.ID(2)].Gone || next == "" {
		t.Errorf("Changes: %+v, token %q", last, next)
	}
	if timesAsked(sim, "/contacts?$top=999&$select=id,displayName") == 0 {
		t.Error("contacts are not listed by 999")
	}
	for _, r := range sim.Requests() {
		if strings.Contains(r.URL, "/contacts") && r.Units > 1 {
			t.Errorf("%s costs %d", r.URL, r.Units)
		}
	}
	sim.ExpireDeltaTokens(simulator.GoneWithLocation)
	for _, err := range client.Contacts().Changes(t.Context(), next) {
		if !errors.Is(err, cache.ErrTokenLost) {
			t.Errorf("Changes from a lost token = %v", err)
		}
	}
}

func TestContactsThatCannotBeRead(t *testing.T) {
	for what, row := range map[string]struct {
		config simulator.Config
		fault  simulator.Fault
		want   error
	}{
		"denied":     {granted("User.Read.All"), simulator.Fault{}, cache.ErrDenied},
		"404":        {simulator.Config{}, simulator.Fault{Path: "/contacts", Status: 404}, cache.ErrUnavailable},
		"400":        {simulator.Config{}, simulator.Fault{Path: "/contacts", Status: 400}, cache.ErrUnavailable},
		"503":        {simulator.Config{}, simulator.Fault{Path: "/contacts", Status: 503}, cache.ErrUnavailable},
		"cut":        {simulator.Config{}, simulator.Fault{Path: "/contacts", Cut: true}, cache.ErrUnavailable},
		"not a page": {simulator.Config{}, body("/contacts", `{}`), cache.ErrUnavailable},
	} {
		client, sim := start(t, row.config, loaded(t, oreContact), once)
		if row.fault.Path != "" {
			sim.Fail(row.fault)
		}
		n := 0
		for _, err := range client.Contacts().List(t.Context()) {
			n++
			if !errors.Is(err, row.want) || errors.Is(err, cache.ErrNotFound) {
				t.Errorf("%s: List = %v, want %v", what, err, row.want)
			}
			if errors.Is(row.want, cache.ErrDenied) && !strings.Contains(err.Error(), "OrgContact.Read.All") {
				t.Errorf("%s: %v names no permission", what, err)
			}
		}
		if n != 1 {
			t.Errorf("%s: %d pages", what, n)
		}
		if what == "404" || what == "400" {
			continue // a mark is not what keeps them from being read
		}
		if _, err := client.Contacts().Mark(t.Context()); !errors.Is(err, row.want) {
			t.Errorf("%s: Mark = %v, want %v", what, err, row.want)
		}
	}
}

// TestContactsWithoutChanges has a directory hold the contacts of a Graph that has no delta
// query for them, and be well.
func TestContactsWithoutChanges(t *testing.T) {
	for what, fault := range map[string]simulator.Fault{
		"404":                {Status: 404},
		"404 without a body": {Status: 404, Body: []byte{}},
		"404 of Outlook":     {Status: 404, Code: "ErrorItemNotFound"},
		"405":                {Status: 405},
		"501":                {Status: 501},
		"400":                {Status: 400, Code: "Request_UnsupportedQuery"},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			client, sim := start(t, simulator.Config{}, loaded(t, strings.ReplaceAll(oreContact, "$1", "$5"), teamLines[0], teamLines[1], teamLines[3]))
			fault.Path = "/contacts/delta"
			sim.Fail(fault)
			directory, err := cache.New(cache.Config{Source: client})
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error)
			go func() { ended <- directory.Run(ctx) }()
			defer func() { cancel(); <-ended; directory.Close() }()
			<-directory.Filled()
			for range 2 { // a filling, and a round
				if _, err := directory.Refresh(ctx, cache.Refresh{}); err != nil {
					t.Fatal(err)
				}
			}
			s := directory.Status()
			if s.Contacts != 1 || s.ContactFeed.Failure != nil || s.ContactFeed.Failures != 0 || s.GroupFeed.Failure != nil || s.Usage.Failing {
				t.Errorf("%d contacts, %+v, groups %+v, usage %+v", s.Contacts, s.ContactFeed, s.GroupFeed, s.Usage)
			}
			if n := timesAsked(sim, "/contacts/delta"); n != 1 || s.ContactFeed.Fillings != 1 {
				t.Errorf("the delta query was asked %d times, %d fillings", n, s.ContactFeed.Fillings)
			}
		})
	}
}

// TestContactsAreMarkedOnlyWhereGraphSaysSo has the mark fail: that is no reason to do without.
func TestContactsAreMarkedOnlyWhereGraphSaysSo(t *testing.T) {
	for _, row := range []struct {
		fault simulator.Fault
		want  error
	}{
		{simulator.Fault{Status: 503}, cache.ErrUnavailable},
		{simulator.Fault{Status: 500}, cache.ErrUnavailable},
		{simulator.Fault{Status: 403}, cache.ErrDenied},
		{simulator.Fault{Cut: true}, cache.ErrUnavailable},
	} {
		client, sim := start(t, simulator.Config{}, loaded(t, oreContact), once)
		row.fault.Path = "/contacts/delta"
		sim.Fail(row.fault)
		if token, err := client.Contacts().Mark(t.Context()); !errors.Is(err, row.want) || token != "" {
			t.Errorf("%+v: Mark = %q, %v; want %v", row.fault, token, err, row.want)
		}
	}
	client, sim := start(t, simulator.Config{}, loaded(t, oreContact))
	sim.Fail(simulator.Fault{Path: "/contacts/delta", Status: 429, RetryAfter: "60"})
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if token, err := client.Contacts().Mark(ctx); !errors.Is(err, cache.ErrThrottled) || token != "" {
		t.Errorf("throttled: Mark = %q, %v", token, err)
	}
}
