package simulator

import (
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// graphHosts are the names under which Graph is known to the sign-in: those of Microsoft's clouds. The simulator's own
// host comes to them.
var graphHosts = []string{
	"graph.microsoft.com", "graph.microsoft.us", "dod-graph.microsoft.us", "microsoftgraph.chinacloudapi.cn",
}

// refusal is an answer of the token endpoint that is no token.
type refusal struct {
	status int
	kind   string // the OAuth error: clients branch on it, never on the number
	number int
	text   string
}

func refuseToken(kind string, number int, format string, args ...any) *refusal {
	status := http.StatusBadRequest
	if kind == "invalid_client" {
		status = http.StatusUnauthorized
	}
	return &refusal{status, kind, number, fmt.Sprintf(format, args...)}
}

// signIn serves /{tenant}/oauth2/v2.0/token, /{tenant}/v2.0/.well-known/openid-configuration, its like without v2.0, and the
// keys that they lead to.
func (s *Simulator) signIn(c *call, path []string) {
	tenant, err := url.PathUnescape(path[0])
	if err != nil {
		tenant = path[0]
	}
	rest := strings.ToLower(strings.Join(path[1:], "/"))
	switch {
	case rest == "v2.0/.well-known/openid-configuration" && c.r.Method == http.MethodGet:
		s.openID(c, tenant, "/v2.0")
	case rest == ".well-known/openid-configuration" && c.r.Method == http.MethodGet:
		s.openID(c, tenant, "/") // of v1 tokens; Microsoft has it at another host
	case (rest == "discovery/v2.0/keys" || rest == "discovery/keys") && c.r.Method == http.MethodGet:
		s.publishKeys(c)
	case rest == "oauth2/v2.0/token" && c.r.Method == http.MethodPost:
		s.token(c, tenant)
	default:
		http.Error(c.out, "not found", http.StatusNotFound)
	}
}

// openID says where all of the sign-in is; issuer is what the issuer of its tokens has behind the tenant.
func (s *Simulator) openID(c *call, tenant, issuer string) {
	if !strings.EqualFold(tenant, s.tenant) {
		c.refuseToken(s.unknownTenant("invalid_tenant", tenant))
		return
	}
	at := c.base + "/" + s.tenant
	c.tokenReply(http.StatusOK, map[string]any{
		"issuer":                                at + issuer,
		"authorization_endpoint":                at + "/oauth2/v2.0/authorize",
		"token_endpoint":                        at + "/oauth2/v2.0/token",
		"jwks_uri":                              at + "/discovery/v2.0/keys",
		"token_endpoint_auth_methods_supported": []string{"client_secret_post", "client_secret_basic"},
		"id_token_signing_alg_values_supported": []string{"RS256"},
		"response_types_supported":              []string{"code"},
		"subject_types_supported":               []string{"pairwise"},
		"scopes_supported":                      []string{"openid", "profile", "offline_access"},
		"tenant_region_scope":                   "EU",
	})
}

func (s *Simulator) publishKeys(c *call) {
	set, err := s.keys.published()
	if err != nil {
		http.Error(c.out, err.Error(), http.StatusInternalServerError)
		return
	}
	c.tokenReply(http.StatusOK, set)
}

func (s *Simulator) token(c *call, tenant string) {
	c.r.Body = http.MaxBytesReader(c.out, c.r.Body, 64<<10)
	if err := c.r.ParseForm(); err != nil {
		c.refuseToken(refuseToken("invalid_request", 900144, "The request body could not be read."))
		return
	}
	form := c.r.PostForm
	id, secret, basic := c.r.BasicAuth()
	if basic {
		// RFC 6749 has both form-encoded before they are joined.
		id, secret = formDecoded(id), formDecoded(secret)
	} else {
		id, secret = form.Get("client_id"), form.Get("client_secret")
	}
	app, no := s.check(c, tenant, id, secret, form)
	if no != nil {
		c.refuseToken(no)
		return
	}
	var token string
	if isAPI(form.Get("scope")) {
		var err error
		if token, err = s.issueAPIToken(c.base, APIToken{App: app.ID, Roles: app.APIRoles, Lifetime: s.lifetime}); err != nil {
			http.Error(c.out, err.Error(), http.StatusInternalServerError)
			return
		}
	} else {
		token = s.tokens.issue(grant{
			app:     app.ID,
			roles:   slices.Clone(app.Roles),
			capable: declaresCP1(form.Get("claims")),
		}, s.Now(), s.lifetime)
	}
	seconds := int((s.lifetime + time.Second - 1) / time.Second)
	c.tokenReply(http.StatusOK, map[string]any{
		"token_type":     "Bearer",
		"expires_in":     seconds,
		"ext_expires_in": seconds,
		"access_token":   token,
	})
}

// check goes through a token request in the order in which Microsoft complains.
func (s *Simulator) check(c *call, tenant, id, secret string, form url.Values) (App, *refusal) {
	switch strings.ToLower(tenant) {
	case s.tenant:
	case "common", "organizations", "consumers":
		return App{}, refuseToken("invalid_request", 9001023, "The grant type is not supported over the /common or "+
			"/consumers endpoints. Please use the /organizations or tenant-specific endpoint.")
	default:
		return App{}, s.unknownTenant("invalid_request", tenant)
	}
	for _, must := range []struct{ name, value string }{
		{"grant_type", form.Get("grant_type")}, {"client_id", id}, {"scope", form.Get("scope")},
	} {
		if must.value == "" {
			return App{}, refuseToken("invalid_request", 900144,
				"The request body must contain the following parameter: '%s'.", must.name)
		}
	}
	if g := form.Get("grant_type"); g != "client_credentials" {
		return App{}, refuseToken("unsupported_grant_type", 70003, "The app requested an unsupported grant type '%s'.", g)
	}
	if no := checkScope(form.Get("scope"), c.r.Host); no != nil {
		return App{}, no
	}
	app, ok := s.apps[strings.ToLower(id)]
	if !ok {
		return App{}, refuseToken("unauthorized_client", 700016, "Application with identifier '%s' was not found in the "+
			"directory '%s'. This can happen if the application has not been installed by the administrator of the tenant or "+
			"consented to by any user in the tenant. You may have sent your authentication request to the wrong tenant.", id, s.tenant)
	}
	return app, checkSecret(app, secret, form)
}

func checkSecret(app App, secret string, form url.Values) *refusal {
	switch {
	case form.Get("client_assertion") != "":
		return refuseToken("invalid_client", 700027, "The certificate with identifier used to sign the client assertion is "+
			"not registered on application. (The simulator takes client secrets only.)")
	case secret == "":
		return refuseToken("invalid_client", 7000218,
			"The request body must contain the following parameter: 'client_assertion' or 'client_secret'.")
	case subtle.ConstantTimeCompare([]byte(secret), []byte(app.Secret)) != 1:
		return refuseToken("invalid_client", 7000215, "Invalid client secret provided. Ensure the secret being sent in the "+
			"request is the client secret value, not the client secret ID, for a secret added to app '%s'.", app.ID)
	}
	return nil
}

// checkScope wants one resource with /.default, which has to be Graph or the API; OpenID's scopes may stand beside it.
func checkScope(scope, self string) *refusal {
	for s := range strings.FieldsSeq(scope) {
		resource, ok := strings.CutSuffix(s, "/.default")
		if !ok {
			continue
		}
		if isAPI(s) {
			return nil
		}
		u, err := url.Parse(resource)
		if err == nil && (strings.EqualFold(u.Host, self) || slices.Contains(graphHosts, strings.ToLower(u.Host))) {
			return nil
		}
		return refuseToken("invalid_resource", 500011, "The resource principal named %s was not found in the tenant named "+
			"Contoso. This can happen if the application has not been installed by the administrator of the tenant or consented "+
			"to by any user in the tenant.", resource)
	}
	return refuseToken("invalid_scope", 70011, "The provided request must include a 'scope' input parameter. The provided "+
		"value for the input parameter 'scope' is not valid. The scope %s is not valid.", scope)
}

func (s *Simulator) unknownTenant(kind, tenant string) *refusal {
	return refuseToken(kind, 90002, "Tenant '%s' not found. Check to make sure you have the correct tenant ID and are signing "+
		"into the correct cloud. Check with your subscription administrator, this may happen if there are no active "+
		"subscriptions for the tenant.", tenant)
}

func formDecoded(s string) string {
	if d, err := url.QueryUnescape(s); err == nil {
		return d
	}
	return s
}

// declaresCP1 reports whether the claims of a token request say that the client understands claims challenges.
func declaresCP1(claims string) bool {
	var asked struct {
		AccessToken struct {
			Capabilities struct {
				Values []string `json:"values"`
			} `json:"xms_cc"`
		} `json:"access_token"`
	}
	if json.Unmarshal([]byte(claims), &asked) != nil {
		return false
	}
	return slices.ContainsFunc(asked.AccessToken.Capabilities.Values, func(v string) bool { return strings.EqualFold(v, "cp1") })
}

func (c *call) refuseToken(r *refusal) {
	now, correlation, trace := c.sim.Now().UTC(), c.clientID(), c.id.String()
	stamp := now.Format("2006-01-02 15:04:05Z")
	c.tokenReply(r.status, map[string]any{
		"error": r.kind,
		"error_description": fmt.Sprintf("AADSTS%d: %s Trace ID: %s Correlation ID: %s Timestamp: %s",
			r.number, r.text, trace, correlation, stamp),
		"error_codes":    []int{r.number},
		"timestamp":      stamp,
		"trace_id":       trace,
		"correlation_id": correlation,
		"error_uri":      fmt.Sprintf("%s/error?code=%d", c.base, r.number),
	})
}

func (c *call) tokenReply(status int, doc map[string]any) {
	b, err := json.Marshal(doc)
	if err != nil {
		http.Error(c.out, "cannot be encoded", http.StatusInternalServerError)
		return
	}
	h := c.out.Header()
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("Cache-Control", "no-store, no-cache")
	h.Set("Pragma", "no-cache")
	h.Set("x-ms-request-id", c.id.String())
	c.out.WriteHeader(status)
	_, _ = c.out.Write(b)
}
