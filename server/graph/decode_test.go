package graph

import (
	"strings"
	"testing"

	"github.com/peopleinsights/peopleinsights/cache"
)

func TestBodies(t *testing.T) {
	for body, good := range map[string]bool{
		`{"value":[]}`: true, `{"value":[null]}`: true, `{"value":[],"@odata.nextLink":null}`: true,
		`{"value":null}`: false, `{"value":{}}`: false, `{"value":"x"}`: false, `{}`: false,
		`{"value":[],"@odata.nextLink":7}`: false, `{"value":[],"@odata.deltaLink":{}}`: false,
	} {
		if _, err := decodePeople(strings.NewReader(body)); (err == nil) != good {
			t.Errorf("%s: %v, want good: %v", body, err, good)
		}
	}
	read, err := decodePeople(strings.NewReader(`{"value":[
		{"id":"1","@removed":null},{"id":"2","@removed":{"reason":"changed"}},
		{"id":"3","manager@delta":[{"id":"B"},{"id":"A","@removed":{"reason":"deleted"}}]},
		{"id":"4","manager@delta":[{"id":"a","@removed":{"reason":"deleted"}}]}]}`))
	if err != nil || len(read.Items) != 4 {
		t.Fatal(read, err)
	}
	for i, want := range []struct {
		gone              bool
		manager, noLonger string
	}{{false, "", ""}, {true, "", ""}, {false, "b", "a"}, {false, "", "a"}} {
		if p := read.Items[i]; p.Gone != want.gone || p.ManagerID != want.manager || p.NoLonger != want.noLonger {
			t.Errorf("%d: gone %v, manager %q, no longer %q; want %+v", i, p.Gone, p.ManagerID, p.NoLonger, want)
		}
	}
	groups, err := decodeGroups(strings.NewReader(`{"value":[{"id":"G","members@delta":[{"id":"x","@removed":{"reason":"deleted"}}]},
		{"id":"h","displayName":"H"},{"id":"i","@removed":{"reason":"deleted"}},null]}`))
	if err != nil || len(groups.Items) != 3 {
		t.Fatal(groups, err)
	}
	if g := groups.Items[0]; g.ID != "g" || !g.MembersChanged || g.Said != cache.GroupMembers || g.Gone {
		t.Errorf("a slice of members is %+v", g)
	}
	if g := groups.Items[1]; g.MembersChanged || g.Said != cache.GroupDisplayName {
		t.Errorf("a group's name is %+v", g)
	}
	if g := groups.Items[2]; !g.Gone {
		t.Errorf("a removed group is %+v", g)
	}
}
