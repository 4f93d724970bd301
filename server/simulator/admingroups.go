package simulator

import (
	"encoding/json"
	"net/http"
	"strings"
)

func groupEndpoints() []adminEndpoint {
	return []adminEndpoint{
		{"GET /groups", "all groups with their members, as JSON Lines that a simulator can load", "", (*Simulator).adminGroups},
		{"PUT /groups", "create or replace a group; memberIds names its members",
			`{"id":"7a2e1b63-6b1f-4d2c-8a68-1e7b2d2a3c4d","displayName":"Example group","memberIds":[]}`, (*Simulator).adminPutGroup},
		{"PATCH /groups/{id}", "change properties; null clears one", `{"displayName":"Renamed"}`, (*Simulator).adminPatchGroup},
		{"DELETE /groups/{id}", "delete a group; with ?permanently=true for good, even if deleted already", "", (*Simulator).adminDeleteGroup},
		{"POST /groups/{id}/restore", "bring a group back that has been deleted", "", (*Simulator).adminRestoreGroup},
		{"PUT /groups/{id}/members/{member}", "add a user or a group", "", (*Simulator).adminAddMember},
		{"DELETE /groups/{id}/members/{member}", "remove a member", "", (*Simulator).adminRemoveMember},
		{"POST /churn", "make so many random changes to people and groups, the same for the same seed", `{"changes":100,"seed":1}`, (*Simulator).adminChurn},
	}
}

func (s *Simulator) adminGroups(*http.Request) (any, error) { return jsonLines(s.dir.Groups()), nil }

// group answers with one group. There are few enough to look through them.
func (s *Simulator) group(id string) (any, error) {
	for other, group := range s.dir.Groups() {
		if strings.EqualFold(other, id) {
			return group, nil
		}
	}
	return nil, missing("%v: %.60q (a group is named by id)", ErrUnknown, id)
}

func (s *Simulator) adminPutGroup(r *http.Request) (any, error) {
	body, err := readBody(r)
	if err != nil {
		return nil, err
	}
	if err := s.dir.PutGroup(body); err != nil {
		return nil, err
	}
	var doc struct {
		ID string `json:"id"`
	}
	if err := json.Unmarshal(body, &doc); err != nil {
		return nil, nil // put all the same
	}
	return s.group(doc.ID)
}

func (s *Simulator) adminPatchGroup(r *http.Request) (any, error) {
	body, err := readBody(r)
	if err != nil {
		return nil, err
	}
	if err := s.dir.PatchGroup(r.PathValue("id"), body); err != nil {
		return nil, unknownOr(http.StatusBadRequest, err)
	}
	return s.group(r.PathValue("id"))
}

func (s *Simulator) adminDeleteGroup(r *http.Request) (any, error) {
	return remove(r, s.dir.DeleteGroup, s.dir.PurgeGroup)
}

// remove deletes what a request names, softly or for good.
func remove(r *http.Request, softly, forGood func(id string) error) (any, error) {
	do := softly
	switch v := r.URL.Query().Get("permanently"); v {
	case "", "false":
	case "true":
		do = forGood
	default:
		return nil, badField("permanently", "%.60q is neither true nor false", v)
	}
	return nil, unknownOr(http.StatusBadRequest, do(r.PathValue("id")))
}

func (s *Simulator) adminRestoreGroup(r *http.Request) (any, error) {
	if err := s.dir.RestoreGroup(r.PathValue("id")); err != nil {
		return nil, unknownOr(http.StatusConflict, err)
	}
	return s.group(r.PathValue("id"))
}

func (s *Simulator) adminAddMember(r *http.Request) (any, error) {
	return nil, unknownOr(http.StatusBadRequest, s.dir.AddMember(r.PathValue("id"), r.PathValue("member")))
}

func (s *Simulator) adminRemoveMember(r *http.Request) (any, error) {
	return nil, unknownOr(http.StatusBadRequest, s.dir.RemoveMember(r.PathValue("id"), r.PathValue("member")))
}

// maxChurn bounds the changes of one request: each takes some microseconds, with the directory locked.
const maxChurn = 1_000_000

func (s *Simulator) adminChurn(r *http.Request) (any, error) {
	var doc struct {
		Changes int    `json:"changes"`
		Seed    uint64 `json:"seed"`
	}
	if err := readJSON(r, &doc); err != nil {
		return nil, err
	}
	if doc.Changes < 1 || doc.Changes > maxChurn {
		return nil, badField("changes", "want 1 to %d", maxChurn)
	}
	return nil, s.dir.Churn(doc.Changes, doc.Seed)
}
