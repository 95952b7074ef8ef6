package xmlrpc

import (
	"bytes"
	"io"
	"strings"
	"unicode/utf8"
)

// A scanner reads the XML of one document: tags, text, comments, processing
// instructions. Of XML-RPC it knows only the names of the elements.
//
// It has two modes. For a document in memory, buf is the whole document. For a
// spooled document, buf is a window that more moves.
type scanner struct {
	buf   []byte
	i     int   // the next byte
	base  int64 // bytes before buf[0]
	tagAt int64 // offset of the last tag that next consumed
	cr    bool  // carriage returns may follow
	ends  bool  // a ]]> may follow

	// For a window only.
	src    io.ReaderAt // nil if buf holds everything
	looked bool        // the characters of src are known to be valid
	size   int64       // of src
	read   int64       // bytes taken from src so far
	tail   [utf8.UTFMax]byte
	tailed int    // bytes of tail: read, but not yet a complete character
	room   []byte // the memory that buf is part of
	free   int64  // bytes of text that may be held without a reservation; below 0 after one
	hold   func(bytes int64) error
	failed error // of src, of hold, or an invalid byte
	keep   int   // how many bytes of a text are needed; 0 for all
	begun  int   // start of the current text in text
	long   bool  // the current text is longer than keep

	text       strings.Builder // texts that are short, or not plain
	scratch    []byte
	opened     int // elements so far
	mostOpen   int
	sawCDATA   bool // by the last call of chars
	inCDATA    bool // between calls of base64Run
	one        [utf8.UTFMax]byte
	attributes []string // names in the current tag
}

func (s *scanner) errorAt(code int, why string) error {
	if s.failed != nil {
		return s.failed
	}
	return &SyntaxError{code, why, s.base + int64(s.i)}
}

// here returns the offset of the next byte in the document.
func (s *scanner) here() int64 { return s.base + int64(s.i) }

func (s *scanner) malformed(why string) error { return s.errorAt(CodeParse, why) }
func (s *scanner) misshapen(why string) error { return s.errorAt(CodeInvalidRequest, why) }
func (s *scanner) ended() error               { return s.malformed("it ends too early") }

// more moves the window, keeping the bytes from i. It reports whether there are
// more bytes than before; i and all offsets into buf change.
func (s *scanner) more() bool {
	if s.src == nil || s.failed != nil || s.i == 0 && len(s.buf) == len(s.room) {
		return false
	}
	n := copy(s.room, s.buf[s.i:])
	s.base += int64(s.i)
	s.i = 0
	before := n
	// Continue while the bytes read do not complete a character.
	for n == before && n+s.tailed < len(s.room) {
		fresh := n
		n += copy(s.room[n:], s.tail[:s.tailed])
		s.tailed = 0
		want := min(int64(len(s.room)-n), s.size-s.read)
		if want == 0 && n == fresh {
			break
		}
		got, err := s.src.ReadAt(s.room[n:n+int(want)], s.read)
		s.read += int64(got)
		n += got
		if got < int(want) {
			if err == nil || err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			s.failed = err
			break
		}
		good := n
		if !s.looked {
			good = fresh + look(s.room[fresh:n]).good
		}
		if good < n {
			if s.read < s.size && n-good < utf8.UTFMax && !utf8.FullRune(s.room[good:n]) {
				s.tailed = copy(s.tail[:], s.room[good:n])
			} else {
				s.failed = &SyntaxError{CodeParse, "a byte is not a character of XML in this encoding", s.base + int64(good)}
			}
			n = good
			if s.failed != nil {
				break
			}
		}
	}
	s.buf = s.room[:n]
	return n > before
}

// need tries to get n bytes from i on, and reports whether they are there.
func (s *scanner) need(n int) bool {
	for len(s.buf)-s.i < n {
		if !s.more() {
			return false
		}
	}
	return true
}

// next moves to the next tag between elements, where no text is allowed. It
// returns the start tag that it consumed, or tagEnd after it consumed the end
// tag of parent.
func (s *scanner) next(parent tag) (t tag, empty bool, err error) {
	for {
		for s.i < len(s.buf) && isSpace(s.buf[s.i]) {
			s.i++
		}
		if len(s.buf)-s.i < 2 && !s.need(2) {
			if s.i < len(s.buf) && s.buf[s.i] != '<' {
				return 0, false, s.misshapen("there is text between elements")
			}
			return 0, false, s.ended()
		}
		if s.buf[s.i] != '<' {
			if isSpace(s.buf[s.i]) {
				continue
			}
			return 0, false, s.misshapen("there is text between elements")
		}
		s.tagAt = s.here()
		switch s.buf[s.i+1] {
		case '/':
			return tagEnd, false, s.end(parent)
		case '!', '?':
			cdata, err := s.aside()
			if err != nil {
				return 0, false, err
			}
			if cdata {
				return 0, false, s.misshapen("there is text between elements")
			}
		default:
			return s.start()
		}
	}
}

// start consumes a start tag.
func (s *scanner) start() (t tag, empty bool, err error) {
	for {
		b := s.buf[s.i:]
		n := 1
		for n < len(b) && isName[b[n]] {
			n++
		}
		if n < len(b) && b[n] == '>' && n > 1 {
			t = tagOf(b[1:n])
			if t == tagOther && !startsName(b[1]) {
				return 0, false, s.malformed("an element has no proper name")
			}
			s.i += n + 1
			return t, false, s.count()
		}
		done, err := s.slowStart(b, n, &t, &empty)
		if err != nil {
			return 0, false, err
		}
		if done {
			return t, empty, s.count()
		}
		if len(b) > maxTag {
			return 0, false, s.malformed("a tag is too long")
		}
		if !s.more() {
			return 0, false, s.ended()
		}
	}
}

// intruder returns the error for a start tag where only text is allowed.
func (s *scanner) intruder() error {
	if _, _, err := s.start(); err != nil {
		return err
	}
	return s.misshapen("there is an element inside text")
}

func (s *scanner) count() error {
	if s.opened++; s.opened > s.mostOpen {
		return s.malformed("there are too many elements")
	}
	return nil
}

// slowStart consumes a start tag with white space, attributes or a slash after
// its name, which ends at n. It returns false if b ends within the tag.
func (s *scanner) slowStart(b []byte, n int, t *tag, empty *bool) (bool, error) {
	if n == len(b) {
		return false, nil
	}
	if n == 1 || !startsName(b[1]) {
		return false, s.malformed("an element has no proper name")
	}
	*t = tagOf(b[1:n])
	s.attributes = s.attributes[:0]
	for {
		gap := n
		for n < len(b) && isSpace(b[n]) {
			n++
		}
		if n == len(b) {
			return false, nil
		}
		switch {
		case b[n] == '>':
			*empty = false
			s.i += n + 1
			return true, nil
		case b[n] == '/':
			if n+1 == len(b) {
				return false, nil
			}
			if b[n+1] != '>' {
				return false, s.malformed("a tag is malformed")
			}
			*empty = true
			s.i += n + 2
			return true, nil
		case gap == n || !startsName(b[n]):
			return false, s.malformed("a tag is malformed")
		case len(s.attributes) == maxAttributes:
			return false, s.malformed("an element has too many attributes")
		case n > maxTag:
			return false, s.malformed("a tag is too long")
		}
		name := n
		for n < len(b) && isName[b[n]] {
			n++
		}
		for _, a := range s.attributes {
			if a == string(b[name:n]) {
				return false, s.malformed("an attribute is given twice")
			}
		}
		s.attributes = append(s.attributes, string(b[name:n]))
		value, n2, err := s.attributeValue(b, n)
		if err != nil || value == nil {
			return false, err
		}
		n = n2
	}
}

// attributeValue reads = and the quoted value from n on. The value is nil if b
// ends before it does.
func (s *scanner) attributeValue(b []byte, n int) (value []byte, end int, err error) {
	for n < len(b) && isSpace(b[n]) {
		n++
	}
	if n == len(b) {
		return nil, 0, nil
	}
	if b[n] != '=' {
		return nil, 0, s.malformed("an attribute has no value")
	}
	for n++; n < len(b) && isSpace(b[n]); n++ {
	}
	if n == len(b) {
		return nil, 0, nil
	}
	if b[n] != '"' && b[n] != '\'' {
		return nil, 0, s.malformed("an attribute value has no quotes")
	}
	close := bytes.IndexByte(b[n+1:], b[n])
	if close < 0 {
		return nil, 0, nil
	}
	if close > maxTag {
		return nil, 0, s.malformed("a tag is too long")
	}
	value = b[n+1 : n+1+close]
	for rest := value; len(rest) > 0; {
		k := bytes.IndexAny(rest, "<&")
		if k < 0 {
			break
		}
		if rest[k] == '<' {
			return nil, 0, s.malformed("an attribute value holds <")
		}
		_, size := reference(rest[k:])
		if size <= 0 {
			return nil, 0, s.malformed("a reference is undeclared or malformed")
		}
		rest = rest[k+size:]
	}
	return b[n+1 : n+1+close : n+1+close], n + close + 2, nil
}

// end consumes the end tag of t.
func (s *scanner) end(t tag) error {
	lit := endTags[t]
	if s.need(len(lit)) && string(s.buf[s.i:s.i+len(lit)]) == lit {
		s.i += len(lit)
		return nil
	}
	lit = lit[:len(lit)-1]
	if !s.need(len(lit)+1) && len(s.buf)-s.i < len(lit) {
		if strings.HasPrefix(lit, string(s.buf[s.i:])) {
			return s.ended()
		}
		return s.malformed("an end tag does not match its start tag")
	}
	if string(s.buf[s.i:s.i+len(lit)]) != lit {
		return s.malformed("an end tag does not match its start tag")
	}
	s.i += len(lit)
	for {
		for s.i < len(s.buf) && isSpace(s.buf[s.i]) {
			s.i++
		}
		if s.i < len(s.buf) {
			break
		}
		if !s.more() {
			return s.ended()
		}
	}
	if s.buf[s.i] != '>' {
		return s.malformed("an end tag does not match its start tag")
	}
	s.i++
	return nil
}

// aside consumes a comment or a processing instruction. Before a CDATA section
// it stops and returns true. It refuses a document type declaration before
// reading any of it.
func (s *scanner) aside() (cdata bool, err error) {
	if s.buf[s.i+1] == '?' {
		return false, s.instruction()
	}
	if !s.need(4) {
		return false, s.ended()
	}
	if string(s.buf[s.i:s.i+4]) == "<!--" {
		return false, s.comment()
	}
	if s.need(9) && string(s.buf[s.i:s.i+9]) == "<![CDATA[" {
		return true, nil
	}
	if strings.HasPrefix("<![CDATA[", string(s.buf[s.i:])) {
		return false, s.ended()
	}
	return false, s.malformed("a document type declaration or other markup is not accepted")
}

func (s *scanner) comment() error {
	s.i += 4
	if err := s.skipTo("--"); err != nil {
		return err
	}
	if !s.need(1) {
		return s.ended()
	}
	if s.buf[s.i] != '>' {
		return s.malformed("a comment holds --")
	}
	s.i++
	return nil
}

func (s *scanner) instruction() error {
	if !s.need(7) && len(s.buf)-s.i < 4 {
		return s.ended()
	}
	s.i += 2
	b := s.buf[s.i:]
	if !startsName(b[0]) {
		return s.malformed("a processing instruction has no name")
	}
	if len(b) >= 4 && strings.EqualFold(string(b[:3]), "xml") && !isName[b[3]] {
		return s.malformed("there is an XML declaration inside the document")
	}
	for {
		for s.i < len(s.buf) && isName[s.buf[s.i]] {
			s.i++
		}
		if s.need(2) {
			if !isName[s.buf[s.i]] {
				break
			}
			continue
		}
		return s.ended()
	}
	if !isSpace(s.buf[s.i]) && string(s.buf[s.i:s.i+2]) != "?>" {
		return s.malformed("a processing instruction is malformed")
	}
	return s.skipTo("?>")
}

// skipTo moves behind the next occurrence of mark.
func (s *scanner) skipTo(mark string) error {
	for {
		if k := bytes.Index(s.buf[s.i:], []byte(mark)); k >= 0 {
			s.i += k + len(mark)
			return nil
		}
		s.i = max(s.i, len(s.buf)-len(mark)+1)
		if !s.more() {
			return s.ended()
		}
	}
}

// legal reports whether XML allows a character (XML 1.0 section 2.2).
func legal(r rune) bool {
	return r == '\t' || r == '\n' || r == '\r' ||
		r >= 0x20 && r <= 0xd7ff || r >= 0xe000 && r <= 0xfffd || r >= 0x10000 && r <= utf8.MaxRune
}

func isSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\t' || c == '\r' }

// isName marks the bytes that are allowed in a name. It accepts all characters
// outside of ASCII: no known name contains one, so the element is refused
// anyway.
var isName = func() (t [256]bool) {
	for c := range t {
		t[c] = c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == ':' || c == '-' || c == '.' || c >= 0x80
	}
	return t
}()

func startsName(c byte) bool {
	return isName[c] && c != '-' && c != '.' && (c < '0' || c > '9')
}
