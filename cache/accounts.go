package cache

import (
	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
)

// MatchAccounts returns whose addresses these are, in their order, all of one revision and
// from memory. What is no address is INVALID. Until the directory is complete it fails
// with ErrFilling, or with what keeps the source from filling it.
func (d Reader) MatchAccounts(emails []string) ([]*pb.AccountMatch, *pb.Freshness, error) {
	holders, totals := make([][]holder, len(emails)), make([]int, len(emails))
	d.mu.RLock()
	if err := d.readyLocked(); err != nil {
		d.mu.RUnlock()
		return nil, nil, err
	}
	for i, email := range emails {
		if ref, err := ByEmail(email); err == nil {
			holders[i], totals[i] = d.holdersLocked(ref.Email)
		}
	}
	freshness := d.freshnessLocked()
	d.mu.RUnlock()

	matches := make([]*pb.AccountMatch, len(emails))
	for i, email := range emails {
		matches[i] = d.matchOf(email, holders[i], totals[i])
	}
	return matches, freshness, nil
}

// holdersLocked are the first of those who have an address, and how many have it, as far as
// the view shows them.
func (d Reader) holdersLocked(key string) (holders []holder, total int) {
	if d.view.whole() {
		return d.held.addresses.some(key, mostCandidates)
	}
	for _, h := range d.held.addresses.holders(key) {
		in, shown := d.view.leads(key, h)
		if !shown {
			continue
		}
		if total++; total <= mostCandidates {
			holders = append(holders, holder{h.record, in})
		}
	}
	return holders, total
}

// mostCandidates is how many of those who share an address are named.
const mostCandidates = 20

// matchOf is what comes of an address that so many people have, of whom these come first.
func (d Reader) matchOf(email string, holders []holder, total int) *pb.AccountMatch {
	match := &pb.AccountMatch{Email: email, TotalCandidates: int32(total)}
	_, malformed := ByEmail(email)
	for _, h := range holders {
		match.Candidates = append(match.Candidates, h.candidate(d.view.sightOf(h.record)))
	}
	switch {
	case malformed != nil:
		match.Outcome = pb.AccountMatchOutcome_ACCOUNT_MATCH_OUTCOME_INVALID
		return match
	case len(holders) == 0:
		match.Outcome = pb.AccountMatchOutcome_ACCOUNT_MATCH_OUTCOME_NOT_FOUND
		return match
	case len(holders) > 1:
		match.Outcome = pb.AccountMatchOutcome_ACCOUNT_MATCH_OUTCOME_AMBIGUOUS
		return match
	}
	only := match.Candidates[0]
	match.PersonId, match.MatchedAddress = only.PersonId, only.MatchedAddress
	switch {
	case only.AccountState == pb.AccountState_ACCOUNT_STATE_DISABLED:
		match.Outcome = pb.AccountMatchOutcome_ACCOUNT_MATCH_OUTCOME_DISABLED
	case only.UserType == pb.UserType_USER_TYPE_GUEST:
		match.Outcome = pb.AccountMatchOutcome_ACCOUNT_MATCH_OUTCOME_GUEST
	default:
		match.Outcome = pb.AccountMatchOutcome_ACCOUNT_MATCH_OUTCOME_MATCHED
	}
	return match
}

// candidate is what the contract shows of who has an address. What kind of account theirs is
// stays unspecified where the sight does not show it.
func (h holder) candidate(sight Sight) *pb.AccountCandidate {
	c := &pb.AccountCandidate{
		PersonId:       h.record.id,
		MatchedAddress: pb.MatchedAddress_MATCHED_ADDRESS_MAIL + pb.MatchedAddress(h.kind),
		UserType:       pb.UserType_USER_TYPE_MEMBER,
		AccountState:   pb.AccountState_ACCOUNT_STATE_ENABLED,
	}
	if h.record.guest {
		c.UserType = pb.UserType_USER_TYPE_GUEST
	}
	if !h.record.enabled { // disabled, or not known
		c.AccountState = h.record.person().Profile.GetAccountState()
	}
	if !sight.Has(fieldUserType) {
		c.UserType = pb.UserType_USER_TYPE_UNSPECIFIED
	}
	if !sight.Has(fieldAccountState) {
		c.AccountState = pb.AccountState_ACCOUNT_STATE_UNSPECIFIED
	}
	return c
}
