package cache

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/peopleinsights/peopleinsights/cache/typeahead"
	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
)

// Candidate is somebody who may be suggested beside the directory, to one caller.
type Candidate struct {
	// Suggestion is what is shown, without matches. Kind, Source and DisplayName are set.
	// Several may have one Id: an own contact has one for each address.
	Suggestion *pb.Suggestion
	Given      string // the given name
	Surname    string
}

// Candidates are those who may be suggested to one caller beside the directory, ready to
// be searched. They never change.
type Candidates struct {
	// prefix begins the key of each in the index; its number follows. It is no text that an
	// id has, and candidates of another source have another.
	prefix string
	list   []Candidate
	index  *typeahead.Index
}

// NewCandidates makes candidates of one source ready to be searched.
func NewCandidates(list []Candidate) *Candidates {
	c := &Candidates{list: slices.Clone(list)}
	if len(list) > 0 {
		c.prefix = fmt.Sprintf("\x00%02d.", list[0].Suggestion.GetSource())
	}
	c.index = typeahead.Build(func(yield func(typeahead.Entry) bool) {
		for i := range c.list {
			if !yield(c.entry(i)) {
				return
			}
		}
	})
	return c
}

// Len returns how many there are; nil has none.
func (c *Candidates) Len() int {
	if c == nil {
		return 0
	}
	return len(c.list)
}

// key is what a candidate is in the index. Of equals the earlier one in the list comes
// first.
func (c *Candidates) key(i int) string { return fmt.Sprintf("%s%08d", c.prefix, i) }

// find returns the candidate of a key, if it is one of these.
func (c *Candidates) find(key string) (int, bool) {
	if c == nil {
		return 0, false
	}
	number, ours := strings.CutPrefix(key, c.prefix)
	i, err := strconv.Atoi(number)
	return i, ours && err == nil
}

// searched is the index over them; nil for none.
func (c *Candidates) searched() *typeahead.Index {
	if c == nil {
		return nil
	}
	return c.index
}

// entry is a candidate as the type-ahead index sees it.
func (c *Candidates) entry(i int) typeahead.Entry {
	of := c.list[i]
	return typeahead.Entry{
		ID:      c.key(i),
		Kind:    kindIn(of.Suggestion.GetKind()),
		Name:    of.Suggestion.GetDisplayName(),
		Given:   of.Given,
		Surname: of.Surname,
		Email:   of.Suggestion.GetEmail(),
	}
}

// suggestion is what the contract shows of a candidate whom a query found.
func (c *Candidates) suggestion(i int, query *typeahead.Query) *pb.Suggestion {
	shown := proto.CloneOf(c.list[i].Suggestion)
	shown.Matches = query.Matches(c.entry(i))
	return shown
}

// kindIn is a kind as the type-ahead index has it.
func kindIn(kind pb.InviteeKind) typeahead.Kind {
	return typeahead.Kind(kind - pb.InviteeKind_INVITEE_KIND_PERSON)
}
