package contacts

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/peopleinsights/peopleinsights/cache"
	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
)

// rows returns candidates as lines: name <address>, or group: name.
func rows(candidates []cache.Candidate) []string {
	var lines []string
	for _, c := range candidates {
		if c.Suggestion.Kind == pb.InviteeKind_INVITEE_KIND_CONTACT_GROUP {
			lines = append(lines, "group: "+c.Suggestion.DisplayName)
			continue
		}
		lines = append(lines, c.Suggestion.DisplayName+" <"+c.Suggestion.Email+">")
	}
	return lines
}

func expectRows(t *testing.T, read Book, want ...string) *book {
	t.Helper()
	b, candidates := newBook(read, 5000)
	if got := rows(candidates); !slices.Equal(got, want) {
		t.Errorf("candidates:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	return b
}

func expectFolder(t *testing.T, b *book, id, want string) {
	t.Helper()
	if people, ok := b.folder(id); !ok || names(people) != want {
		t.Errorf("folder %s = %s, %t, want %s", id, names(people), ok, want)
	}
}

func expectCategory(t *testing.T, b *book, name, want string) {
	t.Helper()
	if people, ok := b.category(name); names(people) != want || ok != (want != "") {
		t.Errorf("category %s = %s, %t, want %s", name, names(people), ok, want)
	}
}

func TestCandidateOfAContact(t *testing.T) {
	b, candidates := newBook(Book{
		Folders: []Folder{{ID: "f", Name: "Suppliers"}},
		Contacts: []Contact{{
			ID: "c", Folder: "f", DisplayName: " Zoë Quist ", GivenName: "Zoë", Surname: "Quist", Company: "Fabrikam",
			JobTitle: "Buyer", Department: "Paper", Office: "3/14",
			Addresses: []string{"Zoe@Fabrikam.com", "zq@fabrikam.com"}, Categories: []string{"Paper people"},
		}},
	}, 10)
	contact := func(address string) cache.Candidate {
		return cache.Candidate{Given: "Zoë", Surname: "Quist", Suggestion: &pb.Suggestion{
			Kind: pb.InviteeKind_INVITEE_KIND_CONTACT, Source: pb.SuggestionSource_SUGGESTION_SOURCE_CONTACTS,
			Id: "c", DisplayName: "Zoë Quist", Email: address, JobTitle: "Buyer", Department: "Paper", OfficeLocation: "3/14",
		}}
	}
	group := func(s *pb.Suggestion) cache.Candidate {
		s.Kind, s.Source = pb.InviteeKind_INVITEE_KIND_CONTACT_GROUP, pb.SuggestionSource_SUGGESTION_SOURCE_CONTACTS
		return cache.Candidate{Suggestion: s}
	}
	want := []cache.Candidate{
		contact("Zoe@Fabrikam.com"),
		contact("zq@fabrikam.com"),
		group(&pb.Suggestion{Id: "f", DisplayName: "Suppliers", ContactGroup: &pb.Suggestion_ContactFolderId{ContactFolderId: "f"}}),
		group(&pb.Suggestion{DisplayName: "Paper people", ContactGroup: &pb.Suggestion_ContactCategory{ContactCategory: "Paper people"}}),
	}
	if diff := cmp.Diff(want, candidates, protocmp.Transform()); diff != "" {
		t.Errorf("candidates (-want +got):\n%s", diff)
	}
	people, _ := b.folder("f")
	summary := &pb.ProfileSummary{
		Id: "c", DisplayName: "Zoë Quist", Email: "Zoe@Fabrikam.com", JobTitle: "Buyer", Department: "Paper", OfficeLocation: "3/14",
		UserType: pb.UserType_USER_TYPE_CONTACT,
	}
	if diff := cmp.Diff([]*pb.ProfileSummary{summary}, people, protocmp.Transform()); diff != "" {
		t.Errorf("folder (-want +got):\n%s", diff)
	}
}

func TestWhatAContactIsShownBy(t *testing.T) {
	for _, row := range []struct {
		contact Contact
		want    string
	}{
		{Contact{DisplayName: "Bea", GivenName: "B", Surname: "Ek", Company: "Fabrikam"}, "Bea"},
		{Contact{DisplayName: " ", GivenName: " B ", Surname: "Ek", Company: "Fabrikam"}, "B Ek"},
		{Contact{GivenName: "B", Company: "Fabrikam"}, "B"},
		{Contact{Surname: "Ek", Company: "Fabrikam"}, "Ek"},
		{Contact{Company: "Fabrikam"}, "Fabrikam"},
		{Contact{}, "b@contoso.com"},
	} {
		row.contact.Addresses = []string{"bea", "b@contoso.com", "b2@contoso.com"}
		b, _ := newBook(Book{Contacts: []Contact{row.contact}}, 10)
		if got := names(b.people); got != row.want {
			t.Errorf("%+v is shown by %q, want %q", row.contact, got, row.want)
		}
	}
}

func TestAddresses(t *testing.T) {
	expectRows(t, Book{Contacts: []Contact{
		{ID: "1", DisplayName: "Ana", Addresses: []string{" ana@contoso.com", "ANA@contoso.com", "", "@", "ana@", "@contoso.com", "/o=Contoso/cn=ana", "a@fabrikam.com"}},
		{ID: "2", DisplayName: "Bea", Addresses: []string{"call her", ""}, Categories: []string{"Unreachable"}, Folder: "f"},
		{ID: "3", DisplayName: "Carl", Addresses: []string{"ana@contoso.com"}}, // his, too
		{ID: "4", DisplayName: "Dora"},
		{ID: "5", DisplayName: "Emil", Addresses: []string{strings.Repeat("e", 308) + "@contoso.com"}},
		{ID: "6", DisplayName: "Frida", Addresses: []string{strings.Repeat("f", 309) + "@contoso.com", "frida@contoso.com"}},
	}, Folders: []Folder{{ID: "f", Name: "Empty"}}},
		"Ana <ana@contoso.com>", "Ana <a@fabrikam.com>", "Carl <ana@contoso.com>",
		"Emil <"+strings.Repeat("e", 308)+"@contoso.com>", "Frida <frida@contoso.com>")
}

// TestManyOnOneAddress holds that of those who share an address the first few by name are
// suggested, and that all are members of what they are in.
func TestManyOnOneAddress(t *testing.T) {
	of := func(name string, addresses ...string) Contact {
		return Contact{ID: name, DisplayName: name, Folder: "f", Addresses: addresses, Categories: []string{"Sales"}}
	}
	b := expectRows(t, Book{
		Folders: []Folder{{ID: "f", Name: "Suppliers"}},
		Contacts: []Contact{
			of("Fia", "sales@contoso.com", "fia@contoso.com"), of("Ana", "Sales@Contoso.com"), of("Eva", "SALES@contoso.com"),
			of("Dora", "dora@contoso.com", "sales@contoso.com"), of("Bea", "sales@contoso.com"), of("Carl", "sales@contoso.COM"),
		},
	},
		"Ana <Sales@Contoso.com>", "Bea <sales@contoso.com>", "Carl <sales@contoso.COM>", "Dora <dora@contoso.com>", "Dora <sales@contoso.com>",
		"Fia <fia@contoso.com>", "group: Suppliers", "group: Sales")
	expectFolder(t, b, "f", "Ana, Bea, Carl, Dora, Eva, Fia")
	expectCategory(t, b, "sales", "Ana, Bea, Carl, Dora, Eva, Fia")
	if b.truncated {
		t.Error("the book is truncated, which nobody was left out of")
	}
}

func TestFolders(t *testing.T) {
	at := func(folder string) Contact {
		return Contact{ID: folder, Folder: folder, DisplayName: "in " + folder, Addresses: []string{folder + "@contoso.com"}}
	}
	b := expectRows(t, Book{
		Folders: []Folder{
			{ID: "below", Name: "Below", Parent: "top"}, {ID: "top", Name: "Top", Parent: "the default one"},
			{ID: "deep", Name: "Deep", Parent: "below"}, {ID: "empty", Name: "Empty", Parent: "top"},
			{ID: "holder", Name: "Holder"}, {ID: "held", Parent: "holder"},
			{ID: "one", Name: "One", Parent: "other"}, {ID: "other", Name: "Other", Parent: "one"},
			{ID: "self", Name: "Self", Parent: "self"},
			{ID: "top", Name: "Again", Parent: "holder"},
		},
		Contacts: []Contact{at("top"), at("below"), at("deep"), at("the default one"), at("held"), at("one"), at("other"), at("self"), at("deep")},
	},
		"in below <below@contoso.com>", "in deep <deep@contoso.com>", "in held <held@contoso.com>", "in one <one@contoso.com>",
		"in other <other@contoso.com>", "in self <self@contoso.com>", "in the default one <the default one@contoso.com>", "in top <top@contoso.com>",
		"group: Below", "group: Top", "group: Deep", "group: Holder", "group: One", "group: Other", "group: Self")
	expectFolder(t, b, "top", "in below, in deep, in top")
	expectFolder(t, b, "below", "in below, in deep")
	expectFolder(t, b, "deep", "in deep")
	expectFolder(t, b, "empty", "")
	expectFolder(t, b, "holder", "in held")
	expectFolder(t, b, "held", "in held")
	expectFolder(t, b, "one", "in one, in other")
	expectFolder(t, b, "other", "in one, in other")
	expectFolder(t, b, "self", "in self")
	if _, ok := b.folder("the default one"); ok {
		t.Error("a folder that is not listed is there")
	}
}

func TestCategories(t *testing.T) {
	of := func(name string, categories ...string) Contact {
		return Contact{ID: name, DisplayName: name, Addresses: []string{name + "@contoso.com"}, Categories: categories}
	}
	b := expectRows(t, Book{Contacts: []Contact{of("zoe", "FAMILY", " "), of("ana", "Family", "family", "Größe"), of("bea", " Skiing ", "family")}},
		"ana <ana@contoso.com>", "bea <bea@contoso.com>", "zoe <zoe@contoso.com>", "group: FAMILY", "group: Größe", "group: Skiing")
	expectCategory(t, b, "family", "ana, bea, zoe")
	expectCategory(t, b, "FAMILY", "ana, bea, zoe")
	expectCategory(t, b, "GRÖßE", "ana")
	expectCategory(t, b, "skiing ", "bea")
	expectCategory(t, b, "ski", "")
	expectCategory(t, b, "", "")
}

func TestOrder(t *testing.T) {
	of := func(id, name string) Contact {
		return Contact{ID: id, Folder: "f", DisplayName: name, Addresses: []string{id + "@contoso.com"}, Categories: []string{"c"}}
	}
	b, _ := newBook(Book{
		Folders:  []Folder{{ID: "f", Name: "F"}},
		Contacts: []Contact{of("4", "bea"), of("2", "Ana"), of("1", "ana"), of("3", "Bea"), of("5", "ANA"), of("2", "Ana again")},
	}, 10)
	for what, of := range map[string]func(string) ([]*pb.ProfileSummary, bool){"f": b.folder, "c": b.category} {
		people, _ := of(what)
		var ids []string
		for _, p := range people {
			ids = append(ids, p.Id)
		}
		if got, want := strings.Join(ids, " "), "1 2 5 3 4"; got != want {
			t.Errorf("%s = %s, want %s", what, got, want)
		}
	}
}

func TestBoundsOfABook(t *testing.T) {
	numbered := func(n int, format string) (list []string) {
		for i := range n {
			list = append(list, fmt.Sprintf(format, i))
		}
		return list
	}
	var folders []Folder
	for _, id := range numbered(maxFolders+1, "f%d") {
		folders = append(folders, Folder{ID: id, Name: id})
	}
	one := Contact{ID: "1", DisplayName: "Ana", Addresses: []string{"ana@contoso.com"}, Folder: fmt.Sprint("f", maxFolders)}
	with := func(change func(*Contact)) []Contact {
		c := one
		change(&c)
		return []Contact{c}
	}
	in := func(folder string) []Contact { return with(func(c *Contact) { c.Folder = folder }) }
	two := one
	two.ID = "2"
	for what, row := range map[string]struct {
		read      Book
		want      int // candidates
		truncated bool
	}{
		"one contact":     {Book{Contacts: []Contact{one}}, 1, false},
		"more, unread":    {Book{Contacts: []Contact{one}, Truncated: true}, 1, true},
		"two contacts":    {Book{Contacts: []Contact{one, two}}, 1, true},
		"all addresses":   {Book{Contacts: with(func(c *Contact) { c.Addresses = numbered(maxAddresses, "%d@contoso.com") })}, maxAddresses, false},
		"more addresses":  {Book{Contacts: with(func(c *Contact) { c.Addresses = numbered(maxAddresses+1, "%d@contoso.com") })}, maxAddresses, true},
		"all categories":  {Book{Contacts: with(func(c *Contact) { c.Categories = numbered(maxCategories, "%d") })}, 1 + maxCategories, false},
		"more categories": {Book{Contacts: with(func(c *Contact) { c.Categories = numbered(maxCategories+1, "%d") })}, 1 + maxCategories, true},
		"a long id":       {Book{Contacts: with(func(c *Contact) { c.ID = strings.Repeat("i", maxID) })}, 1, false},
		"too long an id":  {Book{Contacts: with(func(c *Contact) { c.ID = strings.Repeat("i", maxID+1) })}, 0, true},
		"a folder's":      {Book{Contacts: in(strings.Repeat("f", maxID)), Folders: []Folder{{ID: strings.Repeat("f", maxID), Name: "F"}}}, 2, false},
		"a longer one's":  {Book{Contacts: in(strings.Repeat("f", maxID+1)), Folders: []Folder{{ID: strings.Repeat("f", maxID+1), Name: "F"}}}, 1, true},
		"all folders":     {Book{Contacts: []Contact{one}, Folders: folders[1:]}, 2, false},
		"more folders":    {Book{Contacts: []Contact{one}, Folders: folders}, 1, true},
	} {
		b, candidates := newBook(row.read, 1)
		if len(candidates) != row.want || b.truncated != row.truncated {
			t.Errorf("%s: %d candidates, truncated %t, want %d, %t", what, len(candidates), b.truncated, row.want, row.truncated)
		}
	}
}

func TestTextsAreCut(t *testing.T) {
	long := strings.Repeat("ö", 300)
	want := strings.Repeat("ö", 256)
	b, candidates := newBook(Book{
		Folders: []Folder{{ID: "f", Name: long}},
		Contacts: []Contact{{
			ID: "1", Folder: "f", DisplayName: long, GivenName: long, Surname: long, JobTitle: long, Department: long, Office: long,
			Categories: []string{long}, Addresses: []string{"ana@contoso.com"},
		}},
	}, 10)
	s := candidates[0].Suggestion
	for what, got := range map[string]string{
		"name": s.DisplayName, "given name": candidates[0].Given, "surname": candidates[0].Surname, "job title": s.JobTitle,
		"department": s.Department, "office": s.OfficeLocation,
		"folder": candidates[1].Suggestion.DisplayName, "category": candidates[2].Suggestion.GetContactCategory(),
	} {
		if got != want {
			t.Errorf("%s has %d characters, want 256", what, len([]rune(got)))
		}
	}
	for _, name := range []string{long, want} {
		expectCategory(t, b, name, want)
	}
}

// TestNoPieceOfWhatWasRead holds that what is held is copied, and what is the same is
// held once.
func TestNoPieceOfWhatWasRead(t *testing.T) {
	page := "id1 Ana Fabrikam ana@contoso.com Met f Folder"
	from := func(part string) string {
		at := strings.Index(page, part)
		return page[at : at+len(part)]
	}
	contact := Contact{
		ID: from("id1"), Folder: from("f"), DisplayName: from("Ana"), GivenName: from("Ana"), Department: from("Fabrikam"),
		Addresses: []string{from("ana@contoso.com")}, Categories: []string{from("Met")},
	}
	b, candidates := newBook(Book{Contacts: []Contact{contact}, Folders: []Folder{{ID: from("f"), Name: from("Folder")}}}, 10)
	held := []string{b.people[0].Id, candidates[0].Given}
	for _, c := range candidates {
		s := c.Suggestion
		held = append(held, s.Id, s.DisplayName, s.Email, s.Department, s.GetContactCategory(), s.GetContactFolderId())
	}
	for id := range b.folders {
		held = append(held, id)
	}
	for name := range b.categories {
		held = append(held, name)
	}
	start := uintptr(unsafe.Pointer(unsafe.StringData(page)))
	for _, text := range held {
		if at := uintptr(unsafe.Pointer(unsafe.StringData(text))); at >= start && at < start+uintptr(len(page)) {
			t.Errorf("%q is a piece of the page that was read", text)
		}
	}
	if unsafe.StringData(candidates[0].Given) != unsafe.StringData(b.people[0].DisplayName) {
		t.Error("the same text is held twice")
	}
}
