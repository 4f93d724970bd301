package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"

	"github.com/peopleinsights/peopleinsights/client"
	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
	"github.com/peopleinsights/peopleinsights/server/simulator"
)

// patience bounds how long a test waits for what has to happen; it is no
// expectation of how long that takes.
const patience = time.Minute

// output is what a server says, for a test to read meanwhile.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// running is a server that run serves, as the command would.
type running struct {
	*client.Client
	t          *testing.T
	out        *output
	address    string
	connection *grpc.ClientConn
	stop       func() error // asks it to stop and returns what run returned
}

// TestMain forgets what the environment of whoever tests would configure.
func TestMain(m *testing.M) {
	for _, pair := range os.Environ() {
		if name, _, _ := strings.Cut(pair, "="); strings.HasPrefix(name, "AZURE_") ||
			strings.HasPrefix(name, "PEOPLE_INSIGHTS_") || strings.HasPrefix(name, "OTEL_") {
			os.Unsetenv(name)
		}
	}
	if args, ok := os.LookupEnv(asCommand); ok {
		dumpOnSignal()
		os.Args = append([]string{"server"}, strings.Split(args, "\n")...)
		main()
		return
	}
	os.Exit(m.Run())
}

var listening = regexp.MustCompile(`serves gRPC on (\S+)\.\n`)

func start(t *testing.T, args ...string) *running {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	r := &running{t: t, out: &output{}}
	ended := make(chan struct{})
	var result error
	go func() {
		defer close(ended)
		result = run(ctx, append([]string{"--listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0"}, args...), r.out)
	}()
	r.stop = func() error { cancel(); <-ended; return result }
	t.Cleanup(func() { _ = r.stop() })
	r.until("the server listens", func() bool {
		select {
		case <-ended:
			t.Fatalf("the server ended: %v\n%s", result, r.out)
		default:
		}
		m := listening.FindStringSubmatch(r.out.String())
		if m != nil {
			r.address = m[1]
		}
		return m != nil
	})
	r.connect()
	return r
}

// connect makes clients of the server.
func (r *running) connect() {
	r.t.Helper()
	var err error
	if r.Client, err = client.New(client.Config{Address: r.address, Timeout: patience}); err != nil {
		r.t.Fatal(err)
	}
	if r.connection, err = grpc.NewClient(r.address, grpc.WithTransportCredentials(insecure.NewCredentials())); err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { r.Close(); r.connection.Close() })
}

// until waits until something is so.
func (r *running) until(what string, so func() bool) {
	r.t.Helper()
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for deadline := time.Now().Add(patience); !so(); <-ticker.C {
		if time.Now().After(deadline) {
			r.t.Fatalf("waited in vain until %s\n%s", what, r.out)
		}
	}
}

func (r *running) health(service string) grpc_health_v1.HealthCheckResponse_ServingStatus {
	out, err := grpc_health_v1.NewHealthClient(r.connection).Check(r.t.Context(), &grpc_health_v1.HealthCheckRequest{Service: service})
	if err != nil {
		r.t.Fatalf("health: %v", err)
	}
	return out.Status
}

func (r *running) untilServing() *running {
	r.t.Helper()
	r.until("health is SERVING", func() bool { return r.health("") == grpc_health_v1.HealthCheckResponse_SERVING })
	return r
}

func (r *running) profile(person *pb.PersonRef) (*pb.GetProfileResponse, error) {
	return r.GetProfile(r.t.Context(), &pb.GetProfileRequest{Person: person})
}

func (r *running) status() *pb.GetDirectoryStatusResponse {
	r.t.Helper()
	out, err := r.GetDirectoryStatus(r.t.Context(), &pb.GetDirectoryStatusRequest{})
	if err != nil {
		r.t.Fatal(err)
	}
	return out
}

// tenant is a simulated tenant apart from the server, with the flags that lead to it.
func tenant(t *testing.T, config simulator.Config, directory *simulator.Directory, secret string) (*simulator.Simulator, []string) {
	t.Helper()
	sim, err := simulator.New(config, directory)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { sim.Close() })
	dir := t.TempDir()
	caFile, secretFile := filepath.Join(dir, "ca.pem"), filepath.Join(dir, "secret")
	for name, data := range map[string][]byte{caFile: sim.CAPEM(), secretFile: []byte(secret + "\n")} {
		if err := os.WriteFile(name, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return sim, []string{
		"--graph-url", strings.TrimSuffix(sim.GraphURL(), "/v1.0"), // the version is added
		"--authority-url", sim.AuthorityURL(), "--ca-file", caFile,
		"--tenant-id", sim.TenantID(), "--client-id", simulator.DefaultApp().ID, "--client-secret-file", secretFile,
		"--sync-interval", "1s",
	}
}

const ana = "ana.kovac@contoso.com"

func TestNewcomer(t *testing.T) {
	r := start(t).untilServing()
	out, err := r.profile(client.ByEmail(strings.ToUpper(ana)))
	if err != nil || out.Profile.DisplayName != "Ana Kovač" || out.Profile.Manager.GetDisplayName() == "" || out.Freshness.GetAsOfTime() == nil {
		t.Errorf("GetProfile = %v, %v", out, err)
	}
	found, err := r.SuggestInvitees(t.Context(), &pb.SuggestInviteesRequest{Query: "kov"})
	if err != nil || len(found.Suggestions) == 0 || found.Suggestions[0].Email != ana {
		t.Errorf("SuggestInvitees = %v, %v", found, err)
	}
	if _, err := r.ReportPick(t.Context(), &pb.ReportPickRequest{Organizer: client.ByID(out.GetProfile().GetManager().GetId()), PickedId: out.GetProfile().GetId()}); err != nil {
		t.Errorf("ReportPick = %v", err)
	}
	if s := r.status(); s.State != pb.DirectoryState_DIRECTORY_STATE_CURRENT || s.People != int64(simulator.Company().Len()) {
		t.Errorf("GetDirectoryStatus = %v", s)
	}
	if h := r.health(pb.PeopleInsightsService_ServiceDesc.ServiceName); h != grpc_health_v1.HealthCheckResponse_SERVING {
		t.Errorf("health of the service = %v", h)
	}
	r.until("it says what to try", func() bool { return strings.Contains(r.out.String(), "go run ./client/people") })
	if !strings.Contains(r.out.String(), "Read 41 people") {
		t.Errorf("the server does not say how many people it has read:\n%s", r.out)
	}
	if names := reflected(t, r.connection); !strings.Contains(names, "peopleinsights.v1.PeopleInsightsService peopleinsights.v1.DirectoryAdminService") &&
		!strings.Contains(names, "peopleinsights.v1.DirectoryAdminService peopleinsights.v1.PeopleInsightsService") {
		t.Errorf("reflection lists %s", names)
	}
	if err := r.stop(); err != nil {
		t.Errorf("run, asked to stop, = %v", err)
	}
}

// reflected lists services as grpcurl does.
func reflected(t *testing.T, connection *grpc.ClientConn) string {
	t.Helper()
	stream, err := grpc_reflection_v1.NewServerReflectionClient(connection).ServerReflectionInfo(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Send(&grpc_reflection_v1.ServerReflectionRequest{
		MessageRequest: &grpc_reflection_v1.ServerReflectionRequest_ListServices{},
	}); err != nil {
		t.Fatal(err)
	}
	out, err := stream.Recv()
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.CloseSend(); err != nil { // or it would be a call under way when the server stops
		t.Fatal(err)
	}
	var names []string
	for _, s := range out.GetListServicesResponse().GetService() {
		names = append(names, s.Name)
	}
	return strings.Join(names, " ")
}

// TestLifeOfATenant goes through filling, changes, an outage and the recovery.
func TestLifeOfATenant(t *testing.T) {
	directory := simulator.Invent(2500, 7)
	someone := `{"id":"00000000-0000-4000-8000-000000000001","displayName":"Zacharias Quill","userPrincipalName":"zq@contoso.com","mail":"zq@contoso.com","accountEnabled":true}`
	if err := directory.Put([]byte(someone)); err != nil {
		t.Fatal(err)
	}
	sim, flags := tenant(t, simulator.Config{}, directory, simulator.DefaultApp().Secret)
	clear := sim.Fail(simulator.Fault{Path: "/users?", Status: 503, Code: "serviceNotAvailable", RetryAfter: "1"})
	r := start(t, flags...)

	// Filling: look-ups are read through, suggestions and health wait.
	zq := client.ByID("00000000-0000-4000-8000-000000000001")
	if out, err := r.profile(zq); err != nil || out.Profile.DisplayName != "Zacharias Quill" {
		t.Errorf("GetProfile while filling = %v, %v", out, err)
	}
	_, err := r.SuggestInvitees(t.Context(), &pb.SuggestInviteesRequest{Query: "zach"})
	if status.Code(err) != codes.Unavailable || client.Reason(err) != pb.ErrorReason_ERROR_REASON_DIRECTORY_FILLING {
		t.Errorf("SuggestInvitees while filling = %v", err)
	}
	if h := r.health(""); h != grpc_health_v1.HealthCheckResponse_NOT_SERVING {
		t.Errorf("health while filling = %v", h)
	}
	clear()
	r.untilServing()

	// A change.
	if err := directory.Patch("00000000-0000-4000-8000-000000000001", []byte(`{"displayName":"Zacharias Newname"}`)); err != nil {
		t.Fatal(err)
	}
	r.until("the change is seen", func() bool {
		out, err := r.SuggestInvitees(t.Context(), &pb.SuggestInviteesRequest{Query: "newname"})
		return err == nil && len(out.Suggestions) == 1
	})
	if out, err := r.profile(zq); err != nil || out.Profile.DisplayName != "Zacharias Newname" {
		t.Errorf("GetProfile after the change = %v, %v", out, err)
	}

	// An outage.
	clear = sim.Fail(simulator.Fault{Status: 503, Code: "serviceNotAvailable"})
	r.until("the outage is noticed", func() bool { return r.status().State == pb.DirectoryState_DIRECTORY_STATE_STALE })
	if out, err := r.profile(zq); err != nil || !out.Freshness.Stale {
		t.Errorf("GetProfile of a held person in an outage = %v, %v; want them, stale", out, err)
	}
	if _, err := r.profile(client.ByEmail("nobody@contoso.com")); status.Code(err) != codes.Unavailable {
		t.Errorf("GetProfile of an unknown person in an outage = %v, want Unavailable", err)
	}
	if h := r.health(""); h != grpc_health_v1.HealthCheckResponse_SERVING {
		t.Errorf("health in an outage = %v, want SERVING", h)
	}
	clear()
	r.until("it recovers", func() bool { return r.status().State == pb.DirectoryState_DIRECTORY_STATE_CURRENT })
	if _, err := r.profile(client.ByEmail("nobody@contoso.com")); status.Code(err) != codes.NotFound {
		t.Errorf("GetProfile of an unknown person = %v, want NotFound", err)
	}

	// Lost tokens: the refill drops who is gone.
	if err := directory.Purge("00000000-0000-4000-8000-000000000001"); err != nil {
		t.Fatal(err)
	}
	sim.ExpireDeltaTokens(simulator.GoneWithLocation)
	r.until("who is gone is gone", func() bool { _, err := r.profile(zq); return status.Code(err) == codes.NotFound })
	if strings.Contains(r.out.String(), "zq@contoso.com") || strings.Contains(r.out.String(), "nobody@contoso.com") {
		t.Errorf("the log names somebody:\n%s", r.out)
	}
}

// TestRefusedByGraph has Graph refuse the service, and looks at what the operator
// and the callers are told.
func TestRefusedByGraph(t *testing.T) {
	app := simulator.DefaultApp()
	app.Roles = []string{"Group.Read.All"}
	for _, row := range []struct {
		what   string
		config simulator.Config
		secret string
		says   string
	}{
		{"a wrong secret", simulator.Config{}, "wrong", "the client secret is wrong"},
		{"a missing permission", simulator.Config{Apps: []simulator.App{app}}, app.Secret, "User.Read.All"},
		{"an unknown app", simulator.Config{Apps: []simulator.App{{ID: "00000000-0000-4000-8000-00000000000f", Secret: "x"}}}, "x", "no app with this client id"},
	} {
		t.Run(row.what, func(t *testing.T) {
			_, flags := tenant(t, row.config, simulator.Company(), row.secret)
			r := start(t, flags...)
			r.until("the failure is told", func() bool { return r.status().LastFailure != nil })
			failure := r.status().LastFailure
			if !strings.Contains(failure.Message, row.says) || failure.Reason != pb.ErrorReason_ERROR_REASON_SOURCE_DENIED {
				t.Errorf("last failure = %v, want it to say %q", failure, row.says)
			}
			r.until("the log tells", func() bool { return strings.Contains(r.out.String(), row.says) })
			_, err := r.profile(client.ByEmail(ana))
			if status.Code(err) != codes.Unavailable || client.Reason(err) != pb.ErrorReason_ERROR_REASON_SOURCE_DENIED {
				t.Errorf("GetProfile = %v, want Unavailable SOURCE_DENIED", err)
			}
			if h := r.health(""); h != grpc_health_v1.HealthCheckResponse_NOT_SERVING {
				t.Errorf("health = %v", h)
			}
		})
	}
}

func TestGraphUnreachable(t *testing.T) {
	sim, flags := tenant(t, simulator.Config{}, simulator.Company(), "x")
	if err := sim.Close(); err != nil {
		t.Fatal(err)
	}
	r := start(t, flags...)
	r.until("the failure is told", func() bool { return r.status().LastFailure != nil })
	if _, err := r.profile(client.ByEmail(ana)); status.Code(err) != codes.Unavailable {
		t.Errorf("GetProfile = %v, want Unavailable", err)
	}
}

func TestStoppingLosesNoAnsweredCall(t *testing.T) {
	sim, flags := tenant(t, simulator.Config{}, simulator.Company(), simulator.DefaultApp().Secret)
	r := start(t, flags...).untilServing()
	// The question is put off once; stopping falls into the second until it is asked again.
	sim.Fail(simulator.Fault{Path: "/users?", Times: 1, Status: 503, RetryAfter: "1"})
	answered := make(chan error)
	go func() {
		_, err := r.profile(client.ByEmail("nobody@contoso.com"))
		answered <- err
	}()
	r.until("the call is under way", func() bool {
		return slices.ContainsFunc(sim.Requests(), func(asked simulator.Request) bool { return asked.Status == 503 })
	})
	stopped := make(chan error)
	go func() { stopped <- r.stop() }()
	if err := <-answered; status.Code(err) != codes.NotFound {
		t.Errorf("the call under way = %v, want its answer", err)
	}
	if err := <-stopped; err != nil {
		t.Errorf("run, asked to stop, = %v", err)
	}
}

// TestStoppingEndsWatchesOfHealth tells a stream that was ended from one that was
// cut when patience had run out.
func TestStoppingEndsWatchesOfHealth(t *testing.T) {
	r := start(t).untilServing()
	watch, err := grpc_health_v1.NewHealthClient(r.connection).Watch(t.Context(), &grpc_health_v1.HealthCheckRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if out, err := watch.Recv(); err != nil || out.Status != grpc_health_v1.HealthCheckResponse_SERVING {
		t.Fatalf("health = %v, %v", out, err)
	}
	if err := r.stop(); err != nil {
		t.Errorf("run, asked to stop, = %v", err)
	}
	for err == nil {
		_, err = watch.Recv()
	}
	if status.Code(err) != codes.Canceled {
		t.Errorf("the watch ended with %v, want Canceled by the server", err)
	}
}

func TestWrongConfiguration(t *testing.T) {
	dir := t.TempDir()
	broken := filepath.Join(dir, "broken.jsonl")
	good := `{"id":"00000000-0000-4000-8000-000000000001","displayName":"A","userPrincipalName":"a@contoso.com"}`
	if err := os.WriteFile(broken, []byte(good+"\n\n{\"id\": 7}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct{ args, says string }{
		{"--listen 0.0.0.0:0", "--insecure"},
		{"--listen :0", "--insecure"},
		{"--listen nonsense", "--listen must be host:port"},
		{"--graph-url https://127.0.0.1:1", "--tenant-id"},
		{"--tenant-id t --client-id c --graph-url http://127.0.0.1:1 --authority-url https://127.0.0.1:1", "the Graph URL must be like"},
		{"--tenant-id t --client-id c --graph-url https://127.0.0.1:1", "an authority URL is needed"},
		{"--tenant-id t --client-id c --client-secret-file " + dir + "/none", "--client-secret-file"},
		{"--tenant-id t --simulator-people 5", "nothing is simulated"},
		{"--simulator-people 5 --simulator-directory x", "not both"},
		{"--simulator-directory " + dir + "/none", "--simulator-directory"},
		{"--simulator-directory " + broken, "broken.jsonl:3: "},
		{"--sync-interval 5", "--sync-interval"},
		{"--sync-interval 1ms", "--sync-interval must be 100ms or more"},
		{"--cache-bytes 5", "--cache-bytes must be"},
		{"--tls-cert-file x", "go together"},
		{"--nonsense", "--nonsense"},
	} {
		err := run(t.Context(), strings.Fields(row.args), &output{})
		if !errors.Is(err, errConfig) || !strings.Contains(err.Error(), row.says) || strings.Contains(err.Error(), "\n") {
			t.Errorf("run %s = %v, want one line that says %q", row.args, err, row.says)
		}
	}
}

// certify writes a certificate for loopback and its key, and returns whom to trust.
func certify(t *testing.T) (certFile, keyFile string, roots *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certFile, keyFile = filepath.Join(t.TempDir(), "cert.pem"), filepath.Join(t.TempDir(), "key.pem")
	certPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	for name, data := range map[string][]byte{certFile: certPEM, keyFile: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})} {
		if err := os.WriteFile(name, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	roots = x509.NewCertPool()
	roots.AppendCertsFromPEM(certPEM)
	return certFile, keyFile, roots
}

func TestVersion(t *testing.T) {
	var out output
	if err := run(t.Context(), []string{"--version"}, &out); err != nil || out.String() != version+"\n" {
		t.Errorf("server --version = %q, %v", out.String(), err)
	}
}

func TestTLS(t *testing.T) {
	certFile, keyFile, roots := certify(t)
	r := start(t, "--tls-cert-file", certFile, "--tls-key-file", keyFile)
	trusting, err := client.New(client.Config{Address: r.address, TLS: &tls.Config{RootCAs: roots}, Timeout: patience})
	if err != nil {
		t.Fatal(err)
	}
	defer trusting.Close()
	if _, err := trusting.GetDirectoryStatus(t.Context(), &pb.GetDirectoryStatusRequest{}); err != nil {
		t.Errorf("over TLS: %v", err)
	}
	if out, err := r.GetDirectoryStatus(t.Context(), &pb.GetDirectoryStatusRequest{}); status.Code(err) != codes.Unavailable {
		t.Errorf("in plain text: %v, %v; want no connection", out, err)
	}
}

// TestEnvironment configures by the environment alone.
func TestEnvironment(t *testing.T) {
	app := simulator.DefaultApp()
	sim, flags := tenant(t, simulator.Config{}, simulator.Company(), "unused")
	for name, value := range map[string]string{
		"PEOPLE_INSIGHTS_GRAPH_URL": sim.GraphURL(), "PEOPLE_INSIGHTS_AUTHORITY_URL": sim.AuthorityURL(),
		"PEOPLE_INSIGHTS_CA_FILE": flags[5], "AZURE_TENANT_ID": sim.TenantID(), "AZURE_CLIENT_ID": app.ID, "AZURE_CLIENT_SECRET": app.Secret,
	} {
		t.Setenv(name, value)
	}
	if s := start(t).untilServing().status(); s.TenantId != sim.TenantID() {
		t.Errorf("GetDirectoryStatus = %v", s)
	}
}
