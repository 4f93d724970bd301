package contacts

import "github.com/peopleinsights/peopleinsights/cache"

// What a book takes in memory, in bytes, beside each different text once. They are from
// what runtime.MemStats told of books of many shapes (Go 1.26, amd64), which
// TestABookWeighsWhatItTakes measures again. A contact with one address and usual names
// came to 680 beside its texts, and each further address to 430. The index holds what is
// searched once more for each candidate, by words, and a word with other than plain
// letters as each way to spell it: with names and an address as long as they may be, a
// candidate came to 12,000 of plain letters and to 26,000 of others.
const (
	perBook      = 4 << 10
	perContact   = 300
	perCandidate = 512
	perPlain     = 8  // for each plain letter, digit or space of a candidate's names and address
	perOther     = 40 // for each other byte of them
	perFolder    = 200
	perMember    = 12 // of a folder or a category
)

// weigh returns about how many bytes a book takes with the index over its candidates:
// rather too many than too few. Of none that was measured were they more than a quarter too
// few; usual contacts weigh up to twice what they take.
func (b *book) weigh(t texts, candidates []cache.Candidate) int {
	n := perBook + perContact*len(b.people) + perCandidate*len(candidates) + perFolder*len(b.folders)
	for text := range t {
		n += len(text)
	}
	for _, p := range b.people {
		n += len(p.Id)
	}
	for _, c := range candidates {
		n += searched(c.Given) + searched(c.Surname) + searched(c.Suggestion.DisplayName) + searched(c.Suggestion.Email)
	}
	for _, f := range b.folders {
		n += perMember * len(f.people)
	}
	for _, people := range b.categories {
		n += perMember * len(people)
	}
	return n
}

// searched returns about how many bytes an index takes for a text of one candidate.
func searched(text string) int {
	n := 0
	for i := range len(text) {
		switch c := text[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == ' ':
			n += perPlain
		default:
			n += perOther
		}
	}
	return n
}
