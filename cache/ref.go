package cache

import (
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxAddress is the longest address, in bytes: 64 of local part, "@", 255 of
// domain (RFC 5321, section 4.5.3.1).
const maxAddress = 320

// Ref names a person by id or by address. The zero Ref names nobody.
type Ref struct {
	ID    string // a Graph object id in lower case, or
	Email string // an address in lower case
}

// ByID names a person by their Graph object id, a GUID.
func ByID(id string) (Ref, error) {
	if !isGUID(id) {
		return Ref{}, errors.New("must be a Graph object id such as 3f2504e0-4f89-41d3-9a0c-0305e82c3301")
	}
	return Ref{ID: strings.ToLower(id)}, nil
}

// ByEmail names a person by any address that leads to them.
func ByEmail(address string) (Ref, error) {
	local, domain, _ := strings.Cut(address, "@")
	switch {
	case utf8.RuneCountInString(address) > maxAddress:
		return Ref{}, errors.New("must be at most 320 characters")
	case local == "" || domain == "" || strings.Contains(domain, "@"):
		return Ref{}, errors.New("must be an address such as ana@contoso.com")
	case !utf8.ValidString(address) || strings.ContainsFunc(address, neverInAddress):
		return Ref{}, errors.New("must be an address without spaces, quotes, brackets or commas")
	}
	return Ref{Email: addressKey(address)}, nil
}

func neverInAddress(r rune) bool {
	return unicode.IsSpace(r) || unicode.IsControl(r) || strings.ContainsRune(`"(),:;<>[\]`, r)
}

func isGUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i, c := range []byte(s) {
		switch i {
		case 8, 13, 18, 23:
			if c != '-' {
				return false
			}
		default:
			if !strings.ContainsRune("0123456789abcdefABCDEF", rune(c)) {
				return false
			}
		}
	}
	return true
}

// addressKey is the form in which addresses are compared.
func addressKey(address string) string { return strings.ToLower(address) }

// key tells a Ref from all others, ids from addresses included.
func (r Ref) key() string {
	if r.ID != "" {
		return r.ID
	}
	return r.Email // holds an "@", which no id does
}
