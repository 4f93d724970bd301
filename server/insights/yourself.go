package insights

import (
	"context"
	"errors"

	"github.com/peopleinsights/peopleinsights/cache"
	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
	"github.com/peopleinsights/peopleinsights/server/auth"
)

// errNotYourself means that a user's token names somebody else as organizer.
var errNotYourself = errors.New("a user's token speaks for that user alone")

// yourself is whom a request of a user's token speaks for, for the organizer that it names,
// which may be none: the user. A service's request speaks for whom it names. Whom the
// directory does not know is somebody else: a user is not told who exists. A partner is
// nobody of the tenant, and speaks for nobody of it.
func yourself(ctx context.Context, directory cache.Reader, organizer cache.Ref) (cache.Ref, error) {
	caller, _ := auth.FromContext(ctx)
	if caller.Partner != "" {
		if organizer != (cache.Ref{}) {
			return cache.Ref{}, errNotYourself
		}
		return organizer, nil
	}
	if caller.User == "" {
		return organizer, nil
	}
	you := cache.Ref{ID: caller.User}
	if organizer == (cache.Ref{}) || organizer == you {
		return you, nil
	}
	if organizer.ID != "" {
		return cache.Ref{}, errNotYourself
	}
	switch id, err := directory.Organizer(organizer); {
	case err != nil && !errors.Is(err, cache.ErrUnknownOrganizer):
		return cache.Ref{}, err
	case id != caller.User:
		return cache.Ref{}, errNotYourself
	}
	return you, nil
}

// implied is yourself, where nobody need be meant: a user whom the directory does not know
// and who names nobody is answered as those are who name nobody.
func implied(ctx context.Context, directory cache.Reader, organizer cache.Ref) (cache.Ref, error) {
	you, err := yourself(ctx, directory, organizer)
	if err != nil || you == organizer {
		return you, err
	}
	if _, err := directory.Organizer(you); errors.Is(err, cache.ErrUnknownOrganizer) {
		return cache.Ref{}, nil
	}
	return you, nil // another error is that of the answer
}

// organizer reads whom a request must name, unless the caller's token says who that is.
func (bad *invalid) organizer(ctx context.Context, ref *pb.PersonRef) cache.Ref {
	if caller, _ := auth.FromContext(ctx); caller.User != "" && ref == nil {
		return cache.Ref{}
	}
	return bad.person("organizer", ref)
}
