package main

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/peopleinsights/peopleinsights/cache"
	"github.com/peopleinsights/peopleinsights/server/auth"
	"github.com/peopleinsights/peopleinsights/server/graph"
	"github.com/peopleinsights/peopleinsights/server/traffic"
)

// tenantConfig is how one organisation is served, by the flags or by a row of the
// configuration file. Names of files are relative to the configuration file's place.
type tenantConfig struct {
	// ID is the tenant's: what stands in its tokens and metrics.
	ID string `yaml:"id"`
	// Domains are those of the organisation's own addresses; addresses of others are not asked
	// for at Microsoft Graph once the directory has been read. Left out, all are.
	Domains   []string          `yaml:"domains"`
	Graph     graphConfig       `yaml:"graph"`
	Directory directoryConfig   `yaml:"directory"`
	Callers   *callersConfig    `yaml:"callers"`
	Policy    auth.PolicyConfig `yaml:"policy"`
	// Limits are what its callers may take; what is left out is as the flags say.
	Limits traffic.Limits `yaml:"limits"`
}

// graphConfig is how a tenant's Microsoft Graph is asked.
type graphConfig struct {
	ClientID                string  `yaml:"client_id"`
	ClientSecretFile        string  `yaml:"client_secret_file"`
	CertificateFile         string  `yaml:"certificate_file"`
	CertificatePasswordFile string  `yaml:"certificate_password_file"`
	SendCertificateChain    bool    `yaml:"send_certificate_chain"`
	FederatedTokenFile      string  `yaml:"federated_token_file"`
	URL                     string  `yaml:"url"`
	AuthorityURL            string  `yaml:"authority_url"`
	CAFile                  string  `yaml:"ca_file"`
	QuotaShare              float64 `yaml:"quota_share"`
}

// directoryConfig is how a tenant's directory is held.
type directoryConfig struct {
	SyncInterval    time.Duration `yaml:"sync_interval"`
	SweepInterval   time.Duration `yaml:"sweep_interval"`
	CacheBytes      int64         `yaml:"cache_bytes"`
	PhotoBytes      int64         `yaml:"photo_bytes"`
	ContactTTL      time.Duration `yaml:"contact_ttl"`
	MaxPeople       int           `yaml:"max_people"`
	MaxRemoved      int           `yaml:"max_removed"`
	MaxRemovedShare float64       `yaml:"max_removed_share"`
}

// callersConfig is by which tokens a tenant's callers are taken.
type callersConfig struct {
	Issuers   []string        `yaml:"issuers"`
	Audiences []string        `yaml:"audiences"`
	CAFile    string          `yaml:"ca_file"`
	Partners  []partnerConfig `yaml:"partners"`
}

// partnerConfig is another organisation whose callers are taken.
type partnerConfig struct {
	ID      string   `yaml:"id"`
	Issuers []string `yaml:"issuers"`
}

// tenantPlan is a tenantConfig that has been checked, with the files read that it names.
type tenantPlan struct {
	id        string
	about     string // whose people these are, in a few words
	graph     graph.Config
	files     [sha256.Size]byte // of what the Graph client reads by itself
	directory directoryConfig
	domains   []string
	callers   *auth.TenantConfig // nil where tokens are not looked at
	policy    auth.PolicyConfig
	shows     *auth.Policy
	limits    traffic.Limits
}

// sameSource tells whether what is held serves another plan as well.
func (p *tenantPlan) sameSource(q *tenantPlan) bool {
	return reflect.DeepEqual(p.graph.Endpoint, q.graph.Endpoint) && p.graph.Credential == q.graph.Credential && p.files == q.files &&
		bytes.Equal(p.graph.CAPEM, q.graph.CAPEM) && p.graph.QuotaShare == q.graph.QuotaShare &&
		p.directory == q.directory && slices.Equal(p.domains, q.domains)
}

// sameShown tells whether callers are taken, and see, as by another plan.
func (p *tenantPlan) sameShown(q *tenantPlan) bool {
	return reflect.DeepEqual(p.callers, q.callers) && reflect.DeepEqual(p.policy, q.policy) && p.limits == q.limits
}

// plans reads who is served, by the flags or the configuration file.
func (c serveConfig) plans(sim *simulated) ([]*tenantPlan, error) {
	if c.ConfigFile == "" {
		plan, err := c.flagPlan(sim)
		return []*tenantPlan{plan}, err
	}
	file, found, err := readConfigFile(c.ConfigFile, tenantConfig{
		Graph: graphConfig{QuotaShare: c.Held.GraphQuotaShare}, Directory: c.Held.directory(), Limits: c.Traffic.limits(),
	})
	if err != nil {
		return nil, err
	}
	plans := file.plans(filepath.Dir(c.ConfigFile), loopback(c.Listen), found)
	return plans, found.err()
}

// plans checks a file's tenants. alone tells that only callers of this machine come.
func (f *configFile) plans(dir string, alone bool, found *faults) (plans []*tenantPlan) {
	ids, domains := map[string]int{}, map[string]int{}
	var callers []auth.TenantConfig
	for i, t := range f.Tenants {
		at := fmt.Sprintf("tenants[%d]", i)
		bad := func(path, what string) { found.add(at+"."+path, what) }
		before := len(found.all)
		plan := t.plan(dir, true, bad)
		if j, taken := ids[strings.ToLower(t.ID)]; taken {
			bad("id", fmt.Sprintf("is that of tenants[%d] too", j))
		}
		ids[strings.ToLower(t.ID)] = i
		for n, d := range t.Domains {
			path := fmt.Sprintf("domains[%d]", n)
			switch j, taken := domains[strings.ToLower(d)]; {
			case !isDomain(d):
				bad(path, fmt.Sprintf("must be a domain such as contoso.com, not %.60q", d))
			case taken && j != i:
				bad(path, fmt.Sprintf("is one of tenants[%d] too", j))
			case taken:
				bad(path, "stands here twice")
			}
			domains[strings.ToLower(d)] = i
		}
		switch {
		case t.Callers != nil:
		case len(f.Tenants) > 1:
			bad("callers", "is missing: which of several tenants a call is of is told by its token")
		case !alone:
			bad("callers", "is missing: where others than this machine's can call, they are told by their tokens")
		}
		if len(found.all) > before {
			continue
		}
		plans = append(plans, plan)
		if plan.callers == nil {
			continue
		}
		// Whose tokens a tenant takes may be wrong beside what others take.
		if verifier, err := auth.NewVerifier(auth.Config{Tenants: append(slices.Clone(callers), *plan.callers)}); err != nil {
			bad("callers", strings.TrimPrefix(err.Error(), "auth: "))
			continue
		} else {
			verifier.Close()
		}
		callers = append(callers, *plan.callers)
	}
	return plans
}

// flagPlan is that of the one tenant that the flags name, or of the simulator.
func (c serveConfig) flagPlan(sim *simulated) (*tenantPlan, error) {
	t := tenantConfig{
		ID:        c.TenantID,
		Graph:     graphConfig{c.ClientID, c.ClientSecretFile, "", "", false, "", c.GraphURL, c.AuthorityURL, c.CAFile, c.Held.GraphQuotaShare},
		Directory: c.Held.directory(),
		Limits:    c.Traffic.limits(),
	}
	if len(c.Issuers) > 0 {
		t.Callers = &callersConfig{Issuers: c.Issuers, Audiences: c.Audiences, CAFile: c.IssuerCAFile}
	}
	if sim != nil {
		t.ID = sim.asking.Credential.TenantID
	}
	var first error
	plan := t.plan("", false, func(path, what string) {
		between := ": "
		if strings.HasPrefix(what, "must ") {
			between = " "
		}
		if first == nil {
			first = fmt.Errorf("%s%s%s (%w)", flagOf(path), between, what, errConfig)
		}
	})
	if plan.callers != nil && first == nil {
		verifier, err := auth.NewVerifier(auth.Config{Tenants: []auth.TenantConfig{*plan.callers}})
		if err != nil {
			return nil, fmt.Errorf("--issuer, --audience or --issuer-ca-file: %w (%w)", err, errConfig)
		}
		verifier.Close()
	}
	if first != nil {
		return nil, first
	}
	if sim != nil {
		plan.about = sim.about
		plan.graph.Endpoint, plan.graph.Credential, plan.graph.CAPEM = sim.asking.Endpoint, sim.asking.Credential, sim.asking.CAPEM
		return plan, nil
	}
	// The environment that azidentity's users know.
	of := &plan.graph.Credential
	of.ClientSecret = cmp.Or(of.ClientSecret, os.Getenv("AZURE_CLIENT_SECRET"))
	of.CertificateFile, of.CertificatePassword = os.Getenv("AZURE_CLIENT_CERTIFICATE_PATH"), os.Getenv("AZURE_CLIENT_CERTIFICATE_PASSWORD")
	of.SendCertificate = isTrue(os.Getenv("AZURE_CLIENT_SEND_CERTIFICATE_CHAIN"))
	of.FederatedTokenFile = os.Getenv("AZURE_FEDERATED_TOKEN_FILE")
	if of.CertificateFile != "" {
		text, err := readSmall(of.CertificateFile)
		if err != nil {
			return nil, fmt.Errorf("AZURE_CLIENT_CERTIFICATE_PATH: %w (%w)", err, errConfig)
		}
		plan.files = sha256.Sum256(text)
	}
	return plan, nil
}

// flagOf is the flag that says what a field of a file says.
func flagOf(path string) string {
	switch path {
	case "id":
		return "--tenant-id"
	case "graph.url", "graph.authority_url":
		return "--graph-url or --authority-url"
	case "graph.quota_share":
		return "--graph-quota-share"
	case "callers.ca_file":
		return "--issuer-ca-file"
	}
	switch field := path[strings.LastIndexByte(path, '.')+1:]; {
	case strings.HasPrefix(field, "issuers"):
		return "--issuer"
	case strings.HasPrefix(field, "audiences"):
		return "--audience"
	default:
		return "--" + strings.ReplaceAll(field, "_", "-")
	}
}

// directory is how directories are held, as the flags say.
func (c heldConfig) directory() directoryConfig {
	return directoryConfig{c.SyncInterval, c.SweepInterval, c.CacheBytes, c.PhotoBytes, c.ContactTTL, c.MaxPeople, c.MaxRemoved, c.MaxRemovedShare}
}

// plan checks a tenant's configuration, and reads the files that it names. bad hears of each
// fault; then the plan is of no use. byFile tells that nothing comes from the environment.
func (t tenantConfig) plan(dir string, byFile bool, bad func(path, what string)) *tenantPlan {
	p := &tenantPlan{id: strings.ToLower(t.ID), directory: t.Directory, domains: t.Domains, policy: t.Policy, limits: t.Limits}
	if (byFile || t.Callers != nil) && !isTenantID(t.ID) {
		bad("id", fmt.Sprintf("must be the tenant's id, such as 3f2504e0-4f89-41d3-9a0c-0305e82c3301, by which tokens name it, not %.60q", t.ID))
	}
	read := func(path, name string) []byte {
		if name == "" {
			return nil
		}
		text, err := readSmall(in(dir, name))
		var unread *fs.PathError
		switch {
		case errors.As(err, &unread): // without the name: a secret may stand in its place
			bad(path, "cannot be read: "+unread.Err.Error())
		case err != nil:
			bad(path, err.Error())
		case len(bytes.TrimSpace(text)) == 0:
			bad(path, "is empty")
		}
		return text
	}
	t.Graph.plan(p, dir, byFile, read, bad)
	t.Directory.check(bad)
	t.Limits.Check(func(path, what string) { bad("limits."+path, what) })
	if t.Callers != nil {
		p.callers = t.Callers.plan(p.id, read, bad)
	}
	p.shows = auth.NewPolicy(t.Policy, func(path, what string) { bad("policy."+path, what) })
	return p
}

// plan says how Microsoft Graph is asked.
func (g graphConfig) plan(p *tenantPlan, dir string, byFile bool, read func(path, name string) []byte, bad func(path, what string)) {
	var err error
	if p.graph.Endpoint, err = graph.NewEndpoint(g.URL, g.AuthorityURL); err != nil {
		path := "graph.url"
		if _, alone := graph.NewEndpoint(g.URL, graph.PublicAuthority); alone == nil {
			path = "graph.authority_url"
		}
		bad(path, err.Error())
	} else {
		p.about = fmt.Sprintf("tenant %s, read from %s", p.id, p.graph.Endpoint.URL)
	}
	p.graph.Credential = graph.Credential{
		TenantID: p.id, ClientID: g.ClientID, ClientSecret: line(read("graph.client_secret_file", g.ClientSecretFile)),
		CertificatePassword: line(read("graph.certificate_password_file", g.CertificatePasswordFile)), SendCertificate: g.SendCertificateChain,
	}
	if g.CertificateFile != "" {
		p.graph.Credential.CertificateFile = in(dir, g.CertificateFile)
		p.files = sha256.Sum256(read("graph.certificate_file", g.CertificateFile))
	}
	if g.FederatedTokenFile != "" {
		p.graph.Credential.FederatedTokenFile = in(dir, g.FederatedTokenFile)
		read("graph.federated_token_file", g.FederatedTokenFile) // it is renewed all the time
	}
	p.graph.CAPEM = read("graph.ca_file", g.CAFile)
	if p.graph.QuotaShare = g.QuotaShare; !(g.QuotaShare >= 0.01 && g.QuotaShare <= 1) { // not a number is neither
		bad("graph.quota_share", fmt.Sprintf("must be from 0.01 to 1, not %v", g.QuotaShare))
	}
	if !byFile {
		return
	}
	ways := 0
	for _, file := range []string{g.ClientSecretFile, g.CertificateFile, g.FederatedTokenFile} {
		if file != "" {
			ways++
		}
	}
	switch {
	case ways > 1:
		bad("graph", "has several ways to sign in: want one of client_secret_file, certificate_file and federated_token_file, or none of them for the machine's managed identity")
	case g.CertificateFile == "" && (g.CertificatePasswordFile != "" || g.SendCertificateChain):
		bad("graph", "has certificate_password_file or send_certificate_chain without certificate_file")
	case ways == 1 && g.ClientID == "":
		bad("graph.client_id", "is missing: the id of the registered app that signs in")
	case p.graph.CAPEM != nil && !x509.NewCertPool().AppendCertsFromPEM(p.graph.CAPEM):
		bad("graph.ca_file", "must hold certificates as PEM")
	default:
		// The library that signs in reads what it signs in with, and asks nobody for it.
		if client, err := graph.New(p.graph); err == nil {
			client.Close()
		} else if g.CertificateFile != "" {
			bad("graph.certificate_file", "must hold a certificate and its key, as PEM or as PKCS #12, the latter with the password of certificate_password_file if it has one")
		} else {
			bad("graph", strings.TrimPrefix(err.Error(), "graph: "))
		}
	}
}

// check refuses what cannot be meant.
func (d directoryConfig) check(bad func(path, what string)) {
	for _, row := range []struct {
		wrong bool
		field string
		must  string
		is    any
	}{
		{d.SyncInterval < 100*time.Millisecond, "sync_interval", "100ms or more", d.SyncInterval},
		{d.SweepInterval < time.Second, "sweep_interval", "1s or more", d.SweepInterval},
		{d.CacheBytes < 1<<16, "cache_bytes", "65536 or more", d.CacheBytes},
		{d.PhotoBytes < 1<<20, "photo_bytes", "1048576 or more", d.PhotoBytes},
		{d.ContactTTL < 0 || d.ContactTTL > maxContactTTL, "contact_ttl", fmt.Sprintf("from 0 to %v", maxContactTTL), d.ContactTTL},
		{d.MaxPeople < 1, "max_people", "1 or more", d.MaxPeople},
		{d.MaxRemoved < 1, "max_removed", "1 or more", d.MaxRemoved},
		{!(d.MaxRemovedShare > 0 && d.MaxRemovedShare <= 1), "max_removed_share", "more than 0 and at most 1", d.MaxRemovedShare}, // not a number is neither
	} {
		if row.wrong {
			bad("directory."+row.field, fmt.Sprintf("must be %s, not %v", row.must, row.is))
		}
	}
}

// plan says whose tokens are taken.
func (c callersConfig) plan(id string, read func(path, name string) []byte, bad func(path, what string)) *auth.TenantConfig {
	issuers := func(path string, names []string) {
		if len(names) == 0 {
			bad(path, "must name an issuer at least, as its tokens have it in iss")
		}
		for i, name := range names {
			if err := auth.CheckIssuer(name); err != nil {
				bad(fmt.Sprintf("%s[%d]", path, i), err.Error())
			}
		}
	}
	of := &auth.TenantConfig{ID: id, Issuers: c.Issuers, Audiences: c.Audiences, CAPEM: read("callers.ca_file", c.CAFile)}
	issuers("callers.issuers", c.Issuers)
	if len(c.Audiences) == 0 || slices.Contains(c.Audiences, "") {
		bad("callers.audiences", "must name the app id of this service as registered, and api://… for v1 tokens")
	}
	for i, partner := range c.Partners {
		path := fmt.Sprintf("callers.partners[%d]", i)
		if !isTenantID(partner.ID) || strings.EqualFold(partner.ID, id) {
			bad(path+".id", "must be the id of another tenant, by which tokens name it")
		}
		issuers(path+".issuers", partner.Issuers)
		of.Partners = append(of.Partners, auth.PartnerConfig{ID: strings.ToLower(partner.ID), Issuers: partner.Issuers})
	}
	return of
}

// cache says how the directory of a source is held.
func (d directoryConfig) cache(source cache.Source, domains []string, log *slog.Logger) cache.Config {
	return cache.Config{
		Source: source, SyncInterval: d.SyncInterval, CacheBytes: d.CacheBytes, PhotoBytes: d.PhotoBytes, MaxPeople: d.MaxPeople,
		MaxRemoved: d.MaxRemoved, MaxRemovedShare: d.MaxRemovedShare, SweepInterval: d.SweepInterval, Domains: domains, Log: log,
	}
}

// maxSecretFile is how large a file of a secret or of certificates may be, in bytes.
const maxSecretFile = 1 << 20

// readSmall reads a file that must not be large, as a device would be.
func readSmall(name string) ([]byte, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxSecretFile+1))
	if err == nil && len(text) > maxSecretFile {
		err = errors.New("has more than 1 MiB")
	}
	return text, err
}

// in is where a file lies that is named in a directory's.
func in(dir, name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(dir, name)
}

// line is a secret as it stands in a file, without the end of its line.
func line(text []byte) string { return string(bytes.TrimRight(text, "\r\n")) }

// isTenantID tells an id from a domain.
func isTenantID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i, r := range s {
		if i == 8 || i == 13 || i == 18 || i == 23 {
			if r != '-' {
				return false
			}
		} else if !strings.ContainsRune("0123456789abcdefABCDEF", r) {
			return false
		}
	}
	return true
}

// isDomain tells what may be a domain.
func isDomain(s string) bool {
	if len(s) > 253 || !strings.Contains(s, ".") || net.ParseIP(s) != nil {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 || strings.Trim(label, "-") != label || strings.ContainsFunc(label, func(r rune) bool {
			return r < 0x80 && r != '-' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
		}) {
			return false
		}
	}
	return true
}
