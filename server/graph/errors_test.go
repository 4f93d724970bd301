package graph

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

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

// TestCodesAreWords has Graph and its sign-in name their failures by what could be anything.
func TestCodesAreWords(t *testing.T) {
	for code, shown := range map[string]string{
		"Request_ResourceNotFound":    "Request_ResourceNotFound",
		"a.b-c_9":                     "a.b-c_9",
		strings.Repeat("x", 80):       strings.Repeat("x", 80),
		strings.Repeat("x", 81):       "invalid-code",
		"ana.kovac@contoso.com":       "invalid-code",
		"Ana Kova\u010d":              "invalid-code",
		"a\nlevel=ERROR msg=\"gone\"": "invalid-code",
		"a\u202eb":                    "invalid-code",
		"\xff":                        "invalid-code",
		"":                            "",
	} {
		body, err := json.Marshal(map[string]any{"error": map[string]string{"code": code, "message": "ana.kovac@contoso.com"}})
		if err != nil {
			t.Fatal(err)
		}
		for _, status := range []int{400, 401, 403, 404, 409, 410, 429, 500, 503} {
			response := answer(status, "request-id", code)
			response.Body = io.NopCloser(strings.NewReader(string(body)))
			want := "(" + fmt.Sprint(status)
			if shown != "" {
				want += " " + shown
			}
			if shown == code && code != "" {
				want += ", request-id " + code
			}
			if err := responseError(response, "X.Read"); !strings.HasSuffix(err.Error(), want+")") || cache.RequestID(err) != strings.ReplaceAll(shown, "invalid-code", "") {
				t.Errorf("%d %q is told as %q, request id %q; want %q", status, code, err, cache.RequestID(err), want)
			}
		}
		signIn, err := json.Marshal(map[string]any{"error": code, "error_codes": make([]int, 10_000), "error_description": "ana.kovac@contoso.com"})
		if err != nil {
			t.Fatal(err)
		}
		for _, status := range []int{400, 401, 429, 500} {
			response := &http.Response{StatusCode: status, Body: io.NopCloser(strings.NewReader(string(signIn)))}
			text := signInError(&azidentity.AuthenticationFailedError{RawResponse: response}).Error()
			if !strings.Contains(text, fmt.Sprint(status, " ", shown)) || strings.Contains(text, "kovac") || strings.Contains(text, "Kova") || len(text) > 300 || strings.Contains(text, "\n") {
				t.Errorf("the sign-in's %d %q is told as %q", status, code, text)
			}
		}
	}
}
