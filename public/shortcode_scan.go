package public

import (
	"html"
	"regexp"
	"slices"
	"strings"
)

// Shortcodes are names in brackets that texts of WordPress use instead of
// markup. Those for pictures, sound and films are shown. All others stay text.

// shortcodeNames lists the shortcodes that are shown.
var shortcodeNames = []string{"wp_caption", "caption", "gallery", "playlist", "audio", "video", "embed"}

// maxShortcodes limits the number of shortcodes in a text that are shown.
const maxShortcodes = 500

// shortcode is a shortcode in a text.
type shortcode struct {
	name       string
	attributes map[string]string // an attribute without a name is under ""
	inner      string            // the text between its two tags
	start, end int               // its position in the text
	named      bool              // it has a second pair of brackets, so it is only mentioned
}

// shortcodesOf finds the first maxShortcodes shortcodes in a text. Brackets in
// code, comments and tags have no meaning. It reads every byte a fixed number
// of times: it searches ahead for a quote or the end of a shortcode only once,
// however many begin before it.
func shortcodesOf(content string) []shortcode {
	if !strings.Contains(content, "[") {
		return nil
	}
	var list []shortcode
	ahead := finder{text: content, next: make(map[string]int)}
	for at := 0; len(list) < maxShortcodes; {
		i := strings.IndexAny(content[at:], "[<")
		if i < 0 {
			break
		}
		at += i
		if content[at] == '<' {
			at = ahead.afterMarkup(at)
			continue
		}
		s, ok := readShortcode(content, at)
		if !ok {
			at++
			continue
		}
		if !s.named && s.name != "gallery" && s.name != "playlist" && content[s.end-2] != '/' {
			closing := ahead.find("[/"+s.name+"]", s.end)
			if next := ahead.find("["+s.name, s.end); closing >= 0 && (next < 0 || next > closing) {
				s.inner, s.end = content[s.end:closing], closing+len(s.name)+3
				if s.start > at && strings.HasPrefix(content[s.end:], "]") { // [[caption]x[/caption]]
					s.start, s.end, s.named = at, s.end+1, true
				}
			}
		}
		list = append(list, s)
		at = s.end
	}
	return list
}

// finder searches ahead for words. Positions only increase, so it remembers
// what it has found.
type finder struct {
	text string
	next map[string]int // -1: there is no other
}

// find returns the next position of a word, or -1.
func (f *finder) find(word string, from int) int {
	at, known := f.next[word]
	if known && (at < 0 || at >= from) {
		return at
	}
	if at = strings.Index(f.text[from:], word); at >= 0 {
		at += from
	}
	f.next[word] = at
	return at
}

// literals lists the elements in which brackets have no meaning.
var literals = []string{"pre", "code", "script", "style", "textarea"}

// afterMarkup returns where the text continues after the tag, comment or code
// that begins at a position.
func (f *finder) afterMarkup(at int) int {
	rest := f.text[at:min(len(f.text), at+12)]
	if strings.HasPrefix(rest, "<!--") {
		return f.behind("-->", at+4, at+1)
	}
	name := strings.ToLower(rest[1:])
	for _, l := range literals {
		if strings.HasPrefix(name, l) && len(name) > len(l) && strings.IndexByte(" \t\r\n\f/>", name[len(l)]) >= 0 {
			return f.behind("</"+l, at+1, at+1)
		}
	}
	if name != "" && (name[0] == '/' || name[0] >= 'a' && name[0] <= 'z') {
		return f.behind(">", at+1, at+1)
	}
	return at + 1
}

// behind returns the position after a word, ignoring case, or a position to
// continue at if the word does not occur.
func (f *finder) behind(word string, from, otherwise int) int {
	at := f.find(word, from)
	if upper := strings.ToUpper(word); upper != word {
		if other := f.find(upper, from); other >= 0 && (at < 0 || other < at) {
			at = other
		}
	}
	if at < 0 {
		return otherwise
	}
	return at + len(word)
}

// readShortcode parses the start of a shortcode at a bracket: its name,
// attributes with or without quotes, and an optional slash. It gives up at a
// bracket outside quotes. So of all attempts that read the same stretch of
// text, no two are in the same state there (outside quotes, in single or in
// double ones), and every byte is read at most three times.
func readShortcode(content string, at int) (s shortcode, ok bool) {
	begin := at
	doubled := strings.HasPrefix(content[at:], "[[")
	if doubled {
		at++
	}
	at++
	i := slices.IndexFunc(shortcodeNames, func(name string) bool { return strings.HasPrefix(content[at:], name) })
	if i < 0 {
		return s, false
	}
	s.name = shortcodeNames[i]
	at += len(s.name)
	end := attributesEnd(content, at)
	if end < 0 {
		return s, false
	}
	attributes := strings.TrimSuffix(content[at:end], "/")
	if attributes != "" && strings.IndexByte(" \t\r\n\f", attributes[0]) < 0 {
		return s, false
	}
	s.start, s.end = begin, end+1
	if doubled && strings.HasPrefix(content[s.end:], "]") {
		s.named = true
		s.end++
		return s, true
	}
	if doubled {
		s.start++ // the first bracket does not begin a shortcode
	}
	s.attributes = shortcodeAttributes(attributes)
	return s, true
}

// attributesEnd returns the position of the bracket that ends a shortcode, or
// -1.
func attributesEnd(content string, at int) int {
	for at < len(content) {
		switch c := content[at]; c {
		case ']':
			return at
		case '[':
			return -1
		case '"', '\'':
			i := strings.IndexByte(content[at+1:], c)
			if i < 0 {
				return -1
			}
			at += i + 1
		}
		at++
	}
	return -1
}

var shortcodeAttribute = regexp.MustCompile(`([A-Za-z0-9_-]+)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"']+))|"([^"]*)"|([^\s"']+)`)

// shortcodeAttributes parses attributes. One without a name has the name "".
func shortcodeAttributes(text string) map[string]string {
	if !strings.Contains(text, `"`) {
		text = strings.ReplaceAll(text, "&quot;", `"`)
	}
	out := make(map[string]string)
	for _, m := range shortcodeAttribute.FindAllStringSubmatch(text, -1) {
		out[strings.ToLower(m[1])] = html.UnescapeString(m[2] + m[3] + m[4] + m[5] + m[6])
	}
	return out
}

// withoutShortcodes removes the tags of shortcodes from a text.
func withoutShortcodes(content string) string {
	var b strings.Builder
	at := 0
	for _, s := range shortcodesOf(content) {
		b.WriteString(content[at:s.start])
		if s.named {
			b.WriteString(content[s.start+1 : s.end-1])
		} else {
			b.WriteString(s.inner)
		}
		at = s.end
	}
	b.WriteString(content[at:])
	return b.String()
}
