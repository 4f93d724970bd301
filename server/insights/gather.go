package insights

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/peopleinsights/peopleinsights/cache"
	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
	"github.com/peopleinsights/peopleinsights/server/auth"
	"github.com/peopleinsights/peopleinsights/server/contacts"
)

// patience is how long suggestions wait for what has to be read beside the directory. What
// comes later is there for the next keystroke.
const patience = 2 * time.Second

// gather reads what an invite needs beside the directory, all at once: the organizer's own
// contacts, and who is in the team or channel. It returns a row for each that could not be
// read, or not all of it: the rest is answered without. An organizer whom the directory does
// not know is an error, and so is a directory that is still being read.
func (s *Service) gather(ctx context.Context, directory cache.Reader, q *invite) ([]*pb.SourceState, error) {
	caller, _ := auth.FromContext(ctx)
	store := sessionOf(ctx).Contacts
	if q.Organizer == (cache.Ref{}) || !wantsContacts(q.Kinds) {
		store = nil
	}
	if store == nil && q.team == "" {
		return nil, nil // as a rule: nothing is asked, and nothing waits
	}
	organizer, err := directory.Organizer(q.Organizer)
	if err != nil {
		return nil, err
	}
	ctx, cancel := early(ctx)
	defer cancel()
	ctx, cancel = context.WithTimeout(ctx, patience)
	defer cancel()

	var own, channel *pb.SourceState
	var reads sync.WaitGroup
	if store != nil {
		reads.Go(func() {
			var asOf time.Time
			var err error
			q.Contacts, asOf, err = store.Candidates(ctx, contacts.Owner{Caller: caller.Subject, Person: organizer})
			own = lacking(ctx, pb.SuggestionSource_SUGGESTION_SOURCE_CONTACTS, asOf, err)
		})
	}
	if q.team != "" {
		reads.Go(func() {
			members, err := directory.ChannelMembers(ctx, q.team, q.channel)
			var asOf time.Time
			if err == nil {
				q.Channel = members
				if members.Freshness.GetStale() {
					asOf, err = members.Freshness.GetAsOfTime().AsTime(), cache.ErrUnavailable
				}
			}
			channel = lacking(ctx, pb.SuggestionSource_SUGGESTION_SOURCE_CHANNEL, asOf, err)
		})
	}
	reads.Wait()
	return slices.DeleteFunc([]*pb.SourceState{own, channel}, func(s *pb.SourceState) bool { return s == nil }), nil
}

// wantsContacts tells whether own contacts may be suggested.
func wantsContacts(kinds []pb.InviteeKind) bool {
	return len(kinds) == 0 || slices.Contains(kinds, pb.InviteeKind_INVITEE_KIND_CONTACT) ||
		slices.Contains(kinds, pb.InviteeKind_INVITEE_KIND_CONTACT_GROUP)
}

// lacking is the row of a source that was read within the time of ctx; nil where all is well.
func lacking(ctx context.Context, source pb.SuggestionSource, asOf time.Time, err error) *pb.SourceState {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil && errors.Is(err, ctx.Err()):
		err = cache.ErrPending // our patience is at an end, and not the caller's
	}
	return &pb.SourceState{Source: source, AsOfTime: timestamp(asOf), Reason: failed(err).reason}
}

// sourcesOf are the rows of the sources that are of the directory itself.
func sourcesOf(states []cache.SourceState) (list []*pb.SourceState) {
	for _, s := range states {
		list = append(list, &pb.SourceState{Source: s.Source, AsOfTime: timestamp(s.AsOf), Reason: failed(s.Err).reason})
	}
	return list
}
