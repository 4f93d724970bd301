package simulator

import (
	"math"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// Quota is how much an app may ask of the tenant, as a token bucket of resource units: x-ms-resource-unit tells what each
// answer has cost. A call that finds the bucket empty is refused with 429 and costs nothing, and neither does any other
// refusal. The sign-in is free.
type Quota struct {
	// Units is what the bucket holds. Zero means what Graph gives to a tenant of the size that it has just then: 3,500
	// below 50 people, 5,000 up to 500 and 8,000 above. Negative means that there is no limit.
	Units int

	// Window is the time in which an empty bucket is full again; zero means 10 seconds.
	Window time.Duration

	// Silent leaves out Retry-After, as Graph's directory is said to do.
	Silent bool
}

const (
	usualWindow = 10 * time.Second
	tellFrom    = 0.8 // of the limit: from here on answers tell how much is used
	tellUpTo    = 1.8
)

// SetQuota gives every app a full bucket of another size. A Window that is not positive means 10 seconds.
func (s *Simulator) SetQuota(q Quota) { s.quota.set(q) }

// Quota returns the quota that is in force, as it was given; its Window is never zero.
func (s *Simulator) Quota() Quota { return s.quota.get() }

// limit returns how many units a bucket holds in a tenant of so many people; zero when there is no limit.
func (q Quota) limit(people int) int {
	switch {
	case q.Units != 0:
		return max(q.Units, 0)
	case people < 50:
		return 3500
	case people <= 500:
		return 5000
	}
	return 8000
}

// throttle keeps the buckets of all apps.
type throttle struct {
	mu      sync.Mutex
	quota   Quota
	buckets map[string]*bucket // by app
}

// bucket is what an app has used of its quota. That gets less with time.
type bucket struct {
	used float64
	at   time.Time
}

func (t *throttle) set(q Quota) {
	if q.Window <= 0 {
		q.Window = usualWindow
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.quota, t.buckets = q, make(map[string]*bucket)
}

func (t *throttle) get() Quota {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.quota
}

// spend takes units out of the bucket of an app, none to look only. It returns how many are used of how many, which is
// zero when there is no limit, and how long it takes until there is one to be had. A unit that comes back counts as used
// until all of it is there.
func (t *throttle) spend(app string, units, people int, now time.Time) (used, limit int, wait time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	limit = t.quota.limit(people)
	if limit == 0 {
		return 0, 0, 0
	}
	b := t.buckets[app]
	if b == nil {
		b = &bucket{at: now}
		t.buckets[app] = b
	}
	perUnit := float64(t.quota.Window) / float64(limit)
	if passed := now.Sub(b.at); passed > 0 {
		b.used, b.at = max(0, b.used-float64(passed)/perUnit), now
	}
	b.used += float64(units)
	const dust = 1e-9 // of counting in fractions
	return int(math.Ceil(b.used - dust)), limit, time.Duration(max(0, b.used-float64(limit-1)) * perUnit)
}

// overQuota refuses a call of an app whose bucket is empty. Outlook has limits of its own.
func (c *call) overQuota() *problem {
	if c.outlook {
		return nil
	}
	used, limit, wait := c.spend(0)
	if limit == 0 || used < limit {
		return nil
	}
	code, message := usual(http.StatusTooManyRequests)
	p := refuse(http.StatusTooManyRequests, code, "%s", message)
	p.header = map[string]string{
		"x-ms-throttle-scope":       "Tenant_Application/ReadWrite/" + c.grant.app + "/" + c.sim.tenant,
		"x-ms-throttle-information": "ResourceUnitLimitExceeded",
	}
	if !c.sim.Quota().Silent {
		p.header["Retry-After"] = strconv.Itoa(max(1, int(math.Ceil(wait.Seconds()))))
	}
	return p
}

func (c *call) spend(units int) (used, limit int, wait time.Duration) {
	return c.sim.quota.spend(c.grant.app, units, c.sim.dir.Len(), c.sim.Now())
}

// charge takes what the call has cost out of its app's bucket.
func (c *call) charge(units int) {
	c.units = units
	if !c.outlook {
		c.spend(units)
	}
}

// tellUse sets the header that warns of a bucket nearly empty.
func (c *call) tellUse(h http.Header) {
	if c.grant.app == "" || c.outlook {
		return
	}
	used, limit, _ := c.spend(0)
	if limit == 0 {
		return
	}
	if share := float64(used) / float64(limit); share >= tellFrom {
		h.Set("x-ms-throttle-limit-percentage", strconv.FormatFloat(min(share, tellUpTo), 'f', 2, 64))
	}
}
