package insights

import (
	"context"

	"github.com/peopleinsights/peopleinsights/cache"
	"github.com/peopleinsights/peopleinsights/server/auth"
	"github.com/peopleinsights/peopleinsights/server/contacts"
)

// Tenant is an organisation as its callers are answered. Everything of it hangs here: a call
// has one tenant, that of its caller, and reaches no other.
type Tenant struct {
	// Directory is its people. Required.
	Directory *cache.Directory
	// Policy is what its audiences see; nil is that of auth.DefaultPolicy.
	Policy *auth.Policy
	// Contacts are where its people's own contacts are held; nil where none are suggested.
	Contacts *contacts.Store
	// Ends is done when the tenant is served no more, or otherwise: watches that began before
	// end then with ErrStopping, and their callers watch again. Nil is never.
	Ends context.Context
}

// Always returns tenants that stay the same.
func Always(tenants map[string]*Tenant) func() map[string]*Tenant {
	return func() map[string]*Tenant { return tenants }
}

// defaultPolicy is that of tenants without one.
var defaultPolicy = auth.NewPolicy(auth.DefaultPolicy(), func(path, what string) { panic(path + " " + what) })

type sessionKey struct{}

// session is what a call is answered from: settled once, when it is known who calls.
type session struct {
	*Tenant
	people cache.Reader // of the directory, as the caller sees it
}

// within returns a context that carries a caller, their tenant, and what they see of it.
func (s *Service) within(ctx context.Context, caller auth.Caller) (context.Context, error) {
	tenant := s.config.Tenants()[caller.Tenant]
	if tenant == nil {
		return nil, errNoCaller
	}
	audience := tenant.audience(caller)
	askedAs(ctx, audience)
	now := &session{tenant, tenant.Directory.As(tenant.policy().View(caller, audience))}
	return context.WithValue(auth.NewContext(ctx, caller), sessionKey{}, now), nil
}

// policy is that of the tenant.
func (t *Tenant) policy() *auth.Policy {
	if t.Policy == nil {
		return defaultPolicy
	}
	return t.Policy
}

// audience is as which a caller sees the directory.
func (t *Tenant) audience(caller auth.Caller) auth.Audience {
	guest, held, filling := t.Directory.Guest(caller.User)
	return caller.Audience(guest, held, filling)
}

// sessionOf returns that of a call that came through the interceptors, or nil.
func sessionOf(ctx context.Context) *session {
	now, _ := ctx.Value(sessionKey{}).(*session)
	return now
}
