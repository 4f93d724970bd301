package simulator

import (
	"errors"
	"net/http"
	"time"
)

func apiTokenEndpoints() []adminEndpoint {
	return []adminEndpoint{
		{"POST /tokens", "an access token for the API " + APIURI + ", of an app with roles or, with user (an id), of a person with scopes; " +
			"version 1 or 2; tweak says what is wrong with it: claims, header, algorithm (RS256, ES256, HS256, none), stranger",
			`{"roles":["PeopleInsights.Client"],"lifetime":"1h","tweak":{"claims":{"aud":"api://another"}}}`, (*Simulator).adminToken},
		{"POST /rotate-keys", "sign such tokens with new keys; those before stay published until the next time", "", (*Simulator).adminRotate},
	}
}

func (s *Simulator) adminToken(r *http.Request) (any, error) {
	var doc struct {
		App      string   `json:"app"`
		User     string   `json:"user"`
		Roles    []string `json:"roles"`
		Scopes   []string `json:"scopes"`
		Version  int      `json:"version"`
		Lifetime string   `json:"lifetime"`
		Tweak    Tweak    `json:"tweak"`
	}
	if err := readJSON(r, &doc); err != nil {
		return nil, err
	}
	t := APIToken{App: doc.App, User: doc.User, Roles: doc.Roles, Scopes: doc.Scopes, Version: doc.Version, Lifetime: time.Hour, Tweak: doc.Tweak}
	if doc.Lifetime != "" {
		if err := errors.Join(setDuration(&t.Lifetime, doc.Lifetime), checkLifetime(t.Lifetime)); err != nil {
			return nil, badField("lifetime", "%v", err)
		}
	}
	if doc.User == "" && doc.Scopes != nil {
		return nil, badField("scopes", "are of users' tokens; want a user beside them")
	}
	token, err := s.IssueToken(t)
	if err != nil {
		return nil, unknownOr(http.StatusBadRequest, err)
	}
	return map[string]any{"token_type": "Bearer", "expires_in": int(t.Lifetime.Seconds()), "access_token": token}, nil
}

func (s *Simulator) adminRotate(*http.Request) (any, error) { return nil, s.RotateKeys() }
