package simulator

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"image/jpeg"
	"strings"
	"testing"
)

// photoDoc is the metadata of a photo.
type photoDoc struct {
	Context string `json:"@odata.context"`
	Type    string `json:"@odata.mediaContentType"`
	ETag    string `json:"@odata.mediaEtag"`
	ID      string
	Width   int
	Height  int
}

// square makes a JPEG of this many pixels each way.
func square(t testing.TB, seed byte, edge int) []byte {
	t.Helper()
	var b bytes.Buffer
	check(t, encodeSquare(&b, guid{seed}, edge))
	return b.Bytes()
}

// wantPicture checks a JPEG that has been answered.
func wantPicture(t *testing.T, a answer, width, height int) {
	t.Helper()
	c, err := jpeg.DecodeConfig(bytes.NewReader(a.body))
	if a.StatusCode != 200 || err != nil || c.Width != width || c.Height != height {
		t.Errorf("%s: %d, %v, %dx%d; want %dx%d", a.Request.URL, a.StatusCode, err, c.Width, c.Height, width, height)
	}
}

func TestPhoto(t *testing.T) {
	c := start(t, Config{}, load(t, someone(1, "Ana", `"mail":"a@contoso.com"`), someone(2, "Bea")))
	picture := square(t, 1, 250)
	check(t, c.sim.dir.SetPhoto(idOf(1), picture))
	for _, at := range []string{"/users/" + idOf(1), "/users/u1@contoso.com", "/Users('U1@contoso.com')"} {
		a := c.get(at + "/photo/$value")
		wantPicture(t, a, 250, 250)
		h := a.Header
		if !bytes.Equal(a.body, picture) || h.Get("Content-Type") != "image/jpeg" || h.Get("Cache-Control") != "max-age=21600, private" ||
			!strings.HasPrefix(h.Get("ETag"), `W/"`) || h.Get("x-ms-resource-unit") != "" {
			t.Errorf("%s: %v", at, h)
		}
		var doc photoDoc
		c.get(at+"/Photo").decode(t, &doc)
		want := photoDoc{c.sim.GraphURL() + "/$metadata#users('" + idOf(1) + "')/photo/$entity", "image/jpeg", h.Get("ETag")[2:], "250x250", 250, 250}
		if doc != want {
			t.Errorf("%s: %+v, want %+v", at, doc, want)
		}
	}
	for size, edge := range map[string]int{"48x48": 48, "240X240": 240, "250x250": 250} {
		wantPicture(t, c.get("/users/"+idOf(1)+"/photos/"+size+"/$value"), edge, edge)
		var doc photoDoc
		c.get("/users/"+idOf(1)+"/photos/"+size).decode(t, &doc)
		if doc.Width != edge || doc.ID != strings.ToLower(size) {
			t.Errorf("%s: %+v", size, doc)
		}
	}
	for _, size := range []string{"360x360", "648x648", "49x49", "big"} {
		for _, end := range []string{"", "/$value"} {
			a := c.get("/users/" + idOf(1) + "/photos/" + size + end)
			if code, _ := a.refusal(t); a.StatusCode != 404 || code != "ImageNotFound" {
				t.Errorf("%s%s: %d %s", size, end, a.StatusCode, a.body)
			}
		}
	}
	if got, want := names(c.page("/users/"+idOf(1)+"/photos").Value, "id"), "[48x48 64x64 96x96 120x120 240x240 250x250]"; fmt.Sprint(got) != want {
		t.Errorf("sizes %v, want %s", got, want)
	}
	for path, want := range map[string]int{
		"/users/nobody/photo": 404, "/users/" + idOf(1) + "/photo/x": 400, "/users/" + idOf(1) + "/photo/$value/x": 400,
		"/users/" + idOf(1) + "/photos/48x48/x": 400, "/users/" + idOf(1) + "/photo?$expand=x": 400, "/users?$expand=photo": 400,
	} {
		if a := c.get(path); a.StatusCode != want {
			t.Errorf("%s: %d %s", path, a.StatusCode, a.body)
		}
	}
}

// Who has a photo, and how large, follows from the id.
func TestInventedPhotos(t *testing.T) {
	const n = 600
	d := Invent(n, 3)
	c := start(t, Config{}, d)
	marks, sizes, codes, pixels, refused := map[string]string{}, map[string]int{}, map[string]int{}, 0, 0
	for id := range d.All() {
		a := c.get("/users/" + id + "/photo")
		if a.StatusCode == 404 {
			if code, _ := a.refusal(t); code != "ImageNotFound" {
				t.Errorf("metadata: %s", a.body)
			}
			refused++
		}
		var doc photoDoc
		a.decode(t, &doc)
		if doc.Type == "image/gif" && doc.ID == "1x1" && doc.Width == 1 && doc.Height == 1 {
			pixels++
		} else if a.StatusCode == 200 {
			sizes[doc.ID]++
			if other, twice := marks[doc.ETag]; twice {
				t.Errorf("%s and %s have the same ETag", id, other)
			}
			marks[doc.ETag] = id
			continue
		}
		value := c.get("/users/" + id + "/photo/$value")
		code, _ := value.refusal(t)
		codes[fmt.Sprint(value.StatusCode, " ", code)]++
		if small := c.get("/users/" + id + "/photos/48x48/$value"); small.StatusCode != 404 {
			t.Errorf("%s has no photo but a small one: %d", id, small.StatusCode)
		}
	}
	none := n - len(marks)
	if none < n*28/100 || none > n*42/100 || pixels < none/3 || refused < none/3 {
		t.Errorf("%d of %d have no photo: %d pixels, %d refused", none, n, pixels, refused)
	}
	for _, size := range []string{"648x648", "240x240", "96x96", "300x300", "200x200", "512x512"} {
		if sizes[size] == 0 {
			t.Errorf("nobody has %s: %v", size, sizes)
		}
	}
	for _, code := range []string{"404 ImageNotFound", "404 ErrorItemNotFound", "404 ErrorEntityNotFound", "404 ErrorNonExistentMailbox"} {
		if codes[code] == 0 {
			t.Errorf("nobody has %s: %v", code, codes)
		}
	}
	for mark, id := range marks {
		first, second := c.get("/users/"+id+"/photo/$value"), c.get("/users/"+id+"/photo/$value")
		if !bytes.Equal(first.body, second.body) || first.Header.Get("ETag") != "W/"+mark {
			t.Errorf("%s: another picture each time, ETag %s", id, first.Header.Get("ETag"))
		}
		wantPicture(t, c.get("/users/"+id+"/photos/48x48/$value"), 48, 48)
		break
	}
}

func TestMissingPhotos(t *testing.T) {
	c := start(t, Config{MissingPhotos: MissingIsPixel}, many(t, 20))
	for want, how := range map[int]MissingPhoto{200: MissingIsPixel, 404: MissingIsNotFound} {
		b := c.sim.Behaviour()
		b.MissingPhotos = how
		c.sim.Behave(b)
		for i := range 20 {
			check(t, c.sim.dir.RemovePhoto(idOf(i+1)))
			for path, want := range map[string]int{"photo": want, "photos": want, "photos/48x48": want, "photo/$value": 404} {
				if a := c.get("/users/" + idOf(i+1) + "/" + path); a.StatusCode != want {
					t.Errorf("%v, %s: %d %s", how, path, a.StatusCode, a.body)
				}
			}
		}
	}
	if _, err := New(Config{MissingPhotos: 7}, NewDirectory()); err == nil {
		t.Error("an unknown way is taken")
	}
	var m MissingPhoto
	if err := json.Unmarshal([]byte(`"NOTFOUND"`), &m); err != nil || m != MissingIsNotFound {
		t.Errorf("%v %v", m, err)
	}
}

func TestPhotoNotModified(t *testing.T) {
	c := start(t, Config{}, many(t, 1))
	check(t, c.sim.dir.SetPhoto(idOf(1), square(t, 1, 64)))
	const path = "/users/00000000-0000-4000-8000-000000000001/photo/$value"
	mark := c.get(path).Header.Get("ETag")
	if a := c.get(path, "If-None-Match", mark); a.StatusCode != 200 {
		t.Errorf("%d, although Graph promises nothing", a.StatusCode)
	}
	c.sim.Behave(Behaviour{PhotosNotModified: true})
	for header, want := range map[string]int{mark: 304, mark[2:]: 304, `"x", ` + mark: 304, "*": 304, `"x"`: 200} {
		a := c.get(path, "If-None-Match", header)
		if a.StatusCode != want || a.Header.Get("ETag") != mark || want == 304 && len(a.body) > 0 {
			t.Errorf("%s: %d, want %d", header, a.StatusCode, want)
		}
	}
	got, _ := c.batch(partOf("1", path, `"headers":{"if-none-match":"*"}`))
	if got["1"].Status != 304 || len(got["1"].Body) > 0 {
		t.Errorf("in a batch: %+v", got["1"])
	}
	check(t, c.sim.dir.SetPhoto(idOf(1), square(t, 2, 64)))
	if a := c.get(path, "If-None-Match", mark); a.StatusCode != 200 || a.Header.Get("ETag") == mark {
		t.Errorf("another picture: %d %s", a.StatusCode, a.Header.Get("ETag"))
	}
}

func TestPhotoPermissions(t *testing.T) {
	var apps []App
	want := map[string]int{
		"ProfilePhoto.Read.All": 200, "User.ReadBasic.All": 200, "User.Read.All": 200, "User.ReadWrite.All": 200,
		"Directory.Read.All": 403, "Group.Read.All": 403, "Directory.ReadWrite.All": 403,
	}
	for role := range want {
		apps = append(apps, App{ID: role, Secret: "s", Roles: []string{role}})
	}
	c := start(t, Config{Apps: append(apps, DefaultApp())}, many(t, 1))
	check(t, c.sim.dir.SetPhoto(idOf(1), square(t, 1, 64)))
	for _, app := range append(apps, DefaultApp()) {
		c.token = c.signIn(app)
		status, known := want[app.ID]
		if !known {
			status = 200 // DefaultApp
		}
		for _, path := range []string{"/photo", "/photo/$value", "/photos", "/photos/48x48"} {
			a := c.get("/users/" + idOf(1) + path)
			if a.StatusCode != status {
				t.Errorf("%s %s: %d, want %d", app.ID, path, a.StatusCode, status)
			}
			if status == 403 {
				if code, _ := a.refusal(t); code != "ErrorAccessDenied" {
					t.Errorf("%s: %s", app.ID, a.body)
				}
			}
		}
	}
}

func TestSetPhoto(t *testing.T) {
	d := many(t, 3)
	good := square(t, 1, 60)
	check(t, d.SetPhoto(idOf(1), good))
	good[0] = 0 // the directory has a copy
	if got, ok := d.Photo(idOf(1)); !ok || got[0] != 0xff {
		t.Errorf("%v %.4x", ok, got)
	}
	check(t, d.RemovePhoto(idOf(1)), d.RemovePhoto(idOf(1)))
	if _, ok := d.Photo(idOf(1)); ok {
		t.Error("it is there still")
	}
	good[0] = 0xff
	for name, err := range map[string]error{
		"no JPEG": d.SetPhoto(idOf(1), []byte("GIF89a")), "half": d.SetPhoto(idOf(1), good[:len(good)/2]), "nobody": d.SetPhoto(idOf(9), good),
		"too wide": d.SetPhoto(idOf(1), square(t, 1, maxPhotoEdge+1)), "nobody's": d.RemovePhoto("x"),
	} {
		if err == nil {
			t.Errorf("%s is taken", name)
		}
	}
	check(t, d.SetPhoto(idOf(2), good), d.Purge(idOf(2)))
	if len(d.photos) != 1 {
		t.Errorf("%d photos kept, one of somebody purged", len(d.photos))
	}
}

func TestAdminPhotos(t *testing.T) {
	o := startAdmin(t, Config{}, many(t, 2))
	at := "/users/" + idOf(1) + "/photo"
	o.want("PUT "+at, `{"jpeg":"`+base64.StdEncoding.EncodeToString(square(t, 1, 100))+`"}`, "204 ")
	wantPicture(t, o.answer("GET "+at, ""), 100, 100)
	before := o.get(at).Header
	o.want("PUT "+at, `{"size":500}`, "204 ")
	wantPicture(t, o.get(at+"/$value"), 500, 500)
	mark := o.get(at + "/$value").Header.Get("ETag")
	o.want("PUT "+at, `{"size":500}`, "204 ")
	if o.get(at+"/$value").Header.Get("ETag") == mark || before.Get("ETag") != "" {
		t.Error("another made-up photo has the same ETag")
	}
	o.want("DELETE "+at, "", "204 ")
	o.refused("GET "+at, "", 404, "there is no photo")
	if a := o.get(at + "/$value"); a.StatusCode != 404 {
		t.Errorf("once taken away: %d", a.StatusCode)
	}
	o.refused("PUT "+at, `{}`, 400, "want either jpeg or size")
	o.refused("PUT "+at, `{"size":0}`, 400, `field "size"`)
	o.refused("PUT "+at, `{"jpeg":"AAAA"}`, 400, "set photo")
	o.refused("PUT /users/"+idOf(9)+"/photo", `{"size":10}`, 404, ErrUnknown.Error())
	o.refused("DELETE /users/"+idOf(9)+"/photo", "", 404, ErrUnknown.Error())
}

func TestAdminNewBehaviour(t *testing.T) {
	o := startAdmin(t, Config{}, many(t, 1))
	o.want("PATCH /behaviour", `{"filterClauses":20,"withoutSharePoint":true,"missingPhotos":"pixel","photosNotModified":true}`,
		`200 {"deltaPageSize":200,"emptyPages":false,"replay":false,"refuseJoinedFilters":false,"nullValues":false,`+
			`"filterClauses":20,"withoutSharePoint":true,"missingPhotos":"pixel","photosNotModified":true}`)
	o.refused("PATCH /behaviour", `{"filterClauses":-1}`, 400, "not a number of clauses")
	o.refused("PATCH /behaviour", `{"missingPhotos":"never"}`, 400, "byPerson, notFound or pixel")
}

// A photo that is no square is cut, and one that is smaller than Outlook's sizes has only its own.
func TestOddPhotos(t *testing.T) {
	ph := &photo{width: 30, height: 20}
	if got := fmt.Sprint(ph.sizes()); got != "[30x20]" {
		t.Errorf("sizes %s", got)
	}
	if got := fmt.Sprint((&photo{width: 64, height: 64}).sizes()); got != "[48x48 64x64]" {
		t.Errorf("sizes %s", got)
	}
	ph = &photo{width: 100, height: 100, jpeg: square(t, 1, 100)}
	for _, z := range ph.sizes() {
		b, err := ph.draw(z)
		check(t, err)
		if c, err := jpeg.DecodeConfig(bytes.NewReader(b)); err != nil || c.Width != z.width {
			t.Errorf("%v: %v %d", z, err, c.Width)
		}
	}
}
