package main

import (
	"fmt"
	"strings"

	"google.golang.org/protobuf/types/known/fieldmaskpb"

	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
)

type lineCommand struct {
	Person  string `arg:"" help:"Any address of the person, or their id."`
	Levels  int32  `help:"How many levels upwards, at most 100; all by default."`
	Reports bool   `help:"Show those who report to the person directly, too."`
}

// Run shows a reporting line as a tree: the managers, below them the person, and below
// these the reports.
func (c lineCommand) Run(s *session) error {
	whole, err := allPages(s, func(token string) (*pb.GetReportingLineResponse, int, int32, error) {
		page, err := s.client.GetReportingLine(s.ctx, &pb.GetReportingLineRequest{
			Person: person(c.Person), LevelsUp: c.Levels, IncludeDirectReports: c.Reports, PageSize: pageSize, PageToken: token,
		})
		if err == nil && token != "" {
			page.Managers = nil // every page has them
		}
		return page, len(page.GetDirectReports()), page.GetTotalDirectReports(), err
	})
	if err != nil {
		return err
	}
	if s.json {
		return s.printJSON(whole)
	}
	self, err := s.client.GetProfile(s.ctx, &pb.GetProfileRequest{
		Person: person(c.Person), ReadMask: &fieldmaskpb.FieldMask{Paths: []string{"display_name", "email", "job_title"}},
	})
	if err != nil {
		return err
	}
	for _, line := range tree(self.GetProfile(), whole) {
		fmt.Fprintln(s.out, line)
	}
	return nil
}

// tree is a line for each person, further in the further down they are. The person asked
// for has an arrow.
func tree(self *pb.Profile, line *pb.GetReportingLineResponse) (lines []string) {
	add := func(depth int, mark, name, email, title string) {
		lines = append(lines, strings.Repeat("  ", depth)+mark+joinedBy("  ", named(name, email), title))
	}
	managers := line.GetManagers()
	for i := range managers {
		m := managers[len(managers)-1-i] // the nearest comes first
		add(i, "", m.GetDisplayName(), m.GetEmail(), m.GetJobTitle())
	}
	add(len(managers), "→ ", self.GetDisplayName(), self.GetEmail(), self.GetJobTitle())
	for _, r := range line.GetDirectReports() {
		add(len(managers)+2, "", r.GetDisplayName(), r.GetEmail(), r.GetJobTitle())
	}
	return lines
}
