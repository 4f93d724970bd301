package graph

import (
	"context"
	"maps"
	"net/http"
	"time"
)

// mailboxCalls is how many calls Outlook takes at once for a mailbox.
// Source: https://learn.microsoft.com/graph/throttling-limits#outlook-service-limits
const mailboxCalls = 4

// mailbox is one of Outlook's, while it is asked.
type mailbox struct {
	calls     int // under way, or waiting
	slots     chan struct{}
	notBefore time.Time
}

// enterMailbox waits until a mailbox may be asked, and returns what ends the call.
func (g *governor) enterMailbox(ctx context.Context, name string) (leave func(), err error) {
	g.mu.Lock()
	box := g.box(name)
	box.calls++
	g.mu.Unlock()
	if err := take(ctx, box.slots); err != nil {
		g.leave(name, box)
		return nil, err
	}
	return func() { <-box.slots; g.leave(name, box) }, nil
}

// box returns a mailbox, remembered from now on.
func (g *governor) box(name string) *mailbox {
	box := g.mailboxes[name]
	if box == nil {
		g.forgetMailboxes()
		box = &mailbox{slots: make(chan struct{}, mailboxCalls)}
		g.mailboxes[name] = box
	}
	return box
}

// forgetMailboxes forgets those that nobody asks, and that may be asked, once there are
// many.
func (g *governor) forgetMailboxes() {
	if len(g.mailboxes) < 256 {
		return
	}
	now := time.Now()
	maps.DeleteFunc(g.mailboxes, func(_ string, box *mailbox) bool { return box.calls == 0 && !now.Before(box.notBefore) })
}

// settleMailbox takes from an answer of Outlook's whether a mailbox is throttled, by itself.
// It is called with g.mu held.
func (g *governor) settleMailbox(c call, now time.Time, throttled bool, header http.Header) {
	if !throttled {
		return
	}
	g.usage.Throttled++
	// Of an answer that came late, it may be none that is asked any more.
	g.box(c.mailbox).notBefore = now.Add(askedFor(header, now))
}

// askedFor is for how long a mailbox or a team asks to be left alone: a second where it does
// not say, which the header does afterwards, for whoever asked.
func askedFor(header http.Header, now time.Time) time.Duration {
	wait := retryAfter(header, now)
	if wait == 0 {
		wait = firstAlone
		header.Set("Retry-After", "1")
	}
	return wait
}

// leave forgets a mailbox that nobody asks, and that may be asked.
func (g *governor) leave(name string, box *mailbox) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if box.calls--; box.calls == 0 && !time.Now().Before(box.notBefore) {
		delete(g.mailboxes, name)
	}
}
