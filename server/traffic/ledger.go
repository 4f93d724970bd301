package traffic

import (
	"hash/maphash"
	"time"
)

// The hour slides by slots: somebody who was shown counts until the slot in which that was
// has been over for an hour, so for an hour at least, and five minutes more at most.
const (
	slot  = 5 * time.Minute
	slots = int64(time.Hour / slot)
)

// ledger is whom one caller has seen in the last hour. It takes some 40 bytes a person. Its
// zero value is nobody.
type ledger struct {
	now    int64            // number of the current slot
	newest int64            // number of the slot in which somebody was last shown
	people map[uint64]int64 // hash → number of the slot in which they were last shown
	asked  []uint64         // whose slot becomes the current one by settle
}

// slide forgets those whose hour is over, and returns how many.
func (l *ledger) slide(now int64) (gone int) {
	current := now / int64(slot)
	if current <= l.now {
		return 0
	}
	l.now = current
	for _, last := range l.people {
		if last+slots < current {
			gone++
		}
	}
	if gone == 0 {
		return 0
	}
	// A new map, since one that has been large stays so.
	var kept map[uint64]int64
	if left := len(l.people) - gone; left > 0 {
		kept = make(map[uint64]int64, left)
		for who, last := range l.people {
			if last+slots >= current {
				kept[who] = last
			}
		}
	}
	l.people = kept
	return gone
}

// add adds those who are not there and returns them. Who is there stays in their slot until
// settle.
func (l *ledger) add(seed maphash.Seed, people []string) (added []uint64) {
	l.asked = l.asked[:0]
	for _, person := range people {
		who := maphash.String(seed, person)
		l.asked = append(l.asked, who)
		if _, there := l.people[who]; !there {
			if l.people == nil {
				l.people = map[uint64]int64{}
			}
			l.people[who] = l.now
			added = append(added, who)
		}
	}
	return added
}

// over tells whether there are more people than most, and from when on those asked for could
// be shown; zero for never. Those of them who are there are no help by leaving: they would be
// counted again.
func (l *ledger) over(most int) (from int64, over bool) {
	if len(l.people) <= most {
		return 0, false
	}
	var bySlot [slots + 1]int // others than those asked for, the oldest first
	for _, last := range l.people {
		bySlot[last-l.now+slots]++
	}
	counted := make(map[uint64]bool, len(l.asked))
	for _, who := range l.asked {
		if !counted[who] {
			counted[who] = true
			bySlot[l.people[who]-l.now+slots]--
		}
	}
	if len(counted) > most {
		return 0, true
	}
	left := len(l.people)
	for i, leave := range bySlot {
		if left -= leave; left <= most {
			return (l.now - slots + int64(i) + slots + 1) * int64(slot), true
		}
	}
	return 0, true
}

// takeBack removes those who were added.
func (l *ledger) takeBack(added []uint64) {
	for _, who := range added {
		delete(l.people, who)
	}
	if len(l.people) == 0 {
		l.people = nil
	}
	l.asked = nil
}

// settle has those asked for be shown now.
func (l *ledger) settle() {
	for _, who := range l.asked {
		l.people[who] = l.now
	}
	l.asked, l.newest = nil, l.now
}

// until is when nobody is left.
func (l *ledger) until() int64 {
	if len(l.people) == 0 {
		return 0
	}
	return (l.newest + slots + 1) * int64(slot)
}
