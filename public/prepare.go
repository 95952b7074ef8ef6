package public

import (
	"context"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/net/html"
	elements "golang.org/x/net/html/atom"

	"github.com/quillgate/quillgate/markup"
	"github.com/quillgate/quillgate/site"
)

// album reads what the galleries of posts show; without galleries it costs nothing.
func (p *Pages) album(ctx context.Context, posts []site.FullPost) (*album, error) {
	a := &album{p: p}
	var ids, owners []int64
	for i := range posts {
		for _, m := range shortcodeStart.FindAllStringSubmatch(posts[i].Content, maxShortcodes) {
			if m[2] != "gallery" {
				continue
			}
			if named := idsOf(shortcodeAttributes(m[3])); len(named) > 0 {
				ids = append(ids, named...)
			} else {
				owners = append(owners, posts[i].ID)
			}
		}
	}
	var err error
	if len(owners) > 0 {
		if a.attached, err = p.site.PicturesOf(ctx, owners); err != nil {
			return nil, err
		}
		for _, attached := range a.attached {
			ids = append(ids, attached...)
		}
	}
	if len(ids) > 0 {
		a.pictures, _, err = p.site.PicturesInText(ctx, ids, nil)
	}
	return a, err
}

// prepare makes what an author wrote into HTML that a page can hold: shortcodes shown, paragraphs made, every element
// closed, and nothing in it that the policy does not let through.
func (a *album) prepare(post int64, text string) string {
	return clean(paragraphs(a.expand(post, text)))
}

// clean closes what is open, so that no text ends an element of the page, and applies the policy.
func clean(text string) string {
	nodes, err := html.ParseFragment(strings.NewReader(text), &html.Node{Type: html.ElementNode, Data: "div", DataAtom: elements.Div})
	if err != nil {
		return "<p>" + html.EscapeString(textOf(markup.Page().Filter(text))) + "</p>" // hundreds of elements in each other
	}
	var b strings.Builder
	for _, n := range nodes {
		for d := range n.Descendants() {
			adapt(d)
		}
		adapt(n)
		if err := html.Render(&b, n); err != nil {
			return "<p>" + html.EscapeString(textOf(markup.Page().Filter(text))) + "</p>"
		}
	}
	return markup.Page().Filter(b.String())
}

// ownIDs are the identities of parts of our pages, which no text takes.
var ownIDs = []string{"content", "comments", "comments-heading", "respond", "comment", "author", "email", "url", "s", "homepage", "post_password"}

// adapt makes an element into what a page without foreign frames and without inline styles can show.
func adapt(n *html.Node) {
	if n.Type != html.ElementNode {
		return
	}
	n.Attr = slices.DeleteFunc(n.Attr, func(a html.Attribute) bool { return a.Key == "id" && slices.Contains(ownIDs, a.Val) })
	switch n.Data {
	case "iframe":
		frameToLink(n)
	case "a":
		keepAnchor(n)
	case "img":
		widen(n)
	case "p", "div":
		linkLonely(n)
	case "center":
		n.Data, n.DataAtom = "div", elements.Div
		addClass(n, "has-text-align-center")
	}
	if style := nodeAttribute(n, "style"); style != "" {
		styleToClass(n, style)
	}
}

// widen tells a picture that what holds it is wider than the text, so that it is loaded in a version that is large enough.
func widen(n *html.Node) {
	for _, class := range strings.Fields(nodeAttribute(n.Parent, "class")) {
		if wideSizes[class] != "" {
			addClass(n, class)
		}
	}
}

// keepAnchor keeps a place that links of old texts lead to; a link that leads nowhere is none.
func keepAnchor(n *html.Node) {
	name := firstOf(nodeAttribute(n, "id"), nodeAttribute(n, "name"))
	if nodeAttribute(n, "href") == "" && name != "" && !slices.Contains(ownIDs, name) {
		n.Data, n.DataAtom, n.Attr = "span", elements.Span, []html.Attribute{{Key: "id", Val: name}}
	}
}

func nodeAttribute(n *html.Node, name string) string {
	if n == nil {
		return ""
	}
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func addClass(n *html.Node, class string) {
	for i := range n.Attr {
		if n.Attr[i].Key == "class" {
			n.Attr[i].Val += " " + class
			return
		}
	}
	n.Attr = append(n.Attr, html.Attribute{Key: "class", Val: class})
}

// Players of films, and where the same film has a page.
var players = []struct {
	player *regexp.Regexp
	page   string
}{
	{regexp.MustCompile(`^https?://(?:www\.)?youtube(?:-nocookie)?\.com/embed/([A-Za-z0-9_-]+)(?:\?.*)?$`), "https://www.youtube.com/watch?v=$1"},
	{regexp.MustCompile(`^https?://player\.vimeo\.com/video/([0-9]+)(?:\?.*)?$`), "https://vimeo.com/$1"},
}

// frameToLink makes a frame of another site into a link to it: a visitor asks nobody else without knowing it.
func frameToLink(n *html.Node) {
	address := nodeAttribute(n, "src")
	if strings.HasPrefix(address, "//") {
		address = "https:" + address
	}
	for _, p := range players {
		address = p.player.ReplaceAllString(address, p.page)
	}
	if !webAddress.MatchString(address) {
		return // and the policy drops it
	}
	for n.FirstChild != nil {
		n.RemoveChild(n.FirstChild)
	}
	toLink(n, address, plainText(nodeAttribute(n, "title")))
}

// toLink makes a node into a link to another place.
func toLink(n *html.Node, address, text string) {
	n.Type, n.Data, n.DataAtom = html.ElementNode, "a", elements.A
	n.Attr = []html.Attribute{{Key: "href", Val: address}, {Key: "class", Val: "elsewhere"}}
	n.AppendChild(&html.Node{Type: html.TextNode, Data: firstOf(text, shortAddress(address))})
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

// linkLonely makes an address that stands for itself, where WordPress shows what is there, into a link.
func linkLonely(n *html.Node) {
	only := n.FirstChild
	if only == nil || only.NextSibling != nil || only.Type != html.TextNode {
		return
	}
	if address := strings.TrimSpace(only.Data); strings.HasPrefix(address, "http") && webAddress.MatchString(address) {
		only.Data = ""
		toLink(only, address, "")
	}
}

var (
	alignedText = regexp.MustCompile(`(?i)(?:^|;)\s*text-align\s*:\s*(left|right|center|justify)\b`)
	floating    = regexp.MustCompile(`(?i)(?:^|;)\s*float\s*:\s*(left|right)\b`)
	centred     = regexp.MustCompile(`(?i)(?:^|;)\s*margin(?:-left)?\s*:\s*(?:[0-9]\w*\s+)?auto\b`)
)

// styleToClass keeps of a style what places the element; the rest goes, as no style in a text counts.
func styleToClass(n *html.Node, style string) {
	if m := alignedText.FindStringSubmatch(style); m != nil {
		addClass(n, "has-text-align-"+strings.ToLower(m[1]))
	}
	if !slices.Contains([]string{"img", "figure", "table", "div", "video"}, n.Data) {
		return
	}
	if m := floating.FindStringSubmatch(style); m != nil {
		addClass(n, "align"+strings.ToLower(m[1]))
	} else if centred.MatchString(style) {
		addClass(n, "aligncenter")
	}
}

// nextPage divides the pages of a long post.
var nextPage = regexp.MustCompile(`(?:<!--\s*wp:nextpage\s*-->\s*)?<!--nextpage-->(?:\s*<!--\s*/wp:nextpage\s*-->)?`)

// maxPages bounds the pages of a post; what follows stands on the last.
const maxPages = 100

// pagesOf are the pages of a text, at least one.
func pagesOf(content string) []string {
	// A division before the first text divides nothing.
	if at := nextPage.FindStringIndex(content); at != nil && strings.TrimSpace(content[:at[0]]) == "" {
		content = content[at[1]:]
	}
	return nextPage.Split(content, maxPages)
}

// postPageLink is the address of a page of a post.
func postPageLink(link string, page int) string {
	switch {
	case page <= 1:
		return link
	case strings.Contains(link, "?"):
		return link + "&page=" + itoa(int64(page))
	}
	slash := ""
	if strings.HasSuffix(link, "/") {
		slash = "/"
	}
	return strings.TrimRight(link, "/") + "/" + itoa(int64(page)) + slash
}
