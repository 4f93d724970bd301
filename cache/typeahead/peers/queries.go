package main

import (
	"cmp"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/peopleinsights/peopleinsights/cache/typeahead"
)

// keystroke is what stands in the field after one, and who typed it.
type keystroke struct {
	text string
	near typeahead.Near
}

// letters is how many letters have been typed.
func (k *keystroke) letters() int { return utf8.RuneCountInString(k.text) }

// sessions types for people drawn at random, one letter after the other, on behalf of
// others: the first name, the surname, both in either order, or the address, and one in
// ten with a typo that stays.
func sessions(people []typeahead.Entry, count int, seed uint64) (typed []keystroke) {
	rng := rand.New(rand.NewPCG(seed, 2))
	for range count {
		who, near := &people[rng.IntN(len(people))], organizer(people, rng)
		var text string
		switch rng.IntN(5) {
		case 0:
			text = who.Given
		case 1:
			text = who.Surname
		case 2:
			text = who.Given + " " + who.Surname
		case 3:
			text = who.Surname + " " + who.Given
		case 4:
			text = who.Email
		}
		letters := []rune(strings.ToLower(text))
		if rng.IntN(10) == 0 {
			letters = mistyped(letters, rng)
		}
		for n := range letters {
			typed = append(typed, keystroke{string(letters[:n+1]), near})
		}
	}
	return typed
}

// mistyped makes one typo, never in the first letter.
func mistyped(letters []rune, rng *rand.Rand) []rune {
	if len(letters) < 4 {
		return letters
	}
	at, other := 1+rng.IntN(len(letters)-2), rune('a'+rng.IntN(26))
	switch rng.IntN(4) {
	case 0:
		letters[at] = other
	case 1:
		letters = slices.Insert(letters, at, other)
	case 2:
		letters = slices.Delete(letters, at, at+1)
	default:
		letters[at], letters[at+1] = letters[at+1], letters[at]
	}
	return letters
}

func organizer(people []typeahead.Entry, rng *rand.Rand) typeahead.Near {
	e := &people[rng.IntN(len(people))]
	return typeahead.Near{ID: e.ID, Position: e.Position}
}

// common is how many of the commonest names are typed.
const common = 20

// worst types what finds the most people: each letter, each two, and the commonest given
// names, surnames and full names with all their beginnings, each for several organizers.
func worst(people []typeahead.Entry, seed uint64) (typed []keystroke) {
	texts := map[string]bool{}
	for a := 'a'; a <= 'z'; a++ {
		texts[string(a)] = true
		for b := 'a'; b <= 'z'; b++ {
			texts[string(a)+" "+string(b)] = true
		}
	}
	for _, of := range []func(*typeahead.Entry) string{
		func(e *typeahead.Entry) string { return e.Given },
		func(e *typeahead.Entry) string { return e.Surname },
		func(e *typeahead.Entry) string { return e.Given + " " + e.Surname },
		func(e *typeahead.Entry) string { return e.Surname + " " + e.Given },
	} {
		names, _ := commonest(people, of)
		for _, name := range names[:min(common, len(names))] {
			letters := []rune(strings.ToLower(name))
			for n := range letters {
				texts[string(letters[:n+1])] = true
			}
		}
	}
	rng := rand.New(rand.NewPCG(seed, 3))
	for _, text := range slices.Sorted(maps.Keys(texts)) {
		for range 5 {
			typed = append(typed, keystroke{text, organizer(people, rng)})
		}
	}
	rng.Shuffle(len(typed), func(i, j int) { typed[i], typed[j] = typed[j], typed[i] })
	return typed
}

// commonest returns names, the commonest first, and how many have each.
func commonest(people []typeahead.Entry, of func(*typeahead.Entry) string) ([]string, map[string]int) {
	count := map[string]int{}
	for i := range people {
		count[of(&people[i])]++
	}
	names := slices.SortedFunc(maps.Keys(count), func(a, b string) int {
		return cmp.Or(count[b]-count[a], cmp.Compare(a, b))
	})
	return names, count
}
