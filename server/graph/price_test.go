package graph

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
)

func TestPrices(t *testing.T) {
	for _, row := range []struct {
		request string
		units   int
		route   string
		mailbox string
	}{
		{"GET /users", 2, "users", ""},
		{"GET /users?$select=id", 1, "users", ""},
		{"GET /users?$select=id&$expand=manager($select=id)", 2, "users", ""},
		{"GET /users?$top=999", 2, "users", ""},
		{"GET /users?$top=19&$select=id&$expand=manager", 1, "users", ""},
		{"GET /users?$top=5&$select=id", 1, "users", ""}, // never less than one
		{"GET /users/ana@contoso.com", 1, "users/{id}", ""},
		{"GET /users/ana@contoso.com?$expand=manager", 2, "users/{id}", ""},
		{"GET /users/delta()?$select=id", 1, "users/delta", ""},
		{"GET /users/microsoft.graph.delta?$deltatoken=x", 1, "users/delta", ""},
		{"GET /users/$count", 1, "users/$count", ""},
		{"GET /users/7/memberOf", 2, "users/{id}/memberof", ""},
		{"GET /users/7/transitiveMemberOf", 2, "users/{id}/transitivememberof", ""},
		{"POST /users/7/getMemberGroups", 2, "users/{id}/getmembergroups", ""},
		{"POST /users/7/checkMemberGroups", 4, "users/{id}/checkmembergroups", ""},
		{"GET /groups", 1, "groups", ""},
		{"GET /groups/7/members", 3, "groups/{id}/members", ""},
		{"GET /groups/7/members?$select=id", 2, "groups/{id}/members", ""},
		{"GET /groups/7/transitiveMembers?$select=id", 4, "groups/{id}/transitivemembers", ""},
		{"POST /directoryObjects/getByIds", 5, "directoryobjects/getbyids", ""},
		{"POST /directoryObjects/getByIds?$select=id", 2, "directoryobjects/getbyids", ""},
		{"PATCH /users/7", 1, "users/{id}", ""},
		{"GET /users/Ana@contoso.com/photo/$value", 0, "users/{id}/photo/$value", "ana@contoso.com"},
		{"GET /users/7/calendarView?$top=5", 0, "users/{id}/calendarview", "7"},
		{"GET /teams/7/channels", 0, "teams/{id}/channels", ""},
		{"GET /teams/7/channels/19:a@thread.tacv2/allMembers", 0, "teams/{id}/channels/{id}/allmembers", ""},
		{"GET /contacts?$top=999&$select=id", 1, "contacts", ""},
		{"GET /contacts/delta?$select=id", 1, "contacts/delta", ""},
		{"GET /users/7/contactFolders/AAMk/childFolders", 0, "users/{id}/contactfolders/{id}/childfolders", "7"},
		{"GET /organization?$select=id", 1, "organization", ""},
		{"GET /teams/7/channels/19:a@thread.tacv2/members?$top=5", 0, "teams/{id}/channels/{id}/members", ""},
		{"POST /$batch", 0, "$batch", ""},
		{"POST /users/getByIds?$select=id", 2, "users/getbyids", ""},
		{"GET /users/7?$select=aboutMe,skills", 1, "users/{id}", ""},
		{"GET /users/7/photos", 0, "users/{id}/photos", "7"},
		{"GET /users/7/photos/96x96", 0, "users/{id}/photos/{id}", "7"},
		{"GET /users/7/photos/96x96/$value", 0, "users/{id}/photos/{id}/$value", "7"},
		{"GET /users('7')/photos('96x96')/$value", 0, "users/{id}/photos/{id}/$value", "7"},
		{"GET /users('A@contoso.com')/contacts?$skip=10", 0, "users/{id}/contacts", "a@contoso.com"},
		{"GET /users/7/contactFolders/8/childFolders", 0, "users/{id}/contactfolders/{id}/childfolders", "7"},
		{"GET /contacts", 1, "contacts", ""},
		{"GET /contacts/delta()?$select=id", 1, "contacts/delta", ""},
		{"GET /contacts/7", 1, "contacts/{id}", ""},
		{"GET /some/secret/thing", 1, "{id}/{id}/{id}", ""},
	} {
		method, rest, _ := strings.Cut(row.request, " ")
		path, query, _ := strings.Cut(rest, "?")
		values, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		at := parseTarget(path)
		if got := at.price(method, values); got != row.units || at.route() != row.route || at.mailbox != row.mailbox {
			t.Errorf("%s: %d units, route %s, mailbox %q; want %d, %s, %q", row.request, got, at.route(), at.mailbox, row.units, row.route, row.mailbox)
		}
	}
}

func TestPricesAreCorrected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := governed(func(*http.Request) (*http.Response, error) { return answer(200, "x-ms-resource-unit", "7"), nil })
		_, _ = g.ask(t.Context(), high, "/users/1")
		if u := g.used(); u.Units != 7 || u.Spent != 7 || u.Calls != 1 {
			t.Errorf("after a call that cost 7: %+v", u)
		}
	})
}

func TestPricesAreLearned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := governed(func(*http.Request) (*http.Response, error) { return answer(200, "x-ms-resource-unit", "9"), nil })
		_, _ = g.ask(t.Context(), high, "/users/1?$select=id")
		before := g.used().Spent
		g.next = answers(func(*http.Request) (*http.Response, error) {
			if spent := g.used().Spent - before; spent != 9 {
				t.Errorf("a call that has cost 9 is priced %d", spent)
			}
			return answer(200, "x-ms-resource-unit", "9"), nil
		})
		_, _ = g.ask(t.Context(), high, "/users/2?$select=id")
	})
}
