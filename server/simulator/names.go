package simulator

import (
	_ "embed"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
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
	second                   bool    // people have two family names
	skew                     float64 // of family names
	cities, given, family    []name
	givenParts, familyParts  []parts
}

// name is a word in its own script and in Latin letters, which are the same for most of Europe.
type name struct {
	native, latin string
	upto          uint32 // how often this one or an earlier one of the list is taken, of as often as the last one says
}

// parts are what names of two parts are made of.
type parts struct{ first, last []name }

// languages are those of names.txt, which is read once; nobody changes them.
var languages = sync.OnceValues(func() ([]language, error) { return readLanguages(nameTables) })

func readLanguages(tables string) ([]language, error) {
	var all []language
	key, begun := "", false
	for n, line := range strings.Split(tables+"\n", "\n") {
		value, more := strings.CutPrefix(line, "  ")
		if more != begun {
			return nil, fmt.Errorf("names.txt:%d: want a line to go on behind two spaces where the one before ends in a comma", n+1)
		}
		if line == "" || line[0] == '#' {
			continue
		}
		if !more {
			var ok bool
			if key, value, ok = strings.Cut(line, ": "); !ok || key != "language" && all == nil {
				return nil, fmt.Errorf("names.txt:%d: want a key and a value", n+1)
			}
		}
		if value, begun = strings.CutSuffix(value, ","); key == "language" {
			all = append(all, language{tag: value, skew: usualSkew})
			continue
		}
		if err := all[len(all)-1].set(key, value); err != nil {
			return nil, fmt.Errorf("names.txt:%d: %w", n+1, err)
		}
	}
	for i := range all {
		if err := all[i].finish(); err != nil {
			return nil, fmt.Errorf("names.txt: %s: %w", all[i].tag, err)
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
		if value != "family joined" && value != "family spaced" {
			return fmt.Errorf("want an order of family joined or family spaced, not %q", value)
		}
		l.familyFirst, l.joined = true, value == "family joined"
	case "second":
		if value != "yes" {
			return fmt.Errorf("want yes, not %q", value)
		}
		l.second = true
	case "skew":
		l.skew, err = strconv.ParseFloat(value, 64)
	case "cities":
		l.cities, err = readNames(l.cities, value)
	case "given":
		l.given, err = readNames(l.given, value)
	case "family":
		l.family, err = readNames(l.family, value)
	case "given parts":
		l.givenParts, err = readParts(l.givenParts, value)
	case "family parts":
		l.familyParts, err = readParts(l.familyParts, value)
	default:
		err = fmt.Errorf("unknown key %q", key)
	}
	return err
}

// finish makes the names of two parts, and says how often each name is taken.
func (l *language) finish() (err error) {
	if l.country == "" || l.weight < 1 || l.skew < 0 || len(l.cities) == 0 || len(l.given) == 0 || len(l.family) == 0 {
		return errors.New("want a country, a weight of one or more, a skew of none or more, cities, given and family names")
	}
	if l.given, err = combine(l.given, l.givenParts); err != nil {
		return err
	}
	if l.family, err = combine(l.family, l.familyParts); err != nil {
		return err
	}
	weigh(l.cities, usualSkew)
	weigh(l.given, usualSkew)
	weigh(l.family, l.skew)
	return nil
}

// readNames appends what a line lists.
func readNames(list []name, value string) ([]name, error) {
	for s := range strings.SplitSeq(strings.ReplaceAll(value, "_", " "), ", ") {
		native, latin, ok := strings.Cut(s, "=")
		if !ok {
			latin = native
		}
		if native == "" || latin == "" || strings.ContainsAny(latin, "=,|") {
			return nil, fmt.Errorf("want a name, with its Latin spelling behind an equals sign where that is another, not %q", s)
		}
		list = append(list, name{native: native, latin: latin})
	}
	return list, nil
}

func readParts(list []parts, value string) ([]parts, error) {
	before, after, ok := strings.Cut(value, " | ")
	if !ok {
		return nil, fmt.Errorf("want parts before and after a bar, not %q", value)
	}
	first, err := readNames(nil, before)
	if err != nil {
		return nil, err
	}
	last, err := readNames(nil, after)
	return append(list, parts{first, last}), err
}

// combine appends the names of two parts to those that are written out, each of which is there once.
func combine(list []name, of []parts) ([]name, error) {
	seen := make(map[string]bool, len(list))
	for _, n := range list {
		if seen[n.native] {
			return nil, fmt.Errorf("%s is there twice", n.native)
		}
		seen[n.native] = true
	}
	type combined struct {
		name
		rank int
	}
	var more []combined
	for _, p := range of {
		for i, a := range p.first {
			for k, b := range p.last {
				n := name{native: a.native + b.native, latin: a.latin + b.latin}
				if strings.EqualFold(a.latin, b.latin) || seen[n.native] {
					continue
				}
				seen[n.native] = true
				more = append(more, combined{n, (i + 1) * (k + 1)})
			}
		}
	}
	slices.SortStableFunc(more, func(a, b combined) int { return a.rank - b.rank })
	for _, m := range more {
		list = append(list, m.name)
	}
	return list, nil
}

// usualSkew is how much more often an early name is taken than a late one: with it, and lists as long as these, 1.5 in
// a hundred have the most common surname of the tenant, and most full names are rare.
const usualSkew = 0.85

// weigh has the k-th of a list taken about as often as 1/k to the power of skew. How often is a whole number, so that
// the last digit of a power, which is not the same on every machine, does not make another tenant.
func weigh(list []name, skew float64) {
	sum := uint32(0)
	for k := range list {
		sum += uint32(math.Round(1e6 * math.Pow(float64(k+1), -skew)))
		list[k].upto = sum
	}
}

// pick takes one of the names, an early one more often than a late one.
func pick(r *rand.Rand, list []name) name {
	at := r.Uint32N(list[len(list)-1].upto)
	k, _ := slices.BinarySearchFunc(list, at, func(n name, at uint32) int {
		if n.upto <= at {
			return -1
		}
		return 1
	})
	return list[k]
}

// plain are the letters that no decomposition turns into ASCII, as people write them in addresses.
var plain = strings.NewReplacer("ß", "ss", "ø", "o", "æ", "ae", "œ", "oe", "ł", "l", "đ", "d", "ð", "d", "þ", "th", "ı", "i",
	"i̇", "i", "'", "", "’", "", " ", "")

var german = strings.NewReplacer("ä", "ae", "ö", "oe", "ü", "ue")

// address turns a name in Latin letters into what stands before the @: ASCII, in lower case.
func (l *language) address(latin string) string {
	s := strings.ToLower(latin)
	if l.code == "DE" || l.code == "AT" || l.code == "CH" {
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
