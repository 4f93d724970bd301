package graph

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
)

// badToken is how Graph words a delta token that it cannot read.
var badToken = regexp.MustCompile(`(?i)badly formed token|(delta|skip) ?token`)

// signInMends says what an operator can do about an AADSTS error.
// Source: https://learn.microsoft.com/entra/identity-platform/reference-error-codes
var signInMends = map[int]string{
	7000215: "the client secret is wrong: give the secret's value, not its id",
	7000222: "the client secret has expired: make a new one",
	7000218: "the client secret is missing",
	700016:  "the tenant has no app with this client id: check the client id and the tenant id",
	7000112: "the app is disabled in the tenant",
	90002:   "there is no such tenant: check the tenant id",
	900023:  "the tenant id is neither a GUID nor a domain",
	700027:  "the client certificate is not the app's",
	50034:   "the app does not exist in the tenant",
	500011:  "the tenant does not know Microsoft Graph's address: check the Graph URL",
	53003:   "a conditional access policy forbids the app to sign in",
}

// maxSignInCodes is how many codes of one failure are read: there is one, as a rule.
const maxSignInCodes = 5

// signInError makes the error of a sign-in that gave no token.
func signInError(failed *azidentity.AuthenticationFailedError) *Error {
	response := failed.RawResponse
	if response == nil {
		return signInUnreachable(failed)
	}
	var body struct {
		Error string `json:"error"`
		Codes []int  `json:"error_codes"`
	}
	data, _ := io.ReadAll(io.LimitReader(response.Body, maxErrorBody)) // azcore has buffered it
	_ = json.Unmarshal(data, &body)
	what := fmt.Sprint(response.StatusCode, " ", asWord(body.Error))
	body.Codes = body.Codes[:min(len(body.Codes), maxSignInCodes)]
	mend := "check the tenant id, the client id and the credential"
	for _, code := range body.Codes {
		what += fmt.Sprintf(" AADSTS%d", code)
		if known, ok := signInMends[code]; ok {
			mend = known
		}
	}
	switch {
	case response.StatusCode == http.StatusTooManyRequests, slices.Contains(body.Codes, 90055):
		return &Error{kind: errThrottled, text: fmt.Sprintf("the sign-in is throttling (%s)", what), wait: retryAfter(response.Header, time.Now())}
	case response.StatusCode >= 500, body.Error == "temporarily_unavailable":
		return &Error{kind: errUnavailable, text: fmt.Sprintf("the sign-in failed (%s)", what)}
	default:
		return &Error{kind: errDenied, text: fmt.Sprintf("the sign-in refuses the app: %s (%s)", mend, what)}
	}
}

// signInUnreachable is a sign-in that gave no response at all: its host cannot be
// reached. The cause is told as azidentity words it: the endpoint and the network's
// fault.
func signInUnreachable(failed *azidentity.AuthenticationFailedError) *Error {
	return &Error{kind: errUnavailable, text: "the sign-in cannot be reached: check the authority URL and the CA file (" + oneLine(failed.Error()) + ")"}
}

func oneLine(text string) string {
	line := spaces.ReplaceAllString(text, " ")
	if len(line) > 300 {
		line = strings.ToValidUTF8(line[:300], "") + "…"
	}
	return line
}

var spaces = regexp.MustCompile(`[\s-]*\n[\s-]*`)
