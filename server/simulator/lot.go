package simulator

// lot draws a number by which people of one tenant differ in what is decided when it is asked for. It is always the same
// for one person and one question.
func lot(id guid, question string) uint64 {
	h := uint64(14695981039346656037) // FNV-1a
	for i := range len(question) {
		h = (h ^ uint64(question[i])) * 1099511628211
	}
	for _, b := range id {
		h = (h ^ uint64(b)) * 1099511628211
	}
	h ^= h >> 33 // the end of MurmurHash3: ids that differ in their last byte are to differ everywhere
	h *= 0xff51afd7ed558ccd
	h ^= h >> 33
	h *= 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}
