package simulator

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
)

const (
	deltaPurpose = "delta"
	roundPurpose = "round"
	maxDeltaIDs  = 50
)

// deltaState is what a delta or skip token stands for: the query, and how much of the changes the client has.
type deltaState struct {
	Epoch   int      `json:"e"`
	Select  string   `json:"s,omitempty"` // as asked at first
	Asked   bool     `json:"a,omitempty"`
	IDs     []string `json:"i,omitempty"` // only these people
	Initial bool     `json:"1,omitempty"` // the round that begins with everybody
	After   uint64   `json:"c"`           // changes up to this one are with the client
	Begun   bool     `json:"b,omitempty"` // it has been decided where the round ends
	UpTo    uint64   `json:"u,omitempty"` // which is with this change
	From    int      `json:"f,omitempty"` // where in the round the page begins
	Gap     bool     `json:"g,omitempty"` // an empty page comes first
}

// item is one object of a delta page.
type item struct {
	slot    int32
	id      guid
	whole   bool     // appeared, or may have: everything is new to the client
	props   []uint16 // changed
	manager bool     // changed
	before  guid     // the manager whom the client knows
}

// delta serves /users/delta: the first call of a round, or a page or a new round by a link.
func (s *Simulator) delta(c *call) *problem {
	if !c.grant.may(readUsers...) {
		return denied()
	}
	o, p := parseOptions(c.r.URL.RawQuery, "select", "filter", "top", "deltatoken", "skiptoken")
	if p != nil {
		return p
	}
	st, latest, p := s.deltaStart(c, o)
	if p != nil {
		return p
	}
	sel, p := s.parseSelect(st.Select, st.Asked)
	if p != nil {
		return p
	}
	if sel.profile {
		return notInLists()
	}
	sel.want(knownField(propID))
	page, p := s.deltaPage(c, st, &sel, latest)
	if p != nil {
		return p
	}
	page.write(units(1, o))
	return nil
}

// deltaStart finds out which page is asked for. latest says that only the link is.
func (s *Simulator) deltaStart(c *call, o options) (st deltaState, latest bool, p *problem) {
	token, purpose := o["skiptoken"], roundPurpose
	if token == "" {
		token, purpose = o["deltatoken"], deltaPurpose
	}
	latest = strings.EqualFold(token, "latest")
	if token == "" || latest {
		st.Initial = true
		st.Epoch = s.links.now()
		st.Select, st.Asked = o["select"]
		st.IDs, p = s.deltaFilter(o)
		return st, latest, p
	}
	if _, ok := o["select"]; ok || o["filter"] != "" {
		return st, false, badRequest("The query parameters of a delta query cannot be changed; they are part of the token.")
	}
	if !s.opened(purpose, token, &st) {
		return st, false, badRequest("Badly formed token")
	}
	return st, false, s.links.check(c, st)
}

func (s *Simulator) deltaFilter(o options) (ids []string, p *problem) {
	v, ok := o["filter"]
	if !ok {
		return nil, nil
	}
	n, p := (&filterParser{in: v, find: s.dir.field, ids: true}).parse()
	if p != nil {
		return nil, p
	}
	list, ok := n.onlyIDs()
	if !ok {
		return nil, badQuery("Only a filter by id, joined by 'or', is supported in a delta query.")
	}
	if len(list) > maxDeltaIDs {
		return nil, badQuery("Too many ids in the filter of a delta query: %d. Max allowed: %d.", len(list), maxDeltaIDs)
	}
	for _, id := range list {
		ids = append(ids, id.String())
	}
	return ids, nil
}

// deltaPage finds the objects of a page. Everything that is written later is copied out of the directory here.
func (s *Simulator) deltaPage(c *call, st deltaState, sel *selection, latest bool) (*deltaPage, *problem) {
	s.dir.mu.RLock()
	defer s.dir.mu.RUnlock()
	if !st.Begun {
		st.Begun, st.UpTo = true, s.dir.past.last()
	}
	page := &deltaPage{call: c, sel: sel, minimal: prefersMinimal(c.r), link: st}
	if latest {
		page.last = true
		return page, nil
	}
	if st.Gap {
		page.link.Gap = false
		return page, nil
	}
	items, next, p := s.deltaItems(c, st, sel)
	if p != nil {
		return nil, p
	}
	if s.replay && len(items) > 0 {
		items = append(items, items[0])
	}
	for _, it := range items {
		page.objects = append(page.objects, s.dir.object(it))
	}
	page.last = next < 0
	page.link.From, page.link.Gap = max(next, 0), s.gaps
	return page, nil
}

// deltaItems returns the items of the page at st.From and where the next page begins, -1 after the last.
func (s *Simulator) deltaItems(c *call, st deltaState, sel *selection) (items []item, next int, p *problem) {
	ids := idSet(st.IDs)
	if st.Initial {
		items, next = s.dir.everybody(st.From, s.pageSize, ids)
		return items, next, nil
	}
	after := st.After
	if s.replay && after > s.dir.past.forgotten {
		after--
	}
	changes, ok := s.dir.past.between(after, st.UpTo)
	if !ok {
		return nil, 0, expired(c, st, Gone)
	}
	all := collect(changes, sel, ids)
	from := min(st.From, len(all))
	to := min(from+s.pageSize, len(all))
	if to == len(all) {
		return all[from:to], -1, nil
	}
	return all[from:to], to, nil
}

func idSet(ids []string) map[guid]bool {
	if ids == nil {
		return nil
	}
	set := make(map[guid]bool, len(ids))
	for _, id := range ids {
		g, _ := parseGUID(id)
		set[g] = true
	}
	return set
}

// everybody returns one page of the first round.
func (d *Directory) everybody(from, size int, ids map[guid]bool) (items []item, next int) {
	for n := from; n < len(d.slots); n++ {
		p := d.shown(int32(n))
		if p == nil || ids != nil && !ids[p.id] {
			continue
		}
		if len(items) == size {
			return items, n
		}
		items = append(items, item{slot: int32(n), id: p.id, whole: true})
	}
	return items, -1
}

// collect folds changes into one item for each person, those left out that the selection does not touch.
func collect(changes []change, sel *selection, ids map[guid]bool) []item {
	var all []item
	place := make(map[int32]int)
	for _, ch := range changes {
		if ids != nil && !ids[ch.id] || !ch.touches(sel) {
			continue
		}
		i, ok := place[ch.slot]
		if !ok {
			i = len(all)
			place[ch.slot] = i
			all = append(all, item{slot: ch.slot, id: ch.id})
		}
		it := &all[i]
		it.whole = it.whole || ch.kind != changed
		it.props = append(it.props, ch.props...)
		if ch.manager && !it.manager {
			it.manager, it.before = true, ch.before
		}
	}
	return all
}

func (ch change) touches(sel *selection) bool {
	if ch.kind != changed || ch.manager && sel.manager {
		return true
	}
	for _, n := range ch.props {
		if sel.wants(n) {
			return true
		}
	}
	return false
}

// object is an item joined with the person as they are now.
type object struct {
	item
	person *person // nil when deleted
	gone   bool    // for good
	skip   bool    // somebody else has the id now and is sent in their place
	boss   *person
}

func (d *Directory) object(it item) object {
	o := object{item: it, person: d.shown(it.slot)}
	if o.person == nil {
		o.gone = d.slots[it.slot].person == nil
		_, again := d.byID[it.id]
		o.skip = o.gone && again
		return o
	}
	o.boss = d.shown(o.person.manager)
	return o
}

func prefersMinimal(r *http.Request) bool {
	for _, v := range r.Header.Values("Prefer") {
		if strings.Contains(strings.ToLower(v), "return=minimal") {
			return true
		}
	}
	return false
}

// Expiry is how Graph answers a delta link that is too old.
type Expiry int

// The ways in which an old delta link is answered.
const (
	GoneWithLocation  Expiry = iota // 410 resyncRequired, with a Location to begin anew from
	Gone                            // 410 syncStateNotFound, without
	SyncStateNotFound               // 400 syncStateNotFound
)

// ExpireDeltaTokens makes every delta link handed out so far an expired one, and every next link of a round under way.
func (s *Simulator) ExpireDeltaTokens(as Expiry) {
	s.links.mu.Lock()
	defer s.links.mu.Unlock()
	s.links.ended = append(s.links.ended, as)
}

// epochs tells which links have expired, and how.
type epochs struct {
	mu    sync.Mutex
	ended []Expiry // ended[i] is how links of epoch i are answered
}

func (e *epochs) now() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.ended)
}

func (e *epochs) check(c *call, st deltaState) *problem {
	e.mu.Lock()
	defer e.mu.Unlock()
	if st.Epoch >= len(e.ended) {
		return nil
	}
	return expired(c, st, e.ended[st.Epoch])
}

func expired(c *call, st deltaState, as Expiry) *problem {
	const message = "The sync state generation is not found. Please perform a full sync without a token."
	switch as {
	case SyncStateNotFound:
		return refuse(http.StatusBadRequest, "syncStateNotFound", message)
	case Gone:
		return refuse(http.StatusGone, "syncStateNotFound", message)
	}
	p := refuse(http.StatusGone, "resyncRequired", "Resync required. Replace any local items with the server's version.")
	location := c.base + "/v1.0/users/delta?$deltatoken="
	if st.Asked {
		location += "&$select=" + url.QueryEscape(st.Select)
	}
	p.header = map[string]string{"Location": location}
	return p
}
