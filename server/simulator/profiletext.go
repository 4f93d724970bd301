package simulator

// profileText is what people of one language write about themselves. {job}, {department} and {city} stand for what is known
// of them.
type profileText struct {
	tag                              string // how preferredLanguage begins
	about, interests, duties, skills []string
}

// profileTexts begins with what people write whose language is not here.
var profileTexts = []profileText{
	{"en",
		[]string{
			"{job} in {city}. Ask me about {department} and good coffee.",
			"I have been with {department} for longer than the printers. Happy to help newcomers.",
			"Working from {city}, mostly. I answer mail in the morning and think in the afternoon.",
			"Former teacher, now {job}. I like problems that have a second page.",
			"Part-time on Thursdays. If it burns, call; if it smoulders, write.",
		},
		[]string{"Cycling", "Choir", "Chess", "Gardening", "Photography", "Board games", "Running", "Cooking", "Birdwatching"},
		[]string{"Budget", "On-call rota", "Onboarding", "Security reviews", "Supplier contracts", "Data protection", "Training"},
		[]string{"Public speaking", "Negotiation", "Technical writing", "Project management"},
	},
	{"de",
		[]string{
			"{job} in {city}. Fragen zu {department} gern direkt an mich.",
			"Seit vielen Jahren dabei. Ich mag klare Worte und kurze Besprechungen.",
			"Mittwochs im Homeoffice in {city}, sonst im Büro. Kaffee ohne Zucker.",
			"Früher Lehrerin, heute {job} – erklären ist geblieben.",
		},
		[]string{"Wandern", "Radfahren", "Backen", "Fußball", "Theater", "Gärtnern", "Lesen"},
		[]string{"Budgetplanung", "Einarbeitung", "Datenschutz", "Lieferantenverträge", "Qualitätssicherung"},
		[]string{"Verhandlungsführung", "Präsentieren", "Prüfungswesen"},
	},
	{"fr",
		[]string{
			"{job} à {city}. Écrivez-moi pour tout ce qui touche à {department}.",
			"J’ai rejoint l’équipe après dix ans ailleurs ; j’aime les sujets où tout reste à faire.",
			"Absente le mercredi. Je réponds toujours le lendemain.",
		},
		[]string{"Randonnée", "Cuisine", "Cinéma", "Voile", "Jardinage", "Bandes dessinées"},
		[]string{"Budget", "Accueil des nouveaux", "Achats", "Protection des données"},
		[]string{"Négociation", "Animation d’équipe", "Rédaction"},
	},
	{"es",
		[]string{
			"{job} en {city}. Pregúntame por {department}.",
			"Llevo más de diez años en la empresa y sigo aprendiendo cada día.",
			"Trabajo desde {city}. Por la mañana contesto correos; por la tarde, reuniones.",
		},
		[]string{"Senderismo", "Música", "Fútbol", "Cocina", "Fotografía"},
		[]string{"Presupuesto", "Formación", "Contratos", "Calidad"},
		[]string{"Negociación", "Atención al cliente", "Gestión de proyectos"},
	},
	{"it",
		[]string{
			"{job} a {city}. Per {department} chiedete pure a me.",
			"Mi occupo di cose complicate perché diventino semplici. Più o meno.",
		},
		[]string{"Ciclismo", "Cucina", "Opera", "Montagna"},
		[]string{"Bilancio", "Formazione", "Fornitori"},
		[]string{"Trattative", "Gestione progetti"},
	},
	{"pt",
		[]string{
			"{job} em {city}. Fale comigo sobre {department}.",
			"Gosto de resolver enigmas que ninguém quer. Às sextas saio cedo.",
		},
		[]string{"Surf", "Música", "Culinária", "Corrida"},
		[]string{"Orçamento", "Formação", "Contratos"},
		[]string{"Negociação", "Gestão de projetos"},
	},
	{"pl",
		[]string{"{job}, {city}. W sprawach działu {department} proszę pisać do mnie.", "Lubię porządek w danych i bałagan w kuchni."},
		[]string{"Żeglarstwo", "Góry", "Szachy", "Gotowanie"},
		[]string{"Budżet", "Szkolenia", "Umowy"},
		[]string{"Negocjacje", "Zarządzanie projektami"},
	},
	{"ja",
		[]string{"{city}勤務、{job}です。{department}のことなら何でも聞いてください。", "趣味は山歩きです。水曜日は在宅勤務です。"},
		[]string{"登山", "写真", "将棋", "料理"},
		[]string{"予算管理", "新人研修", "品質保証"},
		[]string{"交渉", "プロジェクト管理"},
	},
	{"zh",
		[]string{"我在{city}担任{job}，欢迎随时联系。", "喜欢解决复杂的问题，也喜欢喝茶。"},
		[]string{"摄影", "羽毛球", "书法", "旅行"},
		[]string{"预算", "培训", "供应商管理"},
		[]string{"谈判", "项目管理"},
	},
	{"ar",
		[]string{"{job} في {city}. يسعدني المساعدة في كل ما يخص {department}.", "أعمل هنا منذ سنوات وأحب تعليم الزملاء الجدد."},
		[]string{"القراءة", "كرة القدم", "التصوير"},
		[]string{"الميزانية", "التدريب"},
		[]string{"التفاوض", "إدارة المشاريع"},
	},
}

// What is written the same everywhere.
var (
	projectNames = []string{"Aurora", "Borealis", "Project Lighthouse", "Atlas migration", "Helios", "Customer 360", "Falcon", "Move to Oslo"}
	schoolNames  = []string{
		"ETH Zürich", "Universität Wien", "Uppsala universitet", "IIT Madras", "Trinity College Dublin", "Universidade do Porto",
		"Sorbonne Université", "Politecnico di Milano", "Uniwersytet Warszawski", "東京大学", "清华大学", "Cairo University",
	}
	skillNames = []string{"Excel", "SQL", "Python", "Go", "Kubernetes", "Power BI", "SAP", "Salesforce", "Scrum", "C++", "Accessibility"}
)
