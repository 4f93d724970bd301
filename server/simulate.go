package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/peopleinsights/peopleinsights/server/simulator"
)

// callingApps says of each app that calls the service what to sign in with, one a line.
func callingApps() string {
	var lines strings.Builder
	for _, app := range simulator.CallingApps() {
		fmt.Fprintf(&lines, "  %s  client id %s  client secret %s\n", strings.Join(app.APIRoles, ", "), app.ID, app.Secret)
	}
	return lines.String()
}

// simulate serves the simulator alone until ctx ends.
func simulate(ctx context.Context, config simulateConfig, out io.Writer) error {
	directory, about, err := config.Simulated.directory()
	if err != nil {
		return err
	}
	sim, stop, err := config.Simulated.serve(directory, config.Listen)
	if err != nil {
		return err
	}
	defer stop()
	if err := os.WriteFile(config.CAOut, sim.CAPEM(), 0o644); err != nil {
		return fmt.Errorf("--ca-out: %w", err)
	}
	app := simulator.DefaultApp()
	fmt.Fprintf(out, `Simulating Microsoft Graph for %[1]s: %[2]d people.
  Graph          %[3]s
  authority      %[4]s
  tenant id      %[5]s
  client id      %[6]s
  client secret  %[7]s
  CA to trust    %[8]s
  own API        %[9]s

A service that reads it:
  AZURE_CLIENT_SECRET=%[7]s go run ./server --graph-url %[3]s --authority-url %[4]s \
    --ca-file %[8]s --tenant-id %[5]s --client-id %[6]s
Add --issuer %[4]s/%[5]s/v2.0 --issuer-ca-file %[8]s --audience %[10]s
and it takes callers by tokens for %[11]s alone, which these may ask for:
%[12]sOr as one of several tenants: a row of a configuration file, with %[7]s in the file simulator-secret:
  - id: %[5]s
    graph: {client_id: %[6]s, client_secret_file: simulator-secret, url: "%[3]s", authority_url: "%[4]s", ca_file: %[8]s}
    callers: {issuers: ["%[4]s/%[5]s/v2.0"], audiences: [%[10]s], ca_file: %[8]s}
Ctrl-C stops.
`, about, directory.Len(), sim.GraphURL(), sim.AuthorityURL(), sim.TenantID(), app.ID, app.Secret, config.CAOut,
		cmp.Or(sim.AdminURL(), "none; --simulator-admin-listen 127.0.0.1:8444 has one"),
		simulator.APIID, simulator.APIURI, callingApps())
	<-ctx.Done()
	return nil
}
