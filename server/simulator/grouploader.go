package simulator

import (
	"bytes"
	"fmt"

	"github.com/go-json-experiment/json/jsontext"
)

// groupLoader is the part of a loader that is about groups.
type groupLoader struct {
	parser *parser
	wanted []membership
}

// membership is the memberIds of a group, to look up once everybody is there.
type membership struct {
	slot int32
	in   parsed // without its properties
	line int
}

// typeOf returns the @odata.type of a line, and "" without one. What is no JSON is left to the parser to complain about.
func typeOf(line []byte) string {
	if !bytes.Contains(line, []byte(`"`+typeProperty+`"`)) {
		return ""
	}
	in := jsontext.NewDecoder(bytes.NewReader(line))
	if t, err := in.ReadToken(); err != nil || t.Kind() != '{' {
		return ""
	}
	for in.PeekKind() == '"' {
		name, err := in.ReadToken()
		if err != nil {
			return ""
		}
		mine := name.String() == typeProperty
		value, err := in.ReadValue()
		if err != nil {
			return ""
		}
		if mine {
			s, _ := unquote(string(value))
			return s
		}
	}
	return ""
}

func (l *loader) group(data []byte, n int) error {
	if l.groups.parser == nil {
		l.groups.parser = newGroupParser(l.dir.groups.words)
	}
	in, err := l.groups.parser.parse(data)
	if err != nil {
		return err
	}
	if err := in.completeGroup(); err != nil {
		return err
	}
	if other, ok := l.lineOf[in.id]; ok {
		return fmt.Errorf("id %s is that of line %d already", in.id, other)
	}
	slot, err := l.dir.addGroup(&in, &l.build)
	if err != nil {
		return err
	}
	l.lineOf[in.id] = n
	in.members = nil // they are in the directory
	l.groups.wanted = append(l.groups.wanted, membership{slot, in, n})
	return nil
}

func (l *loader) refs(w *membership, property string, ids []guid) ([]ref, error) {
	for _, id := range ids {
		if _, ok := l.dir.refOf(id); !ok {
			return nil, fmt.Errorf("%s %s is nobody in the file", property, id)
		}
	}
	return l.dir.refsOf(&w.in, ids, w.slot)
}

func (l *loader) members() (line int, err error) {
	for _, w := range l.groups.wanted {
		members, err := l.refs(&w, membersProperty, w.in.memberIDs)
		if err != nil {
			return w.line, err
		}
		owners, err := l.refs(&w, ownersProperty, w.in.ownerIDs)
		if err != nil {
			return w.line, err
		}
		l.dir.groups.slots[w.slot].members, l.dir.groups.slots[w.slot].owners = members, owners
	}
	return 0, nil
}
