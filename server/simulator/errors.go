package simulator

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// problem is a refusal as Graph words it.
type problem struct {
	status  int
	code    string
	message string
	header  map[string]string
}

func refuse(status int, code, format string, args ...any) *problem {
	return &problem{status: status, code: code, message: fmt.Sprintf(format, args...)}
}

// badRequest is what Graph's gateway says of a request that it cannot read.
func badRequest(format string, args ...any) *problem {
	return refuse(http.StatusBadRequest, "BadRequest", format, args...)
}

// badQuery is what the directory says of a request that it understands but does not support.
func badQuery(format string, args ...any) *problem {
	return refuse(http.StatusBadRequest, "Request_UnsupportedQuery", format, args...)
}

func notFound(id string) *problem {
	return refuse(http.StatusNotFound, "Request_ResourceNotFound",
		"Resource '%s' does not exist or one of its queried reference-property objects are not present.", id)
}

func denied() *problem {
	return refuse(http.StatusForbidden, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")
}

// unknown is what Graph says of a property that a class does not have.
func (k *class) unknown(name string) *problem {
	return badRequest("Could not find a property named '%s' on type 'microsoft.graph.%s'.", name, k.name)
}

func needsAdvanced(operator string) *problem {
	return badQuery("Operator '%s' is not supported because the required parameters might be missing. Try adding $count=true "+
		"query parameter and ConsistencyLevel:eventual header. Refer to https://aka.ms/graph-docs/advanced-queries for more "+
		"information", operator)
}

func (k *class) unfilterable(name string) *problem {
	return badQuery("Unsupported or invalid query filter clause specified for property '%s' of resource '%s'.", name, k.title)
}

func notInLists() *problem {
	return refuse(http.StatusNotImplemented, "NotImplemented", "This operation target is not yet supported.")
}

type innerError struct {
	Code            string `json:"code,omitempty"`
	Date            string `json:"date"`
	Message         string `json:"message,omitempty"`
	RequestID       string `json:"request-id"`
	ClientRequestID string `json:"client-request-id,omitempty"`
	Status          string `json:"status,omitempty"`
}

// body returns Graph's error body. Throttling has a shape of its own.
func (p *problem) body(now time.Time, requestID, clientRequestID string) []byte {
	inner := innerError{Date: graphTime(now), RequestID: requestID, ClientRequestID: clientRequestID}
	if p.status == http.StatusTooManyRequests {
		inner.Code, inner.Status, inner.Message = "429", "429", "Please retry after"
		inner.ClientRequestID = ""
	}
	var doc struct {
		Error struct {
			Code       string     `json:"code"`
			Message    string     `json:"message"`
			InnerError innerError `json:"innerError"`
		} `json:"error"`
	}
	doc.Error.Code, doc.Error.Message, doc.Error.InnerError = p.code, p.message, inner
	b, err := json.Marshal(doc)
	if err != nil {
		return nil // strings only: it cannot happen
	}
	return b
}
