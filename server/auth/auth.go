// Package auth tells who is calling, for which tenant, and what they may see.
//
// So far there is one caller: the development identity, which may ask everything
// of the one tenant that is configured. Verified callers come with the issue that
// brings tokens; handlers already take the tenant from here and from nowhere else.
package auth

import "context"

// Caller is who makes a call.
type Caller struct {
	// Tenant is the organisation that the caller belongs to. It is never taken
	// from a request.
	Tenant string
	// Subject is who calls, unique within the tenant: what is held for one caller alone is
	// held by it. Empty for the development identity, of which there is one.
	Subject string
}

// Identify tells who makes the call that ctx belongs to. An error means that this
// cannot be told, and that the call is not to be answered.
type Identify func(ctx context.Context) (Caller, error)

// Development takes every caller for one of tenant.
func Development(tenant string) Identify {
	return func(context.Context) (Caller, error) { return Caller{Tenant: tenant}, nil }
}

type callerKey struct{}

// NewContext returns a context that carries the caller.
func NewContext(ctx context.Context, caller Caller) context.Context {
	return context.WithValue(ctx, callerKey{}, caller)
}

// FromContext returns the caller that ctx carries, and whether it carries one.
func FromContext(ctx context.Context) (Caller, bool) {
	caller, ok := ctx.Value(callerKey{}).(Caller)
	return caller, ok
}
