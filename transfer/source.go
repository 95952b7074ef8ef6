package transfer

import (
	"archive/zip"
	"bufio"
	"cmp"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strings"
)

// A Source is a file that someone wants to import: a bundle, a WordPress
// export, either of them compressed with gzip, or a ZIP archive with the
// several exports that WordPress.com makes of one blog. Nothing of an archive
// is written to a disk, so the names in it do not matter. Its content is read
// as a stream, and its unpacked size is bounded in proportion to its size.
type Source struct {
	Name    string    // for people
	Bundle  io.Reader // nil for exports
	Exports []Export  // in the order of their names
	Ignored []string  // names of other files in an archive, at most maxIgnored

	file *os.File
}

// Export is one export of WordPress.
type Export struct {
	Name string // for people
	Size int64  // in bytes as it is read; -1 when unknown
	// Mark distinguishes the file from others with the same head, if its size
	// does not.
	Mark string
	open func() (io.ReadCloser, error)
}

// NotTaken describes a file that cannot be imported.
type NotTaken struct {
	Name string
	What string // such as "a web page"
	Do   string // what to do instead, or ""
}

func (e *NotTaken) Error() string {
	text := fmt.Sprintf("%s is %s, not a WordPress export or a site bundle", e.Name, e.What)
	if e.Do != "" {
		text += ": " + e.Do
	}
	return text
}

// The files in an archive, its directory and its unpacked size, which is text,
// are bounded.
const (
	maxExports   = 1000
	maxIgnored   = 5
	maxDirectory = 64 << 20 // bytes
	unpackedMin  = 64 << 20 // bytes to which any file may unpack
	unpackedPer  = 200      // times its size
)

// errUnpacked is the error for a file that unpacks to more than a blog would.
var errUnpacked = fmt.Errorf("it unpacks to more than %d times its size, which no blog does", unpackedPer)

// OpenSource opens a file to import and identifies it. The path "-" stands for
// stdin, which cannot be an archive. The error is *NotTaken if the file is not
// one of these.
func OpenSource(path string, stdin io.Reader) (*Source, error) {
	if path == "-" {
		return openStream("the standard input", stdin)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open the file: %w", err)
	}
	s, err := openFile(path, f)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return s, nil
}

// Close closes the file.
func (s *Source) Close() error {
	if s.file == nil {
		return nil
	}
	return s.file.Close()
}

func openFile(path string, f *os.File) (*Source, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("open the file: %w", err)
	}
	if info.IsDir() {
		return nil, &NotTaken{path, "a folder", "give the files in it, and the uploads of a blog with --attachments"}
	}
	if !info.Mode().IsRegular() {
		s, err := openStream(path, f)
		if err == nil {
			s.file = f
		}
		return s, err
	}
	head, err := headOf(io.NewSectionReader(f, 0, HeadSize))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	s := &Source{Name: path, file: f}
	switch what(head) {
	case isZIP:
		err = s.openZIP(f, info.Size())
	case isGzip:
		err = s.openGzip(f, info.Size())
	case isBundle:
		s.Bundle = f
	case isExport:
		s.Exports = []Export{{Name: path, Size: info.Size(), open: func() (io.ReadCloser, error) {
			_, err := f.Seek(0, io.SeekStart)
			return unclosed{f}, err
		}}}
	default:
		err = notTaken(path, head)
	}
	return s, err
}

// unclosed is a file that is read again. The Source closes it.
type unclosed struct{ io.ReadSeeker }

func (unclosed) Close() error { return nil }

// openStream opens a stream, which has no size and cannot be read from another
// position.
func openStream(name string, r io.Reader) (*Source, error) {
	packed := &counter{r: r}
	buffered := bufio.NewReaderSize(packed, HeadSize)
	head, err := peek(buffered)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	if what(head) == isGzip {
		if buffered, err = unpack(buffered, packed.read); err == nil {
			head, err = peek(buffered)
		}
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", name, err)
		}
	}
	s := &Source{Name: name}
	switch what(head) {
	case isBundle:
		s.Bundle = buffered
	case isExport:
		s.Exports = []Export{{Name: name, Size: -1, open: func() (io.ReadCloser, error) { return io.NopCloser(buffered), nil }}}
	case isZIP:
		return nil, &NotTaken{name, "a ZIP archive, which cannot be read from here", "give the name of the file"}
	default:
		return nil, notTaken(name, head)
	}
	return s, nil
}

func (s *Source) openGzip(f *os.File, size int64) error {
	open := func() (*bufio.Reader, error) {
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			return nil, err
		}
		packed := &counter{r: f}
		return unpack(bufio.NewReader(packed), packed.read)
	}
	buffered, err := open()
	if err != nil {
		return fmt.Errorf("read %s: %w", s.Name, err)
	}
	head, err := peek(buffered)
	if err != nil {
		return fmt.Errorf("read %s: %w", s.Name, err)
	}
	switch what(head) {
	case isBundle:
		s.Bundle = buffered
	case isExport:
		s.Exports = []Export{{Name: s.Name, Size: -1, Mark: fmt.Sprintf("gzip %d", size), open: func() (io.ReadCloser, error) {
			r, err := open()
			return io.NopCloser(r), err
		}}}
	case isTar:
		return &NotTaken{s.Name, "a tar archive", "unpack it, and give the exports in it, and the uploads of a blog with --attachments"}
	default:
		return notTaken(s.Name+", unpacked,", head)
	}
	return nil
}

// unpack decompresses gzip within the bounds; read returns how much was read of
// the input.
func unpack(packed *bufio.Reader, read func() int64) (*bufio.Reader, error) {
	r, err := gzip.NewReader(packed)
	if err != nil {
		return nil, err
	}
	var total int64
	over := func(n int) bool {
		total += int64(n)
		return total > unpackedMin+unpackedPer*read()
	}
	return bufio.NewReaderSize(&unpacked{r, over}, HeadSize), nil
}

// counter counts the bytes read.
type counter struct {
	r io.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

func (c *counter) read() int64 { return c.n }

// unpacked is an unpacked stream. It fails when over, which is called for every
// read, returns true.
type unpacked struct {
	r    io.Reader
	over func(n int) bool
}

func (u *unpacked) Read(p []byte) (int, error) {
	n, err := u.r.Read(p)
	if u.over(n) {
		return n, errUnpacked
	}
	return n, err
}

// openZIP finds the exports in an archive.
func (s *Source) openZIP(f *os.File, size int64) error {
	in := &directory{f: f, left: maxDirectory}
	archive, err := zip.NewReader(in, size)
	if err != nil {
		return fmt.Errorf("read %s: %w", s.Name, err)
	}
	in.left = math.MaxInt64 // the files themselves are streamed
	files := slices.SortedFunc(slices.Values(archive.File), func(a, b *zip.File) int { return cmp.Compare(a.Name, b.Name) })
	var other error // about the first file that is not an export
	left := int64(unpackedMin) + unpackedPer*size
	for _, file := range files {
		base := file.Name[strings.LastIndexByte(file.Name, '/')+1:]
		if strings.HasSuffix(file.Name, "/") || strings.HasPrefix(base, ".") || strings.HasPrefix(file.Name, "__MACOSX/") {
			continue
		}
		name := fmt.Sprintf("%s in %s", cleanName(file.Name), s.Name)
		if !strings.HasSuffix(strings.ToLower(base), ".xml") {
			s.ignore(file.Name)
			continue
		}
		head, err := headOfEntry(file)
		if err != nil {
			return fmt.Errorf("read %s: %w", name, err)
		}
		if what(head) != isExport {
			s.ignore(file.Name)
			if other == nil {
				other = notTaken(name, head)
			}
			continue
		}
		if len(s.Exports) == maxExports {
			return &NotTaken{s.Name, fmt.Sprintf("an archive of more than %d exports", maxExports), ""}
		}
		s.Exports = append(s.Exports, Export{
			Name: name, Size: int64(min(file.UncompressedSize64, 1<<62)), Mark: fmt.Sprintf("zip %08x", file.CRC32),
			open: func() (io.ReadCloser, error) { return openEntry(file, &left) },
		})
	}
	if len(s.Exports) == 0 {
		if other != nil {
			return other
		}
		return &NotTaken{s.Name, "a ZIP archive without any .xml file", "unpack it, and check what it contains"}
	}
	return nil
}

func (s *Source) ignore(name string) {
	if len(s.Ignored) < maxIgnored {
		s.Ignored = append(s.Ignored, cleanName(name))
	}
}

// cleanName returns a name in an archive in a form that is safe to show on a
// terminal.
func cleanName(name string) string {
	const longest = 120
	name = strings.Map(func(c rune) rune {
		if c < ' ' || c >= 0x7f && c < 0xa0 || c == 0x200e || c == 0x200f || c >= 0x202a && c <= 0x202e || c >= 0x2066 && c <= 0x2069 {
			return '?'
		}
		return c
	}, strings.ToValidUTF8(name, "?"))
	if len(name) > longest {
		name = strings.ToValidUTF8(name[:longest], "") + "…"
	}
	return name
}

// directory reads an archive. It limits how much is read while the archive's
// own directory is parsed, which is then held in memory.
type directory struct {
	f    io.ReaderAt
	left int64
}

func (d *directory) ReadAt(p []byte, at int64) (int, error) {
	if d.left < int64(len(p)) {
		return 0, errors.New("its directory is too large")
	}
	n, err := d.f.ReadAt(p, at)
	d.left -= int64(n)
	return n, err
}

// openEntry opens a file of an archive. All files share one limit on the
// unpacked size.
func openEntry(file *zip.File, left *int64) (io.ReadCloser, error) {
	if file.Flags&1 != 0 {
		return nil, errors.New("it is encrypted")
	}
	r, err := file.Open()
	if err != nil {
		return nil, err
	}
	over := func(n int) bool {
		*left -= int64(n)
		return *left < 0
	}
	return struct {
		io.Reader
		io.Closer
	}{&unpacked{r, over}, r}, nil
}

func headOfEntry(file *zip.File) ([]byte, error) {
	left := int64(2 * HeadSize)
	r, err := openEntry(file, &left)
	if err != nil {
		return nil, err
	}
	head, err := headOf(io.LimitReader(r, HeadSize))
	return head, errors.Join(err, r.Close())
}

// headOf reads up to HeadSize bytes of the beginning of a stream.
func headOf(r io.Reader) ([]byte, error) {
	head := make([]byte, HeadSize)
	n, err := io.ReadFull(r, head)
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		err = nil
	}
	return head[:n], err
}

func peek(r *bufio.Reader) ([]byte, error) {
	head, err := r.Peek(HeadSize)
	if err == io.EOF {
		err = nil
	}
	return head, err
}
