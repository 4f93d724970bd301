package typeahead

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"
)

//go:embed nicknames.txt
var nicknameTable string

// nicknames are the forms of given names of the table, sorted.
var nicknames = sync.OnceValue(func() []nickname {
	list, err := readNicknames(nicknameTable)
	if err != nil {
		panic(err) // the table is part of the package, and a test reads it
	}
	return list
})

// nickname is a form of a given name, with those that may stand for it.
type nickname struct {
	form   string   // folded
	others []string // folded: of a short form the full ones first
}

// readNicknames reads a table as nicknames.txt is one.
func readNicknames(table string) ([]nickname, error) {
	others := map[string][]string{}
	for n, line := range strings.Split(table, "\n") {
		if line == "" || line[0] == '#' {
			continue
		}
		full, short, ok := strings.Cut(line, ": ")
		if !ok {
			return nil, fmt.Errorf("nicknames.txt:%d: want full forms, a colon, and short forms", n+1)
		}
		var fulls, shorts []string
		for _, list := range []struct {
			of    []string
			forms *[]string
		}{{strings.Split(full, "/"), &fulls}, {strings.Split(short, ", "), &shorts}} {
			for _, name := range list.of {
				folds := foldsOf(name)
				if len(folds) == 0 || strings.ContainsAny(name, " ,/:") {
					return nil, fmt.Errorf("nicknames.txt:%d: %q is no name", n+1, name)
				}
				if slices.Contains(fulls, folds[0]) || slices.Contains(shorts, folds[0]) {
					return nil, fmt.Errorf("nicknames.txt:%d: %q is there twice", n+1, name)
				}
				*list.forms = append(*list.forms, folds...)
			}
		}
		for _, form := range slices.Concat(fulls, shorts) {
			for _, other := range slices.Concat(fulls, shorts) {
				if other != form && !slices.Contains(others[form], other) {
					others[form] = append(others[form], other)
				}
			}
		}
	}
	list := make([]nickname, 0, len(others))
	for form, names := range others {
		list = append(list, nickname{form, names})
	}
	slices.SortFunc(list, func(a, b nickname) int { return strings.Compare(a.form, b.form) })
	return list, nil
}

// foldsOf are a name's letters, folded, in all usual spellings.
func foldsOf(name string) []string {
	letters := slices.DeleteFunc(appendGlyphs(nil, name), notLetter)
	if len(letters) == 0 {
		return nil
	}
	return spelled(letters)
}

const (
	nicknamed    = 3  // from how many letters on the beginning of a form is taken for it
	maxNicknames = 64 // how many names one word stands for at most
)

// nicknamesOf calls yield with the names, folded, that what was typed may stand for, those
// of whole forms first: with robert for bob and bob for robert, and with margaret for peg,
// as a beginning of peggy. Names that begin with what was typed are left out: they are
// found as typed.
func nicknamesOf(typed string, yield func(name string)) {
	all := nicknames()
	from, whole := slices.BinarySearchFunc(all, typed, func(n nickname, typed string) int { return strings.Compare(n.form, typed) })
	if !whole && utf8.RuneCountInString(typed) < nicknamed {
		return
	}
	var told [maxNicknames]string
	n := 0
	for i := from; i < len(all) && strings.HasPrefix(all[i].form, typed); i++ {
		if i > from && utf8.RuneCountInString(typed) < nicknamed {
			return
		}
		for _, name := range all[i].others {
			if n == maxNicknames {
				return
			}
			if !strings.HasPrefix(name, typed) && !slices.Contains(told[:n], name) {
				told[n] = name
				n++
				yield(name)
			}
		}
	}
}
