package graph

import "time"

// ledgerSlots is how many seconds a ledger remembers: Graph's window of ten, and the
// one that has begun, so that no ten seconds together can hold more than is asked.
const ledgerSlots = 11

// quotaWindow is the time in which Graph counts resource units.
const quotaWindow = 10 * time.Second

// ledger is what was spent in each of the last seconds, by the monotonic clock: a wall
// clock that is set back must not stop the service.
type ledger struct {
	start time.Time // when the first second began
	slots [ledgerSlots]int
	now   int64 // the second of the newest slot, since start
}

// move forgets what is too long ago.
func (l *ledger) move(now time.Time) {
	if l.start.IsZero() {
		l.start = now
	}
	second := int64(now.Sub(l.start) / time.Second)
	for l.now < second {
		l.now = max(l.now, second-ledgerSlots) + 1
		l.slots[l.now%ledgerSlots] = 0
	}
}

// add spends units.
func (l *ledger) add(now time.Time, units int) {
	l.move(now)
	l.slots[l.now%ledgerSlots] += units
}

// correct changes what was booked at a time, if that is not forgotten.
func (l *ledger) correct(booked, now time.Time, units int) {
	l.move(now)
	second := int64(booked.Sub(l.start) / time.Second)
	if second >= 0 && second <= l.now && l.now-second < ledgerSlots {
		l.slots[second%ledgerSlots] += units
	}
}

// spent is how much was spent in the window.
func (l *ledger) spent(now time.Time) int {
	l.move(now)
	sum := 0
	for _, units := range l.slots {
		sum += units
	}
	return max(sum, 0)
}

// wait is how long it takes until no more than most is spent.
func (l *ledger) wait(now time.Time, most int) time.Duration {
	spent := l.spent(now)
	for second := max(0, l.now-ledgerSlots+1); second <= l.now && spent > most; second++ {
		spent -= l.slots[second%ledgerSlots]
		if spent <= most {
			return l.start.Add(time.Duration(second+ledgerSlots) * time.Second).Sub(now)
		}
	}
	return 0
}
