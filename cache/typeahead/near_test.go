package typeahead

import (
	"strings"
	"testing"
)

// TestNearComesFirst has several people search for Anna, of whom there are many. Each row
// is who searches, what they type, and who comes up, best first.
func TestNearComesFirst(t *testing.T) {
	var entries []Entry
	for line := range strings.Lines(`
boss    | Anna Boss     | top  | Board    | Bern
me      | Eva Me        | boss | Sales    | Bern
peer    | Anna Peer     | boss | Finance  | Oslo
report  | Anna Report   | me   | Sales    | Rome
seller  | Anna Seller   | x    | Sales    | Oslo
berner  | Anna Berner   | y    | Finance  | Bern
both    | Anna Both     | y    | Sales    | Bern
far     | Anna Aaa      | y    | Finance  | Rome
nowhere | Anna Nowhere  |      |          |
annabel | Annabel Both  | y    | Sales    | Bern
`) {
		parts := strings.Split(line, "|")
		if len(parts) < 5 {
			continue
		}
		for i := range parts {
			parts[i] = strings.TrimSpace(parts[i])
		}
		entries = append(entries, Entry{ID: parts[0], Name: parts[1], Email: parts[0] + "@contoso.com",
			Position: Position{Manager: parts[2], Department: parts[3], Office: parts[4]}})
	}
	whole := build(entries)
	// The same people, half of whom came by changes.
	changed := build(entries[:5]).With(entries[5:], nil)
	for _, row := range []struct{ id, query, want string }{
		{"", "anna", "far berner boss both nowhere peer report seller annabel"}, // nobody searches: by name
		// One's own report of one's department, one's boss at one's place, both department
		// and place, the same boss; somebody near whose name is longer; the rest by name.
		{"me", "anna", "report boss both peer annabel seller berner far nowhere"},
		{"me", "annab", "annabel"}, // nobody who does not match, however near
		{"far", "anna", "far berner both annabel peer report boss nowhere seller"},
		{"nowhere", "anna", "far berner boss both nowhere peer report seller annabel"},
		{"stranger", "anna", "far berner boss both nowhere peer report seller annabel"},
	} {
		near := Near{ID: row.id}
		for _, e := range entries {
			if e.ID == row.id {
				near.Position = e.Position
			}
		}
		for what, x := range map[string]*Index{"at once": whole, "by changes": changed} {
			var got []string
			for _, hit := range literal(x.Search(Request{Query: Parse(row.query), Limit: 20, Near: near})) {
				got = append(got, hit.ID)
			}
			if strings.Join(got, " ") != row.want {
				t.Errorf("%s types %q, %s:\n got %s\nwant %s", row.id, row.query, what, strings.Join(got, " "), row.want)
			}
		}
	}
}
