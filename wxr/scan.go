package wxr

import (
	"bytes"
	"io"
	"strconv"
)

const (
	chunk  = 64 << 10 // bytes read from the source at a time
	maxTag = 64 << 10 // bytes in one tag; a longer one is not a tag
)

// A scanner finds the markup of a file without decoding it, so that a broken
// item affects only that item, and every offset is one in the file. It works on
// raw bytes: all accepted character sets write markup as ASCII does.
//
//	buf   |····consumed····|····kept····|····unread····|
//	      0             start          pos            end
type scanner struct {
	src   io.Reader
	buf   []byte
	start int   // first byte still needed
	pos   int   // next byte to scan
	end   int   // after the last byte read
	base  int64 // offset of buf[0] in the file
	keep  bool  // the bytes from start on belong to an item and are kept
	limit int   // how many bytes may be kept
	lost  bool  // the item exceeded limit, and its beginning is gone
	err   error // of src, including io.EOF
}

func (s *scanner) offset() int64 { return s.base + int64(s.pos) }

// rest returns the bytes that were read and not yet scanned.
func (s *scanner) rest() []byte { return s.buf[s.pos:s.end] }

// more reads more bytes after end. It may move the bytes in buf, and pos with
// them.
func (s *scanner) more() bool {
	if s.err != nil {
		return false
	}
	if s.keep && s.pos-s.start > s.limit {
		s.keep, s.lost = false, true
	}
	if !s.keep {
		s.start = s.pos
	}
	if s.end == len(s.buf) {
		to := s.buf
		if held := s.end - s.start; held > len(s.buf)/2 || len(s.buf) == 0 {
			to = make([]byte, max(2*len(s.buf), chunk))
		}
		copy(to, s.buf[s.start:s.end])
		s.buf = to
		s.base += int64(s.start)
		s.pos -= s.start
		s.end -= s.start
		s.start = 0
	}
	for range 100 {
		n, err := s.src.Read(s.buf[s.end:min(len(s.buf), s.end+chunk)])
		s.end += n
		s.err = err
		if n > 0 {
			return true
		}
		if err != nil {
			return false
		}
	}
	s.err = io.ErrNoProgress
	return false
}

// need reads until n bytes are unread, or as many as there are.
func (s *scanner) need(n int) []byte {
	for s.end-s.pos < n && s.more() {
	}
	return s.rest()
}

// find moves to the next occurrence of text, or to the end.
func (s *scanner) find(text string) bool {
	for {
		rest := s.rest()
		var i int
		if len(text) == 1 {
			i = bytes.IndexByte(rest, text[0])
		} else {
			i = bytes.Index(rest, []byte(text))
		}
		if i >= 0 {
			s.pos += i
			return true
		}
		s.pos += max(0, len(rest)-len(text)+1)
		if !s.more() {
			s.pos = s.end
			return false
		}
	}
}

// pass moves behind the next occurrence of text, or to the end.
func (s *scanner) pass(text string) {
	if s.find(text) {
		s.pos += len(text)
	}
}

// A markup is one tag; name points into the scanner's buffer.
type markup struct {
	kind  markupKind
	name  []byte
	size  int
	attrs []byte // between the name and the end of the tag
}

type markupKind uint8

const (
	endOfFile markupKind = iota
	startTag
	emptyTag // <name/>
	endTag
	declaration // <!DOCTYPE and similar
	characters  // text, which only a tokenizer returns
)

// markup moves to the next tag and leaves pos at its "<". It skips text,
// comments, CDATA sections and processing instructions, and a "<" that begins
// none of these.
func (s *scanner) markup() markup {
	for s.find("<") {
		rest := s.need(len("<![CDATA["))
		switch {
		case bytes.HasPrefix(rest, []byte("<![CDATA[")):
			s.pos += len("<![CDATA[")
			s.pass("]]>")
		case bytes.HasPrefix(rest, []byte("<!--")):
			s.pos += len("<!--")
			s.pass("-->")
		case bytes.HasPrefix(rest, []byte("<?")):
			s.pass("?>")
		case bytes.HasPrefix(rest, []byte("<!")):
			return markup{kind: declaration, size: len("<!")}
		default:
			if m, ok := s.tag(); ok {
				return m
			}
			s.pos++
		}
	}
	return markup{}
}

// maxDoctype is the largest size of a document type, in bytes.
const maxDoctype = 64 << 10

// doctype moves behind the document type declaration at pos, and reports
// whether it is valid. It ignores the declared entities, which remain unknown.
func (s *scanner) doctype() bool {
	rest := s.need(maxDoctype)
	rest = rest[:min(len(rest), maxDoctype)]
	if !bytes.EqualFold(rest[:min(len(rest), len("<!DOCTYPE"))], []byte("<!DOCTYPE")) {
		return false
	}
	var quote byte
	inside := false // the brackets of its own declarations
	for i := len("<!DOCTYPE"); i < len(rest); i++ {
		switch c := rest[i]; {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '<' && bytes.HasPrefix(rest[i:], []byte("<!--")):
			end := bytes.Index(rest[i:], []byte("-->"))
			if end < 0 {
				return false
			}
			i += end + len("-->") - 1
		case c == '"' || c == '\'':
			quote = c
		case c == '[':
			inside = true
		case c == ']':
			inside = false
		case c == '>' && !inside:
			s.pos += i + 1
			return true
		}
	}
	return false
}

// tag reads the tag at pos. XML allows no "<" inside a tag, quoted or not, so a
// tag ends there at the latest. This keeps one unbalanced quote from swallowing
// the following items.
func (s *scanner) tag() (markup, bool) {
	if m, ok := plainTag(s.rest()); ok {
		return m, true
	}
	var quote byte
	for i := 1; i < maxTag; i++ {
		if s.pos+i == s.end && !s.more() {
			return markup{}, false
		}
		if end, ok := endsTag(s.buf[s.pos+i], &quote); end {
			if !ok {
				break
			}
			return parseTag(s.buf[s.pos : s.pos+i+1])
		}
	}
	return markup{}, false
}

// endsTag reports whether the byte c ends a tag, and whether the tag is
// well-formed. quote is the open quotation mark, or 0.
func endsTag(c byte, quote *byte) (end, ok bool) {
	switch {
	case c == '<':
		return true, false
	case *quote != 0:
		if c == *quote {
			*quote = 0
		}
	case c == '"' || c == '\'':
		*quote = c
	case c == '>':
		return true, true
	}
	return false, false
}

// plainTag reads the tag at the start of text if it is a start or end tag
// without attributes, as nearly all are.
func plainTag(text []byte) (markup, bool) {
	m := markup{kind: startTag}
	from := 1
	if len(text) > 1 && text[1] == '/' {
		m.kind, from = endTag, 2
	}
	i := from
	for i < len(text) && (text[i] > '>' || text[i] >= '-' && text[i] <= ':' && text[i] != '/') {
		i++
	}
	if i == from || i >= min(len(text), maxTag) || text[i] != '>' || !beginsName(text[from]) {
		return m, false
	}
	m.name, m.size = text[from:i], i+1
	return m, true
}

func beginsName(c byte) bool {
	return c == '_' || c == ':' || c >= 0x80 || 'a' <= c|0x20 && c|0x20 <= 'z'
}

func parseTag(tag []byte) (markup, bool) {
	m := markup{kind: startTag, size: len(tag)}
	inner := tag[1 : len(tag)-1]
	switch {
	case bytes.HasPrefix(inner, []byte("/")):
		m.kind, inner = endTag, inner[1:]
	case bytes.HasSuffix(inner, []byte("/")):
		m.kind, inner = emptyTag, inner[:len(inner)-1]
	}
	i := 0
	for i < len(inner) && inner[i] > ' ' && inner[i] != '/' {
		i++
	}
	if i == 0 {
		return m, false
	}
	m.name, m.attrs = inner[:i], inner[i:]
	return m, beginsName(inner[0])
}

// A frame is one child of the channel as it is in the file.
type frame struct {
	name string
	body []byte // from "<" of the start tag to ">" of the end tag; valid until the scanner reads on
	id   int64  // content of the element that idElement names
	err  error  // why the item cannot be read; nil if it seems sound
}

// frame reads the element whose start tag is m, and moves behind it. It ends
// with the matching end tag, or broken where the next item or the end of the
// channel comes first. It returns an error only for the end of the source.
func (s *scanner) frame(m markup, maxDepth int, idElement string) (frame, error) {
	f := frame{name: string(m.name)}
	s.start, s.keep, s.lost = s.pos, true, false
	defer func() { s.keep = false }()
	depth, open := 0, 0 // open elements in total, and with this name
	for ; ; m = s.markup() {
		own := string(m.name) == f.name
		switch {
		case m.kind == endOfFile:
			return f, s.sourceError()
		case m.kind == declaration:
			f.fail(ErrDoctype)
		case depth > 0 && m.beginsNext():
			f.fail(ErrUnclosed)
			return f, nil
		case m.kind == startTag:
			if depth++; depth > maxDepth {
				f.fail(ErrTooDeep)
			}
			if own {
				open++
			}
			if f.id == 0 && string(m.name) == idElement {
				f.id = s.number(m.size)
			}
		case m.kind == endTag:
			depth--
			if own {
				open--
			}
		}
		s.pos += m.size
		if own && open == 0 {
			break
		}
	}
	if s.lost || s.pos-s.start > s.limit {
		f.fail(ErrTooLarge)
	}
	if f.err == nil {
		f.body = s.buf[s.start:s.pos]
	}
	return f, nil
}

// fail stores the first error.
func (f *frame) fail(err error) {
	if f.err == nil {
		f.err = err
	}
}

// beginsNext reports whether the tag cannot be inside an item: items do not
// nest.
func (m markup) beginsNext() bool {
	switch string(m.name) {
	case "item":
		return m.kind != endTag
	case "channel", "rss":
		return m.kind == endTag
	}
	return false
}

// number reads the digits after the next skip bytes, bare or in a CDATA
// section.
func (s *scanner) number(skip int) int64 {
	text := s.need(skip + len("<![CDATA[") + len("9223372036854775807") + 8)
	if len(text) < skip {
		return 0
	}
	text = bytes.TrimSpace(bytes.TrimPrefix(bytes.TrimSpace(text[skip:]), []byte("<![CDATA[")))
	digits := len(text) - len(bytes.TrimLeft(text, "0123456789"))
	n, err := strconv.ParseInt(string(text[:digits]), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// sourceError returns the error for a source that ends too early.
func (s *scanner) sourceError() error {
	if s.err == nil || s.err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return s.err
}
