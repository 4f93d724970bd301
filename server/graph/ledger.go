package graph

import "time"

// ledgerSlots is how many seconds a ledger remembers: Graph's window of ten, and the
// one that has begun, so that no ten seconds together can hold more than is asked.
const ledgerSlots = 11

// quotaWindow is the time in which Graph counts resource units.
const quotaWindow = 10 * time.Second

// ledger is what was spent in each of the last seconds.
type ledger struct {
	slots [ledgerSlots]int
	now   int64 // the second of the newest slot
}

// move forgets what is too long ago.
func (l *ledger) move(now time.Time) {
	second := now.Unix()
	for l.now < second {
		if second-l.now > ledgerSlots {
			l.now = second - ledgerSlots
		}
		l.now++
		l.slots[l.now%ledgerSlots] = 0
	}
}

// add spends units; less than none gives some back.
func (l *ledger) add(now time.Time, units int) {
	l.move(now)
	l.slots[l.now%ledgerSlots] += units
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
	for age := int64(ledgerSlots - 1); age >= 0; age-- {
		if spent <= most {
			break
		}
		second := l.now - age
		spent -= l.slots[((second%ledgerSlots)+ledgerSlots)%ledgerSlots]
		if spent <= most {
			return time.Unix(second+ledgerSlots, 0).Sub(now)
		}
	}
	return 0
}
