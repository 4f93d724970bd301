package insights

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/reflection/grpc_reflection_v1alpha"

	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
	"github.com/peopleinsights/peopleinsights/server/auth"
)

// access is which roles may call each method; one of them is enough, and the first is
// what a caller without is told. A method that is not here may be called by nobody. Health
// alone is everybody's.
var access = map[string][]auth.Roles{
	pb.PeopleInsightsService_GetProfile_FullMethodName:         {auth.Client, auth.Scheduler},
	pb.PeopleInsightsService_BatchGetProfiles_FullMethodName:   {auth.Client, auth.Scheduler},
	pb.PeopleInsightsService_WatchProfiles_FullMethodName:      {auth.Client, auth.Scheduler},
	pb.PeopleInsightsService_GetProfilePhoto_FullMethodName:    {auth.Client, auth.Scheduler},
	pb.PeopleInsightsService_GetReportingLine_FullMethodName:   {auth.Client, auth.Scheduler},
	pb.PeopleInsightsService_MatchAccounts_FullMethodName:      {auth.Client},
	pb.PeopleInsightsService_ExpandGroup_FullMethodName:        {auth.Scheduler},
	pb.PeopleInsightsService_ListChannelMembers_FullMethodName: {auth.Scheduler},
	pb.PeopleInsightsService_SuggestInvitees_FullMethodName:    {auth.Scheduler},
	pb.PeopleInsightsService_ReportPick_FullMethodName:         {auth.Scheduler},

	pb.DirectoryAdminService_GetDirectoryStatus_FullMethodName: {auth.Operator},
	pb.DirectoryAdminService_RefreshDirectory_FullMethodName:   {auth.Operator},
	pb.DirectoryAdminService_ExplainSuggestions_FullMethodName: {auth.Operator},
	pb.DirectoryAdminService_ErasePerson_FullMethodName:        {auth.Operator},
	pb.DirectoryAdminService_ReportPerson_FullMethodName:       {auth.Operator},

	grpc_reflection_v1.ServerReflection_ServerReflectionInfo_FullMethodName:      {auth.Operator},
	grpc_reflection_v1alpha.ServerReflection_ServerReflectionInfo_FullMethodName: {auth.Operator},
}

// everybodys is the service that needs no caller.
const everybodys = "/grpc.health.v1.Health/"

// ours tells the methods of our services from those that gRPC brings.
func ours(method string) bool { return strings.HasPrefix(method, "/peopleinsights.v1.") }

// operators tells the methods that operators alone may call.
func operators(method string) bool {
	return strings.HasPrefix(method, "/"+pb.DirectoryAdminService_ServiceDesc.ServiceName+"/")
}

// roleMissing means that a caller has none of the roles that may call a method.
type roleMissing struct{ roles []auth.Roles }

// Error names the roles that would do.
func (e *roleMissing) Error() string {
	if len(e.roles) == 0 {
		return "no role may call this"
	}
	var all auth.Roles
	for _, r := range e.roles {
		all |= r
	}
	return "the caller needs one of the roles " + all.String()
}

// identify tells who calls, and whether they may call the method.
func (s *Service) identify(ctx context.Context, method string) (auth.Caller, error) {
	caller, err := s.config.Identify(ctx)
	switch {
	case err == nil:
	case errors.Is(err, auth.ErrUnavailable), ctx.Err() != nil && errors.Is(err, ctx.Err()):
		return auth.Caller{}, fmt.Errorf("telling who calls: %w", err)
	default:
		return auth.Caller{}, fmt.Errorf("%w: %w", errNoCaller, err)
	}
	askedBy(ctx, caller)
	roles := access[method]
	for _, role := range roles {
		if caller.Roles.Any(role) {
			return caller, nil
		}
	}
	return auth.Caller{}, &roleMissing{roles}
}

// admitted is a stream of a service that gRPC brings, for those who may call it.
func (s *Service) admitted(server any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	if _, err := s.identify(stream.Context(), info.FullMethod); err != nil {
		return statusOf(err)
	}
	return handler(server, stream)
}
