package xmlrpc

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"unicode/utf8"
)

// spoolPattern is the pattern of file names of the spool, for os.CreateTemp and
// for finding files that a crash left.
const spoolPattern = "quillgate-body-*.tmp"

// spoolBlock is the size of the first read of a Spool, in bytes.
const spoolBlock = 4 << 10

// A Spool holds the bytes of one body: in memory up to a limit, and beyond it
// in an unlinked file of mode 0600, which disappears with the process, however
// that ends. (On Windows the file is removed when the Spool is closed.)
//
// Bytes are written sequentially by one goroutine. Written bytes can be read
// concurrently, in any order, until Close.
type Spool struct {
	dir      string
	inMemory int64
	memory   []byte // all of it, without a file
	file     *os.File
	name     string // to be removed on close; "" once the file is unlinked
	size     int64
}

// NewSpool returns an empty Spool that keeps up to inMemory bytes in memory and
// creates its file, if it needs one, in dir. If dir is "", it uses the system's
// folder for temporary files.
func NewSpool(dir string, inMemory int64) *Spool {
	return &Spool{dir: dir, inMemory: inMemory}
}

// create creates the file, and moves the bytes in memory there.
func (s *Spool) create() error {
	f, err := os.CreateTemp(s.dir, spoolPattern)
	if err != nil {
		return fmt.Errorf("spool a body: %w", err)
	}
	s.file, s.name = f, f.Name()
	// Windows cannot remove an open file; Close does it there.
	if runtime.GOOS != "windows" {
		if err := os.Remove(s.name); err == nil {
			s.name = ""
		}
	}
	if len(s.memory) > 0 {
		if _, err := f.Write(s.memory); err != nil {
			return fmt.Errorf("spool a body: %w", err)
		}
	}
	s.memory = nil
	return nil
}

// Write appends to the Spool. After an error the Spool can only be closed. An
// error of the file wraps an *os.PathError.
func (s *Spool) Write(p []byte) (int, error) {
	if s.file == nil {
		if s.size+int64(len(p)) <= s.inMemory {
			s.memory = append(s.memory, p...)
			s.size += int64(len(p))
			return len(p), nil
		}
		if err := s.create(); err != nil {
			return 0, err
		}
	}
	n, err := s.file.Write(p)
	s.size += int64(n)
	if err != nil {
		return n, fmt.Errorf("spool a body: %w", err)
	}
	return n, nil
}

// ReadFrom appends everything that a reader yields. While that fits into
// memory, it reads there directly, without another buffer. It implements
// io.ReaderFrom. Errors: those of Write and of the reader.
func (s *Spool) ReadFrom(r io.Reader) (n int64, err error) {
	for s.file == nil && s.size < s.inMemory {
		if len(s.memory) == cap(s.memory) {
			s.memory = slices.Grow(s.memory, int(min(spoolBlock, s.inMemory-s.size)))
		}
		end := int(min(int64(cap(s.memory)), s.inMemory))
		got, err := r.Read(s.memory[len(s.memory):end])
		s.memory = s.memory[:len(s.memory)+got]
		s.size += int64(got)
		n += int64(got)
		if errors.Is(err, io.EOF) {
			return n, nil
		}
		if err != nil {
			return n, err
		}
	}
	more, err := Copy(s, r)
	return n + more, err
}

// copyBuffers holds the buffers for Copy.
var copyBuffers = sync.Pool{New: func() any { return new([32 << 10]byte) }}

// Copy copies src to its end through a pooled buffer. It replaces [io.Copy] for
// calls and answers, which are small and many: io.Copy allocates a buffer each
// time, or leaves that to a [net/http.ResponseWriter], which then sends its
// header separately.
func Copy(dst io.Writer, src io.Reader) (int64, error) {
	buf := copyBuffers.Get().(*[32 << 10]byte)
	defer copyBuffers.Put(buf)
	return io.CopyBuffer(struct{ io.Writer }{dst}, struct{ io.Reader }{src}, buf[:])
}

// Truncate drops everything after the first size bytes. size must not exceed
// the current size.
func (s *Spool) Truncate(size int64) error {
	s.size = size
	if s.file == nil {
		s.memory = s.memory[:size]
		return nil
	}
	err := s.file.Truncate(size)
	if err == nil {
		_, err = s.file.Seek(size, io.SeekStart)
	}
	if err != nil {
		return fmt.Errorf("spool a body: %w", err)
	}
	return nil
}

// ReadAt implements io.ReaderAt.
func (s *Spool) ReadAt(p []byte, off int64) (int, error) {
	if s.file != nil {
		return s.file.ReadAt(p, off)
	}
	return bytes.NewReader(s.memory).ReadAt(p, off)
}

// Size returns the number of bytes written.
func (s *Spool) Size() int64 { return s.size }

// Reader returns a reader of the bytes written so far, from the start. Several
// can be used at the same time.
func (s *Spool) Reader() *io.SectionReader { return io.NewSectionReader(s, 0, s.size) }

// Close releases memory and file. The Spool must not be read after it.
func (s *Spool) Close() error {
	s.memory = nil
	if s.file == nil {
		return nil
	}
	err := s.file.Close()
	if s.name != "" {
		err = errors.Join(err, os.Remove(s.name))
	}
	if err != nil {
		return fmt.Errorf("close the spool of a body: %w", err)
	}
	return nil
}

// toUTF8 converts a windows-1252 document, unless all of it is valid UTF-8: a
// body that declares ISO-8859-1 and is valid UTF-8 with characters outside of
// ASCII was declared wrongly. A document in another charset must be UTF-8.
func (s *Spool) toUTF8(cs charset) error {
	valid, err := validUTF8(s, s.size)
	if err != nil || valid {
		return err
	}
	if cs == charsetOther {
		return errOtherCharset
	}
	old := *s
	*s = Spool{dir: old.dir}
	if err := s.create(); err != nil {
		*s = old
		return err
	}
	defer old.Close()
	out := bufio.NewWriterSize(s, windowSize)
	src := make([]byte, windowSize/4)
	var dst []byte
	for at := int64(0); at < old.size; {
		n, err := old.ReadAt(src[:min(int64(len(src)), old.size-at)], at)
		if n == 0 && err != nil {
			return fmt.Errorf("spool a body: %w", err)
		}
		at += int64(n)
		dst = fromWindows(dst[:0], src[:n])
		if _, err := out.Write(dst); err != nil {
			return fmt.Errorf("spool a body: %w", err)
		}
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("spool a body: %w", err)
	}
	return nil
}

// validUTF8 reports whether a document that is not in memory is UTF-8.
func validUTF8(src io.ReaderAt, size int64) (bool, error) {
	buf := make([]byte, windowSize)
	kept := 0
	for at := int64(0); at < size; {
		n, err := src.ReadAt(buf[kept:min(int64(len(buf)), int64(kept)+size-at)], at)
		if n == 0 && err != nil && err != io.EOF {
			return false, fmt.Errorf("read a body: %w", err)
		}
		at += int64(n)
		b := buf[:kept+n]
		for len(b) > 0 && !utf8.Valid(b) {
			// The end of the block may split a character.
			cut := len(b) - 1
			for cut > 0 && len(b)-cut < utf8.UTFMax && !utf8.RuneStart(b[cut]) {
				cut--
			}
			if at < size && !utf8.FullRune(b[cut:]) && utf8.Valid(b[:cut]) {
				kept = copy(buf, b[cut:])
				b = nil
				break
			}
			return false, nil
		}
		if b != nil {
			kept = 0
		}
	}
	return true, nil
}

// sweep removes files that an earlier process left. Unlinking a file in use
// does no harm, and a file that cannot be removed belongs to someone else.
func sweep(dir string) error {
	left, err := filepath.Glob(filepath.Join(dir, spoolPattern))
	if err != nil {
		return fmt.Errorf("clean spool: %w", err)
	}
	for _, name := range left {
		_ = os.Remove(name)
	}
	return nil
}
