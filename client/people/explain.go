package main

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"

	"github.com/mattn/go-runewidth"

	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
)

type explainCommand struct {
	Query []string `arg:"" optional:"" help:"What would be typed. Without it, the organizer's own circle is explained."`
	inviteFlags
}

// Run shows whom a query finds, and why each stands where they do.
func (c explainCommand) Run(s *session) error {
	out, err := s.client.ExplainSuggestions(s.ctx, &pb.ExplainSuggestionsRequest{Request: c.request(strings.Join(c.Query, " "))})
	if err != nil {
		return err
	}
	if s.json {
		return s.printJSON(out)
	}
	suggestions := make([]*pb.Suggestion, len(out.GetSuggestions()))
	for i, e := range out.GetSuggestions() {
		suggestions[i] = e.GetSuggestion()
	}
	reasons := explanations(out.GetSuggestions())
	for i, row := range rows(suggestions, plainMark) {
		fmt.Fprintln(s.out, row)
		for _, line := range reasons[i] {
			fmt.Fprintln(s.out, line)
		}
	}
	if len(suggestions) == 0 {
		fmt.Fprintln(s.out, "nobody")
	}
	return nil
}

// explanations are lines below each suggestion: its bucket with the score, and each part
// of the score with its points. All figures are in one column.
func explanations(explained []*pb.ExplainedSuggestion) [][]string {
	type line struct {
		label  string
		figure string
	}
	all := make([][]line, len(explained))
	labels, figures := 0, 0
	for i, e := range explained {
		add := func(label string, figure int32) {
			l := line{label, strconv.Itoa(int(figure))}
			labels, figures = max(labels, runewidth.StringWidth(label)), max(figures, len(l.figure))
			all[i] = append(all[i], l)
		}
		add("  "+word(e.GetBucket().String(), "SUGGESTION_BUCKET_"), e.GetScore())
		for _, part := range e.GetParts() {
			add("    "+because(part), part.GetPoints())
		}
	}
	texts := make([][]string, len(all))
	for i, lines := range all {
		for _, l := range lines {
			padding := labels - runewidth.StringWidth(l.label) + 2 + figures
			texts[i] = append(texts[i], fmt.Sprintf("%s%*s", l.label, padding, l.figure))
		}
	}
	return texts
}

// nearness is how the reasons that are none of matching are called.
var nearness = map[pb.ScoreReason]string{
	pb.ScoreReason_SCORE_REASON_PICKED:     "picked lately",
	pb.ScoreReason_SCORE_REASON_TEAM:       "same team",
	pb.ScoreReason_SCORE_REASON_DEPARTMENT: "same department",
	pb.ScoreReason_SCORE_REASON_OFFICE:     "same office",
	pb.ScoreReason_SCORE_REASON_COUNTRY:    "same country",
	pb.ScoreReason_SCORE_REASON_CHANNEL:    "same channel",
}

// because is the reason of a part of a score.
func because(part *pb.ScorePart) string {
	if typed, found := part.GetTyped(), part.GetFound(); typed != found {
		return typed + " → " + found
	}
	// A newer service may have reasons that have no name here.
	return cmp.Or(part.GetTyped(), nearness[part.GetReason()], word(part.GetReason().String(), "SCORE_REASON_"))
}
