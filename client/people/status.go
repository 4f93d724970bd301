package main

import (
	"fmt"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
)

type statusCommand struct{}

// Run shows how the directory stands.
func (statusCommand) Run(s *session) error {
	out, err := s.client.GetDirectoryStatus(s.ctx, &pb.GetDirectoryStatusRequest{})
	if err != nil {
		return err
	}
	if s.json {
		return s.printJSON(out)
	}
	people := fmt.Sprint(out.GetPeople())
	if out.GetExpectedPeople() > 0 {
		people += fmt.Sprint(" of ", out.GetExpectedPeople())
	}
	usage, sweep := out.GetGraphUsage(), out.GetSweep()
	rows := [][2]string{
		{"tenant", out.GetTenantId()},
		{"state", word(out.GetState().String(), "DIRECTORY_STATE_")},
		{"held back", heldBack(out.GetHeldBack())},
		{"people", people},
		{"suggestible", fmt.Sprint(out.GetSuggestiblePeople())},
		{"groups", fmt.Sprint(out.GetGroups())},
		{"contacts", fmt.Sprint(out.GetDirectoryContacts())},
		{"watches", fmt.Sprint(out.GetWatches())},
		{"revision", fmt.Sprint(out.GetFreshness().GetRevision())},
		{"as of", local(out.GetFreshness().GetAsOfTime())},
		{"lag", short(out.GetLag())},
		{"filled in", short(out.GetFillDuration())},
		{"rounds", fmt.Sprint(out.GetRounds())},
		{"last round", short(out.GetLastRoundDuration())},
		{"next round", local(out.GetNextRoundTime())},
		{"next sweep", local(sweep.GetNextTime())},
		{"sweeps", swept(sweep)},
		{"quota", fmt.Sprintf("%d of %d units in %s", usage.GetSpentUnits(), usage.GetBudgetUnits(), short(usage.GetWindow()))},
		{"Graph", fmt.Sprintf("%d calls, %d units; %d throttled, %d not made", usage.GetCalls(), usage.GetUnits(), usage.GetThrottledCalls(), usage.GetRefusedCalls())},
		{"index", fmt.Sprintf("%.1f MB", float64(out.GetIndexBytes())/1e6)},
		{"started", local(out.GetStartTime())},
		{"last failure", failure(out.GetLastFailure())},
		{"past failure", failure(out.GetPastFailure())},
		{"of groups", failure(out.GetLastGroupFailure())},
		{"of contacts", failure(out.GetLastDirectoryContactFailure())},
		{"of sweeps", failure(sweep.GetLastFailure())},
	}
	for _, row := range rows {
		if row[1] != "" {
			fmt.Fprintf(s.out, "%-13s %s\n", row[0], row[1])
		}
	}
	return nil
}

func local(t *timestamppb.Timestamp) string {
	if t == nil {
		return ""
	}
	return t.AsTime().Local().Format(time.DateTime)
}

// short is a duration as people read it.
func short(d *durationpb.Duration) string {
	if d == nil {
		return ""
	}
	if whole := d.AsDuration(); whole >= 10*time.Second {
		return whole.Round(time.Second).String()
	}
	return d.AsDuration().Round(time.Millisecond).String()
}

func heldBack(back *pb.HeldBack) string {
	if back == nil {
		return ""
	}
	what := "people"
	switch {
	case back.GetGroups():
		what = "groups"
	case back.GetContacts():
		what = "contacts"
	}
	return fmt.Sprintf("the removal of %d of %d %s; if they are gone indeed: people refresh --confirm-removals", back.GetRemovals(), back.GetHeld(), what)
}

func swept(s *pb.SweepStatus) string {
	if s.GetSweeps() == 0 {
		return ""
	}
	return fmt.Sprintf("%d, the last in %s; found %d missing, %d surplus, %d changed", s.GetSweeps(), short(s.GetLastDuration()),
		s.GetMissingPeople(), s.GetSurplusPeople(), s.GetChangedPeople())
}

func failure(f *pb.SourceFailure) string {
	if f == nil {
		return ""
	}
	return local(f.GetTime()) + " " + f.GetMessage()
}
