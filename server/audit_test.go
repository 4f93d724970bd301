package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/peopleinsights/peopleinsights/client"
	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
	"github.com/peopleinsights/peopleinsights/server/simulator"
)

// auditFiles are flags of an audit log, and where it is.
func auditFiles(t *testing.T) (name, key string, flags []string) {
	t.Helper()
	dir := t.TempDir()
	name, key = filepath.Join(dir, "audit.jsonl"), filepath.Join(dir, "key")
	if err := os.WriteFile(key, []byte(strings.Repeat("geheim! ", 4)+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return name, key, []string{"--audit-log-file", name, "--audit-key-file", key}
}

// auditLine is a line of the audit log as an operator's script would read it.
type auditLine struct {
	Time, Event, Tenant, Caller, Method, Code, Reason string
	Asked, Shown                                      int
	AskedOf                                           []string `json:"asked_of"`
	ShownOf                                           []string `json:"shown_of"`
}

func auditLines(t *testing.T, name string) (all []auditLine) {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for raw := range bytes.Lines(text) {
		var l auditLine
		if err := json.Unmarshal(raw, &l); err != nil {
			t.Errorf("%q: %v", raw, err)
		}
		all = append(all, l)
	}
	return all
}

// peopleOf are what people of a directory could be told by, in lower case: names, addresses and
// ids.
func peopleOf(directory *simulator.Directory) (texts []string) {
	for id, raw := range directory.All() {
		var user struct{ DisplayName, Surname, Mail, UserPrincipalName string }
		if err := json.Unmarshal(raw, &user); err != nil {
			panic(err)
		}
		for _, text := range []string{id, user.DisplayName, user.Surname, user.Mail, user.UserPrincipalName} {
			if len(text) >= 5 { // shorter ones are in other words
				texts = append(texts, strings.ToLower(text))
			}
		}
	}
	return texts
}

// TestAuditLog has a company ask about its people, moves the log away meanwhile, and looks for
// them in it as an operator would.
func TestAuditLog(t *testing.T) {
	name, key, flags := auditFiles(t)
	r := start(t, append(flags, "--audit-required", "--log-level", "debug")...).untilServing()
	found, err := r.profile(client.ByEmail("Ana.Kovac@contoso.com"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.profile(client.ByEmail("nobody@contoso.com")); err == nil {
		t.Fatal("nobody is found")
	}
	if got := auditLines(t, name); len(got) != 2 || got[1].Code != "NotFound" { // at once: it is required
		t.Fatalf("the log holds %+v", got)
	}
	if err := os.Rename(name, name+".1"); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(os.Getpid(), syscall.SIGUSR1); err != nil {
		t.Fatal(err)
	}
	r.until("the log is opened anew", func() bool { return strings.Contains(r.out.String(), "opened anew") })
	if _, err := r.SuggestInvitees(t.Context(), &pb.SuggestInviteesRequest{Query: "kova", Organizer: client.ByEmail("maja.lindqvist@contoso.com")}); err != nil {
		t.Fatal(err)
	}
	watch, err := pb.NewPeopleInsightsServiceClient(r.connection).WatchProfiles(t.Context(), &pb.WatchProfilesRequest{People: []*pb.PersonRef{client.ByEmail(ana)}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := watch.Recv(); err != nil {
		t.Fatal(err)
	}
	_, metrics := r.ask("/metrics")
	if !strings.Contains(metrics, "\npeople_insights_audit_lines_total 4\n") || !strings.Contains(metrics, "\npeople_insights_audit_dropped_total 0\n") {
		t.Error("the metrics do not count four lines and no loss")
	}
	if err := r.stop(); err != nil { // which ends the watch
		t.Fatal(err)
	}

	var hashes bytes.Buffer
	tenant := auditLines(t, name)[0].Tenant
	config := auditHashConfig{KeyFile: key, Tenant: tenant}
	if err := auditHash(config, strings.NewReader("ANA.KOVAC@contoso.com\n"+strings.ToUpper(found.Profile.Id)+"\nmaja.lindqvist@contoso.com\n"), &hashes); err != nil {
		t.Fatal(err)
	}
	hash := strings.Fields(hashes.String()) // Ana's address, Ana's id, Maja's address
	if len(hash) != 3 || !strings.HasPrefix(hash[0], "email:") || !strings.HasPrefix(hash[1], "id:") {
		t.Fatalf("audit-hash says %q", hash)
	}
	before, after := auditLines(t, name+".1"), auditLines(t, name)
	if len(before) != 2 || before[0].Method != "PeopleInsightsService/GetProfile" || strings.Join(before[0].AskedOf, "") != hash[0] || before[0].ShownOf[0] != hash[1] {
		t.Errorf("before it was moved away the log held %+v; want %q asked and %q shown", before, hash[0], hash[1])
	}
	if len(after) != 3 || after[0].Method != "PeopleInsightsService/SuggestInvitees" || strings.Join(after[0].AskedOf, "") != hash[2] ||
		!strings.Contains(strings.Join(after[0].ShownOf, " "), hash[1]) ||
		after[1].Event != "begin" || after[2].Event != "end" || after[2].Reason != "STOPPING" || after[2].ShownOf[0] != hash[1] {
		t.Errorf("then it holds %+v", after)
	}
	for _, file := range []string{name, name + ".1"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, clear := range append(peopleOf(simulator.Company()), "kova", "nobody", "geheim") {
			if strings.Contains(strings.ToLower(string(text)), clear) {
				t.Errorf("the audit log holds %q", clear)
			}
		}
	}
	if strings.Contains(r.out.String(), "geheim") {
		t.Error("the log holds the key")
	}
}

// TestWrongAudit configures an audit log in ways that cannot be meant.
func TestWrongAudit(t *testing.T) {
	name, key, _ := auditFiles(t)
	dir := filepath.Dir(name)
	short, open := filepath.Join(dir, "short"), filepath.Join(dir, "open")
	for file, text := range map[string]string{short: strings.Repeat("k", 31) + "\n", open: ""} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(open, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct{ args, says string }{
		{"--audit-log-file " + name, "needs --audit-key-file"},
		{"--audit-key-file " + key, "need --audit-log-file"},
		{"--audit-required", "need --audit-log-file"},
		{"--audit-log-file " + name + " --audit-key-file " + short, "31 bytes"},
		{"--audit-log-file " + name + " --audit-key-file " + dir + "/none", "no such file"},
		{"--audit-log-file " + dir + "/none/x --audit-key-file " + key, "no such file"},
		{"--audit-log-file " + open + " --audit-key-file " + key, "open to everybody"},
		{"--audit-log-file /dev/null --audit-key-file " + key, "no regular file"},
		{"audit-hash --tenant contoso", "--audit-key-file"},
		{"audit-hash --tenant contoso --audit-key-file " + short, "31 bytes"},
		{"audit-hash --audit-key-file " + key, "--tenant"},
		{"audit-hash --tenant contoso --audit-key-file " + key + " " + ana, "unexpected argument"}, // others see arguments
	} {
		err := run(t.Context(), strings.Fields(row.args), &output{})
		if !errors.Is(err, errConfig) || !strings.Contains(err.Error(), row.says) || strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), "kkkk") {
			t.Errorf("run %s = %v, want one line that says %q", row.args, err, row.says)
		}
	}
	if err := auditHash(auditHashConfig{key, "contoso"}, strings.NewReader("a\n\nb\n"), &bytes.Buffer{}); err == nil {
		t.Error("an empty line has a hash")
	}
}
