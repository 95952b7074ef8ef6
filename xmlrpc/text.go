package xmlrpc

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"slices"
	"strings"
	"unicode/utf8"
)

// chars consumes text up to the next start or end tag: character data,
// references and CDATA sections, joined across comments and processing
// instructions.
func (s *scanner) chars() (string, error) {
	s.sawCDATA = false
	if s.src == nil {
		b, next := s.plain()
		if next != 0 {
			return s.copied(b), nil
		}
		if b == nil {
			return "", s.ended()
		}
		if next = s.buf[s.i+len(b)+1]; next != '!' && next != '?' && !s.cr && !(s.ends && bytes.Contains(b, cdataEnd)) {
			return s.unescape(b)
		}
		s.grow(len(b))
	}
	return s.slowChars()
}

// plain consumes the text up to the next start or end tag, if nothing in it
// has to be replaced, and returns it with the byte behind the <. Otherwise the
// byte is 0, and it consumes nothing. The text is nil if there is no tag.
//
// The document must be in memory.
func (s *scanner) plain() (b []byte, next byte) {
	run := bytes.IndexByte(s.buf[s.i:], '<')
	if run < 0 || s.i+run+1 == len(s.buf) {
		return nil, 0
	}
	b, next = s.buf[s.i:s.i+run], s.buf[s.i+run+1]
	if next == '!' || next == '?' || bytes.IndexByte(b, '&') >= 0 || s.cr && bytes.IndexByte(b, '\r') >= 0 || s.ends && bytes.Contains(b, cdataEnd) {
		return b, 0
	}
	s.i += run
	return b, next
}

// copied returns a copy of a text.
func (s *scanner) copied(b []byte) string {
	switch {
	case len(b) == 0:
		return ""
	case len(b) >= ownText:
		return string(b)
	}
	s.grow(len(b))
	start := s.text.Len()
	s.text.Write(b)
	return s.text.String()[start:]
}

// unescape consumes text with references and without markup.
func (s *scanner) unescape(b []byte) (string, error) {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	// A text never becomes longer. The copy takes eight bytes at a time, and may
	// write as many behind its end.
	s.scratch = slices.Grow(s.scratch[:0], len(b)+8)
	to := s.scratch[:len(b)+8]
	n, i := 0, 0
	for i < len(b) {
		if len(b)-i >= 8 {
			w := binary.LittleEndian.Uint64(b[i:])
			binary.LittleEndian.PutUint64(to[n:], w)
			x := w ^ ones*'&'
			at := bits.TrailingZeros64((x-ones)&^x&highs) / 8
			i, n = i+at, n+at
			if at == 8 {
				continue
			}
		} else if b[i] != '&' {
			to[n] = b[i]
			i, n = i+1, n+1
			continue
		}
		r, size := reference(b[i:])
		if size <= 0 {
			s.i += i
			return "", s.malformed("a reference is undeclared or malformed")
		}
		if r < utf8.RuneSelf {
			to[n] = byte(r)
			n++
		} else {
			n += utf8.EncodeRune(to[n:], r)
		}
		i += size
	}
	s.i += len(b)
	return s.copied(to[:n]), nil
}

var cdataEnd = []byte("]]>")

// grow makes room for n bytes of text, so that earlier texts stay where they
// are and share few allocations.
func (s *scanner) grow(n int) {
	if s.text.Cap()-s.text.Len() < n {
		s.text.Reset()
		s.text.Grow(max(n+64, min(8<<10, len(s.buf))))
	}
}

// ownText is the size of texts in memory that have an allocation of their own.
const ownText = 2 << 10

func (s *scanner) slowChars() (string, error) {
	if s.src != nil {
		s.grow(256)
	}
	s.begun, s.long = s.text.Len(), false
	for {
		if s.i == len(s.buf) {
			if err := s.foresee(int64(s.text.Len() - s.begun)); err != nil {
				return "", err
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
				if s.long {
					return longText, nil
				}
				text := s.text.String()[s.begun:]
				return text, s.held(len(text))
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
			r, err := s.reference()
			if err != nil {
				return "", err
			}
			if !s.tooLong(utf8.RuneLen(r)) {
				s.text.WriteRune(r)
			}
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
	b = b[:plainLen(b)]
	if len(b) == len(s.buf)-s.i && s.src != nil {
		if err := s.prepare("<"); err != nil {
			return err
		}
		// Bytes whose meaning depends on the next window stay for it.
		if b = b[:len(b)-undecided(b)]; len(b) == 0 {
			if s.more() {
				return nil
			}
			b = s.buf[s.i:]
		}
	}
	if k := bytes.Index(b, cdataEnd); k >= 0 {
		s.i += k
		return s.malformed("]]> stands in text")
	}
	s.write(b)
	s.i += len(b)
	return nil
}

// plainLen returns how many bytes precede the next < or &. It scans at most
// twice that far: a search for one of them alone would scan the window again
// for each of the other.
func plainLen(b []byte) int {
	for from, size := 0, 64; from < len(b); from, size = from+size, 2*size {
		part := b[from:min(from+size, len(b))]
		k := bytes.IndexByte(part, '<')
		if k >= 0 {
			part = part[:k]
		}
		if j := bytes.IndexByte(part, '&'); j >= 0 {
			k = j
		}
		if k >= 0 {
			return from + k
		}
	}
	return len(b)
}

// undecided returns the number of bytes at the end of a window whose meaning
// depends on what follows: a carriage return, and brackets that may begin ]]>.
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

// write appends text, with each line end replaced by one line feed (XML 1.0
// section 2.11).
func (s *scanner) write(b []byte) {
	if s.tooLong(len(b)) {
		return
	}
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

// tooLong reports whether the current text, with n more bytes, is longer than
// needed.
func (s *scanner) tooLong(n int) bool {
	s.long = s.keep > 0 && (s.long || s.text.Len()-s.begun+n > s.keep)
	return s.long
}

// longText replaces a text that is longer than scanner.keep. It is too long for
// a number or a name, and not white space.
var longText = strings.Repeat("x", MaxArgument+1)

// prepare makes room for a text that is longer than the window. It looks ahead
// in the spool for the end of the text, so that only one copy is held, and
// reserves the memory first.
func (s *scanner) prepare(mark string) error {
	if s.keep > 0 {
		return nil
	}
	if s.text.Cap()-s.text.Len() > len(s.buf)-s.i && s.text.Cap() > 2*windowSize {
		return nil // already done for this text
	}
	n, err := s.ahead(mark)
	if err != nil {
		s.failed = err
		return err
	}
	if err := s.foresee(n); err != nil {
		return err
	}
	s.text.Grow(int(n) + 4<<10)
	return nil
}

// held counts text of a spooled document that stays in memory.
func (s *scanner) held(n int) error {
	if s.src == nil {
		return nil
	}
	err := s.foresee(int64(n))
	s.free -= int64(n)
	return err
}

// foresee reserves memory for all text that may still follow, once, when n more
// bytes exceed what is free. Reserving everything at the same time keeps two
// documents from waiting for each other.
func (s *scanner) foresee(n int64) error {
	if n <= s.free || s.hold == nil {
		return nil
	}
	if err := s.hold(s.size - s.base); err != nil {
		s.failed = err
		return err
	}
	s.hold = nil
	return nil
}

// ahead returns the distance from i to the next mark, or to the end.
func (s *scanner) ahead(mark string) (int64, error) {
	n := int64(len(s.buf) - s.i)
	var block [8 << 10]byte
	kept := 0
	for at := s.read - int64(s.tailed); at < s.size; {
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

// reference consumes the reference at i.
func (s *scanner) reference() (rune, error) {
	for {
		r, size := reference(s.buf[s.i:])
		switch {
		case size > 0:
			s.i += size
			return r, nil
		case size < 0:
			return 0, s.malformed("a reference is undeclared or malformed")
		case !s.more():
			return 0, s.ended()
		}
	}
}

// reference parses the reference that b begins with. The size is 0 if b ends
// within it, and negative if it is neither one of the five that XML declares
// nor the number of a character.
func reference(b []byte) (r rune, size int) {
	switch {
	case len(b) < 4:
	case b[1] == '#':
		return numbered(b)
	case b[2] == 't' && b[3] == ';' && b[1] == 'l':
		return '<', 4
	case b[2] == 't' && b[3] == ';' && b[1] == 'g':
		return '>', 4
	}
	if len(b) > 1 && b[1] == '#' {
		return numbered(b)
	}
	head := b[:min(len(b), len("&quot;"))]
	end := bytes.IndexByte(head, ';')
	if end < 0 {
		if len(head) == len(b) && bytes.IndexByte(b, '<') < 0 {
			return 0, 0
		}
		return 0, -1
	}
	switch string(b[1:end]) {
	case "lt":
		r = '<'
	case "gt":
		r = '>'
	case "amp":
		r = '&'
	case "quot":
		r = '"'
	case "apos":
		r = '\''
	default:
		return 0, -1
	}
	return r, end + 1
}

// numbered parses a numeric reference, decimal or hexadecimal, with any number
// of leading zeros, up to maxReference bytes in total.
func numbered(b []byte) (r rune, size int) {
	i, base := 2, rune(10)
	if len(b) > 2 && b[2] == 'x' {
		i, base = 3, 16
	}
	first := i
	for ; i < len(b) && i < maxReference; i++ {
		if b[i] == ';' {
			if i == first || !legal(r) {
				return 0, -1
			}
			return r, i + 1
		}
		d := digit(b[i])
		if d >= base {
			return 0, -1
		}
		if r = r*base + d; r > utf8.MaxRune {
			return 0, -1
		}
	}
	if i == maxReference {
		return 0, -1
	}
	return 0, 0
}

// digit returns the value of a hexadecimal digit, or 99 for any other byte.
func digit(c byte) rune {
	switch {
	case c >= '0' && c <= '9':
		return rune(c - '0')
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return rune(c|0x20-'a') + 10
	}
	return 99
}
