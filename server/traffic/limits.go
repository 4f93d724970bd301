package traffic

import "fmt"

// Limits are what the callers of a tenant may take. A rate of zero is no limit, and so are
// zero people.
type Limits struct {
	// UserRate is how many calls a second a user may make in the long run, whatever apps they
	// make them with, and UserBurst how many at once; zero means four seconds'.
	UserRate  float64 `yaml:"user_rate"`
	UserBurst int     `yaml:"user_burst"`
	// UserPeoplePerHour is how many people a user may see in an hour, those who are asked for and
	// are not there among them.
	UserPeoplePerHour int `yaml:"user_people_per_hour"`
	// AppRate, AppBurst and AppPeoplePerHour are the same for an app that speaks for itself.
	AppRate          float64 `yaml:"app_rate"`
	AppBurst         int     `yaml:"app_burst"`
	AppPeoplePerHour int     `yaml:"app_people_per_hour"`
	// TenantRate and TenantBurst are for all callers of the tenant together.
	TenantRate  float64 `yaml:"tenant_rate"`
	TenantBurst int     `yaml:"tenant_burst"`
}

// Defaults are the limits of a service that is told none: users make 50 calls a second, 200 at
// once, and see 5,000 people in an hour; apps see 100,000. Nothing else is limited.
func Defaults() Limits {
	return Limits{UserRate: 50, UserBurst: 200, UserPeoplePerHour: 5000, AppPeoplePerHour: 100_000}
}

// The bounds of limits.
const (
	leastRate  = 0.01
	mostRate   = 1e6
	mostBurst  = 1_000_000
	mostPeople = 1_000_000
)

// Check tells bad of each limit that cannot be meant, by its path, such as user_rate.
func (l Limits) Check(bad func(path, what string)) {
	for _, r := range []struct {
		path  string
		rate  float64
		burst int
	}{{"user", l.UserRate, l.UserBurst}, {"app", l.AppRate, l.AppBurst}, {"tenant", l.TenantRate, l.TenantBurst}} {
		if r.rate != 0 && !(r.rate >= leastRate && r.rate <= mostRate) { // not a number is neither
			bad(r.path+"_rate", fmt.Sprintf("must be from %v to %.0f calls a second, or 0 for any number, not %v", leastRate, mostRate, r.rate))
		}
		if r.burst < 0 || r.burst > mostBurst {
			bad(r.path+"_burst", fmt.Sprintf("must be from 1 to %d calls, or 0 for four seconds' worth, not %d", mostBurst, r.burst))
		}
	}
	for _, r := range []struct {
		path   string
		people int
	}{{"user", l.UserPeoplePerHour}, {"app", l.AppPeoplePerHour}} {
		if r.people < 0 || r.people > mostPeople {
			bad(r.path+"_people_per_hour", fmt.Sprintf("must be from 1 to %d people, or 0 for any number, not %d", mostPeople, r.people))
		}
	}
}

// calls is how often a caller may call.
func (l *Limits) calls(app bool) pace {
	if app {
		return paceOf(l.AppRate, l.AppBurst)
	}
	return paceOf(l.UserRate, l.UserBurst)
}

// people is how many people a caller may see in an hour.
func (l *Limits) people(app bool) int {
	if app {
		return l.AppPeoplePerHour
	}
	return l.UserPeoplePerHour
}
