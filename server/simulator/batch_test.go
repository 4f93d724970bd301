package simulator

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// send posts JSON to a path of Graph; headers are name, value, name, value.
func (c *client) send(path, body string, headers ...string) answer {
	c.t.Helper()
	r, err := http.NewRequestWithContext(context.Background(), "POST", c.sim.GraphURL()+path, strings.NewReader(body))
	check(c.t, err)
	r.Header.Set("Authorization", "Bearer "+c.token)
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return c.do(r)
}

// partAnswer is what a batch answers for one of its requests.
type partAnswer struct {
	ID      string
	Status  int
	Headers map[string]string
	Body    json.RawMessage
}

// batchOf joins requests.
func batchOf(items ...string) string { return `{"requests":[` + strings.Join(items, ",") + `]}` }

// partOf is a GET with further members, such as "dependsOn":["1"].
func partOf(id, url string, rest ...string) string {
	members := append([]string{fmt.Sprintf(`"id":%q,"method":"GET","url":%q`, id, url)}, rest...)
	return "{" + strings.Join(members, ",") + "}"
}

// batch wants a 200 and returns the answers by id, and the order in which they came.
func (c *client) batch(items ...string) (byID map[string]partAnswer, order string) {
	c.t.Helper()
	a := c.send("/$batch", batchOf(items...))
	if a.StatusCode != 200 {
		c.t.Fatalf("batch: %d %s", a.StatusCode, a.body)
	}
	var doc struct{ Responses []partAnswer }
	a.decode(c.t, &doc)
	byID = make(map[string]partAnswer)
	for _, one := range doc.Responses {
		byID[one.ID] = one
		order += one.ID
	}
	if len(byID) != len(items) {
		c.t.Fatalf("%d answers to %d requests", len(byID), len(items))
	}
	return byID, order
}

// code returns the code of the error in a part.
func (p partAnswer) code() string {
	var doc struct{ Error struct{ Code string } }
	_ = json.Unmarshal(p.Body, &doc)
	return doc.Error.Code
}

func TestBatch(t *testing.T) {
	c := start(t, Config{}, many(t, 30))
	got, order := c.batch(
		partOf("1", "/users/"+idOf(1)+"?$select=displayName", `"headers":{},"body":null,"dependsOn":[]`),
		partOf("B", "users?$top=2"),
		partOf("3", "/users/"+idOf(99)),
		partOf("4", "/users/$count", `"headers":{"consistencylevel":"eventual"}`),
		partOf("5", "/users?$filter=mail eq 'x' or id eq '"+idOf(7)+"'&$select=id"),
		`{"id":"6","method":"POST","url":"/directoryObjects/getByIds?$select=id","headers":{"content-type":"application/json"},"body":{"ids":["`+idOf(2)+`"]}}`,
		partOf("7", "/$batch", `"method":"POST","headers":{"Content-Type":"application/json"},"body":{"requests":[]}`),
		`{"id":"8","method":"DELETE","url":"/users/`+idOf(1)+`"}`,
		partOf("9", "/users/"+idOf(1)+"?$select=aboutMe,%zz"),
	)
	if order != "98765"+"43B1" {
		t.Errorf("the answers come as %s; nobody should count on the order asked", order)
	}
	for id, want := range map[string]string{
		"1": `200 {"@odata.context":"` + c.sim.GraphURL() + `/$metadata#users(displayName)/$entity","displayName":"Person 0001"}`,
		"4": `200 "30"`,
		"5": `200 {"@odata.context":"` + c.sim.GraphURL() + `/$metadata#users(id)","value":[{"id":"` + idOf(7) + `"}]}`,
	} {
		if one := got[id]; fmt.Sprintf("%d %s", one.Status, one.Body) != want {
			t.Errorf("%s: %d %s, want %s", id, one.Status, one.Body, want)
		}
	}
	for id, want := range map[string]string{
		"3": "404 Request_ResourceNotFound", "7": "400 BadRequest", "8": "405 Request_BadRequest", "9": "400 BadRequest",
	} {
		if one := got[id]; fmt.Sprintf("%d %s", one.Status, one.code()) != want {
			t.Errorf("%s: %d %s, want %s", id, one.Status, one.Body, want)
		}
	}
	if one := got["6"]; one.Status != 200 || !strings.Contains(string(one.Body), idOf(2)) {
		t.Errorf("getByIds: %d %s", one.Status, one.Body)
	}
	var p page
	if err := json.Unmarshal(got["B"].Body, &p); err != nil || len(p.Value) != 2 {
		t.Errorf("list: %v %s", err, got["B"].Body)
	}
	if next := c.page(p.Next); len(next.Value) != 2 || next.Value[0]["id"] != idOf(3) {
		t.Errorf("the link of a list in a batch leads to %v", next.Value)
	}
	for id, units := range map[string]string{"1": "1", "B": "1", "4": "1", "6": "2", "3": ""} {
		if got := got[id].Headers["X-Ms-Resource-Unit"]; got != units {
			t.Errorf("%s: %q units, want %q", id, got, units)
		}
	}
}

func TestBatchIsRecorded(t *testing.T) {
	o := startAdmin(t, Config{}, many(t, 3))
	o.sim.ResetRequests()
	o.batch(partOf("a", "/users/"+idOf(1), `"headers":{"Prefer":"x"}`), partOf("b", "users?$expand=manager"), partOf("c", "/users/nobody"))
	all := o.sim.Requests()
	if len(all) != 1 || all[0].URL != "/v1.0/$batch" || all[0].Status != 200 || all[0].Units != 5 || len(all[0].Parts) != 3 {
		t.Fatalf("got %+v", all)
	}
	for i, want := range []string{"a GET /v1.0/users/" + idOf(1) + " 200 2 x", "b GET /v1.0/users?$expand=manager 200 3 ", "c GET /v1.0/users/nobody 404 0 "} {
		p := all[0].Parts[i]
		if got := fmt.Sprintf("%s %s %s %d %d %s", p.ID, p.Method, p.URL, p.Status, p.Units, p.Header.Get("Prefer")); got != want {
			t.Errorf("part %d: %s, want %s", i, got, want)
		}
		if p.Header.Get("Authorization") != "" {
			t.Error("the token is recorded")
		}
	}
	var doc struct {
		Units    int
		Requests []struct{ Parts []struct{ URL string } }
	}
	o.answer("GET /requests", "").decode(t, &doc)
	if doc.Units != 5 || len(doc.Requests) != 1 || len(doc.Requests[0].Parts) != 3 || doc.Requests[0].Parts[2].URL != "/v1.0/users/nobody" {
		t.Errorf("the admin API tells %+v", doc)
	}
}

func TestRefusedBatches(t *testing.T) {
	c := start(t, Config{}, many(t, 3))
	var many []string
	for i := range 21 {
		many = append(many, partOf(fmt.Sprint(i), "/users"))
	}
	if a := c.send("/$batch", batchOf(many[:20]...)); a.StatusCode != 200 {
		t.Errorf("20: %d %.200s", a.StatusCode, a.body)
	}
	for name, body := range map[string]string{
		"21":                      batchOf(many...),
		"none":                    batchOf(),
		"no JSON":                 `{"requests":`,
		"an id twice":             batchOf(partOf("a", "/users"), partOf("A", "/users")),
		"no id":                   batchOf(partOf("", "/users")),
		"no url":                  batchOf(partOf("1", "")),
		"no method":               batchOf(`{"id":"1","url":"/users"}`),
		"a whole url":             batchOf(partOf("1", "https://graph.microsoft.com/v1.0/users")),
		"a body without its type": batchOf(`{"id":"1","method":"POST","url":"/users/getByIds","body":{"ids":[]}}`),
		"a body that is a list":   batchOf(`{"id":"1","method":"POST","url":"/users/getByIds","headers":{"Content-Type":"application/json"},"body":[]}`),
		"a need unknown":          batchOf(partOf("1", "/users", `"dependsOn":["2"]`)),
		"a circle":                batchOf(partOf("1", "/users", `"dependsOn":["2"]`), partOf("2", "/users", `"dependsOn":["1"]`)),
	} {
		a := c.send("/$batch", body)
		if code, _ := a.refusal(t); a.StatusCode != 400 || code != "BadRequest" {
			t.Errorf("%s: %d %s", name, a.StatusCode, a.body)
		}
	}
	if a := c.get("/$batch"); a.StatusCode != 405 {
		t.Errorf("GET: %d", a.StatusCode)
	}
	if a := c.send("/users", "{}"); a.StatusCode != 405 {
		t.Errorf("POST /users: %d", a.StatusCode)
	}
	c.token = "nonsense"
	if a := c.send("/$batch", batchOf(partOf("1", "/users"))); a.StatusCode != 401 {
		t.Errorf("without a token: %d", a.StatusCode)
	}
}

func TestBatchDependencies(t *testing.T) {
	c := start(t, Config{}, many(t, 3))
	c.sim.Fail(Fault{Path: idOf(3), Status: 503, Times: 1})
	got, _ := c.batch(
		partOf("1", "/users/"+idOf(1), `"dependsOn":["2"]`),
		partOf("2", "/users/nobody"),
		partOf("3", "/users/"+idOf(2), `"dependsOn":["1"]`),
		partOf("4", "/users/"+idOf(3), `"dependsOn":["2"]`),
		partOf("5", "/users/"+idOf(1)),
		partOf("6", "/users/"+idOf(2), `"dependsOn":["5"]`),
	)
	for id, want := range map[string]int{"1": 424, "2": 404, "3": 424, "4": 424, "5": 200, "6": 200} {
		if got[id].Status != want {
			t.Errorf("%s: %d %s, want %d", id, got[id].Status, got[id].Body, want)
		}
	}
	if a := c.get("/users/" + idOf(3)); a.StatusCode != 503 {
		t.Errorf("what was not asked has used up the fault: %d", a.StatusCode)
	}
}

func TestBatchQuota(t *testing.T) {
	c := start(t, Config{Quota: Quota{Units: 5, Window: time.Hour}}, many(t, 3))
	var items []string
	for i := range 6 {
		items = append(items, partOf(fmt.Sprint(i), "/users/"+idOf(1)))
	}
	for range 2 { // the second time nothing is left, and the batch is let in all the same
		got, _ := c.batch(items...)
		if one := got["5"]; one.Status != 429 || one.code() != "TooManyRequests" || one.Headers["Retry-After"] == "" {
			t.Errorf("%+v %s", one, one.Body)
		}
	}
	c.sim.SetQuota(Quota{Units: 5, Window: time.Hour})
	got, _ := c.batch(items...)
	for i, want := range []int{200, 200, 200, 429, 429, 429} {
		if one := got[fmt.Sprint(i)]; one.Status != want {
			t.Errorf("%d: %d, want %d", i, one.Status, want)
		}
	}
}

func TestBatchFaults(t *testing.T) {
	c := start(t, Config{}, many(t, 3))
	c.sim.Fail(Fault{Path: "/v1.0/users/" + idOf(2), Status: 429, RetryAfter: "7", Times: 1})
	items := []string{partOf("1", "/users/"+idOf(1)), partOf("2", "/users/"+idOf(2))}
	got, _ := c.batch(items...)
	if one := got["2"]; one.Status != 429 || one.Headers["Retry-After"] != "7" || got["1"].Status != 200 {
		t.Errorf("%+v", got)
	}
	if got, _ := c.batch(items...); got["2"].Status != 200 {
		t.Errorf("the fault is not used up: %+v", got)
	}
	c.sim.Fail(Fault{Path: "$batch", Status: 503, Times: 1})
	if a := c.send("/$batch", batchOf(items...)); a.StatusCode != 503 {
		t.Errorf("the batch as a whole: %d", a.StatusCode)
	}
	for _, f := range []Fault{{Path: idOf(2), Cut: true, Times: 1}, {Path: idOf(2), Cut: true, Delay: time.Millisecond, Times: 1}, {Path: "$batch", Cut: true, Times: 1}} {
		c.sim.Fail(f)
		r, err := http.NewRequest("POST", c.sim.GraphURL()+"/$batch", strings.NewReader(batchOf(items...)))
		check(t, err)
		r.Header.Set("Authorization", "Bearer "+c.token)
		resp, err := c.http.Do(r)
		if err == nil {
			_, err = new(bytes.Buffer).ReadFrom(resp.Body)
			resp.Body.Close()
		}
		if err == nil {
			t.Errorf("%+v: the answer is whole", f)
		}
	}
}

// The parts that a fault delays are late together, and those of one mailbox four at a time.
func TestBatchAtOnce(t *testing.T) {
	c := start(t, Config{}, many(t, 30))
	const delay = 100 * time.Millisecond
	c.sim.Fail(Fault{Path: "/users/", Delay: delay})
	took := func(items ...string) (time.Duration, map[string]partAnswer) {
		begin := time.Now()
		got, _ := c.batch(items...)
		return time.Since(begin), got
	}
	var people, photos []string
	for i := range 20 {
		people = append(people, partOf(fmt.Sprint(i), "/users/"+idOf(i+1)))
		photos = append(photos, partOf(fmt.Sprint(i), "/users/"+idOf(1)+"/photo"))
	}
	if d, _ := took(people...); d < delay || d > 10*delay {
		t.Errorf("20 people took %v, want about %v", d, delay)
	}
	d, got := took(photos[:9]...)
	if d < 3*delay {
		t.Errorf("9 photos of one mailbox took %v, want %v at least", d, 3*delay)
	}
	for id, one := range got {
		if one.Status == 429 {
			t.Errorf("photo %s: a batch is over the limit by itself", id)
		}
	}
}

// What a mailbox is busy with elsewhere leaves no place for the parts of a batch.
func TestBatchMailboxFull(t *testing.T) {
	c := start(t, Config{}, many(t, 3))
	photo := "/users/" + idOf(1) + "/photo"
	for range maxAtOnce {
		if !c.sim.mailboxes.enter(DefaultApp().ID + " " + idOf(1)) {
			t.Fatal("the mailbox is full already")
		}
	}
	got, _ := c.batch(partOf("1", photo), partOf("2", "/users/"+idOf(1)), partOf("3", "/users/"+idOf(2)+"/photo"))
	if one := got["1"]; one.Status != 429 || one.code() != "ApplicationThrottled" || one.Headers["Retry-After"] != "1" {
		t.Errorf("%+v %s", one, one.Body)
	}
	if got["2"].Status != 200 || got["3"].Status == 429 {
		t.Errorf("one mailbox throttles others: %+v", got)
	}
}

func TestBatchPacked(t *testing.T) {
	c := start(t, Config{}, many(t, 3))
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	_, _ = w.Write([]byte(batchOf(partOf("1", "/users/"+idOf(1)))))
	check(t, w.Close())
	if a := c.send("/$batch", packed.String(), "Content-Encoding", "gzip"); a.StatusCode != 200 {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
	if a := c.send("/$batch", batchOf(partOf("1", "/users")), "Content-Encoding", "gzip"); a.StatusCode != 400 {
		t.Errorf("plain but said to be packed: %d %s", a.StatusCode, a.body)
	}
	if a := c.send("/$batch", "x", "Content-Encoding", "br"); a.StatusCode != 415 {
		t.Errorf("another encoding: %d %s", a.StatusCode, a.body)
	}
	var bomb bytes.Buffer
	w = gzip.NewWriter(&bomb)
	_, _ = w.Write(make([]byte, maxBody+1))
	check(t, w.Close())
	if a := c.send("/$batch", bomb.String(), "Content-Encoding", "gzip"); a.StatusCode != 413 {
		t.Errorf("too much once unpacked: %d %.100s", a.StatusCode, a.body)
	}
}

// Many batches at once, for the race detector and for quotas that must not be spent twice.
func TestBatchesAtOnce(t *testing.T) {
	c := start(t, Config{Quota: Quota{Units: 1000, Window: time.Hour}}, many(t, 30))
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			a := c.send("/$batch", batchOf(partOf("1", "/users/"+idOf(1)), partOf("2", "/users/"+idOf(2)+"/photo"), partOf("3", "/users")))
			if a.StatusCode != 200 {
				t.Errorf("%d %s", a.StatusCode, a.body)
			}
		})
	}
	wg.Wait()
	used, _, _ := c.sim.quota.spend(DefaultApp().ID, 0, 30, c.sim.Now())
	if used != 8*4 {
		t.Errorf("%d units used, want 32", used)
	}
}

func TestBatchPhoto(t *testing.T) {
	c := start(t, Config{}, many(t, 3))
	var pixel bytes.Buffer
	check(t, encodeSquare(&pixel, guid{1}, 48))
	check(t, c.sim.dir.SetPhoto(idOf(1), pixel.Bytes()))
	got, _ := c.batch(partOf("1", "/users/"+idOf(1)+"/photo/$value"))
	var body string
	check(t, json.Unmarshal(got["1"].Body, &body))
	raw, err := base64.StdEncoding.DecodeString(body)
	if err != nil || !bytes.Equal(raw, pixel.Bytes()) || got["1"].Headers["Content-Type"] != "image/jpeg" {
		t.Errorf("%v %v: %d bytes, want %d", err, got["1"].Headers, len(raw), pixel.Len())
	}
}
