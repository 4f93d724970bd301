package simulator

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
)

// maxAtOnce is how many requests of an app Outlook answers at the same time for one mailbox.
const maxAtOnce = 4

// outlookSegments are what Outlook serves under /users/{id}.
var outlookSegments = []string{
	"photo", "photos", "contacts", "contactfolders", "calendar", "calendarview", "events", "messages", "people",
}

// mailboxes counts the requests that are being answered, by app and mailbox.
type mailboxes struct {
	mu   sync.Mutex
	busy map[string]int
}

func (m *mailboxes) enter(key string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.busy == nil {
		m.busy = make(map[string]int)
	}
	if m.busy[key] >= maxAtOnce {
		return false
	}
	m.busy[key]++
	return true
}

func (m *mailboxes) leave(key string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.busy[key]--; m.busy[key] == 0 {
		delete(m.busy, key)
	}
}

// openMailbox refuses a request that would be one too many for its mailbox. leave has to be called once the request has
// been answered; what delays the answer belongs to that. Who is not signed in opens no mailbox.
func (s *Simulator) openMailbox(c *call) (leave func(), p *problem) {
	name, ok := s.mailbox(c.r.URL.EscapedPath())
	if !ok || c.authorize() != nil {
		return func() {}, nil
	}
	c.outlook = true
	key := c.grant.app + " " + name
	if !s.mailboxes.enter(key) {
		p := refuse(http.StatusTooManyRequests, "ApplicationThrottled", "Application is over its MailboxConcurrency limit.")
		p.header = map[string]string{"Retry-After": "1"}
		return nil, p
	}
	return func() { s.mailboxes.leave(key) }, nil
}

// mailbox returns whose mailbox a path leads to: the same for an id and a user principal name.
func (s *Simulator) mailbox(path string) (name string, ok bool) {
	segments := strings.Split(strings.Trim(path, "/"), "/")
	for i, segment := range segments {
		if plain, err := url.PathUnescape(segment); err == nil {
			segments[i] = plain
		}
	}
	if len(segments) < 3 || !strings.EqualFold(segments[0], "v1.0") {
		return "", false
	}
	key, ok := keyOf(segments[1], "users")
	rest := segments[2:]
	if !ok && strings.EqualFold(segments[1], "users") {
		key, rest = segments[2], segments[3:]
	} else if !ok {
		return "", false
	}
	if len(rest) == 0 {
		return "", false
	}
	set, _, _ := strings.Cut(strings.ToLower(rest[0]), "(") // contacts('…') too
	if !slices.Contains(outlookSegments, set) {
		return "", false
	}
	return s.mailboxOf(key), true
}

func (s *Simulator) mailboxOf(key string) string {
	s.dir.mu.RLock()
	defer s.dir.mu.RUnlock()
	if n, ok := s.dir.lookUp(key); ok {
		return s.dir.slots[n].person.id.String()
	}
	return strings.ToLower(key)
}
