package cache_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/peopleinsights/peopleinsights/cache"
	"github.com/peopleinsights/peopleinsights/cache/sourcetest"
	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
)

func TestRichIsKeptForAWhile(t *testing.T) {
	run(t, cache.Config{RichTTL: 15 * time.Minute, AbsenceTTL: 20 * time.Second}, people(2), func(f fixture) {
		written := &pb.Profile{
			AboutMe: "I like maps.", Skills: []string{"Go"}, Interests: []string{"Chess"},
			Responsibilities: []string{"Releases"}, PastProjects: []string{"Atlas"}, Schools: []string{"Bern"},
		}
		f.source.PutRich(sourcetest.ID(0), written)
		for _, row := range []struct {
			who   int
			want  *pb.Profile
			err   error
			after time.Duration // when it is asked for again
		}{
			{0, written, nil, 15 * time.Minute},
			{1, &pb.Profile{}, nil, 15 * time.Minute},
			{9, nil, cache.ErrNotFound, 20 * time.Second},
		} {
			expect := func(questions int) {
				t.Helper()
				got, err := f.Rich(f.t.Context(), sourcetest.ID(row.who))
				if diff := cmp.Diff(row.want, got, protocmp.Transform()); diff != "" || !errors.Is(err, row.err) {
					t.Errorf("Rich(%d) = %v, differs (-want +got):\n%s", row.who, err, diff)
				}
				synctest.Wait()
				if n := f.source.Asked("Rich"); n != questions {
					t.Errorf("Rich(%d): the source was asked %d times, want %d", row.who, n, questions)
				}
			}
			before := f.source.Asked("Rich")
			expect(before + 1)
			f.pass(row.after - time.Second)
			expect(before + 1)
			f.pass(2 * time.Second)
			expect(before + 2)
		}
	})
}

func TestRichFieldsAlone(t *testing.T) {
	run(t, cache.Config{}, people(1), func(f fixture) {
		f.source.PutRich(sourcetest.ID(0), &pb.Profile{Id: sourcetest.ID(0), MobilePhone: "+41 79 5550100", Skills: []string{"Go"}})
		got, err := f.Rich(f.t.Context(), sourcetest.ID(0))
		if diff := cmp.Diff(&pb.Profile{Skills: []string{"Go"}}, got, protocmp.Transform()); diff != "" || err != nil {
			t.Errorf("Rich = %v, differs (-want +got):\n%s", err, diff)
		}
	})
}

func TestFailuresOfRichAreNotKept(t *testing.T) {
	run(t, cache.Config{LookupTimeout: 3 * time.Second}, people(1), func(f fixture) {
		for _, err := range []error{cache.ErrUnavailable, cache.ErrDenied, asksFor(time.Second), cache.ErrQuota} {
			f.source.Refuse(sourcetest.ID(0), err)
			began := time.Now()
			if _, got := f.Rich(f.t.Context(), sourcetest.ID(0)); !errors.Is(got, err) || time.Since(began) != 0 {
				t.Errorf("Rich = %v after %v, want %v at once", got, time.Since(began), err)
			}
			synctest.Wait()
		}
		f.source.Before(func(ctx context.Context, _ string) error { <-ctx.Done(); return ctx.Err() })
		began := time.Now()
		if _, err := f.Rich(f.t.Context(), sourcetest.ID(0)); !errors.Is(err, cache.ErrUnavailable) || time.Since(began) != 3*time.Second {
			t.Errorf("Rich of a source that hangs = %v after %v, want %v after 3s", err, time.Since(began), cache.ErrUnavailable)
		}
		f.source.Before(nil)
		f.source.Refuse(sourcetest.ID(0), nil)
		if _, err := f.Rich(f.t.Context(), sourcetest.ID(0)); err != nil {
			t.Errorf("Rich after the failures = %v", err)
		}
	})
}

func TestOneQuestionForRichHoweverManyWait(t *testing.T) {
	run(t, cache.Config{MaxLookups: 1}, people(2), func(f fixture) {
		release := make(chan struct{})
		f.source.Before(func(context.Context, string) error { <-release; return nil })
		impatient, leave := context.WithCancel(f.t.Context())
		left := make(chan error)
		go func() { _, err := f.Rich(impatient, sourcetest.ID(0)); left <- err }()
		synctest.Wait()
		var wait sync.WaitGroup
		for range 50 {
			wait.Go(func() {
				if _, err := f.Rich(f.t.Context(), sourcetest.ID(0)); err != nil {
					t.Errorf("Rich = %v", err)
				}
			})
		}
		synctest.Wait()
		leave()
		if err := <-left; !errors.Is(err, context.Canceled) {
			t.Errorf("who left got %v, want %v", err, context.Canceled)
		}
		if _, err := f.Rich(f.t.Context(), sourcetest.ID(1)); !errors.Is(err, cache.ErrBusy) {
			t.Errorf("Rich of another = %v, want %v", err, cache.ErrBusy)
		}
		close(release)
		wait.Wait()
		if n := f.source.Asked("Rich"); n != 1 {
			t.Errorf("the source was asked %d times, want once", n)
		}
	})
}
