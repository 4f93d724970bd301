package graph

import (
	"io"
	"net/url"
	"strings"

	"github.com/peopleinsights/peopleinsights/cache"
)

// maxFollowed is how many further pages of one question are read: all of those whom it is
// for are told of on the first one, unless Graph's pages are smaller than asked.
const maxFollowed = 20

// readAll asks questions for people, and then for the further pages of all of them together,
// which count like questions. A question is left as it is once enough holds of the people it
// has told of.
func (f *findAll) readAll(questions []part, enough func(n int, people []cache.Person) bool) (people [][]cache.Person, failures []error) {
	people, failures = make([][]cache.Person, len(questions)), make([]error, len(questions))
	seen := make([]map[string]bool, len(questions))
	places := make([]int, len(questions))
	for n := range places {
		places[n] = n
	}
	for round := 0; len(places) > 0; round++ {
		asked := make([]part, len(places))
		for k, n := range places {
			asked[k] = questions[n]
		}
		pages := make([]page[cache.Person], len(places))
		errs := f.questions(asked, func(k int, body io.Reader) (err error) {
			pages[k], err = decodePeople(body)
			return err
		})
		var left []int
		for k, n := range places {
			people[n] = append(people[n], pages[k].Items...)
			link := pages[k].nextLink
			if failures[n] = errs[k]; errs[k] != nil || link == "" || enough(n, people[n]) {
				continue
			}
			path, err := f.below(link)
			switch {
			case err != nil:
				failures[n] = err
				continue
			case seen[n][link]:
				failures[n] = &Error{kind: errUnavailable, text: "Microsoft Graph's pages lead in a circle"}
				continue
			case round == maxFollowed:
				failures[n] = &Error{kind: errUnavailable, text: "Microsoft Graph's pages for a few people have no end"}
				continue
			case seen[n] == nil:
				seen[n] = map[string]bool{}
			}
			seen[n][link] = true
			questions[n] = newPart(path)
			left = append(left, n)
		}
		places = left
	}
	return people, failures
}

// below makes of a link of Graph's the path of a part.
func (c *Client) below(link string) (string, error) {
	if err := c.ours(link); err != nil {
		return "", err
	}
	elsewhere := &Error{kind: errUnavailable, text: "Microsoft Graph gave a link to something else"}
	u, err := url.Parse(link)
	if err != nil {
		return "", elsewhere
	}
	base, path := strings.TrimSuffix(c.config.Endpoint.URL.EscapedPath(), "/")+"/", u.EscapedPath()
	if len(path) <= len(base) || !strings.EqualFold(path[:len(base)], base) {
		return "", elsewhere
	}
	return path[len(base):] + "?" + u.RawQuery, nil
}
