package main

import (
	"cmp"
	"iter"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/peopleinsights/peopleinsights/server/simulator"
)

// reference is a ranker to read the engine's figures beside: how far one gets on these
// sessions and in this tenant, where a thousand may share a given name. It knows what
// nobody can know who only answers: all texts that are ever typed for somebody, and where
// targets come from. It reads everybody, and is as slow as that. It is a strong ranker, no
// bound.
type reference struct {
	work  *workplace
	byID  map[string]*colleague
	forms []form // all that is typed for anybody, in lower case and by text
}

type form struct {
	text    string
	letters []rune // of text
	who     *colleague
}

func newReference(t *testing.T, directory *simulator.Directory) *reference {
	t.Helper()
	w, err := newWorkplace(directory.All())
	if err != nil {
		t.Fatal(err)
	}
	r := &reference{work: w, byID: map[string]*colleague{}}
	for _, c := range w.everybody {
		r.byID[c.ID] = c
		if c.invitable() {
			for _, text := range textsFor(c) {
				r.forms = append(r.forms, form{text, []rune(text), c})
			}
		}
	}
	slices.SortFunc(r.forms, func(a, b form) int { return strings.Compare(a.text, b.text) })
	return r
}

// textsFor has each style often enough to have all of its chances; one in ten types both
// of two given names.
func textsFor(c *colleague) (texts []string) {
	random := rand.New(rand.NewPCG(1, 1))
	times := 12
	if strings.Contains(c.GivenName, " ") {
		times = 40
	}
	for _, w := range styles {
		for range times {
			text := lowered(w.what.text(c, random))
			if text != "" && !slices.Contains(texts, text) {
				texts = append(texts, text)
			}
		}
	}
	return texts
}

// candidate is somebody for whom what is typed may be meant, and why.
type candidate struct {
	who      *colleague
	typo     bool
	distance int  // 0 for the team, 3 for anybody
	begun    bool // there is more to type
}

func (c candidate) compare(o candidate) int {
	number := map[bool]int{true: 1}
	return cmp.Or(number[c.typo]-number[o.typo], c.distance-o.distance, number[c.begun]-number[o.begun],
		strings.Compare(c.who.DisplayName, o.who.DisplayName), strings.Compare(c.who.ID, o.who.ID))
}

// ask is the reference's engine: matches as typed before those with a typo, then the
// nearest first, and names that are complete before those begun.
func (r *reference) ask(s session, typed string) []string {
	typed = lowered(typed)
	organizer := r.byID[s.Organizer]
	distances := map[*colleague]int{}
	for distance, near := range []nearness{sameOffice, sameDepartment, sameTeam} {
		for _, c := range r.work.around(organizer, near) {
			distances[c] = 2 - distance
		}
	}
	found := map[*colleague]candidate{}
	add := func(c candidate) {
		if before, ok := found[c.who]; c.who != organizer && (!ok || c.compare(before) < 0) {
			found[c.who] = c
		}
	}
	consider := func(f form, typo, begun bool) {
		distance, near := distances[f.who]
		if !near {
			distance = 3
		}
		add(candidate{f.who, typo, distance, begun})
	}
	for f := range r.begin(typed) {
		consider(f, false, f.text != typed)
	}
	if letters := []rune(typed); len(found) < shown && len(letters) >= 4 {
		for f := range r.begin(string(letters[:1])) {
			if nearly(f.letters, letters) {
				consider(f, true, len(f.letters) > len(letters)+1)
			}
		}
	}
	return best(found)
}

func best(found map[*colleague]candidate) (ids []string) {
	var list []candidate
	for _, c := range found {
		list = append(list, c)
	}
	slices.SortFunc(list, candidate.compare)
	for _, c := range list[:min(shown, len(list))] {
		ids = append(ids, c.who.ID)
	}
	return ids
}

// begin are the texts that begin so.
func (r *reference) begin(with string) iter.Seq[form] {
	return func(yield func(form) bool) {
		from, _ := slices.BinarySearchFunc(r.forms, with, func(f form, text string) int { return strings.Compare(f.text, text) })
		for _, f := range r.forms[from:] {
			if !strings.HasPrefix(f.text, with) || !yield(f) {
				return
			}
		}
	}
}

// nearly tells whether one edit makes what is typed of the beginning of a text.
func nearly(text, typed []rune) bool {
	same := 0
	for same < min(len(text), len(typed)) && text[same] == typed[same] {
		same++
	}
	text, typed = text[same:], typed[same:]
	if len(text) == 0 || len(typed) == 0 {
		return len(typed) <= 1
	}
	begins := func(text, typed []rune) bool {
		return len(typed) <= len(text) && slices.Equal(text[:len(typed)], typed)
	}
	return begins(text[1:], typed[1:]) || begins(text, typed[1:]) || begins(text[1:], typed) ||
		len(text) > 1 && len(typed) > 1 && text[0] == typed[1] && text[1] == typed[0] && begins(text[2:], typed[2:])
}

func TestReferenceForgives(t *testing.T) {
	for typed, want := range map[string]bool{
		"mill": true, "miler": true, "miiller": true, "mliler": true, "muller": true, "millerr": true,
		"mlier": false, "mulker": false, "millerrr": false, "baker": false,
	} {
		if got := nearly([]rune("miller"), []rune(typed)); got != want {
			t.Errorf("%s for the beginning of miller: %v, want %v", typed, got, want)
		}
	}
}
