package main

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"github.com/peopleinsights/peopleinsights/cache/typeahead"
)

// language is where a name comes from: its commonest given names and surnames, and the
// syllables that its rare ones are made of. A name in another script stands before its
// Latin letters, which addresses have.
type language struct {
	share             int // of a hundred people
	given, surnames   string
	syllables, endung string
}

var languages = []language{
	{26, "James Mary John Linda Robert Susan Michael Karen David Sarah William Emma Thomas Anna Daniel Laura Paul Julia Mark Alice George Kate Steven Amy Kevin Rachel Brian Nancy Andrew Megan",
		"Smith Johnson Williams Brown Jones Miller Davis Wilson Taylor Clark Lewis Walker Hall Allen Young King Wright Scott Green Baker Adams Nelson Hill Campbell Mitchell Roberts Carter Phillips Evans Turner",
		"ash ber cal dun ed far glen har ing ken lan mor nor ox pem ros shel thorn wal win", "ton ley ford wood field son er man worth by"},
	{12, "Thomas Andreas Anna Stefan Julia Michael Sabine Peter Katrin Jürgen Markus Birgit Wolfgang Jörg Claudia Martin Petra Hans Günter Monika",
		"Müller Schmidt Schneider Fischer Weber Meyer Wagner Becker Schulz Hoffmann Schäfer Koch Bauer Richter Klein Wolf Schröder Neumann Schwarz Zimmermann",
		"acker bern brand diet eber falk gros hart kauf lang metz nied ober reich stein trau wald wett zell", "mann er bach berg hofer ing meier stein ner huber"},
	{10, "Maria José Carmen Antonio Ana Juan Isabel Carlos Laura Miguel Marta Luis Elena Javier Lucía Pedro Rosa Jorge Pilar Andrés",
		"García Rodríguez González Fernández López Martínez Sánchez Pérez Gómez Martín Jiménez Ruiz Hernández Díaz Moreno Álvarez Muñoz Romero Alonso Gutiérrez",
		"al ber car do en fra gal her mar men nav or pal que ro san tor val ver za", "ez es ado era illo ano ero osa ales ino"},
	{8, "Marie Jean Pierre Nathalie Michel Isabelle Philippe Sophie Nicolas Camille Hélène François Anne-Marie Jean-Luc Chloé Luc Julie Alain Céline Marc",
		"Martin Bernard Dubois Thomas Robert Richard Petit Durand Leroy Moreau Simon Laurent Lefebvre Michel Garcia David Bertrand Roux Vincent Fournier",
		"beau char del four gran jou lam mar mon per pou rou sau tel val ver vil bri cou du", "et eau ier on in ard aux elle ot ois"},
	{8, "Jan Anna Piotr Katarzyna Tomasz Małgorzata Paweł Agnieszka Marcin Ewa Łukasz Joanna Michał Magdalena Krzysztof",
		"Nowak Kowalski Wiśniewski Wójcik Kowalczyk Kamiński Lewandowski Zieliński Szymański Woźniak Dąbrowski Kozłowski Jankowski Mazur Krawczyk",
		"bor czar dob gó jab kal kos lis mal no ol pas rad sob szcz tom wal wit za zim", "ski czyk ak ek owicz ewski ik arz ko icki"},
	{5, "Sofia Marco Giulia Luca Francesca Andrea Chiara Matteo Paola Giovanni Elena Stefano Laura Roberto Silvia",
		"Rossi Russo Ferrari Esposito Bianchi Romano Colombo Ricci Marino Greco Bruno Gallo Conti Costa Mancini",
		"al bar cas del far gal lom mar mon pal pel ros sal ser tad val ver vi za zan", "ini etti one ato elli aro ucci ano igo enza"},
	{5, "Anders Maria Lars Karin Erik Anna Johan Kristina Per Ingrid Søren Åsa Mikael Björn Eva",
		"Andersson Johansson Karlsson Nilsson Eriksson Larsson Olsson Persson Hansen Nielsen Jensen Pedersen Lindqvist Sørensen Berg",
		"al berg dal ek fors gran hag lind lund mal nor öst sand sjö sten söder vik wall åker ny", "ström qvist gren berg sson sen lund mark dahl man"},
	{8, "Amit Priya Rahul Anjali Sanjay Deepa Vijay Kavita Raj Sunita Arjun Neha Suresh Pooja Anil Meera Ravi Lakshmi Mohan Asha",
		"Kumar Singh Sharma Patel Gupta Reddy Rao Nair Iyer Mehta Joshi Desai Shah Das Chopra Verma Mishra Pillai Menon Agarwal",
		"ag bal chan dev gan har jai kri lak man nar pad ra sa sri su ven vi ya ash", "an kar appa wal esh swami rao murthy nathan dar"},
	{7, "王伟/Wei 李娜/Na 张敏/Min Wei Li Ming Xin Yan Jing Lei Yang Hui Jun Fang Na Min Tao Ying Hao",
		"Wang Li Zhang Liu Chen Yang Huang Zhao Wu Zhou Xu Sun Ma Zhu Hu Guo He Lin Gao Luo",
		"ba cai dai fan gu hong ji kong lu mei ning pu qi ren shen tan wan xie yu zhen", "n ng o i u ao ai an"},
	{3, "Nguyễn Minh Anh Linh Thảo Hùng Tuấn Hương Lan Đức",
		"Nguyễn Trần Lê Phạm Hoàng Phan Vũ Đặng Bùi Đỗ",
		"bao ca duo gia ho kha lo ngo nin quan sa tho tri van vo", "ng nh n o i c t"},
	{4, "Иван/Ivan Анна/Anna Сергей/Sergey Ольга/Olga Dmitri Elena Alexei Natalia Mikhail Tatiana",
		"Иванов/Ivanov Петров/Petrov Smirnov Kuznetsov Popov Sokolov Lebedev Kozlov Novikov Morozov",
		"al bog chern der gor kar kol lav mak nik or pav rod sav sid tar vas vor zai zhu", "ov ev in sky enko uk ich kin tsev akov"},
	{4, "Mohammed Fatima Ahmed Aisha Ali Layla Omar Noor Hassan Mariam Yusuf Zainab",
		"Khan Hussein Al-Sayed Hassan Ali Ahmed Mahmoud Al-Rashid Ibrahim Saleh O'Brien O'Neill",
		"ab bad dar fa gha ha jab ka mal na qas ra sha ta wa za", "i an ir ed oud awi een im ar il"},
}

// stock is the names of a language by how common they are, made as they are needed.
type stock struct {
	names     []string
	zipf      *rand.Zipf
	syllables []string
	endings   []string
}

// Rare names are this many in all languages together for a hundred shares.
const rareGiven, rareSurnames = 1_000, 60_000

func newStock(rng *rand.Rand, l *language, names string, rare int, s, v float64) stock {
	listed := strings.Fields(names)
	return stock{listed, rand.NewZipf(rng, s, v, uint64(len(listed)+rare*l.share/100)), strings.Fields(l.syllables), strings.Fields(l.endung)}
}

// draw returns a name, and how it is written in Latin letters.
func (s *stock) draw() (name, latin string) {
	n := int(s.zipf.Uint64())
	if n < len(s.names) {
		name, latin, _ = strings.Cut(s.names[n], "/")
		if latin == "" {
			latin = name
		}
		return name, latin
	}
	n -= len(s.names)
	made := s.endings[n%len(s.endings)]
	for n = n / len(s.endings); ; n /= len(s.syllables) {
		made = s.syllables[n%len(s.syllables)] + made
		if n < len(s.syllables) {
			break
		}
	}
	first := []rune(made)
	first[0] = unicode.ToUpper(first[0])
	return string(first), string(first)
}

// How a company is divided.
const (
	departments = 200
	offices     = 100
	countries   = 30
	team        = 8
)

// invent makes people up, the same for a seed. Each eight have a manager, and a team is
// of one department and mostly of one office.
func invent(count int, seed uint64) []typeahead.Entry {
	rng := rand.New(rand.NewPCG(seed, 1))
	type stocks struct{ given, surnames stock }
	byShare := make([]*stocks, 0, 100)
	for i := range languages {
		l := &languages[i]
		s := &stocks{newStock(rng, l, l.given, rareGiven, 1.3, 6), newStock(rng, l, l.surnames, rareSurnames, 1.1, 4)}
		for range l.share {
			byShare = append(byShare, s)
		}
	}
	taken := make(map[string]int, count)
	people := make([]typeahead.Entry, count)
	office := make([]int, count)
	for i := range people {
		s := byShare[rng.IntN(len(byShare))]
		given, latinGiven := s.given.draw()
		surname, latinSurname := s.surnames.draw()
		name := given + " " + surname
		local := lettersOf(latinGiven) + "." + lettersOf(latinSurname)
		if taken[local]++; taken[local] > 1 {
			local = fmt.Sprint(local, taken[local])
		}
		e := typeahead.Entry{
			ID:   fmt.Sprintf("%08x-0000-4000-8000-%012x", rng.Uint32(), i),
			Name: name, Given: given, Surname: surname,
			Email: local + "@contoso.com", UPN: local + "@contoso.com",
		}
		if rng.IntN(4) == 0 {
			e.UPN = fmt.Sprintf("u%06d@contoso.com", i)
		}
		if rng.IntN(3) == 0 {
			e.Others = []string{fmt.Sprint(lettersOf(latinGiven)[:1], lettersOf(latinSurname), rng.IntN(1000), "@contoso.com")}
		}
		boss := (i - 1) / team
		if office[i] = skewed(rng, offices); i > 0 && rng.IntN(4) > 0 {
			office[i] = office[boss]
		}
		if i < departments {
			e.Department = fmt.Sprint("Department ", i)
		} else {
			e.Department = people[boss].Department
		}
		if i > 0 {
			e.Manager = people[boss].ID
		}
		e.Office = fmt.Sprint("Office ", office[i])
		e.Country = fmt.Sprint("Country ", office[i]%countries)
		people[i] = e
	}
	return people
}

// skewed draws a number below n, low ones more often.
func skewed(rng *rand.Rand, n int) int { return min(rng.IntN(n), rng.IntN(n)) }

var unmarked = strings.NewReplacer("ł", "l", "ø", "o", "đ", "d", "ß", "ss")

// fold makes a text lower-case and takes its marks away.
func fold(text string) string {
	text = strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Mn, r) {
			return -1
		}
		return unicode.ToLower(r)
	}, norm.NFD.String(text))
	return norm.NFC.String(unmarked.Replace(text))
}

// lettersOf returns the letters of a name as they stand in an address.
func lettersOf(name string) string {
	return strings.Map(func(r rune) rune {
		if r < 'a' || 'z' < r {
			return -1
		}
		return r
	}, fold(name))
}
