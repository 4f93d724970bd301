package graph

import (
	"maps"
	"net/http"
	"time"
)

// settleTeam takes from an answer of Teams what it says of its limits, which are none of
// the directory's: a team that is throttled is left alone by itself, for a second where
// Teams does not say for how long.
// Source: https://learn.microsoft.com/graph/throttling-limits#microsoft-teams-service-limits
func (g *governor) settleTeam(c call, now time.Time, status int, header http.Header) {
	throttled := status == http.StatusTooManyRequests
	g.meter.spent(c.priority, 0, throttled)
	if !throttled {
		return
	}
	wait := askedFor(header, now)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.usage.Throttled++
	maps.DeleteFunc(g.teams, func(_ string, until time.Time) bool { return !now.Before(until) })
	g.teams[c.team] = now.Add(wait)
}
