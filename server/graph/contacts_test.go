package graph_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/peopleinsights/peopleinsights/cache"
	"github.com/peopleinsights/peopleinsights/cache/sourcetest"
	"github.com/peopleinsights/peopleinsights/server/contacts"
	"github.com/peopleinsights/peopleinsights/server/simulator"
)

// mailbox is a person, $1, with a mailbox, and one, $2, without.
func mailbox(t *testing.T, folders, contacts []string) *simulator.Directory {
	t.Helper()
	directory := loaded(t,
		`{"id":"$1","displayName":"Ana","userPrincipalName":"ana@x.com","mail":"ana@x.com"}`,
		`{"id":"$2","displayName":"Bea","userPrincipalName":"bea@x.com"}`)
	standard := simulator.DefaultContactFolder(sourcetest.ID(1))
	for _, folder := range folders {
		if _, err := directory.PutContactFolder(sourcetest.ID(1), []byte(strings.ReplaceAll(folder, "STANDARD", standard))); err != nil {
			t.Fatal(err)
		}
	}
	for _, contact := range contacts {
		if _, err := directory.PutContact(sourcetest.ID(1), []byte(contact)); err != nil {
			t.Fatal(err)
		}
	}
	return directory
}

var (
	ownFolders = []string{
		`{"id":"F1","displayName":"Suppliers"}`, `{"id":"F2","displayName":"Old","parentFolderId":"F1"}`,
		`{"id":"F3","displayName":"Within","parentFolderId":"STANDARD"}`, `{"id":"F4","displayName":"Empty"}`,
	}
	ownContacts = []string{
		`{"id":"C1","displayName":"Cy Cole","givenName":"Cy","surname":"Cole","companyName":"Proseware","jobTitle":"Buyer","department":"D","officeLocation":"O",` +
			`"emailAddresses":[{"name":"Cy","address":"cy@x.com"},{"name":"n","address":"cy@y.com"}],"categories":["Red","Blue"],"personalNotes":"secret"}`,
		`{"id":"C2","parentFolderId":"F1","displayName":"Di"}`, `{"id":"C3","parentFolderId":"F2","displayName":"Ed"}`,
		`{"id":"C4","parentFolderId":"F3","displayName":"Flo"}`,
	}
)

// sorted puts a book in an order that is always the same.
func sorted(b contacts.Book) contacts.Book {
	slices.SortFunc(b.Contacts, func(a, b contacts.Contact) int { return strings.Compare(a.ID, b.ID) })
	slices.SortFunc(b.Folders, func(a, b contacts.Folder) int { return strings.Compare(a.ID, b.ID) })
	return b
}

func wholeBook() contacts.Book {
	return contacts.Book{
		Contacts: []contacts.Contact{
			{
				ID: "C1", Folder: simulator.DefaultContactFolder(sourcetest.ID(1)), DisplayName: "Cy Cole", GivenName: "Cy", Surname: "Cole",
				Company: "Proseware", JobTitle: "Buyer", Department: "D", Office: "O", Addresses: []string{"cy@x.com", "cy@y.com"}, Categories: []string{"Red", "Blue"},
			},
			{ID: "C2", Folder: "F1", DisplayName: "Di"}, {ID: "C3", Folder: "F2", DisplayName: "Ed"}, {ID: "C4", Folder: "F3", DisplayName: "Flo"},
		},
		Folders: []contacts.Folder{
			{ID: "F1", Name: "Suppliers"}, {ID: "F2", Name: "Old", Parent: "F1"}, {ID: "F3", Name: "Within"}, {ID: "F4", Name: "Empty"},
		},
	}
}

func TestPersonalContacts(t *testing.T) {
	for what, fault := range map[string]simulator.Fault{
		"":             {Path: "never", Status: 500},
		"no $top":      {Path: "$top=1000", Status: 400},
		"no $select":   {Path: "$select", Status: 400},
		"slow":         {Path: "ontact", Delay: 20 * time.Millisecond},
		"failing once": {Path: "/contactFolders/F1/contacts", Status: 503, Times: 1},
	} {
		client, sim := start(t, simulator.Config{}, mailbox(t, ownFolders, ownContacts))
		sim.Fail(fault)
		sim.Behave(simulator.Behaviour{NullValues: true})
		book, err := client.PersonalContacts(t.Context(), sourcetest.ID(1), 100)
		if diff := cmp.Diff(wholeBook(), sorted(book)); diff != "" || err != nil {
			t.Errorf("%s: %v %s", what, err, diff)
		}
		for _, r := range sim.Requests() {
			if r.Status == 429 || strings.Contains(r.URL, "personalNotes") || r.Units != 0 {
				t.Errorf("%s: %d %s, %d units", what, r.Status, r.URL, r.Units)
			}
		}
		if u := client.Usage(); u.Spent != 0 {
			t.Errorf("%s: %d units spent", what, u.Spent)
		}
	}
}

func TestManyPersonalContacts(t *testing.T) {
	var folders, people []string
	for i := range 120 {
		folders = append(folders, fmt.Sprintf(`{"id":"G%d","displayName":"G"}`, i))
	}
	for i := range 35 {
		people = append(people, fmt.Sprintf(`{"id":"C%d","displayName":"C"}`, i))
	}
	client, sim := start(t, simulator.Config{}, mailbox(t, folders, people))
	if book, err := client.PersonalContacts(t.Context(), sourcetest.ID(1), 50); err != nil || len(book.Contacts) != 35 || len(book.Folders) != 100 || !book.Truncated {
		t.Errorf("120 folders: %d contacts, %d folders, %v, %v", len(book.Contacts), len(book.Folders), book.Truncated, err)
	}
	sim.Fail(simulator.Fault{Path: "$top=1000", Status: 400})
	for most, truncated := range map[int]bool{34: true, 7: true, 10: true} {
		book, err := client.PersonalContacts(t.Context(), sourcetest.ID(1), most)
		if err != nil || len(book.Contacts) != most || book.Truncated != truncated {
			t.Errorf("at most %d: %d contacts, %v, %v", most, len(book.Contacts), book.Truncated, err)
		}
	}
	client, sim = start(t, simulator.Config{}, mailbox(t, nil, people))
	sim.Fail(simulator.Fault{Path: "$top=1000", Status: 400})
	if book, err := client.PersonalContacts(t.Context(), sourcetest.ID(1), 35); err != nil || len(book.Contacts) != 35 || book.Truncated || timesAsked(sim, "$skip=") == 0 {
		t.Errorf("as many as may be, by pages of ten: %d contacts, %v, %v", len(book.Contacts), book.Truncated, err)
	}
}

// TestOddContactFolders has folders lead in a circle, come twice, vanish, and include the
// default one.
func TestOddContactFolders(t *testing.T) {
	standard := simulator.DefaultContactFolder(sourcetest.ID(1))
	listed := contacts.Folder{ID: standard, Name: "Contacts"}
	whole := wholeBook()
	for _, row := range []struct {
		what   string
		faults []simulator.Fault
		change func(*contacts.Book)
	}{
		{"a circle", []simulator.Fault{body("/F2/childFolders", `{"value":[{"id":"F1","displayName":"Suppliers"},{"id":"F2","displayName":"Old"}]}`)}, func(*contacts.Book) {}},
		{"the default one", []simulator.Fault{body("/contactFolders?", `{"value":[{"id":"`+standard+`","displayName":"Contacts"},{"id":"F1","displayName":"Suppliers"},null,{"id":"F4","displayName":"Empty"}]}`)},
			func(b *contacts.Book) { b.Folders = append(b.Folders, listed); b.Folders[2].Parent = standard }},
		{"vanished", []simulator.Fault{{Path: "/F2/contacts", Status: 404, Code: "ErrorItemNotFound"}},
			func(b *contacts.Book) {
				b.Contacts = slices.Delete(b.Contacts, 2, 3)
				b.Folders = slices.Delete(b.Folders, 1, 2)
			}},
	} {
		client, sim := start(t, simulator.Config{}, mailbox(t, ownFolders, ownContacts))
		for _, fault := range row.faults {
			sim.Fail(fault)
		}
		want := contacts.Book{Contacts: slices.Clone(whole.Contacts), Folders: slices.Clone(whole.Folders)}
		row.change(&want)
		book, err := client.PersonalContacts(t.Context(), sourcetest.ID(1), 100)
		if diff := cmp.Diff(sorted(want), sorted(book)); diff != "" || err != nil {
			t.Errorf("%s: %v %s", row.what, err, diff)
		}
	}
}

// TestContactsWithoutFolders has Graph not list folders, or those within them: what was read
// is not lost.
func TestContactsWithoutFolders(t *testing.T) {
	for _, refusal := range []simulator.Fault{
		{Status: 404, Code: "ResourceNotFound"}, {Status: 404, Code: "Request_ResourceNotFound"}, {Status: 404, Body: []byte{}}, {Status: 400}, {Status: 501}, {Status: 405},
	} {
		for path, row := range map[string]struct {
			names     string
			truncated bool
		}{
			"/contactFolders?": {"C1 C4", true}, // those in the default folder, and in a folder within it
			"/childFolders":    {"C1 C2", false},
		} {
			client, sim := start(t, simulator.Config{}, mailbox(t, ownFolders, ownContacts))
			fault := refusal
			fault.Path = path
			if path == "/contactFolders?" {
				sim.Fail(simulator.Fault{Path: "/contactFolders/", Delay: time.Nanosecond}) // has what is below answered as it is
				fault.Path = "/contactFolders"
			}
			sim.Fail(fault)
			book, err := client.PersonalContacts(t.Context(), sourcetest.ID(1), 100)
			var names []string
			for _, one := range sorted(book).Contacts {
				names = append(names, one.ID)
			}
			if got := strings.Join(names, " "); err != nil || got != row.names || book.Truncated != row.truncated {
				t.Errorf("%s %d %s: %s, truncated %v, %v; want %s, %v", path, refusal.Status, refusal.Code, got, book.Truncated, err, row.names, row.truncated)
			}
			if client.Usage().Failing {
				t.Errorf("%s %d: counts as a failure", path, refusal.Status)
			}
		}
	}
}

// TestEmptyDefaultFolder has no contact tell the id of the default folder, which is not listed:
// the folders in it do.
func TestEmptyDefaultFolder(t *testing.T) {
	client, sim := start(t, simulator.Config{}, mailbox(t, ownFolders, ownContacts[1:]))
	standard := simulator.DefaultContactFolder(sourcetest.ID(1))
	sim.Fail(body("/contactFolders?", `{"value":[{"id":"F1","displayName":"Suppliers","parentFolderId":"`+standard+`"},{"id":"F4","displayName":"Empty","parentFolderId":"`+standard+`"}]}`))
	book, err := client.PersonalContacts(t.Context(), sourcetest.ID(1), 100)
	want := wholeBook()
	want.Contacts = want.Contacts[1:]
	if diff := cmp.Diff(want, sorted(book)); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
}

func TestPersonalContactsThatCannotBeRead(t *testing.T) {
	for what, row := range map[string]struct {
		config simulator.Config
		person string
		fault  simulator.Fault
		want   error
		says   string
	}{
		"denied":             {granted("User.Read.All"), sourcetest.ID(1), simulator.Fault{}, cache.ErrDenied, "Contacts.Read"},
		"no mailbox":         {simulator.Config{}, sourcetest.ID(2), simulator.Fault{}, nil, ""},
		"no such person":     {simulator.Config{}, sourcetest.ID(1), simulator.Fault{Path: "/contacts", Status: 404, Code: "Request_ResourceNotFound"}, cache.ErrNotFound, ""},
		"invalid person":     {simulator.Config{}, sourcetest.ID(1), simulator.Fault{Path: "/contacts", Status: 404, Code: "ErrorInvalidUser"}, cache.ErrNotFound, ""},
		"nobody":             {simulator.Config{}, "", simulator.Fault{}, cache.ErrNotFound, ""},
		"503":                {simulator.Config{}, sourcetest.ID(1), simulator.Fault{Path: "/contacts", Status: 503}, cache.ErrUnavailable, "503"},
		"folders fail":       {simulator.Config{}, sourcetest.ID(1), simulator.Fault{Path: "/contactFolders?", Status: 500}, cache.ErrUnavailable, "500"},
		"folders denied":     {simulator.Config{}, sourcetest.ID(1), simulator.Fault{Path: "/contactFolders?", Status: 403}, cache.ErrDenied, "Contacts.Read"},
		"children fail":      {simulator.Config{}, sourcetest.ID(1), simulator.Fault{Path: "/F4/childFolders", Status: 503}, cache.ErrUnavailable, "503"},
		"a folder that is":   {simulator.Config{}, sourcetest.ID(1), simulator.Fault{Path: "/F2/contacts", Status: 500}, cache.ErrUnavailable, ""},
		"somebody else's":    {simulator.Config{}, sourcetest.ID(1), simulator.Fault{Path: "/F2/contacts", Status: 404, Body: []byte("no")}, cache.ErrUnavailable, ""},
		"throttled":          {simulator.Config{}, sourcetest.ID(1), simulator.Fault{Path: "/F1/contacts", Status: 429, RetryAfter: "5"}, cache.ErrThrottled, ""},
		"cut":                {simulator.Config{}, sourcetest.ID(1), simulator.Fault{Path: "/F1/contacts", Cut: true}, cache.ErrUnavailable, ""},
		"not a page":         {simulator.Config{}, sourcetest.ID(1), body("/contacts", `{}`), cache.ErrUnavailable, ""},
		"a 400":              {simulator.Config{}, sourcetest.ID(1), simulator.Fault{Path: "/contacts", Status: 400}, cache.ErrUnavailable, ""},
		"forbidden a folder": {simulator.Config{}, sourcetest.ID(1), simulator.Fault{Path: "/F1/contacts", Status: 403, Code: "ErrorAccessDenied"}, cache.ErrDenied, "Contacts.Read"},
	} {
		client, sim := start(t, row.config, mailbox(t, ownFolders, ownContacts), once)
		if row.fault.Path != "" {
			sim.Fail(row.fault)
		}
		book, err := client.PersonalContacts(t.Context(), row.person, 100)
		if !errors.Is(err, row.want) || book.Contacts != nil || book.Folders != nil || err != nil && !strings.Contains(err.Error(), row.says) ||
			err != nil && row.person != "" && strings.Contains(err.Error(), row.person) {
			t.Errorf("%s: %d contacts, %v; want %v", what, len(book.Contacts), err, row.want)
		}
	}
	client, sim := start(t, simulator.Config{}, mailbox(t, ownFolders, ownContacts))
	for range 6 { // more than open the breaker
		if _, err := client.PersonalContacts(t.Context(), sourcetest.ID(2), 100); err != nil {
			t.Fatal(err)
		}
	}
	if client.Usage().Failing {
		t.Error("people without a mailbox count as failures")
	}
	if err := sim.RefuseMailbox(sourcetest.ID(1), true); err != nil {
		t.Fatal(err)
	}
	if _, err := client.PersonalContacts(t.Context(), sourcetest.ID(1), 100); !errors.Is(err, cache.ErrDenied) || !strings.Contains(err.Error(), "Contacts.Read") {
		t.Errorf("a mailbox that a policy closes: %v", err)
	}
}

func TestPersonalContactsEndWithTheirCaller(t *testing.T) {
	client, sim := start(t, simulator.Config{}, mailbox(t, ownFolders, ownContacts))
	sim.Fail(simulator.Fault{Path: "/F1/", Delay: time.Minute})
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	began := time.Now()
	if book, err := client.PersonalContacts(ctx, sourcetest.ID(1), 100); err == nil || book.Contacts != nil || time.Since(began) > 5*time.Second {
		t.Errorf("%d contacts, %v after %v", len(book.Contacts), err, time.Since(began))
	}
}
