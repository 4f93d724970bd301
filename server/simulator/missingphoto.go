package simulator

import (
	"fmt"
	"slices"
	"strings"
)

// MissingPhoto is how the metadata of a photo is answered when the person has none. The picture itself is a 404 always.
// Graph's documentation says one thing and its users report the other.
type MissingPhoto int

const (
	// MissingByPerson is one or the other, always the same for one person.
	MissingByPerson MissingPhoto = iota

	// MissingIsNotFound is a 404 with the code ImageNotFound, as users report.
	MissingIsNotFound

	// MissingIsPixel is a 200 that tells of an image/gif of 1x1, as documented.
	MissingIsPixel
)

// missingNames are the texts of a MissingPhoto, in their order.
var missingNames = []string{"byPerson", "notFound", "pixel"}

func (m MissingPhoto) known() bool { return m >= 0 && int(m) < len(missingNames) }

// String returns byPerson, notFound or pixel.
func (m MissingPhoto) String() string {
	if !m.known() {
		return fmt.Sprintf("MissingPhoto(%d)", int(m))
	}
	return missingNames[m]
}

// MarshalText returns what String does, and fails for what is none of the ways.
func (m MissingPhoto) MarshalText() ([]byte, error) {
	if !m.known() {
		return nil, fmt.Errorf("%v is not a way in which photos are missing", m)
	}
	return []byte(m.String()), nil
}

// UnmarshalText reads what String returns, in any case.
func (m *MissingPhoto) UnmarshalText(text []byte) error {
	i := slices.IndexFunc(missingNames, func(name string) bool { return strings.EqualFold(name, string(text)) })
	if i < 0 {
		return fmt.Errorf("%.60q is not a way in which photos are missing; want %s", text, oneOf(missingNames))
	}
	*m = MissingPhoto(i)
	return nil
}
