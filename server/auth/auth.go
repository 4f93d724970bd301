// Package auth tells who is calling, for which tenant, and what they may ask.
//
// A Verifier takes callers by the access tokens that the tenant's OpenID Connect issuers,
// Microsoft Entra ID in particular, have signed for the service. Development takes everybody
// for one caller who may ask everything, for a service that can be reached from its own
// machine alone. Handlers take the tenant from here and from nowhere else.
package auth

import (
	"context"
	"errors"
	"time"
)

// Caller is who makes a call.
type Caller struct {
	// Tenant is the organisation that the caller belongs to. It is never taken
	// from a request.
	Tenant string
	// Subject is who calls, unique within the tenant: what is held for one caller alone is
	// held by it. It begins with "user:" or "app:", so that no app can be taken for a user.
	// Empty for the development identity, of which there is one.
	Subject string
	// Roles are what the caller may ask.
	Roles Roles
	// User is the object id, in lower case, of the person for whom alone the caller speaks.
	// Empty for a service, which may name anyone of its tenant.
	User string
	// Partner is the id of the caller's own organisation where that is another one; empty as a
	// rule.
	Partner string
	// Guest tells that the token says that its user is a guest. The directory knows better, once
	// it has been read.
	Guest bool
	// Expires is from when on the caller is to be identified anew; zero means never.
	Expires time.Time
}

// Identify tells who makes the call that ctx belongs to. An error means that this
// cannot be told, and that the call is not to be answered: ErrUnavailable where it may be told
// later, an error of ctx where it took too long. No error holds anything of a token.
type Identify func(ctx context.Context) (Caller, error)

// ErrUnavailable means that an issuer's keys cannot be had, so that nobody can tell whether a
// token is good.
var ErrUnavailable = errors.New("the keys of the token's issuer cannot be had")

// Development takes every caller for one of tenant who has all roles.
func Development(tenant string) Identify {
	return func(context.Context) (Caller, error) { return Caller{Tenant: tenant, Roles: allRoles}, nil }
}

// Nobody takes no caller: for a service that others can reach, and that knows no issuer.
func Nobody(context.Context) (Caller, error) {
	return Caller{}, errors.New("no issuer is configured, so that callers from elsewhere cannot be told apart")
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
