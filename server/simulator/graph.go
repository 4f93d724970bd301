package simulator

import (
	"net/http"
	"net/url"
	"strings"
)

// The permissions that open a call, any of them. The writing ones include reading.
var (
	readBasic = []string{"User.ReadBasic.All"}
	readUsers = []string{"User.Read.All", "User.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"}

	readMembers = []string{
		"Group.Read.All", "Group.ReadWrite.All", "GroupMember.Read.All", "GroupMember.ReadWrite.All",
		"GroupMember.ReadBasic.All", "Directory.Read.All", "Directory.ReadWrite.All",
	}
	readGroups = []string{
		"Group.Read.All", "Group.ReadWrite.All", "GroupMember.Read.All", "GroupMember.ReadWrite.All",
		"Group.ReadBasic.All", "Directory.Read.All", "Directory.ReadWrite.All",
	}
	readPhotos = []string{ // the directory's permissions are none of Outlook's
		"ProfilePhoto.Read.All", "ProfilePhoto.ReadWrite.All", "User.ReadBasic.All", "User.Read.All", "User.ReadWrite.All",
	}
	readHidden = []string{"Member.Read.Hidden"} // besides those above, for the members of groups that hide them
)

// graph serves what is under /v1.0: path is the segments after it, still escaped. Resource names may be in any case.
func (s *Simulator) graph(c *call, path []string) {
	c.outlook = c.outlook || ofTeams(path)
	p := c.authorize()
	if p == nil && !isBatch(path) { // a batch is free; its parts are not
		p = c.overQuota()
	}
	if p == nil {
		p = s.route(c, path)
	}
	if p != nil {
		c.fail(p)
	}
}

func (s *Simulator) route(c *call, path []string) *problem {
	segments := make([]string, len(path))
	for i, segment := range path {
		var err error
		if segments[i], err = url.PathUnescape(segment); err != nil {
			return badRequest("The request URI is not valid.")
		}
	}
	if len(segments) == 0 || segments[0] == "" {
		return badRequest("Resource not found for the segment ''.")
	}
	want, post := http.MethodGet, s.postRoute(segments)
	if post != nil {
		want = http.MethodPost
	}
	if c.r.Method != want {
		return refuse(http.StatusMethodNotAllowed, "Request_BadRequest",
			"Specified HTTP method is not allowed for the request target.")
	}
	if post != nil {
		return post(c)
	}
	head := strings.ToLower(segments[0])
	if key, ok := keyOf(segments[0], "users"); ok {
		return s.userPath(c, key, segments[1:])
	}
	if key, ok := keyOf(segments[0], "groups"); ok {
		return s.groupPath(c, key, segments[1:])
	}
	if key, ok := keyOf(segments[0], "teams"); ok {
		return s.teamPath(c, key, segments[1:])
	}
	if key, ok := keyOf(segments[0], "contacts"); ok {
		return s.orgContactsPath(c, append([]string{key}, segments[1:]...))
	}
	switch head {
	case "users":
		return s.usersPath(c, segments[1:])
	case "groups":
		return s.groupsPath(c, segments[1:])
	case "teams":
		return s.teamsPath(c, segments[1:])
	case "contacts":
		return s.orgContactsPath(c, segments[1:])
	case "me":
		return badRequest("/me request is only valid with delegated authentication flow.")
	}
	return noSegment(segments[0])
}

// postRoute returns what serves a path that is there to be posted to, nil when it is there to be read.
func (s *Simulator) postRoute(segments []string) func(*call) *problem {
	switch {
	case isBatch(segments):
		return s.batch
	case len(segments) == 2 && isGetByIDs(segments[1]) &&
		(strings.EqualFold(segments[0], "directoryObjects") || strings.EqualFold(segments[0], "users")):
		return s.getByIDs
	}
	return nil
}

func isGetByIDs(segment string) bool {
	switch strings.ToLower(strings.TrimSuffix(segment, "()")) {
	case "getbyids", "graph.getbyids", "microsoft.graph.getbyids":
		return true
	}
	return false
}

func (s *Simulator) usersPath(c *call, rest []string) *problem {
	if len(rest) == 0 {
		return s.listUsers(c)
	}
	if len(rest) == 1 {
		switch strings.ToLower(strings.TrimSuffix(rest[0], "()")) {
		case "$count":
			return s.countUsers(c)
		case "delta", "graph.delta", "microsoft.graph.delta":
			return s.delta(c)
		}
	}
	return s.userPath(c, rest[0], rest[1:])
}

func (s *Simulator) userPath(c *call, key string, rest []string) *problem {
	if len(rest) == 0 {
		return s.getUser(c, key)
	}
	if path, ok := contactPath(rest); ok {
		return s.contactsOf(c, key, path)
	}
	if head := strings.ToLower(rest[0]); head == "photo" || head == "photos" {
		return s.photoPath(c, key, rest)
	}
	if len(rest) == 1 {
		switch strings.ToLower(rest[0]) {
		case "manager":
			return s.getManager(c, key)
		case "directreports":
			return s.listReports(c, key)
		}
	}
	return noSegment(rest[len(rest)-1])
}

// keyOf takes the key out of a segment like users('a@b'), where a quote in the key is doubled.
func keyOf(segment, set string) (key string, ok bool) {
	if len(segment) <= len(set)+2 || !strings.EqualFold(segment[:len(set)], set) {
		return "", false
	}
	key, ok = strings.CutPrefix(segment[len(set):], "(")
	if !ok || !strings.HasSuffix(key, ")") {
		return "", false
	}
	key = strings.TrimSuffix(key, ")")
	if len(key) >= 2 && key[0] == '\'' && key[len(key)-1] == '\'' {
		key = strings.ReplaceAll(key[1:len(key)-1], "''", "'")
	}
	return key, key != ""
}

func noSegment(name string) *problem {
	return badRequest("Resource not found for the segment '%s'.", name)
}
