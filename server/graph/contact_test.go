package graph_test

import (
	"errors"
	"strings"
	"testing"

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
		if _, err := client.Contacts().Mark(t.Context()); !errors.Is(err, row.want) || n != 1 {
			t.Errorf("%s: Mark = %v, want %v; %d pages", what, err, row.want, n)
		}
	}
}
