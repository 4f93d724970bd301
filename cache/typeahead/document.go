package typeahead

import "cmp"

// document is an entry as a segment is built from it.
type document struct {
	id       string
	kind     Kind
	name     string // the display name, folded
	words    []term
	position Position
}

// term is a folded word of an entry, with its class.
type term struct {
	text  string
	class class
}

func newDocument(e Entry) document {
	d := document{id: e.ID, kind: e.Kind, name: folded(e.Name), position: e.Position}
	w := enter()
	defer w.leave()
	w.display(&e)
	w.others(&e)
	for _, f := range w.fields {
		for _, w := range f.words {
			d.spell(w)
		}
	}
	e.initials(func(form string) { d.add(form, initials) })
	return d
}

// spell adds a word in all its forms.
func (d *document) spell(w word) {
	for _, form := range spelled(w.glyphs) {
		if w.class == code {
			form = codeMark + form
		}
		d.add(form, w.class)
		for _, bare := range unmarked(form) {
			d.add(bare, w.class)
		}
	}
}

// add adds a word, once, with the best of its classes.
func (d *document) add(form string, class class) {
	if form == "" {
		return
	}
	for i := range d.words {
		if d.words[i].text == form {
			d.words[i].class = d.words[i].class.and(class)
			return
		}
	}
	d.words = append(d.words, term{form, class})
}

// compare is the order of entries whose matches are equally good: by kind, then by
// display name.
func compare(a Kind, aName, aID string, b Kind, bName, bID string) int {
	return cmp.Or(cmp.Compare(a, b), cmp.Compare(aName, bName), cmp.Compare(aID, bID))
}
