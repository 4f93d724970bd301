package auth

import (
	"crypto/sha256"
	"fmt"
	"testing"
	"time"
)

// TestRememberedAreBounded remembers more than may be, and looks at who is forgotten.
func TestRememberedAreBounded(t *testing.T) {
	var r remembered
	now := time.Now()
	hash := func(i int) [sha256.Size]byte { return sha256.Sum256(fmt.Append(nil, i)) }
	first := Caller{Subject: "app:first"}
	r.keep(hash(0), first, now, now.Add(time.Hour))
	for i := 1; i < maxRemembered+100; i++ {
		r.keep(hash(i), Caller{}, now, now.Add(time.Hour))
		if caller, ok := r.look(hash(0), now); !ok || caller != first {
			t.Fatalf("who calls all the time is forgotten after %d others", i)
		}
	}
	if len(r.byHash) != maxRemembered || r.order[""].Len() != maxRemembered {
		t.Errorf("%d and %d are remembered, want %d", len(r.byHash), r.order[""].Len(), maxRemembered)
	}
	other := Caller{Tenant: "another", Subject: "app:first"}
	r.keep(sha256.Sum256(nil), other, now, now.Add(time.Hour))
	for i := range maxRemembered {
		r.keep(hash(-1-i), Caller{}, now, now.Add(time.Hour))
	}
	if caller, ok := r.look(sha256.Sum256(nil), now); !ok || caller != other {
		t.Error("callers of one tenant have those of another forgotten")
	}
	r.forgetLocked(r.byHash[sha256.Sum256(nil)])
	r.keep(hash(0), first, now, now.Add(time.Hour))
	for i := maxRemembered; i > 1; i-- {
		r.keep(hash(i), Caller{}, now, now.Add(time.Hour))
	}
	if _, ok := r.look(hash(1), now); ok {
		t.Error("who called first and never again is not forgotten")
	}
	if _, ok := r.look(hash(maxRemembered), now.Add(rememberTime)); ok {
		t.Error("a token is remembered for too long")
	}
	r.keep(hash(0), Caller{}, now, now.Add(time.Second))
	if _, ok := r.look(hash(0), now.Add(time.Second)); ok || len(r.byHash) != maxRemembered-2 {
		t.Error("a token is remembered after it has expired")
	}
}

// BenchmarkRemembered is what a token costs a call that was seen before, its hash included.
func BenchmarkRemembered(b *testing.B) {
	var r remembered
	token := make([]byte, 1500)
	now := time.Now()
	r.keep(sha256.Sum256(token), Caller{}, now, now.Add(time.Hour))
	b.ReportAllocs()
	for b.Loop() {
		r.look(sha256.Sum256(token), now)
	}
}
