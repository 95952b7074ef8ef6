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

// lookupCharset returns the character set of an XML declaration, nil for UTF-8. Sets that write markup otherwise than
// ASCII does (UTF-16, ISO-2022-JP) are refused: WordPress cannot export in them.
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

// legalRune reports whether XML allows the character (XML 1.0 section 2.2).
func legalRune(c rune) bool {
	return c >= 0x20 && c <= 0xD7FF || c == '\t' || c == '\n' || c == '\r' ||
		c >= 0xE000 && c <= 0xFFFD || c >= 0x10000 && c <= 0x10FFFF
}

// legal returns the body of an item as XML allows it: in UTF-8, without forbidden characters, written out or as
// references. What it changed is noted. The result is valid until the next call.
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
	if bytes.Contains(body, []byte("&#")) {
		body = r.dropReferences(body)
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

// dropReferences takes out references to forbidden characters ("&#0;"), on which encoding/xml would give up the item.
// In CDATA sections they are plain text and stay.
func (r *Reader) dropReferences(body []byte) []byte {
	const open, end = "<![CDATA[", "]]>"
	var clean []byte // nil while nothing was taken out
	from, dropped := 0, 0
	for i := 0; i < len(body); {
		next := bytes.IndexAny(body[i:], "&<")
		if next < 0 {
			break
		}
		i += next
		if bytes.HasPrefix(body[i:], []byte(open)) {
			n := bytes.Index(body[i:], []byte(end))
			if n < 0 {
				break
			}
			i += n + len(end)
			continue
		}
		if size := forbiddenReference(body[i:]); size > 0 {
			clean = append(clean, body[from:i]...)
			i += size
			from = i
			dropped++
			continue
		}
		i++
	}
	if dropped == 0 {
		return body
	}
	r.note("", "references to characters that XML forbids, left out: "+strconv.Itoa(dropped))
	return append(clean, body[from:]...)
}

// forbiddenReference returns the size of the reference to a forbidden character that text begins with, else 0.
func forbiddenReference(text []byte) int {
	digits, found := bytes.CutPrefix(text, []byte("&#"))
	if !found {
		return 0
	}
	digits, _, found = bytes.Cut(digits[:min(len(digits), 12)], []byte(";"))
	if !found {
		return 0
	}
	base, number := 10, digits
	if hex, found := bytes.CutPrefix(digits, []byte("x")); found {
		base, number = 16, hex
	}
	c, err := strconv.ParseUint(string(number), base, 32)
	if err != nil || legalRune(rune(c)) {
		return 0
	}
	return len("&#") + len(digits) + len(";")
}
