package simulator

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// linkLife is how long Graph honours the delta and next links of directory objects.
const linkLife = 7 * 24 * time.Hour

// expiryNames are the texts of an Expiry, in their order.
var expiryNames = []string{"goneWithLocation", "gone", "syncStateNotFound", "badlyFormed"}

func (e Expiry) known() bool { return e >= 0 && int(e) < len(expiryNames) }

// String returns goneWithLocation, gone, syncStateNotFound or badlyFormed.
func (e Expiry) String() string {
	if !e.known() {
		return fmt.Sprintf("Expiry(%d)", int(e))
	}
	return expiryNames[e]
}

// MarshalText returns what String does, and fails for what is none of the ways.
func (e Expiry) MarshalText() ([]byte, error) {
	if !e.known() {
		return nil, fmt.Errorf("%v is not a way in which links expire", e)
	}
	return []byte(e.String()), nil
}

// UnmarshalText reads what String returns, in any case.
func (e *Expiry) UnmarshalText(text []byte) error {
	i := slices.IndexFunc(expiryNames, func(name string) bool { return strings.EqualFold(name, string(text)) })
	if i < 0 {
		return fmt.Errorf("%.60q is not a way in which links expire; want %s", text, oneOf(expiryNames))
	}
	*e = Expiry(i)
	return nil
}

// oneOf joins choices for an error.
func oneOf(choices []string) string {
	last := len(choices) - 1
	return strings.Join(choices[:last], ", ") + " or " + choices[last]
}

// checkLink refuses a link that has been made to expire, or has become too old by itself.
func (s *Simulator) checkLink(c *call, k *class, st deltaState) *problem {
	if p := s.links.check(c, k, st); p != nil {
		return p
	}
	if s.Now().Sub(time.UnixMilli(st.Made)) > linkLife {
		return expired(c, k, st, s.oldLinks)
	}
	return nil
}

func badlyFormed() *problem { return badRequest("Badly formed token") }
