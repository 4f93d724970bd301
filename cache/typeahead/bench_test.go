package typeahead

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"
)

// crowd invents people whose names are shared as they are in life: a few by many.
func crowd(n int) []Entry {
	rng := rand.New(rand.NewPCG(5, 6))
	zipf := rand.NewZipf(rng, 1.1, 8, 4000)
	name := func() string {
		i := zipf.Uint64()
		word := ""
		for i += 11; i > 0; i /= 11 {
			word += []string{"an", "mar", "ko", "li", "se", "jo", "ta", "ri", "be", "no", "wu"}[i%11]
		}
		return word
	}
	entries := make([]Entry, n)
	for i := range entries {
		given, surname := name(), name()
		entries[i] = Entry{
			ID: fmt.Sprintf("%08x-0000-4000-8000-%012x", i, i), Name: given + " " + surname, Given: given, Surname: surname,
			Email: fmt.Sprintf("%s.%s%d@contoso.com", given, surname, i), UPN: fmt.Sprintf("u%d@contoso.com", i),
			Kind: Kind(max(i%20, 18) - 18), // one in twenty
		}
	}
	return entries
}

// BenchmarkSearch asks for eight people of a hundred thousand: by the worst single
// letter, a common name, two words, and all of an address.
func BenchmarkSearch(b *testing.B) {
	entries := crowd(100_000)
	x := build(entries)
	for _, query := range []string{"m", "an", "mar", "marko", "mar ko", "ko m", entries[77].Email} {
		b.Run(query, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				x.Search(Request{Query: Parse(query), Limit: 8})
			}
		})
	}
}

func BenchmarkBuild(b *testing.B) {
	entries := crowd(100_000)
	var x *Index
	before := live()
	for b.Loop() {
		x = build(entries)
	}
	b.ReportMetric(float64(live()-before)/float64(len(entries)), "bytes/person")
	runtime.KeepAlive(x)
	runtime.KeepAlive(entries)
}

// BenchmarkWith changes one person of a hundred thousand.
func BenchmarkWith(b *testing.B) {
	entries := crowd(100_000)
	x := build(entries)
	for i := 0; b.Loop(); i++ {
		e := entries[i%len(entries)]
		e.Name += " Changed"
		x = x.With([]Entry{e}, nil)
	}
}

func live() uint64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}
