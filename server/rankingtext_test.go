package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/peopleinsights/peopleinsights/cache"
	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
)

// This file reads the cases of ranking_test.go. testdata/ranking/README.md says how they
// are written.

// rankingCase is a query, and what is expected of it.
type rankingCase struct {
	at     string // file:line of the query
	asked  string // the query, and what stands above it
	invite cache.Invite
	picked []string // ids that the organizer picked before
	rows   []rankingRow
	never  []rankingRow
}

// rankingRow is an expected row, or any number of them.
type rankingRow struct {
	text string          // as it is written
	any  bool            // is "...", for any number of rows
	ids  map[string]bool // who may stand there
	also []string        // what has to be true of them
}

func (r rankingRow) is(got rankingAnswer) bool {
	return r.ids[got.id] && !slices.ContainsFunc(r.also, func(fact string) bool { return !slices.Contains(got.facts, fact) })
}

// fits tells whether an answer is what the rows say.
func fits(want []rankingRow, got []rankingAnswer) bool {
	switch {
	case len(want) == 0:
		return len(got) == 0
	case want[0].any:
		return fits(want[1:], got) || len(got) > 0 && fits(want, got[1:])
	default:
		return len(got) > 0 && want[0].is(got[0]) && fits(want[1:], got[1:])
	}
}

// rankingAnswer is a row of an answer.
type rankingAnswer struct {
	id    string
	text  string   // as it can be put into a file
	facts []string // all that may be said of it between parentheses
}

func newRankingAnswer(e *pb.ExplainedSuggestion) rankingAnswer {
	s := e.GetSuggestion()
	a := rankingAnswer{id: s.GetId(), text: s.GetEmail()}
	a.facts = append(a.facts, factOf(e.GetBucket()), factOf(s.GetKind()))
	for _, p := range e.GetParts() {
		a.facts = append(a.facts, factOf(p.GetReason()))
		if p.GetTyped() != "" {
			a.facts = append(a.facts, p.GetTyped()+" → "+p.GetFound())
		}
	}
	for _, m := range s.GetMatches() {
		a.facts = append(a.facts, factOf(m.GetField()))
	}
	a.text += " (" + a.facts[0] + ")"
	return a
}

// factOf is the name of an enum's value as it is written between parentheses.
func factOf(value fmt.Stringer) string {
	name := value.String()
	for _, prefix := range []string{"SUGGESTION_BUCKET_", "INVITEE_KIND_", "SCORE_REASON_", "MATCH_FIELD_"} {
		name = strings.TrimPrefix(name, prefix)
	}
	return strings.ToLower(strings.ReplaceAll(name, "_", " "))
}

// facts are all that may stand between parentheses.
var facts = func() map[string]bool {
	all := map[string]bool{}
	for _, names := range []map[int32]string{pb.SuggestionBucket_name, pb.InviteeKind_name, pb.ScoreReason_name, pb.MatchField_name} {
		for _, name := range names {
			all[factOf(stringer(name))] = true
		}
	}
	return all
}()

type stringer string

func (s stringer) String() string { return string(s) }

// listed is a person or a group of the directory's file.
type listed struct {
	ID, DisplayName, Mail, UserPrincipalName, UserType string
	ProxyAddresses                                     []string
	AccountEnabled, MailEnabled                        bool
	ShowInAddressList                                  *bool
}

func (l *listed) kind() string {
	switch {
	case l.UserPrincipalName == "":
		return "group"
	case l.UserType == "Guest":
		return "guest"
	default:
		return "person"
	}
}

// invitable tells who may come up at all.
func (l *listed) invitable() bool {
	if l.kind() == "group" {
		return l.MailEnabled && l.Mail != ""
	}
	return l.AccountEnabled && l.Mail != "" && (l.ShowInAddressList == nil || *l.ShowInAddressList)
}

// roll is everybody of the directory's file.
type roll struct {
	byID map[string]*listed
	ids  map[string]map[string]bool // address, in lower case, or display name → whose it is
}

func readRoll(name string) (*roll, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	r := &roll{byID: map[string]*listed{}, ids: map[string]map[string]bool{}}
	for line := range strings.Lines(string(data)) {
		l := &listed{}
		if err := json.Unmarshal([]byte(line), l); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		r.byID[l.ID] = l
		keys := []string{l.DisplayName, strings.ToLower(l.Mail), strings.ToLower(l.UserPrincipalName)}
		for _, address := range l.ProxyAddresses {
			keys = append(keys, strings.ToLower(address[len("smtp:"):]))
		}
		for _, key := range keys {
			if r.ids[key] == nil {
				r.ids[key] = map[string]bool{}
			}
			r.ids[key][l.ID] = true
		}
	}
	delete(r.ids, "")
	return r, nil
}

// who is everybody of a display name, or whoever has an address.
func (r *roll) who(name string) (map[string]bool, error) {
	if strings.Contains(name, "@") && r.ids[name] == nil {
		name = strings.ToLower(name)
	}
	if r.ids[name] == nil {
		return nil, fmt.Errorf("nobody of the directory is called %q, or has that address", name)
	}
	return r.ids[name], nil
}

// one is whoever has an address.
func (r *roll) one(address string) ([]string, error) {
	ids, err := r.who(address)
	if err == nil && len(ids) > 1 {
		err = fmt.Errorf("%q is called more than one: name them by an address", address)
	}
	return slices.Collect(maps.Keys(ids))[:min(1, len(ids))], err
}

// readRanking reads the cases of a file.
func readRanking(name string, r *roll) ([]rankingCase, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	reader := rankingReader{roll: r}
	lines := bufio.NewScanner(file)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimRight(lines.Text(), " \t\r")
		if err := reader.line(fmt.Sprintf("%s:%d", name, n), line); err != nil {
			return nil, fmt.Errorf("%s:%d: %w", name, n, err)
		}
	}
	if err := reader.finish(); err != nil {
		return nil, fmt.Errorf("%s, at its end: %w", name, err)
	}
	return reader.cases, lines.Err()
}

// rankingReader reads a file line by line.
type rankingReader struct {
	roll  *roll
	cases []rankingCase
	next  rankingCase // what a block has said above its queries
	open  bool        // the newest of cases may get rows
}

// usualRows is how many rows are asked for where a case does not say: as many as may be, so
// that who must not come does not.
const usualRows = 50

func (r *rankingReader) line(at, line string) error {
	word, rest, _ := strings.Cut(line, " ")
	rest = strings.TrimSpace(rest)
	switch {
	case line == "":
		return r.finish()
	case line[0] == '#':
		return nil
	case line[0] == ' ' || line[0] == '\t':
		if !r.open {
			return fmt.Errorf("a row stands below a query: > %s", strings.TrimSpace(line))
		}
		return r.row(&r.cases[len(r.cases)-1], strings.TrimSpace(line))
	case word == ">":
		if err := r.answered(); err != nil {
			return err
		}
		return r.query(at, rest)
	case r.open:
		return fmt.Errorf("%q stands above the queries of its block", word)
	default:
		return r.setting(word, rest)
	}
}

// finish ends a block.
func (r *rankingReader) finish() error {
	if r.next.asked != "" && !r.open {
		return fmt.Errorf("there is no query below%s", r.next.asked)
	}
	err := r.answered()
	r.next, r.open = rankingCase{}, false
	return err
}

// answered tells whether the query before has its rows.
func (r *rankingReader) answered() error {
	if r.open {
		if c := r.cases[len(r.cases)-1]; len(c.rows) == 0 && len(c.never) == 0 {
			return errors.New("the query before has no rows; where none is right, write: nobody")
		}
	}
	return nil
}

func (r *rankingReader) query(at, text string) error {
	c := r.next
	c.at, c.asked = at, strings.TrimSpace("> "+text)+c.asked
	c.invite.Query = text
	if strings.HasPrefix(text, `"`) {
		query, err := strconv.Unquote(text)
		if err != nil {
			return fmt.Errorf("%s: a query in quotes is written as in Go: %w", text, err)
		}
		c.invite.Query = query
	}
	if c.invite.Limit == 0 {
		c.invite.Limit = usualRows
	}
	r.cases, r.open = append(r.cases, c), true
	return nil
}

// setting reads a line that stands above queries.
func (r *rankingReader) setting(word, rest string) error {
	r.next.asked += ", " + word + " " + rest
	names := strings.FieldsFunc(rest, func(c rune) bool { return c == ' ' || c == ',' })
	switch word {
	case "as":
		if rest == "nobody" {
			return nil
		}
		id, err := r.roll.one(rest)
		r.next.invite.Organizer = cache.Ref{ID: strings.Join(id, "")}
		return err
	case "kinds":
		for _, name := range names {
			kind, ok := pb.InviteeKind_value["INVITEE_KIND_"+strings.ToUpper(name)]
			if !ok || kind == 0 {
				return fmt.Errorf("%q is no kind: they are person, guest and group", name)
			}
			r.next.invite.Kinds = append(r.next.invite.Kinds, pb.InviteeKind(kind))
		}
		return nil
	case "without", "picked":
		for _, name := range names {
			id, err := r.roll.one(name)
			if err != nil {
				return err
			}
			if word == "picked" {
				r.next.picked = append(r.next.picked, id...)
			} else {
				r.next.invite.Exclude = append(r.next.invite.Exclude, cache.Ref{ID: id[0]})
			}
		}
		return nil
	case "limit":
		n, err := strconv.Atoi(rest)
		r.next.invite.Limit = n
		return err
	default:
		return fmt.Errorf("%q is none of as, kinds, without, picked, limit, >; rows begin with a space", word)
	}
}

// row reads a line that stands below a query.
func (r *rankingReader) row(c *rankingCase, text string) error {
	name, never := strings.CutPrefix(text, "never ")
	row := rankingRow{text: text, any: text == "..."}
	switch {
	case !never && len(c.rows) > 0 && (text == "nobody" || c.rows[0].text == "nobody"):
		return errors.New("somebody or nobody, not both")
	case text == "nobody":
		c.rows = []rankingRow{row}
		return nil
	case row.any:
		c.rows = append(c.rows, row)
		return nil
	}
	if open := strings.LastIndex(name, "("); open > 0 && strings.HasSuffix(name, ")") && r.roll.ids[name] == nil {
		for fact := range strings.SplitSeq(name[open+1:len(name)-1], ",") {
			fact = strings.TrimSpace(fact)
			if !facts[fact] && !strings.Contains(fact, " → ") {
				return fmt.Errorf("%q is nothing that can be said of a row, which is bob → robert, or one of %s", fact, strings.Join(slices.Sorted(maps.Keys(facts)), ", "))
			}
			row.also = append(row.also, fact)
		}
		name = name[:open]
	}
	var err error
	row.ids, err = r.roll.who(strings.TrimSpace(name))
	if never {
		c.never = append(c.never, row)
	} else {
		c.rows = append(c.rows, row)
	}
	return err
}

// expected are the rows in order; where only "never" is said, anybody else may come.
func (c *rankingCase) expected() []rankingRow {
	if len(c.rows) == 0 {
		return []rankingRow{{text: "...", any: true}}
	}
	return slices.DeleteFunc(slices.Clone(c.rows), func(r rankingRow) bool { return r.text == "nobody" })
}
