package graph_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/peopleinsights/peopleinsights/cache"
	"github.com/peopleinsights/peopleinsights/server/simulator"
)

// TestConcurrentQuestions asks for many at once, each by a request of its own: the SDK's
// requests share a map with their builder, which its adapter writes to.
func TestConcurrentQuestions(t *testing.T) {
	client, _ := start(t, simulator.Config{}, simulator.Company())
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var asking sync.WaitGroup
	for i := range 16 {
		asking.Go(func() {
			for n := range 25 {
				ref, err := cache.ByEmail(fmt.Sprintf("nobody.%d.%d@contoso.com", i, n))
				if err != nil {
					t.Error(err)
				}
				if n%5 == 0 {
					ref, err = cache.ByID(fmt.Sprintf("00000000-0000-4000-8000-0000000%02d%03d", i, n))
					if err != nil {
						t.Error(err)
					}
				}
				if _, err := client.Find(ctx, ref); !errors.Is(err, cache.ErrNotFound) && !errors.Is(err, cache.ErrQuota) {
					t.Errorf("Find = %v", err)
					return
				}
			}
		})
	}
	asking.Wait()
}
