package audit

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

var testKey = []byte(strings.Repeat("k", MinKey))

// disk is a file that fails when it is told to.
type disk struct {
	mu     sync.Mutex
	text   bytes.Buffer
	err    error // of each write from now on
	takes  int   // bytes that it takes before it fails
	synced int   // bytes that were there when it was last synced
	closed bool
	hang   chan struct{} // writes wait for it
}

func (d *disk) Write(p []byte) (int, error) {
	d.mu.Lock()
	hang := d.hang
	d.mu.Unlock()
	if hang != nil {
		<-hang
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.err == nil {
		return d.text.Write(p)
	}
	n, _ := d.text.Write(p[:min(d.takes, len(p))])
	d.takes = 0
	return n, d.err
}

func (d *disk) Sync() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.synced = d.text.Len()
	return nil
}

func (d *disk) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
	return nil
}

// fail has writes fail after some bytes; nil mends them.
func (d *disk) fail(err error, after int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.err, d.takes = err, after
}

func (d *disk) String() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.text.String()
}

// lines are those of a file, each of which has to be one of ours.
func lines(t *testing.T, text string) (all []line) {
	t.Helper()
	for raw := range strings.Lines(text) {
		var l line
		if err := json.Unmarshal([]byte(raw), &l); err != nil || !strings.HasSuffix(raw, "\n") {
			t.Errorf("%q is no line: %v", raw, err)
		}
		all = append(all, l)
	}
	return all
}

// opened is a Log on a disk.
func opened(t *testing.T, d *disk, change ...func(*Config)) (*Log, *bytes.Buffer) {
	t.Helper()
	said := &bytes.Buffer{}
	config := Config{Key: testKey, Log: slog.New(slog.NewTextHandler(said, nil)), open: func() (file, error) { return d, nil }}
	for _, c := range change {
		c(&config)
	}
	l, err := Open(config)
	if err != nil {
		t.Fatal(err)
	}
	return l, said
}

func required(c *Config) { c.Required = true }

func record(method string) Record {
	return Record{Time: time.Date(2026, 12, 1, 2, 3, 4, 5_600_000, time.FixedZone("", 3600)), Event: Call, Tenant: "Contoso", Subject: "app:7", Method: method, Code: "OK"}
}

// TestLine reads what stands in the file for a call.
func TestLine(t *testing.T) {
	name := filepath.Join(t.TempDir(), "audit.jsonl")
	l, err := Open(Config{File: name, Key: testKey})
	if err != nil {
		t.Fatal(err)
	}
	r := record("PeopleInsightsService/GetProfile")
	r.Audience, r.Roles, r.Code, r.Reason = "services", "PeopleInsights.Client", "NotFound", "PERSON_NOT_FOUND"
	r.Asked, r.AskedTotal = []Ref{{ByID, "ABC-1"}, {ByEmail, "Ana@Contoso.com"}}, 3
	r.Shown, r.ShownTotal = []string{"abc-1"}, 7
	if err := l.Record(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	if err := l.Record(t.Context(), Record{Time: r.Time, Event: End, Method: "m", Code: "Unauthenticated"}); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	sum := func(kind Kind, value string) string {
		mac := hmac.New(sha256.New, testKey)
		fmt.Fprintf(mac, "people-insights audit 1\x00contoso\x00%s\x00%s", kind, value)
		return string(kind) + ":" + hex.EncodeToString(mac.Sum(nil))[:32]
	}
	want := `{"time":"2026-12-01T01:03:04.005Z","event":"call","tenant":"Contoso","caller":"` + sum(ByCaller, "app:7") +
		`","audience":"services","roles":"PeopleInsights.Client","method":"PeopleInsightsService/GetProfile","code":"NotFound","reason":"PERSON_NOT_FOUND",` +
		`"asked":3,"asked_of":["` + sum(ByID, "abc-1") + `","` + sum(ByEmail, "ana@contoso.com") + `"],"shown":7,"shown_of":["` + sum(ByID, "abc-1") + `"]}
{"time":"2026-12-01T01:03:04.005Z","event":"end","tenant":"","caller":"","audience":"","roles":"","method":"m","code":"Unauthenticated","asked":0,"shown":0}
`
	if string(text) != want {
		t.Errorf("the file holds\n%swant\n%s", text, want)
	}
	if about, err := os.Stat(name); err != nil || about.Mode().Perm() != 0o600 {
		t.Errorf("the file's mode is %v, %v; want 0600", about.Mode(), err)
	}
}

// TestHashesHaveNothingInCommon hashes texts that could be taken for each other.
func TestHashesHaveNothingInCommon(t *testing.T) {
	other := []byte(strings.Repeat("x", MinKey))
	seen := make(map[string]string)
	for _, row := range []struct {
		key    []byte
		tenant string
		kind   Kind
		text   string
	}{
		{testKey, "contoso", ByID, "a"}, {testKey, "contoso", ByEmail, "a"}, {testKey, "contoso", ByCaller, "a"},
		{testKey, "fabrikam", ByID, "a"}, {other, "contoso", ByID, "a"}, {testKey, "contoso", ByID, ""},
		{testKey, "contoso", ByID, "email\x00a"}, {testKey, "", ByID, "a"},
	} {
		h, err := NewHasher(row.key)
		if err != nil {
			t.Fatal(err)
		}
		sum := h.Hash(row.tenant, row.kind, row.text)
		_, digits, _ := strings.Cut(sum, ":")
		if before, again := seen[digits]; again || len(digits) != 32 {
			t.Errorf("%+v has the hash %s, as %s", row, sum, before)
		}
		seen[digits] = fmt.Sprint(row)
		if again := h.Hash(strings.ToUpper(row.tenant), row.kind, strings.ToUpper(row.text)); again != sum {
			t.Errorf("%+v in capitals has the hash %s, not %s", row, again, sum)
		}
	}
}

func TestKeys(t *testing.T) {
	name := filepath.Join(t.TempDir(), "key")
	for text, good := range map[string]bool{
		"": false, strings.Repeat("s", MinKey-1) + "\n\r\n": false,
		strings.Repeat("s", MinKey): true, strings.Repeat("s", MinKey) + "\r\n": true,
	} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		key, err := ReadKey(name)
		if (err == nil) != good || good && string(key) != strings.TrimRight(text, "\r\n") || err != nil && strings.Contains(err.Error(), "sss") {
			t.Errorf("the key %q is read as %q, %v", text, key, err)
		}
	}
	if _, err := ReadKey(name + "x"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a key that is not there: %v", err)
	}
	if _, err := Open(Config{Key: testKey[1:], File: name}); err == nil {
		t.Error("a short key is taken")
	}
}

func TestFiles(t *testing.T) {
	dir := t.TempDir()
	open := filepath.Join(dir, "open")
	if err := os.WriteFile(open, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(open, 0o604); err != nil {
		t.Fatal(err)
	}
	for what, name := range map[string]string{"no regular file": os.DevNull, "no such": filepath.Join(dir, "no such", "file"), "open to everybody": open} {
		if _, err := Open(Config{File: name, Key: testKey}); err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("%s: %v, want an error that says %s", name, err, what)
		}
	}
}

// TestBounds writes no more people than a line lists, whatever it is told.
func TestBounds(t *testing.T) {
	d := &disk{}
	l, _ := opened(t, d)
	r := record("m")
	r.Asked, r.Shown = make([]Ref, MaxListed+1), make([]string, MaxListed+1)
	_ = l.Record(t.Context(), r)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if got := lines(t, d.String()); len(got) != 1 || len(got[0].AskedOf) != MaxListed || len(got[0].ShownOf) != MaxListed {
		t.Errorf("%d lines", len(got))
	}
	if !d.closed || d.synced != d.text.Len() {
		t.Errorf("closed %v, with %d of %d bytes on the disk", d.closed, d.synced, d.text.Len())
	}
}

// TestFullQueue has the disk hang: as many lines wait as may, and the others are lost and
// counted, without anybody's waiting.
func TestFullQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &disk{hang: make(chan struct{})}
		registry := prometheus.NewRegistry()
		l, said := opened(t, d, func(c *Config) { c.Queue, c.Registry = 4, registry })
		_ = l.Record(t.Context(), record("first"))
		synctest.Wait() // the writer hangs with it
		for i := range 10 {
			if err := l.Record(t.Context(), record(fmt.Sprint(i))); err != nil || l.Admit() != nil {
				t.Errorf("a call whose line is not required: %v, %v", err, l.Admit())
			}
		}
		if n := strings.Count(said.String(), "more lines wait"); n != 1 {
			t.Errorf("it is told %d times, want once a minute:\n%s", n, said)
		}
		time.Sleep(tellPause)
		_ = l.Record(t.Context(), record("more"))
		if n := strings.Count(said.String(), "more lines wait"); n != 2 {
			t.Errorf("after a minute it is told %d times, want twice:\n%s", n, said)
		}
		close(d.hang)
		synctest.Wait()
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		if got := lines(t, d.String()); len(got) != 5 || got[0].Method != "first" || got[4].Method != "3" {
			t.Errorf("the file holds %v", got)
		}
		if written, lost := metric(t, registry, "people_insights_audit_lines_total"), metric(t, registry, "people_insights_audit_dropped_total"); written != 5 || lost != 7 {
			t.Errorf("%v lines are written and %v lost, want 5 and 7", written, lost)
		}
	})
}

// TestLargeRecords has the disk hang while records of a megabyte come: they take no more memory
// than they may.
func TestLargeRecords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &disk{hang: make(chan struct{})}
		registry := prometheus.NewRegistry()
		l, _ := opened(t, d, func(c *Config) { c.Registry = registry })
		_ = l.Record(t.Context(), record("first"))
		synctest.Wait()
		large := record("large")
		for range MaxListed {
			large.Asked = append(large.Asked, Ref{ByEmail, strings.Repeat("x", 1000)})
		}
		for range 100 {
			_ = l.Record(t.Context(), large)
		}
		if lost := metric(t, registry, "people_insights_audit_dropped_total"); lost < 30 || lost > 40 {
			t.Errorf("of 100 MB, %v MB are lost; want what is more than 64 MiB", lost)
		}
		close(d.hang)
		synctest.Wait()
		if held := l.bytes.Load(); held != 0 {
			t.Errorf("with nothing waiting, %d bytes wait", held)
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
}

// metric is a metric without labels.
func metric(t *testing.T, registry *prometheus.Registry, name string) float64 {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			m := f.GetMetric()[0]
			return m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	t.Fatalf("there is no %s", name)
	return 0
}

// TestFullDisk has the disk take half a line and no more for a while: nothing is lost of what
// waits, and what is torn stands alone.
func TestFullDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &disk{}
		registry := prometheus.NewRegistry()
		l, said := opened(t, d, func(c *Config) { c.Registry = registry })
		_ = l.Record(t.Context(), record("a"))
		synctest.Wait()
		whole := d.text.Len()
		d.fail(errors.New("no space"), whole/2)
		_ = l.Record(t.Context(), record("b"))
		_ = l.Record(t.Context(), record("c"))
		synctest.Wait()
		if f := metric(t, registry, "people_insights_audit_failing"); f != 1 {
			t.Errorf("while it fails the metric is %v", f)
		}
		time.Sleep(10 * retryPause)
		d.fail(nil, 0)
		time.Sleep(retryPause)
		synctest.Wait()
		if f := metric(t, registry, "people_insights_audit_failing"); f != 0 {
			t.Errorf("after it is mended the metric is %v", f)
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		all := strings.SplitAfter(d.String(), "\n")
		torn := all[1]
		got := lines(t, all[0]+strings.Join(all[2:], ""))
		if len(got) != 3 || got[0].Method != "a" || got[1].Method != "b" || got[2].Method != "c" || len(torn) != whole/2+1 {
			t.Errorf("the file holds\n%s", d)
		}
		if n := strings.Count(said.String(), "cannot be written"); n != 1 || strings.Count(said.String(), "written again") != 1 {
			t.Errorf("the log says\n%s", said)
		}
	})
}

// TestRequired has no answer leave before its line is written.
func TestRequired(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &disk{hang: make(chan struct{})}
		l, _ := opened(t, d, required, func(c *Config) { c.Queue = 1 })
		answered := make(chan error, 1)
		go func() { answered <- l.Record(t.Context(), record("a")) }()
		synctest.Wait()
		select {
		case err := <-answered:
			t.Fatalf("a line is recorded that the disk has not: %v", err)
		default:
		}
		if err := l.Admit(); err != nil {
			t.Errorf("while a line is being written: %v", err)
		}
		// Two more: one has no place.
		go func() { answered <- l.Record(t.Context(), record("b")) }()
		synctest.Wait()
		if err := l.Admit(); !errors.Is(err, ErrUnwritten) {
			t.Errorf("with as many lines waiting as may: %v", err)
		}
		if err := l.Record(t.Context(), record("c")); !errors.Is(err, ErrUnwritten) {
			t.Errorf("a line without a place: %v", err)
		}
		close(d.hang)
		for range 2 {
			if err := <-answered; err != nil {
				t.Error(err)
			}
		}
		if got := lines(t, d.String()); len(got) != 2 {
			t.Errorf("the file holds %v", got)
		}

		d.fail(errors.New("no space"), 0)
		if err := l.Record(t.Context(), record("d")); !errors.Is(err, ErrUnwritten) {
			t.Errorf("a line that the disk does not take: %v", err)
		}
		if err := l.Admit(); !errors.Is(err, ErrUnwritten) {
			t.Errorf("while the disk takes nothing: %v", err)
		}
		d.fail(nil, 0)
		time.Sleep(2 * retryPause)
		synctest.Wait()
		if err := l.Admit(); err != nil {
			t.Errorf("once the disk takes lines again: %v", err)
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		if got := lines(t, d.String()); len(got) != 3 || got[2].Method != "d" {
			t.Errorf("the file holds %v: the line whose answer was withheld is written too", got)
		}
		if err := l.Record(t.Context(), record("late")); !errors.Is(err, ErrUnwritten) {
			t.Errorf("after the end: %v", err)
		}
	})
}

// TestPatience has the disk hang for longer than a caller waits, or a line may take.
func TestPatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &disk{hang: make(chan struct{})}
		l, _ := opened(t, d, required)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		if err := l.Record(ctx, record("a")); !errors.Is(err, ErrUnwritten) || time.Since(began) != time.Second {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
		began = time.Now()
		if err := l.Record(t.Context(), record("b")); !errors.Is(err, ErrUnwritten) || time.Since(began) != patience {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
		close(d.hang)
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
}

// TestEndOfADeadDisk says how many lines are lost.
func TestEndOfADeadDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &disk{}
		l, _ := opened(t, d)
		d.fail(errors.New("no space"), 0)
		for range 3 {
			_ = l.Record(t.Context(), record("a"))
			synctest.Wait()
		}
		if err := l.Close(); err == nil || !strings.Contains(err.Error(), "3 lines") {
			t.Errorf("Close = %v, want that 3 lines are lost", err)
		}
	})
}

// TestRotation moves the file away: what comes later is in a new one, and no line is lost.
func TestRotation(t *testing.T) {
	name := filepath.Join(t.TempDir(), "audit.jsonl")
	l, err := Open(Config{File: name, Key: testKey, Required: true})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		if err := l.Record(t.Context(), record(fmt.Sprint(i))); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(name, fmt.Sprint(name, i)); err != nil {
			t.Fatal(err)
		}
		if err := l.Reopen(); err != nil {
			t.Fatal(err)
		}
	}
	// One that cannot be opened changes nothing.
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(name, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := l.Reopen(); err == nil {
		t.Error("a directory is opened")
	}
	if err := l.Record(t.Context(), record("3")); err != nil {
		t.Error(err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	for i := range 3 {
		text, err := os.ReadFile(fmt.Sprint(name, i))
		if got := lines(t, string(text)); err != nil || len(got) != 1 || got[0].Method != fmt.Sprint(i) {
			t.Errorf("file %d holds %v, %v", i, got, err)
		}
	}
	if err := l.Reopen(); !errors.Is(err, ErrUnwritten) {
		t.Errorf("Reopen after the end = %v", err)
	}
}

// TestManyAtOnce writes from many sides: each line is whole, and there.
func TestManyAtOnce(t *testing.T) {
	d := &disk{}
	l, _ := opened(t, d, required)
	var calls sync.WaitGroup
	for i := range 50 {
		calls.Go(func() {
			for j := range 20 {
				if err := l.Record(t.Context(), record(fmt.Sprint(i, " ", j))); err != nil {
					t.Error(err)
				}
			}
		})
	}
	calls.Wait()
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	seen := make(map[string]bool)
	for _, l := range lines(t, d.String()) {
		seen[l.Method] = true
	}
	if len(seen) != 1000 {
		t.Errorf("%d lines, want 1000", len(seen))
	}
}

func BenchmarkRecord(b *testing.B) {
	d := &disk{}
	l, err := Open(Config{Key: testKey, Required: true, open: func() (file, error) { return d, nil }})
	if err != nil {
		b.Fatal(err)
	}
	r := record("PeopleInsightsService/GetProfile")
	r.Asked, r.Shown = []Ref{{ByEmail, "ana@contoso.com"}}, []string{"3f2504e0-4f89-41d3-9a0c-0305e82c3301"}
	b.ReportAllocs()
	for b.Loop() {
		_ = l.Record(b.Context(), r)
		d.text.Reset()
	}
}

func BenchmarkLine(b *testing.B) {
	hasher, err := NewHasher(testKey)
	if err != nil {
		b.Fatal(err)
	}
	l := &Log{hasher: hasher}
	for _, people := range []int{1, MaxListed} {
		b.Run(fmt.Sprint(people), func(b *testing.B) {
			r := record("PeopleInsightsService/GetProfile")
			for range people {
				r.Asked, r.Shown = append(r.Asked, Ref{ByEmail, "ana@contoso.com"}), append(r.Shown, "3f2504e0-4f89-41d3-9a0c-0305e82c3301")
			}
			b.ReportAllocs()
			var to []byte
			for b.Loop() {
				to = l.line(to[:0], r)
			}
		})
	}
}
