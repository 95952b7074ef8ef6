package wxr

import (
	"bytes"
	"fmt"
	"strconv"
	"unicode/utf8"

	"golang.org/x/net/html/charset"
	"golang.org/x/text/encoding"
)

const utf8BOM = "\xEF\xBB\xBF"

// lookupCharset returns the character set of an XML declaration, or nil for
// UTF-8. It refuses sets that do not write markup as ASCII does (UTF-16,
// ISO-2022-JP): WordPress cannot export in them.
func lookupCharset(label string) (encoding.Encoding, error) {
	const markup = `</>="'!-?[]:_ &#;0189abcxyzABCXYZ`
	e, name := charset.Lookup(label)
	if e == nil {
		return nil, fmt.Errorf("%w: %.40q", ErrCharset, label)
	}
	if name == "utf-8" {
		return nil, nil
	}
	plain, err := e.NewEncoder().String(markup)
	if err != nil || plain != markup || name == "iso-2022-jp" || name == "replacement" {
		return nil, fmt.Errorf("%w: %.40q", ErrCharset, label)
	}
	return e, nil
}

// legalRune reports whether XML allows a character (XML 1.0 section 2.2).
func legalRune(c rune) bool {
	return c >= 0x20 && c <= 0xD7FF || c == '\t' || c == '\n' || c == '\r' ||
		c >= 0xE000 && c <= 0xFFFD || c >= 0x10000 && c <= 0x10FFFF
}

// legal returns the body of an item as XML allows it: in UTF-8, without
// forbidden characters. It notes its changes. The result is valid until the
// next call.
func (r *Reader) legal(body []byte) []byte {
	if r.charset != nil {
		converted, err := r.charset.NewDecoder().Bytes(body)
		if err != nil {
			r.note("", "character set: "+err.Error())
		}
		body = converted
	}
	if !utf8.Valid(body) || hasForbidden(body) {
		body = r.dropForbidden(body)
	}
	return body
}

func hasForbidden(body []byte) bool {
	for _, c := range body {
		if c < 0x20 && c != '\t' && c != '\n' && c != '\r' {
			return true
		}
	}
	return bytes.Contains(body, []byte("\uFFFE")) || bytes.Contains(body, []byte("\uFFFF"))
}

func (r *Reader) dropForbidden(body []byte) []byte {
	clean := r.scratch[:0]
	dropped, replaced := 0, 0
	for len(body) > 0 {
		c, size := utf8.DecodeRune(body)
		switch {
		case c == utf8.RuneError && size == 1:
			clean = utf8.AppendRune(clean, utf8.RuneError)
			replaced++
		case !legalRune(c):
			dropped++
		default:
			clean = append(clean, body[:size]...)
		}
		body = body[size:]
	}
	r.scratch = clean
	if dropped > 0 {
		r.note("", "characters that XML forbids, left out: "+strconv.Itoa(dropped))
	}
	if replaced > 0 {
		r.note("", "bytes that are not UTF-8, replaced by U+FFFD: "+strconv.Itoa(replaced))
	}
	return clean
}
