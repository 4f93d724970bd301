package simulator

import (
	"errors"
	"fmt"
	"sync"
)

// usualPage is how many people Graph puts on a page of a delta round.
const usualPage = 200

// Behaviour is what a tenant does differently from others, and can be switched while it is served.
type Behaviour struct {
	// DeltaPageSize is how many people a page of a delta round holds; less than one means 200, as Graph does.
	DeltaPageSize int `json:"deltaPageSize"`

	// EmptyPages, Replay and RefuseJoinedFilters are those of Config.
	EmptyPages          bool `json:"emptyPages"`
	Replay              bool `json:"replay"`
	RefuseJoinedFilters bool `json:"refuseJoinedFilters"`

	// NullValues puts a null between the objects of every value array of a list and a delta page.
	NullValues bool `json:"nullValues"`

	// FilterClauses, WithoutSharePoint, MissingPhotos and PhotosNotModified are those of Config. FilterClauses below one
	// means 15.
	FilterClauses     int          `json:"filterClauses,omitzero"`
	WithoutSharePoint bool         `json:"withoutSharePoint,omitzero"`
	MissingPhotos     MissingPhoto `json:"missingPhotos,omitzero"`
	PhotosNotModified bool         `json:"photosNotModified,omitzero"`

	// ListPageSize is the most that a page of a list of people, groups or contacts holds, whatever $top asks; zero means
	// as many as asked.
	ListPageSize int `json:"listPageSize,omitzero"`

	// RefuseExpandedFilters refuses an $expand together with a $filter, with 400 Request_UnsupportedQuery.
	RefuseExpandedFilters bool `json:"refuseExpandedFilters,omitzero"`

	// ExactPrefixes compares the prefix of a proxy address, SMTP or smtp, with regard to case. What Graph does is not
	// documented.
	ExactPrefixes bool `json:"exactPrefixes,omitzero"`
}

// Behave switches the behaviour for all requests from now on, also for the later pages of a round under way. A round
// keeps from its first page on whether it sends a change of the round before again.
func (s *Simulator) Behave(b Behaviour) { s.how.set(b) }

// Behaviour returns how the tenant behaves now, with the page size that it really has.
func (s *Simulator) Behaviour() Behaviour { return s.how.get() }

// switches keep a Behaviour.
type switches struct {
	mu sync.Mutex
	b  Behaviour
}

func (sw *switches) get() Behaviour {
	sw.mu.Lock()
	defer sw.mu.Unlock()
	return sw.b
}

func (sw *switches) set(b Behaviour) {
	_ = sw.change(func(now *Behaviour) error { *now = b; return nil })
}

// change lets f alter the behaviour. Nothing changes when it fails.
func (sw *switches) change(f func(b *Behaviour) error) error {
	sw.mu.Lock()
	defer sw.mu.Unlock()
	next := sw.b
	if err := f(&next); err != nil {
		return err
	}
	if next.DeltaPageSize < 1 {
		next.DeltaPageSize = usualPage
	}
	next.FilterClauses = max(next.FilterClauses, 0)
	next.ListPageSize = max(next.ListPageSize, 0)
	sw.b = next
	return nil
}

// configured takes the behaviour over from a Config.
func (sw *switches) configured(cfg Config) error {
	if cfg.DeltaPageSize < 0 {
		return errors.New("the page size of delta rounds cannot be negative")
	}
	if cfg.FilterClauses < 0 {
		return errors.New("the number of clauses that a filter may join cannot be negative")
	}
	if !cfg.MissingPhotos.known() {
		return fmt.Errorf("%v is not a way in which photos are missing", cfg.MissingPhotos)
	}
	sw.set(Behaviour{
		DeltaPageSize:       cfg.DeltaPageSize,
		EmptyPages:          cfg.EmptyPages,
		Replay:              cfg.Replay,
		RefuseJoinedFilters: cfg.RefuseJoinedFilters,
		FilterClauses:       cfg.FilterClauses,
		WithoutSharePoint:   cfg.WithoutSharePoint,
		MissingPhotos:       cfg.MissingPhotos,
		PhotosNotModified:   cfg.PhotosNotModified,
	})
	return nil
}

// clauses returns how many clauses a filter may join.
func (b Behaviour) clauses() int {
	if b.FilterClauses == 0 {
		return usualClauses
	}
	return b.FilterClauses
}

// between separates two objects of a value array.
func (b Behaviour) between() string {
	if b.NullValues {
		return ",null,"
	}
	return ","
}
