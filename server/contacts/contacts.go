// Package contacts holds people's own Outlook contacts, each person's for themselves
// alone and for some minutes at most: nothing of them is stored.
package contacts

import (
	"context"
	"time"

	"github.com/peopleinsights/peopleinsights/cache"
	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
)

// Source is where contacts are read. Errors are, or wrap, those of package cache.
type Source interface {
	// PersonalContacts reads a person's contacts, in all folders, at most so many. Somebody
	// without a mailbox has none. ErrNotFound means that there is no such person.
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
	// TTL is how long contacts are kept; zero keeps none, and reads them for each call.
	TTL time.Duration
	// MaxContacts bounds how many are read of one person; zero means 5,000.
	MaxContacts int
	// MaxHeld bounds how many are held of all people together; zero means 200,000. Those
	// read longest ago go first.
	MaxHeld int
	// ReadTimeout bounds how long one person's are read; zero means ten seconds.
	ReadTimeout time.Duration
	// Patience is how long a call for candidates waits for contacts that are being read;
	// zero means two seconds. Callers leave earlier by their own deadlines.
	Patience time.Duration
}

// Store holds one tenant's people's own contacts. Its methods may be called
// concurrently.
type Store struct{ config Config }

// New returns a Store.
func New(config Config) *Store { return &Store{config} }

// Candidates returns an owner's contacts, ready to be searched, and when they were read.
// cache.ErrPending means that they are being read for longer than a call may wait; with
// cache.ErrTruncated there are candidates, but not all.
func (s *Store) Candidates(ctx context.Context, owner Owner) (*cache.Candidates, time.Time, error) {
	return nil, time.Time{}, cache.ErrUnavailable
}

// Folder returns the contacts in a folder of an owner's, and in the folders within it, by
// display name without letter case, then by id. cache.ErrNoGroup means that there is no
// such folder.
func (s *Store) Folder(ctx context.Context, owner Owner, id string) ([]*pb.ProfileSummary, time.Time, error) {
	return nil, time.Time{}, cache.ErrUnavailable
}

// Category returns the contacts of an owner's category, in the same order.
// cache.ErrNoGroup means that no contact has it.
func (s *Store) Category(ctx context.Context, owner Owner, name string) ([]*pb.ProfileSummary, time.Time, error) {
	return nil, time.Time{}, cache.ErrUnavailable
}

// Close forgets everything.
func (s *Store) Close() {}
