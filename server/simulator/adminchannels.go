package simulator

import "net/http"

func channelEndpoints() []adminEndpoint {
	return []adminEndpoint{
		{"GET /channels", "the channels of all teams but the General ones, as JSON Lines that a simulator can load", "", (*Simulator).adminChannels},
		{"PUT /teams/{id}/channels", "create or replace a channel; membershipType is standard, private or shared",
			`{"id":"19:00112233445566778899aabbccddeeff@thread.tacv2","displayName":"Example","membershipType":"private","members":[]}`, (*Simulator).adminPutChannel},
		{"PUT /teams/{id}/channels/{channel}/members", "set who is in a private or shared channel; sharedWithTeamIds names teams that are in a shared one",
			`{"members":[]}`, (*Simulator).adminSetChannelMembers},
		{"DELETE /teams/{id}/channels/{channel}", "remove a channel", "", (*Simulator).adminRemoveChannel},
	}
}

func (s *Simulator) adminChannels(*http.Request) (any, error) {
	return jsonLines(s.dir.Channels()), nil
}

func (s *Simulator) adminPutChannel(r *http.Request) (any, error) {
	body, err := readBody(r)
	if err != nil {
		return nil, err
	}
	return nil, unknownOr(http.StatusBadRequest, s.dir.PutChannel(r.PathValue("id"), body))
}

func (s *Simulator) adminSetChannelMembers(r *http.Request) (any, error) {
	body, err := readBody(r)
	if err != nil {
		return nil, err
	}
	return nil, unknownOr(http.StatusBadRequest, s.dir.SetChannelMembers(r.PathValue("id"), r.PathValue("channel"), body))
}

func (s *Simulator) adminRemoveChannel(r *http.Request) (any, error) {
	return nil, unknownOr(http.StatusBadRequest, s.dir.RemoveChannel(r.PathValue("id"), r.PathValue("channel")))
}
