package auth_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/peopleinsights/peopleinsights/server/auth"
	"github.com/peopleinsights/peopleinsights/server/simulator"
)

// Two tenants beside that of the first simulator.
const (
	fabrikam = "11111111-2222-4333-8444-555555555555"
	adatum   = "abcdef22-2222-4333-8444-555555555555"
)

// TestTenants has callers of two tenants, and of partners, told apart by their tokens.
func TestTenants(t *testing.T) {
	first := start(t)
	second, err := simulator.New(simulator.Config{TenantID: fabrikam}, simulator.Company())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { second.Close() })
	issuer := func(sim *simulator.Simulator) string { return sim.AuthorityURL() + "/" + sim.TenantID() + "/v2.0" }
	ca := append(first.sim.CAPEM(), second.CAPEM()...)
	contoso := auth.TenantConfig{ID: first.sim.TenantID(), Issuers: []string{issuer(first.sim)}, Audiences: []string{simulator.APIID}, CAPEM: ca}
	other := auth.TenantConfig{
		ID: fabrikam, Issuers: []string{issuer(second)}, Audiences: []string{simulator.APIID}, CAPEM: ca,
		Partners: []auth.PartnerConfig{{ID: adatum, Issuers: []string{issuer(second)}}},
	}
	configure := func(tenants ...auth.TenantConfig) {
		t.Helper()
		if err := first.Configure(tenants); err != nil {
			t.Fatal(err)
		}
	}
	of := func(sim *simulator.Simulator, token simulator.APIToken) string {
		t.Helper()
		raw, err := sim.IssueToken(token)
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	expect := func(what, token, tenant, partner, subject string) {
		t.Helper()
		for range 2 {
			caller, err := first.by(token)
			if err != nil || caller.Tenant != tenant || caller.Partner != partner || !strings.HasPrefix(caller.Subject, subject) {
				t.Errorf("%s: %+v, %v; want tenant %s, partner %s, subject %s…", what, caller, err, tenant, partner, subject)
			}
			if partner != "" && caller.Roles.Any(auth.Operator) {
				t.Errorf("%s operates", what)
			}
		}
	}
	refused := func(what, token, says string) {
		t.Helper()
		if caller, err := first.by(token); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %+v, %v; want an error that says %q", what, caller, err, says)
		}
	}
	configure(contoso, other)
	all := []string{"PeopleInsights.Client", "PeopleInsights.Operator"}
	own := of(first.sim, simulator.APIToken{User: first.user})
	hers := of(second, simulator.APIToken{User: first.user})
	partner := simulator.APIToken{User: first.user, Roles: all, Tweak: simulator.Tweak{Claims: map[string]any{"tid": strings.ToUpper(adatum)}}}
	expect("a user", own, contoso.ID, "", "user:"+first.user)
	expect("a user of the same id", hers, fabrikam, "", "user:"+first.user)
	expect("a partner's user", of(second, partner), fabrikam, adatum, "user:"+adatum+"/"+first.user)
	app := simulator.APIToken{Roles: all, Tweak: simulator.Tweak{Claims: map[string]any{"tid": adatum}}}
	expect("a partner's app", of(second, app), fabrikam, adatum, "app:"+adatum+"/")

	// By the key of one, with the words of the other.
	lie := func(claims map[string]any) simulator.APIToken {
		return simulator.APIToken{Roles: all, Tweak: simulator.Tweak{Claims: claims}}
	}
	refused("the other's tid", of(first.sim, lie(map[string]any{"tid": fabrikam})), "another tenant")
	refused("the other's issuer", of(first.sim, lie(map[string]any{"iss": issuer(second)})), "another tenant")
	refused("the other's issuer and tid", of(first.sim, lie(map[string]any{"iss": issuer(second), "tid": fabrikam})), "does not have")
	refused("a partner's tid, by a tenant's issuer", of(first.sim, lie(map[string]any{"tid": adatum})), "another tenant")

	// What is configured anew.
	asked := first.fetches()
	configure(contoso)
	expect("a user of who stays", of(first.sim, simulator.APIToken{User: first.user}), contoso.ID, "", "user:")
	refused("a user of who has gone", hers, "not configured")
	if more := first.fetches() - asked; more != 0 {
		t.Errorf("the keys of who stays are fetched %d times", more)
	}
	narrowed := contoso
	narrowed.Audiences = []string{"api://another"}
	configure(narrowed, other)
	refused("a token that was good, of another audience now", own, "another audience")
	expect("a user of who is back", hers, fabrikam, "", "user:")
	for what, wrong := range map[string][]auth.TenantConfig{
		"twice the same":              {other, {ID: adatum, Issuers: other.Issuers, Audiences: other.Audiences, CAPEM: ca}},
		"a partner of two":            {other, {ID: contoso.ID, Issuers: contoso.Issuers, Audiences: contoso.Audiences, Partners: other.Partners}},
		"an issuer that cannot be":    {contoso, {ID: fabrikam, Issuers: []string{"x"}, Audiences: other.Audiences}},
		"certificates that cannot be": {contoso, {ID: fabrikam, Issuers: other.Issuers, Audiences: other.Audiences, CAPEM: []byte("x")}},
	} {
		if err := first.Configure(wrong); err == nil {
			t.Errorf("%s: is taken", what)
		}
	}
	expect("after wrong ones", hers, fabrikam, "", "user:")

	// Audiences tell tenants of one issuer apart; a token of both is nobody's.
	shared := auth.TenantConfig{ID: contoso.ID, Issuers: contoso.Issuers, Audiences: []string{simulator.APIURI}, CAPEM: ca,
		Partners: []auth.PartnerConfig{{ID: fabrikam, Issuers: other.Issuers}}}
	configure(shared, other)
	both := lie(map[string]any{"aud": []string{simulator.APIURI, simulator.APIID}})
	refused("for both", of(second, both), "several tenants")
	expect("for one", hers, fabrikam, "", "user:")
	expect("for the other", of(second, lie(map[string]any{"aud": simulator.APIURI})), contoso.ID, fabrikam, "app:"+fabrikam+"/")
	configure()
	if _, err := first.by(own); err == nil || errors.Is(err, auth.ErrUnavailable) {
		t.Errorf("of no tenant: %v", err)
	}
}
