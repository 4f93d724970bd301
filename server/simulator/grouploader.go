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

// isGroup tells whether a line is a group, by its @odata.type. What is no JSON is left to the parser to complain about.
func isGroup(line []byte) bool {
	if !bytes.Contains(line, []byte(`"`+typeProperty+`"`)) {
		return false
	}
	in := jsontext.NewDecoder(bytes.NewReader(line))
	if t, err := in.ReadToken(); err != nil || t.Kind() != '{' {
		return false
	}
	for in.PeekKind() == '"' {
		name, err := in.ReadToken()
		if err != nil {
			return false
		}
		mine := name.String() == typeProperty
		value, err := in.ReadValue()
		if err != nil {
			return false
		}
		if mine {
			s, _ := unquote(string(value))
			return s == "#microsoft.graph.group"
		}
	}
	return false
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
	in.members = nil
	l.groups.wanted = append(l.groups.wanted, membership{slot, in, n})
	return nil
}

func (l *loader) members() (line int, err error) {
	for _, w := range l.groups.wanted {
		for _, id := range w.in.memberIDs {
			if _, ok := l.dir.refOf(id); !ok {
				return w.line, fmt.Errorf("%s %s is nobody in the file", membersProperty, id)
			}
		}
		members, err := l.dir.refsOf(&w.in, w.slot)
		if err != nil {
			return w.line, err
		}
		l.dir.groups.slots[w.slot].members = members
	}
	return 0, nil
}
