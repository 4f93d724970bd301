package main

import (
	"fmt"
	"time"

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
	rows := [][2]string{
		{"tenant", out.GetTenantId()},
		{"state", word(out.GetState().String(), "DIRECTORY_STATE_")},
		{"people", people},
		{"suggestible", fmt.Sprint(out.GetSuggestiblePeople())},
		{"revision", fmt.Sprint(out.GetFreshness().GetRevision())},
		{"as of", local(out.GetFreshness().GetAsOfTime())},
		{"filled in", took(out)},
		{"rounds", fmt.Sprint(out.GetRounds())},
		{"next round", local(out.GetNextRoundTime())},
		{"started", local(out.GetStartTime())},
		{"last failure", failure(out.GetLastFailure())},
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

func took(out *pb.GetDirectoryStatusResponse) string {
	if out.GetFillDuration() == nil {
		return ""
	}
	return out.GetFillDuration().AsDuration().Round(time.Millisecond).String()
}

func failure(f *pb.SourceFailure) string {
	if f == nil {
		return ""
	}
	return local(f.GetTime()) + " " + f.GetMessage()
}
