package media

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"mime"
	"os"
	"path"
	"strings"
	"time"

	"github.com/gabriel-vasile/mimetype"
)

// sniffed is how many bytes of a file are read to detect its type.
const sniffed = 3072

// partSuffix ends the names of temporary files.
const partSuffix = ".part"

// etagLength is the length of an entity tag: half of the hash of the bytes, in
// hexadecimal.
const etagLength = 32

// Part is the bytes of a file without a name yet, in a temporary file.
type Part struct {
	root *os.Root
	path string // in root
	done bool   // the temporary file has become the file, or is gone
	size int64
	hash string // SHA-256, hexadecimal
	head []byte // the first bytes
}

// spool copies r into a new temporary file of the folder dir in root, and syncs
// it if durable is set.
func spool(ctx context.Context, root *os.Root, dir string, r io.Reader, durable bool) (*Part, error) {
	p := &Part{root: root, path: path.Join(dir, rand.Text()+partSuffix)}
	file, err := root.OpenFile(p.path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return nil, err
	}
	sum, head := sha256.New(), &beginning{}
	p.size, err = io.Copy(io.MultiWriter(file, sum, head), contextReader{ctx, r})
	if err == nil && durable {
		err = file.Sync()
	}
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return nil, errors.Join(err, p.discard())
	}
	p.hash, p.head = hex.EncodeToString(sum.Sum(nil)), head.bytes
	return p, nil
}

// open opens the bytes, in the temporary file or at their place.
func (p *Part) open() (*os.File, error) { return p.root.Open(p.path) }

// discard removes the temporary file.
func (p *Part) discard() error {
	if p.done {
		return nil
	}
	p.done = true
	return removeFrom(p.root, p.path)
}

// facts returns the facts about the bytes under a name.
func (p *Part) facts(name string) Facts {
	f := Facts{Size: p.size, ETag: p.hash[:etagLength]}
	f.Type, f.Download = classify(name, p.head)
	return f
}

// etagOf reads r to its end and returns its entity tag.
func etagOf(ctx context.Context, r io.Reader) (string, error) {
	sum := sha256.New()
	if _, err := io.Copy(sum, contextReader{ctx, r}); err != nil {
		return "", err
	}
	return hex.EncodeToString(sum.Sum(nil))[:etagLength], nil
}

// removeFrom removes a file, if it exists.
func removeFrom(root *os.Root, name string) error {
	if err := root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// sweepParts removes temporary files of a folder that were last written before
// a time.
func sweepParts(root *os.Root, dir string, before time.Time, suffixes ...string) error {
	entries, err := fs.ReadDir(root.FS(), dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		named := false
		for _, suffix := range suffixes {
			named = named || path.Ext(e.Name()) == suffix
		}
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		if !named || !info.ModTime().Before(before) {
			continue
		}
		if err := removeFrom(root, path.Join(dir, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

// beginning keeps the first bytes that are written to it.
type beginning struct{ bytes []byte }

func (b *beginning) Write(p []byte) (int, error) {
	if room := sniffed - len(b.bytes); room > 0 {
		b.bytes = append(b.bytes, p[:min(room, len(p))]...)
	}
	return len(p), nil
}

// classify returns the media type to serve a file as, by its name, and whether
// it must be a download: it must, unless both its name and its first bytes are
// known to be passive.
func classify(name string, head []byte) (mediaType string, download bool) {
	found := mimetype.Detect(head)
	named, ok := Rules{Active: true}.Type(name)
	if !ok {
		named = "application/octet-stream"
	}
	download = !inline(named) || runs(found)
	if strings.HasPrefix(named, "text/") {
		if _, params, err := mime.ParseMediaType(found.String()); err == nil && params["charset"] != "" {
			named = mime.FormatMediaType(named, map[string]string{"charset": params["charset"]})
		}
	}
	return named, download
}

// runs reports whether a browser that goes by the content would run it.
func runs(found *mimetype.MIME) bool {
	for m := found; m != nil; m = m.Parent() {
		for _, t := range []string{"text/html", "text/xml", "image/svg+xml", "text/javascript", "application/x-shockwave-flash"} {
			if m.Is(t) {
				return true
			}
		}
	}
	return false
}

// contextReader ends a copy when its context ends.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c contextReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}
