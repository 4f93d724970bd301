package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/mattn/go-runewidth"
	"golang.org/x/term"

	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
)

type suggestCommand struct {
	Query []string `arg:"" optional:"" help:"What would be typed. Without it, type and see the list follow each key."`
	inviteFlags
}

// inviteFlags are what a scheduler page would ask beside the query.
type inviteFlags struct {
	Organizer string   `help:"The person who invites (address or id); they are not suggested, and people near them come first."`
	Exclude   []string `help:"People and groups not to suggest (addresses of people, or ids)."`
	Kind      []string `enum:"person,guest,group,contact,contact_group" help:"Kinds to suggest: person, guest, group, contact, contact_group; all by default."`
	Team      string   `placeholder:"ID" help:"A team whose members come earlier: its group's id."`
	Channel   string   `placeholder:"ID" help:"A channel of that team, whose members come earlier in place of the team's."`
	Limit     int32    `short:"n" default:"8" help:"How many suggestions, at most 50."`
}

func (f inviteFlags) request(query string) *pb.SuggestInviteesRequest {
	in := &pb.SuggestInviteesRequest{Query: query, PageSize: f.Limit, TeamId: f.Team, ChannelId: f.Channel}
	if f.Organizer != "" {
		in.Organizer = person(f.Organizer)
	}
	for _, name := range f.Exclude {
		in.Exclude = append(in.Exclude, person(name))
	}
	for _, kind := range f.Kind {
		in.Kinds = append(in.Kinds, pb.InviteeKind(pb.InviteeKind_value["INVITEE_KIND_"+strings.ToUpper(kind)]))
	}
	return in
}

// Run shows whom a query finds.
func (c suggestCommand) Run(s *session) error {
	if len(c.Query) == 0 {
		return c.interactive(s)
	}
	out, err := c.ask(s.ctx, s, strings.Join(c.Query, " "))
	if err != nil {
		return err
	}
	if s.json {
		return s.printJSON(out)
	}
	for _, row := range rows(out.GetSuggestions(), plainMark) {
		fmt.Fprintln(s.out, row)
	}
	if len(out.GetSuggestions()) == 0 {
		fmt.Fprintln(s.out, "nobody")
	}
	for _, source := range out.GetSources() {
		fmt.Fprintln(s.out, lacking(source))
	}
	return nil
}

// lacking says what suggestions lack.
func lacking(s *pb.SourceState) string {
	what, state := word(s.GetSource().String(), "SUGGESTION_SOURCE_"), "have not been read"
	be := "are"
	if s.GetSource() == pb.SuggestionSource_SUGGESTION_SOURCE_CHANNEL {
		state, be = "has not been read", "is"
	}
	if s.AsOfTime != nil {
		state = be + " as of " + s.GetAsOfTime().AsTime().Local().Format(time.TimeOnly)
	}
	return "(" + what + " " + state + ": " + word(s.GetReason().String(), "ERROR_REASON_") + ")"
}

func (c suggestCommand) ask(ctx context.Context, s *session, query string) (*pb.SuggestInviteesResponse, error) {
	return s.client.SuggestInvitees(ctx, c.request(query))
}

// marker shows the matched part of a text.
type marker func(string) string

func plainMark(text string) string { return text }

func boldMark(text string) string { return "\x1b[1;4m" + text + "\x1b[0m" }

// rows are suggestions in columns. Names are padded by what they take on a
// terminal, where some letters are two columns wide and some none.
func rows(suggestions []*pb.Suggestion, mark marker) []string {
	wide := 0
	for _, s := range suggestions {
		wide = max(wide, runewidth.StringWidth(s.GetDisplayName()))
	}
	list := make([]string, len(suggestions))
	for i, s := range suggestions {
		matched := map[pb.MatchField]string{}
		var elsewhere []string
		for _, m := range s.GetMatches() {
			shown := marked(m, mark)
			matched[m.GetField()] = shown
			if m.GetField() != pb.MatchField_MATCH_FIELD_DISPLAY_NAME && m.GetField() != pb.MatchField_MATCH_FIELD_EMAIL {
				elsewhere = append(elsewhere, word(m.GetField().String(), "MATCH_FIELD_")+" "+shown)
			}
		}
		name, email := s.GetDisplayName(), s.GetEmail()
		padding := strings.Repeat(" ", wide-runewidth.StringWidth(name))
		if shown, ok := matched[pb.MatchField_MATCH_FIELD_DISPLAY_NAME]; ok {
			name = shown
		}
		if shown, ok := matched[pb.MatchField_MATCH_FIELD_EMAIL]; ok {
			email = shown
		}
		list[i] = name + padding + "  " + email
		about := joined(kindOf(s), s.GetJobTitle(), s.GetDepartment(), s.GetOfficeLocation())
		if about != "" {
			list[i] += "  " + about
		}
		if len(elsewhere) > 0 {
			list[i] += "  [" + strings.Join(elsewhere, "; ") + "]"
		}
	}
	return list
}

// kindOf says what is suggested, and of contacts whose they are; nothing of a member.
func kindOf(s *pb.Suggestion) string {
	kind := ""
	if s.GetKind() != pb.InviteeKind_INVITEE_KIND_PERSON {
		kind = word(s.GetKind().String(), "INVITEE_KIND_")
	}
	switch s.GetContactGroup().(type) {
	case *pb.Suggestion_ContactFolderId:
		kind = "folder"
	case *pb.Suggestion_ContactCategory:
		kind = "category"
	}
	from := ""
	switch s.GetSource() {
	case pb.SuggestionSource_SUGGESTION_SOURCE_CONTACTS:
		from = "of the organizer's own"
	case pb.SuggestionSource_SUGGESTION_SOURCE_DIRECTORY_CONTACTS:
		from = "of the address book"
	}
	elsewhere := ""
	if s.GetTenantId() != "" {
		elsewhere = "of another organisation"
	}
	return joinedBy(" ", kind, from, elsewhere)
}

// marked is a field's value with its matches marked.
func marked(m *pb.FieldMatch, mark marker) string {
	letters := []rune(m.GetValue())
	var b strings.Builder
	at := 0
	for _, r := range m.GetRanges() {
		from, to := int(r.GetStart()), int(r.GetEnd())
		if from < at || to < from || to > len(letters) {
			continue
		}
		b.WriteString(string(letters[at:from]) + mark(string(letters[from:to])))
		at = to
	}
	return b.String() + string(letters[at:])
}

// interactive shows the list anew with each key.
func (c suggestCommand) interactive(s *session) error {
	if !term.IsTerminal(int(s.in.Fd())) {
		return fmt.Errorf("without a terminal, give a query (%w)", errUsage)
	}
	before, err := term.MakeRaw(int(s.in.Fd()))
	if err != nil {
		return fmt.Errorf("preparing the terminal: %w", err)
	}
	defer func() { _ = term.Restore(int(s.in.Fd()), before) }()
	// Rows that are too wide are cut, not wrapped, so that each is one line.
	fmt.Fprint(s.out, "\x1b[?7l")
	defer fmt.Fprint(s.out, "\x1b[?7h")

	keys := make(chan rune)
	go readKeys(s, keys) // ends with the process: a read of a terminal cannot be broken off
	query := ""
	for {
		c.draw(s, query)
		select {
		case <-s.ctx.Done():
			return leave(s)
		case key, ok := <-keys:
			if !ok {
				return leave(s)
			}
			var more bool
			if query, more = typed(query, key); !more {
				return leave(s)
			}
		}
	}
}

// typed is the query after a key, and whether to go on.
func typed(query string, key rune) (string, bool) {
	switch {
	case key == 3, key == 4, key == 27, key == '\r', key == '\n': // Ctrl-C, Ctrl-D, Esc, Enter
		return query, false
	case key == 127, key == 8: // backspace
		if letters := []rune(query); len(letters) > 0 {
			return string(letters[:len(letters)-1]), true
		}
		return query, true
	case key == 21: // Ctrl-U
		return "", true
	case key < 32:
		return query, true
	default:
		return query + string(key), true
	}
}

func readKeys(s *session, keys chan<- rune) {
	defer close(keys)
	in := bufio.NewReader(s.in)
	for {
		key, _, err := in.ReadRune()
		if err != nil {
			return
		}
		select {
		case keys <- key:
		case <-s.ctx.Done():
			return
		}
	}
}

// draw writes the prompt and the list below it, and puts the cursor back behind
// what is typed.
func (c suggestCommand) draw(s *session, query string) {
	out, err := c.ask(s.ctx, s, query)
	lines := rows(out.GetSuggestions(), boldMark)
	switch {
	case errors.Is(s.ctx.Err(), context.Canceled):
		return
	case err != nil:
		lines = []string{explain(err)}
	case len(lines) == 0 && query != "":
		lines = []string{"nobody"}
	}
	const prompt = "Invite: "
	var b strings.Builder
	b.WriteString("\r\x1b[J" + prompt + query)
	for _, line := range lines {
		b.WriteString("\r\n  " + line)
	}
	if len(lines) > 0 {
		fmt.Fprintf(&b, "\x1b[%dA", len(lines))
	}
	fmt.Fprintf(&b, "\r\x1b[%dC", len(prompt)+runewidth.StringWidth(query))
	fmt.Fprint(s.out, b.String())
}

// leave clears the list and keeps what was typed.
func leave(s *session) error {
	fmt.Fprint(s.out, "\x1b[J\r\n")
	return nil
}
