package graph

import (
	"errors"
	"testing"
	"time"

	"github.com/peopleinsights/peopleinsights/cache"
)

// TestContactsAreListedAnewInTime has a token of our own begin to age with the first round
// after a listing.
func TestContactsAreListedAnewInTime(t *testing.T) {
	client := contactFeed{}
	round := func(token string) (next string, err error) {
		for page, err := range client.Changes(t.Context(), token) {
			if err != nil || len(page.Items) > 0 {
				return "", err
			}
			next = page.Token
		}
		return next, nil
	}
	first, err := round(unmarked)
	if err != nil || first == "" || first == unmarked {
		t.Fatalf("the first round = %q, %v", first, err)
	}
	if next, err := round(first); next != first || err != nil {
		t.Errorf("the next round = %q, %v; want %q", next, err, first)
	}
	old := unmarked + time.Now().Add(-relistAfter).Format(time.RFC3339)
	if next, err := round(old); !errors.Is(err, cache.ErrTokenLost) {
		t.Errorf("a round after %v = %q, %v", relistAfter, next, err)
	}
	young := unmarked + time.Now().Add(-relistAfter+time.Minute).Format(time.RFC3339)
	if next, err := round(young); next != young || err != nil {
		t.Errorf("a round before %v = %q, %v", relistAfter, next, err)
	}
	if _, err := round(unmarked + "noon"); !errors.Is(err, cache.ErrTokenLost) {
		t.Errorf("a garbled token: %v", err)
	}
}
