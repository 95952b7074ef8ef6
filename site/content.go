package site

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/microcosm-cc/bluemonday"
	"golang.org/x/net/html"

	"github.com/quillgate/quillgate/auth"
)

// What somebody without the right unfiltered_html writes is filtered: the elements, attributes and addresses of the
// policy stay, all other markup goes. Text, shortcodes and the comments that mark blocks pass byte for byte, since
// clients compare what they read back with what they sent.

// filterTexts filters the texts of an edit by what their writer may.
func (e *PostEdit) filterTexts(who auth.Identity) {
	title := func(s string) string { return strings.TrimSpace(cleanText(s)) }
	text := cleanText
	if !who.Can(auth.UnfilteredHTML) {
		title = func(s string) string { return filterHTML(strings.TrimSpace(cleanText(s)), titlePolicy()) }
		text = func(s string) string { return filterHTML(cleanText(s), postPolicy()) }
	}
	// The caller's texts stay as they are: each pointer gets a text of its own.
	for _, change := range []struct {
		text   **string
		filter func(string) string
	}{{&e.Title, title}, {&e.Content, text}, {&e.Excerpt, text}, {&e.Name, cleanText}, {&e.Password, cleanText}} {
		if *change.text != nil {
			*change.text = new(change.filter(**change.text))
		}
	}
}

// cleanText takes out what no database and no XML can hold: invalid UTF-8 and NUL.
func cleanText(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, ""), "\x00", "")
}

// titlePolicy allows what a title may hold: inline elements without surprises.
var titlePolicy = sync.OnceValue(func() *bluemonday.Policy {
	p := bluemonday.NewPolicy()
	p.AllowStandardURLs()
	p.RequireNoFollowOnLinks(false)
	p.AllowAttrs("href", "title").OnElements("a")
	p.AllowAttrs("title").OnElements("abbr", "acronym")
	p.AllowAttrs("cite").OnElements("blockquote", "q")
	p.AllowAttrs("datetime").OnElements("del")
	p.AllowElements("a", "abbr", "acronym", "b", "blockquote", "cite", "code", "del", "em", "i", "q", "s", "strike", "strong")
	p.AllowNoAttrs().OnElements("a")
	return p
})

// textElements are those whose text stays while they themselves go. The policy would drop their text.
var textElements = []string{"script", "style", "iframe", "noscript", "nostyle", "noembed", "noframes", "title", "frame", "frameset", "object"}

// postPolicy allows what a post may hold: the elements and attributes that WordPress lets authors use.
var postPolicy = sync.OnceValue(func() *bluemonday.Policy {
	p := bluemonday.NewPolicy()
	p.AllowURLSchemes("http", "https", "ftp", "ftps", "mailto", "news", "irc", "irc6", "ircs", "gopher", "nntp", "feed",
		"telnet", "mms", "rtsp", "sms", "svn", "tel", "fax", "xmpp", "webcal", "urn")
	p.AllowRelativeURLs(true)
	p.RequireParseableURLs(true)
	p.RequireNoFollowOnLinks(false)
	p.AllowDataAttributes()

	everywhere := []string{"address", "a", "abbr", "acronym", "area", "article", "aside", "audio", "b", "bdo", "big",
		"blockquote", "br", "button", "caption", "cite", "code", "col", "colgroup", "dd", "del", "details", "dfn", "div",
		"dl", "dt", "em", "fieldset", "figcaption", "figure", "font", "footer", "h1", "h2", "h3", "h4", "h5", "h6",
		"header", "hgroup", "hr", "i", "img", "ins", "kbd", "label", "legend", "li", "main", "map", "mark", "menu", "nav",
		"ol", "p", "pre", "q", "rb", "rp", "rt", "rtc", "ruby", "s", "samp", "section", "small", "span", "strike",
		"strong", "sub", "summary", "sup", "table", "tbody", "td", "textarea", "tfoot", "th", "thead", "tr", "track", "tt",
		"u", "ul", "var", "video"}
	p.AllowElements(everywhere...)
	p.AllowNoAttrs().OnElements(everywhere...)
	p.AllowAttrs("class", "id", "title", "role", "dir", "lang", "xml:lang", "hidden").OnElements(everywhere...)
	p.AllowAttrs("aria-controls", "aria-current", "aria-describedby", "aria-details", "aria-expanded", "aria-hidden",
		"aria-label", "aria-labelledby", "aria-live").OnElements(everywhere...)
	p.AllowAttrs("style").Matching(harmlessStyle).OnElements(everywhere...)

	for _, row := range []struct{ elements, attributes string }{
		{"a", "href rel rev name target download"},
		{"area", "alt coords href nohref shape target"},
		{"article aside details div figcaption figure footer header hgroup main menu nav section summary", "align"},
		{"details", "open"},
		{"audio", "autoplay controls loop muted preload src"},
		{"video", "autoplay controls height loop muted playsinline preload src width"},
		{"track", "default kind label src srclang"},
		{"blockquote q", "cite"},
		{"button", "disabled name type value"},
		{"caption", "align"},
		{"col colgroup", "align char charoff span valign width"},
		{"del ins", "datetime cite"},
		{"font", "color face size"},
		{"h1 h2 h3 h4 h5 h6 p legend", "align"},
		{"hr", "align noshade size width"},
		{"img", "alt align border height hspace loading name src sizes usemap vspace width"},
		{"label", "for"},
		{"li", "align value"},
		{"map", "name"},
		{"ol", "start type reversed"},
		{"pre", "width"},
		{"table", "align bgcolor border cellpadding cellspacing rules summary width"},
		{"tbody tfoot thead", "align char charoff valign"},
		{"td th", "abbr align axis bgcolor char charoff colspan headers height nowrap rowspan scope valign width"},
		{"textarea", "cols rows disabled name readonly"},
		{"tr", "align bgcolor char charoff valign"},
		{"ul", "type"},
	} {
		p.AllowAttrs(strings.Fields(row.attributes)...).OnElements(strings.Fields(row.elements)...)
	}
	// The policy looks at href, src and cite by itself, and not at these.
	p.AllowAttrs("poster").Matching(harmlessAddress).OnElements("video")
	p.AllowAttrs("longdesc", "srcset").Matching(harmlessAddress).OnElements("img")
	return p
})

// harmlessAddress is an address, or several, of the web or of this blog.
var harmlessAddress = regexp.MustCompile(`^(?:[^:]|(?i:\bhttps?):)*$`)

// harmlessStyle is a list of declarations that load nothing, run nothing and leave the element in its place. It passes
// as it is or not at all: editors of blocks refuse a text whose styles are written in another way than they do.
var harmlessStyle = regexp.MustCompile(`^(?:\s*(?i:` + styleProperties + `)\s*:` + styleValue + `(?:;\s*|$))*$`)

const (
	styleProperties = `background-color|border(?:-(?:top|right|bottom|left))?(?:-(?:color|radius|style|width))?|border-(?:top|bottom)-(?:left|right)-radius|` +
		`aspect-ratio|clear|color|column-gap|direction|display|flex(?:-(?:basis|direction|grow|shrink|wrap))?|float|gap|row-gap|` +
		`font(?:-(?:family|size|style|variant|weight))?|height|justify-content|align-(?:content|items|self)|letter-spacing|line-height|list-style-type|` +
		`margin(?:-(?:top|right|bottom|left))?|max-(?:height|width)|min-(?:height|width)|object-fit|object-position|overflow|` +
		`padding(?:-(?:top|right|bottom|left))?|text-(?:align|decoration|indent|transform)|vertical-align|white-space|width|--wp--[a-z0-9-]+`
	styleValue = `(?:[^;:<>{}\\&@()]|\b(?i:rgba?|hsla?|calc|var|min|max|clamp)\([^()<>{}\\&@:]*\))*`
)

// filterHTML applies a policy to the elements of a text, and to nothing else of it. Between them stand marks for the
// text and the comments, which come back as they were; where the policy drops an element with its text, the mark goes
// along.
func filterHTML(text string, policy *bluemonday.Policy) string {
	if !strings.ContainsAny(text, "<>&") {
		return text
	}
	text = strings.Map(func(c rune) rune {
		if c == markOpen || c == markClose {
			return -1
		}
		return c
	}, text)
	var kept []string
	var b strings.Builder
	z := html.NewTokenizer(strings.NewReader(text))
	keep := func(s string) {
		if s == "" {
			return
		}
		b.WriteString(mark(len(kept)))
		kept = append(kept, s)
	}
	for done := false; !done; {
		switch z.Next() {
		case html.ErrorToken:
			// What an element was begun with and never ended is text.
			keep(escapeText(string(z.Raw())))
			done = true
		case html.TextToken:
			keep(escapeText(string(z.Raw())))
		case html.CommentToken:
			keep(filterComment(string(z.Raw())))
		case html.DoctypeToken:
		default:
			raw := string(z.Raw())
			if name, _ := z.TagName(); !slices.Contains(textElements, string(name)) {
				b.WriteString(raw)
			}
		}
	}
	return restoreMarks(policy.Sanitize(b.String()), kept)
}

// The marks are private characters around a number. A text that holds such characters itself loses them first.
const markOpen, markClose = '\uE0F0', '\uE0F1'

func mark(n int) string { return string(markOpen) + strconv.Itoa(n) + string(markClose) }

var marks = regexp.MustCompile(string(markOpen) + `([0-9]+)` + string(markClose))

func restoreMarks(text string, kept []string) string {
	return marks.ReplaceAllStringFunc(text, func(m string) string {
		n, err := strconv.Atoi(strings.Trim(m, string(markOpen)+string(markClose)))
		if err != nil || n >= len(kept) {
			return ""
		}
		return kept[n]
	})
}

var entity = regexp.MustCompile(`^&(?:[A-Za-z][A-Za-z0-9]{1,31}|#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6});`)

// escapeText writes the characters of a text that mean something to HTML as entities, and leaves entities alone.
func escapeText(text string) string {
	if !strings.ContainsAny(text, "<>&") {
		return text
	}
	var b strings.Builder
	for i := range len(text) {
		switch c := text[i]; {
		case c == '<':
			b.WriteString("&lt;")
		case c == '>':
			b.WriteString("&gt;")
		case c == '&' && !entity.MatchString(text[i:min(len(text), i+40)]):
			b.WriteString("&amp;")
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// blockComment is the comment that opens or closes a block: <!-- wp:name {"json":1} /-->.
var blockComment = regexp.MustCompile(`(?s)^<!--\s+/?wp:[a-z][a-z0-9_-]*(?:/[a-z][a-z0-9_-]*)?\s+(?:\{.*\}\s+)?/?-->$`)

// filterComment keeps a comment that marks a block, and every other whose text holds no markup: <!--more-->,
// <!--nextpage-->, <!--noteaser-->.
func filterComment(raw string) string {
	if blockComment.MatchString(raw) && !strings.Contains(raw[4:len(raw)-3], "--") {
		return raw
	}
	inner, ok := strings.CutSuffix(strings.TrimPrefix(raw, "<!--"), "-->")
	if !ok || strings.ContainsAny(inner, "<>") || strings.Contains(inner, "--") {
		return ""
	}
	return raw
}
