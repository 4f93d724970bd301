package simulator

import (
	"bytes"
	"encoding/json"
	"net/http"
)

// contactEndpoints are about directory contacts, and about the contacts in mailboxes.
func contactEndpoints() []adminEndpoint {
	return []adminEndpoint{
		{"GET /orgcontacts", "all directory contacts, as JSON Lines that a simulator can load", "", (*Simulator).adminOrgContacts},
		{"PUT /orgcontacts", "create or replace a directory contact",
			`{"id":"2b1f5a7c-7d52-4b0e-8f0a-5b6f3d1e2c4a","displayName":"Example Supplies","mail":"sales@example.com"}`, (*Simulator).adminPutOrgContact},
		{"PATCH /orgcontacts/{id}", "change properties; null clears one", `{"companyName":"Example"}`, (*Simulator).adminPatchOrgContact},
		{"DELETE /orgcontacts/{id}", "delete a directory contact; with ?permanently=true for good, even if deleted already", "", (*Simulator).adminDeleteOrgContact},
		{"POST /orgcontacts/{id}/restore", "bring a directory contact back that has been deleted", "", (*Simulator).adminRestoreOrgContact},
		{"GET /users/{id}/contacts", "the folders and contacts in a mailbox, as JSON Lines that a simulator can load", "", (*Simulator).adminContacts},
		{"PUT /users/{id}/contacts", "create or replace a contact in a mailbox, and get its id; parentFolderId names a folder",
			`{"displayName":"Ada Example","emailAddresses":[{"name":"Ada Example","address":"ada@example.com"}]}`, (*Simulator).adminPutContact},
		{"DELETE /users/{id}/contacts/{contact}", "remove a contact from a mailbox", "", (*Simulator).adminRemoveContact},
		{"PUT /users/{id}/contact-folders", "create or rename a folder for contacts, and get its id; parentFolderId puts it into another",
			`{"displayName":"Suppliers"}`, (*Simulator).adminPutContactFolder},
		{"DELETE /users/{id}/contact-folders/{folder}", "remove a folder with all that is in it", "", (*Simulator).adminRemoveContactFolder},
		{"PUT /users/{id}/access-policy", "refuse every app the contacts in a mailbox, or let apps in again", `{"refused":true}`, (*Simulator).adminAccessPolicy},
	}
}

func (s *Simulator) adminOrgContacts(*http.Request) (any, error) {
	return jsonLines(s.dir.OrgContacts()), nil
}

// orgContact answers with one directory contact.
func (s *Simulator) orgContact(id string) (any, error) {
	s.dir.mu.RLock()
	defer s.dir.mu.RUnlock()
	sh := s.dir.shelf(contactKind)
	n, err := sh.find(id, false)
	if err != nil {
		return nil, missing("%v (a directory contact is named by id)", err)
	}
	return sh.resource(sh.shown(n)), nil
}

func (s *Simulator) adminPutOrgContact(r *http.Request) (any, error) {
	body, err := readBody(r)
	if err != nil {
		return nil, err
	}
	if err := s.dir.PutOrgContact(body); err != nil {
		return nil, err
	}
	var doc struct {
		ID string `json:"id"`
	}
	if err := json.Unmarshal(body, &doc); err != nil {
		return nil, nil // put all the same
	}
	return s.orgContact(doc.ID)
}

func (s *Simulator) adminPatchOrgContact(r *http.Request) (any, error) {
	body, err := readBody(r)
	if err != nil {
		return nil, err
	}
	if err := s.dir.PatchOrgContact(r.PathValue("id"), body); err != nil {
		return nil, unknownOr(http.StatusBadRequest, err)
	}
	return s.orgContact(r.PathValue("id"))
}

func (s *Simulator) adminDeleteOrgContact(r *http.Request) (any, error) {
	return remove(r, s.dir.DeleteOrgContact, s.dir.PurgeOrgContact)
}

func (s *Simulator) adminRestoreOrgContact(r *http.Request) (any, error) {
	if err := s.dir.RestoreOrgContact(r.PathValue("id")); err != nil {
		return nil, unknownOr(http.StatusConflict, err)
	}
	return s.orgContact(r.PathValue("id"))
}

func (s *Simulator) adminContacts(r *http.Request) (any, error) {
	var b bytes.Buffer
	s.dir.mu.RLock()
	_, err := s.dir.owner(r.PathValue("id"))
	s.dir.mu.RUnlock()
	if err != nil {
		return nil, missing("%v", err)
	}
	for _, line := range s.dir.Contacts(r.PathValue("id")) {
		b.Write(append(line, '\n'))
	}
	return raw(func(w http.ResponseWriter) {
		w.Header().Set("Content-Type", "application/jsonl; charset=utf-8")
		_, _ = w.Write(b.Bytes()) // nobody is left to tell when it fails
	}), nil
}

func (s *Simulator) adminPutContact(r *http.Request) (any, error) {
	return putOwned(r, s.dir.PutContact)
}

func (s *Simulator) adminPutContactFolder(r *http.Request) (any, error) {
	return putOwned(r, s.dir.PutContactFolder)
}

// putOwned puts something into a mailbox and answers with its id.
func putOwned(r *http.Request, put func(owner string, resource []byte) (string, error)) (any, error) {
	body, err := readBody(r)
	if err != nil {
		return nil, err
	}
	id, err := put(r.PathValue("id"), body)
	if err != nil {
		return nil, unknownOr(http.StatusBadRequest, err)
	}
	return map[string]string{"id": id}, nil
}

func (s *Simulator) adminRemoveContact(r *http.Request) (any, error) {
	return nil, unknownOr(http.StatusBadRequest, s.dir.RemoveContact(r.PathValue("id"), r.PathValue("contact")))
}

func (s *Simulator) adminRemoveContactFolder(r *http.Request) (any, error) {
	return nil, unknownOr(http.StatusBadRequest, s.dir.RemoveContactFolder(r.PathValue("id"), r.PathValue("folder")))
}

func (s *Simulator) adminAccessPolicy(r *http.Request) (any, error) {
	var doc struct {
		Refused *bool `json:"refused"`
	}
	if err := readJSON(r, &doc); err != nil {
		return nil, err
	}
	if doc.Refused == nil {
		return nil, badField("refused", "it is missing; want true or false")
	}
	return nil, unknownOr(http.StatusBadRequest, s.RefuseMailbox(r.PathValue("id"), *doc.Refused))
}
