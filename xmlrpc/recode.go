package xmlrpc

import (
	"io"
	"unicode/utf8"
)

// A windowsReader reads a windows-1252 document as UTF-8, from start to end:
// each ReadAt continues where the previous one ended.
type windowsReader struct {
	src   Source
	next  int64 // in src
	ready []byte
	rest  []byte // of ready
}

func (r *windowsReader) ReadAt(p []byte, _ int64) (n int, err error) {
	var block [4 << 10]byte
	for n < len(p) {
		if len(r.rest) == 0 {
			got, err := r.src.ReadAt(block[:min(int64(len(block)), r.src.Size()-r.next)], r.next)
			if got == 0 {
				return n, endOr(err)
			}
			r.next += int64(got)
			r.ready = fromWindows(r.ready[:0], block[:got])
			r.rest = r.ready
		}
		k := copy(p[n:], r.rest)
		n += k
		r.rest = r.rest[k:]
	}
	return n, nil
}

func endOr(err error) error {
	if err == nil {
		return io.EOF
	}
	return err
}

// recodedSize returns the size of a windows-1252 document as UTF-8.
func recodedSize(src Source) (size int64, err error) {
	err = eachByte(src, func(c byte) bool {
		size += windowsLen(c)
		return true
	})
	return size, err
}

// unrecode converts the positions of cuts, which are sorted and count the bytes
// of the document as UTF-8, to positions in the windows-1252 document.
func unrecode(src Source, cuts []cut) error {
	var places []*int64
	for i := range cuts {
		places = append(places, &cuts[i].at.Start, &cuts[i].at.End)
	}
	var at, recoded int64
	move := func() {
		for len(places) > 0 && *places[0] == recoded {
			*places[0] = at
			places = places[1:]
		}
	}
	move()
	return eachByte(src, func(c byte) bool {
		at++
		recoded += windowsLen(c)
		move()
		return len(places) > 0
	})
}

// eachByte calls f with the bytes of a document until it returns false.
func eachByte(src Source, f func(byte) bool) error {
	block := make([]byte, windowSize)
	for at := int64(0); at < src.Size(); {
		n, err := src.ReadAt(block[:min(int64(len(block)), src.Size()-at)], at)
		if n == 0 {
			return endOr(err)
		}
		for _, c := range block[:n] {
			if !f(c) {
				return nil
			}
		}
		at += int64(n)
	}
	return nil
}

func windowsLen(c byte) int64 {
	switch {
	case c < utf8.RuneSelf:
		return 1
	case c < 0xa0:
		return int64(utf8.RuneLen(windows[c-0x80]))
	}
	return 2
}
