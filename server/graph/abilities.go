package graph

import (
	"sync"
	"time"
)

// abilities are what a Client has learned of what the Graph that it asks takes: not every
// Graph takes all that is documented. Its methods may be called concurrently. The zero
// abilities are those of a Graph of which nothing is known.
type abilities struct {
	mu sync.Mutex
	// joined is how many conditions a filter may have, of whichever kind; zero while that is
	// not known. took are the kinds of which it has taken any.
	joined int
	took   [clauseKinds]bool
	// noMixing is that it refuses a filter of conditions of several kinds.
	noMixing bool
	// noManagers is that it joins no manager to what a filter finds.
	noManagers bool
	// letterCase is how it compares proxy addresses.
	letterCase letterCase
	// batched is that it has taken a batch, and noBatchUntil for how long it is asked for none.
	batched      bool
	noBatchUntil time.Time

	photos sizeless
}

// clauseKind is what a condition looks at.
type clauseKind int

const (
	byObjectID clauseKind = iota
	byMail
	bySignInName
	byProxy
	byOtherMail
	clauseKinds // how many there are
)

// letterCase is how addresses are compared.
type letterCase int

const (
	caseUnknown letterCase = iota
	caseIgnored
	caseKept
)

// joins is how many conditions one filter may have, as far as is known.
func (a *abilities) joins() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.joined > 0 {
		return a.joined
	}
	return maxClauses
}

// takes tells whether filters by conditions of a kind have been taken.
func (a *abilities) takes(kind clauseKind) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.took[kind]
}

// tookJoined notes that a filter of so many conditions was taken, and no larger one would be.
func (a *abilities) tookJoined(kind clauseKind, joined int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.joined, a.took[kind] = joined, true
}

// mixes tells whether a filter may have conditions of several kinds: as far as is known, it
// may.
func (a *abilities) mixes() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return !a.noMixing
}

// setMixes notes whether it may.
func (a *abilities) setMixes(may bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.noMixing = !may
}

// expands tells whether managers can be had with a filter: as far as is known, they can.
func (a *abilities) expands() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return !a.noManagers
}

// refusedManagers notes that they cannot.
func (a *abilities) refusedManagers() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.noManagers = true
}

// compares is how proxy addresses are compared, as far as is known.
func (a *abilities) compares() letterCase {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.letterCase
}

// setCompares notes how they are.
func (a *abilities) setCompares(by letterCase) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.letterCase = by
}

// noBatchFor is for how long a Graph that has refused a batch, and never taken one, is not
// asked for another: it may have been something on the way.
const noBatchFor = time.Minute

// batches tells whether a batch is worth asking for, and whether one was ever taken.
func (a *abilities) batches(now time.Time) (worth, proven bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.batched || !now.Before(a.noBatchUntil), a.batched
}

// refusedBatch notes that a batch was refused. One that is refused after another was taken
// is refused for its questions.
func (a *abilities) refusedBatch(now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.noBatchUntil = now.Add(noBatchFor)
}

// tookBatch notes that one was taken.
func (a *abilities) tookBatch() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.batched = true
}
