package simulator

import (
	"net/http"
	"strconv"
	"time"
)

func stateEndpoints() []adminEndpoint {
	return []adminEndpoint{
		{"POST /expire-delta-links", "make all delta and next links handed out so far expired ones, as goneWithLocation, gone, " +
			"syncStateNotFound or badlyFormed", `{"as":"goneWithLocation"}`, (*Simulator).adminExpire},
		{"POST /revoke-tokens", "refuse all access tokens issued so far", "", (*Simulator).adminRevoke},
		{"GET /clock", "the tenant's time, and how far it is ahead", "", (*Simulator).adminClock},
		{"POST /clock", "move the clock ahead", `{"advance":"168h"}`, (*Simulator).adminAdvance},
		{"GET /requests", "what has been asked, the last 100,000 or ?last=N; count and units are those of all", "", (*Simulator).adminRequests},
		{"DELETE /requests", "forget the requests so far", "", (*Simulator).adminForgetRequests},
		{"GET /quota", "the quota that is in force", "", (*Simulator).adminQuota},
		{"PUT /quota", "give every app a full bucket of so many resource units; 0 as Graph, -1 without a limit",
			`{"units":100,"window":"10s","silent":false}`, (*Simulator).adminSetQuota},
		{"GET /behaviour", "what the tenant does differently", "", (*Simulator).adminBehaviour},
		{"PATCH /behaviour", "switch some of it", `{"deltaPageSize":50,"emptyPages":true}`, (*Simulator).adminBehave},
	}
}

func (s *Simulator) adminExpire(r *http.Request) (any, error) {
	var doc struct {
		As *string `json:"as"`
	}
	if err := readJSON(r, &doc); err != nil {
		return nil, err
	}
	if doc.As == nil {
		return nil, badField("as", "it is missing; want %s", oneOf(expiryNames))
	}
	var as Expiry
	if err := as.UnmarshalText([]byte(*doc.As)); err != nil {
		return nil, badField("as", "%v", err)
	}
	s.ExpireDeltaTokens(as)
	return nil, nil
}

func (s *Simulator) adminRevoke(*http.Request) (any, error) {
	s.RevokeTokens()
	return nil, nil
}

type clockDoc struct {
	Now   time.Time `json:"now"`
	Ahead string    `json:"ahead"`
}

func (s *Simulator) adminClock(*http.Request) (any, error) {
	return clockDoc{s.Now().UTC(), s.clock.leads().String()}, nil
}

func (s *Simulator) adminAdvance(r *http.Request) (any, error) {
	var doc struct {
		Advance string `json:"advance"`
	}
	if err := readJSON(r, &doc); err != nil {
		return nil, err
	}
	var by time.Duration
	err := setDuration(&by, doc.Advance)
	if err == nil {
		err = s.clock.advance(by)
	}
	if err != nil {
		return nil, badField("advance", "%v", err)
	}
	return s.adminClock(r)
}

type requestDoc struct {
	Time   time.Time   `json:"time"`
	Method string      `json:"method"`
	URL    string      `json:"url"`
	Header http.Header `json:"header"`
	Status int         `json:"status"`
	Units  int         `json:"units"`
	Parts  []partDoc   `json:"parts,omitempty"`
}

type partDoc struct {
	ID     string      `json:"id"`
	Method string      `json:"method"`
	URL    string      `json:"url"`
	Header http.Header `json:"header"`
	Status int         `json:"status"`
	Units  int         `json:"units"`
}

func (r Request) doc() requestDoc {
	d := requestDoc{r.Time.UTC(), r.Method, r.URL, r.Header, r.Status, r.Units, nil}
	for _, part := range r.Parts {
		d.Parts = append(d.Parts, partDoc(part))
	}
	return d
}

type requestsDoc struct {
	Count    int          `json:"count"`
	Units    int          `json:"units"`
	Requests []requestDoc `json:"requests"`
}

func (s *Simulator) adminRequests(r *http.Request) (any, error) {
	list, total := s.log.tell()
	if text := r.URL.Query().Get("last"); text != "" {
		last, err := strconv.Atoi(text)
		if err != nil || last < 0 {
			return nil, badField("last", "%.60q is not a number of requests", text)
		}
		list = list[max(0, len(list)-last):]
	}
	doc := requestsDoc{total.Requests, total.Units, make([]requestDoc, len(list))}
	for i, one := range list {
		doc.Requests[i] = one.doc()
	}
	return doc, nil
}

func (s *Simulator) adminForgetRequests(*http.Request) (any, error) {
	s.ResetRequests()
	return nil, nil
}

type quotaDoc struct {
	Units  int    `json:"units"`
	Window string `json:"window"`
	Silent bool   `json:"silent"`
}

func (s *Simulator) adminQuota(*http.Request) (any, error) {
	q := s.Quota()
	return quotaDoc{q.Units, q.Window.String(), q.Silent}, nil
}

func (s *Simulator) adminSetQuota(r *http.Request) (any, error) {
	var doc quotaDoc
	if err := readJSON(r, &doc); err != nil {
		return nil, err
	}
	q := Quota{Units: doc.Units, Silent: doc.Silent}
	if doc.Window != "" {
		if err := setDuration(&q.Window, doc.Window); err != nil {
			return nil, badField("window", "%v", err)
		}
		if q.Window <= 0 {
			return nil, badField("window", "%v is not a positive time", q.Window)
		}
	}
	s.SetQuota(q)
	return s.adminQuota(r)
}

func (s *Simulator) adminBehaviour(*http.Request) (any, error) { return s.Behaviour(), nil }

func (s *Simulator) adminBehave(r *http.Request) (any, error) {
	body, err := readBody(r) // before change, which holds everybody up
	if err != nil {
		return nil, err
	}
	var after Behaviour
	err = s.how.change(func(b *Behaviour) error {
		if err := parseJSON(body, b); err != nil {
			return err
		}
		if b.DeltaPageSize < 1 {
			return badField("deltaPageSize", "%d is not a number of people", b.DeltaPageSize)
		}
		if b.FilterClauses < 0 {
			return badField("filterClauses", "%d is not a number of clauses", b.FilterClauses)
		}
		if b.ListPageSize < 0 {
			return badField("listPageSize", "%d is not a number of people", b.ListPageSize)
		}
		after = *b
		return nil
	})
	if err != nil {
		return nil, err
	}
	return after, nil
}
