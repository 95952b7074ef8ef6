package xmlrpc

import (
	"encoding/base64"
	"errors"
	"io"
)

// Base64 on the wire is that of RFC 4648 section 4 with white space anywhere,
// as clients break its lines in many ways. The padding may be left out, the
// spare bits are not looked at; what is there must be right.

const (
	b64Digit = 0
	b64Space = 1
	b64Pad   = 2
	b64Bad   = 4
)

var base64Class = func() (t [256]uint8) {
	for c := range t {
		t[c] = b64Bad
	}
	for _, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/") {
		t[c] = b64Digit
	}
	for _, c := range []byte(" \t\r\n") {
		t[c] = b64Space
	}
	t['='] = b64Pad
	return t
}()

// A base64Check follows a base64 text without decoding it.
type base64Check struct {
	digits int64
	pads   int
}

// add reports whether the text is still base64 with b behind it.
func (c *base64Check) add(b []byte) bool {
	if c.pads == 0 {
		var seen uint8
		spaces := 0
		for _, x := range b {
			k := base64Class[x]
			seen |= k
			spaces += int(k & b64Space)
		}
		if seen&(b64Pad|b64Bad) == 0 {
			c.digits += int64(len(b) - spaces)
			return true
		}
	}
	for _, x := range b {
		switch base64Class[x] {
		case b64Digit:
			if c.pads > 0 {
				return false
			}
			c.digits++
		case b64Pad:
			c.pads++
		case b64Bad:
			return false
		}
	}
	return true
}

// complete reports whether the text may end here.
func (c *base64Check) complete() bool {
	switch over := c.digits % 4; {
	case over == 1:
		return false
	case c.pads == 0:
		return true
	case over == 0:
		return false
	default:
		return over+int64(c.pads) == 4
	}
}

// size returns the number of decoded bytes.
func (c *base64Check) size() int64 { return c.digits * 3 / 4 }

// appendBase64 decodes a whole text.
func appendBase64(dst []byte, text string) ([]byte, bool) {
	var check base64Check
	src := []byte(text)
	if !check.add(src) || !check.complete() {
		return nil, false
	}
	digits := compact(src[:0], src)
	dst, err := base64.RawStdEncoding.AppendDecode(dst, digits)
	return dst, err == nil
}

// compact appends the digits of base64 text that was checked. src may be where
// dst grows.
func compact(dst, src []byte) []byte {
	for len(src) > 0 {
		n := 0
		for n < len(src) && base64Class[src[n]] == b64Digit {
			n++
		}
		dst = append(dst, src[:n]...)
		for n < len(src) && base64Class[src[n]] != b64Digit {
			n++
		}
		src = src[n:]
	}
	return dst
}

// A blob is a base64 value that stayed in the spool.
type blob struct {
	spool      *spool
	start, end int64
	size       int64 // decoded
}

func (b *blob) open() (io.ReadCloser, error) {
	r := &blobReader{digits: make([]byte, 0, windowSize+4)}
	r.scanner.src = b.spool
	r.scanner.read = b.start
	r.scanner.base = b.start
	r.scanner.size = b.end
	r.scanner.room = make([]byte, windowSize)
	r.scanner.buf = r.scanner.room[:0]
	return r, nil
}

// A blobReader decodes a blob, whose text was checked when it was scanned.
type blobReader struct {
	scanner scanner
	digits  []byte // not decoded yet
	plain   []byte // decoded and not read yet
	out     []byte
	err     error
}

func (r *blobReader) Read(p []byte) (int, error) {
	for len(r.plain) == 0 {
		if r.err != nil {
			return 0, r.err
		}
		r.fill()
	}
	n := copy(p, r.plain)
	r.plain = r.plain[n:]
	return n, nil
}

// WriteTo spares a copy.
func (r *blobReader) WriteTo(w io.Writer) (total int64, err error) {
	for {
		n, err := w.Write(r.plain)
		total += int64(n)
		r.plain = r.plain[n:]
		if err != nil {
			return total, err
		}
		if r.err == io.EOF {
			return total, nil
		}
		if r.err != nil {
			return total, r.err
		}
		r.fill()
	}
}

func (r *blobReader) fill() {
	run, err := r.scanner.base64Run()
	if err != nil {
		r.err = err
		return
	}
	last := run == nil
	r.digits = compact(r.digits, run)
	whole := len(r.digits) &^ 3
	if last {
		whole = len(r.digits)
		r.err = io.EOF
	}
	r.out, err = base64.RawStdEncoding.AppendDecode(r.out[:0], r.digits[:whole])
	if err != nil {
		r.err = err
	}
	r.plain = r.out
	r.digits = append(r.digits[:0], r.digits[whole:]...)
}

func (r *blobReader) Close() error {
	r.plain, r.err = nil, errClosed
	return nil
}

var errClosed = errors.New("read base64 after close")
