package main

import (
	"fmt"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
)

type profileCommand struct {
	Person       string         `arg:"" help:"Any address of the person, or their id."`
	Fields       []string       `help:"Fields to ask for, such as displayName,manager.email; all by default."`
	Rich         bool           `help:"Ask for what people write of themselves, too."`
	MaxStaleness *time.Duration `help:"The oldest answer that will do; 0s asks Microsoft Graph now."`
}

// Run shows a person.
func (c profileCommand) Run(s *session) error {
	in := &pb.GetProfileRequest{Person: person(c.Person)}
	paths := c.Fields
	switch {
	case c.Rich && len(paths) == 0:
		paths = []string{"*"}
	case c.Rich:
		paths = append(paths, "about_me", "skills", "interests", "responsibilities", "past_projects", "schools")
	}
	if len(paths) > 0 {
		in.ReadMask = &fieldmaskpb.FieldMask{Paths: paths}
	}
	if c.MaxStaleness != nil {
		in.MaxStaleness = durationpb.New(*c.MaxStaleness)
	}
	out, err := s.client.GetProfile(s.ctx, in)
	if err != nil {
		return err
	}
	if s.json {
		return s.printJSON(out)
	}
	printProfile(s, out.GetProfile())
	if problem := out.GetRichProfileProblem(); problem != nil {
		fmt.Fprintf(s.out, "  %-12s not to be had: %s (%s)\n", "rich", problem.GetMessage(), strings.TrimPrefix(problem.GetReason().String(), "ERROR_REASON_"))
	}
	printFreshness(s, out.GetFreshness())
	return nil
}

func printProfile(s *session, p *pb.Profile) {
	fmt.Fprintln(s.out, p.GetDisplayName())
	rows := [][2]string{
		{"title", p.GetJobTitle()},
		{"department", p.GetDepartment()},
		{"company", p.GetCompanyName()},
		{"manager", named(p.GetManager().GetDisplayName(), p.GetManager().GetEmail())},
		{"e-mail", p.GetEmail()},
		{"also", strings.Join(p.GetOtherAddresses(), ", ")},
		{"signs in as", p.GetUserPrincipalName()},
		{"phone", strings.Join(p.GetBusinessPhones(), ", ")},
		{"mobile", p.GetMobilePhone()},
		{"office", p.GetOfficeLocation()},
		{"address", joined(p.GetStreet(), joinedBy(" ", p.GetPostalCode(), p.GetCity()), p.GetState(), p.GetCountry())},
		{"language", p.GetPreferredLanguage()},
		{"employee", joined(p.GetEmployeeId(), p.GetEmployeeType(), since(p.GetHireDate()))},
		{"account", joined(word(p.GetUserType().String(), "USER_TYPE_"), word(p.GetAccountState().String(), "ACCOUNT_STATE_"))},
		{"about", strings.Join(strings.Fields(p.GetAboutMe()), " ")},
		{"skills", strings.Join(p.GetSkills(), ", ")},
		{"interests", strings.Join(p.GetInterests(), ", ")},
		{"works on", strings.Join(p.GetResponsibilities(), ", ")},
		{"projects", strings.Join(p.GetPastProjects(), ", ")},
		{"schools", strings.Join(p.GetSchools(), ", ")},
		{"id", p.GetId()},
	}
	s.printRows(rows)
}

func joined(parts ...string) string { return joinedBy(", ", parts...) }

// joinedBy joins the parts that are not empty.
func joinedBy(separator string, parts ...string) string {
	var kept []string
	for _, part := range parts {
		if part != "" {
			kept = append(kept, part)
		}
	}
	return strings.Join(kept, separator)
}

func named(name, email string) string {
	if email == "" {
		return name
	}
	return strings.TrimSpace(name + " <" + email + ">")
}

func since(date string) string {
	if date == "" {
		return ""
	}
	return "since " + date
}

// word makes of an enum's value a word to read; nothing of an unset one.
func word(value, prefix string) string {
	if value = strings.TrimPrefix(value, prefix); value == "UNSPECIFIED" {
		return ""
	}
	return strings.ToLower(strings.ReplaceAll(value, "_", " "))
}
