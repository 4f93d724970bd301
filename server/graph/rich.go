package graph

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"

	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
)

// Bounds of what people write of themselves: SharePoint takes more than the directory.
const (
	maxAbout     = 16 << 10
	maxRichTexts = 200
)

// richLists are the properties of the rich profile that are lists of texts, and where they
// go. Like aboutMe they are kept outside the directory, so that they are told of one person
// at a time.
// Source: https://learn.microsoft.com/graph/api/resources/user
var richLists = map[string]func(*pb.Profile) *[]string{
	"skills":           func(p *pb.Profile) *[]string { return &p.Skills },
	"interests":        func(p *pb.Profile) *[]string { return &p.Interests },
	"responsibilities": func(p *pb.Profile) *[]string { return &p.Responsibilities },
	"pastProjects":     func(p *pb.Profile) *[]string { return &p.PastProjects },
	"schools":          func(p *pb.Profile) *[]string { return &p.Schools },
}

const richSelect = "aboutMe,skills,interests,responsibilities,pastProjects,schools"

// noProfile tells whether a code means that somebody has no place for a rich profile: no
// mailbox, or nothing in SharePoint.
func noProfile(code string) bool {
	return strings.EqualFold(code, "MailboxNotEnabledForRESTAPI") || strings.EqualFold(code, "ResourceNotFound")
}

// Rich implements cache.Source. Whoever has no place for a rich profile has an empty one,
// and so has everybody of a tenant without SharePoint, or of a Graph that does not know the
// properties. It costs a resource unit, and is otherwise the mailbox's question: Outlook or
// SharePoint answers it, and may be throttled or in trouble while the directory is not.
func (c *Client) Rich(ctx context.Context, id string) (*pb.Profile, error) {
	profile := &pb.Profile{}
	request := c.read("application/json", "?$select="+richSelect, "users", id)
	err := c.get(mayBeAbsent(inMailbox(ctx, id), noProfile), lookup(ctx), needUsers, request, func(response *http.Response) (err error) {
		profile, err = decodeRich(response.Body)
		return err
	})
	if errors.Is(err, errAbsent) || errors.Is(err, errUnsupported) {
		return &pb.Profile{}, nil
	}
	if err != nil {
		return nil, unanswered(err)
	}
	return profile, nil
}

// decodeRich reads the rich profile of a user resource.
func decodeRich(body io.Reader) (*pb.Profile, error) {
	d := newDecoder(body)
	p := &pb.Profile{}
	if d.PeekKind() != '{' && d.PeekKind() != 0 {
		return nil, &Error{kind: errUnavailable, text: "this is not Microsoft Graph's answer: check the Graph URL (a profile that is no object)"}
	}
	err := d.object(func(name string) (err error) {
		if name == "aboutMe" {
			p.AboutMe, err = d.string(maxAbout)
			return err
		}
		list, ok := richLists[name]
		if !ok {
			return d.SkipValue()
		}
		texts, err := d.list()
		*list(p) = texts[:min(len(texts), maxRichTexts)]
		return err
	})
	return p, err
}
