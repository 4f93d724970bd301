package graph

import (
	"errors"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/peopleinsights/peopleinsights/cache"
)

// claim is how people are known by what they are asked for by.
type claim struct {
	// leads returns how somebody is looked up among people.
	leads func(people []cache.Person) func(i int) (cache.Person, bool)
	// shared tells that several may lay claim to it, so that whoever is told of first need
	// not be the one to whom it leads.
	shared bool
}

// asking is how people are asked for by one kind of condition.
type asking struct {
	*findAll
	kind   clauseKind
	clause func(i int) string
	claim  claim

	answered int  // questions, so far
	fitted   bool // the size of a question was tried
	most     int  // how many conditions a question has, if fewer than Graph is known to join; else zero
}

// ask asks for people. Those who are told of are found; a failure is that of those alone for
// whom it comes again when they are asked for in smaller questions. It returns those whose
// question this Graph does not take.
//
// The first question of a kind goes alone, so that a Graph that takes fewer conditions, or
// none of the kind, refuses few.
func (a *asking) ask(places []int) (refused []int) {
	size := min(a.can.joins(), len(places))
	if a.most > 0 {
		size = min(size, a.most)
	}
	var r asked
	if len(places) > size && !a.can.takes(a.kind) && !a.fitted {
		r = a.once(places[:size], size)
		if r.refusedWholly() {
			return a.askFitting(places, size)
		}
		switch {
		case a.answered > 0:
			a.can.tookJoined(a.kind, size)
		case r.lost != nil:
			a.fail(places[size:], r.lost)
			return nil
		}
		a.bearable(r.failing)
		places = places[size:]
	}
	r.add(a.once(places, size))
	if a.answered == 0 && r.refusals > 1 && r.refusedWholly() && !a.fitted { // it takes less than it did
		return a.askFitting(r.refused, size)
	}
	for size > 1 {
		left := slices.Concat(r.refused, r.absent)
		if a.answered > 0 { // else it is nobody's own
			left = append(left, a.bearable(r.failing)...)
		}
		if len(left) == 0 {
			break
		}
		size = (min(size, len(left)) + 3) / 4 // fifteen, four, one
		r = a.once(left, size)
	}
	if len(r.refused) > 0 && a.answered == 0 && a.takesWithout(r.refused) {
		return a.ask(r.refused)
	}
	return r.refused
}

// askFitting is ask for people of whom so many are refused at once.
func (a *asking) askFitting(places []int, size int) (refused []int) {
	a.fitted = true
	fitting, sure, without := a.fitting(places, size)
	switch {
	case fitting > 0:
		a.most = fitting
		if sure && len(places) >= 2*size { // else it may be one of them whom it does not take
			a.can.tookJoined(a.kind, fitting)
		}
		return a.ask(places)
	case without:
		a.can.refusedManagers()
		a.fitted = false
		return a.ask(places)
	default:
		return places
	}
}

// asked is how questions for some people went.
type asked struct {
	questions int
	refusals  int   // questions that were not taken
	refused   []int // whom those were for
	absent    []int // those for whom Graph misses something: whom they are led by, perhaps
	failing   []int // those whose question failed by itself
	lost      error // why a question did not get there, or was not to be asked
}

func (a asked) refusedWholly() bool { return a.refusals > 0 && a.refusals == a.questions }

func (a *asked) add(b asked) {
	a.questions += b.questions
	a.refusals += b.refusals
	a.refused = append(a.refused, b.refused...)
	a.absent = append(a.absent, b.absent...)
	a.failing = append(a.failing, b.failing...)
}

// once asks for people, so many in one question.
func (a *asking) once(places []int, size int) (r asked) {
	if len(places) == 0 {
		return r
	}
	expands := a.can.expands()
	var questions []part
	of := slices.Collect(slices.Chunk(places, size))
	for _, some := range of {
		questions = append(questions, a.joined(some, expands))
	}
	people, failures := a.readAll(questions, func(n int, people []cache.Person) bool {
		leads := a.claim.leads(people)
		return !a.claim.shared && !slices.ContainsFunc(of[n], func(i int) bool { _, ok := leads(i); return !ok })
	})
	r.questions = len(questions)
	for n, err := range failures {
		if expands {
			people[n] = whole(people[n])
		}
		if err == nil || !a.claim.shared {
			a.people = append(a.people, people[n]...)
		}
		switch {
		case err == nil:
			a.answered++
			a.fail(of[n], errNobody)
		case errors.Is(err, errUnsupported):
			r.refusals++
			r.refused = append(r.refused, of[n]...)
			a.fail(of[n], errNobody)
		case errors.Is(err, errNotFound):
			r.absent = append(r.absent, of[n]...)
			a.fail(of[n], &Error{kind: errUnavailable, text: "Microsoft Graph misses something of what it was asked for", id: cache.RequestID(err)})
		case errors.Is(err, errTooDear):
			r.lost = err
			a.spare(of[n])
		case refusedHere(err), errors.Is(err, errWhole):
			r.lost = err
			a.fail(of[n], err)
		default:
			r.failing = append(r.failing, of[n]...)
			a.fail(of[n], err)
		}
	}
	a.take(places, a.claim.leads(a.people))
	found := func(i int) bool { return a.found[i].Err == nil }
	r.refused, r.absent, r.failing = slices.DeleteFunc(r.refused, found), slices.DeleteFunc(r.absent, found), slices.DeleteFunc(r.failing, found)
	return r
}

// bearable waits until those whose question failed may be asked for again, and returns those
// of whom that is soon enough.
func (a *asking) bearable(failing []int) (left []int) {
	var longest time.Duration
	for _, i := range failing {
		wait, _ := cache.RetryAfter(a.found[i].Err)
		if deadline, ok := a.ctx.Deadline(); wait > maxPatience || ok && time.Until(deadline) < wait {
			continue
		}
		longest = max(longest, wait)
		left = append(left, i)
	}
	if longest > 0 && sleep(a.ctx, longest) != nil {
		return nil
	}
	return left
}

// spare has people be not answered who are asked for no more. Whoever has failed by now
// keeps the failure, which tells more.
func (f *findAll) spare(places []int) {
	for _, i := range places {
		if errors.Is(f.found[i].Err, errNotFound) {
			f.found[i].Err = errTooDear
		}
	}
}

// joined is the question for some people.
func (a *asking) joined(places []int, expands bool) part {
	clauses := make([]string, len(places))
	for n, i := range places {
		clauses[n] = a.clause(i)
	}
	return newPart(usersPath(strings.Join(clauses, " or "), expands))
}

// sizes are how many conditions Graphs are tried with.
var sizes = []int{14, 12, 10, 8, 5, 3, 1}

// fitting returns how many conditions of so many this Graph joins in one filter, zero if it
// takes no filter of the kind at all, and whether that is sure; and whether it takes one
// without managers. All is tried in one request, and of other people than the first, with
// whom it may not have been the size.
func (a *asking) fitting(places []int, size int) (fitting int, sure, without bool) {
	others := slices.Clone(places[len(places)-size:])
	slices.Reverse(others)
	tried := append([]int{size}, slices.DeleteFunc(slices.Clone(sizes), func(n int) bool { return n >= size })...)
	expands := a.can.expands()
	var questions []part
	for _, n := range tried {
		questions = append(questions, a.joined(others[:n], expands))
	}
	if expands {
		questions = append(questions, a.joined(others[:1], false))
	}
	for n, err := range a.questions(questions, func(int, io.Reader) error { return nil }) {
		switch {
		case errors.Is(err, errUnsupported):
		case n < len(tried):
			return tried[n], err == nil, false
		default:
			return 0, false, err == nil
		}
	}
	return 0, false, false
}

// takesWithout finds out, for people of whom not one question was taken, whether this Graph
// takes them without managers.
func (a *asking) takesWithout(places []int) bool {
	if !a.can.expands() || a.can.takes(a.kind) {
		return false
	}
	err := a.questions([]part{a.joined(places[:1], false)}, func(int, io.Reader) error { return nil })[0]
	if err != nil {
		return false
	}
	a.can.refusedManagers()
	return true
}
