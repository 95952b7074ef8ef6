package xmlrpc

import (
	"io"
	"sort"
)

// A Spliced is a document with some of its bytes replaced. The rest is read
// from the document on demand. It is safe for concurrent use if the document
// is. Read it with io.NewSectionReader.
type Spliced struct {
	src   Source
	parts []stretch
	size  int64
}

// A stretch is a part of a Spliced: text, or bytes of the document.
type stretch struct {
	at   int64 // in the Spliced
	text string
	from int64 // in the document, if there is no text
	size int64
}

// A cut is a part of the document with its replacement.
type cut struct {
	at   Span
	text string
}

// newSpliced applies the cuts, which are sorted and do not overlap.
func newSpliced(src Source, cuts []cut) *Spliced {
	s := &Spliced{src: src}
	add := func(p stretch) {
		if p.size > 0 {
			p.at = s.size
			s.parts = append(s.parts, p)
			s.size += p.size
		}
	}
	done := int64(0)
	for _, c := range cuts {
		add(stretch{from: done, size: c.at.Start - done})
		add(stretch{text: c.text, size: int64(len(c.text))})
		done = c.at.End
	}
	add(stretch{from: done, size: src.Size() - done})
	return s
}

// Size returns the number of bytes.
func (s *Spliced) Size() int64 { return s.size }

// ReadAt implements io.ReaderAt.
func (s *Spliced) ReadAt(p []byte, off int64) (n int, err error) {
	i := sort.Search(len(s.parts), func(i int) bool { return s.parts[i].at+s.parts[i].size > off })
	for ; i < len(s.parts) && n < len(p); i++ {
		at := &s.parts[i]
		skip := off + int64(n) - at.at
		want := p[n:][:min(int64(len(p)-n), at.size-skip)]
		if at.text != "" {
			n += copy(want, at.text[skip:])
			continue
		}
		got, err := s.src.ReadAt(want, at.from+skip)
		n += got
		if got < len(want) {
			if err == nil || err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return n, err
		}
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}
