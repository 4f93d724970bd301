package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/peopleinsights/peopleinsights/cache"
	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
)

// showProgress shows how far tenants are read: of one, on a terminal, as a line that changes,
// else as lines, at most one a second each. It returns when they are ready, with true, or
// when ctx ends.
func showProgress(ctx context.Context, out io.Writer, tenants *tenants) bool {
	served := tenants.insights()
	file, ok := out.(*os.File)
	terminal := ok && len(served) == 1 && term.IsTerminal(int(file.Fd()))
	begin, end := "", "\n"
	if terminal {
		begin, end = "\r", ""
	}
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	shown, at := map[string]int{}, time.Now()
	for {
		ready := tenants.notReady() == ""
		told := terminal || time.Since(at) >= time.Second
		if told {
			at = time.Now()
		}
		for _, id := range slices.Sorted(maps.Keys(served)) {
			begin := begin
			if len(served) > 1 {
				begin = "Tenant " + id + ": "
			}
			status := served[id].Directory.Status()
			switch people, seen := shown[id]; {
			case people < 0: // all has been said
			case status.State != pb.DirectoryState_DIRECTORY_STATE_FILLING:
				fmt.Fprintf(out, "%sRead %d people in %v; %d of them can be invited.\n", begin,
					status.People, status.FillDuration.Round(time.Millisecond), status.Suggestible)
				shown[id] = -1
			case told && status.People > 0 && (!seen || people != status.People):
				shown[id] = status.People
				fmt.Fprint(out, begin, reading(status), end)
			}
		}
		if ready {
			return true
		}
		select {
		case <-ctx.Done():
			return false
		case <-ticker.C:
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
func tryNext(out io.Writer, address string, config serveConfig, plans []*tenantPlan) {
	someone := "ana.kovac@contoso.com"
	if config.TenantID != "" || config.ConfigFile != "" || config.Simulated.People > 0 || config.Simulated.Directory != "" {
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
	if plans[0].callers != nil {
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
