package simulator

import (
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
)

// The permissions that open the calls of Teams. For an app those of groups and of the directory do not open the members.
var (
	readTeams = []string{
		"Team.ReadBasic.All", "TeamSettings.Read.All", "TeamSettings.ReadWrite.All", "Group.Read.All", "Group.ReadWrite.All",
		"Directory.Read.All", "Directory.ReadWrite.All",
	}
	readTeamMembers = []string{"TeamMember.Read.All", "TeamMember.ReadWrite.All"}
	readChannels    = []string{
		"Channel.ReadBasic.All", "ChannelSettings.Read.All", "ChannelSettings.ReadWrite.All", "Group.Read.All",
		"Group.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All",
	}
	readChannelMembers = []string{"ChannelMember.Read.All", "ChannelMember.ReadWrite.All"}
)

var (
	teamNames    = []string{"id", "createdDateTime", "displayName", "description", "visibility"}
	channelNames = []string{"id", "createdDateTime", "displayName", "description", "email", "webUrl", "membershipType"}
)

// ofTeams tells whether a path is one of Teams, which charges no units.
func ofTeams(path []string) bool {
	if len(path) == 0 {
		return false
	}
	_, keyed := keyOf(path[0], "teams")
	return keyed || strings.EqualFold(path[0], "teams")
}

// needs refuses a call of an app that has none of the roles, in the words of Teams.
func (c *call) needs(roles []string) *problem {
	if c.grant.may(roles...) {
		return nil
	}
	return refuse(http.StatusForbidden, "Forbidden", "Missing role permissions on the request. API requires one of '%s'. Roles on the request '%s'.",
		strings.Join(roles, ", "), strings.Join(c.grant.roles, ", "))
}

func noTeam(key string) *problem {
	return refuse(http.StatusNotFound, "NotFound", "No team found with Group Id '%s'", key)
}

func noChannel(key string) *problem {
	return refuse(http.StatusNotFound, "NotFound", "Channel '%s' was not found in the team.", key)
}

func (s *Simulator) teamsPath(c *call, rest []string) *problem {
	if len(rest) == 0 {
		return noSegment("teams")
	}
	return s.teamPath(c, rest[0], rest[1:])
}

func (s *Simulator) teamPath(c *call, team string, rest []string) *problem {
	if len(rest) == 0 {
		return s.getTeam(c, team)
	}
	if key, ok := keyOf(rest[0], "channels"); ok {
		rest = append([]string{"channels", key}, rest[1:]...)
	}
	what := strings.ToLower(rest[0])
	switch {
	case what == "members" && len(rest) == 1:
		return s.listTeamMembers(c, team)
	case what != "channels" || len(rest) > 3:
	case len(rest) == 1:
		return s.listChannels(c, team)
	case len(rest) == 2:
		return s.getChannel(c, team, rest[1])
	case strings.EqualFold(rest[2], "members"):
		return s.listChannelMembers(c, team, rest[1], false)
	case strings.EqualFold(rest[2], "allMembers"):
		return s.listChannelMembers(c, team, rest[1], true)
	}
	return noSegment(rest[len(rest)-1])
}

func (s *Simulator) getTeam(c *call, team string) *problem {
	if p := c.needs(readTeams); p != nil {
		return p
	}
	o, p := parseOptions(c.r.URL.RawQuery, "select")
	if p != nil {
		return p
	}
	wanted, p := selected(o, "team", teamNames)
	if p != nil {
		return p
	}
	r, err := s.dir.team(team)
	if err != nil {
		return noTeam(team)
	}
	c.replyRecord("teams/$entity", r, wanted)
	return nil
}

func (d *Directory) team(id string) (record, error) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	n, err := d.findTeam(id)
	if err != nil {
		return nil, err
	}
	g := d.groups.slots[n].person
	var r record
	for _, name := range teamNames {
		value := g.value(d.groups.field(name))
		if value == "" {
			value = "null"
		}
		r = append(r, entry{name, value})
	}
	return r, nil
}

func (ch *channel) record() record {
	d := ch.doc
	return record{
		{"id", quoted(d.ID)}, {"createdDateTime", quoted(d.CreatedDateTime)}, {"displayName", quoted(d.DisplayName)},
		{"description", quoted(d.Description)}, {"email", quoted(d.Email)}, {"webUrl", quoted(d.WebURL)},
		{"membershipType", quoted(d.MembershipType)},
	}
}

func (s *Simulator) listChannels(c *call, team string) *problem {
	if p := c.needs(readChannels); p != nil {
		return p
	}
	o, p := parseOptions(c.r.URL.RawQuery, "select", "filter")
	if p != nil {
		return p
	}
	wanted, p := selected(o, "channel", channelNames)
	if p != nil {
		return p
	}
	kind, p := membershipFilter(o)
	if p != nil {
		return p
	}
	s.dir.mu.RLock()
	var all []*channel
	n, err := s.dir.findTeam(team)
	if err == nil {
		all = s.dir.channelsOf(n)
	}
	s.dir.mu.RUnlock()
	if err != nil {
		return noTeam(team)
	}
	pg := recordPage{context: "teams('" + team + "')/channels", wanted: wanted}
	for _, ch := range all {
		if kind == "" || ch.doc.MembershipType == kind {
			pg.rows = append(pg.rows, ch.record())
		}
	}
	pg.count = len(pg.rows)
	c.replyRecords(pg)
	return nil
}

// membershipFilter reads a $filter of channels, which may be by membershipType alone.
func membershipFilter(o options) (kind string, p *problem) {
	value, ok := o["filter"]
	if !ok {
		return "", nil
	}
	words := strings.Fields(value)
	if len(words) == 3 && strings.EqualFold(words[0], "membershipType") && words[1] == "eq" {
		kind = strings.ToLower(strings.Trim(words[2], "'"))
		if slices.Contains([]string{standardChannel, privateChannel, sharedChannel, "unknownfuturevalue"}, kind) {
			return kind, nil
		}
	}
	return "", badRequest("Invalid filter clause: '%s' is not supported for channels.", value)
}

func (s *Simulator) getChannel(c *call, team, id string) *problem {
	if p := c.needs(readChannels); p != nil {
		return p
	}
	o, p := parseOptions(c.r.URL.RawQuery, "select")
	if p != nil {
		return p
	}
	wanted, p := selected(o, "channel", channelNames)
	if p != nil {
		return p
	}
	s.dir.mu.RLock()
	_, ch, p := s.channel(team, id)
	s.dir.mu.RUnlock()
	if p != nil {
		return p
	}
	c.replyRecord("teams('"+team+"')/channels/$entity", ch.record(), wanted)
	return nil
}

// channel finds a channel. The directory must be locked.
func (s *Simulator) channel(team, id string) (n int32, ch *channel, p *problem) {
	n, err := s.dir.findTeam(team)
	if err != nil {
		return none, nil, noTeam(team)
	}
	all := s.dir.channelsOf(n)
	i := indexOfChannel(all, id)
	if i < 0 {
		return none, nil, noChannel(id)
	}
	return n, all[i], nil
}

func (s *Simulator) listTeamMembers(c *call, team string) *problem {
	if p := c.needs(readTeamMembers); p != nil {
		return p
	}
	s.dir.mu.RLock()
	var list []conversationMember
	n, err := s.dir.findTeam(team)
	if err == nil {
		list = s.dir.teamMembers(n)
	}
	s.dir.mu.RUnlock()
	if err != nil {
		return noTeam(team)
	}
	return s.replyMembers(c, "teams('"+team+"')/members", team, list)
}

// listChannelMembers serves the direct members of a channel, or with all the indirect ones too. OData parameters are
// ignored, as there are none on these lists.
func (s *Simulator) listChannelMembers(c *call, team, id string, all bool) *problem {
	if p := c.needs(readChannelMembers); p != nil {
		return p
	}
	list, p := s.membersOfChannel(team, id, all)
	if p != nil {
		return p
	}
	what := "/members"
	if all {
		what = "/allMembers"
	}
	return s.replyMembers(c, "teams('"+team+"')/channels('"+id+"')"+what, id, list)
}

func (s *Simulator) membersOfChannel(team, id string, all bool) ([]conversationMember, *problem) {
	s.dir.mu.RLock()
	defer s.dir.mu.RUnlock()
	n, ch, p := s.channel(team, id)
	if p != nil {
		return nil, p
	}
	list := s.dir.channelMembers(n, ch)
	if all {
		list = s.dir.indirectMembers(list, ch)
	}
	return list, nil
}

// conversationMember is a member of a team or a channel.
type conversationMember struct {
	id            guid
	tenant        string // empty for a user of this tenant
	display, mail string
	roles         []string
}

// teamMembers returns who is in the team of slot n, in the order of their creation: its members and owners who are people.
func (d *Directory) teamMembers(n int32) []conversationMember {
	g := d.groups.slots[n]
	all := slices.Concat(g.members, g.owners)
	slices.Sort(all)
	var list []conversationMember
	for _, r := range slices.Compact(all) {
		p := d.memberShown(r)
		if p == nil || r.kind() != userKind {
			continue
		}
		var roles []string
		if _, owns := slices.BinarySearch(g.owners, r); owns {
			roles = []string{"owner"}
		}
		list = append(list, d.conversationMember(p, roles))
	}
	return list
}

func (d *Directory) conversationMember(p *person, roles []string) conversationMember {
	m := conversationMember{id: p.id, roles: roles}
	m.display, _ = p.text(knownField(propDisplayName))
	m.mail, _ = p.text(knownField(propMail))
	if kind, _ := p.text(knownField(propUserType)); kind == "Guest" && len(roles) == 0 {
		m.roles = []string{"guest"}
	}
	return m
}

// channelMembers returns the direct members of a channel.
func (d *Directory) channelMembers(n int32, ch *channel) []conversationMember {
	if ch.doc.MembershipType == standardChannel {
		return d.teamMembers(n)
	}
	var list []conversationMember
	for _, u := range ch.users {
		if u.doc.TenantID != "" {
			list = append(list, conversationMember{u.id, strings.ToLower(u.doc.TenantID), u.doc.DisplayName, u.doc.Email, u.doc.Roles})
			continue
		}
		at, ok := d.byID[u.id]
		if !ok || d.shown(at) == nil {
			continue
		}
		list = append(list, d.conversationMember(d.shown(at), u.doc.Roles))
	}
	return list
}

// indirectMembers appends those who are in a channel because their team is, each once.
func (d *Directory) indirectMembers(list []conversationMember, ch *channel) []conversationMember {
	there := make(map[guid]bool)
	for _, m := range list {
		there[m.id] = true
	}
	for _, id := range ch.teams {
		n, err := d.findTeam(id.String())
		if err != nil {
			continue
		}
		for _, m := range d.teamMembers(n) {
			if !there[m.id] {
				there[m.id] = true
				if slices.Contains(m.roles, "owner") {
					m.roles = nil // who owns the other team does not own this channel
				}
				list = append(list, m)
			}
		}
	}
	return list
}

// memberPlace is where a page of members begins.
type memberPlace struct {
	From int `json:"f"`
}

func (s *Simulator) replyMembers(c *call, context, of string, list []conversationMember) *problem {
	const purpose = "skip conversation members"
	var at memberPlace
	if token := queryValue(c.r.URL.RawQuery, "$skiptoken"); token != "" && !s.opened(purpose+of, token, &at) {
		return badlyFormed()
	}
	pg := recordPage{context: context, count: len(list)}
	from := min(at.From, len(list))
	to := min(from+s.paging, len(list))
	for _, m := range list[from:to] {
		pg.rows = append(pg.rows, s.memberRecord(of, m))
	}
	if to < len(list) {
		pg.next = c.nextLink("$skiptoken", s.sealed(purpose+of, memberPlace{to}))
	}
	c.replyRecords(pg)
	return nil
}

func (s *Simulator) memberRecord(of string, m conversationMember) record {
	if m.tenant == "" {
		m.tenant = s.tenant
	}
	opaque := base64.StdEncoding.EncodeToString([]byte("1##" + s.tenant + "##" + of + "##" + m.id.String()))
	return record{
		{typeProperty, `"#microsoft.graph.aadUserConversationMember"`},
		{"id", quoted(opaque)}, {"roles", quotedList(m.roles)}, {"displayName", quoted(m.display)},
		{"userId", quoted(m.id.String())}, {"email", quoted(m.mail)}, {"tenantId", quoted(m.tenant)},
	}
}
