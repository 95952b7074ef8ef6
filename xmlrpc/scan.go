package xmlrpc

import (
	"bytes"
	"io"
	"strings"
	"unicode/utf8"
)

// A scanner reads the XML of one document: tags, text, comments, processing
// instructions. It knows no XML-RPC beyond the names of the elements.
//
// It works in one of two ways. Over a document in memory buf is all of it and
// str the same bytes as a string, of which texts are slices. Over a spooled
// document buf is a window that more moves on, and texts are copied.
type scanner struct {
	buf  []byte
	i    int    // the next byte
	base int64  // bytes before buf[0]
	str  string // the whole document, or "" for a window
	cr   bool   // there may be carriage returns ahead

	// Of a window only.
	src    io.ReaderAt // nil when buf holds everything
	size   int64       // of src
	read   int64       // bytes taken from src so far
	tail   []byte      // bytes read that do not yet make a whole character
	room   []byte      // what buf is a part of
	free   int64       // bytes of text that may still be held without asking
	hold   func(bytes int64) error
	failed error // of src, of hold, or an invalid byte

	text      strings.Builder // texts that are not slices of str
	opened    int             // elements so far
	mostOpen  int
	sawCDATA  bool // by the last call of chars
	inCDATA   bool // between calls of base64Run
	one       [utf8.UTFMax]byte
	attribute [maxAttributes]string
}

func (s *scanner) errorAt(code int, why string) error {
	if s.failed != nil {
		return s.failed
	}
	return &SyntaxError{code, why, s.base + int64(s.i)}
}

func (s *scanner) malformed(why string) error { return s.errorAt(CodeParse, why) }
func (s *scanner) misshapen(why string) error { return s.errorAt(CodeInvalidRequest, why) }
func (s *scanner) ended() error               { return s.malformed("it ends too early") }

// more reads on into a window, keeping the bytes from i. It reports whether
// there are more bytes than before; i and all offsets into buf change.
func (s *scanner) more() bool {
	if s.src == nil || s.failed != nil || s.i == 0 && len(s.buf) == len(s.room) {
		return false
	}
	n := copy(s.room, s.buf[s.i:])
	s.base += int64(s.i)
	s.i = 0
	before := n
	for n == before {
		fresh := n
		n += copy(s.room[n:], s.tail)
		s.tail = s.tail[:0]
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
		seen := look(s.room[fresh:n])
		good := fresh + seen.good
		if good < n {
			if s.read < s.size && n-good < utf8.UTFMax && !utf8.FullRune(s.room[good:n]) {
				s.tail = append(s.tail, s.room[good:n]...)
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

// need tries to have n bytes from i on and reports whether they are there.
func (s *scanner) need(n int) bool {
	for len(s.buf)-s.i < n {
		if !s.more() {
			return false
		}
	}
	return true
}

// next goes to the next tag between elements, where no text may stand. It
// returns the start tag that it consumed, or tagEnd after it consumed the end
// tag of parent.
func (s *scanner) next(parent tag) (t tag, empty bool, err error) {
	for {
		for s.i < len(s.buf) && isSpace(s.buf[s.i]) {
			s.i++
		}
		if len(s.buf)-s.i < 2 && !s.need(2) {
			if s.i < len(s.buf) && s.buf[s.i] != '<' {
				return 0, false, s.misshapen("text stands between elements")
			}
			return 0, false, s.ended()
		}
		if s.buf[s.i] != '<' {
			if isSpace(s.buf[s.i]) {
				continue
			}
			return 0, false, s.misshapen("text stands between elements")
		}
		switch s.buf[s.i+1] {
		case '/':
			return tagEnd, false, s.end(parent)
		case '!', '?':
			cdata, err := s.aside()
			if err != nil {
				return 0, false, err
			}
			if cdata {
				return 0, false, s.misshapen("text stands between elements")
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

func (s *scanner) count() error {
	if s.opened++; s.opened > s.mostOpen {
		return s.malformed("there are too many elements")
	}
	return nil
}

// slowStart consumes a start tag with white space, attributes or a slash after
// its name, which ends at n. It reports false when b ends within the tag.
func (s *scanner) slowStart(b []byte, n int, t *tag, empty *bool) (bool, error) {
	if n == len(b) {
		return false, nil
	}
	if n == 1 || !startsName(b[1]) {
		return false, s.malformed("an element has no proper name")
	}
	*t = tagOf(b[1:n])
	attributes := s.attribute[:0]
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
		case len(attributes) == maxAttributes:
			return false, s.malformed("an element has too many attributes")
		case n > maxTag:
			return false, s.malformed("a tag is too long")
		}
		name := n
		for n < len(b) && isName[b[n]] {
			n++
		}
		for _, a := range attributes {
			if a == string(b[name:n]) {
				return false, s.malformed("an attribute is given twice")
			}
		}
		attributes = append(attributes, string(b[name:n]))
		value, n2, err := s.attributeValue(b, n)
		if err != nil || value == nil {
			return false, err
		}
		n = n2
	}
}

// attributeValue reads = and the quoted value from n on. The value is nil when
// b ends before it does.
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

// aside consumes a comment or a processing instruction, or stands before a
// CDATA section and says so. A document type declaration is refused here,
// before a byte of it is read.
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
		return s.malformed("an XML declaration stands inside the document")
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

// skipTo goes behind the next occurrence of mark.
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

// chars consumes text up to the next start or end tag: character data,
// references and CDATA sections, joined across comments and processing
// instructions.
func (s *scanner) chars() (string, error) {
	s.sawCDATA = false
	if s.src == nil {
		// Most texts hold nothing that has to be replaced.
		run := bytes.IndexByte(s.buf[s.i:], '<')
		if run < 0 || s.i+run+1 == len(s.buf) {
			return "", s.ended()
		}
		b := s.buf[s.i : s.i+run]
		next := s.buf[s.i+run+1]
		if next != '!' && next != '?' && bytes.IndexByte(b, '&') < 0 && !(s.cr && bytes.IndexByte(b, '\r') >= 0) && !bytes.Contains(b, cdataEnd) {
			text := s.str[s.i : s.i+run]
			s.i += run
			return text, nil
		}
		s.grow(run)
	}
	return s.slowChars()
}

var cdataEnd = []byte("]]>")

// grow makes room for n bytes of text, so that the texts before stay where
// they are and share few allocations.
func (s *scanner) grow(n int) {
	if s.text.Cap()-s.text.Len() < n {
		s.text.Reset()
		s.text.Grow(max(n+64, min(8<<10, len(s.buf))))
	}
}

func (s *scanner) slowChars() (string, error) {
	if s.src != nil {
		s.grow(256)
	}
	start := s.text.Len()
	for {
		if s.i == len(s.buf) {
			if s.src != nil && int64(s.text.Len()-start) > s.free {
				if err := s.ask(); err != nil {
					return "", err
				}
			}
			if !s.more() {
				return "", s.ended()
			}
		}
		switch s.buf[s.i] {
		case '<':
			if !s.need(2) {
				return "", s.ended()
			}
			if c := s.buf[s.i+1]; c != '!' && c != '?' {
				text := s.text.String()[start:]
				if s.src != nil {
					s.free -= int64(len(text))
					return text, s.ask()
				}
				return text, nil
			}
			cdata, err := s.aside()
			if err != nil {
				return "", err
			}
			if cdata {
				s.sawCDATA = true
				s.i += len("<![CDATA[")
				if err := s.cdata(); err != nil {
					return "", err
				}
			}
		case '&':
			s.need(12)
			r, size := reference(s.buf[s.i:])
			if size <= 0 {
				if size == 0 {
					return "", s.ended()
				}
				return "", s.malformed("a reference is undeclared or malformed")
			}
			s.text.WriteRune(r)
			s.i += size
		default:
			if err := s.run(); err != nil {
				return "", err
			}
		}
	}
}

// run copies character data up to the next < or &, or to the end of the window.
func (s *scanner) run() error {
	b := s.buf[s.i:]
	if k := bytes.IndexByte(b, '<'); k >= 0 {
		b = b[:k]
	}
	if k := bytes.IndexByte(b, '&'); k >= 0 {
		b = b[:k]
	}
	if len(b) == len(s.buf)-s.i && s.src != nil {
		if err := s.prepare("<"); err != nil {
			return err
		}
		// What the next window decides about stays for it.
		if b = b[:len(b)-undecided(b)]; len(b) == 0 {
			if s.more() {
				return nil
			}
			b = s.buf[s.i:]
		}
	}
	if bytes.Contains(b, cdataEnd) {
		s.i += bytes.Index(b, cdataEnd)
		return s.malformed("]]> stands in text")
	}
	s.write(b)
	s.i += len(b)
	return nil
}

// undecided counts the bytes at the end of a window whose meaning depends on
// what follows: a carriage return, and brackets that may begin ]]>.
func undecided(b []byte) int {
	n := 0
	for n < len(b) && n < 2 && (b[len(b)-1-n] == ']' || b[len(b)-1-n] == '\r') {
		n++
	}
	return n
}

// cdata copies the inside of a CDATA section and consumes its end.
func (s *scanner) cdata() error {
	for {
		b := s.buf[s.i:]
		if k := bytes.Index(b, cdataEnd); k >= 0 {
			s.write(b[:k])
			s.i += k + len(cdataEnd)
			return nil
		}
		if s.src == nil {
			s.i = len(s.buf)
			return s.ended()
		}
		if err := s.prepare("]]>"); err != nil {
			return err
		}
		n := max(len(b)-2, 0)
		for n > 0 && b[n-1] == '\r' {
			n--
		}
		s.write(b[:n])
		s.i += n
		if !s.more() {
			return s.ended()
		}
	}
}

// write copies text with its line ends made one line feed each (XML 1.0
// section 2.11).
func (s *scanner) write(b []byte) {
	if s.src == nil && !s.cr {
		s.text.Write(b)
		return
	}
	for {
		k := bytes.IndexByte(b, '\r')
		if k < 0 {
			s.text.Write(b)
			return
		}
		s.text.Write(b[:k])
		s.text.WriteByte('\n')
		if b = b[k+1:]; len(b) > 0 && b[0] == '\n' {
			b = b[1:]
		}
	}
}

// prepare makes room for a text that is longer than the window: it looks ahead
// in the spool for the end of the text, so that the text is held once and not
// while it grows, and asks for the memory first.
func (s *scanner) prepare(mark string) error {
	if s.text.Cap()-s.text.Len() > len(s.buf)-s.i && s.text.Cap() > 2*windowSize {
		return nil // already done for this text
	}
	n, err := s.ahead(mark)
	if err != nil {
		s.failed = err
		return err
	}
	if n > s.free {
		if err := s.ask(); err != nil {
			return err
		}
	}
	s.text.Grow(int(n) + 4<<10)
	return nil
}

// ask asks for the memory of all text that may still come, once, when what is
// free is used up. Asking for everything at one time keeps two documents from
// waiting for each other.
func (s *scanner) ask() error {
	if s.hold == nil || s.free > freeText {
		return nil
	}
	if err := s.hold(s.size - s.base); err != nil {
		s.failed = err
		return err
	}
	s.hold = nil
	return nil
}

// ahead returns how many bytes from i on the next mark is away, or the end.
func (s *scanner) ahead(mark string) (int64, error) {
	n := int64(len(s.buf) - s.i)
	var block [8 << 10]byte
	kept := 0
	for at := s.read - int64(len(s.tail)); at < s.size; {
		got, err := s.src.ReadAt(block[kept:min(int64(len(block)), s.size-at+int64(kept))], at)
		if got == 0 && err != nil {
			return 0, err
		}
		b := block[:kept+got]
		if k := bytes.Index(b, []byte(mark)); k >= 0 {
			return n + int64(k), nil
		}
		at += int64(got)
		keep := min(len(mark)-1, len(b))
		n += int64(len(b) - keep)
		kept = copy(block[:], b[len(b)-keep:])
	}
	return n + int64(kept), nil
}

// reference reads the reference that b begins with. The size is 0 when b ends
// within it, and negative when it is not one of the five that XML declares nor
// the number of a character.
func reference(b []byte) (r rune, size int) {
	end := bytes.IndexByte(b[:min(len(b), 12)], ';')
	if end < 0 {
		if len(b) < 12 && bytes.IndexByte(b, '<') < 0 {
			return 0, 0
		}
		return 0, -1
	}
	switch name := b[1:end]; string(name) {
	case "lt":
		return '<', end + 1
	case "gt":
		return '>', end + 1
	case "amp":
		return '&', end + 1
	case "quot":
		return '"', end + 1
	case "apos":
		return '\'', end + 1
	default:
		if len(name) < 2 || name[0] != '#' {
			return 0, -1
		}
		base, digits := rune(10), name[1:]
		if name[1] == 'x' {
			base, digits = 16, name[2:]
		}
		for _, c := range digits {
			d := rune(c - '0')
			if d > 9 && base == 16 {
				d = rune(c|0x20-'a') + 10
				if c|0x20 < 'a' {
					d = 99
				}
			}
			if d >= base {
				return 0, -1
			}
			if r = r*base + d; r > utf8.MaxRune {
				return 0, -1
			}
		}
		if len(digits) == 0 || !legal(r) {
			return 0, -1
		}
		return r, end + 1
	}
}

// legal reports whether a character may stand in XML (XML 1.0 section 2.2).
func legal(r rune) bool {
	return r == '\t' || r == '\n' || r == '\r' ||
		r >= 0x20 && r <= 0xd7ff || r >= 0xe000 && r <= 0xfffd || r >= 0x10000 && r <= utf8.MaxRune
}

func isSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\t' || c == '\r' }

// isName marks the bytes that may stand in a name. Characters beyond ASCII are
// all let through: no name with one is known, so the element is refused anyway.
var isName = func() (t [256]bool) {
	for c := range t {
		t[c] = c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == ':' || c == '-' || c == '.' || c >= 0x80
	}
	return t
}()

func startsName(c byte) bool {
	return isName[c] && c != '-' && c != '.' && (c < '0' || c > '9')
}
