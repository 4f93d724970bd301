// Command peers measures type-ahead beside bleve and beside a plain scan, with the same
// people, the same queries, and in one run, and prints Markdown tables. It is a module of
// its own, so that the service does not depend on bleve.
package main

import (
	"cmp"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/peopleinsights/peopleinsights/cache/typeahead"
)

var (
	count      = flag.Int("people", 100_000, "how many `people` there are")
	typing     = flag.Int("sessions", 2_000, "how many typing `sessions` there are")
	sample     = flag.Int("sample", 1_000, "how many `keystrokes` of those the other engines are asked for, and a fifth as many of the worst queries")
	bleveUpTo  = flag.Int("bleve", 200_000, "bleve is left out where there are more `people`")
	changes    = flag.Int("changes", 2_000, "how many `changes` are measured")
	busy       = flag.Duration("busy", 10*time.Second, "how `long` searches are measured without and with changes beside them")
	slowest    = flag.Int("slowest", 15, "how many of our slowest `queries` are listed")
	seed       = flag.Uint64("seed", 1, "what people and queries are drawn by")
	perSecond  = 100 // changes beside searches
	warmup     = 20  // calls of the other engines
	again      = 9   // times that the slowest queries are asked again
	candidates = 200 // slowest queries of which the slowest are told
)

func main() {
	flag.Parse()
	if err := run(os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// row is an engine with its times.
type row struct {
	engine       string
	typed, worst times
	keys, worsts []int // which of the keystrokes were measured
	build        time.Duration
	heap         int
}

// bench is a run.
type bench struct {
	people       []typeahead.Entry
	byID         map[string]*typeahead.Entry
	typed, worst []keystroke
	rows         []row
	facts        [][2]string
	slow         []slow
}

func run(out io.Writer) error {
	progress("inventing %d people", *count)
	b := &bench{people: invent(*count, *seed), byID: make(map[string]*typeahead.Entry, *count)}
	for i := range b.people {
		b.byID[b.people[i].ID] = &b.people[i]
	}
	b.typed, b.worst = sessions(b.people, *typing, *seed), worst(b.people, *seed)
	b.describe()
	b.machine()
	b.ours()
	b.machine()
	b.scan()
	if *count <= *bleveUpTo {
		if err := b.bleve(); err != nil {
			return err
		}
	}
	progress("done")
	b.print(out)
	return nil
}

var started = time.Now()

func progress(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "%6.1fs  %s\n", time.Since(started).Seconds(), fmt.Sprintf(format, args...))
}

// describe tells how people share their names.
func (b *bench) describe() {
	tell := func(what string, of func(*typeahead.Entry) string) {
		names, shared := commonest(b.people, of)
		alone := 0
		for _, n := range shared {
			if n == 1 {
				alone++
			}
		}
		middle := 0 // how many have a name that half of all have, or a commoner one
		for i, n := 0, 0; n < len(b.people)/2; i++ {
			middle = shared[names[i]]
			n += middle
		}
		b.fact(what, fmt.Sprintf("%d; %s is that of %d, the next of %d; %.0f %% of people share theirs with nobody, half of all with %d others or more",
			len(names), names[0], shared[names[0]], shared[names[1]], 100*float64(alone)/float64(len(b.people)), middle-1))
	}
	tell("given names", func(e *typeahead.Entry) string { return e.Given })
	tell("surnames", func(e *typeahead.Entry) string { return e.Surname })
	tell("full names", func(e *typeahead.Entry) string { return e.Name })
	b.fact("keystrokes", fmt.Sprintf("%d of %d typing sessions; %d of the worst queries", len(b.typed), *typing, len(b.worst)))
}

// machine tells how evenly the machine runs: the same work over and over takes longer only
// where others have the processor.
func (b *bench) machine() {
	const hops = 8_000
	at := uint64(1)
	work := func(int) {
		for range hops {
			at = at*6364136223846793005 + at>>33
		}
	}
	t := measure(100_000, 1_000, work)
	b.fact("the machine", fmt.Sprintf("the same work again and again takes p50 %s, p99 %s, p99.9 %s, max %s",
		short(t.p50()), short(t.p99()), short(t.at(0.999)), short(t.max())))
	runtime.KeepAlive(at)
}

func (b *bench) fact(what, is string) {
	progress("%s: %s", what, is)
	b.facts = append(b.facts, [2]string{what, is})
}

// ours measures our own engine.
func (b *bench) ours() {
	progress("building ours")
	before, begin := live(), time.Now()
	x := typeahead.Build(slices.Values(b.people))
	build := time.Since(begin)
	heap := live() - before

	search := func(x *typeahead.Index, k *keystroke) (typeahead.Query, []typeahead.Hit) {
		q := typeahead.Parse(k.text)
		return q, x.Search(typeahead.Request{Query: q, Limit: limit, Near: k.near})
	}
	matched := func(x *typeahead.Index, k *keystroke) {
		q, hits := search(x, k)
		for _, h := range hits {
			q.Matches(*b.byID[h.ID])
		}
	}
	for _, with := range []struct {
		engine string
		call   func(*typeahead.Index, *keystroke)
	}{
		{"ours", func(x *typeahead.Index, k *keystroke) { search(x, k) }},
		{"ours, with matches", matched},
	} {
		progress("searching: %s", with.engine)
		r := row{engine: with.engine, build: build, heap: heap, keys: every(len(b.typed), len(b.typed)), worsts: every(len(b.worst), len(b.worst))}
		r.typed = measure(len(b.typed), len(b.typed), func(i int) { with.call(x, &b.typed[i]) })
		r.worst = measure(len(b.worst), len(b.worst), func(i int) { with.call(x, &b.worst[i]) })
		b.rows = append(b.rows, r)
	}
	b.fact("bytes a person", fmt.Sprintf("%.0f of heap beyond the entries, of which Index.Bytes tells %.0f", b.each(heap), b.each(x.Bytes())))
	b.slowest(x, func(k *keystroke) { search(x, k) })

	// What remains of a call: the hits, and nothing else.
	parsed, found := make([]typeahead.Query, len(b.typed)), make([]int, len(b.typed))
	for i := range b.typed {
		q, hits := search(x, &b.typed[i])
		parsed[i], found[i] = q, len(hits)
	}
	n := len(b.typed)
	returned := allocated(n, func(i int) { sink = make([]typeahead.Hit, found[i]) })
	runtime.KeepAlive(sink)
	parse := allocated(n, func(i int) { typeahead.Parse(b.typed[i].text) })
	searched := allocated(n, func(i int) {
		x.Search(typeahead.Request{Query: parsed[i], Limit: limit, Near: b.typed[i].near})
	}).beyond(returned)
	all := allocated(n, func(i int) { matched(x, &b.typed[i]) }).beyond(returned).beyond(parse).beyond(searched)
	b.fact("garbage a call", fmt.Sprintf("Parse %.0f bytes in %.1f allocations; Search %.0f bytes in %.2f beyond the hits; Matches of all hits, which are returned too, %.0f bytes in %.1f",
		parse.bytes, parse.objects, searched.bytes, searched.objects, all.bytes, all.objects))

	progress("changing")
	next, changed, merges, merged := x, times{}, times{}, times{}
	runtime.GC()
	for i := range *changes {
		changed = append(changed, timed(1, func(int) { next = next.With(b.change(i), nil) })...)
		if next.Overdue() {
			var m *typeahead.Merge
			merges = append(merges, timed(1, func(int) { m = next.Merge() })...)
			merged = append(merged, timed(1, func(int) { next = next.Merged(m) })...)
		}
	}
	b.fact("one change (With of one entry)", fmt.Sprintf("p50 %s, p99 %s, max %s, mean %s over %d changes, one after the other",
		short(changed.p50()), short(changed.p99()), short(changed.max()), short(changed.mean()), *changes))
	if len(merges) > 0 {
		b.fact("merges of those changes", fmt.Sprintf("%d, the longest %s beside the index, and %s to put in its place",
			len(merges), short(merges.max()), short(merged.max())))
	}
	after := measure(len(b.typed), 1_000, func(i int) { search(next, &b.typed[i]) })
	b.fact("after those changes", fmt.Sprintf("a keystroke takes p50 %s, p99 %s; the index %.0f bytes a person", short(after.p50()), short(after.p99()), b.each(next.Bytes())))

	progress("searching without and with changes beside")
	quiet, _ := b.beside(x, 0, func(x *typeahead.Index, k *keystroke) { search(x, k) })
	loud, done := b.beside(x, perSecond, func(x *typeahead.Index, k *keystroke) { search(x, k) })
	b.fact("searches beside changes", fmt.Sprintf("p99 %s while another goroutine makes %d changes a second (%d in %s), %s without: ratio %.2f; p50 %s and %s",
		short(loud.p99()), perSecond, done, *busy, short(quiet.p99()), float64(loud.p99())/float64(quiet.p99()), short(loud.p50()), short(quiet.p50())))
}

var sink []typeahead.Hit // what is in it is on the heap

func (b *bench) each(bytes int) float64 { return float64(bytes) / float64(len(b.people)) }

// change returns somebody with another name and office.
func (b *bench) change(i int) []typeahead.Entry {
	e := b.people[(i*7919)%len(b.people)]
	e.Surname += "-Jones"
	e.Name += "-Jones"
	e.Office = b.people[i%len(b.people)].Office
	return []typeahead.Entry{e}
}

// beside measures searches for a while, in which an index is replaced so many times a
// second, and tells how many times it was.
func (b *bench) beside(x *typeahead.Index, perSecond int, search func(*typeahead.Index, *keystroke)) (t times, done int) {
	var now atomic.Pointer[typeahead.Index]
	now.Store(x)
	runtime.GC()
	t = make(times, 0, int(busy.Seconds()*200_000))
	stop := make(chan struct{})
	var writer sync.WaitGroup
	if perSecond > 0 {
		writer.Go(func() { done = b.write(&now, perSecond, stop) })
	}
	for i, begin := 0, time.Now(); ; i++ {
		from := time.Now()
		if from.Sub(begin) > *busy {
			break
		}
		search(now.Load(), &b.typed[i%len(b.typed)])
		t = append(t, time.Since(from))
	}
	close(stop)
	writer.Wait()
	return t, done
}

// write changes an index so many times a second until it is to stop, and merges what is
// overdue beside, as the cache does.
func (b *bench) write(now *atomic.Pointer[typeahead.Index], perSecond int, stop <-chan struct{}) (done int) {
	tick := time.NewTicker(time.Second / time.Duration(perSecond))
	defer tick.Stop()
	merging, merged := false, make(chan *typeahead.Merge, 1)
	for {
		select {
		case <-stop:
			return done
		case m := <-merged:
			now.Store(now.Load().Merged(m))
			merging = false
		case <-tick.C:
			next := now.Load().With(b.change(done), nil)
			now.Store(next)
			done++
			if !merging && next.Overdue() {
				merging = true
				go func() { merged <- next.Merge() }()
			}
		}
	}
}

// slow is a query that took long.
type slow struct {
	text, of    string
	once, again time.Duration
	literally   int // hits that no typo was forgiven for
}

// slowest asks those queries again that took the longest, for others may have had the
// processor.
func (b *bench) slowest(x *typeahead.Index, search func(*keystroke)) {
	type candidate struct {
		slow
		k *keystroke
	}
	var all []candidate
	for i := range b.typed {
		all = append(all, candidate{slow{text: b.typed[i].text, of: "typing", once: b.rows[0].typed[i]}, &b.typed[i]})
	}
	for i := range b.worst {
		all = append(all, candidate{slow{text: b.worst[i].text, of: "worst", once: b.rows[0].worst[i]}, &b.worst[i]})
	}
	slices.SortFunc(all, func(a, b candidate) int { return cmp.Compare(b.once, a.once) })
	all = all[:min(candidates, len(all))]
	for i := range all {
		c := &all[i]
		c.again = timed(again, func(int) { search(c.k) }).p50()
		for _, h := range x.Search(typeahead.Request{Query: typeahead.Parse(c.text), Limit: limit, Near: c.k.near}) {
			if h.Bucket <= typeahead.Literal {
				c.literally++
			}
		}
	}
	slices.SortFunc(all, func(a, b candidate) int { return cmp.Compare(b.again, a.again) })
	seen := map[string]bool{}
	for _, c := range all {
		if !seen[c.text] && len(b.slow) < *slowest {
			seen[c.text] = true
			b.slow = append(b.slow, c.slow)
		}
	}
}

// scan measures looking at everybody.
func (b *bench) scan() {
	progress("building the scan")
	before, begin := live(), time.Now()
	s := newScan(b.people)
	r := row{engine: "linear scan", build: time.Since(begin), heap: live() - before}
	progress("searching: the scan")
	b.other(&r, func(k *keystroke) { s.search(k.text, limit) })
	runtime.KeepAlive(s)
}

// bleve measures bleve, with and without its scores.
func (b *bench) bleve() error {
	progress("building bleve")
	before, begin := live(), time.Now()
	p, err := newPeer(b.people)
	if err != nil {
		return err
	}
	defer func() { _ = p.Close() }() // in memory there is nothing to lose
	build := time.Since(begin)
	heap := live() - before
	for _, of := range []struct {
		engine string
		scored bool
	}{{"bleve", true}, {"bleve, unscored", false}} {
		progress("searching: %s", of.engine)
		r := row{engine: of.engine, build: build, heap: heap}
		b.other(&r, func(k *keystroke) {
			if _, e := p.search(k.text, limit, of.scored); e != nil {
				err = e
			}
		})
	}
	return err
}

// other measures an engine with some of the keystrokes.
func (b *bench) other(r *row, search func(*keystroke)) {
	r.keys, r.worsts = every(len(b.typed), *sample), every(len(b.worst), *sample/5)
	typed, worst := pick(b.typed, r.keys), pick(b.worst, r.worsts)
	r.typed = measure(len(typed), warmup, func(i int) { search(&typed[i]) })
	r.worst = measure(len(worst), warmup, func(i int) { search(&worst[i]) })
	b.rows = append(b.rows, *r)
}

// print prints the tables.
func (b *bench) print(out io.Writer) {
	ours := &b.rows[0]
	fmt.Fprintf(out, "%s, %d cores, GOGC %s; seed %d.\n\n", runtime.Version(), runtime.GOMAXPROCS(0), gogc(), *seed)
	fmt.Fprintf(out, "| at %d people | keystrokes | p50 | p99 | max | ours on the same: p50 × | p99 × | worst queries | p50 | p99 | max | p99 × | build | heap bytes a person |\n", len(b.people))
	fmt.Fprintln(out, "|---|---|---|---|---|---|---|---|---|---|---|---|---|---|")
	for i := range b.rows {
		r := &b.rows[i]
		same, sameWorst := times(pick(ours.typed, r.keys)), times(pick(ours.worst, r.worsts))
		fmt.Fprintf(out, "| %s | %d | %s | %s | %s | %s | %s | %d | %s | %s | %s | %s | %.2f s | %.0f |\n", r.engine,
			len(r.typed), short(r.typed.p50()), short(r.typed.p99()), short(r.typed.max()),
			ratio(r.typed.p50(), same.p50()), ratio(r.typed.p99(), same.p99()),
			len(r.worst), short(r.worst.p50()), short(r.worst.p99()), short(r.worst.max()), ratio(r.worst.p99(), sameWorst.p99()),
			r.build.Seconds(), b.each(r.heap))
	}

	fmt.Fprintf(out, "\n| p50 / p99 by letters typed |")
	const longest = 8
	for n := 1; n <= longest; n++ {
		fmt.Fprintf(out, " %d%s |", n, strings.Repeat("+", n/longest))
	}
	fmt.Fprintf(out, "\n|%s\n", strings.Repeat("---|", longest+1))
	for i := range b.rows {
		r := &b.rows[i]
		var by [longest + 1]times
		for at, key := range r.keys {
			n := min(b.typed[key].letters(), longest)
			by[n] = append(by[n], r.typed[at])
		}
		fmt.Fprintf(out, "| %s |", r.engine)
		for n := 1; n <= longest; n++ {
			fmt.Fprintf(out, " %s / %s |", short(by[n].p50()), short(by[n].p99()))
		}
		fmt.Fprintln(out)
	}

	fmt.Fprintf(out, "\n| | at %d people |\n|---|---|\n", len(b.people))
	for _, f := range b.facts {
		fmt.Fprintf(out, "| %s | %s |\n", f[0], f[1])
	}

	fmt.Fprintf(out, "\n| slowest of ours | among | first | median of %d more | hits as typed |\n|---|---|---|---|---|\n", again)
	for _, s := range b.slow {
		fmt.Fprintf(out, "| `%s` | %s | %s | %s | %d |\n", s.text, s.of, short(s.once), short(s.again), s.literally)
	}
}

func gogc() string {
	percent := debug.SetGCPercent(100)
	debug.SetGCPercent(percent)
	return fmt.Sprint(percent)
}

func ratio(a, b time.Duration) string {
	if b == 0 {
		return "–"
	}
	if r := float64(a) / float64(b); r < 10 {
		return fmt.Sprintf("%.2f", r)
	}
	return fmt.Sprintf("%.0f", float64(a)/float64(b))
}

// short writes a time with as many digits as mean something.
func short(d time.Duration) string {
	switch {
	case d < 100*time.Microsecond:
		return fmt.Sprintf("%.1f µs", float64(d)/1e3)
	case d < time.Millisecond:
		return fmt.Sprintf("%.0f µs", float64(d)/1e3)
	case d < 100*time.Millisecond:
		return fmt.Sprintf("%.1f ms", float64(d)/1e6)
	default:
		return fmt.Sprintf("%.0f ms", float64(d)/1e6)
	}
}
