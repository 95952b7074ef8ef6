package xmlrpc

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"unicode/utf8"
)

// spoolPattern names the files of the spool, for os.CreateTemp and for finding
// what a crash left.
const spoolPattern = "quillgate-body-*.tmp"

// A spool holds the body of one large request in a file of mode 0600 that has
// lost its name, so that it is gone with the process, however that ends.
type spool struct {
	dir  string
	file *os.File
	name string // still to be removed on close; "" once the file has no name
	size int64
}

func newSpool(dir string) (*spool, error) {
	s := &spool{dir: dir}
	return s, s.create()
}

func (s *spool) create() error {
	f, err := os.CreateTemp(s.dir, spoolPattern)
	if err != nil {
		return fmt.Errorf("spool request body: %w", err)
	}
	s.file, s.name = f, f.Name()
	// Windows cannot remove a file that is open; there close does.
	if runtime.GOOS != "windows" {
		if err := os.Remove(s.name); err == nil {
			s.name = ""
		}
	}
	return nil
}

func (s *spool) Write(p []byte) (int, error) {
	n, err := s.file.Write(p)
	s.size += int64(n)
	return n, err
}

func (s *spool) ReadAt(p []byte, off int64) (int, error) { return s.file.ReadAt(p, off) }

func (s *spool) close() error {
	err := s.file.Close()
	if s.name != "" {
		err = errors.Join(err, os.Remove(s.name))
	}
	return err
}

// toUTF8 rewrites a document in windows-1252, unless all of it is UTF-8 after
// all: a body that declares ISO-8859-1 and is valid UTF-8 beyond ASCII was
// declared wrongly. A document in another charset has to be UTF-8.
func (s *spool) toUTF8(cs charset) error {
	valid, err := s.valid()
	if err != nil || valid {
		return err
	}
	if cs == charsetOther {
		return errOtherCharset
	}
	old := *s
	*s = spool{dir: old.dir}
	if err := s.create(); err != nil {
		*s = old
		return err
	}
	defer old.close()
	out := bufio.NewWriterSize(s, windowSize)
	src := make([]byte, windowSize/4)
	var dst []byte
	for at := int64(0); at < old.size; {
		n, err := old.ReadAt(src[:min(int64(len(src)), old.size-at)], at)
		if n == 0 && err != nil {
			return fmt.Errorf("spool request body: %w", err)
		}
		at += int64(n)
		dst = fromWindows(dst[:0], src[:n])
		if _, err := out.Write(dst); err != nil {
			return fmt.Errorf("spool request body: %w", err)
		}
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("spool request body: %w", err)
	}
	return nil
}

func (s *spool) valid() (bool, error) {
	buf := make([]byte, windowSize)
	kept := 0
	for at := int64(0); at < s.size; {
		n, err := s.ReadAt(buf[kept:min(int64(len(buf)), int64(kept)+s.size-at)], at)
		if n == 0 && err != nil && err != io.EOF {
			return false, fmt.Errorf("spool request body: %w", err)
		}
		at += int64(n)
		b := buf[:kept+n]
		for len(b) > 0 && !utf8.Valid(b) {
			// A character may be cut by the end of the block.
			cut := len(b) - 1
			for cut > 0 && len(b)-cut < utf8.UTFMax && !utf8.RuneStart(b[cut]) {
				cut--
			}
			if at < s.size && !utf8.FullRune(b[cut:]) && utf8.Valid(b[:cut]) {
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

// sweep removes what an earlier process left behind. Removing the name of a
// file in use does no harm, and what cannot be removed belongs to someone else.
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
