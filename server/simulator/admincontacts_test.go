package simulator

import (
	"strings"
	"testing"
)

// prepare makes what the example of an endpoint is about, if it is of the endpoints for contacts and channels.
func (o operator) prepare(what, id string) (whatFor, idFor string) {
	o.t.Helper()
	d := o.sim.dir
	switch {
	case strings.Contains(what, "/orgcontacts/"):
		id = idOf(91)
		check(o.t, d.PutOrgContact([]byte(`{"id":"`+id+`","displayName":"Ninety-one"}`)))
	case strings.Contains(what, "/teams/"):
		id = idOf(92)
		check(o.t, d.PutGroup([]byte(`{"id":"`+id+`","displayName":"Ninety-two","resourceProvisioningOptions":["Team"]}`)),
			d.PutChannel(id, []byte(`{"id":"`+aChannelID(1)+`","displayName":"One","membershipType":"private"}`)))
		what = strings.ReplaceAll(what, "{channel}", aChannelID(1))
	case strings.Contains(what, "/contact"):
		check(o.t, d.Patch(id, []byte(`{"mail":"u1@contoso.com"}`)))
		_, err := d.PutContactFolder(id, []byte(`{"id":"FOLDER","displayName":"F"}`))
		check(o.t, err)
		_, err = d.PutContact(id, []byte(`{"id":"CONTACT","displayName":"C"}`))
		check(o.t, err)
		what = strings.NewReplacer("{folder}", "FOLDER", "{contact}", "CONTACT").Replace(what)
	}
	return what, id
}

func TestAdminOrgContacts(t *testing.T) {
	o := startAdmin(t, Config{}, load(t, someone(1, "Ana")))
	line := `{"@odata.type":"#microsoft.graph.orgContact","id":"` + idOf(7) + `","displayName":"Ore"}`
	o.want("PUT /orgcontacts", `{"id":"`+idOf(7)+`","displayName":"Ore"}`, "200 "+line)
	o.want("GET /orgcontacts", "", "200 "+line)
	o.want("PATCH /orgcontacts/"+idOf(7), `{"mail":"ore@x.com"}`, `200 {"@odata.type":"#microsoft.graph.orgContact","id":"`+idOf(7)+`","displayName":"Ore","mail":"ore@x.com"}`)
	o.refused("PATCH /orgcontacts/"+idOf(8), `{}`, 404, "not in the directory")
	o.refused("PATCH /orgcontacts/"+idOf(7), `{"mail":1}`, 400, "mail is 1; want a string")
	o.refused("PUT /orgcontacts", `{"id":"`+idOf(1)+`","displayName":"Ana"}`, 400, "is that of user 1 already")
	o.want("DELETE /orgcontacts/"+idOf(7), "", "204 ")
	o.refused("DELETE /orgcontacts/"+idOf(7), "", 404, "not in the directory")
	if a := o.answer("POST /orgcontacts/"+idOf(7)+"/restore", ""); a.StatusCode != 200 {
		t.Errorf("restore: %d %s", a.StatusCode, a.body)
	}
	o.want("DELETE /orgcontacts/"+idOf(7)+"?permanently=true", "", "204 ")
	o.want("GET /orgcontacts", "", "200 ")
}

func TestAdminContacts(t *testing.T) {
	o := startAdmin(t, Config{}, load(t, someone(1, "Ana", `"mail":"u1@contoso.com"`), someone(2, "Bea")))
	o.want("PUT /users/"+idOf(1)+"/contact-folders", `{"id":"F1","displayName":"Friends"}`, `200 {"id":"F1"}`)
	o.want("PUT /users/u1@contoso.com/contacts", `{"id":"C1","displayName":"Cat","parentFolderId":"F1"}`, `200 {"id":"C1"}`)
	owner := `"ownerId":"` + idOf(1) + `",`
	o.want("GET /users/"+idOf(1)+"/contacts", "", `200 {"@odata.type":"#microsoft.graph.contactFolder",`+owner+`"id":"F1","displayName":"Friends"}`+"\n"+
		`{"@odata.type":"#microsoft.graph.contact",`+owner+`"id":"C1","parentFolderId":"F1","displayName":"Cat"}`)
	o.refused("PUT /users/"+idOf(1)+"/contacts", `{"colour":"red"}`, 400, `contact has no property "colour"`)
	o.refused("PUT /users/"+idOf(3)+"/contacts", `{}`, 404, "not in the directory")
	o.refused("GET /users/"+idOf(2)+"/contacts", ``, 404, "has no mailbox")
	o.want("PUT /users/"+idOf(1)+"/access-policy", `{"refused":true}`, "204 ")
	if a := o.get("/users/" + idOf(1) + "/contacts"); a.StatusCode != 403 {
		t.Errorf("refused by a policy: %d %s", a.StatusCode, a.body)
	}
	o.refused("PUT /users/"+idOf(1)+"/access-policy", `{}`, 400, `field "refused": it is missing`)
	o.want("DELETE /users/"+idOf(1)+"/contacts/C1", "", "204 ")
	o.refused("DELETE /users/"+idOf(1)+"/contacts/C1", "", 404, "not in the directory")
	o.want("DELETE /users/"+idOf(1)+"/contact-folders/F1", "", "204 ")
	o.want("GET /users/"+idOf(1)+"/contacts", "", "200 ")
}

func TestAdminChannels(t *testing.T) {
	o := startAdmin(t, Config{}, load(t, someone(1, "Ana"), aTeam(11, "Team", holding(1)), aGroup(12, "No team")))
	in := `{"id":"` + aChannelID(1) + `","displayName":"One","membershipType":"private"}`
	o.want("PUT /teams/"+idOf(11)+"/channels", in, "204 ")
	o.refused("PUT /teams/"+idOf(12)+"/channels", in, 404, "is no team")
	o.refused("PUT /teams/"+idOf(11)+"/channels", `{"id":"x"}`, 400, "19:, 32 hexadecimal digits")
	o.want("PUT /teams/"+idOf(11)+"/channels/"+aChannelID(1)+"/members", `{"members":[{"userId":"`+idOf(1)+`"}]}`, "204 ")
	o.refused("PUT /teams/"+idOf(11)+"/channels/"+aChannelID(2)+"/members", `{"members":[]}`, 404, "not in the directory")
	o.want("GET /channels", "", `200 {"@odata.type":"#microsoft.graph.channel","id":"`+aChannelID(1)+`","teamId":"`+idOf(11)+
		`","displayName":"One","membershipType":"private","members":[{"userId":"`+idOf(1)+`"}]}`)
	o.want("DELETE /teams/"+idOf(11)+"/channels/"+aChannelID(1), "", "204 ")
	o.want("GET /channels", "", "200 ")
}
