package xmlrpc

import (
	"bytes"
	"encoding/binary"
)

// Base64 on the wire is that of RFC 4648 section 4 with white space anywhere,
// as clients break its lines in many ways. The padding may be left out or be
// too long, and the spare bits are not looked at; every other character must be
// right: a data: address, which is what clients mistake for base64, is refused.

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

// digitsAt returns how many digits b begins with. It looks at eight bytes at a
// time: a sum, cut by another, has its high bit set in the bytes that are
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
		// The sums carry into the next byte only from bytes beyond ASCII.
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

// A base64Check follows a base64 text without decoding it.
type base64Check struct {
	digits int64
	pads   int
	seen   uint8 // classes
}

// add reports whether the text is still base64 with b behind it.
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

// lines reports whether line feeds are all the white space there is.
func (c *base64Check) lines() bool { return c.seen&b64Space == 0 }

// compact appends the digits of base64 text that was checked. src may be where
// dst grows.
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

// compactLines is compact for text without other white space than line feeds.
func compactLines(dst, src []byte) []byte {
	for {
		n := bytes.IndexByte(src, '\n')
		if n < 0 {
			// Padding stands at the end or nowhere.
			return bytes.TrimRight(append(dst, src...), "=")
		}
		dst = append(dst, src[:n]...)
		src = src[n+1:]
	}
}
