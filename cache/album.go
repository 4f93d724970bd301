package cache

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"image"
	_ "image/gif"  // to read how large a photo is
	_ "image/jpeg" // likewise
	_ "image/png"  // likewise
	"sync/atomic"
	"time"

	"github.com/dgraph-io/ristretto/v2"
)

// album keeps photos, within a budget of bytes, and has the questions for them wait in
// line. Like memo, it may forget anything at any time.
type album struct {
	photos  *ristretto.Cache[string, *portrait]
	flights flights[*portrait]
	line    chan struct{} // one is held by each question that is at the source
	waiting atomic.Int64  // in line
	counted photoCounters
}

// portrait is a photo of one person in one size, or why there is none. It is never changed.
type portrait struct {
	photo         *Photo // nil: there is none
	absence       error  // why
	etag          string
	width, height int
	asOf          time.Time // when the source last confirmed it
}

const (
	// portraitOverhead is what an entry costs beside its image: the structs of portrait, Photo
	// and ristretto, the key and the tags, rounded up.
	portraitOverhead = 512
	// usualPortrait is what an entry costs about, absences among them.
	usualPortrait = 2 << 10
	// maxPhoto is the largest photo, in bytes.
	maxPhoto = 3 << 20
	// photoLife is how long a photo is kept since it was last confirmed.
	photoLife = 24 * time.Hour
	// maxLine is how many questions for photos wait in line.
	maxLine = 1000
)

func newAlbum(size int64, most int) (*album, error) {
	photos, err := ristretto.NewCache(&ristretto.Config[string, *portrait]{
		// Ten counters for each that fits, as ristretto advises.
		NumCounters: min(max(1000, size/usualPortrait*10), 100_000_000),
		MaxCost:     size,
		BufferItems: 64,
	})
	if err != nil {
		return nil, fmt.Errorf("cache: a budget of %d bytes for photos: %w", size, err)
	}
	return &album{photos: photos, line: make(chan struct{}, most)}, nil
}

func (a *album) get(key string) *portrait {
	p, _ := a.photos.Get(key)
	return p
}

func (a *album) put(key string, p *portrait, ttl time.Duration) {
	cost := portraitOverhead
	if p.photo != nil {
		cost += len(p.photo.Data)
	}
	a.photos.SetWithTTL(key, p, int64(cost), ttl)
}

func (a *album) close() { a.photos.Close() }

// newPortrait is of what a source has answered. An image of one pixel stands for none.
func newPortrait(photo *Photo, asOf time.Time) (*portrait, error) {
	switch {
	case photo == nil || len(photo.Data) == 0:
		return nil, fmt.Errorf("a photo without an image: %w", ErrUnavailable)
	case len(photo.Data) > maxPhoto:
		return nil, fmt.Errorf("a photo of %d bytes, more than 3 MiB: %w", len(photo.Data), ErrUnavailable)
	}
	p := &portrait{photo: photo, asOf: asOf}
	if about, _, err := image.DecodeConfig(bytes.NewReader(photo.Data)); err == nil {
		p.width, p.height = about.Width, about.Height
	}
	if p.width == 1 && p.height == 1 {
		return nil, ErrNoPhoto
	}
	sum := sha256.Sum256(photo.Data)
	p.etag = fmt.Sprintf(`"%x"`, sum[:16])
	return p, nil
}

// confirmed is p, that the source has just said is still the photo.
func (p *portrait) confirmed(asOf time.Time) *portrait {
	again := *p
	again.asOf = asOf
	return &again
}
