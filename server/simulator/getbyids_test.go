package simulator

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// idList returns the body of a getByIds; rest is further members.
func idList(ids []string, rest ...string) string {
	list, _ := json.Marshal(ids)
	return "{" + strings.Join(append([]string{`"ids":` + string(list)}, rest...), ",") + "}"
}

func someGroup(n int, name string) string {
	return fmt.Sprintf(`{"@odata.type":"#microsoft.graph.group","id":%q,"displayName":%q,"description":"About %s"}`, idOf(n), name, name)
}

func TestGetByIDs(t *testing.T) {
	c := start(t, Config{}, load(t,
		someone(1, "Ana", `"department":"Sales"`), someone(2, "Bea"), someone(3, "Gone"), someGroup(10, "Ten"), someGroup(11, "Eleven"),
	))
	check(t, c.sim.dir.Delete(idOf(3)))
	ids := []string{idOf(10), strings.ToUpper(idOf(2)), idOf(99), idOf(1), idOf(3), idOf(1)}
	for _, path := range []string{
		"/directoryObjects/getByIds", "/DIRECTORYOBJECTS/getbyids()", "/directoryObjects/microsoft.graph.getByIds",
		"/users/getByIds", "/users/microsoft.graph.GetByIds()", "/users/graph.getByIds",
	} {
		a := c.send(path, idList(ids))
		var p page
		a.decode(t, &p)
		if got := names(p.Value, "displayName"); a.StatusCode != 200 || !slices.Equal(got, []string{"Ana", "Bea", "Ten"}) {
			t.Errorf("%s: %d %s", path, a.StatusCode, a.body)
		}
		if got := names(p.Value, "@odata.type"); !slices.Equal(got, []string{"#microsoft.graph.user", "#microsoft.graph.user", "#microsoft.graph.group"}) {
			t.Errorf("%s: types %v", path, got)
		}
		if _, more := p.Value[0]["department"]; more || a.Header.Get("x-ms-resource-unit") != "5" || p.Context != c.sim.GraphURL()+"/$metadata#directoryObjects" {
			t.Errorf("%s: %v %s", path, a.Header, a.body)
		}
	}
	for body, want := range map[string]string{
		idList(ids, `"types":["user"]`):            `{"@odata.type":"#microsoft.graph.user","displayName":"Ana","department":"Sales"},{"@odata.type":"#microsoft.graph.user","displayName":"Bea"}`,
		idList(ids, `"types":["Group","device"]`):  `{"@odata.type":"#microsoft.graph.group","displayName":"Ten"}`,
		idList(ids, `"types":["device"]`):          ``,
		idList(ids[2:3], `"types":[]`):             ``,
		idList(ids[:1], `"types":null`, `"x":[1]`): `{"@odata.type":"#microsoft.graph.group","displayName":"Ten"}`,
	} {
		a := c.send("/directoryObjects/getByIds?$select=displayName,department", body)
		_, value, _ := strings.Cut(string(a.body), `"value":`)
		if a.StatusCode != 200 || value != "["+want+"]}" || a.Header.Get("x-ms-resource-unit") != "2" {
			t.Errorf("%s: %d %s units, %s", body, a.StatusCode, a.Header.Get("x-ms-resource-unit"), a.body)
		}
	}
}

func TestRefusedGetByIDs(t *testing.T) {
	c := start(t, Config{}, many(t, 3))
	var thousand []string
	for i := range maxIDs {
		thousand = append(thousand, idOf(i))
	}
	if a := c.send("/users/getByIds", idList(thousand)); a.StatusCode != 200 {
		t.Errorf("1,000: %d %.200s", a.StatusCode, a.body)
	}
	for body, want := range map[string]string{
		idList(append(thousand, idOf(1000))): "400 Request_BadRequest",
		idList(nil):                          "400 Request_BadRequest",
		idList([]string{"ana@contoso.com"}):  "400 Request_BadRequest",
		`{"ids":`:                            "400 BadRequest",
		``:                                   "400 BadRequest",
	} {
		a := c.send("/users/getByIds", body)
		if code, _ := a.refusal(t); fmt.Sprintf("%d %s", a.StatusCode, code) != want {
			t.Errorf("%.60s: %d %s, want %s", body, a.StatusCode, a.body, want)
		}
	}
	for query, want := range map[string]int{"$select=aboutMe": 501, "$select=nothing": 400, "$top=3": 400} {
		if a := c.send("/users/getByIds?"+query, idList(thousand[:3])); a.StatusCode != want {
			t.Errorf("%s: %d %s, want %d", query, a.StatusCode, a.body, want)
		}
	}
	for _, path := range []string{"/users/getByIds", "/directoryObjects/getByIds"} {
		if a := c.get(path); a.StatusCode != 405 {
			t.Errorf("GET %s: %d", path, a.StatusCode)
		}
	}
}

// Who may read people alone sees of a group that it is there.
func TestGetByIDsPermissions(t *testing.T) {
	app := func(roles ...string) App { return App{ID: roles[0], Secret: "s", Roles: roles} }
	apps := []App{app("User.Read.All"), app("Group.Read.All"), app("User.ReadBasic.All"), app("Contacts.Read")}
	c := start(t, Config{Apps: apps}, load(t, someone(1, "Ana", `"jobTitle":"Boss"`), someGroup(10, "Ten")))
	for i, want := range []string{
		`{"@odata.type":"#microsoft.graph.user","displayName":"Ana","jobTitle":"Boss"},{"@odata.type":"#microsoft.graph.group","id":"` + idOf(10) + `","displayName":null}`,
		`{"@odata.type":"#microsoft.graph.user","id":"` + idOf(1) + `","displayName":null,"jobTitle":null},{"@odata.type":"#microsoft.graph.group","displayName":"Ten"}`,
		`{"@odata.type":"#microsoft.graph.user","displayName":"Ana"},{"@odata.type":"#microsoft.graph.group","id":"` + idOf(10) + `","displayName":null}`,
		``,
	} {
		c.token = c.signIn(apps[i])
		a := c.send("/directoryObjects/getByIds?$select=displayName,jobTitle", idList([]string{idOf(1), idOf(10)}))
		_, value, _ := strings.Cut(string(a.body), `"value":`)
		if want == "" {
			if a.StatusCode != 403 {
				t.Errorf("%s: %d", apps[i].ID, a.StatusCode)
			}
		} else if value != "["+want+"]}" {
			t.Errorf("%s: %s", apps[i].ID, a.body)
		}
	}
}
