package wxr

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"strconv"
	"unicode/utf8"
)

var (
	errMismatch = errors.New("malformed XML: tags do not match")
	errDeclared = errors.New("malformed XML: declaration")
)

// A tokenizer reads the markup of one item that a scanner has framed, with the
// same grammar. encoding/xml is ten times slower and does not tolerate some
// errors; the tests compare the two.
type tokenizer struct {
	in  []byte
	pos int
	// tolerated since the beginning of in
	strayLess  int // "<" that begins no markup, taken as text
	references int // references to characters that XML forbids
}

// A token is a start, empty or end tag or, with kind characters, a piece of
// text.
type token struct {
	kind  markupKind
	name  []byte // of a tag
	attrs []byte // between the name and the end of the tag
	text  []byte // raw
	cdata bool   // of text: holds no references
}

// next returns the next token, or endOfFile.
func (t *tokenizer) next() (token, error) {
	for t.pos < len(t.in) {
		rest := t.in[t.pos:]
		switch {
		case rest[0] != '<':
			return t.characters(0), nil
		case bytes.HasPrefix(rest, []byte("<![CDATA[")):
			rest = rest[len("<![CDATA["):]
			end := bytes.Index(rest, []byte("]]>"))
			if end < 0 {
				return token{}, errMismatch
			}
			t.pos += len("<![CDATA[") + end + len("]]>")
			return token{kind: characters, text: rest[:end], cdata: true}, nil
		case bytes.HasPrefix(rest, []byte("<!--")):
			end := bytes.Index(rest[len("<!--"):], []byte("-->"))
			if end < 0 {
				return token{}, errMismatch
			}
			t.pos += len("<!--") + end + len("-->")
		case bytes.HasPrefix(rest, []byte("<?")):
			end := bytes.Index(rest, []byte("?>"))
			if end < 0 {
				return token{}, errMismatch
			}
			t.pos += end + len("?>")
		case bytes.HasPrefix(rest, []byte("<!")):
			return token{}, errDeclared
		default:
			m, ok := findTag(rest)
			if !ok {
				t.strayLess++
				return t.characters(1), nil
			}
			t.pos += m.size
			return token{kind: m.kind, name: m.name, attrs: m.attrs}, nil
		}
	}
	return token{kind: endOfFile}, nil
}

// characters reads text up to the next "<" after the first skip bytes.
func (t *tokenizer) characters(skip int) token {
	text := t.in[t.pos:]
	if end := bytes.IndexByte(text[skip:], '<'); end >= 0 {
		text = text[:skip+end]
	}
	t.pos += len(text)
	return token{kind: characters, text: text}
}

// findTag reads the tag that text begins with.
func findTag(text []byte) (markup, bool) {
	if m, ok := plainTag(text); ok {
		return m, true
	}
	var quote byte
	for i := 1; i < len(text) && i < maxTag; i++ {
		if end, ok := endsTag(text[i], &quote); end {
			if !ok {
				break
			}
			return parseTag(text[:i+1])
		}
	}
	return markup{}, false
}

// appendText appends the decoded form of raw text: line ends become line feeds
// (XML 1.0 section 2.11), and, outside of CDATA sections, references become the
// characters that they name.
func (t *tokenizer) appendText(to, raw []byte, cdata bool) []byte {
	for len(raw) > 0 {
		var i int
		if !cdata {
			for i < len(raw) && raw[i] != '&' && raw[i] != '\r' {
				i++
			}
		} else if i = bytes.IndexByte(raw, '\r'); i < 0 {
			i = len(raw)
		}
		to = append(to, raw[:i]...)
		if raw = raw[i:]; len(raw) == 0 {
			break
		}
		if raw[0] == '\r' {
			to = append(to, '\n')
			raw = bytes.TrimPrefix(raw[1:], []byte("\n"))
			continue
		}
		var size int
		to, size = t.appendReference(to, raw)
		raw = raw[size:]
	}
	return to
}

// appendReference appends the character for the reference at the beginning of
// raw, and returns the size of the reference. An invalid reference, or one to
// an entity that HTML does not have either, stays as it is.
func (t *tokenizer) appendReference(to, raw []byte) ([]byte, int) {
	const longest = 32
	end := bytes.IndexByte(raw[:min(len(raw), longest)], ';')
	if end < 0 {
		return append(to, '&'), 1
	}
	name, size := raw[1:end], end+1
	digits, numeric := bytes.CutPrefix(name, []byte("#"))
	if !numeric {
		switch string(name) {
		case "amp":
			return append(to, '&'), size
		case "lt":
			return append(to, '<'), size
		case "gt":
			return append(to, '>'), size
		case "quot":
			return append(to, '"'), size
		case "apos":
			return append(to, '\''), size
		}
		if text, ok := xml.HTMLEntity[string(name)]; ok {
			return append(to, text...), size
		}
		return append(to, '&'), 1
	}
	base := 10
	if hex, ok := bytes.CutPrefix(digits, []byte("x")); ok {
		base, digits = 16, hex
	}
	c, err := strconv.ParseUint(string(digits), base, 32)
	switch {
	case errors.Is(err, strconv.ErrSyntax):
		return append(to, '&'), 1
	case err != nil || c > utf8.MaxRune || !legalRune(rune(c)):
		t.references++
		return to, size
	}
	return utf8.AppendRune(to, rune(c)), size
}

// cutAttribute splits off the first attribute of a tag. Its value is raw.
func cutAttribute(attrs []byte) (name, value, rest []byte, ok bool) {
	const space = " \t\r\n"
	name, rest, ok = bytes.Cut(bytes.TrimLeft(attrs, space), []byte("="))
	rest = bytes.TrimLeft(rest, space)
	if !ok || len(rest) == 0 || rest[0] != '"' && rest[0] != '\'' {
		return nil, nil, nil, false
	}
	value, rest, ok = bytes.Cut(rest[1:], rest[:1])
	return bytes.TrimRight(name, space), value, rest, ok
}

// forgiven notes what was tolerated.
func (t *tokenizer) forgiven(note func(field, problem string)) {
	if t.strayLess > 0 {
		note("", fmt.Sprintf(`"<" that do not begin a tag, read as text: %d`, t.strayLess))
	}
	if t.references > 0 {
		note("", fmt.Sprintf("references to characters that XML forbids, left out: %d", t.references))
	}
}
