package xmlrpc

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
)

// A charset is the character encoding of a document.
type charset uint8

const (
	charsetUTF8 charset = iota
	// charsetWindows is windows-1252, which includes ISO-8859-1: old editors
	// declare the latter and send quotes and dashes of the former.
	charsetWindows
	// charsetOther is declared and unknown. Clients declare the name that their
	// platform has for its encoding and send UTF-8 nevertheless, and WordPress
	// never reads the declaration. Such a document is accepted if its bytes are
	// UTF-8.
	charsetOther
)

var errOtherCharset = &SyntaxError{CodeEncoding, "the bytes are not UTF-8; the only other encodings accepted are US-ASCII, ISO-8859-1 and windows-1252", 0}

// declaration parses what may precede the root of a document: a byte order
// mark, white space, the XML declaration. It returns its size and the encoding.
// White space before the declaration violates XML 1.0, but WordPress accepts it
// and clients depend on that.
func declaration(head []byte) (skip int, cs charset, err *SyntaxError) {
	if name := foreign(head); name != "" {
		return 0, 0, &SyntaxError{CodeEncoding, name, 0}
	}
	i := 0
	if bytes.HasPrefix(head, []byte("\xef\xbb\xbf")) {
		i = 3
	}
	start := i
	for i < len(head) && isSpace(head[i]) {
		i++
	}
	if !bytes.HasPrefix(head[i:], []byte("<?xml")) || i+5 >= len(head) || !isSpace(head[i+5]) {
		return start, charsetUTF8, nil
	}
	at := int64(i)
	end := bytes.Index(head[i:], []byte("?>"))
	if end < 0 {
		return 0, 0, &SyntaxError{CodeParse, "the XML declaration does not end", at}
	}
	version, encoding, ok := pseudoAttributes(head[i+5 : i+end])
	if !ok || version != "1.0" && version != "1.1" {
		// A document that declares version 1.1 is read by the rules of 1.0, as
		// XML 1.0 (fifth edition) section 2.8 demands.
		return 0, 0, &SyntaxError{CodeParse, "the XML declaration is malformed", at}
	}
	switch string(bytes.ToLower([]byte(encoding))) {
	case "", "utf-8", "utf8", "us-ascii", "ascii":
	case "iso-8859-1", "iso8859-1", "latin1", "windows-1252", "cp1252":
		cs = charsetWindows
	case "utf-7", "utf7", "unicode-1-1-utf-7", "utf-7-imap", "hz-gb-2312", "hz":
		// In these encodings ASCII bytes stand for other characters: the bytes
		// would be valid UTF-8, with a different meaning.
		return 0, 0, &SyntaxError{CodeEncoding, "seven-bit encodings are not accepted", at}
	default:
		cs = charsetOther
	}
	return i + end + 2, cs, nil
}

// foreign returns the name of an unsupported encoding that the first bytes
// reveal (XML 1.0 appendix F), or "".
func foreign(head []byte) string {
	for _, f := range [...]struct{ prefix, name string }{
		{"\xff\xfe\x00\x00", "it is UTF-32"},
		{"\x00\x00\xfe\xff", "it is UTF-32"},
		{"<\x00\x00\x00", "it is UTF-32"},
		{"\x00\x00\x00<", "it is UTF-32"},
		{"\xff\xfe", "it is UTF-16"},
		{"\xfe\xff", "it is UTF-16"},
		{"<\x00", "it is UTF-16"},
		{"\x00<", "it is UTF-16"},
		{"\x4c\x6f\xa7\x94", "it is EBCDIC"},
	} {
		if bytes.HasPrefix(head, []byte(f.prefix)) {
			return f.name
		}
	}
	return ""
}

// pseudoAttributes parses version, encoding and standalone, in this order, in
// an XML declaration (XML 1.0 section 2.8).
func pseudoAttributes(b []byte) (version, encoding string, ok bool) {
	last := -1
	for {
		rest := bytes.TrimLeft(b, " \t\r\n")
		if len(rest) == 0 {
			return version, encoding, last >= 0
		}
		if len(rest) == len(b) {
			return "", "", false // no white space before a name
		}
		name, value, found := bytes.Cut(rest, []byte("="))
		if !found {
			return "", "", false
		}
		value = bytes.TrimLeft(value, " \t\r\n")
		if len(value) < 2 || value[0] != '"' && value[0] != '\'' {
			return "", "", false
		}
		end := bytes.IndexByte(value[1:], value[0])
		if end < 0 {
			return "", "", false
		}
		text := string(value[1 : 1+end])
		b = value[end+2:]
		at := 0
		switch string(bytes.TrimRight(name, " \t\r\n")) {
		case "version":
			version = text
		case "encoding":
			at, encoding = 1, text // empty if the client knows none
		case "standalone":
			at = 2
			if text != "yes" && text != "no" {
				return "", "", false
			}
		default:
			return "", "", false
		}
		if at <= last || last < 0 && at != 0 {
			return "", "", false
		}
		last = at
	}
}

// fromWindows appends windows-1252 bytes as UTF-8.
func fromWindows(dst, src []byte) []byte {
	for _, c := range src {
		if c < 0x80 {
			dst = append(dst, c)
		} else if c < 0xa0 {
			dst = utf8.AppendRune(dst, windows[c-0x80])
		} else {
			dst = utf8.AppendRune(dst, rune(c))
		}
	}
	return dst
}

// windows holds the characters of windows-1252 from 0x80. As in the WHATWG
// encoding standard, the five bytes without a character stand for the control
// character of the same number.
var windows = [32]rune{
	0x20ac, 0x81, 0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160, 0x2039, 0x0152, 0x8d, 0x017d, 0x8f,
	0x90, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0x9d, 0x017e, 0x0178,
}

// A survey is the result of checking the bytes of a document.
type survey struct {
	good int  // bytes up to the first invalid one, or all
	cr   bool // there is a carriage return
}

// look checks that b is UTF-8 and holds only characters of XML 1.0 (section
// 2.2). It checks eight bytes at a time, since most of a large document is
// base64.
func look(b []byte) (s survey) {
	const ones, lows, highs = 0x0101010101010101, 0x7f7f7f7f7f7f7f7f, 0x8080808080808080
	i := 0
	for i < len(b) {
		for len(b)-i >= 8 {
			w := binary.LittleEndian.Uint64(b[i:])
			// A high bit is set where a byte is below 0x20, and perhaps in the
			// byte above it.
			if low := (w - ones*0x20) &^ w & highs; low != 0 {
				// Line feeds alone do not stop the loop: x is 0 where one is,
				// and the sum has a high bit where x is not 0.
				x := w ^ ones*'\n'
				if low&((x&lows+lows)|x) != 0 {
					break
				}
			}
			if w&highs == 0 {
				i += 8
				continue
			}
			// Most characters outside of ASCII have two or three bytes, and are
			// neither surrogates nor at the end of a plane.
			i += bits.TrailingZeros64(w&highs) / 8
			switch rest := b[i:]; {
			case len(rest) >= 2 && rest[0] >= 0xc2 && rest[0] < 0xe0 && rest[1]&0xc0 == 0x80:
				i += 2
				continue
			case len(rest) >= 3 && rest[0] > 0xe0 && rest[0] < 0xed && rest[1]&0xc0 == 0x80 && rest[2]&0xc0 == 0x80:
				i += 3
				continue
			}
			break
		}
		// Check a few bytes one by one, to get past the byte that stopped the
		// fast loop.
		for end := min(i+8, len(b)); i < end; {
			c := b[i]
			if c >= utf8.RuneSelf {
				r, size := utf8.DecodeRune(b[i:])
				if r == utf8.RuneError && size == 1 || r == 0xfffe || r == 0xffff {
					s.good = i
					return s
				}
				i += size
				continue
			}
			if c < 0x20 {
				switch c {
				case '\r':
					s.cr = true
				case '\t', '\n':
				default:
					s.good = i
					return s
				}
			}
			i++
		}
	}
	s.good = len(b)
	return s
}
