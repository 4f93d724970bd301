package simulator

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
)

// The membership types of channels.
const (
	standardChannel = "standard"
	privateChannel  = "private"
	sharedChannel   = "shared"
)

// channel is a channel of a team. It never changes: a change makes another one.
type channel struct {
	doc   channelDoc
	teams []guid // whose members are in it indirectly
	users []channelUser
}

// channelDoc is a channel in files and changes. Graph has neither teamId nor the members and sharedWithTeamIds in it.
type channelDoc struct {
	Type              string             `json:"@odata.type,omitempty"`
	ID                string             `json:"id"`
	TeamID            string             `json:"teamId,omitempty"`
	DisplayName       string             `json:"displayName"`
	Description       string             `json:"description,omitempty"`
	Email             string             `json:"email,omitempty"`
	WebURL            string             `json:"webUrl,omitempty"`
	CreatedDateTime   string             `json:"createdDateTime,omitempty"`
	MembershipType    string             `json:"membershipType,omitempty"`
	Members           []channelMemberDoc `json:"members,omitempty"`
	SharedWithTeamIDs []string           `json:"sharedWithTeamIds,omitempty"`
}

type channelMemberDoc struct {
	UserID      string   `json:"userId"`
	TenantID    string   `json:"tenantId,omitempty"` // empty for a user of this tenant
	DisplayName string   `json:"displayName,omitempty"`
	Email       string   `json:"email,omitempty"`
	Roles       []string `json:"roles,omitempty"`
}

// channelUser is a direct member of a channel.
type channelUser struct {
	doc channelMemberDoc
	id  guid
}

// PutChannel creates a channel of a team, or replaces it with its members. It takes id (19:, 32 hexadecimal digits and
// @thread.tacv2), displayName, membershipType (standard unless it says private or shared), description, email, webUrl,
// createdDateTime, and for private and shared channels members: an array of objects with userId, roles ("owner", "guest")
// and, for somebody of another tenant, tenantId, displayName and email. A shared channel may name other teams in
// sharedWithTeamIds, whose members are in it indirectly. Every team has a General channel besides, whose members like those
// of every standard channel are the team's.
func (d *Directory) PutChannel(team string, channel []byte) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.putChannel(team, channel); err != nil {
		return fmt.Errorf("put channel: %w", err)
	}
	return nil
}

// putChannel is PutChannel with the directory locked. Without a team it is the one that the channel names.
func (d *Directory) putChannel(team string, data []byte) error {
	var doc channelDoc
	if err := parseJSON(data, &doc); err != nil {
		return err
	}
	if team == "" {
		team = doc.TeamID
	} else if doc.TeamID != "" && !strings.EqualFold(doc.TeamID, team) {
		return fmt.Errorf("teamId is %.60q, not %s", doc.TeamID, team)
	}
	n, err := d.findTeam(team)
	if err != nil {
		return err
	}
	ch, err := d.newChannel(n, doc)
	if err != nil {
		return err
	}
	for _, list := range d.channels {
		for _, other := range list {
			if other.doc.ID == ch.doc.ID && !strings.EqualFold(other.doc.TeamID, ch.doc.TeamID) {
				return fmt.Errorf("id %s is that of a channel of team %s already", ch.doc.ID, other.doc.TeamID)
			}
		}
	}
	d.setChannel(n, ch)
	return nil
}

func (d *Directory) setChannel(n int32, ch *channel) {
	list := d.channels[n]
	if i := indexOfChannel(list, ch.doc.ID); i >= 0 {
		list = slices.Clone(list)
		list[i] = ch
		d.channels[n] = list
		return
	}
	d.channels[n] = append(slices.Clip(list), ch)
}

// RemoveChannel removes a channel of a team. The General one cannot be removed.
func (d *Directory) RemoveChannel(team, channel string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	n, i, err := d.findChannel(team, channel)
	if err != nil {
		return fmt.Errorf("remove channel: %w", err)
	}
	d.channels[n] = slices.Delete(slices.Clone(d.channels[n]), i, i+1)
	return nil
}

// SetChannelMembers replaces the members of a private or shared channel: an object with members and, for a shared one,
// sharedWithTeamIds, both as PutChannel takes them. What is left out becomes empty.
func (d *Directory) SetChannelMembers(team, id string, members []byte) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	n, i, err := d.findChannel(team, id)
	if err != nil {
		return fmt.Errorf("set members of channel: %w", err)
	}
	var in struct {
		Members           []channelMemberDoc `json:"members"`
		SharedWithTeamIDs []string           `json:"sharedWithTeamIds"`
	}
	err = parseJSON(members, &in)
	if err == nil {
		doc := d.channels[n][i].doc
		doc.Members, doc.SharedWithTeamIDs = in.Members, in.SharedWithTeamIDs
		var ch *channel
		if ch, err = d.newChannel(n, doc); err == nil {
			d.setChannel(n, ch)
		}
	}
	if err != nil {
		return fmt.Errorf("set members of channel %s: %w", id, err)
	}
	return nil
}

// Channels yields the team's id and the resource of every channel but the General ones, as PutChannel and Load take it. It
// holds no lock while the loop's body runs, which may change the directory.
func (d *Directory) Channels() iter.Seq2[string, json.RawMessage] {
	return func(yield func(string, json.RawMessage) bool) {
		d.mu.RLock()
		var all []*channel
		for n := range d.groups.slots {
			if d.groups.shown(int32(n)) != nil {
				all = append(all, d.channels[int32(n)]...)
			}
		}
		d.mu.RUnlock()
		for _, ch := range all {
			doc := ch.doc
			doc.Type = channelType
			b, err := json.Marshal(doc)
			if err != nil {
				panic(err) // it has been read from JSON
			}
			if !yield(doc.TeamID, b) {
				return
			}
		}
	}
}

// newChannel checks a channel of the team in slot n.
func (d *Directory) newChannel(n int32, doc channelDoc) (*channel, error) {
	doc.Type, doc.TeamID = "", d.groups.slots[n].person.id.String()
	if doc.MembershipType == "" {
		doc.MembershipType = standardChannel
	}
	ch := &channel{doc: doc}
	switch kind := doc.MembershipType; {
	case !channelID(doc.ID):
		return nil, fmt.Errorf("id %.80q is not made of 19:, 32 hexadecimal digits and @thread.tacv2", doc.ID)
	case doc.ID == generalID(d.groups.slots[n].person.id):
		return nil, fmt.Errorf("id %s is that of the General channel, which is always there", doc.ID)
	case strings.TrimSpace(doc.DisplayName) == "":
		return nil, errors.New("displayName is missing or empty")
	case kind != standardChannel && kind != privateChannel && kind != sharedChannel:
		return nil, fmt.Errorf("membershipType %.40q is none of standard, private and shared", kind)
	case kind == standardChannel && len(doc.Members) > 0:
		return nil, errors.New("the members of a standard channel are those of the team")
	case kind != sharedChannel && len(doc.SharedWithTeamIDs) > 0:
		return nil, errors.New("only a shared channel can be shared with teams")
	}
	for _, m := range doc.Members {
		u, err := d.newChannelUser(m, doc.MembershipType)
		if err != nil {
			return nil, err
		}
		ch.users = append(ch.users, u)
	}
	for _, id := range doc.SharedWithTeamIDs {
		other, err := d.findTeam(id)
		if err != nil {
			return nil, fmt.Errorf("sharedWithTeamIds: %w", err)
		}
		ch.teams = append(ch.teams, d.groups.slots[other].person.id)
	}
	return ch, nil
}

func (d *Directory) newChannelUser(m channelMemberDoc, kind string) (channelUser, error) {
	id, ok := parseGUID(m.UserID)
	if !ok {
		return channelUser{}, fmt.Errorf("userId %.60q is not a GUID", m.UserID)
	}
	if m.TenantID == "" {
		if _, ok := d.byID[id]; !ok {
			return channelUser{}, fmt.Errorf("userId %s: %w", id, ErrUnknown)
		}
	} else if _, ok := parseGUID(m.TenantID); !ok {
		return channelUser{}, fmt.Errorf("tenantId %.60q is not a GUID", m.TenantID)
	} else if kind != sharedChannel {
		return channelUser{}, errors.New("only a shared channel can have people of another tenant")
	}
	for _, r := range m.Roles {
		if r != "owner" && r != "guest" {
			return channelUser{}, fmt.Errorf("role %.40q is neither owner nor guest", r)
		}
	}
	return channelUser{m, id}, nil
}

// findTeam returns the slot of a group that is a team.
func (d *Directory) findTeam(id string) (int32, error) {
	n, err := d.findGroup(id, false)
	if err == nil && !d.isTeam(n) {
		err = fmt.Errorf("%w: group %s is no team", ErrUnknown, id)
	}
	return n, err
}

func (d *Directory) isTeam(n int32) (is bool) {
	eachText(d.groups.slots[n].person.value(d.groups.field("resourceProvisioningOptions")), func(s string) bool {
		is = strings.EqualFold(s, "Team")
		return !is
	})
	return is
}

func (d *Directory) findChannel(team, channel string) (n int32, at int, err error) {
	if n, err = d.findTeam(team); err != nil {
		return none, 0, err
	}
	if at = indexOfChannel(d.channels[n], channel); at < 0 {
		return none, 0, fmt.Errorf("%w: channel %.80q of team %s", ErrUnknown, channel, team)
	}
	return n, at, nil
}

func indexOfChannel(list []*channel, id string) int {
	return slices.IndexFunc(list, func(ch *channel) bool { return ch.doc.ID == id })
}

// channelID tells whether a text has the form of a channel's id.
func channelID(s string) bool {
	digits, ok := strings.CutPrefix(s, "19:")
	digits, tail := strings.CutSuffix(digits, "@thread.tacv2")
	if !ok || !tail || len(digits) != 32 || strings.ToLower(digits) != digits {
		return false
	}
	_, err := hex.DecodeString(digits)
	return err == nil
}

// channelIDOf makes an id out of anything.
func channelIDOf(seed string) string {
	sum := sha256.Sum256([]byte(seed))
	return "19:" + hex.EncodeToString(sum[:16]) + "@thread.tacv2"
}

func generalID(team guid) string { return channelIDOf("general " + team.String()) }

// channelsOf returns all channels of the team in slot n, the General one first.
func (d *Directory) channelsOf(n int32) []*channel {
	g := d.groups.slots[n].person
	general := &channel{doc: channelDoc{
		ID: generalID(g.id), TeamID: g.id.String(), DisplayName: "General", MembershipType: standardChannel,
	}}
	general.doc.Description, _ = g.text(d.groups.field("description"))
	general.doc.CreatedDateTime, _ = g.text(d.groups.field("createdDateTime"))
	return append([]*channel{general}, d.channels[n]...)
}

func (g *groups) field(name string) field {
	f, _ := g.words.find(name)
	return f
}
