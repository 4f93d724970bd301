package insights_test

import (
	"bufio"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"github.com/peopleinsights/peopleinsights/cache/sourcetest"
	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
	"github.com/peopleinsights/peopleinsights/server/auth"
	"github.com/peopleinsights/peopleinsights/server/insights"
	"github.com/peopleinsights/peopleinsights/server/traffic"
)

// floodServer makes the test binary the server that BenchmarkFlood floods.
const floodServer = "FLOOD_SERVER"

// TestFloodServer serves until its input ends; it is run by BenchmarkFlood.
func TestFloodServer(t *testing.T) {
	how := os.Getenv(floodServer)
	if how == "" {
		t.Skip("BenchmarkFlood runs it, in a process of its own")
	}
	s, _, _ := build(t, func(c *insights.Config) {
		c.Log = nil
		identify, work := c.Identify, workOf(time.Millisecond)
		c.Identify = func(ctx context.Context) (auth.Caller, error) { work(); return identify(ctx) }
		if how == "shedding" {
			c.Traffic = traffic.New(traffic.Config{})
		}
	})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer(grpc.InTapHandle(s.Tap), grpc.UnaryInterceptor(s.Intercept), grpc.MaxConcurrentStreams(1000))
	s.Register(server)
	go func() { _ = server.Serve(listener) }()
	fmt.Printf("serves on %s\n", listener.Addr())
	_, _ = io.Copy(io.Discard, os.Stdin)
	server.Stop()
}

// workOf is work that takes a processor so long.
func workOf(takes time.Duration) func() {
	data := make([]byte, 4096)
	some := func(n int) {
		for range n {
			sha256.Sum256(data)
		}
	}
	fastest := time.Hour
	for range 50 {
		began := time.Now()
		some(100)
		fastest = min(fastest, time.Since(began))
	}
	n := int(100 * takes / fastest)
	return func() { some(n) }
}

// flood is a server in a process with one processor, and what calls it.
type flood struct {
	clients []pb.PeopleInsightsServiceClient
	request *pb.GetProfileRequest
}

func startFlood(b *testing.B, how string) *flood {
	b.Helper()
	server := exec.Command(os.Args[0], "-test.run=^TestFloodServer$")
	server.Env = append(os.Environ(), floodServer+"="+how, "GOMAXPROCS=1")
	in, err := server.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := server.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := server.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { in.Close(); _ = server.Wait() })
	line, err := bufio.NewReader(out).ReadString('\n')
	address, ok := strings.CutPrefix(strings.TrimSpace(line), "serves on ")
	if err != nil || !ok {
		b.Fatalf("the server says %q, %v", line, err)
	}
	f := &flood{request: &pb.GetProfileRequest{Person: byID(sourcetest.ID(1)), ReadMask: paths("id")}}
	for range 32 {
		connection, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { connection.Close() })
		f.clients = append(f.clients, pb.NewPeopleInsightsServiceClient(connection))
	}
	f.closed(32, time.Second) // warm
	return f
}

// outcome is what came of a load.
type floodOutcome struct {
	took     time.Duration
	accepted []time.Duration
	refused  int
	failed   int
	p50, p99 time.Duration
}

func (o *floodOutcome) sum() {
	slices.Sort(o.accepted)
	if n := len(o.accepted); n > 0 {
		o.p50, o.p99 = o.accepted[n/2], o.accepted[n*99/100]
	}
}

func (o *floodOutcome) add(mu *sync.Mutex, began time.Time, err error) {
	took := time.Since(began)
	mu.Lock()
	defer mu.Unlock()
	switch status.Code(err) {
	case codes.OK:
		o.accepted = append(o.accepted, took)
	case codes.ResourceExhausted:
		o.refused++
	default:
		o.failed++
	}
}

func (f *flood) call(i int) error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	_, err := f.clients[i%len(f.clients)].GetProfile(ctx, f.request)
	return err
}

// open offers so many calls a second, whether those before are answered or not. A call takes
// from when it was due.
func (f *flood) open(rate float64, during time.Duration) *floodOutcome {
	o := &floodOutcome{}
	var mu sync.Mutex
	var calls sync.WaitGroup
	began := time.Now()
	for i := 0; ; i++ {
		due := began.Add(time.Duration(float64(i) / rate * float64(time.Second)))
		if due.Sub(began) > during {
			break
		}
		if wait := time.Until(due); wait > time.Millisecond/2 {
			time.Sleep(wait)
		}
		calls.Go(func() { o.add(&mu, due, f.call(i)) })
	}
	calls.Wait()
	o.took = time.Since(began)
	o.sum()
	return o
}

// closed has so many callers call one after the other; one who is refused pauses for ten
// milliseconds.
func (f *flood) closed(callers int, during time.Duration) *floodOutcome {
	o := &floodOutcome{}
	var mu sync.Mutex
	var calls sync.WaitGroup
	began := time.Now()
	var next atomic.Int64
	for range callers {
		calls.Go(func() {
			for time.Since(began) < during {
				at := time.Now()
				err := f.call(int(next.Add(1)))
				o.add(&mu, at, err)
				if err != nil {
					time.Sleep(10 * time.Millisecond)
				}
			}
		})
	}
	calls.Wait()
	o.took = time.Since(began)
	o.sum()
	return o
}

// BenchmarkFlood offers a server of one processor more than it can answer, by calls that
// take it a millisecond each, and compares how long accepted calls take with how long they take at four fifths of
// its capacity. Run it with -benchtime 1x.
func BenchmarkFlood(b *testing.B) {
	for _, how := range []string{"plain", "shedding"} {
		b.Run(how, func(b *testing.B) {
			f := startFlood(b, how)
			best := f.closed(16, 2*time.Second)
			capacity := float64(len(best.accepted)) / best.took.Seconds()
			calm := f.open(0.8*capacity, 3*time.Second)
			fmt.Printf("# %s: capacity %.0f/s; at 0.8 × it p50 %v, p99 %v, %d refused\n", how, capacity, calm.p50, calm.p99, calm.refused)
			for _, row := range []struct {
				name string
				run  func() *floodOutcome
			}{
				{"open-3x", func() *floodOutcome { return f.open(3*capacity, 3*time.Second) }},
				{"open-10x", func() *floodOutcome { return f.open(10*capacity, 3*time.Second) }},
				{"closed-300", func() *floodOutcome { return f.closed(300, 3*time.Second) }},
				{"closed-1000", func() *floodOutcome { return f.closed(1000, 3*time.Second) }},
			} {
				b.Run(row.name, func(b *testing.B) {
					var o *floodOutcome
					for b.Loop() {
						o = row.run()
					}
					b.ReportMetric(0, "ns/op")
					b.ReportMetric(capacity, "capacity/s")
					b.ReportMetric(float64(len(o.accepted)+o.refused+o.failed)/o.took.Seconds(), "offered/s")
					b.ReportMetric(float64(len(o.accepted))/o.took.Seconds(), "accepted/s")
					b.ReportMetric(float64(o.failed), "failed")
					b.ReportMetric(float64(o.p50.Microseconds())/1000, "p50-ms")
					b.ReportMetric(float64(o.p99.Microseconds())/1000, "p99-ms")
					b.ReportMetric(float64(o.p99)/float64(calm.p99), "p99/calm")
				})
			}
		})
	}
}
