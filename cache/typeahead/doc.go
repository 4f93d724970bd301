// Package typeahead finds people and groups by what somebody types of their names and
// addresses.
//
// # What matches
//
// A query is split into words at white space, commas, brackets and the like. All
// of them have to match, in any order, each as the beginning of a word of a name
// or of an address. There are no stop words, and none is too short.
//
// The words of a name are what stands between anything but letters, digits and
// marks. Apostrophes, hyphens and middle dots both join and split: O'Brien is
// found as obrien, as o'brien and as brien, Anne-Marie as annemarie, anne and
// marie. In Chinese, Japanese and Korean, which do not space words, every letter
// may begin one. The initial of the given name and the surname make a word too:
// jsmith, and jberg and jvandenberg for Jan van den Berg.
//
// The words of an address are the whole address and the parts of its local part.
// Its domain is none: to type a company's domain must not list the company. A
// guest's user principal name (alias_domain#EXT#@tenant) holds the guest's outside
// domain before #EXT#, which is none either. What begins with @ or a full stop is the end
// of an address, and finds nobody.
//
// A query word with punctuation may match in several ways: as the beginning of a
// whole address (jan.kow), joined (o'brien as obrien) or split (jan.kow as jan
// and kow, which finds the name too). Somebody who was found does not vanish
// while their address is typed on.
//
// The extension of a business phone and an employee id match when they are typed whole.
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
// Where fewer are found so than are asked for, those come after them for whom a word of the
// query stands: Robert for bob and Bob for robert, by a table of given names. And then
// those whose words begin with what was typed but for one typo in each word: a letter put
// for another, one too many or too few, or two in the wrong order, from the fourth letter
// of a word on, never its first, and not in numbers.
//
// # What comes first
//
// Hits are in buckets: who has the whole address that was typed, literal matches,
// nicknames, typos. In a bucket they are by score: the points of how well each word of the
// query matches and of how near somebody is to whoever searches. Equals are by kind, name
// and id, so that the same question has the same answer. Explain tells the points.
//
// # The index
//
// An Index never changes. With makes another one, which shares what is alike, so
// that readers need no lock and one writer replaces what they read. It is a few segments,
// each several times larger than the next, of which the small ones are merged by With, and
// the large ones by Merge, which nobody waits for.
//
// A segment numbers its documents in the order of equals, and has its words sorted: those
// that begin with what was typed stand together, and so do their postings. A search looks
// at few documents. Those near the searcher are listed by place; each list is walked in
// order until its rest cannot be among the best. Of the others the best are those whose
// postings have the best class and the lowest number.
package typeahead
