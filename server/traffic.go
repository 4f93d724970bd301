package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/peopleinsights/peopleinsights/server/traffic"
)

// trafficConfig is what callers may take.
type trafficConfig struct {
	UserRate          float64 `default:"50" env:"PEOPLE_INSIGHTS_USER_RATE" help:"Calls a second that a user may make in the long run; 0 for any number. A call that names many people counts as one for each hundred."`
	UserBurst         int     `default:"200" env:"PEOPLE_INSIGHTS_USER_BURST" help:"Calls that a user may make at once; 0 for four seconds' worth of --user-rate."`
	UserPeoplePerHour int     `default:"5000" env:"PEOPLE_INSIGHTS_USER_PEOPLE_PER_HOUR" help:"People whom a user may see in an hour, those asked for in vain among them; 0 for any number."`
	AppRate           float64 `env:"PEOPLE_INSIGHTS_APP_RATE" help:"Calls a second that an app that speaks for itself may make in the long run; 0 for any number."`
	AppBurst          int     `env:"PEOPLE_INSIGHTS_APP_BURST" help:"Calls that it may make at once; 0 for four seconds' worth of --app-rate."`
	AppPeoplePerHour  int     `default:"100000" env:"PEOPLE_INSIGHTS_APP_PEOPLE_PER_HOUR" help:"People whom it may see in an hour; 0 for any number."`
	TenantRate        float64 `env:"PEOPLE_INSIGHTS_TENANT_RATE" help:"Calls a second that all callers of a tenant may make together in the long run; 0 for any number."`
	TenantBurst       int     `env:"PEOPLE_INSIGHTS_TENANT_BURST" help:"Calls that they may make at once; 0 for four seconds' worth of --tenant-rate."`
	MaxConnections    int     `default:"10000" env:"PEOPLE_INSIGHTS_MAX_CONNECTIONS" help:"Most connections to keep open; further ones are closed at once."`
}

// limits are those of a tenant that has none of its own.
func (c trafficConfig) limits() traffic.Limits {
	return traffic.Limits{
		UserRate: c.UserRate, UserBurst: c.UserBurst, UserPeoplePerHour: c.UserPeoplePerHour,
		AppRate: c.AppRate, AppBurst: c.AppBurst, AppPeoplePerHour: c.AppPeoplePerHour,
		TenantRate: c.TenantRate, TenantBurst: c.TenantBurst,
	}
}

// maxConnections bounds how many connections may be allowed: each takes some 80 KB.
const maxConnections = 1_000_000

func (c trafficConfig) check() error {
	var all []error
	c.limits().Check(func(path, what string) {
		all = append(all, fmt.Errorf("--%s %s (%w)", strings.ReplaceAll(path, "_", "-"), what, errConfig))
	})
	if c.MaxConnections < 1 || c.MaxConnections > maxConnections {
		all = append(all, fmt.Errorf("--max-connections must be from 1 to %d, not %d (%w)", maxConnections, c.MaxConnections, errConfig))
	}
	return errors.Join(all...)
}

// newTraffic bounds what callers take, and counts it in registry.
func (c trafficConfig) newTraffic(registry prometheus.Registerer) *traffic.Traffic {
	t := traffic.New(traffic.Config{Limits: c.limits(), MaxConnections: c.MaxConnections})
	registry.MustRegister(t)
	return t
}
