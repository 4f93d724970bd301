package insights_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/status"

	"github.com/peopleinsights/peopleinsights/cache"
	"github.com/peopleinsights/peopleinsights/cache/sourcetest"
	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
)

// missing is a refusal that names a permission.
type missing string

func (missing) Error() string        { return "refused" }
func (m missing) Permission() string { return string(m) }
func (missing) Unwrap() error        { return cache.ErrDenied }

// TestPermissionsAreNamed has Graph refuse for want of permissions, and of what is no name
// of one.
func TestPermissionsAreNamed(t *testing.T) {
	for name, shown := range map[string]bool{
		"ChannelMember.Read.All": true, "Contacts.Read": true,
		"": false, "Read": false, "ana@contoso.com": false, "Ana.Kovac\nRead": false, "A.b<script>": false, strings.Repeat("A.", 200) + "b": false,
	} {
		s := start(t)
		s.source.Before(func(context.Context, string) error { return fmt.Errorf("asking: %w", missing(name)) })
		_, err := s.GetProfile(t.Context(), &pb.GetProfileRequest{Person: byID(sourcetest.ID(9))})
		if _, reason, _, _ := explain(t, err); reason != "SOURCE_DENIED" {
			t.Errorf("without %q: %v", name, err)
		}
		got := ""
		for _, detail := range status.Convert(err).Details() {
			if info, ok := detail.(*errdetails.ErrorInfo); ok {
				got = info.GetMetadata()["permission"]
			}
		}
		batch, batchErr := s.BatchGetProfiles(t.Context(), &pb.BatchGetProfilesRequest{People: []*pb.PersonRef{byID(sourcetest.ID(9))}})
		if batchErr != nil {
			t.Fatal(batchErr)
		}
		const words = "an administrator must grant it the application permission "
		for _, text := range []string{status.Convert(err).Message(), batch.Results[0].GetProblem().GetMessage()} {
			if shown != strings.HasSuffix(text, words+name) || !shown && strings.Contains(text, words) {
				t.Errorf("without %q, a caller is told %q", name, text)
			}
		}
		if want := map[bool]string{true: name}[shown]; got != want {
			t.Errorf("without %q, the metadata names %q, want %q", name, got, want)
		}
	}
}
