package simulator

// remembered is how many changes a directory keeps for delta queries, at about 80 bytes each.
const remembered = 1 << 20

type changeKind uint8

const (
	changed changeKind = iota
	added              // created or restored: delta sends the whole person
	removed            // deleted or purged: the slot tells which
)

// change is one entry of a directory's history.
type change struct {
	slot     int32
	kind     changeKind
	id       guid
	props    []uint16 // the properties that a change of kind changed has changed
	relation bool     // the manager changed; of a group one member
	other    guid     // the manager until then, zero when there was none; of a group the member
	member   ref      // the same member
}

// history is the changes of a directory in order. They are numbered from 1, so that "all changes after 0" is all.
type history struct {
	forgotten uint64 // how many changes at the front have been dropped
	list      []change
}

func (h *history) add(c change) {
	if len(h.list) == 2*remembered {
		h.list = append(h.list[:0:0], h.list[remembered:]...)
		h.forgotten += remembered
	}
	h.list = append(h.list, c)
}

// last returns the number of the newest change.
func (h *history) last() uint64 { return h.forgotten + uint64(len(h.list)) }

// between returns the changes after one number up to another. ok is false when some of them are forgotten.
func (h *history) between(after, upTo uint64) (list []change, ok bool) {
	if after < h.forgotten || after > upTo || upTo > h.last() {
		return nil, false
	}
	return h.list[after-h.forgotten : upTo-h.forgotten], true
}
