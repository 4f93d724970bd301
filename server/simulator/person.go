package simulator

import (
	"encoding/hex"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// none is the slot of nobody.
const none int32 = -1

// guid is an object id; Graph writes it in lower case.
type guid [16]byte

func parseGUID(s string) (g guid, ok bool) {
	if len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return guid{}, false
	}
	digits := s[:8] + s[9:13] + s[14:18] + s[19:23] + s[24:]
	if _, err := hex.Decode(g[:], []byte(digits)); err != nil {
		return guid{}, false
	}
	return g, true
}

func (g guid) append(dst []byte) []byte {
	at := 0
	for _, n := range [...]int{4, 2, 2, 2, 6} {
		if at > 0 {
			dst = append(dst, '-')
		}
		dst = hex.AppendEncode(dst, g[at:at+n])
		at += n
	}
	return dst
}

func (g guid) String() string { return string(g.append(make([]byte, 0, 36))) }

// person is one user as served. It never changes: a change makes another person and puts it in the same slot, so that a
// page being written needs no lock.
//
// The members of the JSON object are kept as they go over the wire, compact and without the braces, and spans say where
// each ends. To answer a $select is to copy bytes.
type person struct {
	id      guid
	manager int32   // slot of the manager, or none
	mailbox mailbox // whether there is one, if that was said
	raw     string  // "id":"…","displayName":"…"
	spans   []span  // one a member, in the order of raw
}

// mailbox says whether somebody has one.
type mailbox uint8

const (
	mailboxUnsaid mailbox = iota // it follows from the rest
	mailboxThere
	mailboxNone
)

// span is one member: "name":value. It begins after the comma that follows the span before it.
type span struct {
	number uint16
	end    uint32
}

func (p *person) start(i int) uint32 {
	if i == 0 {
		return 0
	}
	return p.spans[i-1].end + 1
}

// value returns the JSON of a property, and "" when the person never had it.
func (p *person) value(f field) string {
	for i, s := range p.spans {
		if s.number == f.number {
			return p.raw[int(p.start(i))+len(f.name)+3 : s.end] // 3: two quotes and a colon
		}
	}
	return ""
}

// text returns a string property without its quotes; ok is false when it is absent, null or no string.
func (p *person) text(f field) (s string, ok bool) {
	return unquote(p.value(f))
}

func (p *person) has(f field) bool {
	v := p.value(f)
	return v != "" && v != "null"
}

// appendMembers appends the members that wanted names, in the order in which the person holds them. Neighbours are
// copied in one piece, which is the whole person when everything is wanted.
func (p *person) appendMembers(dst []byte, wanted []bool) []byte {
	first := true
	for i := 0; i < len(p.spans); i++ {
		if n := int(p.spans[i].number); n >= len(wanted) || !wanted[n] {
			continue
		}
		from := p.start(i)
		for i+1 < len(p.spans) {
			if n := int(p.spans[i+1].number); n >= len(wanted) || !wanted[n] {
				break
			}
			i++
		}
		if !first {
			dst = append(dst, ',')
		}
		first = false
		dst = append(dst, p.raw[from:p.spans[i].end]...)
	}
	return dst
}

// unquote returns the text of a JSON string that is known to be valid, without a copy unless it holds an escape.
func unquote(raw string) (s string, ok bool) {
	if len(raw) < 2 || raw[0] != '"' {
		return "", false
	}
	if strings.IndexByte(raw, '\\') < 0 {
		return raw[1 : len(raw)-1], true
	}
	b, err := jsontext.AppendUnquote(nil, raw)
	return string(b), err == nil
}

// eachText calls visit with every string of a compact JSON array until it returns false. It reports false when the value
// is no array of strings.
func eachText(raw string, visit func(s string) bool) bool {
	if raw == "[]" {
		return true
	}
	if raw == "" || raw[0] != '[' {
		return false
	}
	for raw[0] != ']' {
		rest := raw[1:]
		end := quotedEnd(rest)
		if end < 0 {
			return false
		}
		if s, _ := unquote(rest[:end]); !visit(s) {
			return true
		}
		raw = rest[end:]
	}
	return true
}

// quotedEnd returns the length of the JSON string that s begins with, or -1.
func quotedEnd(s string) int {
	if s == "" || s[0] != '"' {
		return -1
	}
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return -1
}

// builder puts a person together, member by member. It can be used again after person.
type builder struct {
	raw   []byte
	spans []span
}

func (b *builder) reset() { b.raw, b.spans = b.raw[:0], b.spans[:0] }

// member adds one member; value is compact JSON.
func (b *builder) member(f field, value string) {
	b.name(f)
	b.raw = append(b.raw, value...)
	b.end(f)
}

func (b *builder) text(f field, s string) {
	b.name(f)
	b.raw, _ = jsontext.AppendQuote(b.raw, s)
	b.end(f)
}

func (b *builder) texts(f field, list []string) {
	b.name(f)
	b.raw = append(b.raw, '[')
	for i, s := range list {
		if i > 0 {
			b.raw = append(b.raw, ',')
		}
		b.raw, _ = jsontext.AppendQuote(b.raw, s)
	}
	b.raw = append(b.raw, ']')
	b.end(f)
}

func (b *builder) name(f field) {
	if len(b.raw) > 0 {
		b.raw = append(b.raw, ',')
	}
	b.raw = append(b.raw, '"')
	b.raw = append(b.raw, f.name...)
	b.raw = append(b.raw, '"', ':')
}

func (b *builder) end(f field) {
	b.spans = append(b.spans, span{f.number, uint32(len(b.raw))})
}

func (b *builder) person(id guid, manager int32) *person {
	spans := make([]span, len(b.spans))
	copy(spans, b.spans)
	return &person{id: id, manager: manager, raw: string(b.raw), spans: spans}
}
