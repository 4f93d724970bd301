package main

import (
	"cmp"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"google.golang.org/protobuf/proto"

	"github.com/peopleinsights/peopleinsights/cache"
	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
	"github.com/peopleinsights/peopleinsights/server/simulator"
)

// rankingFiles has TestRanking play other cases than those that have to pass.
var rankingFiles = flag.String("rank.cases", "", "files of ranking cases to play in place of testdata/ranking/*.txt")

// rankingDirectory is whom the cases are about.
const rankingDirectory = "testdata/ranking.jsonl"

// TestRanking plays testdata/ranking/*.txt: queries, each with those who are to be found,
// in order. Graph is the simulator, read by the real client. Of each answer it looks at what
// holds of all, too.
func TestRanking(t *testing.T) {
	pattern := cmp.Or(*rankingFiles, "testdata/ranking/*.txt")
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("no file is like %s (%v)", pattern, err)
	}
	everybody, err := readRoll(rankingDirectory)
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(rankingDirectory)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	people, err := simulator.Load(file, rankingDirectory)
	if err != nil {
		t.Fatal(err)
	}
	source := sourceOf(t, people)
	defer source.Close()
	newDirectory := func() *cache.Directory { return filled(t, source, people.GroupLen()) }
	shared := newDirectory()
	played := 0
	for _, name := range files {
		cases, err := readRanking(name, everybody)
		if err != nil {
			t.Error(err)
			continue
		}
		for _, c := range cases {
			directory := shared
			if len(c.picked) > 0 {
				directory = newDirectory() // picks are remembered
			}
			if wrong := c.play(directory, everybody); len(wrong) > 0 {
				t.Errorf("%s: %s\n%s", c.at, c.asked, strings.Join(wrong, "\n"))
			}
		}
		played += len(cases)
	}
	t.Logf("%d queries", played)
}

// play asks, and returns what is wrong with the answer.
func (c *rankingCase) play(directory *cache.Directory, everybody *roll) (wrong []string) {
	for _, id := range c.picked {
		if err := directory.As(cache.Everything).Pick(c.invite.Organizer, id); err != nil {
			return []string{fmt.Sprintf("Pick(%s) = %v", id, err)}
		}
	}
	explained, _, err := directory.As(cache.Everything).Explain(c.invite)
	if err != nil {
		return []string{fmt.Sprintf("Explain = %v", err)}
	}
	var got []rankingAnswer
	for _, e := range explained {
		got = append(got, newRankingAnswer(e))
	}
	if want := c.expected(); !fits(want, got) {
		wrong = append(wrong, sideBySide(want, got))
	}
	for _, row := range c.never {
		for _, a := range got {
			if row.is(a) {
				wrong = append(wrong, "  never is to come: "+a.text)
			}
		}
	}
	wrong = append(wrong, c.always(everybody, explained)...)
	return append(wrong, c.again(directory, explained)...)
}

// always returns what is wrong with an answer, whatever the query is.
func (c *rankingCase) always(everybody *roll, explained []*pb.ExplainedSuggestion) (wrong []string) {
	complain := func(e *pb.ExplainedSuggestion, format string, args ...any) {
		wrong = append(wrong, fmt.Sprintf("  %s %s", e.GetSuggestion().GetEmail(), fmt.Sprintf(format, args...)))
	}
	if len(explained) > c.invite.Limit {
		wrong = append(wrong, fmt.Sprintf("  %d rows, more than %d", len(explained), c.invite.Limit))
	}
	seen := map[string]bool{}
	for i, e := range explained {
		s := e.GetSuggestion()
		if seen[s.GetId()] {
			complain(e, "comes twice")
		}
		seen[s.GetId()] = true
		switch who := everybody.byID[s.GetId()]; {
		case who == nil:
			complain(e, "is nobody of the directory")
		case !who.invitable():
			complain(e, "is not to be invited")
		case factOf(s.GetKind()) != who.kind():
			complain(e, "is a %s, not a %s", who.kind(), factOf(s.GetKind()))
		case len(c.invite.Kinds) > 0 && !slices.Contains(c.invite.Kinds, s.GetKind()):
			complain(e, "is of none of the kinds asked for")
		case s.GetId() == c.invite.Organizer.ID || slices.Contains(c.invite.Exclude, cache.Ref{ID: s.GetId()}):
			complain(e, "is excluded")
		}
		sum := int32(0)
		for _, p := range e.GetParts() {
			sum += p.GetPoints()
		}
		if sum != e.GetScore() {
			complain(e, "has score %d, of parts that are %d together: %v", e.GetScore(), sum, e.GetParts())
		}
		if i > 0 {
			before := explained[i-1]
			if e.GetBucket() < before.GetBucket() || e.GetBucket() == before.GetBucket() && e.GetScore() > before.GetScore() {
				complain(e, "with %v %d comes behind %v %d", e.GetBucket(), e.GetScore(), before.GetBucket(), before.GetScore())
			}
		}
		if circle := e.GetBucket() == pb.SuggestionBucket_SUGGESTION_BUCKET_CIRCLE; circle != (strings.TrimSpace(c.invite.Query) == "") {
			complain(e, "is of bucket %v", e.GetBucket())
		} else if text := matchesAreWrong(s); !circle && text != "" {
			complain(e, "%s: %v", text, s.GetMatches())
		}
	}
	return wrong
}

// matchesAreWrong tells what is wrong with what is shown as matched.
func matchesAreWrong(s *pb.Suggestion) string {
	if len(s.GetMatches()) == 0 {
		return "shows nothing that matched"
	}
	for i, m := range s.GetMatches() {
		if i > 0 && m.GetField() < s.GetMatches()[i-1].GetField() {
			return "shows fields out of order"
		}
		switch m.GetField() {
		case pb.MatchField_MATCH_FIELD_UNSPECIFIED:
			return "shows no field"
		case pb.MatchField_MATCH_FIELD_DISPLAY_NAME:
			if m.GetValue() != s.GetDisplayName() {
				return "shows another display name"
			}
		case pb.MatchField_MATCH_FIELD_EMAIL:
			if m.GetValue() != s.GetEmail() {
				return "shows another address"
			}
		}
		if len(m.GetRanges()) == 0 {
			return "shows a field without a range"
		}
		at := int32(-1)
		for _, r := range m.GetRanges() {
			if r.GetStart() <= at || r.GetEnd() <= r.GetStart() || int(r.GetEnd()) > utf8.RuneCountInString(m.GetValue()) {
				return "shows ranges that are none"
			}
			at = r.GetEnd()
		}
	}
	return ""
}

// again returns what other answers have otherwise: Suggest's, a second one, and shorter
// ones, which have to be how the long one begins.
func (c *rankingCase) again(directory *cache.Directory, explained []*pb.ExplainedSuggestion) (wrong []string) {
	second, _, err := directory.As(cache.Everything).Explain(c.invite)
	if err != nil || !reflect.DeepEqual(texts(second), texts(explained)) {
		wrong = append(wrong, fmt.Sprintf("  asked again: %v, %v", texts(second), err))
	}
	for _, limit := range []int{c.invite.Limit, 1, 3, 8} {
		short := c.invite
		short.Limit = limit
		suggested, _, err := directory.As(cache.Everything).Suggest(short)
		same := len(suggested) == min(limit, len(explained))
		for i, s := range suggested {
			same = same && proto.Equal(s, explained[i].GetSuggestion())
		}
		if limit <= c.invite.Limit && (err != nil || !same) {
			wrong = append(wrong, fmt.Sprintf("  Suggest has other than the first %d rows of Explain: %v, %v", limit, suggested, err))
		}
	}
	return wrong
}

func texts(explained []*pb.ExplainedSuggestion) (list []string) {
	for _, e := range explained {
		list = append(list, newRankingAnswer(e).text)
	}
	return list
}

// sideBySide shows what was wanted and what came, and then what came as it can be put into
// the file.
func sideBySide(want []rankingRow, got []rankingAnswer) string {
	var b strings.Builder
	wide := len("want")
	for _, row := range want {
		wide = max(wide, utf8.RuneCountInString(row.text))
	}
	fmt.Fprintf(&b, "    %-*s   %s\n", wide, "want", "got")
	for i := range max(len(want), len(got)) {
		left, right, mark := "", "", "≠"
		if i < len(want) {
			left = want[i].text
		}
		if i < len(got) {
			right = got[i].text
		}
		if i < len(want) && (want[i].any || i < len(got) && want[i].is(got[i])) {
			mark = " "
		}
		fmt.Fprintf(&b, "  %s %-*s   %s\n", mark, wide, left, right)
	}
	b.WriteString("  which is written:\n")
	for _, a := range got {
		fmt.Fprintf(&b, "  %s\n", a.text)
	}
	if len(got) == 0 {
		b.WriteString("  nobody\n")
	}
	return strings.TrimSuffix(b.String(), "\n")
}
