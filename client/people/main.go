// Command people asks People Insights from the command line.
//
//	people profile ana@contoso.com
//	people photo ana@contoso.com --out ana.jpg
//	people line ana@contoso.com --reports
//	people match ana@contoso.com jan@fabrikam.com
//	people group engineering@contoso.com --nested
//	people channel TEAM CHANNEL
//	people watch ana@contoso.com jan@contoso.com
//	people suggest          (interactive: the list follows each keystroke)
//	people suggest "ana k"
//	people explain --organizer ana@contoso.com "jan m"
//	people pick ana@contoso.com jan.mueller@contoso.com
//	people status
//	people refresh
//
// A watch goes on until it is interrupted. It exits with 0 when there was an answer, 1 when the call failed, 2 when the
// command line was wrong, and 4 when there is no such person, group,
// channel or photo.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/alecthomas/kong"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/peopleinsights/peopleinsights/client"
	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
)

// The exit codes beside 0.
const (
	exitFailed   = 1
	exitUsage    = 2
	exitNotFound = 4
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "people:", explain(err))
		os.Exit(exitCode(err))
	}
}

// version is what --version says; make build sets it to what git describe says.
var version = "devel"

// flags is the command line.
type flags struct {
	Address   string        `default:"127.0.0.1:50051" env:"PEOPLE_INSIGHTS_ADDRESS" help:"The service's address, host:port."`
	TLS       bool          `env:"PEOPLE_INSIGHTS_TLS" help:"Speak TLS, trusting the system's roots."`
	CAFile    string        `name:"ca-file" env:"PEOPLE_INSIGHTS_CA_FILE" help:"PEM file to trust beside the system's roots; implies --tls."`
	TokenFile string        `env:"PEOPLE_INSIGHTS_TOKEN_FILE" help:"File with the access token to call with; or set PEOPLE_INSIGHTS_TOKEN."`
	CertFile  string        `env:"PEOPLE_INSIGHTS_CERT_FILE" help:"PEM file with a certificate for a service that wants one of its clients."`
	KeyFile   string        `env:"PEOPLE_INSIGHTS_KEY_FILE" help:"PEM file with the certificate's key."`
	Timeout   time.Duration `default:"5s" env:"PEOPLE_INSIGHTS_TIMEOUT" help:"How long one call may take."`
	Output    string        `short:"o" enum:"text,json" default:"text" help:"Output: text or json (the contract's JSON)."`

	Version kong.VersionFlag `help:"Say which version this is, and exit."`

	Profile profileCommand `cmd:"" help:"Show a person, named by any of their addresses or by id."`
	Photo   photoCommand   `cmd:"" help:"Write a person's photo to a file."`
	Line    lineCommand    `cmd:"" help:"Show whom a person reports to, and who reports to them."`
	Match   matchCommand   `cmd:"" help:"Say whose addresses these are."`
	Group   groupCommand   `cmd:"" help:"Show who is in a group, or in a folder or category of somebody's own contacts."`
	Channel channelCommand `cmd:"" help:"Show who is in a channel of Microsoft Teams."`
	Watch   watchCommand   `cmd:"" help:"Show people, and each change of them as it comes."`
	Suggest suggestCommand `cmd:"" help:"Find people to invite by the first letters of their names and addresses. Without a query, interactively."`
	Explain explainCommand `cmd:"" help:"Say of each suggestion why it stands where it does."`
	Pick    pickCommand    `cmd:"" help:"Tell that somebody was picked, so that they come earlier for that organizer."`
	Status  statusCommand  `cmd:"" help:"Show how the directory stands in the service's memory."`
	Refresh refreshCommand `cmd:"" help:"Have the service read its directory at once."`
	Report  reportCommand  `cmd:"" help:"Show all that the service holds of a person."`
	Erase   eraseCommand   `cmd:"" help:"Remove a person from the service's memory, and keep them out while Microsoft Graph says the same of them."`
}

// session is what a command works with.
type session struct {
	ctx     context.Context
	client  *client.Client
	in      *os.File
	out     io.Writer
	notes   io.Writer // what is not the answer, such as how far it is
	json    bool
	timeout time.Duration
}

// errUsage marks errors of the command line.
var errUsage = errors.New("see people --help")

func run(ctx context.Context, args []string, in *os.File, out, notes io.Writer) error {
	var f flags
	helped := false
	parser, err := kong.New(&f, kong.Name("people"), kong.Description("Ask People Insights who people are."),
		kong.Writers(out, out), kong.Exit(func(int) { helped = true }), kong.UsageOnError(), kong.Vars{"version": version})
	if err != nil {
		return err
	}
	command, err := parser.Parse(args)
	if helped {
		return nil
	}
	if err != nil {
		return fmt.Errorf("%w (%w)", err, errUsage)
	}
	trust, err := f.trust()
	if err != nil {
		return err
	}
	c, err := client.New(client.Config{Address: f.Address, TLS: trust, Timeout: f.Timeout, Token: f.token()})
	if err != nil {
		return err
	}
	defer c.Close()
	return command.Run(&session{ctx: ctx, client: c, in: in, out: out, notes: notes, json: f.Output == "json", timeout: f.Timeout})
}

func (f flags) trust() (*tls.Config, error) {
	certificates, err := f.certificate()
	if err != nil {
		return nil, err
	}
	if f.CAFile == "" && !f.TLS && certificates == nil {
		return nil, nil
	}
	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = x509.NewCertPool()
	}
	if f.CAFile != "" {
		pem, err := os.ReadFile(f.CAFile)
		if err != nil {
			return nil, fmt.Errorf("--ca-file: %w", err)
		}
		if !roots.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("--ca-file %s holds no PEM certificate", f.CAFile)
		}
	}
	return &tls.Config{RootCAs: roots, Certificates: certificates, MinVersion: tls.VersionTLS12}, nil
}

// person reads how somebody names a person.
func person(name string) *pb.PersonRef {
	if strings.Contains(name, "@") {
		return client.ByEmail(name)
	}
	return client.ByID(name)
}

// explain says in one line what went wrong.
func explain(err error) string {
	failed, ok := errors.AsType[interface {
		error
		GRPCStatus() *status.Status
	}](err)
	if !ok {
		return err.Error()
	}
	text := failed.GRPCStatus().Message()
	if reason := client.Reason(err); reason != pb.ErrorReason_ERROR_REASON_UNSPECIFIED {
		text += " (" + strings.TrimPrefix(reason.String(), "ERROR_REASON_") + ")"
	}
	if wait := client.RetryAfter(err); failed.GRPCStatus().Code() == codes.ResourceExhausted && wait > 0 {
		text += ": ask again in " + max(wait.Round(time.Second), time.Second).String()
	}
	return text
}

func exitCode(err error) int {
	switch {
	case errors.Is(err, errUsage), status.Code(err) == codes.InvalidArgument:
		return exitUsage
	case status.Code(err) == codes.NotFound:
		return exitNotFound
	default:
		return exitFailed
	}
}
