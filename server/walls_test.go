package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/peopleinsights/peopleinsights/client"
	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
	"github.com/peopleinsights/peopleinsights/server/simulator"
)

// neighbour is one of several tenants that one server serves, with its callers.
type neighbour struct {
	t         *testing.T
	sim       *simulator.Simulator
	directory *simulator.Directory
	dir       string // of the configuration file and of what it names
	name      string // of its files there
}

// newNeighbour simulates a tenant of the built-in company, whose ids are the same in each.
func newNeighbour(t *testing.T, dir, name, id string) *neighbour {
	t.Helper()
	n := &neighbour{t: t, directory: simulator.Company(), dir: dir, name: name}
	var err error
	if n.sim, err = simulator.New(simulator.Config{TenantID: id}, n.directory); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.sim.Close() })
	n.write(name+".pem", string(n.sim.CAPEM()))
	n.write(name+".secret", simulator.DefaultApp().Secret+"\n")
	return n
}

func (n *neighbour) write(name, text string) {
	n.t.Helper()
	if err := os.WriteFile(filepath.Join(n.dir, name), []byte(text), 0o600); err != nil {
		n.t.Fatal(err)
	}
}

// row is the tenant in the configuration file; more are further lines of it.
func (n *neighbour) row(more ...string) string {
	text := fmt.Sprintf(`  - id: %[1]s
    graph:
      client_id: %[2]s
      client_secret_file: %[3]s.secret
      url: %[4]s
      authority_url: %[5]s
      ca_file: %[3]s.pem
    directory:
      sync_interval: 1s
    callers:
      issuers: [%[5]s/%[1]s/v2.0]
      audiences: [%[6]s]
      ca_file: %[3]s.pem
`, n.sim.TenantID(), simulator.DefaultApp().ID, n.name, n.sim.GraphURL(), n.sim.AuthorityURL(), simulator.APIID)
	for _, line := range more {
		text += "    " + line + "\n"
	}
	return text
}

// token is one of the tenant's.
func (n *neighbour) token(token simulator.APIToken) string {
	n.t.Helper()
	raw, err := n.sim.IssueToken(token)
	if err != nil {
		n.t.Fatal(err)
	}
	return raw
}

// everyRole is a service's that may ask everything.
var everyRole = simulator.APIToken{Roles: []string{"PeopleInsights.Client", "PeopleInsights.Scheduler", "PeopleInsights.Operator"}}

// startFile serves by a configuration file of tenants' rows, and waits until calls may come.
func startFile(t *testing.T, dir string, rows ...string) (r *running, file string) {
	t.Helper()
	file = filepath.Join(dir, "tenants.yaml")
	configure(t, file, rows...)
	return start(t, "--config", file, "--log-level", "debug").untilServing(), file
}

func configure(t *testing.T, file string, rows ...string) {
	t.Helper()
	if err := os.WriteFile(file, []byte("tenants:\n"+strings.Join(rows, "")), 0o600); err != nil {
		t.Fatal(err)
	}
}

// hangUp has the server read its configuration again, and waits until it says something.
func (r *running) hangUp(says string) {
	r.t.Helper()
	before := strings.Count(r.out.String(), says)
	if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
		r.t.Fatal(err)
	}
	r.until(says, func() bool { return strings.Count(r.out.String(), says) > before })
}

const (
	contosoID  = "0c0a7d5e-2f6b-4f0e-9d0a-3f6f7c1b8a42"
	fabrikamID = "11111111-2222-4333-8444-555555555555"
	readAgain  = "the configuration was read again"
)

// person returns somebody of a directory by their address.
func personOf(t *testing.T, directory *simulator.Directory, address string) string {
	t.Helper()
	for id, user := range directory.All() {
		if strings.Contains(string(user), `"`+address+`"`) {
			return id
		}
	}
	t.Fatalf("nobody has %s", address)
	return ""
}

// whatIsSaid is all that a client of a tenant can learn of somebody.
func whatIsSaid(t *testing.T, c *client.Client, who *pb.PersonRef, address, query, group string) (all []string) {
	t.Helper()
	ctx := t.Context()
	told := func(out proto.Message, err error) {
		if err != nil {
			all = append(all, status.Convert(err).Proto().String())
			return
		}
		all = append(all, fmt.Sprint(out))
	}
	profile, err := c.GetProfile(ctx, &pb.GetProfileRequest{Person: who})
	told(profile.GetProfile(), err)
	batch, err := c.BatchGetProfiles(ctx, &pb.BatchGetProfilesRequest{People: []*pb.PersonRef{who}})
	for _, one := range batch.GetResults() {
		told(one, err)
	}
	photo, err := c.GetProfilePhoto(ctx, &pb.GetProfilePhotoRequest{Person: who})
	told(photo, err)
	line, err := c.GetReportingLine(ctx, &pb.GetReportingLineRequest{Person: who, IncludeDirectReports: true})
	for _, one := range append(line.GetManagers(), line.GetDirectReports()...) {
		told(one, err)
	}
	told(nil, err)
	matches, err := c.MatchAccounts(ctx, &pb.MatchAccountsRequest{Emails: []string{address}})
	for _, one := range matches.GetMatches() {
		told(one, err)
	}
	found, err := c.SuggestInvitees(ctx, &pb.SuggestInviteesRequest{Query: query})
	for _, one := range found.GetSuggestions() {
		told(one, err)
	}
	_, err = c.SuggestInvitees(ctx, &pb.SuggestInviteesRequest{Query: "an", Organizer: who})
	told(nil, err)
	_, err = c.ReportPick(ctx, &pb.ReportPickRequest{Organizer: who, PickedId: who.GetId()})
	told(nil, err)
	members, err := c.ExpandGroup(ctx, &pb.ExpandGroupRequest{Group: &pb.ExpandGroupRequest_GroupId{GroupId: group}})
	for _, one := range members.GetMembers() {
		told(one, err)
	}
	told(nil, err)
	report, err := c.ReportPerson(ctx, &pb.ReportPersonRequest{Person: who})
	told(report, err)
	return all
}

// TestWalls serves two tenants of the same ids and addresses, one of which has somebody whom
// the other does not have: no call of the other's can tell.
func TestWalls(t *testing.T) {
	dir := t.TempDir()
	contoso := newNeighbour(t, dir, "contoso", contosoID)
	fabrikam := newNeighbour(t, dir, "fabrikam", fabrikamID)
	who := personOf(t, contoso.directory, ana)
	if err := fabrikam.directory.Delete(who); err != nil {
		t.Fatal(err)
	}
	only := `{"id":"0a0a0a0a-0000-4000-8000-00000000000a","displayName":"Only Fabrikam","mail":"only@contoso.com","userPrincipalName":"only@contoso.com","userType":"Member","accountEnabled":true}`
	if err := fabrikam.directory.Put([]byte(only)); err != nil {
		t.Fatal(err)
	}
	r, _ := startFile(t, dir, contoso.row(), fabrikam.row())
	ours, theirs := r.as(contoso.token(everyRole)), r.as(fabrikam.token(everyRole))

	// What only the other has, beside what nobody has. Both are asked twice, for what is
	// remembered.
	absent := "0a0a0a0a-0000-4000-8000-00000000000b"
	for range 2 {
		theirOwn := whatIsSaid(t, theirs, client.ByID(who), ana, "kovač", absent)
		nobody := whatIsSaid(t, theirs, client.ByID(absent), "nobody@contoso.com", "kovačx", absent)
		expectSame(t, "who is the other's alone, and who is nobody", theirOwn, nobody, who, absent, ana, "nobody@contoso.com")
		byAddress := whatIsSaid(t, ours, client.ByEmail("only@contoso.com"), "only@contoso.com", "only fabrikam", absent)
		nobody = whatIsSaid(t, ours, client.ByEmail("none@contoso.com"), "none@contoso.com", "none fabrikam", absent)
		expectSame(t, "whose address is the other's alone, and whose is nobody's", byAddress, nobody, "only@contoso.com", "none@contoso.com")
	}
	if all := strings.Join(whatIsSaid(t, ours, client.ByID(who), ana, "kov", absent), "\n"); !strings.Contains(all, "Kovač") {
		t.Errorf("their own tenant does not know them: %s", all)
	}

	// Page tokens and watches' positions are of one tenant.
	line, err := ours.GetReportingLine(t.Context(), &pb.GetReportingLineRequest{Person: client.ByID(topOf(t, ours, who)), IncludeDirectReports: true, PageSize: 1})
	if err != nil || line.GetNextPageToken() == "" {
		t.Fatalf("no second page: %v, %v", line, err)
	}
	_, err = theirs.GetReportingLine(t.Context(), &pb.GetReportingLineRequest{Person: client.ByID(topOf(t, ours, who)), IncludeDirectReports: true, PageSize: 1, PageToken: line.GetNextPageToken()})
	if status.Code(err) != codes.InvalidArgument {
		t.Errorf("the other's page token: %v", err)
	}

	// What is picked, erased and held in one is nothing to the other.
	someone := personOf(t, contoso.directory, "li.na@contoso.com")
	if _, err := ours.ErasePerson(t.Context(), &pb.ErasePersonRequest{Person: client.ByID(someone)}); err != nil {
		t.Fatal(err)
	}
	if _, err := ours.GetProfile(t.Context(), &pb.GetProfileRequest{Person: client.ByID(someone)}); status.Code(err) != codes.NotFound {
		t.Errorf("who was erased: %v", err)
	}
	if _, err := theirs.GetProfile(t.Context(), &pb.GetProfileRequest{Person: client.ByID(someone)}); err != nil {
		t.Errorf("who was erased in the other tenant: %v", err)
	}
	for name, c := range map[string]*client.Client{contoso.sim.TenantID(): ours, fabrikamID: theirs} {
		s, err := c.GetDirectoryStatus(t.Context(), &pb.GetDirectoryStatusRequest{})
		if err != nil || strings.Contains(fmt.Sprint(s), otherOf(name, contoso.sim.TenantID())) {
			t.Errorf("status of %s: %v, %v", name, s, err)
		}
	}
}

func otherOf(id, first string) string {
	if id == first {
		return fabrikamID
	}
	return first
}

// topOf is who has most below them of somebody's reporting line.
func topOf(t *testing.T, c *client.Client, who string) string {
	t.Helper()
	line, err := c.GetReportingLine(t.Context(), &pb.GetReportingLineRequest{Person: client.ByID(who), LevelsUp: 20})
	if err != nil || len(line.GetManagers()) == 0 {
		t.Fatalf("managers of %s: %v, %v", who, line, err)
	}
	return line.GetManagers()[len(line.GetManagers())-1].GetId()
}

// expectSame compares what was said of two, but for their own names, given in pairs.
func expectSame(t *testing.T, what string, a, b []string, names ...string) {
	t.Helper()
	for i := 0; i < len(names); i += 2 {
		for n := range a {
			a[n] = strings.ReplaceAll(a[n], names[i], names[i+1])
		}
	}
	if len(a) != len(b) {
		t.Errorf("%s: %d things are said, and %d:\n%s\n\n%s", what, len(a), len(b), strings.Join(a, "\n"), strings.Join(b, "\n"))
		return
	}
	for i := range a {
		// The library's texts of messages have spaces that differ from build to build.
		if strings.Join(strings.Fields(a[i]), " ") != strings.Join(strings.Fields(b[i]), " ") {
			t.Errorf("%s are told apart:\n%s\n%s", what, a[i], b[i])
		}
	}
}

// TestNeighboursTrouble has one tenant's Graph fail, be slow, and refuse, while the other's
// callers ask.
func TestNeighboursTrouble(t *testing.T) {
	dir := t.TempDir()
	contoso := newNeighbour(t, dir, "contoso", contosoID)
	fabrikam := newNeighbour(t, dir, "fabrikam", fabrikamID)
	mend := fabrikam.sim.Fail(simulator.Fault{Status: 503}) // from the start
	r, _ := startFile(t, dir, contoso.row(), fabrikam.row())
	ours, theirs := r.as(contoso.token(everyRole)), r.as(fabrikam.token(everyRole))
	fine := func(when string) {
		t.Helper()
		out, err := ours.GetProfile(t.Context(), &pb.GetProfileRequest{Person: client.ByEmail(ana)})
		if err != nil || out.GetFreshness().GetStale() {
			t.Errorf("%s: %v, %v", when, out.GetFreshness(), err)
		}
		// Asked of Graph: absent, and not unanswered.
		_, err = ours.GetProfile(t.Context(), &pb.GetProfileRequest{Person: client.ByEmail("nobody." + strings.ReplaceAll(when, " ", ".") + "@contoso.com")})
		if status.Code(err) != codes.NotFound {
			t.Errorf("%s: somebody unknown: %v", when, err)
		}
	}
	fine("while the other cannot be read")
	if _, err := theirs.GetProfile(t.Context(), &pb.GetProfileRequest{Person: client.ByEmail(ana)}); status.Code(err) != codes.Unavailable {
		t.Errorf("of a tenant that cannot be read: %v", err)
	}
	mend()
	r.until("the other has been read", func() bool {
		s, err := theirs.GetDirectoryStatus(t.Context(), &pb.GetDirectoryStatusRequest{})
		return err == nil && s.GetState() == pb.DirectoryState_DIRECTORY_STATE_CURRENT
	})

	// The other's callers wait for a Graph that does not answer, as many as may.
	fabrikam.sim.Fail(simulator.Fault{Delay: time.Hour})
	ctx, leave := context.WithCancel(t.Context())
	var waiting sync.WaitGroup
	for i := range 900 { // more than a tenant's half of the places
		waiting.Go(func() {
			_, _ = theirs.GetProfile(ctx, &pb.GetProfileRequest{Person: client.ByEmail(fmt.Sprintf("nobody.%d@contoso.com", i))})
		})
	}
	for i := range 20 {
		fine(fmt.Sprintf("while the other hangs %d", i))
	}
	leave()
	waiting.Wait()
}

// TestReload changes who is served, and what they see, while calls and watches go on.
func TestReload(t *testing.T) {
	dir := t.TempDir()
	contoso := newNeighbour(t, dir, "contoso", contosoID)
	fabrikam := newNeighbour(t, dir, "fabrikam", fabrikamID)
	r, file := startFile(t, dir, contoso.row())
	ours, theirs := r.as(contoso.token(everyRole)), r.as(fabrikam.token(everyRole))
	who := personOf(t, contoso.directory, ana)
	ask := func(c *client.Client, address string) (*pb.Profile, codes.Code) {
		out, err := c.GetProfile(t.Context(), &pb.GetProfileRequest{Person: client.ByEmail(address)})
		return out.GetProfile(), status.Code(err)
	}
	if _, code := ask(theirs, ana); code != codes.Unauthenticated {
		t.Errorf("who is not served yet: %v", code)
	}

	// One comes.
	configure(t, file, contoso.row(), fabrikam.row())
	r.hangUp(readAgain)
	r.until("who has come is answered", func() bool { _, code := ask(theirs, ana); return code == codes.OK })
	if _, code := ask(ours, ana); code != codes.OK {
		t.Errorf("who was there: %v", code)
	}

	// A wrong file changes nothing, and is told with its line.
	epoch := func(c *client.Client) string {
		t.Helper()
		out, err := c.GetProfile(t.Context(), &pb.GetProfileRequest{Person: client.ByID(who)})
		if err != nil {
			t.Fatal(err)
		}
		return out.GetFreshness().GetEpoch()
	}
	before := epoch(ours)
	configure(t, file, contoso.row("domain: [contoso.com]"))
	r.hangUp("all stays as it was")
	if !strings.Contains(r.out.String(), "tenants.yaml:15: tenants[0]: there is no") {
		t.Errorf("the log does not say what is wrong:\n%s", r.out)
	}
	for _, c := range []*client.Client{ours, theirs} {
		if _, code := ask(c, ana); code != codes.OK {
			t.Errorf("after a wrong file: %v", code)
		}
	}

	// A policy changes: watches that began before it end, and say how to go on.
	watch, err := ours.PeopleInsightsServiceClient.WatchProfiles(t.Context(), &pb.WatchProfilesRequest{People: []*pb.PersonRef{client.ByID(who)}})
	if err != nil {
		t.Fatal(err)
	}
	if first, err := watch.Recv(); err != nil || len(first.GetPeople()) != 1 {
		t.Fatalf("%v, %v", first, err)
	}
	calm, err := theirs.PeopleInsightsServiceClient.WatchProfiles(t.Context(), &pb.WatchProfilesRequest{People: []*pb.PersonRef{client.ByID(who)}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := calm.Recv(); err != nil {
		t.Fatal(err)
	}
	hiding := contoso.row("policy:", "  hidden:", "    - person: "+who, "      fields: [job_title]")
	configure(t, file, hiding, fabrikam.row())
	r.hangUp(readAgain)
	for err = nil; err == nil; _, err = watch.Recv() {
	}
	if status.Code(err) != codes.Unavailable || client.Reason(err) != pb.ErrorReason_ERROR_REASON_STOPPING {
		t.Errorf("a watch of before the policy ends with %v", err)
	}
	if p, code := ask(ours, ana); code != codes.OK || p.GetJobTitle() != "" {
		t.Errorf("by the new policy: %v, %v", p.GetJobTitle(), code)
	}
	if p, code := ask(theirs, ana); code != codes.OK || p.GetJobTitle() == "" {
		t.Errorf("by the other's policy: %v, %v", p.GetJobTitle(), code)
	}
	if got := epoch(theirs); got == "" || epoch(theirs) != got {
		t.Errorf("epoch %q", got)
	}

	// Another share of the quota and another policy at once: held anew beside, though the file
	// is read again meanwhile; who was erased stays out.
	if _, err := theirs.ErasePerson(t.Context(), &pb.ErasePersonRequest{Person: client.ByID(who)}); err != nil {
		t.Fatal(err)
	}
	other := epochOf(t, theirs)
	mend := fabrikam.sim.Fail(simulator.Fault{Path: "/users?", Status: 429, RetryAfter: "1"})
	configure(t, file, hiding, strings.Replace(fabrikam.row("policy: {members: {unlisted: false}}"), "graph:\n", "graph:\n      quota_share: 0.4\n", 1))
	r.hangUp(readAgain)
	for err = nil; err == nil; _, err = calm.Recv() {
	}
	r.hangUp(readAgain)
	if epochOf(t, theirs) != other {
		t.Error("it is held anew before it could be read")
	}
	mend()
	r.until("it is held anew", func() bool {
		_, code := ask(theirs, ana)
		if code != codes.NotFound {
			t.Fatalf("who was erased: %v", code)
		}
		return epochOf(t, theirs) != other
	})

	// One goes.
	if calm, err = theirs.PeopleInsightsServiceClient.WatchProfiles(t.Context(), &pb.WatchProfilesRequest{People: []*pb.PersonRef{client.ByID(who)}}); err != nil {
		t.Fatal(err)
	}
	if _, err := calm.Recv(); err != nil {
		t.Fatal(err)
	}
	configure(t, file, hiding)
	r.hangUp(readAgain)
	if _, code := ask(theirs, ana); code != codes.Unauthenticated {
		t.Errorf("who is served no more: %v", code)
	}
	for err = nil; err == nil; _, err = calm.Recv() {
	}
	if client.Reason(err) != pb.ErrorReason_ERROR_REASON_STOPPING {
		t.Errorf("a watch of a tenant that has gone ends with %v", err)
	}
	if now := epoch(ours); !strings.HasPrefix(now, before) {
		t.Errorf("epoch %q, want that of before, %q: nothing of what is held has changed", now, before)
	}
	if err := r.stop(); err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("run = %v", err)
	}
}

func epochOf(t *testing.T, c *client.Client) string {
	t.Helper()
	s, err := c.GetDirectoryStatus(t.Context(), &pb.GetDirectoryStatusRequest{})
	if err != nil {
		t.Fatal(err)
	}
	return s.GetFreshness().GetEpoch()
}
