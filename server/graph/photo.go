package graph

import (
	"bytes"
	"context"
	"errors"
	"strings"

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
// none for those that there are: most people's photos take one call. Calls for photos count
// against the mailbox's limits, and cost no units.
//
// A known photo is compared by the metadata's tag first. Where that is new and the image is
// the same, what is returned is another Photo with known's own bytes and the new tags: known
// may be in use and is not changed, and without the tag it would be read again each time.
func (c *Client) Photo(ctx context.Context, id string, size int, known *cache.Photo) (*cache.Photo, error) {
	s := &photoSearch{c, mayBeAbsent(ctx, anyCode), id, size, known}
	photo, err := s.search()
	if errors.Is(err, errNotFound) {
		photo, err = s.doubted(err)
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
	if s.onePhoto.Load() {
		return s.download(photoSize{})
	}
	wanted := wantedSize(s.size)
	if s.known == nil {
		photo, err := s.download(wanted)
		if !passedOver(err) {
			return photo, err
		}
		photo, listing := s.fromList(wanted, err)
		if !notListed(listing) {
			return photo, listing
		}
		return s.lastResort(err, listing)
	}
	told, err := s.metadata(wanted)
	var why error
	switch {
	case err == nil && s.knows(told.tag):
		return s.known, nil
	case err == nil:
		photo, err := s.download(told)
		if !passedOver(err) {
			return photo, err
		}
		why = err
	case !passedOver(err):
		return nil, err
	}
	// The photo is smaller than that, or gone, or Graph tells no metadata: what the list
	// tells saves most downloads.
	photo, listing := s.fromList(wanted, why)
	if !notListed(listing) {
		return photo, listing
	}
	if why == nil {
		if photo, why = s.download(wanted); !passedOver(why) {
			return photo, why
		}
	}
	return s.lastResort(why, listing)
}

// lastResort reads the one photo of a person, of a Graph that may have no sizes. sized and
// listing are what it has answered for those.
func (s *photoSearch) lastResort(sized, listing error) (*cache.Photo, error) {
	photo, err := s.download(photoSize{})
	if err == nil && errors.Is(sized, errUnsupported) && errors.Is(listing, errUnsupported) {
		s.onePhoto.Store(true)
	}
	if errors.Is(err, errUnsupported) {
		err = errAbsent // this Graph has no photos
	}
	return photo, err
}

// fromList reads the best of the sizes that there are, or the next smaller one of those that
// can be used. why is what kept the size tried from being read; nil if it was not read.
func (s *photoSearch) fromList(tried photoSize, why error) (*cache.Photo, error) {
	sizes, err := s.sizes()
	if err != nil {
		return nil, err
	}
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
	if len(sizes) == 0 {
		return nil, errAbsent
	}
	return s.download(photoSize{}) // what the list tells is not so
}

// passedOver tells whether another size may do where one failed so.
func passedOver(err error) bool {
	return errors.Is(err, errAbsent) || errors.Is(err, errTooLarge) || errors.Is(err, errUnsupported) || errors.Is(err, errNotFound)
}

// notListed tells whether Graph may have a photo although it lists none: Outlook's own
// words for a photo or a mailbox that is missing leave no doubt.
func notListed(err error) bool {
	known, ok := errors.AsType[*Error](err)
	if !ok || !errors.Is(err, errAbsent) {
		return errors.Is(err, errUnsupported)
	}
	switch strings.ToLower(known.code) {
	case "imagenotfound", "erroritemnotfound", "errorentitynotfound", "errornonexistentmailbox", "mailboxnotenabledforrestapi":
		return false
	}
	return true
}

// doubted looks whether a person does not exist: Graph's word for that may be said of a
// photo as well. Where it cannot be told, it is the photo that is missing.
func (s *photoSearch) doubted(err error) (*cache.Photo, error) {
	request := s.read("application/json", "?$select=id", "users", s.id)
	switch there := s.get(s.ctx, lookup(s.ctx), needUsers, request, discard); {
	case errors.Is(there, errNotFound):
		return nil, err
	case there == nil:
		photo, err := s.download(photoSize{})
		if passedOver(err) && !errors.Is(err, errTooLarge) {
			err = errAbsent
		}
		return photo, err
	case errors.Is(there, errDenied), errors.Is(there, errAbsent), errors.Is(there, errUnsupported):
		return nil, errAbsent
	default:
		return nil, there
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
