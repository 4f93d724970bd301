// Package typeahead finds people by the first letters of their names and
// addresses.
//
// # What matches
//
// A query is split into words at white space, commas, brackets and the like. All
// of them have to match, in any order, each as the beginning of a word of a name
// or of an address.
//
// The words of a name are what stands between anything but letters, digits and
// marks. Apostrophes, hyphens and middle dots both join and split: O'Brien is
// found as obrien, as o'brien and as brien, Anne-Marie as annemarie, anne and
// marie. In Chinese, Japanese and Korean, which do not space words, every letter
// may begin one.
//
// The words of an address are the whole address and the parts of its local part.
// Its domain is none: to type a company's domain must not list the company. A
// guest's user principal name (alias_domain#EXT#@tenant) holds the guest's outside
// domain before #EXT#, which is none either.
//
// A query word with punctuation may match in several ways: as the beginning of a
// whole address (jan.kow), joined (o'brien as obrien) or split (jan.kow as jan
// and kow, which finds the name too). Somebody who was found does not vanish
// while their address is typed on.
//
// Texts are compared without regard to case, diacritics and width, composed or
// not. Letters with two usual spellings have both, on either side: Müller is found
// as muller and as mueller, and müller finds Mueller. Other letters are compared
// by what they are: Cyrillic, Greek, Arabic, Hebrew and Indic names by their own
// letters, without accents, points and tones; Korean by its jamo, so that a
// half-composed syllable matches. Marks that are letters of their own (Indic and
// Thai vowel signs, kana voicing) may be left out when typing, and are heeded when
// they are not.
//
// # The index
//
// An Index never changes. With makes another one, which shares what is alike, so
// that readers need no lock and one writer replaces what they read. Most of an
// index is a large base, sorted and compact; changes since it was made are in a
// small overlay, which joins the base when it has grown.
package typeahead
