package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"flag"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/metadata"

	"github.com/peopleinsights/peopleinsights/client"
	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
	"github.com/peopleinsights/peopleinsights/server/simulator"
)

var measuring = regexp.MustCompile(`metrics are at http://(\S+)/metrics\.\n`)

// ask asks over HTTP, where the metrics are.
func (r *running) ask(path string) (int, string) {
	r.t.Helper()
	found := measuring.FindStringSubmatch(r.out.String())
	if found == nil {
		r.t.Fatalf("no metrics are served:\n%s", r.out)
	}
	response, err := http.Get("http://" + found[1] + path)
	if err != nil {
		r.t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return response.StatusCode, string(body)
}

// metric returns the sum of a metric's series that hold all labels.
func metric(t *testing.T, text, name string, labels ...string) (sum float64, found bool) {
	t.Helper()
	for line := range strings.Lines(text) {
		series, value, _ := strings.Cut(strings.TrimSpace(line), "} ")
		rest, ok := strings.CutPrefix(series, name+"{")
		if !ok {
			continue
		}
		has := true
		for _, label := range labels {
			has = has && strings.Contains(rest, label)
		}
		if !has {
			continue
		}
		n, err := strconv.ParseFloat(value, 64)
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		sum, found = sum+n, true
	}
	return sum, found
}

// scrapeFile is where to write what the metrics are, for `make monitoring`.
var scrapeFile = flag.String("scrape", "", "file to write the metrics of TestMetricsTellWhatHappens to")

func TestMetricsTellWhatHappens(t *testing.T) {
	sim, args := tenant(t, simulator.Config{}, simulator.Company(), simulator.DefaultApp().Secret)
	r := start(t, args...).untilServing()
	for range 3 {
		if _, err := r.profile(client.ByEmail(ana)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := r.profile(client.ByEmail("secret.nobody@contoso.com")); err == nil {
		t.Fatal("nobody was found")
	}
	if _, err := r.SuggestInvitees(t.Context(), &pb.SuggestInviteesRequest{Query: "secretquery"}); err != nil {
		t.Fatal(err)
	}
	clear := sim.Fail(simulator.Fault{Path: "/users/delta", Status: 429, RetryAfter: "0.1", Times: 1})
	defer clear()
	var text string
	r.until("the throttle is counted", func() bool { // a scrape reads one metric after the other
		_, text = r.ask("/metrics")
		throttled, _ := metric(t, text, "people_insights_graph_throttled_total")
		refused, _ := metric(t, text, "people_insights_graph_call_duration_seconds_count", `code="429"`)
		return throttled >= 1 && refused >= 1
	})
	for _, row := range []struct {
		name   string
		labels []string
		least  float64
	}{
		{"people_insights_call_duration_seconds_count", []string{`code="OK"`, `method="peopleinsights.v1.PeopleInsightsService/GetProfile"`}, 3},
		{"people_insights_call_duration_seconds_count", []string{`code="NotFound"`}, 1},
		{"people_insights_directory_people", nil, 41},
		{"people_insights_directory_state", []string{`state="current"`}, 0},
		{"people_insights_directory_rounds_total", nil, 0},
		{"people_insights_directory_index_bytes", nil, 1000},
		{"people_insights_directory_fill_duration_seconds", nil, 0.0001},
		{"people_insights_lookups_held_total", nil, 3},
		{"people_insights_lookups_asked_total", nil, 1},
		{"people_insights_cache_misses_total", nil, 1},
		{"people_insights_graph_units_total", []string{`priority="low"`}, 1},
		{"people_insights_graph_units_total", []string{`priority="high"`}, 1},
		{"people_insights_graph_call_duration_seconds_count", []string{`route="users/delta"`, `code="429"`}, 1},
		{"people_insights_graph_budget_units", nil, 100},
	} {
		if n, ok := metric(t, text, row.name, row.labels...); !ok || n < row.least {
			t.Errorf("%s%v = %v, there: %v; want at least %v", row.name, row.labels, n, ok, row.least)
		}
	}
	if *scrapeFile != "" {
		if err := os.WriteFile(*scrapeFile, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, own := range []string{"go_goroutines ", "process_resident_memory_bytes ", "go_build_info{"} {
		if !strings.Contains(text, "\n"+own) {
			t.Errorf("%s is not measured", own)
		}
	}
	for _, personal := range []string{"kovac", "Kovač", "secret", "@", "contoso.com"} {
		if strings.Contains(text, personal) {
			t.Errorf("the metrics hold %q", personal)
		}
	}
}

func TestReadiness(t *testing.T) {
	sim, args := tenant(t, simulator.Config{}, simulator.Company(), simulator.DefaultApp().Secret)
	clear := sim.Fail(simulator.Fault{Path: "/users?", Status: 503})
	r := start(t, args...)
	if code, body := r.ask("/readyz"); code != http.StatusServiceUnavailable || !strings.Contains(body, "reading the directory") {
		t.Errorf("/readyz while filling = %d %q", code, body)
	}
	if code, _ := r.ask("/healthz"); code != http.StatusOK {
		t.Errorf("/healthz while filling = %d", code)
	}
	clear()
	r.untilServing()
	if code, body := r.ask("/readyz"); code != http.StatusOK {
		t.Errorf("/readyz when filled = %d %q", code, body)
	}
	if code, body := r.ask("/"); code != http.StatusOK || !strings.Contains(body, "/readyz") {
		t.Errorf("/ = %d %q", code, body)
	}
	if code, _ := r.ask("/debug"); code != http.StatusNotFound {
		t.Errorf("/debug = %d", code)
	}
	sim.Fail(simulator.Fault{Path: "/users", Status: 503})
	r.until("the copy is stale", func() bool { return r.status().State == pb.DirectoryState_DIRECTORY_STATE_STALE })
	if code, _ := r.ask("/readyz"); code != http.StatusOK {
		t.Errorf("/readyz in an outage = %d: what is held is served", code)
	}
}

func TestNotReadyWhenStopping(t *testing.T) {
	stopping, stop := context.WithCancel(t.Context())
	stop()
	server := newMetricsServer(newRegistry(), func() string { return "" }, stopping)
	answer := httptest.NewRecorder()
	server.Handler.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/readyz", nil))
	if answer.Code != http.StatusServiceUnavailable || answer.Body.String() != "stopping\n" {
		t.Errorf("while stopping: %d %q", answer.Code, answer.Body)
	}
}

func TestMetricsAddresses(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	err = run(t.Context(), []string{"--listen", "127.0.0.1:0", "--metrics-listen", taken.Addr().String()}, io.Discard)
	if err == nil || !strings.Contains(err.Error(), "--metrics-listen") {
		t.Errorf("a taken address: %v", err)
	}
	for range 2 { // the default gives way
		listener, err := listenMetrics("")
		if err != nil {
			t.Fatal(err)
		}
		defer listener.Close()
	}
	if listener, err := listenMetrics("off"); listener != nil || err != nil {
		t.Errorf("off = %v, %v", listener, err)
	}
}

// collector is where traces are sent.
type collector struct {
	mu   sync.Mutex
	sent []byte
}

func (c *collector) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	var body io.Reader = r.Body
	if r.Header.Get("Content-Encoding") == "gzip" {
		body, _ = gzip.NewReader(r.Body)
	}
	data, _ := io.ReadAll(body)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sent = append(c.sent, data...)
}

func (c *collector) has(text string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return bytes.Contains(c.sent, []byte(text))
}

func TestTraces(t *testing.T) {
	var spans collector
	receiver := httptest.NewServer(&spans)
	defer receiver.Close()
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.URL)
	t.Setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")
	t.Setenv("OTEL_BSP_SCHEDULE_DELAY", "50")
	_, args := tenant(t, simulator.Config{}, simulator.Company(), simulator.DefaultApp().Secret)
	r := start(t, args...).untilServing()
	ctx := metadata.AppendToOutgoingContext(t.Context(), "traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	if _, err := r.GetProfile(ctx, &pb.GetProfileRequest{Person: client.ByEmail(ana)}); err != nil {
		t.Fatal(err)
	}
	if _, err := r.profile(client.ByEmail("secret.nobody@contoso.com")); err == nil {
		t.Fatal("nobody was found")
	}
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"people-insights", "PeopleInsightsService/GetProfile", "GET users/delta", "GET users", "graph.units",
		"\x0a\xf7\x65\x19\x16\xcd\x43\xdd\x84\x48\xeb\x21\x1c\x80\x31\x9c", // the caller's trace
	} {
		if !spans.has(want) {
			t.Errorf("no span holds %q", want)
		}
	}
	for _, personal := range []string{"kovac", "secret", "contoso"} {
		if spans.has(personal) {
			t.Errorf("a span holds %q", personal)
		}
	}
}

func TestTracesAreOffByDefault(t *testing.T) {
	for _, environment := range []map[string]string{
		{},
		{"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"},
		{"OTEL_SDK_DISABLED": "true", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"},
	} {
		for name, value := range environment {
			t.Setenv(name, value)
		}
		tracer, flush, err := newTracer(t.Context())
		if tracer != nil || err != nil {
			t.Errorf("%v: %v, %v; want no tracer", environment, tracer, err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		if err := flush(ctx); err != nil {
			t.Error(err)
		}
		cancel()
		for name := range environment {
			t.Setenv(name, "")
		}
	}
	t.Setenv("OTEL_TRACES_EXPORTER", "nonsense")
	if _, _, err := newTracer(t.Context()); err == nil || !strings.Contains(err.Error(), "OTEL_TRACES_EXPORTER") {
		t.Errorf("an unknown exporter: %v", err)
	}
}
