package xmlrpc

import (
	"bytes"
	"encoding/binary"
)

// Base64 follows RFC 4648 section 4, with white space anywhere, since clients
// break lines in many ways. The padding may be missing or too long, and spare
// bits are ignored. Every other character must be valid: a data: URL, which
// clients mistake for base64, is refused.

const (
	b64Digit = 0
	b64Line  = 1 // the line feed, which breaks most base64
	b64Space = 2 // other white space
	b64Pad   = 4
	b64Bad   = 8
)

var base64Class = func() (t [256]uint8) {
	for c := range t {
		t[c] = b64Bad
	}
	for _, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/") {
		t[c] = b64Digit
	}
	for _, c := range []byte(" \t\r") {
		t[c] = b64Space
	}
	t['\n'] = b64Line
	t['='] = b64Pad
	return t
}()

// digitsAt returns how many digits b begins with. It checks eight bytes at a
// time: the combination of two sums has its high bit set in the bytes that lie
// between two limits.
func digitsAt(b []byte) int {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	n := 0
	for len(b)-n >= 8 {
		w := binary.LittleEndian.Uint64(b[n:])
		small := w | ones*0x20 // letters in lower case
		letters := (small + ones*(0x80-'a')) &^ (small + ones*(0x7f-'z'))
		figures := (w + ones*(0x80-'/')) &^ (w + ones*(0x7f-'9')) // and the slash before them
		plus := (w + ones*(0x80-'+')) &^ (w + ones*(0x7f-'+'))
		// The sums carry into the next byte only from bytes outside of ASCII.
		if w&highs != 0 || (letters|figures|plus)&highs != highs {
			break
		}
		n += 8
	}
	for n < len(b) && base64Class[b[n]] == b64Digit {
		n++
	}
	return n
}

// A base64Check validates a base64 text without decoding it.
type base64Check struct {
	digits int64
	pads   int
	seen   uint8 // classes
}

// add reports whether the text is still valid when b follows.
func (c *base64Check) add(b []byte) bool {
	for {
		n := digitsAt(b)
		if n > 0 && c.pads > 0 {
			return false
		}
		c.digits += int64(n)
		if n == len(b) {
			return true
		}
		class := base64Class[b[n]]
		c.seen |= class
		switch class {
		case b64Pad:
			c.pads++
		case b64Bad:
			return false
		}
		b = b[n+1:]
	}
}

// complete reports whether the text may end here.
func (c *base64Check) complete() bool {
	return c.digits%4 != 1 && (c.digits > 0 || c.pads == 0)
}

// size returns the number of decoded bytes.
func (c *base64Check) size() int64 { return c.digits * 3 / 4 }

// lines reports whether the only white space is line feeds.
func (c *base64Check) lines() bool { return c.seen&b64Space == 0 }

// compact appends the digits of validated base64 text. src may overlap the
// place where dst grows.
func compact(dst, src []byte) []byte {
	for len(src) > 0 {
		n := digitsAt(src)
		dst = append(dst, src[:n]...)
		if n == len(src) {
			break
		}
		src = src[n+1:]
	}
	return dst
}

// compactLines is compact for text whose only white space is line feeds.
func compactLines(dst, src []byte) []byte {
	for {
		n := bytes.IndexByte(src, '\n')
		if n < 0 {
			// Padding is only at the end.
			return bytes.TrimRight(append(dst, src...), "=")
		}
		dst = append(dst, src[:n]...)
		src = src[n+1:]
	}
}
