package graph_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/peopleinsights/peopleinsights/cache"
	"github.com/peopleinsights/peopleinsights/cache/sourcetest"
	"github.com/peopleinsights/peopleinsights/server/graph"
	"github.com/peopleinsights/peopleinsights/server/simulator"
)

// crowd serves so many of the suite's people, each led by the first, and names them by id.
func crowd(t *testing.T, n int, config simulator.Config, change ...func(*graph.Config)) (*graph.Client, *simulator.Simulator, []cache.Ref) {
	t.Helper()
	directory := simulator.NewDirectory()
	var refs []cache.Ref
	for i := range n {
		p := sourcetest.Someone(i)
		if i > 0 {
			p.ManagerID = sourcetest.ID(0)
		}
		if err := directory.Put(resource(t, p)); err != nil {
			t.Fatal(err)
		}
		refs = append(refs, cache.Ref{ID: sourcetest.ID(i)})
	}
	client, sim := start(t, config, directory, change...)
	return client, sim, refs
}

// outcome counts how people were answered, in words; whoever is found is who was asked for.
func outcome(t *testing.T, refs []cache.Ref, found []cache.Found) string {
	t.Helper()
	if len(found) != len(refs) {
		t.Fatalf("%d answers for %d people", len(found), len(refs))
	}
	counts := map[string]int{}
	for i, f := range found {
		word := "found"
		switch {
		case f.Err == nil && refs[i].ID != "" && f.Person.Profile.GetId() != strings.ToLower(refs[i].ID):
			t.Fatalf("%v is %v", refs[i], f.Person.Profile)
		case f.Err == nil && f.Person.Said != 0:
			word = "found without a manager"
		case f.Err == nil && refs[i].ID != "" && refs[i].ID != sourcetest.ID(0) && f.Person.Manager == nil:
			t.Fatalf("%v is found without a manager", refs[i])
		case f.Err == nil:
		case errors.Is(f.Err, cache.ErrNotFound):
			word = "unknown"
		case errors.Is(f.Err, cache.ErrThrottled):
			word = "throttled"
			if wait, ok := cache.RetryAfter(f.Err); !ok || wait <= 0 {
				t.Errorf("throttled without saying for how long: %v", f.Err)
			}
		case errors.Is(f.Err, cache.ErrDenied):
			word = "denied"
		case errors.Is(f.Err, cache.ErrQuota):
			word = "too dear"
		case errors.Is(f.Err, cache.ErrUnavailable):
			word = "unavailable"
		default:
			t.Fatalf("an unknown failure: %v", f.Err)
		}
		if f.Err != nil && (strings.Contains(f.Err.Error(), "/users") || refs[i].ID != "" && strings.Contains(f.Err.Error(), refs[i].ID)) {
			t.Errorf("%v names somebody, or a path", f.Err)
		}
		counts[word]++
	}
	return strings.TrimSuffix(strings.TrimPrefix(fmt.Sprint(counts), "map["), "]")
}

// batchSizes are how many parts each batch had since the last reset.
func batchSizes(sim *simulator.Simulator) (sizes []int) {
	for _, r := range sim.Requests() {
		if r.Parts != nil {
			sizes = append(sizes, len(r.Parts))
		}
	}
	return sizes
}

// TestPartsThatFail has one person's part of a batch of three fail, once or for good: people
// of the others are found, and those of the one are asked for again in smaller parts, until it
// is known whose failure it is, if that is soon enough.
func TestPartsThatFail(t *testing.T) {
	for _, row := range []struct {
		what    string
		fault   simulator.Fault
		want    string
		batches string
	}{
		{"429 once", simulator.Fault{Status: 429, RetryAfter: "0.05", Times: 1}, "found:40", "[3 1]"},
		{"429 once, without a time", simulator.Fault{Status: 429, Times: 1}, "found:40", "[3 1]"},
		{"429 twice", simulator.Fault{Status: 429, RetryAfter: "0.05", Times: 2}, "found:40", "[3 1 4]"},
		{"429", simulator.Fault{Status: 429, RetryAfter: "0.05"}, "found:39 throttled:1", "[3 1 4 1 4 1]"},
		{"429 for long", simulator.Fault{Status: 429, RetryAfter: "7", Times: 1}, "found:25 throttled:15", "[3]"},
		{"503 once", simulator.Fault{Status: 503, RetryAfter: "0.05", Times: 1}, "found:40", "[3 1]"},
		{"503", simulator.Fault{Status: 503, RetryAfter: "0.05"}, "found:39 unavailable:1", "[3 1 4 1 4 1]"},
		{"500 twice", simulator.Fault{Status: 500, Times: 2}, "found:40", "[3 1 4]"},
		{"403", simulator.Fault{Status: 403}, "denied:1 found:39", "[3 4 4]"},
		{"404", simulator.Fault{Status: 404}, "found:39 unavailable:1", "[3 4 4]"}, // it may be a manager who is not there yet
		{"424", simulator.Fault{Status: 424, Code: "FailedDependency", Times: 2}, "found:40", "[3 1 4]"},
		{"401 once", simulator.Fault{Status: 401, Times: 1}, "found:40", "[3 1]"},
		{"garbage", simulator.Fault{Status: 200, Body: []byte(`{"value":7}`), ContentType: "application/json"}, "found:39 unavailable:1", "[3 4 4]"},
		{"text", simulator.Fault{Status: 200, Body: []byte(`<html>`), ContentType: "text/html", Times: 1}, "found:40", "[3 4]"},
		{"400 once", simulator.Fault{Status: 400, Times: 1}, "found:40", "[3 4]"},
	} {
		t.Run(row.what, func(t *testing.T) {
			t.Parallel()
			client, sim, refs := crowd(t, 40, simulator.Config{})
			client.FindAll(t.Context(), refs) // so that it is known what this Graph takes
			sim.ResetRequests()
			row.fault.Path = sourcetest.ID(0)
			sim.Fail(row.fault)
			found := client.FindAll(t.Context(), refs)
			if got := outcome(t, refs, found); got != row.want {
				t.Errorf("%s, want %s", got, row.want)
			}
			if got := fmt.Sprint(batchSizes(sim)); got != row.batches {
				t.Errorf("batches of %s parts, want %s", got, row.batches)
			}
			if row.fault.Status == 403 {
				if got := cache.Permission(found[0].Err); got != "User.Read.All" {
					t.Errorf("names the permission %q", got)
				}
			}
			if row.fault.RetryAfter == "7" { // and others leave Graph alone
				if _, err := client.Find(t.Context(), refs[0]); !errors.Is(err, cache.ErrThrottled) || client.Usage().Throttled != 1 {
					t.Errorf("afterwards: %v, usage %+v", err, client.Usage())
				}
			}
		})
	}
}

// TestBatchesThatFail has the whole batch fail.
func TestBatchesThatFail(t *testing.T) {
	for _, row := range []struct {
		what  string
		fault simulator.Fault
		want  string
		calls int
	}{
		{"429", simulator.Fault{Status: 429, RetryAfter: "1"}, "throttled:40", 1},
		{"503", simulator.Fault{Status: 503, RetryAfter: "0.05"}, "unavailable:40", 2},
		{"503 once", simulator.Fault{Status: 503, RetryAfter: "0.05", Times: 1}, "found:40", 3},
		{"401 once", simulator.Fault{Status: 401, Times: 1}, "found:40", 3},
		{"401", simulator.Fault{Status: 401}, "denied:40", 2},
		{"403", simulator.Fault{Status: 403}, "denied:40", 1},
		{"cut once", simulator.Fault{Cut: true, Times: 1}, "found:40", 3},
		{"no batch, 400", simulator.Fault{Status: 400, Message: "Resource not found for the segment '$batch'."}, "found:40", 4},
		{"no batch, 404", simulator.Fault{Status: 404}, "found:40", 4},
		{"no batch, 404 with a page", simulator.Fault{Status: 404, Body: []byte("no such page")}, "found:40", 4},
		{"no batch, 405", simulator.Fault{Status: 405, Body: []byte{}}, "found:40", 4},
		{"no batch, 501", simulator.Fault{Status: 501}, "found:40", 4},
	} {
		t.Run(row.what, func(t *testing.T) {
			t.Parallel()
			client, sim, refs := crowd(t, 40, simulator.Config{})
			row.fault.Path = "$batch"
			sim.Fail(row.fault)
			if got := outcome(t, refs, client.FindAll(t.Context(), refs)); got != row.want {
				t.Errorf("%s, want %s", got, row.want)
			}
			if requests, _ := asked(sim); requests != row.calls {
				t.Errorf("%d requests, want %d", requests, row.calls)
			}
			if strings.HasPrefix(row.what, "no batch") { // which is remembered
				sim.ResetRequests()
				_ = client.FindAll(t.Context(), refs)
				if requests, _ := asked(sim); requests != 3 {
					t.Errorf("%d requests the second time, want 3", requests)
				}
			}
		})
	}
}

// TestAnswersOfBatches answers a batch in ways in which Graph should not.
func TestAnswersOfBatches(t *testing.T) {
	person := func(i int) string {
		return fmt.Sprintf(`{"id":%q,"displayName":"P","userPrincipalName":"p%d@contoso.com","manager":{"id":%q}}`, strings.ToUpper(sourcetest.ID(i)), i, sourcetest.ID(0))
	}
	part := func(id, status, people string) string {
		return fmt.Sprintf(`{"id":%q,"status":%s,"headers":{"x-ms-resource-unit":1},"body":{"value":[%s]}}`, id, status, people)
	}
	for _, row := range []struct {
		what, answer, want string
	}{
		{"as it should", part("0", "200", person(0)+","+person(1)), "found:2"},
		{"doubled", part("0", "200", person(0)+","+person(1)) + "," + part("0", "500", ""), "found:2"},
		{"foreign ids", part("7", "200", person(0)) + "," + part("-1", "200", person(0)) + "," + part("00", "200", person(0)) + "," + part("x", "200", person(0)), "unavailable:2"},
		{"none", "", "unavailable:2"},
		{"an id as a number", strings.Replace(part("0", "200", person(0)+","+person(1)), `"id":"0"`, `"id":0`, 1), "found:2"},
		{"a status as a text", part("0", `"200"`, person(0)+","+person(1)), "found:2"},
		{"nulls and texts", `null,"x",[],{"id":{},"status":[]},` + part("0", "200", person(0)+","+person(1)), "found:2"},
		{"others", part("0", "200", person(5)+","+person(1)), "found:1 unknown:1"},
		{"nulls", part("0", "200", "null,{},"+person(1)), "found:1 unknown:1"},
		{"no headers", `{"id":"0","status":200,"headers":null,"body":{"value":[` + person(0) + `]}}`, "found:1 unknown:1"},
		{"odd headers", `{"id":"0","status":200,"headers":[1],"body":{"value":[` + person(0) + `]}}`, "found:1 unknown:1"},
		{"no body", `{"id":"0","status":200}`, "unavailable:2"},
		{"no status", `{"id":"0","body":{"value":[` + person(0) + `]}}`, "unavailable:2"},
		{"a link elsewhere", `{"id":"0","status":200,"body":{"value":[],"@odata.nextLink":"https://evil.example.com/"}}`, "unavailable:2"},
	} {
		t.Run(row.what, func(t *testing.T) {
			t.Parallel()
			client, sim, _ := crowd(t, 1, simulator.Config{})
			sim.Fail(simulator.Fault{Path: "$batch", Status: 200, ContentType: "application/json", Body: []byte(`{"responses":[` + row.answer + `]}`)})
			refs := []cache.Ref{{ID: sourcetest.ID(0)}, {ID: sourcetest.ID(1)}}
			found := client.FindAll(t.Context(), refs)
			for i := range found {
				found[i].Person.Manager = found[1].Person.Manager // the answers above tell of none
			}
			counts := map[string]int{}
			for i, f := range found {
				switch {
				case f.Err == nil && f.Person.Profile.GetId() == refs[i].ID:
					counts["found"]++
				case errors.Is(f.Err, cache.ErrNotFound):
					counts["unknown"]++
				case errors.Is(f.Err, cache.ErrUnavailable):
					counts["unavailable"]++
				default:
					t.Errorf("%v, %v", f.Person.Profile, f.Err)
				}
			}
			if units := client.Usage().Units; row.what == "none" && units != 2 { // asked twice
				t.Errorf("%d units are noted for a part without an answer", units)
			}
			if got := strings.TrimSuffix(strings.TrimPrefix(fmt.Sprint(counts), "map["), "]"); got != row.want {
				t.Errorf("%s, want %s", got, row.want)
			}
		})
	}
}

// TestPagesOfParts follows what a part leaves to further pages.
func TestPagesOfParts(t *testing.T) {
	client, sim, refs := crowd(t, 3, simulator.Config{})
	next := sim.GraphURL() + "/users?$filter=" + url.QueryEscape("id eq '"+refs[1].ID+"' or id eq '"+refs[2].ID+"'") + "&$expand=manager&$top=1"
	first, err := json.Marshal(map[string]any{"responses": []any{map[string]any{"id": "0", "status": 200,
		"body": map[string]any{"value": []any{map[string]any{"id": refs[0].ID}}, "@odata.nextLink": next}}}})
	if err != nil {
		t.Fatal(err)
	}
	sim.Fail(simulator.Fault{Path: "$batch", Status: 200, ContentType: "application/json", Body: first, Times: 1})
	found := client.FindAll(t.Context(), refs)
	if got := outcome(t, refs, found); got != "found:3" {
		t.Error(got, found[1].Err, found[2].Err)
	}
}

// TestFiltersThatAreRefused asks Graphs that take less than Microsoft's.
func TestFiltersThatAreRefused(t *testing.T) {
	for _, row := range []struct {
		what   string
		config simulator.Config
		faults []simulator.Fault
		people int
		want   string
		most   int // requests
	}{
		{"joined filters of several properties", simulator.Config{RefuseJoinedFilters: true}, nil, 100, "found:100", 2},
		{"ten clauses", simulator.Config{FilterClauses: 10}, nil, 100, "found:100", 3},
		{"one clause", simulator.Config{FilterClauses: 1}, nil, 100, "found:100", 7},
		{"one clause, of many", simulator.Config{FilterClauses: 1}, nil, 1000, "found:288 found without a manager:712", 60},
		{"no filter by id", simulator.Config{}, []simulator.Fault{{Path: "=id%20eq", Status: 400}}, 100, "found:100", 5},
		{"no filter by id, of many", simulator.Config{}, []simulator.Fault{{Path: "=id%20eq", Status: 400}}, 1000, "found:1000", 10},
		{"no filter at all", simulator.Config{}, []simulator.Fault{{Path: "$filter", Status: 400}}, 100, "found:100", 12},
		{"no filter and no getByIds", simulator.Config{}, []simulator.Fault{{Path: "$filter", Status: 400}, {Path: "getByIds", Status: 404}}, 100, "found:100", 12},
		{"neither, of few", simulator.Config{}, []simulator.Fault{{Path: "$filter", Status: 400}, {Path: "getByIds", Status: 400}}, 3, "found:3", 5},
		{"getByIds failing", simulator.Config{}, []simulator.Fault{{Path: "$filter", Status: 400}, {Path: "getByIds", Status: 403}}, 100, "denied:100", 4},
		{"no batch", simulator.Config{}, []simulator.Fault{{Path: "$batch", Status: 404}}, 1000, "found:870 found without a manager:130", 60},
		{"nothing but single people", simulator.Config{}, []simulator.Fault{{Path: "$batch", Status: 404}, {Path: "$filter", Status: 400}, {Path: "getByIds", Status: 404}}, 40, "found:40", 60},
	} {
		t.Run(row.what, func(t *testing.T) {
			client, sim, refs := crowd(t, row.people, row.config)
			for _, f := range row.faults {
				sim.Fail(f)
			}
			if got := outcome(t, refs, client.FindAll(t.Context(), refs)); got != row.want {
				t.Errorf("%s, want %s", got, row.want)
			}
			requests, units := asked(sim)
			if requests > row.most || client.Usage().Failing || client.Usage().Units != int64(units) {
				t.Errorf("%d requests, want at most %d; %d units, usage %+v", requests, row.most, units, client.Usage())
			}
			t.Logf("%d requests, %d units", requests, units)
		})
	}
}

// TestOneAddressThatIsRefused finds the others that were asked for together with it.
func TestOneAddressThatIsRefused(t *testing.T) {
	client, sim, _ := crowd(t, 20, simulator.Config{})
	var refs []cache.Ref
	for i := range 20 {
		refs = append(refs, cache.Ref{Email: sourcetest.Someone(i).Profile.GetEmail()})
	}
	refs[7].Email = "odd.one@contoso.com"
	sim.Fail(simulator.Fault{Path: "odd.one", Status: 400})
	if got := outcome(t, refs, client.FindAll(t.Context(), refs)); got != "found:19 unavailable:1" {
		t.Error(got)
	}
}

// TestOddRosters names people in all sorts of ways.
func TestOddRosters(t *testing.T) {
	directory := simulator.NewDirectory()
	names := []string{"o'brien@contoso.com", "a+b@contoso.com", "c#d@contoso.com", "eve_fabrikam.com#ext#@contoso.onmicrosoft.com", "f&g=h%41@contoso.com", "zoë@contoso.com", "$x@contoso.com"}
	var refs []cache.Ref
	for i, name := range names {
		p := sourcetest.Someone(i)
		p.Profile.UserPrincipalName, p.Profile.Email, p.Proxies = name, "", nil
		if err := directory.Put(resource(t, p)); err != nil {
			t.Fatal(err)
		}
		refs = append(refs, cache.Ref{Email: name})
	}
	const lettered = "abcdef00-0000-4000-8000-00000000000a"
	p := sourcetest.Someone(50)
	p.Profile.Id = lettered
	if err := directory.Put(resource(t, p)); err != nil {
		t.Fatal(err)
	}
	client, _ := start(t, simulator.Config{}, directory)
	upper := client.FindAll(t.Context(), []cache.Ref{{ID: strings.ToUpper(lettered)}})
	if upper[0].Err != nil || upper[0].Person.Profile.GetId() != lettered {
		t.Errorf("an id in capitals: %v, %v", upper[0].Person.Profile, upper[0].Err)
	}
	found := client.FindAll(t.Context(), refs)
	for i, f := range found {
		if f.Err != nil || f.Person.Profile.GetId() != sourcetest.ID(i) {
			t.Errorf("%s: %v, %v", names[i], f.Person.Profile, f.Err)
		}
	}
	if found := client.FindAll(t.Context(), nil); len(found) != 0 {
		t.Errorf("of nobody: %v", found)
	}
	id := sourcetest.ID(0)
	mixed := []cache.Ref{{ID: id}, {ID: strings.ToUpper(id)}, {ID: id}, {}, {ID: "' or id ne '"}, refs[1], refs[1], {Email: "nobody@contoso.com"}, {ID: sourcetest.ID(99)}}
	found = client.FindAll(t.Context(), mixed)
	for i, want := range []string{id, id, id, "", "", sourcetest.ID(1), sourcetest.ID(1), "", ""} {
		if got := found[i].Person.Profile.GetId(); got != want || (found[i].Err == nil) == (want == "") {
			t.Errorf("%v: %q, %v; want %q", mixed[i], got, found[i].Err, want)
		}
	}
}

func TestMoreThanAThousand(t *testing.T) {
	client, sim, refs := crowd(t, 1100, simulator.Config{})
	for range 2 {
		if got := outcome(t, refs, client.FindAll(t.Context(), refs)); got != "found:1100" {
			t.Error(got)
		}
		sim.Fail(simulator.Fault{Path: "=id%20eq", Status: 400}) // so that getByIds is asked
	}
}

// TestRosterThatNobodyWaitsFor is given up midway.
func TestRosterThatNobodyWaitsFor(t *testing.T) {
	client, sim, refs := crowd(t, 100, simulator.Config{})
	sim.Fail(simulator.Fault{Path: "$batch", Delay: time.Minute})
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	began := time.Now()
	refs = append(refs, cache.Ref{Email: "nobody@contoso.com"})
	if got := outcome(t, refs, client.FindAll(ctx, refs)); got != "unavailable:101" || time.Since(began) > 10*time.Second {
		t.Errorf("%s after %v", got, time.Since(began))
	}
	if client.Usage().Failing {
		t.Error("Graph is taken for failing")
	}
}

// TestRosterBeyondTheBudget is refused whole, and asks nothing.
func TestRosterBeyondTheBudget(t *testing.T) {
	client, sim, refs := crowd(t, 300, simulator.Config{}, func(c *graph.Config) { c.QuotaShare = 25.0 / 3500 })
	if got := outcome(t, refs[:150], client.FindAll(t.Context(), refs[:150])); got != "found:150" {
		t.Error(got)
	}
	sim.ResetRequests()
	if got := outcome(t, refs[:300], client.FindAll(t.Context(), refs[:300])); got != "too dear:300" {
		t.Error(got)
	}
	if requests, _ := asked(sim); requests != 0 {
		t.Errorf("%d requests of a roster that is refused", requests)
	}
	if used := client.Usage(); used.Spent > used.Budget || used.Refused == 0 {
		t.Errorf("usage %+v", used)
	}
}

// TestRostersAreBookedRight compares what the client has noted with what Graph has charged.
func TestRostersAreBookedRight(t *testing.T) {
	client, sim := start(t, simulator.Config{Quota: simulator.Quota{Units: -1}}, simulator.Invent(600, 1))
	refs, _ := roster(t, client, 500, func(i int, p cache.Person) string {
		switch i % 4 {
		case 0:
			return p.Profile.GetId()
		case 1:
			return fmt.Sprintf("nobody.%d@contoso.com", i)
		case 2:
			return p.Profile.GetUserPrincipalName()
		default:
			return p.Profile.GetEmail()
		}
	})
	for _, n := range []int{1, 7, 40, 500} {
		_ = client.FindAll(t.Context(), refs[:n])
		_, _ = client.Rich(t.Context(), refs[0].ID)
		_, _ = client.Photo(t.Context(), refs[0].ID, 96, nil)
		if _, units := asked(sim); client.Usage().Units != int64(units) || client.Usage().Spent != units {
			t.Errorf("after a roster of %d: noted %d units and %d spent, charged %d", n, client.Usage().Units, client.Usage().Spent, units)
		}
	}
}
