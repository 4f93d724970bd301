// Command server serves People Insights: who people are, and whom to invite, from
// an organisation's directory in Microsoft Graph, over gRPC.
//
// With nothing configured it serves a made-up company from the built-in
// simulator. See the README for how to point it at a tenant.
//
// It exits with 0 when it was asked to stop, 1 when it failed, and 2 when its
// configuration is wrong. A Graph that refuses or does not answer is no reason to
// exit: the server says what to mend and keeps trying.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"
)

func main() {
	if err := forbidDumps(); err != nil {
		fmt.Fprintln(os.Stderr, "server:", err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	err := run(ctx, os.Args[1:], os.Stderr)
	switch {
	case errors.Is(err, errConfig):
		fmt.Fprintln(os.Stderr, "server:", err)
		os.Exit(2)
	case err != nil:
		fmt.Fprintln(os.Stderr, "server:", err)
		os.Exit(1)
	}
}

// version is what --version says; make build sets it to what git describe says.
var version = "devel"

// errConfig marks errors of the configuration.
var errConfig = errors.New("see --help")

// run serves until ctx ends. All it has to say goes to out.
func run(ctx context.Context, args []string, out io.Writer) error {
	var flags struct {
		Serve    serveConfig    `cmd:"" default:"withargs" help:"Serve People Insights (the default)."`
		Check    checkConfig    `cmd:"" name:"check-config" help:"Tell whether a configuration file can be served, and what is wrong with it."`
		Simulate simulateConfig `cmd:"" help:"Serve only the simulator: a made-up tenant of Microsoft Graph, for other clients too."`

		AuditHash auditHashConfig `cmd:"" help:"Read ids and addresses, one a line, and print how each stands in the audit log, to look for it there."`

		Version kong.VersionFlag `help:"Say which version this is, and exit."`
	}
	helped := false
	parser, err := kong.New(&flags, kong.Name("server"),
		kong.Description("People Insights: who people are and whom to invite, from Microsoft Graph, over gRPC."),
		kong.Writers(out, out), kong.Exit(func(int) { helped = true }), kong.Vars{"version": version})
	if err != nil {
		return err
	}
	command, err := parser.Parse(args)
	switch {
	case helped:
		return nil
	case err != nil:
		return fmt.Errorf("%w (%w)", err, errConfig)
	case strings.HasPrefix(command.Command(), "check-config"):
		return check(flags.Check, out)
	case command.Command() == "simulate":
		return simulate(ctx, flags.Simulate, out)
	case command.Command() == "audit-hash":
		return auditHash(flags.AuditHash, os.Stdin, os.Stdout)
	default:
		return serve(ctx, flags.Serve, out)
	}
}
