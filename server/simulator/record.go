package simulator

import (
	"encoding/json"
	"slices"
	"strings"
)

// record is an object on its way into an answer, for what Outlook and Teams serve: names with compact JSON, in order.
type record []entry

type entry struct{ name, value string }

// quoted returns a string as JSON, null when it is empty.
func quoted(s string) string {
	if s == "" {
		return "null"
	}
	return string(appendJSON(nil, s))
}

// quotedList returns an array of strings as JSON.
func quotedList(list []string) string {
	b := []byte{'['}
	for i, s := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendJSON(b, s)
	}
	return string(append(b, ']'))
}

// append writes the object with the wanted members, all of them when wanted is nil.
func (r record) append(b []byte, wanted []string) []byte {
	b = append(b, '{')
	return closeObject(r.appendMembers(b, wanted))
}

func (r record) appendMembers(b []byte, wanted []string) []byte {
	for _, e := range r {
		if wanted == nil || slices.Contains(wanted, e.name) {
			b = append(b, `"`+e.name+`":`+e.value+`,`...)
		}
	}
	return b
}

// selected reads a $select of records: names are those of the type; always are sent whatever is asked. Without a $select it
// returns nil, which means all.
func selected(o options, typeName string, names []string, always ...string) ([]string, *problem) {
	value, asked := o["select"]
	if !asked || strings.TrimSpace(value) == "" {
		return nil, nil
	}
	wanted := slices.Clone(always)
	for name := range strings.SplitSeq(value, ",") {
		name = strings.TrimSpace(name)
		i := slices.IndexFunc(names, func(n string) bool { return strings.EqualFold(n, name) })
		if i < 0 {
			return nil, badRequest("Could not find a property named '%s' on type 'microsoft.graph.%s'.", name, typeName)
		}
		wanted = append(wanted, names[i])
	}
	return wanted, nil
}

// recordPage is a list of records. Its place in the whole is not kept anywhere: next is all of the link to what follows.
type recordPage struct {
	context string // what comes after $metadata#
	count   int    // -1 when it is not told
	next    string
	rows    []record
	wanted  []string
}

func (c *call) replyRecords(pg recordPage) {
	b := append([]byte(nil), `{"@odata.context":`...)
	b = appendJSON(b, c.base+"/v1.0/$metadata#"+pg.context)
	if pg.count >= 0 {
		n, _ := json.Marshal(pg.count)
		b = append(append(b, `,"@odata.count":`...), n...)
	}
	if pg.next != "" {
		b = append(b, `,"@odata.nextLink":`...)
		b = appendJSON(b, pg.next)
	}
	b = append(b, `,"value":[`...)
	between := c.sim.how.get().between()
	for i, r := range pg.rows {
		if i > 0 {
			b = append(b, between...)
		}
		b = r.append(b, pg.wanted)
	}
	c.reply(jsonContent, append(b, `]}`...), 0)
}

func (c *call) replyRecord(context string, r record, wanted []string) {
	b := append([]byte(nil), `{"@odata.context":`...)
	b = appendJSON(b, c.base+"/v1.0/$metadata#"+context)
	b = r.appendMembers(append(b, ','), wanted)
	c.reply(jsonContent, closeObject(b), 0)
}
