package insights

import (
	"context"
	"errors"
	"regexp"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/peopleinsights/peopleinsights/cache"
	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
	"github.com/peopleinsights/peopleinsights/server/auth"
	"github.com/peopleinsights/peopleinsights/server/traffic"
)

// errorDomain is the domain of every ErrorInfo.
const errorDomain = "peopleinsights"

// errOverloaded means that as many calls are under way as may be.
var errOverloaded = errors.New("as many calls are under way as may be")

// errTooManyWatches means that as many watches are under way as may be.
var errTooManyWatches = errors.New("as many watches are under way as may be")

// errStuck means that a watch's client does not read, or has not said what it would watch.
var errStuck = errors.New("the client does not read")

// ErrStopping means that the service is being stopped, or the tenant configured anew. Where it
// is the cause of the end of a stream's context, it is not the caller who has left.
var ErrStopping = errors.New("the service is stopping")

// errExpired means that the caller's token has expired while a watch was under way.
var errExpired = errors.New("the caller's token has expired")

// outcome is what an error is to a caller. The message is always the same: the
// log has the cause, which may say more than a caller should know.
type outcome struct {
	err     error // the error, or one that it wraps
	code    codes.Code
	reason  pb.ErrorReason
	message string
	retry   time.Duration // how long to wait unless the error says; 0: waiting is no use

	permission string // that the service misses, by its name; empty where that is not known
	role       string // that the caller misses, as tokens name it; empty where it is something else
}

// outcomes is the whole vocabulary: every error that a caller can meet, but for
// invalid requests, which say what to mend.
var outcomes = []outcome{
	{cache.ErrNotFound, codes.NotFound, pb.ErrorReason_ERROR_REASON_PERSON_NOT_FOUND,
		"the directory has no such person", 0, "", ""},
	{cache.ErrNoPhoto, codes.NotFound, pb.ErrorReason_ERROR_REASON_PHOTO_NOT_FOUND,
		"the person has no photo", 0, "", ""},
	{cache.ErrNoGroup, codes.NotFound, pb.ErrorReason_ERROR_REASON_GROUP_NOT_FOUND,
		"there is no such group", 0, "", ""},
	{cache.ErrNoChannel, codes.NotFound, pb.ErrorReason_ERROR_REASON_CHANNEL_NOT_FOUND,
		"there is no such team, or it has no such channel", 0, "", ""},
	{cache.ErrNotShown, codes.PermissionDenied, pb.ErrorReason_ERROR_REASON_NOT_SHOWN,
		"the organisation's policy does not show this to the caller, whoever it is asked of", 0, "", ""},
	{cache.ErrHiddenMembers, codes.PermissionDenied, pb.ErrorReason_ERROR_REASON_MEMBERS_HIDDEN,
		"who is in the group is hidden", 0, "", ""},
	{cache.ErrTooManyMembers, codes.FailedPrecondition, pb.ErrorReason_ERROR_REASON_GROUP_TOO_LARGE,
		"the group has more members than the service opens: 50,000, or 500 groups within each other", 0, "", ""},
	{cache.ErrPending, codes.Unavailable, pb.ErrorReason_ERROR_REASON_SOURCE_PENDING,
		"it is being read for the first time, which takes longer than the answer could wait", time.Second, "", ""},
	{cache.ErrTruncated, codes.FailedPrecondition, pb.ErrorReason_ERROR_REASON_SOURCE_TRUNCATED,
		"it holds more than the service reads", 0, "", ""},
	{cache.ErrFilling, codes.Unavailable, pb.ErrorReason_ERROR_REASON_DIRECTORY_FILLING,
		"the directory is still being read; GetDirectoryStatus tells how far it is", time.Second, "", ""},
	{cache.ErrThrottled, codes.Unavailable, pb.ErrorReason_ERROR_REASON_SOURCE_THROTTLED,
		"Microsoft Graph is throttling the service", 5 * time.Second, "", ""},
	{cache.ErrQuota, codes.ResourceExhausted, pb.ErrorReason_ERROR_REASON_QUOTA_EXHAUSTED,
		"the share of Microsoft Graph's quota that the service keeps to is spent", 5 * time.Second, "", ""},
	{cache.ErrHeldBack, codes.FailedPrecondition, pb.ErrorReason_ERROR_REASON_REMOVALS_HELD_BACK,
		"more people would be removed than may go at once: GetDirectoryStatus tells how many, and confirm_removals lets them go", 0, "", ""},
	{cache.ErrDenied, codes.Unavailable, pb.ErrorReason_ERROR_REASON_SOURCE_DENIED,
		"Microsoft Graph refuses the service; its operator must mend this, and GetDirectoryStatus says how", 0, "", ""},
	{cache.ErrTooManyPeople, codes.Unavailable, pb.ErrorReason_ERROR_REASON_SOURCE_UNAVAILABLE,
		"the organisation has more people than the service may hold", 0, "", ""},
	{cache.ErrUnavailable, codes.Unavailable, pb.ErrorReason_ERROR_REASON_SOURCE_UNAVAILABLE,
		"Microsoft Graph does not answer, and memory does not hold the answer", 5 * time.Second, "", ""},
	{cache.ErrTokenLost, codes.Unavailable, pb.ErrorReason_ERROR_REASON_SOURCE_UNAVAILABLE,
		"Microsoft Graph does not answer, and memory does not hold the answer", 5 * time.Second, "", ""},
	{cache.ErrBusy, codes.ResourceExhausted, pb.ErrorReason_ERROR_REASON_OVERLOADED,
		"the service is asking Microsoft Graph as much as it may", time.Second, "", ""},
	{cache.ErrTooManyErased, codes.ResourceExhausted, pb.ErrorReason_ERROR_REASON_OVERLOADED,
		"as many people are kept out as may be: whoever is to stay out has to leave the directory", 0, "", ""},
	{errGarbled, codes.InvalidArgument, pb.ErrorReason_ERROR_REASON_INVALID_REQUEST,
		"the request is no message of the contract, or has texts that are not UTF-8", 0, "", ""},
	{errOverloaded, codes.ResourceExhausted, pb.ErrorReason_ERROR_REASON_OVERLOADED,
		"the service is answering as many calls as it may", time.Second, "", ""},
	{traffic.ErrRate, codes.ResourceExhausted, pb.ErrorReason_ERROR_REASON_RATE_LIMITED,
		"the caller, or its organisation, calls more often than it may", 0, "", ""},
	{traffic.ErrMemory, codes.ResourceExhausted, pb.ErrorReason_ERROR_REASON_RATE_LIMITED,
		"more callers ask, or see more people, than the service can keep count of", 0, "", ""},
	{traffic.ErrPeople, codes.ResourceExhausted, pb.ErrorReason_ERROR_REASON_PEOPLE_LIMIT_REACHED,
		"the caller would have seen more people in an hour than it may", 0, "", ""},
	{errStuck, codes.ResourceExhausted, pb.ErrorReason_ERROR_REASON_OVERLOADED,
		"the watch was cut off, since its client has not read for too long: watch again, with resume", time.Second, "", ""},
	{errTooManyWatches, codes.ResourceExhausted, pb.ErrorReason_ERROR_REASON_OVERLOADED,
		"the service has as many watches as it may", 5 * time.Second, "", ""},
	{errNotYourself, codes.PermissionDenied, pb.ErrorReason_ERROR_REASON_NOT_YOURSELF,
		"a user's token speaks for that user alone: the organizer must be they themselves, or be left out", 0, "", ""},
	{errExpired, codes.Unauthenticated, pb.ErrorReason_ERROR_REASON_UNAUTHENTICATED,
		"the caller's token has expired: watch again with a new one, and with resume", 0, "", ""},
	{errNoCaller, codes.Unauthenticated, pb.ErrorReason_ERROR_REASON_UNAUTHENTICATED,
		"the service cannot tell who is calling: it wants a good token, as authorization: Bearer TOKEN", 0, "", ""},
	{auth.ErrUnavailable, codes.Unavailable, pb.ErrorReason_ERROR_REASON_IDENTITY_UNAVAILABLE,
		"who issued the caller's token does not answer, so that nobody can tell whether it is good", 10 * time.Second, "", ""},
	{errUnaudited, codes.Unavailable, pb.ErrorReason_ERROR_REASON_AUDIT_UNAVAILABLE,
		"the service has to record who asks about whom, and cannot; its operator must mend this", 10 * time.Second, "", ""},
	{ErrStopping, codes.Unavailable, pb.ErrorReason_ERROR_REASON_STOPPING,
		"the service stops, or is configured anew; watch again, with resume", time.Second, "", ""},
	{context.DeadlineExceeded, codes.DeadlineExceeded, pb.ErrorReason_ERROR_REASON_DEADLINE_EXCEEDED,
		"the caller's time ran out", 0, "", ""},
	{context.Canceled, codes.Canceled, pb.ErrorReason_ERROR_REASON_CANCELLED,
		"the caller left", 0, "", ""},
}

// failed finds what an error is to a caller. What is not in the vocabulary is
// Internal.
func failed(err error) outcome {
	var bad *invalid
	if errors.As(err, &bad) {
		return outcome{err: err, code: codes.InvalidArgument, reason: pb.ErrorReason_ERROR_REASON_INVALID_REQUEST, message: bad.Error()}
	}
	if lacks, ok := errors.AsType[*roleMissing](err); ok {
		o := outcome{err: err, code: codes.PermissionDenied, reason: pb.ErrorReason_ERROR_REASON_ROLE_MISSING, message: lacks.Error()}
		if len(lacks.roles) > 0 {
			o.role = lacks.roles[0].String()
		}
		return o
	}
	for _, o := range outcomes {
		if errors.Is(err, o.err) {
			if asked, ok := cache.RetryAfter(err); ok {
				o.retry = asked
			}
			if refused, ok := errors.AsType[*traffic.Refused](err); ok {
				o.retry = refused.Wait
			}
			if missing := cache.Permission(err); errors.Is(o.err, cache.ErrDenied) && permissionName.MatchString(missing) {
				o.permission = missing
				o.message = "Microsoft Graph refuses the service: an administrator must grant it the application permission " + missing
			}
			return o
		}
	}
	return outcome{err: err, code: codes.Internal, reason: pb.ErrorReason_ERROR_REASON_INTERNAL, message: "a fault of the service; its log says more"}
}

// permissionName is what Graph's permissions look like, such as ChannelMember.Read.All.
// What does not is not shown: it may be anything.
var permissionName = regexp.MustCompile(`^[A-Za-z]{1,40}(\.[A-Za-z]{1,40}){1,4}$`)

// statusOf makes of an error the status that a call ends with.
func statusOf(err error) error {
	o := failed(err)
	info := &errdetails.ErrorInfo{Reason: reasonName(o.reason), Domain: errorDomain}
	switch {
	case o.permission != "":
		info.Metadata = map[string]string{"permission": o.permission}
	case o.role != "":
		info.Metadata = map[string]string{"role": o.role}
	}
	details := []protoadapt.MessageV1{info}
	if o.retry > 0 {
		details = append(details, &errdetails.RetryInfo{RetryDelay: durationpb.New(o.retry)})
	}
	var bad *invalid
	if errors.As(err, &bad) {
		details = append(details, bad.details())
	}
	plain := status.New(o.code, o.message)
	full, detailErr := plain.WithDetails(details...)
	if detailErr != nil {
		return plain.Err() // a code without details is better than none
	}
	return full.Err()
}

// problemOf makes of an error an item's problem in a batch.
func problemOf(err error) *pb.Problem {
	o := failed(err)
	problem := &pb.Problem{Code: int32(o.code), Reason: o.reason, Message: o.message}
	if o.retry > 0 {
		problem.RetryAfter = durationpb.New(o.retry)
	}
	return problem
}

// reasonName is how a reason stands in an ErrorInfo.
func reasonName(reason pb.ErrorReason) string {
	return strings.TrimPrefix(reason.String(), "ERROR_REASON_")
}
