package sourcetest

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/peopleinsights/peopleinsights/cache"
	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
)

// Tenant is a Source under test, with the means to change its people.
type Tenant struct {
	Source      cache.Source
	Put         func(cache.Person) // add or replace somebody
	Remove      func(id string)
	PutGroup    func(g cache.Group, members ...string) // add or replace a group, with these people
	RemoveGroup func(id string)
	// PutContact adds or replaces a contact of the address book. Nil where the source has
	// none: then nothing is asked of them.
	PutContact    func(cache.Contact)
	RemoveContact func(id string)
	LoseTokens    func() // make every token given so far of no use

	// These may be nil: then the suite leaves out what it needs them for.
	PutRich  func(id string, written *pb.Profile) // what somebody has written of themselves
	PutPhoto func(id string, photo *cache.Photo)  // of 240 by 240 pixels, in that size alone; nil takes it away

	now map[string]cache.Person // who is there, as the suite has put them
}

// ID returns the i-th id that the suite uses.
func ID(i int) string { return fmt.Sprintf("00000000-0000-4000-8000-%012d", i) }

// Someone returns the i-th person that the suite uses: everything that a Source
// can tell of a person is told of them.
func Someone(i int) cache.Person {
	name := fmt.Sprintf("Person %c", 'A'+i)
	local := fmt.Sprintf("person.%c", 'a'+i)
	return cache.Person{
		Profile: &pb.Profile{
			Id: ID(i), DisplayName: name, GivenName: "Person", Surname: name[7:],
			Email: local + "@contoso.com", UserPrincipalName: fmt.Sprintf("u%d@contoso.com", i),
			JobTitle: "Engineer", Department: "Research", CompanyName: "Contoso", OfficeLocation: "Bern 2",
			Street: "Musterweg 1", City: "Bern", State: "BE", Country: "Switzerland", PostalCode: "3011",
			PreferredLanguage: "de-CH", BusinessPhones: []string{"+41 31 5550100"}, MobilePhone: "+41 79 5550100",
			EmployeeId: fmt.Sprint(1000 + i), EmployeeType: "Employee", HireDate: "2019-04-01",
			UserType:     pb.UserType_USER_TYPE_MEMBER,
			AccountState: pb.AccountState_ACCOUNT_STATE_ENABLED,
		},
		Proxies:    []string{local + "@contoso.com", local + "@contoso.onmicrosoft.com"},
		OtherMails: []string{local + "@fabrikam.com"},
	}
}

// Run runs the suite. newTenant returns a tenant without people.
func Run(t *testing.T, newTenant func(t *testing.T) Tenant) {
	for name, test := range map[string]func(*testing.T, Tenant){
		"list":            testList,
		"empty":           testEmpty,
		"changes":         testChanges,
		"cleared":         testCleared,
		"nothing changed": testNothingChanged,
		"lost token":      testLostToken,
		"find":            testFind,
		"shared address":  testSharedAddress,
		"cancelled":       testCancelled,
		"find all":        testFindAll,
		"find many":       testFindMany,
		"find all shared": testFindAllShared,
		"details ended":   testDetailsCancelled,
		"rich":            testRich,
		"photo":           testPhoto,
		"groups":          testGroups,
		"large group":     testLargeGroup,
		"contacts":        testContacts,
		"usage":           testUsage,
	} {
		t.Run(name, func(t *testing.T) { test(t, newTenant(t).watched()) })
	}
}

// watched has the suite know who is there.
func (tenant Tenant) watched() Tenant {
	put, remove := tenant.Put, tenant.Remove
	tenant.now = map[string]cache.Person{}
	tenant.Put = func(p cache.Person) { put(p); tenant.now[p.Profile.GetId()] = p }
	tenant.Remove = func(id string) { remove(id); delete(tenant.now, id) }
	return tenant
}

func testList(t *testing.T, tenant Tenant) {
	want := map[string]cache.Person{}
	for i := range 8 {
		p := Someone(i)
		if i > 0 {
			p.ManagerID = ID(0)
		}
		p.Unlisted = i == 3
		if i == 5 {
			p.Profile.AccountState = pb.AccountState_ACCOUNT_STATE_DISABLED
			p.Profile.UserType = pb.UserType_USER_TYPE_GUEST
		}
		tenant.Put(p)
		want[ID(i)] = p
	}
	got, total := map[string]cache.Person{}, 0
	for page, err := range tenant.Source.People().List(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		total += page.Total
		for _, p := range page.Items {
			got[p.Profile.GetId()] = p
		}
	}
	expect(t, got, want)
	if total != 0 && total != len(want) {
		t.Errorf("List says that there are %d people, want %d or nothing", total, len(want))
	}
}

func testEmpty(t *testing.T, tenant Tenant) {
	for page, err := range tenant.Source.People().List(t.Context()) {
		if err != nil || len(page.Items) > 0 {
			t.Errorf("List of nobody = %v, %v", page.Items, err)
		}
	}
}

func testChanges(t *testing.T, tenant Tenant) {
	for i := range 6 {
		tenant.Put(Someone(i))
	}
	token := mark(t, tenant.Source)
	renamed, moved, fresh := Someone(1), Someone(2), Someone(6)
	renamed.Profile.DisplayName = "Person Newname"
	moved.ManagerID = ID(0)
	tenant.Put(renamed)
	tenant.Put(moved)
	tenant.Put(fresh)
	tenant.Remove(ID(4))

	got, next := tenant.changes(t, token)
	tenant.expectChanges(t, got, map[string]cache.Person{ID(1): renamed, ID(2): moved, ID(6): fresh, ID(4): gone(4)})

	moved.ManagerID = ""
	tenant.Put(moved)
	tenant.Put(Someone(4)) // comes back
	got, _ = tenant.changes(t, next)
	tenant.expectChanges(t, got, map[string]cache.Person{ID(2): moved, ID(4): Someone(4)})
}

// testCleared takes away all that a person can do without.
func testCleared(t *testing.T, tenant Tenant) {
	tenant.Put(Someone(0))
	token := mark(t, tenant.Source)
	full := Someone(0).Profile
	bare := cache.Person{Profile: &pb.Profile{
		Id: full.Id, DisplayName: full.DisplayName, UserPrincipalName: full.UserPrincipalName,
		UserType: full.UserType, AccountState: full.AccountState,
	}}
	tenant.Put(bare)
	got, _ := tenant.changes(t, token)
	tenant.expectChanges(t, got, map[string]cache.Person{ID(0): bare})
}

func testNothingChanged(t *testing.T, tenant Tenant) {
	tenant.Put(Someone(0))
	token := mark(t, tenant.Source)
	for range 2 {
		var got map[string]cache.Person
		got, token = tenant.changes(t, token)
		tenant.expectChanges(t, got, map[string]cache.Person{})
	}
}

func testLostToken(t *testing.T, tenant Tenant) {
	tenant.Put(Someone(0))
	token := mark(t, tenant.Source)
	tenant.LoseTokens()
	var failed error
	for _, err := range tenant.Source.People().Changes(t.Context(), token) {
		failed = err
	}
	if !errors.Is(failed, cache.ErrTokenLost) {
		t.Errorf("Changes from a lost token = %v, want %v", failed, cache.ErrTokenLost)
	}
	mark(t, tenant.Source) // a new one is to be had
}

func testFind(t *testing.T, tenant Tenant) {
	manager, report := Someone(0), Someone(1)
	report.ManagerID = ID(0)
	tenant.Put(manager)
	tenant.Put(report)
	report.Manager = cache.Summary(manager.Profile)
	for _, ref := range []cache.Ref{
		{ID: ID(1)},
		{Email: "person.b@contoso.com"},
		{Email: "u1@contoso.com"},
		{Email: "person.b@contoso.onmicrosoft.com"},
		{Email: "person.b@fabrikam.com"},
	} {
		got, err := tenant.Source.Find(t.Context(), ref)
		if err != nil {
			t.Errorf("Find(%v) = %v", ref, err)
			continue
		}
		if diff := cmp.Diff(report, got, protocmp.Transform(), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("Find(%v) differs (-want +got):\n%s", ref, diff)
		}
	}
	for _, ref := range []cache.Ref{{ID: ID(7)}, {Email: "nobody@contoso.com"}, {Email: "o'hara@contoso.com"}} {
		if _, err := tenant.Source.Find(t.Context(), ref); !errors.Is(err, cache.ErrNotFound) {
			t.Errorf("Find(%v) = %v, want %v", ref, err, cache.ErrNotFound)
		}
	}
}

func testSharedAddress(t *testing.T, tenant Tenant) {
	byOther, byMail := Someone(0), Someone(1)
	byOther.OtherMails = []string{"shared@contoso.com"}
	byMail.Profile.Email = "Shared@contoso.com"
	tenant.Put(byOther)
	tenant.Put(byMail)
	got, err := tenant.Source.Find(t.Context(), cache.Ref{Email: "shared@contoso.com"})
	if err != nil || got.Profile.GetId() != ID(1) {
		t.Errorf("Find of a shared address = %v, %v; want the one who has it as mail", got.Profile.GetId(), err)
	}
}

func testCancelled(t *testing.T, tenant Tenant) {
	tenant.Put(Someone(0))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := tenant.Source.Find(ctx, cache.Ref{ID: ID(0)}); err == nil || errors.Is(err, cache.ErrNotFound) {
		t.Errorf("Find after its context ended = %v, want a failure", err)
	}
}

// SomeGroup returns the i-th group that the suite uses.
func SomeGroup(i int) cache.Group {
	return cache.Group{
		ID:          fmt.Sprintf("00000000-0000-4000-9000-%012d", i),
		DisplayName: fmt.Sprintf("Group %c", 'A'+i),
		Email:       fmt.Sprintf("group.%c@contoso.com", 'a'+i),
		Proxies:     []string{fmt.Sprintf("group.%c@contoso.com", 'a'+i)},
		Unified:     i%2 == 0, Mail: true, Security: i%2 == 1, Team: i%4 == 0, Hidden: i%3 == 2,
	}
}

func testGroups(t *testing.T, tenant Tenant) {
	tenant.Put(Someone(0))
	tenant.Put(Someone(1))
	want := map[string]cache.Group{}
	for i := range 8 {
		tenant.PutGroup(SomeGroup(i), ID(0))
		want[SomeGroup(i).ID] = SomeGroup(i)
	}
	got := map[string]cache.Group{}
	for page, err := range tenant.Source.Groups().List(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		for _, g := range page.Items {
			got[g.ID] = g
		}
	}
	expectGroups(t, got, want)

	token, err := tenant.Source.Groups().Mark(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	renamed, bare, fresh := SomeGroup(1), SomeGroup(2), SomeGroup(9)
	renamed.DisplayName = "Group Newname"
	bare.Email, bare.Proxies, bare.Mail, bare.Hidden = "", nil, false, false
	tenant.PutGroup(renamed, ID(0))
	tenant.PutGroup(bare, ID(0))
	tenant.PutGroup(fresh)
	tenant.PutGroup(SomeGroup(3), ID(0), ID(1))
	tenant.RemoveGroup(SomeGroup(4).ID)
	got, next := groupChanges(t, tenant.Source, token)
	for i := range 8 { // a source may tell again of what has not changed
		if g := got[SomeGroup(i).ID]; i >= 5 && g.ID != "" {
			expectGroups(t, map[string]cache.Group{g.ID: g}, map[string]cache.Group{g.ID: SomeGroup(i)})
			delete(got, g.ID)
		}
	}
	expectGroups(t, got, map[string]cache.Group{
		renamed.ID: renamed, bare.ID: bare, fresh.ID: fresh, SomeGroup(3).ID: SomeGroup(3),
		SomeGroup(4).ID: {ID: SomeGroup(4).ID, Gone: true},
	})
	tenant.LoseTokens()
	for _, err = range tenant.Source.Groups().Changes(t.Context(), next) {
	}
	if !errors.Is(err, cache.ErrTokenLost) {
		t.Errorf("Changes of groups from a lost token = %v, want %v", err, cache.ErrTokenLost)
	}
}

// SomeContact returns the i-th contact that the suite uses: everything that a Source can
// tell of a contact is told of them.
func SomeContact(i int) cache.Contact {
	local := fmt.Sprintf("contact.%c", 'a'+i)
	return cache.Contact{
		ID:          fmt.Sprintf("00000000-0000-4000-a000-%012d", i),
		DisplayName: fmt.Sprintf("Contact %c", 'A'+i), GivenName: "Contact", Surname: fmt.Sprintf("%c", 'A'+i),
		Email:    local + "@fabrikam.com",
		Proxies:  []string{local + "@fabrikam.com", local + "@contoso.onmicrosoft.com"},
		JobTitle: "Buyer", Department: "Purchasing", Company: "Fabrikam", Office: "Oslo 3",
	}
}

func testContacts(t *testing.T, tenant Tenant) {
	if tenant.PutContact == nil {
		t.Skip("this source has no address book to put contacts into")
	}
	tenant.Put(Someone(0))
	want := map[string]cache.Contact{}
	for i := range 8 {
		tenant.PutContact(SomeContact(i))
		want[SomeContact(i).ID] = SomeContact(i)
	}
	got := map[string]cache.Contact{}
	for page, err := range tenant.Source.Contacts().List(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range page.Items {
			got[c.ID] = c
		}
	}
	expectContacts(t, got, want)

	token, err := tenant.Source.Contacts().Mark(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	renamed, fresh := SomeContact(1), SomeContact(9)
	renamed.DisplayName = "Contact Newname"
	bare := cache.Contact{ID: SomeContact(2).ID, DisplayName: "Contact C"} // all that one cannot do without
	tenant.PutContact(renamed)
	tenant.PutContact(bare)
	tenant.PutContact(fresh)
	tenant.RemoveContact(SomeContact(4).ID)
	got, next := contactChanges(t, tenant.Source, token)
	for i := range 8 { // a source may tell again of what has not changed
		if c := got[SomeContact(i).ID]; (i >= 5 || i == 0 || i == 3) && c.ID != "" {
			expectContacts(t, map[string]cache.Contact{c.ID: c}, map[string]cache.Contact{c.ID: SomeContact(i)})
			delete(got, c.ID)
		}
	}
	expectContacts(t, got, map[string]cache.Contact{
		renamed.ID: renamed, bare.ID: bare, fresh.ID: fresh,
		SomeContact(4).ID: {ID: SomeContact(4).ID, Gone: true},
	})
	tenant.LoseTokens()
	for _, err = range tenant.Source.Contacts().Changes(t.Context(), next) {
	}
	if !errors.Is(err, cache.ErrTokenLost) {
		t.Errorf("Changes of contacts from a lost token = %v, want %v", err, cache.ErrTokenLost)
	}
}

// contactChanges reads a round of contacts. Of several changes of one, the last counts.
func contactChanges(t *testing.T, source cache.Source, token string) (map[string]cache.Contact, string) {
	t.Helper()
	got, next := map[string]cache.Contact{}, ""
	for page, err := range source.Contacts().Changes(t.Context(), token) {
		if err != nil {
			t.Fatal(err)
		}
		if next != "" {
			t.Error("a page came after the one with the token")
		}
		for _, c := range page.Items {
			if c.Gone {
				c = cache.Contact{ID: c.ID, Gone: true}
			}
			got[c.ID] = c
		}
		next = page.Token
	}
	if next == "" {
		t.Fatal("a round of contacts ended without a token")
	}
	return got, next
}

func expectContacts(t *testing.T, got, want map[string]cache.Contact) {
	t.Helper()
	for id, c := range got {
		c.Said = 0
		got[id] = c
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("contacts differ (-want +got):\n%s", diff)
	}
}

// testLargeGroup has a group gain more members than a page may tell.
func testLargeGroup(t *testing.T, tenant Tenant) {
	var members []string
	for i := range 20 {
		tenant.Put(Someone(i))
		members = append(members, ID(i))
	}
	tenant.PutGroup(SomeGroup(0))
	tenant.PutGroup(SomeGroup(1))
	token, err := tenant.Source.Groups().Mark(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	tenant.PutGroup(SomeGroup(0), members...)
	tenant.PutGroup(SomeGroup(1), members[:2]...)
	got, _ := groupChanges(t, tenant.Source, token)
	expectGroups(t, got, map[string]cache.Group{SomeGroup(0).ID: SomeGroup(0), SomeGroup(1).ID: SomeGroup(1)})
}

// groupChanges reads a round of groups. Of several changes of one, the last counts.
func groupChanges(t *testing.T, source cache.Source, token string) (map[string]cache.Group, string) {
	t.Helper()
	got, next := map[string]cache.Group{}, ""
	for page, err := range source.Groups().Changes(t.Context(), token) {
		if err != nil {
			t.Fatal(err)
		}
		for _, g := range page.Items {
			if g.Gone {
				g = cache.Group{ID: g.ID, Gone: true}
			}
			got[g.ID] = g
		}
		next = page.Token
	}
	if next == "" {
		t.Fatal("a round of groups ended without a token")
	}
	return got, next
}

func expectGroups(t *testing.T, got, want map[string]cache.Group) {
	t.Helper()
	for id, g := range got {
		g.Said, g.MembersChanged = 0, false
		got[id] = g
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("groups differ (-want +got):\n%s", diff)
	}
}

func testUsage(t *testing.T, tenant Tenant) {
	before := tenant.Source.Usage()
	mark(t, tenant.Source)
	if after := tenant.Source.Usage(); after.Calls < before.Calls || after.Units < before.Units || after.Failing {
		t.Errorf("Usage = %+v after a question, %+v before", after, before)
	}
}

func gone(i int) cache.Person {
	return cache.Person{Profile: &pb.Profile{Id: ID(i)}, Gone: true}
}

func mark(t *testing.T, source cache.Source) string {
	t.Helper()
	token, err := source.People().Mark(t.Context())
	if err != nil || token == "" {
		t.Fatalf("Mark = %q, %v; want a token", token, err)
	}
	return token
}

// changes reads a round. Of several changes of one person, the last counts.
func (tenant Tenant) changes(t *testing.T, token string) (map[string]cache.Person, string) {
	t.Helper()
	got, next := map[string]cache.Person{}, ""
	for page, err := range tenant.Source.People().Changes(t.Context(), token) {
		if err != nil {
			t.Fatal(err)
		}
		if next != "" {
			t.Error("a page came after the one with the token")
		}
		next = page.Token
		for _, p := range page.Items {
			if p.Gone {
				p = cache.Person{Profile: &pb.Profile{Id: p.Profile.GetId()}, Gone: true}
			}
			got[p.Profile.GetId()] = p
		}
	}
	if next == "" {
		t.Fatal("a round ended without a token")
	}
	return got, next
}

// expectChanges compares the changes of a round. A source may tell again of people
// who have not changed, as they are.
func (tenant Tenant) expectChanges(t *testing.T, got, want map[string]cache.Person) {
	t.Helper()
	for id, now := range tenant.now {
		if told, ok := got[id]; ok {
			if _, wanted := want[id]; !wanted {
				expect(t, map[string]cache.Person{id: told}, map[string]cache.Person{id: now})
				delete(got, id)
			}
		}
	}
	expect(t, got, want)
}

// expect compares people, but for what a Source may leave out: which fields it
// spoke of, and the manager's summary.
func expect(t *testing.T, got, want map[string]cache.Person) {
	t.Helper()
	for id, p := range got {
		p.Said, p.Manager, p.NoLonger = 0, nil, ""
		p.Profile = proto.CloneOf(p.Profile)
		got[id] = p
	}
	if diff := cmp.Diff(want, got, protocmp.Transform(), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("people differ (-want +got):\n%s", diff)
	}
}
