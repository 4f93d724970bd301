package cache

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/peopleinsights/peopleinsights/cache/typeahead"
	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
)

// Members are those who are in a group or a channel.
type Members struct {
	People     []*pb.ProfileSummary // by display name without letter case, then by id; nobody twice
	Groups     []*pb.NestedGroup    // by display name, then by id
	Unreadable int                  // of whom the source tells the id alone
	Others     int                  // devices and applications
	Kind       pb.ChannelKind       // of a channel
	Freshness  *pb.Freshness        // as of the oldest part

	direct *membership // of the group or channel itself, for Suggest
}

// picks are those who come earlier in suggestions; nil has none.
func (m *Members) picks() []typeahead.Pick {
	if m == nil || m.direct == nil {
		return nil
	}
	return m.direct.near
}

// candidates are the people of other organisations; nil has none.
func (m *Members) candidates() *Candidates {
	if m == nil || m.direct == nil {
		return nil
	}
	return m.direct.away
}

// ExpandGroup returns who is in a group, by its id or one of its addresses; with nested,
// also who is in the groups within it, each opened once. It fails with ErrNoGroup,
// ErrHiddenMembers and ErrTooManyMembers; until people and groups have been read, with
// ErrFilling or what keeps the source from that.
func (d Reader) ExpandGroup(ctx context.Context, ref Ref, nested bool) (*Members, error) {
	if !d.view.Groups {
		return nil, ErrNotShown
	}
	group, err := d.groupOf(ref)
	if err != nil {
		return nil, err
	}
	return d.expand(ctx, group, nested)
}

// ChannelMembers returns who is in a channel of a team, or in the team itself where
// channel is empty. It fails as ExpandGroup does, with ErrNoChannel for ErrNoGroup. All of
// a team are in its standard channels, and those of a private one are of the team: where
// who is in the team is hidden, so are they.
func (d Reader) ChannelMembers(ctx context.Context, team, channel string) (*Members, error) {
	if !d.view.Groups {
		return nil, ErrNotShown
	}
	group, err := d.groupOf(Ref{ID: team})
	if err != nil {
		return nil, noChannel(err)
	}
	var in *membership
	if channel != "" {
		if in, err = d.channelMembers(ctx, team, channel); err != nil {
			return nil, err
		}
	}
	kind := pb.ChannelKind_CHANNEL_KIND_UNSPECIFIED
	if in != nil {
		kind = in.kind
	}
	if group.Hidden && !d.view.HiddenMembers && kind != pb.ChannelKind_CHANNEL_KIND_SHARED {
		return nil, ErrHiddenMembers
	}
	if in != nil && kind != pb.ChannelKind_CHANNEL_KIND_STANDARD {
		e := &expansion{d: d.Directory, hidden: d.view.HiddenMembers, parts: []*membership{in}, found: map[string]bool{}}
		e.within(in, false)
		if err := e.bounded(); err != nil {
			return nil, err
		}
		return d.shown(d.answer("channel "+team+" "+channel, e)), nil
	}
	members, err := d.expand(ctx, group, false)
	if err != nil {
		return nil, noChannel(err)
	}
	ofChannel := *members
	ofChannel.Kind = kind
	if in != nil && in.asOf.Before(ofChannel.Freshness.GetAsOfTime().AsTime()) {
		ofChannel.Freshness = freshAsOf(in.asOf, ofChannel.Freshness)
	}
	return &ofChannel, nil
}

func noChannel(err error) error {
	if errors.Is(err, ErrNoGroup) {
		return fmt.Errorf("the team: %w", ErrNoChannel)
	}
	return err
}

// groupOf returns the group that a ref leads to.
func (d *Directory) groupOf(ref Ref) (*Group, error) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	if err := d.readyLocked(); err != nil {
		return nil, err
	}
	if group := d.held.groups.find(ref); group != nil {
		return group, nil
	}
	if d.sync.groups.fillings == 0 {
		return nil, d.sync.groups.err(ErrFilling)
	}
	return nil, ErrNoGroup
}

// expand returns who is in a group that is held.
func (d Reader) expand(ctx context.Context, group *Group, nested bool) (*Members, error) {
	if group.Hidden && !d.view.HiddenMembers {
		return nil, ErrHiddenMembers
	}
	e, err := d.walk(ctx, group, nested, d.view.HiddenMembers)
	if err != nil {
		return nil, err
	}
	return d.shown(d.answer(fmt.Sprint("group ", group.ID, " ", nested), e)), nil
}

// shown are those of members whom the view shows, as it shows them.
func (d Reader) shown(m *Members) *Members {
	if d.view.whole() && d.view.Name == "" {
		return m
	}
	of := *m
	of.People = make([]*pb.ProfileSummary, 0, len(m.People))
	d.mu.RLock()
	defer d.mu.RUnlock()
	for _, s := range m.People {
		if d.showsMemberLocked(s) {
			of.People = append(of.People, d.view.summary(s))
		}
	}
	if !d.view.whole() {
		sortSummaries(of.People) // by the names that are shown
	}
	of.Freshness = freshAsOf(m.Freshness.GetAsOfTime().AsTime(), m.Freshness)
	of.Freshness.Epoch = d.epochOf()
	return &of
}

// showsMemberLocked tells whether the view shows a member. Of somebody who is not held it is
// not known whether they are hidden from address lists.
func (d Reader) showsMemberLocked(s *pb.ProfileSummary) bool {
	switch r := d.held.people[s.GetId()]; {
	case s.GetTenantId() != "", s.GetUserType() == pb.UserType_USER_TYPE_CONTACT:
		return d.view.Sees != 0
	case r != nil:
		return d.view.shows(r)
	default:
		return d.view.sight(s.GetId(), true) != 0
	}
}

// answered is an answer with what it was made of. It serves while it would be made of the
// same: pages, and keystrokes, ask again and again.
type answered struct {
	parts    []*membership
	groups   []nestedGroup
	revision int64
	members  *Members
}

// answer joins what was read with those who are held, as they are now.
func (d *Directory) answer(key string, e *expansion) *Members {
	d.mu.RLock()
	revision, stale := d.held.revision, d.staleLocked()
	d.mu.RUnlock()
	entry, _ := d.roster.entries.Get("answer of " + key)
	if a, _ := entry.(*answered); a != nil && a.revision == revision && a.members.Freshness.GetStale() == stale &&
		slices.Equal(a.parts, e.parts) && slices.Equal(a.groups, e.groups) {
		return a.members
	}
	erasures := d.erasures.Load()
	members := e.join()
	cost := int64(rosterOverhead + memberOverhead*len(members.Groups))
	for _, s := range members.People {
		cost += int64(2 * (memberOverhead + proto.Size(s))) // it may outlive what it was made of
	}
	d.roster.entries.SetWithTTL("answer of "+key,
		&answered{e.parts, e.groups, members.Freshness.GetRevision(), members}, cost, d.config.MembersTTL)
	if d.erasures.Load() != erasures {
		d.roster.entries.Del("answer of " + key)
	}
	return members
}

// joining is somebody in a group, with their record where they are held.
type joining struct {
	member Member
	record *record
}

// join makes the answer: people with what is held of them, at one revision. Whoever the
// source says is a member and is not held, since they are gone or new, is shown as the
// source has them, if it has a name for them.
func (e *expansion) join() *Members {
	out := &Members{direct: e.parts[0], Kind: e.parts[0].kind}
	var people []joining
	seen := make(map[personKey]bool, len(e.parts[0].members))
	asOf := e.parts[0].asOf
	for _, part := range e.parts {
		if part.asOf.Before(asOf) {
			asOf = part.asOf
		}
		for _, member := range part.members {
			if key := keyOf(member.Summary); !seen[key] {
				seen[key] = true
				people = append(people, joining{member: member})
			}
		}
		for _, id := range part.others {
			if key := (personKey{id: id}); !seen[key] {
				seen[key] = true
				out.Others++
			}
		}
	}
	e.joinHeld(out, people, asOf)
	for _, p := range people {
		switch {
		case p.record != nil:
			out.People = append(out.People, Summary(p.record.person().Profile))
		case e.d.isErased(p.member.Summary.GetId()) && p.member.Summary.GetTenantId() == "":
		case p.member.Kind == MemberUnreadable || p.member.Summary.GetDisplayName() == "":
			out.Unreadable++
		default:
			out.People = append(out.People, p.member.Summary)
		}
	}
	sortSummaries(out.People)
	return out
}

// joinHeld looks up who is held, and the groups, under one lock.
func (e *expansion) joinHeld(out *Members, people []joining, asOf time.Time) {
	d := e.d
	d.mu.RLock()
	defer d.mu.RUnlock()
	for i := range people {
		p := &people[i]
		if p.member.Kind != MemberContact && p.member.Summary.GetTenantId() == "" {
			p.record = d.held.people[p.member.Summary.GetId()]
		}
	}
	for _, g := range e.groups {
		if g.state == pb.NestedGroupState_NESTED_GROUP_STATE_UNSPECIFIED {
			continue
		}
		shown := &pb.NestedGroup{Id: g.summary.GetId(), DisplayName: g.summary.GetDisplayName(), Email: g.summary.GetEmail(), State: g.state}
		if held := d.held.groups.items[shown.Id]; held != nil {
			shown.DisplayName, shown.Email = held.DisplayName, held.Email
		}
		out.Groups = append(out.Groups, shown)
	}
	slices.SortFunc(out.Groups, func(a, b *pb.NestedGroup) int {
		return cmp.Or(strings.Compare(a.GetDisplayName(), b.GetDisplayName()), strings.Compare(a.GetId(), b.GetId()))
	})
	out.Freshness = freshAsOf(asOf, d.freshnessLocked())
}

// freshAsOf is a freshness as of another time.
func freshAsOf(asOf time.Time, of *pb.Freshness) *pb.Freshness {
	return &pb.Freshness{AsOfTime: timestamppb.New(asOf), Stale: of.GetStale(), Revision: of.GetRevision(), Epoch: of.GetEpoch()}
}

// sortSummaries sorts as Members promises. Names are put in lower case once.
func sortSummaries(list []*pb.ProfileSummary) {
	names := make(map[*pb.ProfileSummary]string, len(list))
	for _, s := range list {
		names[s] = strings.ToLower(s.GetDisplayName())
	}
	slices.SortFunc(list, func(a, b *pb.ProfileSummary) int {
		return cmp.Or(strings.Compare(names[a], names[b]), strings.Compare(a.GetId(), b.GetId()), strings.Compare(a.GetTenantId(), b.GetTenantId()))
	})
}
