package main

import (
	"fmt"
	"strings"

	"google.golang.org/protobuf/types/known/fieldmaskpb"

	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
)

type pickCommand struct {
	Organizer string `arg:"" help:"The person who invites (address or id)."`
	Picked    string `arg:"" help:"Whom they picked: a person's or a group's id, or any address of a person."`
}

// Run tells that somebody was picked.
func (c pickCommand) Run(s *session) error {
	id := c.Picked
	if strings.Contains(id, "@") {
		found, err := s.client.GetProfile(s.ctx, &pb.GetProfileRequest{Person: person(id), ReadMask: &fieldmaskpb.FieldMask{Paths: []string{"id"}}})
		if err != nil {
			return err
		}
		id = found.GetProfile().GetId()
	}
	out, err := s.client.ReportPick(s.ctx, &pb.ReportPickRequest{Organizer: person(c.Organizer), PickedId: id})
	if err != nil {
		return err
	}
	if s.json {
		return s.printJSON(out)
	}
	fmt.Fprintln(s.out, "remembered")
	return nil
}
