package graph_test

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"slices"
	"strings"
	"testing"

	"github.com/peopleinsights/peopleinsights/cache"
	"github.com/peopleinsights/peopleinsights/cache/sourcetest"
	"github.com/peopleinsights/peopleinsights/server/graph"
	"github.com/peopleinsights/peopleinsights/server/simulator"
)

// picture is a JPEG of so many pixels each way, in a shade.
func picture(t *testing.T, edge int, shade uint8) []byte {
	t.Helper()
	drawn := image.NewGray(image.Rect(0, 0, edge, edge))
	for i := range drawn.Pix {
		drawn.Pix[i] = shade
	}
	var out bytes.Buffer
	if err := jpeg.Encode(&out, drawn, nil); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// onePerson serves the suite's first person, with a photo of so many pixels if edge is any.
func onePerson(t *testing.T, config simulator.Config, edge int) (*graph.Client, *simulator.Simulator, *simulator.Directory) {
	t.Helper()
	directory := simulator.NewDirectory()
	if err := directory.Put(resource(t, sourcetest.Someone(0))); err != nil {
		t.Fatal(err)
	}
	err := directory.RemovePhoto(sourcetest.ID(0))
	if edge > 0 {
		err = directory.SetPhoto(sourcetest.ID(0), picture(t, edge, 40))
	}
	if err != nil {
		t.Fatal(err)
	}
	client, sim := start(t, config, directory)
	return client, sim, directory
}

// paths are what was asked below /v1.0 since the last call, the ids left out.
func paths(sim *simulator.Simulator) string {
	var list []string
	for _, r := range sim.Requests() {
		if _, path, ok := strings.Cut(r.URL, "/v1.0/users/"); ok {
			_, path, _ = strings.Cut(path, "/")
			list = append(list, path)
		}
	}
	sim.ResetRequests()
	return strings.Join(list, " ")
}

func edgeOf(photo *cache.Photo) int {
	if photo == nil {
		return 0
	}
	config, _, _ := image.DecodeConfig(bytes.NewReader(photo.Data))
	return config.Width
}

func TestPhotoSizes(t *testing.T) {
	for _, row := range []struct {
		uploaded, asked, want int
		calls                 string
	}{
		{648, 48, 48, "photos/48x48/$value"},
		{648, 49, 64, "photos/64x64/$value"},
		{648, 0, 48, "photos/48x48/$value"},
		{648, 240, 240, "photos/240x240/$value"},
		{648, 2000, 648, "photos/648x648/$value"},
		{240, 648, 240, "photos/648x648/$value photos photos/240x240/$value"},
		{300, 300, 300, "photos/360x360/$value photos photos/300x300/$value"},
		{20, 96, 20, "photos/96x96/$value photos photos/20x20/$value"},
		{0, 96, 0, "photos/96x96/$value photos photo/$value"},
	} {
		client, sim, _ := onePerson(t, simulator.Config{}, row.uploaded)
		photo, err := client.Photo(t.Context(), sourcetest.ID(0), row.asked, nil)
		if (row.want == 0) != errors.Is(err, cache.ErrNoPhoto) || edgeOf(photo) != row.want {
			t.Errorf("%d of %d: %d pixels, %v; want %d", row.asked, row.uploaded, edgeOf(photo), err, row.want)
		}
		if photo != nil && (photo.ContentType != "image/jpeg" || len(photo.Tags) == 0) {
			t.Errorf("%d of %d: %s, tags %q", row.asked, row.uploaded, photo.ContentType, photo.Tags)
		}
		if got := paths(sim); got != row.calls {
			t.Errorf("%d of %d: asked %s, want %s", row.asked, row.uploaded, got, row.calls)
		}
		if used := client.Usage(); used.Units != 0 || used.Failing {
			t.Errorf("%d of %d: usage %+v", row.asked, row.uploaded, used)
		}
	}
}

// TestKnownPhotos asks again for what is known: for as long as it stays, nothing is read.
func TestKnownPhotos(t *testing.T) {
	client, sim, directory := onePerson(t, simulator.Config{}, 300)
	id := sourcetest.ID(0)
	read := func(size int, known *cache.Photo) *cache.Photo {
		t.Helper()
		photo, err := client.Photo(t.Context(), id, size, known)
		if err != nil {
			t.Fatal(err)
		}
		return photo
	}
	small, large := read(96, nil), read(648, nil)
	paths(sim)
	if read(96, small) != small {
		t.Error("the same photo is another")
	}
	if got, want := paths(sim), "photos/96x96"; got != want {
		t.Errorf("asked %s, want %s", got, want)
	}
	if read(648, large) != large {
		t.Error("the same photo of the largest size is another")
	}
	if got, want := paths(sim), "photos/648x648 photos"; got != want {
		t.Errorf("asked %s, want %s", got, want)
	}
	untagged := &cache.Photo{Data: small.Data, ContentType: small.ContentType, Tags: []string{`W/"other"`}}
	learned := read(96, untagged)
	if learned == untagged || &learned.Data[0] != &small.Data[0] || !slices.Equal(learned.Tags, small.Tags) || untagged.Tags[0] != `W/"other"` {
		t.Errorf("the same image by another tag: tags %q", learned.Tags)
	}
	if read(96, learned) != learned {
		t.Error("a tag was not learned")
	}
	if err := directory.SetPhoto(id, picture(t, 300, 200)); err != nil {
		t.Fatal(err)
	}
	if other := read(96, small); other == small || bytes.Equal(other.Data, small.Data) {
		t.Error("another photo is the same")
	}
	if other := read(648, large); other == large || bytes.Equal(other.Data, large.Data) {
		t.Error("another photo of the largest size is the same")
	}
	for _, how := range []simulator.MissingPhoto{simulator.MissingIsNotFound, simulator.MissingIsPixel} {
		if err := directory.RemovePhoto(id); err != nil {
			t.Fatal(err)
		}
		sim.Behave(simulator.Behaviour{MissingPhotos: how})
		if photo, err := client.Photo(t.Context(), id, 96, small); !errors.Is(err, cache.ErrNoPhoto) {
			t.Errorf("%v: a photo that is gone = %v, %v", how, photo, err)
		}
	}
}

// TestMissingPhotos asks for many who have none, in all the ways in which Graph says so:
// that is no failure of Graph's, nor is it asked twice.
func TestMissingPhotos(t *testing.T) {
	for _, how := range []simulator.MissingPhoto{simulator.MissingIsNotFound, simulator.MissingIsPixel} {
		directory := simulator.Invent(40, 1)
		client, sim := start(t, simulator.Config{MissingPhotos: how}, directory)
		for id := range directory.All() {
			if err := directory.RemovePhoto(id); err != nil {
				t.Fatal(err)
			}
			if photo, err := client.Photo(t.Context(), id, 96, nil); !errors.Is(err, cache.ErrNoPhoto) || strings.Contains(err.Error(), id) {
				t.Fatalf("%v: %v, %v", how, photo, err)
			}
		}
		if n := len(strings.Fields(paths(sim))); n != 120 {
			t.Errorf("%v: %d calls for 40 people", how, n)
		}
		if used := client.Usage(); used.Failing || used.Refused != 0 {
			t.Errorf("%v: usage %+v", how, used)
		}
	}
}

// TestPhotosOfOtherGraphs asks Graphs that have less than Microsoft's.
func TestPhotosOfOtherGraphs(t *testing.T) {
	var pixel bytes.Buffer
	if err := gif.Encode(&pixel, image.NewPaletted(image.Rect(0, 0, 1, 1), color.Palette{color.White}), nil); err != nil {
		t.Fatal(err)
	}
	huge := make([]byte, 4<<20)
	copy(huge, picture(t, 50, 1))
	for _, row := range []struct {
		what   string
		faults []simulator.Fault
		want   int // pixels; 0 for an error
		err    error
		asked  string
	}{
		{"no /photos, 400", []simulator.Fault{{Path: "/photos", Status: 400, Code: "BadRequest"}}, 648, nil, "photos/96x96/$value photos photo/$value"},
		{"no /photos, 404", []simulator.Fault{{Path: "/photos", Status: 404, Code: "UnknownError"}}, 648, nil, "photos/96x96/$value photos photo/$value"},
		{"no /photos, 404 without a body", []simulator.Fault{{Path: "/photos", Status: 404, Body: []byte{}}}, 648, nil, "photos/96x96/$value photos photo/$value"},
		{"no /photos, 404 of a person", []simulator.Fault{{Path: "/photos", Status: 404}}, 648, nil, "photos/96x96/$value photo/$value"},
		{"no /photos, 404 of an image", []simulator.Fault{{Path: "/photos", Status: 404, Code: "ImageNotFound"}}, 648, nil, "photos/96x96/$value photos photo/$value"},
		{"no sizes in /photos", []simulator.Fault{{Path: "x96/$value", Status: 404, Code: "ImageNotFound"}, body("/photos", `{"value":[]}`)}, 648, nil, "photos/96x96/$value photos photo/$value"},
		{"no body of /photos", []simulator.Fault{{Path: "x96/$value", Status: 404, Code: "ImageNotFound"}, {Path: "/photos", Status: 200, Body: []byte{}}}, 648, nil, "photos/96x96/$value photos photo/$value"},
		{"no mailbox", []simulator.Fault{{Path: "/photo", Status: 404, Code: "ErrorNonExistentMailbox"}}, 0, cache.ErrNoPhoto, "photos/96x96/$value photos"},
		{"no image anywhere", []simulator.Fault{{Path: "/photo", Status: 404, Code: "ImageNotFound"}}, 0, cache.ErrNoPhoto, "photos/96x96/$value photos photo/$value"},
		{"no /photos, 405", []simulator.Fault{{Path: "/photos", Status: 405, Body: []byte{}}}, 648, nil, "photos/96x96/$value photos photo/$value"},
		{"no photos at all, 400", []simulator.Fault{{Path: "/photo", Status: 400}}, 0, cache.ErrNoPhoto, "photos/96x96/$value photos photo/$value"},
		{"no photos at all, 501", []simulator.Fault{{Path: "/photo", Status: 501}}, 0, cache.ErrNoPhoto, "photos/96x96/$value photos photo/$value"},
		{"no photo, 404 of a person", []simulator.Fault{{Path: "/photo", Status: 404}}, 0, cache.ErrNoPhoto, "photos/96x96/$value photo/$value ?$select=id"},
		{"a pixel as the photo", []simulator.Fault{{Path: "$value", Status: 200, Body: pixel.Bytes(), ContentType: "image/gif"}, {Path: "/photos", Status: 404, Code: "ImageNotFound"}}, 0, cache.ErrNoPhoto, "photos/96x96/$value photos photo/$value"},
		{"a pixel everywhere", []simulator.Fault{{Path: "/photo", Status: 200, Body: pixel.Bytes(), ContentType: "image/gif"}}, 0, cache.ErrUnavailable, ""},
		{"text", []simulator.Fault{{Path: "$value", Status: 200, Body: []byte("<html>"), ContentType: "image/jpeg"}}, 0, cache.ErrUnavailable, "photos/96x96/$value"},
		{"nothing as the photo", []simulator.Fault{{Path: "$value", Status: 200, Body: []byte{}, ContentType: "image/jpeg"}, body("/photos", `{"value":[]}`)}, 0, cache.ErrNoPhoto, "photos/96x96/$value photos photo/$value"},
		{"nothing anywhere", []simulator.Fault{{Path: "/photo", Status: 200, Body: []byte{}}}, 0, cache.ErrNoPhoto, "photos/96x96/$value photos photo/$value"},
		{"nothing of one size", []simulator.Fault{{Path: "x96/$value", Status: 200, Body: []byte{}}}, 64, nil, "photos/96x96/$value photos photos/64x64/$value"},
		{"no content", []simulator.Fault{{Path: "$value", Status: 204, Body: []byte{}}, body("/photos", `{"value":[]}`)}, 0, cache.ErrNoPhoto, ""},
		{"one that is too large", []simulator.Fault{{Path: "96x96/$value", Status: 200, Body: huge, ContentType: "image/jpeg"}}, 64, nil, "photos/96x96/$value photos photos/64x64/$value"},
		{"all too large", []simulator.Fault{{Path: "$value", Status: 200, Body: huge, ContentType: "image/jpeg"}}, 0, cache.ErrUnavailable, "photos/96x96/$value photos photos/64x64/$value photos/48x48/$value"},
		{"denied", []simulator.Fault{{Path: "$value", Status: 403, Code: "ErrorAccessDenied"}}, 0, cache.ErrDenied, "photos/96x96/$value"},
		{"once cut", []simulator.Fault{{Path: "$value", Cut: true, Times: 1}}, 96, nil, "photos/96x96/$value photos/96x96/$value"},
		{"failing", []simulator.Fault{{Path: "$value", Status: 503, RetryAfter: "0.05"}}, 0, cache.ErrUnavailable, "photos/96x96/$value photos/96x96/$value"},
		{"throttled", []simulator.Fault{{Path: "$value", Status: 429, Code: "ApplicationThrottled", RetryAfter: "3"}}, 0, cache.ErrThrottled, "photos/96x96/$value"},
	} {
		t.Run(row.what, func(t *testing.T) {
			t.Parallel()
			client, sim, _ := onePerson(t, simulator.Config{}, 648)
			for _, f := range row.faults {
				sim.Fail(f)
			}
			photo, err := client.Photo(t.Context(), sourcetest.ID(0), 96, nil)
			if !errors.Is(err, row.err) || edgeOf(photo) != row.want {
				t.Errorf("%d pixels, %v; want %d, %v", edgeOf(photo), err, row.want, row.err)
			}
			if got := strings.ReplaceAll(paths(sim), sourcetest.ID(0), ""); row.asked != "" && !samePaths(got, row.asked) {
				t.Errorf("asked %s, want %s", got, row.asked)
			}
			if err != nil && strings.Contains(err.Error(), sourcetest.ID(0)) {
				t.Errorf("%v names somebody", err)
			}
			if permission := cache.Permission(err); (permission == "ProfilePhoto.Read.All") != errors.Is(row.err, cache.ErrDenied) {
				t.Errorf("names the permission %q", permission)
			}
			if errors.Is(row.err, cache.ErrThrottled) {
				if _, err := client.Find(t.Context(), cache.Ref{ID: sourcetest.ID(0)}); err != nil {
					t.Errorf("the directory, with a mailbox throttled: %v", err)
				}
			}
		})
	}
}

// samePaths compares what was asked; the person's own path is cut to nothing.
func samePaths(got, want string) bool {
	return got == want || fmt.Sprint(strings.Fields(got)) == fmt.Sprint(strings.Fields(strings.ReplaceAll(want, "?$select=id", "")))
}

// TestPhotoOfNobody tells somebody who does not exist from somebody without a photo.
func TestPhotoOfNobody(t *testing.T) {
	client, sim, _ := onePerson(t, simulator.Config{}, 96)
	if photo, err := client.Photo(t.Context(), sourcetest.ID(7), 96, nil); !errors.Is(err, cache.ErrNotFound) {
		t.Errorf("%v, %v", photo, err)
	}
	if used := client.Usage(); used.Failing || len(strings.Fields(paths(sim))) > 3 {
		t.Errorf("usage %+v", used)
	}
}

// TestPhotoWithoutSizesIsKnownAgain asks again for the photo of a Graph that has no sizes of
// it, and once it is gone.
func TestPhotoWithoutSizesIsKnownAgain(t *testing.T) {
	for _, fault := range []simulator.Fault{{Path: "/photos", Status: 404, Code: "ImageNotFound"}, {Path: "/photos", Status: 200, Body: []byte{}}, {Path: "/photos", Status: 405}} {
		client, sim, directory := onePerson(t, simulator.Config{}, 96)
		sim.Fail(fault)
		first, err := client.Photo(t.Context(), sourcetest.ID(0), 48, nil)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := client.Photo(t.Context(), sourcetest.ID(0), 48, first); err != nil || again != first {
			t.Errorf("%d: %v, %v", fault.Status, again, err)
		}
		if err := directory.RemovePhoto(sourcetest.ID(0)); err != nil {
			t.Fatal(err)
		}
		paths(sim)
		if photo, err := client.Photo(t.Context(), sourcetest.ID(0), 48, first); !errors.Is(err, cache.ErrNoPhoto) {
			t.Errorf("%d: a photo that is gone = %v, %v", fault.Status, photo, err)
		}
		if got := strings.Fields(paths(sim)); len(got) > 3 {
			t.Errorf("%d: asked %v to learn that a photo is gone", fault.Status, got)
		}
	}
}

// withPhotos serves so many of the suite's people, each with a photo of 96 pixels.
func withPhotos(t *testing.T, n int) (*graph.Client, *simulator.Simulator) {
	t.Helper()
	directory := simulator.NewDirectory()
	for i := range n {
		if err := directory.Put(resource(t, sourcetest.Someone(i))); err != nil {
			t.Fatal(err)
		}
		if err := directory.SetPhoto(sourcetest.ID(i), picture(t, 96, 40)); err != nil {
			t.Fatal(err)
		}
	}
	return start(t, simulator.Config{}, directory)
}

// TestOnePhotoIsRemembered asks a Graph that knows no sizes for those of three people.
func TestOnePhotoIsRemembered(t *testing.T) {
	client, sim := withPhotos(t, 4)
	sim.Fail(simulator.Fault{Path: "/photos", Status: 400, Code: "BadRequest"})
	var last *cache.Photo
	for i, want := range []string{"photos/48x48/$value photos photo/$value", "photos/48x48/$value photos photo/$value", "photos/48x48/$value photos photo/$value", "photo/$value"} {
		photo, err := client.Photo(t.Context(), sourcetest.ID(i), 48, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := paths(sim); got != want {
			t.Errorf("asked %s, want %s", got, want)
		}
		last = photo
	}
	if again, err := client.Photo(t.Context(), sourcetest.ID(3), 48, last); err != nil || again != last {
		t.Errorf("%v, %v", again, err)
	}
	if got, want := paths(sim), "photo/$value"; got != want {
		t.Errorf("asked %s, want %s", got, want)
	}
}

// TestOddPhotosAreTheirOwn has Graph refuse the sizes of some people's photos: the others'
// come in the size that was asked for.
func TestOddPhotosAreTheirOwn(t *testing.T) {
	client, sim := withPhotos(t, 6)
	read := func(i int) (edge int) {
		t.Helper()
		photo, err := client.Photo(t.Context(), sourcetest.ID(i), 48, nil)
		if err != nil {
			t.Fatal(err)
		}
		return edgeOf(photo)
	}
	for i := range 4 {
		sim.Fail(simulator.Fault{Path: sourcetest.ID(i) + "/photos", Status: 400, Code: "ErrorInvalidRequest"})
	}
	for _, row := range []struct{ person, edge int }{{0, 96}, {0, 96}, {0, 96}, {1, 96}, {4, 48}, {2, 96}, {3, 96}, {5, 48}} {
		if got := read(row.person); got != row.edge {
			t.Errorf("the photo of %d has %d pixels, want %d", row.person, got, row.edge)
		}
	}
}
