package public

import (
	"regexp"
	"slices"
	"strings"

	"golang.org/x/net/html"
)

// paragraphs makes paragraphs of text whose author left them to the blog: blank lines part them, single line ends break
// the line, as WordPress shows such a text. What stands in an element of its own stays as it is, and so does the text of
// the block editor, which has all its paragraphs.
func paragraphs(content string) string {
	content = strings.NewReplacer("\r\n", "\n", "\r", "\n", lineEnd, "", blankLine, "").Replace(content)
	if strings.Contains(content, "<!-- wp:") {
		return content
	}
	b := &paragraphBuilder{open: []container{{}}}
	z := html.NewTokenizer(strings.NewReader(content))
	for {
		kind := z.Next()
		raw := string(z.Raw())
		if kind == html.ErrorToken {
			b.run.WriteString(raw)
			break
		}
		name := ""
		if kind == html.StartTagToken || kind == html.EndTagToken || kind == html.SelfClosingTagToken {
			tag, _ := z.TagName()
			name = string(tag)
		}
		b.take(kind, name, raw)
	}
	b.flush(false)
	return b.out.String()
}

// Marks for the ends of lines in a text on its way into paragraphs.
const lineEnd, blankLine = "\x01", "\x02"

// containers are the elements whose text is made into paragraphs too; what is in other blocks stays as it is.
var containers = []string{"blockquote", "div", "section", "article", "main", "aside", "header", "footer", "nav", "details", "center", "address"}

// blocks are elements that end a paragraph and whose inside is theirs.
var blocks = []string{"p", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "pre", "ul", "ol", "dl", "table", "figure", "summary", "form", "fieldset",
	"script", "style", "textarea", "svg", "math"}

// paragraphBuilder walks over a text.
type paragraphBuilder struct {
	out  strings.Builder
	run  strings.Builder // inline text that has no paragraph yet
	open []container
	// block is the element that is copied as it is, and depth how many of its name are open.
	block string
	depth int
}

type container struct {
	name string
	full bool // something stands in it already
}

func (b *paragraphBuilder) take(kind html.TokenType, name, raw string) {
	switch {
	case b.depth > 0:
		b.out.WriteString(raw)
		if name == b.block && kind == html.StartTagToken {
			b.depth++
		} else if name == b.block && kind == html.EndTagToken {
			b.depth--
		}
	case kind == html.TextToken:
		b.run.WriteString(markLines(raw))
	case slices.Contains(containers, name):
		b.container(kind, name, raw)
	case slices.Contains(blocks, name):
		b.flush(false)
		b.open[len(b.open)-1].full = true
		b.out.WriteString(raw)
		if kind == html.StartTagToken && name != "hr" {
			b.block, b.depth = name, 1
		}
	default:
		b.run.WriteString(raw)
	}
}

// container enters or leaves an element that holds paragraphs. Text that is alone in it takes none, but in a quotation.
func (b *paragraphBuilder) container(kind html.TokenType, name, raw string) {
	if kind != html.EndTagToken {
		b.flush(false)
		b.open[len(b.open)-1].full = true
		b.out.WriteString(raw)
		if kind == html.StartTagToken {
			b.open = append(b.open, container{name: name})
		}
		return
	}
	at := len(b.open) - 1
	for at > 0 && b.open[at].name != name {
		at--
	}
	top := b.open[len(b.open)-1]
	b.flush(at > 0 && !top.full && name != "blockquote")
	if at > 0 {
		b.open = b.open[:at]
	}
	b.out.WriteString(raw)
}

var (
	blankLines = regexp.MustCompile(`[ \t]*\n[ \t]*\n\s*`)
	lineEnds   = regexp.MustCompile(`[ \t]*\n`)
	brokenLine = regexp.MustCompile(`(<br\s*/?>)[ \t]*` + lineEnd)
	remarks    = regexp.MustCompile(`(?s)<!--.*?-->`)
)

func markLines(text string) string {
	return lineEnds.ReplaceAllString(blankLines.ReplaceAllString(text, blankLine), lineEnd)
}

// flush writes the text that has gathered. alone says that one paragraph of it needs no element.
func (b *paragraphBuilder) flush(alone bool) {
	parts := strings.Split(b.run.String(), blankLine)
	b.run.Reset()
	for _, part := range parts {
		part = brokenLine.ReplaceAllString(strings.Trim(part, " \t"+lineEnd), "$1\n")
		broken := strings.ReplaceAll(part, lineEnd, "<br />\n")
		switch {
		case part == "":
		case strings.TrimSpace(remarks.ReplaceAllString(part, "")) == "":
			b.out.WriteString(part + "\n")
		case alone && len(parts) == 1:
			b.out.WriteString(broken)
		default:
			b.open[len(b.open)-1].full = true
			b.out.WriteString("<p>" + broken + "</p>\n")
		}
	}
}
