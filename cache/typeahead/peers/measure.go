package main

import (
	"runtime"
	"slices"
	"time"
)

// times are how long calls took.
type times []time.Duration

// at returns the time that a share of the calls did not exceed.
func (t times) at(share float64) time.Duration {
	if len(t) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(t))
	return sorted[min(len(sorted)-1, int(share*float64(len(sorted))))]
}

func (t times) p50() time.Duration { return t.at(0.5) }
func (t times) p99() time.Duration { return t.at(0.99) }
func (t times) max() time.Duration { return t.at(1) }

func (t times) mean() time.Duration {
	sum := time.Duration(0)
	for _, d := range t {
		sum += d
	}
	return sum / time.Duration(max(1, len(t)))
}

// measure times each call on its own, some of them in advance to warm up.
func measure(calls, warm int, call func(i int)) times {
	for i := range min(warm, calls) {
		call(i)
	}
	runtime.GC()
	return timed(calls, call)
}

// timed times each call.
func timed(calls int, call func(i int)) times {
	t := make(times, calls)
	for i := range t {
		begin := time.Now()
		call(i)
		t[i] = time.Since(begin)
	}
	return t
}

// every returns count of n numbers, evenly spread, or all if there are no more.
func every(n, count int) []int {
	count = min(n, count)
	some := make([]int, count)
	for i := range some {
		some[i] = i * n / count
	}
	return some
}

// pick returns those of a list that have these numbers.
func pick[T any](list []T, numbers []int) []T {
	picked := make([]T, len(numbers))
	for i, n := range numbers {
		picked[i] = list[n]
	}
	return picked
}

// live is how many bytes the heap holds.
func live() int {
	runtime.GC()
	runtime.GC() // what pools kept goes with the second
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int(stats.HeapAlloc)
}

// garbage is what is allocated by calls.
type garbage struct{ bytes, objects float64 }

// allocated counts what n calls allocate, for each.
func allocated(n int, call func(i int)) garbage {
	var before, after runtime.MemStats
	runtime.GC()
	for i := range min(n, 100) {
		call(i) // fills the pools that the collection emptied
	}
	runtime.ReadMemStats(&before)
	for i := range n {
		call(i)
	}
	runtime.ReadMemStats(&after)
	return garbage{float64(after.TotalAlloc-before.TotalAlloc) / float64(n), float64(after.Mallocs-before.Mallocs) / float64(n)}
}

func (g garbage) beyond(o garbage) garbage { return garbage{g.bytes - o.bytes, g.objects - o.objects} }
