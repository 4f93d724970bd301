package audit

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"os"
	"strings"
)

// MinKey is how many bytes a key has at least.
const MinKey = 32

// hashBytes is how much of an HMAC-SHA-256 stands in a line: 128 bits.
const hashBytes = 16

// Kind is what a hash is of. Hashes of one text as two kinds have nothing in common.
type Kind string

// The kinds.
const (
	ByID     Kind = "id"     // a person, group or team, by its id
	ByEmail  Kind = "email"  // one by an address
	ByCaller Kind = "caller" // a caller, by auth.Caller's Subject
)

// ReadKey reads a key from a file, without the line breaks at its end. A short one is an error,
// which does not repeat it.
func ReadKey(name string) ([]byte, error) {
	raw, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	key := bytes.TrimRight(raw, "\r\n")
	if len(key) < MinKey {
		return nil, fmt.Errorf("audit: the key in %s has %d bytes; it needs %d or more, such as: head -c 32 /dev/urandom | base64", name, len(key), MinKey)
	}
	return key, nil
}

// Hasher hashes under one key. It may not be used concurrently.
type Hasher struct{ mac hash.Hash }

// NewHasher returns one of a key of MinKey bytes or more.
func NewHasher(key []byte) (*Hasher, error) {
	if len(key) < MinKey {
		return nil, fmt.Errorf("audit: a key of %d bytes; want %d or more", len(key), MinKey)
	}
	return &Hasher{hmac.New(sha256.New, key)}, nil
}

// domain begins what is hashed, so that the key is no use for anything else that might be.
const domain = "people-insights audit 1"

// Hash stands for a text of a kind in a tenant: the kind, a colon, and 32 hexadecimal digits,
// which are the first half of
//
//	HMAC-SHA-256(key, "people-insights audit 1" NUL tenant NUL kind NUL text)
//
// with the tenant and the text in lower case. Neither tenants nor kinds hold a NUL.
func (h *Hasher) Hash(tenant string, kind Kind, text string) string {
	h.mac.Reset()
	for _, part := range []string{domain, strings.ToLower(tenant), string(kind)} {
		h.mac.Write([]byte(part))
		h.mac.Write([]byte{0})
	}
	h.mac.Write([]byte(strings.ToLower(text)))
	var sum [sha256.Size]byte
	return string(kind) + ":" + hex.EncodeToString(h.mac.Sum(sum[:0])[:hashBytes])
}

// KindOf tells what somebody is named by: an address has an at sign, a caller's subject begins
// with user: or app:, and ids are all else.
func KindOf(text string) Kind {
	switch {
	case strings.Contains(text, "@"):
		return ByEmail
	case strings.HasPrefix(text, "user:"), strings.HasPrefix(text, "app:"):
		return ByCaller
	}
	return ByID
}
