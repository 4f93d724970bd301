package typeahead

import (
	_ "embed" // for the table of nicknames
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"
)

//go:embed nicknames.txt
var nicknamesText string

// nicknames is the table of nicknames, parsed when it is first asked for.
var nicknames = sync.OnceValue(func() []nickname {
	table, err := parseNicknames(nicknamesText)
	if err != nil {
		panic("typeahead: nicknames.txt: " + err.Error())
	}
	return table
})

// nickname is a form of a given name, short or full, in one of its folded spellings.
// A table of them is sorted by form.
type nickname struct {
	form string
	same []uint32 // places in the table of the forms that may be meant by this one, the likeliest first
}

const (
	minNickname  = 3  // code points from which the beginning of a form counts
	maxNicknames = 64 // names that one typed word stands for
)

// nicknamesOf yields the folded names that may stand in a directory for a folded word
// typed so far: the full and the other short forms of a short form, the short forms and
// the other spellings of a full one. They are those of the whole word first, and then,
// from minNickname code points on, those of each form that begins with it, form by form.
// Names that begin with the word itself are left out, since they match it anyway.
func nicknamesOf(typed string, yield func(name string)) {
	table := nicknames()
	first, whole := slices.BinarySearchFunc(table, typed, func(n nickname, typed string) int {
		return strings.Compare(n.form, typed)
	})
	end := first
	if whole {
		end++
	}
	if utf8.RuneCountInString(typed) >= minNickname {
		for end < len(table) && strings.HasPrefix(table[end].form, typed) {
			end++
		}
	}
	var seen [maxNicknames]uint32
	n := 0
	for _, entry := range table[first:end] {
		for _, place := range entry.same {
			if strings.HasPrefix(table[place].form, typed) || slices.Contains(seen[:n], place) {
				continue
			}
			if n == len(seen) {
				return
			}
			seen[n] = place
			n++
			yield(table[place].form)
		}
	}
}

// parseNicknames reads a table as nicknames.txt describes it.
func parseNicknames(text string) ([]nickname, error) {
	var groups []nicknameGroup
	var forms []string
	number := 0
	for line := range strings.Lines(text) {
		number++
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		group, err := parseNicknameGroup(line)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
		groups, forms = append(groups, group), append(forms, group.forms...)
	}
	slices.Sort(forms)
	forms = slices.Compact(forms)
	table := make([]nickname, len(forms))
	siblings := make([][]uint32, len(forms)) // the other short forms of the same full one
	for i, form := range forms {
		table[i].form = form
	}
	for _, group := range groups {
		places := make([]int, len(group.forms))
		for i, form := range group.forms {
			places[i], _ = slices.BinarySearch(forms, form)
		}
		for i, from := range places {
			for j, to := range places {
				switch {
				case i == j:
				case i < group.full || j < group.full:
					table[from].same = append(table[from].same, uint32(to))
				default:
					siblings[from] = append(siblings[from], uint32(to))
				}
			}
		}
	}
	for i := range table {
		same := sortedSet(table[i].same)
		for _, place := range sortedSet(siblings[i]) {
			if !slices.Contains(same, place) {
				same = append(same, place)
			}
		}
		table[i].same = slices.Clip(same)
	}
	return table, nil
}

func sortedSet(list []uint32) []uint32 {
	slices.Sort(list)
	return slices.Compact(list)
}

// nicknameGroup is a line of a table: the folded spellings of its full forms, and then
// those of its short ones.
type nicknameGroup struct {
	forms []string
	full  int // how many are full
}

func parseNicknameGroup(line string) (nicknameGroup, error) {
	var group nicknameGroup
	before, after, found := strings.Cut(line, ":")
	if !found {
		return group, errors.New("no colon after the full form")
	}
	if err := group.add(before, "/"); err != nil {
		return group, err
	}
	group.full = len(group.forms)
	return group, group.add(after, ",")
}

// add adds the spellings of each name of a list.
func (g *nicknameGroup) add(list, separator string) error {
	for name := range strings.SplitSeq(list, separator) {
		name = strings.TrimSpace(name)
		spellings, err := nicknameSpellings(name)
		if err != nil {
			return err
		}
		for _, form := range spellings {
			if slices.Contains(g.forms, form) {
				return fmt.Errorf("%q is there twice, the second time as %s", form, name)
			}
			g.forms = append(g.forms, form)
		}
	}
	return nil
}

// nicknameSpellings returns the folded spellings of a name of the table. Parts joined by
// hyphens or apostrophes make one word, as they do in the index.
func nicknameSpellings(name string) ([]string, error) {
	word := appendGlyphs(nil, name)
	if slices.ContainsFunc(word, isSeparator) {
		return nil, fmt.Errorf("%q is more than one word", name)
	}
	word = slices.DeleteFunc(word, isConnector)
	if len(word) == 0 {
		return nil, fmt.Errorf("%q is no name", name)
	}
	return spelled(word), nil
}
