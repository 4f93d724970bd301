package simulator

import "slices"

// deltaPage is a page of a delta round on its way out.
type deltaPage struct {
	call    *call
	of      *class
	sel     *selection
	minimal bool // the client wants only what has changed
	objects []object
	last    bool       // the round ends here
	link    deltaState // of the next page; when it is the last, of the next round
}

func (pg *deltaPage) write(units int) {
	buf := pages.Get().(*[]byte)
	defer pages.Put(buf)
	b := append((*buf)[:0], `{"@odata.context":`...)
	b = appendJSON(b, pg.call.base+"/v1.0/$metadata#"+pg.of.set+pg.sel.context())
	b = append(b, ',')
	if pg.last {
		st := pg.link
		st.After = st.UpTo
		st.Initial, st.Begun, st.Again, st.Gap, st.UpTo, st.deltaPlace = false, false, false, false, 0, deltaPlace{}
		b = append(b, `"@odata.deltaLink":`...)
		b = appendJSON(b, pg.address("$deltatoken", pg.of.delta, st))
	} else {
		b = append(b, `"@odata.nextLink":`...)
		b = appendJSON(b, pg.address("$skiptoken", pg.of.round, pg.link))
	}
	b = append(b, `,"value":[`...)
	between := pg.call.sim.how.get().between()
	for i := range pg.objects {
		o := &pg.objects[i]
		if o.skip {
			continue
		}
		if b[len(b)-1] != '[' {
			b = append(b, between...)
		}
		b = pg.append(b, o)
	}
	b = append(b, `]}`...)
	*buf = b
	pg.call.reply(jsonContent, b, units)
}

func (pg *deltaPage) address(name, purpose string, st deltaState) string {
	st.Made = pg.call.sim.Now().UnixMilli()
	return pg.call.base + "/v1.0/" + pg.of.set + "/delta?" + name + "=" + pg.call.sim.sealed(purpose, st)
}

func (pg *deltaPage) append(b []byte, o *object) []byte {
	if o.person == nil {
		b = append(b, `{"id":"`...)
		b = o.id.append(b)
		if o.gone {
			return append(b, `","@removed":{"reason":"deleted"}}`...)
		}
		return append(b, `","@removed":{"reason":"changed"}}`...)
	}
	wanted := pg.sel.wanted
	if pg.minimal && !o.whole {
		wanted = slices.Clone(wanted)
		for n := range wanted {
			wanted[n] = wanted[n] && (n == int(propID) || slices.Contains(o.props, uint16(n)))
		}
	}
	b = append(b, '{')
	b = o.person.appendMembers(b, wanted)
	b = pg.appendManager(b, o)
	b = appendEntries(b, o.members)
	return append(b, '}')
}

// appendManager writes the relation, which is sent only when it has changed. It is an array even though there is one at
// most, and a manager who is no more is told like a removed member.
func (pg *deltaPage) appendManager(b []byte, o *object) []byte {
	if pg.of.set != "users" || !pg.sel.relation || !o.whole && len(o.touched) == 0 {
		return b
	}
	who, end := guid{}, `"}]`
	switch {
	case o.boss != nil:
		who = o.boss.id
	case len(o.touched) > 0:
		who, end = o.touched[0].id, `","@removed":{"reason":"deleted"}}]`
	}
	if who == (guid{}) {
		return b
	}
	b = append(b, `,"manager@delta":[{`+typeUser+`,"id":"`...)
	b = who.append(b)
	return append(b, end...)
}
