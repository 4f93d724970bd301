package traffic

import (
	"math"
	"time"
)

// bucket is a token bucket, kept as the moment at which it is full again: what is missing
// until then is what was taken. It takes eight bytes, needs no refill, and tells to the
// nanosecond when there is enough. It is known as the generic cell rate algorithm.
// Source: https://www.itu.int/rec/T-REC-I.371 (annex A.1, virtual scheduling)
type bucket struct{ full int64 } // nanoseconds

// pace is how a bucket fills.
type pace struct {
	each int64 // nanoseconds for a token, rounded up; 0 where there is no limit
	most int64 // tokens that it holds
}

// paceOf is that of so many tokens a second, and so many at once; zero means four seconds'.
func paceOf(rate float64, burst int) pace {
	if rate == 0 {
		return pace{}
	}
	if burst == 0 {
		burst = max(1, int(math.Ceil(4*rate)))
	}
	return pace{int64(math.Ceil(float64(time.Second) / rate)), int64(burst)}
}

// with is when the bucket would be full with so many tokens taken, and how long to wait until
// they are there.
func (b bucket) with(now int64, p pace, tokens int) (full int64, wait time.Duration) {
	full = max(b.full, now) + min(int64(tokens), p.most)*p.each
	return full, time.Duration(max(0, full-now-p.most*p.each))
}
