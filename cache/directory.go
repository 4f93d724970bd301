package cache

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/peopleinsights/peopleinsights/cache/typeahead"
)

// Config is what a Directory needs, and what its knobs mean.
type Config struct {
	// Source is where people are read from. Required.
	Source Source
	// SyncInterval is the time between two rounds of changes; zero means one
	// minute.
	SyncInterval time.Duration
	// CacheBytes bounds what is kept beside the record: assembled profiles, people
	// read through, what they have written of themselves, absences. Zero means 64 MiB.
	CacheBytes int64
	// MaxPeople bounds the record; zero means two million. A source with more
	// people fails to fill rather than fill in part.
	MaxPeople int
	// LookupTimeout bounds one question to the source, which may serve many
	// callers; zero means four seconds, less than clients use to wait. One for several
	// people has twice that. Callers leave earlier by their own deadlines.
	LookupTimeout time.Duration
	// MaxLookups bounds how many questions to the source are under way at once, each
	// for up to 1,000 people and photos aside; zero means 256. Further ones fail with
	// ErrBusy.
	MaxLookups int
	// FoundTTL is how long somebody whom the record does not hold is remembered
	// after they were read through; zero means one minute.
	FoundTTL time.Duration
	// AbsenceTTL is how long it is remembered that somebody does not exist; zero
	// means twenty seconds.
	AbsenceTTL time.Duration
	// RichTTL is how long it is remembered what somebody has written of themselves, and
	// that they have written nothing; zero means 15 minutes.
	RichTTL time.Duration
	// PhotoBytes bounds what is kept of photos; zero means 64 MiB.
	PhotoBytes int64
	// PhotoTTL is how long a photo is trusted; zero means one hour. An older one is kept
	// until a day after it was last confirmed, to be served while the source is failing.
	PhotoTTL time.Duration
	// PhotoAbsenceTTL is how long it is remembered that somebody has no photo; zero
	// means 15 minutes.
	PhotoAbsenceTTL time.Duration
	// MaxPhotos bounds how many questions for photos are under way at once; zero means
	// 4. Up to 1,000 further ones wait in line, within their callers' deadlines.
	MaxPhotos int
	// MaxGroups bounds how many groups are held; zero means one million.
	MaxGroups int
	// MaxContacts bounds how many contacts of the organisation's address book are held; zero
	// means one million.
	MaxContacts int
	// MemberBytes bounds what is kept of who is in groups and channels; zero means 32 MiB.
	MemberBytes int64
	// MembersTTL is how long it is remembered who is in a group: while no change of its
	// members is told. Zero means five minutes.
	MembersTTL time.Duration
	// ChannelTTL is how long it is remembered who is in a channel, of whose changes nothing
	// is told; zero means one minute.
	ChannelTTL time.Duration
	// MaxPickers bounds of how many organizers it is remembered whom they picked lately;
	// zero means 100,000. One who has picked 64 different people and groups takes about 2 KB.
	MaxPickers int
	// MaxRemoved and MaxRemovedShare are the brake: a round, refill or sweep that would
	// remove more people than either is held back until an operator confirms it by
	// Refresh, and what is held is served on. Zero means 50 people and 0.05, one in
	// twenty of those held. A share of 1 or more never brakes.
	MaxRemoved      int
	MaxRemovedShare float64
	// SweepDelay and SweepInterval say when everybody is listed and compared: once so
	// long after each filling, and again each interval. Zero means an hour, and a day.
	SweepDelay    time.Duration
	SweepInterval time.Duration
	// Domains are those of the organisation's own addresses. Whoever has an address of
	// another, a guest for one, is found when the source has told of them: a complete
	// directory does not ask the source for such an address. Nil asks for all.
	Domains []string
	// Succeeds is a directory of the same organisation that this one is to replace: who was
	// erased there is kept out here, and what was picked there counts here. Nil is none.
	Succeeds *Directory
	// Log hears of failures of the source and of refills. It is told of no person.
	// Nil discards.
	Log *slog.Logger
}

func (c Config) withDefaults() Config {
	c.SyncInterval = cmp.Or(c.SyncInterval, time.Minute)
	c.CacheBytes = cmp.Or(c.CacheBytes, 64<<20)
	c.MaxPeople = cmp.Or(c.MaxPeople, 2_000_000)
	c.LookupTimeout = cmp.Or(c.LookupTimeout, 4*time.Second)
	c.MaxLookups = cmp.Or(c.MaxLookups, 256)
	c.FoundTTL = cmp.Or(c.FoundTTL, time.Minute)
	c.AbsenceTTL = cmp.Or(c.AbsenceTTL, 20*time.Second)
	c.RichTTL = cmp.Or(c.RichTTL, 15*time.Minute)
	c.PhotoBytes = cmp.Or(c.PhotoBytes, 64<<20)
	c.PhotoTTL = cmp.Or(c.PhotoTTL, time.Hour)
	c.PhotoAbsenceTTL = cmp.Or(c.PhotoAbsenceTTL, 15*time.Minute)
	c.MaxPhotos = cmp.Or(c.MaxPhotos, 4)
	c.MaxGroups = cmp.Or(c.MaxGroups, 1_000_000)
	c.MaxContacts = cmp.Or(c.MaxContacts, 1_000_000)
	c.MemberBytes = cmp.Or(c.MemberBytes, 32<<20)
	c.MembersTTL = cmp.Or(c.MembersTTL, 5*time.Minute)
	c.ChannelTTL = cmp.Or(c.ChannelTTL, time.Minute)
	c.MaxPickers = cmp.Or(c.MaxPickers, 100_000)
	c.MaxRemoved = cmp.Or(c.MaxRemoved, 50)
	c.MaxRemovedShare = cmp.Or(c.MaxRemovedShare, 0.05)
	c.SweepDelay = cmp.Or(c.SweepDelay, time.Hour)
	c.SweepInterval = cmp.Or(c.SweepInterval, 24*time.Hour)
	c.Log = cmp.Or(c.Log, slog.New(slog.DiscardHandler))
	return c
}

// Directory is one tenant's people in memory. Its methods may be called
// concurrently. What they return is shared: callers must not change it.
type Directory struct {
	config Config
	epoch  string
	memo   *memo
	roster *roster
	picks  *picks
	filled chan struct{} // closed when the first filling is complete
	start  time.Time
	listed atomic.Int64 // people read by the filling under way
	total  atomic.Int64 // people that the filling under way expects; 0 unknown

	lookedUp  lookups
	watching  atomic.Int64     // watches under way
	flights   flights[*memory] // questions for people
	rich      flights[*memory] // for what they have written of themselves
	openings  flights[*membership]
	album     *album          // photos, and the questions for them
	ctx       context.Context // of the flights, which outlive single callers
	stop      context.CancelFunc
	inFlight  underWay
	lookups   chan struct{} // one is held by each question, photos and members aside
	asking    chan struct{} // one is held by each question for members
	line      chan struct{} // one is held by each that waits to be asked
	closeOnce sync.Once

	// mu guards what is held, and what is told of it. Readers take all that an answer
	// needs under one lock, so that it belongs to one revision; what is costly
	// (building an index, asking the source) happens outside.
	mu      sync.RWMutex
	held    *held // nil until the first filling is complete
	sync    syncState
	changed chan struct{}        // closed when there is something for watches to look at
	erased  map[string]tombstone // by id

	erasures atomic.Int64 // so far
	erasing  []byte       // keys the hashes of tombstones

	// What Run follows.
	people, sweeping *followed
	groups           *collection[Group]
	contacts         *collection[Contact]
	// writing is held by whoever is about to change people: the rounds, or a sweep. It is
	// taken before mu.
	writing sync.Mutex
	// applying is held while changes of people are made to what is held: for no longer than the
	// processor takes. It is taken after writing, and before mu.
	applying   sync.Mutex
	successor  *Directory           // that has taken over; nil for none; under applying
	told       map[string]time.Time // of whom rounds have told lately, and when; under writing
	toldPruned time.Time
	merging    bool          // parts of the index over people; under mu and writing
	sweepSoon  bool          // of the sweeps' goroutine: the last one came to nothing
	ended      chan struct{} // closed when Run returns

	// Of the people's goroutine.
	unfinished *listing
	fruitless  bool // everybody was listed, and that came to nothing
	shorts     int  // short listings in a row
}

// syncState is what the last fillings, rounds and sweeps left to tell.
type syncState struct {
	people, groups, contacts, sweep feedState
	swept                           Sweep
	fillDuration                    time.Duration // from the start until the directory was complete
}

// New returns an empty directory. Run fills it and keeps it true.
func New(config Config) (*Directory, error) {
	if config.Source == nil {
		return nil, errors.New("cache: a directory needs a source")
	}
	config = config.withDefaults()
	memo, err := newMemo(config.CacheBytes)
	if err != nil {
		return nil, err
	}
	roster, err := newRoster(config.MemberBytes)
	if err != nil {
		memo.close()
		return nil, err
	}
	album, err := newAlbum(config.PhotoBytes, config.MaxPhotos)
	if err != nil {
		memo.close()
		roster.close()
		return nil, err
	}
	ctx, stop := context.WithCancel(context.Background())
	d := &Directory{
		config:  config,
		epoch:   rand.Text()[:12],
		memo:    memo,
		roster:  roster,
		album:   album,
		picks:   newPicks(config.MaxPickers),
		filled:  make(chan struct{}),
		changed: make(chan struct{}),
		start:   time.Now(),
		lookups: make(chan struct{}, config.MaxLookups),
		asking:  make(chan struct{}, memberAsks),
		line:    make(chan struct{}, config.MaxLookups),
		told:    map[string]time.Time{},
		erased:  map[string]tombstone{},
		erasing: []byte(rand.Text() + rand.Text()),
		ended:   make(chan struct{}),
		ctx:     ctx,
		stop:    stop,
	}
	if config.Succeeds != nil {
		d.succeed(config.Succeeds)
		d.config.Succeeds = nil // which is not held on to
	}
	d.people = &followed{what: "people", state: &d.sync.people, pause: d.pausePeople, wake: make(chan struct{}, 1)}
	d.sweeping = &followed{what: "sweep", state: &d.sync.sweep, pause: d.pauseSweep, wake: make(chan struct{}, 1), turn: d.sweep}
	d.people.turn = d.turns(d.people, d.fillPeople, d.followPeople)
	d.groups = newCollection(d, "groups", &d.sync.groups, config.MaxGroups, config.Source.Groups,
		func(h *held) *shelf[Group] { return &h.groups }, func(x *index) **typeahead.Index { return &x.groups })
	d.contacts = newCollection(d, "contacts", &d.sync.contacts, config.MaxContacts, config.Source.Contacts,
		func(h *held) *shelf[Contact] { return &h.contacts }, func(x *index) **typeahead.Index { return &x.contacts })
	return d, nil
}

// Filled returns a channel that is closed when the directory is complete for the
// first time.
func (d *Directory) Filled() <-chan struct{} { return d.filled }

// Close ends what the directory has under way and waits for it. Run has to be
// ended first, by its context. Calls that come later are answered from what is held, or fail.
func (d *Directory) Close() {
	d.closeOnce.Do(func() {
		d.stop()
		d.inFlight.close()
		d.memo.close()
		d.roster.close()
		d.album.close()
	})
}
