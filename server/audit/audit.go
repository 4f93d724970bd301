// Package audit writes who asked about whom: a JSON line for each call, to a file that its
// operator keeps. People stand in it as keyed hashes. Who holds the key can tell whether a
// person whom they know is in it; who does not learns from it how often it was asked, by
// whom it was alike, and nothing of who anybody is.
package audit

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// MaxListed is how many people a line lists at most; it counts the others.
const MaxListed = 1000

// Record is what there is to write of a call. A Log keeps it: nothing of it may be changed
// any more.
type Record struct {
	Time  time.Time // when it happened
	Event Event

	Tenant   string // of the caller; empty where nobody could tell
	Subject  string // who calls, as auth.Caller has it
	Audience string // as which the caller sees the directory; empty where that was not settled
	Roles    string
	Method   string // service/method
	Code     string
	Reason   string // of an error; empty for none

	Asked []Ref // whom the caller named; at most MaxListed
	// AskedTotal is how many were named, those that are listed and the malformed among them.
	AskedTotal int
	Shown      []string // the ids of those whom the answer shows; at most MaxListed
	ShownTotal int
}

// Event is what a line is of.
type Event string

// The events.
const (
	Call  Event = "call"  // a call that has ended
	Begin Event = "begin" // a watch that begins
	End   Event = "end"   // and one that has ended, or was refused
)

// Ref names somebody, or a group.
type Ref struct {
	Kind  Kind
	Value string
}

// Config is what a Log needs.
type Config struct {
	// File is where lines are appended. It is made if it is not there, for its owner alone.
	// Required.
	File string
	// Key is what hashes are keyed with: MinKey bytes or more. Required.
	Key []byte
	// Required says that no answer leaves before its line is written. Otherwise calls are
	// answered whatever becomes of their lines.
	Required bool
	// Queue is how many lines may wait to be written, unless those that wait take more than 64
	// MiB; zero means 4,096. A line takes less than 1 KB as a rule, and up to 1.4 MB.
	Queue int
	// Registry is told how many lines are written and lost; nil counts for nobody.
	Registry prometheus.Registerer
	// Log hears of lines that cannot be written. Nil discards.
	Log *slog.Logger

	open func() (file, error) // for tests; nil opens File
}

// file is what there is of a file here.
type file interface {
	Write([]byte) (int, error)
	Sync() error
	Close() error
}

// How a Log writes.
const (
	retryPause = time.Second     // between two tries where the file does not take lines
	patience   = 5 * time.Second // at most, for a line that must be written before its answer
	tellPause  = time.Minute     // between two complaints
	batchBytes = 1 << 20         // of lines that are written at once, and one line more
	maxWaiting = 64 << 20        // bytes of records that wait
)

// Log writes records. It may be used concurrently.
type Log struct {
	config   Config
	hasher   *Hasher // the writer's
	queue    chan item
	reopens  chan chan error
	stopping chan struct{}
	ended    chan struct{} // closed when nothing is written any more

	failing atomic.Bool  // the file did not take the last lines
	bytes   atomic.Int64 // of records that wait
	lines   atomic.Int64
	lost    atomic.Int64
	told    atomic.Int64 // when the newest complaint was, in nanoseconds; 0 for never

	// The writer's own.
	file    file
	pending []byte         // lines that are not written yet, whole ones
	waiting []chan<- error // who waits for them
	held    int            // how many they are
	torn    bool           // the file ends within a line
	failure error          // of closing
}

type item struct {
	record Record
	done   chan<- error // nil where nobody waits
}

// ErrUnwritten means that a line could not be written, or not in time.
var ErrUnwritten = errors.New("the audit log cannot be written")

// Open opens the file and begins to write.
func Open(config Config) (*Log, error) {
	hasher, err := NewHasher(config.Key)
	if err != nil {
		return nil, err
	}
	if config.Queue == 0 {
		config.Queue = 4096
	}
	if config.Log == nil {
		config.Log = slog.New(slog.DiscardHandler)
	}
	if config.open == nil {
		config.open = func() (file, error) { return openFile(config.File) }
	}
	l := &Log{
		config: config, hasher: hasher,
		queue:   make(chan item, config.Queue),
		reopens: make(chan chan error), stopping: make(chan struct{}), ended: make(chan struct{}),
	}
	if l.file, err = config.open(); err != nil {
		return nil, err
	}
	if config.Registry != nil {
		l.register(config.Registry)
	}
	go l.run()
	return l, nil
}

// openFile opens a file to append to. One that everybody may read or write is refused, and so
// is what cannot be kept, such as a pipe.
func openFile(name string) (file, error) {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	about, err := f.Stat()
	switch {
	case err != nil:
		err = fmt.Errorf("audit: %w", err)
	case !about.Mode().IsRegular():
		err = fmt.Errorf("audit: %s is no regular file", name)
	case about.Mode().Perm()&0o007 != 0:
		err = fmt.Errorf("audit: %s is open to everybody (mode %#o): chmod o= it", name, about.Mode().Perm())
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

func (l *Log) register(registry prometheus.Registerer) {
	registry.MustRegister(
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "people_insights_audit_lines_total", Help: "Lines of the audit log that are written.",
		}, func() float64 { return float64(l.lines.Load()) }),
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "people_insights_audit_dropped_total", Help: "Lines of the audit log that are lost: too many waited to be written.",
		}, func() float64 { return float64(l.lost.Load()) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "people_insights_audit_failing", Help: "1 while the file of the audit log takes no lines.",
		}, func() float64 {
			if l.failing.Load() {
				return 1
			}
			return 0
		}))
}

// Admit refuses a call whose line could not be written, where that is required: with
// ErrUnwritten.
func (l *Log) Admit() error {
	if l.config.Required && (l.failing.Load() || len(l.queue) == cap(l.queue) || l.bytes.Load() > maxWaiting) {
		return ErrUnwritten
	}
	return nil
}

// Record has a call written. Where that is required it returns when the line is in the file,
// or with an error after five seconds or as ctx ends: the line may still be written then, and
// the answer must not be given. Otherwise it waits for nothing and returns nil; where too many
// lines wait, the line is lost and counted.
func (l *Log) Record(ctx context.Context, r Record) error {
	if !l.config.Required {
		l.put(item{record: r})
		return nil
	}
	done := make(chan error, 1)
	if !l.put(item{r, done}) {
		return ErrUnwritten
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case err := <-done:
		return err
	case <-l.ended:
		return ErrUnwritten
	case <-timer.C:
		return fmt.Errorf("%w in time", ErrUnwritten)
	case <-ctx.Done():
		return fmt.Errorf("%w in time: %w", ErrUnwritten, ctx.Err())
	}
}

// put has a record wait to be written, or counts it as lost where there is no room.
func (l *Log) put(i item) bool {
	size := i.record.size()
	if l.bytes.Add(size) <= maxWaiting {
		select {
		case l.queue <- i:
			return true
		default:
		}
	}
	l.bytes.Add(-size)
	l.lost.Add(1)
	l.tell("calls are not in the audit log: more lines wait to be written than may", nil)
	return false
}

// size is about how many bytes a record takes.
func (r *Record) size() int64 {
	n := 512
	for _, ref := range r.Asked {
		n += 32 + len(ref.Value)
	}
	for _, id := range r.Shown {
		n += 16 + len(id)
	}
	return int64(n)
}

// tell complains, once a minute.
func (l *Log) tell(what string, err error) {
	last, now := l.told.Load(), time.Now().UnixNano()
	if last != 0 && now-last < int64(tellPause) || !l.told.CompareAndSwap(last, now) {
		return
	}
	l.config.Log.Error(what, slog.Int64("lost", l.lost.Load()), slog.Any("error", err))
}

// Reopen goes on in a new file of the same name: the old one has been moved away. On an error,
// the old one stays in use.
func (l *Log) Reopen() error {
	answer := make(chan error, 1)
	select {
	case l.reopens <- answer:
		return <-answer
	case <-l.ended:
		return ErrUnwritten
	}
}

// Close writes what waits, has it reach the disk, and closes the file. It is to be called
// once, when no call is under way.
func (l *Log) Close() error {
	close(l.stopping)
	<-l.ended
	return l.failure
}
