package graph

import (
	"net/url"
	"strconv"
	"strings"
)

// target is what a request is for, as far as its price and its place among the metrics
// go: the words of its path, with "{id}" where somebody or something is named.
type target struct {
	words   []string
	mailbox string // the user whose mailbox is asked; empty if none is
	team    string // the team that Teams is asked about; empty if it is not
}

// places are the words that may stand in a path; anything else names somebody.
var places = func() map[string]bool {
	known := map[string]bool{}
	for word := range strings.FieldsSeq(`users groups teams channels contacts contactfolders calendar calendars
		calendarview childfolders allmembers allchannels primarychannel events messages mailfolders people photo photos calendars $value $count $batch delta manager
		directreports members transitivemembers memberof transitivememberof owners getmembergroups getmemberobjects
		checkmembergroups checkmemberobjects getbyids directoryobjects graph.user microsoft.graph.user childfolders
		allmembers organization`) {
		known[word] = true
	}
	return known
}()

// mailboxWords begin what Outlook answers of a user: by other limits than the
// directory's.
var mailboxWords = map[string]bool{
	"photo": true, "photos": true, "contacts": true, "contactfolders": true, "calendar": true, "calendars": true,
	"calendarview": true, "events": true, "messages": true, "mailfolders": true, "people": true,
}

// parseTarget reads a request's path, below the version.
func parseTarget(path string) target {
	var t target
	var segments []string
	for segment := range strings.SplitSeq(strings.Trim(path, "/"), "/") {
		// Graph's own links may name somebody in the way of users('id').
		if set, key, ok := strings.Cut(segment, "('"); ok && places[strings.ToLower(set)] {
			segments = append(segments, set, strings.TrimSuffix(key, "')"))
			continue
		}
		segments = append(segments, segment)
	}
	for _, segment := range segments {
		word := strings.ToLower(strings.TrimSuffix(segment, "()"))
		word = strings.TrimPrefix(word, "microsoft.graph.")
		if !places[word] {
			word = "{id}"
		}
		t.words = append(t.words, word)
	}
	if t.intoMailbox() {
		t.mailbox = strings.ToLower(segments[1])
	}
	if len(t.words) > 1 && t.words[0] == "teams" {
		t.team = strings.ToLower(segments[1])
	}
	return t
}

// intoMailbox tells whether a path leads into somebody's mailbox.
func (t target) intoMailbox() bool {
	return len(t.words) > 2 && t.words[0] == "users" && mailboxWords[t.words[2]]
}

// route names the target for metrics and traces. There are few, and they name nobody.
func (t target) route() string { return strings.Join(t.words[:min(len(t.words), 6)], "/") }

// price is what a request costs in resource units. Outlook and Teams count requests,
// which is no price.
// Source: https://learn.microsoft.com/graph/throttling-limits#identity-and-access-service-limits
func (t target) price(method string, query url.Values) int {
	if t.intoMailbox() || t.words[0] == "teams" || t.last() == "$batch" {
		return 0 // of a batch, the parts cost
	}
	if method != "GET" && t.last() != "getbyids" && !strings.HasPrefix(t.last(), "getmember") && !strings.HasPrefix(t.last(), "checkmember") {
		return 1 // and a write, of another quota
	}
	units := 1
	switch t.last() {
	case "users":
		units = 2
	case "members":
		units = 3
	case "transitivemembers":
		units = 5
	case "memberof", "transitivememberof", "getmembergroups", "getmemberobjects":
		units = 2
	case "checkmembergroups", "checkmemberobjects":
		units = 4
	case "getbyids":
		units = 5
		if query.Has("$select") {
			units = 3 // 2, with what selecting takes off below
		}
	}
	if query.Has("$select") {
		units--
	}
	if query.Has("$expand") {
		units++
	}
	if top, err := strconv.Atoi(query.Get("$top")); err == nil && top < 20 {
		units--
	}
	return max(units, 1)
}

// kind names calls that cost the same.
func (t target) kind(method string, query url.Values) string {
	kind := method + " " + t.route()
	for _, option := range []string{"$select", "$expand"} {
		if query.Has(option) {
			kind += option
		}
	}
	if top, err := strconv.Atoi(query.Get("$top")); err == nil && top < 20 {
		kind += "$top"
	}
	return kind
}

func (t target) last() string { return t.words[len(t.words)-1] }
