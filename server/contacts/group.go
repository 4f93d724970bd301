package contacts

import (
	"strings"

	"github.com/peopleinsights/peopleinsights/cache"
	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
)

// distinct returns folders, each id once, and whether there are more, whose ids are longer
// than is held.
func distinct(folders []Folder) (once []Folder, more bool) {
	seen := map[string]bool{}
	for _, f := range folders {
		switch {
		case len(f.ID) > maxID:
			more = true
		case !seen[f.ID]:
			seen[f.ID] = true
			once = append(once, f)
		}
	}
	return once, more
}

// spellings returns the categories of contacts, each as it is spelled first.
func spellings(people []*card) []string {
	var names []string
	seen := map[string]bool{}
	for _, c := range people {
		for _, name := range c.categories {
			if key := strings.ToLower(name); !seen[key] {
				seen[key] = true
				names = append(names, name)
			}
		}
	}
	return names
}

func categoryCandidates(names []string) []cache.Candidate {
	candidates := make([]cache.Candidate, len(names))
	for i, name := range names {
		candidates[i].Suggestion = &pb.Suggestion{
			Kind:         pb.InviteeKind_INVITEE_KIND_CONTACT_GROUP,
			DisplayName:  name,
			Source:       pb.SuggestionSource_SUGGESTION_SOURCE_CONTACTS,
			ContactGroup: &pb.Suggestion_ContactCategory{ContactCategory: name},
		}
	}
	return candidates
}

// folderCandidates returns a candidate for each folder that has a name, and somebody in
// it or in a folder within it.
func folderCandidates(t texts, people []*card, folders []Folder) []cache.Candidate {
	parents := map[string]string{} // id of a folder → its parent's
	for _, f := range folders {
		parents[f.ID] = f.Parent
	}
	peopled := map[string]bool{}
	for _, c := range people {
		// Where a folder has been seen, those above it have been: a circle ends, too.
		for id := c.folder; !peopled[id]; id = parents[id] {
			peopled[id] = true
		}
	}
	var candidates []cache.Candidate
	for _, f := range folders {
		name := t.name(f.Name)
		if !peopled[f.ID] || name == "" {
			continue
		}
		id := t.copy(f.ID)
		candidates = append(candidates, cache.Candidate{Suggestion: &pb.Suggestion{
			Kind:         pb.InviteeKind_INVITEE_KIND_CONTACT_GROUP,
			Id:           id,
			DisplayName:  name,
			Source:       pb.SuggestionSource_SUGGESTION_SOURCE_CONTACTS,
			ContactGroup: &pb.Suggestion_ContactFolderId{ContactFolderId: id},
		}})
	}
	return candidates
}
