package simulator

import (
	_ "embed"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

//go:embed names.txt
var nameTables string

// language is a block of names.txt.
type language struct {
	tag, country, code, dial string
	weight                   int
	familyFirst, joined      bool
	second                   bool // people have two family names
	cities, given, family    []name
}

// name is a word in its own script and in Latin letters, which are the same for most of Europe.
type name struct{ native, latin string }

// languages reads names.txt.
func languages() ([]language, error) {
	var all []language
	for n, line := range strings.Split(nameTables, "\n") {
		key, value, ok := strings.Cut(line, ": ")
		switch {
		case line == "" || line[0] == '#':
			continue
		case !ok || key != "language" && all == nil:
			return nil, fmt.Errorf("names.txt:%d: want a key and a value", n+1)
		case key == "language":
			all = append(all, language{tag: value})
			continue
		}
		if err := all[len(all)-1].set(key, value); err != nil {
			return nil, fmt.Errorf("names.txt:%d: %w", n+1, err)
		}
	}
	return all, nil
}

func (l *language) set(key, value string) (err error) {
	switch key {
	case "country":
		parts := strings.Split(value, ", ")
		if len(parts) != 3 {
			return fmt.Errorf("want a country, its code and its dialling code, not %q", value)
		}
		l.country, l.code, l.dial = parts[0], parts[1], parts[2]
	case "weight":
		l.weight, err = strconv.Atoi(value)
	case "order":
		l.familyFirst, l.joined = true, value == "family joined"
	case "second":
		l.second = true
	case "cities":
		l.cities = readNames(value)
	case "given":
		l.given = readNames(value)
	case "family":
		l.family = readNames(value)
	default:
		err = fmt.Errorf("unknown key %q", key)
	}
	return err
}

func readNames(value string) []name {
	var list []name
	for s := range strings.SplitSeq(value, ", ") {
		native, latin, ok := strings.Cut(s, "=")
		if !ok {
			latin = native
		}
		list = append(list, name{native, latin})
	}
	return list
}

// pick takes one of the names, an early one more often than a late one: the k-th about as often as 1/√k.
func pick(r *rand.Rand, list []name) name {
	u := r.Float64()
	return list[int(u*u*float64(len(list)))]
}

// plain are the letters that no decomposition turns into ASCII, as people write them in addresses.
var plain = strings.NewReplacer("ß", "ss", "ø", "o", "æ", "ae", "œ", "oe", "ł", "l", "đ", "d", "ð", "d", "þ", "th", "ı", "i",
	"i̇", "i", "'", "", "’", "", " ", "")

var german = strings.NewReplacer("ä", "ae", "ö", "oe", "ü", "ue")

// address turns a name in Latin letters into what stands before the @: ASCII, in lower case.
func (l *language) address(latin string) string {
	s := strings.ToLower(latin)
	if l.code == "DE" {
		s = german.Replace(s)
	}
	s = plain.Replace(s)
	var b strings.Builder
	for _, r := range norm.NFD.String(s) {
		if r < unicode.MaxASCII && (unicode.IsLetter(r) || unicode.IsDigit(r) || r == '-' || r == '.') {
			b.WriteRune(r)
		}
	}
	return b.String()
}
