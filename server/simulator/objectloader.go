package simulator

import "fmt"

// laterLine is a line that is about somebody who may come further down in the file: a channel of a team, or a contact or
// a folder of a mailbox.
type laterLine struct {
	what string // the @odata.type
	data []byte
	line int
}

// The types of lines about somebody else.
const (
	channelType       = "#microsoft.graph.channel"
	contactType       = "#microsoft.graph.contact"
	contactFolderType = "#microsoft.graph.contactFolder"
)

// special takes a line that its @odata.type says is not a user.
func (l *loader) special(what string, data []byte, n int) (taken bool, err error) {
	switch what {
	case groupKind.odataType():
		return true, l.group(data, n)
	case contactKind.odataType():
		return true, l.object(contactKind, data, n)
	case deviceKind.odataType():
		return true, l.object(deviceKind, data, n)
	case principalKind.odataType():
		return true, l.object(principalKind, data, n)
	case channelType, contactType, contactFolderType:
		l.later = append(l.later, laterLine{what, append([]byte(nil), data...), n})
		return true, nil
	}
	return false, nil
}

func (l *loader) object(kind objectKind, data []byte, n int) error {
	s := l.dir.shelf(kind)
	in, err := s.parser().parse(data)
	if err != nil {
		return err
	}
	if err := in.completeGroup(); err != nil {
		return err
	}
	if other, ok := l.lineOf[in.id]; ok {
		return fmt.Errorf("id %s is that of line %d already", in.id, other)
	}
	if _, err := l.dir.addObject(s, &in, &l.build); err != nil {
		return err
	}
	l.lineOf[in.id] = n
	return nil
}

// finish takes the lines about somebody else, folders before the contacts in them.
func (l *loader) finish() (line int, err error) {
	for _, what := range []string{channelType, contactFolderType, contactType} {
		for _, one := range l.later {
			if one.what != what {
				continue
			}
			switch what {
			case channelType:
				err = l.dir.putChannel("", one.data)
			case contactFolderType:
				_, err = l.dir.putContactFolder("", one.data)
			default:
				_, err = l.dir.putContact("", one.data)
			}
			if err != nil {
				return one.line, err
			}
		}
	}
	return 0, nil
}
