package simulator

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

var readContacts = []string{"Contacts.Read", "Contacts.ReadWrite"}

// Outlook's pages.
const (
	defaultContactTop = 10
	maxContactTop     = 1000
)

var folderNames = []string{"id", folderProperty, "displayName"}

// contactNames are the names that a $select of contacts takes.
var contactNames = func() []string {
	list := []string{"id", folderProperty}
	for _, p := range knownOfContacts {
		list = append(list, p.name)
	}
	return list
}()

// contactPath tells whether what follows /users/{id} is about contacts, and takes keys in brackets apart.
func contactPath(rest []string) (path []string, ok bool) {
	for _, segment := range rest {
		for _, set := range []string{"contacts", "contactFolders", "childFolders"} {
			if key, ok := keyOf(segment, set); ok {
				path = append(path, strings.ToLower(set))
				segment = key
				break
			}
		}
		path = append(path, segment)
	}
	if len(path) == 0 {
		return nil, false
	}
	what := strings.ToLower(path[0])
	return path, what == "contacts" || what == "contactfolders"
}

// mailboxView is a mailbox as one request sees it.
type mailboxView struct {
	owner *person
	*book
}

// contactsOf serves what is about the contacts of a mailbox.
func (s *Simulator) contactsOf(c *call, key string, path []string) *problem {
	if !c.grant.may(readContacts...) {
		return refuse(http.StatusForbidden, "ErrorAccessDenied", "Access is denied. Check credentials and try again.")
	}
	if s.policy.refuses(s.mailboxOf(key)) {
		return refuse(http.StatusForbidden, "ErrorAccessDenied",
			"Access to OData is disabled: [RAOP] : Blocked by tenant configured AppOnly AccessPolicy settings.")
	}
	reply, p := s.contactReply(c, key, path)
	if p != nil {
		return p
	}
	reply()
	return nil
}

// contactReply finds what to answer, with the directory locked; reply writes it once that is over.
func (s *Simulator) contactReply(c *call, key string, path []string) (reply func(), p *problem) {
	s.dir.mu.RLock()
	defer s.dir.mu.RUnlock()
	n, ok := s.dir.lookUp(key)
	if !ok {
		return nil, refuse(http.StatusNotFound, "ResourceNotFound", "Resource could not be discovered.")
	}
	owner := s.dir.slots[n].person
	if !s.dir.hasMailbox(n, owner) {
		return nil, refuse(http.StatusNotFound, "MailboxNotEnabledForRESTAPI",
			"The mailbox is either inactive, soft-deleted, or is hosted on-premise.")
	}
	m := mailboxView{owner, s.dir.book(owner)}
	context := "users('" + key + "')"
	if strings.EqualFold(path[0], "contacts") {
		return m.contactsIn(c, context+"/contacts", defaultFolder(owner.id), false, path[1:])
	}
	return m.foldersIn(c, context+"/contactFolders", rootFolder(owner.id), path[1:])
}

// foldersIn serves the folders in a folder, or what is under one of them.
func (m mailboxView) foldersIn(c *call, context, parent string, rest []string) (func(), *problem) {
	if len(rest) == 0 {
		var rows []record
		for _, f := range m.folders {
			if f.parent == parent {
				rows = append(rows, f.record())
			}
		}
		return outlookList(c, context, rows, "contactFolder", folderNames, "id")
	}
	f, ok := m.named(rest[0])
	if !ok {
		return nil, noItem()
	}
	if len(rest) == 1 {
		return outlookOne(c, context, f.record(), "contactFolder", folderNames, "id")
	}
	context += "('" + f.id + "')"
	switch strings.ToLower(rest[1]) {
	case "contacts":
		return m.contactsIn(c, context+"/contacts", f.id, true, rest[2:])
	case "childfolders":
		return m.foldersIn(c, context+"/childFolders", f.id, rest[2:])
	}
	return nil, noSegment(rest[1])
}

// named finds a folder by id. The default one is there too.
func (m mailboxView) named(id string) (contactFolder, bool) {
	if id == defaultFolder(m.owner.id) {
		return contactFolder{id, rootFolder(m.owner.id), "Contacts"}, true
	}
	at := m.folder(id)
	if at < 0 {
		return contactFolder{}, false
	}
	return m.folders[at], true
}

// contactsIn serves the contacts in a folder, or one of them; strictly says that the one has to be in this folder.
func (m mailboxView) contactsIn(c *call, context, folder string, strictly bool, rest []string) (func(), *problem) {
	switch len(rest) {
	case 0:
		return m.listContacts(c, context, folder)
	case 1:
		at := m.contact(rest[0])
		if at < 0 || strictly && m.contacts[at].folder != folder {
			return nil, noItem()
		}
		return outlookOne(c, context, m.contacts[at].record(), "contact", contactNames, "@odata.etag", "id")
	}
	return nil, noSegment(rest[1])
}

func (m mailboxView) listContacts(c *call, context, folder string) (func(), *problem) {
	o, p := contactOptions(c)
	if p != nil {
		return nil, p
	}
	address, p := addressFilter(o)
	if p != nil {
		return nil, p
	}
	var list []*contact
	for _, one := range m.contacts {
		if one.folder == folder && (address == "" || one.hasAddress(address)) {
			list = append(list, one)
		}
	}
	if p := sortContacts(list, o); p != nil {
		return nil, p
	}
	rows := make([]record, len(list))
	for i, one := range list {
		rows[i] = one.record()
	}
	return outlookList(c, context, rows, "contact", contactNames, "@odata.etag", "id")
}

func contactOptions(c *call) (options, *problem) {
	return parseOptions(c.r.URL.RawQuery, "select", "top", "skip", "count", "filter", "orderby")
}

// addressFilter reads a $filter of contacts, which may be by an address alone.
func addressFilter(o options) (address string, p *problem) {
	value, ok := o["filter"]
	if !ok {
		return "", nil
	}
	bad := refuse(http.StatusBadRequest, "ErrorInvalidUrlQueryFilter", "The query filter contains one or more invalid nodes.")
	inner, begins := strings.CutPrefix(value, "emailAddresses/any(")
	inner, ends := strings.CutSuffix(inner, ")")
	variable, condition, lambda := strings.Cut(inner, ":")
	variable = strings.TrimSpace(variable)
	condition, compared := strings.CutPrefix(strings.TrimSpace(condition), variable+"/address eq '")
	condition, closed := strings.CutSuffix(condition, "'")
	if !begins || !ends || !lambda || variable == "" || !compared || !closed {
		return "", bad
	}
	plain := strings.ReplaceAll(condition, "''", "")
	if strings.Contains(plain, "'") || condition == "" {
		return "", bad
	}
	return strings.ReplaceAll(condition, "''", "'"), nil
}

func (c *contact) hasAddress(address string) bool {
	list, _ := addressesOf(c.values["emailAddresses"])
	return slices.ContainsFunc(list, func(a string) bool { return strings.EqualFold(a, address) })
}

// sortContacts puts contacts in the order of an $orderby, which names one text.
func sortContacts(list []*contact, o options) *problem {
	value, ok := o["orderby"]
	if !ok {
		return nil
	}
	words := strings.Fields(value)
	if len(words) == 0 || len(words) > 2 || len(words) == 2 && words[1] != "asc" && words[1] != "desc" {
		return badRequest("Invalid orderby clause: Syntax error in '%s'.", value)
	}
	k, known := contactProperty(words[0])
	if !known || k.kind != text && k.kind != moment {
		return badRequest("Could not sort contacts by '%s'.", words[0])
	}
	slices.SortStableFunc(list, func(a, b *contact) int {
		by := cmp.Compare(strings.ToLower(a.values[k.name]), strings.ToLower(b.values[k.name]))
		if len(words) == 2 && words[1] == "desc" {
			return -by
		}
		return by
	})
	return nil
}

// record is the contact as it is served. The etag follows from what is in it.
func (c *contact) record() record {
	r := record{{"id", quoted(c.id)}, {folderProperty, quoted(c.folder)}}
	for _, k := range knownOfContacts {
		value, ok := c.values[k.name]
		switch {
		case ok && value != "null":
		case k.kind == texts, k.name == "emailAddresses":
			value = "[]"
		default:
			value = "null"
		}
		r = append(r, entry{k.name, value})
	}
	sum := outlookID(string(r.append(nil, nil)))[6:30]
	for i := range r {
		if r[i].name == "changeKey" && r[i].value == "null" {
			r[i].value = quoted(sum)
		}
	}
	return append(record{{"@odata.etag", quoted(`W/"` + sum + `"`)}}, r...)
}

func (f contactFolder) record() record {
	return record{{"id", quoted(f.id)}, {folderProperty, quoted(f.parent)}, {"displayName", quoted(f.name)}}
}

func noItem() *problem {
	return refuse(http.StatusNotFound, "ErrorItemNotFound", "The specified object was not found in the store.")
}

func outlookOne(c *call, context string, r record, typeName string, names []string, always ...string) (func(), *problem) {
	o, p := parseOptions(c.r.URL.RawQuery, "select")
	if p != nil {
		return nil, p
	}
	wanted, p := selected(o, typeName, names, always...)
	return func() { c.replyRecord(context+"/$entity", r, wanted) }, p
}

// outlookList serves a page of a list: Outlook counts what to skip.
func outlookList(c *call, context string, rows []record, typeName string, names []string, always ...string) (func(), *problem) {
	o, p := contactOptions(c)
	if p != nil {
		return nil, p
	}
	pg := recordPage{context: context, count: -1}
	if pg.wanted, p = selected(o, typeName, names, always...); p != nil {
		return nil, p
	}
	top, p := numberOption(o, "top", defaultContactTop, 1, maxContactTop)
	if p != nil {
		return nil, p
	}
	skip, p := numberOption(o, "skip", 0, 0, 1<<30)
	if p != nil {
		return nil, p
	}
	if strings.EqualFold(o["count"], "true") {
		pg.count = len(rows)
	}
	from := min(skip, len(rows))
	to := min(from+top, len(rows))
	pg.rows = rows[from:to]
	if to < len(rows) {
		pg.next = c.nextLink("$skip", strconv.Itoa(to))
	}
	return func() { c.replyRecords(pg) }, nil
}

func numberOption(o options, name string, usual, least, most int) (int, *problem) {
	value, ok := o[name]
	if !ok {
		return usual, nil
	}
	n, err := strconv.Atoi(value)
	if err != nil || n < least || n > most {
		return 0, refuse(http.StatusBadRequest, "ErrorInvalidUrlQuery",
			"The value '%s' of the query option '$%s' is not between %d and %d.", value, name, least, most)
	}
	return n, nil
}
