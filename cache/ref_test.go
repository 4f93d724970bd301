package cache_test

import (
	"strings"
	"testing"

	"github.com/peopleinsights/peopleinsights/cache"
)

func TestRefs(t *testing.T) {
	for _, good := range []string{"ana@contoso.com", "ANA@Contoso.com", "o'brien+x@a.b", "pia_x.com#EXT#@contoso.onmicrosoft.com", "jürg@müller.ch"} {
		if ref, err := cache.ByEmail(good); err != nil || ref.Email != strings.ToLower(good) {
			t.Errorf("ByEmail(%q) = %v, %v", good, ref, err)
		}
	}
	for _, bad := range []string{"", "ana", "@contoso.com", "ana@", "a@b@c", "a b@c.d", "<a@b.c>", "a@b.c\n", "a,b@c.d", strings.Repeat("a", 320) + "@b.c", "a\xff@b.c"} {
		if ref, err := cache.ByEmail(bad); err == nil {
			t.Errorf("ByEmail(%q) = %v, want an error", bad, ref)
		}
	}
	if ref, err := cache.ByID("00000000-0000-4000-8000-00000000000A"); err != nil || ref.ID != "00000000-0000-4000-8000-00000000000a" {
		t.Errorf("ByID = %v, %v; want it in lower case", ref, err)
	}
	for _, bad := range []string{"", "7", "00000000-0000-4000-8000-00000000000g", "00000000-0000-4000-8000_000000000001", "{00000000-0000-4000-8000-000000000001}"} {
		if ref, err := cache.ByID(bad); err == nil {
			t.Errorf("ByID(%q) = %v, want an error", bad, ref)
		}
	}
}
