package insights

import (
	"context"
	"fmt"
	"math"

	"github.com/peopleinsights/peopleinsights/cache"
	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
)

// maxLevels is how far up a reporting line may be asked for by a number.
const maxLevels = 100

// GetReportingLine answers with whom a person reports to, and who reports to them.
func (s *Service) GetReportingLine(ctx context.Context, in *pb.GetReportingLineRequest) (*pb.GetReportingLineResponse, error) {
	var bad invalid
	ref := bad.person("person", in.GetPerson())
	levels := bad.levels("levels_up", in.GetLevelsUp())
	page := bad.page(pagesOf(ctx, "GetReportingLine", keyOf(ref)), false, in.GetPageSize(), in.GetPageToken())
	if err := bad.err(); err != nil {
		return nil, err
	}
	directory, err := s.directory(ctx)
	if err != nil {
		return nil, err
	}
	line, err := directory.ReportingLine(ref, levels, in.GetIncludeDirectReports())
	if err != nil {
		return nil, showsNot(ctx, directory, ref, err)
	}
	out := &pb.GetReportingLineResponse{Managers: line.Managers, Freshness: line.Freshness}
	if in.GetIncludeDirectReports() {
		if out.DirectReports, out.NextPageToken, err = page.cut(line.Reports); err != nil {
			return nil, err
		}
		out.TotalDirectReports = int32(len(line.Reports))
	}
	if err := showsRows(ctx, directory, ref, out.Managers, out.DirectReports); err != nil {
		return nil, err
	}
	return out, nil
}

// levels is how far up to go: to the top for zero.
func (bad *invalid) levels(field string, levels int32) int {
	switch {
	case levels == 0:
		return math.MaxInt
	case levels < 0 || levels > maxLevels:
		bad.add(field, fmt.Sprintf("must be from 1 to %d, or 0 for all, not %d", maxLevels, levels))
	}
	return int(levels)
}

// keyOf tells those whom a caller may name apart.
func keyOf(ref cache.Ref) string { return ref.ID + " " + ref.Email }
