package profiles

import "strings"

// browsers are told by a word of what they call themselves, the most particular first.
var browsers = []struct{ word, name string }{
	{"Edg/", "Edge"},
	{"OPR/", "Opera"},
	{"Vivaldi/", "Vivaldi"},
	{"Firefox/", "Firefox"},
	{"FxiOS/", "Firefox"},
	{"CriOS/", "Chrome"},
	{"HeadlessChrome/", "Chrome"},
	{"Chrome/", "Chrome"},
	{"Safari/", "Safari"},
}

var systems = []struct{ word, name string }{
	{"iPhone", "iPhone"}, {"iPad", "iPad"}, {"Android", "Android"}, {"Windows", "Windows"}, {"Mac OS X", "macOS"}, {"CrOS", "ChromeOS"}, {"Linux", "Linux"},
}

// program makes what a browser calls itself short. What is not a browser is
// shown as it is.
func program(agent string) string {
	if !strings.HasPrefix(agent, "Mozilla/5.0 (") {
		return cut(agent, 120)
	}
	name, system := "", ""
	for _, b := range browsers {
		if strings.Contains(agent, b.word) {
			name = b.name
			break
		}
	}
	for _, s := range systems {
		if strings.Contains(agent, s.word) {
			system = s.name
			break
		}
	}
	if name == "" || system == "" {
		return cut(agent, 120)
	}
	return name + ", " + system
}

// clients are publishing programs that call themselves by a name that no one
// knows them by, or by more than their name.
var clients = []struct{ word, name string }{
	{"MarsEdit", "MarsEdit"},
	{"Open Live Writer", "Open Live Writer"},
	{"OpenLiveWriter", "Open Live Writer"},
	{"Windows Live Writer", "Windows Live Writer"},
	{"wp-iphone", "WordPress for iOS"},
	{"wp-android", "WordPress for Android"},
	{"BlogPress", "BlogPress"},
	{"ecto", "ecto"},
	{"Blogo", "Blogo"},
}

// shortName is what people call a program: what it calls itself, without versions and remarks.
func shortName(agent string) string {
	for _, c := range clients {
		if strings.Contains(agent, c.word) {
			return c.name
		}
	}
	name := program(agent)
	if strings.HasPrefix(agent, "Mozilla/") {
		return name
	}
	if i := strings.IndexAny(name, "/(;"); i > 0 {
		name = name[:i]
	}
	return cut(strings.TrimSpace(name), 60)
}
