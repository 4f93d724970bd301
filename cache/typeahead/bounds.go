package typeahead

import "slices"

// bucket is the best of what is left to find. A deeper search comes after those before it
// have found all that they could.
func (d depth) bucket() Bucket { return [...]Bucket{Literal, Nickname, Typo}[d] }

// most is what anybody matches at most of those who are left; with begun, they have
// nothing whole.
func (s *searcher) most(begun bool) value {
	points, least := int32(0), int32(mostPoints) // by which a word that only this depth finds is worth less
	for i := range s.plan.words {
		as := s.mostAs(i, begun)
		points, least = points+as, min(least, as-s.mostDeep(i, begun))
	}
	return s.depth.bucket().value(points - max(least, 0))
}

// mostAs is what a word of the query is worth at most as it was typed.
func (s *searcher) mostAs(word int, begun bool) (most int32) {
	for _, way := range s.plan.words[word].ways {
		of := int32(mostPoints)
		for _, p := range way.pieces {
			if !begun && (way.reading == localPart || isAddress(p.forms[0])) {
				of = addressPoints
			} else if begun || way.reading == wholeCode || !slices.Contains(p.is, true) {
				of = mostBegun
			}
		}
		most = max(most, of)
	}
	return most
}

// mostDeep is what it is worth at most as something that only this depth finds.
func (s *searcher) mostDeep(word int, begun bool) (most int32) {
	if s.depth == literally {
		return s.mostAs(word, begun)
	}
	for _, way := range s.plan.words[word].ways {
		for _, p := range way.pieces {
			switch {
			case p.deep == 0:
			case s.depth == withNicknames:
				most = max(most, nicknamePoints)
			case !begun && len(p.typos.wholes) > 0:
				most = max(most, typoWhole)
			default:
				most = max(most, typoPoints)
			}
		}
	}
	return most
}

// until is before which document somebody is among the best, by the class of their word,
// and whether there is any.
func (s *searcher) until(most *[classes]value) (until [classes]uint32, some bool) {
	for c, most := range most {
		if len(s.best) < s.limit {
			until[c] = maxDocs
		} else if last := s.best[len(s.best)-1]; most > last.value || most == last.value && int(last.part) != s.part {
			until[c] = maxDocs
		} else if most == last.value {
			until[c] = last.doc
		}
		some = some || until[c] > 0
	}
	return until, some
}
