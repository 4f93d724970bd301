package simulator

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// faultSettings are the keys of ParseFault that have a value.
var faultSettings = map[string]func(f *Fault, value string) error{
	"path":         func(f *Fault, v string) error { f.Path = v; return nil },
	"after":        func(f *Fault, v string) error { return setNumber(&f.After, v) },
	"times":        func(f *Fault, v string) error { return setNumber(&f.Times, v) },
	"delay":        func(f *Fault, v string) error { return setDuration(&f.Delay, v) },
	"status":       func(f *Fault, v string) error { return setNumber(&f.Status, v) },
	"code":         func(f *Fault, v string) error { f.Code = v; return nil },
	"message":      func(f *Fault, v string) error { f.Message = v; return nil },
	"retry-after":  func(f *Fault, v string) error { f.RetryAfter = v; return nil },
	"location":     func(f *Fault, v string) error { f.Location = v; return nil },
	"content-type": func(f *Fault, v string) error { f.ContentType = v; return nil },
	"body":         func(f *Fault, v string) error { f.Body = []byte(v); return nil },
}

const faultKeys = "path, after, times, delay, status, code, message, retry-after, location, content-type, cut or body"

// ParseFault reads a fault from a text such as
//
//	path=/users/delta,status=503,times=3,delay=2s,retry-after=5
//
// The keys are path, after, times, delay, status, code, message, retry-after, location, content-type and body, and cut,
// which stands alone. Each may be given once. A backslash before a comma or a backslash makes it part of the value. A body
// comes last: it is all the rest, as it stands.
func ParseFault(text string) (Fault, error) {
	if strings.TrimSpace(text) == "" {
		return Fault{}, errors.New("the fault is empty; want something like path=/users/delta,status=503,times=3")
	}
	var f Fault
	given := make(map[string]bool)
	for more := true; more; {
		var s setting
		s, text, more = nextSetting(text)
		if given[s.key] {
			return Fault{}, fmt.Errorf("fault: %s is given twice", s.key)
		}
		given[s.key] = true
		if err := s.apply(&f); err != nil {
			return Fault{}, fmt.Errorf("fault: %w", err)
		}
	}
	if err := f.check(); err != nil {
		return Fault{}, fmt.Errorf("fault: %w", err)
	}
	return f, nil
}

// setting is one key of a fault's text.
type setting struct {
	key, value string
	equals     bool // there was a value, even if it is empty
}

// nextSetting cuts the first setting off.
func nextSetting(text string) (s setting, rest string, more bool) {
	if key, value, ok := strings.Cut(text, "="); ok && strings.TrimSpace(key) == "body" {
		return setting{"body", value, true}, "", false
	}
	part, rest, more := cutComma(text)
	s.key, s.value, s.equals = strings.Cut(part, "=")
	s.key = strings.TrimSpace(s.key)
	return s, rest, more
}

// cutComma returns what is before the first comma without a backslash, its backslashes taken out, and what is after.
func cutComma(text string) (part, rest string, more bool) {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == ',':
			return b.String(), text[i+1:], true
		case text[i] == '\\' && i+1 < len(text) && (text[i+1] == ',' || text[i+1] == '\\'):
			i++
		}
		b.WriteByte(text[i])
	}
	return b.String(), "", false
}

func (s setting) apply(f *Fault) error {
	if s.key == "cut" {
		if s.equals {
			return errors.New("cut takes no value")
		}
		f.Cut = true
		return nil
	}
	set, ok := faultSettings[s.key]
	switch {
	case s.key == "" && !s.equals:
		return errors.New("there is nothing between two commas, or at the end")
	case !ok:
		return fmt.Errorf(`unknown key %.60q; want %s (a comma in a value is written \,)`, s.key, faultKeys)
	case !s.equals:
		return fmt.Errorf("%s has no value; want %s=…", s.key, s.key)
	}
	if err := set(f, s.value); err != nil {
		return fmt.Errorf("%s: %w", s.key, err)
	}
	return nil
}

func setNumber(n *int, text string) (err error) {
	if *n, err = strconv.Atoi(text); err != nil {
		return fmt.Errorf("%.60q is not a whole number", text)
	}
	return nil
}

func setDuration(d *time.Duration, text string) (err error) {
	if *d, err = time.ParseDuration(text); err != nil {
		return fmt.Errorf("%.60q is not a time such as 2s or 150ms", text)
	}
	return nil
}

// check tells whether a fault that somebody has written makes sense.
func (f Fault) check() error {
	switch {
	case f.After < 0:
		return errors.New("after is negative; want how many requests pass first")
	case f.Times < 0:
		return errors.New("times is negative; want how many requests are hit, 0 for all")
	case f.Delay < 0:
		return errors.New("delay is negative")
	case f.Status != 0 && (f.Status < 200 || f.Status > 599):
		return fmt.Errorf("status is %d; want 200 to 599", f.Status)
	case f.ContentType != "" && f.Body == nil:
		return errors.New("the content type belongs to a body, and there is none")
	case f.Status != 0:
		return nil
	}
	for _, given := range []struct {
		what string
		is   bool
	}{
		{"code", f.Code != ""}, {"message", f.Message != ""}, {"Retry-After", f.RetryAfter != ""},
		{"location", f.Location != ""}, {"body", f.Body != nil},
	} {
		if given.is {
			return fmt.Errorf("%s has no effect without a status", given.what)
		}
	}
	if f.Delay == 0 && !f.Cut {
		return errors.New("nothing goes wrong; want a status, a delay or cut")
	}
	return nil
}
