package public

import (
	"net/url"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/net/html"
)

// Players of videos, and the page of the same video.
var players = []struct {
	player *regexp.Regexp
	page   string
}{
	{regexp.MustCompile(`^https?://(?:www\.)?youtube(?:-nocookie)?\.com/(?:embed|v)/([A-Za-z0-9_-]+)(?:[?&].*)?$`), "https://www.youtube.com/watch?v=$1"},
	{regexp.MustCompile(`^https?://player\.vimeo\.com/video/([0-9]+)(?:\?.*)?$`), "https://vimeo.com/$1"},
	{regexp.MustCompile(`^https?://(?:www\.)?vimeo\.com/moogaloop\.swf\?(?:[^#]*&)?clip_id=([0-9]+)(?:[&#].*)?$`), "https://vimeo.com/$1"},
	{regexp.MustCompile(`^https?://(?:www\.)?dailymotion\.com/(?:embed/video|swf(?:/video)?)/([A-Za-z0-9]+)(?:[?&].*)?$`), "https://www.dailymotion.com/video/$1"},
}

// films replaces embedded content of other sites by links to it: frames, and
// the objects of old posts. So no visitor contacts another site unknowingly.
type films struct {
	depth int    // the number of open objects
	shown string // the link in place of the outermost of them; the rest of their content is a fallback
}

// hides reports whether the text is the fallback in an object, for browsers
// that cannot show it.
func (f *films) hides() bool { return f.depth > 0 && f.shown != "" }

// start handles a start tag. It reports whether the tag needs no further
// handling.
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

// show inserts a link in place of an object, once.
func (f *films) show(b *builder, address string) {
	if f.shown == "" && b.link(address, "") {
		f.shown = address
	}
}

// end handles an end tag. It reports whether the tag needs no further handling.
func (f *films) end(tag string) bool {
	if tag == "object" {
		f.depth = max(f.depth-1, 0)
		return true
	}
	return f.hides()
}

// link inserts a link to another place into the text if it is a web address.
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

// linkTo returns a link to another place.
func linkTo(address, text string) *html.Node {
	n := newNode("a", []html.Attribute{{Key: "href", Val: address}, {Key: "class", Val: "elsewhere"}})
	n.AppendChild(newText(firstOf(text, shortAddress(address))))
	return n
}

// shortAddress returns an address in a form for people.
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
