// Package cache holds one tenant's directory in memory and keeps it true.
//
// A Directory reads everybody once from a Source, then follows the Source's
// changes on a timer. It answers look-ups by id and by any address, and finds
// invitees by the first letters of their names. Every change becomes visible to
// all of that at once, under one revision.
//
// The directory itself, the record, is never evicted: an outage of the source
// takes nobody away. Beside it a ristretto cache of bounded size keeps what can
// be made or fetched again: assembled profiles, people read through while the
// record is still being filled, and, for a shorter while, absence.
package cache
