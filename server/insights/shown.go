package insights

import (
	"context"
	"errors"

	"github.com/peopleinsights/peopleinsights/cache"
	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
	"github.com/peopleinsights/peopleinsights/server/traffic"
)

// Whom callers see is counted when an answer is made and before it is given. Whoever is
// there counts by id, however they were asked for; whoever is not, or is hidden, by the id or
// address that was asked for: guessing addresses is seeing people as well, and must not tell
// the hidden from the absent. Other failures tell nothing of anybody, and count nobody.

// shows counts people by what they are to be known by, or is the error that the call ends
// with.
func shows(ctx context.Context, people ...string) error {
	return passOf(ctx).Show(people...)
}

// showsNot counts who was asked for and is not there, and returns the error that the call
// ends with.
func showsNot(ctx context.Context, directory cache.Reader, ref cache.Ref, err error) error {
	if errors.Is(err, cache.ErrNotFound) || errors.Is(err, cache.ErrNoPhoto) || errors.Is(err, cache.ErrUnknownOrganizer) {
		if over := showsRef(ctx, directory, ref); over != nil {
			return over
		}
	}
	return err
}

// showsRef counts somebody of whom the answer does not say who it is.
func showsRef(ctx context.Context, directory cache.Reader, ref cache.Ref) error {
	if !passOf(ctx).Counts() || ref == (cache.Ref{}) {
		return nil
	}
	return shows(ctx, personOf(directory, ref))
}

// personOf is what somebody who was asked for is known by: their id where the caller may know
// it.
func personOf(directory cache.Reader, ref cache.Ref) string {
	if ref.ID != "" {
		return ref.ID
	}
	if id, err := directory.Organizer(ref); err == nil && id != "" {
		return id
	}
	return ref.Email
}

// showsRows counts the people of a list, and somebody whom it is of.
func showsRows(ctx context.Context, directory cache.Reader, of cache.Ref, lists ...[]*pb.ProfileSummary) error {
	if !passOf(ctx).Counts() {
		return nil
	}
	var people []string
	if of != (cache.Ref{}) {
		people = append(people, personOf(directory, of))
	}
	for _, list := range lists {
		for _, row := range list {
			if row.GetId() != "" {
				people = append(people, row.GetId())
			} else {
				people = append(people, row.GetEmail())
			}
		}
	}
	return shows(ctx, people...)
}

// showsAnswers counts those of a batch, each of whom was asked for by the ref at the same
// place.
func showsAnswers(ctx context.Context, directory cache.Reader, refs []cache.Ref, answers []cache.Answer) error {
	if !passOf(ctx).Counts() {
		return nil
	}
	var people []string
	for i, answer := range answers {
		switch {
		case answer.Err == nil:
			people = append(people, answer.Profile.GetId())
		case errors.Is(answer.Err, cache.ErrNotFound):
			people = append(people, personOf(directory, refs[i]))
		}
	}
	return shows(ctx, people...)
}

// showsWatched counts those who are to be watched, all at once: whoever is not there may come.
func showsWatched(ctx context.Context, directory cache.Reader, refs []cache.Ref) error {
	if !passOf(ctx).Counts() {
		return nil
	}
	people := make([]string, len(refs))
	for i, ref := range refs {
		people[i] = personOf(directory, ref)
	}
	return shows(ctx, people...)
}

// showsSuggestions counts the people of suggestions, and the organizer where one was named.
func showsSuggestions(ctx context.Context, directory cache.Reader, organizer cache.Ref, list []*pb.Suggestion) error {
	if !passOf(ctx).Counts() {
		return nil
	}
	var people []string
	if organizer != (cache.Ref{}) {
		people = append(people, personOf(directory, organizer))
	}
	for _, s := range list {
		switch s.GetKind() {
		case pb.InviteeKind_INVITEE_KIND_GROUP, pb.InviteeKind_INVITEE_KIND_CONTACT_GROUP:
			continue
		}
		if s.GetId() != "" {
			people = append(people, s.GetId())
		} else {
			people = append(people, s.GetEmail())
		}
	}
	return shows(ctx, people...)
}

// showsMatches counts whose addresses were told, and the addresses that are nobody's.
func showsMatches(ctx context.Context, matches []*pb.AccountMatch) error {
	if !passOf(ctx).Counts() {
		return nil
	}
	var people []string
	for _, m := range matches {
		for _, candidate := range m.GetCandidates() {
			people = append(people, candidate.GetPersonId())
		}
		switch {
		case m.GetPersonId() != "":
			people = append(people, m.GetPersonId())
		case len(m.GetCandidates()) == 0:
			if ref, err := cache.ByEmail(m.GetEmail()); err == nil { // what is no address asks for nobody
				people = append(people, ref.Email)
			}
		}
	}
	return shows(ctx, people...)
}

// costOf is how many calls a request counts for.
func costOf(in any) int {
	switch in := in.(type) {
	case *pb.BatchGetProfilesRequest:
		return traffic.Cost(len(in.GetPeople()))
	case *pb.WatchProfilesRequest:
		return traffic.Cost(len(in.GetPeople()))
	case *pb.MatchAccountsRequest:
		return traffic.Cost(len(in.GetEmails()))
	default:
		return 1
	}
}
