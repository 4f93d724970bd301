package cache

import (
	"fmt"
	"time"

	"github.com/dgraph-io/ristretto/v2"
	"google.golang.org/protobuf/proto"

	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
)

// memo keeps, within a budget of bytes, what can be made or fetched again. It may
// forget anything at any time, and what it has just been given may not be there
// yet: it saves work, it is not a record.
type memo struct {
	entries *ristretto.Cache[string, *memory]
}

// memory is one remembered profile, or absence. It is never changed.
type memory struct {
	profile *pb.Profile // nil: the source has no such person
	// Of an assembled profile: what it was made of. It serves while these are the
	// records that are held.
	found found
	// Of somebody read through: when, and at which revision. It serves at that
	// revision only: a later one may have changed or removed them. Of what somebody has
	// written of themselves neither is set: it serves for as long as it is kept.
	asOf     time.Time
	revision int64
	unlisted bool // hidden from address lists
}

// What an entry costs beside its profile's text: the structs of memory, Profile
// and ristretto, as measured by their sizes, rounded up; and each text of a rich profile,
// which may have many.
const (
	memoryOverhead = 900
	textOverhead   = 16
)

func newMemo(bytes int64) (*memo, error) {
	entries, err := ristretto.NewCache(&ristretto.Config[string, *memory]{
		// Ten counters for each entry that fits, as ristretto advises.
		// More than ten million entries are nobody's.
		NumCounters: min(max(1000, bytes/memoryOverhead*10), 100_000_000),
		MaxCost:     bytes,
		BufferItems: 64,
	})
	if err != nil {
		return nil, fmt.Errorf("cache: a budget of %d bytes: %w", bytes, err)
	}
	return &memo{entries}, nil
}

func (m *memo) get(key string) *memory {
	entry, _ := m.entries.Get(key)
	return entry
}

// put remembers an entry for ttl; zero means until it is pushed out.
func (m *memo) put(key string, entry *memory, ttl time.Duration) {
	p := entry.profile
	texts := len(p.GetSkills()) + len(p.GetInterests()) + len(p.GetResponsibilities()) + len(p.GetPastProjects()) + len(p.GetSchools())
	m.entries.SetWithTTL(key, entry, int64(memoryOverhead+proto.Size(p)+textOverhead*texts), ttl)
}

func (m *memo) close() { m.entries.Close() }
