package cache_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/peopleinsights/peopleinsights/cache"
	"github.com/peopleinsights/peopleinsights/cache/sourcetest"
)

// TestSucceed replaces a directory by another one, and erases people before and meanwhile.
func TestSucceed(t *testing.T) {
	source := townsfolk()
	run(t, cache.Config{}, source, func(old fixture) {
		if err := old.Pick(id(3), sourcetest.ID(5)); err != nil {
			t.Fatal(err)
		}
		for _, i := range []int{4, 1} {
			if _, err := old.Erase(old.t.Context(), id(i)); err != nil {
				t.Fatal(err)
			}
		}
		changed := sourcetest.Someone(1)
		changed.Profile.JobTitle = "Director"
		source.Slip(changed) // says otherwise, which only a listing tells
		next, err := cache.New(cache.Config{Source: source, Succeeds: old.Directory})
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(old.t.Context())
		ended := make(chan struct{})
		go func() { defer close(ended); _ = next.Run(ctx) }()
		defer func() { stop(); <-ended; next.Close() }()
		synctest.Wait()
		now := fixture{next, next.As(cache.Everything), old.t, source}
		now.expectBack("who was erased before", false)
		if _, err := now.profile(id(1)); err != nil {
			t.Errorf("of whom the source says otherwise: %v", err)
		}
		if held, err := next.Holding(id(3)); err != nil || len(held.Picked) != 1 {
			t.Errorf("picks of %+v, %v; want one", held, err)
		}
		if _, err := old.Erase(old.t.Context(), id(5)); err != nil {
			t.Fatal(err)
		}
		before := next.Status().Freshness.GetRevision()
		for range 2 {
			if err := next.TakeOver(old.Directory); err != nil {
				t.Fatal(err)
			}
		}
		if got := next.Status().Freshness.GetRevision(); got != before+1 {
			t.Errorf("revision %d, want one after %d", got, before)
		}
		if _, err := now.profile(id(5)); !errors.Is(err, cache.ErrNotFound) {
			t.Errorf("who was erased meanwhile: %v", err)
		}
		if e, err := old.Erase(old.t.Context(), id(6)); err != nil || e.Freshness.GetEpoch() != next.Status().Freshness.GetEpoch() {
			t.Errorf("somebody who is erased by who came late: %+v, %v", e, err)
		}
		if _, err := now.profile(id(6)); !errors.Is(err, cache.ErrNotFound) {
			t.Errorf("who was erased by who came late: %v", err)
		}
		if got := now.suggest("person"); got == "" || strings.Contains(got, "Person E") || strings.Contains(got, "Person F") {
			t.Errorf("suggested are %s", got)
		}
	})
}

// TestCallsAfterClose asks a directory that is closed.
func TestCallsAfterClose(t *testing.T) {
	source := people(3)
	source.Before(func(ctx context.Context, _ string) error { <-ctx.Done(); return ctx.Err() })
	d, err := cache.New(cache.Config{Source: source})
	if err != nil {
		t.Fatal(err)
	}
	d.Close()
	r := d.As(cache.Everything)
	for range 100 {
		if got := r.Profile(t.Context(), id(1), cache.AnyAge); got.Err == nil {
			t.Fatalf("a directory that is closed asked the source: %v", got)
		}
		if _, err := r.Rich(t.Context(), sourcetest.ID(1)); err == nil {
			t.Fatal("a directory that is closed asked the source")
		}
	}
}

// TestDomains looks for addresses of other organisations.
func TestDomains(t *testing.T) {
	source := people(3)
	run(t, cache.Config{Domains: []string{"Contoso.com"}}, source, func(f fixture) {
		asked := func(address string, want int, what string) {
			t.Helper()
			before := source.Asked("Find")
			if _, err := f.profile(email(address)); !errors.Is(err, cache.ErrNotFound) {
				t.Errorf("%s: %v", what, err)
			}
			if got := source.Asked("Find") - before; got != want {
				t.Errorf("%s: asked %d times, want %d", what, got, want)
			}
		}
		asked("nobody@contoso.com", 1, "an address of the organisation")
		asked("nobody@fabrikam.com", 0, "another's")
		asked("nobody@eu.contoso.com", 0, "another's that ends so")
		asked("nobody@xcontoso.com", 0, "another's that ends so, too")
		before := source.Asked("Find")
		if got := f.Profile(f.t.Context(), email("person.b@contoso.com"), 0); got.Err != nil || source.Asked("Find") != before+1 {
			t.Errorf("somebody who is held, asked for anew: %v", got)
		}
		guest := sourcetest.Someone(7)
		guest.Profile.Email = "g@fabrikam.com"
		source.Put(guest)
		asked("g@fabrikam.com", 0, "a guest of whom nothing is told yet")
		f.pass(interval)
		if _, err := f.profile(email("g@fabrikam.com")); err != nil {
			t.Errorf("a guest: %v", err)
		}
	})
}
