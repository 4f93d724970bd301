package sourcetest

import (
	"context"

	"google.golang.org/protobuf/proto"

	"github.com/peopleinsights/peopleinsights/cache"
	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
)

// details are what a Source tells of a person, group or channel when asked.
type details struct {
	photos   map[string]*cache.Photo // by person
	rich     map[string]*pb.Profile
	members  map[string][]cache.Member // by group
	channels map[string]cache.Channel  // by team and channel, with a space between
	refused  map[string]error          // by id of a person, group, or team and channel
}

// PutPhoto gives a person a photo, in place of the one that they had; nil takes it away.
func (m *Memory) PutPhoto(id string, photo *cache.Photo) {
	m.mu.Lock()
	defer m.mu.Unlock()
	put(&m.details.photos, id, photo)
}

// PutRich sets what a person has written of themselves.
func (m *Memory) PutRich(id string, profile *pb.Profile) {
	m.mu.Lock()
	defer m.mu.Unlock()
	put(&m.details.rich, id, profile)
}

// PutMembers sets who is in a group. No change tells of it: PutGroup with
// MembersChanged does.
func (m *Memory) PutMembers(group string, members ...cache.Member) {
	m.mu.Lock()
	defer m.mu.Unlock()
	put(&m.details.members, group, members)
}

// PutChannel makes c a channel of a team.
func (m *Memory) PutChannel(team, channel string, c cache.Channel) {
	m.mu.Lock()
	defer m.mu.Unlock()
	put(&m.details.channels, team+" "+channel, c)
}

// Refuse has questions for a person, a group, or a channel (its team, a space and its id)
// fail from now on; nil ends it.
func (m *Memory) Refuse(id string, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	put(&m.details.refused, id, err)
}

func put[T any](to *map[string]T, key string, value T) {
	if *to == nil {
		*to = map[string]T{}
	}
	(*to)[key] = value
}

// FindAll implements cache.Source. It is one question, however many people it is for.
func (m *Memory) FindAll(ctx context.Context, refs []cache.Ref) []cache.Found {
	found := make([]cache.Found, len(refs))
	err := m.enter(ctx, "FindAll")
	for i, ref := range refs {
		if found[i].Err = err; err != nil {
			continue
		}
		found[i].Person, found[i].Err = m.find(ref)
		if refused := m.refusal(ref.ID); refused != nil {
			found[i] = cache.Found{Err: refused}
		}
	}
	return found
}

func (m *Memory) refusal(id string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.details.refused[id]
}

// Rich implements cache.Source.
func (m *Memory) Rich(ctx context.Context, id string) (*pb.Profile, error) {
	if err := m.enter(ctx, "Rich"); err != nil {
		return nil, err
	}
	if _, err := m.find(cache.Ref{ID: id}); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if profile := m.details.rich[id]; profile != nil {
		return proto.CloneOf(profile), m.details.refused[id]
	}
	return &pb.Profile{}, m.details.refused[id]
}

// Photo implements cache.Source. A photo has one size.
func (m *Memory) Photo(ctx context.Context, id string, size int, known *cache.Photo) (*cache.Photo, error) {
	if err := m.enter(ctx, "Photo"); err != nil {
		return nil, err
	}
	if _, err := m.find(cache.Ref{ID: id}); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	photo := m.details.photos[id]
	switch {
	case m.details.refused[id] != nil:
		return nil, m.details.refused[id]
	case photo == nil:
		return nil, cache.ErrNoPhoto
	case known != nil && len(known.Tags) > 0 && len(photo.Tags) > 0 && known.Tags[0] == photo.Tags[0]:
		return known, nil
	}
	copied := *photo
	return &copied, nil
}

// Members implements cache.Source.
func (m *Memory) Members(ctx context.Context, group string, most int) ([]cache.Member, error) {
	if err := m.enter(ctx, "Members"); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	members, ok := m.details.members[group]
	_, exists := m.groups.items[group]
	switch {
	case m.details.refused[group] != nil:
		return nil, m.details.refused[group]
	case !ok && !exists:
		return nil, cache.ErrNoGroup
	case len(members) > most:
		return nil, cache.ErrTooManyMembers
	}
	return members, nil
}

// Channel implements cache.Source.
func (m *Memory) Channel(ctx context.Context, team, channel string, most int) (cache.Channel, error) {
	if err := m.enter(ctx, "Channel"); err != nil {
		return cache.Channel{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	c, ok := m.details.channels[team+" "+channel]
	switch {
	case m.details.refused[team+" "+channel] != nil:
		return cache.Channel{}, m.details.refused[team+" "+channel]
	case !ok:
		return cache.Channel{}, cache.ErrNoChannel
	case len(c.Members) > most:
		return cache.Channel{}, cache.ErrTooManyMembers
	}
	return c, nil
}
