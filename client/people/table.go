package main

import (
	"fmt"
	"strings"

	"github.com/mattn/go-runewidth"
	"google.golang.org/protobuf/proto"

	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
)

// columns are rows with their cells below each other, by what they take on a terminal. The
// last cell of a row is not padded.
func columns(rows [][]string) []string {
	var wide []int
	for _, row := range rows {
		for i, cell := range row {
			if i == len(wide) {
				wide = append(wide, 0)
			}
			wide[i] = max(wide[i], runewidth.StringWidth(cell))
		}
	}
	lines := make([]string, len(rows))
	for r, row := range rows {
		var b strings.Builder
		for i, cell := range row {
			b.WriteString(cell + strings.Repeat(" ", wide[i]-runewidth.StringWidth(cell)+2))
		}
		lines[r] = strings.TrimRight(b.String(), " ")
	}
	return lines
}

// printPeople prints a row for each of a list.
func printPeople(s *session, people []*pb.ProfileSummary) {
	rows := make([][]string, len(people))
	for i, p := range people {
		rows[i] = []string{p.GetDisplayName(), p.GetEmail(), about(p)}
	}
	for _, line := range columns(rows) {
		fmt.Fprintln(s.out, line)
	}
	if len(people) == 0 {
		fmt.Fprintln(s.out, "nobody")
	}
}

// about is what a list says of a person beside their name and address.
func about(p *pb.ProfileSummary) string {
	kind := ""
	if p.GetUserType() != pb.UserType_USER_TYPE_MEMBER {
		kind = word(p.GetUserType().String(), "USER_TYPE_")
	}
	elsewhere := ""
	if p.GetTenantId() != "" {
		elsewhere = "of organisation " + p.GetTenantId()
	}
	return joined(kind, p.GetJobTitle(), p.GetDepartment(), p.GetOfficeLocation(), elsewhere)
}

// pageSize is how many rows a command asks for at once.
const pageSize = 1000

// paged is a page of an answer.
type paged interface {
	proto.Message
	GetNextPageToken() string
}

// allPages asks for all pages, and makes one answer of them. Ask also says how many rows a
// page has, and how many there are in all.
func allPages[P paged](s *session, ask func(token string) (page P, rows int, total int32, err error)) (whole P, err error) {
	got := 0
	for token := ""; ; {
		page, rows, total, err := ask(token)
		if err != nil {
			return whole, err
		}
		next := page.GetNextPageToken()
		if token == "" {
			whole = page
		} else {
			proto.Merge(whole, page) // puts rows behind rows
		}
		whole.ProtoReflect().Clear(whole.ProtoReflect().Descriptor().Fields().ByName("next_page_token"))
		if token = next; token == "" {
			return whole, nil
		}
		got += rows
		fmt.Fprintf(s.notes, "%d of %d …\n", got, total)
	}
}
