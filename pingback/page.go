package pingback

import (
	"bytes"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/net/html"
)

var (
	pageTitle = regexp.MustCompile(`(?is)<title(?:\s[^>]*)?>([^<]*)</title>`)
	blanks    = regexp.MustCompile(`[\r\n\t ]+`)
)

// readSource extracts the title of a page, and the text around the first link
// to target, both as HTML text without tags. It reads pages as WordPress does,
// so that a pingback looks the same on both. Errors: ErrTitle, ErrLink.
func readSource(page, target string) (title, excerpt string, err error) {
	page = blanks.ReplaceAllString(page, " ")
	m := pageTitle.FindStringSubmatch(page)
	if m == nil || strings.TrimSpace(m[1]) == "" {
		return "", "", ErrTitle
	}
	link, err := linkTo(target)
	if err != nil {
		return "", "", ErrLink
	}
	for _, p := range paragraphs(page) {
		if before, text, after, ok := around(p, link); ok {
			return m[1], clip(before, text, after), nil
		}
	}
	return "", "", ErrLink
}

// linkTo matches a link whose address begins with target, with & written either
// way. The link must have text: one around a picture does not count.
func linkTo(target string) (*regexp.Regexp, error) {
	spellings := regexp.QuoteMeta(target)
	if escaped := strings.ReplaceAll(target, "&", "&amp;"); escaped != target {
		spellings += "|" + regexp.QuoteMeta(escaped)
	}
	return regexp.Compile(`<a[^>]+?(?:` + spellings + `)([^>]*)>([^>]+?)</a>`)
}

// breaks are the beginnings of the names of elements that end a paragraph.
var breaks = []string{"h1", "h2", "h3", "h4", "h5", "h6", "p", "th", "td", "li", "dt", "dd", "pre", "caption", "input", "textarea", "button", "body"}

// paragraphs splits a page at its blocks. It keeps links and removes all other
// markup, scripts, styles and comments.
func paragraphs(page string) []string {
	var list []string
	var p strings.Builder
	z := html.NewTokenizer(strings.NewReader(page))
	for skip := ""; ; {
		kind := z.Next()
		raw := z.Raw()
		switch kind {
		case html.ErrorToken:
			return append(list, p.String())
		case html.TextToken:
			if skip == "" {
				p.Write(raw)
			}
			continue
		case html.CommentToken, html.DoctypeToken:
			continue
		}
		name := string(bytes.TrimLeft(raw, "</"))
		if end := strings.IndexAny(name, " />"); end >= 0 {
			name = name[:end]
		}
		skip = ""
		switch {
		case name == "a":
			p.Write(raw)
		case kind == html.StartTagToken && (strings.EqualFold(name, "script") || strings.EqualFold(name, "style")):
			skip = name
		case slices.ContainsFunc(breaks, func(b string) bool { return strings.HasPrefix(name, b) }):
			list = append(list, p.String())
			p.Reset()
		}
	}
}

// around splits a paragraph at its first link to the target.
func around(paragraph string, link *regexp.Regexp) (before, text, after string, ok bool) {
	for _, at := range link.FindAllStringSubmatchIndex(paragraph, -1) {
		// A link to ?p=12 does not mean the target ?p=1.
		if rest := paragraph[at[2]:at[3]]; rest != "" && continues(rest[0]) {
			continue
		}
		return tag.ReplaceAllString(paragraph[:at[0]], ""), paragraph[at[4]:at[5]], tag.ReplaceAllString(paragraph[at[1]:], ""), true
	}
	return "", "", "", false
}

// continues reports whether an address followed by this byte is a different
// address.
func continues(b byte) bool {
	return b >= '0' && b <= '9' || b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b == '-' || b == '_' || b == '%'
}

const (
	excerptSide = 100  // bytes of text on either side of a link, and of the link itself
	excerptMost = 1000 // bytes of an excerpt without blanks to cut it at
)

// tag matches an element in a paragraph, or one that the paragraph truncates.
var tag = regexp.MustCompile(`<[^>]*(?:>|$)`)

// truncate cuts a text between characters.
func truncate(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	return strings.ToValidUTF8(text[:limit], "")
}

// clip returns the words within excerptSide bytes around a link. As in
// WordPress, it cuts both sides, and only at blanks.
func clip(before, link, after string) string {
	if len(link) > excerptSide {
		link = truncate(link, excerptSide) + "&#8230;"
	}
	before, after = strings.TrimLeft(before, " "), strings.TrimRight(after, " ")
	from := max(0, len(before)-excerptSide-1)
	start := strings.IndexByte(before[from:], ' ')
	end := strings.LastIndexByte(after[:min(len(after), excerptSide+1)], ' ')
	if start >= 0 && end >= 0 {
		return before[from+start+1:] + link + after[:end]
	}
	if len(before)+len(after) > excerptMost {
		before = strings.ToValidUTF8(before[max(0, len(before)-excerptSide):], "")
		after = truncate(after, excerptSide)
	}
	return strings.TrimSpace(before + link + after)
}

// maxPings is the largest number of pages that are notified for one post.
const maxPings = 50

// maxPingTarget is the longest address for which a pingback is sent, in bytes.
const maxPingTarget = 2000

// links returns the addresses in the text of a post to which a pingback may be
// sent: pages on hosts other than the blog's, each once, without home pages.
func links(content, baseURL string) []string {
	home, err := url.Parse(baseURL)
	if err != nil {
		return nil
	}
	var list []string
	z := html.NewTokenizer(strings.NewReader(content))
	for len(list) < maxPings {
		kind := z.Next()
		if kind == html.ErrorToken {
			break
		}
		if kind != html.StartTagToken {
			continue
		}
		if name, more := z.TagName(); string(name) != "a" || !more {
			continue
		}
		for more := true; more; {
			var key, value []byte
			key, value, more = z.TagAttr()
			target := strings.TrimSpace(string(value))
			if string(key) == "href" && pingable(target, home) && !slices.Contains(list, target) {
				list = append(list, target)
			}
		}
	}
	return list
}

func pingable(target string, home *url.URL) bool {
	u, err := url.Parse(target)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || strings.EqualFold(u.Host, home.Host) || len(target) > maxPingTarget {
		return false
	}
	return u.RawQuery != "" || strings.Trim(u.Path, "/") != ""
}
