package typeahead

// Fields is a set of fields of entries, by the kinds of their words.
type Fields uint16

// The fields that a search can leave out. A word that several fields of an entry have
// counts as of one of them alone: of a name rather than an address, of the primary address
// rather than the others. Left out with that one, it is not found in the others.
const (
	Names          Fields = 1 << iota // the display name
	GivenNames                        // the given name
	Surnames                          // the surname
	Emails                            // the primary address
	PrincipalNames                    // the user principal name
	OtherAddresses                    // the further addresses
	Codes                             // phones' extensions and employee ids
	Positions                         // where they stand, by which nobody is near then

	// AllFields leaves out the entry.
	AllFields Fields = 1<<16 - 1
)

// of are the fields that a class of words may be of. The initial of a given name before a
// surname is of both.
var fieldsOf = [classes]Fields{
	inner:     Names | GivenNames | Surnames,
	alias:     OtherAddresses,
	principal: PrincipalNames,
	initials:  GivenNames | Surnames | Emails, // of a name in another script they are the address's
	primary:   Emails,
	code:      Codes,
	name:      Names,
	given:     GivenNames,
	surname:   Surnames,
	both:      GivenNames | Surnames,
}

// leftOut are the fields of a document that are not searched.
func (r *Request) leftOut(s *segment, doc uint32) Fields {
	if r.Hides == nil {
		return r.Unsearched
	}
	return r.Unsearched | r.Hides[s.ids[doc]]
}

// hides tells whether a document is not to be found at all.
func (r *Request) hides(s *segment, doc uint32) bool {
	return r.Hides != nil && r.Hides[s.ids[doc]] == AllFields
}

// worth is what a document's nearness is worth, as far as its position is to be used.
func (s *searcher) worth(doc uint32) int32 {
	if s.request.leftOut(s.segment, doc)&Positions != 0 {
		return s.near.alone(doc)
	}
	return s.near.worth(doc)
}

// words are those of a document that are searched, until the next call.
func (s *searcher) words(doc uint32) []wordClass {
	words, out := s.segment.wordsOf(doc), s.request.leftOut(s.segment, doc)
	if out == 0 {
		return words
	}
	s.searched = s.searched[:0]
	for _, w := range words {
		if fieldsOf[w.class()]&out == 0 {
			s.searched = append(s.searched, w)
		}
	}
	return s.searched
}
