package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/peopleinsights/peopleinsights/server/simulator"
)

// serveConfig is how the service is configured: by flags, or by the environment.
type serveConfig struct {
	Listen       string `default:"127.0.0.1:50051" env:"PEOPLE_INSIGHTS_LISTEN" help:"Address to serve gRPC on."`
	TLSCertFile  string `name:"tls-cert-file" env:"PEOPLE_INSIGHTS_TLS_CERT_FILE" help:"PEM file with the server's certificate chain."`
	TLSKeyFile   string `name:"tls-key-file" env:"PEOPLE_INSIGHTS_TLS_KEY_FILE" help:"PEM file with the certificate's key."`
	ClientCAFile string `name:"client-ca-file" env:"PEOPLE_INSIGHTS_CLIENT_CA_FILE" help:"PEM file of those whose clients alone may connect: every client needs a certificate that one of them signed."`
	Insecure     bool   `env:"PEOPLE_INSIGHTS_INSECURE" help:"Allow plain text beyond loopback."`

	Issuers      []string `name:"issuer" env:"PEOPLE_INSIGHTS_ISSUER" placeholder:"https://login.microsoftonline.com/TENANT-ID/v2.0" help:"Who signs callers' tokens, as tokens have it in iss; may be given more than once. Without one, whoever reaches a loopback address may ask everything, and nobody else anything."`
	Audiences    []string `name:"audience" env:"PEOPLE_INSIGHTS_AUDIENCE" help:"Whom callers' tokens are for: the app id of this service as registered, or api://… for v1 tokens; may be given more than once."`
	IssuerCAFile string   `name:"issuer-ca-file" env:"PEOPLE_INSIGHTS_ISSUER_CA_FILE" help:"PEM file to trust for the issuers, beside the system's roots."`

	ConfigFile string `name:"config" env:"PEOPLE_INSIGHTS_CONFIG" placeholder:"FILE" help:"YAML file of the tenants to serve, in place of --tenant-id and what goes with it; the README says what stands there. It is read again on SIGHUP."`

	TenantID         string `env:"PEOPLE_INSIGHTS_TENANT_ID,AZURE_TENANT_ID" help:"Tenant to serve: its id or a verified domain. Without one, the simulator is served."`
	ClientID         string `env:"PEOPLE_INSIGHTS_CLIENT_ID,AZURE_CLIENT_ID" help:"The registered app to sign in as."`
	ClientSecretFile string `env:"PEOPLE_INSIGHTS_CLIENT_SECRET_FILE" help:"File with the app's secret; or set AZURE_CLIENT_SECRET. Without either: AZURE_CLIENT_CERTIFICATE_PATH, AZURE_FEDERATED_TOKEN_FILE, or the machine's managed identity."`
	GraphURL         string `name:"graph-url" env:"PEOPLE_INSIGHTS_GRAPH_URL" help:"Microsoft Graph, version included; the global cloud's by default."`
	AuthorityURL     string `name:"authority-url" env:"PEOPLE_INSIGHTS_AUTHORITY_URL,AZURE_AUTHORITY_HOST" help:"Host that signs in; by default the one that belongs to the Graph URL's cloud."`
	CAFile           string `name:"ca-file" env:"PEOPLE_INSIGHTS_CA_FILE" help:"PEM file to trust for both, beside the system's roots."`

	MetricsListen string `env:"PEOPLE_INSIGHTS_METRICS_LISTEN" help:"Address to serve metrics, /healthz and /readyz on, or off; 127.0.0.1:9464 by default, or a free port where that is taken."`

	LogLevel string `default:"info" enum:"debug,info,warn,error" env:"PEOPLE_INSIGHTS_LOG_LEVEL" help:"Least level to log: debug, info, warn or error."`

	Held      heldConfig      `embed:""`
	Traffic   trafficConfig   `embed:""`
	Audit     auditConfig     `embed:""`
	Simulated simulatedConfig `embed:""`
}

// heldConfig is how directories are held, unless the configuration file says otherwise of a
// tenant's.
type heldConfig struct {
	SyncInterval    time.Duration `default:"1m" env:"PEOPLE_INSIGHTS_SYNC_INTERVAL" help:"Time between two rounds of changes."`
	CacheBytes      int64         `default:"67108864" env:"PEOPLE_INSIGHTS_CACHE_BYTES" help:"Bytes for what is kept beside the directory: assembled profiles, people read through, absences."`
	PhotoBytes      int64         `default:"67108864" env:"PEOPLE_INSIGHTS_PHOTO_BYTES" help:"Bytes for photos."`
	ContactTTL      time.Duration `name:"contact-ttl" default:"10m" env:"PEOPLE_INSIGHTS_CONTACT_TTL" help:"How long somebody's own Outlook contacts are kept in memory after they were read, for them alone; 0 keeps nothing."`
	MaxPeople       int           `default:"2000000" env:"PEOPLE_INSIGHTS_MAX_PEOPLE" help:"Most people to hold; a larger directory is refused."`
	MaxRemoved      int           `default:"50" env:"PEOPLE_INSIGHTS_MAX_REMOVED" help:"Most people who may go at once without an operator's word, unless they are fewer than --max-removed-share."`
	MaxRemovedShare float64       `default:"0.05" env:"PEOPLE_INSIGHTS_MAX_REMOVED_SHARE" help:"Share of the people held who may go at once, from 0 to 1; 1 lets everybody go."`
	SweepInterval   time.Duration `default:"24h" env:"PEOPLE_INSIGHTS_SWEEP_INTERVAL" help:"Time between two comparisons with all that Graph lists; the first comes an hour after the start, or earlier if this is less."`
	GraphQuotaShare float64       `default:"0.5" env:"PEOPLE_INSIGHTS_GRAPH_QUOTA_SHARE" help:"Share of Graph's limit for the tenant that may be spent, from 0.01 to 1."`
}

// simulatedConfig is whom the simulator makes up.
type simulatedConfig struct {
	People    int      `name:"simulator-people" env:"PEOPLE_INSIGHTS_SIMULATOR_PEOPLE" help:"Simulate a tenant of so many invented people, in place of the built-in company."`
	Seed      uint64   `name:"simulator-seed" default:"1" env:"PEOPLE_INSIGHTS_SIMULATOR_SEED" help:"Which people to invent: the same seed, the same people."`
	Admin     string   `name:"simulator-admin-listen" env:"PEOPLE_INSIGHTS_SIMULATOR_ADMIN_LISTEN" help:"Loopback address for the simulator's own API, which changes people and makes things go wrong; its first page says how."`
	Faults    []string `name:"simulator-fault" sep:"none" placeholder:"path=/users/delta,status=503,times=3" help:"Have the simulator fail so; may be given more than once."`
	TenantID  string   `name:"simulator-tenant-id" env:"PEOPLE_INSIGHTS_SIMULATOR_TENANT_ID" help:"Id of the simulated tenant, in place of a fixed one: so that several can be simulated beside each other."`
	Churn     int      `name:"simulator-churn" env:"PEOPLE_INSIGHTS_SIMULATOR_CHURN" help:"Make so many random changes to the simulated people and groups each second."`
	Directory string   `name:"simulator-directory" env:"PEOPLE_INSIGHTS_SIMULATOR_DIRECTORY" help:"Simulate a tenant of these people: JSON Lines of Graph user resources, managerId naming the manager."`
}

// simulateConfig is how the simulator is served alone.
type simulateConfig struct {
	Listen    string          `default:"127.0.0.1:8443" env:"PEOPLE_INSIGHTS_LISTEN" help:"Address to serve https on."`
	CAOut     string          `name:"ca-out" default:"simulator-ca.pem" help:"File to write the certificate to trust to."`
	Simulated simulatedConfig `embed:""`
}

// serve starts the simulator of a directory, as the flags say, at an address; empty for
// a free port. What it returns stops it.
func (c simulatedConfig) serve(directory *simulator.Directory, listen string) (*simulator.Simulator, func(), error) {
	var faults []simulator.Fault
	for _, text := range c.Faults {
		fault, err := simulator.ParseFault(text)
		if err != nil {
			return nil, nil, fmt.Errorf("--simulator-fault: %w (%w)", err, errConfig)
		}
		faults = append(faults, fault)
	}
	sim, err := simulator.New(simulator.Config{Listen: listen, AdminListen: c.Admin, TenantID: c.TenantID}, directory)
	if err != nil {
		return nil, nil, err
	}
	for _, fault := range faults {
		sim.Fail(fault)
	}
	ctx, stop := context.WithCancel(context.Background())
	var churning sync.WaitGroup
	if c.Churn > 0 {
		churning.Go(func() { churn(ctx, directory, c.Churn) })
	}
	return sim, func() { stop(); churning.Wait(); _ = sim.Close() }, nil
}

// churn changes people and groups each second.
func churn(ctx context.Context, directory *simulator.Directory, changes int) {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for seed := uint64(1); ; seed++ {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			_ = directory.Churn(changes, seed) // a change that is not possible is no loss
		}
	}
}

// given tells whether anything but the seed is set.
func (c simulatedConfig) given() bool {
	return c.People != 0 || c.Directory != "" || c.Admin != "" || c.TenantID != "" || len(c.Faults) > 0 || c.Churn != 0
}

// maxInvented bounds how many people are invented: each takes 1.3 KB.
const maxInvented = 5_000_000

// maxChurn bounds the changes of a second: each takes some 35 µs.
const maxChurn = 10_000

// directory makes up the simulator's people, and says who they are.
func (c simulatedConfig) directory() (*simulator.Directory, string, error) {
	switch {
	case c.People < 0 || c.People > maxInvented:
		return nil, "", fmt.Errorf("--simulator-people must be from 1 to %d (%w)", maxInvented, errConfig)
	case c.Churn < 0 || c.Churn > maxChurn:
		return nil, "", fmt.Errorf("--simulator-churn must be from 1 to %d (%w)", maxChurn, errConfig)
	case c.TenantID != "" && !isTenantID(c.TenantID):
		return nil, "", fmt.Errorf("--simulator-tenant-id must be an id such as 3f2504e0-4f89-41d3-9a0c-0305e82c3301 (%w)", errConfig)
	case c.People > 0 && c.Directory != "":
		return nil, "", fmt.Errorf("give --simulator-people or --simulator-directory, not both (%w)", errConfig)
	case c.Directory != "":
		file, err := os.Open(c.Directory)
		if err != nil {
			return nil, "", fmt.Errorf("--simulator-directory: %w (%w)", err, errConfig)
		}
		defer file.Close()
		directory, err := simulator.Load(file, c.Directory)
		if err != nil {
			return nil, "", fmt.Errorf("%w (%w)", err, errConfig)
		}
		return directory, "the people of " + c.Directory, nil
	case c.People > 0:
		return simulator.Invent(c.People, c.Seed), fmt.Sprintf("an invented tenant (seed %d)", c.Seed), nil
	default:
		return simulator.Company(), "a small made-up company", nil
	}
}

// maxContactTTL bounds how long contacts are kept: they are nobody's to store.
const maxContactTTL = time.Hour

// check refuses what cannot be meant.
func (c serveConfig) check() error {
	problem := func(text string) error { return fmt.Errorf("%s (%w)", text, errConfig) }
	switch {
	case c.ConfigFile != "" && (c.TenantID != "" || c.ClientID != "" || c.GraphURL != "" || c.AuthorityURL != "" || c.ClientSecretFile != "" || c.CAFile != ""):
		return problem("--config names the tenants: leave out --tenant-id (AZURE_TENANT_ID), --client-id (AZURE_CLIENT_ID), --client-secret-file, --graph-url, --authority-url (AZURE_AUTHORITY_HOST) and --ca-file")
	case c.ConfigFile != "" && (len(c.Issuers) > 0 || len(c.Audiences) > 0 || c.IssuerCAFile != ""):
		return problem("--config says whose tokens are taken, by callers: leave out --issuer, --audience and --issuer-ca-file")
	case c.ConfigFile != "" && c.Simulated.given():
		return problem("--config names tenants, so nothing is simulated: leave out --simulator-…")
	case c.ConfigFile == "" && c.TenantID == "" && (c.GraphURL != "" || c.ClientSecretFile != "" || c.CAFile != ""):
		return problem("--graph-url, --client-secret-file and --ca-file need --tenant-id beside them")
	case c.TenantID != "" && c.Simulated.given():
		return problem("a tenant is configured, so nothing is simulated: leave out --tenant-id (AZURE_TENANT_ID) or --simulator-…")
	case (c.TLSCertFile == "") != (c.TLSKeyFile == ""):
		return problem("--tls-cert-file and --tls-key-file go together")
	}
	if err := c.Traffic.check(); err != nil {
		return err
	}
	if err := c.checkCallers(); err != nil {
		return err
	}
	if err := c.Audit.check(); err != nil {
		return err
	}
	return c.checkListen()
}

// checkListen refuses to show a company's people to the network in plain text by
// accident.
func (c serveConfig) checkListen() error {
	if _, _, err := net.SplitHostPort(c.Listen); err != nil {
		return fmt.Errorf("--listen must be host:port: %w (%w)", err, errConfig)
	}
	if loopback(c.Listen) || c.TLSCertFile != "" || c.Insecure {
		return nil
	}
	return fmt.Errorf("--listen %s reaches beyond this machine in plain text: give --tls-cert-file and --tls-key-file, or --insecure if something else protects it (%w)", c.Listen, errConfig)
}

func isTrue(value string) bool { return value == "1" || strings.EqualFold(value, "true") }
