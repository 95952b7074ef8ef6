package markup

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// MaxSlug bounds a slug, in bytes of its encoded form; WordPress has room for as many.
const MaxSlug = 200

// Slug makes the name of a post or term for its address, as WordPress does: lower-case ASCII letters, digits, dashes
// and underscores. Latin letters lose their accents, other scripts become percent-encoded UTF-8 in lower case, and what
// is left is at most 200 bytes. A text of punctuation alone gives "".
func Slug(text string) string {
	text = norm.NFC.String(stripElements(text))
	var b strings.Builder
	used := 0
	for i := 0; i < len(text) && used < MaxSlug; {
		if c, size := encodedSign(text[i:]); size > 0 {
			writeSlugRune(&b, c)
			used, i = used+size, i+size
			continue
		}
		if octet(text[i:]) { // what is percent-encoded already stays so
			b.WriteString(strings.ToLower(text[i : i+3]))
			used, i = used+3, i+3
			continue
		}
		c, size := utf8.DecodeRuneInString(text[i:])
		i += size
		if c == utf8.RuneError && size == 1 {
			continue
		}
		for _, l := range PlainLetters(c) {
			cost := encodedLen(l)
			if used+cost > MaxSlug {
				used = MaxSlug
				break
			}
			used += cost
			writeSlugRune(&b, l)
		}
	}
	return tidySlug(b.String())
}

// writeSlugRune writes one letter, already in lower case, in the form that it has in a slug.
func writeSlugRune(b *strings.Builder, c rune) {
	switch {
	case c == '%':
		// A percent sign that begins no octet says nothing.
	case c < utf8.RuneSelf:
		b.WriteByte(byte(c))
	case c == '×':
		b.WriteByte('x')
	case unicode.Is(slugDash, c):
		b.WriteByte('-')
	case unicode.Is(slugNothing, c):
	default:
		var buf [utf8.UTFMax]byte
		for _, o := range buf[:utf8.EncodeRune(buf[:], c)] {
			fmt.Fprintf(b, "%%%02x", o)
		}
	}
}

// tidySlug keeps what a slug may hold of a text that is encoded already.
func tidySlug(text string) string {
	for _, dash := range []string{"&nbsp;", "&#160;", "&ndash;", "&#8211;", "&mdash;", "&#8212;", "/"} {
		text = strings.ReplaceAll(text, dash, "-")
	}
	text = dropEntities(text)
	var b strings.Builder
	dash := false
	for i := range len(text) {
		switch c := text[i]; {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '_', c == '%':
			if dash && b.Len() > 0 {
				b.WriteByte('-')
			}
			dash = false
			b.WriteByte(c)
		case c == '-', c == '.', c == ' ', c >= '\t' && c <= '\r':
			dash = true
		}
	}
	return b.String()
}

// PlainText is a text without elements, percent-encoded octets and entities, its letters composed.
func PlainText(text string) string {
	return dropEntities(WithoutOctets(stripElements(norm.NFC.String(text))))
}

// dropEntities takes out everything from an ampersand to the next semicolon of the same line.
func dropEntities(text string) string {
	for from := 0; ; {
		start := strings.IndexByte(text[from:], '&')
		if start < 0 {
			return text
		}
		start += from
		end := strings.IndexAny(text[start+1:], ";\n")
		if end < 1 || text[start+1+end] == '\n' {
			from = start + 1
			continue
		}
		text = text[:start] + text[start+end+2:]
		from = start
	}
}

// stripElements takes out what looks like elements and comments of HTML. A "<" before white space is a character.
func stripElements(text string) string {
	if !strings.Contains(text, "<") {
		return text
	}
	var b strings.Builder
	for {
		start := strings.IndexByte(text, '<')
		if start < 0 || start+1 == len(text) {
			b.WriteString(text)
			return b.String()
		}
		b.WriteString(text[:start])
		text = text[start:]
		switch {
		case strings.IndexByte(" \t\r\n", text[1]) >= 0:
			b.WriteByte('<')
			text = text[1:]
		case strings.HasPrefix(text, "<!--"):
			_, text, _ = strings.Cut(text, "-->")
		default:
			text = text[elementEnd(text):]
		}
	}
}

// elementEnd returns the length of the element that text begins with; a ">" inside quotes does not end it.
func elementEnd(text string) int {
	quote := byte(0)
	for i := range len(text) {
		switch c := text[i]; {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '>':
			return i + 1
		}
	}
	return len(text)
}

func octet(s string) bool {
	return len(s) >= 3 && s[0] == '%' && isHexDigit(s[1]) && isHexDigit(s[2])
}

// encodedSign reads one of the signs that a slug has no room for, where a text begins with its percent-encoded form, and
// how long that form is; 0 where there is none.
func encodedSign(text string) (c rune, size int) {
	var buf [utf8.UTFMax]byte
	n := 0
	for ; n < len(buf) && octet(text[3*n:]); n++ {
		b, _ := strconv.ParseUint(text[3*n+1:3*n+3], 16, 8)
		buf[n] = byte(b)
	}
	c, n = utf8.DecodeRune(buf[:n])
	if c == '×' || c >= utf8.RuneSelf && unicode.In(c, slugDash, slugNothing) && c != utf8.RuneError {
		return c, 3 * n
	}
	return 0, 0
}

func isHexDigit(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

// encodedLen is the length that a letter takes of a slug's 200 bytes.
func encodedLen(c rune) int {
	if c < utf8.RuneSelf {
		return 1
	}
	return 3 * utf8.RuneLen(c)
}

// specialLetters are Latin letters, and two signs, that Unicode does not take apart into a plain letter and marks.
var specialLetters = map[rune]string{
	'ª': "a", 'º': "o", 'Æ': "ae", 'æ': "ae", 'Ð': "d", 'ð': "d", 'Ø': "o", 'ø': "o", 'Þ': "th", 'þ': "th", 'ß': "s",
	'Đ': "d", 'đ': "d", 'Ħ': "h", 'ħ': "h", 'ı': "i", 'Ĳ': "ij", 'ĳ': "ij", 'ĸ': "k", 'Ŀ': "l", 'ŀ': "l", 'Ł': "l", 'ł': "l",
	'ŉ': "n", 'Ŋ': "n", 'ŋ': "n", 'Œ': "oe", 'œ': "oe", 'Ŧ': "t", 'ŧ': "t", 'ſ': "s", 'Ə': "e", 'ǝ': "e", '€': "e", '£': "",
}

// PlainLetters returns a letter in lower case and, when it is a Latin one, without its accents.
func PlainLetters(c rune) string {
	if c < utf8.RuneSelf {
		return string(unicode.ToLower(c))
	}
	if s, ok := specialLetters[c]; ok {
		return s
	}
	apart := norm.NFD.String(string(c))
	base, size := utf8.DecodeRuneInString(apart)
	if base < utf8.RuneSelf && unicode.IsLetter(base) && onlyMarks(apart[size:]) {
		return string(unicode.ToLower(base))
	}
	return string(unicode.ToLower(c))
}

func onlyMarks(s string) bool {
	for _, c := range s {
		if !unicode.Is(unicode.Mn, c) {
			return false
		}
	}
	return true
}

// slugDash are the characters that become a dash: spaces and dashes of other widths, and line separators.
var slugDash = &unicode.RangeTable{R16: []unicode.Range16{
	{Lo: 0x00A0, Hi: 0x00A0, Stride: 1},
	{Lo: 0x2000, Hi: 0x200A, Stride: 1},
	{Lo: 0x2013, Hi: 0x2014, Stride: 1},
	{Lo: 0x2028, Hi: 0x2029, Stride: 1},
	{Lo: 0x202F, Hi: 0x202F, Stride: 1},
}, LatinOffset: 1}

// slugNothing are the characters that a slug leaves out: quotation marks, a few signs, accents that stand alone, and
// what has no width.
var slugNothing = &unicode.RangeTable{R16: []unicode.Range16{
	{Lo: 0x00A1, Hi: 0x00A1, Stride: 1},
	{Lo: 0x00A9, Hi: 0x00A9, Stride: 1},
	{Lo: 0x00AB, Hi: 0x00AB, Stride: 1},
	{Lo: 0x00AD, Hi: 0x00AE, Stride: 1},
	{Lo: 0x00B0, Hi: 0x00B0, Stride: 1},
	{Lo: 0x00B4, Hi: 0x00B4, Stride: 1},
	{Lo: 0x00BB, Hi: 0x00BB, Stride: 1},
	{Lo: 0x00BF, Hi: 0x00BF, Stride: 1},
	{Lo: 0x02CA, Hi: 0x02CA, Stride: 1},
	{Lo: 0x0300, Hi: 0x0301, Stride: 1},
	{Lo: 0x0304, Hi: 0x0304, Stride: 1},
	{Lo: 0x030C, Hi: 0x030C, Stride: 1},
	{Lo: 0x0341, Hi: 0x0341, Stride: 1},
	{Lo: 0x200B, Hi: 0x200F, Stride: 1},
	{Lo: 0x2018, Hi: 0x201F, Stride: 1},
	{Lo: 0x2022, Hi: 0x2022, Stride: 1},
	{Lo: 0x2026, Hi: 0x2026, Stride: 1},
	{Lo: 0x202A, Hi: 0x202E, Stride: 1},
	{Lo: 0x2039, Hi: 0x203A, Stride: 1},
	{Lo: 0x2122, Hi: 0x2122, Stride: 1},
	{Lo: 0xFEFF, Hi: 0xFEFF, Stride: 1},
	{Lo: 0xFFFC, Hi: 0xFFFC, Stride: 1},
}, LatinOffset: 8}

// CutSlug shortens a slug to at most n bytes without leaving half a percent-encoded letter behind.
func CutSlug(slug string, n int) string {
	if len(slug) <= n {
		return slug
	}
	for n > 0 && n < len(slug) && !octetBoundary(slug, n) {
		n--
	}
	return strings.TrimRight(slug[:n], "-")
}

// octetBoundary reports whether the first n bytes of a slug end a letter: at the start of a plain character or of the
// first octet of an encoded one.
func octetBoundary(slug string, n int) bool {
	for back := 1; back <= 2 && n-back >= 0; back++ {
		if octet(slug[n-back:]) {
			return false
		}
	}
	if !octet(slug[n:]) {
		return true
	}
	first, _ := strconv.ParseUint(slug[n+1:n+3], 16, 8)
	return first&0xC0 != 0x80
}

// WithoutElements takes out elements, and scripts and styles with what is in them. It goes over the text once.
func WithoutElements(text string) string {
	if !strings.Contains(text, "<") {
		return text
	}
	var b strings.Builder
	endless := map[string]bool{} // the elements whose end does not come any more
	for {
		at := strings.IndexByte(text, '<')
		if at < 0 || at+1 == len(text) {
			break
		}
		b.WriteString(text[:at])
		text = text[at:]
		end := strings.IndexAny(text[1:], "<>") + 1
		if end == 0 {
			break
		}
		// A "<" before a space, or with another one before its ">", is text.
		if text[end] == '<' || strings.IndexByte("> \t\n\f\r", text[1]) >= 0 {
			b.WriteString(text[:1])
			text = text[1:]
			continue
		}
		name, rest := text[1:end], text[end+1:]
		if n := strings.IndexAny(name, " \t\n\f\r/"); n >= 0 {
			name = name[:n]
		}
		if name = strings.ToLower(name); (name == "script" || name == "style") && !endless[name] {
			if n := indexFold(rest, "</"+name); n >= 0 {
				rest = rest[n:]
			} else {
				endless[name] = true
			}
		}
		text = rest
	}
	b.WriteString(text)
	return b.String()
}

// indexFold is where a text in lower case comes in another, whatever the case of its letters, or -1.
func indexFold(text, what string) int {
	for i := 0; i+len(what) <= len(text); i++ {
		n := strings.IndexByte(text[i:], what[0])
		if n < 0 {
			return -1
		}
		i += n
		if i+len(what) <= len(text) && strings.EqualFold(text[i:i+len(what)], what) {
			return i
		}
	}
	return -1
}

// WithoutOctets takes out percent-encoded octets, those too that come to be when others go. It goes over the text once,
// however deep they are nested.
func WithoutOctets(text string) string {
	if !strings.Contains(text, "%") {
		return text
	}
	out := make([]byte, 0, len(text))
	for i := range len(text) {
		out = append(out, text[i])
		if n := len(out); n >= 3 && out[n-3] == '%' && isHexDigit(out[n-2]) && isHexDigit(out[n-1]) {
			out = out[:n-3]
		}
	}
	return string(out)
}
