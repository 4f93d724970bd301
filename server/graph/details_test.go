package graph_test

import (
	"strings"
	"testing"

	"github.com/peopleinsights/peopleinsights/cache/sourcetest"
	"github.com/peopleinsights/peopleinsights/server/graph"
	"github.com/peopleinsights/peopleinsights/server/simulator"
)

// loaded is a directory of lines such as a simulator loads; $1 stands for the id of the
// first of the suite's people, and so on.
func loaded(t *testing.T, lines ...string) *simulator.Directory {
	t.Helper()
	directory, err := simulator.Load(strings.NewReader(ids(strings.Join(lines, "\n"))), "test")
	if err != nil {
		t.Fatal(err)
	}
	return directory
}

// ids puts the suite's ids in place of $1 to $9.
func ids(text string) string {
	for i := range 9 {
		text = strings.ReplaceAll(text, "$"+string(rune('1'+i)), sourcetest.ID(i+1))
	}
	return text
}

// granted has the simulator's app have these permissions alone.
func granted(roles ...string) simulator.Config {
	app := simulator.DefaultApp()
	app.Roles = roles
	return simulator.Config{Apps: []simulator.App{app}}
}

// once asks each question once.
func once(c *graph.Config) { c.Attempts = 1 }

// body answers a path with JSON.
func body(path, json string) simulator.Fault {
	return simulator.Fault{Path: path, Status: 200, Body: []byte(ids(json)), ContentType: "application/json"}
}

// timesAsked counts the requests that have each of these in their URL.
func timesAsked(sim *simulator.Simulator, parts ...string) (n int) {
	for _, r := range sim.Requests() {
		has := true
		for _, part := range parts {
			has = has && strings.Contains(r.URL, part)
		}
		if has {
			n++
		}
	}
	return n
}
