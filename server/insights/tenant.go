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
	// Contacts are where its people's own contacts are held; nil where none are suggested.
	Contacts *contacts.Store
}

// Always returns tenants that stay the same.
func Always(tenants map[string]*Tenant) func() map[string]*Tenant {
	return func() map[string]*Tenant { return tenants }
}

type tenantKey struct{}

// within returns a context that carries a caller and their tenant: what a call is answered
// from is settled once.
func (s *Service) within(ctx context.Context, caller auth.Caller) (context.Context, error) {
	tenant := s.config.Tenants()[caller.Tenant]
	if tenant == nil {
		return nil, errNoCaller
	}
	return context.WithValue(auth.NewContext(ctx, caller), tenantKey{}, tenant), nil
}

// tenantOf returns the tenant of a call that came through the interceptors, or nil.
func tenantOf(ctx context.Context) *Tenant {
	tenant, _ := ctx.Value(tenantKey{}).(*Tenant)
	return tenant
}
