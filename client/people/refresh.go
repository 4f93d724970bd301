package main

import (
	"context"
	"fmt"
	"time"

	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
)

// refreshTime is how long a refresh may take: a million people are listed in a minute
// or two.
const refreshTime = 5 * time.Minute

type refreshCommand struct {
	Relist          bool `help:"List everybody and compare, as the daily sweep does."`
	ConfirmRemovals bool `help:"Let go of those whose removal is held back; status tells how many."`
}

// Run has the service read its directory at once.
func (c refreshCommand) Run(s *session) error {
	ctx, cancel := context.WithTimeout(s.ctx, max(s.timeout, refreshTime))
	defer cancel()
	out, err := s.client.RefreshDirectory(ctx, &pb.RefreshDirectoryRequest{Relist: c.Relist, ConfirmRemovals: c.ConfirmRemovals})
	if err != nil {
		return err
	}
	if s.json {
		return s.printJSON(out)
	}
	fmt.Fprintf(s.out, "%s; revision %d, as of %s\n", plural(out.GetChanges(), "change"), out.GetFreshness().GetRevision(),
		local(out.GetFreshness().GetAsOfTime()))
	return nil
}

func plural(n int64, what string) string {
	switch n {
	case 0:
		return "no " + what + "s"
	case 1:
		return "1 " + what
	default:
		return fmt.Sprintf("%d %ss", n, what)
	}
}
