package traffic

// Remembered is how many callers and people are remembered.
func (t *Traffic) Remembered() (callers, people int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.callers), int(t.people.Load())
}

// Limit is how many calls may be in the house, and Inside how many are.
func (t *Traffic) Limit() int64  { return t.house.limit.Load() }
func (t *Traffic) Inside() int64 { return t.house.inside.Load() }

// The parts of the house.
const (
	Window      = window
	MostSpecial = mostSpecial
)
