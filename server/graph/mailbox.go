package graph

import (
	"context"
	"maps"
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

// leave forgets a mailbox that nobody asks, and that may be asked.
func (g *governor) leave(name string, box *mailbox) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if box.calls--; box.calls == 0 && !time.Now().Before(box.notBefore) {
		delete(g.mailboxes, name)
	}
}
