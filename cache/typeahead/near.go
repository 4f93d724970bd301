package typeahead

// Near is who searches, and where they stand in the organisation: people mostly look for
// somebody near. The zero Near is nobody, to whom all are alike far.
type Near struct {
	ID         string
	Manager    string // the manager's id
	Department string
	Office     string
}

// nearness is what being near is worth, beside how well somebody matches. Whoever is near
// in several ways is worth all of them.
var nearness = struct{ team, department, office int }{team: 60, department: 40, office: 30}

// places are where the documents of a segment stand: numbers of names, 0 for none.
type places struct {
	names   []string
	numbers map[string]uint32

	manager, department, office []uint32 // of each document
}

func newPlaces(documents []document) places {
	p := places{
		names:      []string{""},
		numbers:    map[string]uint32{"": 0},
		manager:    make([]uint32, len(documents)),
		department: make([]uint32, len(documents)),
		office:     make([]uint32, len(documents)),
	}
	for i, d := range documents {
		p.manager[i] = p.number(d.position.manager)
		p.department[i] = p.number(d.position.department)
		p.office[i] = p.number(d.position.office)
	}
	return p
}

func (p *places) number(name string) uint32 {
	n, ok := p.numbers[name]
	if !ok {
		n = uint32(len(p.names))
		p.names = append(p.names, name)
		p.numbers[name] = n
	}
	return n
}

// of returns where a document stands.
func (p *places) of(doc uint32) position {
	return position{p.names[p.manager[doc]], p.names[p.department[doc]], p.names[p.office[doc]]}
}

// bytes is about how much memory they take, names left out.
func (p *places) bytes() int {
	return 4*(len(p.manager)+len(p.department)+len(p.office)) + 48*len(p.names)
}

// position is where somebody stands in the organisation.
type position struct{ manager, department, office string }

// standpoint is a Near in the numbers of one segment.
type standpoint struct {
	*places
	self, manager, department, office uint32 // 0 for what nobody of the segment has
	boss                              uint32 // the manager's document
	hasBoss                           bool
}

func (s *segment) standpoint(n Near) *standpoint {
	if n == (Near{}) {
		return nil
	}
	at := &standpoint{
		places: &s.places, self: s.places.numbers[n.ID], manager: s.places.numbers[n.Manager],
		department: s.places.numbers[n.Department], office: s.places.numbers[n.Office],
	}
	if n.Manager != "" {
		at.boss, at.hasBoss = s.find(n.Manager)
	}
	return at
}

// worth is what a document's nearness is worth. A nil standpoint is near nobody.
func (s *standpoint) worth(doc uint32) int {
	if s == nil {
		return 0
	}
	worth := 0
	manager := s.places.manager[doc]
	if manager != 0 && (manager == s.manager || manager == s.self) || s.hasBoss && doc == s.boss {
		worth += nearness.team
	}
	if department := s.places.department[doc]; department != 0 && department == s.department {
		worth += nearness.department
	}
	if office := s.places.office[doc]; office != 0 && office == s.office {
		worth += nearness.office
	}
	return worth
}
