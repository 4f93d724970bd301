package simulator

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"image/jpeg"
	"strconv"
	"strings"
)

// photoSizes are the edges in pixels of the squares in which Outlook keeps a photo, as far as the one that was uploaded
// has so many.
var photoSizes = []int{48, 64, 96, 120, 240, 360, 432, 504, 648}

// entraSizes are edges of photos that only the directory holds, which takes any.
var entraSizes = []int{300, 200, 512}

// maxPhotoEdge is how many pixels wide or high a photo may be that is set.
const maxPhotoEdge = 4096

// photo is the one that somebody has. It never changes.
type photo struct {
	width, height int
	seed          guid   // of the picture that is drawn
	jpeg          []byte // nil when it is drawn on request
}

// photoSize is one of the sizes of a photo.
type photoSize struct{ width, height int }

func (z photoSize) String() string { return strconv.Itoa(z.width) + "x" + strconv.Itoa(z.height) }

// sizes returns those in which there is the photo, the largest last. What has been uploaded is one of them.
func (ph *photo) sizes() []photoSize {
	var list []photoSize
	for _, edge := range photoSizes {
		if edge <= min(ph.width, ph.height) {
			list = append(list, photoSize{edge, edge})
		}
	}
	if own := (photoSize{ph.width, ph.height}); len(list) == 0 || list[len(list)-1] != own {
		list = append(list, own)
	}
	return list
}

// find returns the size that a segment such as 48x48 names.
func (ph *photo) find(name string) (photoSize, bool) {
	for _, z := range ph.sizes() {
		if strings.EqualFold(z.String(), name) {
			return z, true
		}
	}
	return photoSize{}, false
}

// mark is the hash in the ETag of a size. Another picture has another.
func (ph *photo) mark(z photoSize) string {
	sum := crc32.NewIEEE()
	_, _ = sum.Write(ph.seed[:]) // it never fails
	_, _ = sum.Write(ph.jpeg)
	_, _ = sum.Write([]byte(z.String()))
	return fmt.Sprintf("%08X", sum.Sum32())
}

// draw returns the photo in one of its sizes as JPEG.
func (ph *photo) draw(z photoSize) ([]byte, error) {
	if ph.jpeg != nil && z == (photoSize{ph.width, ph.height}) {
		return ph.jpeg, nil
	}
	var out bytes.Buffer
	var err error
	if ph.jpeg == nil {
		err = encodeSquare(&out, ph.seed, z.width)
	} else {
		err = encodeScaled(&out, ph.jpeg, z.width)
	}
	return out.Bytes(), err
}

// photoOf returns the photo of a person, nil when there is none: what has been set, else what the id decides. A third have
// none; of the others most have an upload that fills all sizes, some a small one, and a few one that only the directory
// holds, as has everybody with a photo but without a mailbox. The directory must be locked.
func (d *Directory) photoOf(n int32, p *person) *photo {
	if ph, set := d.photos[p.id]; set {
		return ph
	}
	k := lot(p.id, "photo")
	edge := entraSizes[k/100%uint64(len(entraSizes))]
	switch k %= 100; {
	case k < 33, k < 60 && !d.hasMailbox(n, p):
		return nil
	case !d.hasMailbox(n, p), k >= 94:
	case k < 73:
		edge = 648
	case k < 85:
		edge = 240
	default:
		edge = 96
	}
	return &photo{width: edge, height: edge, seed: p.id}
}

// SetPhoto gives a person another photo, which must be a JPEG of at most 4,096 pixels each way. It is served in Outlook's
// sizes as far as it has so many pixels, cut to a square, and as it is. Graph tells nobody of the change, delta queries
// neither. The photo goes with the person when they are purged.
func (d *Directory) SetPhoto(id string, picture []byte) error {
	c, err := jpeg.DecodeConfig(bytes.NewReader(picture))
	if err == nil && max(c.Width, c.Height) > maxPhotoEdge {
		err = fmt.Errorf("%dx%d is more than %d pixels each way", c.Width, c.Height, maxPhotoEdge)
	}
	if err == nil && min(c.Width, c.Height) < 1 {
		err = errors.New("it has no pixels")
	}
	if err == nil {
		_, err = jpeg.Decode(bytes.NewReader(picture)) // it may be cut short
	}
	if err != nil {
		return fmt.Errorf("set photo of user %s: %w", id, err)
	}
	return d.putPhoto(id, &photo{width: c.Width, height: c.Height, jpeg: bytes.Clone(picture)})
}

// RemovePhoto takes a person's photo away. Who has none stays without.
func (d *Directory) RemovePhoto(id string) error { return d.putPhoto(id, nil) }

func (d *Directory) putPhoto(id string, ph *photo) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	n, err := d.find(id, false)
	if err != nil {
		return fmt.Errorf("set photo: %w", err)
	}
	if d.photos == nil {
		d.photos = make(map[guid]*photo)
	}
	d.photos[d.slots[n].person.id] = ph
	return nil
}

// Photo returns a person's photo in its largest size as JPEG. ok is false when there is none, or no such person.
func (d *Directory) Photo(id string) (picture []byte, ok bool) {
	d.mu.RLock()
	n, err := d.find(id, false)
	var ph *photo
	if err == nil {
		ph = d.photoOf(n, d.slots[n].person)
	}
	d.mu.RUnlock()
	if ph == nil {
		return nil, false
	}
	picture, err = ph.draw(photoSize{ph.width, ph.height})
	return bytes.Clone(picture), err == nil
}
