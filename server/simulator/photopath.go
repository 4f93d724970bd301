package simulator

import (
	"net/http"
	"strconv"
	"strings"
)

// maxPhotoAge is what Graph allows a cache.
const maxPhotoAge = "max-age=21600, private"

// portrait is what is asked of one person's photo.
type portrait struct {
	id      guid
	photo   *photo
	mailbox bool
}

// photoPath serves what is under /users/{key}/photo and /users/{key}/photos: rest begins with that segment.
func (s *Simulator) photoPath(c *call, key string, rest []string) *problem {
	if !c.grant.may(readPhotos...) {
		return refuse(http.StatusForbidden, "ErrorAccessDenied", "Access is denied. Check credentials and try again.")
	}
	if _, p := parseOptions(c.r.URL.RawQuery); p != nil {
		return p
	}
	who, ok := s.portrait(key)
	if !ok {
		return notFound(key)
	}
	size, sizes := "", strings.EqualFold(rest[0], "photos")
	rest = rest[1:]
	if sizes {
		if len(rest) == 0 {
			return s.listPhotos(c, who)
		}
		size, rest = rest[0], rest[1:]
	}
	switch {
	case len(rest) == 0:
		return s.photoMetadata(c, who, size)
	case len(rest) == 1 && strings.EqualFold(rest[0], "$value"):
		return s.photoValue(c, who, size)
	}
	return noSegment(rest[len(rest)-1])
}

func (s *Simulator) portrait(key string) (who portrait, ok bool) {
	s.dir.mu.RLock()
	defer s.dir.mu.RUnlock()
	n, ok := s.dir.lookUp(key)
	if !ok {
		return who, false
	}
	p := s.dir.slots[n].person
	return portrait{p.id, s.dir.photoOf(n, p), s.dir.hasMailbox(n, p)}, true
}

// sized returns the size that is asked for, without a name the largest. ok is false when there is none.
func (who portrait) sized(name string) (z photoSize, ok bool) {
	if who.photo == nil {
		return z, false
	}
	if name != "" {
		return who.photo.find(name)
	}
	return photoSize{who.photo.width, who.photo.height}, true
}

// missing is the refusal of a picture that does not exist. Which of Graph's codes it has depends on the person.
func (who portrait) missing() *problem {
	if who.photo == nil && !who.mailbox {
		return refuse(http.StatusNotFound, "ErrorNonExistentMailbox", "The SMTP address has no mailbox associated with it.")
	}
	if who.photo == nil {
		switch lot(who.id, "missing photo") % 3 {
		case 0:
			return refuse(http.StatusNotFound, "ErrorItemNotFound", "The specified object was not found in the store.")
		case 1:
			return refuse(http.StatusNotFound, "ErrorEntityNotFound", "The specified entity was not found.")
		}
	}
	return noImage()
}

func noImage() *problem {
	return refuse(http.StatusNotFound, "ImageNotFound",
		"Exception of type 'Microsoft.Fast.Profile.Core.Exception.ImageNotFoundException' was thrown.")
}

// pixel reports whether the metadata of a photo that is missing tells of a pixel.
func (s *Simulator) pixel(who portrait) bool {
	if who.photo != nil { // and of another size than is asked for
		return false
	}
	switch s.how.get().MissingPhotos {
	case MissingIsPixel:
		return true
	case MissingIsNotFound:
		return false
	}
	return lot(who.id, "pixel")%2 == 0
}

func (s *Simulator) photoMetadata(c *call, who portrait, size string) *problem {
	z, ok := who.sized(size)
	if !ok && !s.pixel(who) {
		return noImage()
	}
	b := append([]byte(nil), `{"@odata.context":`...)
	set := "/photo"
	if size != "" {
		set = "/photos"
	}
	b = appendJSON(b, c.base+"/v1.0/$metadata#users('"+who.id.String()+"')"+set+"/$entity")
	b = append(b, ',')
	c.send(jsonContent, append(c.appendPhoto(b, who, z), '}'))
	return nil
}

func (s *Simulator) listPhotos(c *call, who portrait) *problem {
	b := append([]byte(nil), `{"@odata.context":`...)
	b = appendJSON(b, c.base+"/v1.0/$metadata#users('"+who.id.String()+"')/photos")
	b = append(b, `,"value":[`...)
	switch {
	case who.photo != nil:
		for i, z := range who.photo.sizes() {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(c.appendPhoto(append(b, '{'), who, z), '}')
		}
	case s.pixel(who):
		b = append(c.appendPhoto(append(b, '{'), who, photoSize{}), '}')
	default:
		return noImage()
	}
	c.send(jsonContent, append(b, "]}"...))
	return nil
}

// appendPhoto appends the metadata of a size without braces; that of no size is the pixel.
func (c *call) appendPhoto(b []byte, who portrait, z photoSize) []byte {
	kind, mark := "image/jpeg", ""
	if z == (photoSize{}) {
		kind, z, mark = "image/gif", photoSize{1, 1}, "47494638"
	} else {
		mark = who.photo.mark(z)
	}
	b = append(b, `"@odata.id":`...)
	b = appendJSON(b, c.base+"/v1.0/users('"+who.id.String()+"')/photos/"+z.String())
	b = append(b, `,"@odata.mediaContentType":"`+kind+`","@odata.mediaEtag":"\"`+mark+`\"","id":"`+z.String()+`"`...)
	b = strconv.AppendInt(append(b, `,"width":`...), int64(z.width), 10)
	return strconv.AppendInt(append(b, `,"height":`...), int64(z.height), 10)
}

func (s *Simulator) photoValue(c *call, who portrait, size string) *problem {
	z, ok := who.sized(size)
	if !ok {
		return who.missing()
	}
	mark := `"` + who.photo.mark(z) + `"`
	same := s.how.get().PhotosNotModified && namesMark(c.r.Header.Values("If-None-Match"), mark)
	var picture []byte
	if !same {
		var err error
		if picture, err = who.photo.draw(z); err != nil {
			return refuse(http.StatusInternalServerError, "ErrorInternalServerError", "%v", err)
		}
	}
	h := c.header()
	h.Set("Cache-Control", maxPhotoAge)
	h.Set("ETag", "W/"+mark)
	if same {
		c.out.WriteHeader(http.StatusNotModified)
		return nil
	}
	h.Set("Content-Type", "image/jpeg")
	h.Set("Content-Length", strconv.Itoa(len(picture)))
	_, _ = c.out.Write(picture) // nobody is left to tell when it fails
	return nil
}

// namesMark reports whether an If-None-Match names an ETag; weak or strong is the same to it.
func namesMark(headers []string, mark string) bool {
	for _, h := range headers {
		for one := range strings.SplitSeq(h, ",") {
			if one = strings.TrimPrefix(strings.TrimSpace(one), "W/"); one == mark || one == "*" {
				return true
			}
		}
	}
	return false
}
