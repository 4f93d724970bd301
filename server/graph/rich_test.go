package graph_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/peopleinsights/peopleinsights/cache"
	"github.com/peopleinsights/peopleinsights/cache/sourcetest"
	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
	"github.com/peopleinsights/peopleinsights/server/simulator"
)

func TestRich(t *testing.T) {
	client, sim, directory := onePerson(t, simulator.Config{}, 0)
	id := sourcetest.ID(0)
	if err := directory.Patch(id, []byte(`{"aboutMe":"Asks \u00e4 lot","skills":["Go","SQL"],"interests":["Chess"],
		"responsibilities":["Builds"],"pastProjects":["Apollo"],"schools":["ETH"],"birthday":"1990-01-01T00:00:00Z"}`)); err != nil {
		t.Fatal(err)
	}
	sim.ResetRequests()
	profile, err := client.Rich(t.Context(), id)
	want := &pb.Profile{AboutMe: "Asks ä lot", Skills: []string{"Go", "SQL"}, Interests: []string{"Chess"},
		Responsibilities: []string{"Builds"}, PastProjects: []string{"Apollo"}, Schools: []string{"ETH"}}
	if diff := cmp.Diff(want, profile, protocmp.Transform()); diff != "" || err != nil {
		t.Errorf("%v, differs (-want +got):\n%s", err, diff)
	}
	if requests, units := asked(sim); requests != 1 || client.Usage().Units != int64(units) {
		t.Errorf("%d requests of %d units, usage %+v", requests, units, client.Usage())
	}
	if profile, err := client.Rich(t.Context(), sourcetest.ID(7)); !errors.Is(err, cache.ErrNotFound) {
		t.Errorf("nobody's = %v, %v", profile, err)
	}
}

// TestNoRich asks for profiles that are not there, and of Graphs that do not answer. To be
// without one is no failure, of nobody and of Graph neither; nor is it the directory's that
// Outlook or SharePoint fails.
func TestNoRich(t *testing.T) {
	for _, row := range []struct {
		what  string
		fault simulator.Fault
		want  error // nil for an empty profile
		calls int
	}{
		{"no mailbox", simulator.Fault{Status: 404, Code: "MailboxNotEnabledForRESTAPI"}, nil, 1},
		{"no site", simulator.Fault{Status: 404, Code: "ResourceNotFound"}, nil, 1},
		{"no licence", simulator.Fault{Status: 400, Code: "BadRequest"}, nil, 1},
		{"not supported", simulator.Fault{Status: 501}, nil, 1},
		{"nobody", simulator.Fault{Status: 404}, cache.ErrNotFound, 1},
		{"no Graph", simulator.Fault{Status: 404, Body: []byte("no such page")}, cache.ErrUnavailable, 2},
		{"denied", simulator.Fault{Status: 403}, cache.ErrDenied, 1},
		{"throttled", simulator.Fault{Status: 429, RetryAfter: "5"}, cache.ErrThrottled, 1},
		{"failing", simulator.Fault{Status: 500}, cache.ErrUnavailable, 2},
		{"a list", simulator.Fault{Status: 200, Body: []byte(`[1]`), ContentType: "application/json"}, cache.ErrUnavailable, 2},
		{"half of it", simulator.Fault{Status: 200, Body: []byte(`{"aboutMe":"x"`), ContentType: "application/json"}, cache.ErrUnavailable, 2},
		{"other types", simulator.Fault{Status: 200, Body: []byte(`{"aboutMe":7,"skills":null,"schools":"ETH","interests":[1,null,{"a":[]},""],"pastProjects":{}}`), ContentType: "application/json"}, nil, 1},
	} {
		t.Run(row.what, func(t *testing.T) {
			t.Parallel()
			client, sim, _ := onePerson(t, simulator.Config{}, 0)
			row.fault.Path = "aboutMe"
			sim.Fail(row.fault)
			profile, err := client.Rich(t.Context(), sourcetest.ID(0))
			if !errors.Is(err, row.want) || row.want == nil && (profile == nil || proto.Size(profile) > 0) {
				t.Errorf("%v, %v; want %v", profile, err, row.want)
			}
			if requests, _ := asked(sim); requests != row.calls {
				t.Errorf("%d requests, want %d", requests, row.calls)
			}
			if err != nil && strings.Contains(err.Error(), sourcetest.ID(0)) {
				t.Errorf("%v names somebody", err)
			}
			if got := cache.Permission(err); (got == "User.Read.All") != errors.Is(row.want, cache.ErrDenied) {
				t.Errorf("names the permission %q", got)
			}
			for range 6 {
				_, _ = client.Rich(t.Context(), sourcetest.ID(0))
			}
			if _, err := client.Find(t.Context(), cache.Ref{ID: sourcetest.ID(0)}); err != nil || client.Usage().Failing {
				t.Errorf("the directory, with a profile that cannot be read: %v; Graph is taken for failing: %t", err, client.Usage().Failing)
			}
		})
	}
}

// TestMuchOfRich bounds what somebody writes of themselves.
func TestMuchOfRich(t *testing.T) {
	client, sim, _ := onePerson(t, simulator.Config{}, 0)
	body, err := json.Marshal(map[string]any{"aboutMe": strings.Repeat("aé", 20<<10), "skills": strings.Fields(strings.Repeat("x ", 5000))})
	if err != nil {
		t.Fatal(err)
	}
	sim.Fail(simulator.Fault{Path: "aboutMe", Status: 200, Body: body, ContentType: "application/json"})
	profile, err := client.Rich(t.Context(), sourcetest.ID(0))
	if err != nil {
		t.Fatal(err)
	}
	if n := len(profile.GetAboutMe()); n > 16<<10 || n < 16<<10-4 || !utf8.ValidString(profile.GetAboutMe()) || len(profile.GetSkills()) != 200 {
		t.Errorf("%d bytes and %d skills", n, len(profile.GetSkills()))
	}
}

// TestBadTokensNameNoPermission has Graph refuse the token, which no permission mends.
func TestBadTokensNameNoPermission(t *testing.T) {
	client, sim, _ := onePerson(t, simulator.Config{}, 0)
	sim.Fail(simulator.Fault{Path: "/users", Status: 401})
	if _, err := client.Rich(t.Context(), sourcetest.ID(0)); !errors.Is(err, cache.ErrDenied) || cache.Permission(err) != "" {
		t.Errorf("%v, permission %q", err, cache.Permission(err))
	}
}
