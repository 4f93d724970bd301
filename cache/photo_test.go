package cache_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/peopleinsights/peopleinsights/cache"
	"github.com/peopleinsights/peopleinsights/cache/sourcetest"
)

// square is a photo of so many pixels each way, that the source knows again by tag.
func square(t *testing.T, size int, tag string) *cache.Photo {
	t.Helper()
	var data bytes.Buffer
	if err := png.Encode(&data, image.NewGray(image.Rect(0, 0, size, size))); err != nil {
		t.Fatal(err)
	}
	return &cache.Photo{Data: data.Bytes(), ContentType: "image/png", Tags: []string{tag}}
}

// expectPhoto asks for a photo, and says what came: its size and " stale", or the error.
func (f fixture) expectPhoto(ref cache.Ref, want string, questions int) *cache.ProfilePhoto {
	f.t.Helper()
	photo, err := f.Photo(f.t.Context(), ref, 240)
	got := fmt.Sprint(err)
	if err == nil {
		got = fmt.Sprint(photo.Width)
		if photo.Freshness.Stale {
			got += " stale"
		}
	}
	synctest.Wait()
	if n := f.source.Asked("Photo"); got != want || n != questions {
		f.t.Errorf("Photo(%v) = %s after %d questions in all, want %s after %d", ref, got, n, want, questions)
	}
	return photo
}

func TestPhotoIsRenewedEachHour(t *testing.T) {
	run(t, cache.Config{PhotoTTL: time.Hour}, people(1), func(f fixture) {
		f.source.PutPhoto(sourcetest.ID(0), square(t, 240, "one"))
		first := f.expectPhoto(id(0), "240", 1)
		asOf := time.Now()
		if !first.Freshness.AsOfTime.AsTime().Equal(asOf) || first.Freshness.Epoch == "" || first.Freshness.Revision != f.Status().Freshness.Revision {
			t.Errorf("the photo is as of %v", first.Freshness)
		}
		f.pass(59 * time.Minute)
		if again := f.expectPhoto(email("u0@contoso.com"), "240", 1); !again.Freshness.AsOfTime.AsTime().Equal(asOf) {
			t.Errorf("a kept photo is as of %v, want when it was confirmed, %v", again.Freshness, asOf)
		}
		f.pass(2 * time.Minute)
		renewed := f.expectPhoto(id(0), "240", 2)
		if renewed.Photo != first.Photo || renewed.ETag != first.ETag || !renewed.Freshness.AsOfTime.AsTime().Equal(time.Now()) {
			t.Errorf("a photo that the source knows again is not the same, as of now: %v", renewed.Freshness)
		}
		f.pass(59 * time.Minute)
		f.expectPhoto(id(0), "240", 2)
		f.source.PutPhoto(sourcetest.ID(0), square(t, 96, "two"))
		f.pass(2 * time.Minute)
		if other := f.expectPhoto(id(0), "96", 3); other.ETag == first.ETag {
			t.Error("another photo has the same etag")
		}
		f.source.PutPhoto(sourcetest.ID(0), nil)
		f.pass(61 * time.Minute)
		f.expectPhoto(id(0), "no photo", 4)
	})
}

func TestPhotosDescribeThemselves(t *testing.T) {
	encoded := func(encode func(*bytes.Buffer, image.Image) error, width, height int) []byte {
		var data bytes.Buffer
		if err := encode(&data, image.NewGray(image.Rect(0, 0, width, height))); err != nil {
			t.Fatal(err)
		}
		return data.Bytes()
	}
	asJPEG := func(b *bytes.Buffer, i image.Image) error { return jpeg.Encode(b, i, nil) }
	// Written out, so that no import of this file's reads it.
	asGIF := func(b *bytes.Buffer, i image.Image) error {
		size := i.Bounds().Size()
		b.WriteString("GIF89a")
		b.Write([]byte{byte(size.X), 0, byte(size.Y), 0, 0, 0, 0})
		return nil
	}
	asPNG := func(b *bytes.Buffer, i image.Image) error { return png.Encode(b, i) }
	for name, row := range map[string]struct {
		data []byte
		want string
	}{
		"jpeg":       {encoded(asJPEG, 48, 64), "48 by 64"},
		"png":        {encoded(asPNG, 648, 648), "648 by 648"},
		"gif":        {encoded(asGIF, 96, 2), "96 by 2"},
		"unknown":    {[]byte("hello"), `0 by 0, "2cf24dba5fb0a30e26e83b2ac5b9e29e"`},
		"one pixel":  {encoded(asGIF, 1, 1), cache.ErrNoPhoto.Error()},
		"one wide":   {encoded(asPNG, 1, 2), "1 by 2"},
		"empty":      {nil, "a photo without an image: " + cache.ErrUnavailable.Error()},
		"3 MiB":      {make([]byte, 3<<20), "0 by 0"},
		"over 3 MiB": {make([]byte, 3<<20+1), "a photo of 3145729 bytes, more than 3 MiB: " + cache.ErrUnavailable.Error()},
	} {
		run(t, cache.Config{}, people(1), func(f fixture) {
			f.source.PutPhoto(sourcetest.ID(0), &cache.Photo{Data: row.data, ContentType: "image/x"})
			photo, err := f.Photo(f.t.Context(), id(0), 0)
			if err != nil {
				if err.Error() != row.want {
					t.Errorf("%s: %v, want %s", name, err, row.want)
				}
				return
			}
			got := fmt.Sprintf("%d by %d, %s", photo.Width, photo.Height, photo.ETag)
			if !strings.HasPrefix(got, row.want) || len(photo.ETag) != 34 || !bytes.Equal(photo.Photo.Data, row.data) || photo.Photo.ContentType != "image/x" {
				t.Errorf("%s: %s, want %s", name, got, row.want)
			}
		})
	}
}

func TestPhotoAbsenceIsRemembered(t *testing.T) {
	run(t, cache.Config{PhotoAbsenceTTL: 15 * time.Minute}, people(1), func(f fixture) {
		f.expectPhoto(id(0), "no photo", 1)
		f.source.PutPhoto(sourcetest.ID(0), square(t, 240, "one"))
		f.pass(14 * time.Minute)
		f.expectPhoto(id(0), "no photo", 1)
		f.pass(2 * time.Minute)
		f.expectPhoto(id(0), "240", 2)
		if got, want := f.Status().Photos, (cache.Photos{Served: 1, Absent: 2, Asked: 2}); got != want {
			t.Errorf("counted as %+v, want %+v", got, want)
		}
	})
}

// TestFailingSourceHasStalePhotos has the source fail after a photo was read: it is served
// for a day since it was last confirmed, and other answers are not.
func TestFailingSourceHasStalePhotos(t *testing.T) {
	for _, err := range []error{cache.ErrUnavailable, asksFor(time.Minute), cache.ErrQuota, cache.ErrBusy} {
		run(t, cache.Config{}, people(1), func(f fixture) {
			f.source.PutPhoto(sourcetest.ID(0), square(t, 240, "one"))
			f.expectPhoto(id(0), "240", 1)
			asOf := time.Now()
			f.source.Refuse(sourcetest.ID(0), err)
			f.pass(59 * time.Minute)
			f.expectPhoto(id(0), "240", 1)
			f.pass(2 * time.Minute)
			if photo := f.expectPhoto(id(0), "240 stale", 2); !photo.Freshness.AsOfTime.AsTime().Equal(asOf) {
				t.Errorf("a stale photo is as of %v, want %v", photo.Freshness, asOf)
			}
			if got := f.Status().Photos; got.Stale != 1 || got.Served != 3 {
				t.Errorf("counted as %+v", got)
			}
			f.pass(22*time.Hour + 58*time.Minute)
			f.expectPhoto(id(0), "240 stale", 3)
			f.pass(2 * time.Minute)
			f.expectPhoto(id(0), err.Error(), 4)
			f.source.Refuse(sourcetest.ID(0), nil)
			f.expectPhoto(id(0), "240", 5)
		})
	}
	for _, err := range []error{cache.ErrDenied, cache.ErrNotFound} { // these are no outage
		run(t, cache.Config{}, people(1), func(f fixture) {
			f.source.PutPhoto(sourcetest.ID(0), square(t, 240, "one"))
			f.expectPhoto(id(0), "240", 1)
			f.source.Refuse(sourcetest.ID(0), err)
			f.pass(61 * time.Minute)
			f.expectPhoto(id(0), err.Error(), 2)
		})
	}
}

func TestPhotoOfASourceThatHangs(t *testing.T) {
	run(t, cache.Config{LookupTimeout: 4 * time.Second}, people(2), func(f fixture) {
		f.source.PutPhoto(sourcetest.ID(0), square(t, 240, "one"))
		f.expectPhoto(id(0), "240", 1)
		f.pass(61 * time.Minute)
		f.source.Before(func(ctx context.Context, method string) error {
			if method == "Photo" {
				<-ctx.Done()
			}
			return ctx.Err()
		})
		began := time.Now()
		f.expectPhoto(id(0), "240 stale", 2)
		if took := time.Since(began); took != 4*time.Second {
			t.Errorf("the photo that is there came after %v, want 4s", took)
		}
		f.expectPhoto(id(1), "no answer in 4s: "+cache.ErrUnavailable.Error(), 3)
		ctx, cancel := context.WithTimeout(f.t.Context(), time.Second)
		defer cancel()
		if photo, err := f.Photo(ctx, id(0), 240); err != nil || !photo.Freshness.Stale {
			t.Errorf("at the caller's deadline: %v, want the photo that is there", err)
		}
	})
}

func TestRemovedPersonHasNoPhoto(t *testing.T) {
	run(t, cache.Config{}, people(3), func(f fixture) {
		f.source.PutPhoto(sourcetest.ID(1), square(t, 240, "one"))
		f.expectPhoto(id(1), "240", 1)
		f.source.Remove(sourcetest.ID(1))
		f.pass(interval)
		f.expectPhoto(id(1), cache.ErrNotFound.Error(), 1)
		f.expectPhoto(email("nobody@contoso.com"), cache.ErrNotFound.Error(), 1)
		// The address goes to somebody else, and takes no photo along.
		heir := sourcetest.Someone(2)
		heir.Proxies = append(heir.Proxies, "person.b@contoso.com")
		f.source.Put(heir)
		f.pass(interval)
		f.expectPhoto(email("person.b@contoso.com"), "no photo", 2)
		// Who is not held is looked up first.
		f.source.Slip(sourcetest.Someone(5))
		f.source.PutPhoto(sourcetest.ID(5), square(t, 96, "five"))
		photo := f.expectPhoto(email("u5@contoso.com"), "96", 3)
		if got, want := photo.Freshness.Revision, f.Status().Freshness.Revision; got != want {
			t.Errorf("the photo is of revision %d, want %d", got, want)
		}
	})
}

func TestSizesOfPhotosAreKeptApart(t *testing.T) {
	run(t, cache.Config{}, people(1), func(f fixture) {
		f.source.PutPhoto(sourcetest.ID(0), square(t, 240, "one"))
		for range 2 {
			for _, size := range []int{48, 240, 0, 648} {
				if _, err := f.Photo(f.t.Context(), id(0), size); err != nil {
					t.Error(err)
				}
				synctest.Wait()
			}
		}
		if n := f.source.Asked("Photo"); n != 3 {
			t.Errorf("three sizes, one of them also as zero, took %d questions", n)
		}
	})
}

// TestPhotosWaitInLine has a page of fifty faces: four are asked for at once, each person
// once, and who leaves the line gives way.
func TestPhotosWaitInLine(t *testing.T) {
	run(t, cache.Config{MaxPhotos: 4}, people(20), func(f fixture) {
		var mu sync.Mutex
		under, most := 0, 0
		f.source.Before(func(ctx context.Context, method string) error {
			if method != "Photo" {
				return nil
			}
			mu.Lock()
			under++
			most = max(most, under)
			mu.Unlock()
			<-time.After(time.Second)
			mu.Lock()
			under--
			mu.Unlock()
			return ctx.Err()
		})
		began := time.Now()
		var wait sync.WaitGroup
		for i := range 50 {
			f.source.PutPhoto(sourcetest.ID(i%10), square(t, 240, fmt.Sprint(i%10)))
			wait.Go(func() {
				if _, err := f.Photo(f.t.Context(), id(i%10), 240); err != nil {
					t.Errorf("Photo(%d) = %v", i%10, err)
				}
			})
		}
		wait.Wait()
		if n := f.source.Asked("Photo"); n != 10 || most != 4 || time.Since(began) != 3*time.Second {
			t.Errorf("ten photos took %d questions, %d at once, and %v; want 10, 4 at once, 3s", n, most, time.Since(began))
		}
	})
}

func TestWhoLeavesTheLine(t *testing.T) {
	run(t, cache.Config{MaxPhotos: 1, LookupTimeout: time.Minute}, people(4), func(f fixture) {
		f.source.PutPhoto(sourcetest.ID(1), square(t, 240, "one"))
		release := make(chan struct{})
		f.source.Before(func(_ context.Context, method string) error {
			if method == "Photo" {
				<-release
			}
			return nil
		})
		type answer struct {
			err  error
			took time.Duration
		}
		began := time.Now()
		ask := func(i int, within time.Duration) chan answer {
			answered := make(chan answer, 1)
			ctx, cancel := context.WithTimeout(f.t.Context(), within)
			go func() {
				defer cancel()
				_, err := f.Photo(ctx, id(i), 240)
				answered <- answer{err, time.Since(began)}
			}()
			synctest.Wait()
			return answered
		}
		atTheSource := ask(0, 2*time.Second)
		first, second, patient := ask(1, time.Second), ask(1, 2*time.Second), ask(1, time.Hour)
		leaving, leave := context.WithCancel(f.t.Context())
		left := make(chan error, 1)
		go func() { _, err := f.Photo(leaving, id(2), 240); left <- err }()
		synctest.Wait()
		leave()
		if err := <-left; !errors.Is(err, context.Canceled) {
			t.Errorf("who left got %v, want %v", err, context.Canceled)
		}
		for _, row := range []struct {
			who      string
			answered chan answer
			want     answer
		}{
			{"who waits in line", first, answer{cache.ErrBusy, time.Second}},
			{"who waits for them", second, answer{cache.ErrBusy, 2 * time.Second}},
			{"who is at the source", atTheSource, answer{context.DeadlineExceeded, 2 * time.Second}},
		} {
			if got := <-row.answered; !errors.Is(got.err, row.want.err) || got.took != row.want.took {
				t.Errorf("%s has %v after %v, want %v after %v", row.who, got.err, got.took, row.want.err, row.want.took)
			}
		}
		close(release)
		if got := <-patient; got.err != nil {
			t.Errorf("who is patient has %v", got.err)
		}
		if n := f.source.Asked("Photo"); n != 2 {
			t.Errorf("the source was asked %d times, want for the two for whom somebody waited", n)
		}
	})
}

func TestLineOfPhotosIsBounded(t *testing.T) {
	run(t, cache.Config{MaxPhotos: 1, LookupTimeout: time.Hour}, crowd(1003), func(f fixture) {
		release := make(chan struct{})
		f.source.Before(func(_ context.Context, method string) error {
			if method == "Photo" {
				<-release
			}
			return nil
		})
		var wait sync.WaitGroup
		for i := range 1001 {
			wait.Go(func() {
				if _, err := f.Photo(f.t.Context(), id(i), 240); !errors.Is(err, cache.ErrNoPhoto) {
					t.Errorf("Photo(%d) = %v, want %v", i, err, cache.ErrNoPhoto)
				}
			})
		}
		synctest.Wait()
		if _, err := f.Photo(f.t.Context(), id(1002), 240); !errors.Is(err, cache.ErrBusy) {
			t.Errorf("behind a line of a thousand = %v, want %v", err, cache.ErrBusy)
		}
		close(release)
		wait.Wait()
	})
}

// TestPhotosStayWithinTheirBytes has more photos than are kept.
func TestPhotosStayWithinTheirBytes(t *testing.T) {
	run(t, cache.Config{PhotoBytes: 1 << 20}, people(30), func(f fixture) {
		for i := range 20 {
			f.source.PutPhoto(sourcetest.ID(i), &cache.Photo{Data: make([]byte, 100<<10)})
			f.expectPhoto(id(i), "0", i+1)
		}
		for i := range 20 {
			_, _ = f.Photo(f.t.Context(), id(i), 240)
			synctest.Wait()
		}
		if again := f.source.Asked("Photo") - 20; again < 10 {
			t.Errorf("of 20 photos of 100 KiB, %d were kept within 1 MiB", 20-again)
		}
	})
}
