package traffic

import (
	"runtime"
	"sync/atomic"
	"time"
)

// house is the calls between their arrival, before they are read and wait for a processor, and
// their end. How many may be in it follows from how long they wait for being answered: where
// more than one call in ten of a window waited for longer than the target, there are too many,
// and a fifth fewer may be there; where they did not and the house was full, a thirty-second
// more. One in ten, and not the median: Go begins the newest goroutine first, so that most of
// an overload's calls do not wait at all and some very long. A call waits too while its client
// has not sent all of it: clients that are slow at that on purpose, with one call in ten or
// more, have others shed, down to the least.
//
// What is watched is the time in the queue, as CoDel does, and not how long answers take, as
// TCP Vegas and Netflix's concurrency-limits do: an answer that waits for Microsoft Graph takes
// long without any load, and leaves the house meanwhile. What is steered is the number of calls in the house, as there, by
// additive increase and multiplicative decrease.
// Sources: https://queue.acm.org/detail.cfm?id=2209336 (CoDel),
// https://github.com/Netflix/concurrency-limits
type house struct {
	most    int64        // the limit is never higher
	limit   atomic.Int64 // calls that may be there
	inside  atomic.Int64 // calls that are there
	special atomic.Int64 // of health and of operators, which have places of their own

	window atomic.Int64 // when the current one ends
	early  atomic.Int64 // calls of it that waited no longer than the target
	late   atomic.Int64 // and that did
	waited atomic.Int64 // by all of them together
	peak   atomic.Int64 // most calls that were there
	delay  atomic.Int64 // mean of the last window, for metrics

	// How many of those inside came with a token that falls into each row; by it no caller
	// takes the whole house. Different tokens may share a row.
	rows  [1024]atomic.Int32
	last  atomic.Uint64 // the row of the newest call, plus one
	mixed atomic.Int64  // until when those of two rows are there
}

const (
	// window is how long delays are gathered until the limit is set anew.
	window = 100 * time.Millisecond
	// leastCalls is how many calls a window needs to say anything.
	leastCalls = 10
	// mostSpecial is how many calls of health and operators may be there beside the others.
	mostSpecial = 100
	// alone is for how long nobody else has to have called for a caller to have the house to
	// itself.
	alone = int64(time.Second)
)

func (h *house) open(most int) {
	h.most = int64(most)
	h.limit.Store(h.most)
}

// least is below what the limit does not fall: 128 calls for each processor. They take some
// milliseconds together, so that it is not they who have each other wait.
func (h *house) least() int64 { return min(h.most, int64(128*runtime.GOMAXPROCS(0))) }

// Arrival is a call in the house. A nil one is none, and does nothing.
type Arrival struct {
	traffic *Traffic
	at      int64
	row     *atomic.Int32 // nil for calls of health and operators
	begun   bool
	left    atomic.Bool
}

// Arrive lets a call into the house, or returns nil: then it is to be refused at once. From is
// what the caller sends to be known by, such as a token, of which nothing has been verified. A
// caller that is not alone has half of the house at most. It is fast enough for the
// goroutine that reads a connection.
func (t *Traffic) Arrive(from string) *Arrival {
	h, now := &t.house, t.now()
	h.turn(now)
	limit := h.limit.Load()
	inside := h.inside.Add(1)
	if inside > limit {
		h.inside.Add(-1)
		h.raise(limit)
		t.refused[byDelay].Add(1)
		return nil
	}
	h.raise(inside)
	row := t.rowOf(from)
	if before := h.last.Swap(row + 1); before != row+1 && before != 0 {
		h.mixed.Store(now + alone)
	}
	held := h.rows[row].Add(1)
	if now < h.mixed.Load() && int64(held) > max(1, limit/2) {
		h.rows[row].Add(-1)
		h.inside.Add(-1)
		t.refused[byShare].Add(1)
		return nil
	}
	return &Arrival{traffic: t, at: now, row: &h.rows[row]}
}

// ArriveSpecial is Arrive for calls of health and of operators. They are never refused for
// others: as many as a hundred may be there beside them.
func (t *Traffic) ArriveSpecial() *Arrival {
	if t.house.special.Add(1) > mostSpecial {
		t.house.special.Add(-1)
		t.refused[byDelay].Add(1)
		return nil
	}
	return &Arrival{traffic: t}
}

func (h *house) raise(to int64) {
	for peak := h.peak.Load(); to > peak && !h.peak.CompareAndSwap(peak, to); peak = h.peak.Load() {
	}
}

// Begin tells that a call begins to be answered.
func (a *Arrival) Begin() {
	if a == nil || a.row == nil || a.begun {
		return
	}
	a.begun = true
	h, waited := &a.traffic.house, a.traffic.now()-a.at
	h.waited.Add(waited)
	if waited > int64(a.traffic.config.Target) {
		h.late.Add(1)
	} else {
		h.early.Add(1)
	}
}

// Leave ends a call. It may be called more than once.
func (a *Arrival) Leave() {
	if a == nil || a.left.Swap(true) {
		return
	}
	if a.row == nil {
		a.traffic.house.special.Add(-1)
		return
	}
	a.row.Add(-1)
	a.traffic.house.inside.Add(-1)
}

// turn ends a window that is over. The first call after it does.
func (h *house) turn(now int64) {
	end := h.window.Load()
	if now < end || !h.window.CompareAndSwap(end, now+int64(window)) {
		return
	}
	early, late := h.early.Swap(0), h.late.Swap(0)
	waited, peak, limit := h.waited.Swap(0), h.peak.Swap(h.inside.Load()), h.limit.Load()
	calls := early + late
	h.delay.Store(waited / max(1, calls))
	switch {
	case late*10 > calls:
		if calls >= leastCalls { // from how many there were: a limit far above that says nothing
			limit = max(h.least(), min(limit, peak)*4/5)
		}
	case peak >= limit && limit < h.most:
		limit = min(h.most, limit+max(1, limit/32))
	}
	h.limit.Store(limit)
}
