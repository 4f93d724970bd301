package contacts

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/peopleinsights/peopleinsights/cache"
)

func TestErrorsAreThoseOfCache(t *testing.T) {
	broken := errors.New("ana@contoso.com: the pipe broke")
	for _, row := range []struct{ from, want error }{
		{cache.ErrNotFound, cache.ErrNotFound},
		{cache.ErrDenied, cache.ErrDenied},
		{cache.ErrThrottled, cache.ErrThrottled},
		{cache.ErrQuota, cache.ErrQuota},
		{cache.ErrBusy, cache.ErrBusy},
		{cache.ErrUnavailable, cache.ErrUnavailable},
		{broken, cache.ErrUnavailable},
		{context.Canceled, cache.ErrUnavailable}, // not the caller's own
	} {
		bubble(t, Config{TTL: time.Minute}, func(t *testing.T, s *Store, m *mailboxes) {
			m.fail(fmt.Errorf("reading the contacts of ana: %w", throttled{row.from, 0}))
			_, _, err := s.Category(context.Background(), ana, "Met")
			if !errors.Is(err, row.want) || errors.Is(err, context.Canceled) {
				t.Errorf("of %v: %v, want %v", row.from, err, row.want)
			}
			if errors.Is(err, broken) || strings.Contains(err.Error(), "ana") {
				t.Errorf("the error holds what the source said: %v", err)
			}
			if cache.Permission(err) != "Contacts.Read" || cache.RequestID(err) != "8f0a" || !strings.Contains(err.Error(), "Contacts.Read") {
				t.Errorf("%v tells of permission %q and request %q", err, cache.Permission(err), cache.RequestID(err))
			}
			if wait, ok := cache.RetryAfter(err); ok {
				t.Errorf("%v asks to wait %v, which the source did not", err, wait)
			}
		})
	}
}

func TestErrorsNameNobody(t *testing.T) {
	for _, err := range []error{errClosed, errBusy, errPending, errTruncated, errNoGroup, failureOf(errors.New("ana"))} {
		if !strings.HasPrefix(err.Error(), "own contacts: ") || strings.Contains(err.Error(), "ana") {
			t.Errorf("%v", err)
		}
	}
}

func TestAFailingSourceIsLeftAlone(t *testing.T) {
	const second = time.Second
	for _, row := range []struct{ asks, want time.Duration }{
		{0, 2 * second},
		{second, 2 * second},
		{30 * second, 30 * second},
		{time.Hour, time.Minute},
	} {
		t.Run(fmt.Sprint("asks for ", row.asks), func(t *testing.T) {
			bubble(t, Config{TTL: time.Minute}, func(t *testing.T, s *Store, m *mailboxes) {
				m.take(100 * time.Millisecond)
				m.fail(throttled{cache.ErrThrottled, row.asks})
				_ = ask(s, ana)
				failed := time.Now()
				for time.Since(failed) < row.want {
					before := time.Now()
					if err := ask(s, ana); !errors.Is(err, cache.ErrThrottled) || !time.Now().Equal(before) {
						t.Fatalf("%v later: %v after %v, want %v at once", before.Sub(failed), err, time.Since(before), cache.ErrThrottled)
					} else if wait, _ := cache.RetryAfter(err); row.asks > 0 && wait != max(row.asks, 2*second)-before.Sub(failed) {
						t.Fatalf("%v later it asks to wait %v", before.Sub(failed), wait)
					}
					time.Sleep(second / 2)
				}
				expectReads(t, "in the pause", m, "ana")
				m.fail(nil)
				if err := ask(s, ana); err != nil {
					t.Errorf("after the pause: %v", err)
				}
				expectReads(t, "after the pause", m, "ana", "ana")
				if err := ask(s, own("bea")); err != nil {
					t.Errorf("somebody else: %v", err)
				}
			})
		})
	}
}

// pauseOf is for how long no reading of ana's follows the one that has just failed. It ends
// with the next, whose outcome it waits for.
func pauseOf(t *testing.T, s *Store, m *mailboxes) time.Duration {
	t.Helper()
	began, before := time.Now(), m.reads()
	for m.reads() == before {
		if time.Since(began) > time.Hour {
			t.Fatal("nothing is read any more")
		}
		time.Sleep(time.Second / 2)
		_ = ask(s, ana)
	}
	return time.Since(began)
}

func TestPausesGrow(t *testing.T) {
	bubble(t, Config{TTL: time.Second}, func(t *testing.T, s *Store, m *mailboxes) {
		expect := func(when string, want ...time.Duration) {
			t.Helper()
			for i, want := range want {
				if got := pauseOf(t, s, m); got != want*time.Second {
					t.Errorf("%s, pause %d: %v, want %v", when, i, got, want*time.Second)
				}
			}
		}
		m.fail(cache.ErrUnavailable)
		_ = ask(s, ana)
		expect("failing", 2, 4, 8, 16, 32, 60)
		m.fail(nil)
		expect("failing for long", 60) // and read
		time.Sleep(time.Second)        // the contacts' time is up
		m.fail(cache.ErrUnavailable)
		_ = ask(s, ana)
		expect("failing again", 2, 4)
		time.Sleep(8*time.Second + time.Minute - 1)
		_ = ask(s, ana)
		expect("failing within a minute", 16)
		time.Sleep(32*time.Second + time.Minute)
		_ = ask(s, ana)
		expect("failing a minute later", 2)
	})
}

// TestAPauseGrowsWhileReadingIsSlow is about readings that take longer to fail than it is
// remembered that the one before failed.
func TestAPauseGrowsWhileReadingIsSlow(t *testing.T) {
	bubble(t, Config{TTL: time.Minute, ReadTimeout: 5 * time.Minute}, func(t *testing.T, s *Store, m *mailboxes) {
		m.take(time.Hour)
		for i, want := range []time.Duration{2 * time.Second, 4 * time.Second, 8 * time.Second} {
			_, _, err := s.Folder(context.Background(), ana, "all")
			if !errors.Is(err, cache.ErrUnavailable) {
				t.Fatalf("Folder: %v, want %v", err, cache.ErrUnavailable)
			}
			time.Sleep(want - 1)
			_ = ask(s, ana)
			if m.reads() != i+1 {
				t.Errorf("failure %d: read again before %v", i, want)
			}
			time.Sleep(time.Nanosecond)
		}
	})
}

func TestPauses(t *testing.T) {
	const second = time.Second
	for _, row := range []struct {
		kind  error
		wait  time.Duration
		times int
		want  time.Duration
	}{
		{cache.ErrUnavailable, 0, 0, 2 * second}, // there was no turn
		{cache.ErrUnavailable, 0, 1, 2 * second},
		{cache.ErrThrottled, 5 * second, 2, 5 * second}, // longer than the four of ours
		{cache.ErrThrottled, 5 * second, 3, 8 * second},
		{cache.ErrThrottled, time.Hour, 1, time.Minute},
		{cache.ErrUnavailable, 0, 1 << 40, time.Minute},
		{cache.ErrDenied, 0, 1, time.Minute},
		{cache.ErrDenied, second, 1, time.Minute},
	} {
		f := failing{failureOf(throttled{row.kind, row.wait}), time.Now(), row.times}
		if got := f.pause(); got != row.want {
			t.Errorf("%v, which asks for %v, %d times: a pause of %v, want %v", row.kind, row.wait, row.times, got, row.want)
		}
	}
}

// TestNoTurnIsNoFailureInARow holds that whoever waits for others' slow mailboxes does not
// wait longer and longer.
func TestNoTurnIsNoFailureInARow(t *testing.T) {
	bubble(t, Config{TTL: time.Minute, MaxReads: 1, ReadTimeout: 3 * time.Second}, func(t *testing.T, s *Store, m *mailboxes) {
		s.turns <- struct{}{} // somebody reads, for ever
		for range 5 {
			_, _, err := s.Folder(context.Background(), ana, "all")
			if !errors.Is(err, cache.ErrBusy) {
				t.Fatalf("Folder: %v, want %v", err, cache.ErrBusy)
			}
			time.Sleep(2 * time.Second)
		}
		<-s.turns
		if err := ask(s, ana); err != nil {
			t.Errorf("two seconds after the last: %v", err)
		}
	})
}

func TestAFailureIsForgotten(t *testing.T) {
	bubble(t, Config{TTL: time.Minute}, func(t *testing.T, s *Store, m *mailboxes) {
		m.fail(cache.ErrUnavailable)
		_ = ask(s, ana)
		time.Sleep(2*time.Second + time.Minute)
		synctest.Wait()
		if len(s.failed.things) != 0 || len(s.failed.order) != 0 {
			t.Error("its owner is remembered a minute after the pause")
		}
	})
}

func TestFailuresAreRememberedOfSoMany(t *testing.T) {
	bubble(t, Config{TTL: time.Minute, MaxOwners: 3}, func(t *testing.T, s *Store, m *mailboxes) {
		m.fail(cache.ErrUnavailable)
		for i := range 10 {
			_ = ask(s, own(fmt.Sprint(i)))
			if got := len(s.failed.things); got > 3 || got != len(s.failed.order) {
				t.Fatalf("%d failures are remembered, want 3 at most", got)
			}
		}
		if m.reads() != 10 {
			t.Errorf("%d reads, want 10", m.reads())
		}
	})
}

func TestWhatIsNotKeptIsNotAskedForEither(t *testing.T) {
	bubble(t, Config{}, func(t *testing.T, s *Store, m *mailboxes) {
		m.fail(cache.ErrUnavailable)
		_, _ = ask(s, ana), ask(s, ana)
		expectReads(t, "in the pause", m, "ana")
	})
}
