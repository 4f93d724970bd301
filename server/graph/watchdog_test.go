package graph

import (
	"context"
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

// stalls is a body that comes in pieces, each after a while.
type stalls struct {
	ctx    context.Context
	pieces []time.Duration
}

func (s *stalls) Read(b []byte) (int, error) {
	if len(s.pieces) == 0 {
		return 0, io.EOF
	}
	select {
	case <-s.ctx.Done():
		return 0, s.ctx.Err()
	case <-time.After(s.pieces[0]):
		s.pieces = s.pieces[1:]
		b[0] = ' '
		return 1, nil
	}
}

func (s *stalls) Close() error { return nil }

func TestStallingAnswersEnd(t *testing.T) {
	second := time.Second
	for what, row := range map[string]struct {
		pieces []time.Duration
		took   time.Duration
		fails  bool
	}{
		"slow, but coming": {[]time.Duration{9 * second, 9 * second, 9 * second}, 27 * second, false},
		"stalls":           {[]time.Duration{second, 60 * second}, 11 * second, true},
		"without end":      {make([]time.Duration, 1000), 2 * time.Minute, true},
	} {
		synctest.Test(t, func(t *testing.T) {
			for i := range row.pieces {
				if row.pieces[i] == 0 {
					row.pieces[i] = 5 * second
				}
			}
			g := governed(func(r *http.Request) (*http.Response, error) {
				return &http.Response{StatusCode: 200, Header: http.Header{}, Body: &stalls{r.Context(), row.pieces}}, nil
			})
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://graph.microsoft.com/v1.0/users", nil)
			if err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			response, err := g.RoundTrip(r)
			if err != nil {
				t.Fatal(err)
			}
			_, err = io.ReadAll(response.Body)
			if took := time.Since(began); (err != nil) != row.fails || took != row.took {
				t.Errorf("%s: %v after %v, want failing: %v, after %v", what, err, took, row.fails, row.took)
			}
			response.Body.Close()
		})
	}
}

func TestAnswersThatDoNotBegin(t *testing.T) {
	for p, want := range map[priority]time.Duration{low: 15 * time.Second, normal: 10 * time.Second, high: 10 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			g := governed(func(r *http.Request) (*http.Response, error) {
				<-r.Context().Done()
				return nil, r.Context().Err()
			})
			if took, err := g.took(t.Context(), p, "/users"); err == nil || took != want {
				t.Errorf("%v: %v after %v, want a failure after %v", p, err, took, want)
			}
		})
	}
}

// TestNothingHoldsAPlace has answers that nobody reads, and refusals that are kept open.
func TestNothingHoldsAPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		status := 401
		g := governed(func(*http.Request) (*http.Response, error) { return answer(status), nil })
		ask := func() (*http.Response, error) {
			r, err := http.NewRequestWithContext(withPriority(t.Context(), high), http.MethodGet, "https://graph.microsoft.com/v1.0/users/1", nil)
			if err != nil {
				t.Fatal(err)
			}
			return g.RoundTrip(r)
		}
		for range 100 {
			response, err := ask()
			if err != nil {
				t.Fatal(err)
			}
			if body, err := io.ReadAll(response.Body); err != nil || string(body) != "{}" {
				t.Fatalf("a refusal's body is %q, %v", body, err)
			}
		}
		status = 200
		for range 16 {
			if _, err := ask(); err != nil {
				t.Fatal(err)
			}
		}
		<-time.After(3 * time.Minute) // longer than an answer may take
		synctest.Wait()
		if n := len(g.people); n != 0 {
			t.Errorf("%d answers that nobody read hold a place", n)
		}
	})
}
