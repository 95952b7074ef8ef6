package xmlrpc_test

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/quillgate/quillgate/xmlrpc"
)

// A spool returns what was written, wherever it is stored, and leaves nothing
// on the disk: no name while it is open, and no file when it is closed.
func TestSpool(t *testing.T) {
	written := func(s *xmlrpc.Spool, rest []byte) error {
		for len(rest) > 0 {
			n := min(len(rest), 33)
			if _, err := s.Write(rest[:n]); err != nil {
				return err
			}
			rest = rest[n:]
		}
		return nil
	}
	read := func(s *xmlrpc.Spool, rest []byte) error {
		half := len(rest) / 2
		if err := written(s, rest[:half]); err != nil {
			return err
		}
		n, err := s.ReadFrom(iotest.OneByteReader(bytes.NewReader(rest[half:])))
		if n != int64(len(rest)-half) {
			t.Errorf("%d bytes are read of %d", n, len(rest)-half)
		}
		return err
	}
	for _, size := range []int{0, 1, 99, 100, 101, 5000} {
		testSpool(t, size, written)
		testSpool(t, size, read)
	}
	s := xmlrpc.NewSpool(filepath.Join(t.TempDir(), "missing"), 0)
	if _, err := s.Write([]byte("x")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a folder that is missing: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	s = xmlrpc.NewSpool("", 100)
	defer s.Close()
	if n, err := s.ReadFrom(io.MultiReader(strings.NewReader("abc"), iotest.ErrReader(fs.ErrClosed))); n != 3 || !errors.Is(err, fs.ErrClosed) || s.Size() != 3 {
		t.Errorf("a reader that breaks off: %d, %v", n, err)
	}
}

func testSpool(t *testing.T, size int, fill func(*xmlrpc.Spool, []byte) error) {
	t.Helper()
	dir := t.TempDir()
	s := xmlrpc.NewSpool(dir, 100)
	want := bytes.Repeat([]byte("0123456789"), size/10+1)[:size]
	if err := fill(s, want); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		got, err := io.ReadAll(s.Reader())
		if err != nil || !bytes.Equal(got, want) || s.Size() != int64(size) {
			t.Errorf("%d bytes: %d are read, Size says %d: %v", size, len(got), s.Size(), err)
		}
	}
	if n, err := s.ReadAt(make([]byte, 1), int64(size)); n != 0 || err != io.EOF {
		t.Errorf("%d bytes: behind the end: %d, %v", size, n, err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("%d bytes: the spool has a name: %v, %v", size, left, err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
