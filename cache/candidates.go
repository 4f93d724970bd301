package cache

import (
	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
)

// Candidate is somebody who may be suggested beside the directory, to one caller.
type Candidate struct {
	// Suggestion is what is shown, without matches. Kind, Source and DisplayName are set.
	// Several may have one Id: an own contact has one for each address.
	Suggestion *pb.Suggestion
	Given      string // the given name
	Surname    string
}

// Candidates are those who may be suggested to one caller beside the directory, ready to
// be searched. They never change.
type Candidates struct{}

// NewCandidates makes candidates ready to be searched.
func NewCandidates(list []Candidate) *Candidates { return &Candidates{} }
