package contacts

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/peopleinsights/peopleinsights/cache"
	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
)

// mailboxes is a Source in memory.
type mailboxes struct {
	size int  // how many contacts are in each
	cut  bool // there are more than are read

	mu     sync.Mutex
	takes  time.Duration // to read one
	err    error
	read   []string // persons, in the order in which reading began
	now    int      // how many are being read
	most   int      // were read at once
	values []any    // what the contexts carried, by valueKey
	ended  int      // by their contexts
}

type valueKey struct{}

func (m *mailboxes) PersonalContacts(ctx context.Context, person string, most int) (Book, error) {
	m.mu.Lock()
	m.read = append(m.read, person)
	m.now++
	m.most = max(m.most, m.now)
	m.values = append(m.values, ctx.Value(valueKey{}))
	takes, err := m.takes, m.err
	m.mu.Unlock()
	defer func() {
		m.mu.Lock()
		m.now--
		m.mu.Unlock()
	}()
	if takes > 0 {
		timer := time.NewTimer(takes)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			m.mu.Lock()
			m.ended++
			m.mu.Unlock()
			return Book{}, ctx.Err()
		}
	}
	if err != nil {
		return Book{}, err
	}
	book := mailbox(person, m.size)
	book.Truncated = m.cut
	return book, nil
}

func (m *mailboxes) take(takes time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.takes = takes
}

func (m *mailboxes) fail(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.err = err
}

// forget lets go of whose contacts were read.
func (m *mailboxes) forget() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.read = nil
}

func (m *mailboxes) reads() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.read)
}

// mailbox is a mailbox of so many contacts, all in the folder "all" and of the category
// "Met".
func mailbox(person string, size int) Book {
	book := Book{Folders: []Folder{{ID: "all", Name: "Everybody"}}}
	for i := range size {
		book.Contacts = append(book.Contacts, Contact{
			ID:          fmt.Sprintf("the %d. contact of %s", i, person),
			Folder:      "all",
			DisplayName: fmt.Sprintf("Contact %d of %s", i, person),
			Addresses:   []string{fmt.Sprintf("%d.of.%s@contoso.com", i, person)},
			Categories:  []string{"Met"},
		})
	}
	return book
}

// weightOf is what a person's mailbox of so many contacts weighs.
func weightOf(person string, size int) int {
	b, _ := newBook(mailbox(person, size), size)
	return b.weight
}

// bubble runs a test with a store over mailboxes of two contacts each, in a time of its
// own.
func bubble(t *testing.T, config Config, test func(t *testing.T, s *Store, m *mailboxes)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		m := &mailboxes{size: 2}
		config.Source = m
		s := New(config)
		defer s.Close()
		test(t, s, m)
	})
}

// ana is whose contacts most tests want: her own.
var ana = Owner{Caller: "ana", Person: "ana"}

// own is somebody who wants their own contacts.
func own(person string) Owner { return Owner{Caller: person, Person: person} }

// ask wants somebody's contacts as suggestions do.
func ask(s *Store, owner Owner) error {
	_, _, err := s.Candidates(context.Background(), owner)
	return err
}

func names(people []*pb.ProfileSummary) string {
	var names []string
	for _, p := range people {
		names = append(names, p.DisplayName)
	}
	return strings.Join(names, ", ")
}

func expectReads(t *testing.T, when string, m *mailboxes, want ...string) {
	t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	if !slices.Equal(m.read, want) {
		t.Errorf("%s: %q were read, want %q", when, m.read, want)
	}
}

func expectStats(t *testing.T, when string, s *Store, owners, contacts int) {
	t.Helper()
	if got := s.Stats(); got.Owners != owners || got.Contacts != contacts {
		t.Errorf("%s: %d contacts of %d owners are held, want %d of %d", when, got.Contacts, got.Owners, contacts, owners)
	}
}

// throttled is a source's error that says how long to wait, and names somebody, which it
// should not.
type throttled struct {
	kind error
	wait time.Duration
}

func (e throttled) Error() string             { return "ana@contoso.com may not be read now" }
func (e throttled) Unwrap() error             { return e.kind }
func (e throttled) RetryAfter() time.Duration { return e.wait }
func (e throttled) Permission() string        { return "Contacts.Read" }
func (e throttled) RequestID() string         { return "8f0a" }

var _ error = throttled{cache.ErrThrottled, time.Second}
