package insights_test

import (
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"google.golang.org/grpc/codes"

	"github.com/peopleinsights/peopleinsights/cache"
	"github.com/peopleinsights/peopleinsights/cache/sourcetest"
	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
	"github.com/peopleinsights/peopleinsights/server/insights"
)

func TestReportPick(t *testing.T) {
	var tenants func() map[string]*insights.Tenant
	s := start(t, func(c *insights.Config) { tenants = c.Tenants })
	lettered := sourcetest.Someone(7)
	lettered.Profile.Id = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"
	s.source.Put(lettered)
	s.source.PutGroup(sourcetest.SomeGroup(1))
	if _, err := s.refresh(t, false, false); err != nil {
		t.Fatal(err)
	}
	for _, in := range []*pb.ReportPickRequest{
		{Organizer: byID(sourcetest.ID(1)), PickedId: sourcetest.ID(2)},
		{Organizer: byEmail("PERSON.B@contoso.com"), PickedId: sourcetest.SomeGroup(1).ID},
		{Organizer: byID(sourcetest.ID(1)), PickedId: lettered.Profile.Id},
		{Organizer: byID(sourcetest.ID(1)), PickedId: strings.ToUpper(lettered.Profile.Id)},
		{Organizer: byID(sourcetest.ID(1)), PickedId: sourcetest.ID(1)},
	} {
		if _, err := s.ReportPick(t.Context(), in); err != nil {
			t.Errorf("ReportPick(%v) = %v", in, err)
		}
	}
	want := `# HELP people_insights_directory_picked People and groups whom they picked, of all together.
# TYPE people_insights_directory_picked gauge
people_insights_directory_picked{tenant="contoso"} 3
# HELP people_insights_directory_pickers Organizers of whom it is remembered whom they picked.
# TYPE people_insights_directory_pickers gauge
people_insights_directory_pickers{tenant="contoso"} 1
`
	if err := testutil.CollectAndCompare(insights.NewDirectoryMetrics(tenants), strings.NewReader(want),
		"people_insights_directory_picked", "people_insights_directory_pickers"); err != nil {
		t.Error(err)
	}
}

func TestReportPickWhileFilling(t *testing.T) {
	empty, err := cache.New(cache.Config{Source: &sourcetest.Memory{}})
	if err != nil {
		t.Fatal(err)
	}
	defer empty.Close()
	s := start(t, func(c *insights.Config) { c.Tenants = only(&insights.Tenant{Directory: empty}) })
	_, err = s.ReportPick(t.Context(), &pb.ReportPickRequest{Organizer: byID(sourcetest.ID(1)), PickedId: sourcetest.ID(2)})
	if code, reason, retry, _ := explain(t, err); code != codes.Unavailable || reason != "DIRECTORY_FILLING" || !retry {
		t.Errorf("ReportPick = %v %s, retry %v; want Unavailable DIRECTORY_FILLING, to be tried again", code, reason, retry)
	}
}
