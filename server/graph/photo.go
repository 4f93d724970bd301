package graph

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"strings"
	"time"

	"github.com/peopleinsights/peopleinsights/cache"
)

// needPhotos is the permission that photos take. User.Read.All opens them too.
const needPhotos = "ProfilePhoto.Read.All"

// maxPhotoTries bounds how many of a person's sizes are asked for, should some be missing
// or too large.
const maxPhotoTries = 4

// What may keep from a photo that Graph gave, and that it has none.
var (
	errTooLarge = errors.New("it is too large")
	errNoImage  = errors.New("it is no image")
	errNoPhoto  = &Error{kind: cache.ErrNoPhoto, text: "Microsoft Graph has no photo of this person"}
)

// photoSearch is a question for a photo, under way.
type photoSearch struct {
	*Client
	ctx   context.Context
	id    string
	size  int
	known *cache.Photo
}

// Photo implements cache.Source. It asks for the wanted size first, and only where there is
// none for those that there are, and then for the photo as it is: most people's photos take
// one call, and to learn that somebody has none takes three. Calls for photos count against
// the mailbox's limits, and cost no units.
//
// A known photo is compared by the metadata's tag first. Where that is new and the image is
// the same, what is returned is another Photo with known's own bytes and the new tags: known
// may be in use and is not changed, and without the tag it would be read again each time.
func (c *Client) Photo(ctx context.Context, id string, size int, known *cache.Photo) (*cache.Photo, error) {
	s := &photoSearch{c, mayBeAbsent(ctx, anyCode), id, size, known}
	photo, err := s.search()
	if errors.Is(err, errNotFound) {
		err = s.doubted(err)
	}
	switch {
	case errors.Is(err, errAbsent):
		return nil, errNoPhoto
	case errors.Is(err, errTooLarge), errors.Is(err, errNoImage):
		return nil, &Error{kind: errUnavailable, text: "Microsoft Graph's photo cannot be used: " + err.Error()}
	case err != nil:
		return nil, unanswered(err)
	}
	return s.same(photo), nil
}

// search finds the photo: by the wanted size, out of the list of sizes, and where this Graph
// has no sizes as the one photo of the person.
func (s *photoSearch) search() (*cache.Photo, error) {
	if s.can.photos.holds(time.Now()) {
		return s.asItIs()
	}
	wanted := wantedSize(s.size)
	var untold, unread error // why the wanted size is not told of, and not read
	if s.known != nil {
		var told photoSize
		switch told, untold = s.metadata(wanted); {
		case untold == nil && s.knows(told.tag):
			return s.known, nil
		case untold == nil:
			wanted = told
		case !passedOver(untold):
			return nil, untold
		}
	}
	if untold == nil {
		var photo *cache.Photo
		if photo, unread = s.download(wanted); !passedOver(unread) {
			return photo, unread
		}
	}
	if errors.Is(untold, errNotFound) || errors.Is(unread, errNotFound) {
		return s.asItIs() // there may be nobody: the list would say no more
	}
	// The photo is smaller than that, or gone, or Graph tells no metadata: what the list
	// tells saves most downloads.
	sizes, unlisted := s.sizes()
	switch {
	case unlisted == nil:
		return s.fromList(sizes, wanted, unread)
	case !inDoubt(unlisted):
		return nil, unlisted
	case unread == nil && s.can.photos.works() && !noImage(unlisted):
		return answered(s.download(wanted)) // this Graph has sizes, and tells nothing of them
	}
	photo, err := s.asItIs()
	if err == nil && errors.Is(cmp.Or(untold, unread), errUnsupported) && errors.Is(unlisted, errUnsupported) {
		s.can.photos.refused(s.id, time.Now())
	}
	return photo, err
}

// asItIs reads the one photo of a person, of a Graph that may have no sizes.
func (s *photoSearch) asItIs() (*cache.Photo, error) { return answered(s.download(photoSize{})) }

// answered makes of a last question that Graph does not understand the answer that it has no
// photos.
func answered(photo *cache.Photo, err error) (*cache.Photo, error) {
	if errors.Is(err, errUnsupported) {
		err = errAbsent
	}
	return photo, err
}

// fromList reads the best of the sizes that there are, or the next smaller one of those that
// can be used. why is what kept the size tried from being read; nil if it was not tried.
func (s *photoSearch) fromList(sizes []photoSize, tried photoSize, why error) (*cache.Photo, error) {
	tooLarge := errors.Is(why, errTooLarge)
	tries := 0
	for _, z := range bestFirst(sizes, s.size) {
		if why != nil && strings.EqualFold(z.id, tried.id) || errors.Is(why, errTooLarge) && z.edge >= tried.edge {
			continue
		}
		if s.knows(z.tag) {
			return s.known, nil
		}
		if tries++; tries > maxPhotoTries {
			break
		}
		photo, err := s.download(z)
		if !passedOver(err) {
			return photo, err
		}
		tooLarge = tooLarge || errors.Is(err, errTooLarge)
	}
	if tooLarge {
		return nil, errTooLarge
	}
	return s.asItIs() // there are none, or what the list tells is not so
}

// passedOver tells whether another size may do where one failed so.
func passedOver(err error) bool {
	return errors.Is(err, errAbsent) || errors.Is(err, errTooLarge) || errors.Is(err, errUnsupported) || errors.Is(err, errNotFound)
}

// inDoubt tells whether there may be a photo although Graph lists none: that there is no
// mailbox leaves no doubt.
func inDoubt(err error) bool {
	if errors.Is(err, errAbsent) {
		return !codeOf(err, "ErrorNonExistentMailbox", "MailboxNotEnabledForRESTAPI", "MailboxNotSupportedForRESTAPI")
	}
	return errors.Is(err, errUnsupported) || errors.Is(err, errNotFound)
}

// noImage tells whether it is by Outlook's own words for it that there is no such image.
func noImage(err error) bool {
	return codeOf(err, "ImageNotFound", "ErrorItemNotFound", "ErrorEntityNotFound")
}

// doubted looks whether a person does not exist: Graph's word for that may be said of a
// photo as well. Where it cannot be told, it is the photo that is missing.
func (s *photoSearch) doubted(err error) error {
	request := s.read("application/json", "?$select=id", "users", s.id)
	switch there := s.get(s.ctx, lookup(s.ctx), needUsers, request, discard); {
	case errors.Is(there, errNotFound):
		return err
	case there == nil, errors.Is(there, errDenied), errors.Is(there, errAbsent), errors.Is(there, errUnsupported):
		return errAbsent
	default:
		return there
	}
}

// knows tells whether a tag of Graph's is one of the known photo.
func (s *photoSearch) knows(tag string) bool {
	if s.known == nil || tag == "" {
		return false
	}
	for _, known := range s.known.Tags {
		if plainTag(known) == tag {
			return true
		}
	}
	return false
}

// same returns the known photo where it is the one that was read, and has all its tags.
func (s *photoSearch) same(photo *cache.Photo) *cache.Photo {
	if s.known == nil || photo == s.known || photo.ContentType != s.known.ContentType || !bytes.Equal(photo.Data, s.known.Data) {
		return photo
	}
	for _, tag := range photo.Tags {
		if !s.knows(tag) {
			photo.Data = s.known.Data // held once
			return photo
		}
	}
	return s.known
}
