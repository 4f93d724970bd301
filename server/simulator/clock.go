package simulator

import (
	"fmt"
	"sync"
	"time"
)

// farthest is how far ahead of the real time a clock can be. It keeps sums of times far from their limits.
const farthest = 100 * 365 * 24 * time.Hour

// clock is the time of a tenant: the real one, plus what it has been moved ahead.
type clock struct {
	mu    sync.Mutex
	ahead time.Duration
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.ahead)
}

func (c *clock) leads() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ahead
}

func (c *clock) advance(d time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case d < 0:
		return fmt.Errorf("%v would set the clock back; want a time of zero or more", d)
	case d > farthest-c.ahead:
		return fmt.Errorf("%v would set the clock more than a hundred years ahead", d)
	}
	c.ahead += d
	return nil
}

// Now returns the time as the tenant has it. It passes on by itself.
func (s *Simulator) Now() time.Time { return s.clock.now() }

// Advance moves the tenant's clock ahead: tokens and delta links age, and quotas fill up. It does not shorten the Delay of
// a Fault. A clock is never set back: Advance panics when d is negative, and when the clock would lead by more than a
// hundred years.
func (s *Simulator) Advance(d time.Duration) {
	if err := s.clock.advance(d); err != nil {
		panic("simulator: Advance: " + err.Error())
	}
}
