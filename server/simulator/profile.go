package simulator

import (
	"math/rand/v2"
	"net/http"
	"strings"
	"time"
)

// inventedLater says for whom a directory invents, once it is asked for, what is not worth keeping: the people in the first
// slots. Who comes later has what they are given.
type inventedLater struct {
	slots int32
	seed  uint64
}

// hasMailbox reports whether somebody has a mailbox. Unless it was said, guests and who has no address have none, and of the
// invented half of those who may not sign in. The directory must be locked.
func (d *Directory) hasMailbox(n int32, p *person) bool {
	if p.mailbox != mailboxUnsaid {
		return p.mailbox == mailboxThere
	}
	kind, _ := p.text(knownField(propUserType))
	if !p.has(knownField(propMail)) || kind == "Guest" {
		return false
	}
	enabled, _ := d.words.find("accountEnabled")
	return n >= d.later.slots || p.value(enabled) != "false" || lot(p.id, "mailbox")%2 == 0
}

// mayProfile refuses to tell the properties that live outside the directory when there is no place where they could. That
// fails the whole request; with which of Graph's codes depends on the person. The directory must be locked.
func (s *Simulator) mayProfile(n int32, p *person, sel *selection) *problem {
	if s.how.get().WithoutSharePoint && sel.site {
		return refuse(http.StatusBadRequest, "BadRequest", "Tenant does not have a SPO license.")
	}
	if s.dir.hasMailbox(n, p) {
		return nil
	}
	if lot(p.id, "no mailbox")%2 == 0 {
		return refuse(http.StatusNotFound, "ResourceNotFound", "Resource could not be discovered.")
	}
	return refuse(http.StatusNotFound, "MailboxNotEnabledForRESTAPI",
		"The mailbox is either inactive, soft-deleted, or is hosted on-premise.")
}

// withProfile returns a person with the profile properties that are invented for them added to those they have. About half
// of the people have some. It takes some 5 µs, so nobody has to keep them. What somebody has been given stands in place of
// what is invented; null for what they never had gives nothing, so it is an empty list or text that takes one away. The
// directory must be locked.
func (d *Directory) withProfile(n int32, p *person) *person {
	if n >= d.later.slots || lot(p.id, "profile")%20 >= 11 {
		return p
	}
	b := builder{raw: []byte(p.raw), spans: append([]span(nil), p.spans...)}
	w := &profileWriter{
		dir: d, of: p, out: &b,
		rand: rand.New(rand.NewPCG(d.later.seed, lot(p.id, "profile text"))),
	}
	w.write()
	full := b.person(p.id, p.manager)
	full.mailbox = p.mailbox
	return full
}

// profileWriter invents one person's profile properties. Each is drawn whether it is needed or not, so that what somebody
// has been given does not change the rest.
type profileWriter struct {
	dir  *Directory
	of   *person
	out  *builder
	rand *rand.Rand
}

func (w *profileWriter) write() {
	t := profileTexts[0]
	if tag := w.has("preferredLanguage"); tag != "" {
		for _, other := range profileTexts {
			if strings.HasPrefix(tag, other.tag) {
				t = other
			}
		}
	}
	about := w.fill(t.about[w.rand.IntN(len(t.about))])
	born := time.Date(1958+w.rand.IntN(46), time.Month(1+w.rand.IntN(12)), 1+w.rand.IntN(28), 0, 0, 0, 0, time.UTC)
	hired := time.Date(2006+w.rand.IntN(19), time.Month(1+w.rand.IntN(12)), 1, 0, 0, 0, 0, time.UTC).Format(time.RFC3339)
	if real := w.has("employeeHireDate"); real != "" {
		hired = real
	}
	w.text("aboutMe", about, 75)
	w.text("birthday", born.Format(time.RFC3339), 40)
	w.text("hireDate", hired, 60)
	w.texts("interests", t.interests, 60)
	w.text("mySite", "https://contoso-my.sharepoint.com/personal/"+siteName(w.has("userPrincipalName"))+"/", 80)
	w.texts("pastProjects", projectNames, 50)
	w.text("preferredName", w.has("givenName"), 40)
	w.texts("responsibilities", t.duties, 50)
	w.texts("schools", schoolNames, 45)
	w.texts("skills", append(skillNames[:len(skillNames):len(skillNames)], t.skills...), 85)
}

// has returns a string property of the person, empty when there is none.
func (w *profileWriter) has(name string) string {
	f, _ := w.dir.words.find(name)
	s, _ := w.of.text(f)
	return s
}

// fill puts what is known of the person into a text.
func (w *profileWriter) fill(text string) string {
	known := func(name, otherwise string) string {
		if s := w.has(name); s != "" {
			return s
		}
		return otherwise
	}
	return strings.NewReplacer(
		"{job}", known("jobTitle", "Contoso"), "{department}", known("department", "Contoso"), "{city}", known("city", "Zürich"),
	).Replace(text)
}

// free draws whether a property is to be filled, in so many of a hundred, and returns it if there is nothing in it.
func (w *profileWriter) free(name string, percent int) (field, bool) {
	f, _ := w.dir.words.find(name)
	return f, w.rand.IntN(100) < percent && w.of.value(f) == ""
}

func (w *profileWriter) text(name, value string, percent int) {
	if f, ok := w.free(name, percent); ok && value != "" {
		w.out.text(f, value)
	}
}

// texts fills a property with one to four of a list.
func (w *profileWriter) texts(name string, from []string, percent int) {
	order := w.rand.Perm(len(from))[:1+w.rand.IntN(min(4, len(from)))]
	picked := make([]string, len(order))
	for i, at := range order {
		picked[i] = from[at]
	}
	if f, ok := w.free(name, percent); ok {
		w.out.texts(f, picked)
	}
}

// siteName is how SharePoint writes a user principal name in an address.
func siteName(upn string) string {
	return strings.NewReplacer("@", "_", ".", "_", "#", "_").Replace(strings.ToLower(upn))
}
