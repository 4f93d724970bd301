package graph

import (
	"errors"
	"io"
	"net/http"

	"golang.org/x/sync/errgroup"
)

// What a bulk question asks of a Graph that takes no batch: so many requests, so many of
// them at once.
const (
	maxPlain    = 60
	plainAtOnce = 8
)

// questions asks in batches where this Graph takes them, else one after the other as far as
// that is bearable: those that it is not fail with errTooDear.
func (f *findAll) questions(questions []part, read func(n int, body io.Reader) error) []error {
	failures := f.batch(f.ctx, lookup(f.ctx), needUsers, questions, read)
	var requests errgroup.Group
	requests.SetLimit(plainAtOnce)
	for n, err := range failures {
		if !errors.Is(err, errNoBatch) {
			continue
		}
		failures[n] = errTooDear
		if f.plain.Add(1) > maxPlain {
			continue
		}
		request := f.follow(f.config.Endpoint.URL.String() + "/" + questions[n].path)
		requests.Go(func() error {
			failures[n] = f.get(f.ctx, lookup(f.ctx), needUsers, request, func(response *http.Response) error { return read(n, response.Body) })
			return nil
		})
	}
	_ = requests.Wait() // each question has its own error
	return failures
}
