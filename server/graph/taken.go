package graph

import "time"

// What a Graph takes of bulk questions is learned from its answers, once for all of them: it
// is kept in the bits of Client.clauses.
const (
	joinsBits   int32 = 0xff   // how many conditions it joins in a filter; zero while that is not known
	withoutBit  int32 = 1 << 8 // it takes no $expand beside a $filter
	anyCaseBit  int32 = 1 << 9 // it compares proxy addresses without regard to letter case
	sameCaseBit int32 = 1 << 10
	firstKind         = 11 // from here on, a bit for each kind of condition that it has taken
)

// clauseKind is what a condition looks at.
type clauseKind int

const (
	byObjectID clauseKind = iota
	byMail
	bySignInName
	byProxy
	byOtherMail
)

func (k clauseKind) bit() int32 { return 1 << (firstKind + int(k)) }

// joins is how many conditions this Graph joins in one filter, as far as is known.
func (c *Client) joins() int {
	if n := int(c.clauses.Load() & joinsBits); n > 0 {
		return n
	}
	return maxClauses
}

// takes tells whether this Graph has taken filters by conditions of a kind.
func (c *Client) takes(kind clauseKind) bool { return c.clauses.Load()&kind.bit() != 0 }

// took notes that a filter of so many conditions was taken, and no larger one would be.
func (c *Client) took(kind clauseKind, joined int) {
	for {
		old := c.clauses.Load()
		if c.clauses.CompareAndSwap(old, old&^joinsBits|int32(joined)|kind.bit()) {
			return
		}
	}
}

// expands tells whether managers can be had with a filter: as far as is known, they can.
func (c *Client) expands() bool { return c.clauses.Load()&withoutBit == 0 }

// noBatchFor is for how long a Graph that has refused a batch is not asked for another: it
// may have been something on the way.
const noBatchFor = time.Minute

// refusedBatch notes that this Graph takes no batch.
func (c *Client) refusedBatch() {
	if c.noBatch.CompareAndSwap(false, true) {
		time.AfterFunc(noBatchFor, func() { c.noBatch.Store(false) })
	}
}

// tookBatch notes that it does.
func (c *Client) tookBatch() {
	c.batched.Store(true)
	c.noBatch.Store(false)
}
