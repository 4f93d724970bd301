package auth

import "strings"

// Roles are a set of roles.
type Roles uint8

// The roles that a caller may have.
const (
	Client    Roles = 1 << iota // asks who people are, as meeting clients do
	Scheduler                   // asks whom to invite
	Operator                    // keeps the service

	allRoles = Client | Scheduler | Operator
)

// roleClaims are how the roles stand in the claim "roles" of a token.
var roleClaims = []struct {
	role Roles
	name string
}{
	{Client, "PeopleInsights.Client"},
	{Scheduler, "PeopleInsights.Scheduler"},
	{Operator, "PeopleInsights.Operator"},
}

// readScope is the delegated permission by which an app asks for a user.
const readScope = "PeopleInsights.Read"

// Any tells whether one of the others is among them.
func (r Roles) Any(others Roles) bool { return r&others != 0 }

// String names them as they stand in tokens, with commas between them; empty for none.
func (r Roles) String() string {
	var names []string
	for _, c := range roleClaims {
		if r.Any(c.role) {
			names = append(names, c.name)
		}
	}
	return strings.Join(names, ", ")
}

// rolesNamed are the roles that a token's claim gives. Others, of which an app may have
// many, give nothing.
func rolesNamed(names []string) (r Roles) {
	for _, name := range names {
		for _, c := range roleClaims {
			if name == c.name {
				r |= c.role
			}
		}
	}
	return r
}
