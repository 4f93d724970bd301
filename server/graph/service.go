package graph

import (
	"context"
	"strings"
)

// service is one of those that answer behind Graph's one door. Each has limits of its own,
// and troubles of its own: what one of them does says nothing of the others.
type service uint8

const (
	directory service = iota
	outlook           // mailboxes: photos, people's own contacts, rich profiles
	teams
)

// services is how many there are.
const services = int(teams) + 1

// String names the service to an operator.
func (s service) String() string { return [...]string{"Microsoft Graph", "Outlook", "Teams"}[s] }

// service is which one a request is for.
func (t target) service() service {
	switch {
	case t.mailbox != "":
		return outlook
	case t.words[0] == "teams":
		return teams
	default:
		return directory
	}
}

type mailboxKey struct{}

// inMailbox marks a question whose path is the directory's, but whose answer is kept in
// somebody's mailbox, or beside it in SharePoint: it keeps to Outlook's limits, though it has
// the directory's price.
func inMailbox(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, mailboxKey{}, strings.ToLower(id))
}

// target reads what a request is for: by its path, and by whether it is marked.
func (g *governor) target(ctx context.Context, path string) target {
	at := parseTarget(strings.TrimPrefix(path, g.base))
	if id, ok := ctx.Value(mailboxKey{}).(string); ok {
		at.mailbox = id
	}
	return at
}
