package cache

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/dgraph-io/ristretto/v2"
	"google.golang.org/protobuf/proto"

	"github.com/peopleinsights/peopleinsights/cache/typeahead"
	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
)

// The bounds of asking who is in groups and channels.
const (
	mostMembers   = 50_000           // of one expansion
	mostOpened    = 500              // groups within a group that are opened
	memberAsks    = 4                // questions under way at once; others wait in line
	memberTimeout = 30 * time.Second // of one question, and of the wait in line before it
	mostNear      = 1000             // of a channel's members who come earlier in suggestions
)

// membership is who is in a group or channel directly, as the source said. It is never
// changed.
type membership struct {
	members []Member // people, contacts and those of whom the source tells the id alone
	groups  []Member
	others  []string // ids of devices and applications
	kind    pb.ChannelKind
	asOf    time.Time
	group   *Group // as it was held when the question was asked; nil of a channel

	// What Suggest needs.
	near []typeahead.Pick // those of the organisation, and away, as people who are near
	away *Candidates      // people of other organisations
}

// roster is what memory keeps of groups and channels, within a budget of bytes: who is in
// one, and the newest answers that were made of that. It may forget anything at any time.
type roster struct {
	entries *ristretto.Cache[string, any] // *membership or *answered
}

// What a member costs beside their texts: the structs of Member and ProfileSummary; and an
// entry beside its members.
const (
	memberOverhead = 200
	rosterOverhead = 500
)

func newRoster(bytes int64) (*roster, error) {
	entries, err := ristretto.NewCache(&ristretto.Config[string, any]{
		NumCounters: min(max(1000, bytes/rosterOverhead*10), 10_000_000),
		MaxCost:     bytes,
		BufferItems: 64,
	})
	if err != nil {
		return nil, fmt.Errorf("cache: a budget of %d bytes for members: %w", bytes, err)
	}
	return &roster{entries}, nil
}

// remembered returns who is in a group or channel, if that is remembered: of a group, while
// it is held as it was then.
func (r *roster) remembered(key string, group *Group) *membership {
	entry, _ := r.entries.Get(key)
	m, _ := entry.(*membership)
	if m == nil || m.group != group {
		return nil
	}
	return m
}

func (r *roster) remember(key string, m *membership, ttl time.Duration) {
	cost := int64(rosterOverhead)
	for _, list := range [][]Member{m.members, m.groups} {
		for _, member := range list {
			cost += int64(memberOverhead + proto.Size(member.Summary))
		}
	}
	cost += int64(40 * len(m.others))
	cost += int64(memberOverhead * (len(m.near) + 4*m.away.Len())) // the index over them, about
	r.entries.SetWithTTL(key, m, cost, ttl)
}

func (r *roster) close() { r.entries.Close() }

// newMembership sorts out who is in a group or channel.
func newMembership(list []Member, kind pb.ChannelKind, group *Group, asOf time.Time) *membership {
	m := &membership{kind: kind, group: group, asOf: asOf}
	for _, member := range list {
		switch member.Kind {
		case MemberGroup:
			m.groups = append(m.groups, member)
		case MemberOther:
			m.others = append(m.others, member.Summary.GetId())
		case MemberContact:
			member.Summary = proto.CloneOf(member.Summary)
			member.Summary.UserType = pb.UserType_USER_TYPE_CONTACT
			m.members = append(m.members, member)
		default:
			m.members = append(m.members, member)
		}
	}
	m.bringNear()
	return m
}

// bringNear makes of members what a search needs, once rather than on each keystroke. Of
// more than mostNear the first by name come earlier: to bring near a whole organisation
// tells nothing, and takes its time on each keystroke.
func (m *membership) bringNear() {
	sorted := make([]*pb.ProfileSummary, len(m.members))
	for i, member := range m.members {
		sorted[i] = member.Summary
	}
	sortSummaries(sorted)
	var away []Candidate
	var own []string
	for _, s := range sorted {
		switch {
		case s.GetTenantId() == "":
			own = append(own, s.GetId())
		case s.GetEmail() != "" && s.GetDisplayName() != "": // else there is nothing to invite, or to find
			away = append(away, Candidate{Suggestion: &pb.Suggestion{
				Kind:           pb.InviteeKind_INVITEE_KIND_GUEST,
				Id:             s.GetId(),
				DisplayName:    s.GetDisplayName(),
				Email:          s.GetEmail(),
				JobTitle:       s.GetJobTitle(),
				Department:     s.GetDepartment(),
				OfficeLocation: s.GetOfficeLocation(),
				Source:         pb.SuggestionSource_SUGGESTION_SOURCE_CHANNEL,
				TenantId:       s.GetTenantId(),
			}})
		}
	}
	var ids []string
	if len(away) > 0 {
		m.away = NewCandidates(away)
		for i := range away {
			ids = append(ids, m.away.key(i))
		}
	}
	ids = append(ids, own...)
	for _, id := range ids[:min(len(ids), mostNear)] {
		m.near = append(m.near, typeahead.Pick{ID: id, Points: typeahead.OfChannel, Reason: typeahead.Channel})
	}
	m.near = slices.Clip(m.near) // nothing is ever appended to what all searches share
}

// directMembers returns who is in a group directly, as is remembered or as the source says.
// Held is the group as it is held, nil where it is not.
func (d *Directory) directMembers(ctx context.Context, group string, held *Group) (*membership, error) {
	return d.membersOf(ctx, "group "+group, held, d.config.MembersTTL, func(ctx context.Context) (Channel, error) {
		members, err := d.config.Source.Members(ctx, group, mostMembers)
		return Channel{Members: members}, err
	})
}

// channelMembers returns who is in a channel.
func (d *Directory) channelMembers(ctx context.Context, team, channel string) (*membership, error) {
	return d.membersOf(ctx, "channel "+team+" "+channel, nil, d.config.ChannelTTL, func(ctx context.Context) (Channel, error) {
		return d.config.Source.Channel(ctx, team, channel, mostMembers)
	})
}

// membersOf answers from what is remembered, or asks: once for all who wait, and again for
// those who came after a change of the group was told.
func (d *Directory) membersOf(ctx context.Context, key string, group *Group, ttl time.Duration,
	ask func(context.Context) (Channel, error)) (*membership, error) {
	if m := d.roster.remembered(key, group); m != nil {
		return m, nil
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	question := fmt.Sprintf("%s at %p", key, group)
	f, first := d.openings.join(question)
	if first {
		d.inFlight.Go(func() {
			erasures := d.erasures.Load()
			m, err := d.askMembers(ctx, group, ask)
			if err == nil {
				d.roster.remember(key, m, ttl)
			}
			if d.erasures.Load() != erasures {
				d.roster.entries.Del(key)
			}
			d.openings.land(question, f, m, err)
		})
	}
	return f.wait(ctx)
}

// askMembers asks who is in a group or channel, when there is a turn.
func (d *Directory) askMembers(ctx context.Context, group *Group, ask func(context.Context) (Channel, error)) (m *membership, err error) {
	// The wait in line and the question have a bound each.
	d.within(ctx, 2*memberTimeout, func(ctx context.Context) {
		if err = d.lineUp(ctx); err != nil {
			return
		}
		defer func() { <-d.asking }()
		d.within(ctx, memberTimeout, func(ctx context.Context) {
			asOf := time.Now()
			var found Channel
			found, err = ask(ctx)
			if err = unanswered(ctx, err, memberTimeout); err == nil {
				m = newMembership(d.withoutErasedMembers(found.Members), found.Kind, group, asOf)
			}
		})
	})
	return m, err
}

// withoutErasedMembers leaves out those who are erased.
func (d *Directory) withoutErasedMembers(list []Member) []Member {
	if d.erasures.Load() == 0 {
		return list
	}
	d.mu.RLock()
	defer d.mu.RUnlock()
	return slices.DeleteFunc(list, func(m Member) bool {
		_, erased := d.erased[m.Summary.GetId()]
		return erased && m.Summary.GetTenantId() == ""
	})
}

// lineUp waits until a question may be asked. As many wait as lookups may be under way.
func (d *Directory) lineUp(ctx context.Context) error {
	select {
	case d.line <- struct{}{}:
		defer func() { <-d.line }()
	default:
		return fmt.Errorf("too many wait to ask for members: %w", ErrBusy)
	}
	timer := time.NewTimer(memberTimeout)
	defer timer.Stop()
	select {
	case d.asking <- struct{}{}:
		return nil
	case <-timer.C:
		return fmt.Errorf("no turn to ask for members in %v: %w", memberTimeout, ErrBusy)
	case <-ctx.Done():
		return fmt.Errorf("the service stops: %w", ErrUnavailable)
	}
}
