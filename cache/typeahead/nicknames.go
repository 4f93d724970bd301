package typeahead

func nicknamesOf(string, func(string)) {}
