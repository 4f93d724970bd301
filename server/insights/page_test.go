package insights

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/peopleinsights/peopleinsights/cache"
	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
	"github.com/peopleinsights/peopleinsights/server/auth"
)

// people are of these names, each with an id by its place.
func people(names ...string) []*pb.ProfileSummary {
	list := make([]*pb.ProfileSummary, len(names))
	for i, name := range names {
		list[i] = &pb.ProfileSummary{Id: fmt.Sprint(i), DisplayName: name, Email: "x@contoso.com"}
	}
	slices.SortFunc(list, cache.CompareSummaries)
	return list
}

// leaf reads a list page by page, changing it in between, and returns the names.
func leaf(t *testing.T, hidden bool, size int32, list []*pb.ProfileSummary, change func([]*pb.ProfileSummary) []*pb.ProfileSummary) (pages []string) {
	t.Helper()
	for token := ""; ; {
		var bad invalid
		p := bad.page("asked1234567", hidden, size, token)
		if err := bad.err(); err != nil {
			t.Fatal(err)
		}
		if p.first() != (token == "") {
			t.Errorf("the page of token %q takes itself for the first: %v", token, p.first())
		}
		rows, next, err := p.cut(list)
		if err != nil {
			return append(pages, err.Error())
		}
		var names []string
		for _, row := range rows {
			names = append(names, row.GetDisplayName()+row.GetId())
		}
		pages = append(pages, strings.Join(names, " "))
		if token = next; token == "" || len(pages) > 20 {
			return pages
		}
		list = change(list)
	}
}

func same(list []*pb.ProfileSummary) []*pb.ProfileSummary { return list }

func TestPages(t *testing.T) {
	for _, row := range []struct {
		what   string
		names  []string
		size   int32
		change func([]*pb.ProfileSummary) []*pb.ProfileSummary
		want   string
	}{
		{"nobody", nil, 2, same, ""},
		{"less than a page", []string{"bo"}, 2, same, "bo0"},
		{"a page to the last row", []string{"bo", "Ana"}, 2, same, "Ana1 bo0"},
		{"several pages", []string{"dan", "Bo", "ana", "Čeda", "Cleo"}, 2, same, "ana2 Bo1|Cleo4 dan0|Čeda3"},
		{"people of one name, and of one but for its case", []string{"Bo", "bo", "BO", "bo"}, 1, same, "Bo0|bo1|BO2|bo3"},
		{"the row before has gone", []string{"a", "b", "c", "d"}, 2, func(l []*pb.ProfileSummary) []*pb.ProfileSummary {
			return slices.DeleteFunc(slices.Clone(l), func(p *pb.ProfileSummary) bool { return p.GetDisplayName() == "b" })
		}, "a0 b1|c2 d3"},
		{"somebody has come before", []string{"b", "c", "d"}, 2, func(l []*pb.ProfileSummary) []*pb.ProfileSummary {
			return append([]*pb.ProfileSummary{{Id: "9", DisplayName: "a"}}, l...)
		}, "b0 c1|d2"},
		{"somebody has come behind", []string{"a", "b", "d"}, 2, func(l []*pb.ProfileSummary) []*pb.ProfileSummary {
			return slices.Insert(slices.Clone(l), 2, &pb.ProfileSummary{Id: "9", DisplayName: "c"})
		}, "a0 b1|c9 d2"},
		{"all have gone", []string{"a", "b", "c"}, 2, func([]*pb.ProfileSummary) []*pb.ProfileSummary { return nil }, "a0 b1|"},
	} {
		if got := strings.Join(leaf(t, false, row.size, people(row.names...), row.change), "|"); got != row.want {
			t.Errorf("%s: pages are %q, want %q", row.what, got, row.want)
		}
		want := row.want
		if strings.Contains(row.what, "gone") {
			want = row.want[:strings.Index(row.want, "|")+1] + "page_token must be behind somebody who is still there: begin with the first page"
		}
		if got := strings.Join(leaf(t, true, row.size, people(row.names...), row.change), "|"); got != want {
			t.Errorf("%s, hidden: pages are %q, want %q", row.what, got, want)
		}
	}
}

// TestTokensAreOfOneRequest takes a token to another call, another question, another
// tenant and another caller.
func TestTokensAreOfOneRequest(t *testing.T) {
	ctx := auth.NewContext(t.Context(), auth.Caller{Tenant: "contoso", Subject: "ana"})
	own := pagesOf(ctx, "ExpandGroup", "one", "")
	_, token, _ := page{asked: own, size: 1}.cut(people("a", "b"))
	for _, row := range []struct {
		what, asked, token string
		good               bool
	}{
		{"the same", own, token, true},
		{"another call", pagesOf(ctx, "ListChannelMembers", "one", ""), token, false},
		{"another group", pagesOf(ctx, "ExpandGroup", "two", ""), token, false},
		{"the same words, otherwise", pagesOf(ctx, "ExpandGroup", "", "one"), token, false},
		{"the same letters, otherwise", pagesOf(ctx, "ExpandGroup", "one "), token, false},
		{"another tenant", pagesOf(auth.NewContext(t.Context(), auth.Caller{Tenant: "fabrikam", Subject: "ana"}), "ExpandGroup", "one", ""), token, false},
		{"another caller", pagesOf(auth.NewContext(t.Context(), auth.Caller{Tenant: "contoso", Subject: "bo"}), "ExpandGroup", "one", ""), token, false},
		{"no token", own, "nonsense!", false},
		{"half a token", own, token[:10], false},
		{"a broken key", own, token[:17] + "____", false},
	} {
		var bad invalid
		bad.page(row.asked, false, 0, row.token)
		if got := bad.err() == nil; got != row.good {
			t.Errorf("a token of %s is good: %v, want %v", row.what, got, row.good)
		}
	}
}

// FuzzPageToken has tokens that somebody made up.
func FuzzPageToken(f *testing.F) {
	f.Add("")
	f.Add("YXNrZWQxMjM0NTY3CgEx")
	list := people("a", "b", "c")
	f.Fuzz(func(t *testing.T, token string) {
		var bad invalid
		for _, hidden := range []bool{false, true} {
			p := bad.page("asked1234567", hidden, 1, token)
			if rows, _, _ := p.cut(list); len(rows) > 1 {
				t.Errorf("a page of one has %d rows", len(rows))
			}
		}
	})
}

// TestTokensOfContactsNameNobody looks for names and ids in tokens, in whatever they are
// written in.
func TestTokensOfContactsNameNobody(t *testing.T) {
	list := people("Quixandria", "Zyzzogeton")
	for _, hidden := range []bool{false, true} {
		_, token, err := page{asked: "asked1234567", hidden: hidden, size: 1}.cut(list)
		raw, _ := base64.RawURLEncoding.DecodeString(token)
		if err != nil || strings.Contains(string(raw), "Quixandria") == hidden {
			t.Errorf("a token, hidden: %v, holds %q, %v", hidden, raw, err)
		}
	}
}
