package cache_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/peopleinsights/peopleinsights/cache"
	"github.com/peopleinsights/peopleinsights/cache/sourcetest"
	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
)

// account is a person with these addresses, of the i-th id.
func account(i int, mail, upn string, change func(*cache.Person)) cache.Person {
	p := sourcetest.Someone(i)
	p.Profile.Email, p.Profile.UserPrincipalName, p.Proxies, p.OtherMails = mail, upn, nil, nil
	if change != nil {
		change(&p)
	}
	return p
}

func guest(p *cache.Person) { p.Profile.UserType = pb.UserType_USER_TYPE_GUEST }

func state(s pb.AccountState) func(*cache.Person) {
	return func(p *cache.Person) { p.Profile.AccountState = s }
}

// matched is a match in short: the outcome, then each candidate's number and address.
func matched(m *pb.AccountMatch) string {
	short := func(who string, where pb.MatchedAddress) string {
		return " " + strings.TrimLeft(who[len(who)-2:], "0") + " " + strings.TrimPrefix(where.String(), "MATCHED_ADDRESS_")
	}
	text := strings.TrimPrefix(m.Outcome.String(), "ACCOUNT_MATCH_OUTCOME_")
	if m.PersonId != "" {
		text += short(m.PersonId, m.MatchedAddress)
	}
	if len(m.Candidates) > 0 {
		text += ":"
	}
	for _, c := range m.Candidates {
		text += short(c.PersonId, c.MatchedAddress)
	}
	return text
}

func TestMatchAccounts(t *testing.T) {
	source := &sourcetest.Memory{}
	source.Put(account(1, "Ana@contoso.com", "ana.upn@contoso.com", func(p *cache.Person) {
		p.Proxies, p.OtherMails = []string{"ana@contoso.com", "ana.alias@contoso.com"}, []string{"ana@home.example"}
	}))
	source.Put(account(2, "pia@fabrikam.com", "pia_fabrikam.com#EXT#@contoso.onmicrosoft.com", guest))
	source.Put(account(3, "", "tom_jones_fabrikam.com#ext#@contoso.onmicrosoft.com", guest))
	source.Put(account(4, "leaver@contoso.com", "leaver@contoso.com", state(pb.AccountState_ACCOUNT_STATE_DISABLED)))
	source.Put(account(5, "unknown@contoso.com", "unknown@contoso.com", state(pb.AccountState_ACCOUNT_STATE_UNSPECIFIED)))
	source.Put(account(6, "away@fabrikam.com", "away_fabrikam.com#EXT#@contoso.com", func(p *cache.Person) {
		guest(p)
		p.Profile.AccountState = pb.AccountState_ACCOUNT_STATE_DISABLED
	}))
	// One address, held in every way, by an account that is disabled as well.
	source.Put(account(13, "x13@contoso.com", "x13@contoso.com", func(p *cache.Person) { p.OtherMails = []string{"shared@contoso.com"} }))
	source.Put(account(12, "x12@contoso.com", "x12@contoso.com", func(p *cache.Person) { p.Proxies = []string{"shared@contoso.com"} }))
	source.Put(account(11, "x11@contoso.com", "shared_contoso.com#EXT#@contoso.com", guest))
	source.Put(account(15, "SHARED@contoso.com", "x15@contoso.com", nil))
	source.Put(account(14, "shared@contoso.com", "x14@contoso.com", state(pb.AccountState_ACCOUNT_STATE_DISABLED)))
	rows := []struct{ email, want string }{
		{"ana@contoso.com", "MATCHED 1 MAIL: 1 MAIL"}, // as a proxy too, which is weaker
		{"ANA.UPN@Contoso.com", "MATCHED 1 USER_PRINCIPAL_NAME: 1 USER_PRINCIPAL_NAME"},
		{"ana.alias@contoso.com", "MATCHED 1 ALIAS: 1 ALIAS"},
		{"ana@home.example", "MATCHED 1 OTHER_MAIL: 1 OTHER_MAIL"},
		{"nobody@contoso.com", "NOT_FOUND"},
		{"pia@fabrikam.com", "GUEST 2 MAIL: 2 MAIL"},
		{"Tom_Jones@Fabrikam.com", "GUEST 3 USER_PRINCIPAL_NAME: 3 USER_PRINCIPAL_NAME"},
		{"tom_jones_fabrikam.com#EXT#@contoso.onmicrosoft.com", "GUEST 3 USER_PRINCIPAL_NAME: 3 USER_PRINCIPAL_NAME"},
		{"leaver@contoso.com", "DISABLED 4 MAIL: 4 MAIL"},
		{"unknown@contoso.com", "MATCHED 5 MAIL: 5 MAIL"},
		{"away@fabrikam.com", "DISABLED 6 MAIL: 6 MAIL"},
		{"shared@contoso.com", "AMBIGUOUS: 15 MAIL 14 MAIL 11 USER_PRINCIPAL_NAME 12 ALIAS 13 OTHER_MAIL"},
		{"ana@contoso.com", "MATCHED 1 MAIL: 1 MAIL"}, // again
		{"", "INVALID"},
		{"@", "INVALID"},
		{"ana", "INVALID"},
		{"@contoso.com", "INVALID"},
		{"ana@", "INVALID"},
		{"ana@@", "INVALID"},
		{strings.Repeat("é", 308) + "@contoso.com", "NOT_FOUND"}, // 320 characters
		{strings.Repeat("é", 309) + "@contoso.com", "INVALID"},
	}
	run(t, cache.Config{}, source, func(f fixture) {
		var emails []string
		for _, row := range rows {
			emails = append(emails, row.email)
		}
		matches, freshness, err := f.MatchAccounts(emails)
		if err != nil || len(matches) != len(rows) || freshness.GetRevision() != f.Status().Freshness.Revision {
			t.Fatalf("MatchAccounts = %d matches, %v, %v", len(matches), freshness, err)
		}
		for i, row := range rows {
			if got := matched(matches[i]); got != row.want || matches[i].Email != row.email {
				t.Errorf("%q is %s of %q, want %s", row.email, got, matches[i].Email, row.want)
			}
		}
		shared := matches[11].Candidates
		for i, want := range []string{"MEMBER ENABLED", "MEMBER DISABLED", "GUEST ENABLED", "MEMBER ENABLED", "MEMBER ENABLED"} {
			got := strings.TrimPrefix(shared[i].UserType.String(), "USER_TYPE_") + " " + strings.TrimPrefix(shared[i].AccountState.String(), "ACCOUNT_STATE_")
			if got != want {
				t.Errorf("candidate %d is %s, want %s", i, got, want)
			}
		}
		if got := matches[9].Candidates[0].AccountState; got != pb.AccountState_ACCOUNT_STATE_UNSPECIFIED {
			t.Errorf("an account of which nothing is known is %v", got)
		}
		f.source.Remove(sourcetest.ID(3))
		f.pass(interval)
		if matches, _, _ := f.MatchAccounts([]string{"tom_jones@fabrikam.com"}); matched(matches[0]) != "NOT_FOUND" {
			t.Errorf("a guest who is gone is %s", matched(matches[0]))
		}
		if matches, _, err := f.MatchAccounts(nil); len(matches) != 0 || err != nil {
			t.Errorf("of no address: %v, %v", matches, err)
		}
	})
}

// TestOutsideAddressOfAGuest has the address that is written in a guest's name lead to
// them, and be no further address of theirs.
func TestOutsideAddressOfAGuest(t *testing.T) {
	for _, row := range []struct {
		upn, address string
		leads        bool
	}{
		{"ana_fabrikam.com#EXT#@contoso.onmicrosoft.com", "ana@fabrikam.com", true},
		{"Ana_De_Souza_Fabrikam.com#ext#@contoso.com", "ana_de_souza@fabrikam.com", true},
		{"_fabrikam.com#EXT#@contoso.com", "@fabrikam.com", false},
		{"ana_#EXT#@contoso.com", "ana@", false},
		{"ana.fabrikam.com#EXT#@contoso.com", "ana@fabrikam.com", false},
		{"ana_fabrikam.com@contoso.com", "ana@fabrikam.com", false},
		{"#EXT#", "@", false},
	} {
		source := people(1)
		source.Put(account(1, "desk@contoso.com", row.upn, guest))
		run(t, cache.Config{}, source, func(f fixture) {
			p, err := f.profile(email(row.address))
			if row.leads != (err == nil) || !row.leads && !errors.Is(err, cache.ErrNotFound) {
				t.Errorf("%s leads to %v, %v; want somebody: %v", row.address, p, err, row.leads)
			}
			if p, err := f.profile(id(1)); err != nil || len(p.OtherAddresses) > 0 {
				t.Errorf("%s has the further addresses %v, %v", row.upn, p.GetOtherAddresses(), err)
			}
			person := account(1, "desk@contoso.com", row.upn, guest)
			if _, ok := cache.Leads(row.address, []cache.Person{person}); ok != row.leads {
				t.Errorf("Leads(%s) = %v, want %v", row.address, ok, row.leads)
			}
		})
	}
}

func TestMatchAccountsWhileFilling(t *testing.T) {
	source := people(1)
	source.Before(func(_ context.Context, method string) error {
		if method == "List" {
			return cache.ErrDenied
		}
		return nil
	})
	run(t, cache.Config{}, source, func(f fixture) {
		if _, _, err := f.MatchAccounts([]string{"u0@contoso.com"}); !errors.Is(err, cache.ErrDenied) {
			t.Errorf("MatchAccounts = %v, want %v", err, cache.ErrDenied)
		}
		if _, err := f.ReportingLine(id(0), 0, true); !errors.Is(err, cache.ErrDenied) {
			t.Errorf("ReportingLine = %v, want %v", err, cache.ErrDenied)
		}
	})
	d, err := cache.New(cache.Config{Source: people(1)})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if _, _, err := d.As(cache.Everything).MatchAccounts([]string{"u0@contoso.com"}); !errors.Is(err, cache.ErrFilling) {
		t.Errorf("MatchAccounts = %v, want %v", err, cache.ErrFilling)
	}
	if _, err := d.As(cache.Everything).ReportingLine(id(0), 0, true); !errors.Is(err, cache.ErrFilling) {
		t.Errorf("ReportingLine = %v, want %v", err, cache.ErrFilling)
	}
}

func BenchmarkMatchAccounts(b *testing.B) {
	const n = 10_000
	d := filled(b, n)
	emails := make([]string, 1000)
	for i := range emails {
		emails[i] = fmt.Sprintf("M%d@contoso.com", i*7)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := d.As(cache.Everything).MatchAccounts(emails); err != nil {
			b.Fatal(err)
		}
	}
}

// TestMatchOfAnAddressThatManyHave has more people on one address than are named.
func TestMatchOfAnAddressThatManyHave(t *testing.T) {
	source := people(30)
	for i := range 30 {
		p := sourcetest.Someone(i)
		p.OtherMails = []string{"all@contoso.com"}
		source.Put(p)
	}
	run(t, cache.Config{}, source, func(f fixture) {
		matches, _, err := f.MatchAccounts([]string{"all@contoso.com", "ALL@contoso.com"})
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range matches {
			if len(m.Candidates) != 20 || m.TotalCandidates != 30 || m.Outcome != pb.AccountMatchOutcome_ACCOUNT_MATCH_OUTCOME_AMBIGUOUS ||
				m.Candidates[0].PersonId != sourcetest.ID(0) || m.Candidates[19].PersonId != sourcetest.ID(19) {
				t.Errorf("30 people on one address: %v", m)
			}
		}
	})
}
