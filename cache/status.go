package cache

import (
	"time"

	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
)

// Status is how a directory stands.
type Status struct {
	State        pb.DirectoryState
	People       int           // held; while filling, read so far
	Expected     int           // of the filling under way; 0 if not known
	Suggestible  int           // of those held
	Freshness    *pb.Freshness // nil until the directory is complete
	Start        time.Time     // when the directory was made
	FillDuration time.Duration // of the first filling; 0 until it is complete
	NextRound    time.Time     // zero until the directory is complete
	Rounds       int64         // of changes, applied since the start
	Failure      *Failure      // of the newest round or filling; nil if it was well
}

// Status tells how the directory stands. It never waits for the source.
func (d *Directory) Status() Status {
	d.mu.RLock()
	defer d.mu.RUnlock()
	status := Status{
		State:   pb.DirectoryState_DIRECTORY_STATE_FILLING,
		People:  int(d.listed.Load()),
		Start:   d.start,
		Failure: d.sync.failure,
	}
	if d.held == nil {
		status.Expected = int(d.total.Load())
		return status
	}
	status.State = pb.DirectoryState_DIRECTORY_STATE_CURRENT
	if d.staleLocked() {
		status.State = pb.DirectoryState_DIRECTORY_STATE_STALE
	}
	status.People = len(d.held.people)
	status.Suggestible = d.held.suggestible
	status.Freshness = d.freshnessLocked()
	status.FillDuration = d.sync.fillDuration
	status.NextRound = d.sync.nextRound
	status.Rounds = d.sync.rounds
	return status
}
