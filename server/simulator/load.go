package simulator

import (
	"bufio"
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"io"
)

// maxLine is how long a line of a file may be, in bytes.
const maxLine = 1 << 20

//go:embed company.jsonl
var company []byte

//go:embed companygroups.jsonl
var companyGroups []byte

// companyOthers is what is neither a person nor a group: directory contacts, devices, channels, contacts of mailboxes.
//
//go:embed companyothers.jsonl
var companyOthers []byte

// Company returns the small made-up company that comes with the package: some forty people of contoso.com with full
// profiles, a reporting line of four levels, groups, and one of each case that is worth a test. Each call returns another.
func Company() *Directory {
	d, err := Load(io.MultiReader(bytes.NewReader(company), bytes.NewReader(companyGroups), bytes.NewReader(companyOthers)), "company.jsonl")
	if err != nil {
		panic(err) // the files are part of the package, and a test loads them
	}
	d.later = inventedLater{slots: int32(len(d.slots))}
	return d
}

// Load reads a directory from JSON Lines, a Graph user resource on each: at least id, displayName and userPrincipalName.
// The further property managerId names the manager, anywhere in the file, and mailbox says with true or false whether there
// is one; without it guests and who has no mail address have none, and without a mailbox there are no profile properties. A line whose @odata.type is
// #microsoft.graph.group is a group: at least id and displayName, and memberIds names the people and groups in it,
// anywhere in the file; ownerIds names its owners in the same way. Further types are
//   - #microsoft.graph.orgContact, device and servicePrincipal: at least id and displayName; they may be members of groups;
//   - #microsoft.graph.channel: as PutChannel takes it, with teamId;
//   - #microsoft.graph.contactFolder and contact: as PutContactFolder and PutContact take them, with ownerId, the id or user
//     principal name of the person whose mailbox they are in. A folder comes before those within it.
//
// Properties that Graph does not know are kept and served when they are selected, but not for the last two types. Empty
// lines are skipped; a line may have 1 MiB.
//
// The first thing wrong ends it with an error "name:LINE: reason": Load returns all of a file or nothing.
func Load(r io.Reader, name string) (*Directory, error) {
	l := loader{dir: NewDirectory(), lineOf: make(map[guid]int)}
	l.parser = newParser(l.dir.words)
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 64<<10), maxLine+1)
	n := 0
	for lines.Scan() {
		n++
		if err := l.line(lines.Bytes(), n); err != nil {
			return nil, fmt.Errorf("%s:%d: %w", name, n, err)
		}
	}
	switch err := lines.Err(); {
	case errors.Is(err, bufio.ErrTooLong):
		return nil, fmt.Errorf("%s:%d: the line is longer than 1 MiB", name, n+1)
	case err != nil:
		return nil, fmt.Errorf("%s:%d: %w", name, n+1, err)
	}
	n, err := l.managers()
	if err == nil {
		n, err = l.members()
	}
	if err == nil {
		n, err = l.finish()
	}
	if err != nil {
		return nil, fmt.Errorf("%s:%d: %w", name, n, err)
	}
	return l.dir, nil
}

// loader fills a directory that nobody sees yet.
type loader struct {
	dir    *Directory
	parser *parser
	build  builder
	bosses []boss
	groups groupLoader
	later  []laterLine
	lineOf map[guid]int
}

// boss is a managerId to look up once everybody is there.
type boss struct {
	slot int32
	id   guid
	line int
}

func (l *loader) line(data []byte, n int) error {
	data = bytes.TrimSpace(data)
	if n == 1 {
		data = bytes.TrimPrefix(data, []byte("\uFEFF")) // editors on Windows put it there
	}
	if len(data) == 0 {
		return nil
	}
	if special, err := l.special(typeOf(data), data, n); special {
		return err
	}
	in, err := l.parser.parse(data)
	if err != nil {
		return err
	}
	if err := in.complete(); err != nil {
		return err
	}
	if other, ok := l.lineOf[in.id]; ok {
		return fmt.Errorf("id %s is that of line %d already", in.id, other)
	}
	if in.hasManager && in.manager == in.id {
		return fmt.Errorf("%s names the person themselves", managerProperty)
	}
	slot, err := l.dir.add(&in, &l.build)
	if err != nil {
		return err
	}
	l.lineOf[in.id] = n
	if in.hasManager {
		l.bosses = append(l.bosses, boss{slot, in.manager, n})
	}
	return nil
}

func (l *loader) managers() (line int, err error) {
	for _, b := range l.bosses {
		m, ok := l.dir.byID[b.id]
		if !ok {
			return b.line, fmt.Errorf("%s %s is nobody in the file", managerProperty, b.id)
		}
		l.dir.slots[b.slot].person.manager = m
		l.dir.link(b.slot, m)
	}
	return 0, nil
}
