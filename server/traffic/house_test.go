package traffic_test

import (
	"net"
	"runtime"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/peopleinsights/peopleinsights/server/traffic"
)

// TestCallsThatWaitAreShed has calls wait for longer than the target, and then not any more.
func TestCallsThatWaitAreShed(t *testing.T) {
	least := 128 * runtime.GOMAXPROCS(0)
	most := 10 * least
	tr, clock := start(traffic.Config{Target: 5 * time.Millisecond, MaxCalls: most})
	round := func(calls int, wait time.Duration) (in int) {
		var all []*traffic.Arrival
		for range calls {
			if a := tr.Arrive("t"); a != nil {
				all = append(all, a)
			}
		}
		clock.pass(wait)
		for _, a := range all {
			a.Begin()
			a.Leave()
			a.Leave() // twice is once
		}
		clock.pass(traffic.Window)
		return len(all)
	}
	if in := round(2*most, 5*time.Millisecond); in != most {
		t.Errorf("%d of at most %d calls were let in", in, most)
	}
	if round(most/2, 5*time.Millisecond+1); tr.Limit() != int64(most) {
		t.Errorf("the limit is %d after calls that waited for as long as they may", tr.Limit())
	}
	for range 5 { // few calls tell nothing
		round(5, time.Second)
	}
	if want := int64(most / 2 * 4 / 5); tr.Limit() != want { // of those of the second round
		t.Errorf("the limit is %d, want %d", tr.Limit(), want)
	}
	last := tr.Limit()
	for range 60 {
		if in := round(2*most, 6*time.Millisecond); int64(in) > last {
			t.Fatalf("%d calls are let in after %d waited too long", in, last)
		}
		last = tr.Limit()
	}
	if last != int64(least) {
		t.Errorf("the limit falls to %d, want %d", last, least)
	}
	for range 100 {
		round(2*most, 0)
	}
	if tr.Limit() != int64(most) || tr.Inside() != 0 {
		t.Errorf("the limit comes back to %d with %d calls inside, want %d and 0", tr.Limit(), tr.Inside(), most)
	}
}

// TestNobodyTakesTheWholeHouse has one caller call all the time, and another now and then.
func TestNobodyTakesTheWholeHouse(t *testing.T) {
	tr, clock := start(traffic.Config{MaxCalls: 100})
	fill := func(token string) (in []*traffic.Arrival) {
		for {
			a := tr.Arrive(token)
			if a == nil {
				return in
			}
			in = append(in, a)
		}
	}
	leave := func(all []*traffic.Arrival) {
		for _, a := range all {
			a.Leave()
		}
	}
	alone := fill("flood")
	if len(alone) != 100 {
		t.Errorf("a caller alone takes %d places of 100", len(alone))
	}
	if tr.Arrive("other") != nil {
		t.Error("a full house lets somebody in")
	}
	leave(alone)
	tr.Arrive("other").Leave()
	flood := fill("flood")
	if len(flood) != 50 {
		t.Errorf("a caller beside another takes %d places of 100", len(flood))
	}
	if other := fill("other"); len(other) != 50 {
		t.Errorf("the other takes %d places beside it", len(other))
	} else {
		leave(other)
	}
	leave(flood)
	if a := tr.Arrive("flood"); a != nil {
		a.Leave()
	}
	clock.pass(time.Second)
	if alone := fill("flood"); len(alone) != 100 {
		t.Errorf("a caller who is alone again takes %d places of 100", len(alone))
	}
}

func TestOperatorsHavePlacesOfTheirOwn(t *testing.T) {
	tr, _ := start(traffic.Config{MaxCalls: 1})
	if tr.Arrive("") == nil || tr.Arrive("") != nil {
		t.Fatal("the house does not hold one call")
	}
	for i := range traffic.MostSpecial {
		if tr.ArriveSpecial() == nil {
			t.Fatalf("an operator's call %d is refused for others", i)
		}
	}
	if tr.ArriveSpecial() != nil {
		t.Error("calls of operators are not bounded")
	}
}

// TestConnectionsAreBounded opens one more than may be.
func TestConnectionsAreBounded(t *testing.T) {
	tr, _ := start(traffic.Config{MaxConnections: 2})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	bounded := tr.Listen(listener)
	accepted := make(chan net.Conn)
	go func() {
		defer close(accepted)
		for {
			c, err := bounded.Accept()
			if err != nil {
				return
			}
			accepted <- c
		}
	}()
	dial := func() net.Conn {
		c, err := net.Dial("tcp", listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c
	}
	dial()
	first := <-accepted
	dial()
	<-accepted
	if n, err := dial().Read(make([]byte, 1)); n != 0 || err == nil {
		t.Errorf("a connection too many = %d, %v; want its end", n, err)
	}
	first.Close()
	first.Close() // twice is once
	dial()
	<-accepted
	if n, err := dial().Read(make([]byte, 1)); n != 0 || err == nil {
		t.Errorf("a connection too many afterwards = %d, %v; want its end", n, err)
	}
	listener.Close()
	<-accepted
	registry := prometheus.NewRegistry()
	registry.MustRegister(tr)
	if problems, err := testutil.GatherAndLint(registry); err != nil || len(problems) > 0 {
		t.Errorf("the metrics: %v, %v", problems, err)
	}
	if got := testutil.CollectAndCount(tr, "people_insights_refused_total"); got != 7 {
		t.Errorf("%d reasons are counted", got)
	}
}
