// Package contacts holds people's own Outlook contacts, each person's for themselves
// alone and for some minutes at most: nothing of them is stored.
//
// They are read when they are first wanted. What is held is forgotten by a timer when
// its time is up, wanted or not; until then it is in this package's memory alone. It
// writes no logs, and its errors and figures name nobody.
//
// Forgotten means that nothing in this package refers to it any longer, so that its memory
// is free to be used again once the calls that were given it have ended. It does not mean
// that the memory is overwritten: Go does not do that when it frees something, and until
// the memory is used again, who can read the process's memory may find it there.
package contacts

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/peopleinsights/peopleinsights/cache"
	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
)

// Source is where contacts are read. Errors are, or wrap, those of package cache. Texts
// are valid UTF-8.
type Source interface {
	// PersonalContacts reads a person's contacts, in all folders, at most so many. Somebody
	// without a mailbox has none. ErrNotFound means that there is no such person. It returns
	// soon after ctx ends.
	PersonalContacts(ctx context.Context, person string, most int) (Book, error)
}

// Book is all that somebody's contacts are.
type Book struct {
	Contacts  []Contact
	Folders   []Folder
	Truncated bool // there are more than were read
}

// Folder is a folder of contacts.
type Folder struct {
	ID     string
	Name   string
	Parent string // the folder's that holds it; empty at the top
}

// Contact is one contact.
type Contact struct {
	ID          string
	Folder      string // its id
	DisplayName string
	GivenName   string
	Surname     string
	Company     string
	JobTitle    string
	Department  string
	Office      string
	Addresses   []string // e-mail addresses
	Categories  []string
}

// Owner is whose contacts are wanted, and by whom: another caller shares nothing.
type Owner struct {
	Caller string // who asks, as package auth tells
	Person string // whose contacts: a Graph object id
}

// Config is what a Store needs.
type Config struct {
	// Source is where contacts are read. Required.
	Source Source
	// TTL is how long contacts are kept, from when their reading began, however often they
	// are wanted. Zero keeps none: each call reads them, or joins a reading that is under
	// way for the same owner, and what is read too late for all of them is lost.
	TTL time.Duration
	// MaxContacts bounds how many are read of one person; zero means 5,000.
	MaxContacts int
	// MaxBytes bounds about how many bytes are held of all people together; zero means
	// 128 MiB, which is some 90,000 usual contacts. Those read longest ago go first. A
	// person who has more than that is answered, and not kept. What is being read comes on
	// top, and what calls still use that is held no longer.
	MaxBytes int
	// MaxOwners bounds of how many owners contacts are held, of how many they are being
	// read or wait to be, and of how many it is remembered that reading them failed; zero
	// means 1,000 of each.
	MaxOwners int
	// MaxReads bounds how many owners' contacts are read at once; zero means 4. Others wait
	// for their turn, as long as a reading may take; then they fail with cache.ErrBusy.
	MaxReads int
	// ReadTimeout bounds how long one person's are read; zero means ten seconds.
	ReadTimeout time.Duration
	// Patience is how long a call for candidates waits for contacts that are being read;
	// zero means two seconds. Callers leave earlier by their own deadlines. Calls that come
	// later than 300 ms after the one that wanted them first do not wait: a slow mailbox
	// holds up the first letters that are typed, and not each.
	Patience time.Duration
}

func (c Config) withDefaults() Config {
	for number, usual := range map[*int]int{&c.MaxContacts: 5000, &c.MaxBytes: 128 << 20, &c.MaxOwners: 1000, &c.MaxReads: 4} {
		if *number <= 0 {
			*number = usual
		}
	}
	for span, usual := range map[*time.Duration]time.Duration{&c.ReadTimeout: 10 * time.Second, &c.Patience: 2 * time.Second} {
		if *span <= 0 {
			*span = usual
		}
	}
	return c
}

// Store holds one tenant's people's own contacts. Its methods may be called
// concurrently.
//
// They fail with the errors of package cache. Where reading somebody's contacts has
// failed, they are not read again for two seconds, twice as long after each further
// failure in a row, or for as long as the source asks if that is longer, and for a minute
// at most, which it is at once where the source denies them; until then, their owner's
// calls fail as that reading did.
type Store struct {
	config Config

	ctx   context.Context // ends when the store is closed
	end   context.CancelFunc
	turns chan struct{} // taken by those who read

	reading  sync.WaitGroup
	reads    atomic.Int64
	failures atomic.Int64
	pending  atomic.Int64

	mu      sync.Mutex
	closed  bool
	flights map[Owner]*flight
	books   *shelf[*book]
	failed  *shelf[failing]
}

// New returns a Store. It is to be closed.
func New(config Config) *Store {
	config = config.withDefaults()
	s := &Store{
		config:  config,
		turns:   make(chan struct{}, config.MaxReads),
		flights: map[Owner]*flight{},
	}
	s.ctx, s.end = context.WithCancel(context.Background())
	s.books = newShelf[*book](&s.mu, config.MaxOwners, config.MaxBytes)
	s.failed = newShelf[failing](&s.mu, config.MaxOwners, config.MaxOwners)
	return s
}

// What calls fail with beside what the source says.
var (
	errClosed    = fmt.Errorf("own contacts: the service is stopping: %w", cache.ErrUnavailable)
	errBusy      = fmt.Errorf("own contacts: %w", cache.ErrBusy)
	errPending   = fmt.Errorf("own contacts: %w", cache.ErrPending)
	errTruncated = fmt.Errorf("own contacts: %w", cache.ErrTruncated)
	errNoGroup   = fmt.Errorf("own contacts: %w", cache.ErrNoGroup)
)

// Candidates returns an owner's contacts, ready to be searched, and when they were read.
// cache.ErrPending means that they are being read for longer than the call may wait; with
// cache.ErrTruncated there are candidates, but not all.
func (s *Store) Candidates(ctx context.Context, owner Owner) (*cache.Candidates, time.Time, error) {
	b, err := s.book(ctx, owner, s.patience(ctx))
	switch {
	case err != nil:
		return nil, time.Time{}, err
	case b.truncated:
		return b.candidates, b.began, errTruncated
	}
	return b.candidates, b.began, nil
}

// Folder returns the contacts in a folder of an owner's, and in the folders within it, by
// display name without letter case, then by id, and when they were read. It waits until
// ctx ends. cache.ErrNoGroup means that there is no such folder. Of an owner who has more
// contacts than are read it returns those that were read, without an error.
func (s *Store) Folder(ctx context.Context, owner Owner, id string) ([]*pb.ProfileSummary, time.Time, error) {
	return s.members(ctx, owner, func(b *book) ([]*pb.ProfileSummary, bool) { return b.folder(id) })
}

// Category returns the contacts of an owner's category, in the same order.
// cache.ErrNoGroup means that no contact has it.
func (s *Store) Category(ctx context.Context, owner Owner, name string) ([]*pb.ProfileSummary, time.Time, error) {
	return s.members(ctx, owner, func(b *book) ([]*pb.ProfileSummary, bool) { return b.category(name) })
}

func (s *Store) members(ctx context.Context, owner Owner, of func(*book) ([]*pb.ProfileSummary, bool)) ([]*pb.ProfileSummary, time.Time, error) {
	b, err := s.book(ctx, owner, noLimit)
	if err != nil {
		return nil, time.Time{}, err
	}
	members, ok := of(b)
	if !ok {
		return nil, time.Time{}, errNoGroup
	}
	return members, b.began, nil
}

// Close forgets everything, ends what is being read, and waits until it has ended. Calls
// fail with cache.ErrUnavailable from then on.
func (s *Store) Close() {
	s.mu.Lock()
	s.closed = true
	s.books.clearLocked()
	s.failed.clearLocked()
	s.mu.Unlock()
	s.end()
	s.reading.Wait()
}
