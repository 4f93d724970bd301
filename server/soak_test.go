package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/peopleinsights/peopleinsights/client"
	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
	"github.com/peopleinsights/peopleinsights/server/simulator"
)

// How long the soak goes on. The default is CI's short form; `make soak` has a longer
// one.
var (
	soakSteps  = flag.Int("soak.steps", 8, "steps of the soak: each changes people, has Graph misbehave and waits for rounds")
	soakPeople = flag.Int("soak.people", 800, "people of the soak's tenant")
	soakSeed   = flag.Uint64("soak.seed", 1, "seed of the soak's changes and faults")
)

// asCommand has this test's binary be the server, in a process of its own, whose memory
// is then its own.
const asCommand = "SOAK_SERVER"

// soak is a tenant that changes and fails, and a server that follows it.
type soak struct {
	*running
	sim       *simulator.Simulator
	directory *simulator.Directory
	args      []string
	random    *rand.Rand
	process   *exec.Cmd
}

// TestSoak has a tenant change for a long while, with Graph failing in every way that
// its simulator has and callers asking all the time; with the server killed once in a
// while. At the end the server's people are the tenant's, one by one, and the server
// has not grown.
func TestSoak(t *testing.T) {
	directory := simulator.Invent(*soakPeople, *soakSeed)
	sim, args := tenant(t, simulator.Config{}, directory, simulator.DefaultApp().Secret)
	s := &soak{sim: sim, directory: directory, random: rand.New(rand.NewPCG(*soakSeed, 0)),
		args: append(args, "--sync-interval", "100ms", "--cache-bytes", "1048576", "--log-level", "error", "--max-removed-share", "0.2")}
	s.launch(t)
	defer func() { s.kill() }()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var wait sync.WaitGroup
	defer wait.Wait()
	defer cancel()
	load := &load{}
	load.to(s.running)
	for range 2 {
		wait.Go(func() { load.run(ctx, t, directory) })
	}
	var before footprint
	began := time.Now()
	for step := range *soakSteps {
		if err := directory.Churn(20+s.random.IntN(100), s.random.Uint64()); err != nil {
			t.Fatal(err)
		}
		clear := s.misbehave()
		s.untilRounds(1 + s.random.IntN(2))
		clear()
		switch {
		case step == *soakSteps/8: // once at the beginning, so that what follows has one life
			s.kill()
			s.launch(t)
			load.to(s.running)
		case step == *soakSteps/3:
			s.settle()
			before = s.footprint()
		case step%20 == 19 && step < *soakSteps-1:
			t.Logf("%v: step %d of %d, %d calls answered, %d not; %v", time.Since(began).Round(time.Second), step+1, *soakSteps,
				load.answered.Load(), load.failed.Load(), s.footprint())
		}
	}
	s.settle()
	after := s.footprint()
	t.Logf("a third into it: %v; at the end: %v", before, after)
	// A leak shows in the long form: the short one has a few dozen rounds.
	if after.heap > before.heap*1.3+2e6 || after.goroutines > before.goroutines+10 {
		t.Errorf("the server has grown: %v, a third into it %v", after, before)
	}
	if load.answered.Load() == 0 {
		t.Error("no call was answered")
	}
	cancel() // the comparison wants to know whom the server holds by itself
	wait.Wait()
	// Who was listed while their manager was deleted for a while has no manager until a
	// sweep: nothing tells of it when the manager is restored.
	s.compare(true)
	if _, err := s.RefreshDirectory(t.Context(), &pb.RefreshDirectoryRequest{Relist: true}); err != nil {
		t.Fatal(err)
	}
	s.compare(false)
}

// launch starts the server in a process of its own, and waits until it serves.
func (s *soak) launch(t *testing.T) {
	t.Helper()
	if s.running != nil {
		s.Close()
		s.connection.Close()
	}
	s.process = exec.Command(os.Args[0])
	s.process.Env = append(os.Environ(), asCommand+"="+strings.Join(append([]string{
		"--listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0"}, s.args...), "\n"))
	stderr, err := s.process.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.process.Start(); err != nil {
		t.Fatal(err)
	}
	r := &running{t: t, out: &output{}}
	go func() {
		for lines := bufio.NewScanner(stderr); lines.Scan(); {
			fmt.Fprintln(r.out, lines.Text())
		}
	}()
	r.until("the server listens", func() bool {
		if m := listening.FindStringSubmatch(r.out.String()); m != nil {
			r.address = m[1]
		}
		return r.address != "" && measuring.MatchString(r.out.String())
	})
	r.connect()
	s.running = r
	s.until("it serves", func() bool { code, _ := s.ask("/readyz"); return code == 200 })
}

// kill ends the server as a crash would.
func (s *soak) kill() {
	_ = s.process.Process.Signal(syscall.SIGKILL)
	_ = s.process.Wait()
}

// misbehave has Graph misbehave in some ways, until clear is called.
func (s *soak) misbehave() (clear func()) {
	pick := func(n int) bool { return s.random.IntN(n) == 0 }
	switch s.random.IntN(12) {
	case 0:
		s.sim.ExpireDeltaTokens(simulator.Expiry(s.random.IntN(4)))
	case 1:
		s.sim.RevokeTokens()
	case 2:
		s.sim.Advance(2 * time.Hour) // access tokens expire
	case 3:
		s.sim.Advance(8 * 24 * time.Hour) // delta links too
	}
	s.sim.Behave(simulator.Behaviour{
		DeltaPageSize: []int{0, 7, 50}[s.random.IntN(3)], EmptyPages: pick(3), Replay: pick(3), NullValues: pick(3),
		RefuseJoinedFilters: pick(4),
	})
	faults := []simulator.Fault{
		{Status: 429, RetryAfter: "0.1"}, {Status: 429, RetryAfter: "1"}, {Status: 500}, {Status: 502, Body: []byte("<html>")},
		{Status: 503, RetryAfter: "0.1"}, {Status: 504}, {Cut: true}, {Delay: 200 * time.Millisecond}, {Status: 401},
		{Status: 200, Body: []byte(`{"value":`), ContentType: "application/json"}, {Status: 200, Body: []byte("<html>")}, {Status: 409},
	}
	var clears []func()
	for range s.random.IntN(4) {
		f := faults[s.random.IntN(len(faults))]
		f.Path = []string{"", "/users", "/users/delta", "/groups", "/token"}[s.random.IntN(5)]
		f.After, f.Times = s.random.IntN(4), 1+s.random.IntN(4)
		clears = append(clears, s.sim.Fail(f))
	}
	return func() {
		for _, clear := range clears {
			clear()
		}
	}
}

// untilRounds waits until so many more rounds, or fillings, were well.
func (s *soak) untilRounds(n int) {
	s.t.Helper()
	done := func() int64 { out := s.status(); return out.Rounds + out.Fillings }
	from := done()
	s.until("rounds go on", func() bool { return done() >= from+int64(n) })
}

// settle waits until the server is quiet and true.
func (s *soak) settle() {
	s.t.Helper()
	s.sim.Behave(simulator.Behaviour{})
	s.until("all is well", func() bool {
		out := s.status()
		return out.State == pb.DirectoryState_DIRECTORY_STATE_CURRENT && out.LastGroupFailure == nil
	})
	s.until("it can be read", func() bool {
		_, err := s.RefreshDirectory(s.t.Context(), &pb.RefreshDirectoryRequest{})
		return err == nil
	})
	s.untilRounds(20)
}

// footprint is what a server takes.
type footprint struct{ heap, resident, goroutines float64 }

func (f footprint) String() string {
	return fmt.Sprintf("%.1f MB live, %.1f MB resident, %.0f goroutines", f.heap/1e6, f.resident/1e6, f.goroutines)
}

// footprint asks what the server takes. Its next collection comes when the heap has
// doubled since the last.
func (s *soak) footprint() footprint {
	s.t.Helper()
	_, text := s.ask("/metrics")
	value := func(name string) float64 {
		var n float64
		found := regexp.MustCompile(`(?m)^` + name + ` (\S+)$`).FindStringSubmatch(text)
		if found == nil {
			s.t.Fatalf("%s is not measured", name)
		}
		if _, err := fmt.Sscan(found[1], &n); err != nil {
			s.t.Fatal(err)
		}
		return n
	}
	return footprint{value("go_memstats_next_gc_bytes") / 2, value("process_resident_memory_bytes"), value("go_goroutines")}
}

// graphUser is what of a person a test compares.
type graphUser struct {
	ID, DisplayName, GivenName, Surname, Mail, UserPrincipalName, JobTitle, Department, CompanyName string
	OfficeLocation, StreetAddress, City, State, Country, PostalCode, MobilePhone, ManagerID         string
	BusinessPhones                                                                                  []string
}

// compare expects the server to have everybody as the tenant has them; managers may be
// missing where that is allowed.
func (s *soak) compare(managersMayMiss bool) {
	s.t.Helper()
	var ids []*pb.PersonRef
	want := map[string]graphUser{}
	for id, user := range s.directory.All() {
		var u graphUser
		if err := json.Unmarshal(user, &u); err != nil {
			s.t.Fatal(err)
		}
		want[id], ids = u, append(ids, client.ByID(id))
	}
	if out := s.status(); out.People != int64(len(ids)) || out.Groups != int64(s.directory.GroupLen()) {
		s.t.Errorf("%d people and %d groups are held, the tenant has %d and %d", out.People, out.Groups, len(ids), s.directory.GroupLen())
	}
	_, text := s.ask("/metrics")
	asked, _ := metric(s.t, text, "people_insights_lookups_asked_total")
	defer func() {
		_, text := s.ask("/metrics")
		if now, _ := metric(s.t, text, "people_insights_lookups_asked_total"); now != asked {
			s.t.Errorf("%v people were not held, and had to be asked for", now-asked)
		}
	}()
	wrong := 0
	for len(ids) > 0 {
		some := ids[:min(1000, len(ids))]
		ids = ids[len(some):]
		out, err := s.BatchGetProfiles(s.t.Context(), &pb.BatchGetProfilesRequest{People: some})
		if err != nil {
			s.t.Fatal(err)
		}
		for i, result := range out.Results {
			u, p := want[some[i].GetId()], result.GetProfile()
			got := graphUser{
				ID: p.GetId(), DisplayName: p.GetDisplayName(), GivenName: p.GetGivenName(), Surname: p.GetSurname(), Mail: p.GetEmail(),
				UserPrincipalName: p.GetUserPrincipalName(), JobTitle: p.GetJobTitle(), Department: p.GetDepartment(),
				CompanyName: p.GetCompanyName(), OfficeLocation: p.GetOfficeLocation(), StreetAddress: p.GetStreet(), City: p.GetCity(),
				State: p.GetState(), Country: p.GetCountry(), PostalCode: p.GetPostalCode(), MobilePhone: p.GetMobilePhone(),
				ManagerID: p.GetManager().GetId(), BusinessPhones: p.GetBusinessPhones(),
			}
			if managersMayMiss && got.ManagerID == "" {
				u.ManagerID = ""
			}
			if fmt.Sprint(got) != fmt.Sprint(u) {
				if wrong++; wrong <= 5 {
					s.t.Errorf("held  %+v\nthere %+v\n%v", got, u, result.GetProblem())
				}
			}
		}
	}
	s.compareAddresses(want)
	if wrong > 0 {
		s.t.Errorf("%d people are held otherwise than the tenant has them", wrong)
	}
}

// compareAddresses expects everybody's mail address to lead to them, or to somebody else
// who has it too.
func (s *soak) compareAddresses(want map[string]graphUser) {
	s.t.Helper()
	var people []*pb.PersonRef
	var mails []string
	flush := func() {
		out, err := s.BatchGetProfiles(s.t.Context(), &pb.BatchGetProfilesRequest{People: people})
		if err != nil {
			s.t.Fatal(err)
		}
		for i, result := range out.Results {
			if got := want[result.GetProfile().GetId()]; !strings.EqualFold(got.Mail, mails[i]) {
				s.t.Errorf("an address leads to %v, %v", got, result.GetProblem())
			}
		}
		people, mails = nil, nil
	}
	for _, u := range want {
		if u.Mail == "" {
			continue
		}
		people, mails = append(people, client.ByEmail(u.Mail)), append(mails, u.Mail)
		if len(people) == 1000 {
			flush()
		}
	}
	flush()
}

// load asks as callers do, and looks at the answers.
type load struct {
	server           atomic.Pointer[running]
	answered, failed atomic.Int64
}

func (l *load) to(r *running) { l.server.Store(r) }

// run asks for people and suggestions until ctx ends. An answer may fail when Graph
// does, but never because of a fault of the service; and revisions only rise.
func (l *load) run(ctx context.Context, t *testing.T, directory *simulator.Directory) {
	revisions := map[string]int64{} // by epoch
	check := func(err error, f *pb.Freshness) {
		switch code := status.Code(err); {
		case err == nil || code == codes.NotFound:
			l.answered.Add(1)
		case code == codes.Internal || code == codes.InvalidArgument || code == codes.Unknown:
			t.Errorf("a call ended with %v", err)
		default:
			l.failed.Add(1)
		}
		if f == nil {
			return
		}
		if f.Revision < revisions[f.Epoch] {
			t.Errorf("revision %d came after %d", f.Revision, revisions[f.Epoch])
		}
		revisions[f.Epoch] = f.Revision
	}
	for ctx.Err() == nil {
		for id := range directory.All() {
			if ctx.Err() != nil || t.Failed() {
				return
			}
			server := l.server.Load()
			one, err := server.GetProfile(ctx, &pb.GetProfileRequest{Person: client.ByID(id)})
			if errors.Is(ctx.Err(), context.Canceled) {
				return
			}
			check(err, one.GetFreshness())
			name := []rune(one.GetProfile().GetSurname())
			found, err := server.SuggestInvitees(ctx, &pb.SuggestInviteesRequest{Query: string(name[:min(len(name), 2)])})
			if errors.Is(ctx.Err(), context.Canceled) {
				return
			}
			check(err, found.GetFreshness())
		}
	}
}
