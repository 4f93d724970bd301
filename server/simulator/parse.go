package simulator

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// managerProperty names the manager in files and changes. Graph has no such property: there it is a relation.
const managerProperty = "managerId"

// mailboxProperty says whether somebody has a mailbox. Graph has no such property either.
const mailboxProperty = "mailbox"

// parsed is a user or group resource read from JSON, before anybody knows whether it fits the directory.
type parsed struct {
	members    []member
	id         guid
	hasID      bool
	manager    guid
	hasManager bool // managerId was given and is not null
	setManager bool // managerId was given
	mailbox    mailbox
	setMailbox bool // mailbox was given
	memberIDs  []guid
	setMembers bool // memberIds was given
	ownerIDs   []guid
	setOwners  bool // ownerIds was given
}

type member struct {
	field field
	value string // compact JSON
}

func (p *parsed) find(number uint16) (value string, ok bool) {
	for _, m := range p.members {
		if m.field.number == number {
			return m.value, true
		}
	}
	return "", false
}

// parser reads resources of one type, those of users unless kind says otherwise. It keeps its buffers between them.
type parser struct {
	words *vocabulary
	kind  objectKind
	in    jsontext.Decoder
	buf   bytes.Buffer
	seen  map[uint16]bool
}

func newParser(words *vocabulary) *parser {
	return &parser{words: words, seen: make(map[uint16]bool)}
}

// parse reads one JSON object and checks every property by itself.
func (ps *parser) parse(data []byte) (parsed, error) {
	ps.buf.Reset()
	ps.buf.Write(data)
	ps.in.Reset(&ps.buf)
	var p parsed
	if ps.in.PeekKind() != '{' {
		if _, err := ps.in.ReadValue(); err != nil {
			return p, fmt.Errorf("not valid JSON: %w", err)
		}
		return p, errors.New("not a JSON object")
	}
	if _, err := ps.in.ReadToken(); err != nil {
		return p, fmt.Errorf("not valid JSON: %w", err)
	}
	clear(ps.seen)
	for ps.in.PeekKind() != '}' {
		if err := ps.member(&p); err != nil {
			return p, err
		}
	}
	if _, err := ps.in.ReadToken(); err != nil {
		return p, fmt.Errorf("not valid JSON: %w", err)
	}
	if rest := bytes.TrimSpace(data[ps.in.InputOffset():]); len(rest) > 0 {
		return p, fmt.Errorf("not valid JSON: %.20q after the object", rest)
	}
	return p, nil
}

func (ps *parser) member(p *parsed) error {
	name, err := ps.in.ReadToken()
	if err != nil {
		return fmt.Errorf("not valid JSON: %w", err)
	}
	key := name.String() // before the next read, which makes the token invalid
	raw, err := ps.in.ReadValue()
	if err != nil {
		return fmt.Errorf("not valid JSON: %w", err)
	}
	switch {
	case key == typeProperty:
		return ps.checkType(raw)
	case ps.kind == userKind && strings.EqualFold(key, managerProperty):
		return p.takeManager(string(raw))
	case ps.kind == userKind && strings.EqualFold(key, mailboxProperty):
		return p.takeMailbox(string(raw))
	case ps.kind == groupKind && strings.EqualFold(key, membersProperty):
		return p.takeMembers(raw)
	case ps.kind == groupKind && strings.EqualFold(key, ownersProperty):
		return p.takeOwners(raw)
	}
	f, err := ps.words.intern(key)
	if err != nil {
		return err
	}
	if ps.seen[f.number] {
		return fmt.Errorf("%s is given twice", f.name)
	}
	ps.seen[f.number] = true
	value, err := compact(raw)
	if err != nil {
		return fmt.Errorf("%s: %w", f.name, err)
	}
	if err := f.check(value); err != nil {
		return err
	}
	if f.number == propID {
		return p.takeID(f, value)
	}
	p.members = append(p.members, member{f, value})
	return nil
}

func (p *parsed) takeID(f field, value string) error {
	s, _ := unquote(value)
	if p.id, p.hasID = parseGUID(s); !p.hasID {
		return fmt.Errorf("id %s is not a GUID", value)
	}
	p.members = append(p.members, member{f, `"` + p.id.String() + `"`})
	return nil
}

func (p *parsed) takeManager(raw string) error {
	if p.setManager {
		return fmt.Errorf("%s is given twice", managerProperty)
	}
	p.setManager = true
	if raw == "null" {
		return nil
	}
	s, _ := unquote(raw)
	if p.manager, p.hasManager = parseGUID(s); !p.hasManager {
		return fmt.Errorf("%s %.60s is not a GUID", managerProperty, raw)
	}
	return nil
}

func (p *parsed) takeMailbox(raw string) error {
	if p.setMailbox {
		return fmt.Errorf("%s is given twice", mailboxProperty)
	}
	p.setMailbox = true
	switch raw {
	case "null":
	case "true":
		p.mailbox = mailboxThere
	case "false":
		p.mailbox = mailboxNone
	default:
		return fmt.Errorf("%s is %.40s; want %s", mailboxProperty, raw, flag)
	}
	return nil
}

// compact returns JSON without white space and with every string in its shortest form, so that values can be compared
// and copied as they are.
func compact(raw jsontext.Value) (string, error) {
	if k := raw.Kind(); k != '[' && k != '{' && bytes.IndexByte(raw, '\\') < 0 {
		return string(raw), nil
	}
	c := raw.Clone()
	if err := c.Format(); err != nil {
		return "", err
	}
	return string(c), nil
}

// check tells whether a compact value has the JSON type that Graph gives the property.
func (f field) check(value string) error {
	ok := true
	switch f.kind {
	case text, moment:
		ok = value[0] == '"'
	case flag:
		ok = value == "true" || value == "false"
	case texts:
		ok = eachText(value, func(string) bool { return true })
	}
	if !ok && value != "null" {
		return fmt.Errorf("%s is %.40s; want %s", f.name, value, f.kind)
	}
	return nil
}

func (k kind) String() string {
	return [...]string{"a value", "a string", "true or false", "an array of strings", "a string"}[k]
}

// complete tells whether the resource can stand for a person.
func (p *parsed) complete() error {
	if !p.hasID {
		return errors.New("id is missing")
	}
	return p.filled(propDisplayName, propUserPrincipalName)
}

// filled tells whether properties are there that cannot be empty.
func (p *parsed) filled(must ...uint16) error {
	for _, n := range must {
		v, _ := p.find(n)
		if s, _ := unquote(v); strings.TrimSpace(s) == "" {
			return fmt.Errorf("%s is missing or empty", known[n].name)
		}
	}
	return nil
}

// clearRest makes whatever somebody has, and is not given, null.
func (p *parsed) clearRest(words *vocabulary, old *person) {
	for _, s := range old.spans {
		if _, given := p.find(s.number); !given {
			p.members = append(p.members, member{words.fields[s.number], "null"})
		}
	}
}
