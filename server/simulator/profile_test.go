package simulator

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"strings"
	"testing"
)

// profileNames are the profile properties as a $select.
const profileNames = "aboutMe,birthday,hireDate,interests,mySite,pastProjects,preferredName,responsibilities,schools,skills"

func (c *client) profile(id string) (map[string]any, answer) {
	c.t.Helper()
	a := c.get("/users/" + id + "?$select=" + profileNames)
	var got map[string]any
	a.decode(c.t, &got)
	delete(got, "@odata.context")
	return got, a
}

// About half of an invented tenant has something to say, in their own language, and the same each time.
func TestInventedProfiles(t *testing.T) {
	const n = 400
	first, again := start(t, Config{}, Invent(n, 7)), start(t, Config{}, Invent(n, 7))
	other := start(t, Config{}, Invent(n, 8))
	some, german, codes := 0, 0, map[string]int{}
	seen := map[string]bool{}
	for id, raw := range first.sim.dir.All() {
		got, a := first.profile(id)
		if a.StatusCode != 200 {
			code, _ := a.refusal(t)
			codes[fmt.Sprintf("%d %s", a.StatusCode, code)]++
			continue
		}
		if same, _ := again.profile(id); fmt.Sprint(same) != fmt.Sprint(got) {
			t.Fatalf("%v and %v for the same seed", got, same)
		}
		for name := range got {
			seen[name] = true
		}
		if len(got) > 0 {
			some++
		}
		if text, _ := got["aboutMe"].(string); strings.Contains(text, "Fragen zu") || strings.Contains(text, "Kaffee") {
			german++
			if !bytes.Contains(raw, []byte(`"preferredLanguage":"de-`)) {
				t.Errorf("%s says %q", raw, text)
			}
		}
		if strings.Contains(fmt.Sprint(got), "{") {
			t.Errorf("a place is not filled: %v", got)
		}
	}
	if some < n*40/100 || some > n*60/100 {
		t.Errorf("%d of %d have profile properties", some, n)
	}
	if german == 0 || len(seen) != 10 {
		t.Errorf("%d texts in German, properties %v", german, seen)
	}
	if codes["404 MailboxNotEnabledForRESTAPI"] < 5 || codes["404 ResourceNotFound"] < 5 || len(codes) != 2 {
		t.Errorf("refusals %v", codes)
	}
	same := 0
	for id := range other.sim.dir.All() {
		if got, _ := other.profile(id); len(got) == 0 {
			same++
		}
	}
	if same == 0 || same == n {
		t.Errorf("%d of %d of another seed have nothing", same, n)
	}
}

// What somebody has been given is served as it is, and who came later has nothing else.
func TestGivenProfiles(t *testing.T) {
	c := start(t, Config{}, Company())
	var who string
	for id, raw := range c.sim.dir.All() {
		if got, a := c.profile(id); a.StatusCode == 200 && got["aboutMe"] != nil && !bytes.Contains(raw, []byte(`"aboutMe"`)) {
			who = id
		}
	}
	if who == "" {
		t.Fatal("nobody of the company has a profile that is invented")
	}
	before, _ := c.profile(who)
	check(t, c.sim.dir.Patch(who, []byte(`{"aboutMe":"Mine","skills":[]}`)))
	after, _ := c.profile(who)
	before["aboutMe"], before["skills"] = "Mine", []any{}
	if !maps.EqualFunc(before, after, func(a, b any) bool { return fmt.Sprint(a) == fmt.Sprint(b) }) {
		t.Errorf("got %v, want %v", after, before)
	}
	check(t, c.sim.dir.Put([]byte(someone(1, "New", `"mail":"new@contoso.com","schools":["A"]`))))
	if got, _ := c.profile(idOf(1)); fmt.Sprint(got) != "map[schools:[A]]" {
		t.Errorf("a newcomer: %v", got)
	}
	var user map[string]any
	c.get("/users/"+who).decode(t, &user)
	if user["aboutMe"] != nil {
		t.Error("profile properties without a $select")
	}
}

func TestMailboxProperty(t *testing.T) {
	d := load(t,
		someone(1, "Without", `"mail":"a@contoso.com","aboutMe":"x","mailbox":false`),
		someone(2, "With", `"userType":"Guest","aboutMe":"x","Mailbox":true`),
		someone(3, "Unsaid", `"mail":"a@contoso.com","aboutMe":"x","mailbox":null`),
		someone(4, "No mail", `"aboutMe":"x"`),
		someone(5, "Disabled", `"mail":"a@contoso.com","aboutMe":"x","accountEnabled":false`),
	)
	c := start(t, Config{}, d)
	statuses := func() (list string) {
		for n := range 5 {
			a := c.get("/users/" + idOf(n+1) + "?$select=displayName,aboutMe")
			if b := c.get("/users/" + idOf(n+1) + "?$select=displayName,mail,accountEnabled"); b.StatusCode != 200 {
				t.Errorf("%d: %d for properties of the directory", n+1, b.StatusCode)
			}
			list += fmt.Sprint(a.StatusCode, " ")
		}
		return list
	}
	if got, want := statuses(), "404 200 200 404 200 "; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	var lines bytes.Buffer
	for _, raw := range d.All() {
		fmt.Fprintf(&lines, "%s\n", raw)
	}
	if again, err := Load(&lines, "again"); err != nil || fmt.Sprint(everybody(again)) != fmt.Sprint(everybody(d)) {
		t.Errorf("what All yields cannot be loaded: %v", err)
	}
	check(t, d.Patch(idOf(1), []byte(`{"displayName":"x"}`)), d.Patch(idOf(2), []byte(`{"displayName":"x"}`)))
	if got, want := statuses(), "404 200 200 404 200 "; got != want {
		t.Errorf("once something else changed: got %s, want %s", got, want)
	}
	check(t, d.Patch(idOf(2), []byte(`{"mailbox":false}`)), d.Patch(idOf(1), []byte(`{"mailbox":true}`)), d.Patch(idOf(3), []byte(`{"displayName":"x"}`)))
	if got, want := statuses(), "200 404 200 404 200 "; got != want {
		t.Errorf("once changed: got %s, want %s", got, want)
	}
	check(t, d.Put([]byte(someone(1, "Put", `"aboutMe":"x"`))))
	if got, want := statuses(), "404 404 200 404 200 "; got != want {
		t.Errorf("once replaced: got %s, want %s", got, want)
	}
	if a := c.get("/users?$select=mailbox"); a.StatusCode != 400 {
		t.Errorf("the setting is served: %s", a.body)
	}
	for _, bad := range []string{`"mailbox":1`, `"mailbox":"no"`, `"mailbox":true,"Mailbox":true`} {
		if _, err := Load(strings.NewReader(someone(1, "Bad", bad)), "bad"); err == nil {
			t.Errorf("%s is taken", bad)
		}
	}
}

func everybody(d *Directory) (list []string) {
	for _, raw := range d.All() {
		list = append(list, string(raw))
	}
	return list
}

func TestWithoutSharePoint(t *testing.T) {
	app := App{ID: "a", Secret: "s", Roles: []string{"User.Read.All", "MailboxSettings.Read"}}
	c := start(t, Config{WithoutSharePoint: true, Apps: []App{app}}, Company())
	const jan = "/users/jan.mueller@contoso.com?$select=displayName"
	a := c.get(jan + ",skills")
	if code, message := a.refusal(t); a.StatusCode != 400 || code != "BadRequest" || message != "Tenant does not have a SPO license." {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
	for _, query := range []string{"", ",department", ",mailboxSettings"} {
		if a := c.get(jan + query); a.StatusCode != 200 {
			t.Errorf("%s: %d %s", query, a.StatusCode, a.body)
		}
	}
	b := c.sim.Behaviour()
	b.WithoutSharePoint = false
	c.sim.Behave(b)
	if a := c.get(jan + ",skills"); a.StatusCode != 200 {
		t.Errorf("with a licence: %d %s", a.StatusCode, a.body)
	}
}

// The code depends on the person, and never changes.
func TestLotSpreads(t *testing.T) {
	var count [10]int
	for i := range 1000 {
		g, _ := parseGUID(idOf(i))
		count[lot(g, "x")%10]++
	}
	for _, k := range count {
		if k < 60 || k > 140 {
			t.Fatalf("ids that differ little are not spread: %v", count)
		}
	}
}

func BenchmarkProfile(b *testing.B) {
	d := Invent(1000, 1)
	b.ReportAllocs()
	for n := int32(0); b.Loop(); n = (n + 1) % 1000 {
		d.withProfile(n, d.slots[n].person)
	}
}

func BenchmarkPhoto(b *testing.B) {
	for _, edge := range []int{48, 240, 648} {
		b.Run(fmt.Sprint(edge), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := encodeSquare(io.Discard, guid{1}, edge); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
