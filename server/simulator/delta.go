package simulator

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
)

const maxDeltaIDs = 50

// deltaState is what a delta or skip token stands for: the query, and how much of the changes the client has.
type deltaState struct {
	Epoch   int      `json:"e"`
	Select  string   `json:"s,omitempty"` // as asked at first
	Asked   bool     `json:"a,omitempty"`
	IDs     []string `json:"i,omitempty"` // only these people or groups
	Initial bool     `json:"1,omitempty"` // the round that begins with everybody
	After   uint64   `json:"c"`           // changes up to this one are with the client
	Begun   bool     `json:"b,omitempty"` // it has been decided where the round ends
	UpTo    uint64   `json:"u,omitempty"` // which is with this change
	deltaPlace
	Gap   bool  `json:"g,omitempty"` // an empty page comes first
	Again bool  `json:"p,omitempty"` // the round begins with the last change of the one before
	Made  int64 `json:"m"`           // when, in milliseconds
}

// deltaPlace is where in a round a page begins.
type deltaPlace struct {
	From int          `json:"f,omitempty"`
	Rest *memberSlice `json:"r,omitempty"` // a group from before, some of whose members have yet to come
	done bool         // there is no such page
}

// item is one object of a delta page.
type item struct {
	slot    int32
	id      guid
	whole   bool     // appeared, or may have: everything is new to the client
	props   []uint16 // changed
	touched []touch  // the managers until each change, so the first is whom the client knows; of a group the members
}

// touch is somebody whom a change of a relation is about.
type touch struct {
	id     guid
	member ref // of a group
}

// delta serves /users/delta: the first call of a round, or a page or a new round by a link.
func (s *Simulator) delta(c *call) *problem {
	if !c.grant.may(readUsers...) {
		return denied()
	}
	return s.deltaOf(c, s.people)
}

func (s *Simulator) deltaOf(c *call, k *class) *problem {
	o, p := parseOptions(c.r.URL.RawQuery, "select", "filter", "top", "deltatoken", "skiptoken")
	if p != nil {
		return p
	}
	st, latest, p := s.deltaStart(c, o, k)
	if p != nil {
		return p
	}
	sel, p := k.parseSelect(st.Select, st.Asked)
	if p != nil {
		return p
	}
	if sel.profile {
		return notInLists()
	}
	sel.want(knownField(propID))
	sel.relation = sel.relation || k.tracked && !sel.asked
	page, p := s.deltaPage(c, k, st, &sel, latest)
	if p != nil {
		return p
	}
	page.write(units(1, o))
	return nil
}

// deltaStart finds out which page is asked for. latest says that only the link is.
func (s *Simulator) deltaStart(c *call, o options, k *class) (st deltaState, latest bool, p *problem) {
	token, purpose := o["skiptoken"], k.round
	if token == "" {
		token, purpose = o["deltatoken"], k.delta
	}
	latest = strings.EqualFold(token, "latest")
	if token == "" || latest {
		st.Initial = true
		st.Epoch = s.links.now()
		st.Select, st.Asked = o["select"]
		st.IDs, p = deltaFilter(o, k)
		return st, latest, p
	}
	if _, ok := o["select"]; ok || o["filter"] != "" {
		return st, false, badRequest("The query parameters of a delta query cannot be changed; they are part of the token.")
	}
	if !s.opened(purpose, token, &st) {
		return st, false, badlyFormed()
	}
	return st, false, s.checkLink(c, k, st)
}

func deltaFilter(o options, k *class) (ids []string, p *problem) {
	v, ok := o["filter"]
	if !ok {
		return nil, nil
	}
	n, p := (&filterParser{in: v, of: k}).parse()
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
func (s *Simulator) deltaPage(c *call, k *class, st deltaState, sel *selection, latest bool) (*deltaPage, *problem) {
	s.dir.mu.RLock()
	defer s.dir.mu.RUnlock()
	how := s.how.get()
	if !st.Begun {
		st.Begun, st.UpTo, st.Again = true, k.past.last(), how.Replay
	}
	page := &deltaPage{call: c, of: k, sel: sel, minimal: prefersMinimal(c.r), link: st}
	if latest {
		page.last = true
		return page, nil
	}
	if st.Gap {
		page.link.Gap = false
		return page, nil
	}
	objects, next, p := k.objects(c, st, sel)
	if p != nil {
		return nil, p
	}
	if how.Replay && len(objects) > 0 {
		objects = append(objects, objects[0])
	}
	page.objects, page.last = objects, next.done
	page.link.deltaPlace, page.link.Gap = next, how.EmptyPages
	return page, nil
}

// deltaPeople returns the people of the page where st begins, and where the next page does.
func (s *Simulator) deltaPeople(c *call, st deltaState, sel *selection) (objects []object, next deltaPlace, p *problem) {
	var items []item
	size := s.how.get().DeltaPageSize
	if st.Initial {
		items, next = s.dir.everybody(st.From, size, idSet(st.IDs))
	} else {
		all, p := s.deltaChanges(c, s.people, st, sel)
		if p != nil {
			return nil, next, p
		}
		from := min(st.From, len(all))
		to := min(from+size, len(all))
		items, next = all[from:to], deltaPlace{From: to, done: to == len(all)}
	}
	for _, it := range items {
		objects = append(objects, s.dir.object(it))
	}
	return objects, next, nil
}

// deltaChanges returns what a round after the first tells.
func (s *Simulator) deltaChanges(c *call, k *class, st deltaState, sel *selection) ([]item, *problem) {
	after := st.After
	if st.Again && after > k.past.forgotten {
		after--
	}
	changes, ok := k.past.between(after, st.UpTo)
	if !ok {
		return nil, expired(c, k, st, Gone)
	}
	return collect(changes, sel, idSet(st.IDs)), nil
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
func (d *Directory) everybody(from, size int, ids map[guid]bool) (items []item, next deltaPlace) {
	for n := from; n < len(d.slots); n++ {
		p := d.shown(int32(n))
		if p == nil || ids != nil && !ids[p.id] {
			continue
		}
		if len(items) == size {
			return items, deltaPlace{From: n}
		}
		items = append(items, item{slot: int32(n), id: p.id, whole: true})
	}
	return items, deltaPlace{done: true}
}

// collect folds changes into one item for each person or group, those left out that the selection does not touch.
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
		if ch.relation && sel.relation {
			it.touched = append(it.touched, touch{ch.other, ch.member})
		}
	}
	return all
}

func (ch change) touches(sel *selection) bool {
	if ch.kind != changed || ch.relation && sel.relation {
		return true
	}
	for _, n := range ch.props {
		if sel.wants(n) {
			return true
		}
	}
	return false
}

// object is an item joined with the person or group as they are now.
type object struct {
	item
	person  *person // nil when deleted
	gone    bool    // for good
	skip    bool    // another has the id now and is sent in their place
	boss    *person
	members []memberEntry
}

func (d *Directory) object(it item) object {
	o := object{item: it, person: d.shown(it.slot)}
	if o.person == nil {
		o.gone = d.slots[it.slot].person == nil
		_, again := d.byID[it.id]
		o.skip = o.gone && again
		return o
	}
	if boss := o.person.manager; boss != none {
		o.boss = d.slots[boss].person // also a deleted one: when they are restored nobody tells of it
	}
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
	BadlyFormed                     // 400 BadRequest "Badly formed token", without a Location
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

func (e *epochs) check(c *call, k *class, st deltaState) *problem {
	e.mu.Lock()
	defer e.mu.Unlock()
	if st.Epoch >= len(e.ended) {
		return nil
	}
	return expired(c, k, st, e.ended[st.Epoch])
}

func expired(c *call, k *class, st deltaState, as Expiry) *problem {
	const message = "The sync state generation is not found. Please perform a full sync without a token."
	switch as {
	case BadlyFormed:
		return badlyFormed()
	case SyncStateNotFound:
		return refuse(http.StatusBadRequest, "syncStateNotFound", message)
	case Gone:
		return refuse(http.StatusGone, "syncStateNotFound", message)
	}
	p := refuse(http.StatusGone, "resyncRequired", "Resync required. Replace any local items with the server's version.")
	location := c.base + "/v1.0/" + k.set + "/delta?$deltatoken="
	if st.Asked {
		location += "&$select=" + url.QueryEscape(st.Select)
	}
	p.header = map[string]string{"Location": location}
	return p
}
