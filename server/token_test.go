package main

import (
	"encoding/base64"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/peopleinsights/peopleinsights/client"
	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
	"github.com/peopleinsights/peopleinsights/server/simulator"
)

// TestWrongTokens calls the service that ships with tokens that are wrong in one way each. Each
// caller is nobody, of calls and of watches, and neither the log nor an error holds anything of
// a token, or of the service's own secrets.
func TestWrongTokens(t *testing.T) {
	const appSecret = "T0p.Geheim~of-the-app"
	app := simulator.DefaultApp()
	app.Secret = appSecret
	directory := simulator.Company()
	sim, args := tenant(t, simulator.Config{Apps: []simulator.App{app}}, directory, appSecret)
	at := sim.AuthorityURL() + "/" + sim.TenantID()
	_, _, auditFlags := auditFiles(t)
	r := start(t, slices.Concat(args, auditFlags, []string{"--issuer", at + "/v2.0", "--issuer", at + "/", "--audience", simulator.APIID, "--audience", simulator.APIURI,
		"--issuer-ca-file", args[5], "--log-level", "debug"})...).untilServing()
	var sent []string // tokens, whose parts must be nowhere
	issue := func(token simulator.APIToken) string {
		t.Helper()
		raw, err := sim.IssueToken(token)
		if err != nil {
			t.Fatal(err)
		}
		sent = append(sent, raw)
		return raw
	}
	roles := []string{"PeopleInsights.Client", "PeopleInsights.Scheduler", "PeopleInsights.Operator"}
	claimed := func(pairs ...any) simulator.Tweak {
		claims := make(map[string]any)
		for i := 0; i < len(pairs); i += 2 {
			claims[pairs[i].(string)] = pairs[i+1]
		}
		return simulator.Tweak{Claims: claims}
	}
	headed := func(name string, value any) simulator.Tweak {
		return simulator.Tweak{Header: map[string]any{name: value}}
	}
	raw := func(text string) json.RawMessage { return json.RawMessage(text) }
	good := issue(simulator.APIToken{Roles: roles})
	cut := strings.Split(good, ".")
	encoded := func(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
	bearer := func(token string) []string { return []string{"Bearer " + token} }
	rows := map[string][]string{ // the authorization headers
		"none":                  {},
		"an empty one":          {""},
		"two of them":           {"Bearer " + good, "Bearer " + good},
		"a good one and a bad":  {"Bearer " + good, "Bearer x"},
		"another scheme":        {"Basic " + good},
		"no scheme":             {good},
		"no token":              {"Bearer "},
		"two spaces":            {"Bearer  " + good},
		"text behind":           bearer(good + " x"),
		"one that is too long":  bearer(good + strings.Repeat("A", 16<<10)),
		"one part":              bearer(cut[0]),
		"two parts":             bearer(cut[0] + "." + cut[1]),
		"four parts":            bearer(good + ".x"),
		"no signature":          bearer(cut[0] + "." + cut[1] + "."),
		"half a signature":      bearer(good[:len(good)-100]),
		"half the claims":       bearer(cut[0] + "." + cut[1][:40] + "." + cut[2]),
		"no header":             bearer("." + cut[1] + "." + cut[2]),
		"padding":               bearer(good + "="),
		"other characters":      bearer(cut[0] + ".%%%." + cut[2]),
		"alg none by hand":      bearer(encoded(`{"alg":"none"}`) + "." + cut[1] + "."),
		"another's claims":      bearer(cut[0] + "." + encoded(`{"iss":"`+at+`/v2.0","roles":["PeopleInsights.Operator"]}`) + "." + cut[2]),
		"Graph's kind of token": bearer(strings.Repeat("Ab1-", 20)),
		"commas":                {"Bearer " + good + ", Bearer " + good},
	}
	for what, tweak := range map[string]simulator.Tweak{
		"alg none":                     {Algorithm: "none"},
		"HMAC with the public key":     {Algorithm: "HS256"},
		"a stranger's key":             {Stranger: true},
		"a stranger's ES256":           {Stranger: true, Algorithm: "ES256"},
		"alg None":                     headed("alg", "None"),
		"alg RS384":                    headed("alg", "RS384"),
		"no alg":                       headed("alg", nil),
		"no kid":                       headed("kid", nil),
		"an unknown kid":               headed("kid", "unknown"),
		"crit":                         headed("crit", []string{"exp"}),
		"a stranger's jku":             {Stranger: true, Header: map[string]any{"jku": "https://keys.example.com/"}},
		"a stranger's x5u":             {Stranger: true, Header: map[string]any{"x5u": "https://keys.example.com/"}},
		"a stranger's jwk":             {Stranger: true, Header: map[string]any{"jwk": raw(`{"kty":"RSA","n":"AQAB","e":"AQAB"}`)}},
		"another issuer":               claimed("iss", "https://login.example.com/"+sim.TenantID()+"/v2.0"),
		"another tenant's issuer":      claimed("iss", sim.AuthorityURL()+"/11111111-2222-4333-8444-555555555555/v2.0"),
		"an issuer with a slash":       claimed("iss", at+"/v2.0/"),
		"no issuer":                    claimed("iss", nil),
		"another audience":             claimed("aud", "https://graph.microsoft.com"),
		"audiences without ours":       claimed("aud", []string{"a", "b"}),
		"no audience":                  claimed("aud", nil),
		"another tenant":               claimed("tid", "11111111-2222-4333-8444-555555555555"),
		"no tenant":                    claimed("tid", nil),
		"expired":                      claimed("exp", time.Now().Add(-3*time.Minute).Unix()),
		"no end":                       claimed("exp", nil),
		"an end that is text":          claimed("exp", "tomorrow"),
		"an end of 1e400":              claimed("exp", raw("1e400")),
		"an end below zero":            claimed("exp", -1),
		"not good yet":                 claimed("nbf", time.Now().Add(3*time.Minute).Unix()),
		"issued tomorrow":              claimed("iat", time.Now().Add(24*time.Hour).Unix()),
		"roles that are a text":        claimed("roles", "PeopleInsights.Operator"),
		"an object id that is a path":  claimed("oid", "../../users"),
		"neither object id nor kind":   claimed("oid", nil),
		"neither object id, nor sub":   claimed("oid", nil, "sub", nil, "idtyp", "app"),
		"an app's with a user's scope": claimed("idtyp", "app", "scp", "PeopleInsights.Read"),
		"a user's without a scope":     claimed("idtyp", "user"),
	} {
		rows[what] = bearer(issue(simulator.APIToken{Roles: roles, Tweak: tweak}))
	}
	if len(rows) < 50 {
		t.Errorf("%d ways to be wrong", len(rows))
	}
	profile, err := proto.Marshal(&pb.GetProfileRequest{Person: client.ByEmail(ana)})
	if err != nil {
		t.Fatal(err)
	}
	watch, err := proto.Marshal(&pb.WatchProfilesRequest{People: []*pb.PersonRef{client.ByEmail(ana)}})
	if err != nil {
		t.Fatal(err)
	}
	const service, admin = "/peopleinsights.v1.PeopleInsightsService/", "/peopleinsights.v1.DirectoryAdminService/"
	calls := []struct {
		path    string
		data    []byte
		streams bool
	}{{service + "GetProfile", profile, false}, {service + "WatchProfiles", watch, true}, {admin + "GetDirectoryStatus", nil, false}, {service + "GetProfile", []byte("\xff"), false}}
	for what, headers := range rows {
		for _, call := range calls {
			err := r.raw(call.path, call.data, call.streams, metadata.MD{"authorization": headers})
			if status.Code(err) != codes.Unauthenticated || client.Reason(err) != pb.ErrorReason_ERROR_REASON_UNAUTHENTICATED {
				t.Errorf("%s, to %s: %v; want Unauthenticated", what, call.path, err)
			}
			for _, header := range headers {
				if len(header) > 20 && strings.Contains(whole(err), header[7:]) {
					t.Errorf("%s: the error repeats the token: %v", what, err)
				}
			}
		}
	}
	for i, call := range calls {
		if err := r.raw(call.path, call.data, call.streams, metadata.Pairs("authorization", "bEARER "+good)); (err == nil) != (i < 3) {
			t.Errorf("a good token, to %s = %v", call.path, err)
		}
	}
	_, metrics := r.ask("/metrics")
	if err := r.stop(); err != nil {
		t.Error(err)
	}
	secrets := []string{"Geheim", "geheim", "Bearer", "bearer", "eyJ", "login.example.com", "keys.example.com"}
	for _, token := range sent {
		for part := range strings.SplitSeq(token, ".") {
			if len(part) > 20 {
				secrets = append(secrets, part[:20], part[len(part)-20:])
			}
		}
	}
	for where, text := range map[string]string{"the log": r.out.String(), "the metrics": metrics} {
		text = strings.ReplaceAll(text, "it wants a good token, as authorization: Bearer TOKEN", "")
		text = strings.ReplaceAll(text, "its metadata needs authorization: Bearer TOKEN", "")
		text = strings.ReplaceAll(text, "of another scheme; want Bearer", "")
		text = strings.ReplaceAll(text, "-H 'authorization: Bearer …'", "")
		for _, secret := range secrets {
			if at := strings.Index(text, secret); at >= 0 {
				t.Errorf("%s holds %q: …%.300s", where, secret, text[max(0, at-100):])
			}
		}
	}
	if n := strings.Count(r.out.String(), "code=Unauthenticated"); n < len(rows)*len(calls) {
		t.Errorf("the log tells of %d of %d refusals: it is not where they would be", n, len(rows)*len(calls))
	}
}

// TestNoFlagHoldsASecret reads the help: a flag about a secret names a file, for arguments are
// seen by others.
func TestNoFlagHoldsASecret(t *testing.T) {
	secret := regexp.MustCompile(`--[a-z-]*(secret|password|key|token|credential)[a-z-]*`)
	found := 0
	for _, command := range []string{"serve", "simulate", "audit-hash"} {
		var out output
		if err := run(t.Context(), []string{command, "--help"}, &out); err != nil {
			t.Fatal(err)
		}
		for _, flag := range secret.FindAllString(out.String(), -1) {
			if found++; !strings.HasSuffix(flag, "-file") {
				t.Errorf("%s has %s", command, flag)
			}
		}
	}
	if found < 4 {
		t.Errorf("%d flags are about secrets: the help is not read", found)
	}
}
