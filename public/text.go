package public

import (
	"html"
	"strings"
)

// plainText turns a stored title, which may hold entities and tags as clients sent them, into text. The templates
// escape it again.
func plainText(s string) string {
	var b strings.Builder
	for s != "" {
		open := strings.IndexByte(s, '<')
		if open < 0 {
			break
		}
		end := strings.IndexByte(s[open:], '>')
		if end < 0 {
			break
		}
		b.WriteString(s[:open])
		s = s[open+end+1:]
	}
	b.WriteString(s)
	return strings.TrimSpace(html.UnescapeString(b.String()))
}

// blocks are the beginnings of elements that stand for themselves and take no paragraph around them.
var blocks = []string{"<p", "<h1", "<h2", "<h3", "<h4", "<h5", "<h6", "<ul", "<ol", "<dl", "<table", "<blockquote", "<pre", "<div", "<figure", "<hr", "<!--"}

// paragraphs makes paragraphs of a text whose author left them to the blog: blank lines part them, single line ends
// break the line, as WordPress shows such a text. Text with paragraphs of its own stays as it is.
func paragraphs(content string) string {
	content = strings.ReplaceAll(content, "\r\n", "\n")
	if strings.Contains(content, "<p>") || strings.Contains(content, "<p ") {
		return content
	}
	var b strings.Builder
	for _, part := range strings.Split(content, "\n\n") {
		part = strings.TrimSpace(part)
		switch {
		case part == "":
		case startsBlock(part):
			b.WriteString(part + "\n")
		default:
			b.WriteString("<p>" + strings.ReplaceAll(part, "\n", "<br />\n") + "</p>\n")
		}
	}
	return b.String()
}

func startsBlock(s string) bool {
	for _, tag := range blocks {
		if len(s) >= len(tag) && strings.EqualFold(s[:len(tag)], tag) {
			return true
		}
	}
	return false
}
