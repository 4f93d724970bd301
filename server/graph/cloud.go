package graph

import (
	"fmt"
	"net/url"
	"strings"
)

// PublicURL is Microsoft Graph in the global cloud.
const PublicURL = "https://graph.microsoft.com/v1.0"

// PublicAuthority is its sign-in.
const PublicAuthority = "https://login.microsoftonline.com"

// authorities are the sign-in hosts of the clouds that Microsoft runs, by the
// host of their Graph.
// Source: https://learn.microsoft.com/graph/deployments
var authorities = map[string]string{
	"graph.microsoft.com":              "https://login.microsoftonline.com",
	"graph.microsoft.us":               "https://login.microsoftonline.us",
	"dod-graph.microsoft.us":           "https://login.microsoftonline.us",
	"microsoftgraph.chinacloudapi.cn":  "https://login.chinacloudapi.cn",
	"microsoftgraph.partner.office.cn": "https://login.partner.microsoftonline.cn",
}

// Endpoint is where a cloud's Graph and its sign-in are.
type Endpoint struct {
	// URL is Graph's base, version included.
	URL *url.URL
	// Authority is the host that issues tokens; the tenant is appended to it.
	Authority string
}

// NewEndpoint makes an endpoint of the two addresses an operator gives. Without a
// path, graphURL means version 1.0; empty means the global cloud. An empty
// authorityURL means the one that belongs to a Microsoft cloud's Graph.
func NewEndpoint(graphURL, authorityURL string) (Endpoint, error) {
	if graphURL == "" {
		graphURL = PublicURL
	}
	base, err := httpsURL(graphURL, PublicURL)
	if err != nil {
		return Endpoint{}, fmt.Errorf("the Graph URL %w", err)
	}
	if base.Path = strings.TrimRight(base.Path, "/"); base.Path == "" {
		base.Path = "/v1.0"
	}
	if authorityURL == "" {
		authorityURL = authorities[base.Hostname()]
	}
	if authorityURL == "" {
		return Endpoint{}, fmt.Errorf("the Graph URL's host %s is not one of Microsoft's clouds: an authority URL is needed beside it", base.Hostname())
	}
	authority, err := httpsURL(authorityURL, PublicAuthority)
	if err != nil {
		return Endpoint{}, fmt.Errorf("the authority URL %w", err)
	}
	return Endpoint{URL: base, Authority: strings.TrimRight(authority.String(), "/")}, nil
}

func httpsURL(text, like string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.User != nil {
		return nil, fmt.Errorf("must be like %s, not %q", like, text)
	}
	u.Host = plainHost(u)
	return u, nil
}

// plainHost is a URL's host in lower case, without the port that goes without saying.
func plainHost(u *url.URL) string {
	return strings.TrimSuffix(strings.ToLower(u.Host), ":443")
}

// scope is what the app asks a token for. Tokens are for Microsoft's Graph even
// where a gateway, or another server that speaks Graph, stands before it.
func (e Endpoint) scope() string {
	host := "graph.microsoft.com"
	if _, ok := authorities[e.URL.Hostname()]; ok {
		host = e.URL.Hostname()
	}
	return "https://" + host + "/.default"
}

// knownAuthority tells whether Microsoft's instance discovery knows the sign-in
// host. To ask it about any other would send that host's name to Microsoft and
// fail.
func (e Endpoint) knownAuthority() bool {
	for _, authority := range authorities {
		if e.Authority == authority {
			return true
		}
	}
	return false
}
