package main

import (
	"fmt"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
)

func (s *session) printJSON(message proto.Message) error {
	text, err := protojson.MarshalOptions{Multiline: true, Indent: "  "}.Marshal(message)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(s.out, string(text))
	return err
}

func printFreshness(s *session, f *pb.Freshness) {
	if f.GetAsOfTime() == nil {
		return
	}
	text := "as of " + f.GetAsOfTime().AsTime().Local().Format(time.DateTime)
	if f.GetStale() {
		text += ", stale: Microsoft Graph is failing"
	}
	fmt.Fprintf(s.out, "  %-12s %s\n", "", text)
}
