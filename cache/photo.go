package cache

import (
	"context"
	"errors"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
)

// ProfilePhoto is a photo as a caller gets it.
type ProfilePhoto struct {
	ID        string // of the person
	Photo     *Photo
	ETag      string // made of the image's bytes: a quoted text of 32 hex digits
	Width     int    // in pixels; 0 where the image does not say
	Height    int
	Freshness *pb.Freshness // as of when the source last confirmed the photo
}

// defaultPhoto is the size that is meant where none is asked for, in pixels.
const defaultPhoto = 240

// Photo returns the photo of one person, in about the size that is asked for, in pixels;
// 240 if zero. ErrNotFound means that there is no such person, ErrNoPhoto that they have
// none. A photo that the source does not confirm in time is stale. Many questions for
// photos wait in line: who leaves that by their deadline has ErrBusy.
func (d Reader) Photo(ctx context.Context, ref Ref, size int) (*ProfilePhoto, error) {
	id, sight, revision, err := d.resolve(ctx, ref)
	switch {
	case d.view.Sees&SightPhoto == 0 && sight != Whole: // whoever it is of
		return nil, ErrNotShown
	case err != nil:
		return nil, err
	case sight&SightPhoto == 0:
		return nil, ErrNoPhoto
	}
	if size <= 0 {
		size = defaultPhoto
	}
	counted := &d.album.counted
	p, stale, err := d.photo(ctx, id, size)
	switch {
	case err != nil:
		counted.failed.Add(1)
		return nil, err
	case p.photo == nil:
		counted.absent.Add(1)
		return nil, p.absence
	case stale:
		counted.stale.Add(1)
	}
	counted.served.Add(1)
	return &ProfilePhoto{
		ID:     id,
		Photo:  p.photo,
		ETag:   p.etag,
		Width:  p.width,
		Height: p.height,
		Freshness: &pb.Freshness{
			AsOfTime: timestamppb.New(p.asOf),
			Stale:    stale,
			Revision: revision,
			Epoch:    d.epochOf(),
		},
	}, nil
}

// resolve returns the id of the person whom a ref leads to, what the view shows of them, and
// the revision at which it does. Photos are kept by id: an address may lead to somebody else
// tomorrow.
func (d Reader) resolve(ctx context.Context, ref Ref) (id string, sight Sight, revision int64, err error) {
	began := time.Now()
	d.mu.RLock()
	r, revision := d.personLocked(ref), d.revisionLocked()
	d.mu.RUnlock()
	switch {
	case r != nil:
		return r.id, d.view.sightOf(r), revision, nil
	case !d.view.asks(ref):
		return "", 0, 0, d.absent()
	}
	answer := d.readThrough(ctx, []Ref{ref}, revision, began, AnyAge)[0]
	return answer.Profile.GetId(), d.view.sight(answer.Profile.GetId(), false), answer.Freshness.GetRevision(), answer.Err
}

// photo returns what is kept, if it is fresh, or what the source says; and, where that
// fails, what is kept, which is stale then.
func (d *Directory) photo(ctx context.Context, id string, size int) (p *portrait, stale bool, err error) {
	key := photoKey(id, size)
	kept := d.album.get(key)
	if kept != nil && (kept.photo == nil || time.Since(kept.asOf) < d.config.PhotoTTL) {
		return kept, false, nil
	}
	p, err = d.askPhoto(ctx, key, id, size, kept)
	if err != nil && kept != nil && outlasts(err) {
		return kept, true, nil
	}
	return p, false, err
}

// outlasts tells whether what is kept is served although asking failed so: the source is
// failing, or did not answer before the caller's deadline.
func outlasts(err error) bool {
	for _, failing := range []error{ErrUnavailable, ErrThrottled, ErrQuota, ErrBusy, context.DeadlineExceeded} {
		if errors.Is(err, failing) {
			return true
		}
	}
	return false
}

// errLeft is what a question lands with whose caller has left the line. Who has waited for
// it takes their place.
var errLeft = errors.New("left the line")

// askPhoto asks the source for a photo, once for all who wait. The first of them waits in
// line for all.
func (d *Directory) askPhoto(ctx context.Context, key, id string, size int, kept *portrait) (*portrait, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	for {
		f, first := d.album.flights.join(key)
		if first {
			if err := d.album.queue(ctx); err != nil {
				d.album.flights.land(key, f, nil, errLeft)
				return nil, err
			}
			f.asked.Store(true)
			d.inFlight.Go(func() { d.flyPhoto(ctx, key, id, size, kept, f) })
		}
		p, err := f.wait(ctx)
		switch {
		case errors.Is(err, errLeft):
			continue
		case errors.Is(err, context.DeadlineExceeded) && !f.asked.Load():
			return nil, ErrBusy
		}
		return p, err
	}
}

// queue waits until a question for a photo may be asked, which then holds a place of the
// line's.
func (a *album) queue(ctx context.Context) error {
	defer a.waiting.Add(-1)
	if a.waiting.Add(1) > maxLine {
		return ErrBusy
	}
	Waits(ctx)
	select {
	case a.line <- struct{}{}:
		return nil
	case <-ctx.Done():
	}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return ErrBusy
	}
	return ctx.Err()
}

// flyPhoto asks the source for a photo, keeps it, gives up the place in line, and lands the
// flight.
func (d *Directory) flyPhoto(ctx context.Context, key, id string, size int, kept *portrait, f *flight[*portrait]) {
	var p *portrait
	var err error
	d.within(ctx, d.config.LookupTimeout, func(ctx context.Context) {
		d.album.counted.asked.Add(1)
		p, err = d.readPhoto(ctx, id, size, kept)
	})
	switch {
	case err != nil:
	case p.photo != nil:
		d.album.put(key, p, max(photoLife, d.config.PhotoTTL))
	case errors.Is(p.absence, ErrNoPhoto):
		d.album.put(key, p, d.config.PhotoAbsenceTTL)
	default:
		d.album.put(key, p, d.config.AbsenceTTL)
	}
	if d.isErased(id) { // meanwhile
		d.album.photos.Del(key)
	}
	<-d.album.line
	d.album.flights.land(key, f, p, err)
}

// readPhoto makes a portrait of what the source says.
func (d *Directory) readPhoto(ctx context.Context, id string, size int, kept *portrait) (p *portrait, err error) {
	asOf := time.Now()
	var known *Photo
	if kept != nil {
		known = kept.photo
	}
	photo, err := d.config.Source.Photo(ctx, id, size, known)
	err = unanswered(ctx, err, d.config.LookupTimeout)
	switch {
	case err == nil && photo != nil && photo == known:
		return kept.confirmed(asOf), nil
	case err == nil:
		p, err = newPortrait(photo, asOf)
	}
	for _, absence := range []error{ErrNoPhoto, ErrNotFound} {
		if errors.Is(err, absence) {
			return &portrait{absence: absence, asOf: asOf}, nil
		}
	}
	return p, err
}
