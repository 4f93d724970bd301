package auth

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/peopleinsights/peopleinsights/cache"
)

// skew is how far the clocks of the issuer and of the service may be apart.
const skew = 2 * time.Minute

// claims are what a token says, as far as it matters. They are of v1 and v2 tokens alike.
// Source: https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference
type claims struct {
	Audience  audience `json:"aud"`
	Expires   float64  `json:"exp"`
	NotBefore float64  `json:"nbf"`
	Issued    float64  `json:"iat"`
	Tenant    string   `json:"tid"`
	Object    string   `json:"oid"`
	Subject   string   `json:"sub"`
	Kind      string   `json:"idtyp"` // app or user; optional
	Roles     []string `json:"roles"`
	Account   *float64 `json:"acct"` // 0 of a member, 1 of a guest; optional
	Provider  string   `json:"idp"`  // who signed a user in, where that is not the issuer: of guests, as a rule
	Issuer    string   `json:"iss"`
	Scopes    string   `json:"scp"` // what an app may do for a user; only users' tokens have it
}

// audience is one text or several.
type audience []string

// UnmarshalJSON reads either.
func (a *audience) UnmarshalJSON(raw []byte) error {
	if jsontext.Value(raw).Kind() == '[' {
		return json.Unmarshal(raw, (*[]string)(a))
	}
	*a = make(audience, 1)
	return json.Unmarshal(raw, &(*a)[0])
}

// What is wrong with what a token says.
var (
	errClaims     = errors.New("the token's claims are malformed")
	errAudience   = errors.New("the token is for another audience")
	errExpired    = errors.New("the token has expired")
	errEarly      = errors.New("the token is not good yet")
	errTenant     = errors.New("the token is of another tenant")
	errAmbiguous  = errors.New("the token is for several tenants of this service")
	errNeither    = errors.New("the token is neither an app's nor one that a user gave to an app: is it an ID token?")
	errObject     = errors.New("the token's object id is none")
	errNoSubject  = errors.New("the token says nothing of whom it is for")
	errKindAndScp = errors.New("the token is said to be an app's, and has a user's scopes")
)

func parseClaims(raw []byte) (c claims, err error) {
	if err := json.Unmarshal(raw, &c); err != nil {
		return claims{}, errClaims // the cause may quote the token
	}
	return c, nil
}

// check refuses a token that is not of now.
func (c claims) check(now time.Time) error {
	switch {
	case !now.Before(c.expiry()):
		return errExpired
	case seconds(c.NotBefore).After(now.Add(skew)), seconds(c.Issued).After(now.Add(skew)):
		return errEarly
	}
	return nil
}

// expiry is from when on the token is good no more, by a clock that may be ahead.
func (c claims) expiry() time.Time { return seconds(c.Expires).Add(skew) }

// seconds reads a time of JWT. Those that no token has, which an int64 might not hold, are
// taken for the past where that is the stricter: of an expiry, and never of a beginning.
func seconds(s float64) time.Time {
	const most = 1 << 40 // some 35,000 years
	return time.Unix(int64(min(max(s, 0), most)), 0)
}

// isObjectID tells whether it is one of Microsoft's, in lower case.
func isObjectID(s string) bool {
	ref, err := cache.ByID(s)
	return err == nil && ref.ID == s
}

// guest tells whether a user is a guest, as far as their token says.
func (c claims) guest() bool {
	if c.Account != nil {
		return *c.Account != 0
	}
	return c.Provider != "" && c.Provider != c.Issuer
}

// caller is whom a token that has been checked is of.
//
// An app's own token has roles that its administrators gave it, and no scopes; the object id
// is that of the app itself, and so the same as its subject. A token that a user gave to an
// app has scopes. An ID token has neither, and its roles are the user's: taken for an app's,
// it would let a user name anyone.
//
// A partner's ids are its own: who has one is told apart from who has it in the tenant. They
// have no say in how the service is kept.
func (c claims) caller(by *accepted) (Caller, error) {
	caller := Caller{Tenant: by.tenant, Partner: by.partner, Roles: rolesNamed(c.Roles), Expires: c.expiry()}
	object, of := strings.ToLower(c.Object), ""
	if by.partner != "" {
		caller.Roles &^= Operator
		of = strings.ToLower(by.partner) + "/"
	}
	switch {
	case object != "" && !isObjectID(object):
		return Caller{}, errObject // people are looked up by it
	case c.Scopes != "" && c.Kind == "app":
		return Caller{}, errKindAndScp
	case c.Scopes != "" && object == "":
		return Caller{}, errNoSubject // it could name anyone
	case c.Scopes != "":
		caller.User, caller.Subject, caller.Guest = object, "user:"+of+object, c.guest()
		// What the app may do for the user bounds what the user may have it do.
		if !slices.Contains(strings.Fields(c.Scopes), readScope) {
			caller.Roles = 0
			break
		}
		caller.Roles |= Client | Scheduler
	case c.Kind == "app", c.Kind == "" && object != "" && c.Object == c.Subject:
		if object == "" {
			object = c.Subject
		}
		if object == "" {
			return Caller{}, errNoSubject
		}
		caller.Subject = "app:" + of + object
	default:
		return Caller{}, errNeither
	}
	return caller, nil
}
