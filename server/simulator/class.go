package simulator

// class is a kind of resource as queries look at it: people, or groups.
type class struct {
	name      string // of the type in Graph's metadata
	title     string // what the directory calls it in its refusals
	set       string // the segment of its list in an address
	table     []property
	relations []string // what $select takes besides properties; delta tracks the first of them
	tracked   bool     // delta tracks that one even without a $select
	tips      string
	find      func(name string) (field, bool)
	at        func(n int32) *person // who is in a slot, nil when nobody can be seen there; the directory is locked
	past      *history
	objects   func(c *call, st deltaState, sel *selection) ([]object, deltaPlace, *problem) // of a page of a delta round

	// What the tokens of links are sealed for, so that those of one class are no good for another.
	skip, round, delta string
}

const tipsOf = `"@microsoft.graph.tips":"This request only returns a subset of the resource's properties. Your app will need to ` +
	`use $select to return non-default properties. To find out what other properties are available for this resource see ` +
	`https://learn.microsoft.com/graph/api/resources/`

func classOfPeople(d *Directory) *class {
	return &class{
		name: "user", title: "User", set: "users",
		table:     known,
		relations: []string{"manager"},
		tips:      tipsOf + `user",`,
		find:      d.field,
		at:        d.shown,
		past:      &d.past,
		skip:      "skip", round: "round", delta: "delta",
	}
}

func classOfGroups(d *Directory) *class {
	return &class{
		name: "group", title: "Group", set: "groups",
		table:     knownOfGroups,
		relations: []string{"members", "owners"},
		tracked:   true,
		tips:      tipsOf + `group",`,
		find:      d.groupField,
		at:        d.groups.shown,
		past:      &d.groups.past,
		skip:      "skip groups", round: "round of groups", delta: "delta of groups",
	}
}
