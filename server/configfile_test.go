package main

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/peopleinsights/peopleinsights/server/auth"
	"github.com/peopleinsights/peopleinsights/server/traffic"
)

// defaultsOfTests are those of the flags, as far as tests look at them.
var defaultsOfTests = tenantConfig{
	Graph:  graphConfig{QuotaShare: 0.5},
	Limits: traffic.Limits{UserRate: 50, UserBurst: 200},
	Directory: directoryConfig{SyncInterval: time.Minute, SweepInterval: 24 * time.Hour, CacheBytes: 64 << 20, PhotoBytes: 64 << 20,
		ContactTTL: 10 * time.Minute, MaxPeople: 2_000_000, MaxRemoved: 50, MaxRemovedShare: 0.05},
}

const wholeFile = `# Two tenants.
tenants:
  - id: 3F2504E0-4F89-41D3-9A0C-0305E82C3301
    domains: [contoso.com, eu.contoso.com]
    graph:
      client_id: 5d1d3c8e-0000-4000-8000-000000000001
      client_secret_file: contoso.secret
      quota_share: 0.25
    directory:
      sync_interval: 30s
      max_people: 50000
      contact_ttl: 0s
    callers:
      issuers:
        - https://login.microsoftonline.com/3f2504e0-4f89-41d3-9a0c-0305e82c3301/v2.0
      audiences: [5d1d3c8e-0000-4000-8000-00000000000a]
      partners:
        - id: 22222222-2222-4333-8444-555555555555
          issuers: [https://login.microsoftonline.com/22222222-2222-4333-8444-555555555555/v2.0]
    limits: {user_rate: 20, app_people_per_hour: 7}
    policy:
      guests:
        fields: [display_name, photo]
        unlisted: false
      hidden:
        - person: 00000000-0000-4000-8000-000000000004
          from: [guests, partners]
  - id: 11111111-2222-4333-8444-555555555555
    graph: {certificate_file: fabrikam.pfx, client_id: a, send_certificate_chain: true}
    callers:
      issuers: [https://login.microsoftonline.com/11111111-2222-4333-8444-555555555555/v2.0]
      audiences: [5d1d3c8e-0000-4000-8000-00000000000a]
    policy:
`

// appCertificate is one that an app can sign in with, and its key, as PEM.
var appCertificate = sync.OnceValue(func() string {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		panic(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		panic(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate})) +
		string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}))
})

// filesOfTests writes the files that configurations of tests name.
func filesOfTests(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"contoso.secret": "s3cret\r\n", "fabrikam.pfx": appCertificate(), "empty": "\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestConfigFile(t *testing.T) {
	dir := filesOfTests(t)
	file, found := parseConfigFile("tenants.yaml", []byte(wholeFile), defaultsOfTests)
	plans := file.plans(dir, false, found)
	if err := found.err(); err != nil {
		t.Fatal(err)
	}
	if len(plans) != 2 {
		t.Fatalf("%d tenants, want 2", len(plans))
	}
	no, one := false, plans[0]
	want := defaultsOfTests.Directory
	want.SyncInterval, want.MaxPeople, want.ContactTTL = 30*time.Second, 50_000, 0
	if one.id != "3f2504e0-4f89-41d3-9a0c-0305e82c3301" || one.directory != want || one.graph.QuotaShare != 0.25 ||
		one.graph.Credential.ClientSecret != "s3cret" || !strings.Contains(one.about, one.id) {
		t.Errorf("the first tenant is %+v", one)
	}
	if want := (traffic.Limits{UserRate: 20, UserBurst: 200, AppPeoplePerHour: 7}); one.limits != want {
		t.Errorf("the first tenant's limits are %+v, want %+v", one.limits, want)
	}
	policy := auth.PolicyConfig{
		Guests: auth.AudienceConfig{Fields: []string{"display_name", "photo"}, Unlisted: &no},
		Hidden: []auth.HiddenConfig{{Person: "00000000-0000-4000-8000-000000000004", From: []string{"guests", "partners"}}},
	}
	if d := cmp.Diff(policy, one.policy); d != "" {
		t.Error(d)
	}
	if len(one.callers.Partners) != 1 || one.callers.Partners[0].ID != "22222222-2222-4333-8444-555555555555" || len(one.domains) != 2 {
		t.Errorf("the first tenant's callers are %+v", one.callers)
	}
	other := plans[1]
	if other.limits != defaultsOfTests.Limits {
		t.Errorf("the second tenant's limits are %+v", other.limits)
	}
	if other.directory != defaultsOfTests.Directory || other.graph.QuotaShare != 0.5 || other.graph.Credential.CertificateFile != filepath.Join(dir, "fabrikam.pfx") ||
		!other.graph.Credential.SendCertificate || other.graph.Credential.ClientSecret != "" {
		t.Errorf("the second tenant is %+v", other)
	}

	for what, change := range map[string]string{"sync_interval: 30s": "sync_interval: 31s", "eu.contoso.com": "us.contoso.com", "000001\n": "000002\n", "share: 0.25": "share: 0.26"} {
		file, found := parseConfigFile("tenants.yaml", []byte(strings.Replace(wholeFile, what, change, 1)), defaultsOfTests)
		if p := file.plans(dir, false, found); p[0].sameSource(one) || !p[0].sameShown(one) {
			t.Errorf("%s is held alike, or shown otherwise", change)
		}
	}

	// What is read again is the same, until a file that it names is another.
	again := func() []*tenantPlan {
		file, found := parseConfigFile("tenants.yaml", []byte(wholeFile), defaultsOfTests)
		return file.plans(dir, false, found)
	}
	for i, p := range again() {
		if !p.sameSource(plans[i]) || !p.sameShown(plans[i]) {
			t.Errorf("tenant %d is another when read again", i)
		}
	}
	for _, changed := range [][2]string{{"fabrikam.pfx", "\n" + appCertificate()}, {"contoso.secret", "another"}} {
		name := changed[0]
		if err := os.WriteFile(filepath.Join(dir, name), []byte(changed[1]), 0o600); err != nil {
			t.Fatal(err)
		}
		if p := again(); p[1].sameSource(plans[1]) || p[0].sameSource(plans[0]) != (name == "fabrikam.pfx") {
			t.Errorf("another %s is not told from the one before, or told of another tenant", name)
		}
	}
}

// TestWrongConfigFiles changes the file in one way each, and looks for line and field.
func TestWrongConfigFiles(t *testing.T) {
	dir := filesOfTests(t)
	for _, row := range []struct {
		from, to string
		says     string
	}{
		{wholeFile, "", "t.yaml:1: tenants: is missing"},
		{wholeFile, "# nothing\n", "t.yaml:1: tenants: is missing"},
		{wholeFile, "tenants: []\n", "t.yaml:1: tenants: must name a tenant"},
		{wholeFile, "- a\n", "t.yaml:1: must be a mapping"},
		{wholeFile, "tenants: 5\n", "t.yaml:1: tenants: must be a list"},
		{wholeFile, "tenants: [5]\n", "t.yaml:1: tenants[0]: must be a mapping"},
		{wholeFile, "tenants: [null]\n", "t.yaml:1: tenants[0]: is empty"},
		{wholeFile, wholeFile + "---\nx: 1\n", "begins a second document"},
		{wholeFile, strings.Repeat("#", maxConfigFile+1), "more than 1 MiB"},
		{"tenants:", "tennants:", "t.yaml:2: there is no \"tennants\" here; there are tenants"},
		{"    domains:", "\tdomains:", "is no YAML"},
		{"# Two tenants.", "a: [", "is no YAML"},
		{"    domains: [contoso.com, eu.contoso.com]", "    domains: &d [contoso.com]", "t.yaml:4: tenants[0].domains: anchors and aliases"},
		{"    domains: [contoso.com, eu.contoso.com]", "    domains: [contoso.com, CONTOSO.com]", "t.yaml:4: tenants[0].domains[1]: stands here twice"},
		{"    domains: [contoso.com, eu.contoso.com]", "    domains: [contoso.com, 'a b.com']", "t.yaml:4: tenants[0].domains[1]: must be a domain"},
		{"    domains: [contoso.com, eu.contoso.com]", "    domains: contoso.com", "t.yaml:4: tenants[0].domains: must be a list"},
		{"    domains: [contoso.com, eu.contoso.com]", "    id: x", "t.yaml:4: tenants[0].id: stands here twice"},
		{"3F2504E0-4F89-41D3-9A0C-0305E82C3301", "contoso.com", "t.yaml:3: tenants[0].id: must be the tenant's id"},
		{"  - id: 3F2504E0-4F89-41D3-9A0C-0305E82C3301\n    domains", "  - domains", "t.yaml:3: tenants[0].id: must be the tenant's id"},
		{"3F2504E0-4F89-41D3-9A0C-0305E82C3301", "11111111-2222-4333-8444-555555555555", "t.yaml:28: tenants[1].id: is that of tenants[0] too"},
		{"client_secret_file: contoso.secret", "client_secret: s3cret", "t.yaml:7: tenants[0].graph: secrets do not stand in this file: name a file that holds it, by client_secret_file"},
		{"client_secret_file: contoso.secret", "client_secret_file: none", "t.yaml:7: tenants[0].graph.client_secret_file: cannot be read: no such file"},
		{"client_secret_file: contoso.secret", "client_secret_file: empty", "t.yaml:7: tenants[0].graph.client_secret_file: is empty"},
		{"client_secret_file: contoso.secret", "client_secret_file: [a]", "t.yaml:7: tenants[0].graph.client_secret_file: must be one value"},
		{"client_secret_file: contoso.secret", "certificate_file: contoso.secret\n      federated_token_file: x", "t.yaml:5: tenants[0].graph: has several ways to sign in"},
		{"      client_id: 5d1d3c8e-0000-4000-8000-000000000001\n", "", "t.yaml:5: tenants[0].graph.client_id: is missing"},
		{"quota_share: 0.25", "quota_share: 2", "t.yaml:8: tenants[0].graph.quota_share: must be from 0.01 to 1, not 2"},
		{"quota_share: 0.25", "quota_share: nan", "t.yaml:8: tenants[0].graph.quota_share: must be from 0.01 to 1"},
		{"quota_share: 0.25", "quota_share: half", `t.yaml:8: tenants[0].graph.quota_share: must be a number, not "half"`},
		{"quota_share: 0.25", "url: ftp://x", "t.yaml:8: tenants[0].graph.url:"},
		{"quota_share: 0.25", "authority_url: http://x", "t.yaml:8: tenants[0].graph.authority_url:"},
		{"quota_share: 0.25", "send_certificate_chain: true", "t.yaml:5: tenants[0].graph: has certificate_password_file or"},
		{"client_secret_file: contoso.secret", "client_secret_file: !!binary Y29udG9zby5zZWNyZXQ=", "t.yaml:7: tenants[0].graph.client_secret_file: tags are not taken"},
		{"client_secret_file: contoso.secret", "federated_token_file: none", "t.yaml:7: tenants[0].graph.federated_token_file: cannot be read"},
		{"certificate_file: fabrikam.pfx", "certificate_file: fabrikam.pfx, certificate_password_file: contoso.secret", "t.yaml:29: tenants[1].graph.certificate_file:"},
		{"sync_interval: 30s", "sync_interval: 30", "t.yaml:10: tenants[0].directory.sync_interval: must be a duration"},
		{"sync_interval: 30s", "sync_interval: 1ms", "t.yaml:10: tenants[0].directory.sync_interval: must be 100ms or more, not 1ms"},
		{"max_people: 50000", "max_people: 5e4", "t.yaml:11: tenants[0].directory.max_people: must be a whole number"},
		{"max_people: 50000", "max_people: 0", "t.yaml:11: tenants[0].directory.max_people: must be 1 or more"},
		{"contact_ttl: 0s", "contact_ttl: 2h", "t.yaml:12: tenants[0].directory.contact_ttl: must be from 0 to 1h0m0s"},
		{"    callers:\n      issuers:\n", "    callers:\n      issuer:\n", "t.yaml:14: tenants[0].callers: there is no \"issuer\" here"},
		{"        - https://login.microsoftonline.com/3f", "        - http://login.microsoftonline.com/3f", "t.yaml:15: tenants[0].callers.issuers[0]: an issuer must be like"},
		{"      audiences: [5d1d3c8e-0000-4000-8000-00000000000a]\n      partners", "      partners", "t.yaml:13: tenants[0].callers.audiences: must name"},
		{"        - id: 22222222-2222-4333-8444-555555555555", "        - id: 3f2504e0-4f89-41d3-9a0c-0305e82c3301", "t.yaml:18: tenants[0].callers.partners[0].id: must be the id of another"},
		{"22222222-2222-4333-8444-555555555555/v2.0]", "22222222-2222-4333-8444-555555555555/v2.0, '']", "t.yaml:19: tenants[0].callers.partners[0].issuers[1]: an issuer must"},
		{"    callers:\n      issuers: [https://login.microsoftonline.com/11111111", "    callers:\n      issuers: [https://login.microsoftonline.com/22222222", ""},
		{"    callers:\n      issuers: [https://login.microsoftonline.com/11111111-2222-4333-8444-555555555555/v2.0]\n      audiences: [5d1d3c8e-0000-4000-8000-00000000000a]\n", "", "t.yaml:28: tenants[1].callers: is missing"},
		{"user_rate: 20", "user_rate: -1", "t.yaml:20: tenants[0].limits.user_rate: must be from 0.01"},
		{"user_rate: 20", "rate: 20", "t.yaml:20: tenants[0].limits: there is no \"rate\" here"},
		{"fields: [display_name, photo]", "fields: [display_name, shoe_size]", "t.yaml:23: tenants[0].policy.guests.fields[1]: must be a field of Profile"},
		{"unlisted: false", "unlisted: no", "t.yaml:24: tenants[0].policy.guests.unlisted: must be true or false"},
		{"person: 00000000-0000-4000-8000-000000000004", "person: ana", "t.yaml:26: tenants[0].policy.hidden[0].person:"},
		{"from: [guests, partners]", "from: [everybody]", "t.yaml:27: tenants[0].policy.hidden[0].from[0]:"},
		{"certificate_file: fabrikam.pfx", "<<: {a: b}, certificate_file: fabrikam.pfx", "t.yaml:29: tenants[1].graph: there is no \"<<\" here"},
	} {
		text := strings.Replace(wholeFile, row.from, row.to, 1)
		if text == wholeFile {
			t.Errorf("%q changes nothing", row.from)
		}
		file, found := parseConfigFile("t.yaml", []byte(text), defaultsOfTests)
		file.plans(dir, false, found)
		err := found.err()
		if row.says == "" {
			if err != nil {
				t.Errorf("%q for %q: %v", row.to, row.from, err)
			}
			continue
		}
		if !errors.Is(err, errConfig) || !strings.Contains(err.Error(), row.says) {
			t.Errorf("%.80q for %.80q: %v, want an error that says %q", row.to, row.from, err, row.says)
		}
		if err != nil && (strings.Contains(err.Error(), "s3cret") || strings.Contains(err.Error(), dir)) {
			t.Errorf("%.80q: the error holds a secret or a place: %v", row.to, err)
		}
	}
}

// TestAllFaultsAreTold has a file with several, which are told in the order of their lines.
func TestAllFaultsAreTold(t *testing.T) {
	var text strings.Builder
	text.WriteString("tenants:\n")
	for range 60 {
		text.WriteString("  - id: x\n    nothing: 1\n")
	}
	_, found := parseConfigFile("t.yaml", []byte(text.String()), defaultsOfTests)
	lines := strings.Split(found.err().Error(), "\n")
	if len(lines) != maxFaults+1 || !strings.Contains(lines[maxFaults], "and 10 more") {
		t.Errorf("%d lines, the last of which is %q", len(lines), lines[len(lines)-1])
	}
	for i, line := range lines[:maxFaults] {
		if !strings.HasPrefix(line, fmt.Sprintf("t.yaml:%d: tenants[%d]: there is no", 3+2*i, i)) {
			t.Errorf("line %d is %q", i, line)
		}
	}
}

func TestCheckConfig(t *testing.T) {
	dir := filesOfTests(t)
	file := filepath.Join(dir, "tenants.yaml")
	single := "tenants:\n  - id: 3f2504e0-4f89-41d3-9a0c-0305e82c3301\n    graph: {client_id: a, client_secret_file: contoso.secret}\n"
	for _, row := range []struct{ text, args, says string }{
		{single, "", ""},
		{single, "--listen 0.0.0.0:1", "tenants.yaml:2: tenants[0].callers: is missing"},
		{strings.Replace(single, "client_secret_file: contoso.secret", "certificate_file: fabrikam.pfx", 1), "", ""},
		{strings.Replace(single, "client_secret_file: contoso.secret", "certificate_file: contoso.secret", 1), "", "tenants.yaml:3: tenants[0].graph.certificate_file: must hold a certificate and its key"},
		{strings.Replace(single, "client_id: a", "client_id: a, ca_file: contoso.secret", 1), "", "tenants.yaml:3: tenants[0].graph.ca_file: must hold certificates"},
		{"x: 1\n", "", "tenants.yaml:1: there is no"},
		{single, "--max-people 0", "tenants.yaml:2: tenants[0].directory.max_people: must be 1"},
	} {
		if err := os.WriteFile(file, []byte(row.text), 0o600); err != nil {
			t.Fatal(err)
		}
		out := &output{}
		err := run(t.Context(), strings.Fields("check-config "+file+" "+row.args), out)
		switch {
		case row.says == "" && (err != nil || !strings.Contains(out.String(), "can be served")):
			t.Errorf("%q = %v, %s", row.text, err, out)
		case row.says != "" && (!errors.Is(err, errConfig) || !strings.Contains(err.Error(), row.says)):
			t.Errorf("%q = %v, want an error that says %q", row.text, err, row.says)
		}
	}
	if err := run(t.Context(), []string{"check-config", filepath.Join(dir, "none")}, &output{}); !errors.Is(err, errConfig) {
		t.Errorf("a file that is not there: %v", err)
	}
	for _, args := range []string{"--tenant-id contoso.com", "--client-id a", "--issuer https://a/b --audience c", "--simulator-people 5"} {
		if err := run(t.Context(), strings.Fields("--config "+file+" "+args), &output{}); !errors.Is(err, errConfig) || !strings.Contains(err.Error(), "--config") {
			t.Errorf("--config with %s: %v", args, err)
		}
	}
}

// FuzzConfig reads any text: it is refused with a line, or makes tenants that hold together.
func FuzzConfig(f *testing.F) {
	dir := filesOfTests(f)
	f.Add([]byte(wholeFile))
	f.Add([]byte("tenants: [{id: 3f2504e0-4f89-41d3-9a0c-0305e82c3301, graph: {url: 'https://graph.microsoft.com'}}]"))
	f.Add([]byte("tenants: &a [*a]"))
	f.Add([]byte("? [a]\n: b\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		file, found := parseConfigFile("t.yaml", text, defaultsOfTests)
		plans := file.plans(dir, true, found)
		err := found.err()
		if err == nil && len(plans) != len(file.Tenants) {
			t.Errorf("%d plans of %d tenants", len(plans), len(file.Tenants))
		}
		if err != nil && !strings.HasPrefix(err.Error(), "t.yaml:") {
			t.Errorf("an error without a line: %v", err)
		}
		ids := map[string]bool{}
		for _, p := range plans {
			if err == nil && (ids[p.id] || p.shows == nil || !isTenantID(p.id)) {
				t.Errorf("a plan %+v", p)
			}
			ids[p.id] = true
		}
	})
}
