package contacts

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/peopleinsights/peopleinsights/cache"
)

func TestReadOnceForAllWhoWait(t *testing.T) {
	for _, ttl := range []time.Duration{0, time.Minute} {
		t.Run(fmt.Sprint("TTL ", ttl), func(t *testing.T) {
			bubble(t, Config{TTL: ttl}, func(t *testing.T, s *Store, m *mailboxes) {
				m.take(time.Second)
				var calls sync.WaitGroup
				for range 50 {
					calls.Go(func() {
						if err := ask(s, ana); err != nil {
							t.Errorf("Candidates: %v", err)
						}
					})
					calls.Go(func() {
						people, _, err := s.Category(context.Background(), ana, "met")
						if err != nil || len(people) != 2 {
							t.Errorf("Category = %d people, %v, want 2", len(people), err)
						}
					})
				}
				calls.Wait()
				expectReads(t, "after 100 calls", m, "ana")
			})
		})
	}
}

func TestOwnersShareNothing(t *testing.T) {
	bubble(t, Config{TTL: time.Minute}, func(t *testing.T, s *Store, m *mailboxes) {
		m.take(time.Second)
		var calls sync.WaitGroup
		for _, owner := range []Owner{ana, {Caller: "a scheduler", Person: "ana"}, own("bea")} {
			calls.Go(func() { _ = ask(s, owner) })
		}
		calls.Wait()
		if m.reads() != 3 {
			t.Errorf("%d reads for three owners, want 3", m.reads())
		}
		m.fail(cache.ErrDenied)
		if err := ask(s, Owner{Caller: "another", Person: "ana"}); !errors.Is(err, cache.ErrDenied) {
			t.Errorf("another caller got %v, want what the source says to them", err)
		}
		if err := ask(s, ana); err != nil {
			t.Errorf("ana herself: %v", err)
		}
		m.fail(nil)
		people, _, err := s.Folder(context.Background(), own("bea"), "all")
		if got, want := names(people), "Contact 0 of bea, Contact 1 of bea"; err != nil || got != want {
			t.Errorf("Folder = %s, %v, want %s", got, err, want)
		}
	})
}

func TestCandidatesWaitOnlySoLong(t *testing.T) {
	for _, row := range []struct {
		left, want time.Duration // left of the caller's own time; how long the call waits
	}{
		{0, 2 * time.Second},
		{time.Minute, 2 * time.Second},
		{time.Second, 900 * time.Millisecond},
		{100 * time.Millisecond, 90 * time.Millisecond},
	} {
		t.Run(fmt.Sprint(row.left, " left"), func(t *testing.T) {
			bubble(t, Config{TTL: time.Minute}, func(t *testing.T, s *Store, m *mailboxes) {
				m.take(5 * time.Second)
				ctx := context.Background()
				if row.left > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, row.left)
					defer cancel()
				}
				began := time.Now()
				_, _, err := s.Candidates(ctx, ana)
				if waited := time.Since(began); !errors.Is(err, cache.ErrPending) || waited != row.want {
					t.Errorf("Candidates: %v after %v, want %v after %v", err, waited, cache.ErrPending, row.want)
				}
				time.Sleep(time.Until(began.Add(m.takes)))
				synctest.Wait()
				_, asOf, err := s.Candidates(context.Background(), ana)
				if err != nil || !asOf.Equal(began) {
					t.Errorf("when it is read: as of %v, %v, want as of %v", asOf, err, began)
				}
				expectReads(t, "afterwards", m, "ana")
			})
		})
	}
}

// TestLateCallsDoNotWait holds that a slow mailbox does not hold up each letter that is
// typed, whether it is read or waits for others that are.
func TestLateCallsDoNotWait(t *testing.T) {
	const ms = time.Millisecond
	for _, row := range []struct {
		comes, want time.Duration // after the first call; how long it waits
	}{
		{0, 2000 * ms},
		{100 * ms, 2000 * ms},
		{299 * ms, 2000 * ms},
		{300 * ms, 0},
		{301 * ms, 0},
		{2500 * ms, 0},
		{5100 * ms, 0}, // just after the slow ones were read, and its turn came
	} {
		for _, others := range []int{0, 4} {
			if others == 0 && row.comes > 5*time.Second {
				continue
			}
			t.Run(fmt.Sprintf("after %v with %d slow ones", row.comes, others), func(t *testing.T) {
				bubble(t, Config{TTL: time.Minute}, func(t *testing.T, s *Store, m *mailboxes) {
					m.take(5 * time.Second)
					var calls sync.WaitGroup
					defer calls.Wait()
					for i := range others {
						calls.Go(func() { _ = ask(s, own(fmt.Sprint(i))) })
					}
					synctest.Wait()
					calls.Go(func() { _ = ask(s, ana) })
					synctest.Wait()
					time.Sleep(row.comes)
					came := time.Now()
					if err := ask(s, ana); !errors.Is(err, cache.ErrPending) || time.Since(came) != row.want {
						t.Errorf("Candidates: %v after %v, want %v after %v", err, time.Since(came), cache.ErrPending, row.want)
					}
					if _, _, err := s.Folder(context.Background(), ana, "all"); err != nil {
						t.Errorf("Folder: %v, want it to wait", err)
					}
					now := time.Now()
					if err := ask(s, ana); err != nil || !time.Now().Equal(now) {
						t.Errorf("a later letter: %v after %v, want contacts at once", err, time.Since(now))
					}
				})
			})
		}
	}
}

func TestGroupsWaitForTheCaller(t *testing.T) {
	bubble(t, Config{TTL: time.Minute}, func(t *testing.T, s *Store, m *mailboxes) {
		m.take(5 * time.Second)
		ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
		defer cancel()
		began := time.Now()
		if _, _, err := s.Folder(ctx, ana, "all"); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != 3*time.Second {
			t.Errorf("Folder: %v after %v, want %v after 3s", err, time.Since(began), context.DeadlineExceeded)
		}
		people, asOf, err := s.Category(context.Background(), ana, "Met")
		if err != nil || len(people) != 2 || !asOf.Equal(began) {
			t.Errorf("Category = %d people as of %v, %v, want 2 as of %v: the reading went on", len(people), asOf, err, began)
		}
		expectReads(t, "afterwards", m, "ana")
	})
}

func TestReadingOutlivesItsCallers(t *testing.T) {
	bubble(t, Config{TTL: time.Minute}, func(t *testing.T, s *Store, m *mailboxes) {
		m.take(5 * time.Second)
		ctx, cancel := context.WithCancel(context.WithValue(context.Background(), valueKey{}, "a trace"))
		failed := make(chan error)
		go func() {
			_, _, err := s.Candidates(ctx, ana)
			failed <- err
		}()
		synctest.Wait()
		cancel()
		if err := <-failed; !errors.Is(err, context.Canceled) {
			t.Errorf("the caller who left got %v, want %v", err, context.Canceled)
		}
		if _, _, err := s.Category(context.Background(), ana, "Met"); err != nil {
			t.Errorf("Category: %v", err)
		}
		expectReads(t, "afterwards", m, "ana")
		if m.values[0] != "a trace" {
			t.Errorf("the reading carried %v, want what the caller's context carries", m.values[0])
		}
		if _, _, err := s.Candidates(ctx, own("bea")); !errors.Is(err, context.Canceled) {
			t.Errorf("a caller who has left got %v, want %v", err, context.Canceled)
		}
		synctest.Wait()
		expectReads(t, "for a caller who has left", m, "ana")
	})
}

func TestReadingHasABound(t *testing.T) {
	bubble(t, Config{TTL: time.Minute, ReadTimeout: 3 * time.Second}, func(t *testing.T, s *Store, m *mailboxes) {
		m.take(time.Hour)
		began := time.Now()
		_, _, err := s.Folder(context.Background(), ana, "all")
		if !errors.Is(err, cache.ErrUnavailable) || time.Since(began) != 3*time.Second {
			t.Errorf("Folder: %v after %v, want %v after 3s", err, time.Since(began), cache.ErrUnavailable)
		}
	})
}

func TestFourAreReadAtOnce(t *testing.T) {
	bubble(t, Config{TTL: time.Minute}, func(t *testing.T, s *Store, m *mailboxes) {
		m.take(3 * time.Second)
		began := time.Now()
		var calls sync.WaitGroup
		for i := range 10 {
			calls.Go(func() {
				if _, _, err := s.Folder(context.Background(), own(fmt.Sprint(i)), "all"); err != nil {
					t.Errorf("Folder: %v", err)
				}
			})
		}
		calls.Wait()
		if m.most != 4 || time.Since(began) != 9*time.Second {
			t.Errorf("ten were read in %v, %d at once, want 9s, 4 at once", time.Since(began), m.most)
		}
	})
}

func TestATurnIsWaitedForOnlySoLong(t *testing.T) {
	bubble(t, Config{TTL: time.Minute, MaxReads: 1, MaxOwners: 3, ReadTimeout: 3 * time.Second}, func(t *testing.T, s *Store, m *mailboxes) {
		m.take(time.Hour)
		began := time.Now()
		var calls sync.WaitGroup
		for _, row := range []struct {
			person string
			want   error
			at     time.Duration
		}{
			{"ana", cache.ErrUnavailable, 3000 * time.Millisecond}, // read at once
			{"bea", cache.ErrUnavailable, 6000 * time.Millisecond}, // came at half a second, read when that had ended
			{"carl", cache.ErrBusy, 4000 * time.Millisecond},       // came at one second, and waited three
		} {
			calls.Go(func() {
				_, _, err := s.Folder(context.Background(), own(row.person), "all")
				if at := time.Since(began); !errors.Is(err, row.want) || at != row.at {
					t.Errorf("%s got %v at %v, want %v at %v", row.person, err, at, row.want, row.at)
				}
			})
			time.Sleep(time.Second / 2)
		}
		now := time.Now()
		if err := ask(s, own("dora")); !errors.Is(err, cache.ErrBusy) || !time.Now().Equal(now) {
			t.Errorf("the fourth of three got %v after %v, want %v at once", err, time.Since(now), cache.ErrBusy)
		}
		calls.Wait()
		expectReads(t, "afterwards", m, "ana", "bea")
	})
}

func TestCloseEndsWhatIsRead(t *testing.T) {
	bubble(t, Config{TTL: time.Minute, MaxReads: 1}, func(t *testing.T, s *Store, m *mailboxes) {
		if err := ask(s, own("carl")); err != nil {
			t.Fatal(err)
		}
		m.take(time.Hour)
		const callers = 20
		failures := make(chan error, callers)
		for i := range callers { // one's are read, the others' wait for their turn
			go func() {
				_, _, err := s.Folder(context.Background(), own(fmt.Sprint(i)), "all")
				failures <- err
			}()
			synctest.Wait()
		}
		began := time.Now()
		s.Close()
		if m.ended != 1 || time.Since(began) != 0 {
			t.Errorf("%d readings had ended when Close returned after %v, want 1 at once", m.ended, time.Since(began))
		}
		for range callers {
			if err := <-failures; !errors.Is(err, cache.ErrUnavailable) {
				t.Errorf("who waited got %v, want %v", err, cache.ErrUnavailable)
			}
		}
		expectStats(t, "closed", s, 0, 0)
		for _, owner := range []Owner{ana, own("carl")} {
			if err := ask(s, owner); !errors.Is(err, cache.ErrUnavailable) {
				t.Errorf("after Close: %v, want %v", err, cache.ErrUnavailable)
			}
		}
		expectReads(t, "after Close", m, "carl", "0")
		if s.Stats().Failures != 0 {
			t.Errorf("%d failures, want none: to stop is none", s.Stats().Failures)
		}
		s.Close() // again does nothing
	})
}

// TestNoTurnIsTakenAfterClose is about readings that have begun when the store is closed,
// and not come to wait for their turn.
func TestNoTurnIsTakenAfterClose(t *testing.T) {
	s := New(Config{Source: &mailboxes{}})
	s.Close()
	for range 50 { // chance decides between a free turn and the end
		if failure := s.turn(); failure == nil {
			t.Fatal("a turn was taken")
		}
	}
	if len(s.turns) != 0 {
		t.Errorf("%d turns are not given back", len(s.turns))
	}
}
