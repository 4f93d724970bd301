package contacts

import (
	"context"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"
	"weak"

	"github.com/peopleinsights/peopleinsights/cache"
	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
)

// traces are weak pointers to what somebody's contacts are in memory, by what they are.
type traces map[string]func() bool // whether it is still there

func follow[T any](tr traces, what string, thing *T) {
	pointer := weak.Make(thing)
	tr[what] = func() bool { return pointer.Value() != nil }
}

// text follows what a text is made of.
func (tr traces) text(what, text string) { follow(tr, what, unsafe.StringData(text)) }

func (tr traces) summary(what string, p *pb.ProfileSummary) {
	follow(tr, what, p)
	tr.text(what+"'s id", p.Id)
	tr.text(what+"'s name", p.DisplayName)
	tr.text(what+"'s address", p.Email)
}

// expect collects garbage, and holds which of what is followed is still there.
func (tr traces) expect(t *testing.T, when string, there bool) {
	t.Helper()
	runtime.GC()
	runtime.GC()
	if len(tr) == 0 {
		t.Fatal("nothing is followed")
	}
	for what, is := range tr {
		if is() != there {
			t.Errorf("%s: %s is there: %t, want %t", when, what, is(), there)
		}
	}
}

// named is somebody with long names.
func named(person string) Owner {
	return Owner{Caller: strings.Repeat("the caller "+person, 3), Person: strings.Repeat("the person "+person, 3)}
}

// owner is somebody whose names are texts of their own, too long to share memory with
// others.
//
//go:noinline
func (tr traces) owner(person string) Owner {
	o := named(person)
	tr.text("the caller "+person, o.Caller)
	tr.text("the person "+person, o.Person)
	return o
}

// wanted wants somebody's contacts in each way, and follows all that comes of it.
//
//go:noinline
func wanted(t *testing.T, s *Store, person string) traces {
	t.Helper()
	tr := traces{}
	owner := tr.owner(person)
	candidates, _, err := s.Candidates(context.Background(), owner)
	if err != nil {
		t.Fatal(err)
	}
	if unsafe.Sizeof(*candidates) > 0 { // what has no size has no place
		follow(tr, "candidates", candidates)
	}
	people, _, err := s.Category(context.Background(), owner, "met")
	if err != nil {
		t.Fatal(err)
	}
	tr.summary("a contact of a category", people[0])
	if people, _, err = s.Folder(context.Background(), owner, "all"); err != nil {
		t.Fatal(err)
	}
	tr.summary("a contact of a folder", people[1])
	s.mu.Lock()
	defer s.mu.Unlock()
	if kept := s.books.things[owner]; kept != nil {
		follow(tr, "the entry", kept)
		follow(tr, "the book", kept.value)
	}
	return tr
}

// TestForgotten holds that nothing reaches contacts once they are forgotten: no timer,
// no goroutine, no map and no list.
func TestForgotten(t *testing.T) {
	for _, row := range []struct {
		how    string
		config Config
		forget func(t *testing.T, s *Store)
	}{
		{"when their time is up", Config{TTL: time.Minute}, func(t *testing.T, s *Store) {
			time.Sleep(time.Minute)
		}},
		{"when their time is up, and others' is not", Config{TTL: time.Minute}, func(t *testing.T, s *Store) {
			for range 5 {
				time.Sleep(12 * time.Second)
				_ = ask(s, own(time.Now().String()))
			}
		}},
		{"to make room for contacts", Config{TTL: time.Minute, MaxBytes: weightOf(named("ana").Person, 2)}, func(t *testing.T, s *Store) {
			time.Sleep(time.Second)
			_ = ask(s, own("bea"))
		}},
		{"to make room for owners", Config{TTL: time.Minute, MaxOwners: 1}, func(t *testing.T, s *Store) {
			time.Sleep(time.Second)
			_ = ask(s, own("bea"))
		}},
		{"when the store is closed", Config{TTL: time.Minute}, func(t *testing.T, s *Store) {
			s.Close()
		}},
	} {
		t.Run(row.how, func(t *testing.T) {
			bubble(t, row.config, func(t *testing.T, s *Store, m *mailboxes) {
				tr := wanted(t, s, "ana")
				m.forget()
				tr.expect(t, "held", true)
				row.forget(t, s)
				m.forget()
				synctest.Wait()
				tr.expect(t, "forgotten", false)
				runtime.KeepAlive(s)
			})
		})
	}
}

// TestNothingIsKeptWithoutATTL holds that what is not kept is gone with its last answer.
func TestNothingIsKeptWithoutATTL(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, s *Store, m *mailboxes) {
		tr := wanted(t, s, "ana")
		m.forget()
		synctest.Wait()
		tr.expect(t, "answered", false)
		runtime.KeepAlive(s)
	})
}

// TestWhatNobodyWaitedForIsForgotten holds it of contacts that came too late for any
// call.
func TestWhatNobodyWaitedForIsForgotten(t *testing.T) {
	for _, ttl := range []time.Duration{0, time.Minute} {
		bubble(t, Config{TTL: ttl}, func(t *testing.T, s *Store, m *mailboxes) {
			m.take(5 * time.Second)
			tr := traces{}
			_ = ask(s, tr.owner("ana"))
			tr.expect(t, "while they are being read", true)
			time.Sleep(m.takes + ttl)
			m.forget()
			synctest.Wait()
			tr.expect(t, "afterwards", false)
			runtime.KeepAlive(s)
		})
	}
}

// kindless is an error that refers to much, as one of a library may.
type kindless struct{ body *[64]string }

func (kindless) Error() string { return "the answer made no sense" }

//go:noinline
func failWith(tr traces, m *mailboxes) {
	err := kindless{&[64]string{"ana@contoso.com"}}
	follow(tr, "what the error refers to", err.body)
	m.fail(err)
}

// TestFailuresKeepNobody holds that a failure keeps nothing of what the source said, and
// nobody's name once the pause is over and the next failure would not follow it.
func TestFailuresKeepNobody(t *testing.T) {
	bubble(t, Config{TTL: time.Minute}, func(t *testing.T, s *Store, m *mailboxes) {
		said, owner := traces{}, traces{}
		failWith(said, m)
		err := ask(s, owner.owner("ana"))
		m.fail(cache.ErrUnavailable)
		m.forget()
		said.expect(t, "in the pause", false)
		owner.expect(t, "in the pause", true)
		time.Sleep(2*time.Second + inARow)
		synctest.Wait()
		owner.expect(t, "a minute after the pause", false)
		runtime.KeepAlive(err)
		runtime.KeepAlive(s)
	})
}

// TestWhatWasReadIsNotHeld holds that of what a source returns nothing is kept but
// copies.
func TestWhatWasReadIsNotHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := traces{}
		s := New(Config{TTL: time.Minute, Source: followed{tr}})
		defer s.Close()
		if err := ask(s, ana); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		expectStats(t, "read", s, 1, 2)
		tr.expect(t, "what was read", false)
		runtime.KeepAlive(s)
	})
}

// followed is a Source whose books are followed.
type followed struct{ traces traces }

func (f followed) PersonalContacts(context.Context, string, int) (Book, error) {
	book := mailbox("somebody", 2)
	follow(f.traces, "the list of contacts", &book.Contacts[0])
	follow(f.traces, "a list of addresses", &book.Contacts[0].Addresses[0])
	f.traces.text("an id", book.Contacts[0].ID)
	f.traces.text("a name", book.Contacts[0].DisplayName)
	f.traces.text("an address", book.Contacts[0].Addresses[0])
	return book, nil
}
