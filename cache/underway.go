package cache

import "sync"

// underWay counts goroutines, so that they can be waited for.
type underWay struct {
	mu     sync.Mutex
	closed bool
	all    sync.WaitGroup
}

// Go runs f in a goroutine. After close nobody waits for it: the context that it has from
// its directory has ended.
func (u *underWay) Go(f func()) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.closed {
		go f()
		return
	}
	u.all.Go(f)
}

// close waits for those who were begun before.
func (u *underWay) close() {
	u.mu.Lock()
	u.closed = true
	u.mu.Unlock()
	u.all.Wait()
}
