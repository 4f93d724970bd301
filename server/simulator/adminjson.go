package simulator

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strings"
)

func readBody(r *http.Request) ([]byte, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, fmt.Errorf("the body could not be read: %w", err)
	}
	return body, nil
}

// readJSON reads the body of a request into a struct.
func readJSON(r *http.Request, into any) error {
	body, err := readBody(r)
	if err != nil {
		return err
	}
	return parseJSON(body, into)
}

// parseJSON fills a struct. Each error says which field has to be mended.
func parseJSON(body []byte, into any) error {
	body = bytes.TrimSpace(body)
	if len(body) == 0 {
		return errors.New("the body is empty; want a JSON object")
	}
	if !json.Valid(body) {
		return fmt.Errorf("the body is not valid JSON: %w", json.Unmarshal(body, new(any)))
	}
	if body[0] != '{' {
		return errors.New("the body is not a JSON object")
	}
	in := json.NewDecoder(bytes.NewReader(body))
	in.DisallowUnknownFields()
	return fieldError(in.Decode(into))
}

// fieldError says of an error of encoding/json what a person needs to know.
func fieldError(err error) error {
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) {
		return badField(wrong.Field, "want %s, not %s", jsonType(wrong.Type), wrong.Value)
	}
	if err != nil {
		return errors.New(strings.TrimPrefix(err.Error(), "json: ")) // unknown field "x"
	}
	return nil
}

func badField(name, format string, args ...any) error {
	return fmt.Errorf("field %q: %s", name, fmt.Sprintf(format, args...))
}

func jsonType(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.Int:
		return "a whole number"
	}
	return "a " + t.Kind().String()
}
