package cache

import (
	"cmp"
	"slices"
)

// addressBook leads from every address to the people who have it. Most addresses
// have one holder, so the others have a map of their own.
type addressBook struct {
	first map[string]holder   // address key → who comes first
	more  map[string][]holder // address key → the rest, in order
}

type holder struct {
	record *record
	kind   AddressKind
}

func newAddressBook() addressBook {
	return addressBook{first: map[string]holder{}, more: map[string][]holder{}}
}

// compareHolders puts the stronger claim first, and an account in use before a
// disabled one: an address that passed from a leaver to somebody else leads to
// the latter. Ids make the order total.
func compareHolders(a, b holder) int {
	disabled := func(h holder) int {
		if h.record.enabled {
			return 0
		}
		return 1
	}
	return cmp.Or(
		cmp.Compare(a.kind, b.kind),
		cmp.Compare(disabled(a), disabled(b)),
		cmp.Compare(a.record.id, b.record.id),
	)
}

// find returns who an address leads to, or nil.
func (b addressBook) find(key string) *record { return b.first[key].record }

func (b addressBook) add(r *record, p Person) {
	p.eachAddress(func(address string, kind AddressKind) {
		key := addressKey(address)
		if _, taken := b.first[key]; !taken {
			b.first[key] = holder{r, kind}
			return
		}
		holders := b.holders(key)
		if slices.ContainsFunc(holders, func(h holder) bool { return h.record == r }) {
			return // by a stronger claim already
		}
		b.set(key, append(holders, holder{r, kind}))
	})
}

func (b addressBook) remove(r *record, p Person) {
	p.eachAddress(func(address string, _ AddressKind) {
		key := addressKey(address)
		b.set(key, slices.DeleteFunc(b.holders(key), func(h holder) bool { return h.record == r }))
	})
}

func (b addressBook) holders(key string) []holder {
	first, ok := b.first[key]
	if !ok {
		return nil
	}
	return append([]holder{first}, b.more[key]...)
}

// some are the first so many who have an address, and how many have it.
func (b addressBook) some(key string, most int) (holders []holder, total int) {
	first, ok := b.first[key]
	if !ok {
		return nil, 0
	}
	more := b.more[key]
	return append([]holder{first}, more[:min(len(more), most-1)]...), 1 + len(more)
}

func (b addressBook) set(key string, holders []holder) {
	slices.SortFunc(holders, compareHolders)
	delete(b.first, key)
	delete(b.more, key)
	if len(holders) > 0 {
		b.first[key] = holders[0]
	}
	if len(holders) > 1 {
		b.more[key] = slices.Clone(holders[1:])
	}
}

// Leads returns the one of people to whom an address leads first, as a Directory
// that holds them would, and whether there is one.
func Leads(address string, people []Person) (Person, bool) { return Leading(people)(address) }

// Leading returns Leads of some people, for many addresses.
func Leading(people []Person) func(address string) (Person, bool) {
	book := newAddressBook()
	records := map[*record]Person{}
	for _, p := range people {
		r, err := newRecord(p)
		if err != nil {
			continue
		}
		records[r] = p
		book.add(r, p)
	}
	return func(address string) (Person, bool) {
		p, ok := records[book.find(addressKey(address))]
		return p, ok
	}
}
