package simulator

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"
)

// operator talks to the admin API.
type operator struct {
	*client
	plain *http.Client
}

func startAdmin(t *testing.T, cfg Config, dir *Directory) operator {
	t.Helper()
	cfg.AdminListen = "127.0.0.1:0"
	o := operator{start(t, cfg, dir), &http.Client{Transport: &http.Transport{}}}
	t.Cleanup(o.plain.CloseIdleConnections)
	return o
}

// ask sends a request such as "POST /faults" and returns "status body".
func (o operator) ask(what, body string) string {
	o.t.Helper()
	a := o.answer(what, body)
	return strings.TrimSuffix(fmt.Sprintf("%d %s", a.StatusCode, a.body), "\n")
}

func (o operator) answer(what, body string) answer {
	o.t.Helper()
	method, path, _ := strings.Cut(what, " ")
	r, err := http.NewRequest(method, o.sim.AdminURL()+path, strings.NewReader(body))
	check(o.t, err)
	resp, err := o.plain.Do(r)
	check(o.t, err)
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	check(o.t, err)
	return answer{resp, got}
}

func (o operator) want(what, body, want string) {
	o.t.Helper()
	if got := o.ask(what, body); got != want {
		o.t.Errorf("%s %s:\n got %s\nwant %s", what, body, got, want)
	}
}

// refused wants an error that says this.
func (o operator) refused(what, body string, status int, text string) {
	o.t.Helper()
	a := o.answer(what, body)
	var doc struct{ Error string }
	a.decode(o.t, &doc)
	if a.StatusCode != status || !strings.Contains(doc.Error, text) || a.Header.Get("Content-Type") != "application/json" {
		o.t.Errorf("%s %.100s: %d %s, want %d %s", what, body, a.StatusCode, doc.Error, status, text)
	}
}

func TestAdminIndex(t *testing.T) {
	o := startAdmin(t, Config{}, Company())
	a := o.answer("GET /", "")
	if a.StatusCode != 200 || !strings.HasPrefix(a.Header.Get("Content-Type"), "text/plain") {
		t.Errorf("%d %s", a.StatusCode, a.Header.Get("Content-Type"))
	}
	for _, e := range adminEndpoints() {
		method, path, _ := strings.Cut(strings.TrimSuffix(e.pattern, "{$}"), " ")
		command := "curl -X " + method + " " + o.sim.AdminURL() + placeholders.Replace(path)
		if method == "GET" {
			command = strings.Replace(command, "-X GET ", "", 1)
		}
		if !bytes.Contains(a.body, []byte("\n"+method+" "+path+": ")) || !bytes.Contains(a.body, []byte("\n  "+command)) {
			t.Errorf("%s is not listed with %s", e.pattern, command)
		}
		if e.example != "" && !json.Valid([]byte(e.example)) {
			t.Errorf("%s: the example is not valid JSON", e.pattern)
		}
	}
}

// Every endpoint answers its own example, so none of the page is made up.
func TestAdminExamples(t *testing.T) {
	o := startAdmin(t, Config{}, many(t, 20))
	for _, e := range adminEndpoints() {
		what := strings.ReplaceAll(strings.TrimSuffix(e.pattern, "{$}"), "{member}", idOf(2))
		id := idOf(1)
		if strings.Contains(what, "/groups/") {
			id = idOf(90)
			check(t, o.sim.dir.PutGroup([]byte(`{"id":"`+id+`","displayName":"Ninety"}`)))
		}
		what, id = o.prepare(what, id)
		if strings.Contains(what, "/faults/") {
			id = "1"
			o.sim.faults.last = 0
			o.sim.Fail(Fault{Cut: true, Path: "nowhere"})
		}
		if a := o.answer(strings.ReplaceAll(what, "{id}", id), e.example); a.StatusCode != 200 && a.StatusCode != 204 {
			t.Errorf("%s: %d %s", e.pattern, a.StatusCode, a.body)
		}
	}
}

func TestAdminRouting(t *testing.T) {
	o := startAdmin(t, Config{}, Company())
	o.refused("GET /planets", "", 404, "there is no /planets; GET / lists")
	o.refused("GET /users/a/b", "", 404, "there is no /users/a/b")
	for what, allow := range map[string]string{
		"PUT /faults": "DELETE, GET, HEAD, POST", "GET /revoke-tokens": "POST", "POST /": "GET, HEAD", "PUT /users/x": "DELETE, GET, HEAD, PATCH",
	} {
		o.refused(what, "{}", 405, "it takes "+allow)
		if a := o.answer(what, "{}"); a.Header.Get("Allow") != allow {
			t.Errorf("%s: Allow %q, want %q", what, a.Header.Get("Allow"), allow)
		}
	}
	r, err := http.NewRequest("GET", o.sim.AdminURL()+"/users", nil)
	check(t, err)
	for host, want := range map[string]int{"evil.example.com": 403, "evil.example.com:80": 403, "localhost": 200, "[::1]:9": 200, "[::1]": 200, "127.0.0.1": 200} {
		r.Host = host
		resp, err := o.plain.Do(r)
		check(t, err)
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("host %s: %d, want %d", host, resp.StatusCode, want)
		}
	}
}

// Every endpoint that reads JSON refuses the same things.
func TestAdminBadJSON(t *testing.T) {
	o := startAdmin(t, Config{}, Company())
	for _, what := range []string{"POST /faults", "POST /expire-delta-links", "POST /clock", "PUT /quota", "PATCH /behaviour"} {
		o.refused(what, "", 400, "the body is empty")
		o.refused(what, "[1]", 400, "not a JSON object")
		o.refused(what, "null", 400, "not a JSON object")
		o.refused(what, `{"`, 400, "not valid JSON")
		o.refused(what, `{} {}`, 400, "not valid JSON")
		o.refused(what, `{"speed":1}`, 400, `unknown field "speed"`)
		o.refused(what, `{"x":"`+strings.Repeat("x", maxLine)+`"}`, 413, "too large")
	}
}

func TestAdminFaults(t *testing.T) {
	o := startAdmin(t, Config{}, Company())
	o.want("GET /faults", "", "200 []")
	o.want("POST /faults", `{"path":"/users","status":503,"times":2,"retryAfter":"5","code":"c","message":"m"}`, `200 {"id":1}`)
	o.want("POST /faults", `{"path":"/nowhere","delay":"90s","after":1,"cut":true,"status":301,"location":"/l","body":"","contentType":"text/html"}`, `200 {"id":2}`)
	a := o.get("/users")
	if code, message := a.refusal(t); a.StatusCode != 503 || code != "c" || message != "m" || a.Header.Get("Retry-After") != "5" {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
	second := `{"id":2,"path":"/nowhere","after":1,"delay":"1m30s","status":301,"location":"/l","body":"","contentType":"text/html","cut":true}`
	o.want("GET /faults", "", `200 [{"id":1,"path":"/users","times":1,"status":503,"code":"c","message":"m","retryAfter":"5"},`+second+`]`)
	o.get("/users")
	o.want("GET /faults", "", `200 [`+second+`]`)
	o.refused("DELETE /faults/1", "", 404, "there is no fault 1; it may be used up")
	o.want("DELETE /faults/2", "", "204 ")
	o.refused("DELETE /faults/x", "", 400, `field "id"`)
	clear := o.sim.Fail(Fault{Status: 502})
	o.sim.Fail(Fault{Path: "/nowhere", Cut: true})
	o.want("DELETE /faults/4", "", "204 ")
	o.want("GET /faults", "", `200 [{"id":3,"status":502}]`)
	clear()
	o.want("POST /faults", `{"status":500,"body":"late","contentType":"text/plain"}`, `200 {"id":5}`)
	if a := o.get("/users"); a.StatusCode != 500 || string(a.body) != "late" {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
	o.want("DELETE /faults", "", "204 ")
	o.want("GET /faults", "", "200 []")
	if a := o.get("/users"); a.StatusCode != 200 {
		t.Errorf("after all faults: %d", a.StatusCode)
	}
	for body, want := range map[string]string{
		`{}`:                       "nothing goes wrong",
		`{"status":"503"}`:         `field "status": want a whole number, not string`,
		`{"status":20}`:            "status is 20; want 200 to 599",
		`{"cut":1}`:                `field "cut": want true or false, not number`,
		`{"delay":2}`:              `field "delay": want a string, not number`,
		`{"delay":"2"}`:            `field "delay": "2" is not a time`,
		`{"delay":"-2s"}`:          "delay is negative",
		`{"status":1,"after":-1}`:  "after is negative",
		`{"status":1,"times":1.5}`: `field "times": want a whole number, not number 1.5`,
		`{"cut":true,"code":"x"}`:  "code has no effect",
		`{"id":7,"status":500}`:    `unknown field "id"`,
	} {
		o.refused("POST /faults", body, 400, want)
	}
}

func TestAdminExpireAndRevoke(t *testing.T) {
	o := startAdmin(t, Config{}, many(t, 3))
	for as, want := range map[string]int{"goneWithLocation": 410, "gone": 410, "syncStateNotFound": 400, "badlyFormed": 400} {
		_, delta, _ := o.all("/users/delta")
		o.want("POST /expire-delta-links", `{"as":"`+as+`"}`, "204 ")
		if a := o.get(delta); a.StatusCode != want || (a.Header.Get("Location") != "") != (as == "goneWithLocation") {
			t.Errorf("%s: %d %v", as, a.StatusCode, a.Header)
		}
	}
	o.refused("POST /expire-delta-links", `{}`, 400, `field "as": it is missing; want goneWithLocation, gone`)
	o.refused("POST /expire-delta-links", `{"as":"late"}`, 400, `field "as": "late" is not a way`)
	o.refused("POST /expire-delta-links", `{"as":1}`, 400, `field "as": want a string, not number`)
	o.want("POST /revoke-tokens", "", "204 ")
	if a := o.get("/users"); a.StatusCode != 401 {
		t.Errorf("revoked: %d", a.StatusCode)
	}
}

func TestAdminClock(t *testing.T) {
	o := startAdmin(t, Config{}, Company())
	for _, step := range []struct{ what, body, ahead string }{
		{"GET /clock", "", "0s"}, {"POST /clock", `{"advance":"168h"}`, "168h0m0s"}, {"POST /clock", `{"advance":"30m"}`, "168h30m0s"}, {"GET /clock", "", "168h30m0s"},
	} {
		var got struct {
			Now   time.Time
			Ahead string
		}
		a := o.answer(step.what, step.body)
		a.decode(t, &got)
		ahead, _ := time.ParseDuration(step.ahead)
		if off := time.Until(got.Now) - ahead; a.StatusCode != 200 || got.Ahead != step.ahead || off > 0 || off < -time.Minute {
			t.Errorf("%s %s: %s", step.what, step.body, a.body)
		}
	}
	if a := o.get("/users"); a.StatusCode != 401 {
		t.Errorf("a week later the token is still good: %d", a.StatusCode)
	}
	o.refused("POST /clock", `{}`, 400, `field "advance": "" is not a time`)
	o.refused("POST /clock", `{"advance":"a week"}`, 400, `field "advance": "a week" is not a time`)
	o.refused("POST /clock", `{"advance":"-1s"}`, 400, `field "advance": -1s would set the clock back`)
	o.refused("POST /clock", `{"advance":"2000000h"}`, 400, `field "advance": 2000000h0m0s would set the clock more than a hundred years`)
	o.refused("POST /clock", `{"advance":5}`, 400, `field "advance": want a string, not number`)
}

func TestAdminRequests(t *testing.T) {
	o := startAdmin(t, Config{}, Company())
	o.want("DELETE /requests", "", "204 ")
	o.want("GET /requests", "", `200 {"count":0,"units":0,"requests":[]}`)
	o.get("/users", "ConsistencyLevel", "eventual")
	o.get("/planets")
	o.get("/users?$select=id")
	var got requestsDoc
	o.answer("GET /requests", "").decode(t, &got)
	var urls []string
	for _, r := range got.Requests {
		urls = append(urls, fmt.Sprint(r.Method, " ", r.URL, " ", r.Status, " ", r.Units))
	}
	if s := strings.Join(urls, ","); got.Count != 3 || got.Units != 3 || s != "GET /v1.0/users 200 2,GET /v1.0/planets 400 0,GET /v1.0/users?$select=id 200 1" {
		t.Errorf("%d requests for %d units: %s", got.Count, got.Units, s)
	}
	if r := got.Requests[0]; r.Header.Get("ConsistencyLevel") != "eventual" || r.Header.Get("Authorization") != "" || time.Since(r.Time) > time.Minute {
		t.Errorf("the first: %+v", r)
	}
	got = requestsDoc{}
	o.answer("GET /requests?last=1", "").decode(t, &got)
	if len(got.Requests) != 1 || got.Requests[0].Units != 1 || got.Count != 3 {
		t.Errorf("the last: %+v", got)
	}
	o.refused("GET /requests?last=-1", "", 400, `field "last"`)
	o.refused("GET /requests?last=x", "", 400, `field "last"`)
	o.want("DELETE /requests", "", "204 ")
	o.want("GET /requests", "", `200 {"count":0,"units":0,"requests":[]}`)
}

func TestAdminQuota(t *testing.T) {
	o := startAdmin(t, Config{}, Company())
	o.want("GET /quota", "", `200 {"units":0,"window":"10s","silent":false}`)
	o.want("PUT /quota", `{"units":2,"window":"5h","silent":true}`, `200 {"units":2,"window":"5h0m0s","silent":true}`)
	o.want("GET /quota", "", `200 {"units":2,"window":"5h0m0s","silent":true}`)
	o.get("/users")
	if a := o.get("/users"); a.StatusCode != 429 || a.Header.Get("Retry-After") != "" {
		t.Errorf("%d %v", a.StatusCode, a.Header)
	}
	o.want("PUT /quota", `{"units":-1}`, `200 {"units":-1,"window":"10s","silent":false}`)
	if a := o.get("/users"); a.StatusCode != 200 {
		t.Errorf("without a limit: %d", a.StatusCode)
	}
	for body, want := range map[string]string{
		`{"units":"2"}`:   `field "units": want a whole number, not string`,
		`{"window":"10"}`: `field "window": "10" is not a time`,
		`{"window":"0s"}`: `field "window": 0s is not a positive time`,
		`{"window":10}`:   `field "window": want a string, not number`,
		`{"silent":0}`:    `field "silent": want true or false, not number`,
	} {
		o.refused("PUT /quota", body, 400, want)
	}
	o.want("GET /quota", "", `200 {"units":-1,"window":"10s","silent":false}`)
}

func TestAdminBehaviour(t *testing.T) {
	o := startAdmin(t, Config{EmptyPages: true}, many(t, 5))
	o.want("GET /behaviour", "", `200 {"deltaPageSize":200,"emptyPages":true,"replay":false,"refuseJoinedFilters":false,"nullValues":false}`)
	after := `200 {"deltaPageSize":2,"emptyPages":true,"replay":false,"refuseJoinedFilters":true,"nullValues":true}`
	o.want("PATCH /behaviour", `{"deltaPageSize":2,"nullValues":true,"refuseJoinedFilters":true}`, after)
	if p := o.page("/users/delta"); len(p.Value) != 3 || p.Value[1] != nil {
		t.Errorf("a page of %v", p.Value)
	}
	for body, want := range map[string]string{
		`{"emptyPages":false,"deltaPageSize":0}`: `field "deltaPageSize": 0 is not a number of people`,
		`{"emptyPages":"no"}`:                    `field "emptyPages": want true or false, not string`,
		`{"deltaPageSize":"2"}`:                  `field "deltaPageSize": want a whole number, not string`,
	} {
		o.refused("PATCH /behaviour", body, 400, want)
	}
	o.want("GET /behaviour", "", after)
}

func TestAdminUsers(t *testing.T) {
	o := startAdmin(t, Config{}, load(t, someone(1, "One"), someone(2, "Two", under(1))))
	one := `{"id":"` + idOf(1) + `","displayName":"One","userPrincipalName":"u1@contoso.com"}`
	two := func(rest string) string {
		return `{"id":"` + idOf(2) + `","displayName":"Two","userPrincipalName":"u2@contoso.com"` + rest + `}`
	}
	o.want("GET /users", "", "200 "+one+"\n"+two(`,"managerId":"`+idOf(1)+`"`))
	d, err := Load(bytes.NewReader(o.answer("GET /users", "").body), "admin")
	if err != nil || d.Len() != 2 {
		t.Errorf("what GET /users answers cannot be loaded: %v", err)
	}
	o.want("GET /users/"+idOf(1), "", "200 "+one)
	_, delta, _ := o.all("/users/delta?$select=jobTitle")
	round := func(want ...string) {
		t.Helper()
		var got []string
		got, delta = o.round(delta)
		wantObjects(t, "delta", got, want...)
	}
	o.want("PATCH /users/"+idOf(2), `{"jobTitle":"Cook","managerId":null}`, "200 "+two(`,"jobTitle":"Cook"`))
	round(`{"id":"` + idOf(2) + `","jobTitle":"Cook"}`)
	o.want("PUT /users", strings.ReplaceAll(one, "1", "3"), "200 "+strings.ReplaceAll(one, "1", "3"))
	o.want("DELETE /users/"+idOf(2), "", "204 ")
	round(`{"id":"`+strings.ReplaceAll(idOf(1), "1", "3")+`"}`, gone(2, "changed"))
	o.refused("GET /users/"+idOf(2), "", 404, "not in the directory")
	o.want("POST /users/"+idOf(2)+"/restore", "", "200 "+two(`,"jobTitle":"Cook"`))
	o.want("DELETE /users/"+idOf(2)+"?permanently=false", "", "204 ")
	o.want("DELETE /users/"+idOf(2)+"?permanently=true", "", "204 ")
	round(gone(2, "deleted"))

	o.refused("GET /users/u1@contoso.com", "", 404, "a user is named by id")
	o.refused("PATCH /users/"+idOf(7), `{"jobTitle":"x"}`, 404, "not in the directory")
	o.refused("PATCH /users/"+idOf(1), `{"jobTitle":7}`, 400, "jobTitle is 7; want a string")
	o.refused("PATCH /users/"+idOf(1), `{"managerId":"`+idOf(7)+`"}`, 400, "managerId "+idOf(7))
	o.refused("PATCH /users/"+idOf(1), ``, 400, "not valid JSON")
	o.refused("PUT /users", `{"id":"`+idOf(8)+`"}`, 400, "displayName is missing")
	o.refused("PUT /users", `[]`, 400, "not a JSON object")
	o.refused("PUT /users", strings.Repeat(" ", maxLine+1), 413, "too large")
	o.refused("DELETE /users/"+idOf(7), "", 404, "not in the directory")
	o.refused("DELETE /users/"+idOf(1)+"?permanently=1", "", 400, `field "permanently": "1" is neither true nor false`)
	o.refused("POST /users/"+idOf(7)+"/restore", "", 404, "not in the directory")
	o.want("DELETE /users/"+idOf(1), "", "204 ")
	check(t, o.sim.dir.Put([]byte(`{"id":"`+idOf(9)+`","displayName":"Nine","userPrincipalName":"u1@contoso.com"}`)))
	o.refused("POST /users/"+idOf(1)+"/restore", "", 409, "userPrincipalName u1@contoso.com is that of "+idOf(9))
}

func TestAdminGroups(t *testing.T) {
	o := startAdmin(t, Config{}, load(t, someone(1, "One"), someone(2, "Two")))
	group := func(name, members string) string {
		return `{"@odata.type":"#microsoft.graph.group","id":"` + idOf(7) + `","displayName":"` + name + `","memberIds":[` + members + `]}`
	}
	one, two := `"`+idOf(1)+`"`, `"`+idOf(2)+`"`
	o.want("PUT /groups", group("Seven", one), "200 "+group("Seven", one))
	o.want("PATCH /groups/"+idOf(7), `{"displayName":"Renamed"}`, "200 "+group("Renamed", one))
	o.want("PUT /groups/"+idOf(7)+"/members/"+idOf(2), "", "204 ")
	o.want("GET /groups", "", "200 "+group("Renamed", one+","+two))
	o.want("DELETE /groups/"+idOf(7)+"/members/"+idOf(1), "", "204 ")
	o.want("DELETE /groups/"+idOf(7), "", "204 ")
	o.want("GET /groups", "", "200 ")
	o.want("POST /groups/"+idOf(7)+"/restore", "", "200 "+group("Renamed", two))
	o.want("DELETE /groups/"+idOf(7)+"?permanently=true", "", "204 ")
	o.refused("POST /groups/"+idOf(7)+"/restore", "", 404, "not in the directory")
	o.refused("DELETE /groups/"+idOf(7)+"?permanently=1", "", 400, `field "permanently"`)
	o.refused("PATCH /groups/"+idOf(7), `{"displayName":"x"}`, 404, "not in the directory")
	o.refused("PUT /groups/"+idOf(7)+"/members/"+idOf(1), "", 404, "not in the directory")
	o.refused("PUT /groups", `{"id":"`+idOf(8)+`"}`, 400, "displayName is missing")
}

func TestAdminChurn(t *testing.T) {
	o := startAdmin(t, Config{}, Invent(200, 1))
	before := string(o.answer("GET /users", "").body)
	o.want("POST /churn", `{"changes":100,"seed":3}`, "204 ")
	if string(o.answer("GET /users", "").body) == before {
		t.Error("churn changed nobody")
	}
	o.refused("POST /churn", `{"changes":0}`, 400, `field "changes": want 1 to`)
	o.refused("POST /churn", `{}`, 400, `field "changes"`)
}

func TestAdminAddress(t *testing.T) {
	for address, want := range map[string]string{
		":9090":            "want a loopback address such as 127.0.0.1:9090",
		"0.0.0.0:0":        "want a loopback address",
		"192.0.2.1:0":      "want a loopback address",
		"[::]:0":           "want a loopback address",
		"sim.example:0":    "want a loopback address",
		"127.0.0.1":        "missing port",
		"127.0.0.1:999999": "invalid port",
	} {
		s, err := New(Config{AdminListen: address}, Company())
		if err == nil {
			s.Close()
		}
		if err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "simulator: admin API: ") {
			t.Errorf("%s: %v, want %s", address, err, want)
		}
	}
	c := start(t, Config{AdminListen: "localhost:0"}, Company())
	if resp, err := http.Get(c.sim.AdminURL()); err != nil {
		t.Error(err)
	} else {
		resp.Body.Close()
	}
	if c := start(t, Config{}, Company()); c.sim.AdminURL() != "" {
		t.Errorf("no admin API was asked for, and it is at %s", c.sim.AdminURL())
	}
}

// Close breaks off what the admin API is answering, and nothing of it runs afterwards.
func TestCloseEndsTheAdminAPI(t *testing.T) {
	sim, err := New(Config{AdminListen: "127.0.0.1:0"}, Company())
	check(t, err)
	address := sim.AdminURL()
	half, err := net.Dial("tcp", strings.TrimPrefix(address, "http://"))
	check(t, err)
	defer half.Close()
	_, err = fmt.Fprintf(half, "PUT /users HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{")
	check(t, err)
	for !running("adminPutUser") {
		runtime.Gosched()
	}
	check(t, sim.Close())
	for running("simulator.(*Simulator)") || running("net/http.(*Server).Serve") { // one that stays fails by the time limit
		runtime.Gosched()
	}
	if _, err := http.Get(address); err == nil {
		t.Error("answered after Close")
	}
	check(t, sim.Close())
}

// What holds an answer up longer than its connection lives holds Close up too.
func TestCloseWaitsForTheAdminAPI(t *testing.T) {
	sim, err := New(Config{AdminListen: "127.0.0.1:0"}, Company())
	check(t, err)
	sim.dir.mu.Lock()
	go func() {
		if resp, err := http.Get(sim.AdminURL() + "/users"); err == nil {
			resp.Body.Close()
		}
	}()
	for !running("(*Directory).All") {
		runtime.Gosched()
	}
	closed := make(chan error, 1)
	go func() { closed <- sim.Close() }()
	for !running("(*gate).close") && len(closed) == 0 {
		runtime.Gosched()
	}
	if len(closed) > 0 {
		t.Error("Close has not waited")
	}
	sim.dir.mu.Unlock()
	check(t, <-closed)
}
