package graph

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"unicode/utf8"

	"google.golang.org/protobuf/proto"

	"github.com/peopleinsights/peopleinsights/cache"
	"github.com/peopleinsights/peopleinsights/server/contacts"
)

// FuzzBodies has Graph answer anything: each decoder reads the same bytes. None may panic,
// nothing without an id is taken for somebody, and no text is longer than is kept, or is
// what cannot be sent.
func FuzzBodies(f *testing.F) {
	for _, body := range []string{
		`{"value":[{"id":"1","displayName":"Ana","mail":"ana@contoso.com","proxyAddresses":["SMTP:ana@contoso.com"],"manager":{"id":"2"}}],"@odata.nextLink":"https://x/y"}`,
		`{"value":[{"id":"3","@removed":{"reason":"changed"},"manager@delta":[{"id":"B"},{"id":"A","@removed":{"reason":"deleted"}}]}],"@odata.deltaLink":"https://x/z"}`,
		`{"value":[{"@odata.type":"#microsoft.graph.group","id":"4","displayName":"Team","visibility":"HiddenMembership","members@delta":[{}]},null]}`,
		`{"value":[{"@odata.type":"#microsoft.graph.aadUserConversationMember","id":"5","userId":"6","tenantId":"7","roles":["guest"]}]}`,
		`{"value":[{"id":"8","parentFolderId":"f","emailAddresses":[{"address":" a@b.c "}],"categories":["x"],"addresses":[{"officeLocation":"1"}]}]}`,
		`{"id":"9","width":96,"height":96,"@odata.mediaEtag":"W/\"1\"","membershipType":"private","aboutMe":"x","skills":["y"],"birthday":"2000-01-01T00:00:00Z"}`,
		`{"responses":[{"id":"0","status":200,"headers":{"ETag":"x"},"body":{"id":"1"}},{"id":"1","status":429,"headers":{"Retry-After":5},"body":"e30="}]}`,
		`{"error":{"code":"Request_ResourceNotFound","message":"x","innerError":{"code":"resyncRequired","innerError":{}}}}`,
		strings.Repeat(`{"manager":`, 10_001), strings.Repeat(`{"innerError":`, 10_001),
		"{\"value\":[{\"id\":\"\xff\",\"displayName\":\"\\ud800\"",
	} {
		f.Add([]byte(body))
	}
	c := &Client{governor: governed(nil)}
	f.Fuzz(func(t *testing.T, body []byte) {
		read := func() io.Reader { return bytes.NewReader(body) }
		said := func(what string, err error) {
			if err != nil && !utf8.ValidString(err.Error()) {
				t.Errorf("%s fails with what is no text: %q", what, err)
			}
		}
		people, err := decodePeople(read())
		said("a page of people", err)
		for _, p := range people.Items {
			sound(t, p.Profile.GetId(), p.Profile)
		}
		if p, err := decodePerson(read()); err == nil {
			sound(t, p.Profile.GetId(), p.Profile)
		}
		groups, err := decodeGroups(read())
		said("a page of groups", err)
		for _, g := range groups.Items {
			sound(t, g.ID, nil, append(g.Proxies, g.DisplayName, g.Email)...)
		}
		for _, decode := range []func(io.Reader) (page[cache.Member], error){decodeMembers, decodeChannelMembers} {
			members, err := decode(read())
			said("a page of members", err)
			for _, m := range members.Items {
				sound(t, m.Summary.GetId(), m.Summary)
			}
		}
		others, err := decodeContacts(read())
		said("a page of contacts", err)
		for _, c := range others.Items {
			sound(t, c.ID, nil, c.DisplayName)
		}
		own, err := decodeOwnContacts(read())
		said("a page of own contacts", err)
		for _, c := range own.Items {
			sound(t, c.ID, nil, append(texts(c), c.Addresses...)...)
		}
		folders, err := decodeFolders(read())
		said("a page of folders", err)
		for _, one := range folders.Items {
			sound(t, one.ID, nil, one.Name)
		}
		if rich, err := decodeRich(read()); err == nil {
			sound(t, "rich", rich)
		}
		_, err = decodeChannel(read())
		said("a channel", err)
		_, err = decodePhotoSize(read())
		said("a photo's size", err)
		for _, status := range []int{400, 403, 404, 410, 429, 503} {
			response := &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(read())}
			said("an error", responseError(response, "User.Read.All"))
		}
		batched(t, c, body)
	})
}

// batched has the bytes be the answer to a batch of two questions.
func batched(t *testing.T, c *Client, body []byte) {
	of := &parts{questions: []part{newPart("users/1"), newPart("users/2")}, prices: []int{1, 1}}
	failures := []error{errLeftOut, errLeftOut}
	answered := [2]int{}
	_ = c.readBatch(bytes.NewReader(body), of, "User.Read.All", []int{0, 1}, failures, func(i int, body io.Reader) error {
		answered[i]++
		_, err := decodePerson(body)
		return err
	})
	for i, n := range answered {
		if n > 1 || n == 0 && failures[i] == nil {
			t.Errorf("question %d of a batch was answered %d times, failure %v", i, n, failures[i])
		}
	}
	var parsed batchResponse
	if json.Unmarshal(body, &parsed) == nil && len(parsed.Responses) == 0 && (failures[0] == nil || failures[1] == nil) {
		t.Errorf("a batch without an answer has none that failed: %v", failures)
	}
}

// sound complains of somebody without an id, and of texts that are too long or none.
func sound(t *testing.T, id string, m proto.Message, more ...string) {
	t.Helper()
	if id == "" {
		t.Errorf("something without an id is taken for somebody: %v %q", m, more)
	}
	if m != nil {
		if _, err := proto.Marshal(m); err != nil {
			t.Errorf("what was read cannot be sent: %v", err)
		}
	}
	for _, text := range append(more, id) {
		if len(text) > maxText || !utf8.ValidString(text) {
			t.Errorf("a text of %d bytes, valid %v: %.40q", len(text), utf8.ValidString(text), text)
		}
	}
}

// texts are what a contact says in one text each.
func texts(c contacts.Contact) []string {
	return strings.Split(strings.Join([]string{c.Folder, c.DisplayName, c.GivenName, c.Surname, c.Company, c.JobTitle, c.Department, c.Office}, "\x00"), "\x00")
}
