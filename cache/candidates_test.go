package cache_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/peopleinsights/peopleinsights/cache"
	"github.com/peopleinsights/peopleinsights/cache/sourcetest"
	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
)

const ofContacts = pb.SuggestionSource_SUGGESTION_SOURCE_CONTACTS

// own is one address of an own contact.
func own(id, name, address string) cache.Candidate {
	given, surname, _ := strings.Cut(name, " ")
	return cache.Candidate{Given: given, Surname: surname, Suggestion: &pb.Suggestion{
		Kind: ofContact, Id: id, DisplayName: name, Email: address, Source: ofContacts,
	}}
}

// folder is a folder of own contacts.
func folder(name string) cache.Candidate {
	return cache.Candidate{Suggestion: &pb.Suggestion{
		Kind: pb.InviteeKind_INVITEE_KIND_CONTACT_GROUP, DisplayName: name, Source: ofContacts,
		ContactGroup: &pb.Suggestion_ContactFolderId{ContactFolderId: "folder " + name},
	}}
}

// rows are suggestions in short: the name, and the address of those who are none of ours.
func rows(found []*pb.Suggestion) string {
	var list []string
	for _, s := range found {
		text := s.DisplayName
		if s.Source == ofContacts || s.Source == pb.SuggestionSource_SUGGESTION_SOURCE_CHANNEL {
			text += " <" + s.Email + ">"
		}
		list = append(list, text)
	}
	return strings.Join(list, ", ")
}

// TestNobodyComesTwice has own contacts of whom the directory, its groups and its address
// book know too. People are Person A to D; contacts are theirs unless said otherwise.
func TestNobodyComesTwice(t *testing.T) {
	source := people(4)
	guest := sourcetest.Someone(3)
	guest.Profile.UserType = pb.UserType_USER_TYPE_GUEST
	source.Put(guest)
	source.PutGroup(open(0))
	source.PutContact(sourcetest.SomeContact(0))
	double := sourcetest.SomeContact(1)
	double.DisplayName, double.Email = "Person A at home", "PERSON.A@fabrikam.com"
	source.PutContact(double)
	run(t, cache.Config{}, source, func(f fixture) {
		for _, row := range []struct {
			what   string
			own    []cache.Candidate
			invite cache.Invite
			want   string
		}{
			{"a stranger", []cache.Candidate{own("1", "Person Z", "z@fabrikam.com")}, cache.Invite{}, "Person A, Person B, Person C, Person D, Person Z <z@fabrikam.com>"},
			{"by another address, before them", []cache.Candidate{own("1", "Pers", "Person.B@fabrikam.com")}, cache.Invite{Query: "pers"}, "Person A, Person B, Person C, Person D"},
			{"a guest", []cache.Candidate{own("1", "Person Q", "person.d@contoso.com")}, cache.Invite{}, "Person A, Person B, Person C, Person D"},
			{"the person is not found", []cache.Candidate{own("1", "Boss", "person.a@contoso.com")}, cache.Invite{Query: "boss"}, "Boss <person.a@contoso.com>"},
			{"the person is of no kind asked for", []cache.Candidate{own("1", "Person Q", "person.a@contoso.com")}, cache.Invite{Kinds: []pb.InviteeKind{ofContact}}, "Person A at home, Person Q <person.a@contoso.com>"},
			{"excluded by their own id", []cache.Candidate{own("1", "Zoe Q", "zoe@fabrikam.com"), own("2", "Zoe R", "r@fabrikam.com")}, cache.Invite{Query: "zoe", Exclude: []cache.Ref{{ID: "1"}}}, "Zoe R <r@fabrikam.com>"},
			{"a contact of the address book, excluded", []cache.Candidate{own("1", "Zora Contact", "contact.a@contoso.onmicrosoft.com")}, cache.Invite{Query: "zora", Exclude: []cache.Ref{{ID: sourcetest.SomeContact(0).ID}}}, ""},
			{"a group", []cache.Candidate{own("1", "Group mail", "group.a@contoso.com")}, cache.Invite{Query: "group"}, "Group A"},
			{"of the address book", []cache.Candidate{own("1", "Zora Contact", "CONTACT.a@fabrikam.com")}, cache.Invite{Query: "contact"}, "Contact A, Person A at home"},
			{"one address in two contacts", []cache.Candidate{own("1", "Zoe Q", "z@fabrikam.com"), own("2", "Zoe R", "Z@fabrikam.com")}, cache.Invite{Query: "zoe"}, "Zoe Q <z@fabrikam.com>"},
			{"two addresses of one contact", []cache.Candidate{own("1", "Zoe Q", "zoe@fabrikam.com"), own("1", "Zoe Q", "zoe@home.example")}, cache.Invite{Query: "zoe"}, "Zoe Q <zoe@fabrikam.com>"},
			{"two addresses, the other typed", []cache.Candidate{own("1", "Zoe Q", "z@fabrikam.com"), own("1", "Zoe Q", "q@home.example")}, cache.Invite{Query: "q@h"}, "Zoe Q <q@home.example>"},
			{"two addresses, both typed", []cache.Candidate{own("1", "Zoe Q", "z.ann@fabrikam.com"), own("1", "Zoe Q", "z.ann@home.example")}, cache.Invite{Query: "z.ann"}, "Zoe Q <z.ann@fabrikam.com>, Zoe Q <z.ann@home.example>"},
			{"the first address leads to a person", []cache.Candidate{own("1", "Pers", "person.a@contoso.com"), own("1", "Pers", "q@home.example")}, cache.Invite{Query: "pers"},
				"Pers <q@home.example>, Person A, Person B, Person C, Person D"},
			{"excluded by that address", []cache.Candidate{own("1", "Zoe Q", "Z@fabrikam.com")}, cache.Invite{Query: "zoe", Exclude: []cache.Ref{email("z@fabrikam.com")}}, ""},
			{"excluded by another of the person's", []cache.Candidate{own("1", "Zoe Q", "person.a@contoso.com")}, cache.Invite{Query: "zoe", Exclude: []cache.Ref{email("u0@contoso.com")}}, ""},
			{"excluded by id", []cache.Candidate{own("1", "Zoe Q", "person.a@contoso.com")}, cache.Invite{Query: "zoe", Exclude: []cache.Ref{id(0)}}, ""},
			{"who invites", []cache.Candidate{own("1", "Zoe Q", "person.a@contoso.com")}, cache.Invite{Query: "zoe", Organizer: id(0)}, ""},
			{"of the address book, excluded", nil, cache.Invite{Query: "home", Exclude: []cache.Ref{id(0)}}, ""},
			{"a folder", []cache.Candidate{folder("Person folder"), own("1", "Person Z", "z@fabrikam.com")}, cache.Invite{Kinds: []pb.InviteeKind{pb.InviteeKind_INVITEE_KIND_CONTACT_GROUP}}, "Person folder <>"},
			{"folders have no address in common", []cache.Candidate{folder("Choir a"), folder("Choir b")}, cache.Invite{Query: "choir"}, "Choir a <>, Choir b <>"},
			{"nothing was typed", []cache.Candidate{own("1", "Zoe Q", "z@fabrikam.com")}, cache.Invite{Query: " ", Organizer: id(0)}, ""},
		} {
			q := row.invite
			if q.Contacts = cache.NewCandidates(row.own); q.Query == "" {
				q.Query = "person"
				if len(q.Kinds) == 0 {
					q.Kinds = []pb.InviteeKind{1, 2, 3, 4, 5}
					q.Exclude = append(q.Exclude, cache.Ref{ID: double.ID})
				}
			}
			q.Limit = 50
			found, _, err := f.Suggest(q)
			if err != nil || rows(found) != row.want {
				t.Errorf("%s:\n got %s, %v\nwant %s", row.what, rows(found), err, row.want)
			}
			for _, s := range found {
				if len(s.Matches) == 0 {
					t.Errorf("%s: nothing shows why %v was found", row.what, s)
				}
			}
		}
	})
}

// TestWhoIsLeftOutMakesRoom asks for pages of each size: they are full, and the heads of
// one another as far as nobody comes for whom a contact has to go.
func TestWhoIsLeftOutMakesRoom(t *testing.T) {
	const n = 26
	source := people(n)
	run(t, cache.Config{}, source, func(f fixture) {
		// Each has ten contacts, who come before all people by a whole name.
		var list []cache.Candidate
		for i := range n {
			for j := range 10 {
				list = append(list, own(fmt.Sprint(i, ".", j), fmt.Sprintf("Pers %c%d", 'A'+i, j), []string{"person.%c@contoso.com", "person.%c@fabrikam.com"}[j%2]))
				list[len(list)-1].Suggestion.Email = fmt.Sprintf(list[len(list)-1].Suggestion.Email, 'a'+i)
			}
		}
		contacts := cache.NewCandidates(list)
		for limit := 1; limit <= 50; limit++ {
			found, _, err := f.Suggest(cache.Invite{Query: "pers", Limit: limit, Contacts: contacts})
			seen := map[string]bool{}
			for _, s := range found {
				who := strings.ToLower(s.DisplayName[strings.Index(s.DisplayName, " ")+1:][:1])
				if strings.HasPrefix(s.DisplayName, "Person") == seen[who+" contact"] && seen[who+" contact"] || s.Source == ofContacts && seen[who] {
					t.Errorf("of %d rows, one comes twice: %s", limit, rows(found))
				}
				seen[who+map[bool]string{true: " contact"}[s.Source == ofContacts]] = true
			}
			if want := min(limit, n); err != nil || len(found) < want {
				t.Errorf("%d rows of %d, %v", len(found), limit, err)
			}
		}
		// However many are left out, the next ones come.
		found, _, err := f.Suggest(cache.Invite{Query: "pers", Limit: 3, Contacts: cache.NewCandidates(append(list, own("z", "Pers Zz", "zz@fabrikam.com"))),
			Exclude: func() (all []cache.Ref) {
				for i := range n {
					all = append(all, id(i))
				}
				return all
			}()})
		if err != nil || rows(found) != "Pers Zz <zz@fabrikam.com>" {
			t.Errorf("when all others are excluded: %s, %v", rows(found), err)
		}
	})
}

// TestCandidatesStayAsTheyAre has what is shown be a copy, and explained.
func TestCandidatesStayAsTheyAre(t *testing.T) {
	source := people(2)
	source.PutContact(sourcetest.SomeContact(0))
	run(t, cache.Config{}, source, func(f fixture) {
		list := []cache.Candidate{own("same", "Ada Person", "ada@fabrikam.com")}
		list[0].Suggestion.JobTitle = "Countess"
		want := proto.CloneOf(list[0].Suggestion)
		q := cache.Invite{Query: "ada", Limit: 5, Contacts: cache.NewCandidates(list), Organizer: id(0)}
		list[0] = own("other", "Other", "")
		shown := proto.CloneOf(want)
		shown.Matches = []*pb.FieldMatch{{Field: pb.MatchField_MATCH_FIELD_DISPLAY_NAME, Value: "Ada Person", Ranges: []*pb.TextRange{{End: 3}}}}
		for range 2 {
			found, _, err := f.Suggest(q)
			if diff := cmp.Diff([]*pb.Suggestion{shown}, found, protocmp.Transform()); err != nil || diff != "" {
				t.Fatalf("Suggest: %v (-want +got):\n%s", err, diff)
			}
			found[0].DisplayName = "Changed"
		}
		explained, _, err := f.Explain(q)
		if err != nil || len(explained) != 1 || explained[0].Score != 70 || len(explained[0].Parts) != 1 || explained[0].Parts[0].Found != "ada" {
			t.Errorf("Explain = %v, %v", explained, err)
		}
		f.invite("initials", cache.Invite{Query: "aperson", Contacts: q.Contacts}, "Ada Person")
		f.invite("without them", cache.Invite{Query: "ada"}, "")
		f.invite("none at all", cache.Invite{Query: "ada", Contacts: cache.NewCandidates(nil)}, "")
		// An own contact whose id is a person's is not that person.
		q = cache.Invite{Query: "ada", Contacts: cache.NewCandidates([]cache.Candidate{own(sourcetest.ID(1), "Ada Person", "ada@fabrikam.com")})}
		f.invite("another's id", q, "Ada Person")
	})
}

// TestChannelComesFirst has members of a channel, some of another organisation.
func TestChannelComesFirst(t *testing.T) {
	source := grouped(6, []cache.Member{memberOf(2), memberOf(5)})
	for i, department := range []string{"Sales", "Sales", "Legal", "Legal", "Sales", "Legal"} {
		p := sourcetest.Someone(i)
		p.Profile.Department, p.Profile.OfficeLocation, p.Profile.Country = department, "", ""
		source.Put(p)
	}
	source.PutChannel(groupID(0), "shared", cache.Channel{Kind: pb.ChannelKind_CHANNEL_KIND_SHARED, Members: []cache.Member{
		memberOf(3), away(sourcetest.ID(1), "Person Alien", "alien@fabrikam.com"), away("x", "Person X", "PERSON.D@fabrikam.com"), away("n", "Person N", ""),
	}})
	run(t, cache.Config{}, source, func(f fixture) {
		members := func(channel string) *cache.Members {
			m, err := f.ChannelMembers(f.t.Context(), groupID(0), channel)
			if err != nil {
				t.Fatal(err)
			}
			return m
		}
		team, shared := members(""), members("shared")
		f.invite("no channel", cache.Invite{Query: "person", Organizer: id(0)}, "Person B, Person E, Person C, Person D, Person F")
		f.invite("the team", cache.Invite{Query: "person", Organizer: id(0), Channel: team}, "Person C, Person F, Person B, Person E, Person D")
		f.invite("a shared channel", cache.Invite{Query: "person", Organizer: id(0), Channel: shared}, "Person D, Person Alien, Person B, Person E, Person C, Person F")
		f.invite("nobody invites", cache.Invite{Query: "person", Channel: shared}, "Person D, Person Alien, Person A, Person B, Person C, Person E, Person F")
		f.invite("nothing typed", cache.Invite{Organizer: id(0), Channel: team}, "Person C, Person F")
		f.invite("nothing typed, and nobody invites", cache.Invite{Channel: shared}, "Person D, Person Alien")
		f.invite("but for one", cache.Invite{Channel: shared, Exclude: []cache.Ref{email("nobody@fabrikam.com"), id(3)}}, "Person Alien")
		f.invite("but for one's address", cache.Invite{Channel: shared, Exclude: []cache.Ref{email("alien@fabrikam.com")}}, "Person D")
		f.invite("guests", cache.Invite{Channel: shared, Kinds: []pb.InviteeKind{pb.InviteeKind_INVITEE_KIND_GUEST}}, "Person Alien, Person X")
		f.invite("a member invites", cache.Invite{Channel: team, Organizer: id(2)}, "Person F")
		contacts := cache.NewCandidates([]cache.Candidate{own("1", "Person Own", "alien@fabrikam.com"), own("2", "Person Z", "z@fabrikam.com")})
		f.invite("beside own contacts", cache.Invite{Query: "person", Channel: shared, Contacts: contacts},
			"Person D, Person Alien, Person A, Person B, Person C, Person E, Person F, Person Z")
		if err := f.Pick(id(0), sourcetest.ID(4)); err != nil {
			t.Fatal(err)
		}
		f.invite("who was picked comes before", cache.Invite{Organizer: id(0), Channel: team}, "Person E, Person C, Person F")
		f.invite("and a search does not change the channel", cache.Invite{Organizer: id(1), Channel: team}, "Person C, Person F")

		explained, _, err := f.Explain(cache.Invite{Query: "person", Limit: 2, Channel: shared})
		if err != nil || len(explained) != 2 {
			t.Fatalf("Explain = %v, %v", explained, err)
		}
		for _, e := range explained {
			last := e.Parts[len(e.Parts)-1]
			if last.Reason != pb.ScoreReason_SCORE_REASON_CHANNEL || last.Points != 55 {
				t.Errorf("%s is explained by %v", e.Suggestion.DisplayName, e.Parts)
			}
		}
		alien := explained[1].Suggestion
		if alien.Kind != pb.InviteeKind_INVITEE_KIND_GUEST || alien.Source != pb.SuggestionSource_SUGGESTION_SOURCE_CHANNEL || alien.TenantId != "fabrikam" || alien.Email != "alien@fabrikam.com" {
			t.Errorf("somebody of another organisation is suggested as %v", alien)
		}
	})
}

// TestManyOnOneAddress has an address book in which very many have one address: a search
// does not look through all of them for rows that are not there.
func TestManyOnOneAddress(t *testing.T) {
	run(t, cache.Config{}, people(2), func(f fixture) {
		var list []cache.Candidate
		for i := range 5000 {
			list = append(list, own(fmt.Sprint(i), fmt.Sprintf("Zoe %04d", i), "all@fabrikam.com"))
		}
		list = append(list, own("last", "Zoe Zuletzt", "last@fabrikam.com"))
		found, _, err := f.Suggest(cache.Invite{Query: "zoe", Limit: 8, Contacts: cache.NewCandidates(list)})
		if err != nil || rows(found) != "Zoe 0000 <all@fabrikam.com>" {
			t.Errorf("%v, %v; want the first alone: those behind 1,024 others are not looked at", rows(found), err)
		}
	})
}
