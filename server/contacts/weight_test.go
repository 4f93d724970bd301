package contacts

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/peopleinsights/peopleinsights/cache"
)

// heap is how many bytes are in use.
func heap() int {
	runtime.GC()
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int(stats.HeapAlloc)
}

// worded is a contact with names and addresses that are as long as they may be, of words
// of its own in a format.
func worded(i int, format string, addresses int) Contact {
	words := func(most int) string {
		var words strings.Builder
		for word := fmt.Sprintf(format, i); words.Len()+len(word) < most; i++ {
			words.WriteString(word)
			word = fmt.Sprintf(format, uint32(i*2654435761)>>8)
		}
		return words.String()
	}
	i *= 1000
	c := Contact{ID: fmt.Sprintf("%0152d", i), DisplayName: words(maxName), GivenName: words(maxName), Surname: words(maxName)}
	for range addresses {
		c.Addresses = append(c.Addresses, strings.ReplaceAll(words(300), " ", ".")+"@contoso.com")
	}
	return c
}

// TestABookWeighsWhatItTakes holds that books take not much more than they weigh, and those
// of usual contacts not much less.
func TestABookWeighsWhatItTakes(t *testing.T) {
	const size = 60
	index(mailbox("somebody", 1)) // with what is made once in a process
	for _, row := range []struct {
		what    string
		contact func(i int) Contact
		least   float64 // of what it weighs it takes
	}{
		{"usual", func(i int) Contact {
			return Contact{
				ID: fmt.Sprintf("%0152d", i), DisplayName: fmt.Sprintf("Ana%d Berg%d", i, i), GivenName: fmt.Sprint("Ana", i), Surname: fmt.Sprint("Berg", i),
				JobTitle: "Buyer", Department: "Paper", Addresses: []string{fmt.Sprintf("ana%d.berg@contoso.com", i)},
			}
		}, .5},
		{"on one address", func(i int) Contact {
			return Contact{ID: fmt.Sprintf("%0152d", i), DisplayName: "Ana", Addresses: []string{"ana@contoso.com"}}
		}, .5},
		{"of many categories", func(i int) Contact {
			c := Contact{ID: fmt.Sprint(i), DisplayName: "Ana", Addresses: []string{"ana@contoso.com"}}
			for k := range maxCategories {
				c.Categories = append(c.Categories, fmt.Sprintf("%d.%d", i, k))
			}
			return c
		}, .5},
		{"of long words", func(i int) Contact { return worded(i, "%x ", 1) }, 0},
		{"of many long addresses", func(i int) Contact { return worded(i, "%x ", 4) }, 0},
		{"of letters with two spellings", func(i int) Contact { return worded(i, "öüä%x ", 1) }, 0},
		{"of parts", func(i int) Contact { return worded(i, "%.2x-%[1]x-öü ", 1) }, 0},
		{"of unspaced words", func(i int) Contact { return worded(i, "漢字%c假 ", 1) }, 0},
	} {
		t.Run(row.what, func(t *testing.T) {
			var read Book
			for i := range size {
				read.Contacts = append(read.Contacts, row.contact(i))
			}
			before := heap()
			b := index(read)
			took := heap() - before
			if float64(took) > 4./3*float64(b.weight) || float64(took) < row.least*float64(b.weight) {
				t.Errorf("it takes %d bytes, and weighs %d", took, b.weight)
			}
			runtime.KeepAlive(b)
			runtime.KeepAlive(read)
		})
	}
}

func index(read Book) *book {
	b, candidates := newBook(read, len(read.Contacts))
	b.candidates = cache.NewCandidates(candidates)
	return b
}

func TestFoldersAloneWeigh(t *testing.T) {
	var read Book
	for i := range maxFolders {
		read.Folders = append(read.Folders, Folder{ID: fmt.Sprintf("%0512d", i)})
	}
	if b, _ := newBook(read, 1); b.weight < maxFolders*(maxID+100) {
		t.Errorf("%d folders weigh %d", maxFolders, b.weight)
	}
}

// TestHeavyBooksMakeRoom holds that bytes bound what is held, and not contacts.
func TestHeavyBooksMakeRoom(t *testing.T) {
	most := 5 * weightOf("1", 2)
	bubble(t, Config{TTL: time.Minute, MaxBytes: most}, func(t *testing.T, s *Store, m *mailboxes) {
		for i := range 5 {
			_ = ask(s, own(fmt.Sprint(i)))
		}
		expectStats(t, "of light books", s, 5, 10)
		_ = ask(s, own(strings.Repeat("long", 60))) // whose contacts' names and addresses are, too
		if got := s.Stats(); got.Bytes > most || got.Owners > 4 {
			t.Errorf("%d bytes of %d owners are held, want at most %d", got.Bytes, got.Owners, most)
		}
	})
}
