package cache

import (
	"cmp"
	"slices"
	"strings"

	pb "github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1"
)

// ReportingLine is whom somebody reports to, and who reports to them.
type ReportingLine struct {
	Managers  []*pb.ProfileSummary // nearest first
	Reports   []*pb.ProfileSummary // by display name without letter case, then by id
	Freshness *pb.Freshness
}

// mostManagers is how many managers a reporting line has at most.
const mostManagers = 100

// ReportingLine returns the managers above a person, so many levels up at most, all of
// them if zero, and those who report to them if they are asked for, all of one revision
// and from memory. It has at most 100 managers, nobody twice, and the person never.
// ErrNotFound means that the directory holds no such person. Until it is complete it fails
// with ErrFilling, or with what keeps the source from filling it.
func (d Reader) ReportingLine(ref Ref, levels int, reports bool) (*ReportingLine, error) {
	line := &ReportingLine{}
	var managers, below []*record
	d.mu.RLock()
	err := d.readyLocked()
	if err == nil {
		managers, below, err = d.lineLocked(ref, levels, reports)
		line.Freshness = d.freshnessLocked()
	}
	d.mu.RUnlock()
	if err != nil {
		return nil, err
	}
	line.Managers, line.Reports = d.summaries(managers), d.summaries(below)
	sortByName(line.Reports)
	return line, nil
}

// lineLocked returns the managers above a person, and copies who reports to them if they are
// asked for. It ends below a manager whom the view does not show, as where there is none.
func (d Reader) lineLocked(ref Ref, levels int, reports bool) (managers, below []*record, err error) {
	h := d.held
	r := d.personLocked(ref)
	switch {
	case !d.view.Sees.Has(FieldManager) && (r == nil || r.id != d.view.Self): // whoever it is asked of
		return nil, nil, ErrNotShown
	case r == nil:
		return nil, nil, ErrNotFound
	}
	told := func(r *record) bool { return d.view.sightOf(r).Has(FieldManager) }
	if levels <= 0 || levels > mostManagers {
		levels = mostManagers
	}
	seen := map[*record]bool{r: true}
	for at := r; len(managers) < levels && told(at); at = managers[len(managers)-1] {
		m := h.people[at.managerID]
		if m == nil || seen[m] || !d.view.shows(m) {
			break
		}
		seen[m] = true
		managers = append(managers, m)
	}
	if reports {
		below = slices.DeleteFunc(slices.Clone(h.reports[r.id]), func(b *record) bool { return b == r || !told(b) })
	}
	return managers, below, nil
}

// summaries are what lists show of people.
func (d Reader) summaries(people []*record) []*pb.ProfileSummary {
	list := make([]*pb.ProfileSummary, len(people))
	for i, r := range people {
		list[i] = d.view.summary(Summary(r.person().Profile))
	}
	return list
}

// sortByName sorts by display name in lower case (strings.ToLower), then by id.
func sortByName(people []*pb.ProfileSummary) {
	names := make(map[*pb.ProfileSummary]string, len(people))
	for _, p := range people {
		names[p] = strings.ToLower(p.GetDisplayName())
	}
	slices.SortFunc(people, func(a, b *pb.ProfileSummary) int {
		return cmp.Or(strings.Compare(names[a], names[b]), strings.Compare(a.GetId(), b.GetId()))
	})
}

// reports leads from a manager's id to those who report to them, in no set order. The
// manager need not be held: whoever comes to have the id has the reports.
type reports map[string][]*record

func (m reports) add(r *record) {
	if r.managerID != "" {
		m[r.managerID] = append(m[r.managerID], r)
	}
}

// remove changes the list in place: who reads it does so while nobody changes it.
func (m reports) remove(r *record) {
	list := m[r.managerID]
	i := slices.Index(list, r)
	if i < 0 {
		return
	}
	last := len(list) - 1
	list[i], list[last] = list[last], nil
	if m[r.managerID] = list[:last]; last == 0 {
		delete(m, r.managerID)
	}
}

// copied returns a copy that can be changed while m is read. Its lists are of one piece:
// one that grows gets its own.
func (m reports) copied() reports {
	total := 0
	for _, list := range m {
		total += len(list)
	}
	c, all := make(reports, len(m)), make([]*record, 0, total)
	for id, list := range m {
		from := len(all)
		all = append(all, list...)
		c[id] = slices.Clip(all[from:])
	}
	return c
}
