package simulator

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
)

// The company has one of each case that a client may stumble over.
func TestCompany(t *testing.T) {
	c := start(t, Config{}, Company())
	everybody, _, _ := c.all("/users?$select=displayName,proxyAddresses,userType,accountEnabled,showInAddressList,mail&$top=999")
	if n := len(everybody); n < 35 || n > 45 {
		t.Errorf("the company has %d people", n)
	}
	all := "\n" + strings.Join(names(everybody, "displayName"), "\n") + "\n"
	for _, name := range []string{
		"Müller, Jan", "Kateřina Škodová", "Siobhán O'Brien", "Anne-Marie Dubois", "Димитър Петров", "Ελένη Παπαδοπούλου", "عمر حسن",
		"נועה לוי", "Wang, Zhehan (王哲瀚)", "田中 由紀 (Yuki Tanaka)", "Rosa Lindholm", "Arjun Patel\nArjun Patel", "Room Vltava (12)",
	} {
		first, second, twice := strings.Cut(name, "\n")
		if n := strings.Count(all, "\n"+first+"\n"); n == 0 || twice && (n != 2 || first != second) {
			t.Errorf("%s is there %d times", first, n)
		}
	}
	cases := map[string]func(u map[string]any) bool{
		"a guest":  func(u map[string]any) bool { return u["userType"] == "Guest" },
		"disabled": func(u map[string]any) bool { return u["accountEnabled"] == false },
		"hidden":   func(u map[string]any) bool { return u["showInAddressList"] == false },
		"no mail":  func(u map[string]any) bool { return u["mail"] == nil },
		"an old name": func(u map[string]any) bool {
			return strings.Contains(fmt.Sprint(u["proxyAddresses"]), "smtp:katerina.novakova@contoso.com")
		},
	}
	for name, is := range cases {
		if !slices.ContainsFunc(everybody, is) {
			t.Errorf("nobody is %s", name)
		}
	}
	a := c.get("/users/li.na@contoso.com?$count=true&$expand=manager($levels=max)", "ConsistencyLevel", "eventual")
	if n := bytes.Count(a.body, []byte(`"manager":`)); n != 4 {
		t.Errorf("%d managers above Li Na, want four: %s", n, a.body)
	}
}

func TestLoadRefuses(t *testing.T) {
	good := someone(1, "Ana")
	for name, test := range map[string]struct{ lines, want string }{
		"no JSON":               {good + "\n\n{", "people:3: not valid JSON"},
		"no object":             {`["x"]`, "people:1: not a JSON object"},
		"two objects":           {good + good, "people:1: not valid JSON"},
		"no id":                 {`{"displayName":"A","userPrincipalName":"a"}`, "people:1: id is missing"},
		"no GUID":               {`{"id":"7","displayName":"A","userPrincipalName":"a"}`, `people:1: id "7" is not a GUID`},
		"null id":               {`{"id":null,"displayName":"A","userPrincipalName":"a"}`, "people:1: id null is not a GUID"},
		"no displayName":        {`{"id":"` + idOf(1) + `","userPrincipalName":"a"}`, "people:1: displayName is missing or empty"},
		"null displayName":      {`{"id":"` + idOf(1) + `","displayName":null,"userPrincipalName":"a"}`, "people:1: displayName is missing or empty"},
		"blank principal name":  {`{"id":"` + idOf(1) + `","displayName":"A","userPrincipalName":" "}`, "people:1: userPrincipalName is missing or empty"},
		"id twice":              {good + "\n" + strings.Replace(good, "u1@", "u2@", 1), "people:2: id " + idOf(1) + " is that of line 1 already"},
		"principal name twice":  {good + "\n" + strings.Replace(someone(2, "Bea"), "u2@", "U1@", 1), "people:2: userPrincipalName u1@contoso.com is that of " + idOf(1)},
		"a number for a string": {someone(1, "Ana", `"mail":7`), "people:1: mail is 7; want a string"},
		"a string for a flag":   {someone(1, "Ana", `"accountEnabled":"true"`), `people:1: accountEnabled is "true"; want true or false`},
		"a string for a list":   {someone(1, "Ana", `"otherMails":"x"`), `people:1: otherMails is "x"; want an array of strings`},
		"a list with a number":  {someone(1, "Ana", `"otherMails":["x",1]`), `people:1: otherMails is ["x",1]; want an array of strings`},
		"a property twice":      {someone(1, "Ana", `"mail":"x","Mail":"y"`), "people:1: mail is given twice"},
		"an odd property":       {someone(1, "Ana", `"a b":1`), `people:1: property name "a b" is not made of`},
		"a manager who is none": {good + "\n" + someone(2, "Bea", under(3)), "people:2: managerId " + idOf(3) + " is nobody in the file"},
		"a manager of oneself":  {someone(1, "Ana", under(1)), "people:1: managerId names the person themselves"},
		"no manager id":         {someone(1, "Ana", `"managerId":"x"`), `people:1: managerId "x" is not a GUID`},
		"no UTF-8":              {"{\"id\":\"" + idOf(1) + "\",\"displayName\":\"\xff\"}", "people:1: not valid JSON"},
		"a long line":           {good + "\n" + someone(2, strings.Repeat("x", maxLine)), "people:2: the line is longer than 1 MiB"},
	} {
		d, err := Load(strings.NewReader(test.lines), "people")
		if d != nil || err == nil || !strings.HasPrefix(err.Error(), test.want) {
			t.Errorf("%s: %v, want %s…", name, err, test.want)
		}
	}
}

func TestLoadAccepts(t *testing.T) {
	long := someone(3, "Cid", `"aboutMe":"`+strings.Repeat("x", maxLine-400)+`"`)
	d := load(t,
		"\uFEFF  "+someone(1, "Ana", under(2), `"mail":null, "displayname2" : {"a": [1, 2]}`),
		"", " \t ",
		strings.ToUpper(`{"id":"`)+`0000000A-0000-4000-8000-00000000000B","displayName":"\u0042ea","userPrincipalName":"b@contoso.com"}`,
		someone(2, "Boss"), long,
	)
	if d.Len() != 4 {
		t.Fatalf("%d people", d.Len())
	}
	u, _ := d.Get("0000000a-0000-4000-8000-00000000000b")
	if want := `{"id":"0000000a-0000-4000-8000-00000000000b","displayName":"Bea","userPrincipalName":"b@contoso.com"}`; string(u) != want {
		t.Errorf("got %s, want %s", u, want)
	}
	u, _ = d.Get(idOf(1))
	if want := `"mail":null,"displayname2":{"a":[1,2]},` + under(2) + `}`; !strings.HasSuffix(string(u), want) {
		t.Errorf("got %s, want …%s", u, want)
	}
}

func FuzzLoad(f *testing.F) {
	f.Add([]byte(someone(1, "Ana", `"otherMails":["a\"b"],"x":{"y":null}`) + "\n" + someone(2, "Bea", under(1))))
	f.Add([]byte(aGroup(3, "Team", holding(1, 4)) + "\n" + someone(1, "Ana") + "\n" + aGroup(4, "Other", `"y":1`)))
	f.Add([]byte("{}\n[1"))
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := Load(bytes.NewReader(data), "f")
		if (d == nil) == (err == nil) {
			t.Fatalf("directory %v, error %v", d, err)
		}
		if err != nil {
			return
		}
		var out bytes.Buffer
		for _, u := range d.All() {
			fmt.Fprintf(&out, "%s\n", u)
		}
		for _, g := range d.Groups() {
			fmt.Fprintf(&out, "%s\n", g)
		}
		again, err := Load(&out, "again")
		if err != nil || again.Len() != d.Len() {
			t.Fatalf("what was loaded does not load again: %v", err)
		}
		for n, s := range d.slots {
			if a := again.slots[n].person; s.person.raw != a.raw || s.person.manager != a.manager {
				t.Fatalf("%s under %d became %s under %d", s.person.raw, s.person.manager, a.raw, a.manager)
			}
		}
		for n, s := range d.groups.slots {
			if a := again.groups.slots[n]; s.person.raw != a.person.raw || !slices.Equal(s.members, a.members) {
				t.Fatalf("%s with %d became %s with %d", s.person.raw, s.members, a.person.raw, a.members)
			}
		}
	})
}

func TestChangesRefused(t *testing.T) {
	d := load(t, someone(1, "Ana"), someone(2, "Bea", under(1)), someone(3, "Cid"))
	check(t, d.Delete(idOf(3)))
	before := d.past.last()
	for name, err := range map[string]error{
		"patch nobody":            d.Patch(idOf(9), []byte(`{}`)),
		"patch the deleted":       d.Patch(idOf(3), []byte(`{"city":"x"}`)),
		"patch no id":             d.Patch("ana", []byte(`{}`)),
		"delete twice":            d.Delete(idOf(3)),
		"purge nobody":            d.Purge(idOf(9)),
		"restore nobody":          d.Restore(idOf(9)),
		"manager unknown":         d.Patch(idOf(1), []byte(`{"managerId":"`+idOf(9)+`"}`)),
		"manager deleted":         d.Patch(idOf(1), []byte(`{"managerId":"`+idOf(3)+`"}`)),
		"new with manager nobody": d.Put([]byte(someone(4, "Dan", under(9)))),
	} {
		if !errors.Is(err, ErrUnknown) {
			t.Errorf("%s: %v, want ErrUnknown", name, err)
		}
	}
	for name, err := range map[string]error{
		"broken":             d.Patch(idOf(1), []byte(`{"city":`)),
		"wrong type":         d.Patch(idOf(1), []byte(`{"city":1}`)),
		"another id":         d.Patch(idOf(1), []byte(`{"id":"`+idOf(2)+`"}`)),
		"no name":            d.Patch(idOf(1), []byte(`{"displayName":null}`)),
		"taken":              d.Patch(idOf(1), []byte(`{"userPrincipalName":"U2@contoso.com"}`)),
		"oneself as manager": d.Patch(idOf(1), []byte(`{"managerId":"`+idOf(1)+`"}`)),
		"put without name":   d.Put([]byte(`{"id":"` + idOf(5) + `"}`)),
		"put a taken name":   d.Put([]byte(strings.Replace(someone(5, "Eve"), "u5@", "u1@", 1))),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if d.past.last() != before || d.Len() != 2 {
		t.Errorf("refused changes left %d entries and %d people", d.past.last()-before, d.Len())
	}
}

func TestRestore(t *testing.T) {
	d := load(t, someone(1, "Ana"), someone(2, "Bea", under(1)))
	check(t, d.Delete(idOf(1)))
	if u, _ := d.Get(idOf(2)); strings.Contains(string(u), managerProperty) {
		t.Errorf("a deleted manager is still there: %s", u)
	}
	check(t, d.Put([]byte(strings.Replace(someone(3, "Other"), "u3@", "u1@", 1))))
	if err := d.Restore(idOf(1)); err == nil {
		t.Error("restored with a principal name that is taken")
	}
	check(t, d.Purge(idOf(3)), d.Restore(idOf(1)))
	if u, _ := d.Get(idOf(2)); !strings.Contains(string(u), under(1)) || d.Len() != 2 {
		t.Errorf("after the restore: %s, %d people", u, d.Len())
	}
}

// Everything may happen at once; the race detector looks on.
func TestConcurrentChanges(t *testing.T) {
	d := Invent(300, 7)
	c := start(t, Config{DeltaPageSize: 50}, d)
	var ids []string
	for id := range d.All() {
		ids = append(ids, id)
	}
	var wg sync.WaitGroup
	for w := range 3 {
		wg.Go(func() {
			for i, id := range ids {
				switch (i + w) % 4 {
				case 0:
					_ = d.Patch(id, fmt.Appendf(nil, `{"jobTitle":"%d","extension_%d":%d}`, w, i, w))
				case 1:
					_ = d.Delete(id)
				case 2:
					_ = d.Restore(id)
				case 3:
					if w == 0 {
						_ = d.Purge(id)
					}
				}
			}
		})
	}
	wg.Go(func() {
		_, delta, _ := c.all("/users/delta?$select=displayName,jobTitle,manager")
		for range 10 {
			c.all("/users?$top=100&$expand=manager&$filter=startsWith(displayName,'a')")
			_, delta, _ = c.all(delta)
		}
	})
	wg.Wait()
}
