package contacts

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/peopleinsights/peopleinsights/cache"
)

func TestKeptFromWhenReadingBegan(t *testing.T) {
	bubble(t, Config{TTL: time.Minute}, func(t *testing.T, s *Store, m *mailboxes) {
		m.take(time.Second)
		began := time.Now()
		for time.Since(began) < 59*time.Second { // wanting them does not keep them longer
			if _, asOf, err := s.Candidates(context.Background(), ana); err != nil || !asOf.Equal(began) {
				t.Fatalf("after %v: as of %v, %v, want as of %v", time.Since(began), asOf, err, began)
			}
			time.Sleep(time.Second)
		}
		expectReads(t, "in the first minute", m, "ana")
		time.Sleep(time.Until(began.Add(time.Minute - 1)))
		synctest.Wait()
		expectStats(t, "just before the minute ends", s, 1, 2)
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		expectStats(t, "after a minute, unasked", s, 0, 0)
		if _, asOf, err := s.Candidates(context.Background(), ana); err != nil || !asOf.Equal(began.Add(time.Minute)) {
			t.Errorf("after a minute: as of %v, %v", asOf, err)
		}
		expectReads(t, "after a minute", m, "ana", "ana")
	})
}

func TestNotKeptPastItsTimeByASlowReading(t *testing.T) {
	bubble(t, Config{TTL: time.Second}, func(t *testing.T, s *Store, m *mailboxes) {
		m.take(time.Second)
		if err := ask(s, ana); err != nil {
			t.Errorf("who waited for it: %v", err)
		}
		expectStats(t, "read for longer than it may be kept", s, 0, 0)
	})
}

func TestEachTimeIsItsOwn(t *testing.T) {
	bubble(t, Config{TTL: time.Minute}, func(t *testing.T, s *Store, m *mailboxes) {
		m.take(20 * time.Second)
		s.config.ReadTimeout = time.Hour
		_ = ask(s, own("slow")) // begins first, ends last
		m.take(0)
		time.Sleep(time.Second)
		_ = ask(s, own("quick"))
		time.Sleep(time.Second)
		_ = ask(s, own("later"))
		time.Sleep(30 * time.Second) // 32 s
		for _, want := range []int{3, 2, 1, 0} {
			synctest.Wait()
			if got := s.Stats().Owners; got != want {
				t.Errorf("%d are held, want %d", got, want)
			}
			time.Sleep(time.Second)
			if want == 3 {
				time.Sleep(27 * time.Second) // 60 s: the first one's time is up
			}
		}
		if left := len(s.flights) + len(s.books.things) + len(s.books.order) + len(s.failed.things); left != 0 {
			t.Errorf("%d entries are left of nobody", left)
		}
	})
}

func TestNoTTLKeepsNothing(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, s *Store, m *mailboxes) {
		for range 3 {
			if err := ask(s, ana); err != nil {
				t.Error(err)
			}
			expectStats(t, "without a TTL", s, 0, 0)
		}
		expectReads(t, "for three calls", m, "ana", "ana", "ana")
	})
}

func TestWhatWasReadLongestAgoGoesFirst(t *testing.T) {
	for _, config := range []Config{{MaxBytes: 3 * weightOf("1", 2)}, {MaxOwners: 3}} {
		t.Run(fmt.Sprintf("%d bytes, %d owners", config.MaxBytes, config.MaxOwners), func(t *testing.T) {
			config.TTL = time.Minute
			bubble(t, config, func(t *testing.T, s *Store, m *mailboxes) {
				for _, person := range []string{"1", "2", "3", "1", "4"} { // 1 is wanted again, and not read again
					_ = ask(s, own(person))
					time.Sleep(time.Second)
				}
				expectStats(t, "full", s, 3, 6)
				for _, person := range []string{"2", "3", "4"} {
					_ = ask(s, own(person))
				}
				expectReads(t, "of those who are held", m, "1", "2", "3", "4")
				_ = ask(s, own("1"))
				expectReads(t, "of the oldest", m, "1", "2", "3", "4", "1")
				expectStats(t, "full again", s, 3, 6)
			})
		})
	}
}

func TestMoreThanMayBeHeldIsUsed(t *testing.T) {
	bubble(t, Config{TTL: time.Minute, MaxBytes: weightOf("ana", 4)}, func(t *testing.T, s *Store, m *mailboxes) {
		_ = ask(s, own("bea"))
		m.size = 5
		people, _, err := s.Folder(context.Background(), ana, "all")
		if err != nil || len(people) != 5 {
			t.Errorf("Folder = %d people, %v, want 5", len(people), err)
		}
		expectStats(t, "afterwards", s, 1, 2)
	})
}

func TestTruncated(t *testing.T) {
	bubble(t, Config{TTL: time.Minute, MaxContacts: 3}, func(t *testing.T, s *Store, m *mailboxes) {
		m.size = 4
		for _, when := range []string{"read", "held"} {
			candidates, asOf, err := s.Candidates(context.Background(), ana)
			if !errors.Is(err, cache.ErrTruncated) || candidates == nil || asOf.IsZero() {
				t.Errorf("%s: Candidates = %v as of %v, %v, want some, with %v", when, candidates, asOf, err, cache.ErrTruncated)
			}
		}
		expectStats(t, "of four", s, 1, 3)
		people, _, err := s.Folder(context.Background(), ana, "all")
		if err != nil || len(people) != 3 {
			t.Errorf("Folder = %d people, %v, want 3", len(people), err)
		}
	})
}

// TestReadInPartIsTruncated is about a source that knows that it did not read all.
func TestReadInPartIsTruncated(t *testing.T) {
	bubble(t, Config{TTL: time.Minute}, func(t *testing.T, s *Store, m *mailboxes) {
		m.cut = true
		for _, when := range []string{"read", "held"} {
			candidates, _, err := s.Candidates(context.Background(), ana)
			if !errors.Is(err, cache.ErrTruncated) || candidates.Len() != 4 {
				t.Errorf("%s: %d candidates, %v, want 4, with %v", when, candidates.Len(), err, cache.ErrTruncated)
			}
		}
		if _, _, err := s.Folder(context.Background(), ana, "all"); err != nil {
			t.Errorf("Folder: %v", err)
		}
		expectReads(t, "of what was read in part", m, "ana")
	})
}

func TestNoSuchGroup(t *testing.T) {
	bubble(t, Config{TTL: time.Minute}, func(t *testing.T, s *Store, m *mailboxes) {
		if _, _, err := s.Folder(context.Background(), ana, "ALL"); !errors.Is(err, cache.ErrNoGroup) {
			t.Errorf("Folder: %v, want %v", err, cache.ErrNoGroup)
		}
		if _, _, err := s.Category(context.Background(), ana, "all"); !errors.Is(err, cache.ErrNoGroup) {
			t.Errorf("Category: %v, want %v", err, cache.ErrNoGroup)
		}
	})
}
