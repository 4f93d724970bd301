package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/peopleinsights/peopleinsights/cache"
)

// progress shows how the first filling goes on: on a terminal as a line that
// changes, elsewhere as a line a second.
type progress struct {
	out    io.Writer
	status func() cache.Status
	filled <-chan struct{}
}

// show returns when the filling is complete, with true, or when ctx ends.
func (p progress) show(ctx context.Context) bool {
	file, ok := p.out.(*os.File)
	terminal := ok && term.IsTerminal(int(file.Fd()))
	pace, begin, end := time.Second, "", "\n"
	if terminal {
		pace, begin, end = 100*time.Millisecond, "\r", ""
	}
	ticker := time.NewTicker(pace)
	defer ticker.Stop()
	shown := -1
	for {
		select {
		case <-ctx.Done():
			return false
		case <-p.filled:
			status := p.status()
			fmt.Fprintf(p.out, "%sRead %d people in %v; %d of them can be invited.\n", begin,
				status.People, status.FillDuration.Round(time.Millisecond), status.Suggestible)
			return true
		case <-ticker.C:
			if status := p.status(); status.People != shown {
				shown = status.People
				fmt.Fprint(p.out, begin, reading(status), end)
			}
		}
	}
}

// reading is how far the filling is.
func reading(s cache.Status) string {
	if s.Expected == 0 {
		return fmt.Sprintf("Reading the directory: %d people", s.People)
	}
	return fmt.Sprintf("Reading the directory: %d of %d people (%d %%)", s.People, s.Expected, min(100, 100*s.People/s.Expected))
}

// tryNext says what a newcomer can do now.
func tryNext(out io.Writer, address string, config serveConfig) {
	someone := "ana.kovac@contoso.com"
	if config.TenantID != "" || config.Simulated.People > 0 || config.Simulated.Directory != "" {
		someone = "SOMEBODYS-ADDRESS"
	}
	if _, port, err := net.SplitHostPort(address); err == nil && !strings.HasPrefix(address, "127.") {
		address = net.JoinHostPort("localhost", port)
	}
	at, plain := "", "-plaintext"
	if address != "127.0.0.1:50051" {
		at = " --address " + address
	}
	if config.TLSCertFile != "" {
		at, plain = at+" --ca-file CA.pem", "-cacert CA.pem"
	}
	if len(config.Issuers) > 0 {
		at, plain = at+" --token-file TOKEN", plain+" -H 'authorization: Bearer …'"
	}
	fmt.Fprintf(out, `
Ready. In another terminal, try:
  go run ./client/people%[2]s profile %[3]s
  go run ./client/people%[2]s suggest an
  go run ./client/people%[2]s suggest          (type; the list follows each key)
  go run ./client/people%[2]s status
  grpcurl %[4]s -d '{"query": "an"}' %[1]s peopleinsights.v1.PeopleInsightsService/SuggestInvitees
Ctrl-C stops.
`, address, at, someone, plain)
}
