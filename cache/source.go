package cache

import (
	"context"
	"errors"
	"iter"
	"time"

	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
)

// A Source is where a Directory reads its people and groups. Package graph
// implements it over Microsoft Graph. Package sourcetest states these promises as
// tests.
//
// Methods may be called concurrently. Texts are valid UTF-8. Errors are, or wrap,
// the errors of this package; what an error says names no person.
type Source interface {
	// People are all people, each with their manager's id.
	People() Feed[Person]

	// Groups are all groups, without their members. A source that may not read them
	// fails with ErrDenied, and the people are followed all the same.
	Groups() Feed[Group]

	// Contacts are the contacts of the organisation's address book: people without an
	// account. A source that may not read them fails with ErrDenied.
	Contacts() Feed[Contact]

	// Find reads one person, with a summary of their manager. Where several share
	// the address, it answers with the one to whom it leads first (see
	// AddressKind). ErrNotFound means that the source knows no such person. It does
	// not wait where the source wants to be left alone, unless the question is
	// Unattended: the failure says how long.
	Find(ctx context.Context, ref Ref) (Person, error)

	// FindAll is Find for many people, at most 1,000, in as few questions as it can. It
	// returns an answer for each of refs, in their order.
	FindAll(ctx context.Context, refs []Ref) []Found

	// Rich reads what a person has written of themselves: of the profile that it returns,
	// the fields of the rich profile alone are set, none where there are none.
	Rich(ctx context.Context, id string) (*pb.Profile, error)

	// Photo reads a person's photo whose edge is of about size pixels: the next larger
	// that there is, or else the largest. It returns known itself where that is still the
	// photo. ErrNoPhoto means that the person has none.
	Photo(ctx context.Context, id string, size int, known *Photo) (*Photo, error)

	// Members reads who is in a group directly, in no set order, nobody twice.
	// ErrNoGroup means that there is no such group, ErrHiddenMembers that who is in it
	// is hidden from the service, and ErrTooManyMembers that there are more than most.
	Members(ctx context.Context, group string, most int) ([]Member, error)

	// Channel reads what a channel of a team is, and who is in it; of a standard channel
	// nobody: all of its team are. ErrNoChannel means that there is no such team or
	// channel, ErrTooManyMembers that there are more than most.
	Channel(ctx context.Context, team, channel string, most int) (Channel, error)

	// Usage tells what asking has cost so far. It returns at once.
	Usage() Usage
}

// Found is somebody whom FindAll was asked for, or why there is no answer.
type Found struct {
	Person Person
	Err    error
}

// Photo is an image of a person.
type Photo struct {
	Data        []byte
	ContentType string   // such as image/jpeg
	Tags        []string // the source's own names for the image, by which it knows it again
}

// Member is somebody or something in a group or channel.
type Member struct {
	Kind MemberKind
	// Summary is who they are, of people, contacts and groups. Its Id is always set; of
	// somebody of another tenant it is that tenant's, and so is TenantId.
	Summary *pb.ProfileSummary
	// Hidden tells of a group that who is in it may not be shown.
	Hidden bool
}

// MemberKind is what a member is.
type MemberKind uint8

// The kinds of members.
const (
	MemberPerson     MemberKind = iota
	MemberContact               // of the organisation's address book
	MemberGroup                 // a group within the group
	MemberOther                 // a device, an application
	MemberUnreadable            // a person, contact or group of whom the source tells the id alone
)

// Channel is a channel of a team.
type Channel struct {
	Kind    pb.ChannelKind
	Members []Member // none of a standard channel
}

// A Feed is one kind of thing that a Source has, and how it changes.
type Feed[T any] interface {
	// Mark returns a token that stands for now: a later Changes from it tells
	// every change made after Mark was called.
	Mark(ctx context.Context) (token string, err error)

	// List reads everything, in pages of whole items and in no set order. It ends
	// after the last page or after the first error. Total is set on the first
	// page where the source knows it.
	List(ctx context.Context) iter.Seq2[Page[T], error]

	// Changes reads what has changed since token, in pages and in no set order.
	// The last page, and only that one, carries the token to go on from. The same
	// change may come more than once. ErrTokenLost means that the token is of no
	// more use, and that everything must be listed anew.
	Changes(ctx context.Context, token string) iter.Seq2[Page[T], error]
}

// Page is a part of what a Feed reads.
type Page[T any] struct {
	Items []T    // what is there; of Changes, what has changed or gone
	Total int    // how many items there are in all; 0 if not known
	Token string // where to go on from, on the last page of Changes
}

// Usage is what a source has been asked, and what of its quota that took. The
// budget is the share of the quota that the service keeps to.
type Usage struct {
	Calls     int64         // answered, well or not
	Units     int64         // that they have cost, since the start
	Throttled int64         // calls that the source refused because too much was asked
	Refused   int64         // calls that were not made: the budget was spent, or the source is failing
	Budget    int           // units that may be spent in each Window; 0 if unbounded
	Spent     int           // of the budget, at the moment
	Window    time.Duration // of the budget
	Pressure  float64       // how much of its own limit the source says is used, lately; 0 if it did not say
	Waiting   error         // why the synchronisation waits, if it does for long
	Failing   bool          // the source does not answer, and only the synchronisation asks it
}

type unattendedKey struct{}

// Unattended marks a question for whose answer nobody waits. It gives way to those
// that people wait for, and waits where those would rather fail.
func Unattended(ctx context.Context) context.Context {
	return context.WithValue(ctx, unattendedKey{}, true)
}

// IsUnattended tells whether nobody waits for the answer.
func IsUnattended(ctx context.Context) bool { return ctx.Value(unattendedKey{}) != nil }

// The errors of look-ups and of sources. Callers tell them apart by errors.Is.
var (
	// ErrNotFound means that the directory has no such person.
	ErrNotFound = errors.New("no such person")
	// ErrFilling means that the answer needs a complete directory, and that it is
	// still being read.
	ErrFilling = errors.New("the directory is still being read")
	// ErrUnavailable means that the source did not answer, or answered nonsense.
	ErrUnavailable = errors.New("the source is unavailable")
	// ErrThrottled means that the source wants to be asked less; see RetryAfter.
	ErrThrottled = errors.New("the source is throttling")
	// ErrDenied means that the source refuses the service: wrong credentials or a
	// missing permission. Asking again is no use until somebody mends it.
	ErrDenied = errors.New("the source denies access")
	// ErrTokenLost means that changes can no longer be told from a token.
	ErrTokenLost = errors.New("the change token is no longer good")
	// ErrQuota means that the share of the source's quota that may be spent is spent;
	// see RetryAfter.
	ErrQuota = errors.New("the share of the source's quota is spent")
	// ErrHeldBack means that a round would remove more than it may; see HeldBackError.
	ErrHeldBack = errors.New("removals are held back")
	// ErrTooManyPeople means that the source has more people than may be held.
	ErrTooManyPeople = errors.New("more people than may be held")
	// ErrBusy means that as many questions are under way as may be.
	ErrBusy = errors.New("too many questions are under way")
	// ErrUnknownOrganizer means that the directory has no such organizer.
	ErrUnknownOrganizer = errors.New("unknown organizer")
	// ErrNoPhoto means that the person has no photo.
	ErrNoPhoto = errors.New("no photo")
	// ErrNotShown means that the view shows nothing of the kind, whoever it is asked of.
	ErrNotShown = errors.New("not shown to this audience")
	// ErrNoGroup means that the organisation has no such group.
	ErrNoGroup = errors.New("no such group")
	// ErrNoChannel means that there is no such team, or that it has no such channel.
	ErrNoChannel = errors.New("no such channel")
	// ErrHiddenMembers means that who is in a group is hidden.
	ErrHiddenMembers = errors.New("hidden members")
	// ErrTooManyMembers means that a group has more members than are read.
	ErrTooManyMembers = errors.New("too many members")
	// ErrPending means that a source of suggestions is still being read.
	ErrPending = errors.New("still being read")
	// ErrTruncated means that a source of suggestions holds more than is read.
	ErrTruncated = errors.New("more than is read")
	// ErrUnknownPick means that the directory has neither a person, a group nor a contact
	// of the id that was picked.
	ErrUnknownPick = errors.New("unknown pick")
)

// RetryAfter returns how long the error asks to wait before the next try, and
// whether it says so. An error says so by a method RetryAfter of its own,
// anywhere in its chain.
func RetryAfter(err error) (time.Duration, bool) {
	var waits interface{ RetryAfter() time.Duration }
	if !errors.As(err, &waits) {
		return 0, false
	}
	wait := waits.RetryAfter()
	return wait, wait > 0
}

// Permission returns the permission that the source misses, by its name, and empty where
// the error names none. An error names it by a method Permission of its own, anywhere in
// its chain.
func Permission(err error) string {
	if named, ok := errors.AsType[interface {
		error
		Permission() string
	}](err); ok {
		return named.Permission()
	}
	return ""
}

// RequestID returns the source's own name for the request that failed, and empty
// where it gave none. An error tells it by a method RequestID of its own, anywhere in
// its chain.
func RequestID(err error) string {
	if named, ok := errors.AsType[interface {
		error
		RequestID() string
	}](err); ok {
		return named.RequestID()
	}
	return ""
}
