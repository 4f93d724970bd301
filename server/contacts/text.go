package contacts

import "strings"

// Bounds of what is held of one text, in characters (Unicode code points).
const (
	maxName    = 256
	maxAddress = 320
)

// texts are those of one book that are held, each once: many contacts share a company or
// a department. They are copies, so that a piece of what was read never holds on to all
// of it.
type texts map[string]string

// name returns a text without white space around it, cut to maxName characters.
func (t texts) name(s string) string {
	return t.copy(clip(s))
}

func (t texts) copy(s string) string {
	if held, ok := t[s]; ok {
		return held
	}
	s = strings.Clone(s)
	t[s] = s
	return s
}

// addresses returns the e-mail addresses in a list, in its order, at most maxAddresses,
// each once however it is spelled, and whether there were more.
func (t texts) addresses(list []string) (held []string, more bool) {
	seen := map[string]bool{}
	for _, s := range list {
		s = strings.TrimSpace(s)
		key := strings.ToLower(s)
		if !isAddress(s) || seen[key] {
			continue
		}
		if len(held) == maxAddresses {
			return held, true
		}
		seen[key] = true
		held = append(held, t.copy(s))
	}
	return held, false
}

// isAddress tells whether something may be an e-mail address. One that is longer than an
// address can be is none: cut, it would be somebody else's.
func isAddress(s string) bool {
	at := strings.LastIndexByte(s, '@')
	return at > 0 && at < len(s)-1 && cut(s, maxAddress) == s
}

// clip returns a text as names are held.
func clip(s string) string { return strings.TrimSpace(cut(strings.TrimSpace(s), maxName)) }

// cut returns the first characters of a text, at most so many.
func cut(s string, most int) string {
	for i := range s {
		if most == 0 {
			return s[:i]
		}
		most--
	}
	return s
}
