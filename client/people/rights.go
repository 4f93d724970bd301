package main

import (
	"fmt"
	"strings"
	"time"

	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
)

type eraseCommand struct {
	Person string `arg:"" help:"Any address of the person, or their id."`
}

// Run erases a person, and shows the receipt.
func (c eraseCommand) Run(s *session) error {
	out, err := s.client.ErasePerson(s.ctx, &pb.ErasePersonRequest{Person: person(c.Person)})
	if err != nil {
		return err
	}
	if s.json {
		return s.printJSON(out)
	}
	fmt.Fprintf(s.out, "%s is gone from memory since %s, from revision %d on.\n", out.GetPersonId(), local(out.GetEraseTime()), out.GetFreshness().GetRevision())
	s.printRows([][2]string{
		{"receipt", out.GetReceiptId()},
		{"gone", erased(out)},
		{"kept out", fmt.Sprint(out.GetErasedPeople()) + " in all, while Microsoft Graph says the same of them"},
	})
	return nil
}

// erased says what there was.
func erased(r *pb.ErasePersonResponse) string {
	var parts []string
	if r.GetProfile() {
		parts = append(parts, "profile")
	}
	if r.GetRichProfile() {
		parts = append(parts, "rich profile")
	}
	for _, part := range []struct {
		n    int32
		what string
	}{{r.GetPhotos(), "photo"}, {r.GetPicks(), "pick"}, {r.GetPickedBy(), "organizer's pick"}, {r.GetOwnContacts(), "contact"}} {
		if part.n > 0 {
			parts = append(parts, plural(int64(part.n), part.what))
		}
	}
	if len(parts) == 0 {
		return "nothing: it had been erased already"
	}
	return strings.Join(parts, ", ")
}

type reportCommand struct {
	Person string `arg:"" help:"Any address of the person, or their id."`
}

// Run shows all that the service holds of a person.
func (c reportCommand) Run(s *session) error {
	out, err := s.client.ReportPerson(s.ctx, &pb.ReportPersonRequest{Person: person(c.Person)})
	if err != nil {
		return err
	}
	if s.json {
		return s.printJSON(out)
	}
	if out.GetEraseTime() != nil {
		fmt.Fprintf(s.out, "%s was erased on %s: nothing is held but the id and a keyed hash.\n", out.GetPersonId(), local(out.GetEraseTime()))
		return nil
	}
	printProfile(s, out.GetProfile())
	s.printRows([][2]string{
		{"unlisted", yes(out.GetUnlisted())},
		{"manager's id", out.GetManagerId()},
		{"reports' ids", strings.Join(out.GetDirectReportIds(), ", ")},
		{"rich profile", yes(out.GetRichProfile())},
		{"photos", photos(out.GetPhotos())},
		{"picked", strings.Join(out.GetPickedIds(), ", ")},
		{"picked by", some(out.GetPickedBy(), "organizer")},
		{"own contacts", some(out.GetOwnContacts(), "contact")},
		{"hidden", hidden(out.GetHidden())},
	})
	printFreshness(s, out.GetFreshness())
	return nil
}

// printRows shows those rows that hold something.
func (s *session) printRows(rows [][2]string) {
	for _, row := range rows {
		if row[1] != "" {
			fmt.Fprintf(s.out, "  %-12s %s\n", row[0], row[1])
		}
	}
}

func yes(so bool) string {
	if so {
		return "yes"
	}
	return ""
}

// some is a count, and empty for none.
func some(n int32, what string) string {
	if n == 0 {
		return ""
	}
	return plural(int64(n), what)
}

func photos(list []*pb.HeldPhoto) string {
	var parts []string
	for _, p := range list {
		bytes := "none"
		if p.GetBytes() > 0 {
			bytes = fmt.Sprintf("%d bytes", p.GetBytes())
		}
		parts = append(parts, fmt.Sprintf("%d px: %s, as of %s", p.GetSize(), bytes, p.GetAsOfTime().AsTime().Local().Format(time.DateTime)))
	}
	return strings.Join(parts, "; ")
}

func hidden(list []*pb.HiddenFrom) string {
	var parts []string
	for _, h := range list {
		what := "altogether"
		if len(h.GetFields()) > 0 {
			what = strings.Join(h.GetFields(), ", ")
		}
		parts = append(parts, fmt.Sprintf("from %s: %s", h.GetAudience(), what))
	}
	return strings.Join(parts, "; ")
}
