package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	imagedraw "image/draw"
	"image/jpeg"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/peopleinsights/peopleinsights/client"
	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
	"github.com/peopleinsights/peopleinsights/server/simulator"
)

// The company's groups and the people in them, as the simulator makes them up.
const (
	platformTeam    = "3257852a-5923-58ce-8e43-f401bd35723d"
	researchCircle  = "41fc7607-6507-5a18-b7a4-fb12be3f7d4d"
	privateChannel  = "19:52556ab43bfca5e00e26797216e01fdb@thread.tacv2"
	sharedChannel   = "19:aa47d29b3793a0aa9c36d203f223fafb@thread.tacv2"
	standardChannel = "19:bccd1749fc2f1ef02fdc62280cd40df0@thread.tacv2"
)

// ids returns the ids of a directory's people, or of its first so many.
func ids(directory *simulator.Directory, most int) (list []string) {
	for id := range directory.All() {
		if len(list) < most {
			list = append(list, id)
		}
	}
	return list
}

func refs(ids []string) (list []*pb.PersonRef) {
	for _, id := range ids {
		list = append(list, client.ByID(id))
	}
	return list
}

// graphCost is what has been asked of Graph since the last reset, the sign-in aside.
func graphCost(sim *simulator.Simulator, except ...string) (requests, units int) {
	for _, r := range sim.Requests() {
		skipped := !strings.HasPrefix(r.URL, "/v1.0/")
		for _, path := range except {
			skipped = skipped || strings.Contains(r.URL, path)
		}
		if !skipped {
			requests, units = requests+1, units+r.Units
		}
	}
	return requests, units
}

// TestColdRoster asks for a roster of a thousand before the directory has been read.
// The bars are design.md's.
func TestColdRoster(t *testing.T) {
	const maxRequests, maxUnits = 60, 300
	directory := simulator.Invent(1200, 1)
	sim, args := tenant(t, simulator.Config{}, directory, simulator.DefaultApp().Secret)
	clear := sim.Fail(simulator.Fault{Path: "top=999", Status: 429, RetryAfter: "0.5"}) // listings, and nothing else
	r := start(t, args...)
	asked := ids(directory, 990)
	people := append(refs(asked), refs(asked[:5])...)
	people = append(people, client.ByID("00000000-0000-4000-8000-000000000000"), client.ByEmail("nobody@contoso.com"), client.ByEmail("no address"))
	sim.ResetRequests()
	out, err := r.BatchGetProfiles(t.Context(), &pb.BatchGetProfilesRequest{People: people})
	if err != nil {
		t.Fatal(err)
	}
	requests, units := graphCost(sim, "top=999", "delta", "$count")
	if t.Logf("%d requests, %d units", requests, units); requests == 0 || requests > maxRequests || units > maxUnits {
		t.Errorf("took %d requests and %d units, want at most %d and %d", requests, units, maxRequests, maxUnits)
	}
	if state := r.status().State; state != pb.DirectoryState_DIRECTORY_STATE_FILLING {
		t.Fatalf("the directory is %v already", state)
	}
	for i, result := range out.Results[:995] {
		if want := asked[i%990]; result.GetProfile().GetId() != want {
			t.Fatalf("result %d = %v, want %s", i, result, want)
		}
	}
	for i, want := range []codes.Code{codes.NotFound, codes.NotFound, codes.InvalidArgument} {
		if got := out.Results[995+i].GetProblem().GetCode(); got != int32(want) {
			t.Errorf("result %d = %v, want %v", 995+i, out.Results[995+i], want)
		}
	}
	clear()
	cold := out.Results
	r.untilServing()
	warm, err := r.BatchGetProfiles(t.Context(), &pb.BatchGetProfilesRequest{People: people})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(warm.Results, cold, protocmp.Transform()); diff != "" {
		t.Errorf("who was read through differs from who is held (-held +read):\n%s", diff[:min(len(diff), 2000)])
	}
}

// picture is an image of one colour.
func picture(t *testing.T, c color.RGBA) []byte {
	t.Helper()
	canvas := image.NewRGBA(image.Rect(0, 0, 240, 240))
	imagedraw.Draw(canvas, canvas.Bounds(), image.NewUniform(c), image.Point{}, imagedraw.Src)
	var out bytes.Buffer
	if err := jpeg.Encode(&out, canvas, nil); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// TestNobodyGetsAnothersFace gives people a colour each and asks for all of them at once, in
// every size, again and again, while some of them change.
func TestNobodyGetsAnothersFace(t *testing.T) {
	directory := simulator.Invent(60, 2)
	sim, args := tenant(t, simulator.Config{}, directory, simulator.DefaultApp().Secret)
	people := ids(directory, 50)
	for i, id := range people {
		if err := directory.SetPhoto(id, picture(t, color.RGBA{uint8(5 * i), 128, uint8(255 - 5*i), 255})); err != nil {
			t.Fatal(err)
		}
	}
	r := start(t, args...).untilServing()
	var calls sync.WaitGroup
	for round := range 4 {
		for i, id := range people {
			calls.Go(func() {
				size := []pb.PhotoSize{pb.PhotoSize_PHOTO_SIZE_48, pb.PhotoSize_PHOTO_SIZE_240, pb.PhotoSize_PHOTO_SIZE_648, 0}[(round+i)%4]
				out, err := r.GetProfilePhoto(t.Context(), &pb.GetProfilePhotoRequest{Person: client.ByID(id), Size: size})
				if err != nil {
					t.Errorf("person %d, %v: %v", i, size, err)
					return
				}
				face, _, err := image.Decode(bytes.NewReader(out.Data))
				if err != nil || out.ContentType != "image/jpeg" {
					t.Errorf("person %d, %v: %s, %v", i, size, out.ContentType, err)
					return
				}
				middle := color.RGBAModel.Convert(face.At(face.Bounds().Dx()/2, face.Bounds().Dy()/2)).(color.RGBA)
				if got := int(middle.R) + 2; got/5 != i {
					t.Errorf("person %d, %v: has the face of %d", i, size, got/5)
				}
				if int(out.Width) != face.Bounds().Dx() || out.Etag == "" {
					t.Errorf("person %d, %v: width %d of %d, etag %q", i, size, out.Width, face.Bounds().Dx(), out.Etag)
				}
				again, err := r.GetProfilePhoto(t.Context(), &pb.GetProfilePhotoRequest{Person: client.ByID(id), Size: size, IfNoneMatch: out.Etag})
				if err != nil || !again.NotModified || len(again.Data) > 0 || again.Etag != out.Etag {
					t.Errorf("person %d, %v, unchanged: %v, %v", i, size, again, err)
				}
			})
		}
	}
	calls.Wait()
	// Where somebody has none, both of Graph's ways to say so are the same to callers.
	for _, missing := range []simulator.MissingPhoto{simulator.MissingIsNotFound, simulator.MissingIsPixel} {
		behaviour := sim.Behaviour()
		behaviour.MissingPhotos = missing
		sim.Behave(behaviour)
		faceless := ids(directory, 52)[50+int(missing)%2]
		if err := directory.RemovePhoto(faceless); err != nil {
			t.Fatal(err)
		}
		_, err := r.GetProfilePhoto(t.Context(), &pb.GetProfilePhotoRequest{Person: client.ByID(faceless)})
		if status.Code(err) != codes.NotFound || client.Reason(err) != pb.ErrorReason_ERROR_REASON_PHOTO_NOT_FOUND {
			t.Errorf("%v: %v", missing, err)
		}
	}
}

// TestWatchersKnowTheTruth has watchers, which go away and come back, follow a tenant that
// changes, and compares what they have been told with what there is.
func TestWatchersKnowTheTruth(t *testing.T) {
	directory := simulator.Invent(400, 3)
	sim, args := tenant(t, simulator.Config{}, directory, simulator.DefaultApp().Secret)
	args[len(args)-1] = "100ms" // a round of changes
	r := start(t, append(args, "--max-removed-share", "1")...).untilServing()
	roster := refs(ids(directory, 300))
	type reader struct {
		mu    sync.Mutex
		knows []*pb.WatchedProfile
	}
	readers := make([]*reader, 3)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var watches sync.WaitGroup
	for n := range readers {
		readers[n] = &reader{knows: make([]*pb.WatchedProfile, len(roster))}
		watches.Go(func() {
			random := rand.New(rand.NewPCG(uint64(n), 1))
			var resume *pb.WatchPosition
			for ctx.Err() == nil { // all but one go away after some updates, and come back
				ctx, leave := context.WithCancel(ctx)
				stream, err := r.WatchProfiles(ctx, &pb.WatchProfilesRequest{People: roster, Resume: resume})
				for updates := random.IntN(3); err == nil; {
					var out *pb.WatchProfilesResponse
					if out, err = stream.Recv(); err != nil {
						break
					}
					readers[n].mu.Lock()
					for _, p := range out.People {
						readers[n].knows[p.Index] = p
					}
					if out.Freshness != nil {
						resume = &pb.WatchPosition{Epoch: out.Freshness.Epoch, Revision: out.Freshness.Revision}
						updates--
					}
					readers[n].mu.Unlock()
					if updates < 0 && n > 0 {
						break
					}
				}
				if code := status.Code(err); err != nil && code != codes.Canceled && !errors.Is(err, context.Canceled) {
					t.Errorf("watcher %d: %v", n, err)
				}
				leave()
			}
		})
	}
	for seed := range uint64(20) {
		if err := directory.Churn(40, seed); err != nil {
			t.Fatal(err)
		}
		if seed == 10 {
			sim.ExpireDeltaTokens(simulator.GoneWithLocation)
		}
		if _, err := r.RefreshDirectory(t.Context(), &pb.RefreshDirectoryRequest{}); err != nil {
			t.Fatal(err)
		}
	}
	revision := r.status().Freshness.Revision
	truth, err := r.BatchGetProfiles(t.Context(), &pb.BatchGetProfilesRequest{People: roster})
	if err != nil {
		t.Fatal(err)
	}
	if now := r.status().Freshness.Revision; now != revision {
		t.Fatalf("the directory is still changing: %d, %d", revision, now)
	}
	gone := 0
	for n, reader := range readers {
		var wrong string
		r.until(fmt.Sprintf("watcher %d knows the truth", n), func() bool {
			reader.mu.Lock()
			defer reader.mu.Unlock()
			wrong, gone = "", 0
			for i, want := range truth.Results {
				if want.GetProblem() != nil {
					gone++
				}
				got := reader.knows[i]
				if got == nil || cmp.Diff(want.GetProfile(), got.GetProfile(), protocmp.Transform()) != "" ||
					want.GetProblem().GetReason() != got.GetProblem().GetReason() {
					wrong = fmt.Sprintf("person %d: %v, want %v", i, got, want)
					return false
				}
			}
			return true
		})
		if wrong != "" {
			t.Errorf("watcher %d: %s", n, wrong)
		}
	}
	if gone == 0 {
		t.Error("nobody is gone: removals were not tried")
	}
	stop()
	watches.Wait()
}

// TestGroupsAndChannels opens what the company has, by the real Graph client.
func TestGroupsAndChannels(t *testing.T) {
	directory := simulator.Company()
	_, args := tenant(t, simulator.Config{}, directory, simulator.DefaultApp().Secret)
	r := start(t, args...).untilServing()
	r.until("groups are held", func() bool { return r.status().Groups > 0 })

	engineering, err := r.ExpandGroup(t.Context(), &pb.ExpandGroupRequest{Group: &pb.ExpandGroupRequest_Email{Email: "ENGINEERING-all@contoso.com"}})
	if err != nil || len(engineering.Groups) == 0 || engineering.Groups[0].State != pb.NestedGroupState_NESTED_GROUP_STATE_CLOSED {
		t.Fatalf("not nested: %v, %v", engineering, err)
	}
	nested, err := r.ExpandGroup(t.Context(), &pb.ExpandGroupRequest{Group: &pb.ExpandGroupRequest_Email{Email: "engineering-all@contoso.com"}, Nested: true})
	if err != nil || nested.Total <= engineering.Total {
		t.Errorf("nested: %v, %v; want more than %d", nested, err, engineering.Total)
	}
	circle, err := r.ExpandGroup(t.Context(), &pb.ExpandGroupRequest{Group: &pb.ExpandGroupRequest_Email{Email: "oncall-north@contoso.com"}, Nested: true})
	if err != nil || circle.Total != 3 || len(circle.Groups) != 2 {
		t.Errorf("a circle of three groups: %v, %v; want 3 people and the 2 other groups", circle, err)
	}
	_, err = r.ExpandGroup(t.Context(), &pb.ExpandGroupRequest{Group: &pb.ExpandGroupRequest_GroupId{GroupId: researchCircle}})
	if status.Code(err) != codes.PermissionDenied || client.Reason(err) != pb.ErrorReason_ERROR_REASON_MEMBERS_HIDDEN {
		t.Errorf("hidden members: %v", err)
	}
	team, err := r.ExpandGroup(t.Context(), &pb.ExpandGroupRequest{Group: &pb.ExpandGroupRequest_GroupId{GroupId: platformTeam}})
	if err != nil || int(team.Total) != len(directory.Members(platformTeam)) {
		t.Fatalf("the team: %v, %v", team, err)
	}
	standard, err := r.ListChannelMembers(t.Context(), &pb.ListChannelMembersRequest{TeamId: platformTeam, ChannelId: standardChannel})
	if err != nil || standard.Kind != pb.ChannelKind_CHANNEL_KIND_STANDARD {
		t.Fatalf("standard: %v, %v", standard, err)
	}
	if diff := cmp.Diff(team.Members, standard.Members, protocmp.Transform()); diff != "" {
		t.Errorf("a standard channel's members differ from its team's (-team +channel):\n%s", diff)
	}
	private, err := r.ListChannelMembers(t.Context(), &pb.ListChannelMembersRequest{TeamId: platformTeam, ChannelId: privateChannel})
	if err != nil || private.Kind != pb.ChannelKind_CHANNEL_KIND_PRIVATE || private.Total != 3 {
		t.Errorf("private: %v, %v", private, err)
	}
	shared, err := r.ListChannelMembers(t.Context(), &pb.ListChannelMembersRequest{TeamId: platformTeam, ChannelId: sharedChannel})
	if err != nil || shared.Kind != pb.ChannelKind_CHANNEL_KIND_SHARED {
		t.Fatalf("shared: %v, %v", shared, err)
	}
	foreign := 0
	for _, m := range shared.Members {
		if m.TenantId == "" {
			continue
		}
		foreign++
		found, err := r.SuggestInvitees(t.Context(), &pb.SuggestInviteesRequest{Query: m.DisplayName, TeamId: platformTeam, ChannelId: sharedChannel})
		if err != nil || len(found.Suggestions) == 0 || found.Suggestions[0].TenantId != m.TenantId || found.Suggestions[0].Source != pb.SuggestionSource_SUGGESTION_SOURCE_CHANNEL {
			t.Errorf("suggesting %v: %v, %v", m, found, err)
		}
	}
	if foreign == 0 || foreign == len(shared.Members) {
		t.Errorf("%d of %d members are of other tenants: %v", foreign, len(shared.Members), shared)
	}
	circleOf, err := r.SuggestInvitees(t.Context(), &pb.SuggestInviteesRequest{TeamId: platformTeam, ChannelId: privateChannel, PageSize: 50})
	if err != nil || len(circleOf.Suggestions) != 3 {
		t.Errorf("an empty query of a channel: %v, %v; want its three members", circleOf, err)
	}
}

// TestMissingPermissionsAreNamed takes permissions away from the app, one after the other.
func TestMissingPermissionsAreNamed(t *testing.T) {
	app := simulator.DefaultApp()
	var roles []string
	for _, role := range app.Roles {
		switch role {
		case "ChannelMember.Read.All", "Contacts.Read", "OrgContact.Read.All", "ProfilePhoto.Read.All":
		default:
			roles = append(roles, role)
		}
	}
	app.Roles = roles
	_, args := tenant(t, simulator.Config{Apps: []simulator.App{app}}, simulator.Company(), app.Secret)
	r := start(t, args...).untilServing()
	r.until("groups are held", func() bool { return r.status().Groups > 0 })
	_, err := r.ListChannelMembers(t.Context(), &pb.ListChannelMembersRequest{TeamId: platformTeam, ChannelId: privateChannel})
	if client.Reason(err) != pb.ErrorReason_ERROR_REASON_SOURCE_DENIED || !strings.Contains(fmt.Sprint(err), "ChannelMember.Read.All") {
		t.Errorf("a private channel: %v", err)
	}
	out, err := r.SuggestInvitees(t.Context(), &pb.SuggestInviteesRequest{Query: "kov", Organizer: client.ByEmail("maja.lindqvist@contoso.com"), TeamId: platformTeam, ChannelId: privateChannel})
	if err != nil || len(out.Suggestions) == 0 {
		t.Fatalf("SuggestInvitees = %v, %v", out, err)
	}
	denied := map[pb.SuggestionSource]bool{}
	for _, s := range out.Sources {
		denied[s.Source] = s.Reason == pb.ErrorReason_ERROR_REASON_SOURCE_DENIED
	}
	if !denied[pb.SuggestionSource_SUGGESTION_SOURCE_CONTACTS] || !denied[pb.SuggestionSource_SUGGESTION_SOURCE_CHANNEL] {
		t.Errorf("sources = %v, want contacts and the channel denied", out.Sources)
	}
}
