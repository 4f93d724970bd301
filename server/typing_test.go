package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"github.com/peopleinsights/peopleinsights/server/simulator"
)

// This file makes up how people type for colleagues, to measure how soon type-ahead has
// them. It shares no code with what it measures, or both would be wrong alike.

// session is somebody who types for somebody else.
type session struct {
	Organizer, Target string // ids
	Text              string // what is typed in the end
	Meant             string // Text without its typo; the same where there is none
	Style             string
	Near              nearness
}

func (s session) typo() bool { return s.Text != s.Meant }

// colleague is what typing takes of a Graph user.
type colleague struct {
	ID, DisplayName, GivenName, Surname, Mail, UserType, Department, OfficeLocation, ManagerID string
	AccountEnabled                                                                             bool
	ShowInAddressList                                                                          *bool

	manager *colleague
}

// invitable tells whether somebody can be found at all.
func (c *colleague) invitable() bool {
	return c.AccountEnabled && c.Mail != "" && (c.ShowInAddressList == nil || *c.ShowInAddressList)
}

// name takes the name apart. Of many guests no more is known than what is shown; two
// words of that are taken for a given name and a surname.
func (c *colleague) name() (given, surname string) {
	if c.GivenName == "" && c.Surname == "" {
		if words := strings.Fields(c.DisplayName); len(words) == 2 {
			return words[0], words[1]
		}
	}
	return c.GivenName, c.Surname
}

// called is what is typed of the name: of two given names nearly everybody types the
// first, John of John Michael.
func (c *colleague) called(r *rand.Rand) (given, surname string) {
	given, surname = c.name()
	if words := strings.Fields(given); len(words) == 2 && isLatin(given) && r.IntN(10) > 0 {
		given = words[0]
	}
	return given, surname
}

// joined tells whether the name is written without a space, as in Chinese.
func (c *colleague) joined() bool {
	return !isLatin(c.Surname) && strings.Contains(c.DisplayName, c.Surname+c.GivenName)
}

// nearness is where a target comes from.
type nearness string

const (
	sameTeam       nearness = "team" // same manager, own manager or own report
	sameDepartment nearness = "department"
	sameOffice     nearness = "office"
	anywhere       nearness = "anywhere"
)

// weighted is something that is drawn as often as its weight says.
type weighted[T any] struct {
	what   T
	weight int // in percent
}

func draw[T any](r *rand.Rand, of []weighted[T]) T {
	k := r.IntN(100)
	for _, w := range of {
		if k -= w.weight; k < 0 {
			return w.what
		}
	}
	panic("weights are of a hundred")
}

var nearnesses = []weighted[nearness]{{sameTeam, 45}, {sameDepartment, 20}, {sameOffice, 15}, {anywhere, 20}}

// How often there is a typo, and how often nothing is typed with the shift key, in percent.
const (
	typoShare  = 10
	lowerShare = 75
)

// workplace is everybody of a directory, and who is near whom.
type workplace struct {
	everybody, workers  []*colleague
	reports             map[*colleague][]*colleague
	departments, places map[string][]*colleague
}

func newWorkplace(all iter.Seq2[string, json.RawMessage]) (*workplace, error) {
	w := &workplace{reports: map[*colleague][]*colleague{}, departments: map[string][]*colleague{}, places: map[string][]*colleague{}}
	byID := map[string]*colleague{}
	for id, user := range all {
		c := &colleague{}
		if err := json.Unmarshal(user, c); err != nil {
			return nil, err
		}
		byID[id] = c
		w.everybody = append(w.everybody, c)
	}
	for _, c := range w.everybody {
		if c.AccountEnabled && c.UserType == "Member" {
			w.workers = append(w.workers, c)
		}
		if c.manager = byID[c.ManagerID]; c.manager != nil {
			w.reports[c.manager] = append(w.reports[c.manager], c)
		}
		w.departments[c.Department] = append(w.departments[c.Department], c)
		w.places[c.OfficeLocation] = append(w.places[c.OfficeLocation], c)
	}
	if len(w.workers) == 0 {
		return nil, errors.New("nobody is at work")
	}
	return w, nil
}

// around are those who are so near to somebody; the same person may be among them.
func (w *workplace) around(c *colleague, near nearness) []*colleague {
	switch {
	case near == sameTeam:
		team := append([]*colleague(nil), w.reports[c]...)
		if c.manager != nil {
			team = append(append(team, c.manager), w.reports[c.manager]...)
		}
		return team
	case near == sameDepartment && c.Department != "":
		return w.departments[c.Department]
	case near == sameOffice && c.OfficeLocation != "":
		return w.places[c.OfficeLocation]
	case near == anywhere:
		return w.everybody
	}
	return nil
}

// sessions makes up n sessions; the same seed makes the same.
func (w *workplace) sessions(n int, seed uint64) ([]session, error) {
	r := rand.New(rand.NewPCG(seed, 0x747970696e67))
	list := make([]session, n)
	for i := range list {
		var ok bool
		if list[i], ok = w.session(r); !ok {
			return nil, fmt.Errorf("nobody here is searched for as session %d needs it: %+v", i, list[i])
		}
	}
	return list, nil
}

// session draws how somebody types, and then people with whom that is possible: a style
// is as frequent as its weight, whoever works there.
func (w *workplace) session(r *rand.Rand) (session, bool) {
	style, near := draw(r, styles), draw(r, nearnesses)
	typo, lower := r.IntN(100) < typoShare, r.IntN(100) < lowerShare
	for range 100_000 {
		organizer := w.workers[r.IntN(len(w.workers))]
		around := w.around(organizer, near)
		if len(around) == 0 {
			continue
		}
		target := around[r.IntN(len(around))]
		if target == organizer || !target.invitable() {
			continue
		}
		text := style.text(target, r)
		if text == "" {
			continue
		}
		if lower {
			text = lowered(text)
		}
		s := session{organizer.ID, target.ID, text, text, style.name, near}
		if typo {
			if s.Text = mistyped(r, text); s.Text == text {
				continue
			}
		}
		return s, true
	}
	return session{Style: style.name, Near: near}, false
}

// style is a way to type for somebody: text is empty for those for whom nobody types so.
type style struct {
	name string
	text func(c *colleague, r *rand.Rand) string
}

var styles = []weighted[style]{
	{style{"first name", named(func(first, _ string) string { return first })}, 14},
	{style{"surname", named(func(_, surname string) string { return surname })}, 16},
	{style{"first surname", inOrder(func(first, surname string) string { return first + " " + surname })}, 22},
	{style{"surname first", inOrder(func(first, surname string) string { return surname + " " + first })}, 7},
	{style{"surname, first", named(func(first, surname string) string { return surname + ", " + first })}, 5},
	{style{"first and initial", initials(func(first, surname string) string { return first + " " + initial(surname) })}, 6},
	{style{"jsmith", initials(func(first, surname string) string { return initial(first) + strings.ReplaceAll(surname, " ", "") })}, 3},
	{style{"j smith", initials(func(first, surname string) string { return initial(first) + " " + surname })}, 3},
	{style{"local part", func(c *colleague, _ *rand.Rand) string { return localPart(c) }}, 8},
	{style{"address", func(c *colleague, _ *rand.Rand) string { return c.Mail }}, 5},
	{style{"middle of a surname", middle}, 4},
	{style{"folded", folded}, 5},
	{style{"nickname", nicknamed}, 2},
}

// named is a style for those who have both names.
func named(text func(first, surname string) string) func(*colleague, *rand.Rand) string {
	return func(c *colleague, r *rand.Rand) string {
		first, surname := c.called(r)
		if first == "" || surname == "" {
			return ""
		}
		return text(first, surname)
	}
}

// inOrder is a style with both names. A name that is written without a space is typed
// without one, and in its own order.
func inOrder(text func(first, surname string) string) func(*colleague, *rand.Rand) string {
	return func(c *colleague, r *rand.Rand) string {
		if c.joined() {
			return c.Surname + c.GivenName
		}
		return named(text)(c, r)
	}
}

// initials is a style for names in a script with capital letters, which others have no
// initials of.
func initials(text func(first, surname string) string) func(*colleague, *rand.Rand) string {
	return named(func(first, surname string) string {
		for _, name := range []string{first, surname} {
			if letter := []rune(name)[0]; unicode.ToUpper(letter) == unicode.ToLower(letter) {
				return ""
			}
		}
		return text(first, surname)
	})
}

func initial(name string) string { return string([]rune(name)[:1]) }

func localPart(c *colleague) string {
	local, _, _ := strings.Cut(c.Mail, "@")
	return local
}

// middle is a later part of a surname of several: berg of van den Berg, where den is
// nothing to look for.
func middle(c *colleague, r *rand.Rand) string {
	_, surname := c.name()
	parts := strings.FieldsFunc(surname, func(letter rune) bool { return strings.ContainsRune(" -'’", letter) })
	parts = slices.DeleteFunc(parts[min(1, len(parts)):], func(part string) bool {
		letters := []rune(part)
		return len(letters) < 3 || unicode.IsLower(letters[0])
	})
	if len(parts) == 0 {
		return ""
	}
	return parts[r.IntN(len(parts))]
}

// folded is a name as it is typed on a keyboard without its letters: without diacritics,
// or with two letters for one; and in Latin letters where the address has it in them.
func folded(c *colleague, r *rand.Rand) string {
	first, surname := c.called(r)
	if !isLatin(first + surname) {
		first, surname, _ = strings.Cut(strings.TrimPrefix(localPart(c), "x-"), ".")
		surname = strings.TrimRight(surname, "0123456789")
		if len(first) < 2 || surname == "" {
			return ""
		}
		return first + " " + surname
	}
	text := surname
	if r.IntN(2) == 0 {
		text = first + " " + surname
	}
	two := r.IntN(2) == 0
	if plain := unaccented(text, two); plain != lowered(text) {
		return plain
	}
	return ""
}

func isLatin(name string) bool {
	for _, letter := range name {
		if unicode.IsLetter(letter) && !unicode.Is(unicode.Latin, letter) {
			return false
		}
	}
	return true
}

// oneForOne and twoForOne are how letters are typed that a keyboard has not.
var (
	oneForOne = map[rune]string{'ß': "ss", 'æ': "ae", 'œ': "oe", 'ø': "o", 'ł': "l", 'đ': "d", 'ð': "d", 'þ': "th", 'ı': "i"}
	twoForOne = map[rune]string{'ä': "ae", 'ö': "oe", 'ü': "ue", 'å': "aa", 'ø': "oe"}
)

// unaccented is a Latin text without diacritics, in lower case.
func unaccented(text string, two bool) string {
	var b strings.Builder
	for _, letter := range lowered(text) {
		if s := twoForOne[letter]; s != "" && two {
			b.WriteString(s)
			continue
		}
		if s := oneForOne[letter]; s != "" {
			b.WriteString(s)
			continue
		}
		for _, part := range norm.NFD.String(string(letter)) {
			if !unicode.Is(unicode.Mn, part) {
				b.WriteRune(part)
			}
		}
	}
	return b.String()
}

// lowered is a text in lower case, letter by letter.
func lowered(text string) string { return strings.Map(unicode.ToLower, text) }

// nicknames are what people say for a given name.
var nicknames = map[string][]string{
	"Aleksandr": {"Sasha"}, "Alessandro": {"Sandro"}, "Alexandru": {"Alex"}, "Andrew": {"Andy", "Drew"}, "Anthony": {"Tony"},
	"Charles": {"Charlie", "Chuck"}, "Christopher": {"Chris"}, "Daniel": {"Dan", "Danny"}, "David": {"Dave"}, "Deborah": {"Debbie"},
	"Edward": {"Ed", "Ted"}, "Elizabeth": {"Liz", "Beth", "Betty"}, "Francesco": {"Franco"}, "Francisco": {"Paco"}, "Giuseppe": {"Beppe"},
	"James": {"Jim", "Jimmy"}, "Jennifer": {"Jen", "Jenny"}, "Johannes": {"Hans"}, "José": {"Pepe"}, "Joseph": {"Joe"}, "Joshua": {"Josh"},
	"Katarzyna": {"Kasia"}, "Kenneth": {"Ken"}, "Kimberly": {"Kim"}, "Margaret": {"Peggy", "Maggie"}, "Matthew": {"Matt"},
	"Michael": {"Mike", "Mick"}, "Richard": {"Dick", "Rick"}, "Robert": {"Bob", "Rob"}, "Ronald": {"Ron"}, "Stephanie": {"Steph"},
	"Steven": {"Steve"}, "Susan": {"Sue"}, "Susanne": {"Susi"}, "Thomas": {"Tom"}, "Timothy": {"Tim"}, "William": {"Bill", "Will"},
}

// nicknamed is a nickname, alone or with the surname.
func nicknamed(c *colleague, r *rand.Rand) string {
	first, surname := c.called(r)
	short := nicknames[first]
	if len(short) == 0 || surname == "" {
		return ""
	}
	text := short[r.IntN(len(short))]
	if r.IntN(2) == 0 {
		text += " " + surname
	}
	return text
}

// keys are the neighbours of a key.
var keys = map[rune]string{
	'a': "qwsz", 'b': "vghn", 'c': "xdfv", 'd': "serfcx", 'e': "wsdr", 'f': "drtgvc", 'g': "ftyhbv", 'h': "gyujnb", 'i': "ujko",
	'j': "huikmn", 'k': "jiolm", 'l': "kop", 'm': "njk", 'n': "bhjm", 'o': "iklp", 'p': "ol", 'q': "wa", 'r': "edft", 's': "awedxz",
	't': "rfgy", 'u': "yhji", 'v': "cfgb", 'w': "qase", 'x': "zsdc", 'y': "tghu", 'z': "asx",
}

// slip is the key that is hit for another. Of letters that the table has not, it is
// another one of the same word.
func slip(r *rand.Rand, letter rune, word []rune) rune {
	near := []rune(keys[unicode.ToLower(letter)])
	if len(near) == 0 {
		near = word
	}
	return near[r.IntN(len(near))]
}

// mistyped is a text with one typo in a word of at least four letters, not in the first
// of them; or the text, where it has no such word or the typo happens to change nothing.
func mistyped(r *rand.Rand, text string) string {
	all := []rune(text)
	words := longWords(all)
	if len(words) == 0 {
		return text
	}
	at := words[r.IntN(len(words))]
	before, word, after := string(all[:at[0]]), all[at[0]:at[1]], string(all[at[1]:])
	i := 1 + r.IntN(len(word)-1)
	var wrong string
	switch r.IntN(4) {
	case 0: // another letter
		wrong = string(word[:i]) + string(slip(r, word[i], word)) + string(word[i+1:])
	case 1: // one more
		wrong = string(word[:i+1]) + string(slip(r, word[i], word)) + string(word[i+1:])
	case 2: // one less
		wrong = string(word[:i]) + string(word[i+1:])
	case 3: // two in the wrong order
		i = min(i, len(word)-2)
		wrong = string(word[:i]) + string(word[i+1]) + string(word[i]) + string(word[i+2:])
	}
	return before + wrong + after
}

// longWords are where the words of at least four letters are.
func longWords(text []rune) (words [][2]int) {
	begin := 0
	for i := range len(text) + 1 {
		if i < len(text) && unicode.IsLetter(text[i]) {
			continue
		}
		if i-begin >= 4 {
			words = append(words, [2]int{begin, i})
		}
		begin = i + 1
	}
	return words
}

// typing makes up sessions for a test.
func typing(t *testing.T, directory *simulator.Directory, n int, seed uint64) []session {
	t.Helper()
	w, err := newWorkplace(directory.All())
	if err != nil {
		t.Fatal(err)
	}
	sessions, err := w.sessions(n, seed)
	if err != nil {
		t.Fatal(err)
	}
	return sessions
}

func TestTypingIsTheSameForASeed(t *testing.T) {
	directory := simulator.Invent(2000, 1)
	one := typing(t, directory, 500, 1)
	if again := typing(t, simulator.Invent(2000, 1), 500, 1); !reflect.DeepEqual(one, again) {
		t.Error("the same seed makes other sessions")
	}
	if other := typing(t, directory, 500, 2); reflect.DeepEqual(one, other) {
		t.Error("another seed makes the same sessions")
	}
}

// TestTypingShares expects styles, nearness and typos as often as their weights say.
func TestTypingShares(t *testing.T) {
	const n = 20_000
	count := map[string]int{}
	for _, s := range typing(t, simulator.Invent(3000, 1), n, 1) {
		count[s.Style]++
		count[string(s.Near)]++
		if s.typo() {
			count["typo"]++
		}
		if s.Text == lowered(s.Text) {
			count["lower case"]++
		}
	}
	expect := func(what string, percent int) {
		t.Helper()
		if got := 100 * float64(count[what]) / n; got < float64(percent)-1 || got > float64(percent)+1 {
			t.Errorf("%s is in %.1f %% of the sessions, want %d", what, got, percent)
		}
	}
	total := 0
	for _, w := range styles {
		expect(w.what.name, w.weight)
		total += w.weight
	}
	if total != 100 {
		t.Errorf("the weights of the styles are %d together", total)
	}
	for _, w := range nearnesses {
		expect(string(w.what), w.weight)
	}
	expect("typo", typoShare)
	if count["lower case"] < n*lowerShare/100 || count["lower case"] == n {
		t.Errorf("%d of %d sessions are in lower case", count["lower case"], n)
	}
}

// TestTypingIsForColleagues looks at who types for whom.
func TestTypingIsForColleagues(t *testing.T) {
	directory := simulator.Invent(3000, 1)
	people := map[string]colleague{}
	for id, user := range directory.All() {
		var c colleague
		if err := json.Unmarshal(user, &c); err != nil {
			t.Fatal(err)
		}
		people[id] = c
	}
	for _, s := range typing(t, directory, 5000, 3) {
		o, c := people[s.Organizer], people[s.Target]
		if o.ID == c.ID || !o.AccountEnabled || o.UserType != "Member" {
			t.Errorf("%+v types for %+v", o, c)
		}
		if !c.AccountEnabled || c.Mail == "" || c.ShowInAddressList != nil && !*c.ShowInAddressList {
			t.Errorf("%+v cannot be found, and is typed for", c)
		}
		near := map[nearness]bool{
			sameTeam:       o.ManagerID != "" && o.ManagerID == c.ManagerID || o.ManagerID == c.ID || c.ManagerID == o.ID,
			sameDepartment: o.Department == c.Department,
			sameOffice:     o.OfficeLocation == c.OfficeLocation,
			anywhere:       true,
		}
		if !near[s.Near] {
			t.Errorf("%+v and %+v are not in the same %s", o, c, s.Near)
		}
	}
}

// TestTypingTexts types for a few people in each style that they have.
func TestTypingTexts(t *testing.T) {
	miller := &colleague{DisplayName: "Jürgen Müller", GivenName: "Jürgen", Surname: "Müller", Mail: "juergen.mueller@contoso.de"}
	smith := &colleague{DisplayName: "Smith, Bob", GivenName: "Robert", Surname: "Smith", Mail: "rsmith@contoso.com"}
	berg := &colleague{DisplayName: "Jan van den Berg", GivenName: "Jan", Surname: "van den Berg", Mail: "jan.vandenberg@contoso.com"}
	anders := &colleague{DisplayName: "Ørsted, Åse", GivenName: "Åse", Surname: "Ørsted", Mail: "ase.orsted@contoso.com"}
	ivanov := &colleague{DisplayName: "Юлия Иванов", GivenName: "Юлия", Surname: "Иванов", Mail: "x-yulia.ivanov2@contoso.com"}
	wang := &colleague{DisplayName: "王伟", GivenName: "伟", Surname: "王", Mail: "wei.wang@contoso.com"}
	john := &colleague{DisplayName: "John Michael Smith", GivenName: "John Michael", Surname: "Smith", Mail: "john.smith@contoso.com"}
	guest := &colleague{DisplayName: "Ana Costa", Mail: "ana.costa@adatum.com"}
	unnamed := &colleague{DisplayName: "ana.costa", Mail: "ana.costa@adatum.com"}
	for _, row := range []struct {
		style string
		who   *colleague
		want  string // what is typed one time or another
	}{
		{"first name", miller, "Jürgen"}, {"surname", guest, "Costa"}, {"surname", unnamed, ""},
		{"first surname", miller, "Jürgen Müller"}, {"surname first", miller, "Müller Jürgen"}, {"surname, first", miller, "Müller, Jürgen"},
		{"first name", john, "John|John Michael"}, {"surname, first", john, "Smith, John|Smith, John Michael"},
		{"first surname", wang, "王伟"}, {"surname first", wang, "王伟"},
		{"first and initial", smith, "Robert S"}, {"jsmith", smith, "RSmith"}, {"j smith", smith, "R Smith"},
		{"jsmith", berg, "JvandenBerg"}, {"jsmith", ivanov, "ЮИванов"}, {"jsmith", wang, ""},
		{"local part", smith, "rsmith"}, {"address", unnamed, "ana.costa@adatum.com"},
		{"middle of a surname", berg, "Berg"}, {"middle of a surname", smith, ""},
		{"folded", miller, "muller|mueller|jurgen muller|juergen mueller"}, {"folded", anders, "orsted|oersted|ase orsted|aase oersted"},
		{"folded", ivanov, "yulia ivanov"}, {"folded", wang, "wei wang"}, {"folded", smith, ""},
		{"nickname", smith, "Bob|Bob Smith|Rob|Rob Smith"}, {"nickname", miller, ""},
	} {
		typed := map[string]bool{}
		r := rand.New(rand.NewPCG(1, 1))
		for _, w := range styles {
			for range 100 {
				if w.what.name == row.style {
					typed[w.what.text(row.who, r)] = true
				}
			}
		}
		want := map[string]bool{}
		for text := range strings.SplitSeq(row.want, "|") {
			want[text] = true
		}
		if !reflect.DeepEqual(typed, want) {
			t.Errorf("%s of %s: %v, want %v", row.style, row.who.DisplayName, typed, want)
		}
	}
}

// TestTypingTypos expects each typo to be one edit, of a word of four letters or more, and
// none of a first letter.
func TestTypingTypos(t *testing.T) {
	kinds := map[int]int{} // by how many letters more there are
	for _, s := range typing(t, simulator.Invent(3000, 1), 20_000, 1) {
		if !s.typo() {
			continue
		}
		text, meant := []rune(s.Text), []rune(s.Meant)
		kinds[len(text)-len(meant)]++
		if d := edits(text, meant); d != 1 {
			t.Errorf("%q is %d edits from %q", s.Text, d, s.Meant)
		}
		apart := func(letter rune) bool { return !unicode.IsLetter(letter) }
		wrong, right := strings.FieldsFunc(s.Text, apart), strings.FieldsFunc(s.Meant, apart)
		if len(wrong) != len(right) {
			t.Fatalf("%q has other words than %q", s.Text, s.Meant)
		}
		for i := range wrong {
			if initial(wrong[i]) != initial(right[i]) || wrong[i] != right[i] && len([]rune(right[i])) < 4 {
				t.Errorf("%q for %q: %q is no such typo", s.Text, s.Meant, wrong[i])
			}
		}
	}
	if kinds[-1] < 300 || kinds[0] < 600 || kinds[1] < 300 {
		t.Errorf("typos by letters more: %v", kinds)
	}
}

// edits is how many letters have to be replaced, inserted, deleted, or swapped with the
// next one, to make b of a.
func edits(a, b []rune) int {
	d := make([][]int, len(a)+1)
	for i := range d {
		d[i] = make([]int, len(b)+1)
		for j := range d[i] {
			switch {
			case i == 0 || j == 0:
				d[i][j] = i + j
			case a[i-1] == b[j-1]:
				d[i][j] = d[i-1][j-1]
			default:
				d[i][j] = 1 + min(d[i-1][j-1], d[i-1][j], d[i][j-1])
				if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
					d[i][j] = min(d[i][j], 1+d[i-2][j-2])
				}
			}
		}
	}
	return d[len(a)][len(b)]
}
