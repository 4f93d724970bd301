package cache_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/peopleinsights/peopleinsights/cache"
	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
)

func TestCompareSummaries(t *testing.T) {
	list := []*pb.ProfileSummary{
		{Id: "3", DisplayName: "bo"}, {Id: "1", DisplayName: "Čeda"}, {Id: "2", DisplayName: "Bo"}, {Id: "4", DisplayName: "ana"},
		{Id: "2", DisplayName: "bo", TenantId: "t"}, {Id: "5"},
	}
	slices.SortFunc(list, cache.CompareSummaries)
	var got []string
	for _, p := range list {
		got = append(got, p.Id+p.DisplayName+p.TenantId)
	}
	if want := "5 4ana 2Bo 2bot 3bo 1Čeda"; strings.Join(got, " ") != want {
		t.Errorf("the order is %v, want %s", got, want)
	}
	if cache.CompareSummaries(list[0], list[0]) != 0 {
		t.Error("somebody is not at their own place")
	}
}
