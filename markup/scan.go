package markup

import "strings"

// The scanner reads tags as a browser does (HTML Standard, section 13.2.5,
// tokenization), with one difference: a "<" outside of quotes ends the attempt,
// and the first "<" counts as text. A browser would swallow "a <b and <i>c</i>"
// up to the first ">"; WordPress keeps it as text, and so does this scanner.
// The output contains only rewritten tags, so the difference cannot be
// exploited.

// space is what separates attributes.
const space = " \t\n\f\r"

// maxName is the length of the longest element name that is looked up.
const maxName = 16

type scanner struct {
	text string
	// dead holds the positions of opening quotes after which no tag ends. Two
	// attempts that open the same quote continue alike, so each quote is
	// followed once however many "<" precede it.
	dead bitset
	// The positions of the next "-->" and "<!--".
	commentEnd, commentStart found
}

// A tag is a range of the text: text[start:end] is the tag with its angle
// brackets.
type tag struct {
	start, name, nameEnd, end int
	slash                     int // position of the "/" of "/>", or zero
	closing                   bool
}

// An attribute is a range of the text.
type attribute struct {
	name, nameEnd, value, valueEnd int
	quote                          byte // zero without quotes
	hasValue                       bool
	none                           bool // there are no more attributes
	broken                         bool // the tag does not end either
}

// tag reads the tag at start, if there is one.
func (s *scanner) tag(start int) (tag, bool) {
	t := tag{start: start, name: start + 1}
	if t.name < len(s.text) && s.text[t.name] == '/' {
		t.closing = true
		t.name++
	}
	if t.name >= len(s.text) || !isLetter(s.text[t.name]) {
		return t, false
	}
	if t.nameEnd = s.until(t.name, false); t.nameEnd == len(s.text) {
		return t, false
	}
	for at := t.nameEnd; ; {
		a, next := s.attribute(at)
		switch {
		case a.broken:
			s.bury(t.nameEnd)
			return t, false
		case a.none:
			t.end = next
			if n := strings.IndexByte(s.text[at:next], '/'); n >= 0 {
				t.slash = at + n
			}
			return t, true
		}
		at = next
	}
}

// bury marks the quotes of a failed attempt.
func (s *scanner) bury(from int) {
	for at := from; ; {
		a, next := s.attribute(at)
		if a.quote != 0 {
			s.dead.set(a.value-1, len(s.text))
		}
		if a.none {
			return
		}
		at = next
	}
}

// attribute reads the next attribute inside a tag, and returns where to
// continue. After the last one, that is behind the ">".
func (s *scanner) attribute(at int) (attribute, int) {
	text := s.text
	for at < len(text) && (isSpace(text[at]) || text[at] == '/') {
		at++
	}
	if at >= len(text) || text[at] == '<' {
		return attribute{none: true, broken: true}, at
	}
	if text[at] == '>' {
		return attribute{none: true}, at + 1
	}
	a := attribute{name: at}
	// An equals sign at the beginning is part of the name.
	if a.nameEnd = s.until(at+1, true); a.nameEnd == len(text) {
		return attribute{none: true, broken: true}, len(text)
	}
	at = a.nameEnd
	for at < len(text) && isSpace(text[at]) {
		at++
	}
	if at >= len(text) || text[at] != '=' {
		return a, a.nameEnd
	}
	a.hasValue = true
	for at++; at < len(text) && isSpace(text[at]); at++ {
	}
	if at >= len(text) {
		return attribute{none: true, broken: true}, at
	}
	if c := text[at]; c == '"' || c == '\'' {
		a.quote, a.value = c, at+1
		if s.dead.has(at) {
			return attribute{none: true, broken: true}, at
		}
		n := strings.IndexByte(text[at+1:], c)
		if n < 0 {
			return attribute{none: true, broken: true, quote: c, value: at + 1}, len(text)
		}
		a.valueEnd = at + 1 + n
		return a, a.valueEnd + 1
	}
	for a.value = at; at < len(text) && !isSpace(text[at]) && text[at] != '<' && text[at] != '>'; at++ {
	}
	if at == len(text) {
		return attribute{none: true, broken: true}, at
	}
	a.valueEnd = at
	return a, at
}

// until returns the end of a name: at a space, a slash, an angle bracket or,
// for the name of an attribute, an equals sign.
func (s *scanner) until(at int, equals bool) int {
	for ; at < len(s.text); at++ {
		if c := s.text[at]; isSpace(c) || c == '/' || c == '<' || c == '>' || equals && c == '=' {
			break
		}
	}
	return at
}

// found is the next position of a string, or the end of the text. It is
// searched again only when the pass has moved beyond it.
type found struct {
	at    int
	known bool
}

func (f *found) next(text, what string, from int) int {
	if !f.known || f.at < from {
		f.known, f.at = true, len(text)
		if n := strings.Index(text[from:], what); n >= 0 {
			f.at = from + n
		}
	}
	return f.at
}

type bitset []uint64

func (b *bitset) set(i, size int) {
	if *b == nil {
		*b = make(bitset, size/64+1)
	}
	(*b)[i/64] |= 1 << (i % 64)
}

func (b bitset) has(i int) bool { return b != nil && b[i/64]&(1<<(i%64)) != 0 }

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\f' || c == '\r' }

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// lower appends a name in lower case. A name that is too long for any element
// is empty.
func lower(to []byte, name string) []byte {
	if len(name) > maxName {
		return to
	}
	for i := range len(name) {
		c := name[i]
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
		}
		to = append(to, c)
	}
	return to
}
