package simulator

import (
	"encoding/json"
	"slices"
	"strings"
)

// maxIDs is how many ids Graph takes in one getByIds.
const maxIDs = 1000

// getByIDs answers a POST /directoryObjects/getByIds: those of the people and groups named who are there, in the order of
// their creation, people first. It is the same under /users.
func (s *Simulator) getByIDs(c *call) *problem {
	if !c.grant.may(readUsers...) && !c.grant.may(readBasic...) && !c.grant.may(readGroups...) {
		return denied()
	}
	o, p := parseOptions(c.r.URL.RawQuery, "select")
	if p != nil {
		return p
	}
	q, p := s.parseMembers(c, o, direct)
	if p != nil {
		return p
	}
	ids, types, p := c.namedIDs()
	if p != nil {
		return p
	}
	s.dir.mu.RLock()
	list := s.dir.named(ids, types)
	rows := make([]row, len(list))
	for i, r := range list {
		rows[i] = row{slot: int32(r), person: s.dir.memberShown(r)}
	}
	s.dir.mu.RUnlock()
	price := 5
	if q.sel.asked {
		price = 2
	}
	c.list(q, rows, nil, -1, "directoryObjects"+q.sel.context(), "", price)
	return nil
}

// namedIDs reads the body of a getByIds. types are in lower case; without any, all are wanted.
func (c *call) namedIDs() (ids []guid, types []string, p *problem) {
	body, p := c.body()
	if p != nil {
		return nil, nil, p
	}
	var doc struct {
		IDs   []string `json:"ids"`
		Types []string `json:"types"`
	}
	if err := json.Unmarshal(body, &doc); err != nil {
		return nil, nil, unreadable(err)
	}
	switch n := len(doc.IDs); {
	case n == 0:
		return nil, nil, refuse(400, "Request_BadRequest", "The ids parameter is missing or empty.")
	case n > maxIDs:
		return nil, nil, refuse(400, "Request_BadRequest", "Number of included identifiers cannot exceed '%d'.", maxIDs)
	}
	for _, text := range doc.IDs {
		id, ok := parseGUID(text)
		if !ok {
			return nil, nil, refuse(400, "Request_BadRequest", "Invalid GUID:%.60s", text)
		}
		ids = append(ids, id)
	}
	for _, name := range doc.Types {
		types = append(types, strings.ToLower(name))
	}
	return ids, types, nil
}

// named finds people and groups by id, each once, and leaves out who is not there or of another type.
func (d *Directory) named(ids []guid, types []string) []ref {
	wanted := func(name string) bool {
		return len(types) == 0 || slices.Contains(types, name) || slices.Contains(types, "directoryobject")
	}
	var list []ref
	for _, id := range ids {
		if n, ok := d.byID[id]; ok && wanted("user") && d.shown(n) != nil {
			list = append(list, userRef(n))
		}
		if n, ok := d.groups.byID[id]; ok && wanted("group") && d.groups.shown(n) != nil {
			list = append(list, groupRef(n))
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}
