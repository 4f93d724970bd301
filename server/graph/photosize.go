package graph

import (
	"cmp"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// photoSizes are the edges, in pixels, of the squares in which Graph keeps a photo, as far
// as what was uploaded is so large. What the directory alone holds is of any size.
// Source: https://learn.microsoft.com/graph/api/profilephoto-get
var photoSizes = [...]int{48, 64, 96, 120, 240, 360, 432, 504, 648}

// maxPhotoSizes bounds how many sizes of a photo are looked at.
const maxPhotoSizes = 64

// sizeless is what a Client has learned of whether this Graph knows sizes of photos at all.
// What it says of one person's photo proves nothing.
type sizeless struct {
	mu    sync.Mutex
	sized bool            // a size was read
	whose map[string]bool // lower-case ids of people whose photo was read, but no size of it
	since time.Time       // when the last of these was noted
}

const (
	// sizelessPeople is of how many people no size can be read until none is asked for of
	// anybody, for sizelessFor.
	sizelessPeople = 3
	sizelessFor    = time.Hour
)

// read notes that a size was read.
func (s *sizeless) read() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sized, s.whose = true, nil
}

// works tells whether a size was ever read.
func (s *sizeless) works() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sized
}

// refused notes that somebody's photo was read, but that Graph understands no question for
// its sizes.
func (s *sizeless) refused(id string, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sized || len(s.whose) >= sizelessPeople {
		return
	}
	if s.whose == nil {
		s.whose = map[string]bool{}
	}
	s.whose[strings.ToLower(id)] = true
	s.since = now
}

// holds tells whether sizes need not be asked for.
func (s *sizeless) holds(now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now.Sub(s.since) >= sizelessFor {
		s.whose = nil
	}
	return len(s.whose) >= sizelessPeople
}

// photoSize is one of the sizes of a photo. The zero photoSize is the photo as it is.
type photoSize struct {
	id   string // such as 240x240
	edge int    // the longer one, in pixels
	tag  string // of the image, as the metadata tells it
}

// wantedSize is the smallest of the usual sizes of at least so many pixels, or the largest.
func wantedSize(pixels int) photoSize {
	edge := photoSizes[len(photoSizes)-1]
	for _, one := range photoSizes {
		if one >= pixels {
			edge = one
			break
		}
	}
	text := strconv.Itoa(edge)
	return photoSize{id: text + "x" + text, edge: edge}
}

// bestFirst orders sizes: the next larger than so many pixels, or else the largest; then the
// smaller ones, the largest first.
func bestFirst(sizes []photoSize, pixels int) []photoSize {
	slices.SortFunc(sizes, func(a, b photoSize) int { return cmp.Compare(a.edge, b.edge) })
	best := slices.IndexFunc(sizes, func(z photoSize) bool { return z.edge >= pixels })
	if best < 0 {
		best = len(sizes) - 1
	}
	order := slices.Clone(sizes[:best+1])
	slices.Reverse(order)
	return order
}

// sizes asks which sizes of the photo there are. A square of one pixel stands for none, and so
// does an answer without a body.
func (s *photoSearch) sizes() (sizes []photoSize, err error) {
	request := s.read("application/json", "", "users", s.id, "photos")
	err = s.ask(request, func(response *http.Response) error {
		body, ok := begun(response.Body)
		if !ok {
			return nil
		}
		read, err := decodePage(body, func(d decoder) (photoSize, bool, error) {
			z, err := d.photoSize()
			return z, z.edge > 1, err
		})
		sizes = read.Items[:min(len(read.Items), maxPhotoSizes)]
		return err
	})
	return sizes, err
}

// metadata asks for what there is to know of a size.
func (s *photoSearch) metadata(of photoSize) (told photoSize, err error) {
	request := s.read("application/json", "", "users", s.id, "photos", of.id)
	said := true
	err = s.ask(request, func(response *http.Response) (err error) {
		var body io.Reader
		if body, said = begun(response.Body); said {
			told, err = decodePhotoSize(body)
		}
		return err
	})
	if err == nil && (told.edge == 1 || !said) {
		err = errAbsent
	}
	told.id, told.edge = of.id, of.edge
	return told, err
}

func decodePhotoSize(body io.Reader) (photoSize, error) {
	d := newDecoder(body)
	if kind := d.PeekKind(); kind != '{' && kind != 0 {
		return photoSize{}, &Error{kind: errUnavailable, text: "this is not Microsoft Graph's answer: check the Graph URL (a photo that is no object)"}
	}
	return d.photoSize()
}

// photoSize reads a profilePhoto resource. Without its width, its id tells it.
func (d decoder) photoSize() (z photoSize, err error) {
	width, height := 0, 0
	err = d.object(func(name string) (err error) {
		switch name {
		case "id":
			z.id, err = d.text()
		case "@odata.mediaEtag":
			z.tag, err = d.text()
			z.tag = plainTag(z.tag)
		case "width":
			width, err = d.pixels()
		case "height":
			height, err = d.pixels()
		default:
			err = d.SkipValue()
		}
		return err
	})
	z.edge = max(width, height)
	if across, down, ok := strings.Cut(strings.ToLower(z.id), "x"); ok && z.edge == 0 {
		width, _ = strconv.Atoi(across)
		height, _ = strconv.Atoi(down)
		z.edge = max(width, height)
	}
	if z.id == "" && width > 0 && height > 0 {
		z.id = strconv.Itoa(width) + "x" + strconv.Itoa(height)
	}
	if z.id == "" {
		z.edge = 0 // nothing to ask for
	}
	return z, err
}

// pixels reads a whole number, zero where there is none.
func (d decoder) pixels() (int, error) {
	if d.PeekKind() != '0' {
		return 0, d.SkipValue()
	}
	token, err := d.ReadToken()
	if err != nil {
		return 0, err
	}
	number, _ := token.Float() // of what is out of range, the end of the range
	return int(max(0, min(number, 1<<20))), nil
}

// plainTag is an ETag without the mark of a weak one and without quotes: Graph writes the
// same one in both ways.
func plainTag(tag string) string {
	tag = strings.TrimSpace(tag)
	if len(tag) > 1 && strings.EqualFold(tag[:2], "W/") {
		tag = tag[2:]
	}
	return strings.Trim(tag, `"`)
}
