package public

import (
	"context"
	"fmt"
	"html/template"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/html"

	"github.com/quillgate/quillgate/site"
)

// A text is turned into a page in steps, each of which reads it once: reusable
// blocks are inserted, shortcodes become markup, the markup becomes nodes
// (tree.go) that the rules allow (rules.go), line ends become paragraphs,
// pictures get their sizes, and the nodes are rendered.

// text is a text of an author that is being turned into nodes.
type text struct {
	post    int64
	content string
	blocks  bool // it was written in the block editor
	codes   []shortcode
	cut     bool // it is only the beginning of the text
}

func newSource(post int64, content string) text {
	return text{post: post, content: content, blocks: blockText(content)}
}

// album holds the parts of texts that are in other rows: the files of galleries
// and players, and reusable blocks.
type album struct {
	p        *Pages
	files    map[int64]site.Attachment
	attached map[int64][]int64 // the files of a post, for galleries that name none
	blocks   map[int64]string
	left     int // the number of files that may still be shown
}

// maxShownFiles limits the number of files in all galleries and playlists of a
// page.
const maxShownFiles = 1000

// album reads what the texts show from other rows. It runs no statement for
// texts without shortcodes and blocks.
func (p *Pages) album(ctx context.Context, texts []text) (*album, error) {
	a := &album{p: p, left: maxShownFiles}
	if err := a.readBlocks(ctx, texts); err != nil {
		return nil, err
	}
	var ids, owners []int64
	for i := range texts {
		t := &texts[i]
		t.content = a.putBlocks(t.content)
		t.codes = shortcodesOf(t.content)
		for _, s := range t.codes {
			named := idsOf(s.attributes)
			switch {
			case s.named, s.name == "embed", s.name == "caption", s.name == "wp_caption":
			case s.name == "gallery" || s.name == "playlist":
				if ids = append(ids, named...); len(named) == 0 {
					owners = append(owners, t.post)
				}
			case !hasSource(s.name, s.attributes) && s.inner == "":
				owners = append(owners, t.post)
			}
		}
	}
	var err error
	if len(owners) > 0 {
		slices.Sort(owners)
		if a.attached, err = p.site.MediaOf(ctx, slices.Compact(owners)); err != nil {
			return nil, err
		}
		for _, attached := range a.attached {
			ids = append(ids, attached...)
		}
	}
	if len(ids) > 0 {
		a.files, _, err = p.site.PicturesInText(ctx, ids, nil)
	}
	return a, err
}

// prepare turns a text into nodes that a page may contain.
func (a *album) prepare(ctx context.Context, t *text) (*html.Node, error) {
	content := a.expand(t)
	made, err := a.p.policy.parse(ctx, content)
	if err != nil {
		return nil, fmt.Errorf("read the text of post %d: %w", t.post, err)
	}
	if !t.blocks {
		makeParagraphs(made, len(content))
	}
	linkLonely(made.root)
	return made.root, nil
}

// remark turns the text of a comment into nodes.
func (p *Pages) remark(ctx context.Context, content string) (*html.Node, error) {
	made, err := p.remarks.parse(ctx, content)
	if err != nil {
		return nil, fmt.Errorf("read the text of a comment: %w", err)
	}
	if !blockText(content) {
		makeParagraphs(made, len(content))
	}
	return made.root, nil
}

// linkLonely turns addresses on a line of their own, where WordPress would
// embed the content, into links.
func linkLonely(root *html.Node) {
	for n := range root.Descendants() {
		only := n.FirstChild
		if n.Data != "p" && n.Data != "div" || only == nil || only.NextSibling != nil || only.Type != html.TextNode {
			continue
		}
		if address := strings.TrimSpace(only.Data); strings.HasPrefix(address, "http") && webAddress.MatchString(address) {
			n.RemoveChild(only)
			n.AppendChild(linkTo(address, ""))
		}
	}
}

// reachable allows scrolling, with the keyboard, of elements that may be wider
// than the page.
func reachable(root *html.Node) {
	for n := range root.Descendants() {
		if n.Type == html.ElementNode && (n.Data == "pre" || n.Data == "table") {
			n.Attr = slices.Insert(n.Attr, 0, html.Attribute{Key: "tabindex", Val: "0"})
		}
	}
}

// render renders the nodes below a root.
func render(root *html.Node) (template.HTML, error) {
	var b strings.Builder
	for c := range root.ChildNodes() {
		if err := html.Render(&b, c); err != nil {
			return "", fmt.Errorf("render a text: %w", err)
		}
	}
	return template.HTML(b.String()), nil
}

// wordsOf returns the words in nodes, with single spaces between them.
func wordsOf(root *html.Node) string {
	var b strings.Builder
	var walk func(*html.Node)
	walk = func(n *html.Node) {
		if n.Type == html.TextNode {
			b.WriteString(n.Data)
			return
		}
		apart := !inline[n.Data]
		if apart {
			b.WriteByte(' ')
		}
		for c := range n.ChildNodes() {
			walk(c)
		}
		if apart {
			b.WriteByte(' ')
		}
	}
	walk(root)
	return strings.Join(strings.Fields(b.String()), " ")
}

// nextPage matches the marks between the pages of a long post.
var nextPage = regexp.MustCompile(`(?:<!--\s*wp:nextpage\s*-->\s*)?<!--nextpage-->(?:\s*<!--\s*/wp:nextpage\s*-->)?`)

// maxPages limits the number of pages of a post; the rest of the text is on the
// last one.
const maxPages = 100

// maxPageText limits the text of a page of a post, in bytes. A longer text is
// divided at the end of a paragraph, so that no page is too large for the
// cache.
const maxPageText = 512 << 10

// pagesOf returns the pages of a text, at least one.
func pagesOf(content string) []string {
	parts := []string{content}
	if strings.Contains(content, "<!--nextpage-->") { // the pattern is slow if nothing matches
		// A mark before all text divides nothing.
		if at := nextPage.FindStringIndex(content); at != nil && strings.TrimSpace(content[:at[0]]) == "" {
			content = content[at[1]:]
		}
		parts = nextPage.Split(content, maxPages)
	}
	var pages []string
	for _, part := range parts {
		for len(part) > maxPageText {
			at := paragraphEnd(part[:maxPageText])
			pages, part = append(pages, part[:at]), part[at:]
		}
		pages = append(pages, part)
	}
	return pages
}

// paragraphEnd returns where the last paragraph of a text ends, if that is near
// the end of the text. Otherwise it returns the end of a word, or at least a
// position between two characters.
func paragraphEnd(text string) int {
	near := len(text) - len(text)/8
	end := 0
	for _, mark := range []string{"\n\n", "\r\n\r\n", "</p>", "</div>", "</ul>", "</table>", "\n<!-- wp:"} {
		if at := strings.LastIndex(text[near:], mark); at >= 0 {
			at += near
			if !strings.HasPrefix(mark, "\n<") {
				at += len(mark)
			}
			end = max(end, at)
		}
	}
	if end == 0 {
		end = near + 1 + strings.LastIndexAny(text[near:], " \n>")
	}
	if end == near {
		for end = len(text); end > near+1 && !utf8.RuneStart(text[end-1]); {
			end--
		}
		end-- // before the last character, which may be incomplete
	}
	return end
}

// postPageLink returns the address of a page of a post.
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
