package simulator

import (
	"encoding/json"
	"strings"
)

// batchItem is one request of a $batch as the client wrote it.
type batchItem struct {
	ID        string            `json:"id"`
	Method    string            `json:"method"`
	URL       string            `json:"url"`
	Headers   map[string]string `json:"headers"`
	Body      json.RawMessage   `json:"body"`
	DependsOn []string          `json:"dependsOn"`
}

// parseBatch reads a batch and refuses what Graph refuses as a whole.
func parseBatch(body []byte) ([]*part, *problem) {
	var doc struct {
		Requests []batchItem `json:"requests"`
	}
	if json.Unmarshal(body, &doc) != nil || len(doc.Requests) == 0 {
		return nil, badRequest("Invalid batch payload format.")
	}
	if len(doc.Requests) > maxParts {
		return nil, badRequest("Number of batch request steps exceeds the maximum value of %d.", maxParts)
	}
	byKey := make(map[string]*part, len(doc.Requests))
	parts := make([]*part, len(doc.Requests))
	for i, item := range doc.Requests {
		pt := &part{batchItem: item, key: strings.ToLower(item.ID)}
		if p := pt.check(); p != nil {
			return nil, p
		}
		if byKey[pt.key] != nil {
			return nil, badRequest("Request Id : %s has been used more than once in the batch.", item.ID)
		}
		byKey[pt.key], parts[i] = pt, pt
	}
	for _, pt := range parts {
		for _, id := range pt.DependsOn {
			need := byKey[strings.ToLower(id)]
			if need == nil {
				return nil, badRequest("Request Id : %s depends on %s, which is not in the batch.", pt.ID, id)
			}
			pt.needs = append(pt.needs, need)
		}
	}
	for _, pt := range parts {
		if pt.needsItself() {
			return nil, badRequest("Request Id : %s depends on itself.", pt.ID)
		}
	}
	return parts, nil
}

func (pt *part) check() *problem {
	path, _, _ := strings.Cut(pt.URL, "?")
	switch {
	case pt.ID == "", pt.Method == "", pt.URL == "":
		return badRequest("Invalid batch payload format.")
	case strings.Contains(path, "://"):
		return badRequest("Invalid batch payload format. The url of request %s is not relative.", pt.ID)
	case pt.hasBody() && pt.headers()["content-type"] == "":
		return badRequest("Write request id : %s does not contain Content-Type header or body.", pt.ID)
	case pt.hasBody() && pt.Body[0] != '{' && strings.HasPrefix(pt.headers()["content-type"], "application/json"):
		return badRequest("Invalid batch payload format. The body of request %s is no JSON object.", pt.ID)
	}
	return nil
}

// hasBody reports whether there is one; Microsoft's SDK writes a null where there is none.
func (pt *part) hasBody() bool { return len(pt.Body) > 0 && string(pt.Body) != "null" }

// headers returns those of the part by their names in lower case.
func (pt *part) headers() map[string]string {
	all := make(map[string]string, len(pt.Headers))
	for name, value := range pt.Headers {
		all[strings.ToLower(name)] = value
	}
	return all
}

// needsItself reports whether the dependencies of a part lead back to it.
func (pt *part) needsItself() bool {
	seen := make(map[*part]bool)
	for open := pt.needs; len(open) > 0; open = open[1:] {
		if open[0] == pt {
			return true
		}
		if !seen[open[0]] {
			seen[open[0]] = true
			open = append(open, open[0].needs...)
		}
	}
	return false
}
