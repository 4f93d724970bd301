package cache

import (
	"context"
	"errors"
	"iter"
	"time"
)

// A Source is where a Directory reads its people. Package graph implements it
// over Microsoft Graph. Package sourcetest states these promises as tests.
//
// Methods may be called concurrently. Texts are valid UTF-8. Errors are, or wrap,
// the errors of this package; what an error says names no person.
type Source interface {
	// Mark returns a token that stands for now: a later Changes from it tells
	// every change made after Mark was called.
	Mark(ctx context.Context) (token string, err error)

	// List reads everybody, in pages of whole people and in no set order. It ends
	// after the last page or after the first error. Total is set on the first
	// page where the source knows it.
	List(ctx context.Context) iter.Seq2[Page, error]

	// Changes reads what has changed since token, in pages and in no set order.
	// The last page, and only that one, carries the token to go on from. The same
	// change may come more than once. ErrTokenLost means that the token is of no
	// more use, and that everybody must be listed anew.
	Changes(ctx context.Context, token string) iter.Seq2[Page, error]

	// Find reads one person, with a summary of their manager. Where several share
	// the address, it answers with the one to whom it leads first (see
	// AddressKind). ErrNotFound means that the source knows no such person.
	Find(ctx context.Context, ref Ref) (Person, error)
}

// Page is a part of what a Source reads.
type Page struct {
	People []Person // who is there; of Changes, who has changed or gone
	Total  int      // how many people there are in all; 0 if not known
	Token  string   // where to go on from, on the last page of Changes
}

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
	// ErrTooManyPeople means that the source has more people than may be held.
	ErrTooManyPeople = errors.New("more people than may be held")
	// ErrBusy means that as many questions are under way as may be.
	ErrBusy = errors.New("too many questions are under way")
	// ErrUnknownOrganizer means that the directory has no such organizer.
	ErrUnknownOrganizer = errors.New("unknown organizer")
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
