package simulator

import (
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// The properties of lines and changes that say where a contact or a folder is. Graph has no ownerId.
const (
	ownerProperty  = "ownerId"
	folderProperty = "parentFolderId"
)

// knownOfContacts lists the properties of contact in the order in which they are served. What a contact does not have is
// served as null, or as an empty array.
var knownOfContacts = []property{
	{"createdDateTime", moment, 0}, {"lastModifiedDateTime", moment, 0}, {"changeKey", text, 0}, {"categories", texts, 0},
	{"birthday", moment, 0}, {"fileAs", text, 0}, {"displayName", text, 0}, {"givenName", text, 0}, {"initials", text, 0},
	{"middleName", text, 0}, {"nickName", text, 0}, {"surname", text, 0}, {"title", text, 0}, {"generation", text, 0},
	{"imAddresses", texts, 0}, {"jobTitle", text, 0}, {"companyName", text, 0}, {"department", text, 0},
	{"officeLocation", text, 0}, {"profession", text, 0}, {"assistantName", text, 0}, {"manager", text, 0},
	{"homePhones", texts, 0}, {"mobilePhone", text, 0}, {"businessPhones", texts, 0}, {"spouseName", text, 0},
	{"personalNotes", text, 0}, {"children", texts, 0}, {"yomiGivenName", text, 0}, {"yomiSurname", text, 0},
	{"yomiCompanyName", text, 0}, {"emailAddresses", anything, 0}, {"homeAddress", anything, 0},
	{"businessAddress", anything, 0}, {"otherAddress", anything, 0},
}

// books are the contacts of the mailboxes: by owner, or made up when they are asked for.
type books struct {
	byOwner map[guid]*book
	invent  func(owner *person) *book // nil where nothing is made up
}

// book is the contacts of one mailbox.
type book struct {
	folders  []contactFolder // without the default one; a parent comes before its children
	contacts []*contact
	made     int // ids so far
}

type contactFolder struct {
	id, parent, name string // the parent of those at the top is the root
}

// contact is a personal contact. It never changes: a change makes another one.
type contact struct {
	id, folder string
	values     map[string]string // by property: compact JSON
}

// outlookID makes an id as Outlook's are: long and url-safe.
func outlookID(parts ...string) string {
	sum := sha512.Sum512([]byte(strings.Join(parts, "\x00")))
	more := sha512.Sum512(sum[:])
	return "AAMkAG" + base64.RawURLEncoding.EncodeToString(append(sum[:], more[:32]...)) + "AAA="
}

func validOutlookID(id string) bool {
	if id == "" || len(id) > 512 {
		return false
	}
	return strings.Trim(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=") == ""
}

func defaultFolder(owner guid) string { return outlookID(owner.String(), "contacts") }
func rootFolder(owner guid) string    { return outlookID(owner.String(), "root") }

// DefaultContactFolder returns the id of the folder of a person's contacts that are in no other. Graph serves it like any
// other, but does not list it.
func DefaultContactFolder(owner string) string {
	id, _ := parseGUID(owner)
	return defaultFolder(id)
}

// book returns the contacts of a mailbox, not to be changed.
func (d *Directory) book(owner *person) *book {
	if b, ok := d.books.byOwner[owner.id]; ok {
		return b
	}
	if d.books.invent != nil {
		return d.books.invent(owner)
	}
	return &book{}
}

// changeBook returns the contacts of a mailbox, to be changed.
func (d *Directory) changeBook(owner *person) *book {
	b := d.book(owner)
	if d.books.byOwner == nil {
		d.books.byOwner = make(map[guid]*book)
	}
	d.books.byOwner[owner.id] = b
	return b
}

// owner finds a person who has a mailbox, by id or user principal name.
func (d *Directory) owner(key string) (*person, error) {
	n, ok := d.lookUp(key)
	if !ok {
		return nil, fmt.Errorf("%w: owner %.80q", ErrUnknown, key)
	}
	p := d.slots[n].person
	if !d.hasMailbox(n, p) {
		return nil, fmt.Errorf("owner %s has no mailbox", p.id)
	}
	return p, nil
}

// PutContact creates a personal contact in the mailbox of a person, who is named by id or user principal name, or replaces
// it, and returns its id. It takes the properties of Graph's contact; without an id a new one is made up, and without
// parentFolderId the contact is in the default folder.
func (d *Directory) PutContact(owner string, contact []byte) (id string, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if id, err = d.putContact(owner, contact); err != nil {
		return "", fmt.Errorf("put contact: %w", err)
	}
	return id, nil
}

// owned reads an object that is about somebody's mailbox. Without an owner it is the one that the object names.
func (d *Directory) owned(owner string, data []byte) (*person, map[string]jsontext.Value, error) {
	in := make(map[string]json.RawMessage)
	if err := json.Unmarshal(data, &in); err != nil {
		return nil, nil, fmt.Errorf("not a JSON object: %w", err)
	}
	values := make(map[string]jsontext.Value, len(in))
	for name, raw := range in {
		values[name] = jsontext.Value(raw)
	}
	named, given, err := takeText(values, ownerProperty)
	if err != nil {
		return nil, nil, err
	}
	if owner == "" {
		if !given {
			return nil, nil, fmt.Errorf("%s is missing", ownerProperty)
		}
		owner = named
	}
	p, err := d.owner(owner)
	if err == nil && given {
		if other, err := d.owner(named); err != nil || other != p {
			return nil, nil, fmt.Errorf("%s is %.80q, not %s", ownerProperty, named, p.id)
		}
	}
	delete(values, typeProperty)
	return p, values, err
}

// takeText takes a string out of an object. Null is as if it were not there.
func takeText(values map[string]jsontext.Value, name string) (s string, given bool, err error) {
	raw, there := values[name]
	delete(values, name)
	if !there || raw.Kind() == 'n' {
		return "", false, nil
	}
	s, ok := unquote(string(raw))
	if !ok {
		return "", false, fmt.Errorf("%s is %.40s; want a string", name, raw)
	}
	return s, true, nil
}

func (d *Directory) putContact(owner string, data []byte) (string, error) {
	p, in, err := d.owned(owner, data)
	if err != nil {
		return "", err
	}
	id, hasID, err := takeText(in, "id")
	if err != nil {
		return "", err
	}
	folder, hasFolder, err := takeText(in, folderProperty)
	if err != nil {
		return "", err
	}
	values, err := contactValues(in)
	if err != nil {
		return "", err
	}
	b := d.book(p)
	if !hasFolder {
		folder = defaultFolder(p.id)
	} else if folder != defaultFolder(p.id) && b.folder(folder) < 0 {
		return "", fmt.Errorf("%s %.80q: %w", folderProperty, folder, ErrUnknown)
	}
	if hasID && !validOutlookID(id) {
		return "", fmt.Errorf("id %.80q is not made of letters, digits, '-', '_' and '='", id)
	}
	b = d.changeBook(p)
	if !hasID {
		b.made++
		id = outlookID(p.id.String(), "contact", fmt.Sprint(b.made))
	}
	made := &contact{id, folder, values}
	if i := b.contact(id); i >= 0 {
		b.contacts[i] = made
	} else {
		b.contacts = append(b.contacts, made)
	}
	return id, nil
}

// contactValues checks the properties of a contact.
func contactValues(in map[string]jsontext.Value) (map[string]string, error) {
	values := make(map[string]string, len(in))
	for name, raw := range in {
		f, ok := contactProperty(name)
		if !ok {
			return nil, fmt.Errorf("contact has no property %.60q", name)
		}
		if _, twice := values[f.name]; twice {
			return nil, fmt.Errorf("%s is given twice", f.name)
		}
		value, err := compact(raw)
		if err == nil {
			err = field{property: f}.check(value)
		}
		if err == nil && f.name == "emailAddresses" && value != "null" {
			_, err = addressesOf(value)
		}
		if err != nil {
			return nil, err
		}
		values[f.name] = value
	}
	return values, nil
}

func contactProperty(name string) (property, bool) {
	i := slices.IndexFunc(knownOfContacts, func(p property) bool { return strings.EqualFold(p.name, name) })
	if i < 0 {
		return property{}, false
	}
	return knownOfContacts[i], true
}

// addressesOf returns the addresses in an emailAddresses.
func addressesOf(value string) (list []string, err error) {
	if value == "" || value == "null" {
		return nil, nil
	}
	var doc []struct {
		Name    string `json:"name"`
		Address string `json:"address"`
	}
	if err := json.Unmarshal([]byte(value), &doc); err != nil {
		return nil, errors.New("emailAddresses is not an array of objects with name and address")
	}
	for _, one := range doc {
		list = append(list, one.Address)
	}
	return list, nil
}

// RemoveContact removes a personal contact.
func (d *Directory) RemoveContact(owner, contact string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	p, err := d.owner(owner)
	if err != nil {
		return fmt.Errorf("remove contact: %w", err)
	}
	if d.book(p).contact(contact) < 0 {
		return fmt.Errorf("remove contact: %w: contact %.80q of %s", ErrUnknown, contact, p.id)
	}
	b := d.changeBook(p)
	at := b.contact(contact)
	b.contacts = slices.Delete(b.contacts, at, at+1)
	return nil
}

// PutContactFolder creates a folder for personal contacts, or renames it, and returns its id. It takes displayName and, for
// a folder within another, parentFolderId; without an id a new one is made up. A folder stays where it is made.
func (d *Directory) PutContactFolder(owner string, folder []byte) (id string, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if id, err = d.putContactFolder(owner, folder); err != nil {
		return "", fmt.Errorf("put contact folder: %w", err)
	}
	return id, nil
}

func (d *Directory) putContactFolder(owner string, data []byte) (string, error) {
	p, in, err := d.owned(owner, data)
	if err != nil {
		return "", err
	}
	id, hasID, err := takeText(in, "id")
	if err != nil {
		return "", err
	}
	name, _, err := takeText(in, "displayName")
	if err != nil {
		return "", err
	}
	parent, hasParent, err := takeText(in, folderProperty)
	if err != nil {
		return "", err
	}
	for other := range in {
		return "", fmt.Errorf("contactFolder has no property %.60q", other)
	}
	b, root, contacts := d.book(p), rootFolder(p.id), defaultFolder(p.id)
	if !hasParent {
		parent = root
	}
	switch {
	case strings.TrimSpace(name) == "":
		return "", errors.New("displayName is missing or empty")
	case hasID && (!validOutlookID(id) || id == root || id == contacts):
		return "", fmt.Errorf("id %.80q cannot be that of a folder", id)
	case parent != root && parent != contacts && b.folder(parent) < 0:
		return "", fmt.Errorf("%s %.80q: %w", folderProperty, parent, ErrUnknown)
	}
	if at := b.folder(id); hasID && at >= 0 && b.folders[at].parent != parent {
		return "", errors.New("a folder cannot be moved")
	}
	b = d.changeBook(p)
	if !hasID {
		b.made++
		id = outlookID(p.id.String(), "folder", fmt.Sprint(b.made))
	}
	if at := b.folder(id); at >= 0 {
		b.folders[at].name = name
	} else {
		b.folders = append(b.folders, contactFolder{id, parent, name})
	}
	return id, nil
}

// RemoveContactFolder removes a folder with all that is in it. The default one cannot be removed.
func (d *Directory) RemoveContactFolder(owner, folder string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	p, err := d.owner(owner)
	if err != nil {
		return fmt.Errorf("remove contact folder: %w", err)
	}
	if d.book(p).folder(folder) < 0 {
		return fmt.Errorf("remove contact folder: %w: folder %.80q of %s", ErrUnknown, folder, p.id)
	}
	b := d.changeBook(p)
	gone := map[string]bool{folder: true}
	b.folders = slices.DeleteFunc(b.folders, func(f contactFolder) bool {
		gone[f.id] = gone[f.id] || gone[f.parent] // parents come first
		return gone[f.id]
	})
	b.contacts = slices.DeleteFunc(b.contacts, func(c *contact) bool { return gone[c.folder] })
	return nil
}

func (b *book) folder(id string) int {
	return slices.IndexFunc(b.folders, func(f contactFolder) bool { return f.id == id })
}

func (b *book) contact(id string) int {
	return slices.IndexFunc(b.contacts, func(c *contact) bool { return c.id == id })
}

// Contacts returns the folders and then the contacts in a person's mailbox, as PutContactFolder, PutContact and Load take
// them, and nil when there is no such mailbox.
func (d *Directory) Contacts(owner string) []json.RawMessage {
	d.mu.RLock()
	defer d.mu.RUnlock()
	p, err := d.owner(owner)
	if err != nil {
		return nil
	}
	b := d.book(p)
	var list []json.RawMessage
	line := func(what string, r record) {
		head := record{{typeProperty, quoted(what)}, {ownerProperty, quoted(p.id.String())}}
		list = append(list, append(head, r...).append(nil, nil))
	}
	for _, f := range b.folders {
		r := record{{"id", quoted(f.id)}, {"displayName", quoted(f.name)}}
		if f.parent != rootFolder(p.id) {
			r = append(r, entry{folderProperty, quoted(f.parent)})
		}
		line(contactFolderType, r)
	}
	for _, c := range b.contacts {
		r := record{{"id", quoted(c.id)}, {folderProperty, quoted(c.folder)}}
		for _, k := range knownOfContacts {
			if v, ok := c.values[k.name]; ok {
				r = append(r, entry{k.name, v})
			}
		}
		line(contactType, r)
	}
	return list
}
