package graph

import (
	"math/rand/v2"
	"testing"
	"time"
)

// TestLedgerKeepsToItsBudget spends as much as it may, at random times, and looks at
// every ten seconds.
func TestLedgerKeepsToItsBudget(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var l ledger
	now := time.Unix(1_700_000_000, 0)
	const most = 100
	type spending struct {
		at    time.Time
		units int
	}
	var all []spending
	for range 5000 {
		now = now.Add(time.Duration(random.IntN(400)) * time.Millisecond)
		units := 1 + random.IntN(20)
		wait := l.wait(now, most-units)
		if wait < 0 || wait > (ledgerSlots+1)*time.Second {
			t.Fatalf("to spend %d takes a wait of %v", units, wait)
		}
		now = now.Add(wait)
		if again := l.wait(now, most-units); again > 0 {
			t.Fatalf("after a wait of %v there is another of %v", wait, again)
		}
		l.add(now, units)
		all = append(all, spending{now, units})
	}
	for i := range all {
		sum := 0
		for j := i; j >= 0 && all[i].at.Sub(all[j].at) < quotaWindow; j-- {
			sum += all[j].units
		}
		if sum > most {
			t.Fatalf("%d units were spent in ten seconds, want at most %d", sum, most)
		}
	}
	if sum := l.spent(now.Add(time.Hour)); sum != 0 {
		t.Errorf("%d units are still spent an hour later", sum)
	}
}

func TestWhatIsGivenBackIsGivenBackThere(t *testing.T) {
	var l ledger
	booked := time.Unix(1_700_000_000, 0)
	l.add(booked, 50)
	l.correct(booked, booked.Add(9*time.Second), -50)
	later := booked.Add(11 * time.Second)
	l.add(later, 50)
	if spent := l.spent(later); spent != 50 {
		t.Errorf("50 were spent in the last second, and the ledger says %d", spent)
	}
	l.correct(booked, later, 7) // forgotten
	if spent := l.spent(later); spent != 50 {
		t.Errorf("what is forgotten is corrected: %d", spent)
	}
}
