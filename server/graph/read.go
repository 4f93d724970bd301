package graph

import (
	"context"
	"net/url"

	abstractions "github.com/microsoft/kiota-abstractions-go"
)

// read makes a request for what is below the version, by the words of its path: those that
// name somebody are escaped here. query begins with a question mark, or is empty.
func (c *Client) read(accept, query string, words ...string) request {
	return func(context.Context) (*abstractions.RequestInformation, error) {
		escaped := make([]string, len(words))
		for i, word := range words {
			escaped[i] = url.PathEscape(word)
		}
		link, err := url.Parse(c.config.Endpoint.URL.JoinPath(escaped...).String() + query)
		if err != nil {
			return nil, err
		}
		info := abstractions.NewRequestInformation()
		info.Method = abstractions.GET
		info.SetUri(*link)
		info.Headers.Add("Accept", accept)
		return info, nil
	}
}
