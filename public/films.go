package public

import (
	"net/url"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/net/html"
)

// Players of films, and where the same film has a page.
var players = []struct {
	player *regexp.Regexp
	page   string
}{
	{regexp.MustCompile(`^https?://(?:www\.)?youtube(?:-nocookie)?\.com/(?:embed|v)/([A-Za-z0-9_-]+)(?:[?&].*)?$`), "https://www.youtube.com/watch?v=$1"},
	{regexp.MustCompile(`^https?://player\.vimeo\.com/video/([0-9]+)(?:\?.*)?$`), "https://vimeo.com/$1"},
	{regexp.MustCompile(`^https?://(?:www\.)?vimeo\.com/moogaloop\.swf\?(?:[^#]*&)?clip_id=([0-9]+)(?:[&#].*)?$`), "https://vimeo.com/$1"},
	{regexp.MustCompile(`^https?://(?:www\.)?dailymotion\.com/(?:embed/video|swf(?:/video)?)/([A-Za-z0-9]+)(?:[?&].*)?$`), "https://www.dailymotion.com/video/$1"},
}

// films makes what shows another site inside of a page into links to it:
// frames, and the objects of old posts. A visitor asks no one else without
// knowing it.
type films struct {
	depth int    // how many objects are open
	shown string // the link that stands for the outermost of them; what else is in it is for those who cannot show it
}

// hides reports whether the text is what an object holds for browsers that cannot show it.
func (f *films) hides() bool { return f.depth > 0 && f.shown != "" }

// start takes a start tag. It reports whether there is nothing left to do with it.
func (f *films) start(b *builder, tag string, attrs []html.Attribute) bool {
	get := func(name string) string {
		for _, a := range attrs {
			if a.Key == name {
				return a.Val
			}
		}
		return ""
	}
	switch tag {
	case "iframe":
		b.skipping = tag
		if !f.hides() {
			b.link(get("src"), get("title"))
		}
	case "object":
		if f.depth == 0 {
			f.shown = ""
		}
		f.depth++
		f.show(b, get("data"))
	case "param":
		if name := strings.ToLower(get("name")); f.depth > 0 && slices.Contains([]string{"movie", "src", "url", "filename"}, name) {
			f.show(b, get("value"))
		}
	case "embed":
		if f.depth == 0 {
			b.link(get("src"), get("title"))
		} else {
			f.show(b, get("src"))
		}
	default:
		return f.hides()
	}
	return true
}

// show puts a link where an object is, once.
func (f *films) show(b *builder, address string) {
	if f.shown == "" && b.link(address, "") {
		f.shown = address
	}
}

// end takes an end tag. It reports whether there is nothing left to do with it.
func (f *films) end(tag string) bool {
	if tag == "object" {
		f.depth = max(f.depth-1, 0)
		return true
	}
	return f.hides()
}

// link puts a link to another place into the text, if the address is one of the web.
func (b *builder) link(address, title string) bool {
	address = strings.TrimSpace(address)
	if strings.HasPrefix(address, "//") {
		address = "https:" + address
	}
	for _, p := range players {
		address = p.player.ReplaceAllString(address, p.page)
	}
	if !webAddress.MatchString(address) || b.rules.remark {
		return false
	}
	b.endAnchor()
	b.resume()
	b.place(linkTo(address, plainText(title)))
	return true
}

// linkTo makes a link to another place.
func linkTo(address, text string) *html.Node {
	n := newNode("a", []html.Attribute{{Key: "href", Val: address}, {Key: "class", Val: "elsewhere"}})
	n.AppendChild(newText(firstOf(text, shortAddress(address))))
	return n
}

// shortAddress is an address as people read it.
func shortAddress(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return address
	}
	short := strings.TrimPrefix(u.Host, "www.") + strings.TrimRight(u.Path, "/")
	if u.RawQuery != "" {
		short += "?" + u.RawQuery
	}
	return short
}
