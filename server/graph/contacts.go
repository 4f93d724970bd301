package graph

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/peopleinsights/peopleinsights/cache"
	"github.com/peopleinsights/peopleinsights/server/contacts"
)

var _ contacts.Source = (*Client)(nil)

const (
	// contactPage is the most contacts that Outlook lists on one page; unasked, it lists ten.
	contactPage = 1000
	// contactFolders is in how many folders somebody's contacts are looked for.
	contactFolders = 100
	// foldersAtOnce is how many calls of one reading are under way at once. One after the
	// other, a hundred folders would take longer than anybody waits; the last of Outlook's
	// four calls for a mailbox is left to the person's photo.
	foldersAtOnce = mailboxCalls - 1
)

// What we read of a person's own contacts and their folders.
// Source: https://learn.microsoft.com/graph/api/resources/contact
const (
	ownSelect    = "id,parentFolderId,displayName,givenName,surname,companyName,jobTitle,department,officeLocation,emailAddresses,categories"
	folderSelect = "id,parentFolderId,displayName"
)

// PersonalContacts implements contacts.Source. Nothing of what it reads is left in the
// client: see private. Graph does not list the default folder, so it has a Folder only
// where it is listed all the same; its contacts have its id. While it is empty, folders within
// it are found only as far as Graph lists them, or any folder beside them. Which contacts are
// left out where there are more than most is not set; a book without the folders, which this
// Graph does not list, is Truncated.
func (c *Client) PersonalContacts(ctx context.Context, person string, most int) (contacts.Book, error) {
	id, ok := segment(person)
	if !ok {
		return contacts.Book{}, &Error{kind: errNotFound, text: "Microsoft Graph knows no such person", ours: true}
	}
	own := newPrivate(c.transport)
	defer own.close()
	ctx, cancel := context.WithCancel(withPrivate(ctx, own))
	defer cancel()
	w := &walk{
		client: c, enough: cancel, most: most,
		base:     c.config.Endpoint.URL.JoinPath("users").String() + "/" + id,
		contacts: map[string]bool{}, folders: map[string]bool{}, vanished: map[string]bool{},
	}
	err := w.all(ctx)
	switch {
	case w.over:
		return w.done(), nil // what was still being read is not wanted
	case errors.Is(err, errNoMailbox):
		return contacts.Book{}, nil
	case codeOf(err, "ErrorInvalidUser"):
		return contacts.Book{}, &Error{kind: errNotFound, text: err.Error(), id: cache.RequestID(err)}
	case err != nil:
		return contacts.Book{}, unanswered(err)
	}
	return w.done(), nil
}

// errNoMailbox means that somebody has no mailbox.
var errNoMailbox = errors.New("no mailbox")

// noMailbox tells whether Outlook says so.
func noMailbox(err error) bool {
	return codeOf(err, "MailboxNotEnabledForRESTAPI", "ResourceNotFound", "ErrorNonExistentMailbox")
}

// gone tells whether Graph says that a folder is there no longer.
func gone(err error) bool { return missing(err) || errors.Is(err, errNotFound) }

// walk reads all folders of one mailbox, level by level.
type walk struct {
	client *Client
	base   string // the address of the person
	most   int
	enough func() // ends what is being read

	mu       sync.Mutex
	book     contacts.Book
	contacts map[string]bool // by id, that are in the book
	folders  map[string]bool // by id, that have been seen
	vanished map[string]bool // by id, the folders that were there no longer
	standard string          // the id of the default folder, where a contact has told it
	over     bool            // there are more contacts than most
}

func (w *walk) all(ctx context.Context) error {
	var level []contacts.Folder
	var first errgroup.Group
	first.Go(func() error {
		err := w.read(ctx, "contacts", "")
		if noMailbox(err) {
			return errNoMailbox
		}
		return err
	})
	var failed error
	first.Go(func() error {
		level, failed = w.list(ctx, "contactFolders", "")
		return nil // until the other has said whether there is a mailbox
	})
	if err := first.Wait(); err != nil {
		return err
	}
	if notListed(failed) {
		w.book.Truncated = true
	} else if failed != nil {
		return failed
	}
	if id := cmp.Or(w.standard, above(level)); id != "" {
		inside, err := w.children(ctx, id)
		if err != nil {
			return err
		}
		level = append(level, inside...)
	}
	for len(level) > 0 {
		next, err := w.level(ctx, w.admit(level))
		if err != nil {
			return err
		}
		level = next
	}
	return nil
}

// above is the folder that is not listed, but has one that is: as far as is known the default
// one, of which Graph lists what is in it.
// Source: https://github.com/microsoftgraph/microsoft-graph-docs-contrib/issues/6327
func above(level []contacts.Folder) string {
	listed := map[string]bool{}
	for _, folder := range level {
		listed[folder.ID] = true
	}
	for _, folder := range level {
		if _, ok := segment(folder.Parent); ok && !listed[folder.Parent] {
			return folder.Parent
		}
	}
	return ""
}

// notListed tells whether a Graph has no list of folders, or none in one of them.
func notListed(err error) bool {
	return errors.Is(err, errUnsupported) || errors.Is(err, errAbsent) || notThere(err)
}

// done returns the book, without the folders that have vanished. A folder within one that is
// not in the book is at the top.
func (w *walk) done() contacts.Book {
	w.book.Folders = slices.DeleteFunc(w.book.Folders, func(f contacts.Folder) bool { return w.vanished[f.ID] })
	for i, f := range w.book.Folders {
		if !w.folders[f.Parent] || w.vanished[f.Parent] {
			w.book.Folders[i].Parent = ""
		}
	}
	return w.book
}

func folderPath(id string) string {
	escaped, _ := segment(id)
	return "contactFolders/" + escaped
}

// admit returns those folders that have not been seen, as long as there are not too many.
func (w *walk) admit(level []contacts.Folder) (fresh []contacts.Folder) {
	for _, folder := range level {
		if _, ok := segment(folder.ID); !ok || w.folders[folder.ID] {
			continue
		}
		if len(w.folders) == contactFolders {
			w.book.Truncated = true
			break
		}
		w.folders[folder.ID] = true
		fresh = append(fresh, folder)
	}
	w.book.Folders = append(w.book.Folders, fresh...)
	return fresh
}

// level reads folders, and returns those within them. A folder that is there no longer is
// passed over.
func (w *walk) level(ctx context.Context, level []contacts.Folder) (next []contacts.Folder, err error) {
	var calls errgroup.Group
	calls.SetLimit(foldersAtOnce)
	inside := make([][]contacts.Folder, len(level))
	for i, folder := range level {
		calls.Go(func() (err error) {
			if folder.ID != w.standard {
				err = w.read(ctx, folderPath(folder.ID)+"/contacts", folder.ID)
			}
			if err == nil {
				inside[i], err = w.children(ctx, folder.ID)
			}
			if !gone(err) {
				return err
			}
			w.mu.Lock()
			defer w.mu.Unlock()
			w.vanished[folder.ID] = true
			return nil
		})
	}
	err = calls.Wait()
	return slices.Concat(inside...), err
}

// read reads the contacts in a folder into the book.
func (w *walk) read(ctx context.Context, path, folder string) error {
	return firstAccepted(w.ways(path, ownSelect), func(link string) error {
		from := feed[contacts.Contact]{client: w.client, need: needPersonalContacts, decode: decodeOwnContacts}
		for page, err := range from.pages(ctx, high, w.client.follow(link)) {
			if err != nil {
				return err
			}
			if !w.take(page.Items, folder) {
				return errEnough
			}
		}
		return nil
	})
}

// errEnough ends a walk that has found more than it may.
var errEnough = errors.New("more contacts than are read")

// take adds contacts to the book. It is false when there are more than may be.
func (w *walk) take(some []contacts.Contact, folder string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, one := range some {
		if w.contacts[one.ID] {
			continue
		}
		if len(w.book.Contacts) >= w.most {
			w.book.Truncated, w.over = true, true
			w.enough()
			return false
		}
		if folder == "" && w.standard == "" {
			w.standard = one.Folder
		}
		if one.Folder == "" {
			one.Folder = folder
		}
		w.contacts[one.ID] = true
		w.book.Contacts = append(w.book.Contacts, one)
	}
	return true
}

// children reads which folders are in one: none where Graph refuses to tell, or has no such
// folder.
func (w *walk) children(ctx context.Context, id string) ([]contacts.Folder, error) {
	inside, err := w.list(ctx, folderPath(id)+"/childFolders", id)
	if notListed(err) {
		return nil, nil
	}
	return inside, err
}

// list reads which folders are in one, or those at the top, whose parent is what Graph says.
func (w *walk) list(ctx context.Context, path, parent string) (folders []contacts.Folder, err error) {
	ctx = mayBeAbsent(ctx, anyCode)
	err = firstAccepted(w.ways(path, folderSelect), func(link string) error {
		folders = nil
		from := feed[contacts.Folder]{client: w.client, need: needPersonalContacts, decode: decodeFolders}
		for page, err := range from.pages(ctx, high, w.client.follow(link)) {
			if err != nil {
				return err
			}
			for _, folder := range page.Items {
				folder.Parent = cmp.Or(parent, folder.Parent)
				folders = append(folders, folder)
			}
			if len(folders) > contactFolders { // as many as are looked at, and one to tell that there are more
				break
			}
		}
		return nil
	})
	return folders, err
}

// ways are how a list may be asked for, the best first: not every Graph takes pages of a
// thousand, or properties to be selected.
func (w *walk) ways(path, properties string) []string {
	list := w.base + "/" + path
	return []string{
		fmt.Sprintf("%s?$top=%d&$select=%s", list, contactPage, properties),
		fmt.Sprintf("%s?$select=%s", list, properties),
		list,
	}
}

// decodeFolders reads a page of contact folders.
func decodeFolders(body io.Reader) (page[contacts.Folder], error) {
	return decodePage(body, func(d decoder) (folder contacts.Folder, ok bool, err error) {
		err = d.object(func(name string) (err error) {
			switch name {
			case "id":
				folder.ID, err = d.text()
			case "displayName":
				folder.Name, err = d.text()
			case "parentFolderId":
				folder.Parent, err = d.text()
			default:
				err = d.SkipValue()
			}
			return err
		})
		return folder, folder.ID != "", err
	})
}

// decodeOwnContacts reads a page of a person's own contacts.
func decodeOwnContacts(body io.Reader) (page[contacts.Contact], error) {
	return decodePage(body, func(d decoder) (contacts.Contact, bool, error) {
		one, err := d.ownContact()
		return one, one.ID != "", err
	})
}

// ownContact reads a contact resource; a null has no id.
func (d decoder) ownContact() (one contacts.Contact, err error) {
	texts := map[string]*string{
		"id": &one.ID, "parentFolderId": &one.Folder, "displayName": &one.DisplayName, "givenName": &one.GivenName,
		"surname": &one.Surname, "companyName": &one.Company, "jobTitle": &one.JobTitle, "department": &one.Department,
		"officeLocation": &one.Office,
	}
	err = d.object(func(name string) (err error) {
		if to := texts[name]; to != nil {
			*to, err = d.text()
			return err
		}
		switch name {
		case "emailAddresses":
			one.Addresses, err = d.addresses()
		case "categories":
			one.Categories, err = d.list()
		default:
			err = d.SkipValue()
		}
		return err
	})
	return one, err
}

// addresses reads the addresses of a contact, without their names.
func (d decoder) addresses() (addresses []string, err error) {
	err = d.array(func() error {
		return d.object(func(name string) error {
			if name != "address" {
				return d.SkipValue()
			}
			address, err := d.text()
			if address = strings.TrimSpace(address); address != "" && len(addresses) < maxTexts {
				addresses = append(addresses, address)
			}
			return err
		})
	})
	return addresses, err
}
