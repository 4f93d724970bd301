package cache

import (
	"cmp"
	"strings"

	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
)

// CompareSummaries is the order of every list of people: by display name without regard to
// letter case, then by id. Pages are cut by it, so that a list that is kept in another
// order would lose people between two pages.
func CompareSummaries(a, b *pb.ProfileSummary) int {
	return cmp.Or(
		cmp.Compare(strings.ToLower(a.GetDisplayName()), strings.ToLower(b.GetDisplayName())),
		cmp.Compare(a.GetId(), b.GetId()),
		// People of other organisations may have ids that are somebody's here, too.
		cmp.Compare(a.GetTenantId(), b.GetTenantId()),
	)
}
