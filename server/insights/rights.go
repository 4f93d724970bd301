package insights

import (
	"context"
	"crypto/rand"
	"log/slog"

	"google.golang.org/protobuf/types/known/timestamppb"

	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
)

// ErasePerson removes a person from memory.
func (s *Service) ErasePerson(ctx context.Context, in *pb.ErasePersonRequest) (*pb.ErasePersonResponse, error) {
	var bad invalid
	ref := bad.person("person", in.GetPerson())
	if err := bad.err(); err != nil {
		return nil, err
	}
	now := sessionOf(ctx)
	if now == nil {
		return nil, errNoCaller
	}
	own := 0
	erased, err := now.Directory.Erase(ctx, ref, func(id string) {
		if now.Contacts != nil {
			own = now.Contacts.Forget(id)
		}
		s.config.Log.Info("somebody was erased")
	})
	if err != nil {
		return nil, err
	}
	out := &pb.ErasePersonResponse{
		ReceiptId:    rand.Text(),
		PersonId:     erased.ID,
		EraseTime:    timestamppb.New(erased.Time),
		Freshness:    erased.Freshness,
		Profile:      erased.Profile,
		Photos:       int32(erased.Photos),
		RichProfile:  erased.RichProfile,
		Picks:        int32(erased.Picks),
		PickedBy:     int32(erased.PickedBy),
		OwnContacts:  int32(own),
		ErasedPeople: int32(erased.Erased),
	}
	s.config.Log.Info("the receipt of an erasure", slog.String("receipt", out.ReceiptId), slog.Int("erased", erased.Erased))
	return out, nil
}

// ReportPerson tells what memory holds of a person.
func (s *Service) ReportPerson(ctx context.Context, in *pb.ReportPersonRequest) (*pb.ReportPersonResponse, error) {
	var bad invalid
	ref := bad.person("person", in.GetPerson())
	if err := bad.err(); err != nil {
		return nil, err
	}
	now := sessionOf(ctx)
	if now == nil {
		return nil, errNoCaller
	}
	held, err := now.Directory.Holding(ref)
	if err != nil {
		return nil, err
	}
	out := &pb.ReportPersonResponse{
		PersonId:        held.ID,
		Profile:         held.Profile,
		Unlisted:        held.Unlisted,
		ManagerId:       held.Manager,
		DirectReportIds: held.Reports,
		RichProfile:     held.Rich,
		PickedIds:       held.Picked,
		PickedBy:        int32(held.PickedBy),
		EraseTime:       timestamp(held.Erased),
		Freshness:       held.Freshness,
	}
	for _, p := range held.Photos {
		out.Photos = append(out.Photos, &pb.HeldPhoto{Size: int32(p.Size), Bytes: int64(p.Bytes), AsOfTime: timestamppb.New(p.AsOf)})
	}
	if now.Contacts != nil {
		out.OwnContacts = int32(now.Contacts.Held(held.ID))
	}
	for _, h := range now.policy().Hides(held.ID) {
		out.Hidden = append(out.Hidden, &pb.HiddenFrom{Audience: h.Audience.String(), Fields: h.Fields})
	}
	return out, nil
}
