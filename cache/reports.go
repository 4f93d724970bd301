package cache

import (
	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
)

// ReportingLine is whom somebody reports to, and who reports to them.
type ReportingLine struct {
	Managers  []*pb.ProfileSummary // nearest first
	Reports   []*pb.ProfileSummary // by display name, then by id
	Freshness *pb.Freshness
}

// ReportingLine returns the managers above a person, so many levels up at most, and those
// who report to them if they are asked for, all of one revision.
func (d *Directory) ReportingLine(ref Ref, levels int, reports bool) (*ReportingLine, error) {
	return nil, ErrUnavailable
}
