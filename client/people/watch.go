package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
)

type watchCommand struct {
	People []string `arg:"" help:"Any address of each person, or their id."`
	Fields []string `help:"Fields to watch, such as displayName,manager.email; all by default."`
}

// Run shows people, and then a line for each change, until it is interrupted.
func (c watchCommand) Run(s *session) error {
	in := &pb.WatchProfilesRequest{}
	for _, name := range c.People {
		in.People = append(in.People, person(name))
	}
	if len(c.Fields) > 0 {
		in.ReadMask = &fieldmaskpb.FieldMask{Paths: c.Fields}
	}
	known := make([]*pb.WatchedProfile, len(in.People))
	err := s.client.Watch(s.ctx, in, func(message *pb.WatchProfilesResponse) error {
		if s.json {
			text, err := protojson.Marshal(message)
			if err == nil {
				_, err = fmt.Fprintln(s.out, string(text)) // one a line, to be read as they come
			}
			return err
		}
		for _, p := range message.GetPeople() {
			i := int(p.GetIndex())
			if i >= len(known) || proto.Equal(known[i], p) {
				continue // told anew, after the connection broke
			}
			if _, err := fmt.Fprintf(s.out, "%s  %s\n", time.Now().Format(time.TimeOnly), news(c.People[i], known[i], p)); err != nil {
				return err
			}
			known[i] = p
		}
		return nil
	}, func(err error, pause time.Duration) {
		fmt.Fprintf(s.notes, "%s  %s; watching again in %v\n", time.Now().Format(time.TimeOnly), explain(err), pause.Round(100*time.Millisecond))
	})
	if errors.Is(err, context.Canceled) && s.ctx.Err() != nil {
		return nil // by Ctrl-C, as is meant
	}
	return err
}

// news is what is new of somebody.
func news(asked string, before, now *pb.WatchedProfile) string {
	if problem := now.GetProblem(); problem != nil {
		if problem.GetReason() == pb.ErrorReason_ERROR_REASON_PERSON_NOT_FOUND && before.GetProfile() != nil {
			return named(before.GetProfile().GetDisplayName(), before.GetProfile().GetEmail()) + "  is gone"
		}
		return asked + "  " + problem.GetMessage()
	}
	profile := now.GetProfile()
	who := named(profile.GetDisplayName(), profile.GetEmail())
	if who == "" {
		who = asked
	}
	if before.GetProfile() == nil {
		return joinedBy("  ", who, joined(profile.GetJobTitle(), profile.GetDepartment(), profile.GetOfficeLocation()))
	}
	return who + "  " + strings.Join(differences(before.GetProfile(), profile), "; ")
}

// differences are the fields that are not as they were, in the contract's order.
func differences(before, now *pb.Profile) (texts []string) {
	old, new := before.ProtoReflect(), now.ProtoReflect()
	fields := new.Descriptor().Fields()
	for i := range fields.Len() {
		field := fields.Get(i)
		if old.Get(field).Equal(new.Get(field)) {
			continue
		}
		name := strings.ReplaceAll(string(field.Name()), "_", " ")
		texts = append(texts, name+": "+shown(field, old)+" → "+shown(field, new))
	}
	return texts
}

// shown is a field's value as people read it.
func shown(field protoreflect.FieldDescriptor, of protoreflect.Message) string {
	value := of.Get(field)
	text := ""
	switch {
	case !of.Has(field):
	case field.IsList():
		var items []string
		for i := range value.List().Len() {
			items = append(items, value.List().Get(i).String())
		}
		text = strings.Join(items, ", ")
	case field.Message() != nil:
		manager := of.Interface().(*pb.Profile).GetManager()
		text = named(manager.GetDisplayName(), manager.GetEmail())
	case field.Enum() != nil:
		text = fmt.Sprint(value.Enum()) // a newer service may have values that have no name here
		if known := field.Enum().Values().ByNumber(value.Enum()); known != nil {
			name := string(known.Name())
			text = strings.ToLower(name[strings.LastIndex(name, "_")+1:])
		}
	default:
		text = value.String()
	}
	if text == "" {
		return "nothing"
	}
	return text
}
