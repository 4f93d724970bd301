package insights

import (
	"context"
	"sync/atomic"

	"github.com/peopleinsights/peopleinsights/cache"
	"github.com/peopleinsights/peopleinsights/server/auth"
	"github.com/peopleinsights/peopleinsights/server/contacts"
	"github.com/peopleinsights/peopleinsights/server/traffic"
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
	// Limits are what its callers may take; nil means the service's.
	Limits *traffic.Limits

	calls, watches atomic.Int64 // under way
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
	caller auth.Caller
	as     auth.Audience // which the caller was when the call began
	people cache.Reader  // of the directory, as the caller sees it
	pass   *traffic.Pass // nil for callers without limits
}

// within returns a context that carries a caller, their tenant, and what they see of it, or
// refuses them. The session has to be left. Operators have no limits.
func (s *Service) within(ctx context.Context, caller auth.Caller, method string) (context.Context, *session, error) {
	tenant := s.config.Tenants()[caller.Tenant]
	if tenant == nil {
		return nil, nil, errNoCaller
	}
	now := &session{Tenant: tenant}
	if !operators(method) {
		var err error
		who := traffic.Who{Tenant: caller.Tenant, Subject: caller.Subject, App: caller.User == ""}
		if now.pass, err = s.config.Traffic.Enter(who, tenant.Limits); err != nil {
			return nil, nil, err
		}
	}
	audience := tenant.audience(caller)
	askedAs(ctx, audience)
	now.caller, now.as = caller, audience
	now.people = tenant.Directory.As(tenant.policy().View(caller, audience))
	return context.WithValue(auth.NewContext(ctx, caller), sessionKey{}, now), now, nil
}

// share takes one of so many places for a tenant: where several are served, half of them at
// most. The place has to be given back.
func (s *Service) share(under *atomic.Int64, places chan struct{}) bool {
	most := cap(places)
	if len(s.config.Tenants()) > 1 {
		most = max(1, most/2)
	}
	if under.Add(1) > int64(most) {
		under.Add(-1)
		return false
	}
	select {
	case places <- struct{}{}:
		return true
	default:
		under.Add(-1)
		return false
	}
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

// moved tells whether a call would be answered otherwise if it began now: by another policy, or
// as of another audience, by what the directory says of the caller.
func (s *Service) moved(began *session) bool {
	return s.config.Tenants()[began.caller.Tenant] != began.Tenant || began.audience(began.caller) != began.as
}

// sessionOf returns that of a call that came through the interceptors, or nil.
func sessionOf(ctx context.Context) *session {
	now, _ := ctx.Value(sessionKey{}).(*session)
	return now
}

// passOf is that of a call, by which it is limited; nil where it is not.
func passOf(ctx context.Context) *traffic.Pass {
	if now := sessionOf(ctx); now != nil {
		return now.pass
	}
	return nil
}
