package simulator

import (
	"bytes"
	"net/http"
	"strconv"
)

func photoEndpoints() []adminEndpoint {
	return []adminEndpoint{
		{"PUT /users/{id}/photo", "give somebody another photo: jpeg is the file in base64; or size, the edge in pixels of one " +
			"that is made up", `{"size":240}`, (*Simulator).adminPutPhoto},
		{"GET /users/{id}/photo", "somebody's photo in its largest size, as image/jpeg", "", (*Simulator).adminPhoto},
		{"DELETE /users/{id}/photo", "take somebody's photo away", "", (*Simulator).adminDeletePhoto},
	}
}

func (s *Simulator) adminPutPhoto(r *http.Request) (any, error) {
	var doc struct {
		JPEG []byte `json:"jpeg"`
		Size *int   `json:"size"`
	}
	if err := readJSON(r, &doc); err != nil {
		return nil, err
	}
	switch {
	case (doc.JPEG == nil) == (doc.Size == nil):
		return nil, badField("jpeg", "want either jpeg or size")
	case doc.Size != nil && (*doc.Size < 1 || *doc.Size > maxPhotoEdge):
		return nil, badField("size", "%d is not from 1 to %d pixels", *doc.Size, maxPhotoEdge)
	}
	id := r.PathValue("id")
	if doc.Size != nil {
		return nil, unknownOr(http.StatusBadRequest, s.dir.putPhoto(id, &photo{width: *doc.Size, height: *doc.Size, seed: newGUID()}))
	}
	return nil, unknownOr(http.StatusBadRequest, s.dir.SetPhoto(id, doc.JPEG))
}

func (s *Simulator) adminPhoto(r *http.Request) (any, error) {
	picture, ok := s.dir.Photo(r.PathValue("id"))
	if !ok {
		return nil, missing("there is no photo of %.60q", r.PathValue("id"))
	}
	return raw(func(w http.ResponseWriter) {
		w.Header().Set("Content-Type", "image/jpeg")
		w.Header().Set("Content-Length", strconv.Itoa(len(picture)))
		_, _ = bytes.NewReader(picture).WriteTo(w) // nobody is left to tell when it fails
	}), nil
}

func (s *Simulator) adminDeletePhoto(r *http.Request) (any, error) {
	return nil, unknownOr(http.StatusBadRequest, s.dir.RemovePhoto(r.PathValue("id")))
}
