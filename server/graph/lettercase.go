package graph

import (
	"encoding/json"
	"io"
	"slices"
	"strings"
)

// proxied is somebody with their proxy addresses, as Graph spells them.
type proxied struct {
	ID    string   `json:"id"`
	Texts []string `json:"proxyAddresses"`
}

// anyCase tells whether this Graph is known to compare proxy addresses without regard to
// letter case, so that who is not found by smtp: is not by SMTP: either. That is not
// documented: it is tried, once, by asking for somebody whose address is spelled SMTP: by
// smtp:.
func (f *findAll) anyCase() bool {
	if known := f.can.compares(); known != caseUnknown {
		return known == caseIgnored
	}
	for _, one := range f.proxied("") {
		at := slices.IndexFunc(one.Texts, func(text string) bool {
			other, ok := strings.CutPrefix(text, "SMTP:")
			return ok && !slices.Contains(one.Texts, "smtp:"+other)
		})
		if at < 0 {
			continue
		}
		text := "smtp:" + strings.TrimPrefix(one.Texts[at], "SMTP:")
		same := func(p proxied) bool { return p.ID == one.ID }
		found := f.proxied("&$filter=" + escaped("proxyAddresses/any(p:p eq '"+quoted(text)+"')"))
		switch {
		case slices.ContainsFunc(found, same):
			f.can.setCompares(caseIgnored)
			return true
		case found != nil:
			f.can.setCompares(caseKept)
		}
		return false
	}
	return false
}

// proxied asks for some people; nil is no answer.
func (f *findAll) proxied(condition string) (people []proxied) {
	question := newPart("users?$select=id,proxyAddresses&$top=19" + condition)
	err := f.questions([]part{question}, func(_ int, body io.Reader) error {
		var read struct{ Value []proxied }
		err := json.NewDecoder(&bounded{body, maxPageBytes}).Decode(&read)
		people = append([]proxied{}, read.Value...)
		return err
	})[0]
	if err != nil {
		return nil
	}
	return people
}
