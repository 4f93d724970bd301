package insights

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/peopleinsights/peopleinsights/cache"
	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
	"github.com/peopleinsights/peopleinsights/server/auth"
)

// The bounds of pages of people.
const (
	defaultPeoplePage = 100
	maxPeoplePage     = 1000
)

// page is a page of a list of people in the order of cache.CompareSummaries: which list,
// and where in it. It begins behind a person, and not at a place, so that nobody comes twice
// where others have come or gone between two pages.
type page struct {
	asked string             // what the list is of; see asked
	size  int                // how many rows at most
	after *pb.ProfileSummary // the row that it begins behind, by its name and ids; nil for the first page
	// Of own contacts, whose names are in no token, which may be kept: the row's mark.
	hidden bool
	mark   string
}

// pagesOf tells lists apart: the call, whose it is, and what was asked. A token of one list
// is none of another's.
func pagesOf(ctx context.Context, call string, what ...string) string {
	caller, _ := auth.FromContext(ctx)
	sum := sha256.Sum256(fmt.Appendf(nil, "%q", append([]string{call, caller.Tenant, caller.Subject}, what...)))
	return string(sum[:tokenHash])
}

// tokenHash is how many bytes of a token say which list it is of.
const tokenHash = 12

// page reads page_size and page_token of a list.
func (bad *invalid) page(asked string, hidden bool, size int32, token string) page {
	p := page{asked: asked, hidden: hidden, size: bad.pageSize("page_size", size, defaultPeoplePage, maxPeoplePage)}
	if token == "" {
		return p
	}
	raw, err := base64.RawURLEncoding.DecodeString(token)
	after := &pb.ProfileSummary{}
	switch {
	case err != nil || len(raw) <= tokenHash || string(raw[:tokenHash]) != asked,
		hidden && len(raw) != tokenHash+sha256.Size,
		!hidden && proto.Unmarshal(raw[tokenHash:], after) != nil:
		bad.add("page_token", "must be the next_page_token of a page of the same request")
	case hidden:
		p.mark = string(raw[tokenHash:])
	default:
		p.after = after
	}
	return p
}

// first tells whether it is the first page.
func (p page) first() bool { return p.after == nil && p.mark == "" }

// cut returns the page of a list, and the token of the next one; empty where there is none.
func (p page) cut(list []*pb.ProfileSummary) (rows []*pb.ProfileSummary, next string, err error) {
	rows = list
	switch {
	case p.mark != "":
		at := slices.IndexFunc(list, func(row *pb.ProfileSummary) bool { return p.markOf(row) == p.mark })
		if at < 0 {
			return nil, "", invalidField("page_token", errors.New("must be behind somebody who is still there: begin with the first page"))
		}
		rows = list[at+1:]
	case p.after != nil:
		at, found := slices.BinarySearchFunc(list, p.after, cache.CompareSummaries)
		if found {
			at++
		}
		rows = list[at:]
	}
	if len(rows) <= p.size {
		return rows, "", nil
	}
	rows = rows[:p.size]
	return rows, p.token(rows[p.size-1]), nil
}

// markOf stands for a row, and tells nothing of it.
func (p page) markOf(row *pb.ProfileSummary) string {
	sum := sha256.Sum256([]byte(p.asked + row.GetId()))
	return string(sum[:])
}

// token stands for the page behind a row. Who can read it has seen the row.
func (p page) token(last *pb.ProfileSummary) string {
	if p.hidden {
		return base64.RawURLEncoding.EncodeToString([]byte(p.asked + p.markOf(last)))
	}
	key, err := proto.Marshal(&pb.ProfileSummary{
		Id: last.GetId(), DisplayName: last.GetDisplayName(), TenantId: last.GetTenantId(),
	})
	if err != nil {
		return "" // texts that are not UTF-8, which cannot be sent either
	}
	return base64.RawURLEncoding.EncodeToString(append([]byte(p.asked), key...))
}
