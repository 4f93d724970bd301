package graph

import (
	"context"

	"github.com/peopleinsights/peopleinsights/cache"
	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
)

// Contacts implements cache.Source.
func (c *Client) Contacts() cache.Feed[cache.Contact] { return nil }

// Rich implements cache.Source.
func (c *Client) Rich(ctx context.Context, id string) (*pb.Profile, error) {
	return nil, cache.ErrUnavailable
}

// Photo implements cache.Source.
func (c *Client) Photo(ctx context.Context, id string, size int, known *cache.Photo) (*cache.Photo, error) {
	return nil, cache.ErrUnavailable
}

// Members implements cache.Source.
func (c *Client) Members(ctx context.Context, group string, most int) ([]cache.Member, error) {
	return nil, cache.ErrUnavailable
}

// Channel implements cache.Source.
func (c *Client) Channel(ctx context.Context, team, channel string, most int) (cache.Channel, error) {
	return cache.Channel{}, cache.ErrUnavailable
}
