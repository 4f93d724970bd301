package insights

import (
	"context"
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/peopleinsights/peopleinsights/cache"
	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
)

// maxBatch is how many people one call may name.
const maxBatch = 1000

// GetProfile answers with one person's profile.
func (s *Service) GetProfile(ctx context.Context, in *pb.GetProfileRequest) (*pb.GetProfileResponse, error) {
	var bad invalid
	ref := bad.person("person", in.GetPerson())
	mask, rich := bad.mask("read_mask", in.GetReadMask())
	maxAge := bad.maxStaleness("max_staleness", in.GetMaxStaleness())
	if err := bad.err(); err != nil {
		return nil, err
	}
	directory, err := s.directory(ctx)
	if err != nil {
		return nil, err
	}
	answer := directory.Profile(ctx, ref, maxAge)
	if answer.Err != nil {
		return nil, showsNot(ctx, directory, ref, answer.Err)
	}
	if err := shows(ctx, answer.Profile.GetId()); err != nil {
		return nil, err
	}
	out := &pb.GetProfileResponse{Freshness: answer.Freshness}
	profile := answer.Profile
	if rich {
		if profile, err = withRich(ctx, directory, profile); err != nil {
			out.RichProfileProblem = problemOf(err)
		}
	}
	out.Profile = mask.of(profile)
	inquiryOf(ctx).profile(profile, out.Profile)
	return out, nil
}

// BatchGetProfiles answers for a whole roster.
func (s *Service) BatchGetProfiles(ctx context.Context, in *pb.BatchGetProfilesRequest) (*pb.BatchGetProfilesResponse, error) {
	var bad invalid
	bad.inBatch("people", len(in.GetPeople()))
	mask := bad.plainMask("read_mask", in.GetReadMask())
	if err := bad.err(); err != nil {
		return nil, err
	}
	directory, err := s.directory(ctx)
	if err != nil {
		return nil, err
	}
	// One malformed name is that item's problem, and not the roster's.
	results := make([]*pb.ProfileResult, len(in.GetPeople()))
	var refs []cache.Ref
	var places []int // of refs in results
	for i, person := range in.GetPeople() {
		var malformed invalid
		ref := malformed.person(fmt.Sprintf("people[%d]", i), person)
		if err := malformed.err(); err != nil {
			results[i] = problemResult(err)
			continue
		}
		refs, places = append(refs, ref), append(places, i)
	}
	out := &pb.BatchGetProfilesResponse{Results: results}
	answers := directory.Profiles(ctx, refs)
	if err := showsAnswers(ctx, directory, refs, answers); err != nil {
		return nil, err
	}
	inquiry := inquiryOf(ctx)
	for i, answer := range answers {
		if answer.Err != nil {
			results[places[i]] = problemResult(answer.Err)
			continue
		}
		profile := mask.of(answer.Profile)
		inquiry.profile(answer.Profile, profile)
		results[places[i]] = &pb.ProfileResult{Result: &pb.ProfileResult_Profile{Profile: profile}}
		out.Freshness = older(out.Freshness, answer.Freshness)
	}
	if out.Freshness == nil {
		out.Freshness = directory.Freshness()
	}
	return out, nil
}

func problemResult(err error) *pb.ProfileResult {
	return &pb.ProfileResult{Result: &pb.ProfileResult_Problem{Problem: problemOf(err)}}
}

// older returns what is true of both: the earlier time, the lower revision, and
// stale if either is.
func older(a, b *pb.Freshness) *pb.Freshness {
	if a == nil || a == b {
		return b
	}
	both := proto.CloneOf(a)
	if b.GetAsOfTime().AsTime().Before(a.GetAsOfTime().AsTime()) {
		both.AsOfTime = b.GetAsOfTime()
	}
	both.Stale = a.GetStale() || b.GetStale()
	both.Revision = min(a.GetRevision(), b.GetRevision())
	return both
}
