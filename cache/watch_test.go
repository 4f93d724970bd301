package cache_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"

	"google.golang.org/protobuf/proto"

	"github.com/peopleinsights/peopleinsights/cache"
	"github.com/peopleinsights/peopleinsights/cache/sourcetest"
)

// watching is a watch, and what it has sent.
type watching struct {
	f     fixture
	sent  []cache.Update
	at    cache.Position // of the newest update that has one
	block chan struct{}  // while not nil, send waits for it
	stop  context.CancelFunc
	ended chan error
}

func (f fixture) watch(from cache.Position, refs ...cache.Ref) *watching {
	ctx, stop := context.WithCancel(f.t.Context())
	w := &watching{f: f, stop: stop, ended: make(chan error, 1)}
	go func() {
		w.ended <- f.Watch(ctx, refs, from, func(u cache.Update) error {
			if w.block != nil {
				<-w.block
			}
			w.sent = append(w.sent, u)
			if u.Freshness != nil {
				w.at = cache.Position{Epoch: u.Freshness.Epoch, Revision: u.Freshness.Revision}
			}
			return nil
		})
	}()
	synctest.Wait()
	return w
}

// news returns what was sent since the last call, one update a line.
func (w *watching) news() string {
	w.f.t.Helper()
	var lines []string
	for _, u := range w.sent {
		var line []string
		for _, p := range u.People {
			text := p.Profile.GetDisplayName()
			if p.Profile.GetManager() != nil {
				text += " under " + p.Profile.Manager.DisplayName
			}
			if p.Err != nil {
				text = p.Err.Error()
			}
			line = append(line, fmt.Sprint(p.Index, " ", text))
		}
		if u.Resumed {
			line = append(line, "resumed")
		}
		if u.Freshness.GetStale() {
			line = append(line, "stale")
		}
		if u.Freshness == nil {
			line = append(line, "…")
		}
		lines = append(lines, strings.Join(line, ", "))
	}
	w.sent = nil
	return strings.Join(lines, "\n")
}

// end ends the watch and returns where it was.
func (w *watching) end() cache.Position {
	w.f.t.Helper()
	w.stop()
	if err := <-w.ended; !errors.Is(err, context.Canceled) {
		w.f.t.Errorf("Watch = %v, want %v", err, context.Canceled)
	}
	return w.at
}

func expect(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s:\n%s\nwant:\n%s", what, got, want)
	}
}

// reporting is somebody with a manager.
func reporting(i, manager int) cache.Person {
	p := sourcetest.Someone(i)
	p.ManagerID = sourcetest.ID(manager)
	return p
}

func called(i int, name string) cache.Person {
	p := sourcetest.Someone(i)
	p.Profile.DisplayName = name
	return p
}

func TestWatchSendsEverybodyAndThenChanges(t *testing.T) {
	source := people(4)
	source.Put(reporting(1, 0))
	run(t, cache.Config{}, source, func(f fixture) {
		w := f.watch(cache.Position{}, id(0), email("person.b@contoso.com"), id(2), id(0), id(7))
		expect(t, "at once", w.news(),
			"0 Person A, 1 Person B under Person A, 2 Person C, 3 Person A, …\n4 no such person")
		f.pass(interval)
		expect(t, "without a change", w.news(), "")

		f.source.Put(called(0, "Zoe Newname"))
		f.source.Put(called(3, "Nobody Watches"))
		f.source.Remove(sourcetest.ID(2))
		f.pass(interval)
		expect(t, "a round later", w.news(), "0 Zoe Newname, 1 Person B under Zoe Newname, 2 no such person, 3 Zoe Newname")

		phone := called(0, "Zoe Newname") // no report's profile shows it
		phone.Profile.MobilePhone = "+41 44 123"
		f.source.Put(phone)
		f.source.Put(sourcetest.Someone(2))
		f.source.Put(sourcetest.Someone(7))
		f.pass(interval)
		expect(t, "back, and new", w.news(), "0 Zoe Newname, 2 Person C, 3 Zoe Newname, 4 Person H")

		f.source.Remove(sourcetest.ID(0))
		f.pass(interval)
		expect(t, "the manager gone", w.news(), "0 no such person, 1 Person B, 3 no such person")
		w.end()
		if n := f.Status().Watches; n != 0 {
			t.Errorf("%d watches are under way, want none", n)
		}
	})
}

func TestWatchOfAnAddressFollowsIt(t *testing.T) {
	run(t, cache.Config{}, people(3), func(f fixture) {
		w := f.watch(cache.Position{}, email("person.b@contoso.com"))
		w.news()
		b, c := sourcetest.Someone(1), sourcetest.Someone(2)
		b.Profile.Email = "b.left@contoso.com"
		c.Profile.Email = "person.b@contoso.com"
		f.source.Put(b)
		f.source.Put(c)
		f.pass(interval)
		expect(t, "the address passed on", w.news(), "0 Person C")
		w.end()
	})
}

func TestWatchGoesOnWithoutAGap(t *testing.T) {
	source := people(6)
	source.Put(reporting(1, 0))
	shared := sourcetest.Someone(5)
	shared.OtherMails = []string{"person.e@contoso.com"}
	source.Put(shared)
	run(t, cache.Config{}, source, func(f fixture) {
		roster := []cache.Ref{id(0), id(1), id(2), id(3), email("person.e@contoso.com"), email("person.d@contoso.com")}
		first := f.watch(cache.Position{}, roster...)
		at := first.end()

		again := f.watch(at, roster...)
		expect(t, "nothing has changed", again.news(), "resumed")
		again.end()

		f.source.Put(called(0, "Zoe Newname"))
		f.source.Remove(sourcetest.ID(2))
		f.pass(interval)
		f.source.Remove(sourcetest.ID(4)) // their address leads to somebody who has not changed
		f.pass(interval)
		again = f.watch(at, roster...)
		expect(t, "two rounds later", again.news(),
			"0 Zoe Newname, 1 Person B under Zoe Newname, 4 Person F, resumed, …\n2 no such person, resumed")
		f.source.LosePeopleTokens()
		f.source.Remove(sourcetest.ID(0))
		f.pass(interval)
		expect(t, "a change after going on", again.news(), "0 no such person, 1 Person B")
		again.end()

		again = f.watch(at, roster...)
		expect(t, "the manager gone", again.news(), "1 Person B, 4 Person F, resumed, …\n0 no such person, 2 no such person, resumed")
		newest := again.end()
		again = f.watch(newest, id(1))
		expect(t, "who once had a manager is told once too often", again.news(), "0 Person B, resumed")
		again.end()
	})
}

// TestWatchGoesOnOverManyChanges has so many that they are made to a copy.
func TestWatchGoesOnOverManyChanges(t *testing.T) {
	source := people(700)
	heir := sourcetest.Someone(0)
	heir.OtherMails = []string{sourcetest.Someone(1).Profile.Email}
	source.Put(heir)
	run(t, cache.Config{}, source, func(f fixture) {
		roster := []cache.Ref{id(2), email(sourcetest.Someone(1).Profile.Email), id(699)}
		at := f.watch(cache.Position{}, roster...).end()
		for i := 2; i < 650; i++ {
			f.source.Put(called(i, fmt.Sprint("Name ", i)))
		}
		f.source.Remove(sourcetest.ID(1))
		f.pass(interval)
		again := f.watch(at, roster...)
		expect(t, "after 649 changes", again.news(), "0 Name 2, 1 Person A, resumed")
		again.end()
	})
}

func TestWatchSaysThatItCannotGoOn(t *testing.T) {
	run(t, cache.Config{}, people(1), func(f fixture) {
		revision := f.Status().Freshness.Revision
		for name, from := range map[string]cache.Position{
			"another epoch":         {Epoch: "elsewhere", Revision: revision},
			"a revision not yet":    {Epoch: f.Status().Freshness.Epoch, Revision: revision + 1},
			"no revision":           {Epoch: f.Status().Freshness.Epoch},
			"a revision below zero": {Epoch: f.Status().Freshness.Epoch, Revision: -1},
		} {
			w := f.watch(from, id(0))
			expect(t, name, w.news(), "0 Person A")
			w.end()
		}
	})
}

func TestWatchGoesOnOverARefill(t *testing.T) {
	run(t, cache.Config{}, people(3), func(f fixture) {
		first := f.watch(cache.Position{}, id(0), id(1), id(2))
		at := first.end()
		f.source.Put(called(1, "Zoe Newname"))
		f.source.LoseTokens()
		f.pass(interval)
		again := f.watch(at, id(0), id(1), id(2))
		expect(t, "after a refill", again.news(), "1 Zoe Newname, resumed")
		again.end()
	})
}

func TestSlowWatcherGetsTheNewestState(t *testing.T) {
	run(t, cache.Config{}, people(2), func(f fixture) {
		w := f.watch(cache.Position{}, id(0), id(1))
		w.news()
		w.block = make(chan struct{})
		for i := range 50 {
			f.source.Put(called(0, fmt.Sprint("Name ", i)))
			if i%10 == 0 {
				f.source.Put(called(1, fmt.Sprint("Other ", i)))
			}
			f.pass(interval)
		}
		block := w.block
		w.block = nil
		close(block)
		synctest.Wait()
		expect(t, "after 50 rounds", w.news(), "0 Name 0, 1 Other 0\n0 Name 49, 1 Other 40")
		w.end()
	})
}

func TestWatchBeforeTheDirectoryIsComplete(t *testing.T) {
	var release chan struct{}
	runOver(t, cache.Config{}, func() *sourcetest.Memory {
		source := people(3)
		release = make(chan struct{})
		source.Before(func(ctx context.Context, method string) error {
			switch method {
			case "List":
				<-release
			case "Find", "FindAll":
				return cache.ErrThrottled
			}
			return nil
		})
		return source
	}, func(f fixture) {
		w := f.watch(cache.Position{}, id(0), id(1), id(9))
		expect(t, "while nothing is held", w.news(),
			strings.Join([]string{"0 " + cache.ErrThrottled.Error(), "1 " + cache.ErrThrottled.Error(), "2 " + cache.ErrThrottled.Error(), "…"}, ", "))
		f.source.Before(nil)
		close(release)
		synctest.Wait()
		expect(t, "complete", w.news(), "0 Person A, 1 Person B\n2 no such person")
		w.end()
	})
}

// TestWatchOfPeopleWhoAreNotHeld has somebody who is there and whom no change tells of, and
// somebody who cannot be asked for: each is told once.
func TestWatchOfPeopleWhoAreNotHeld(t *testing.T) {
	run(t, cache.Config{}, people(2), func(f fixture) {
		f.source.Slip(sourcetest.Someone(2))
		f.source.Slip(sourcetest.Someone(3))
		f.source.Refuse(sourcetest.ID(3), cache.ErrDenied)
		w := f.watch(cache.Position{}, id(0), id(2), id(3))
		expect(t, "at once", w.news(), "0 Person A, …\n1 Person C, 2 "+cache.ErrDenied.Error())
		for range 3 {
			f.pass(interval)
		}
		expect(t, "some rounds later", w.news(), "")
		f.source.Put(called(0, "Zoe Newname"))
		f.pass(interval)
		expect(t, "a change", w.news(), "0 Zoe Newname")
		f.source.Slip(called(2, "Yan Newname"))
		f.pass(2 * interval)
		f.source.Refuse(sourcetest.ID(3), nil)
		f.pass(2 * interval)
		expect(t, "asked again", w.news(), "1 Yan Newname\n2 Person D")
		w.end()
	})
}

// TestNobodyWaitsForWhoIsAskedFor has a question that is not answered, and changes of
// others meanwhile.
func TestNobodyWaitsForWhoIsAskedFor(t *testing.T) {
	var answer chan struct{}
	runOver(t, cache.Config{LookupTimeout: 10 * interval}, func() *sourcetest.Memory {
		answer = make(chan struct{})
		return people(2)
	}, func(f fixture) {
		f.source.Slip(sourcetest.Someone(2))
		f.source.Before(func(ctx context.Context, method string) error {
			if method == "Find" {
				<-answer
			}
			return nil
		})
		w := f.watch(cache.Position{}, id(0), id(2))
		expect(t, "at once", w.news(), "0 Person A, …")
		for n := range 3 {
			f.source.Put(called(0, fmt.Sprint("Name ", n)))
			f.pass(interval)
			expect(t, "meanwhile", w.news(), fmt.Sprint("0 Name ", n, ", …"))
		}
		if n := f.source.Asked("Find"); n != 1 {
			t.Errorf("asked %d times, want once", n)
		}
		close(answer)
		synctest.Wait()
		expect(t, "answered", w.news(), "1 Person C")
		w.end()
	})
}

func TestWatchOfManyComesInParts(t *testing.T) {
	run(t, cache.Config{}, people(250), func(f fixture) {
		var roster []cache.Ref
		for i := range 250 {
			roster = append(roster, id(i))
		}
		w := f.watch(cache.Position{}, roster...)
		if len(w.sent) != 3 || len(w.sent[0].People) != 100 || len(w.sent[2].People) != 50 ||
			w.sent[0].Freshness != nil || w.sent[1].Freshness != nil || w.sent[2].Freshness == nil {
			t.Errorf("250 people come in %d updates, want 3 of at most 100, the last with a freshness", len(w.sent))
		}
		w.end()
	})
}

// TestWatchGoesOnOverAListingThatLags has a refill whose listing is older than what is held,
// and whose changes make up for that: nothing has changed, and who came before misses nothing.
func TestWatchGoesOnOverAListingThatLags(t *testing.T) {
	run(t, cache.Config{}, people(4), func(f fixture) {
		at := f.watch(cache.Position{}, id(0), id(1)).end()
		f.source.Put(called(0, "Zoe Newname"))
		f.pass(interval)
		live := f.watch(cache.Position{}, id(0))
		live.news()
		f.source.Slip(sourcetest.Someone(0))
		f.source.LosePeopleTokens()
		listed := false
		f.source.Before(func(_ context.Context, method string) error {
			switch {
			case method == "List":
				listed = true
			case method == "Changes" && listed:
				listed = false
				f.source.Put(called(0, "Zoe Newname"))
			}
			return nil
		})
		f.pass(2 * interval)
		if f.source.Asked("List") != 2 {
			t.Fatal("nothing was listed anew")
		}
		expect(t, "one who stayed", live.news(), "")
		live.end()
		again := f.watch(at, id(0), id(1))
		expect(t, "one who comes back", again.news(), "0 Zoe Newname, resumed")
		again.end()
	})
}

func TestWatchTellsThatTheSourceFails(t *testing.T) {
	run(t, cache.Config{}, people(2), func(f fixture) {
		w := f.watch(cache.Position{}, id(0))
		w.news()
		f.source.Before(func(context.Context, string) error { return cache.ErrUnavailable })
		f.pass(2 * interval)
		expect(t, "failing", w.news(), "stale")
		f.source.Before(nil)
		f.pass(interval)
		if got := w.news(); got != "" || w.f.Status().Freshness.Stale {
			t.Errorf("well again, but %q was sent", got)
		}
		w.end()
	})
}

// TestWatchersAgreeWithTheTruth has watchers, some of which go away and come back, follow
// random changes, and compares what each has been told with what there is.
func TestWatchersAgreeWithTheTruth(t *testing.T) {
	const most = 12
	run(t, cache.Config{MaxRemovedShare: 1}, people(most), func(f fixture) {
		random := rand.New(rand.NewPCG(5, 5))
		roster := make([]cache.Ref, 0, 2*most)
		for i := range most {
			roster = append(roster, id(i), email(fmt.Sprintf("person.%c@contoso.com", 'a'+i)))
		}
		type reader struct {
			*watching
			knows []*cache.WatchedAnswer
		}
		readers := make([]*reader, 3)
		for i := range readers {
			readers[i] = &reader{watching: f.watch(cache.Position{}, roster...), knows: make([]*cache.WatchedAnswer, len(roster))}
		}
		read := func(r *reader) {
			for _, u := range r.sent {
				for _, p := range u.People {
					r.knows[p.Index] = &p
				}
			}
			r.sent = nil
		}
		for step := range 60 {
			for range random.IntN(5) {
				p := sourcetest.Someone(random.IntN(most))
				switch random.IntN(5) {
				case 0:
					f.source.Remove(p.Profile.Id)
					continue
				case 1:
					p.OtherMails = []string{fmt.Sprintf("person.%c@contoso.com", 'a'+random.IntN(most))}
				case 2:
					p.ManagerID = sourcetest.ID(random.IntN(most))
				case 3:
					p.Profile.Email = fmt.Sprintf("person.%c@contoso.com", 'a'+random.IntN(most))
				}
				p.Profile.DisplayName = fmt.Sprint("Name ", step)
				f.source.Put(p)
			}
			if random.IntN(10) == 0 {
				f.source.LosePeopleTokens()
			}
			f.pass(interval)
			away := readers[random.IntN(len(readers))]
			for _, r := range readers {
				read(r)
			}
			if random.IntN(2) == 0 {
				at := away.end()
				f.source.Put(called(random.IntN(most), fmt.Sprint("Meanwhile ", step)))
				f.pass(interval)
				away.watching = f.watch(at, roster...)
				read(away)
			}
			for _, r := range readers {
				read(r)
				for i, ref := range roster {
					want, err := f.profile(ref)
					got := r.knows[i]
					if got == nil || !proto.Equal(got.Profile, want) || !errors.Is(got.Err, err) {
						t.Fatalf("step %d: a watcher knows of %v: %v; the truth is %v, %v", step, ref, got, want, err)
					}
				}
			}
		}
		for _, r := range readers {
			r.end()
		}
	})
}

func TestClosedDirectoryEndsWatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, err := cache.New(cache.Config{Source: people(1)})
		if err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() {
			ended <- d.As(cache.Everything).Watch(t.Context(), []cache.Ref{id(0)}, cache.Position{}, func(cache.Update) error { return nil })
		}()
		synctest.Wait()
		d.Close()
		if err := <-ended; !errors.Is(err, cache.ErrUnavailable) {
			t.Errorf("Watch = %v, want %v", err, cache.ErrUnavailable)
		}
	})
}
