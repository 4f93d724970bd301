package simulator

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// options are the OData query options of a request: the name in lower case without its $ → value. Graph ignores
// parameters without a $.
type options map[string]string

func parseOptions(raw string, allowed ...string) (options, *problem) {
	o := make(options)
	for part := range strings.SplitSeq(raw, "&") { // url.ParseQuery refuses the semicolons of $expand
		key, value, _ := strings.Cut(part, "=")
		key, err := url.QueryUnescape(key)
		if err == nil {
			value, err = url.QueryUnescape(value)
		}
		if err != nil {
			return nil, badRequest("The query specified in the URI is not valid.")
		}
		name, ok := strings.CutPrefix(strings.ToLower(key), "$")
		if !ok {
			continue
		}
		if _, twice := o[name]; twice {
			return nil, badRequest("Query option '$%s' was specified more than once, but it must be specified at most once.", name)
		}
		if !slices.Contains(allowed, name) {
			return nil, badRequest("The query parameter '$%s' is not supported.", name)
		}
		o[name] = value
	}
	return o, nil
}

// selection is the properties to answer with.
type selection struct {
	asked    bool     // there was a $select
	names    []string // as asked, for the context
	wanted   []bool   // by number
	relation bool     // delta queries select the manager or the members like a property
	profile  bool     // some of them live outside the directory
	mailbox  bool     // mailboxSettings is among them
	site     bool     // and others, which SharePoint keeps
	barred   []string // not nil when the caller may read nothing but the id: all others, to be shown as null
}

func (sel *selection) want(f field) {
	for int(f.number) >= len(sel.wanted) {
		sel.wanted = append(sel.wanted, false)
	}
	sel.wanted[f.number] = true
}

func (sel *selection) wants(number uint16) bool {
	return int(number) < len(sel.wanted) && sel.wanted[number]
}

// context returns the part of an @odata.context that lists the properties.
func (sel *selection) context() string {
	if !sel.asked {
		return ""
	}
	return "(" + strings.Join(sel.names, ",") + ")"
}

// parseSelect reads a $select; without one it is Graph's default set.
func (k *class) parseSelect(value string, asked bool) (selection, *problem) {
	sel := selection{asked: asked, wanted: make([]bool, len(k.table))}
	if !asked || strings.TrimSpace(value) == "" {
		sel.asked = false
		for n, p := range k.table {
			sel.wanted[n] = p.use&byDefault != 0
		}
		return sel, nil
	}
	for name := range strings.SplitSeq(value, ",") {
		name = strings.TrimSpace(name)
		if i := slices.IndexFunc(k.relations, func(r string) bool { return strings.EqualFold(r, name) }); i >= 0 {
			sel.relation = sel.relation || i == 0
			sel.names = append(sel.names, k.relations[i])
			continue
		}
		f, ok := k.find(name)
		if !ok {
			return sel, k.unknown(name)
		}
		sel.want(f)
		sel.names = append(sel.names, f.name)
		sel.profile = sel.profile || f.use&singleOnly != 0
		sel.mailbox = sel.mailbox || f.name == "mailboxSettings"
		sel.site = sel.site || f.use&singleOnly != 0 && f.name != "mailboxSettings"
	}
	return sel, nil
}

// limit takes away what the caller's permissions do not show.
func (sel *selection) limit(g grant) {
	if g.may(readUsers...) {
		return
	}
	for n := range sel.wanted {
		sel.wanted[n] = sel.wanted[n] && n < len(known) && known[n].use&basic != 0
	}
}

// expansion is an $expand=manager.
type expansion struct {
	sel    selection
	levels int  // how many managers upwards
	deep   bool // $levels was given, which makes it an advanced query
}

const maxLevels = 1000

// parseExpand reads an $expand. Of the relations that Graph expands the simulator has the manager.
func (s *Simulator) parseExpand(value string) (*expansion, *problem) {
	name, args, nested := strings.Cut(strings.TrimSpace(value), "(")
	if !strings.EqualFold(strings.TrimSpace(name), "manager") {
		return nil, badRequest("Parsing OData Select and Expand failed: Could not find a property named '%s' on type "+
			"'microsoft.graph.user'.", strings.TrimSpace(name))
	}
	e := &expansion{levels: 1}
	var selected string
	var asked bool
	if nested {
		args, closed := strings.CutSuffix(strings.TrimSpace(args), ")")
		if !closed {
			return nil, badRequest("Parsing OData Select and Expand failed: Found an unbalanced bracket expression.")
		}
		for option := range strings.SplitSeq(args, ";") {
			key, v, _ := strings.Cut(strings.TrimSpace(option), "=")
			switch strings.ToLower(strings.TrimSpace(key)) {
			case "$select":
				selected, asked = v, true
			case "$levels":
				if e.levels, e.deep = parseLevels(v); !e.deep {
					return nil, badRequest("Parsing OData Select and Expand failed: '%s' is not a valid value for $levels.", v)
				}
			default:
				return nil, badRequest("Parsing OData Select and Expand failed: '%s' is not supported in $expand.", key)
			}
		}
	}
	var p *problem
	e.sel, p = s.people.parseSelect(selected, asked)
	if p == nil && e.sel.profile {
		p = notInLists()
	}
	return e, p
}

func parseLevels(v string) (n int, ok bool) {
	if strings.EqualFold(v, "max") {
		return maxLevels, true
	}
	n, err := strconv.Atoi(v)
	return n, err == nil && n >= 1 && n <= maxLevels
}

// listQuery is everything that shapes a list.
type listQuery struct {
	of     *class
	sel    selection
	expand *expansion
	filter *node
	search *clause
	order  []sortKey
	top    int
	count  bool // the total is wanted and may be had
	at     cursor
	mixed  *mixture // of a list of more than one class
	first  bool     // no page came before
}

func (q *listQuery) matches(p *person) bool {
	return (q.filter == nil || q.filter.match(p)) && (q.search == nil || q.search.match(p))
}

const defaultTop, maxTop = 100, 999

// parseList reads the options of a list and refuses what Graph refuses.
func (s *Simulator) parseList(c *call, o options, k *class) (*listQuery, *problem) {
	q := &listQuery{of: k, top: defaultTop, first: true}
	selected, asked := o["select"]
	var p *problem
	if q.sel, p = k.parseSelect(selected, asked); p != nil {
		return nil, p
	}
	if q.sel.profile {
		return nil, notInLists()
	}
	if k == s.people {
		q.sel.limit(c.grant)
	}
	if v, ok := o["top"]; ok {
		if q.top, p = parseTop(v); p != nil {
			return nil, p
		}
	}
	how := s.how.get()
	if how.ListPageSize > 0 {
		q.top = min(q.top, how.ListPageSize)
	}
	full := c.eventual() && strings.EqualFold(o["count"], "true")
	q.count = full
	if p := s.parseConditions(c, o, q, full); p != nil {
		return nil, p
	}
	if v, ok := o["expand"]; ok {
		if q.expand, p = s.parseExpand(v); p != nil {
			return nil, p
		}
		if p := q.mayExpand(c, full); p != nil {
			return nil, p
		}
		if q.filter != nil && how.RefuseExpandedFilters {
			return nil, badQuery("$expand is not supported together with $filter.")
		}
	}
	if token, ok := o["skiptoken"]; ok {
		if !s.opened(k.skip, token, &q.at) {
			return nil, refuse(400, "Request_BadRequest", "Badly formed token")
		}
		q.first = false
	}
	return q, nil
}

func parseTop(v string) (int, *problem) {
	n, err := strconv.Atoi(v)
	if err != nil || n < 0 {
		return 0, badRequest("Invalid value '%s' for $top query option found. The $top query option requires a non-negative "+
			"integer value.", v)
	}
	if n < 1 || n > maxTop {
		return 0, refuse(400, "Request_BadRequest", "Invalid page size specified: '%d'. Must be between 1 and %d inclusive.", n, maxTop)
	}
	return n, nil
}

// parseConditions reads $filter, $search and $orderby. full says whether the request is an advanced query.
func (s *Simulator) parseConditions(c *call, o options, q *listQuery, full bool) (p *problem) {
	if v, ok := o["filter"]; ok {
		if q.filter, p = parseFilter(v, q.of, full, s.how.get().clauses()); p != nil {
			return p
		}
		if s.how.get().ExactPrefixes {
			q.filter.exact(q.of)
		}
		if f, joined := q.filter.joined(); joined && s.how.get().RefuseJoinedFilters {
			return q.of.unfilterable(f.name)
		}
	}
	if v, ok := o["search"]; ok {
		if !c.eventual() {
			return badQuery("Request with $search query parameter only works through MSGraph with a special request header: " +
				"'ConsistencyLevel: eventual'")
		}
		if q.search, p = parseSearch(v, q.of); p != nil {
			return p
		}
	}
	if v, ok := o["orderby"]; ok {
		if q.order, p = q.of.parseOrder(v); p != nil {
			return p
		}
		if !full && (q.filter != nil || q.search != nil || slices.ContainsFunc(q.order, sortKey.advanced)) {
			return badQuery("Sorting not supported for current query.")
		}
	}
	return nil
}

// mayExpand checks an $expand against the rest: the index behind advanced queries has no relations, but for $levels.
func (q *listQuery) mayExpand(c *call, full bool) *problem {
	switch {
	case !c.grant.may(readUsers...):
		return denied()
	case q.expand.deep && !full:
		return needsAdvanced("$levels")
	case !q.expand.deep && (full || q.search != nil):
		return badQuery("$expand is not supported with advanced query parameters. Refer to https://aka.ms/graph-docs/advanced-queries " +
			"for more information")
	}
	return nil
}

// units returns what Graph charges for a request; base is the price of its path.
func units(base int, o options) int {
	if _, ok := o["select"]; ok {
		base--
	}
	if _, ok := o["expand"]; ok {
		base++
	}
	if n, err := strconv.Atoi(o["top"]); err == nil && n < 20 {
		base--
	}
	return max(base, 1)
}

// queryValue returns one parameter of a query whose others may be anything.
func queryValue(raw, name string) string {
	for part := range strings.SplitSeq(raw, "&") {
		key, value, _ := strings.Cut(part, "=")
		key, err := url.QueryUnescape(key)
		if err != nil || !strings.EqualFold(key, name) {
			continue
		}
		if value, err = url.QueryUnescape(value); err == nil {
			return value
		}
	}
	return ""
}
