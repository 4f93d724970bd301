package graph

import (
	"bytes"
	"io"
	"net/http"
	"time"
)

// watchdog ends an answer that makes no progress.
type watchdog struct {
	stall time.Duration
	end   time.Time // of the whole answer
	timer *time.Timer
}

// watched is an answer's body under a watchdog.
type watched struct {
	io.ReadCloser
	dog     *watchdog
	release func()
}

// Read gives each read as long as an answer may stall, and all together no longer than
// an answer may take.
func (w *watched) Read(b []byte) (int, error) {
	left := time.Until(w.dog.end)
	w.dog.timer.Reset(min(w.dog.stall, left))
	n, err := w.ReadCloser.Read(b)
	w.dog.timer.Reset(left)
	return n, err
}

// Close ends the answer.
func (w *watched) Close() error {
	err := w.ReadCloser.Close()
	w.dog.timer.Stop()
	w.release()
	return err
}

// atOnce reads a refusal to its end, so that it holds no place: the SDK keeps it open
// while it asks again with another token.
func atOnce(response *http.Response) *http.Response {
	body, _ := io.ReadAll(io.LimitReader(response.Body, maxErrorBody)) // half a refusal is one
	response.Body.Close()
	response.Body = io.NopCloser(bytes.NewReader(body))
	return response
}
