package cache

import (
	"fmt"
	"runtime"
	"testing"
)

// BenchmarkReports measures what the lists of reports take of memory, at 100,000 people of
// whom each manager has eight: as a filling leaves them, one by one, and as a copy.
func BenchmarkReports(b *testing.B) {
	const n = 100_000
	people := make([]*record, n)
	id := func(i int) string { return fmt.Sprintf("00000000-0000-4000-8000-%012d", i) }
	for i := range people {
		people[i] = &record{id: id(i), managerID: id(i / 8)}
	}
	for name, build := range map[string]func(reports) reports{
		"filled": func(reports) reports {
			r := reports{}
			for _, p := range people {
				r.add(p)
			}
			return r
		},
		"copied": reports.copied,
	} {
		b.Run(name, func(b *testing.B) {
			from := reports{}
			for _, p := range people {
				from.add(p)
			}
			var bytes float64
			for b.Loop() {
				before := live()
				made := build(from)
				bytes = float64(live() - before)
				runtime.KeepAlive(made)
			}
			runtime.KeepAlive(from)
			b.ReportMetric(bytes/n, "B/person")
		})
	}
	runtime.KeepAlive(people)
}

// live is the heap in use.
func live() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
