package simulator

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"
)

// admin is the server of the admin API.
type admin struct {
	server *http.Server // nil when there is none
	mux    *http.ServeMux
	host   string // host:port
}

// adminEndpoint is one thing that the admin API does.
type adminEndpoint struct {
	pattern string // method and path
	about   string
	example string // what curl needs beside method and address
	do      adminFunc
}

// adminFunc serves an endpoint. It returns what goes out as JSON, nil for 204, or a raw answer; an error that is no
// refusal of its own is the client's fault.
type adminFunc func(s *Simulator, r *http.Request) (any, error)

// raw is an answer that is not JSON.
type raw func(w http.ResponseWriter)

// adminError is a refusal with its status.
type adminError struct {
	status int
	text   string
}

func (e *adminError) Error() string { return e.text }

func missing(format string, args ...any) error {
	return &adminError{http.StatusNotFound, fmt.Sprintf(format, args...)}
}

// adminEndpoints returns all endpoints in the order in which GET / lists them.
func adminEndpoints() []adminEndpoint {
	return slices.Concat(indexEndpoints(), faultEndpoints(), stateEndpoints(), userEndpoints(), photoEndpoints(), groupEndpoints(),
		contactEndpoints(), channelEndpoints(), apiTokenEndpoints())
}

func (s *Simulator) startAdmin(address string) error {
	if address == "" {
		return nil
	}
	listener, err := listenLoopback(address)
	if err != nil {
		return fmt.Errorf("admin API: %w", err)
	}
	s.admin.host = listener.Addr().String()
	s.admin.mux = http.NewServeMux()
	for _, e := range adminEndpoints() {
		s.admin.mux.Handle(e.pattern, s.adminHandler(e.do))
	}
	s.admin.server = &http.Server{
		Handler:           http.HandlerFunc(s.serveAdmin),
		ReadHeaderTimeout: 30 * time.Second,
		BaseContext:       func(net.Listener) context.Context { return s.ctx },
		ErrorLog:          log.New(io.Discard, "", 0),
	}
	s.accepting.Go(func() { _ = s.admin.server.Serve(listener) }) // returns when Close is called, and only to say so
	return nil
}

func listenLoopback(address string) (net.Listener, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	if !isLoopback(host) {
		return nil, fmt.Errorf("%q can be reached from elsewhere, and there is no sign-in; want a loopback address such as "+
			"127.0.0.1:9090 or localhost:9090", address)
	}
	return net.Listen("tcp", address)
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}

// AdminURL returns the address of the admin API without a slash at its end, empty when there is none.
func (s *Simulator) AdminURL() string {
	if s.admin.server == nil {
		return ""
	}
	return "http://" + s.admin.host
}

func (a *admin) close() error {
	if a.server == nil {
		return nil
	}
	return a.server.Close()
}

// serveAdmin answers what no endpoint does as JSON too. Only names of this machine are let in, so that a page in a browser
// cannot reach the API by a name of its own that leads here.
func (s *Simulator) serveAdmin(w http.ResponseWriter, r *http.Request) {
	if !s.inside.enter() {
		panic(http.ErrAbortHandler)
	}
	defer s.inside.leave()
	host, _, err := net.SplitHostPort(r.Host)
	if err != nil {
		host = strings.Trim(r.Host, "[]")
	}
	if !isLoopback(host) {
		refuseAdmin(w, &adminError{http.StatusForbidden, fmt.Sprintf("host %q is not a name of this machine; ask for %s", r.Host, s.AdminURL())})
		return
	}
	if handler, pattern := s.admin.mux.Handler(r); pattern == "" {
		handler.ServeHTTP(&memory{header: w.Header()}, r)
		refuseAdmin(w, noEndpoint(r, w.Header().Get("Allow")))
		return
	}
	s.admin.mux.ServeHTTP(w, r)
}

func noEndpoint(r *http.Request, allowed string) *adminError {
	if allowed != "" {
		return &adminError{http.StatusMethodNotAllowed, fmt.Sprintf("%s does not take %s; it takes %s", r.URL.Path, r.Method, allowed)}
	}
	return &adminError{http.StatusNotFound, fmt.Sprintf("there is no %s; GET / lists what there is", r.URL.Path)}
}

func (s *Simulator) adminHandler(do adminFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxLine)
		doc, err := do(s, r)
		switch answer, ok := doc.(raw); {
		case err != nil:
			refuseAdmin(w, err)
		case ok:
			answer(w)
		case doc == nil:
			w.WriteHeader(http.StatusNoContent)
		default:
			adminJSON(w, http.StatusOK, doc)
		}
	})
}

func refuseAdmin(w http.ResponseWriter, err error) {
	status := http.StatusBadRequest
	var own *adminError
	var tooBig *http.MaxBytesError
	switch {
	case errors.As(err, &own):
		status = own.status
	case errors.As(err, &tooBig):
		status = http.StatusRequestEntityTooLarge
	}
	adminJSON(w, status, map[string]string{"error": err.Error()})
}

func adminJSON(w http.ResponseWriter, status int, doc any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	out := json.NewEncoder(w)
	out.SetEscapeHTML(false)
	_ = out.Encode(doc) // nobody is left to tell when it fails
}

func indexEndpoints() []adminEndpoint {
	return []adminEndpoint{{"GET /{$}", "this page", "", (*Simulator).adminIndex}}
}

func (s *Simulator) adminIndex(*http.Request) (any, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "Admin API of the simulated tenant %s. JSON goes in and comes out; ID stands for an id.\n", s.tenant)
	for _, e := range adminEndpoints() {
		method, path, _ := strings.Cut(strings.TrimSuffix(e.pattern, "{$}"), " ")
		fmt.Fprintf(&b, "\n%s %s: %s\n  %s\n", method, path, e.about, e.curl(s.AdminURL(), method, path))
	}
	return raw(func(w http.ResponseWriter) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = io.WriteString(w, b.String())
	}), nil
}

// placeholders turns the variables of a path into words that a person can replace.
var placeholders = strings.NewReplacer("{id}", "ID", "{member}", "MEMBER", "{contact}", "CONTACT", "{folder}", "FOLDER", "{channel}", "CHANNEL")

func (e adminEndpoint) curl(at, method, path string) string {
	command := "curl "
	if method != http.MethodGet {
		command += "-X " + method + " "
	}
	command += at + placeholders.Replace(path)
	if e.example != "" {
		command += " -d '" + e.example + "'"
	}
	return command
}
