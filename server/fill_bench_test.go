package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"runtime/metrics"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/peopleinsights/peopleinsights/cache"
	"github.com/peopleinsights/peopleinsights/server/graph"
	"github.com/peopleinsights/peopleinsights/server/simulator"
)

// elsewhere is a simulator in a process of its own, whose work is none of ours.
func elsewhere(b *testing.B, args ...string) graph.Config {
	b.Helper()
	ca := filepath.Join(b.TempDir(), "ca.pem")
	process := exec.Command(os.Args[0])
	process.Env = append(os.Environ(), asCommand+"="+strings.Join(append([]string{"simulate", "--listen", "127.0.0.1:0", "--ca-out", ca}, args...), "\n"))
	stderr, err := process.StderrPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := process.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = process.Process.Kill(); _ = process.Wait() })
	said, all := map[string]string{}, ""
	row := regexp.MustCompile(`^  (Graph|authority|tenant id) +(\S+)$`)
	for lines := bufio.NewScanner(stderr); len(said) < 3 && lines.Scan(); {
		all += lines.Text() + "\n"
		if m := row.FindStringSubmatch(lines.Text()); m != nil {
			said[m[1]] = m[2]
		}
	}
	go func() { // so that it is never held up
		for lines := bufio.NewScanner(stderr); lines.Scan(); {
		}
	}()
	pem, err := os.ReadFile(ca)
	if err != nil || len(said) < 3 {
		b.Fatalf("the simulator says where it is nowhere: %v\n%s", err, all)
	}
	endpoint, err := graph.NewEndpoint(said["Graph"], said["authority"])
	if err != nil {
		b.Fatal(err)
	}
	app := simulator.DefaultApp()
	return graph.Config{Endpoint: endpoint, CAPEM: pem, QuotaShare: 1,
		Credential: graph.Credential{TenantID: said["tenant id"], ClientID: app.ID, ClientSecret: app.Secret}}
}

// liveHeap is what the newest cycle of the garbage collector has found live, in bytes.
func liveHeap() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

// BenchmarkFill fills a directory from a simulator in another process, over https and by the
// SDK: people a second, the garbage of this half, and how far the live heap rises above where
// it ends.
func BenchmarkFill(b *testing.B) {
	for _, people := range []int{100_000} {
		b.Run(fmt.Sprint(people), func(b *testing.B) {
			asking := elsewhere(b, "--simulator-people", fmt.Sprint(people))
			for b.Loop() {
				fillOnce(b, asking, people)
			}
		})
	}
}

func fillOnce(b *testing.B, asking graph.Config, people int) {
	source, err := graph.New(asking)
	if err != nil {
		b.Fatal(err)
	}
	defer source.Close()
	directory, err := cache.New(cache.Config{Source: source})
	if err != nil {
		b.Fatal(err)
	}
	defer directory.Close()
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	ctx, stop := context.WithCancel(b.Context())
	ended := make(chan struct{})
	var peak atomic.Uint64
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		ticker := time.NewTicker(5 * time.Millisecond)
		defer ticker.Stop()
		for {
			select {
			case <-directory.Filled():
				return
			case <-ticker.C:
				peak.Store(max(peak.Load(), liveHeap()))
			}
		}
	}()
	began := time.Now()
	go func() { defer close(ended); _ = directory.Run(ctx) }()
	<-directory.Filled()
	took := time.Since(began)
	runtime.ReadMemStats(&after)
	stop()
	<-ended
	<-watched
	runtime.GC()
	end := liveHeap()
	var kept runtime.MemStats
	runtime.ReadMemStats(&kept)
	n := float64(people)
	b.ReportMetric(n/took.Seconds(), "people/s")
	b.ReportMetric(float64(after.TotalAlloc-before.TotalAlloc)/n, "B/person")
	b.ReportMetric(float64(after.TotalAlloc-before.TotalAlloc-(kept.HeapAlloc-before.HeapAlloc))/n, "garbage-B/person")
	b.ReportMetric(float64(after.Mallocs-before.Mallocs)/n, "allocs/person")
	b.ReportMetric(float64(kept.HeapAlloc-before.HeapAlloc)/n, "kept-B/person")
	b.ReportMetric(float64(max(peak.Load(), end))/float64(end), "peak/end")
	b.ReportMetric(0, "ns/op")
	runtime.KeepAlive(directory)
}
