package cache

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"google.golang.org/protobuf/proto"

	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
)

// Erasure is what came of erasing a person.
type Erasure struct {
	ID          string
	Time        time.Time     // when they were gone
	Freshness   *pb.Freshness // the first that does not show them
	Profile     bool          // they were held, or remembered from a look-up
	Photos      int           // that were held, by sizes
	RichProfile bool          // that was held
	Picks       int           // whom they had picked
	PickedBy    int           // organizers who had picked them
	Erased      int           // people who are kept out now, this one among them
}

// maxErased is how many people are kept out at most: each takes some 150 bytes.
const maxErased = 100_000

// ErrTooManyErased means that as many people are kept out as may be.
var ErrTooManyErased = errors.New("as many people are erased as may be")

// tombstone is of somebody who was erased.
type tombstone struct {
	at   time.Time
	said [sha256.Size]byte // keyed hash of what the source said of them then
}

// Erase removes a person from memory, and keeps them out while the source says the same of
// them: until a round, a sweep or a filling tells of a change of their profile, or a round
// that they are gone from the source. It returns when nothing of them is left but their id
// and a keyed hash. If ctx ends before, it is done all the same, and also is called, with the
// person's id, before it returns. Until the directory is
// complete it fails with ErrFilling, or with what keeps the source from filling it.
func (d *Directory) Erase(ctx context.Context, ref Ref, also ...func(id string)) (*Erasure, error) {
	type result struct {
		erasure *Erasure
		err     error
	}
	done := make(chan result, 1)
	d.inFlight.Go(func() {
		erasure, err := d.erase(ref)
		for _, then := range also {
			if err == nil {
				then(erasure.ID)
			}
		}
		done <- result{erasure, err}
	})
	select {
	case r := <-done:
		return r.erasure, r.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (d *Directory) erase(ref Ref) (*Erasure, error) {
	d.applying.Lock()
	if next := d.successor; next != nil {
		d.applying.Unlock()
		return next.erase(ref)
	}
	defer d.applying.Unlock()
	e, said, err := d.eraseWhom(ref)
	if err != nil {
		return nil, err
	}
	// What is under way from here on remembers nothing of them, or forgets it at once.
	d.mu.Lock()
	if said != nil {
		d.erased[e.ID] = tombstone{time.Now(), *said}
	}
	e.Erased = len(d.erased)
	d.erasures.Add(1)
	record := d.held.people[e.ID]
	d.mu.Unlock()
	if record != nil {
		d.unhold(record)
	}
	d.forget(e)
	d.mu.RLock()
	defer d.mu.RUnlock()
	e.Time, e.Freshness = time.Now(), d.freshnessLocked()
	return e, nil
}

// eraseWhom finds whom a ref leads to, of those who are held, were read through lately or are
// erased, and what the source said of them; nil of whom is erased already.
func (d *Directory) eraseWhom(ref Ref) (*Erasure, *[sha256.Size]byte, error) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	if err := d.readyLocked(); err != nil {
		return nil, nil, err
	}
	e := &Erasure{}
	var said [sha256.Size]byte
	m := d.memo.get("read:" + ref.key())
	switch r := d.held.find(ref); {
	case r != nil:
		e.ID, e.Profile, said = r.id, true, d.said(r)
	case m != nil && m.profile != nil:
		e.ID, e.Profile = m.profile.GetId(), true
		plain := Person{Profile: recordOnly(m.profile)}
		r, err := newRecord(plain)
		if err != nil {
			return nil, nil, err
		}
		said = d.said(r)
	default:
		if _, erased := d.erased[ref.ID]; !erased && !d.leaves(ref.ID) {
			return nil, nil, ErrNotFound
		}
		e.ID = ref.ID
		return e, nil, nil
	}
	if _, again := d.erased[e.ID]; !again && len(d.erased) >= maxErased {
		return nil, nil, fmt.Errorf("the limit is %d: %w", maxErased, ErrTooManyErased)
	}
	return e, &said, nil
}

// leaves tells whether something is held of somebody of an id beside the record, such as of
// those who have left the source.
func (d *Directory) leaves(id string) bool {
	if id == "" {
		return false
	}
	rich := d.memo.get("rich:" + id)
	return rich != nil && rich.profile != nil || d.picks.by(id) > 0 || len(d.picks.of(id)) > 0 ||
		slices.ContainsFunc(photoSizes, func(size int) bool { return d.album.get(photoKey(id, size)) != nil })
}

// unhold takes somebody out of the record and the index, at one revision, and makes the index
// anew where their words were. Applying is held: rounds that are being read look at a copy.
func (d *Directory) unhold(r *record) {
	gone := changes{r.id: nil}
	next := d.copied()
	next.change(gone)
	people := gone.over(d.peopleIndex()).Purged()
	d.publish(d.people, next, people, gone)
	d.mu.Lock()
	defer d.mu.Unlock()
	r.person().eachAddress(func(address string, _ AddressKind) {
		if key := addressKey(address); d.held.addresses.find(key) == nil { // else it has passed to somebody
			delete(d.held.passed, key)
		}
	})
}

// forget takes somebody out of what is held beside the record.
func (d *Directory) forget(e *Erasure) {
	for _, size := range photoSizes {
		key := photoKey(e.ID, size)
		if d.album.get(key) != nil {
			e.Photos++
		}
		d.album.photos.Del(key)
	}
	e.RichProfile = d.memo.get("rich:"+e.ID) != nil
	e.Picks, e.PickedBy = d.picks.erase(e.ID)
	// Their name is in profiles of those who report to them, and in lists.
	d.memo.entries.Clear()
	d.roster.entries.Clear()
}

// photoSizes are those under which photos may be held, in pixels.
var photoSizes = []int{48, 64, 96, 120, 240, 360, 432, 504, 648}

func photoKey(id string, size int) string { return id + " " + strconv.Itoa(size) }

// said is a keyed hash of what the source says of somebody; the key is this process's own.
func (d *Directory) said(r *record) (sum [sha256.Size]byte) {
	h := hmac.New(sha256.New, d.erasing)
	h.Write(r.encoded)
	h.Sum(sum[:0])
	return sum
}

// isErased tells whether somebody is kept out.
func (d *Directory) isErased(id string) bool {
	if d.erasures.Load() == 0 {
		return false
	}
	d.mu.RLock()
	defer d.mu.RUnlock()
	_, erased := d.erased[id]
	return erased
}

// keepOut removes those from people who are erased, and of whom the source says what it said
// then. It returns the others who are erased: the source says otherwise, and they come back.
// Applying is held.
func (d *Directory) keepOut(people map[string]*record) (back []string) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	for id, t := range d.erased {
		r := people[id]
		switch {
		case r == nil:
		case d.said(r) == t.said:
			delete(people, id)
		default:
			back = append(back, id)
		}
	}
	return back
}

// comeBackLocked ends that somebody is kept out.
func (d *Directory) comeBackLocked(ids []string) {
	for _, id := range ids {
		delete(d.erased, id)
	}
}

// left ends that those are kept out who a round says are gone from the source: whoever is
// restored there comes back.
func (d *Directory) left(found changes) {
	if d.erasures.Load() == 0 {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for id, next := range found {
		if next == nil {
			delete(d.erased, id)
		}
	}
}

// Holding is what memory holds of a person.
type Holding struct {
	ID        string
	Profile   *pb.Profile // with the rich profile; nil where none is held
	Unlisted  bool
	Manager   string   // id; empty for none
	Reports   []string // ids, ascending
	Photos    []HeldPhoto
	Rich      bool
	Picked    []string // ids, who counts most first
	PickedBy  int
	Erased    time.Time // zero where they are not erased
	Freshness *pb.Freshness
}

// HeldPhoto is a photo that is held, or that there is none.
type HeldPhoto struct {
	Size  int // that was asked for, in pixels
	Bytes int
	AsOf  time.Time
}

// Holding tells what memory holds of a person, whatever views show. It asks the source
// nothing. ErrNotFound means that nothing is held.
func (d *Directory) Holding(ref Ref) (*Holding, error) {
	h := &Holding{}
	d.mu.RLock()
	r := d.held.find(ref)
	h.Freshness = d.freshnessLocked()
	tomb, erased := d.erased[ref.ID]
	if r != nil {
		for _, below := range d.held.reports[r.id] {
			h.Reports = append(h.Reports, below.id)
		}
	}
	d.mu.RUnlock()
	m := d.memo.get("read:" + ref.key())
	switch {
	case r != nil:
		f := found{record: r}
		h.ID, h.Profile, h.Unlisted, h.Manager = r.id, f.assembled(), r.unlisted, r.managerID
		slices.Sort(h.Reports)
	case m != nil && m.profile != nil:
		h.ID, h.Profile, h.Unlisted, h.Manager = m.profile.GetId(), recordOnly(m.profile), m.unlisted, m.profile.GetManager().GetId()
		h.Profile.OtherAddresses = m.profile.GetOtherAddresses()
	case erased:
		h.ID, h.Erased = ref.ID, tomb.at // and nothing else, as is to be seen
	case d.leaves(ref.ID):
		h.ID = ref.ID
	default:
		return nil, ErrNotFound
	}
	for _, size := range photoSizes {
		if p := d.album.get(photoKey(h.ID, size)); p != nil {
			held := HeldPhoto{Size: size, AsOf: p.asOf}
			if p.photo != nil {
				held.Bytes = len(p.photo.Data)
			}
			h.Photos = append(h.Photos, held)
		}
	}
	if rich := d.memo.get("rich:" + h.ID); rich != nil {
		h.Rich = true
		if h.Profile != nil && rich.profile != nil {
			proto.Merge(h.Profile, rich.profile)
		}
	}
	for _, p := range d.picked(h.ID) {
		h.Picked = append(h.Picked, p.id)
	}
	h.PickedBy = d.picks.by(h.ID)
	return h, nil
}
