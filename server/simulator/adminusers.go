package simulator

import (
	"encoding/json"
	"errors"
	"iter"
	"net/http"
)

func userEndpoints() []adminEndpoint {
	return []adminEndpoint{
		{"GET /users", "everybody, as JSON Lines that a simulator can load", "", (*Simulator).adminUsers},
		{"PUT /users", "create or replace somebody; managerId names the manager",
			`{"id":"6f1d0a52-5a0e-4c1b-9f57-0d6a1c1f2b3c","displayName":"Ada Example","userPrincipalName":"ada@contoso.com"}`, (*Simulator).adminPutUser},
		{"GET /users/{id}", "one person", "", (*Simulator).adminUser},
		{"PATCH /users/{id}", "change properties; null clears one", `{"jobTitle":"Engineer","managerId":null}`, (*Simulator).adminPatchUser},
		{"DELETE /users/{id}", "delete somebody; with ?permanently=true for good, even if deleted already", "", (*Simulator).adminDeleteUser},
		{"POST /users/{id}/restore", "bring somebody back who has been deleted", "", (*Simulator).adminRestoreUser},
	}
}

// jsonLines answers with one resource on each line.
func jsonLines(all iter.Seq2[string, json.RawMessage]) raw {
	return func(w http.ResponseWriter) {
		w.Header().Set("Content-Type", "application/jsonl; charset=utf-8")
		for _, resource := range all {
			if _, err := w.Write(append(resource, '\n')); err != nil {
				return // the client has left
			}
		}
	}
}

func (s *Simulator) adminUsers(*http.Request) (any, error) { return jsonLines(s.dir.All()), nil }

func (s *Simulator) adminUser(r *http.Request) (any, error) {
	id := r.PathValue("id")
	user, ok := s.dir.Get(id)
	if !ok {
		return nil, missing("%v: %.60q (a user is named by id)", ErrUnknown, id)
	}
	return user, nil
}

func (s *Simulator) adminPutUser(r *http.Request) (any, error) {
	body, err := readBody(r)
	if err != nil {
		return nil, err
	}
	if err := s.dir.Put(body); err != nil {
		return nil, err
	}
	var doc struct {
		ID string `json:"id"`
	}
	if err := json.Unmarshal(body, &doc); err != nil {
		return nil, nil // put all the same
	}
	user, ok := s.dir.Get(doc.ID)
	if !ok {
		return nil, nil // deleted again by somebody else
	}
	return user, nil
}

func (s *Simulator) adminPatchUser(r *http.Request) (any, error) {
	body, err := readBody(r)
	if err != nil {
		return nil, err
	}
	if _, err := s.adminUser(r); err != nil {
		return nil, err
	}
	if err := s.dir.Patch(r.PathValue("id"), body); err != nil {
		return nil, err
	}
	return s.adminUser(r)
}

func (s *Simulator) adminDeleteUser(r *http.Request) (any, error) {
	return remove(r, s.dir.Delete, s.dir.Purge)
}

func (s *Simulator) adminRestoreUser(r *http.Request) (any, error) {
	if err := s.dir.Restore(r.PathValue("id")); err != nil {
		return nil, unknownOr(http.StatusConflict, err)
	}
	return s.adminUser(r)
}

// unknownOr gives an error of the directory its status: 404 for somebody unknown, else the given one.
func unknownOr(status int, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ErrUnknown):
		status = http.StatusNotFound
	}
	return &adminError{status, err.Error()}
}
