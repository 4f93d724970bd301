package contacts

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/peopleinsights/peopleinsights/cache"
	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
)

// Bounds of what is held beside contacts. What is over them is left out, and the book is
// then truncated.
const (
	maxAddresses  = 16   // of one contact
	maxCategories = 32   // of one contact
	maxFolders    = 1000 // of one book
	maxID         = 512  // bytes of an id; what has a longer one is left out
)

// maxSharers is of how many contacts with one address it is suggested, those first by
// name: of rows with one address a search shows one, and would find and rank them all.
const maxSharers = 4

// book is what is held of somebody's contacts. It never changes.
type book struct {
	began      time.Time // when reading it began
	candidates *cache.Candidates
	people     []*pb.ProfileSummary // in the order of answers
	folders    map[string]*folder   // id → folder
	categories map[string][]int32   // category in lower case → its contacts, ascending in people
	truncated  bool
	weight     int // about how many bytes it takes
}

// folder is a folder of contacts.
type folder struct {
	people []int32 // in people, ascending
	within []*folder
}

// folder returns those in a folder and in the folders within it, and whether there is
// such a folder.
func (b *book) folder(id string) ([]*pb.ProfileSummary, bool) {
	top := b.folders[id]
	if top == nil {
		return nil, false
	}
	var people []int32
	for todo := []*folder{top}; len(todo) > 0; {
		next := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		people = append(people, next.people...)
		for _, f := range next.within {
			// Each is within one at most, so that a circle leads back to the top or is not met.
			if f != top {
				todo = append(todo, f)
			}
		}
	}
	slices.Sort(people)
	return b.summaries(people), true
}

// category returns those of a category, and whether there are any.
func (b *book) category(name string) ([]*pb.ProfileSummary, bool) {
	people := b.categories[strings.ToLower(clip(name))]
	return b.summaries(people), people != nil
}

func (b *book) summaries(people []int32) []*pb.ProfileSummary {
	summaries := make([]*pb.ProfileSummary, len(people))
	for i, at := range people {
		summaries[i] = b.people[at]
	}
	return summaries
}

// newBook turns what was read, at most so many contacts of it, into what is held, and
// into the candidates that are suggested: contacts by display name without letter case,
// then by id, a contact's addresses in its own order, without those that maxSharers
// before it have; then folders and categories, as they were read.
func newBook(read Book, most int) (*book, []cache.Candidate) {
	b := &book{folders: map[string]*folder{}, categories: map[string][]int32{}, truncated: read.Truncated}
	if len(read.Contacts) > most {
		read.Contacts, b.truncated = read.Contacts[:most], true
	}
	folders, more := distinct(read.Folders)
	b.truncated = b.truncated || more
	if len(folders) > maxFolders {
		folders, b.truncated = folders[:maxFolders], true
	}
	t := texts{}
	people := b.cards(t, read.Contacts)
	categories := spellings(people)
	slices.SortFunc(people, func(a, b *card) int {
		return cmp.Or(strings.Compare(a.key, b.key), strings.Compare(a.summary.Id, b.summary.Id))
	})
	b.file(t, people, folders)

	candidates := contactCandidates(people)
	candidates = append(candidates, folderCandidates(t, people, folders)...)
	candidates = append(candidates, categoryCandidates(categories)...)
	b.weight = b.weigh(t, candidates)
	return b, candidates
}

// cards returns the contacts that have an address, each id once, as they were read.
func (b *book) cards(t texts, contacts []Contact) []*card {
	var cards []*card
	seen := map[string]bool{}
	for _, contact := range contacts {
		if seen[contact.ID] { // pages overlap where something is added while they are read
			continue
		}
		if len(contact.ID) > maxID {
			b.truncated = true
			continue
		}
		seen[contact.ID] = true
		c, more := newCard(t, contact)
		b.truncated = b.truncated || more
		if c != nil {
			cards = append(cards, c)
		}
	}
	return cards
}

// file puts contacts, which are in order, into their folders and categories.
func (b *book) file(t texts, people []*card, folders []Folder) {
	for _, f := range folders {
		b.folders[t.copy(f.ID)] = &folder{}
	}
	for _, f := range folders {
		if parent := b.folders[f.Parent]; parent != nil {
			parent.within = append(parent.within, b.folders[f.ID])
		}
	}
	for i, c := range people {
		b.people = append(b.people, c.summary)
		if f := b.folders[c.folder]; f != nil {
			f.people = append(f.people, int32(i))
		}
		for _, name := range c.categories {
			key := t.copy(strings.ToLower(name))
			b.categories[key] = append(b.categories[key], int32(i))
		}
	}
}
