package cache

import (
	"cmp"
	"maps"
	"slices"
)

// shelf is what is held of a collection, and what leads to it. An item is never changed: a
// change makes a new one.
type shelf[T item[T]] struct {
	items map[string]*T   // id → item
	first map[string]*T   // address key → whose it is first of all
	more  map[string][]*T // address key → the rest, in order; most have none
}

func newShelf[T item[T]]() shelf[T] {
	return shelf[T]{items: map[string]*T{}, first: map[string]*T{}, more: map[string][]*T{}}
}

func (s shelf[T]) clone() shelf[T] {
	return shelf[T]{maps.Clone(s.items), maps.Clone(s.first), maps.Clone(s.more)}
}

// find returns the item that a ref leads to, or nil.
func (s shelf[T]) find(ref Ref) *T {
	if ref.ID != "" {
		return s.items[ref.ID]
	}
	return s.first[ref.Email]
}

// change makes items what next says; nil for those that are gone.
func (s shelf[T]) change(next map[string]*T) {
	for id, it := range next {
		if old := s.items[id]; old != nil {
			s.each(old, func(key string) { s.set(key, slices.DeleteFunc(s.holders(key), func(h *T) bool { return h == old })) })
			delete(s.items, id)
		}
		if it != nil {
			s.items[id] = it
			s.each(it, func(key string) { s.set(key, append(s.holders(key), it)) })
		}
	}
}

// each calls do with each address of an item, once.
func (s shelf[T]) each(it *T, do func(key string)) {
	var keys []string
	for _, address := range (*it).addresses() {
		if key := addressKey(address); !slices.Contains(keys, key) {
			keys = append(keys, key)
			do(key)
		}
	}
}

func (s shelf[T]) holders(key string) []*T {
	first := s.first[key]
	if first == nil {
		return nil
	}
	return append([]*T{first}, s.more[key]...)
}

// set makes an address lead to items: first to the one whose main address it is, then by id.
func (s shelf[T]) set(key string, holders []*T) {
	further := func(it *T) int { // 0 for the main address
		if list := (*it).addresses(); addressKey(list[0]) == key {
			return 0
		}
		return 1
	}
	slices.SortFunc(holders, func(a, b *T) int {
		return cmp.Or(further(a)-further(b), cmp.Compare((*a).id(), (*b).id()))
	})
	delete(s.first, key)
	delete(s.more, key)
	if len(holders) > 0 {
		s.first[key] = holders[0]
	}
	if len(holders) > 1 {
		s.more[key] = slices.Clone(holders[1:])
	}
}
