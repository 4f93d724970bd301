package insights

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"github.com/peopleinsights/peopleinsights/cache"
	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
)

// invalid collects what is wrong with a request. Descriptions say what a field
// must be, and repeat what it holds for paths of a read mask alone: the rest may be
// a person's address.
type invalid struct {
	within     string // the field that holds those named, with a dot behind it; empty for the request itself
	violations []*errdetails.BadRequest_FieldViolation
}

// invalidField is a request with one wrong field.
func invalidField(field string, err error) error {
	var bad invalid
	bad.add(field, err.Error())
	return bad.err()
}

// Error says what to mend, field by field.
func (bad *invalid) Error() string {
	texts := make([]string, len(bad.violations))
	for i, v := range bad.violations {
		texts[i] = v.Field + " " + v.Description
	}
	return strings.Join(texts, "; ")
}

// named says which fields are wrong, and nothing of what they hold.
func (bad *invalid) named() error {
	fields := make([]string, len(bad.violations))
	for i, v := range bad.violations {
		fields[i] = v.Field
	}
	return fmt.Errorf("invalid: %s", strings.Join(fields, ", "))
}

func (bad *invalid) details() *errdetails.BadRequest {
	return &errdetails.BadRequest{FieldViolations: bad.violations}
}

// maxViolations bounds what one error says: details travel in a header.
const maxViolations = 10

func (bad *invalid) add(field, description string) {
	if len(bad.violations) < maxViolations {
		bad.violations = append(bad.violations, &errdetails.BadRequest_FieldViolation{Field: bad.within + field, Description: description})
	}
}

// err is nil where nothing is wrong.
func (bad *invalid) err() error {
	if len(bad.violations) == 0 {
		return nil
	}
	return bad
}

func (bad *invalid) person(field string, ref *pb.PersonRef) cache.Ref {
	parsed, err := parseRef(ref)
	if err != nil {
		switch ref.GetPerson().(type) {
		case *pb.PersonRef_Id:
			field += ".id"
		case *pb.PersonRef_Email:
			field += ".email"
		}
		bad.add(field, err.Error())
	}
	return parsed
}

// id returns the id of a person or a group, in lower case.
func (bad *invalid) id(field, id string) string {
	ref, err := cache.ByID(id)
	if err != nil {
		bad.add(field, err.Error())
	}
	return ref.ID
}

// address returns whom an address leads to.
func (bad *invalid) address(field, address string) cache.Ref {
	ref, err := cache.ByEmail(address)
	if err != nil {
		bad.add(field, err.Error())
	}
	return ref
}

func parseRef(ref *pb.PersonRef) (cache.Ref, error) {
	switch by := ref.GetPerson().(type) {
	case *pb.PersonRef_Id:
		return cache.ByID(by.Id)
	case *pb.PersonRef_Email:
		return cache.ByEmail(by.Email)
	default:
		return cache.Ref{}, errors.New("must name a person by id or by email")
	}
}

// mask reads a read mask, and whether it asks for the rich profile.
func (bad *invalid) mask(field string, paths *fieldmaskpb.FieldMask) (m *mask, rich bool) {
	m, rich, err := newMask(paths)
	if err != nil {
		bad.add(field, err.Error())
	}
	return m, rich || slices.Contains(paths.GetPaths(), "*")
}

// plainMask reads a read mask of many people, which may not name the rich profile.
func (bad *invalid) plainMask(field string, paths *fieldmaskpb.FieldMask) *mask {
	m, rich, err := newMask(paths)
	switch {
	case err != nil:
		bad.add(field, err.Error())
	case rich:
		bad.add(field, "must not name fields of the rich profile (about_me, skills, interests, responsibilities, past_projects, schools), which is read for one person at a time: ask GetProfile for it")
	}
	return m
}

func (bad *invalid) maxStaleness(field string, d *durationpb.Duration) time.Duration {
	if d == nil {
		return cache.AnyAge
	}
	if d.CheckValid() != nil || d.AsDuration() < 0 {
		bad.add(field, "must be a duration of zero or more")
	}
	return d.AsDuration()
}

func (bad *invalid) inBatch(field string, n int) {
	if n > maxBatch {
		bad.add(field, fmt.Sprintf("must be at most %d, not %d", maxBatch, n))
	}
}

func (bad *invalid) text(field, text string, most int) string {
	if n := utf8.RuneCountInString(text); n > most {
		bad.add(field, fmt.Sprintf("must be at most %d characters, not %d", most, n))
	}
	return text
}

// some is a text that must not be empty.
func (bad *invalid) some(field, text string) string {
	if text == "" {
		bad.add(field, "must not be empty")
	}
	return text
}

func (bad *invalid) pageSize(field string, size int32, usual, most int) int {
	switch {
	case size == 0:
		return usual
	case size < 0 || int(size) > most:
		bad.add(field, fmt.Sprintf("must be from 1 to %d, or 0 for %d, not %d", most, usual, size))
	}
	return int(size)
}
