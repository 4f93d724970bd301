package audit

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"time"
)

// run writes until it is stopped.
func (l *Log) run() {
	defer close(l.ended)
	for {
		select {
		case first := <-l.queue:
			l.take(first)
		case answer := <-l.reopens:
			answer <- l.reopen()
			continue
		case <-l.stopping:
			l.end()
			return
		}
		for !l.flush() {
			pause := time.NewTimer(retryPause)
			select {
			case <-pause.C:
			case answer := <-l.reopens:
				answer <- l.reopen()
			case <-l.stopping:
				l.end()
				return
			}
			pause.Stop()
		}
	}
}

// take makes lines of a record and of those that wait behind it.
func (l *Log) take(next item) {
	for {
		l.bytes.Add(-next.record.size())
		l.pending = l.line(l.pending, next.record)
		l.held++
		if next.done != nil {
			l.waiting = append(l.waiting, next.done)
		}
		if len(l.pending) > batchBytes {
			return
		}
		select {
		case next = <-l.queue:
		default:
			return
		}
	}
}

// flush writes the lines that are pending, and tells whether there are none left. Who waits is
// told in any case; the lines stay, and are tried again.
func (l *Log) flush() bool {
	if l.torn { // what is there of a line ends its own
		if _, err := l.file.Write([]byte("\n")); err != nil {
			l.failed(err)
			return false
		}
		l.torn = false
	}
	n, err := l.file.Write(l.pending)
	if err != nil {
		whole := 0
		for i, c := range l.pending[:n] {
			if c == '\n' {
				whole = i + 1
				l.lines.Add(1)
				l.held--
			}
		}
		l.torn = whole < n
		l.pending = append(l.pending[:0], l.pending[whole:]...)
		l.failed(err)
		return len(l.pending) == 0
	}
	l.lines.Add(int64(l.held))
	l.held = 0
	l.pending = l.pending[:0]
	if cap(l.pending) > 2*batchBytes {
		l.pending = nil
	}
	l.answer(nil)
	if l.failing.Swap(false) {
		l.config.Log.Info("the audit log is written again", slog.Int64("lost", l.lost.Load()))
	}
	return true
}

// failed remembers and tells that the file took not all.
func (l *Log) failed(err error) {
	l.failing.Store(true)
	l.answer(fmt.Errorf("%w: %w", ErrUnwritten, err))
	l.tell("the audit log cannot be written", err)
}

// answer tells those who wait for the lines that were pending.
func (l *Log) answer(err error) {
	for _, done := range l.waiting {
		done <- err // has room for it
	}
	clear(l.waiting)
	l.waiting = l.waiting[:0]
}

func (l *Log) reopen() error {
	next, err := l.config.open()
	if err != nil {
		return err
	}
	if err := l.file.Sync(); err != nil {
		l.tell("the end of the audit log before may not have reached the disk", err)
	}
	_ = l.file.Close()
	l.file, l.torn = next, false
	return nil
}

// end writes what waits, once, and closes the file.
func (l *Log) end() {
	for more := true; more; {
		select {
		case next := <-l.queue:
			l.take(next)
			more = l.flush()
		default:
			more = false
			if l.held > 0 {
				l.flush()
			}
		}
	}
	if l.held += len(l.queue); l.held > 0 {
		l.lost.Add(int64(l.held))
		l.failure = fmt.Errorf("%w: its last %d lines are lost", ErrUnwritten, l.held)
	}
	if err := l.file.Sync(); err != nil && l.failure == nil {
		l.failure = fmt.Errorf("%w: %w", ErrUnwritten, err)
	}
	if err := l.file.Close(); err != nil && l.failure == nil {
		l.failure = fmt.Errorf("%w: %w", ErrUnwritten, err)
	}
}

// line is a record as it stands in the file.
type line struct {
	Time     string   `json:"time"` // RFC 3339, UTC, to the millisecond
	Event    Event    `json:"event"`
	Tenant   string   `json:"tenant"`
	Caller   string   `json:"caller"` // empty where nobody could tell who calls
	Audience string   `json:"audience"`
	Roles    string   `json:"roles"`
	Method   string   `json:"method"`
	Code     string   `json:"code"`
	Reason   string   `json:"reason,omitempty"`
	Asked    int      `json:"asked"`
	AskedOf  []string `json:"asked_of,omitempty"`
	Shown    int      `json:"shown"`
	ShownOf  []string `json:"shown_of,omitempty"`
}

// line appends a record's line.
func (l *Log) line(to []byte, r Record) []byte {
	out := line{
		Time: r.Time.UTC().Format("2006-01-02T15:04:05.000Z"), Event: r.Event, Tenant: r.Tenant, Audience: r.Audience, Roles: r.Roles,
		Method: r.Method, Code: r.Code, Reason: r.Reason, Asked: r.AskedTotal, Shown: r.ShownTotal,
	}
	if r.Tenant != "" {
		out.Caller = l.hasher.Hash(r.Tenant, ByCaller, r.Subject)
	}
	for _, ref := range r.Asked[:min(len(r.Asked), MaxListed)] {
		out.AskedOf = append(out.AskedOf, l.hasher.Hash(r.Tenant, ref.Kind, ref.Value))
	}
	for _, id := range r.Shown[:min(len(r.Shown), MaxListed)] {
		out.ShownOf = append(out.ShownOf, l.hasher.Hash(r.Tenant, ByID, id))
	}
	text, err := json.Marshal(out)
	if err != nil { // of texts and numbers there is none
		return to
	}
	return append(append(to, text...), '\n')
}
