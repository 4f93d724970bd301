package graph

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
	"google.golang.org/protobuf/proto"

	"github.com/peopleinsights/peopleinsights/cache"
	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
)

// page is a page of a collection with Graph's links.
type page[T any] struct {
	cache.Page[T]
	nextLink, deltaLink string
}

// Bounds against a server gone wrong: the largest good page, of 999 people, is
// about 3 MB; the longest property of a directory has 1,024 characters.
const (
	maxPageBytes = 64 << 20
	maxText      = 4 << 10
	maxTexts     = 2000
)

// decoder reads JSON as a stream. Values of another type than the one asked for
// are passed over: they do no harm, and count as not there.
type decoder struct {
	*jsontext.Decoder
	manager *pb.Profile // the newest one that was read
	texts   *lately     // that were read lately
}

// lately are short texts that came so, each at a place that follows from its bytes: names
// of properties, and what many people have in common, are made once.
type lately [1024]string

func (t *lately) of(raw []byte) string {
	if len(raw) > 48 {
		return string(raw)
	}
	h := uint32(2166136261) // FNV-1a
	for _, c := range raw {
		h = (h ^ uint32(c)) * 16777619
	}
	held := &t[h%uint32(len(t))]
	if *held != string(raw) {
		*held = string(raw)
	}
	return *held
}

func newDecoder(body io.Reader) decoder {
	return decoder{jsontext.NewDecoder(&bounded{body, maxPageBytes},
		jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)), &pb.Profile{}, new(lately)}
}

// bounded fails, where io.LimitReader would seem to end.
type bounded struct {
	from io.Reader
	left int
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, fmt.Errorf("more than %d bytes", maxPageBytes)
	}
	n, err := b.from.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}

// decodePeople reads a page of people.
func decodePeople(body io.Reader) (page[cache.Person], error) {
	return decodePage(body, func(d decoder) (cache.Person, bool, error) {
		person, err := d.person()
		return person, person.Profile.GetId() != "", err
	})
}

// decodePage reads a page of a listing or of changes. Each of its items is read by
// item, which tells whether it is one: a null, or something without an id, is none.
func decodePage[T any](body io.Reader, item func(decoder) (T, bool, error)) (page[T], error) {
	d := newDecoder(body)
	var read page[T]
	isPage := false
	err := d.object(func(name string) (err error) {
		switch name {
		case "value":
			isPage = d.PeekKind() == '['
			return d.array(func() error {
				one, ok, err := item(d)
				if err == nil && ok {
					read.Items = append(read.Items, one)
				}
				return err
			})
		case "@odata.nextLink":
			read.nextLink, err = d.link()
		case "@odata.deltaLink":
			read.deltaLink, err = d.link()
		default:
			err = d.SkipValue()
		}
		return err
	})
	if err == nil && !isPage {
		err = &Error{kind: errUnavailable, text: "this is not Microsoft Graph's answer: check the Graph URL (a page without a value)"}
	}
	return read, err
}

// decodePerson reads one person, whole.
func decodePerson(body io.Reader) (cache.Person, error) {
	person, err := newDecoder(body).person()
	if err == nil && person.Profile.GetId() == "" {
		err = &Error{kind: errUnavailable, text: "this is not Microsoft Graph's answer: check the Graph URL (a person without an id)"}
	}
	person.Said = 0
	return person, err
}

// person reads a user resource; a null has no id.
func (d decoder) person() (cache.Person, error) { return d.personInto(&pb.Profile{}) }

func (d decoder) personInto(profile *pb.Profile) (cache.Person, error) {
	p := cache.Person{Profile: profile}
	err := d.object(func(name string) error {
		if property, ok := userProperties[name]; ok {
			p.Said.Add(property.field)
			return property.read(d, &p)
		}
		switch name {
		case "manager", "manager@delta":
			if profile == d.manager { // a manager's own is nobody's concern
				return d.SkipValue()
			}
			p.Said.Add(cache.FieldManager)
			return d.managerOf(&p)
		case "@removed":
			p.Gone = d.PeekKind() != 'n'
		}
		return d.SkipValue()
	})
	return p, err
}

// managerOf reads an expanded manager, or the manager's change: an array although
// there is at most one, in which somebody who is removed has been the manager.
func (d decoder) managerOf(p *cache.Person) error {
	one := func() error {
		proto.Reset(d.manager) // what is kept of a manager is a summary
		manager, err := d.personInto(d.manager)
		switch id := manager.Profile.GetId(); {
		case err != nil || id == "":
		case manager.Gone:
			p.NoLonger = id
		default:
			p.ManagerID = id
			p.Manager = cache.Summary(manager.Profile)
		}
		return err
	}
	if d.PeekKind() == '[' {
		return d.array(one)
	}
	return one()
}

func (d decoder) object(each func(name string) error) error {
	return d.inside('{', '}', func() error {
		name, err := d.quoted()
		if err != nil {
			return err
		}
		return each(name)
	})
}

func (d decoder) array(each func() error) error { return d.inside('[', ']', each) }

func (d decoder) inside(begin, end jsontext.Kind, each func() error) error {
	if kind := d.PeekKind(); kind != begin && kind != 0 {
		return d.SkipValue()
	}
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	for d.PeekKind() != end {
		if d.PeekKind() == 0 {
			_, err := d.ReadToken() // says why
			return err
		}
		if err := each(); err != nil {
			return err
		}
	}
	_, err := d.ReadToken()
	return err
}

func (d decoder) text() (string, error) { return d.string(maxText) }

// link reads a link, which is opaque: cutting it would break it, and passing over what
// is none would end a listing early.
func (d decoder) link() (string, error) {
	switch d.PeekKind() {
	case '"', 'n', 0:
		return d.string(maxPageBytes)
	default:
		return "", errors.New("a link that is no text")
	}
}

// quoted reads the text that is next, which may be a name.
func (d decoder) quoted() (string, error) {
	raw, err := d.ReadValue()
	if err != nil {
		return "", err
	}
	if len(raw) >= 2 && bytes.IndexByte(raw, '\\') < 0 && utf8.Valid(raw) {
		return d.texts.of(raw[1 : len(raw)-1]), nil
	}
	plain, _ := jsontext.AppendUnquote(nil, raw) // what is no UTF-8 has been replaced, which is its error
	return string(plain), nil
}

func (d decoder) string(most int) (string, error) {
	if d.PeekKind() != '"' {
		return "", d.SkipValue()
	}
	text, err := d.quoted()
	if err != nil {
		return "", err
	}
	if len(text) > most {
		for text = text[:most]; !utf8.ValidString(text); {
			text = text[:len(text)-1]
		}
		text = strings.Clone(text) // and does not keep the rest
	}
	return text, nil
}

func (d decoder) list() (list []string, err error) {
	err = d.array(func() error {
		text, err := d.text()
		if text != "" && len(list) < maxTexts {
			list = append(list, text)
		}
		return err
	})
	return list, err
}

// flag reads a boolean, and whether there is one.
func (d decoder) flag() (value, ok bool, err error) {
	switch d.PeekKind() {
	case 't', 'f':
		token, err := d.ReadToken()
		return token.Kind() == 't', true, err
	default:
		return false, false, d.SkipValue()
	}
}

// id reads an object id. GUIDs compare in lower case, whoever wrote them; anything else is
// opaque, and its case counts.
func (d decoder) id() (string, error) {
	id, err := d.text()
	return lowerGUID(id), err
}

func lowerGUID(id string) string {
	if isGUID(id) {
		return strings.ToLower(id)
	}
	return id
}

func isGUID(id string) bool {
	for i := range len(id) {
		switch c := id[i]; {
		case i == 8 || i == 13 || i == 18 || i == 23:
			if c != '-' {
				return false
			}
		case '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F':
		default:
			return false
		}
	}
	return len(id) == 36
}

var isoDate = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}`)

// day reads the day of a date and time; Graph's are UTC.
func (d decoder) day() (string, error) {
	text, err := d.text()
	return isoDate.FindString(text), err
}
