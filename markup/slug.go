package markup

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// MaxSlug is the largest size of a slug, in bytes of its encoded form, as in
// WordPress.
const MaxSlug = 200

// Slug returns the name of a post or term for its address, as WordPress makes
// it: lower-case ASCII letters, digits, dashes and underscores. Latin letters
// lose their accents, other scripts become percent-encoded UTF-8 in lower case,
// and the result is at most 200 bytes. For punctuation alone it is "".
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
		if octet(text[i:]) { // octets that are already encoded stay
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

// writeSlugRune writes one lower-case letter in the form for a slug.
func writeSlugRune(b *strings.Builder, c rune) {
	switch {
	case c == '%':
		// A percent sign that begins no octet is ignored.
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

// tidySlug keeps the characters of encoded text that a slug may contain.
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

// PlainText returns a text without elements, percent-encoded octets and
// entities, with its letters composed.
func PlainText(text string) string {
	return dropEntities(WithoutOctets(stripElements(norm.NFC.String(text))))
}

// dropEntities removes everything from an ampersand to the next semicolon on
// the same line.
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

// stripElements removes what looks like HTML elements and comments. A "<"
// before white space is text.
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

// elementEnd returns the length of the element at the start of text; a ">"
// inside quotes does not end it.
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

// encodedSign returns the character at the start of text if it is
// percent-encoded and not allowed in a slug, with the length of its encoded
// form, or 0.
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

// encodedLen returns the number of bytes that a letter takes in a slug.
func encodedLen(c rune) int {
	if c < utf8.RuneSelf {
		return 1
	}
	return 3 * utf8.RuneLen(c)
}

// specialLetters are Latin letters, and two symbols, that Unicode does not
// decompose into a plain letter and marks.
var specialLetters = map[rune]string{
	'ª': "a", 'º': "o", 'Æ': "ae", 'æ': "ae", 'Ð': "d", 'ð': "d", 'Ø': "o", 'ø': "o", 'Þ': "th", 'þ': "th", 'ß': "s",
	'Đ': "d", 'đ': "d", 'Ħ': "h", 'ħ': "h", 'ı': "i", 'Ĳ': "ij", 'ĳ': "ij", 'ĸ': "k", 'Ŀ': "l", 'ŀ': "l", 'Ł': "l", 'ł': "l",
	'ŉ': "n", 'Ŋ': "n", 'ŋ': "n", 'Œ': "oe", 'œ': "oe", 'Ŧ': "t", 'ŧ': "t", 'ſ': "s", 'Ə': "e", 'ǝ': "e", '€': "e", '£': "",
}

// PlainLetters returns a letter in lower case and, if it is Latin, without its
// accents.
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

// slugDash are the characters that become a dash: spaces and dashes of other
// widths, and line separators.
var slugDash = &unicode.RangeTable{R16: []unicode.Range16{
	{Lo: 0x00A0, Hi: 0x00A0, Stride: 1},
	{Lo: 0x2000, Hi: 0x200A, Stride: 1},
	{Lo: 0x2013, Hi: 0x2014, Stride: 1},
	{Lo: 0x2028, Hi: 0x2029, Stride: 1},
	{Lo: 0x202F, Hi: 0x202F, Stride: 1},
}, LatinOffset: 1}

// slugNothing are the characters that a slug leaves out: quotation marks, a few
// symbols, stand-alone accents, and characters without width.
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

// CutSlug shortens a slug to at most n bytes without splitting a
// percent-encoded letter.
func CutSlug(slug string, n int) string {
	if len(slug) <= n {
		return slug
	}
	for n > 0 && n < len(slug) && !octetBoundary(slug, n) {
		n--
	}
	return strings.TrimRight(slug[:n], "-")
}

// octetBoundary reports whether the first n bytes of a slug end with a whole
// letter: the next byte is a plain character or begins an encoded one.
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

// WithoutElements removes elements, and scripts and styles with their content,
// in one pass.
func WithoutElements(text string) string {
	if !strings.Contains(text, "<") {
		return text
	}
	var b strings.Builder
	endless := map[string]bool{} // elements without a further end tag
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
		// A "<" before a space, or followed by another one before its ">", is
		// text.
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

// indexFold returns the position of a lower-case text in another, ignoring
// case, or -1.
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

// WithoutOctets removes percent-encoded octets, including those that appear
// when others are removed. It is one pass, however deep they are nested.
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
