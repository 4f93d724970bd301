package graph

import "time"

// A breaker opens after so many failures in a row, and lets one question try after a
// while that doubles from firstOpen to lastOpen.
const (
	breakAfter = 5
	firstOpen  = time.Second
	lastOpen   = 8 * time.Second
)

// breaker keeps questions that people wait for from a service that does not answer: each
// would take their time, and be of no use. Each service has its own. The synchronisation
// passes, one call at a time and seconds apart, and closes the directory's as soon as it is
// answered.
type breaker struct {
	failures int // in a row
	opened   int // in a row
	until    time.Time
}

// open tells whether the service is taken for failing.
func (b *breaker) open() bool { return b.failures >= breakAfter }

// refuses returns how long a question has to wait, or zero for one that may be asked.
// One that comes when the breaker has been open for long enough is the trial.
func (b *breaker) refuses(now time.Time) time.Duration {
	if !b.open() {
		return 0
	}
	if wait := b.until.Sub(now); wait > 0 {
		return wait
	}
	b.shut(now) // for the others, and for all should the trial fail
	return 0
}

// hear is told how a question went.
func (b *breaker) hear(now time.Time, failed bool) {
	if !failed {
		*b = breaker{}
		return
	}
	b.failures++
	if b.failures == breakAfter {
		b.shut(now)
	}
}

func (b *breaker) shut(now time.Time) {
	b.until = now.Add(min(firstOpen<<min(b.opened, 10), lastOpen))
	b.opened++
}
