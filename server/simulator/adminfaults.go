package simulator

import (
	"net/http"
	"strconv"
)

func faultEndpoints() []adminEndpoint {
	return []adminEndpoint{
		{"GET /faults", "the faults that are still active", "", (*Simulator).adminFaults},
		{"POST /faults", `make requests fail, and get an id; the fields are path, after, times, delay, status, code, message, ` +
			`retryAfter, location, body, contentType and cut`, `{"path":"/users/delta","status":503,"times":3,"delay":"2s","retryAfter":"5"}`,
			(*Simulator).adminFail},
		{"DELETE /faults", "end all faults", "", (*Simulator).adminClearFaults},
		{"DELETE /faults/{id}", "end one fault", "", (*Simulator).adminClearFault},
	}
}

// faultDoc is a Fault in JSON.
type faultDoc struct {
	Path        string  `json:"path,omitempty"`
	After       int     `json:"after,omitempty"`
	Times       int     `json:"times,omitempty"`
	Delay       string  `json:"delay,omitempty"`
	Status      int     `json:"status,omitempty"`
	Code        string  `json:"code,omitempty"`
	Message     string  `json:"message,omitempty"`
	RetryAfter  string  `json:"retryAfter,omitempty"`
	Location    string  `json:"location,omitempty"`
	Body        *string `json:"body,omitempty"`
	ContentType string  `json:"contentType,omitempty"`
	Cut         bool    `json:"cut,omitempty"`
}

type activeFaultDoc struct {
	ID int `json:"id"`
	faultDoc
}

func (d faultDoc) fault() (Fault, error) {
	f := Fault{
		Path: d.Path, After: d.After, Times: d.Times, Status: d.Status, Code: d.Code, Message: d.Message,
		RetryAfter: d.RetryAfter, Location: d.Location, ContentType: d.ContentType, Cut: d.Cut,
	}
	if d.Body != nil {
		f.Body = []byte(*d.Body)
	}
	if d.Delay != "" {
		if err := setDuration(&f.Delay, d.Delay); err != nil {
			return f, badField("delay", "%v", err)
		}
	}
	return f, f.check()
}

func (f activeFault) doc() activeFaultDoc {
	d := activeFaultDoc{f.id, faultDoc{
		Path: f.Path, After: f.After, Times: f.Times, Status: f.Status, Code: f.Code, Message: f.Message,
		RetryAfter: f.RetryAfter, Location: f.Location, ContentType: f.ContentType, Cut: f.Cut,
	}}
	if f.Body != nil {
		body := string(f.Body)
		d.Body = &body
	}
	if f.Delay != 0 {
		d.Delay = f.Delay.String()
	}
	return d
}

func (s *Simulator) adminFaults(*http.Request) (any, error) {
	list := []activeFaultDoc{}
	for _, f := range s.faults.all() {
		list = append(list, f.doc())
	}
	return list, nil
}

func (s *Simulator) adminFail(r *http.Request) (any, error) {
	var doc faultDoc
	if err := readJSON(r, &doc); err != nil {
		return nil, err
	}
	f, err := doc.fault()
	if err != nil {
		return nil, err
	}
	return map[string]int{"id": s.faults.add(f)}, nil
}

func (s *Simulator) adminClearFaults(*http.Request) (any, error) {
	s.faults.clear()
	return nil, nil
}

func (s *Simulator) adminClearFault(r *http.Request) (any, error) {
	text := r.PathValue("id")
	id, err := strconv.Atoi(text)
	if err != nil {
		return nil, badField("id", "%.60q is not a whole number", text)
	}
	if !s.faults.remove(id) {
		return nil, missing("there is no fault %d; it may be used up", id)
	}
	return nil, nil
}
