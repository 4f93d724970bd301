package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io/fs"
	"net/http/httptest"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"
	"testing"

	"github.com/peopleinsights/peopleinsights/client"
	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
	"github.com/peopleinsights/peopleinsights/server/simulator"
)

// The environment of a server that is a process of its own: where it dumps its heap when
// it is signalled, and where it sends traces.
const (
	dumpFile   = "CANARY_DUMP"
	tracesSent = "CANARY_TRACES"
)

// dumpOnSignal has the process write its heap to a file, after two collections, whenever it
// gets SIGUSR1.
func dumpOnSignal() {
	if url := os.Getenv(tracesSent); url != "" {
		os.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url)
		os.Setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")
		os.Setenv("OTEL_BSP_SCHEDULE_DELAY", "50")
	}
	name := os.Getenv(dumpFile)
	if name == "" {
		return
	}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGUSR1)
	go func() {
		for n := 1; ; n++ {
			<-signals
			runtime.GC()
			runtime.GC()
			file, err := os.Create(name)
			if err != nil {
				panic(err)
			}
			debug.WriteHeapDump(file.Fd())
			file.Close()
			fmt.Fprintf(os.Stderr, "heap dumped %d\n", n)
		}
	}()
}

// canaries are the texts of a contact, each of which is found nowhere else, in lower case.
var canaries = []string{
	"quixandria", "zyzzogeton", "pfefferwunsch", "wolpertinger guild", "q.zyzzogeton@yggdrasil-canary.example",
	"second.nest@yggdrasil-canary.example", "kakapo keeper", "unterwasserabteilung", "floor minus seventeen", "feathered friends", "aviary of ours",
}

func canaryIn(text []byte) string {
	lower := bytes.ToLower(text)
	for _, canary := range canaries {
		if bytes.Contains(lower, []byte(canary)) {
			return canary
		}
	}
	return ""
}

// birdcage is a server in a process of its own, and all that it can write.
type birdcage struct {
	*running
	process *exec.Cmd
	dir     string // where it may write
	dump    string
	dumps   int
}

func newBirdcage(t *testing.T, traces string, args ...string) *birdcage {
	t.Helper()
	b := &birdcage{dir: t.TempDir(), dump: filepath.Join(t.TempDir(), "heap")}
	b.process = exec.Command(os.Args[0])
	b.process.Dir = b.dir
	b.process.Env = append(os.Environ(), "TMPDIR="+b.dir, "HOME="+b.dir, dumpFile+"="+b.dump, tracesSent+"="+traces,
		asCommand+"="+strings.Join(append([]string{"--listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0", "--log-level", "debug"}, args...), "\n"))
	stderr, err := b.process.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := b.process.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.process.Process.Kill(); _ = b.process.Wait() })
	b.running = &running{t: t, out: &output{}}
	go func() {
		for lines := bufio.NewScanner(stderr); lines.Scan(); {
			fmt.Fprintln(b.out, lines.Text())
		}
	}()
	b.until("the server listens", func() bool {
		if m := listening.FindStringSubmatch(b.out.String()); m != nil {
			b.address = m[1]
		}
		return b.address != "" && measuring.MatchString(b.out.String())
	})
	b.connect()
	b.untilServing()
	return b
}

// heap returns what is in the process's memory after two collections.
func (b *birdcage) heap() []byte {
	b.t.Helper()
	b.dumps++
	if err := b.process.Process.Signal(syscall.SIGUSR1); err != nil {
		b.t.Fatal(err)
	}
	b.until("the heap is dumped", func() bool { return strings.Contains(b.out.String(), fmt.Sprintf("heap dumped %d\n", b.dumps)) })
	dump, err := os.ReadFile(b.dump)
	if err != nil || len(dump) < 1<<20 {
		b.t.Fatalf("a heap dump of %d bytes: %v", len(dump), err)
	}
	return dump
}

// suggested says of whom suggestions are.
func (b *birdcage) suggested(organizer *pb.PersonRef, query string) string {
	b.t.Helper()
	out, err := b.SuggestInvitees(b.t.Context(), &pb.SuggestInviteesRequest{Query: query, Organizer: organizer})
	if err != nil {
		b.t.Fatal(err)
	}
	return fmt.Sprint(out)
}

// TestContactsLeaveNoTrace has a canary among somebody's own contacts. It is suggested to
// them; and nobody else, no file, log line, metric, trace or error has it, and once its
// time is over neither has the memory of the process.
func TestContactsLeaveNoTrace(t *testing.T) {
	directory := simulator.Company()
	owner, other := client.ByEmail(ana), client.ByEmail("maja.lindqvist@contoso.com")
	folder, err := directory.PutContactFolder(ana, []byte(`{"displayName": "Aviary of Ours"}`))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := directory.PutContact(ana, []byte(`{"displayName": "Quixandria Zyzzogeton", "givenName": "Quixandria", "surname": "Zyzzogeton",
		"nickName": "Pfefferwunsch", "companyName": "Wolpertinger Guild", "jobTitle": "Kakapo Keeper", "department": "Unterwasserabteilung",
		"officeLocation": "Floor Minus Seventeen", "categories": ["Feathered Friends"], "parentFolderId": "`+folder+`", "emailAddresses": [
		{"name": "Quixandria Zyzzogeton", "address": "q.zyzzogeton@yggdrasil-canary.example"}, {"name": "", "address": "second.nest@yggdrasil-canary.example"}]}`)); err != nil {
		t.Fatal(err)
	}
	var spans collector
	receiver := httptest.NewServer(&spans)
	defer receiver.Close()
	sim, args := tenant(t, simulator.Config{}, directory, simulator.DefaultApp().Secret)
	b := newBirdcage(t, receiver.URL, append(args, "--contact-ttl", "4s")...)

	// Those to whom it belongs find it, by whatever they type; nothing typed here is a canary.
	for _, query := range []string{"quix", "zyzzog", "second.nest", "kov", "aviar", "feather"} {
		if got := b.suggested(owner, query); query != "kov" && canaryIn([]byte(got)) == "" {
			t.Errorf("%q suggests no contact: %s", query, got)
		}
	}
	// What is found shows that the search of memory below can find.
	if canaryIn(b.heap()) == "" {
		t.Error("the heap does not hold what is held")
	}
	for _, in := range []*pb.ExpandGroupRequest{
		{Organizer: owner, Group: &pb.ExpandGroupRequest_ContactFolderId{ContactFolderId: folder}},
		{Organizer: owner, Group: &pb.ExpandGroupRequest_ContactCategory{ContactCategory: "FEATHERED friends"}},
	} {
		out, err := b.ExpandGroup(t.Context(), in)
		if err != nil || canaryIn([]byte(fmt.Sprint(out))) == "" {
			t.Errorf("ExpandGroup(%v) = %v, %v", in, out, err)
		}
		in.Organizer = other
		if out, err := b.ExpandGroup(t.Context(), in); err == nil {
			t.Errorf("ExpandGroup(%v) = %v: another's contacts", in, out)
		} else if canary := canaryIn([]byte(strings.ReplaceAll(err.Error(), "FEATHERED friends", ""))); canary != "" {
			t.Errorf("an error holds %q: %v", canary, err)
		}
	}
	for _, query := range []string{"quix", "zyzzog", "second.nest", "aviar", "feather", "wolpert"} {
		for _, organizer := range []*pb.PersonRef{other, nil} {
			if canary := canaryIn([]byte(b.suggested(organizer, query))); canary != "" {
				t.Errorf("%q suggests %q to somebody else", query, canary)
			}
		}
	}
	// Failures on the way, each of which says what went wrong.
	for _, fault := range []simulator.Fault{{Path: "/contacts", Status: 500}, {Path: "/contacts", Cut: true}, {Path: "contactFolders", Status: 403}} {
		clear := sim.Fail(fault)
		b.suggested(client.ByEmail("dimitar.petrov@contoso.com"), "quix")
		clear()
	}

	b.until("its time is over", func() bool {
		return canaryIn(b.heap()) == ""
	})
	if _, text := b.ask("/metrics"); canaryIn([]byte(text)) != "" {
		t.Errorf("the metrics hold %q", canaryIn([]byte(text)))
	}
	if canary := canaryIn([]byte(b.out.String())); canary != "" {
		t.Errorf("the log holds %q", canary)
	}
	b.until("calls are traced", func() bool { return spans.has("SuggestInvitees") && spans.has("contacts") })
	spans.mu.Lock()
	if canary := canaryIn(spans.sent); canary != "" {
		t.Errorf("a span holds %q", canary)
	}
	spans.mu.Unlock()
	files := 0
	if err := filepath.WalkDir(b.dir, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		files++
		data, err := os.ReadFile(name)
		if canary := canaryIn(data); canary != "" {
			t.Errorf("%s holds %q", name, canary)
		}
		return err
	}); err != nil {
		t.Error(err)
	}
	if files > 0 {
		t.Logf("the server has written %d files", files)
	}
}
