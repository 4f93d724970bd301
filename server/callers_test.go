package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"

	"github.com/peopleinsights/peopleinsights/client"
	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
	"github.com/peopleinsights/peopleinsights/server/simulator"
)

// signIn has an app get a token as Microsoft's clients do.
func signIn(t *testing.T, sim *simulator.Simulator, app simulator.App) string {
	t.Helper()
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(sim.CAPEM())
	httpClient := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}
	defer httpClient.CloseIdleConnections()
	answer, err := httpClient.PostForm(sim.AuthorityURL()+"/"+sim.TenantID()+"/oauth2/v2.0/token", url.Values{
		"grant_type": {"client_credentials"}, "client_id": {app.ID}, "client_secret": {app.Secret}, "scope": {simulator.APIURI + "/.default"},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var doc struct {
		Token string `json:"access_token"`
	}
	if err := json.NewDecoder(io.LimitReader(answer.Body, 1<<20)).Decode(&doc); err != nil || doc.Token == "" {
		t.Fatalf("no token: %v", err)
	}
	return doc.Token
}

// as is a client with a token.
func (r *running) as(token string) *client.Client {
	r.t.Helper()
	c, err := client.New(client.Config{Address: r.address, Timeout: patience,
		Token: func(context.Context) (string, error) { return token, nil }})
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { c.Close() })
	return c
}

// TestCallers has apps, a user and strangers call, over all that lies between.
func TestCallers(t *testing.T) {
	directory := simulator.Company()
	var user, other string
	for id := range directory.All() {
		if user, other = other, id; user != "" {
			break
		}
	}
	sim, args := tenant(t, simulator.Config{}, directory, simulator.DefaultApp().Secret)
	caFile := args[5]
	at := sim.AuthorityURL() + "/" + sim.TenantID()
	r := start(t, append(args, "--issuer", at+"/v2.0", "--issuer", at+"/", "--audience", simulator.APIID, "--audience", simulator.APIURI,
		"--issuer-ca-file", caFile, "--log-level", "debug")...).untilServing()
	apps := simulator.CallingApps()
	meeting, scheduler, operator := signIn(t, sim, apps[0]), signIn(t, sim, apps[1]), signIn(t, sim, apps[2])
	own, err := sim.IssueToken(simulator.APIToken{User: user, Version: 1})
	if err != nil {
		t.Fatal(err)
	}
	forged, err := sim.IssueToken(simulator.APIToken{Roles: []string{"PeopleInsights.Operator"}, Tweak: simulator.Tweak{Stranger: true}})
	if err != nil {
		t.Fatal(err)
	}
	calls := map[string]func(*client.Client) error{
		"GetProfile": func(c *client.Client) error {
			_, err := c.GetProfile(t.Context(), &pb.GetProfileRequest{Person: client.ByID(user)})
			return err
		},
		"SuggestInvitees": func(c *client.Client) error {
			_, err := c.SuggestInvitees(t.Context(), &pb.SuggestInviteesRequest{Query: "an", Organizer: client.ByID(other)})
			return err
		},
		"SuggestInvitees for nobody": func(c *client.Client) error {
			_, err := c.SuggestInvitees(t.Context(), &pb.SuggestInviteesRequest{Query: "an"})
			return err
		},
		"GetDirectoryStatus": func(c *client.Client) error {
			_, err := c.GetDirectoryStatus(t.Context(), &pb.GetDirectoryStatusRequest{})
			return err
		},
	}
	const missing, stranger = "ROLE_MISSING", "UNAUTHENTICATED"
	for _, row := range []struct {
		what, token                               string
		profile, suggest, suggestNobody, statusOf string
	}{
		{"a meeting client", meeting, "", missing, missing, missing},
		{"a scheduler", scheduler, "", "", "", missing},
		{"an operator", operator, missing, missing, missing, ""},
		{"a user", own, "", "NOT_YOURSELF", "", missing},
		{"a forger", forged, stranger, stranger, stranger, stranger},
		{"a long token", strings.Repeat("x", 16<<10+1), stranger, stranger, stranger, stranger},
	} {
		c := r.as(row.token)
		for name, want := range map[string]string{"GetProfile": row.profile, "SuggestInvitees": row.suggest,
			"SuggestInvitees for nobody": row.suggestNobody, "GetDirectoryStatus": row.statusOf} {
			got := ""
			if err := calls[name](c); err != nil {
				got = strings.TrimPrefix(client.Reason(err).String(), "ERROR_REASON_")
			}
			if got != want {
				t.Errorf("%s by %s = %q, want %q", name, row.what, got, want)
			}
		}
		for piece := range strings.SplitSeq(row.token, ".") {
			if strings.Contains(r.out.String(), piece) {
				t.Errorf("the log holds a piece of the token of %s", row.what)
			}
		}
	}
	if _, err := r.profile(client.ByEmail(ana)); status.Code(err) != codes.Unauthenticated || client.Reason(err) != pb.ErrorReason_ERROR_REASON_UNAUTHENTICATED {
		t.Errorf("GetProfile without a token = %v", err)
	}
	if code := r.reflection(); code != codes.Unauthenticated {
		t.Errorf("reflection without a token = %v", code)
	}
	if h := r.health(""); h.String() != "SERVING" {
		t.Errorf("health without a token = %v", h)
	}
	if err := r.stop(); err != nil {
		t.Errorf("run, asked to stop, = %v", err)
	}
}

// reflection is how it ends to ask for the services without a token.
func (r *running) reflection() codes.Code {
	stream, err := grpc_reflection_v1.NewServerReflectionClient(r.connection).ServerReflectionInfo(r.t.Context())
	if err != nil {
		return status.Code(err)
	}
	_ = stream.CloseSend()
	if _, err = stream.Recv(); errors.Is(err, io.EOF) {
		err = nil
	}
	return status.Code(err)
}

// TestNoIssuerBeyondLoopback listens to others without being able to tell them apart.
func TestNoIssuerBeyondLoopback(t *testing.T) {
	r := start(t, "--listen", "0.0.0.0:0", "--insecure")
	if text := r.out.String(); strings.Count(text, "No issuer is configured") != 1 || !strings.Contains(text, "--issuer and --audience") {
		t.Errorf("the server does not say once that nobody can call:\n%s", text)
	}
	_, err := r.GetDirectoryStatus(t.Context(), &pb.GetDirectoryStatusRequest{})
	if status.Code(err) != codes.Unauthenticated || client.Reason(err) != pb.ErrorReason_ERROR_REASON_UNAUTHENTICATED {
		t.Errorf("GetDirectoryStatus = %v", err)
	}
	if code := r.reflection(); code != codes.Unauthenticated {
		t.Errorf("reflection = %v", code)
	}
	r.health("") // which fails the test unless it is told
}

// TestWrongCallers configures who may call in ways that cannot be meant.
func TestWrongCallers(t *testing.T) {
	dir := t.TempDir()
	empty := filepath.Join(dir, "empty.pem")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	garbage := filepath.Join(dir, "garbage.pem")
	if err := os.WriteFile(garbage, []byte("garbage"), 0o600); err != nil {
		t.Fatal(err)
	}
	cert, key, _ := certify(t)
	for _, row := range []struct{ args, says string }{
		{"--issuer https://login.example.com/t/v2.0", "--issuer needs --audience"},
		{"--audience a", "need --issuer"},
		{"--issuer-ca-file x", "need --issuer"},
		{"--issuer http://login.example.com/t --audience a", "an issuer must be like"},
		{"--issuer https://login.example.com/t --audience a --issuer-ca-file " + dir + "/none", "--issuer-ca-file"},
		{"--issuer https://login.example.com/t --audience a --issuer-ca-file " + empty, "is empty"},
		{"--issuer https://login.example.com/t --audience a --issuer-ca-file " + garbage, "no PEM"},
		{"--issuer https://login.example.com/t --audience a --tenant-id contoso.com --client-id c", "--tenant-id that is an id"},
		{"--client-ca-file x", "--client-ca-file needs --tls-cert-file"},
		{"--tls-cert-file " + cert + " --tls-key-file " + key + " --client-ca-file " + empty, "--client-ca-file holds no PEM"},
		{"--tls-cert-file " + cert + " --tls-key-file " + key + " --client-ca-file " + dir + "/none", "--client-ca-file: open"},
		{"--tls-cert-file " + cert + " --tls-key-file " + cert, "--tls-cert-file and --tls-key-file"},
	} {
		err := run(t.Context(), strings.Fields(row.args), &output{})
		if !errors.Is(err, errConfig) || !strings.Contains(err.Error(), row.says) || strings.Contains(err.Error(), "\n") {
			t.Errorf("run %s = %v, want one line that says %q", row.args, err, row.says)
		}
	}
}
