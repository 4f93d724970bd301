package cache

import (
	"cmp"
	"container/list"
	"errors"
	"math"
	"slices"
	"strings"
	"sync"
	"time"
)

// What a pick counts for.
const (
	// halfLife is how long it takes until a pick counts for half as much.
	halfLife = 14 * 24 * time.Hour
	// fading is how long it takes until one pick no longer counts: by then it is worth
	// 1/64. However often somebody was picked, they count for 64 at most, so that nobody is
	// remembered for longer than twice this after they were last picked.
	fading = 6 * halfLife
	// maxPicked is how many different ones are remembered of an organizer.
	maxPicked = 64
)

// pick is somebody, a group or a contact, whom an organizer picked lately.
type pick struct {
	id     string
	weight float64 // how many picks of this moment theirs are worth
}

// Pick remembers that an organizer picked the person, the group or the contact of an id,
// in lower case. It fails as Suggest does, and with ErrUnknownPick. To pick oneself is no error
// and has no effect: nobody is suggested to themselves.
func (d Reader) Pick(organizer Ref, picked string) error {
	by, picked, err := d.pickOf(organizer, picked)
	if err == nil && by != picked {
		d.picks.add(by, picked)
	}
	return err
}

// pickOf returns the ids of who picks and of what is picked, as they are held: what is
// remembered of them then shares its text with the record.
func (d Reader) pickOf(organizer Ref, picked string) (by, id string, err error) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	if err := d.readyLocked(); err != nil {
		return "", "", err
	}
	who := d.personLocked(organizer)
	if who == nil {
		return "", "", ErrUnknownOrganizer
	}
	if person := d.personLocked(Ref{ID: picked}); person != nil {
		return who.id, person.id, nil
	}
	if !d.view.Groups {
		return "", "", ErrUnknownPick
	}
	if group := d.held.groups.items[picked]; group != nil {
		return who.id, group.ID, nil
	}
	if contact := d.held.contacts.items[picked]; contact != nil {
		return who.id, contact.ID, nil
	}
	if d.sync.groups.fillings == 0 { // it may be a group
		return "", "", d.sync.groups.err(ErrFilling)
	}
	if err := d.sync.contacts.err(ErrFilling); d.sync.contacts.fillings == 0 && !errors.Is(err, ErrDenied) {
		return "", "", err // it may be a contact, unless none could ever be suggested
	}
	return "", "", ErrUnknownPick
}

// picked returns whom an organizer picked lately, who counts most first and equals by
// id. Some of them may have left the directory since: that is for the search to see,
// which looks them up anyway; they fade like the others, and count again should they
// come back.
func (d *Directory) picked(organizer string) []pick { return d.picks.of(organizer) }

// picks is a memory of what organizers picked lately: of ids alone, and within bounds.
//
// What was picked is kept as one moment: the one at which its picks, old and new, count
// for exactly one. Their weight at any other moment follows from it, and who counts more
// than whom does not change by the passing of time.
// Source: https://wiki.mozilla.org/User:Jesse/NewFrecency
type picks struct {
	most  int // organizers
	start time.Time

	mu      sync.RWMutex
	pickers map[string]*list.Element // organizer → their *picker
	lately  *list.List               // of pickers, who picked last first
	entries int                      // of all pickers together
}

// picker is one organizer.
type picker struct {
	id     string
	last   time.Duration // when they picked last, since the start
	picked []remembered  // who counts most first; never changed, but replaced
}

// remembered is somebody, a group or a contact, who was picked.
type remembered struct {
	id  string
	one time.Duration // when they count for one, since the start
}

func (r remembered) weight(now time.Duration) float64 {
	return math.Exp2(float64(r.one-now) / float64(halfLife))
}

// again returns r as it is after one more pick.
func (r remembered) again(now time.Duration) remembered {
	r.one = now + min(fading, time.Duration(math.Log2(r.weight(now)+1)*float64(halfLife)))
	return r
}

func newPicks(most int) *picks {
	return &picks{most: most, start: time.Now(), pickers: map[string]*list.Element{}, lately: list.New()}
}

// add remembers a pick. Where there is no room, the organizer makes room whose last pick
// is the oldest.
func (p *picks) add(organizer, picked string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Since(p.start)
	p.forgetLocked(now)
	at := p.pickers[organizer]
	if at == nil {
		if p.lately.Len() >= p.most {
			p.dropLocked(p.lately.Back())
		}
		at = p.lately.PushFront(&picker{id: organizer})
		p.pickers[organizer] = at
	}
	p.lately.MoveToFront(at)
	who := at.Value.(*picker)
	p.entries -= len(who.picked)
	who.picked, who.last = with(counting(who.picked, now), picked, now), now
	p.entries += len(who.picked)
}

// with returns what is remembered after one more pick. Where there is no room, the one of
// the others makes room who counts least.
func with(before []remembered, picked string, now time.Duration) []remembered {
	after := append(make([]remembered, 0, len(before)+1), before...)
	at := slices.IndexFunc(after, func(r remembered) bool { return r.id == picked })
	switch {
	case at >= 0:
		after[at] = after[at].again(now)
	case len(after) == maxPicked:
		after[maxPicked-1] = remembered{picked, now}
	default:
		after = append(after, remembered{picked, now})
	}
	slices.SortFunc(after, func(a, b remembered) int {
		return cmp.Or(cmp.Compare(b.one, a.one), strings.Compare(a.id, b.id))
	})
	return after
}

// counting returns those who still count.
func counting(picked []remembered, now time.Duration) []remembered {
	for len(picked) > 0 && picked[len(picked)-1].one < now-fading {
		picked = picked[:len(picked)-1]
	}
	return picked
}

// of returns whom an organizer picked. It is asked on each keystroke: all that waits for
// a lock is to look the organizer up.
func (p *picks) of(organizer string) []pick {
	var picked []remembered
	p.mu.RLock()
	if at := p.pickers[organizer]; at != nil {
		picked = at.Value.(*picker).picked
	}
	p.mu.RUnlock()
	now := time.Since(p.start)
	picked = counting(picked, now)
	if len(picked) == 0 {
		return nil
	}
	weighed := make([]pick, len(picked))
	for i, r := range picked {
		weighed[i] = pick{r.id, r.weight(now)}
	}
	return weighed
}

// count tells of how many organizers something is remembered, and how much.
func (p *picks) count() (pickers, entries int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.forgetLocked(time.Since(p.start))
	return p.lately.Len(), p.entries
}

// erase forgets somebody: whom they picked, and that they were picked. It tells how many of
// each there were.
func (p *picks) erase(id string) (picked, by int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if at := p.pickers[id]; at != nil {
		picked = len(at.Value.(*picker).picked)
		p.dropLocked(at)
	}
	for at := p.lately.Front(); at != nil; at = at.Next() {
		who := at.Value.(*picker)
		if !slices.ContainsFunc(who.picked, func(r remembered) bool { return r.id == id }) {
			continue
		}
		by++
		who.picked = slices.DeleteFunc(slices.Clone(who.picked), func(r remembered) bool { return r.id == id })
		p.entries--
	}
	return picked, by
}

// by is how many organizers have picked somebody lately.
func (p *picks) by(id string) (n int) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	for _, at := range p.pickers {
		if slices.ContainsFunc(at.Value.(*picker).picked, func(r remembered) bool { return r.id == id }) {
			n++
		}
	}
	return n
}

// forgetLocked drops organizers of whom nothing counts any more, whether they are still
// there or not.
func (p *picks) forgetLocked(now time.Duration) {
	for at := p.lately.Back(); at != nil && at.Value.(*picker).last < now-2*fading; at = p.lately.Back() {
		p.dropLocked(at)
	}
}

func (p *picks) dropLocked(at *list.Element) {
	who := p.lately.Remove(at).(*picker)
	delete(p.pickers, who.id)
	p.entries -= len(who.picked)
}
