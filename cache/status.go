package cache

import (
	"sync/atomic"
	"time"

	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
)

// Status is how a directory stands.
type Status struct {
	State        pb.DirectoryState
	People       int           // held; while filling, read so far
	Expected     int           // of the filling under way; 0 if not known
	Suggestible  int           // of those held
	Groups       int           // held
	Contacts     int           // of the address book, held
	IndexBytes   int           // of the type-ahead index, about
	Pickers      int           // organizers of whom it is remembered whom they picked
	Picked       int           // people and groups whom they picked, of all together
	Watches      int           // of profiles, under way
	Freshness    *pb.Freshness // nil until the directory is complete
	Start        time.Time     // when the directory was made
	FillDuration time.Duration // from the start until the directory was complete; 0 until then
	Sweep        Sweep
	Usage        Usage
	Lookups      Lookups
	Photos       Photos
	// How each feed is followed. Sweeping is no feed, but is followed like one.
	PeopleFeed, GroupFeed, ContactFeed, Sweeping FeedStatus
}

// FeedStatus is how the people, the groups or the contacts are followed.
type FeedStatus struct {
	Failure   *Failure      // of the newest round or filling; nil if it was well
	Past      *Failure      // the newest that is over; nil if there was none
	LastRound time.Time     // when the newest one that was well began; zero if there was none
	Duration  time.Duration // of that one
	NextRound time.Time     // zero until the directory is complete
	Rounds    int64         // of changes, that were well, since the start
	Failures  int64         // rounds and fillings that were not
	Fillings  int64         // that were well
	Changes   int64         // people, groups or contacts that were added, changed or removed
	HeldBack  int           // removals that wait for an operator; 0 if none
	HeldOf    int           // how many there were to remove from
}

// Lookups counts how look-ups of people were answered.
type Lookups struct {
	Held       int64 // from the record
	Remembered int64 // from what was read through lately
	Asked      int64 // by a question to the source
	Shared     int64 // by somebody else's question
	Failed     int64 // not at all
	MemoHits   int64 // assembled profiles that were there
	MemoMisses int64 // that had to be assembled
}

// Photos counts how calls for photos were answered, of people who were found.
type Photos struct {
	Served int64 // with a photo
	Stale  int64 // of these, with one that the source did not confirm in time
	Absent int64 // that there is none
	Failed int64 // not at all
	Asked  int64 // questions to the source
}

// Status tells how the directory stands. It never waits for the source.
func (d *Directory) Status() Status {
	usage := d.config.Source.Usage()
	pickers, picked := d.picks.count()
	d.mu.RLock()
	defer d.mu.RUnlock()
	status := Status{
		State:       pb.DirectoryState_DIRECTORY_STATE_FILLING,
		People:      int(d.listed.Load()),
		Pickers:     pickers,
		Picked:      picked,
		Watches:     int(d.watching.Load()),
		Start:       d.start,
		Sweep:       d.sync.swept,
		Usage:       usage,
		Lookups:     d.lookedUp.figures(),
		Photos:      d.album.counted.figures(),
		PeopleFeed:  d.sync.people.status(),
		GroupFeed:   d.sync.groups.status(),
		ContactFeed: d.sync.contacts.status(),
		Sweeping:    d.sync.sweep.status(),
	}
	stale := d.held != nil && d.staleLocked()
	if (d.held == nil || stale) && status.PeopleFeed.Failure == nil && usage.Waiting != nil {
		status.PeopleFeed.Failure = &Failure{Time: time.Now(), Err: usage.Waiting}
	}
	if d.held == nil {
		status.Expected = int(d.total.Load())
		return status
	}
	status.State = pb.DirectoryState_DIRECTORY_STATE_CURRENT
	if stale {
		status.State = pb.DirectoryState_DIRECTORY_STATE_STALE
	}
	if status.HeldBack() != nil {
		status.State = pb.DirectoryState_DIRECTORY_STATE_HELD_BACK
	}
	status.People = len(d.held.people)
	status.Suggestible = d.held.suggestible
	status.Groups = len(d.held.groups.items)
	status.Contacts = len(d.held.contacts.items)
	status.IndexBytes = d.held.index.all.Bytes()
	status.Freshness = d.freshnessLocked()
	status.FillDuration = d.sync.fillDuration
	return status
}

// HeldBack returns the feed whose removals wait for an operator, or nil.
func (s *Status) HeldBack() *FeedStatus {
	for _, feed := range []*FeedStatus{&s.PeopleFeed, &s.Sweeping, &s.GroupFeed, &s.ContactFeed} {
		if feed.HeldBack > 0 {
			return feed
		}
	}
	return nil
}

func (s Status) changes() int64 {
	return s.PeopleFeed.Changes + s.GroupFeed.Changes + s.ContactFeed.Changes + s.Sweeping.Changes
}

func (s feedState) status() FeedStatus {
	return FeedStatus{
		Failure: s.failure, Past: s.past, LastRound: s.asOf, Duration: s.took, NextRound: s.next, Rounds: s.rounds,
		Failures: s.failures, Fillings: s.fillings, Changes: s.changes, HeldBack: s.heldBack, HeldOf: s.heldOf,
	}
}

// lookups are the counters behind Lookups.
type lookups struct {
	held, remembered, asked, shared, failed, memoHits, memoMisses atomic.Int64
}

func (l *lookups) figures() Lookups {
	return Lookups{
		Held: l.held.Load(), Remembered: l.remembered.Load(), Asked: l.asked.Load(), Shared: l.shared.Load(),
		Failed: l.failed.Load(), MemoHits: l.memoHits.Load(), MemoMisses: l.memoMisses.Load(),
	}
}

// photoCounters are the counters behind Photos.
type photoCounters struct{ served, stale, absent, failed, asked atomic.Int64 }

func (c *photoCounters) figures() Photos {
	return Photos{
		Served: c.served.Load(), Stale: c.stale.Load(), Absent: c.absent.Load(), Failed: c.failed.Load(), Asked: c.asked.Load(),
	}
}
