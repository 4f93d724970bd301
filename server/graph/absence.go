package graph

import (
	"context"
	"errors"
	"net/http"
)

// errAbsent is a thing that Graph does not have, where that is an answer.
var errAbsent = errors.New("not there")

type absenceKey struct{}

// mayBeAbsent marks a question for something that need not be there: nothing at all (204), or
// a refusal with 404 or 405, is its answer where is(code) holds. It is not asked again, and Graph is not taken
// for failing.
func mayBeAbsent(ctx context.Context, is func(code string) bool) context.Context {
	return context.WithValue(ctx, absenceKey{}, is)
}

// anyCode is for what may be absent whatever Graph, and whatever stands before it, calls that.
func anyCode(string) bool { return true }

// absence makes of a refusal errAbsent, where that is what it means.
func absence(ctx context.Context, response *http.Response, err error) error {
	is, ok := ctx.Value(absenceKey{}).(func(string) bool)
	known, isError := errors.AsType[*Error](err)
	if !ok || !isError || !errors.Is(known, errUnavailable) {
		return err
	}
	switch response.StatusCode {
	case http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusNoContent:
		if is(known.code) {
			known.kind = errAbsent
		}
	}
	return err
}
