package markup

import (
	"strings"

	"golang.org/x/net/html"
)

// Escape replaces the characters of a text that have a meaning in HTML by
// references, and keeps character references, as [Policy.Filter] does with the
// bytes between tags.
func Escape(text string) string {
	if !strings.ContainsAny(text, "<>&") {
		return text
	}
	return string(appendEscaped(make([]byte, 0, len(text)+len(text)/16+16), text, 0))
}

// appendEscaped appends text with "<", ">" and the surrounding quote escaped.
func appendEscaped(b []byte, text string, quote byte) []byte {
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '<':
			b = append(b, "&lt;"...)
		case c == '>':
			b = append(b, "&gt;"...)
		case c == '&':
			if n := reference(text[i:]); n > 0 {
				b = append(b, text[i:i+n]...)
				i += n - 1
			} else {
				b = append(b, "&amp;"...)
			}
		case c == '"' && quote == c:
			b = append(b, "&quot;"...)
		case c == '\'' && quote == c:
			b = append(b, "&#39;"...)
		default:
			b = append(b, c)
		}
	}
	return b
}

// maxReference is the length of the longest valid character reference, with its
// delimiters: HTML's longest name has 31 letters, and numbers may have leading
// zeros.
const maxReference = 34

// reference returns the length of the character reference that a text begins
// with, or zero. It must end with a semicolon and denote a character that HTML
// has.
func reference(text string) int {
	end := strings.IndexByte(text[:min(len(text), maxReference)], ';')
	if end < 2 {
		return 0
	}
	name := text[1:end]
	switch name {
	case "amp", "lt", "gt", "quot", "nbsp":
		return end + 1
	}
	if name[0] == '#' {
		if validNumber(name[1:]) {
			return end + 1
		}
		return 0
	}
	for i := range len(name) {
		if !isLetter(name[i]) && (i == 0 || name[i] < '0' || name[i] > '9') {
			return 0
		}
	}
	// If the whole text is not a name, html.UnescapeString keeps the semicolon:
	// "&notx;" is "¬x;".
	if char := html.UnescapeString(text[:end+1]); char[0] == '&' && len(char) > 1 || strings.HasSuffix(char, ";") && name != "semi" {
		return 0
	}
	return end + 1
}

// validNumber reports whether "38" or "x26" is the number of a character that a
// document may contain.
func validNumber(digits string) bool {
	base := rune(10)
	if digits != "" && digits[0]|0x20 == 'x' {
		base, digits = 16, digits[1:]
	}
	n := rune(0)
	for i := range len(digits) {
		d := rune(99)
		switch c := digits[i]; {
		case '0' <= c && c <= '9':
			d = rune(c - '0')
		case isLetter(c):
			d = rune(c|0x20-'a') + 10
		}
		if d >= base {
			return false
		}
		if n = n*base + d; n > 0x10FFFF {
			return false
		}
	}
	return n == '\t' || n == '\n' || n == '\r' || n >= 0x20 && n < 0xD800 || n >= 0xE000 && n <= 0xFFFD || n >= 0x10000
}

// decode returns the text that a browser reads in the value of an attribute
// once it is escaped: invalid references are text.
func decode(raw string) string {
	if strings.IndexByte(raw, '&') < 0 {
		return raw
	}
	var b strings.Builder
	b.Grow(len(raw))
	for i := 0; i < len(raw); {
		n := 0
		if raw[i] == '&' {
			n = reference(raw[i:])
		}
		if n == 0 {
			b.WriteByte(raw[i])
			i++
			continue
		}
		b.WriteString(html.UnescapeString(raw[i : i+n]))
		i += n
	}
	return b.String()
}
