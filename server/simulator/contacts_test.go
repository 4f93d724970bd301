package simulator

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// inMailbox returns a line for a contact of the nth person; rest is further members of the object.
func inMailbox(owner int, id, name string, rest ...string) string {
	members := append([]string{fmt.Sprintf(`"@odata.type":"#microsoft.graph.contact","ownerId":%q,"id":%q,"displayName":%q`, idOf(owner), id, name)}, rest...)
	return "{" + strings.Join(members, ",") + "}"
}

func aFolder(owner int, id, name string, rest ...string) string {
	return strings.Replace(inMailbox(owner, id, name, rest...), "graph.contact", "graph.contactFolder", 1)
}

func within(folder string) string { return fmt.Sprintf(`"parentFolderId":%q`, folder) }

func withMail(n int, name string, rest ...string) string {
	return someone(n, name, append(rest, fmt.Sprintf(`"mail":"u%d@contoso.com"`, n))...)
}

// aMailbox has two folders, one in the other, and contacts in each and in none.
func aMailbox(t *testing.T) *Directory {
	return load(t, withMail(1, "Ana"), withMail(2, "Bea"), someone(3, "No mail"), withMail(4, "Guest", `"userType":"Guest"`),
		aFolder(1, "F1", "Friends"), aFolder(1, "F2", "Best", within("F1")),
		inMailbox(1, "C1", "Cat", `"emailAddresses":[{"name":"Cat","address":"cat@x.com"},{"name":"Cat","address":"o'cat@y.com"}]`,
			`"givenName":"Catherine","nickName":"Cat","categories":["Red category"],"businessPhones":["1"],"mobilePhone":"2","companyName":"X"`),
		inMailbox(1, "C2", "Dog", within("F1")), inMailbox(1, "C3", "Eel", within("F2")), inMailbox(1, "C4", "Ant"))
}

func TestContacts(t *testing.T) {
	d := aMailbox(t)
	c := start(t, Config{}, d)
	user := "/users/" + idOf(1)
	for path, want := range map[string]string{
		user + "/contacts":                                                               "Cat Ant",
		"/users/u1@contoso.com/Contacts":                                                 "Cat Ant",
		"/users('" + idOf(1) + "')/contacts?$orderby=displayName":                        "Ant Cat",
		user + "/contacts?$orderby=displayName desc&$skip=1":                             "Ant",
		user + "/contactFolders":                                                         "Friends",
		user + "/contactfolders('F1')/childfolders":                                      "Best",
		user + "/ContactFolders/F1/childFolders":                                         "Best",
		user + "/contactFolders/F1/contacts":                                             "Dog",
		user + "/contactFolders/F2/contacts":                                             "Eel",
		user + "/contactFolders/F1/childFolders/F2/contacts":                             "Eel",
		user + "/contactFolders/F2/childFolders":                                         "",
		"/users/" + idOf(2) + "/contacts":                                                "",
		"/users/" + idOf(2) + "/contactFolders":                                          "",
		user + "/contactFolders/" + defaultFolder(guidOf(1)) + "/contacts":               "Cat Ant",
		user + "/contacts?$filter=emailAddresses/any(a:a/address eq 'CAT@x.com')":        "Cat",
		user + "/contacts?$filter=emailAddresses/any(a:a/address%20eq%20'o''cat@y.com')": "Cat",
		user + "/contacts?$filter=emailAddresses/any(a:a/address eq 'dog@x.com')":        "",
	} {
		value, _, _ := c.all(path)
		if got := strings.Join(names(value, "displayName"), " "); got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
	one := c.page(user + "/contacts?$top=1&$count=true")
	v := one.Value[0]
	if v["parentFolderId"] != DefaultContactFolder(idOf(1)) || fmt.Sprint(v["businessPhones"], v["homePhones"], v["title"], v["categories"]) != "[1] [] <nil> [Red category]" ||
		one.Count == nil || *one.Count != 2 || one.Context != c.sim.GraphURL()+"/$metadata#users('"+idOf(1)+"')/contacts" {
		t.Errorf("%+v", one)
	}
	if got := c.get(user + "/contacts/C3?$select=displayname"); !strings.Contains(string(got.body), `"@odata.etag":"W/\"`) || !strings.HasSuffix(string(got.body), `"id":"C3","displayName":"Eel"}`) {
		t.Errorf("%s", got.body)
	}
	if got := c.get(user + "/contactFolders/F2"); !strings.HasSuffix(string(got.body), `"id":"F2","parentFolderId":"F1","displayName":"Best"}`) {
		t.Errorf("%s", got.body)
	}
	if got := c.get(user + "/contacts"); got.Header.Get("x-ms-resource-unit") != "" {
		t.Errorf("Outlook charges %s", got.Header.Get("x-ms-resource-unit"))
	}
}

func TestRefusedContacts(t *testing.T) {
	c := start(t, Config{}, aMailbox(t))
	user := "/users/" + idOf(1)
	for path, want := range map[string]string{
		"/users/" + idOf(3) + "/contacts":                                        "404 MailboxNotEnabledForRESTAPI",
		"/users/" + idOf(4) + "/contactFolders":                                  "404 MailboxNotEnabledForRESTAPI",
		"/users/" + idOf(9) + "/contacts":                                        "404 ResourceNotFound",
		user + "/contacts/C9":                                                    "404 ErrorItemNotFound",
		user + "/contactFolders/F9":                                              "404 ErrorItemNotFound",
		user + "/contactFolders/F9/contacts":                                     "404 ErrorItemNotFound",
		user + "/contactFolders/F1/contacts/C3":                                  "404 ErrorItemNotFound",
		user + "/contacts?$top=1001":                                             "400 ErrorInvalidUrlQuery",
		user + "/contacts?$top=0":                                                "400 ErrorInvalidUrlQuery",
		user + "/contacts?$skip=-1":                                              "400 ErrorInvalidUrlQuery",
		user + "/contacts?$select=colour":                                        "400 BadRequest",
		user + "/contacts?$search=x":                                             "400 BadRequest",
		user + "/contacts?$orderby=colour":                                       "400 BadRequest",
		user + "/contacts?$filter=displayName eq 'Cat'":                          "400 ErrorInvalidUrlQueryFilter",
		user + "/contacts?$filter=emailAddresses/any(a:a/name eq 'x')":           "400 ErrorInvalidUrlQueryFilter",
		user + "/contacts?$filter=emailAddresses/any(a:a/address eq 'x' or 'y')": "400 ErrorInvalidUrlQueryFilter",
		user + "/contactFolders/F1/colours":                                      "400 BadRequest",
	} {
		a := c.get(path)
		code, _ := a.refusal(t)
		if got := fmt.Sprintf("%d %s", a.StatusCode, code); got != want {
			t.Errorf("%s: %s, want %s", path, a.body, want)
		}
	}
	check(t, c.sim.RefuseMailbox("u1@contoso.com", true))
	for path, want := range map[string]int{
		user + "/contacts": 403, "/users/U1@contoso.com/contactFolders/F1/contacts": 403, "/users/" + idOf(2) + "/contacts": 200, user: 200,
	} {
		if a := c.get(path); a.StatusCode != want || want == 403 && !strings.Contains(string(a.body), "ErrorAccessDenied") {
			t.Errorf("with an access policy: %s: %d %s", path, a.StatusCode, a.body)
		}
	}
	check(t, c.sim.RefuseMailbox(idOf(1), false))
	if a := c.get(user + "/contacts"); a.StatusCode != 200 {
		t.Errorf("without the policy: %d %s", a.StatusCode, a.body)
	}
	if err := c.sim.RefuseMailbox(idOf(9), true); err == nil {
		t.Error("nobody's mailbox is refused")
	}
}

func TestContactPermissions(t *testing.T) {
	tests := map[string]bool{"Contacts.Read": true, "Contacts.ReadWrite": true, "User.Read.All": false, "Directory.Read.All": false, "OrgContact.Read.All": false}
	var apps []App
	for role := range tests {
		apps = append(apps, App{ID: role, Secret: "s", Roles: []string{role}})
	}
	c := start(t, Config{Apps: apps}, aMailbox(t))
	for _, app := range apps {
		c.token = c.signIn(app)
		for _, path := range []string{"/contacts", "/contacts/C1", "/contactFolders", "/contactFolders/F1/contacts"} {
			a := c.get("/users/" + idOf(1) + path)
			if ok := a.StatusCode == 200; ok != tests[app.ID] || !ok && !strings.Contains(string(a.body), `"ErrorAccessDenied"`) {
				t.Errorf("%s with %s: %d %s", path, app.ID, a.StatusCode, a.body)
			}
		}
	}
}

func TestContactPaging(t *testing.T) {
	lines := []string{withMail(1, "Ana")}
	var want []string
	for i := range 35 {
		lines = append(lines, inMailbox(1, fmt.Sprintf("C%02d", i), "C"))
		want = append(want, fmt.Sprintf("C%02d", i))
	}
	c := start(t, Config{}, load(t, lines...))
	for path, pages := range map[string]int{
		"/users/" + idOf(1) + "/contacts": 4, "/users/" + idOf(1) + "/contacts?$top=20&$select=id": 2, "/users/" + idOf(1) + "/contacts?$top=1000": 1,
	} {
		value, _, n := c.all(path)
		if got := names(value, "id"); !slices.Equal(got, want) || n != pages {
			t.Errorf("%s: %d contacts in %d pages, want 35 in %d", path, len(got), n, pages)
		}
	}
	if next := c.page("/users/" + idOf(1) + "/contacts?$top=5&$skip=10").Next; !strings.HasSuffix(next, "?$top=5&$skip=15") {
		t.Errorf("next link %s", next)
	}
}

func TestContactChanges(t *testing.T) {
	d := aMailbox(t)
	id, err := d.PutContact(idOf(2), []byte(`{"displayName":"New"}`))
	check(t, err)
	again, err := d.PutContact("u2@contoso.com", []byte(`{"displayName":"New too"}`))
	check(t, err)
	folder, err := d.PutContactFolder(idOf(2), []byte(`{"displayName":"Made"}`))
	check(t, err)
	if len(id) < 100 || id == again || folder == id || !validOutlookID(id) {
		t.Errorf("ids %s, %s and %s", id, again, folder)
	}
	_, err = d.PutContact(idOf(2), []byte(`{"id":"`+id+`","displayName":"Moved","parentFolderId":"`+folder+`"}`))
	check(t, err, d.RemoveContact(idOf(2), again))
	var text []string
	for _, line := range d.Contacts(idOf(2)) {
		text = append(text, string(line))
	}
	copied := load(t, append([]string{withMail(2, "Bea")}, text...)...)
	if got := copied.Contacts(idOf(2)); len(got) != 2 || string(got[1]) != text[1] || !strings.Contains(text[1], `"displayName":"Moved"`) {
		t.Errorf("loaded again: %s, was %s", got, text)
	}
	check(t, d.RemoveContactFolder(idOf(1), "F1"))
	if got := d.Contacts(idOf(1)); len(got) != 2 {
		t.Errorf("without the folders: %s", got)
	}
	for name, err := range map[string]error{
		"nobody":                  errorOf(d.PutContact(idOf(9), []byte(`{}`))),
		"no mailbox":              errorOf(d.PutContact(idOf(3), []byte(`{}`))),
		"no JSON":                 errorOf(d.PutContact(idOf(1), []byte(`[]`))),
		"an unknown property":     errorOf(d.PutContact(idOf(1), []byte(`{"colour":1}`))),
		"a wrong type":            errorOf(d.PutContact(idOf(1), []byte(`{"displayName":1}`))),
		"wrong addresses":         errorOf(d.PutContact(idOf(1), []byte(`{"emailAddresses":["a@b"]}`))),
		"an unknown folder":       errorOf(d.PutContact(idOf(1), []byte(`{"parentFolderId":"F9"}`))),
		"another owner":           errorOf(d.PutContact(idOf(1), []byte(`{"ownerId":"`+idOf(2)+`"}`))),
		"an id with a slash":      errorOf(d.PutContact(idOf(1), []byte(`{"id":"a/b"}`))),
		"a folder without a name": errorOf(d.PutContactFolder(idOf(1), []byte(`{}`))),
		"the default folder":      errorOf(d.PutContactFolder(idOf(1), []byte(`{"displayName":"x","id":"`+DefaultContactFolder(idOf(1))+`"}`))),
		"a moved folder":          errorOf(d.PutContactFolder(idOf(2), []byte(`{"displayName":"x","id":"`+folder+`","parentFolderId":"`+DefaultContactFolder(idOf(2))+`"}`))),
		"removing nothing":        d.RemoveContact(idOf(1), "C9"),
		"removing no folder":      d.RemoveContactFolder(idOf(1), DefaultContactFolder(idOf(1))),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, err := Load(strings.NewReader(withMail(1, "Ana")+"\n"+inMailbox(2, "C", "C")), "f"); err == nil || !strings.HasPrefix(err.Error(), "f:2: ") {
		t.Errorf("a contact of nobody: %v", err)
	}
	check(t, d.Purge(idOf(1)), d.Put([]byte(withMail(1, "Another"))))
	if got := d.Contacts(idOf(1)); len(got) != 0 {
		t.Errorf("contacts outlive their mailbox: %s", got)
	}
}

func errorOf(_ string, err error) error { return err }

func TestCompanyContacts(t *testing.T) {
	c := start(t, Config{}, Company())
	user := "/users/maja.lindqvist@contoso.com"
	value, _, _ := c.all(user + "/contactFolders")
	if len(value) != 1 {
		t.Fatalf("folders %v", value)
	}
	id := value[0]["id"].(string)
	children, _, _ := c.all(user + "/contactFolders/" + id + "/childFolders")
	mine, _, _ := c.all(user + "/contacts")
	inside, _, _ := c.all(user + "/contactFolders/" + id + "/contacts")
	if len(children) != 1 || !slices.Equal(names(mine, "nickName"), []string{"Henke", "Syster"}) || len(inside) != 1 {
		t.Errorf("%v, %v, %v", children, mine, inside)
	}
}

func TestInventedContacts(t *testing.T) {
	d, same := Invent(300, 5), Invent(300, 5)
	c := start(t, Config{}, d)
	contacts, folders, nested := 0, 0, 0
	for id := range d.All() {
		one := fmt.Sprintf("%s", d.Contacts(id))
		if one != fmt.Sprintf("%s", d.Contacts(id)) || one != fmt.Sprintf("%s", same.Contacts(id)) {
			t.Fatalf("the contacts of %s are not the same each time", id)
		}
		contacts += strings.Count(one, `graph.contact"`)
		folders += strings.Count(one, `graph.contactFolder"`)
		for _, f := range d.Contacts(id) {
			if strings.Contains(string(f), contactFolderType) && strings.Contains(string(f), folderProperty) {
				nested++
			}
		}
	}
	if contacts < 1500 || folders < 30 || nested == 0 || len(d.books.byOwner) != 0 {
		t.Errorf("%d contacts, %d folders, %d within others; %d mailboxes kept", contacts, folders, nested, len(d.books.byOwner))
	}
	var owner string
	for id := range d.All() {
		if len(d.Contacts(id)) > 5 {
			owner = id
			break
		}
	}
	before := len(d.Contacts(owner))
	_, err := d.PutContact(owner, []byte(`{"displayName":"Added"}`))
	check(t, err)
	if n := len(d.Contacts(owner)); n != before+1 || len(d.books.byOwner) != 1 {
		t.Errorf("%d contacts after one was added to %d", n, before)
	}
	value, _, _ := c.all("/users/" + owner + "/contacts?$top=1000")
	if !slices.Contains(names(value, "displayName"), "Added") {
		t.Errorf("not served: %v", names(value, "displayName"))
	}
}

// The limit of a mailbox counts keys in brackets too.
func TestContactsOfMailbox(t *testing.T) {
	c := start(t, Config{}, aMailbox(t))
	for path, want := range map[string]bool{
		"/v1.0/users/" + idOf(1) + "/contacts": true, "/v1.0/users/" + idOf(1) + "/contacts('C1')": true,
		"/v1.0/users/" + idOf(1) + "/contactFolders('F1')/contacts": true, "/v1.0/users/" + idOf(1) + "/manager": false,
	} {
		if _, ok := c.sim.mailbox(path); ok != want {
			t.Errorf("%s is of a mailbox: %v", path, ok)
		}
	}
}
