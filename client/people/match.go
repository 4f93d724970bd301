package main

import (
	"bufio"
	"fmt"
	"slices"
	"strings"

	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
)

type matchCommand struct {
	Emails []string `arg:"" help:"Addresses; - reads them from standard input, one a line."`
}

// maxMatched is how many addresses one call may ask for.
const maxMatched = 1000

// Run shows whose addresses these are.
func (c matchCommand) Run(s *session) error {
	emails, err := c.emails(s)
	if err != nil {
		return err
	}
	whole := &pb.MatchAccountsResponse{}
	for some := range slices.Chunk(emails, maxMatched) {
		out, err := s.client.MatchAccounts(s.ctx, &pb.MatchAccountsRequest{Emails: some})
		if err != nil {
			return err
		}
		whole.Matches, whole.Freshness = append(whole.Matches, out.GetMatches()...), out.GetFreshness()
	}
	if s.json {
		return s.printJSON(whole)
	}
	rows := make([][]string, len(whole.Matches))
	for i, m := range whole.Matches {
		rows[i] = []string{m.GetEmail(), word(m.GetOutcome().String(), "ACCOUNT_MATCH_OUTCOME_"),
			word(m.GetMatchedAddress().String(), "MATCHED_ADDRESS_"), m.GetPersonId()}
		if m.GetOutcome() == pb.AccountMatchOutcome_ACCOUNT_MATCH_OUTCOME_AMBIGUOUS {
			var ids []string
			for _, candidate := range m.GetCandidates() {
				ids = append(ids, candidate.GetPersonId())
			}
			rows[i][3] = strings.Join(ids, ", ")
		}
	}
	for _, line := range columns(rows) {
		fmt.Fprintln(s.out, line)
	}
	return nil
}

// emails are the addresses asked for, those on standard input in the place of the -.
func (c matchCommand) emails(s *session) (emails []string, err error) {
	for _, email := range c.Emails {
		if email != "-" {
			emails = append(emails, email)
			continue
		}
		lines := bufio.NewScanner(s.in)
		for lines.Scan() {
			if line := strings.TrimSpace(lines.Text()); line != "" {
				emails = append(emails, line)
			}
		}
		if err := lines.Err(); err != nil {
			return nil, fmt.Errorf("reading standard input: %w", err)
		}
	}
	return emails, nil
}
