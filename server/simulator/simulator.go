package simulator

import (
	"context"
	"crypto/cipher"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Config says what tenant a Simulator plays. The zero value is a working one.
type Config struct {
	// Listen is the address to listen on; empty means a free port of 127.0.0.1.
	Listen string

	// TenantID is the tenant's GUID; empty means a fixed made-up one.
	TenantID string

	// Apps are the applications that may sign in; empty means DefaultApp and CallingApps.
	Apps []App

	// TokenLifetime is how long an access token is good for; zero means one hour. The sign-in tells it in whole
	// seconds, rounded up.
	TokenLifetime time.Duration

	// DeltaPageSize is how many people or groups a page of a delta round holds; zero means 200, as Graph does.
	DeltaPageSize int

	// DeltaLinkSize is how many members a page of a delta round of groups holds, all its groups together; zero means 500,
	// as Graph does. A group with more is sent again on further pages, each time with other members.
	DeltaLinkSize int

	// MemberPageSize is how many people a page of the members of a channel or a team holds; zero means 100.
	MemberPageSize int

	// EmptyPages puts an empty page before every page that a link leads to, in lists and delta rounds.
	EmptyPages bool

	// Replay sends people again: each page of a delta round ends with the one it began with, and each later round begins
	// with the last change of the round before.
	Replay bool

	// RefuseJoinedFilters refuses a $filter in which an "or" joins conditions on different properties, with 400
	// Request_UnsupportedQuery. Graph as documented answers such a filter; this is for clients that must also manage when
	// they have to ask for one property after the other.
	RefuseJoinedFilters bool

	// FilterClauses is how many clauses the "or"s of a $filter may join, where each value of an "in" is one; zero means 15,
	// as Graph does. More are refused with 400 Request_UnsupportedQuery unless the request is an advanced query.
	FilterClauses int

	// WithoutSharePoint is a tenant without a licence for SharePoint: to ask for the profile properties of a person, such
	// as aboutMe, fails with 400.
	WithoutSharePoint bool

	// MissingPhotos is how the metadata of a photo that does not exist is answered.
	MissingPhotos MissingPhoto

	// PhotosNotModified answers 304 when If-None-Match names the ETag of a photo. Graph documents no such thing, so by
	// default the header is ignored.
	PhotosNotModified bool

	// ExpiredLinks is how delta and next links of a delta round are answered once they are older than seven days.
	ExpiredLinks Expiry

	// Quota is how much an app may ask; the zero value is what Graph gives.
	Quota Quota

	// AdminListen is the address of the admin API, plain http, which serves the directory and all switches without a
	// sign-in. Its host must be a loopback one. Empty means that there is none.
	AdminListen string
}

// App is an application registered in the tenant.
type App struct {
	ID     string
	Secret string

	// Roles are the application permissions that an administrator has granted, such as "User.Read.All". Without any a
	// token is issued all the same, and Graph refuses every call made with it.
	Roles []string

	// APIRoles are the app roles of the API (APIURI) that it has been given, such as "PeopleInsights.Client".
	APIRoles []string
}

// DefaultApp returns the application that exists when a Config names none. It may read people, groups and the directory with
// its contacts, the contacts of every mailbox and the members of channels.
func DefaultApp() App {
	return App{
		ID:     "5f1c2a4e-8d0b-4c55-9a39-6f5d1d2f7b10",
		Secret: "simulated-secret",
		Roles: []string{
			"User.Read.All", "Group.Read.All", "Directory.Read.All",
			"Contacts.Read", "ChannelMember.Read.All", "OrgContact.Read.All",
		},
	}
}

// CallingApps returns the applications that call the API when a Config names none: a meeting client, a scheduler and an
// operator, in this order, each with the role of its kind and no permission of Graph's.
func CallingApps() []App {
	return []App{
		{ID: "a9d3f1c2-6b57-4d0e-8c41-52e7b0f6a301", Secret: "simulated-client-secret", APIRoles: []string{"PeopleInsights.Client"}},
		{ID: "a9d3f1c2-6b57-4d0e-8c41-52e7b0f6a302", Secret: "simulated-scheduler-secret", APIRoles: []string{"PeopleInsights.Scheduler"}},
		{ID: "a9d3f1c2-6b57-4d0e-8c41-52e7b0f6a303", Secret: "simulated-operator-secret", APIRoles: []string{"PeopleInsights.Operator"}},
	}
}

const defaultTenant = "0c0a7d5e-2f6b-4f0e-9d0a-3f6f7c1b8a42"

// Simulator is a running tenant. Its methods may be called from any goroutine.
type Simulator struct {
	dir      *Directory
	tenant   string
	apps     map[string]App
	lifetime time.Duration
	linkSize int
	people   *class
	groups   *class
	contacts *class // orgContacts
	others   map[objectKind]*class
	paging   int // of the members of channels and teams
	oldLinks Expiry
	how      switches
	clock    clock

	caPEM []byte
	host  string // host:port
	seal  cipher.AEAD

	tokens tokens
	keys   signingKeys
	links  epochs
	faults faults
	log    requestLog
	quota  throttle

	mailboxes mailboxes
	policy    accessPolicy
	admin     admin

	server    *http.Server
	ctx       context.Context // ends with Close
	stop      context.CancelFunc
	accepting sync.WaitGroup
	inside    gate
}

// New listens, makes the certificates and starts to serve dir over https. It fails when the address cannot be had or the
// configuration makes no sense.
func New(cfg Config, dir *Directory) (*Simulator, error) {
	s, err := configured(cfg, dir)
	if err != nil {
		return nil, fmt.Errorf("simulator: %w", err)
	}
	if cfg.Listen == "" {
		cfg.Listen = "127.0.0.1:0"
	}
	listener, err := net.Listen("tcp", cfg.Listen)
	if err != nil {
		return nil, fmt.Errorf("simulator: %w", err)
	}
	if err := s.start(listener, cfg.Listen); err != nil {
		listener.Close()
		return nil, fmt.Errorf("simulator: %w", err)
	}
	if err := s.startAdmin(cfg.AdminListen); err != nil {
		s.Close()
		return nil, fmt.Errorf("simulator: %w", err)
	}
	return s, nil
}

func configured(cfg Config, dir *Directory) (*Simulator, error) {
	s := &Simulator{
		dir:      dir,
		tenant:   strings.ToLower(cfg.TenantID),
		apps:     make(map[string]App),
		lifetime: cfg.TokenLifetime,
		linkSize: cfg.DeltaLinkSize,
		oldLinks: cfg.ExpiredLinks,
	}
	if dir == nil {
		return nil, errors.New("no directory to serve")
	}
	s.people, s.groups = classOfPeople(dir), classOfGroups(dir)
	s.people.objects, s.groups.objects = s.deltaPeople, s.deltaGroups
	s.addClasses(cfg)
	if s.tenant == "" {
		s.tenant = defaultTenant
	}
	if _, ok := parseGUID(s.tenant); !ok {
		return nil, fmt.Errorf("tenant id %q is not a GUID", cfg.TenantID)
	}
	if s.paging < 0 {
		return nil, errors.New("the page size of members cannot be negative")
	}
	if s.linkSize < 0 || s.lifetime < 0 {
		return nil, errors.New("link size and token lifetime cannot be negative")
	}
	if err := s.how.configured(cfg); err != nil {
		return nil, err
	}
	if s.linkSize == 0 {
		s.linkSize = 500
	}
	if !s.oldLinks.known() {
		return nil, fmt.Errorf("%v is not a way in which links expire", s.oldLinks)
	}
	if cfg.Quota.Window < 0 {
		return nil, errors.New("the window of a quota cannot be negative")
	}
	s.quota.set(cfg.Quota)
	if s.lifetime == 0 {
		s.lifetime = time.Hour
	}
	apps := cfg.Apps
	if len(apps) == 0 {
		apps = append(CallingApps(), DefaultApp())
	}
	for _, a := range apps {
		if a.ID == "" || a.Secret == "" {
			return nil, errors.New("an app needs an id and a secret")
		}
		s.apps[strings.ToLower(a.ID)] = a
	}
	var err error
	s.seal, err = newSeal()
	return s, err
}

func (s *Simulator) start(listener net.Listener, asked string) error {
	host, _, err := net.SplitHostPort(asked)
	if err != nil {
		return err
	}
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		return err
	}
	cert, caPEM, err := certificates(host)
	if err != nil {
		return err
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1" // listening everywhere, reachable here
	}
	s.host, s.caPEM = net.JoinHostPort(host, port), caPEM

	s.ctx, s.stop = context.WithCancel(context.Background())
	s.server = &http.Server{
		Handler:           http.HandlerFunc(s.serve),
		TLSConfig:         &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12},
		ReadHeaderTimeout: 30 * time.Second,
		BaseContext:       func(net.Listener) context.Context { return s.ctx },
		// A client that does not trust the certificate learns of it by itself.
		ErrorLog: log.New(io.Discard, "", 0),
	}
	s.accepting.Go(func() { _ = s.server.ServeTLS(listener, "", "") }) // returns when Close is called, and only to say so
	return nil
}

// GraphURL returns the address of Graph v1.0, such as https://127.0.0.1:4321/v1.0.
func (s *Simulator) GraphURL() string { return s.AuthorityURL() + "/v1.0" }

// AuthorityURL returns the address of the sign-in, without a path or a slash at its end.
func (s *Simulator) AuthorityURL() string { return "https://" + s.host }

// CAPEM returns the certificate of the authority that signed the server's, as PEM. A client has to trust it.
func (s *Simulator) CAPEM() []byte { return append([]byte(nil), s.caPEM...) }

// TenantID returns the tenant's GUID in lower case.
func (s *Simulator) TenantID() string { return s.tenant }

// Close stops listening, breaks off what is being answered and returns when no request is left. It may be called again.
func (s *Simulator) Close() error {
	s.stop()
	err := errors.Join(ended(s.server.Close()), ended(s.admin.close()))
	s.accepting.Wait()
	s.inside.close()
	return err
}

// ended forgives that a server has been closed before.
func ended(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// serve records a request, lets the faults have it first, and answers it.
func (s *Simulator) serve(w http.ResponseWriter, r *http.Request) {
	if !s.inside.enter() {
		panic(http.ErrAbortHandler)
	}
	defer s.inside.leave()
	c := &call{sim: s, r: r, id: newGUID(), base: "https://" + r.Host}
	c.out = &recorder{ResponseWriter: w, tell: func() {
		now := s.Now()
		w.Header().Set("Date", now.UTC().Format(http.TimeFormat))
		s.log.add(c, now)
	}}
	defer func() {
		if c.out.status == 0 {
			s.log.add(c, s.Now())
		}
	}()
	leave, p := s.openMailbox(c)
	if p != nil {
		c.fail(p)
		return
	}
	defer leave()
	f, hit := s.faults.take(r.RequestURI)
	s.meet(c, f, hit)
}

// meet answers a call, after a fault has had it if one has hit it.
func (s *Simulator) meet(c *call, f Fault, hit bool) {
	if hit && s.suffer(c, f) {
		return
	}
	s.answer(c)
}

// answer is the tenant on a good day.
func (s *Simulator) answer(c *call) {
	path := strings.Split(strings.Trim(c.r.URL.EscapedPath(), "/"), "/")
	switch {
	case len(path) > 1 && slices.Contains(signInPaths, strings.ToLower(path[1])):
		s.signIn(c, path)
	case strings.EqualFold(path[0], "v1.0"):
		s.graph(c, path[1:])
	default:
		c.fail(badRequest("Invalid version: %s", path[0]))
	}
}

// signInPaths are what follows the tenant in an address of the sign-in.
var signInPaths = []string{"oauth2", "v2.0", "discovery", ".well-known"}

// gate counts the requests being answered. It is no plain WaitGroup because one may still come in while Close waits.
type gate struct {
	mu     sync.Mutex
	closed bool
	inside sync.WaitGroup
}

func (g *gate) enter() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return false
	}
	g.inside.Add(1)
	return true
}

func (g *gate) leave() { g.inside.Done() }

// close lets nobody in any more and waits until everybody has left.
func (g *gate) close() {
	g.mu.Lock()
	g.closed = true
	g.mu.Unlock()
	g.inside.Wait()
}
