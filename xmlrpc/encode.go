package xmlrpc

import (
	"encoding/base64"
	"errors"
	"io"
	"iter"
	"math"
	"strconv"
	"unicode/utf8"
)

const declarationLine = `<?xml version="1.0" encoding="UTF-8"?>` + "\n"

// AppendResponse appends the answer of a method to dst.
//
// Every value carries its type. A nil, which strict clients cannot read,
// becomes the empty string. Characters that XML cannot represent, and bytes
// that are not UTF-8, become U+FFFD. There is no white space between elements,
// except for a line feed in an empty array.
func AppendResponse(dst []byte, v Value) []byte {
	dst = append(dst, responseStart...)
	dst = appendValue(dst, v, false)
	return append(dst, responseEnd...)
}

const (
	responseStart = declarationLine + "<methodResponse><params><param>"
	responseEnd   = "</param></params></methodResponse>\n"
)

// AppendFault appends a fault to dst.
func AppendFault(dst []byte, f *Fault) []byte {
	dst = append(dst, declarationLine+"<methodResponse><fault>"...)
	dst = appendFaultValue(dst, f)
	return append(dst, "</fault></methodResponse>\n"...)
}

func appendFaultValue(dst []byte, f *Fault) []byte {
	dst = append(dst, "<value><struct><member><name>faultCode</name>"...)
	dst = appendValue(dst, Int(int64(f.Code)), false)
	dst = append(dst, "</member><member><name>faultString</name><value><string>"...)
	dst = appendText(dst, f.Message)
	return append(dst, "</string></value></member></struct></value>"...)
}

// AppendCall appends a request to dst. Unlike a response, it may contain
// <nil/>.
func AppendCall(dst []byte, name string, params ...Value) []byte {
	dst = append(dst, declarationLine+"<methodCall><methodName>"...)
	dst = appendText(dst, name)
	dst = append(dst, "</methodName><params>"...)
	for _, p := range params {
		dst = append(dst, "<param>"...)
		dst = appendValue(dst, p, true)
		dst = append(dst, "</param>"...)
	}
	return append(dst, "</params></methodCall>\n"...)
}

// appendValue appends a whole value. A stream that fails leaves a shorter
// array: only the answers of a Handler contain streams, and they are written by
// an encoder that handles the error.
func appendValue(dst []byte, v Value, nils bool) []byte {
	e := encoder{dst: dst, nils: nils}
	_ = e.value(v)
	return e.dst
}

// WriteCall writes a request in pieces: it reads base64 from the spool while
// writing, and holds only a piece of the document.
func WriteCall(w io.Writer, name string, params ...Value) error {
	e := &encoder{nils: true, full: piece}
	e.spill = func() error {
		_, err := w.Write(e.dst)
		e.dst = e.dst[:0]
		return err
	}
	e.dst = append(e.dst, declarationLine+"<methodCall><methodName>"...)
	e.dst = appendText(e.dst, name)
	e.dst = append(e.dst, "</methodName><params>"...)
	for _, p := range params {
		e.dst = append(e.dst, "<param>"...)
		if err := e.value(p); err != nil {
			return err
		}
		e.dst = append(e.dst, "</param>"...)
	}
	e.dst = append(e.dst, "</params></methodCall>\n"...)
	return e.spill()
}

// verbatim receives the bytes of a Verbatim value.
type verbatim struct{ e *encoder }

func (v verbatim) Write(p []byte) (int, error) {
	v.e.dst = append(v.e.dst, p...)
	return len(p), v.e.handOn()
}

// An encoder appends values to dst. With a spill function, it passes on the
// content of dst whenever that has full bytes, so it holds little more than
// that.
type encoder struct {
	dst   []byte
	nils  bool // write nil as <nil/>
	full  int
	spill func() error // passes on bytes of dst or raises full
}

// piece is how much of a long text is written between two checks of full.
const piece = 32 << 10

func (e *encoder) value(v Value) error {
	switch v.kind {
	case KindArray:
		return e.array(v)
	case KindStruct:
		return e.structure(v)
	case kindVerbatim:
		return v.box.verbatim(verbatim{e})
	case KindString:
		e.dst = append(e.dst, "<value><string>"...)
		if err := e.text(v.str); err != nil {
			return err
		}
		e.dst = append(e.dst, "</string></value>"...)
	case KindBase64:
		e.dst = append(e.dst, "<value><base64>"...)
		if err := e.bytes(v); err != nil {
			return err
		}
		e.dst = append(e.dst, "</base64></value>"...)
	default:
		e.dst = appendSmall(e.dst, v, e.nils)
	}
	return e.handOn()
}

func (e *encoder) handOn() error {
	if e.spill == nil || len(e.dst) < e.full {
		return nil
	}
	return e.spill()
}

func (e *encoder) array(v Value) error {
	e.dst = append(e.dst, "<value><array><data>"...)
	empty := v.Len() == 0
	for _, element := range v.Elements() {
		if err := e.value(element); err != nil {
			return err
		}
	}
	if v.box != nil && v.box.stream != nil {
		some, err := e.stream(v.box.stream)
		if err != nil {
			return err
		}
		empty = empty && !some
	}
	if empty {
		e.dst = append(e.dst, '\n') // R's client fails on a <data> without a child node
	}
	e.dst = append(e.dst, "</data></array></value>"...)
	return e.handOn()
}

func (e *encoder) stream(elements iter.Seq2[Value, error]) (some bool, err error) {
	for element, err := range elements {
		if err == nil {
			err = e.value(element)
		}
		if err != nil {
			return some, err
		}
		some = true
	}
	return some, nil
}

func (e *encoder) structure(v Value) error {
	e.dst = append(e.dst, "<value><struct>"...)
	for i := range v.Members() {
		m := &v.box.members[i]
		e.dst = append(e.dst, "<member><name>"...)
		e.dst = appendText(e.dst, m.Name)
		e.dst = append(e.dst, "</name>"...)
		if err := e.value(m.Value); err != nil {
			return err
		}
		e.dst = append(e.dst, "</member>"...)
	}
	e.dst = append(e.dst, "</struct></value>"...)
	return e.handOn()
}

func (e *encoder) text(s string) error {
	for e.spill != nil && len(s) > piece {
		cut := piece
		// Do not cut inside a character. Invalid bytes may be cut anywhere.
		for cut > piece-utf8.UTFMax && !utf8.RuneStart(s[cut]) {
			cut--
		}
		e.dst = appendText(e.dst, s[:cut])
		s = s[cut:]
		if err := e.handOn(); err != nil {
			return err
		}
	}
	e.dst = appendText(e.dst, s)
	return nil
}

func (e *encoder) bytes(v Value) error {
	var block [3 << 10]byte
	if v.box == nil {
		for s := v.str; s != ""; {
			n := copy(block[:], s)
			e.dst = base64.StdEncoding.AppendEncode(e.dst, block[:n])
			s = s[n:]
			if err := e.handOn(); err != nil {
				return err
			}
		}
		return nil
	}
	return e.spooled(v)
}

// spooled writes a base64 value from the spool.
func (e *encoder) spooled(v Value) error {
	r, err := v.Open()
	if err != nil {
		return err
	}
	defer r.Close()
	block := make([]byte, 3<<12)
	for {
		n, err := io.ReadFull(r, block)
		e.dst = base64.StdEncoding.AppendEncode(e.dst, block[:n])
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return nil
		case err != nil:
			return err
		}
		if err := e.handOn(); err != nil {
			return err
		}
	}
}

// appendSmall appends a value that is neither a container nor of unlimited
// length.
func appendSmall(dst []byte, v Value, nils bool) []byte {
	switch v.kind {
	case KindInt:
		n := int64(v.num)
		if n < math.MinInt32 || n > math.MaxInt32 {
			dst = append(dst, "<value><i8>"...)
			dst = strconv.AppendInt(dst, n, 10)
			return append(dst, "</i8></value>"...)
		}
		dst = append(dst, "<value><int>"...)
		dst = strconv.AppendInt(dst, n, 10)
		return append(dst, "</int></value>"...)
	case KindBool:
		if v.num != 0 {
			return append(dst, "<value><boolean>1</boolean></value>"...)
		}
		return append(dst, "<value><boolean>0</boolean></value>"...)
	case KindDouble:
		dst = append(dst, "<value><double>"...)
		dst = appendDouble(dst, math.Float64frombits(v.num))
		return append(dst, "</double></value>"...)
	case KindDateTime:
		dst = append(dst, "<value><dateTime.iso8601>"...)
		dst = appendText(dst, v.str)
		return append(dst, "</dateTime.iso8601></value>"...)
	}
	if nils {
		return append(dst, "<value><nil/></value>"...)
	}
	return append(dst, "<value><string></string></value>"...)
}

// appendDouble writes all digits and no exponent, because the specification has
// none.
func appendDouble(dst []byte, f float64) []byte {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		f = 0
	}
	return strconv.AppendFloat(dst, f, 'f', -1, 64)
}

// textClass marks the bytes that cannot be copied to text unchanged: 1 for
// ASCII, 2 for those that begin or continue a longer character, which must be
// checked.
var textClass = func() (t [256]uint8) {
	for c := range t {
		switch {
		case c >= utf8.RuneSelf:
			t[c] = 2
		case c < 0x20 && c != '\t' && c != '\n', c == '<', c == '>', c == '&':
			t[c] = 1
		}
	}
	return t
}()

// plain reports whether none of eight bytes needs a check: they are ASCII from
// the space on, and none is <, > or &. A subtraction borrows the high bit of
// the next byte only where one is already set.
func plain(s string) bool {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	w := uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
	brackets := (w | ones*0x02) ^ ones*'>' // '<' and '>' differ in this bit
	ampersand := w ^ ones*'&'
	control := (w - ones*' ') &^ w
	return (w|control|(brackets-ones)&^brackets|(ampersand-ones)&^ampersand)&highs == 0
}

// appendText appends character data. It writes a carriage return as a
// reference, because readers turn a bare one into a line feed (XML 1.0 section
// 2.11), and > so that ]]> cannot appear.
func appendText(dst []byte, s string) []byte {
	done, next := 0, 0 // next: where the check of eight bytes at a time resumes
	for i := 0; i < len(s); {
		if i >= next && i+8 <= len(s) {
			if plain(s[i : i+8]) {
				i += 8
				continue
			}
			next = i + 8
		}
		k := textClass[s[i]]
		if k == 0 {
			i++
			continue
		}
		with, size := "", 1
		if k == 2 {
			r, n := utf8.DecodeRuneInString(s[i:])
			if !(r == utf8.RuneError && n == 1) && r != 0xfffe && r != 0xffff {
				i += n
				continue
			}
			with, size = "\uFFFD", n
		} else {
			switch s[i] {
			case '<':
				with = "&lt;"
			case '>':
				with = "&gt;"
			case '&':
				with = "&amp;"
			case '\r':
				with = "&#13;"
			default:
				with = "\uFFFD"
			}
		}
		dst = append(dst, s[done:i]...)
		dst = append(dst, with...)
		i += size
		done = i
	}
	return append(dst, s[done:]...)
}
