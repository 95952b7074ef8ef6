package profiles

import "strings"

// browsers are recognized by a word in their User-Agent. The most specific
// words come first.
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

// program shortens the User-Agent of a browser. It returns any other one
// unchanged.
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

// clients are publishing clients whose User-Agent does not begin with their
// usual name, or contains more than that.
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

// shortName returns the usual name of a client: its User-Agent without versions
// and remarks.
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
