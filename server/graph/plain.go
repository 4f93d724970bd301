package graph

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"

	"golang.org/x/sync/errgroup"
)

// plainAtOnce is how many requests are under way at once of a bulk question to a Graph that
// takes no batch.
const plainAtOnce = 8

// questions asks in batches where this Graph takes them, else one after the other as far as
// that is bearable: those that it is not fail with errTooDear.
func (f *findAll) questions(questions []part, read func(n int, body io.Reader) error) []error {
	if f.ctx.Err() != nil {
		return slices.Repeat([]error{errLate}, len(questions))
	}
	failures := f.batch(f.ctx, lookup(f.ctx), needUsers, f.purse, questions, read)
	var requests errgroup.Group
	requests.SetLimit(plainAtOnce)
	for n, err := range failures {
		if !errors.Is(err, errNoBatch) {
			continue
		}
		failures[n] = errTooDear
		price := f.governor.price(questions[n].kind, questions[n].listed)
		if !f.purse.pay(price) {
			continue
		}
		requests.Go(func() error {
			failures[n] = f.plainly(questions[n], func(body io.Reader) error { return read(n, body) })
			if refusedHere(failures[n]) {
				f.purse.refund(price)
			}
			return nil
		})
	}
	_ = requests.Wait() // each question has its own error
	return failures
}

// plainly asks a question by a request of its own.
func (f *findAll) plainly(question part, read func(body io.Reader) error) error {
	request := f.purse.counted(f.follow(f.config.Endpoint.URL.String() + "/" + question.path))
	err := f.get(f.ctx, lookup(f.ctx), needUsers, request, func(response *http.Response) error { return read(response.Body) })
	if known, ok := errors.AsType[*Error](err); ok && known.status == 0 && !known.ours {
		return fmt.Errorf("%w: %w", errWhole, err) // it did not get there
	}
	return err
}
