package graph

import (
	"errors"
	"strings"
	"testing"

	"github.com/peopleinsights/peopleinsights/cache"
)

func TestRefusals(t *testing.T) {
	for _, row := range []struct {
		status  int
		headers []string
		want    error
		bad     bool // the token is
	}{
		{403, nil, cache.ErrDenied, false},
		{403, []string{"WWW-Authenticate", `Bearer error="insufficient_claims", claims="e30="`}, cache.ErrDenied, true},
		{401, nil, cache.ErrDenied, true},
		{409, nil, cache.ErrUnavailable, false},
		{507, nil, cache.ErrUnavailable, false},
	} {
		response := answer(row.status, append(row.headers, "request-id", "1234-abcd")...)
		err := responseError(response, "X.Read")
		if !errors.Is(err, row.want) || errors.Is(err, errBadToken) != row.bad || cache.RequestID(err) != "1234-abcd" {
			t.Errorf("%d %v: %v, request id %q", row.status, row.headers, err, cache.RequestID(err))
		}
		if row.status == 409 && strings.Contains(err.Error(), "check the Graph URL") {
			t.Errorf("409: %v", err)
		}
	}
}
