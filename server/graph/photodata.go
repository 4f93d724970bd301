package graph

import (
	"bufio"
	"bytes"
	"errors"
	"image"
	_ "image/gif" // what a pixel may be written in
	_ "image/jpeg"
	_ "image/png"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"

	"github.com/peopleinsights/peopleinsights/cache"
)

// maxPhotoBytes is the largest photo that is read. Graph takes uploads of up to 4 MB, of which
// the usual sizes are far smaller.
const maxPhotoBytes = 3 << 20

// maxTag is the longest tag that is kept, in bytes.
const maxTag = 256

// download reads a size of the photo. One of a single pixel counts as none, and so does
// nothing at all.
func (s *photoSearch) download(z photoSize) (photo *cache.Photo, err error) {
	words := []string{"users", s.id, "photo", "$value"}
	if z.id != "" {
		words = []string{"users", s.id, "photos", z.id, "$value"}
	}
	var unusable error
	request := s.read("image/*, application/octet-stream, application/json", "", words...)
	err = s.ask(request, func(response *http.Response) error {
		// What cannot be used is Graph's answer all the same: it is not asked again.
		photo, unusable, err = readPhoto(response, z.tag)
		return err
	})
	if err == nil {
		err = unusable
	}
	if err != nil {
		return nil, err
	}
	if z.id != "" {
		s.can.photos.read()
	}
	return photo, nil
}

// readPhoto reads an image, and tells why one that came whole cannot be used.
func readPhoto(response *http.Response, tag string) (photo *cache.Photo, unusable, err error) {
	if response.ContentLength > maxPhotoBytes {
		return nil, errTooLarge, nil
	}
	data, err := io.ReadAll(io.LimitReader(response.Body, maxPhotoBytes+1))
	if err != nil {
		return nil, nil, err
	}
	kind := http.DetectContentType(data)
	switch {
	case len(data) == 0:
		return nil, errAbsent, nil
	case len(data) > maxPhotoBytes:
		return nil, errTooLarge, nil
	case !strings.HasPrefix(kind, "image/"):
		return nil, errNoImage, nil
	}
	if config, _, err := image.DecodeConfig(bytes.NewReader(data)); err == nil && config.Width <= 1 && config.Height <= 1 {
		return nil, errAbsent, nil
	}
	if said, _, err := mime.ParseMediaType(response.Header.Get("Content-Type")); err == nil && strings.HasPrefix(said, "image/") && said != "image/*" {
		kind = said
	}
	photo = &cache.Photo{Data: slices.Clip(data), ContentType: kind}
	for _, one := range []string{plainTag(response.Header.Get("ETag")), tag} {
		if one = strings.ToValidUTF8(one, ""); one != "" && len(one) <= maxTag && !slices.Contains(photo.Tags, one) {
			photo.Tags = append(photo.Tags, one)
		}
	}
	return photo, nil, nil
}

// ask is get, for photos and what is told of them. That there is no content is an absence.
func (s *photoSearch) ask(request request, read func(*http.Response) error) error {
	err := s.get(s.ctx, lookup(s.ctx), needPhotos, request, read)
	if known, ok := errors.AsType[*Error](err); ok && known.status == http.StatusNoContent {
		return errAbsent
	}
	return err
}

// begun tells whether there is anything in a body, which can be read from what it returns.
// One that fails at its beginning is read as it is, and fails again.
func begun(body io.Reader) (io.Reader, bool) {
	whole := bufio.NewReader(body)
	_, err := whole.Peek(1)
	return whole, !errors.Is(err, io.EOF)
}

// discard reads nothing of an answer that need only be there.
func discard(*http.Response) error { return nil }
