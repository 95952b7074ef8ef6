package xmlrpc

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"unicode/utf8"
)

// base64 reads the content of a <base64> element and its end tag.
func (d *decoder) base64(empty bool) (Value, error) {
	if empty {
		return Value{kind: KindBase64}, nil
	}
	if d.src != nil {
		return d.spooledBase64()
	}
	from := d.i
	digits, next := d.plain()
	if next == '/' {
		if err := d.end(tagBase64); err != nil {
			return Value{}, err
		}
	} else {
		d.i = from
		text, err := d.scalar(tagBase64, false)
		if err != nil {
			return Value{}, err
		}
		digits = []byte(text)
	}
	var check base64Check
	if d.scratch = append(d.scratch[:0], digits...); !check.add(d.scratch) || !check.complete() {
		return Value{}, d.misshapen("the text is not base64")
	}
	return d.decoded(d.scratch, check.size()), nil
}

// decoded decodes validated base64 text, and overwrites it.
func (d *decoder) decoded(text []byte, size int64) Value {
	d.grow(int(size))
	start := d.text.Len()
	text = compact(text[:0], text)
	var block [3 << 9]byte
	for len(text) > 0 {
		n := min(len(text), 4<<9)
		k, _ := base64.RawStdEncoding.Decode(block[:], text[:n])
		d.text.Write(block[:k])
		text = text[n:]
	}
	return Value{kind: KindBase64, str: d.text.String()[start:]}
}

// spooledBase64 validates a base64 value while reading it. It keeps a small
// value decoded. Of a large one it keeps only the position; its bytes are
// decoded when they are read.
func (d *decoder) spooledBase64() (Value, error) {
	place := &blob{spool: d.spool, start: d.base + int64(d.i)}
	var check base64Check
	kept := d.scratch[:0]
	for {
		run, err := d.base64Run()
		if err != nil {
			return Value{}, err
		}
		if run == nil {
			break
		}
		if !check.add(run) {
			return Value{}, d.misshapen("the text is not base64")
		}
		if len(kept) <= 2*keptBase64 {
			kept = append(kept, run...)
		}
	}
	d.scratch = kept[:0]
	place.end = d.base + int64(d.i)
	if err := d.end(tagBase64); err != nil {
		return Value{}, err
	}
	if !check.complete() {
		return Value{}, d.misshapen("the text is not base64")
	}
	place.size, place.lines = check.size(), check.lines()
	if len(kept) <= 2*keptBase64 && place.size <= keptBase64 {
		return d.decoded(kept, place.size), d.held(int(place.size))
	}
	b := d.box()
	b.blob = place
	return Value{kind: KindBase64, box: b}, nil
}

// base64Run returns the next run of character data within an element, or nil
// before its end tag or at the end of the source. The bytes are valid until the
// next call.
func (s *scanner) base64Run() ([]byte, error) {
	for {
		if s.i == len(s.buf) && !s.more() {
			if s.failed != nil {
				return nil, s.failed
			}
			return nil, nil
		}
		if s.inCDATA {
			b := s.buf[s.i:]
			if k := bytes.Index(b, cdataEnd); k >= 0 {
				s.i += k + len(cdataEnd)
				s.inCDATA = false
				if k == 0 {
					continue
				}
				return b[:k], nil
			}
			if n := len(b) - 2; n > 0 {
				s.i += n
				return b[:n], nil
			}
			if !s.more() {
				return nil, s.ended()
			}
			continue
		}
		switch s.buf[s.i] {
		case '<':
			if !s.need(2) {
				return nil, s.ended()
			}
			if c := s.buf[s.i+1]; c == '/' {
				return nil, nil
			} else if c != '!' && c != '?' {
				return nil, s.intruder()
			}
			cdata, err := s.aside()
			if err != nil {
				return nil, err
			}
			if cdata {
				s.i += len("<![CDATA[")
				s.inCDATA = true
			}
		case '&':
			r, err := s.reference()
			if err != nil {
				return nil, err
			}
			return utf8.AppendRune(s.one[:0], r), nil
		default:
			b := s.buf[s.i:]
			b = b[:plainLen(b)]
			s.i += len(b)
			return b, nil
		}
	}
}

// A blob is a base64 value in the spool.
type blob struct {
	spool      *Spool
	start, end int64
	size       int64 // decoded
	lines      bool  // the only white space is line feeds
}

func (b *blob) open() (io.ReadCloser, error) {
	r := &blobReader{lines: b.lines, digits: make([]byte, 0, windowSize+4)}
	r.scanner.src, r.scanner.looked = b.spool, true
	r.scanner.read = b.start
	r.scanner.base = b.start
	r.scanner.size = b.end
	r.scanner.room = make([]byte, windowSize)
	r.scanner.buf = r.scanner.room[:0]
	return r, nil
}

// A blobReader decodes a blob, whose text was validated when it was scanned.
type blobReader struct {
	scanner scanner
	lines   bool
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

// WriteTo saves a copy.
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
	if r.lines {
		r.digits = compactLines(r.digits, run)
	} else {
		r.digits = compact(r.digits, run)
	}
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
